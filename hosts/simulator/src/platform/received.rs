//! The record of what a platform was called with.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;

/// Most calls that are remembered; older ones are forgotten.
pub const RECEIVED_MAX: usize = 100_000;

/// `answered` of a call that got no answer.
pub const UNANSWERED: u16 = 0;

/// Which endpoint was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// `POST /v1/kyc/initiate`
    Initiate,
    /// `POST /v1/kyc/update`
    Update,
    /// `GET /v1/kyc/{player_external_id}`
    Lookup,
    /// Something that the contract does not have.
    Other,
}

/// One call, as it came and as it was answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Received {
    /// When, in Unix seconds.
    pub at: i64,
    /// Which endpoint.
    pub kind: CallKind,
    /// The path as it was sent.
    pub path: String,
    /// The `Idempotency-Key` header, well-formed or not.
    pub idempotency_key: Option<String>,
    /// The player of the body or the path, if it names one.
    pub player_external_id: Option<String>,
    /// The body: null if it was empty or not read, text if it was no JSON.
    pub body: Value,
    /// The HTTP status of the answer, [`UNANSWERED`] if there was none.
    pub answered: u16,
    /// Whether no call with this idempotency key had been taken before; true for calls without a key.
    pub first_time: bool,
    /// Whether this very call changed what the platform knows.
    pub applied: bool,
    /// Whether timestamp and signature held.
    pub signature_ok: bool,
}

/// The latest calls, and how many there were in all.
#[derive(Debug, Default)]
pub(crate) struct Log {
    total: usize,
    latest: VecDeque<Received>,
}

impl Log {
    pub(crate) fn push(&mut self, received: Received) {
        if self.latest.len() >= RECEIVED_MAX {
            self.latest.pop_front();
        }
        self.latest.push_back(received);
        self.total += 1;
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// The calls after the first `seen` ones, in order.
    pub(crate) fn after(&self, seen: usize) -> Vec<Received> {
        let forgotten = self.total - self.latest.len();
        self.latest
            .iter()
            .skip(seen.saturating_sub(forgotten))
            .cloned()
            .collect()
    }
}
