//! The tenant contract in the document: the webhook route, and as `webhooks` the three calls that a tenant's platform
//! takes. Neither is a command: they are signed, and carry no token.

use kyc_core::id::Slug;
use kyc_core::limits::{
    EVENT_ID_CHARS_MAX, EXTERNAL_ID_CHARS_MAX, LEVEL_MAX, WEBHOOK_BYTES_MAX, WEBHOOK_REASON_CHARS_MAX,
};
use kyc_core::problem::Problem;
use kyc_core::webhook::{ReceivedReply, WebhookError};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::set;

/// The tag of all that this file describes.
pub(super) const TAG: &str = "tenant";
/// The webhook route.
pub(super) const WEBHOOK_PATH: &str = "/v1/adapters/{slug}/webhooks/kyc-events";

const TENANT_ID: &str = "63af3085-778a-4e1f-86a5-f54fcf88d24d";
const SIGNED: &str = "Hex of HMAC-SHA256 over `<timestamp>.<body>`, keyed with the secret's own bytes";

/// `POST` of the webhook route.
pub(super) fn webhook(generator: &mut SchemaGenerator) -> Value {
    let slug = generator.subschema_for::<Slug>().to_value();
    let received = generator.subschema_for::<ReceivedReply>().to_value();
    let mut responses = json!({ "200": {
        "description": "Taken, and durable. `applied`: the event counts in the player's state now. A repeated event, \
            and one that the state does not allow, are successes that were not applied: do not send them again",
        "content": { "application/json": {
            "schema": received,
            "example": { "received": true, "applied": true, "new_status": "verified" },
        } },
    } });
    for refusal in refusals() {
        let status = refusal.status().to_string();
        let sentence = format!("{}: {refusal}", refusal.code());
        let known = responses.get(&status).and_then(|response| response.get("description"));
        let description = match known.and_then(Value::as_str) {
            Some(others) => format!("{others}; {sentence}"),
            None => sentence,
        };
        set(&mut responses, &status, response(&refusal, &description));
    }
    json!({
        "operationId": "webhook",
        "summary": "What a tenant's platform tells about a player",
        "description": format!(
            "For tenants of the models `platform_owns` and `dual`. At most {WEBHOOK_BYTES_MAX} bytes. An event is told \
             once for each `event_id`: the same content again is a success that changes nothing. The order of arrival \
             does not matter. No refusal but 503 can claim the `event_id`; after 429, 503 and where there was no answer, \
             send the same event again."
        ),
        "tags": [TAG],
        "security": [],
        "parameters": [
            { "name": "slug", "in": "path", "required": true, "schema": slug, "example": "acme-casino" },
            {
                "name": "X-UCRM-Timestamp", "in": "header", "required": true,
                "description": "When the request was signed, in Unix seconds; at most 300 s away from now",
                "schema": { "type": "string", "pattern": "^[0-9]{1,19}$" }, "example": "1770000000",
            },
            {
                "name": "X-UCRM-Signature", "in": "header", "required": true,
                "description": format!("{SIGNED}. In either case, with or without `v1=`; several separated by commas"),
                "schema": { "type": "string", "minLength": 1 },
                "example": "c711ea7144b66e6f2283c528982b0e66761a72c97c5d3502107761ea2ee78f54",
            },
        ],
        "requestBody": { "required": true, "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/WebhookEvent" },
            "example": event("kyc.approved", &json!({})),
        } } },
        "responses": responses,
    })
}

/// Every kind of refusal.
fn refusals() -> [WebhookError; 9] {
    [
        WebhookError::NotSigned,
        WebhookError::WrongModel("crm_owns"),
        WebhookError::NotFound("tenant"),
        WebhookError::NotFound("player"),
        WebhookError::Conflict,
        WebhookError::TooLarge(WEBHOOK_BYTES_MAX),
        WebhookError::Invalid(vec![Problem::new("level", "range", "must be an integer from 0 to 10")]),
        WebhookError::RateLimited { retry_after_seconds: 1 },
        WebhookError::Unavailable,
    ]
}

fn response(refusal: &WebhookError, description: &str) -> Value {
    let mut response = json!({
        "description": description,
        "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/WebhookError" },
            "example": refusal.body(),
        } },
    });
    if refusal.retry_after_seconds().is_some() {
        let retry = json!({ "Retry-After": { "description": "Seconds", "schema": { "type": "integer" } } });
        set(&mut response, "headers", retry);
    }
    response
}

