//! One request and one bounded answer over a connection.

use std::error::Error;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use kyc_core::limits::OUTBOUND_ANSWER_BYTES_MAX;
use kyc_ports::outbound::{OutboundAnswer, OutboundError, OutboundRequest};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use crate::target::Target;

/// Largest head of an answer.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The message to send: the given headers, and the few that the connection needs, which win.
pub(crate) fn message(target: &Target, request: OutboundRequest) -> Result<Request<Full<Bytes>>, OutboundError> {
    let unfit = |what: &str| OutboundError::Denied(format!("the call to {target} cannot be sent: {what}"));
    let method = if request.body.is_some() {
        Method::POST
    } else {
        Method::GET
    };
    let length = request.body.as_ref().map(Vec::len);
    let mut message = Request::builder()
        .method(method)
        .uri(target.path_and_query())
        .body(Full::new(Bytes::from(request.body.unwrap_or_default())))
        .map_err(|_| unfit("its path or query"))?;
    let headers = message.headers_mut();
    for (name, value) in request.headers {
        // The value may be a secret, so that only the name is told.
        let value = HeaderValue::try_from(value).map_err(|_| unfit(&format!("the value of `{name}`")))?;
        let name = HeaderName::try_from(name).map_err(|_| unfit("the name of a header"))?;
        headers.append(name, value);
    }
    let host = HeaderValue::try_from(target.host_header()).map_err(|_| unfit("its host"))?;
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static("kycd"));
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(message)
}

/// Sends the message and reads its answer. The connection ends with the call, however that ends.
pub(crate) async fn send<S>(
    stream: S,
    message: Request<Full<Bytes>>,
    target: &Target,
) -> Result<OutboundAnswer, OutboundError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error| no_answer(target, &error);
    let handshake = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await;
    let (mut sender, connection) = handshake.map_err(failed)?;
    // Dropping the set stops the task, and with it the connection.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let answer = sender.send_request(message).await.map_err(failed)?;
    read(answer, target).await
}

async fn read(answer: Response<Incoming>, target: &Target) -> Result<OutboundAnswer, OutboundError> {
    let status = answer.status().as_u16();
    let retry_after = answer.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut incoming = answer.into_body();
    // A length that is told beforehand saves reading what is thrown away.
    if incoming.size_hint().lower() > OUTBOUND_ANSWER_BYTES_MAX as u64 {
        return Err(too_long(target));
    }
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| no_answer(target, &error))?;
        let Some(piece) = frame.data_ref() else { continue };
        if body.len() + piece.len() > OUTBOUND_ANSWER_BYTES_MAX {
            return Err(too_long(target));
        }
        body.extend_from_slice(piece);
    }
    Ok(OutboundAnswer {
        status,
        retry_after,
        body,
    })
}

fn too_long(target: &Target) -> OutboundError {
    OutboundError::Failed(format!(
        "the answer of {target} is longer than {OUTBOUND_ANSWER_BYTES_MAX} bytes"
    ))
}

fn no_answer(target: &Target, error: &hyper::Error) -> OutboundError {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    OutboundError::Failed(format!("no whole answer from {target}: {error}{cause}"))
}
