//! One command over HTTP: its `data` comes from the path, the query and the body.

use std::borrow::Cow;

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
use serde_json::{Map, Value};

use crate::reply::{self, ReplyBody};
use crate::{Http, token};

/// The header that carries a command's idempotency key.
static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What needs no wait: see [`Http::at_once`].
pub(crate) fn at_once<B>(
    http: &Http,
    request: &http::Request<B>,
    last: &LastToken,
) -> Result<Option<Response<ReplyBody>>, Rejection> {
    let (uri, headers) = (request.uri(), request.headers());
    let found = http.routes.find(request.method(), uri.path())?;
    let caller = http.app.authenticate_again(last, token(headers))?;
    found.command.access.check(caller.actor.session)?;
    if request.method() != Method::GET || !found.command.is_view || headers.contains_key(&IDEMPOTENCY_KEY) {
        return Ok(None);
    }
    let mut data = query_members(found.command, uri.query().unwrap_or_default())?;
    put_path_members(found.command, found.path, &mut data)?;
    let text = http.app.remembered(&caller, found.command, data);
    Ok(text.map(|text| reply::rendered(text.into())))
}

pub(crate) async fn serve<B>(http: &Http, parts: &Parts, body: B) -> Result<Response<ReplyBody>, Rejection>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let found = http.routes.find(&parts.method, parts.uri.path())?;
    // Nobody's body is read before the token is known to be good.
    let caller = http.app.authenticate(token(&parts.headers))?;
    found.command.access.check(caller.actor.session)?;
    let query = parts.uri.query().unwrap_or_default();
    let mut data = match parts.method {
        Method::GET => query_members(found.command, query)?,
        // A client that cannot send a body with DELETE puts the members into the query.
        Method::DELETE => {
            let body = body_members(http, body).await?;
            merged(query_members(found.command, query)?, body)?
        }
        _ => body_members(http, body).await?,
    };
    put_path_members(found.command, found.path, &mut data)?;
    let idempotency_key = match parts.headers.get(&IDEMPOTENCY_KEY) {
        None => None,
        Some(value) => Some(value.to_str().map_err(|_| bad_key())?.to_owned()),
    };
    let request = Request {
        command: found.command,
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

fn merged(mut query: Map<String, Value>, body: Map<String, Value>) -> Result<Map<String, Value>, Rejection> {
    for (name, value) in body {
        put(&mut query, name, value)?;
    }
    Ok(query)
}

/// The path wins; a body that says otherwise is wrong.
fn put_path_members(
    command: &Command,
    path: Vec<(Cow<'_, str>, Cow<'_, str>)>,
    data: &mut Map<String, Value>,
) -> Result<(), Rejection> {
    let members = command.params.from_query(path.into_iter());
    let members = members.map_err(Rejection::InvalidData)?;
    if data.is_empty() {
        *data = members;
        return Ok(());
    }
    for (name, value) in members {
        put(data, name, value)?;
    }
    Ok(())
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
