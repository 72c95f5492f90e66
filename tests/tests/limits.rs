//! Each limit of the specification over REST: at it and one past it, in characters, with nothing stored past it.

use kyc_tests::files::PIXEL_PNG;
use kyc_tests::rest::{Answer, Rest};
use kyc_tests::server::shared as server;
use serde_json::{Value, json};

/// So many characters of two bytes each.
fn chars(count: usize) -> String {
    "ß".repeat(count)
}

fn template(brand: &str, code: &str) -> Value {
    json!({ "brand": brand, "code": code, "level": 1, "step_type": 1 })
}

/// Refused as invalid data because of this field, or one below it.
fn is_refused_for(answer: &Answer, field: &str) {
    assert_eq!(answer.error(400), "INVALID_DATA", "{field}");
    let body = answer.json();
    let named = |detail: &Value| detail["field"].as_str().is_some_and(|name| name.starts_with(field));
    assert!(body["details"].as_array().unwrap().iter().any(named), "{field}: {body}");
}

/// Everything that is stored of a brand, as far as managers see it.
fn picture(rest: &Rest, brand: &str) -> Vec<Value> {
    ["templates?status=-1&", "profiles?", "documents?", "audit?"]
        .map(|list| rest.get(&format!("/manager/kyc/{list}brand={brand}&limit=1000")).ok())
        .to_vec()
}

/// At the limit it is taken, one past it is refused for this field and leaves everything as it was.
fn check(rest: &Rest, brand: &str, field: &str, at: impl FnOnce() -> Answer, past: impl FnOnce() -> Answer) {
    let before = picture(rest, brand);
    is_refused_for(&past(), field);
    assert_eq!(picture(rest, brand), before, "{field}: nothing is stored");
    let answer = at();
    assert_eq!(
        answer.status,
        200,
        "{field}: {}",
        String::from_utf8_lossy(&answer.bytes)
    );
}

/// Adds a template with one member set.
fn add(rest: &Rest, brand: &str, code: &str, member: &str, value: &Value) -> Answer {
    let mut made = template(brand, code);
    made[member] = value.clone();
    rest.post("/manager/kyc/templates", &made)
}

fn check_template(brand: &str, member: &str, at: &Value, past: &Value) {
    let server = server();
    let rest = server.rest(&server.manager());
    let code = |what: &str| format!("{member}-{what}");
    check(
        &rest,
        brand,
        member,
        || add(&rest, brand, &code("at"), member, at),
        || add(&rest, brand, &code("past"), member, past),
    );
    // An update has the same limits.
    let id = rest
        .post("/manager/kyc/templates", &template(brand, &code("update")))
        .ok()["template"]["id"]
        .clone();
    let update = |value: &Value| {
        rest.call(
            "PATCH",
            &format!("/manager/kyc/templates/{id}"),
            &json!({ member: value }),
        )
    };
    check(&rest, brand, member, || update(at), || update(past));
    let rows = rest.get(&format!("/manager/kyc/templates?brand={brand}")).ok();
    assert_eq!(rows["rows"][0][member], *at, "it comes back whole");
    assert_eq!(rows["rows"][1][member], *at, "it comes back whole");
}

#[test]
fn a_code_has_64_characters() {
    let server = server();
    let rest = server.rest(&server.manager());
    let code = |count: usize| rest.post("/manager/kyc/templates", &template("li-code", &"c".repeat(count)));
    check(&rest, "li-code", "code", || code(64), || code(65));
    is_refused_for(&code(0), "code");
    for wrong in ["a b", "a/b", "ß", "a\n", "a:b", "a'b", "\u{0}"] {
        is_refused_for(
            &rest.post("/manager/kyc/templates", &template("li-code", wrong)),
            "code",
        );
    }
    rest.post("/manager/kyc/templates", &template("li-code", "aZ09_.-"))
        .ok();
}

#[test]
fn a_brand_has_64_characters() {
    let server = server();
    let rest = server.rest(&server.manager());
    let brand = |count: usize| rest.post("/manager/kyc/templates", &template(&"b".repeat(count), "one"));
    check(&rest, &"b".repeat(64), "brand", || brand(64), || brand(65));
    is_refused_for(&brand(0), "brand");
}

#[test]
fn a_name_has_200_characters() {
    check_template("li-name", "name", &json!(chars(200)), &json!(chars(201)));
}

#[test]
fn a_description_has_2000_characters() {
    check_template(
        "li-description",
        "description",
        &json!(chars(2_000)),
        &json!(chars(2_001)),
    );
}

