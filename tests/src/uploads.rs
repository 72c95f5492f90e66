//! Files over HTTP, the same by every host: what is not taken, who sees what is stored, and parts of it.

use serde_json::{Value, json};

use crate::files::{PIXEL_PNG, every_kind, heic, intruders, jpg, pdf, webp};
use crate::rest::{Answer, Rest};
use crate::site::Site;

/// `POST /upload` of any bytes.
pub fn post(rest: &Rest, body: &[u8]) -> Answer {
    rest.send(
        "POST",
        "/upload",
        &[("content-type", "multipart/form-data; boundary=b")],
        body,
    )
}

/// A part of a multipart body with the boundary `b`.
pub fn part(disposition: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--b\r\ncontent-disposition: form-data; {disposition}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

/// The text that a value is.
pub fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// An extension and a content that disagree are 415 and leave nothing.
pub fn an_extension_and_a_content_that_disagree_are_415_and_leave_nothing(server: &dyn Site) {
    let customer = server.rest(&server.customer("acme", 1));
    let samples = [
        ("pdf", pdf(64)),
        ("jpg", jpg()),
        ("png", PIXEL_PNG.to_vec()),
        ("webp", webp()),
        ("heic", heic()),
    ];
    for (kind, bytes) in &samples {
        for (extension, _) in samples.iter().filter(|(extension, _)| extension != kind) {
            let refusal = customer.upload(&[], &format!("x.{extension}"), bytes);
            assert_eq!(refusal.error(415), "UNSUPPORTED_FILE_TYPE", "{kind} as {extension}");
        }
    }
    server.leaves_nothing();
}

/// Files of other kinds are 415 under any name and leave nothing.
pub fn files_of_other_kinds_are_415_under_any_name_and_leave_nothing(server: &dyn Site) {
    let manager = server.rest(&server.manager());
    for (kind, bytes) in intruders() {
        for extension in [kind, "png", "jpg", "jpeg", "pdf", "webp", "heic"] {
            let refusal = manager.upload(&[], &format!("x.{extension}"), &bytes);
            assert_eq!(refusal.error(415), "UNSUPPORTED_FILE_TYPE", "{kind} as {extension}");
        }
    }
    for name in [
        "x",
        "png",
        ".png.",
        "x.png.exe",
        "x.",
        "",
        ".",
        "..",
        "/",
        "x.png/",
        "x.\u{202e}gnp",
        "x.png\u{85}.zip",
    ] {
        assert_eq!(manager.upload(&[], name, PIXEL_PNG).status, 415, "{name:?}");
    }
    server.leaves_nothing();
}

/// Empty and cut off files are 400 and leave nothing.
pub fn empty_and_cut_off_files_are_400_and_leave_nothing(server: &dyn Site) {
    let customer = server.rest(&server.customer("acme", 1));
    assert_eq!(customer.upload(&[], "a.png", b"").error(400), "INVALID_DATA");
    for (extension, _, bytes) in every_kind() {
        let half = &bytes[..bytes.len() - bytes.len() / 3];
        let refusal = customer.upload(&[], &format!("a.{extension}"), half);
        assert_eq!(refusal.error(400), "INVALID_DATA", "{extension}");
        assert_eq!(refusal.json()["details"][0]["field"], "file", "{extension}");
    }
    server.leaves_nothing();
}

/// Malformed uploads are 400 and leave nothing.
pub fn malformed_uploads_are_400_and_leave_nothing(server: &dyn Site) {
    let manager = server.rest(&server.manager());
    let file = part("name=\"file\"; filename=\"a.png\"", PIXEL_PNG);
    let end = b"--b--\r\n".to_vec();
    for (what, body) in [
        ("no parts", end.clone()),
        ("nothing", Vec::new()),
        ("no multipart", b"hello".to_vec()),
        ("no end", file.clone()),
        ("cut inside the file", file[..file.len() - 20].to_vec()),
        ("cut inside a head", b"--b\r\ncontent-dis".to_vec()),
        ("no file", [part("name=\"brand\"", b"acme"), end.clone()].concat()),
        (
            "another field",
            [part("name=\"note\"", b"hi"), file.clone(), end.clone()].concat(),
        ),
        (
            "a field after the file",
            [file.clone(), part("name=\"brand\"", b"acme"), end.clone()].concat(),
        ),
        ("two files", [file.clone(), file.clone(), end.clone()].concat()),
        (
            "brand alone",
            [part("name=\"brand\"", b"acme"), file.clone(), end.clone()].concat(),
        ),
        (
            "customer alone",
            [part("name=\"customer_id\"", b"1"), file.clone(), end.clone()].concat(),
        ),
        (
            "no brand name",
            [
                part("name=\"brand\"", b"a b"),
                part("name=\"customer_id\"", b"1"),
                file.clone(),
                end.clone(),
            ]
            .concat(),
        ),
        (
            "customer 0",
            [
                part("name=\"brand\"", b"a"),
                part("name=\"customer_id\"", b"0"),
                file.clone(),
                end.clone(),
            ]
            .concat(),
        ),
        (
            "customer 2^53",
            [
                part("name=\"brand\"", b"a"),
                part("name=\"customer_id\"", b"9007199254740992"),
                file.clone(),
                end.clone(),
            ]
            .concat(),
        ),
        (
            "a long field",
            [part("name=\"brand\"", &vec![b'a'; 100_000]), file, end].concat(),
        ),
    ] {
        let refusal = post(&manager, &body);
        let error = refusal.error(400);
        assert!(
            matches!(error.as_str(), "INVALID_DATA" | "INVALID_CUSTOMER"),
            "{what}: {error}"
        );
    }
    let json_body = manager.post("/upload", &json!({ "file": "x" }));
    assert_eq!(json_body.error(400), "INVALID_DATA");
    server.leaves_nothing();
}

/// Who may not upload is refused.
pub fn who_may_not_upload_is_refused(server: &dyn Site) {
    for role in [0, 5] {
        let rest = server.rest(&server.token(&json!({ "role": role })));
        assert_eq!(
            rest.upload(&[], "a.png", PIXEL_PNG).error(403),
            "PERMISSION_DENIED",
            "{role}"
        );
    }
    let nobody = Rest::new(server.http(), None);
    assert_eq!(nobody.upload(&[], "a.png", PIXEL_PNG).error(401), "PERMISSION_DENIED");
    let customer = server.rest(&server.customer("st-me", 1));
    for fields in [
        [("brand", "st-me"), ("customer_id", "2")],
        [("brand", "st-other"), ("customer_id", "1")],
    ] {
        assert_eq!(
            customer.upload(&fields, "a.png", PIXEL_PNG).error(403),
            "PERMISSION_DENIED",
            "{fields:?}"
        );
    }
    let scoped = server.rest(&server.token(&json!({ "role": 1, "brands": ["st-mine"] })));
    let theirs = scoped.upload(&[("brand", "st-theirs"), ("customer_id", "1")], "a.png", PIXEL_PNG);
    assert_eq!(theirs.error(404), "RET_NOT_FOUND");
}

/// A file is seen by its owner and managers of the brand alone.
pub fn a_file_is_seen_by_its_owner_and_managers_of_the_brand_alone(server: &dyn Site) {
    let file = server
        .rest(&server.customer("st-see", 1))
        .upload(&[], "a.png", PIXEL_PNG)
        .ok();
    let path = format!("/files/{}", text(&file["file_id"]));
    let seen = |token: &str| server.rest(token).get(&path).status;
    assert_eq!(seen(&server.customer("st-see", 1)), 200);
    assert_eq!(seen(&server.customer("st-see", 2)), 403);
    assert_eq!(seen(&server.customer("st-see-2", 1)), 403);
    assert_eq!(seen(&server.token(&json!({ "role": 10, "brands": ["st-see"] }))), 200);
    assert_eq!(seen(&server.token(&json!({ "role": 1, "brands": ["st-see-2"] }))), 404);
    assert_eq!(seen(&server.token(&json!({ "role": 3, "brands": [] }))), 404);
    assert_eq!(seen(&server.token(&json!({ "role": 0 }))), 403);
    assert_eq!(
        Rest::new(server.http(), None).get(&path).error(401),
        "PERMISSION_DENIED"
    );
}

/// A file that does not exist is 404.
pub fn a_file_that_does_not_exist_is_404(server: &dyn Site) {
    let manager = server.rest(&server.manager());
    for id in [
        "00000000-0000-4000-8000-000000000000",
        "x",
        "..%2f..%2fkeys%2ftoken-ed25519.pem",
        "%00",
        "server.json",
    ] {
        assert_eq!(manager.get(&format!("/files/{id}")).error(404), "RET_NOT_FOUND", "{id}");
    }
    for path in [
        "/files/../keys/token-ed25519.pem",
        "/files/",
        "/files",
        "/storage/",
        "/keys/token-ed25519.pem",
    ] {
        assert_eq!(manager.get(path).status, 404, "{path}");
    }
}

/// Ranges are served.
pub fn ranges_are_served(server: &dyn Site) {
    let customer = server.rest(&server.customer("st-range", 1));
    let bytes = pdf(100);
    let file = customer.upload(&[], "a.pdf", &bytes).ok();
    let path = format!("/files/{}", text(&file["file_id"]));
    let part = |range: &str| customer.send("GET", &path, &[("range", range)], b"");
    for (range, wanted, named) in [
        ("bytes=0-0", 0..1, "bytes 0-0/100"),
        ("bytes=10-19", 10..20, "bytes 10-19/100"),
        ("bytes=90-", 90..100, "bytes 90-99/100"),
        ("bytes=90-1000", 90..100, "bytes 90-99/100"),
        ("bytes=-5", 95..100, "bytes 95-99/100"),
        ("bytes=-1000", 0..100, "bytes 0-99/100"),
        ("bytes=0-99", 0..100, "bytes 0-99/100"),
        ("bytes=99-99", 99..100, "bytes 99-99/100"),
    ] {
        let answer = part(range);
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(answer.headers["content-range"], named, "{range}");
        assert_eq!(answer.bytes, bytes[wanted], "{range}");
    }
    for range in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=18446744073709551615-"] {
        let answer = part(range);
        assert_eq!(answer.status, 416, "{range}");
        assert_eq!(answer.headers["content-range"], "bytes */100", "{range}");
    }
    for range in [
        "bytes=5-3",
        "lines=1-2",
        "bytes=x-",
        "bytes=0-1,5-6",
        "bytes",
        "bytes=-",
        "bytes=99999999999999999999-",
    ] {
        let answer = part(range);
        assert_eq!((answer.status, answer.bytes.len()), (200, 100), "{range} is ignored");
    }
    assert_eq!(customer.get(&path).headers["accept-ranges"], "bytes");
}

/// Upload and files take their methods only.
pub fn upload_and_files_take_their_methods_only(server: &dyn Site) {
    let manager = server.rest(&server.manager());
    let upload = manager.get("/upload");
    assert_eq!(
        (upload.status, upload.headers["allow"].to_str().unwrap()),
        (405, "POST")
    );
    let file = manager.send("DELETE", "/files/00000000-0000-4000-8000-000000000000", &[], b"");
    assert_eq!(file.status, 405);
    assert!(file.headers["allow"].to_str().unwrap().contains("GET"));
}
