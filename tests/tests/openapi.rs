//! The OpenAPI document: it is the one that was agreed on, sound in itself, and its examples are true.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use kyc_core::params::{Compiled, unsupported_keywords};
use kyc_core::rejection::Rejection;
use kyc_core::table::table;
use kyc_http::openapi::document;
use kyc_tests::server::binary;
use serde_json::{Map, Value, json};

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
const WEBHOOK: &str = "/v1/adapters/{slug}/webhooks/kyc-events";
/// What stands in an example in place of a tenant's secret.
const SHOWN_ONCE: &str = "shown once: 64 hexadecimal digits";
const EXAMPLES: &str = include_str!("../../hosts/http/src/openapi/examples.json");

fn examples() -> Map<String, Value> {
    serde_json::from_str(EXAMPLES).expect("examples.json is an object")
}

/// Path, method and operation.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    operations_of(&document["paths"])
}

fn operations_of(items: &Value) -> Vec<(&str, &str, &Value)> {
    let mut operations = Vec::new();
    for (name, methods) in items.as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push((name.as_str(), method.as_str(), operation));
        }
    }
    operations
}

/// The calls to a tenant's platform: name, method and operation.
fn calls(document: &Value) -> Vec<(&str, &str, &Value)> {
    operations_of(&document["webhooks"])
}

/// Every object anywhere in the document.
fn objects<'a>(value: &'a Value, found: &mut Vec<&'a Map<String, Value>>) {
    match value {
        Value::Object(members) => {
            found.push(members);
            members.values().for_each(|member| objects(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| objects(item, found)),
        _ => {}
    }
}

/// What is wrong with a value by a schema of the document, in which an object has no members but those it names.
fn misfits(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut whole = json!({
        "type": "object",
        "required": ["value"],
        "properties": { "value": schema },
        "$defs": document["components"]["schemas"],
    });
    make_checkable(&mut whole);
    assert_eq!(
        unsupported_keywords(&whole),
        [""; 0],
        "the check hears all that the schema says"
    );
    let data = json!({ "value": value });
    let problems = Compiled::new(whole).check(data.as_object().unwrap());
    problems
        .iter()
        .map(|problem| format!("{} {} {}", problem.field, problem.code, problem.message))
        .collect()
}

fn make_checkable(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get_mut("$ref") {
                *target = target.replace("#/components/schemas/", "#/$defs/");
            }
            // An example of the document's own form, and not a keyword of JSON Schema 2020-12.
            members.remove("example");
            if members.get("properties").is_some_and(Value::is_object) {
                members.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            members.values_mut().for_each(make_checkable);
        }
        Value::Array(items) => items.iter_mut().for_each(make_checkable),
        _ => {}
    }
}

#[test]
fn the_document_is_the_one_that_was_agreed_on() {
    let agreed = fs::read_to_string(SNAPSHOT).unwrap_or_default();
    let now = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
    let different = agreed.lines().zip(now.lines()).position(|(agreed, now)| agreed != now);
    assert!(
        agreed == now,
        "docs/openapi.json is another document, from line {}; if the new one is meant, run \
         `cargo run -p kycd -- openapi > docs/openapi.json`",
        different.unwrap_or_else(|| agreed.lines().count().min(now.lines().count())) + 1,
    );
}

#[test]
fn the_binary_prints_the_same_document() {
    let printed = Command::new(binary()).arg("openapi").output().unwrap();
    assert!(printed.status.success());
    assert_eq!(serde_json::from_slice::<Value>(&printed.stdout).unwrap(), document());
}

#[test]
fn it_has_the_frame_of_an_openapi_3_1_document() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    for name in ["title", "version"] {
        assert!(!document["info"][name].as_str().unwrap().is_empty(), "{name}");
    }
    let names: BTreeSet<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["openapi", "info", "security", "tags", "paths", "webhooks", "components"].into()
    );
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    for requirement in document["security"].as_array().unwrap() {
        assert!(
            requirement
                .as_object()
                .unwrap()
                .keys()
                .all(|name| schemes.contains_key(name)),
            "{requirement}"
        );
    }
}

