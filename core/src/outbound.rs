//! Calls out to a tenant's platform (the tenant contract's "Calls out"): what is queued by which change, what is sent,
//! what an answer means, and when a call is tried again. All of it pure; the application sends.

mod answer;
pub mod list;
mod plan;
pub mod replay;
pub mod retry;
pub mod send;
mod settle;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::id::{Brand, CustomerId, DeliveryId, ProfileId};
use crate::json::Json;
use crate::record;
use crate::status::{CallKind, DeliveryStatus, KycModel};
use crate::time::{Seconds, Time};

pub use answer::{Lookup, Verdict, judge, lookup_answer};
pub(crate) use plan::apply as plan;
pub use settle::Settle;

record! {
    /// A call out, from the change that caused it to its end. How often it was tried stands apart, in the queue.
    pub struct Delivery {
        /// Its id; calls of one player go out in this order.
        pub id: DeliveryId,
        /// The customer's brand.
        pub brand: Brand,
        /// The customer.
        pub customer_id: CustomerId,
        /// The profile.
        pub kyc_id: ProfileId,
        /// The tenant that it was queued for.
        pub tenant_id: String,
        /// That tenant's model then.
        pub kyc_model: KycModel,
        /// By what id the platform knows the customer.
        pub player_external_id: Option<String>,
        /// `Idempotency-Key`: a UUID, the same in every try.
        pub idempotency_key: String,
        /// What it calls for.
        pub call: CallKind,
        /// The level that it is about.
        pub level: i64,
        /// The body that is sent.
        pub body: Json,
        /// Where it stands.
        pub status: DeliveryStatus,
        /// When it was queued, or queued again.
        pub queued_time: Time,
        /// When it came to its end.
        pub settled_time: Option<Time>,
        /// Why it was refused or given up: a code.
        pub code: Option<String>,
        /// The same in words.
        pub message: Option<String>,
        /// What the platform calls the case.
        pub provider_ref: Option<String>,
        /// Rises with every change.
        pub version: i64,
    }
}

record! {
    /// A call that waits, in the queue.
    pub struct QueuedCall {
        /// The call.
        pub delivery_id: DeliveryId,
        /// The customer's brand.
        pub brand: Brand,
        /// The customer.
        pub customer_id: CustomerId,
        /// When it was queued.
        pub queued_time: Time,
        /// When it is tried next.
        pub due_time: Time,
        /// Until when somebody is at it.
        pub lease_until: Option<Time>,
        /// How often it was tried in vain.
        pub attempts: i64,
    }
}

record! {
    /// How a tenant's platform has answered lately. Absent while it answers.
    pub struct Breaker {
        /// The tenant's brand.
        pub brand: Brand,
        /// Failures in a row.
        pub failures: i64,
        /// With enough of them, when one call is let through next.
        pub probe_time: Option<Time>,
    }
}

/// What becomes of a call in the queue, with the commit that decides it.
#[derive(Debug, Clone, PartialEq)]
pub enum QueueChange {
    /// It joins.
    Add(QueuedCall),
    /// It leaves, unless somebody is at it.
    Drop {
        /// Which.
        delivery_id: DeliveryId,
        /// Leases that ended before are over.
        now: Time,
    },
    /// Whoever was at it until then is done with it.
    Finish {
        /// Which.
        delivery_id: DeliveryId,
        /// The end of the lease.
        lease_until: Time,
        /// What the try told of the platform.
        heard: Heard,
        /// When.
        now: Time,
    },
}

/// What the end of a call tells of its platform.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Heard {
    /// Nothing: it was not called.
    #[default]
    Nothing,
    /// It answered: its breaker closes, and all that waits is due.
    Answer,
    /// It failed, which its breaker counts.
    Failure,
}

impl QueuedCall {
    /// A call that is due at once.
    pub fn of(delivery: &Delivery) -> Self {
        Self {
            delivery_id: delivery.id,
            brand: delivery.brand.clone(),
            customer_id: delivery.customer_id,
            queued_time: delivery.queued_time,
            due_time: delivery.queued_time,
            lease_until: None,
            attempts: 0,
        }
    }
}

