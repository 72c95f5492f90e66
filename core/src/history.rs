//! `kyc_history`: the customer's append-only timeline, one row per event that makes an entry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audit::AuditRow;
use crate::event::History;
use crate::id::{AuditId, Brand, CustomerId, ProfileId};
use crate::json::Json;
use crate::record;
use crate::record::{Cell, Column, json_of};
use crate::status::KycStatus;
use crate::time::{Seconds, Time};

record! {
    /// A stored entry of a customer's history.
    pub struct HistoryRow {
        /// The audit row that it was written with.
        pub id: AuditId,
        /// The profile.
        pub kyc_id: ProfileId,
        /// The customer's brand.
        pub brand: Brand,
        /// The customer.
        pub customer_id: CustomerId,
        /// When it arrived.
        pub at: Time,
        /// When it holds from.
        pub ts: Time,
        /// Who brought it.
        pub source: String,
        /// What happened.
        pub event: String,
        /// The level concerned, 0 for none.
        pub level: i64,
        /// The aggregate's status before the commit.
        pub from_status: KycStatus,
        /// The aggregate's status after the commit.
        pub to_status: KycStatus,
        /// Whether it took effect.
        pub applied: bool,
        /// A reason code.
        pub reason: Option<String>,
        /// Who.
        pub actor: Option<String>,
        /// What else is to be known.
        pub data: Option<Json>,
        /// The sender's id of the event.
        pub event_id: Option<String>,
        /// Ids of earlier deliveries that took effect by this commit.
        pub also_effective: EventIds,
        /// Ids of earlier deliveries that lost their effect by this commit.
        pub no_longer_effective: EventIds,
    }
}

/// Ids of deliveries; mostly none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventIds(pub Vec<String>);

impl Column for EventIds {
    fn to_cell(&self) -> Cell {
        if self.0.is_empty() {
            Cell::Null
        } else {
            json_of(self).to_string().take_cell()
        }
    }
    fn from_cell(cell: Cell) -> Option<Self> {
        match cell {
            Cell::Null => Some(Self::default()),
            cell => serde_json::from_str(&String::from_cell(cell)?).ok(),
        }
    }
}

impl HistoryRow {
    /// The row of an entry that stands in a customer's audit row; `None` when that row names no profile.
    pub fn new(row: &AuditRow, entry: History) -> Option<Self> {
        Some(Self {
            id: row.id,
            kyc_id: row.kyc_id?,
            brand: row.brand.clone(),
            customer_id: row.customer_id?,
            at: row.created_time,
            ts: entry.ts,
            source: entry.source,
            event: entry.event,
            level: entry.level,
            from_status: entry.from,
            to_status: entry.to,
            applied: entry.applied,
            reason: entry.reason,
            actor: entry.actor,
            data: entry.data.map(Json::from),
            event_id: entry.event_id,
            also_effective: EventIds(entry.also_effective),
            no_longer_effective: EventIds(entry.no_longer_effective),
        })
    }
}

/// A history entry as the wire shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryView {
    /// Its id.
    pub id: AuditId,
    /// When it arrived.
    pub at: Seconds,
    /// When it holds from.
    pub ts: Seconds,
    /// `manager`, `customer`, `system`, `webhook` or `outbound`.
    pub source: String,
    /// `kyc.submitted`, `kyc.approved`, `document.added`, …
    pub event: String,
    /// The level concerned, 0 for none.
    pub level: i64,
    /// The aggregate's status before.
    pub from: KycStatus,
    /// The aggregate's status after.
    pub to: KycStatus,
    /// Whether it took effect.
    pub applied: bool,
    /// A reason code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What else is to be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The sender's id of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Ids of earlier deliveries that took effect by this one's commit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_effective: Vec<String>,
    /// Ids of earlier deliveries that lost their effect by this one's commit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub no_longer_effective: Vec<String>,
}

impl From<&HistoryRow> for HistoryView {
    fn from(row: &HistoryRow) -> Self {
        Self {
            id: row.id,
            at: row.at.into(),
            ts: row.ts.into(),
            source: row.source.clone(),
            event: row.event.clone(),
            level: row.level,
            from: row.from_status,
            to: row.to_status,
            applied: row.applied,
            reason: row.reason.clone(),
            actor: row.actor.clone(),
            data: row.data.as_deref().cloned(),
            event_id: row.event_id.clone(),
            also_effective: row.also_effective.0.clone(),
            no_longer_effective: row.no_longer_effective.0.clone(),
        }
    }
}
