//! Another body under an `event_id` that is taken: it stands in the ledger once, and changes nothing.

use crate::actor::Actor;
use crate::command::{Change, Outcome, Target};
use crate::id::{CustomerKey, Slug};
use crate::level::LevelEntry;
use crate::limits::LEVEL_LOG_ENTRIES_MAX;
use crate::rejection::Rejection;
use crate::status::{Flag, KycModel};
use crate::webhook::Webhook;
use crate::work::Work;

/// The second body, for the customer whose event had the id first.
#[derive(Debug)]
pub struct RecordConflict {
    /// Whose.
    pub customer: CustomerKey,
    /// Of which tenant.
    pub slug: Slug,
    /// What it says.
    pub webhook: Webhook,
}

impl Change for RecordConflict {
    type Reply = ();

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Customer(self.customer.clone()))
    }

    fn permitted(&self, _model: Option<KycModel>) -> Result<(), Rejection> {
        Ok(())
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<()>, Rejection> {
        let webhook = &self.webhook;
        let is_same = |entry: &LevelEntry| {
            entry.event_id.as_ref() == Some(&webhook.event_id) && entry.body_hash == Some(webhook.body_hash)
        };
        let log = &work.state.log;
        if !log.iter().any(is_same) && log.len() < LEVEL_LOG_ENTRIES_MAX {
            work.receive(&self.slug, webhook, Flag::No);
        }
        Ok(Outcome::Done(()))
    }
}
