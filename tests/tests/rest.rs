//! The REST rules: what a request may look like, what comes back, and what hostile peers try.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kyc_core::table::table;
use kyc_tests::files::PIXEL_PNG;
use kyc_tests::refusals::{self, add_template, count, details, template};
use kyc_tests::rest::Rest;
use kyc_tests::server::{Server, now, shared as server};
use serde_json::{Value, json};

/// Sends bytes on a connection of their own and reads until the server closes it.
fn exchange(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.http).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request).unwrap();
    read_to_close(&mut stream)
}

fn read_to_close(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(
            error.kind(),
            std::io::ErrorKind::ConnectionReset,
            "the server closes it"
        ),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// One response with its length given, off a connection that stays open.
fn read_one(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).unwrap().to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .expect("a length");
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

#[test]
fn the_token_comes_with_bearer_in_any_case_or_without() {
    let server = server();
    let nobody = Rest::new(server.http, None);
    let token = server.manager();
    let get = |value: &str| {
        nobody.send(
            "GET",
            "/manager/kyc/profiles?brand=re-auth",
            &[("authorization", value)],
            b"",
        )
    };
    for value in [
        token.clone(),
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("BEARER  {token} "),
    ] {
        assert_eq!(get(&value).status, 200, "{value}");
    }
    let expired = server.token(&json!({ "role": 1, "exp": now() - 1 }));
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "Basic bWFyeTp4",
        "x",
        &format!("Token {token}"),
        &expired,
    ] {
        let refusal = get(value);
        assert_eq!(refusal.error(401), "PERMISSION_DENIED", "{value}");
        assert_eq!(refusal.headers["www-authenticate"], "Bearer");
    }
    let in_query = nobody.get(&format!("/manager/kyc/profiles?__token={token}"));
    assert_eq!(in_query.status, 401, "a token in an address would stand in logs");
}

#[test]
fn statuses_of_routes_are_401_403_404_and_405() {
    refusals::statuses_of_routes_are_401_403_404_and_405(&*server());
}

#[test]
fn a_method_that_a_route_does_not_take_is_405_with_allow() {
    refusals::a_method_that_a_route_does_not_take_is_405_with_allow(&*server());
}

#[test]
fn a_success_is_the_bare_object_with_status_200() {
    let server = server();
    let made = server
        .rest(&server.manager())
        .post("/manager/kyc/templates", &template("re-bare", "one"));
    assert_eq!(made.headers["content-type"], "application/json");
    let body = made.ok();
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["template"]);
}

#[test]
fn a_failure_has_error_and_message_and_no_names_of_its_transport() {
    let server = server();
    let manager = server.rest(&server.manager());
    add_template(&manager, "re-fail", "one");
    let twice = manager.post("/manager/kyc/templates", &template("re-fail", "one"));
    assert_eq!(twice.error(409), "RET_DUPLICATE_RECORD");
    assert_eq!(manager.get("/manager/kyc/steps/999999999").error(404), "RET_NOT_FOUND");
    for refusal in [twice, manager.get("/manager/kyc/steps/x"), manager.get("/nothing")] {
        assert_eq!(refusal.headers["content-type"], "application/json");
        let body = refusal.json();
        assert!(body["error"].is_string() && body["message"].is_string(), "{body}");
        for name in ["status", "extID", "event", "data"] {
            assert!(body.get(name).is_none(), "`{name}` in {body}");
        }
    }
}

#[test]
fn every_reply_is_the_ascii_that_tcp_carries() {
    let server = server();
    let (rest, mut tcp) = (server.rest(&server.manager()), server.tcp(&server.manager()));
    let name = "L\u{2019}identité d'Ünïcödé 🪪";
    let mut wanted = template("re-ascii", "named");
    wanted["name"] = name.into();
    let made = rest.post("/manager/kyc/templates", &wanted);
    let path = format!("/manager/kyc/templates/{}", made.ok()["template"]["id"]);
    let list = rest.get("/manager/kyc/templates?brand=re-ascii");
    let changed = rest.call("PATCH", &path, &json!({ "description": name }));
    let file = rest.upload(
        &[("brand", "re-ascii"), ("customer_id", "1")],
        &format!("{name}.png"),
        PIXEL_PNG,
    );
    assert_eq!(list.ok()["rows"][0]["name"], name);
    assert_eq!(changed.ok()["template"]["description"], name);
    assert_eq!(file.ok()["file_name"], format!("{name}.png"));
    let refusal = rest.post("/manager/kyc/templates", &json!({ "brand": "re-ascii", name: 1 }));
    assert_eq!(refusal.error(400), "INVALID_DATA");
    for answer in [&made, &list, &changed, &file, &refusal] {
        let text = String::from_utf8_lossy(&answer.bytes);
        assert!(text.is_ascii() && !text.contains('\''), "{text}");
    }
    tcp.send("MngGetKycStepTemplates", &json!({ "brand": "re-ascii" }));
    let frame = tcp.read_raw().unwrap();
    let list = rest.get("/manager/kyc/templates?brand=re-ascii").bytes;
    assert!(frame.contains(&*String::from_utf8_lossy(&list)), "{frame}");
}

