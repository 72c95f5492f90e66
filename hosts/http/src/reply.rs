//! Replies: JSON bodies, and the headers that every reply carries. All of them know how long they are; to say so in a
//! header is the host's, for one has it done by its HTTP library.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use kyc_core::json::to_ascii;
use kyc_core::rejection::Rejection;
use kyc_ports::app::Reply;
use kyc_ports::blobs::{BlobError, ByteStream};

/// The body of a reply.
pub enum ReplyBody {
    /// All of it.
    Whole(Option<Bytes>),
    /// A file, as it comes, of a known length.
    File {
        /// Its bytes.
        bytes: ByteStream,
        /// How many are still to come.
        left: u64,
    },
}

impl std::fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReplyBody")
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BlobError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BlobError>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::File { bytes, left } => match bytes.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(chunk))) => {
                    *left = left.saturating_sub(chunk.len() as u64);
                    Poll::Ready(Some(Ok(Frame::data(chunk))))
                }
                Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length())
    }
}

impl ReplyBody {
    /// Bytes that are still to come.
    pub fn length(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::File { left, .. } => *left,
        }
    }
}

/// A success: status 200 and the bare object.
pub fn rendered(reply: Reply) -> Response<ReplyBody> {
    whole(StatusCode::OK, "application/json", reply.into_text())
}

/// A refusal: `{"error", "message", …}` with its status.
pub fn error(rejection: &Rejection) -> Response<ReplyBody> {
    let status = StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = whole(status, "application/json", to_ascii(&rejection.body()).into());
    let headers = response.headers_mut();
    if let Some(seconds) = rejection.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    match rejection {
        Rejection::MethodNotAllowed(methods) => insert(headers, header::ALLOW, methods),
        Rejection::RangeNotSatisfiable(size) => insert(headers, header::CONTENT_RANGE, &format!("bytes */{size}")),
        Rejection::Unauthenticated(_) => insert(headers, header::WWW_AUTHENTICATE, "Bearer"),
        _ => {}
    }
    response
}

/// A reply that is whole in memory.
pub fn whole(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::Whole(Some(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    protect(headers);
    response
}

/// Headers of every reply: personal data stays out of caches, types are what they say.
pub(crate) fn protect(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// Sets a header to text that we made; text that no header can hold is left out.
pub(crate) fn insert(headers: &mut HeaderMap, name: header::HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}
