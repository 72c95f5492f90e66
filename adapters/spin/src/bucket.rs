//! An S3-compatible object store for the bytes of finished files, one object each, over Spin's HTTP.
//!
//! Requests are signed with the SHA-256 of their body, so that the store refuses what was damaged on the way. Addresses
//! are path-style (`https://host/bucket/name`): one host to grant.

use std::ops::Range;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::{Stream, stream};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, RANGE};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use kyc_ports::blobs::{BlobError, ByteStream};
use kyc_ports::clock::Clock;
use sha2::{Digest, Sha256};
use spin_sdk::http::Response;
use spin_sdk::wasip3::http::types::ErrorCode;

use crate::ambient::SpinClock;
use crate::outbound::time_limits;
use crate::signer::{Signed, Signer};

const BODY_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
/// Until the store accepts a connection.
const CONNECT_SECONDS_MAX: u64 = 5;
/// Until it answers a request without a body, and between two pieces of an answer.
const PAUSE_SECONDS_MAX: u64 = 30;
/// A whole file to the store and the beginning of its answer.
const CALL_SECONDS_MAX: u64 = 120;
/// What is read of an answer that refuses.
const REFUSAL_BYTES_MAX: usize = 4 * 1024;

/// A bucket, and who calls it.
#[derive(Debug, Clone)]
pub struct Bucket {
    host: String,
    name: String,
    signer: Signer,
}

/// A body of known length.
struct Sized {
    bytes: ByteStream,
    left: u64,
}

