//! The OpenAPI 3.1 document, made from the command table and its types.

mod contract;
mod examples;

use kyc_core::actor::Access;
use kyc_core::command::{Command, Method};
use kyc_core::file::FileReply;
use kyc_core::rejection::Rejection;
use kyc_core::table::table;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The document.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = SchemaGenerator::new(settings);
    let mut paths = Map::new();
    for command in table() {
        for method in command.methods {
            let operation = operation(command, *method, &mut generator);
            put(&mut paths, command.path, &method.name().to_ascii_lowercase(), operation);
        }
    }
    put(&mut paths, "/upload", "post", upload(&mut generator));
    put(&mut paths, "/files/{file_id}", "get", download());
    put(
        &mut paths,
        contract::WEBHOOK_PATH,
        "post",
        contract::webhook(&mut generator),
    );
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Error".to_owned(), error_schema());
    schemas.extend(contract::schemas());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "KYC manager, customer and storage API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Templates of verification steps, customer profiles, documents, verdicts and audit. Every \
                command is also served over TCP under its operationId, with the same `data`. Times are Unix seconds.",
        },
        "security": [{ "token": [] }],
        "tags": [
            { "name": "manager", "description": "Sessions 1, 2, 3, 10 and 11; settings need 3 or 11" },
            { "name": "customer", "description": "Session 9; the customer and brand come from the token" },
            { "name": "storage", "description": "Files of customers and managers" },
            { "name": contract::TAG, "description": "Between a tenant and its platform; signed, without a token" },
        ],
        "paths": paths,
        "webhooks": contract::calls(),
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "Claims `sub`, `role` (session value), `exp`, `brands`; `customer_id` and `brand` for role 9",
            } },
        },
    })
}

fn put(paths: &mut Map<String, Value>, path: &str, method: &str, operation: Value) {
    let entry = paths.entry(path).or_insert_with(|| json!({}));
    if let Value::Object(methods) = entry {
        methods.insert(method.to_owned(), operation);
    }
}

fn operation(command: &Command, method: Method, generator: &mut SchemaGenerator) -> Value {
    let example = examples::of(command.name);
    let mut schema = (command.params_schema)(generator).to_value();
    let path_names: Vec<&str> = command.path.split('/').filter_map(path_name).collect();
    let mut parameters = Vec::new();
    for name in &path_names {
        let member = take_member(&mut schema, name);
        let shown = example.request.get(*name).cloned();
        parameters.push(parameter("path", name, true, member, shown));
    }
    let in_query = matches!(method, Method::Get | Method::Delete);
    if in_query {
        parameters.extend(query_parameters(&schema, &example.request));
    }
    if command.changes {
        parameters.push(parameter(
            "header",
            "Idempotency-Key",
            false,
            json!({
                "type": "string", "minLength": 1, "maxLength": 128,
                "description": "The reply of a success is kept for 24 hours and given again",
            }),
            None,
        ));
    }
    // PUT and PATCH share a command; an operationId is given once.
    let suffix = if method == Method::Patch && command.methods.len() > 1 {
        "Patch"
    } else {
        ""
    };
    let mut operation = json!({
        "operationId": format!("{}{suffix}", command.name),
        "summary": command.summary,
        "tags": [if command.access == Access::Customer { "customer" } else { "manager" }],
        "x-sessions": command.access.sessions().iter().map(|session| session.name()).collect::<Vec<_>>(),
        "parameters": parameters,
        "responses": responses(&(command.reply)(generator).to_value(), &example.reply, method != Method::Get),
    });
    if !in_query {
        let body = without(&example.request, &path_names);
        let required = schema
            .get("required")
            .and_then(Value::as_array)
            .is_some_and(|names| !names.is_empty());
        set(
            &mut operation,
            "requestBody",
            json!({
                "required": required,
                "content": { "application/json": { "schema": schema, "example": body } },
            }),
        );
    }
    operation
}

fn path_name(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

fn set(target: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = target {
        members.insert(name.to_owned(), value);
    }
}

fn without(request: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    request
        .iter()
        .filter(|(name, _)| !names.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Takes a member out of a parameter schema.
fn take_member(schema: &mut Value, name: &str) -> Value {
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|required| required != name);
    }
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    properties
        .and_then(|properties| properties.remove(name))
        .unwrap_or_else(|| json!({}))
}

fn query_parameters(schema: &Value, example: &Map<String, Value>) -> Vec<Value> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    properties
        .map(|(name, member)| {
            parameter(
                "query",
                name,
                required.contains(&name.as_str()),
                not_null(member.clone()),
                example.get(name).cloned(),
            )
        })
        .collect()
}

/// A query parameter is there or not; it is never null.
fn not_null(mut member: Value) -> Value {
    if let Some(Value::Array(types)) = member.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            set(&mut member, "type", only);
        }
    }
    if let Some(Value::Array(values)) = member.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(branches)) = member.get_mut("anyOf") {
        branches.retain(|branch| branch.get("type") != Some(&json!("null")));
    }
    member
}