#[test]
fn the_id_of_the_path_wins_and_another_in_the_body_is_400() {
    let server = server();
    let manager = server.rest(&server.manager());
    let (id, other) = (
        add_template(&manager, "re-id", "one"),
        add_template(&manager, "re-id", "two"),
    );
    let path = format!("/manager/kyc/templates/{id}");
    let renamed = manager.call("PUT", &path, &json!({ "id": id, "name": "Same" })).ok();
    assert_eq!(renamed["template"]["id"], id);
    for wrong in [json!(other), json!(0), json!(id.to_string()), json!(null), json!([id])] {
        let refusal = manager.call("PUT", &path, &json!({ "id": wrong, "name": "Other" }));
        assert_eq!(details(&refusal)[0].0, "id", "{wrong}");
    }
    let brand = manager.call("PUT", "/manager/kyc/brands/re-id", &json!({ "brand": "re-id-2" }));
    assert_eq!(brand.status, 403, "a manager may not");
    let brand = server
        .rest(&server.admin())
        .call("PUT", "/manager/kyc/brands/re-id", &json!({ "brand": "re-id-2" }));
    assert_eq!(details(&brand)[0].0, "brand");
    let names = manager.get("/manager/kyc/templates?brand=re-id").ok();
    assert_eq!(
        (&names["rows"][0]["name"], &names["rows"][1]["name"]),
        (&json!("Same"), &json!("two"))
    );
}

#[test]
fn ids_that_are_no_ids_are_400() {
    refusals::ids_that_are_no_ids_are_400(&*server());
}

#[test]
fn query_members_have_types() {
    refusals::query_members_have_types(&*server());
}

#[test]
fn unknown_members_are_400_except_the_two_that_clients_add() {
    refusals::unknown_members_are_400_except_the_two_that_clients_add(&*server());
}

#[test]
fn file_metadata_is_unknown_where_there_is_no_document() {
    let server = server();
    let manager = server.rest(&server.manager());
    for name in ["file_name", "content_type", "file_size", "checksum"] {
        let mut made = template("re-meta", "one");
        made[name] = json!("x");
        let refusal = manager.post("/manager/kyc/templates", &made);
        assert_eq!(details(&refusal), [(name.to_owned(), "unknown".to_owned())]);
    }
}

#[test]
fn everything_wrong_is_named_at_once() {
    let server = server();
    let manager = server.rest(&server.manager());
    let wrong = json!({
        "brand": "a b", "level": 11, "name": 5, "step_type": 9, "required": true, "requirements": [], "zzz": 1,
        "sort_index": 0.5, "description": "x".repeat(2_001),
    });
    let refusal = manager.post("/manager/kyc/templates", &wrong);
    let fields: Vec<String> = details(&refusal).into_iter().map(|(field, _)| field).collect();
    let expected = [
        "brand",
        "code",
        "description",
        "level",
        "name",
        "required",
        "requirements",
        "sort_index",
        "step_type",
        "zzz",
    ];
    assert_eq!(fields, expected);
}

#[test]
fn problems_of_a_questionnaire_are_named_at_once_with_their_paths() {
    let server = server();
    let manager = server.rest(&server.manager());
    let mut made = template("re-form", "one");
    made["requirements"] = json!({ "documents": "passport", "valid_days": 0 });
    made["form_schema"] =
        json!({ "sections": [{ "fields": [{ "name": "", "type": "text" }, { "name": "b", "type": "x" }] }] });
    let refusal = manager.post("/manager/kyc/templates", &made);
    let fields: Vec<String> = details(&refusal).into_iter().map(|(field, _)| field).collect();
    let expected = [
        "form_schema.sections[0].fields[0].name",
        "form_schema.sections[0].fields[1].type",
        "requirements.documents",
        "requirements.valid_days",
    ];
    assert_eq!(fields, expected);
    assert_eq!(count(&manager, "/manager/kyc/templates?brand=re-form&status=-1"), 0);
}

#[test]
fn a_number_that_no_customer_has_is_invalid_customer() {
    let server = server();
    let manager = server.rest(&server.manager());
    for customer_id in [json!(0), json!(-1), json!(9_007_199_254_740_992_i64), json!(i64::MIN)] {
        let level = json!({ "brand": "re-who", "customer_id": customer_id, "level": 1 });
        assert_eq!(
            manager.post("/manager/kyc/required-level", &level).error(400),
            "INVALID_CUSTOMER",
            "{customer_id}"
        );
    }
    for customer_id in [json!("1"), json!(1.5), json!(null), json!([1])] {
        let level = json!({ "brand": "re-who", "customer_id": customer_id, "level": 1 });
        assert_eq!(
            manager.post("/manager/kyc/required-level", &level).status,
            400,
            "{customer_id}"
        );
    }
    assert_eq!(count(&manager, "/manager/kyc/profiles?brand=re-who"), 0);
}