#[test]
fn a_level_is_0_to_10() {
    check_template("li-level", "level", &json!(10), &json!(11));
    check_template("li-level-0", "level", &json!(0), &json!(-1));
    let server = server();
    let rest = server.rest(&server.manager());
    rest.post("/manager/kyc/templates", &template("li-level-2", "one")).ok();
    let level = |level: i64| {
        rest.post(
            "/manager/kyc/required-level",
            &json!({ "brand": "li-level-2", "customer_id": 1, "level": level }),
        )
    };
    check(&rest, "li-level-2", "level", || level(10), || level(11));
    check(&rest, "li-level-2", "level", || level(0), || level(-1));
    let require = |customer_id: i64, level: i64| {
        let wish = json!({ "brand": "li-level-2", "customer_id": customer_id, "step_code": "one", "level": level });
        rest.post("/manager/kyc/steps/require", &wish)
    };
    check(&rest, "li-level-2", "level", || require(2, 10), || require(3, 11));
    check(&rest, "li-level-2", "level", || require(4, 0), || require(5, -1));
    let admin = server.rest(&server.admin());
    let real = |level: i64| {
        admin.call(
            "PUT",
            "/manager/kyc/brands/li-level-2",
            &json!({ "real_account_level": level }),
        )
    };
    check(&rest, "li-level-2", "real_account_level", || real(10), || real(11));
}

#[test]
fn a_customer_id_is_1_to_2_to_the_53_minus_1() {
    let server = server();
    let rest = server.rest(&server.manager());
    let level = |id: i64| {
        rest.post(
            "/manager/kyc/required-level",
            &json!({ "brand": "li-who", "customer_id": id, "level": 1 }),
        )
    };
    let before = picture(&rest, "li-who");
    for past in [0, 9_007_199_254_740_992, i64::MAX, i64::MIN] {
        assert_eq!(level(past).error(400), "INVALID_CUSTOMER", "{past}");
    }
    assert_eq!(picture(&rest, "li-who"), before);
    for at in [1, 9_007_199_254_740_991] {
        let kyc_id = level(at).ok()["kyc_id"].clone();
        let profile = rest.get(&format!("/manager/kyc/profiles/{kyc_id}")).ok();
        assert_eq!(profile["profile"]["customer_id"], at);
    }
}

#[test]
fn a_reason_and_a_source_have_64_characters() {
    let server = server();
    let (brand, rest) = ("li-reason", server.rest(&server.manager()));
    rest.post("/manager/kyc/templates", &template(brand, "one")).ok();
    for member in ["reason", "source"] {
        let level = |customer_id: i64, count: usize| {
            let wish = json!({ "brand": brand, "customer_id": customer_id, "level": 1, member: chars(count) });
            rest.post("/manager/kyc/required-level", &wish)
        };
        check(&rest, brand, member, || level(1, 64), || level(2, 65));
        let require = |customer_id: i64, count: usize| {
            let wish = json!({ "brand": brand, "customer_id": customer_id, "step_code": "one", member: chars(count) });
            rest.post("/manager/kyc/steps/require", &wish)
        };
        check(&rest, brand, member, || require(3, 64), || require(4, 65));
    }
    let risk = |count: usize| {
        let wish = json!({ "brand": brand, "customer_id": 1, "risk_level": 1, "reason": chars(count) });
        rest.post("/manager/kyc/risk-level", &wish)
    };
    check(&rest, brand, "reason", || risk(64), || risk(65));
}

/// A pending step of customer 1 with a document; gives their ids.
fn pending(rest: &Rest, brand: &str) -> (i64, i64) {
    rest.post("/manager/kyc/templates", &template(brand, "one")).ok();
    let wish = json!({ "brand": brand, "customer_id": 1, "step_code": "one" });
    let step_id = rest.post("/manager/kyc/steps/require", &wish).ok()["step_id"]
        .as_i64()
        .unwrap();
    let file = rest
        .upload(&[("brand", brand), ("customer_id", "1")], "a.png", PIXEL_PNG)
        .ok();
    let offer = json!({ "brand": brand, "customer_id": 1, "type": "passport", "file_id": file["file_id"] });
    let document_id = rest.post("/manager/kyc/documents", &offer).ok()["document"]["id"]
        .as_i64()
        .unwrap();
    rest.post(&format!("/manager/kyc/steps/{step_id}/submit"), &json!({}))
        .ok();
    (step_id, document_id)
}

