//! The sender of signed webhooks: one event, sent once, retried, or tampered with to see it refused.

mod event;
mod retry;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use kyc_core::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

pub use crate::client::{Answer, SendError};
pub use event::{EventKind, WebhookEvent};
pub use retry::RetrySchedule;

use crate::ambient::{Clock, Secret, Sleeper};
use crate::client::Client;

/// Where and how to send webhooks.
#[derive(Clone)]
pub struct WebhooksOptions {
    /// Base URL of the CRM, http or https.
    pub crm_url: String,
    /// The tenant's slug.
    pub slug: String,
    /// The secret that signs.
    pub webhook_secret: Secret,
    /// Tells the time that is signed.
    pub clock: Clock,
    /// Waits between attempts.
    pub sleeper: Sleeper,
    /// When to try again.
    pub schedule: RetrySchedule,
}

/// Sends webhooks to one tenant's address.
#[derive(Clone)]
pub struct Webhooks {
    client: Client,
    url: Uri,
    secret: Secret,
    clock: Clock,
    sleeper: Sleeper,
    schedule: RetrySchedule,
}

/// What to do wrong, or unusually, in one attempt.
#[derive(Debug, Clone, Default)]
pub struct Tamper {
    /// Signed and sent in place of the event.
    pub body: Option<Vec<u8>>,
    /// Sent in place of what was signed.
    pub body_after_signing: Option<Vec<u8>>,
    /// Added to the time that is signed and sent, in seconds.
    pub timestamp_shift: i64,
    /// Whether signatures carry the prefix `v1=`.
    pub with_version: bool,
    /// Signatures with these secrets stand before the right one.
    pub other_secrets: Vec<Secret>,
    /// Headers in place of those of the same name; a name that comes twice is sent twice.
    pub headers: Vec<(String, String)>,
    /// Headers that are not sent.
    pub without_headers: Vec<String>,
}

/// How sending an event ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered {
    /// How many attempts there were, at least 1.
    pub attempts: u32,
    /// What came of the last one.
    pub outcome: Result<Answer, SendError>,
}

impl Webhooks {
    /// A sender. An error says what is wrong with the CRM's address.
    pub fn new(options: WebhooksOptions) -> Result<Self, SendError> {
        let base = options.crm_url.trim_end_matches('/');
        let slug = utf8_percent_encode(&options.slug, NON_ALPHANUMERIC)
            .to_string()
            .replace("%2D", "-");
        let url: Option<Uri> = format!("{base}/v1/adapters/{slug}/webhooks/kyc-events").parse().ok();
        let url = url.filter(|url| {
            let is_web = matches!(url.scheme_str(), Some("http" | "https"));
            is_web && url.host().is_some_and(|host| !host.is_empty()) && url.query().is_none()
        });
        let url = url.ok_or_else(|| {
            let shown: String = options.crm_url.chars().take(64).collect();
            SendError::Address(format!(
                "`{shown}` is no address of a CRM, like https://crm.example.com"
            ))
        })?;
        Ok(Self {
            client: Client::new(url.scheme_str() == Some("https"))?,
            url,
            secret: options.webhook_secret,
            clock: options.clock,
            sleeper: options.sleeper,
            schedule: options.schedule,
        })
    }

    /// Sends an event once.
    pub async fn send(&self, event: &WebhookEvent) -> Result<Answer, SendError> {
        self.send_tampered(event, &Tamper::default()).await
    }

    /// Sends an event once, with something wrong.
    pub async fn send_tampered(&self, event: &WebhookEvent, tamper: &Tamper) -> Result<Answer, SendError> {
        let signed = tamper.body.clone().unwrap_or_else(|| bytes(event));
        let headers = self.headers(&signed, tamper)?;
        let body = tamper.body_after_signing.clone().unwrap_or(signed);
        self.client.call(Method::POST, &self.url, headers, body.into()).await
    }

    /// Sends an event until it is answered with something other than 429 or 5xx, as often as the schedule allows.
    /// Every attempt is signed anew.
    pub async fn deliver(&self, event: &WebhookEvent) -> Delivered {
        let mut attempts = 0;
        loop {
            let outcome = self.send(event).await;
            attempts += 1;
            match self.schedule.wait_after(attempts as usize, &outcome, (self.clock)()) {
                Some(wait) => self.wait(wait).await,
                None => return Delivered { attempts, outcome },
            }
        }
    }

    /// Waits as this sender waits.
    pub(crate) async fn wait(&self, duration: Duration) {
        (self.sleeper)(duration).await;
    }

    /// Where events go.
    pub fn url(&self) -> String {
        self.url.to_string()
    }

    fn headers(&self, body: &[u8], tamper: &Tamper) -> Result<HeaderMap, SendError> {
        let timestamp = (self.clock)().saturating_add(tamper.timestamp_shift).to_string();
        let version = if tamper.with_version { "v1=" } else { "" };
        let secrets = tamper.other_secrets.iter().chain([&self.secret]);
        let signatures: Vec<String> = secrets
            .map(|secret| format!("{version}{}", sign(secret.reveal(), &timestamp, body)))
            .collect();
        let own = [
            ("content-type", "application/json"),
            (TIMESTAMP_HEADER, &timestamp),
            (SIGNATURE_HEADER, &signatures.join(",")),
        ];
        let mut headers = HeaderMap::new();
        let replaced = tamper.headers.iter().map(|(name, _)| name);
        let absent: Vec<&String> = replaced.chain(&tamper.without_headers).collect();
        let own = own
            .into_iter()
            .filter(|(name, _)| !absent.iter().any(|absent| absent.eq_ignore_ascii_case(name)));
        let given = tamper.headers.iter().map(|(name, value)| (&**name, &**value));
        for (name, value) in own.chain(given) {
            let wrong = || SendError::Header(name.chars().take(64).collect());
            let value = HeaderValue::from_str(value).map_err(|_| wrong())?;
            headers.append(HeaderName::try_from(name).map_err(|_| wrong())?, value);
        }
        Ok(headers)
    }
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Webhooks")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// The event as it stands on the wire: text keys and plain values always serialise.
fn bytes(event: &WebhookEvent) -> Vec<u8> {
    serde_json::to_vec(event).unwrap_or_default()
}
