//! Requests that are refused over HTTP, the same by every host: routes, methods, members, bodies.

use kyc_core::table::table;
use serde_json::{Value, json};

use crate::rest::{Answer, Rest};
use crate::site::Site;

/// A template to add.
pub fn template(brand: &str, code: &str) -> Value {
    json!({ "brand": brand, "code": code, "level": 1, "step_type": 1 })
}

/// Adds a template; gives its id.
pub fn add_template(rest: &Rest, brand: &str, code: &str) -> i64 {
    rest.post("/manager/kyc/templates", &template(brand, code)).ok()["template"]["id"]
        .as_i64()
        .unwrap()
}

/// The codes of a refusal's details by their fields, sorted.
pub fn details(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 400, "{}", String::from_utf8_lossy(&answer.bytes));
    let body = answer.json();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let one = |detail: &Value| {
        assert!(detail["message"].is_string(), "{detail}");
        (text(&detail["field"]), text(&detail["code"]))
    };
    let mut details: Vec<_> = body["details"].as_array().expect("details").iter().map(one).collect();
    details.sort();
    details
}

/// How many rows a list has.
pub fn count(rest: &Rest, path: &str) -> i64 {
    rest.get(path).ok()["count"].as_i64().unwrap()
}

/// Nobody, the wrong session, and paths that are no routes.
pub fn statuses_of_routes_are_401_403_404_and_405(server: &dyn Site) {
    let (nobody, customer) = (
        Rest::new(server.http(), None),
        server.rest(&server.customer("re-routes", 1)),
    );
    assert_eq!(nobody.get("/manager/kyc/profiles").error(401), "PERMISSION_DENIED");
    assert_eq!(customer.get("/manager/kyc/profiles").error(403), "PERMISSION_DENIED");
    let manager = server.rest(&server.manager());
    assert_eq!(manager.get("/customer/kyc").error(403), "PERMISSION_DENIED");
    for path in [
        "/",
        "/manager",
        "/manager/kyc",
        "/manager/kyc/profiles/",
        "/manager/kyc/nothing",
        "//",
        "/MANAGER/KYC/PROFILES",
    ] {
        assert_eq!(manager.get(path).error(404), "RET_NOT_FOUND", "{path}");
    }
}

/// Every path of the table with the methods that it does not take.
pub fn a_method_that_a_route_does_not_take_is_405_with_allow(server: &dyn Site) {
    let manager = server.rest(&server.manager());
    for command in table() {
        let path = command.path.replace("{id}", "1").replace("{brand}", "re-405");
        let mut taken: Vec<&str> = table()
            .iter()
            .filter(|other| other.path == command.path)
            .flat_map(|other| other.methods.iter().map(|method| method.name()))
            .collect();
        taken.sort_unstable();
        for method in ["GET", "DELETE"].iter().filter(|method| !taken.contains(method)) {
            let refusal = manager.send(method, &path, &[], b"");
            assert_eq!(refusal.status, 405, "{method} {path}");
            let mut allow: Vec<&str> = refusal.headers["allow"].to_str().unwrap().split(", ").collect();
            allow.sort_unstable();
            assert_eq!(allow, taken, "{path}");
        }
    }
}

/// Ids in paths.
pub fn ids_that_are_no_ids_are_400(server: &dyn Site) {
    let manager = server.rest(&server.manager());
    for id in [
        "x",
        "0",
        "-1",
        "1.5",
        "01",
        "+1",
        "%201",
        "9007199254740992",
        "99999999999999999999",
        "1e3",
        "null",
    ] {
        assert_eq!(
            details(&manager.get(&format!("/manager/kyc/steps/{id}")))[0].0,
            "id",
            "{id}"
        );
    }
}

/// Members in the query.
pub fn query_members_have_types(server: &dyn Site) {
    let manager = server.rest(&server.manager());
    for (query, field, code) in [
        ("limit=abc", "limit", "type"),
        ("limit=", "limit", "type"),
        ("limit=1.0", "limit", "type"),
        ("limit=01", "limit", "type"),
        ("limit=%2B1", "limit", "type"),
        ("limit=99999999999999999999", "limit", "type"),
        ("limit=0", "limit", "range"),
        ("limit=-1", "limit", "range"),
        ("limit=1001", "limit", "range"),
        ("limit=5&limit=5", "limit", "repeated"),
        ("limi=5", "limi", "unknown"),
        ("=5", "", "unknown"),
        ("status=7", "status", "enum"),
        ("status=pending", "status", "type"),
        ("order=name", "order", "enum"),
        ("order=created_time%20DESC", "order", "enum"),
        ("brand=a%20b", "brand", "pattern"),
        ("awaiting_review=2", "awaiting_review", "enum"),
        ("awaiting_review=true", "awaiting_review", "type"),
        ("updated_from=yesterday", "updated_from", "type"),
        ("offset=-1", "offset", "range"),
        ("cursor=nonsense", "cursor", "cursor"),
    ] {
        let refusal = manager.get(&format!("/manager/kyc/profiles?{query}"));
        assert_eq!(details(&refusal), [(field.to_owned(), code.to_owned())], "{query}");
    }
    for query in [
        "",
        "limit=1",
        "limit=1000",
        "brand=re-none&status=0",
        "order=updated_time+desc",
        "&&",
    ] {
        assert_eq!(
            manager.get(&format!("/manager/kyc/profiles?{query}")).status,
            200,
            "{query}"
        );
    }
}