#[test]
fn every_operation_is_whole() {
    const MEMBERS: [&str; 9] = [
        "operationId",
        "summary",
        "description",
        "tags",
        "security",
        "x-sessions",
        "parameters",
        "requestBody",
        "responses",
    ];
    let document = document();
    let tags: Vec<&Value> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| &tag["name"])
        .collect();
    for (path, method, operation) in operations(&document) {
        let at = format!("{method} {path}");
        assert!(path.starts_with('/'), "{at}");
        // What is signed needs no token; everything else does.
        let security = operation.get("security");
        assert_eq!(security, (path == WEBHOOK).then_some(&json!([])), "{at}");
        assert!(["get", "post", "put", "patch", "delete"].contains(&method), "{at}");
        assert!(
            operation
                .as_object()
                .unwrap()
                .keys()
                .all(|name| MEMBERS.contains(&name.as_str())),
            "{at}"
        );
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{at}");
        assert!(
            operation["tags"]
                .as_array()
                .unwrap()
                .iter()
                .all(|tag| tags.contains(&tag)),
            "{at}"
        );
        assert_eq!(
            operation.get("requestBody").is_some(),
            !matches!(method, "get" | "delete"),
            "{at}"
        );
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("200") && responses.contains_key("401"), "{at}");
        for (status, response) in responses {
            assert!((200..600).contains(&status.parse::<u16>().unwrap()), "{at}: {status}");
            assert!(!response["description"].as_str().unwrap().is_empty(), "{at}: {status}");
        }
    }
}

#[test]
fn every_operation_has_an_id_of_its_own() {
    let document = document();
    let operations = [operations(&document), calls(&document)].concat();
    let ids: BTreeSet<&str> = operations
        .iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), operations.len());
}

#[test]
fn parameters_stand_once_and_path_parameters_where_the_path_has_them() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        let mut seen = BTreeSet::new();
        let mut in_path = BTreeSet::new();
        for parameter in operation
            .get("parameters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let (name, place) = (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
            assert!(
                ["path", "query", "header"].contains(&place),
                "{method} {path}: {parameter}"
            );
            assert!(seen.insert((name, place)), "{method} {path}: {name} is there twice");
            assert!(parameter["schema"].is_object(), "{method} {path}: {name} has no schema");
            if place == "path" {
                assert_eq!(parameter["required"], true, "{method} {path}: {name}");
                in_path.insert(name);
            }
        }
        let braced = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(in_path, braced.collect(), "{method} {path}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut found = Vec::new();
    objects(&document, &mut found);
    let targets: BTreeSet<&str> = found
        .iter()
        .filter_map(|members| members.get("$ref"))
        .filter_map(Value::as_str)
        .collect();
    assert!(!targets.is_empty());
    for target in targets {
        let pointer = target
            .strip_prefix('#')
            .unwrap_or_else(|| panic!("`{target}` leads out of the document"));
        assert!(document.pointer(pointer).is_some(), "`{target}` leads nowhere");
    }
}

#[test]
fn every_command_is_there_with_each_of_its_methods() {
    let document = document();
    let described = operations(&document);
    let mut expected = BTreeSet::from([
        ("/upload", "post".to_owned()),
        ("/files/{file_id}", "get".to_owned()),
        (WEBHOOK, "post".to_owned()),
    ]);
    for command in table() {
        for method in command.methods {
            let method = method.name().to_ascii_lowercase();
            let operation = &document["paths"][command.path][&method];
            let id = operation["operationId"].as_str().unwrap_or_default();
            assert!(id.starts_with(command.name), "{} {method}: {id}", command.name);
            let sessions = command.access.sessions().iter().map(|session| session.name());
            assert_eq!(
                operation["x-sessions"],
                json!(sessions.collect::<Vec<_>>()),
                "{}",
                command.name
            );
            expected.insert((command.path, method));
        }
    }
    let described: BTreeSet<_> = described
        .iter()
        .map(|(path, method, _)| (*path, (*method).to_owned()))
        .collect();
    assert_eq!(described, expected);
}

