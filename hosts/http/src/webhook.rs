//! `POST /v1/adapters/{slug}/webhooks/kyc-events`: what a tenant's platform tells.

use std::net::IpAddr;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kyc_core::json::to_ascii;
use kyc_core::limits::WEBHOOK_BYTES_MAX;
use kyc_core::problem::Problem;
use kyc_core::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use kyc_core::webhook::WebhookError;
use kyc_ports::app::{App, Reply, WebhookRequest};
use percent_encoding::percent_decode_str;

use crate::reply::{self, ReplyBody};

/// The slug of a webhook's path.
pub(crate) fn slug(path: &str) -> Option<&str> {
    let slug = path
        .strip_prefix("/v1/adapters/")?
        .strip_suffix("/webhooks/kyc-events")?;
    (!slug.is_empty() && !slug.contains('/')).then_some(slug)
}

pub(crate) async fn serve<B>(
    app: &App,
    parts: &Parts,
    source: Option<IpAddr>,
    slug: &str,
    body: B,
) -> Response<ReplyBody>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match take(app, parts, source, slug, body).await {
        Ok(reply) => reply,
        Err(refusal) => error(&refusal),
    }
}

async fn take<B>(
    app: &App,
    parts: &Parts,
    source: Option<IpAddr>,
    slug: &str,
    body: B,
) -> Result<Response<ReplyBody>, WebhookError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if parts.method != Method::POST {
        return Err(WebhookError::MethodNotAllowed);
    }
    let collected = Limited::new(body, WEBHOOK_BYTES_MAX).collect().await;
    let body = collected.map_err(|error| {
        if error.downcast_ref::<LengthLimitError>().is_some() {
            WebhookError::TooLarge(WEBHOOK_BYTES_MAX)
        } else {
            WebhookError::Invalid(vec![Problem::new("", "incomplete", "the body ended early")])
        }
    })?;
    let body = body.to_bytes();
    let slug = percent_decode_str(slug).decode_utf8_lossy();
    let source = source.map(|address| address.to_string());
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    // Several lines of one header are a list, as if they stood in one.
    let signatures = parts.headers.get_all(SIGNATURE_HEADER).iter();
    let signatures: Vec<&str> = signatures.filter_map(|value| value.to_str().ok()).collect();
    let signatures = (!signatures.is_empty()).then(|| signatures.join(","));
    let received = app
        .webhook(WebhookRequest {
            slug: &slug,
            source: source.as_deref(),
            timestamp: header(TIMESTAMP_HEADER),
            signature: signatures.as_deref(),
            body: &body,
        })
        .await?;
    Ok(reply::rendered(Reply::of(&received)))
}

fn error(refusal: &WebhookError) -> Response<ReplyBody> {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = reply::whole(status, "application/json", to_ascii(&refusal.body()).into());
    if let Some(seconds) = refusal.retry_after_seconds() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    if *refusal == WebhookError::MethodNotAllowed {
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}
