//! Requests and replies as frames.

use kyc_core::json;
use kyc_core::limits::EXT_ID_BYTES_MAX;
use kyc_core::problem::Problem;
use kyc_core::rejection::Rejection;
use kyc_ports::app::Reply;
use serde_json::{Map, Value};

/// A request.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) command: String,
    pub(super) data: Map<String, Value>,
    pub(super) ext_id: Value,
    pub(super) token: Option<String>,
    pub(super) idempotency_key: Option<String>,
}

/// A frame that is no request; its `extID` as far as it could be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) ext_id: Value,
    pub(super) rejection: Rejection,
}

/// Reads a request.
pub(super) fn read(frame: &[u8]) -> Result<Message, Unreadable> {
    let unreadable = |rejection| Unreadable {
        ext_id: Value::Null,
        rejection,
    };
    let members = match json::parse(frame) {
        Ok(Value::Object(members)) => members,
        Ok(_) => {
            return Err(unreadable(Rejection::invalid(
                "",
                "type",
                "a frame must be a JSON object",
            )));
        }
        Err(error) => {
            let problem = Problem::new("", error.code(), error.to_string());
            return Err(unreadable(Rejection::InvalidData(vec![problem])));
        }
    };
    let ext_id = members.get("extID").cloned().unwrap_or(Value::Null);
    if ext_id.to_string().len() > EXT_ID_BYTES_MAX {
        return Err(unreadable(Rejection::invalid(
            "extID",
            "too_long",
            "must be at most 128 bytes",
        )));
    }
    request(members, ext_id.clone()).map_err(|rejection| Unreadable { ext_id, rejection })
}

fn request(mut members: Map<String, Value>, ext_id: Value) -> Result<Message, Rejection> {
    let command =
        text(&mut members, "command")?.ok_or_else(|| Rejection::invalid("command", "required", "is required"))?;
    let token = text(&mut members, "__token")?;
    let idempotency_key = text(&mut members, "idempotencyKey")?;
    let data = match members.remove("data") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(data)) => data,
        // An empty object, as PHP writes it.
        Some(Value::Array(items)) if items.is_empty() => Map::new(),
        Some(_) => return Err(Rejection::invalid("data", "type", "must be an object")),
    };
    Ok(Message {
        command,
        data,
        ext_id,
        token,
        idempotency_key,
    })
}

fn text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Rejection> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Rejection::invalid(name, "type", "must be text")),
    }
}

/// The reply of a success.
pub(super) fn success(out: &mut Vec<u8>, ext_id: &Value, reply: Reply) {
    let (ext_id, text) = (json::to_ascii(ext_id), reply.into_text());
    let parts: [&[u8]; 5] = [
        b"{\"extID\":",
        ext_id.as_bytes(),
        b",\"status\":200,\"data\":",
        &text,
        b"}\r\n",
    ];
    out.reserve(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// The reply of a refusal.
pub(super) fn refusal(out: &mut Vec<u8>, ext_id: &Value, rejection: &Rejection) {
    let mut reply = Map::new();
    reply.insert("extID".to_owned(), ext_id.clone());
    reply.insert("status".to_owned(), rejection.status().into());
    reply.extend(rejection.body());
    out.extend_from_slice(json::to_ascii(&Value::Object(reply)).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// An event of a channel.
pub(super) fn event(kind: i64, data: &Value) -> String {
    format!(
        "{{\"event\":\"kyc:event\",\"type\":{kind},\"data\":{}}}\r\n",
        json::to_ascii(data)
    )
}