#[test]
fn no_body_null_and_an_empty_list_are_an_empty_object() {
    let server = server();
    let manager = server.rest(&server.manager());
    for body in ["", "null", "[]", "{}", " \r\n\t ", " [ ] "] {
        let answer = manager.send("POST", "/manager/kyc/templates", &[], body.as_bytes());
        let required = |name: &str| (name.to_owned(), "required".to_owned());
        assert_eq!(
            details(&answer),
            [required("brand"), required("code"), required("level")],
            "{body:?}"
        );
    }
}

#[test]
fn malformed_bodies_are_400_and_nothing_is_stored() {
    refusals::malformed_bodies_are_400_and_nothing_is_stored(&*server());
}

/// A body of exactly so many bytes that adds a template.
fn body_of(code: &str, bytes: usize) -> Vec<u8> {
    let bare = template("re-size", code).to_string();
    let mut body = bare.into_bytes();
    // White space is part of the body, and of nothing else.
    body.resize(bytes, b' ');
    body
}

#[test]
fn a_body_past_1_mib_is_413_and_stores_nothing() {
    refusals::a_body_past_1_mib_is_413_and_stores_nothing(&*server());
}

#[test]
fn a_body_of_1_mib_is_served_and_one_past_it_is_413_and_stores_nothing() {
    let server = server();
    let token = server.manager();
    let request = |body: &[u8]| {
        let head = format!(
            "POST /manager/kyc/templates HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        exchange(&server, &[head.as_bytes(), body].concat())
    };
    let at = request(&body_of("at", 1_048_576));
    assert!(at.starts_with("HTTP/1.1 200"), "{at}");
    let past = request(&body_of("past", 1_048_577));
    assert!(
        past.starts_with("HTTP/1.1 413") && past.contains("FRAME_TOO_LARGE"),
        "{past}"
    );
    assert_eq!(count(&server.rest(&token), "/manager/kyc/templates?brand=re-size"), 1);
}

#[test]
fn a_body_in_chunks_has_the_same_limit() {
    let server = Server::start(&["--body-bytes-max", "1024"]);
    let token = server.manager();
    let request = |body: &[u8]| {
        let head = format!(
            "POST /manager/kyc/templates HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\nconnection: close\r\n\
             transfer-encoding: chunked\r\n\r\n"
        );
        let mut request = head.into_bytes();
        for chunk in body.chunks(100) {
            request.extend(format!("{:x}\r\n", chunk.len()).bytes());
            request.extend(chunk);
            request.extend(b"\r\n");
        }
        request.extend(b"0\r\n\r\n");
        exchange(&server, &request)
    };
    let past = request(&body_of("past", 1_025));
    assert!(past.starts_with("HTTP/1.1 413"), "{past}");
    let at = request(&body_of("at", 1_024));
    assert!(at.starts_with("HTTP/1.1 200"), "{at}");
}

#[test]
fn put_and_patch_overlay_what_is_sent() {
    let server = server();
    let manager = server.rest(&server.manager());
    let id = add_template(&manager, "re-put", "one");
    let path = format!("/manager/kyc/templates/{id}");
    let put = manager.call("PUT", &path, &json!({ "name": "Name" })).ok();
    let patched = manager.call("PATCH", &path, &json!({ "description": "About" })).ok();
    assert_eq!(put["template"]["version"], 2);
    assert_eq!(patched["template"]["version"], 3);
    assert_eq!(
        (&patched["template"]["name"], &patched["template"]["description"]),
        (&json!("Name"), &json!("About"))
    );
    assert_eq!(
        (&patched["template"]["level"], &patched["template"]["code"]),
        (&json!(1), &json!("one"))
    );
}

/// A document of customer 1; gives its id.
fn document(server: &Server, brand: &str) -> i64 {
    let manager = server.rest(&server.manager());
    let level = json!({ "brand": brand, "customer_id": 1, "level": 1 });
    manager.post("/manager/kyc/required-level", &level).ok();
    let file = manager
        .upload(&[("brand", brand), ("customer_id", "1")], "a.png", PIXEL_PNG)
        .ok();
    let offer = json!({ "brand": brand, "customer_id": 1, "type": "passport", "file_id": file["file_id"] });
    manager.post("/manager/kyc/documents", &offer).ok()["document"]["id"]
        .as_i64()
        .unwrap()
}

#[test]
fn delete_takes_its_members_from_the_query_or_the_body() {
    let server = server();
    let manager = server.rest(&server.manager());
    let path = |id: i64| format!("/manager/kyc/documents/{id}");
    let by_query = document(&server, "re-delete");
    assert_eq!(
        manager
            .send("DELETE", &format!("{}?reason=WRONG", path(by_query)), &[], b"")
            .ok()["accepted"],
        true
    );
    let by_body = document(&server, "re-delete");
    assert_eq!(
        manager
            .call("DELETE", &path(by_body), &json!({ "reason": "WRONG" }))
            .ok()["accepted"],
        true
    );
    let by_both = document(&server, "re-delete");
    let both = format!("{}?reason=WRONG", path(by_both));
    assert_eq!(
        details(&manager.call("DELETE", &both, &json!({ "reason": "OTHER" })))[0].0,
        "reason"
    );
    assert_eq!(
        details(&manager.send("DELETE", &path(by_both), &[], b""))[0].0,
        "reason"
    );
    manager.call("DELETE", &both, &json!({ "reason": "WRONG" })).ok();
}

#[test]
fn an_idempotency_key_gives_the_first_reply_again() {
    let server = server();
    let manager = server.rest(&server.manager());
    let keyed = |rest: &Rest, key: &str, body: &Value| {
        rest.send(
            "POST",
            "/manager/kyc/templates",
            &[("idempotency-key", key)],
            body.to_string().as_bytes(),
        )
    };
    let first = keyed(&manager, "re-key", &template("re-idem", "one")).ok();
    assert_eq!(keyed(&manager, "re-key", &template("re-idem", "one")).ok(), first);
    let changed = keyed(&manager, "re-key", &template("re-idem", "two"));
    assert_eq!(changed.error(409), "RET_DUPLICATE_RECORD");
    let admin = server.rest(&server.admin());
    keyed(&admin, "re-key", &template("re-idem", "three")).ok();
    assert_eq!(count(&manager, "/manager/kyc/templates?brand=re-idem"), 2);
}

#[test]
fn a_key_is_of_its_command_and_its_path() {
    let server = server();
    let manager = server.rest(&server.manager());
    let (one, two) = (
        add_template(&manager, "re-key-path", "one"),
        add_template(&manager, "re-key-path", "two"),
    );
    let rename = |id: i64| {
        let path = format!("/manager/kyc/templates/{id}");
        manager.send(
            "PATCH",
            &path,
            &[("idempotency-key", "re-key-path")],
            br#"{"name":"New"}"#,
        )
    };
    rename(one).ok();
    assert_eq!(
        rename(two).error(409),
        "RET_DUPLICATE_RECORD",
        "the path is part of the content"
    );
    let delete = format!("/manager/kyc/templates/{two}");
    assert_eq!(
        manager
            .send("DELETE", &delete, &[("idempotency-key", "re-key-path")], b"")
            .status,
        200
    );
}

#[test]
fn errors_under_a_key_are_not_kept() {
    let server = server();
    let manager = server.rest(&server.manager());
    let wish = json!({ "brand": "re-retry", "customer_id": 1, "step_code": "one" }).to_string();
    let require = || {
        manager.send(
            "POST",
            "/manager/kyc/steps/require",
            &[("idempotency-key", "re-retry")],
            wish.as_bytes(),
        )
    };
    assert_eq!(require().error(404), "RET_NOT_FOUND");
    add_template(&manager, "re-retry", "one");
    assert_eq!(require().ok()["accepted"], true);
}

#[test]
fn an_idempotency_key_has_1_to_128_characters() {
    let server = server();
    let manager = server.rest(&server.manager());
    let keyed = |key: &str, code: &str| {
        let body = template("re-key-size", code).to_string();
        manager.send(
            "POST",
            "/manager/kyc/templates",
            &[("idempotency-key", key)],
            body.as_bytes(),
        )
    };
    assert_eq!(keyed(&"k".repeat(128), "one").status, 200);
    assert_eq!(keyed(&"k".repeat(129), "two").error(400), "INVALID_DATA");
    assert_eq!(keyed("", "three").error(400), "INVALID_DATA");
    assert_eq!(count(&manager, "/manager/kyc/templates?brand=re-key-size"), 1);
}

#[test]
fn a_list_has_100_rows_unless_asked_for_1_to_1000() {
    let server = server();
    let manager = server.rest(&server.manager());
    for at in 0..101 {
        add_template(&manager, "re-rows", &format!("t{at}"));
    }
    let path = "/manager/kyc/templates?brand=re-rows";
    let page = manager.get(path).ok();
    assert_eq!(
        (page["count"].as_i64(), page["rows"].as_array().unwrap().len()),
        (Some(100), 100)
    );
    assert!(page["next_cursor"].is_string());
    let whole = manager.get(&format!("{path}&limit=1000")).ok();
    assert_eq!(
        (whole["count"].as_i64(), &whole["next_cursor"]),
        (Some(101), &Value::Null)
    );
    assert_eq!(count(&manager, &format!("{path}&limit=1")), 1);
    let rest = format!("{path}&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(manager.get(&rest).ok()["rows"][0]["code"], "t100");
}

/// All rows of a list, two at a time.
fn pages(rest: &Rest, path: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = rest.get(&format!("{path}&limit=2{cursor}")).ok();
        let of_page = page["rows"].as_array().unwrap();
        assert_eq!(page["count"], of_page.len());
        rows.extend(of_page.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

#[test]
fn pages_by_cursor_give_every_row_once_in_every_order() {
    let server = server();
    let manager = server.rest(&server.manager());
    add_template(&manager, "re-order", "one");
    for customer_id in 1..=7 {
        let wish = json!({ "brand": "re-order", "customer_id": customer_id, "step_code": "one" });
        let step = manager.post("/manager/kyc/steps/require", &wish).ok();
        if customer_id % 2 == 0 {
            let submit = format!("/manager/kyc/steps/{}/submit", step["step_id"]);
            manager.post(&submit, &json!({})).ok();
        }
    }
    for by in ["created_time", "updated_time", "oldest_submitted_time"] {
        for direction in ["", " desc"] {
            let order = format!("{by}{direction}").replace(' ', "%20");
            let path = format!("/manager/kyc/profiles?brand=re-order&order={order}");
            let rows = pages(&manager, &path);
            let mut ids: Vec<i64> = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
            assert_eq!(
                rows,
                manager.get(&path).ok()["rows"].as_array().unwrap().clone(),
                "{order}"
            );
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), 7, "{order}");
            let keys: Vec<Option<i64>> = rows.iter().map(|row| row[by].as_i64()).collect();
            let present: Vec<i64> = keys.iter().copied().flatten().collect();
            assert!(
                keys[..present.len()].iter().all(Option::is_some),
                "{order}: those without a time come last"
            );
            let is_sorted = if direction.is_empty() {
                present.is_sorted()
            } else {
                present.iter().rev().is_sorted()
            };
            assert!(is_sorted, "{order}: {present:?}");
        }
    }
    for list in [
        "/manager/kyc/audit?brand=re-order",
        "/manager/kyc/profiles?brand=re-order",
    ] {
        assert_eq!(
            pages(&manager, list),
            manager.get(list).ok()["rows"].as_array().unwrap().clone(),
            "{list}"
        );
    }
    let audit = manager.get("/manager/kyc/audit?brand=re-order").ok();
    let ids: Vec<i64> = audit["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .collect();
    assert!(ids.iter().rev().is_sorted(), "newest first");
}

#[test]
fn a_cursor_is_stable_while_rows_come() {
    let server = server();
    let manager = server.rest(&server.manager());
    for code in ["a", "b", "c"] {
        add_template(&manager, "re-stable", code);
    }
    let path = "/manager/kyc/audit?brand=re-stable&limit=2";
    let first = manager.get(path).ok();
    add_template(&manager, "re-stable", "d");
    let second = manager
        .get(&format!("{path}&cursor={}", first["next_cursor"].as_str().unwrap()))
        .ok();
    assert_eq!(second["count"], 1, "only the oldest row is left, whatever came since");
    assert!(second["rows"][0]["id"].as_i64() < first["rows"][1]["id"].as_i64());
}

#[test]
fn a_cursor_of_another_list_or_order_is_400() {
    let server = server();
    let manager = server.rest(&server.manager());
    for code in ["a", "b"] {
        add_template(&manager, "re-cursor", code);
    }
    let page = manager.get("/manager/kyc/templates?brand=re-cursor&limit=1").ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    for path in ["profiles", "documents", "audit"] {
        let refusal = manager.get(&format!("/manager/kyc/{path}?cursor={cursor}"));
        assert_eq!(
            details(&refusal),
            [("cursor".to_owned(), "cursor".to_owned())],
            "{path}"
        );
    }
}

#[test]
fn offset_passes_rows_over_and_does_not_go_with_a_cursor() {
    let server = server();
    let manager = server.rest(&server.manager());
    for customer_id in 1..=3 {
        let level = json!({ "brand": "re-offset", "customer_id": customer_id, "level": 1 });
        manager.post("/manager/kyc/required-level", &level).ok();
    }
    let path = "/manager/kyc/profiles?brand=re-offset&limit=1";
    assert_eq!(
        manager.get(&format!("{path}&offset=2")).ok()["rows"][0]["customer_id"],
        3
    );
    assert_eq!(count(&manager, &format!("{path}&offset=3")), 0);
    let page = manager.get(path).ok();
    let both = format!("{path}&offset=1&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(manager.get(&both).error(400), "INVALID_DATA");
}

#[test]
fn each_filter_of_a_list_filters() {
    let server = server();
    let manager = server.rest(&server.manager());
    let brand = "re-filter";
    add_template(&manager, brand, "one");
    let spare = add_template(&manager, brand, "two");
    manager
        .call(
            "PATCH",
            &format!("/manager/kyc/templates/{spare}"),
            &json!({ "level": 4, "status": 1 }),
        )
        .ok();
    let document_id = document(&server, brand);
    let steps: Vec<i64> = (1..=2)
        .map(|customer_id| {
            let wish = json!({ "brand": brand, "customer_id": customer_id, "step_code": "one" });
            manager.post("/manager/kyc/steps/require", &wish).ok()["step_id"]
                .as_i64()
                .unwrap()
        })
        .collect();
    manager
        .post(&format!("/manager/kyc/steps/{}/submit", steps[1]), &json!({}))
        .ok();
    let risk = json!({ "brand": brand, "customer_id": 2, "risk_level": 2, "reason": "X" });
    manager.post("/manager/kyc/risk-level", &risk).ok();
    let link = json!({ "brand": brand, "customer_id": 2, "external_id": "player-2" });
    manager.post("/manager/kyc/customers/link", &link).ok();
    let profiles = manager.get(&format!("/manager/kyc/profiles?brand={brand}")).ok();
    let kyc_id = profiles["rows"][0]["id"].as_i64().unwrap();
    let time = profiles["rows"][1]["updated_time"].as_i64().unwrap();
    for (list, filter, expected) in [
        ("profiles", String::new(), 2),
        ("profiles", "status=2".to_owned(), 2),
        ("profiles", "status=3".to_owned(), 0),
        ("profiles", "risk_level=2".to_owned(), 1),
        ("profiles", "required_level=1".to_owned(), 1),
        ("profiles", "current_level=0".to_owned(), 2),
        ("profiles", "current_level=1".to_owned(), 0),
        ("profiles", "customer_id=1".to_owned(), 1),
        ("profiles", "external_id=player-2".to_owned(), 1),
        ("profiles", "external_id=1".to_owned(), 1),
        ("profiles", "external_id=2".to_owned(), 0),
        ("profiles", "awaiting_review=1".to_owned(), 1),
        ("profiles", "awaiting_review=0".to_owned(), 1),
        ("profiles", "updated_from=1".to_owned(), 2),
        ("profiles", format!("updated_from={}", time + 1_000), 0),
        ("profiles", format!("updated_to={time}"), 2),
        ("profiles", "updated_to=1".to_owned(), 0),
        ("templates", String::new(), 2),
        ("templates", "level=4".to_owned(), 1),
        ("templates", "status=0".to_owned(), 1),
        ("templates", "status=1".to_owned(), 1),
        ("templates", "status=2".to_owned(), 0),
        ("templates", "status=-1".to_owned(), 2),
        ("documents", String::new(), 1),
        ("documents", "customer_id=1".to_owned(), 1),
        ("documents", "customer_id=2".to_owned(), 0),
        ("documents", format!("kyc_id={kyc_id}"), 1),
        ("documents", "status=0".to_owned(), 1),
        ("documents", "status=2".to_owned(), 0),
        ("documents", format!("step_id={}", steps[0]), 0),
        ("audit", "action=step.submitted".to_owned(), 1),
        ("audit", "action=step.approved".to_owned(), 0),
        ("audit", format!("step_id={}&action=step.required", steps[0]), 1),
        ("audit", format!("document_id={document_id}&action=document.added"), 1),
        ("audit", format!("kyc_id={kyc_id}&action=profile.created"), 1),
        ("audit", "customer_id=2&action=profile.linked".to_owned(), 1),
        ("audit", "actor_id=nobody".to_owned(), 0),
        ("audit", "actor_id=mary&action=template.created".to_owned(), 2),
        ("audit", "from=1&action=template.created".to_owned(), 2),
        ("audit", "to=1".to_owned(), 0),
    ] {
        let answer = manager.get(&format!("/manager/kyc/{list}?brand={brand}&{filter}")).ok();
        assert_eq!(answer["count"], expected, "{list} {filter}: {answer}");
    }
    let without_brand = manager.get("/manager/kyc/documents?customer_id=1");
    assert_eq!(details(&without_brand)[0].0, "brand");
}

#[test]
fn unusual_methods_are_answered_and_never_a_server_error() {
    let server = server();
    let token = server.manager();
    for path in [
        "/manager/kyc/profiles",
        "/manager/kyc/steps/1",
        "/upload",
        "/files/x",
        "/healthz",
        "/docs/",
        "/nothing",
        "*",
    ] {
        for method in ["HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW", "PROPFIND", "get"] {
            let request =
                format!("{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\nconnection: close\r\n\r\n");
            let answer = exchange(&server, request.as_bytes());
            let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
            assert!(
                matches!(status.as_bytes(), [b'2' | b'4', _, _]),
                "{method} {path}: {answer}"
            );
            if method == "HEAD" {
                assert!(answer.ends_with("\r\n\r\n"), "no body: {answer}");
            }
        }
    }
    assert_eq!(server.rest(&token).get("/healthz").status, 200);
}

#[test]
fn requests_that_are_no_http_are_400_and_the_end() {
    let server = server();
    for request in [
        "hello\r\n\r\n",
        "GET /healthz\r\n\r\n",
        "GET /healthz HTTP/9.9\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost : x\r\n\r\n",
        "POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n",
        "POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "{\"command\":\"X\"}\r\n\r\n",
    ] {
        let answer = exchange(&server, request.as_bytes());
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{request}: {answer}"
        );
    }
}

#[test]
fn a_head_of_unlimited_size_is_refused() {
    let server = server();
    let request = format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    let mut stream = TcpStream::connect(server.http).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // The server may have closed before all of it was sent.
    let _ = stream.write_all(request.as_bytes());
    let answer = read_to_close(&mut stream);
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn slow_heads_and_half_sent_bodies_are_cut_off() {
    let server = Server::start(&["--stall-seconds-max", "1"]);
    let token = server.manager();
    let slow_head = "POST /manager/kyc/templates HTTP/1.1\r\nhost: x\r\n".to_owned();
    let half_body = format!(
        "POST /manager/kyc/templates HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\ncontent-length: 1000\r\n\r\n{{\"brand\":"
    );
    let half_upload = format!(
        "POST /upload HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\ncontent-length: 1000\r\n\
         content-type: multipart/form-data; boundary=b\r\n\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; \
         filename=\"a.pdf\"\r\n\r\n%PDF-1.7"
    );
    for request in [String::new(), slow_head, half_body, half_upload] {
        let answer = exchange(&server, request.as_bytes());
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{request}: {answer}"
        );
    }
    assert_eq!(count(&server.rest(&token), "/manager/kyc/templates?status=-1"), 0);
    assert_eq!(std::fs::read_dir(server.data_dir().join("storage")).unwrap().count(), 0);
}

#[test]
fn a_half_sent_body_stores_nothing() {
    let server = server();
    let token = server.manager();
    let body = template("re-half", "one").to_string();
    let head = format!(
        "POST /manager/kyc/templates HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len() + 1
    );
    let mut stream = TcpStream::connect(server.http).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let answer = read_to_close(&mut stream);
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(count(&server.rest(&token), "/manager/kyc/templates?brand=re-half"), 0);
}

#[test]
fn who_has_asked_and_closed_their_side_is_answered() {
    let server = server();
    let token = server.manager();
    let body = template("re-closed", "one").to_string();
    let head = format!(
        "POST /manager/kyc/templates HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(server.http).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let answer = read_to_close(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(count(&server.rest(&token), "/manager/kyc/templates?brand=re-closed"), 1);
}

#[test]
fn a_refusal_before_the_body_keeps_the_connection_or_says_that_it_ends() {
    let server = server();
    let mut stream = TcpStream::connect(server.http).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
        .write_all(b"POST /manager/kyc/templates HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n")
        .unwrap();
    let refusal = read_one(&mut stream);
    assert!(refusal.starts_with("http/1.1 401"), "{refusal}");
    if !refusal.contains("connection: close") {
        // A client that was not told otherwise uses the connection again.
        stream
            .write_all(b"{}GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            .expect("it is still open");
        assert!(
            read_one(&mut stream).starts_with("http/1.1 200"),
            "the next request is served"
        );
    }
}

#[test]
fn each_request_of_a_connection_is_its_own_token_s() {
    let server = server();
    let rest = server.rest(&server.manager());
    let level = json!({ "brand": "re-tokens", "customer_id": 1, "level": 1 });
    rest.post("/manager/kyc/templates", &template("re-tokens", "one")).ok();
    let kyc_id = rest.post("/manager/kyc/required-level", &level).ok()["kyc_id"].clone();
    let here = server.token(&json!({ "role": 1, "brands": ["re-tokens"] }));
    let elsewhere = server.token(&json!({ "role": 1, "brands": ["re-other"] }));
    let expired = server.token(&json!({ "role": 1, "exp": now() - 1 }));
    let mut altered = here.clone();
    altered.pop();
    let mut stream = TcpStream::connect(server.http).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    for (token, status) in [
        (&here, 200),
        (&here, 200),
        (&elsewhere, 404),
        (&here, 200),
        (&expired, 401),
        (&altered, 401),
        (&elsewhere, 404),
        (&String::new(), 401),
        (&here, 200),
    ] {
        let request =
            format!("GET /manager/kyc/profiles/{kyc_id} HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let answer = read_one(&mut stream);
        assert!(answer.starts_with(&format!("http/1.1 {status}")), "{token}: {answer}");
    }
}

#[test]
fn metrics_tell_of_the_store_and_of_memory() {
    let server = Server::start(&[]);
    let rest = server.rest(&server.manager());
    rest.post("/manager/kyc/templates", &template("re-metrics", "one")).ok();
    let level = json!({ "brand": "re-metrics", "customer_id": 1, "level": 1 });
    let kyc_id = rest.post("/manager/kyc/required-level", &level).ok()["kyc_id"].clone();
    for _ in 0..2 {
        rest.get(&format!("/manager/kyc/profiles/{kyc_id}")).ok();
    }
    assert_eq!(rest.get("/manager/kyc/profiles/9007199254740991").status, 404);
    assert_eq!(rest.get("/manager/kyc/nothing").status, 404);
    let metrics = || String::from_utf8(rest.get("/metrics").bytes).unwrap();
    // Those of memory are taken once a second.
    let is_there = |text: &String| text.lines().any(|line| line == "kyc_cache_hits_total 1");
    let text = (0..100_000)
        .map(|_| metrics())
        .find(is_there)
        .expect("a reply came from memory");
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is told")).parse::<f64>().unwrap()
    };
    for name in ["kyc_cache_misses_total", "kyc_cache_entries", "kyc_cache_bytes"] {
        assert!(value(name) >= 1.0, "{name}");
    }
    for name in [
        "kyc_store_group_size_sum",
        "kyc_store_commit_seconds_count",
        "kyc_store_log_pages",
    ] {
        assert!(value(&format!("{name}{{database=\"kyc\"}}")) >= 1.0, "{name}");
    }
    assert!(value("kyc_store_queue{database=\"kyc\"}") >= 0.0);
    // Pages are not counted.
    for (command, status, count) in [
        ("MngAddKycStepTemplate", 200, 1.0),
        ("MngSetKycRequiredLevel", 200, 1.0),
        ("MngGetKycProfile", 200, 2.0),
        ("MngGetKycProfile", 404, 1.0),
        ("", 404, 1.0),
    ] {
        let name = format!("kyc_requests_total{{transport=\"http\",command=\"{command}\",status=\"{status}\"}}");
        assert!((value(&name) - count).abs() < f64::EPSILON, "{name}");
    }
    for name in [
        "kyc_request_seconds_bucket{transport=\"http\",le=\"+Inf\"}",
        "kyc_request_seconds_count{transport=\"http\"}",
    ] {
        assert!((value(name) - 6.0).abs() < f64::EPSILON, "{name}");
    }
    assert!(value("kyc_request_seconds_sum{transport=\"http\"}") > 0.0);
}

#[test]
fn health_metrics_and_documentation_need_no_token() {
    let server = server();
    let nobody = Rest::new(server.http, None);
    assert_eq!(nobody.get("/healthz").status, 200);
    assert_eq!(nobody.get("/readyz").status, 200);
    nobody.get("/manager/kyc/profiles");
    let metrics = nobody.get("/metrics");
    let text = String::from_utf8(metrics.bytes).unwrap();
    assert!(text.contains("kyc_requests_total{"), "{text}");
    assert!(
        text.lines()
            .all(|line| line.is_empty() || line.starts_with('#') || line.contains(' ')),
        "{text}"
    );
    let openapi = nobody.get("/openapi.json").ok();
    assert!(openapi["openapi"].as_str().unwrap().starts_with("3.1"));
    for command in table() {
        for method in command.methods {
            let operation = &openapi["paths"][command.path][method.name().to_lowercase()];
            assert!(operation.is_object(), "{} {}", method.name(), command.path);
        }
    }
    assert!(openapi["paths"]["/upload"]["post"].is_object());
    assert!(openapi["paths"]["/files/{file_id}"]["get"].is_object());
    let docs = nobody.get("/docs");
    assert_eq!(docs.status, 200, "it leads to the pages");
}

#[test]
fn the_documentation_loads_nothing_from_another_host() {
    let server = server();
    let nobody = Rest::new(server.http, None);
    let page = nobody.get("/docs/");
    assert_eq!(page.status, 200);
    let policy = page.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(
        policy.contains("default-src 'self'") && !policy.contains("http"),
        "{policy}"
    );
    let html = String::from_utf8(page.bytes).unwrap();
    let mut loaded = 0;
    for attribute in ["src=\"", "href=\""] {
        for rest in html.split(attribute).skip(1) {
            let link = rest.split('"').next().unwrap();
            assert!(!link.contains("//"), "{link}");
            let file = nobody.get(&format!("/docs/{}", link.trim_start_matches("./")));
            assert_eq!(file.status, 200, "{link}");
            loaded += 1;
        }
    }
    assert!(loaded > 2, "{html}");
    let script = String::from_utf8(nobody.get("/docs/swagger-initializer.js").bytes).unwrap();
    assert!(script.contains("/openapi.json"), "{script}");
    assert!(!script.contains("http://") && !script.contains("https://"), "{script}");
    for path in ["/docs/../server.json", "/docs/%2e%2e/server.json", "/docs/nothing.js"] {
        assert_eq!(nobody.get(path).status, 404, "{path}");
    }
}

#[test]
fn every_reply_is_kept_out_of_caches_and_taken_for_what_it_is() {
    let server = server();
    let manager = server.rest(&server.manager());
    for path in [
        "/manager/kyc/profiles?brand=re-heads",
        "/manager/kyc/steps/x",
        "/nothing",
        "/upload",
        "/healthz",
        "/openapi.json",
    ] {
        let answer = manager.get(path);
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        assert!(answer.headers.get("server").is_none(), "{path}");
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{path}");
    }
}
