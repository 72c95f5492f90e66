//! A customer's profile with the customer aggregate: the row that everything else hangs on.

pub mod get;
pub mod history;
pub mod link;
pub mod list;
pub mod review;
pub mod set_required_level;
pub mod set_risk;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{Brand, CustomerId, ProfileId};
use crate::record;
use crate::status::{KycStatus, ProfileStatus, RiskLevel};
use crate::time::{Seconds, Time};

record! {
    /// A profile, and the customer aggregate (the seed's `players.kyc_*`), which changes in the same transaction.
    pub struct Profile {
        /// `kyc_id` on the wire.
        pub id: ProfileId,
        /// The customer's brand.
        pub brand: Brand,
        /// The customer.
        pub customer_id: CustomerId,
        /// What the platform calls the customer: linked, or else the decimal number unless that is another's.
        pub external_id: Option<String>,
        /// Whether the external id was given explicitly.
        pub linked: bool,
        /// Where the verification stands as a whole.
        pub status: ProfileStatus,
        /// The level reached.
        pub current_level: i64,
        /// The level asked for; it only rises.
        pub required_level: i64,
        /// How risky the customer is held to be.
        pub risk_level: RiskLevel,
        /// Why a person must look again.
        pub review_reason: Option<String>,
        /// Since when.
        pub review_since: Option<Time>,
        /// Steps that wait for a verdict.
        pub pending_steps: i64,
        /// When the longest-waiting of them was submitted.
        pub oldest_submitted_time: Option<Time>,
        /// The earliest end among approved steps that count.
        pub expires_time: Option<Time>,
        /// The aggregate's status.
        pub kyc_status: KycStatus,
        /// The aggregate's level, 0..10.
        pub kyc_level: i64,
        /// The latest step or level change.
        pub kyc_last_event_at: Option<Time>,
        /// When the aggregate's level lapses.
        pub kyc_expires_at: Option<Time>,
        /// Rises with every change.
        pub version: i64,
        /// When the profile was made.
        pub created_time: Time,
        /// When it last changed.
        pub updated_time: Time,
    }
}

/// A profile as managers see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileView {
    /// `kyc_id` elsewhere.
    pub id: ProfileId,
    /// The customer.
    pub customer_id: CustomerId,
    /// What the platform calls the customer.
    pub external_id: Option<String>,
    /// The customer's brand.
    pub brand: Brand,
    /// Where the verification stands as a whole.
    pub status: ProfileStatus,
    /// The level reached.
    pub current_level: i64,
    /// The level asked for; it only rises.
    pub required_level: i64,
    /// How risky the customer is held to be.
    pub risk_level: RiskLevel,
    /// Why a person must look again.
    pub review_reason: Option<String>,
    /// Since when.
    pub review_since: Option<Seconds>,
    /// Steps that wait for a verdict.
    pub pending_steps: i64,
    /// When the longest-waiting of them was submitted.
    pub oldest_submitted_time: Option<Seconds>,
    /// The earliest end among approved steps that count.
    pub expires_time: Option<Seconds>,
    /// Rises with every change.
    pub version: i64,
    /// When the profile was made.
    pub created_time: Seconds,
    /// When it last changed.
    pub updated_time: Seconds,
}

impl From<&Profile> for ProfileView {
    fn from(profile: &Profile) -> Self {
        Self {
            id: profile.id,
            customer_id: profile.customer_id,
            external_id: profile.external_id.clone(),
            brand: profile.brand.clone(),
            status: profile.status,
            current_level: profile.current_level,
            required_level: profile.required_level,
            risk_level: profile.risk_level,
            review_reason: profile.review_reason.clone(),
            review_since: profile.review_since.map(Seconds::from),
            pending_steps: profile.pending_steps,
            oldest_submitted_time: profile.oldest_submitted_time.map(Seconds::from),
            expires_time: profile.expires_time.map(Seconds::from),
            version: profile.version,
            created_time: profile.created_time.into(),
            updated_time: profile.updated_time.into(),
        }
    }
}