fn parameter(place: &str, name: &str, required: bool, mut schema: Value, example: Option<Value>) -> Value {
    let description = schema.as_object_mut().and_then(|members| members.remove("description"));
    let mut parameter = json!({ "name": name, "in": place, "required": required, "schema": schema });
    if let Some(description) = description {
        set(&mut parameter, "description", description);
    }
    if let Some(example) = example {
        set(&mut parameter, "example", example);
    }
    parameter
}

fn responses(reply: &Value, example: &Value, may_change: bool) -> Value {
    let mut content = json!({ "schema": reply });
    if !example.is_null() {
        set(&mut content, "example", example.clone());
    }
    let mut responses = json!({ "200": { "description": "Done", "content": { "application/json": content } } });
    let common: &[u16] = if may_change {
        &[400, 401, 403, 404, 409, 413, 429, 503]
    } else {
        &[400, 401, 403, 404, 429, 503]
    };
    add_errors(&mut responses, common);
    responses
}

fn add_errors(responses: &mut Value, statuses: &[u16]) {
    for status in statuses {
        let codes: Vec<&str> = Rejection::CODES
            .iter()
            .filter(|(_, with)| with.contains(status))
            .map(|(code, _)| *code)
            .collect();
        let mut response = json!({
            "description": codes.join(", "),
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
        });
        if matches!(status, 429 | 503) {
            let retry = json!({ "Retry-After": { "description": "Seconds", "schema": { "type": "integer" } } });
            set(&mut response, "headers", retry);
        }
        set(responses, &status.to_string(), response);
    }
}

fn error_schema() -> Value {
    let codes: Vec<&str> = Rejection::CODES.iter().map(|(code, _)| *code).collect();
    json!({
        "type": "object",
        "description": "A refusal. Nothing was changed, unless it is KYC_REQUIRED or says otherwise.",
        "required": ["error", "message"],
        "properties": {
            "error": { "type": "string", "enum": codes },
            "message": { "type": "string", "description": "For people; it may change" },
            "details": {
                "type": "array",
                "description": "With INVALID_DATA: every wrong member",
                "items": {
                    "type": "object",
                    "required": ["field", "code", "message"],
                    "properties": {
                        "field": { "type": "string" },
                        "code": { "type": "string" },
                        "message": { "type": "string" },
                    },
                },
            },
            "current_status": { "type": "integer", "description": "With INVALID_STATE" },
            "current_version": { "type": "integer", "description": "With STALE" },
            "missing": { "type": "array", "items": { "type": "string" }, "description": "With DOCUMENTS_MISSING" },
            "kyc_required": { "type": "boolean", "description": "With KYC_REQUIRED, like the next four" },
            "kyc_required_level": { "type": "integer" },
            "kyc_status": { "type": "integer" },
            "kyc_current_level": { "type": "integer" },
            "kyc_profile_id": { "type": ["integer", "null"] },
        },
        "example": { "error": "RET_NOT_FOUND", "message": "step not found" },
    })
}

fn upload(generator: &mut SchemaGenerator) -> Value {
    let mut responses = responses(
        &generator.subschema_for::<FileReply>().to_value(),
        &examples::of("upload").reply,
        false,
    );
    add_errors(&mut responses, &[413, 415]);
    json!({
        "operationId": "upload",
        "summary": "Store a pdf, jpg, jpeg, png, webp or heic of at most 20 MiB (a setting)",
        "description": "By a customer, or by a manager, who may name `brand` and `customer_id` before the file. Content \
            and extension must agree.",
        "tags": ["storage"],
        "requestBody": { "required": true, "content": { "multipart/form-data": { "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {
                "brand": { "type": "string" },
                "customer_id": { "type": "integer" },
                "file": { "type": "string", "contentMediaType": "application/octet-stream" },
            },
        } } } },
        "responses": responses,
    })
}

fn download() -> Value {
    let mut responses = json!({
        "200": { "description": "The file", "content": { "application/octet-stream": {}, "application/pdf": {}, "image/*": {} } },
        "206": { "description": "The part that was asked for", "content": { "application/octet-stream": {}, "application/pdf": {}, "image/*": {} } },
    });
    add_errors(&mut responses, &[400, 401, 403, 404, 416, 429, 503]);
    json!({
        "operationId": "file",
        "summary": "A stored file, for its owner or a manager of the brand, whose look is audited",
        "tags": ["storage"],
        "parameters": [
            { "name": "file_id", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } },
            { "name": "inline", "in": "query", "required": false, "schema": { "type": "integer", "enum": [0, 1] },
              "description": "1: shown in the browser, not saved" },
            { "name": "Range", "in": "header", "required": false, "schema": { "type": "string" } },
        ],
        "responses": responses,
    })
}
