//! An S3-compatible object store for tests, in memory. It takes only requests that are signed, sized and hashed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kyc_core::time::Time;
use kyc_spin_adapter::{Signed, Signer};
use kyc_spin_host::{Options, Outbound, TimeLimits};
use sha2::{Digest, Sha256};

use crate::now;

/// Its host.
pub const HOST: &str = "s3.example";
/// Its one bucket.
pub const BUCKET: &str = "kyc-files";

/// Objects by name.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    stored: Arc<Mutex<BTreeMap<String, Bytes>>>,
    /// What writing is answered with, if not done.
    refusal: Arc<Mutex<Option<StatusCode>>>,
    /// Whether it hears requests and answers none.
    is_silent: Arc<AtomicBool>,
    /// The time that each request was given.
    limits: Arc<Mutex<Vec<TimeLimits>>>,
}

/// The credentials that it knows; they open nothing.
pub fn signer() -> Signer {
    Signer {
        region: "eu-test-1".to_owned(),
        access_key_id: "EXAMPLE".to_owned(),
        secret_access_key: "a secret that opens nothing".to_owned(),
    }
}

/// These options with the bucket for files, and calls out to it alone.
pub fn with_bucket(mut options: Options, objects: &Objects) -> Options {
    let signer = signer();
    let variables = [
        ("s3_bucket", BUCKET),
        ("s3_host", HOST),
        ("s3_region", &signer.region),
        ("s3_access_key_id", &signer.access_key_id),
        ("s3_secret_access_key", &signer.secret_access_key),
    ];
    options
        .variables
        .extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    options.outbound = Some(objects.outbound());
    options
}

impl Objects {
    /// What a host calls in place of the network.
    pub fn outbound(&self) -> Outbound {
        let objects = self.clone();
        Arc::new(move |request| {
            let limits = request.extensions().get().copied().expect("the host tells them");
            objects.limits.lock().expect("a lock").push(limits);
            if objects.is_silent.load(SeqCst) {
                return Box::pin(std::future::pending());
            }
            let answer = objects.answer(&request);
            Box::pin(async { answer })
        })
    }

    /// How many requests it heard.
    pub fn heard(&self) -> usize {
        self.limits().len()
    }

    /// The time that each request was given, in their order.
    pub fn limits(&self) -> Vec<TimeLimits> {
        self.limits.lock().expect("a lock").clone()
    }

    /// Answers nothing, or answers again.
    pub fn fall_silent(&self, is_silent: bool) {
        self.is_silent.store(is_silent, SeqCst);
    }

    /// Stores an object that nobody waits for any more.
    pub fn complete(&self, name: &str, object: &'static str) {
        let mut stored = self.stored.lock().expect("a lock");
        stored.insert(name.to_owned(), Bytes::from_static(object.as_bytes()));
    }

    /// All that is stored.
    pub fn stored(&self) -> BTreeMap<String, Bytes> {
        self.stored.lock().expect("a lock").clone()
    }

    /// Refuses to write with this status, or no longer.
    pub fn refuse(&self, status: Option<StatusCode>) {
        *self.refusal.lock().expect("a lock") = status;
    }

    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if !is_signed(request) {
            return refused(StatusCode::FORBIDDEN, "SignatureDoesNotMatch");
        }
        let prefix = format!("/{BUCKET}/");
        let Some(name) = request.uri().path().strip_prefix(&prefix) else {
            return refused(StatusCode::NOT_FOUND, "NoSuchBucket");
        };
        let mut stored = self.stored.lock().expect("a lock");
        match *request.method() {
            Method::PUT => {
                if let Some(status) = *self.refusal.lock().expect("a lock") {
                    return refused(status, "SlowDown");
                }
                stored.insert(name.to_owned(), request.body().clone());
                Response::new(Bytes::new())
            }
            Method::DELETE => {
                stored.remove(name);
                with(StatusCode::NO_CONTENT, Bytes::new())
            }
            _ => match stored.get(name) {
                Some(object) => part(object, header(request, "range")),
                None => refused(StatusCode::NOT_FOUND, "NoSuchKey"),
            },
        }
    }
}

fn part(object: &Bytes, range: &str) -> Response<Bytes> {
    let range = range.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let Some((Ok(first), Ok(last))) = range.map(|(first, last)| (first.parse::<usize>(), last.parse::<usize>())) else {
        return with(StatusCode::OK, object.clone());
    };
    with(
        StatusCode::PARTIAL_CONTENT,
        object.slice(first..(last + 1).min(object.len())),
    )
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> &'a str {
    let value = request.headers().get(name);
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn is_signed(request: &Request<Bytes>) -> bool {
    let body_sha256: [u8; 32] = Sha256::digest(request.body()).into();
    let range = header(request, "range");
    let headers = [("range", range)];
    let is_of = |seconds| {
        let signed = signer().sign(&Signed {
            method: request.method().as_str(),
            host: HOST,
            path: request.uri().path(),
            headers: if range.is_empty() { &[] } else { &headers },
            body_sha256,
            time: Time::from_seconds(seconds),
        });
        signed.authorization == header(request, "authorization")
            && signed.body_sha256 == header(request, "x-amz-content-sha256")
            && signed.date == header(request, "x-amz-date")
    };
    request.uri().host() == Some(HOST)
        && header(request, "content-length") == request.body().len().to_string()
        && (now() - 5..=now() + 5).any(is_of)
}

fn refused(status: StatusCode, code: &str) -> Response<Bytes> {
    with(
        status,
        format!("<Error><Code>{code}</Code><Message>No.</Message></Error>").into(),
    )
}

fn with(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
}
