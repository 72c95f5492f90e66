//! One command over HTTP: its `data` comes from the path, the query and the body.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, Method, Response};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kyc_core::command::Command;
use kyc_core::json;
use kyc_core::problem::Problem;
use kyc_core::rejection::Rejection;
use kyc_ports::app::{LastToken, Request};
use kyc_ports::tokens::Verified;
use serde_json::{Map, Value};

use crate::reply::{self, ReplyBody};
use crate::route::Found;
use crate::{Http, Kind, Next, Waiting, token};

/// The header that carries a command's idempotency key.
static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A command that its caller may give, and what the request's head says of it.
#[derive(Debug)]
pub(crate) struct Asked {
    command: &'static Command,
    caller: Arc<Verified>,
    data: Map<String, Value>,
}

/// What the head of a request tells, or that there is no more to do: see [`Http::begin`].
pub(crate) fn begin<B>(
    http: &Http,
    found: Found<'_>,
    request: &http::Request<B>,
    last: &LastToken,
) -> Result<Next, Rejection> {
    let (command, headers) = (found.command, request.headers());
    let caller = http.app.authenticate_again(last, token(headers))?;
    command.access.check(caller.actor.session)?;
    let mut data = match *request.method() {
        // A client that cannot send a body with DELETE puts the members into the query.
        Method::GET | Method::DELETE => query_members(command, request.uri().query().unwrap_or_default())?,
        _ => Map::new(),
    };
    let path = command.params.from_query(found.path.into_iter());
    data = merged(data, path.map_err(Rejection::InvalidData)?)?;
    if request.method() == Method::GET && command.is_view && !headers.contains_key(&IDEMPOTENCY_KEY) {
        data = match http.app.remembered(&caller, command, data) {
            Ok(text) => return Ok(Next::Answered(reply::rendered(text.into()))),
            Err(data) => data,
        };
    }
    let asked = Asked { command, caller, data };
    Ok(Next::Waits(Waiting(Kind::Command(asked))))
}

/// Goes on with it: nobody else's body is read.
pub(crate) async fn serve<B>(
    http: &Http,
    asked: Asked,
    parts: &Parts,
    body: B,
) -> Result<Response<ReplyBody>, Rejection>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Asked { command, caller, data } = asked;
    let data = match parts.method {
        Method::GET => data,
        _ => merged(body_members(http, body).await?, data)?,
    };
    let idempotency_key = match parts.headers.get(&IDEMPOTENCY_KEY) {
        None => None,
        Some(value) => Some(value.to_str().map_err(|_| bad_key())?.to_owned()),
    };
    let request = Request {
        command,
        data,
        token: None,
        idempotency_key,
    };
    Ok(reply::rendered(http.app.call_by(&caller, request).await?))
}

fn bad_key() -> Rejection {
    Rejection::invalid("idempotency_key", "pattern", "must be plain text")
}

fn query_members(command: &Command, query: &str) -> Result<Map<String, Value>, Rejection> {
    if query.is_empty() {
        return Ok(Map::new());
    }
    let pairs = form_urlencoded::parse(query.as_bytes());
    command.params.from_query(pairs).map_err(Rejection::InvalidData)
}

async fn body_members<B>(http: &Http, body: B) -> Result<Map<String, Value>, Rejection>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let collected = Limited::new(body, http.body_bytes_max).collect().await;
    let bytes = collected.map_err(|error| {
        if error.downcast_ref::<LengthLimitError>().is_some() {
            Rejection::FrameTooLarge(http.body_bytes_max)
        } else {
            Rejection::invalid("", "incomplete", "the body ended early")
        }
    })?;
    members(&bytes.to_bytes())
}

/// The members of a JSON body; no body, `null` and PHP's empty `[]` are none.
fn members(bytes: &[u8]) -> Result<Map<String, Value>, Rejection> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match json::parse(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(Value::Array(items)) if items.is_empty() => Ok(Map::new()),
        Ok(_) => Err(Rejection::invalid("", "type", "the body must be a JSON object")),
        Err(error) => Err(Rejection::InvalidData(vec![Problem::new(
            "",
            error.code(),
            error.to_string(),
        )])),
    }
}

/// What is said twice must be the same: a body that contradicts the path is wrong.
fn merged(mut one: Map<String, Value>, other: Map<String, Value>) -> Result<Map<String, Value>, Rejection> {
    if one.is_empty() {
        return Ok(other);
    }
    for (name, value) in other {
        put(&mut one, name, value)?;
    }
    Ok(one)
}

fn put(data: &mut Map<String, Value>, name: String, value: Value) -> Result<(), Rejection> {
    if data.get(&name).is_some_and(|there| *there != value) {
        return Err(Rejection::invalid(
            &name,
            "conflict",
            "is given twice, with different values",
        ));
    }
    data.insert(name, value);
    Ok(())
}