/// The calls to a platform, by name.
pub(super) fn calls() -> Value {
    let body = |status: Option<&str>| {
        let mut body = json!({ "tenant_id": TENANT_ID, "player_external_id": "p-1", "level": 2 });
        let members = match status {
            None => json!({ "requirements": ["passport", "id_card"] }),
            Some(status) => json!({ "status": status, "reason": "approved" }),
        };
        if let (Value::Object(body), Value::Object(members)) = (&mut body, members) {
            body.extend(members);
        }
        body
    };
    let initiate = call(
        "kycInitiate",
        "POST {base_url}/v1/kyc/initiate: steps became required at a level",
        "KycInitiate",
        &body(None),
    );
    let update = call(
        "kycUpdate",
        "POST {base_url}/v1/kyc/update: a level was verified, or rejected, or has expired",
        "KycUpdate",
        &body(Some("verified")),
    );
    json!({ "kycInitiate": { "post": initiate }, "kycUpdate": { "post": update }, "kycLookup": { "get": lookup() } })
}

fn call(id: &str, summary: &str, schema: &str, example: &Value) -> Value {
    let key = json!({
        "name": "Idempotency-Key", "in": "header", "required": true,
        "description": "The same in every try of a call: take it once, and answer a repeated one as before",
        "schema": { "type": "string", "format": "uuid" },
    });
    let mut parameters = signature_headers();
    parameters.push(key);
    json!({
        "operationId": id,
        "summary": summary,
        "description": "For tenants of the models `crm_owns` and `dual`. At least once, in order for each player. Tried \
            again after a failure of the network, no answer within 10 s, 408, 425, 429 and 5xx, for up to 30 hours; \
            `Retry-After` is honoured up to 10 hours. Every try is signed anew.",
        "tags": [TAG],
        "security": [],
        "parameters": parameters,
        "requestBody": { "required": true, "content": { "application/json": {
            "schema": { "$ref": format!("#/components/schemas/{schema}") },
            "example": example,
        } } },
        "responses": {
            "2XX": {
                "description": "Taken; with `ok` false refused, which is final. Any other body, and none, is taken too",
                "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/KycAnswer" },
                    "example": { "ok": true, "provider_ref": "case-4711" },
                } },
            },
            "4XX": { "description": "Refused, which is final; 408, 425 and 429 are tried again" },
            "5XX": { "description": "Tried again" },
        },
    })
}

fn lookup() -> Value {
    json!({
        "operationId": "kycLookup",
        "summary": "GET {base_url}/v1/kyc/{player_external_id}: what the platform holds of a player",
        "description": "For tenants of the models `crm_owns` and `dual`, once a day for each player, at most 10 a second. \
            The id is percent-encoded, and `<timestamp>.` is signed: there is no body.",
        "tags": [TAG],
        "security": [],
        "parameters": signature_headers(),
        "responses": {
            "200": {
                "description": "Where the player stands",
                "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/KycStanding" },
                    "example": { "status": "verified", "level": 2, "last_updated": "2026-02-02T02:40:00Z" },
                } },
            },
            "404": { "description": "The player is not known, which counts as `none` at level 0" },
        },
    })
}

fn signature_headers() -> Vec<Value> {
    let header = |name: &str, pattern: &str, description: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": description,
            "schema": { "type": "string", "pattern": pattern },
        })
    };
    vec![
        header(
            "X-UCRM-Timestamp",
            "^[0-9]{1,19}$",
            "When the try was signed, in Unix seconds",
        ),
        header(
            "X-UCRM-Signature",
            "^[0-9a-f]{64}$",
            &format!("{SIGNED}, the outbound one"),
        ),
    ]
}

