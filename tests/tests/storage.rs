//! The storage: what is let in, under whose name it lies, and who may see it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use kyc_tests::files::{PIXEL_PNG, every_kind, pdf};
use kyc_tests::server::{Server, shared as server};
use kyc_tests::uploads::{self, part, text};
use serde_json::json;
use sha2::{Digest, Sha256};

/// SHA-256 of [`PIXEL_PNG`], computed elsewhere.
const PIXEL_SHA256: &str = "66b4d129a4a1ff3022006f37fdd1ecab1bb54037ea0d2e85c430b9feddb88aa1";

/// Names in the storage.
fn stored(server: &Server) -> BTreeSet<String> {
    let entries = fs::read_dir(server.data_dir().join("storage")).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// A customer with a profile: gives its `kyc_id`.
fn profile(server: &Server, brand: &str, customer_id: i64) -> i64 {
    let level = json!({ "brand": brand, "customer_id": customer_id, "level": 1 });
    let reply = server
        .rest(&server.manager())
        .post("/manager/kyc/required-level", &level)
        .ok();
    reply["kyc_id"].as_i64().unwrap()
}

#[test]
fn every_allowed_kind_is_stored_under_its_id_as_it_came() {
    let server = server();
    let customer = server.rest(&server.customer("st-kinds", 1));
    for (extension, content_type, bytes) in every_kind() {
        let name = format!("My Proof.{}", extension.to_uppercase());
        let reply = customer.upload(&[], &name, &bytes).ok();
        assert_eq!(reply.as_object().unwrap().len(), 5, "{reply}");
        assert_eq!(reply["file_name"], name);
        assert_eq!(reply["content_type"], content_type);
        assert_eq!(reply["file_size"], bytes.len());
        let canonical = if extension == "jpeg" { "jpg" } else { extension };
        let path = server
            .data_dir()
            .join(format!("storage/{}.{canonical}", text(&reply["file_id"])));
        assert_eq!(fs::read(path).unwrap(), bytes);
        let seen = customer.get(&format!("/files/{}", text(&reply["file_id"])));
        assert_eq!((seen.status, seen.bytes), (200, bytes));
        assert_eq!(seen.headers["content-type"], content_type);
    }
}

#[test]
fn the_checksum_is_sha_256_in_lower_case_hex() {
    let server = server();
    let reply = server
        .rest(&server.customer("st-sum", 1))
        .upload(&[], "a.png", PIXEL_PNG)
        .ok();
    assert_eq!(reply["checksum"], PIXEL_SHA256);
}

#[test]
fn an_extension_and_a_content_that_disagree_are_415_and_leave_nothing() {
    uploads::an_extension_and_a_content_that_disagree_are_415_and_leave_nothing(&Server::start(&[]));
}

#[test]
fn files_of_other_kinds_are_415_under_any_name_and_leave_nothing() {
    uploads::files_of_other_kinds_are_415_under_any_name_and_leave_nothing(&Server::start(&[]));
}

#[test]
fn empty_and_cut_off_files_are_400_and_leave_nothing() {
    uploads::empty_and_cut_off_files_are_400_and_leave_nothing(&Server::start(&[]));
}

#[test]
fn malformed_uploads_are_400_and_leave_nothing() {
    uploads::malformed_uploads_are_400_and_leave_nothing(&Server::start(&[]));
}

#[test]
fn a_file_at_the_limit_is_stored_and_one_past_it_is_413_and_leaves_nothing() {
    let server = Server::start(&["--file-bytes-max", "5000"]);
    let customer = server.rest(&server.customer("acme", 1));
    assert_eq!(
        customer.upload(&[], "past.pdf", &pdf(5_001)).error(413),
        "FILE_TOO_LARGE"
    );
    assert_eq!(stored(&server), BTreeSet::new());
    assert_eq!(customer.upload(&[], "at.pdf", &pdf(5_000)).ok()["file_size"], 5_000);
    assert_eq!(stored(&server).len(), 1);
}

#[test]
fn a_file_of_20_mib_is_stored_by_default() {
    let server = server();
    let customer = server.rest(&server.customer("st-20", 1));
    let bytes = pdf(20 * 1024 * 1024);
    let file = customer.upload(&[], "large.pdf", &bytes).ok();
    assert_eq!(file["file_size"], bytes.len());
    assert_eq!(file["checksum"], hex::encode(Sha256::digest(&bytes)));
    let seen = customer.get(&format!("/files/{}", text(&file["file_id"])));
    assert!(seen.bytes == bytes, "it comes back whole");
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing() {
    let server = Server::start(&[]);
    let token = server.customer("acme", 1);
    let file = part("name=\"file\"; filename=\"a.pdf\"", &pdf(100_000));
    let head = format!(
        "POST /upload HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: multipart/form-data; boundary=b\r\ncontent-length: {}\r\n\r\n",
        file.len() + 7
    );
    let mut stream = TcpStream::connect(server.http).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&file[..50_000]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    // It may answer or just close; once it has closed, the upload is over.
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "half a file is no success");
    assert_eq!(stored(&server), BTreeSet::new());
}

#[test]
fn names_are_cleaned_of_paths_and_control_characters() {
    let server = server();
    let customer = server.rest(&server.customer("st-names", 1));
    for (sent, kept) in [
        ("../../etc/passwd.png", "passwd.png"),
        ("..\\..\\windows\\face.png", "face.png"),
        ("/absolute/way/face.png", "face.png"),
        ("C:\\me\\face.png", "face.png"),
        ("fa\u{85}ce\t.png", "face.png"),
        ("  face.png  ", "face.png"),
        ("face\u{202e}gnp.png", "facegnp.png"),
        ("Überweisung 😀.png", "Überweisung 😀.png"),
    ] {
        assert_eq!(
            customer.upload(&[], sent, PIXEL_PNG).ok()["file_name"],
            kept,
            "{sent:?}"
        );
    }
}

#[test]
fn a_long_name_is_cut_to_200_characters_and_keeps_its_extension() {
    let server = server();
    let customer = server.rest(&server.customer("st-long", 1));
    let at = format!("{}.png", "ß".repeat(196));
    assert_eq!(customer.upload(&[], &at, PIXEL_PNG).ok()["file_name"], at);
    let past = format!("{}.png", "ß".repeat(197));
    assert_eq!(customer.upload(&[], &past, PIXEL_PNG).ok()["file_name"], at);
}

#[test]
fn no_name_reaches_the_disk() {
    let server = Server::start(&[]);
    let file = server
        .rest(&server.manager())
        .upload(&[], "../../evil.png", PIXEL_PNG)
        .ok();
    let expected = format!("{}.png", text(&file["file_id"]));
    assert_eq!(stored(&server), BTreeSet::from([expected]));
    assert!(!server.data_dir().join("../evil.png").exists());
    assert!(!server.data_dir().join("evil.png").exists());
}

#[test]
fn who_may_not_upload_is_refused() {
    uploads::who_may_not_upload_is_refused(&*server());
}

#[test]
fn a_manager_uploads_for_a_customer_who_then_owns_the_file() {
    let server = server();
    let manager = server.rest(&server.manager());
    let fields = [("brand", "st-for"), ("customer_id", "9007199254740991")];
    let file = manager.upload(&fields, "a.png", PIXEL_PNG).ok();
    let path = format!("/files/{}", text(&file["file_id"]));
    assert_eq!(
        server
            .rest(&server.customer("st-for", 9_007_199_254_740_991))
            .get(&path)
            .status,
        200
    );
    assert_eq!(
        server.rest(&server.customer("st-for", 1)).get(&path).error(403),
        "PERMISSION_DENIED"
    );
}

#[test]
fn a_file_is_seen_by_its_owner_and_managers_of_the_brand_alone() {
    uploads::a_file_is_seen_by_its_owner_and_managers_of_the_brand_alone(&*server());
}

#[test]
fn a_file_that_does_not_exist_is_404() {
    uploads::a_file_that_does_not_exist_is_404(&*server());
}

#[test]
fn a_managers_look_is_audited_and_the_owners_is_not() {
    let server = server();
    let customer = server.rest(&server.customer("st-audit", 1));
    let file = customer.upload(&[], "a.png", PIXEL_PNG).ok();
    let path = format!("/files/{}", text(&file["file_id"]));
    let manager = server.rest(&server.manager());
    let looks = || {
        manager
            .get("/manager/kyc/audit?brand=st-audit&action=document.viewed")
            .ok()
    };
    assert_eq!(customer.get(&path).status, 200);
    assert_eq!(looks()["count"], 0);
    assert_eq!(manager.get(&path).status, 200);
    let audit = looks();
    assert_eq!(audit["count"], 1);
    let row = &audit["rows"][0];
    assert_eq!((&row["actor_id"], &row["customer_id"]), (&json!("mary"), &json!(1)));
    assert_eq!(
        server
            .rest(&server.token(&json!({ "role": 1, "brands": [] })))
            .get(&path)
            .status,
        404
    );
    assert_eq!(looks()["count"], 1, "who saw nothing leaves no look");
}

#[test]
fn a_file_comes_as_an_attachment_that_no_browser_runs() {
    let server = server();
    let customer = server.rest(&server.customer("st-heads", 1));
    for (extension, _, bytes) in every_kind() {
        let file = customer.upload(&[], &format!("my; fine ß.{extension}"), &bytes).ok();
        let path = format!("/files/{}", text(&file["file_id"]));
        for (query, kind) in [("", "attachment"), ("?inline=1", "inline"), ("?inline=0", "attachment")] {
            let seen = customer.get(&format!("{path}{query}"));
            let disposition = seen.headers["content-disposition"].to_str().unwrap().to_owned();
            assert!(
                disposition.starts_with(&format!("{kind};")),
                "{extension}{query}: {disposition}"
            );
            assert!(disposition.is_ascii(), "{disposition}");
            assert_eq!(seen.headers["x-content-type-options"], "nosniff");
            assert_eq!(seen.headers["content-security-policy"], "sandbox");
            assert_eq!(seen.headers["cache-control"], "no-store");
            assert_eq!(seen.headers["content-length"], bytes.len().to_string().as_str());
        }
    }
}

#[test]
fn ranges_are_served() {
    uploads::ranges_are_served(&*server());
}

#[test]
fn another_customers_file_cannot_be_attached() {
    let server = server();
    let (manager, brand) = (server.rest(&server.manager()), "st-attach");
    let (kyc_id, _) = (profile(&server, brand, 1), profile(&server, brand, 2));
    let theirs = server
        .rest(&server.customer(brand, 2))
        .upload(&[], "a.png", PIXEL_PNG)
        .ok();
    let offer = json!({ "kyc_id": kyc_id, "type": "passport", "file_id": theirs["file_id"] });
    let customer = server.rest(&server.customer(brand, 1));
    assert_eq!(
        customer.post("/customer/kyc/documents", &offer).error(403),
        "PERMISSION_DENIED"
    );
    let offer = json!({ "brand": brand, "customer_id": 1, "type": "passport", "file_id": theirs["file_id"] });
    assert_eq!(
        manager.post("/manager/kyc/documents", &offer).error(404),
        "RET_NOT_FOUND"
    );
    let nowhere = json!({ "brand": brand, "customer_id": 1, "type": "passport",
        "file_id": "00000000-0000-4000-8000-000000000000" });
    assert_eq!(
        manager.post("/manager/kyc/documents", &nowhere).error(404),
        "RET_NOT_FOUND"
    );
    assert_eq!(
        manager.get(&format!("/manager/kyc/documents?brand={brand}")).ok()["count"],
        0
    );
}

#[test]
fn foreign_profiles_and_steps_are_404_when_attaching() {
    let server = server();
    let (manager, brand) = (server.rest(&server.manager()), "st-foreign");
    let other = profile(&server, brand, 2);
    profile(&server, brand, 1);
    let file = manager
        .upload(&[("brand", brand), ("customer_id", "1")], "a.png", PIXEL_PNG)
        .ok();
    for (member, id) in [("kyc_id", other), ("kyc_id", 999_999_999), ("step_id", 999_999_999)] {
        let mut offer = json!({ "brand": brand, "customer_id": 1, "type": "passport", "file_id": file["file_id"] });
        offer[member] = id.into();
        assert_eq!(
            manager.post("/manager/kyc/documents", &offer).error(404),
            "RET_NOT_FOUND",
            "{member} {id}"
        );
    }
    let offer = json!({ "kyc_id": other, "type": "passport", "file_id": file["file_id"] });
    let customer = server.rest(&server.customer(brand, 1));
    assert_eq!(
        customer.post("/customer/kyc/documents", &offer).error(403),
        "PERMISSION_DENIED"
    );
}

#[test]
fn a_file_without_an_owner_becomes_that_of_whom_it_is_first_attached_to() {
    let server = server();
    let (manager, brand) = (server.rest(&server.manager()), "st-unowned");
    profile(&server, brand, 1);
    profile(&server, brand, 2);
    let file = manager.upload(&[], "a.png", PIXEL_PNG).ok();
    let path = format!("/files/{}", text(&file["file_id"]));
    assert_eq!(manager.get(&path).status, 200, "who uploaded it sees it");
    assert_eq!(
        server.rest(&server.admin()).get(&path).status,
        404,
        "nobody else does yet"
    );
    assert_eq!(server.rest(&server.customer(brand, 1)).get(&path).status, 403);
    let offer = |customer_id: i64| json!({ "brand": brand, "customer_id": customer_id, "type": "passport", "file_id": file["file_id"] });
    manager.post("/manager/kyc/documents", &offer(1)).ok();
    assert_eq!(server.rest(&server.customer(brand, 1)).get(&path).status, 200);
    assert_eq!(server.rest(&server.admin()).get(&path).status, 200);
    assert_eq!(
        manager.post("/manager/kyc/documents", &offer(2)).error(404),
        "RET_NOT_FOUND"
    );
}

#[test]
fn a_customer_cannot_take_a_file_that_nobody_owns() {
    let server = server();
    let kyc_id = profile(&server, "st-take", 1);
    let file = server.rest(&server.manager()).upload(&[], "a.png", PIXEL_PNG).ok();
    let offer = json!({ "kyc_id": kyc_id, "type": "passport", "file_id": file["file_id"] });
    let customer = server.rest(&server.customer("st-take", 1));
    assert_eq!(
        customer.post("/customer/kyc/documents", &offer).error(403),
        "PERMISSION_DENIED"
    );
}

#[test]
fn what_a_client_says_about_a_file_is_ignored() {
    let server = server();
    let brand = "st-lies";
    let kyc_id = profile(&server, brand, 1);
    let customer = server.rest(&server.customer(brand, 1));
    let file = customer.upload(&[], "true.png", PIXEL_PNG).ok();
    for lies in [
        json!({ "file_name": "false.pdf", "content_type": "text/html", "file_size": 1, "checksum": "00" }),
        json!({ "file_name": 1, "content_type": [], "file_size": "big", "checksum": null }),
    ] {
        let mut offer = json!({ "kyc_id": kyc_id, "type": "passport", "file_id": file["file_id"] });
        offer.as_object_mut().unwrap().extend(lies.as_object().unwrap().clone());
        let own = customer.post("/customer/kyc/documents", &offer).ok();
        offer["brand"] = brand.into();
        offer["customer_id"] = 1.into();
        let managers = server
            .rest(&server.manager())
            .post("/manager/kyc/documents", &offer)
            .ok();
        for document in [&own["document"], &managers["document"]] {
            assert_eq!(document["file_name"], "true.png");
            assert_eq!(document["content_type"], "image/png");
            assert_eq!(document["file_size"], PIXEL_PNG.len());
            assert_eq!(document["checksum"], PIXEL_SHA256);
        }
    }
}

#[test]
fn a_file_reference_answer_names_a_file_that_the_customer_owns() {
    let server = server();
    let (brand, manager) = ("st-answer", server.rest(&server.manager()));
    let template = json!({ "brand": brand, "code": "proof", "level": 1, "step_type": 1, "form_schema": {
        "sections": [{ "fields": [{ "name": "bill", "type": "file_reference", "required": true }] }] } });
    manager.post("/manager/kyc/templates", &template).ok();
    let wish = json!({ "brand": brand, "customer_id": 1, "step_code": "proof" });
    let step_id = manager.post("/manager/kyc/steps/require", &wish).ok()["step_id"].clone();
    let submit = format!("/customer/kyc/steps/{step_id}/submit");
    let customer = server.rest(&server.customer(brand, 1));
    let own = customer.upload(&[], "bill.pdf", &pdf(64)).ok()["file_id"].clone();
    let other = server
        .rest(&server.customer(brand, 2))
        .upload(&[], "bill.pdf", &pdf(64))
        .ok()["file_id"]
        .clone();
    let nowhere = json!("00000000-0000-4000-8000-000000000000");
    let wrong = [
        other,
        nowhere,
        json!("x"),
        json!("../keys/token-ed25519.pem"),
        json!(1),
        json!([own]),
    ];
    for answer in wrong {
        let refusal = customer.post(&submit, &json!({ "answers": { "bill": answer } }));
        assert_eq!(refusal.error(400), "INVALID_DATA", "{answer}");
        assert_eq!(refusal.json()["details"][0]["field"], "answers.bill", "{answer}");
    }
    let submitted = customer.post(&submit, &json!({ "answers": { "bill": own } })).ok();
    assert_eq!(
        (&submitted["step"]["status"], &submitted["step"]["answers"]["bill"]),
        (&json!(1), &own)
    );
}

#[test]
fn upload_and_files_take_their_methods_only() {
    uploads::upload_and_files_take_their_methods_only(&*server());
}

#[test]
fn an_upload_whose_file_does_not_begin_is_broken_off() {
    let server = server();
    let customer = server.rest(&server.customer("st-preamble", 1));
    let multipart = [("content-type", "multipart/form-data; boundary=zz")];
    // What stands before a file is held in memory, so there is a bound on it.
    let refused = customer.send("POST", "/upload", &multipart, &vec![b'a'; 1024 * 1024]);
    assert_eq!(refused.error(400), "INVALID_DATA");
}
