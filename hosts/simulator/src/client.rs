//! One HTTP request, one bounded answer: no redirects, no proxies, TLS verified.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// How long a call may take from connecting to the answer's last byte.
const CALL_TIME_MAX: Duration = Duration::from_secs(10);

/// What the other side answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header, if there was one.
    pub retry_after: Option<String>,
    /// The body: null if it was empty, text if it was no JSON.
    pub body: Value,
}

/// Why there is no answer. The texts name no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The address cannot be called.
    #[error("{0}")]
    Address(String),
    /// A header that cannot be sent.
    #[error("`{0}` is no header, or its value cannot be sent")]
    Header(String),
    /// No connection, no TLS, no answer in time, or too long an answer.
    #[error("{0}")]
    Unreachable(String),
}

/// Calls http and https addresses.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Client {
    /// A client for one kind of address; the machine's root certificates are read only where TLS is spoken.
    pub(crate) fn new(is_tls: bool) -> Result<Self, SendError> {
        let no_tls = |error: &dyn Error| SendError::Address(format!("cannot speak TLS: {}", causes(error)));
        let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| no_tls(&error))?;
        let tls = if is_tls {
            tls.with_native_roots().map_err(|error| no_tls(&error))?
        } else {
            tls.with_root_certificates(RootCertStore::empty())
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.with_no_client_auth())
            .https_or_http()
            .enable_http1()
            .build();
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { http })
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn call(
        &self,
        method: Method,
        url: &Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, SendError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = url.clone();
        *request.headers_mut() = headers;
        tokio::time::timeout(CALL_TIME_MAX, self.exchange(request))
            .await
            .unwrap_or_else(|_| Err(SendError::Unreachable("no answer within 10 s".to_owned())))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, SendError> {
        let failed = |error: &dyn Error| SendError::Unreachable(causes(error));
        let response = self.http.request(request).await.map_err(|error| failed(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| failed(error.as_ref()))?.to_bytes();
        let retry_after = parts.headers.get(header::RETRY_AFTER);
        Ok(Answer {
            status: parts.status.as_u16(),
            retry_after: retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned),
            body: match body.as_ref() {
                [] => Value::Null,
                body => serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into()),
            },
        })
    }
}

/// An error with its causes: the innermost one is what tells a user what to do.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
