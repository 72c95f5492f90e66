//! Calls to platforms over Spin's HTTP: one request, one bounded answer, in a bounded time.

use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use kyc_core::limits::{OUTBOUND_ANSWER_BYTES_MAX, OUTBOUND_CALL_SECONDS_MAX, OUTBOUND_CONNECT_SECONDS_MAX};
use kyc_ports::outbound::{Outbound, OutboundAnswer, OutboundError, OutboundRequest};
use spin_sdk::http::Response;
use spin_sdk::wasip3::http::types::{ErrorCode, RequestOptions};
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;

use crate::target::Target;

/// Calls platforms from a component that was granted their hosts.
#[derive(Debug, Clone, Default)]
pub struct SpinOutbound {
    /// Granted as platforms.
    platforms: String,
    /// Granted for something else.
    other: Option<String>,
}

impl SpinOutbound {
    /// To these platforms, as the operator names them, and never to another host that is granted.
    pub const fn new(platforms: String, other: Option<String>) -> Self {
        Self { platforms, other }
    }

    /// What a call is that Spin denied. It denies every call while it cannot read one of the application's variables:
    /// where the operator named the platform, the next try may go through.
    fn denied(&self, target: &Target) -> OutboundError {
        if target.is_of(&self.platforms) {
            OutboundError::Failed(format!(
                "Spin denied the call to {target}: either the component lacks its grant, or a variable has no value now"
            ))
        } else {
            target.not_granted()
        }
    }
}

impl SpinOutbound {
    async fn call(&self, target: &Target, message: Request<Full<Bytes>>) -> Result<OutboundAnswer, OutboundError> {
        match spin_sdk::http::send(message).await {
            Ok(answer) => read(target, answer).await,
            Err(ErrorCode::HttpRequestDenied) => Err(self.denied(target)),
            Err(error) => Err(no_answer(target, &error)),
        }
    }
}

#[async_trait(?Send)]
impl Outbound for SpinOutbound {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundAnswer, OutboundError> {
        let target = Target::parse(&request.url)?;
        if self.other.as_deref().is_some_and(|other| target.is_host(other)) {
            return Err(target.not_granted());
        }
        let call = pin!(self.call(&target, message(&target, request)?));
        let limit = pin!(spin_sdk::time::sleep(Duration::from_secs(OUTBOUND_CALL_SECONDS_MAX)));
        match select(call, limit).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(OutboundError::Failed(format!(
                "{target} gave no whole answer within {OUTBOUND_CALL_SECONDS_MAX} s"
            ))),
        }
    }
}

/// The message to send. Spin adds the host itself, and stalls on a body whose length it is not told.
fn message(target: &Target, request: OutboundRequest) -> Result<Request<Full<Bytes>>, OutboundError> {
    let unfit = |what: &str| OutboundError::Denied(format!("the call to {target} cannot be sent: {what}"));
    let method = if request.body.is_some() {
        Method::POST
    } else {
        Method::GET
    };
    let body = Bytes::from(request.body.unwrap_or_default());
    let length = body.len();
    let mut message = Request::builder()
        .method(method)
        .uri(request.url)
        .body(Full::new(body))
        .map_err(|_| unfit("its path or query"))?;
    let headers = message.headers_mut();
    for (name, value) in request.headers {
        // The value may be a secret, so that only the name is told.
        let value = HeaderValue::try_from(value).map_err(|_| unfit(&format!("the value of `{name}`")))?;
        let name = HeaderName::try_from(name).map_err(|_| unfit("the name of a header"))?;
        headers.append(name, value);
    }
    headers.insert(USER_AGENT, HeaderValue::from_static("kycd"));
    headers.insert(CONTENT_LENGTH, length.into());
    let limits = time_limits(
        OUTBOUND_CONNECT_SECONDS_MAX,
        OUTBOUND_CALL_SECONDS_MAX,
        OUTBOUND_CALL_SECONDS_MAX,
    );
    message.extensions_mut().insert(limits);
    Ok(message)
}

/// What the host does about time, in seconds. Until the first byte of the answer means the whole request too, with its
/// connection and its body. A host that cannot says so, and the limit of the whole call holds all the same.
pub(crate) fn time_limits(connect: u64, first_byte: u64, pause: u64) -> RequestOptionsExtension {
    let options = RequestOptions::new();
    let nanos = |seconds: u64| Some(seconds.saturating_mul(1_000_000_000));
    let _ = options.set_connect_timeout(nanos(connect));
    let _ = options.set_first_byte_timeout(nanos(first_byte));
    let _ = options.set_between_bytes_timeout(nanos(pause));
    RequestOptionsExtension(options)
}

async fn read(target: &Target, answer: Response) -> Result<OutboundAnswer, OutboundError> {
    let status = answer.status().as_u16();
    let retry_after = answer.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut incoming = answer.into_body();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| no_answer(target, &error))?;
        let Some(piece) = frame.data_ref() else { continue };
        if body.len() + piece.len() > OUTBOUND_ANSWER_BYTES_MAX {
            return Err(OutboundError::Failed(format!(
                "the answer of {target} is longer than {OUTBOUND_ANSWER_BYTES_MAX} bytes"
            )));
        }
        body.extend_from_slice(piece);
    }
    Ok(OutboundAnswer {
        status,
        retry_after,
        body,
    })
}

fn no_answer(target: &Target, error: &ErrorCode) -> OutboundError {
    OutboundError::Failed(format!("no whole answer from {target}: {}", name_of(error)))
}

/// The code's name; what it carries may quote the peer.
pub(crate) fn name_of(error: &ErrorCode) -> String {
    let told = format!("{error:?}");
    let name = told.split(['(', ' ']).next().unwrap_or_default();
    name.rsplit("::").next().unwrap_or_default().to_owned()
}
