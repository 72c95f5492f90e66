//! Calls out to a tenant's platform: one request, one bounded answer.

use async_trait::async_trait;

/// A request to a platform. It is sent once: no redirects, no retries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundRequest {
    /// With a body `POST`, without one `GET`.
    pub body: Option<Vec<u8>>,
    /// The whole URL: `https`, or `http` too where private networks are allowed.
    pub url: String,
    /// The headers, lower-case names.
    pub headers: Vec<(&'static str, String)>,
    /// Whether the tenant allows addresses in private networks, and `http`.
    pub allow_private_network: bool,
}

/// What the platform answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header, if there was one.
    pub retry_after: Option<String>,
    /// The body, at most [`kyc_core::limits::OUTBOUND_ANSWER_BYTES_MAX`].
    pub body: Vec<u8>,
}

/// Why there is no answer. The texts are shown to operators: they name no secret and no body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The address may not be called; trying again would not help.
    #[error("{0}")]
    Denied(String),
    /// No connection, no TLS, no answer in time, or too long an answer.
    #[error("{0}")]
    Failed(String),
}

/// Calls platforms.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
pub trait Outbound: Send + Sync {
    /// Sends the request and reads the answer, in a bounded time.
    async fn send(&self, request: OutboundRequest) -> Result<OutboundAnswer, OutboundError>;
}