/// Members that no command has.
pub fn unknown_members_are_400_except_the_two_that_clients_add(server: &dyn Site) {
    let manager = server.rest(&server.manager());
    let mut made = template("re-unknown", "one");
    made["colour"] = json!("red");
    made["__acces"] = json!({});
    let refusal = manager.post("/manager/kyc/templates", &made);
    let unknown = |name: &str| (name.to_owned(), "unknown".to_owned());
    assert_eq!(details(&refusal), [unknown("__acces"), unknown("colour")]);
    assert_eq!(count(&manager, "/manager/kyc/templates?brand=re-unknown"), 0);
    let mut made = template("re-unknown", "one");
    made["__access"] = json!({ "any": ["thing"] });
    made["__token"] = json!("zzz");
    manager.post("/manager/kyc/templates", &made).ok();
}

/// Bodies that are no JSON object.
pub fn malformed_bodies_are_400_and_nothing_is_stored(server: &dyn Site) {
    let manager = server.rest(&server.manager());
    let deep = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 2), "]".repeat(levels - 2));
        format!(r#"{{"brand":"re-bad","code":"a","level":1,"requirements":{{"note":{open}{close}}}}}"#)
    };
    let bodies: Vec<(Vec<u8>, &str)> = vec![
        (b"{".to_vec(), "syntax"),
        (br#"{"brand":"re-bad","code":"a","level":1"#.to_vec(), "syntax"),
        (br#"{"brand":"re-bad","code":"a","level":1}x"#.to_vec(), "syntax"),
        (br#"{"brand":"re-bad","code":"a","level":1,}"#.to_vec(), "syntax"),
        (br#"{"brand":"re-bad","code":"a","level":01}"#.to_vec(), "syntax"),
        (br#"{"brand":"re-bad","code":"a","level":NaN}"#.to_vec(), "syntax"),
        (b"brand=re-bad&code=a&level=1".to_vec(), "syntax"),
        (
            br#"{"brand":"re-bad","code":"a","level":1,"level":2}"#.to_vec(),
            "duplicate_key",
        ),
        (
            br#"{"brand":"re-bad","code":"a","level":1,"requirements":{"a":1,"a":1}}"#.to_vec(),
            "duplicate_key",
        ),
        (
            br#"{"brand":"re-bad","code":"a","level":9223372036854775808}"#.to_vec(),
            "number",
        ),
        (
            br#"{"brand":"re-bad","code":"a","level":1,"requirements":{"n":1e400}}"#.to_vec(),
            "number",
        ),
        (
            b"{\"brand\":\"re-bad\",\"code\":\"a\",\"level\":1,\"name\":\"\xff\"}".to_vec(),
            "utf8",
        ),
        (
            br#"{"brand":"re-bad","code":"a","level":1,"name":"\udc00"}"#.to_vec(),
            "utf8",
        ),
        (deep(65).into_bytes(), "too_deep"),
        (deep(100_000).into_bytes(), "too_deep"),
        (br#"[{"brand":"re-bad","code":"a","level":1}]"#.to_vec(), "type"),
        (b"1".to_vec(), "type"),
        (b"\"x\"".to_vec(), "type"),
    ];
    for (body, code) in bodies {
        let answer = manager.send("POST", "/manager/kyc/templates", &[], &body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        assert_eq!(details(&answer), [(String::new(), code.to_owned())], "{shown}");
    }
    assert_eq!(count(&manager, "/manager/kyc/templates?brand=re-bad&status=-1"), 0);
    manager
        .send("POST", "/manager/kyc/templates", &[], deep(64).as_bytes())
        .ok();
}

/// A body at the limit, and one past it.
pub fn a_body_past_1_mib_is_413_and_stores_nothing(server: &dyn Site) {
    let manager = server.rest(&server.manager());
    let send = |code: &str, bytes: usize| {
        let mut body = template("re-large", code).to_string().into_bytes();
        // White space is part of the body, and of nothing else.
        body.resize(bytes, b' ');
        manager.send("POST", "/manager/kyc/templates", &[], &body)
    };
    assert_eq!(send("past", 1_048_577).error(413), "FRAME_TOO_LARGE");
    assert_eq!(count(&manager, "/manager/kyc/templates?brand=re-large"), 0);
    send("at", 1_048_576).ok();
}