#[test]
fn members_of_verdicts_have_their_lengths() {
    let server = server();
    let rest = server.rest(&server.manager());
    for (at, (what, verdict, member, most)) in [
        ("steps", "approve", "comment", 2_000),
        ("steps", "approve", "customer_message", 2_000),
        ("steps", "reject", "comment", 2_000),
        ("steps", "reject", "customer_message", 2_000),
        ("steps", "reject", "reason", 64),
        ("documents", "approve", "comment", 2_000),
        ("documents", "reject", "comment", 2_000),
        ("documents", "reject", "customer_message", 2_000),
        ("documents", "reject", "reason", 64),
    ]
    .into_iter()
    .enumerate()
    {
        let brand = format!("li-verdict-{at}");
        let (step_id, document_id) = pending(&rest, &brand);
        let id = if what == "steps" { step_id } else { document_id };
        let give = |count: usize| {
            let mut data = if verdict == "reject" {
                json!({ "reason": "X" })
            } else {
                json!({})
            };
            data[member] = json!(chars(count));
            rest.post(&format!("/manager/kyc/{what}/{id}/{verdict}"), &data)
        };
        check(&rest, &brand, member, || give(most), || give(most + 1));
    }
}

#[test]
fn a_reason_that_is_required_is_not_empty() {
    let server = server();
    let rest = server.rest(&server.manager());
    let (step_id, document_id) = pending(&rest, "li-empty");
    let before = picture(&rest, "li-empty");
    for (method, path) in [
        ("POST", format!("/manager/kyc/steps/{step_id}/reject")),
        ("POST", format!("/manager/kyc/documents/{document_id}/reject")),
        ("DELETE", format!("/manager/kyc/documents/{document_id}")),
        ("POST", format!("/manager/kyc/steps/{step_id}/skip")),
    ] {
        is_refused_for(&rest.call(method, &path, &json!({ "reason": "" })), "reason");
    }
    assert_eq!(picture(&rest, "li-empty"), before);
}

#[test]
fn other_texts_have_their_lengths() {
    let server = server();
    let (brand, rest) = ("li-texts", server.rest(&server.manager()));
    let (step_id, document_id) = pending(&rest, brand);
    let kyc_id = rest.get(&format!("/manager/kyc/profiles?brand={brand}")).ok()["rows"][0]["id"].clone();
    let review = |count: usize| {
        rest.post(
            &format!("/manager/kyc/profiles/{kyc_id}/review"),
            &json!({ "comment": chars(count) }),
        )
    };
    let risk = json!({ "brand": brand, "customer_id": 1, "risk_level": 3, "reason": "X" });
    rest.post("/manager/kyc/risk-level", &risk).ok();
    check(&rest, brand, "comment", || review(2_000), || review(2_001));
    let delete = |count: usize| {
        rest.call(
            "DELETE",
            &format!("/manager/kyc/documents/{document_id}"),
            &json!({ "reason": chars(count) }),
        )
    };
    check(&rest, brand, "reason", || delete(64), || delete(65));
    rest.post(
        &format!("/manager/kyc/steps/{step_id}/reject"),
        &json!({ "reason": "X" }),
    )
    .ok();
    let require = |customer_id: i64, count: usize| {
        let wish =
            json!({ "brand": brand, "customer_id": customer_id, "step_code": "one", "customer_message": chars(count) });
        rest.post("/manager/kyc/steps/require", &wish)
    };
    check(
        &rest,
        brand,
        "customer_message",
        || require(1, 2_000),
        || require(1, 2_001),
    );
}

#[test]
fn a_document_type_has_1_to_64_characters() {
    let server = server();
    let (brand, rest) = ("li-type", server.rest(&server.manager()));
    let kyc_id = rest
        .post(
            "/manager/kyc/required-level",
            &json!({ "brand": brand, "customer_id": 1, "level": 1 }),
        )
        .ok()["kyc_id"]
        .clone();
    let customer = server.rest(&server.customer(brand, 1));
    let file = customer.upload(&[], "a.png", PIXEL_PNG).ok()["file_id"].clone();
    let by_manager = |count: usize| {
        let offer = json!({ "brand": brand, "customer_id": 1, "type": chars(count), "file_id": file });
        rest.post("/manager/kyc/documents", &offer)
    };
    check(&rest, brand, "type", || by_manager(64), || by_manager(65));
    is_refused_for(&by_manager(0), "type");
    let by_customer = |count: usize| {
        customer.post(
            "/customer/kyc/documents",
            &json!({ "kyc_id": kyc_id, "type": chars(count), "file_id": file }),
        )
    };
    check(&rest, brand, "type", || by_customer(64), || by_customer(65));
}