impl Body for Sized {
    type Data = Bytes;
    type Error = BlobError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BlobError>>> {
        let next = Stream::poll_next(self.bytes.as_mut(), context);
        next.map_ok(|bytes| {
            self.left = self.left.saturating_sub(bytes.len() as u64);
            Frame::data(bytes)
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl Bucket {
    /// A bucket at a host that the component was granted, over https.
    pub fn new(host: &str, name: String, signer: Signer) -> Self {
        // The port of https is not sent, so that it is not signed either.
        let host = host.strip_suffix(":443").unwrap_or(host).to_owned();
        Self { host, name, signer }
    }

    /// Stores an object, or replaces the one of this name.
    pub(crate) async fn put(
        &self,
        name: &str,
        size: u64,
        sha256: [u8; 32],
        bytes: ByteStream,
    ) -> Result<(), BlobError> {
        let body = Sized { bytes, left: size };
        let answer = self.call(Method::PUT, name, None, sha256, body).await?;
        match answer.status() {
            StatusCode::OK => Ok(()),
            _ => Err(refused(answer).await),
        }
    }

    /// A part of an object, which must be there. The range is not empty.
    pub(crate) async fn get(&self, name: &str, range: Range<u64>) -> Result<ByteStream, BlobError> {
        let wanted = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let answer = self.call_bare(Method::GET, name, Some(&wanted)).await?;
        if answer.status() != StatusCode::PARTIAL_CONTENT {
            return Err(refused(answer).await);
        }
        let reading = (answer.into_body(), range.end - range.start);
        Ok(Box::pin(stream::try_unfold(reading, async |(mut body, mut left)| {
            while left > 0 {
                let frame = within(PAUSE_SECONDS_MAX, body.frame()).await;
                let frame = frame.ok_or_else(|| failed("an object stalled"))?;
                let frame = frame.ok_or_else(|| failed("an object ended early"))?;
                let frame = frame.map_err(|error| no_answer(&error))?;
                let Ok(piece) = frame.into_data() else { continue };
                left = left
                    .checked_sub(piece.len() as u64)
                    .ok_or_else(|| failed("an object is longer than was asked for"))?;
                return Ok(Some((piece, (body, left))));
            }
            Ok(None)
        })))
    }

    /// Removes an object, if there is one of this name.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), BlobError> {
        let answer = self.call_bare(Method::DELETE, name, None).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::NO_CONTENT => Ok(()),
            status => match code_of(answer).await {
                // Another 404 says nothing of the object: the bucket may be misspelt.
                Some(code) if status == StatusCode::NOT_FOUND && code == "NoSuchKey" => Ok(()),
                code => Err(refusal(status, code.as_deref())),
            },
        }
    }

    async fn call_bare(&self, method: Method, name: &str, range: Option<&str>) -> Result<Response, BlobError> {
        let nothing = Sized {
            bytes: Box::pin(stream::empty()),
            left: 0,
        };
        self.call(method, name, range, Sha256::digest(b"").into(), nothing)
            .await
    }

    async fn call(
        &self,
        method: Method,
        name: &str,
        range: Option<&str>,
        body_sha256: [u8; 32],
        body: Sized,
    ) -> Result<Response, BlobError> {
        let path = format!("/{}/{name}", self.name);
        let range = range.map(|range| (RANGE.as_str(), range));
        let signed = self.signer.sign(&Signed {
            method: method.as_str(),
            host: &self.host,
            path: &path,
            headers: range.as_slice(),
            body_sha256,
            time: SpinClock.now(),
        });
        let length = body.left;
        let first_byte = if length > 0 {
            CALL_SECONDS_MAX
        } else {
            PAUSE_SECONDS_MAX
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("https://{}{path}", self.host))
            .header(AUTHORIZATION, secret(&signed.authorization)?)
            .header(BODY_SHA256, signed.body_sha256)
            .header(DATE, signed.date)
            .header(CONTENT_LENGTH, length)
            .extension(time_limits(CONNECT_SECONDS_MAX, first_byte, PAUSE_SECONDS_MAX));
        let request = match range {
            Some((name, value)) => request.header(name, value),
            None => request,
        };
        let request = request.body(body).map_err(|_| failed("the request cannot be sent"))?;
        let answer = within(CALL_SECONDS_MAX, spin_sdk::http::send(request)).await;
        let answer = answer.ok_or_else(|| failed("it gave no answer in time"))?;
        answer.map_err(|error| match error {
            ErrorCode::HttpRequestDenied => BlobError::NotGranted(format!(
                "the component was not granted `{}`, where the bucket is: its operator must allow this outbound host",
                self.host
            )),
            error => no_answer(&error),
        })
    }
}

/// A header's value that no log shows.
fn secret(value: &str) -> Result<HeaderValue, BlobError> {
    let mut value = HeaderValue::try_from(value).map_err(|_| failed("its access key id cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn failed(what: &str) -> BlobError {
    BlobError::Failed(format!("the bucket: {what}"))
}

/// The code's name; what it carries may quote the peer.
fn no_answer(error: &ErrorCode) -> BlobError {
    failed(&format!("no whole answer: {}", crate::outbound::name_of(error)))
}

/// The output of a future that takes no longer, in seconds.
async fn within<F: Future>(seconds: u64, future: F) -> Option<F::Output> {
    let limit = pin!(spin_sdk::time::sleep(Duration::from_secs(seconds)));
    match select(pin!(future), limit).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

async fn refused(answer: Response) -> BlobError {
    let status = answer.status();
    refusal(status, code_of(answer).await.as_deref())
}

fn refusal(status: StatusCode, code: Option<&str>) -> BlobError {
    match code {
        Some(code) => failed(&format!("it answered {} ({code})", status.as_u16())),
        None => failed(&format!("it answered {}", status.as_u16())),
    }
}

/// The store's own word for a refusal: `SignatureDoesNotMatch`, `NoSuchBucket`.
async fn code_of(answer: Response) -> Option<String> {
    let mut body = answer.into_body();
    let mut text = Vec::new();
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            text.extend(frame.data_ref().into_iter().flatten());
            if text.len() > REFUSAL_BYTES_MAX {
                break;
            }
        }
    };
    within(PAUSE_SECONDS_MAX, read).await?;
    let text = String::from_utf8_lossy(&text);
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_word = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then(|| code.to_owned())
}
