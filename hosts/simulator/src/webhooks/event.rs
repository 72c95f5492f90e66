//! The five events of the contract as values.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::ambient::rfc3339;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// The player handed in documents for a level.
    #[serde(rename = "kyc.submitted")]
    Submitted,
    /// The level was verified.
    #[serde(rename = "kyc.approved")]
    Approved,
    /// The level was rejected.
    #[serde(rename = "kyc.rejected")]
    Rejected,
    /// The level's verification has ended.
    #[serde(rename = "kyc.expired")]
    Expired,
    /// The player has started a submission for a higher level.
    #[serde(rename = "kyc.level_upgraded")]
    LevelUpgraded,
}

/// A webhook's body. The members are plain, so that a test can send what the contract forbids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebhookEvent {
    /// What happened.
    pub event: EventKind,
    /// Identifies the event over retries, 1 to 128 characters.
    pub event_id: String,
    /// When it happened, RFC 3339 with an offset.
    pub ts: String,
    /// The player, 1 to 255 characters.
    pub player_external_id: String,
    /// The level, 0 to 10.
    pub level: u8,
    /// What the kind of event adds.
    pub data: Map<String, Value>,
}

impl WebhookEvent {
    /// An event at a time in Unix seconds, with empty data.
    pub fn new(event: EventKind, event_id: &str, ts: i64, player_external_id: &str, level: u8) -> Self {
        Self {
            event,
            event_id: event_id.to_owned(),
            ts: rfc3339(ts),
            player_external_id: player_external_id.to_owned(),
            level,
            data: Map::new(),
        }
    }

    /// With these documents, as a submission has them.
    #[must_use]
    pub fn with_documents(self, documents: &[&str]) -> Self {
        self.with("documents", json!(documents))
    }

    /// With an end in Unix seconds, as an approval may have it.
    #[must_use]
    pub fn with_expires_at(self, expires_at: i64) -> Self {
        self.with("expires_at", rfc3339(expires_at).into())
    }

    /// With a reason, as a rejection may have it.
    #[must_use]
    pub fn with_reason(self, reason: &str) -> Self {
        self.with("reason", reason.into())
    }

    /// With any member of `data`.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.data.insert(name.to_owned(), value);
        self
    }
}