/// The schemas that the operations refer to.
pub(super) fn schemas() -> Map<String, Value> {
    let text = |chars: usize| json!({ "type": "string", "minLength": 1, "maxLength": chars });
    let level = json!({ "type": "integer", "minimum": 0, "maximum": LEVEL_MAX });
    let tenant_id = json!({ "type": "string", "format": "uuid", "description": "The tenant's `tenant_id`" });
    let mut schemas = event_schemas(&text(EVENT_ID_CHARS_MAX), &text(EXTERNAL_ID_CHARS_MAX), &level);
    let own = [
        ("WebhookError", error_schema()),
        (
            "KycInitiate",
            json!({
                "type": "object",
                "required": ["tenant_id", "player_external_id", "level", "requirements"],
                "properties": {
                    "tenant_id": tenant_id, "player_external_id": text(EXTERNAL_ID_CHARS_MAX), "level": level,
                    "requirements": {
                        "type": "array", "items": { "type": "string" },
                        "description": "The types of the documents that are wanted; the step's code where it wants none",
                    },
                },
            }),
        ),
        (
            "KycUpdate",
            json!({
                "type": "object",
                "required": ["tenant_id", "player_external_id", "status", "level", "reason"],
                "properties": {
                    "tenant_id": tenant_id, "player_external_id": text(EXTERNAL_ID_CHARS_MAX),
                    "status": { "type": "string", "enum": ["verified", "rejected"] }, "level": level,
                    "reason": {
                        "type": "string",
                        "description": "`approved`, `expired`, `risk_prohibited`, `risk_lifted`, or the code of a rejection",
                    },
                },
            }),
        ),
        (
            "KycAnswer",
            json!({
                "type": "object",
                "properties": {
                    "ok": { "type": "boolean", "description": "false: the call is refused" },
                    "provider_ref": { "type": "string", "description": "What the platform calls the case" },
                    "code": { "type": "string", "description": "Why it is refused" },
                    "message": { "type": "string", "description": "The same in words" },
                },
                "additionalProperties": true,
            }),
        ),
        (
            "KycStanding",
            json!({
                "type": "object",
                "required": ["status", "level"],
                "properties": {
                    "status": { "type": "string", "enum": ["none", "pending", "verified", "rejected", "expired"] },
                    "level": level,
                    "last_updated": { "type": "string", "format": "date-time" },
                },
                "additionalProperties": true,
            }),
        ),
    ];
    schemas.extend(own.map(|(name, schema)| (name.to_owned(), schema)));
    schemas
}

/// An event's name, its schema's name, when it is told, and the members that it gives a meaning in `data`.
fn events() -> [(&'static str, &'static str, &'static str, Value); 5] {
    [
        (
            "kyc.submitted",
            "KycSubmitted",
            "The player handed in something for the level",
            json!({ "documents": {
                "type": ["array", "null"], "items": { "type": "string" }, "description": "Types of documents",
            } }),
        ),
        (
            "kyc.approved",
            "KycApproved",
            "The level was verified",
            json!({ "expires_at": {
                "type": ["string", "null"], "format": "date-time", "description": "When the verification ends",
            } }),
        ),
        (
            "kyc.rejected",
            "KycRejected",
            "The level was rejected",
            json!({ "reason": {
                "type": ["string", "null"], "maxLength": WEBHOOK_REASON_CHARS_MAX, "description": "Why",
            } }),
        ),
        (
            "kyc.expired",
            "KycExpired",
            "The level's verification has ended",
            json!({}),
        ),
        (
            "kyc.level_upgraded",
            "KycLevelUpgraded",
            "The player began a higher level",
            json!({}),
        ),
    ]
}

fn event(name: &str, data: &Value) -> Value {
    json!({
        "event": name, "event_id": "e-1", "ts": "2026-02-02T02:40:00Z", "player_external_id": "p-1", "level": 2,
        "data": data,
    })
}

fn event_schemas(event_id: &Value, external_id: &Value, level: &Value) -> Map<String, Value> {
    let mut schemas = Map::new();
    let mut names = Vec::new();
    for (event, schema_name, description, data) in events() {
        names.push(json!({ "$ref": format!("#/components/schemas/{schema_name}") }));
        let schema = json!({
            "type": "object",
            "description": description,
            "required": ["event", "event_id", "ts", "player_external_id", "level"],
            "properties": {
                "event": { "type": "string", "const": event },
                "event_id": event_id,
                "ts": {
                    "type": "string", "format": "date-time",
                    "description": "When it happened, with its offset; at most 300 s ahead, and however long ago",
                },
                "player_external_id": external_id,
                "level": level,
                "data": { "type": ["object", "null"], "properties": data, "additionalProperties": true },
            },
            "additionalProperties": true,
        });
        schemas.insert(schema_name.to_owned(), schema);
    }
    let whole = json!({
        "description": "An event. Members that the contract does not know are kept in the history",
        "oneOf": names,
    });
    schemas.insert("WebhookEvent".to_owned(), whole);
    schemas
}

fn error_schema() -> Value {
    let mut codes: Vec<&str> = Vec::new();
    for refusal in refusals() {
        if !codes.contains(&refusal.code()) {
            codes.push(refusal.code());
        }
    }
    json!({
        "type": "object",
        "description": "A refusal of a webhook. Nothing was applied, and the `event_id` is not taken.",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": { "type": "string", "enum": codes },
                "message": { "type": "string", "description": "For people; it may change" },
                "details": {
                    "type": "array",
                    "description": "With VALIDATION_ERROR: every wrong member",
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
            },
        } },
    })
}