impl Delivery {
    /// Whether no answer has ended it.
    pub const fn is_open(&self) -> bool {
        matches!(self.status, DeliveryStatus::Queued | DeliveryStatus::Dead)
    }

    /// What the history shows of it.
    pub fn history_data(&self) -> Value {
        let mut data = Map::from_iter([
            ("delivery_id".to_owned(), json!(self.id)),
            ("call".to_owned(), json!(self.call)),
        ]);
        data.extend(
            self.body
                .get("status")
                .map(|status| ("status".to_owned(), status.clone())),
        );
        data.extend(
            self.message
                .as_ref()
                .map(|message| ("message".to_owned(), json!(message))),
        );
        data.extend(
            self.provider_ref
                .as_ref()
                .map(|name| ("provider_ref".to_owned(), json!(name))),
        );
        Value::Object(data)
    }

    /// The verdict that the platform is told, if it is an update.
    pub fn told(&self) -> Option<Told> {
        let status = match self.body.get("status").and_then(Value::as_str)? {
            "verified" => ToldStatus::Verified,
            _ => ToldStatus::Rejected,
        };
        Some(Told {
            status,
            level: self.level,
            reason: self
                .body
                .get("reason")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        })
    }
}

/// What the platform was told of a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The verdict.
    pub status: ToldStatus,
    /// Of which level.
    pub level: i64,
    /// Why.
    pub reason: String,
}

/// The two verdicts that a platform is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the contract's own names")]
pub enum ToldStatus {
    Verified,
    Rejected,
}

/// Of all calls about a customer, those that decisions look at: the open ones, and of each level the last update that
/// is on its way or was taken.
pub fn relevant(deliveries: &[Delivery]) -> Vec<Delivery> {
    let is_last_told = |one: &Delivery| {
        one.call == CallKind::Update
            && one.status == DeliveryStatus::Delivered
            && !deliveries.iter().any(|other| {
                other.call == CallKind::Update
                    && other.status == DeliveryStatus::Delivered
                    && other.level == one.level
                    && other.id > one.id
            })
    };
    let mut found: Vec<Delivery> = deliveries
        .iter()
        .filter(|one| one.is_open() || is_last_told(one))
        .cloned()
        .collect();
    found.sort_by_key(|delivery| delivery.id);
    found
}

/// A call as the wire shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryView {
    /// Its id.
    pub id: DeliveryId,
    /// The customer's brand.
    pub brand: Brand,
    /// The customer.
    pub customer_id: CustomerId,
    /// The profile.
    pub kyc_id: ProfileId,
    /// By what id the platform knows the customer.
    pub player_external_id: Option<String>,
    /// The `Idempotency-Key` of every try.
    pub idempotency_key: String,
    /// What it calls for.
    pub call: CallKind,
    /// The level that it is about.
    pub level: i64,
    /// The body that is sent.
    pub body: Json,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// When it was queued, or queued again.
    pub queued_time: Seconds,
    /// When it came to its end.
    pub settled_time: Option<Seconds>,
    /// Why it was refused or given up: a code.
    pub code: Option<String>,
    /// The same in words.
    pub message: Option<String>,
    /// What the platform calls the case.
    pub provider_ref: Option<String>,
    /// Rises with every change.
    pub version: i64,
}

impl From<&Delivery> for DeliveryView {
    fn from(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id,
            brand: delivery.brand.clone(),
            customer_id: delivery.customer_id,
            kyc_id: delivery.kyc_id,
            player_external_id: delivery.player_external_id.clone(),
            idempotency_key: delivery.idempotency_key.clone(),
            call: delivery.call,
            level: delivery.level,
            body: delivery.body.clone(),
            status: delivery.status,
            queued_time: delivery.queued_time.into(),
            settled_time: delivery.settled_time.map(Seconds::from),
            code: delivery.code.clone(),
            message: delivery.message.clone(),
            provider_ref: delivery.provider_ref.clone(),
            version: delivery.version,
        }
    }
}