/// An object whose compact JSON has exactly so many bytes.
fn object_of(bytes: usize) -> Value {
    let bare = json!({ "note": "" }).to_string().len();
    let object = json!({ "note": "x".repeat(bytes - bare) });
    assert_eq!(object.to_string().len(), bytes);
    object
}

#[test]
fn a_form_schema_has_64_kib() {
    check_template("li-form", "form_schema", &object_of(65_536), &object_of(65_537));
}

#[test]
fn requirements_have_16_kib() {
    check_template(
        "li-requirements",
        "requirements",
        &object_of(16_384),
        &object_of(16_385),
    );
}

#[test]
fn a_form_schema_is_16_deep() {
    let deep = |levels: usize| {
        // The schema itself is the first level, the innermost list the last.
        let inner = (2..levels).fold(json!([]), |inner, _| json!([inner]));
        json!({ "note": inner })
    };
    check_template("li-deep", "form_schema", &deep(16), &deep(17));
}

fn form(sections: usize, fields_each: usize) -> Value {
    let field = |section: usize, at: usize| json!({ "name": format!("f{section}-{at}"), "type": "text" });
    let section = |number: usize| {
        let fields: Vec<Value> = (0..fields_each).map(|at| field(number, at)).collect();
        json!({ "fields": fields })
    };
    json!({ "sections": (0..sections).map(section).collect::<Vec<_>>() })
}

#[test]
fn a_form_has_50_sections() {
    check_template("li-sections", "form_schema", &form(50, 1), &form(51, 1));
}

#[test]
fn a_form_has_200_fields_over_all_sections() {
    let mut past = form(2, 100);
    past["sections"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "fields": [{ "name": "one-more", "type": "text" }] }));
    check_template("li-fields", "form_schema", &form(2, 100), &past);
    check_template("li-fields-1", "form_schema", &form(1, 200), &form(1, 201));
}

#[test]
fn a_field_has_500_options() {
    let options = |count: usize| {
        let options: Vec<usize> = (0..count).collect();
        json!({ "sections": [{ "fields": [{ "name": "f", "type": "select", "options": options }] }] })
    };
    check_template("li-options", "form_schema", &options(500), &options(501));
}

#[test]
fn a_pattern_has_500_characters() {
    let pattern = |count: usize| json!({ "sections": [{ "fields": [{ "name": "f", "type": "text", "pattern": chars(count) }] }] });
    check_template("li-pattern", "form_schema", &pattern(500), &pattern(501));
}

/// Submits one answer to a form of one field; at the limit it is taken, past it refused.
fn check_answers(brand: &str, field: &Value, at: &Value, past: &Value, refused_for: &str) {
    let server = server();
    let rest = server.rest(&server.manager());
    let mut made = template(brand, "one");
    made["form_schema"] = json!({ "sections": [{ "fields": [field] }] });
    rest.post("/manager/kyc/templates", &made).ok();
    for (customer_id, is_customer) in [(1, true), (2, false)] {
        let wish = json!({ "brand": brand, "customer_id": customer_id, "step_code": "one" });
        let step_id = rest.post("/manager/kyc/steps/require", &wish).ok()["step_id"].clone();
        let customer = server.rest(&server.customer(brand, customer_id));
        let submit = |answers: &Value| {
            let data = json!({ "answers": answers });
            if is_customer {
                customer.post(&format!("/customer/kyc/steps/{step_id}/submit"), &data)
            } else {
                rest.post(&format!("/manager/kyc/steps/{step_id}/submit"), &data)
            }
        };
        check(&rest, brand, refused_for, || submit(at), || submit(past));
        let step = rest.get(&format!("/manager/kyc/steps/{step_id}")).ok();
        assert_eq!(step["step"]["answers"], *at, "they come back whole");
    }
}