#[test]
fn every_error_string_is_listed_where_it_can_come() {
    let document = document();
    let listed = document["components"]["schemas"]["Error"]["properties"]["error"]["enum"]
        .as_array()
        .unwrap();
    for error in [
        "INVALID_DATA",
        "INVALID_CUSTOMER",
        "PERMISSION_DENIED",
        "KYC_REQUIRED",
        "KYC_OWNED_BY_PLATFORM",
        "KYC_DISABLED",
        "RET_NOT_FOUND",
        "INVALID_STATE",
        "STALE",
        "DOCUMENTS_MISSING",
        "TEMPLATE_INACTIVE",
        "RET_DUPLICATE_RECORD",
        "FILE_TOO_LARGE",
        "FRAME_TOO_LARGE",
        "UNSUPPORTED_FILE_TYPE",
        "RET_TOO_FREQUENT",
        "RET_TECH_PROBLEM",
    ] {
        assert!(listed.contains(&error.into()), "{error}");
    }
    let of_tokens = operations(&document).into_iter().filter(|(path, ..)| *path != WEBHOOK);
    for (path, method, operation) in of_tokens {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let status: u16 = status.parse().unwrap();
            if status < 400 {
                continue;
            }
            let codes = Rejection::CODES
                .iter()
                .filter(|(_, with)| with.contains(&status))
                .map(|(code, _)| *code);
            let codes: Vec<_> = codes.collect();
            assert!(
                !codes.is_empty(),
                "{method} {path}: no error string comes with {status}"
            );
            assert_eq!(response["description"], codes.join(", "), "{method} {path} {status}");
            let schema = &response["content"]["application/json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Error", "{method} {path} {status}");
        }
    }
}

#[test]
fn the_webhook_route_says_every_way_in_which_it_refuses() {
    let document = document();
    let operation = &document["paths"][WEBHOOK]["post"];
    let responses = operation["responses"].as_object().unwrap();
    let statuses: BTreeSet<&str> = responses.keys().map(String::as_str).collect();
    assert_eq!(
        statuses,
        ["200", "401", "403", "404", "409", "413", "422", "429", "503"].into()
    );
    for (status, code) in [
        ("401", "FORBIDDEN"),
        ("403", "FORBIDDEN"),
        ("404", "NOT_FOUND"),
        ("409", "CONFLICT"),
        ("413", "PAYLOAD_TOO_LARGE"),
        ("422", "VALIDATION_ERROR"),
        ("429", "RATE_LIMITED"),
        ("503", "UNAVAILABLE"),
    ] {
        let response = &responses[status];
        let content = &response["content"]["application/json"];
        assert_eq!(
            content["schema"]["$ref"], "#/components/schemas/WebhookError",
            "{status}"
        );
        assert_eq!(content["example"]["error"]["code"], code, "{status}");
        assert_eq!(
            misfits(&document, &content["schema"], &content["example"]),
            [""; 0],
            "{status}"
        );
        let is_for_later = ["429", "503"].contains(&status);
        assert_eq!(response["headers"]["Retry-After"].is_object(), is_for_later, "{status}");
    }
}

#[test]
fn a_webhook_is_one_of_the_five_events() {
    let document = document();
    let schema = json!({ "$ref": "#/components/schemas/WebhookEvent" });
    let event = |name: &str, data: Value| {
        json!({
            "event": name, "event_id": "e-1", "ts": "2026-02-02T02:40:00Z", "player_external_id": "p-1", "level": 2,
            "data": data,
        })
    };
    for fitting in [
        event("kyc.submitted", json!({ "documents": ["passport"] })),
        event("kyc.approved", json!({ "expires_at": "2027-02-02T02:40:00+01:00" })),
        event("kyc.rejected", json!({ "reason": "DOCUMENT_NOT_CLEAR", "desk": 4 })),
        event("kyc.expired", Value::Null),
        event("kyc.level_upgraded", json!({})),
    ] {
        assert_eq!(misfits(&document, &schema, &fitting), [""; 0], "{fitting}");
    }
    for wrong in [
        event("kyc.lost", json!({})),
        event("kyc.submitted", json!({ "documents": "passport" })),
        event("kyc.rejected", json!({ "reason": "x".repeat(2_001) })),
        event("kyc.expired", json!([])),
        json!({ "event": "kyc.expired" }),
    ] {
        assert_ne!(misfits(&document, &schema, &wrong), [""; 0], "{wrong}");
    }
}

