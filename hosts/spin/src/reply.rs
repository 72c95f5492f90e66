//! Refusals that only this host has: they say more than the application's own, in the same form.

use http::{Response, StatusCode};
use kyc_core::rejection::Rejection;
use kyc_http::reply::{ReplyBody, whole};
use serde_json::Value;

/// A refusal with another message than its own.
pub(crate) fn refused(rejection: &Rejection, message: &str) -> Response<ReplyBody> {
    let mut body = rejection.body();
    body.insert("message".to_owned(), message.into());
    let status = StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    whole(status, "application/json", Value::Object(body).to_string().into())
}

/// A success in plain text.
pub(crate) fn text(body: &'static str) -> Response<ReplyBody> {
    whole(StatusCode::OK, "text/plain; charset=utf-8", body.into())
}
