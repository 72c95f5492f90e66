//! What the contract demands of a call: route, signature, headers and body, checked in this order.

use http::request::Parts;
use http::{HeaderMap, Method, header};
use kyc_core::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, is_recent, is_signed};
use kyc_core::time::Time;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::player::PlayerStatus;
use super::received::CallKind;
use crate::server::BodyFault;

/// Header with the uuid that stays the same over retries.
pub(crate) const KEY_HEADER: &str = "idempotency-key";
/// Most characters of a player's external id.
const EXTERNAL_ID_CHARS_MAX: usize = 255;
/// Highest level.
const LEVEL_MAX: u64 = 10;

/// A call that breaks the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Breach {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, message }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(422, "VALIDATION_ERROR", message)
    }
}

/// What is asked, after every check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Initiate { level: u8 },
    Update { status: PlayerStatus, level: u8 },
    Lookup,
}

/// A call that keeps the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) player: String,
    pub(crate) key: Option<Uuid>,
    pub(crate) asked: Asked,
}

/// Which endpoint a request means, and the path's player as it was sent.
pub(crate) fn route(parts: &Parts) -> Result<(CallKind, &str), Breach> {
    let rest = parts.uri.path().strip_prefix("/v1/kyc/");
    let segment = rest.filter(|segment| !segment.is_empty() && !segment.contains('/'));
    let Some(segment) = segment else {
        return Err(Breach::new(404, "NOT_FOUND", "there is no such endpoint"));
    };
    match (&parts.method, segment) {
        (&Method::POST, "initiate") => Ok((CallKind::Initiate, segment)),
        (&Method::POST, "update") => Ok((CallKind::Update, segment)),
        (&Method::GET, _) => Ok((CallKind::Lookup, segment)),
        _ => Err(Breach::new(
            405,
            "METHOD_NOT_ALLOWED",
            "this endpoint does not take this method",
        )),
    }
}

/// A header's text, if it has one.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether timestamp and signature hold for this body.
pub(crate) fn check_signature(headers: &HeaderMap, secrets: &[String], body: &[u8], now: i64) -> Result<(), Breach> {
    let forbidden = |message: &str| Err(Breach::new(401, "FORBIDDEN", message));
    let Some(timestamp) = text(headers, TIMESTAMP_HEADER) else {
        return forbidden("the header `X-UCRM-Timestamp` is missing");
    };
    let Some(signature) = text(headers, SIGNATURE_HEADER) else {
        return forbidden("the header `X-UCRM-Signature` is missing");
    };
    if !is_recent(timestamp, Time::from_seconds(now)) {
        return forbidden("the timestamp is no Unix time within 300 s of now");
    }
    if secrets.is_empty() {
        return forbidden("this platform was given no outbound secret to check signatures with");
    }
    if !is_signed(secrets, timestamp, signature, body) {
        return forbidden("the signature is not that of `<timestamp>.<body>` with the outbound secret");
    }
    Ok(())
}

/// The body, or why it was not read.
pub(crate) fn check_body<T>(body: Result<T, BodyFault>) -> Result<T, Breach> {
    body.map_err(|fault| match fault {
        BodyFault::TooLarge => Breach::new(413, "PAYLOAD_TOO_LARGE", "the body is larger than 64 KiB"),
        BodyFault::Incomplete => Breach::new(408, "REQUEST_TIMEOUT", "the body did not arrive whole and in time"),
    })
}

/// A lookup's player is in its path, percent-encoded.
pub(crate) fn lookup(segment: &str) -> Result<Call, Breach> {
    let player = percent_decode_str(segment).decode_utf8().ok();
    let player = player.filter(|player| is_external_id(player));
    let player = player.ok_or_else(|| Breach::invalid(format!("the path's player {EXTERNAL_ID_RULE}")))?;
    Ok(Call {
        player: player.into_owned(),
        key: None,
        asked: Asked::Lookup,
    })
}

/// A `POST`'s headers and body.
pub(crate) fn post(kind: CallKind, headers: &HeaderMap, body: &[u8]) -> Result<Call, Breach> {
    let media_type = text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Breach::new(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            "the header `Content-Type` must be application/json",
        ));
    }
    let key = text(headers, KEY_HEADER).and_then(|key| Uuid::try_parse(key).ok());
    let key = key.ok_or_else(|| Breach::invalid("the header `Idempotency-Key` must be a uuid"))?;
    let body: Value =
        serde_json::from_slice(body).map_err(|error| Breach::invalid(format!("the body is no JSON: {error}")))?;
    let Value::Object(body) = body else {
        return Err(Breach::invalid("the body must be an object"));
    };
    let mut fields = Fields {
        body: &body,
        problems: Vec::new(),
    };
    let (player, asked) = fields.read(kind);
    if !fields.problems.is_empty() {
        return Err(Breach::invalid(fields.problems.join("; ")));
    }
    Ok(Call {
        player,
        key: Some(key),
        asked,
    })
}

const EXTERNAL_ID_RULE: &str = "must be text of 1 to 255 characters, without control characters, not `.` or `..`";

fn is_external_id(text: &str) -> bool {
    (1..=EXTERNAL_ID_CHARS_MAX).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
        && !matches!(text, "." | "..")
}

/// Reads members and notes every wrong one.
struct Fields<'a> {
    body: &'a Map<String, Value>,
    problems: Vec<String>,
}

impl Fields<'_> {
    fn read(&mut self, kind: CallKind) -> (String, Asked) {
        self.member("tenant_id", "must be a uuid", |value| {
            Uuid::try_parse(value.as_str()?).ok()
        });
        let player = self.member("player_external_id", EXTERNAL_ID_RULE, |value| {
            value.as_str().filter(|text| is_external_id(text)).map(str::to_owned)
        });
        let level = self.member("level", "must be an integer from 0 to 10", |value| {
            value.as_u64().filter(|level| *level <= LEVEL_MAX)
        });
        let level = level.unwrap_or_default() as u8;
        let asked = if kind == CallKind::Update {
            let status = self.member("status", "must be verified or rejected", |value| {
                let status = value.as_str()?.parse().ok()?;
                matches!(status, PlayerStatus::Verified | PlayerStatus::Rejected).then_some(status)
            });
            self.member("reason", "must be text", |value| value.as_str().map(drop));
            let status = status.unwrap_or(PlayerStatus::None);
            Asked::Update { status, level }
        } else {
            self.member("requirements", "must be an array of texts", |value| {
                value.as_array()?.iter().all(Value::is_string).then_some(())
            });
            Asked::Initiate { level }
        };
        (player.unwrap_or_default(), asked)
    }

    fn member<T>(&mut self, name: &str, rule: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.body.get(name).and_then(read);
        if value.is_none() {
            self.problems.push(format!("`{name}` {rule}"));
        }
        value
    }
}