#[test]
fn a_platform_is_told_which_calls_it_takes_and_how_they_are_signed() {
    let document = document();
    let calls = calls(&document);
    let named: Vec<_> = calls.iter().map(|(name, method, _)| (*name, *method)).collect();
    assert_eq!(
        named,
        [("kycInitiate", "post"), ("kycLookup", "get"), ("kycUpdate", "post")]
    );
    for (name, method, operation) in calls {
        assert_eq!(operation["operationId"], name);
        assert_eq!(operation["security"], json!([]), "{name}");
        let parameters = operation["parameters"].as_array().unwrap();
        let headers: BTreeSet<&str> = parameters.iter().map(|one| one["name"].as_str().unwrap()).collect();
        let mut expected = BTreeSet::from(["X-UCRM-Timestamp", "X-UCRM-Signature"]);
        expected.extend((method == "post").then_some("Idempotency-Key"));
        assert_eq!(headers, expected, "{name}");
        let said = [
            &operation["requestBody"],
            &operation["responses"]["2XX"],
            &operation["responses"]["200"],
        ];
        let said: Vec<_> = said.into_iter().filter(|content| content.is_object()).collect();
        assert_eq!(said.len(), if method == "post" { 2 } else { 1 }, "{name}");
        for content in said {
            let content = &content["content"]["application/json"];
            assert_eq!(
                misfits(&document, &content["schema"], &content["example"]),
                [""; 0],
                "{name}"
            );
        }
    }
}

#[test]
fn there_is_an_example_for_each_command_and_the_upload() {
    let examples = examples();
    let expected: BTreeSet<&str> = table().iter().map(|command| command.name).chain(["upload"]).collect();
    let named: BTreeSet<&str> = examples.keys().map(String::as_str).collect();
    assert_eq!(named, expected);
    for (name, example) in &examples {
        let members: BTreeSet<&str> = example.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["request", "reply"].into(), "{name}");
    }
}

#[test]
fn every_example_request_fits_its_command() {
    let examples = examples();
    for command in table() {
        let request = examples[command.name]["request"].as_object().unwrap();
        assert_eq!(command.params.check(request), [], "{}", command.name);
        assert!(command.read(request.clone()).is_ok(), "{}", command.name);
    }
}

#[test]
fn every_example_reply_fits_its_schema() {
    let document = document();
    for (path, method, operation) in operations(&document)
        .into_iter()
        .filter(|(path, ..)| !path.starts_with("/files"))
    {
        let content = &operation["responses"]["200"]["content"]["application/json"];
        let example = content
            .get("example")
            .unwrap_or_else(|| panic!("{method} {path}: no reply example"));
        assert_eq!(
            misfits(&document, &content["schema"], example),
            [""; 0],
            "{method} {path}"
        );
    }
}

#[test]
fn every_example_in_a_request_fits_the_schema_beside_it() {
    let document = document();
    let mut bodies = 0;
    for (path, method, operation) in operations(&document) {
        for parameter in operation
            .get("parameters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            if let Some(example) = parameter.get("example") {
                let found = misfits(&document, &parameter["schema"], example);
                assert_eq!(found, [""; 0], "{method} {path}: {}", parameter["name"]);
            } else {
                let may_lack = parameter["in"] != "path" || path == "/files/{file_id}";
                assert!(may_lack, "{method} {path}: {parameter}");
            }
        }
        if let Some(content) = operation
            .get("requestBody")
            .and_then(|body| body["content"].get("application/json"))
        {
            let example = content
                .get("example")
                .unwrap_or_else(|| panic!("{method} {path}: no request example"));
            assert_eq!(
                misfits(&document, &content["schema"], example),
                [""; 0],
                "{method} {path}"
            );
            bodies += 1;
        }
    }
    assert!(bodies > 10, "the request bodies are found");
}

#[test]
fn the_examples_tell_one_story_and_no_secret() {
    let examples = Value::Object(examples());
    let mut found = Vec::new();
    objects(&examples, &mut found);
    for members in found {
        if let Some(Value::String(brand)) = members.get("brand") {
            assert_eq!(brand, "acme");
        }
        if let Some(customer) = members.get("customer_id").filter(|customer| !customer.is_null()) {
            assert_eq!(*customer, 1001);
        }
        let secret = members.iter().find(|(name, value)| {
            let is_named = ["token", "secret", "salt", "password"]
                .iter()
                .any(|word| name.contains(word));
            // Which secrets a tenant has is none, and a fresh one is only spoken of.
            let is_shown = !["secrets", "secret_id"].contains(&name.as_str()) && **value != SHOWN_ONCE;
            is_named && is_shown
        });
        assert_eq!(secret, None);
    }
    assert!(!EXAMPLES.contains("eyJ"), "no token");
}