#[test]
fn answers_have_256_kib() {
    let server = server();
    let (brand, rest) = ("li-answers", server.rest(&server.manager()));
    let field = |at: usize| json!({ "name": format!("f{at}"), "type": "textarea", "max_length": 100_000 });
    let mut made = template(brand, "one");
    made["form_schema"] = json!({ "sections": [{ "fields": [field(0), field(1), field(2)] }] });
    rest.post("/manager/kyc/templates", &made).ok();
    let wish = json!({ "brand": brand, "customer_id": 1, "step_code": "one" });
    let step_id = rest.post("/manager/kyc/steps/require", &wish).ok()["step_id"].clone();
    let answers_of = |bytes: usize| {
        let bare = json!({ "f0": "", "f1": "", "f2": "" }).to_string().len();
        let last = bytes - bare - 200_000;
        let answers = json!({ "f0": "x".repeat(100_000), "f1": "x".repeat(100_000), "f2": "x".repeat(last) });
        assert_eq!(answers.to_string().len(), bytes);
        answers
    };
    let submit = |bytes: usize| {
        rest.post(
            &format!("/manager/kyc/steps/{step_id}/submit"),
            &json!({ "answers": answers_of(bytes) }),
        )
    };
    check(&rest, brand, "answers", || submit(262_144), || submit(262_145));
}

#[test]
fn a_text_has_1000_characters_and_a_textarea_10000_unless_the_field_says_otherwise() {
    for (brand, field, most) in [
        ("li-text", json!({ "name": "f", "type": "text" }), 1_000),
        ("li-area", json!({ "name": "f", "type": "textarea" }), 10_000),
        ("li-max", json!({ "name": "f", "type": "text", "max_length": 3 }), 3),
    ] {
        check_answers(
            brand,
            &field,
            &json!({ "f": chars(most) }),
            &json!({ "f": chars(most + 1) }),
            "answers.f",
        );
    }
}

#[test]
fn an_external_id_has_255_characters() {
    let server = server();
    let (brand, rest) = ("li-external", server.rest(&server.manager()));
    let link = |count: usize| {
        rest.post(
            "/manager/kyc/customers/link",
            &json!({ "brand": brand, "customer_id": 1, "external_id": chars(count) }),
        )
    };
    check(&rest, brand, "external_id", || link(255), || link(256));
    is_refused_for(&link(0), "external_id");
}

#[test]
fn a_profile_has_200_steps() {
    let server = server();
    let (brand, rest) = ("li-steps", server.rest(&server.manager()));
    for at in 0..=200 {
        let mut made = template(brand, &format!("t{at}"));
        made["level"] = json!(if at < 199 { 1 } else { 2 });
        rest.post("/manager/kyc/templates", &made).ok();
    }
    let require = |at: usize| {
        let wish = json!({ "brand": brand, "customer_id": 1, "step_code": format!("t{at}") });
        rest.post("/manager/kyc/steps/require", &wish)
    };
    // All but two of them at one go.
    let level = json!({ "brand": brand, "customer_id": 1, "level": 1 });
    rest.post("/manager/kyc/required-level", &level).ok();
    require(199).ok();
    let before = picture(&rest, brand);
    assert_eq!(require(200).error(400), "INVALID_DATA");
    assert_eq!(picture(&rest, brand), before);
    require(0).ok();
}

#[test]
fn a_brand_has_500_templates_that_are_not_archived() {
    let server = server();
    let (brand, rest) = ("li-templates", server.rest(&server.manager()));
    let add = |at: usize| rest.post("/manager/kyc/templates", &template(brand, &format!("t{at}")));
    let first = add(0).ok()["template"]["id"].clone();
    for at in 1..500 {
        add(at).ok();
    }
    assert_eq!(add(500).error(400), "INVALID_DATA");
    assert_eq!(
        rest.get(&format!("/manager/kyc/templates?brand={brand}&limit=1000&status=-1"))
            .ok()["count"],
        500
    );
    rest.send("DELETE", &format!("/manager/kyc/templates/{first}"), &[], b"")
        .ok();
    add(500).ok();
}

#[test]
fn a_profile_has_500_documents() {
    let server = server();
    let (brand, rest) = ("li-documents", server.rest(&server.manager()));
    rest.post(
        "/manager/kyc/required-level",
        &json!({ "brand": brand, "customer_id": 1, "level": 1 }),
    )
    .ok();
    let file = rest
        .upload(&[("brand", brand), ("customer_id", "1")], "a.png", PIXEL_PNG)
        .ok()["file_id"]
        .clone();
    let offer = json!({ "brand": brand, "customer_id": 1, "type": "passport", "file_id": file });
    for _ in 0..500 {
        rest.post("/manager/kyc/documents", &offer).ok();
    }
    assert_eq!(rest.post("/manager/kyc/documents", &offer).error(400), "INVALID_DATA");
    assert_eq!(
        rest.get(&format!("/manager/kyc/documents?brand={brand}&limit=1000"))
            .ok()["count"],
        500
    );
}
