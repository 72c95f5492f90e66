//! What a simulation tells, one JSON object for each thing that happens. No line holds a secret.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::platform::Received;
use crate::run::Summary;
use crate::story::Delivery;
use crate::webhooks::{Delivered, EventKind};

/// Something that happened; it displays as one line of JSON. `at` is in Unix seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Line {
    /// The endpoints are being served.
    Listening {
        /// When.
        at: i64,
        /// The base URL to give to the CRM.
        base_url: String,
    },
    /// The CRM called. The body is shown only if the signature held.
    Received(Received),
    /// A webhook was delivered, or given up.
    Sent(Sent),
    /// The stories have been played; the endpoints are still served.
    Played {
        /// When.
        at: i64,
        /// What came of it.
        summary: Summary,
    },
    /// The simulation was told to stop.
    Stopped {
        /// When.
        at: i64,
    },
}

/// How a webhook fared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sent {
    /// When it was answered or given up.
    pub at: i64,
    /// What was said to have happened.
    pub event: EventKind,
    /// The event's id.
    pub event_id: String,
    /// When it was said to have happened, RFC 3339.
    pub ts: String,
    /// The player.
    pub player_external_id: String,
    /// The level.
    pub level: u8,
    /// Attempts made.
    pub attempts: u32,
    /// The answer's HTTP status; none if there was no answer.
    pub status: Option<u16>,
    /// The answer's body, or why there was none.
    pub answer: Value,
}

impl Line {
    /// A call as a line.
    pub(super) fn received(mut received: Received) -> Self {
        // Who could not sign may have sent anything, a secret in the wrong place too.
        if !received.signature_ok {
            received.body = Value::Null;
            received.player_external_id = None;
            received.idempotency_key = None;
        }
        Self::Received(received)
    }

    /// A delivery as a line.
    pub(super) fn sent(at: i64, delivery: &Delivery, delivered: &Delivered) -> Self {
        let event = &delivery.event;
        let (status, answer) = match &delivered.outcome {
            Ok(answer) => (Some(answer.status), answer.body.clone()),
            Err(error) => (None, error.to_string().into()),
        };
        Self::Sent(Sent {
            at,
            event: event.event,
            event_id: event.event_id.clone(),
            ts: event.ts.clone(),
            player_external_id: event.player_external_id.clone(),
            level: event.level,
            attempts: delivered.attempts,
            status,
            answer,
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
