//! The level machine: what a customer's levels are, as the fold of every accepted event in an order that does not
//! depend on when each arrived (the tenant contract's "Level machine").

mod fold;
#[cfg(test)]
mod tests;

use crate::id::{Brand, CustomerId, ProfileId, Slug};
use crate::record;
use crate::record::Hash;
use crate::status::{Flag, LevelEvent};
use crate::time::Time;

pub use fold::{Expiry, Fold, Level, Verification, fold};

record! {
    /// An entry of a customer's level log: a webhook, or what happened here. Never changed, never removed.
    pub struct LevelEntry {
        /// The profile.
        pub kyc_id: ProfileId,
        /// Its place in the customer's log, from 1.
        pub number: i64,
        /// The customer's brand.
        pub brand: Brand,
        /// The customer.
        pub customer_id: CustomerId,
        /// What happened.
        pub event: LevelEvent,
        /// To which level.
        pub level: i64,
        /// When, as the sender says; for what happened here, when it was committed or fell due.
        pub ts: Time,
        /// When the verification ends that an approval brings, if it does.
        pub expires_at: Option<Time>,
        /// The tenant whose webhook brought it; absent for what happened here.
        pub slug: Option<Slug>,
        /// The sender's id of the event; absent for what happened here.
        pub event_id: Option<String>,
        /// SHA-256 of the body's canonical JSON; absent for what happened here.
        pub body_hash: Option<Hash>,
        /// No: another body under an `event_id` that was taken, recorded but never applied.
        pub accepted: Flag,
    }
}
