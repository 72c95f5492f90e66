//! A webhook in the player's stream: its entry in the level log, and its line in the history.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::{Actor, BrandScope};
use crate::command::{Change, Needs, Outcome, Target};
use crate::customer::CustomerState;
use crate::id::{CustomerKey, Slug};
use crate::level::fold;
use crate::limits::LEVEL_LOG_ENTRIES_MAX;
use crate::rejection::Rejection;
use crate::status::{Flag, KycModel, KycStatus, Session};
use crate::webhook::Webhook;
use crate::work::Work;

/// A verified webhook, for the customer that it is about.
#[derive(Debug)]
pub struct Receive {
    /// Whom.
    pub customer: CustomerKey,
    /// Of which tenant.
    pub slug: Slug,
    /// What it says.
    pub webhook: Webhook,
}

/// What the sender is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceivedReply {
    /// Always true.
    pub received: bool,
    /// Whether it took effect.
    pub applied: bool,
    /// `kyc_status` after this commit.
    pub new_status: KycStatus,
}

impl Actor {
    /// The sender of a tenant's webhooks.
    pub fn webhook(slug: &Slug) -> Self {
        Self {
            session: Session::System,
            subject: format!("webhook:{slug}"),
            scope: BrandScope::All,
            customer: None,
        }
    }
}

impl Change for Receive {
    type Reply = ReceivedReply;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Customer(self.customer.clone()))
    }

    fn needs(&self, _state: &CustomerState) -> Needs {
        Needs {
            external_id: Some(self.webhook.player_external_id.clone()),
            ..Needs::NONE
        }
    }

    fn permitted(&self, model: Option<KycModel>) -> Result<(), Rejection> {
        if model.is_some_and(KycModel::takes_webhooks) {
            Ok(())
        } else {
            Err(Rejection::Unavailable)
        }
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<ReceivedReply>, Rejection> {
        let webhook = &self.webhook;
        if work.state.log.len() >= LEVEL_LOG_ENTRIES_MAX {
            return Err(Rejection::TooFrequent {
                retry_after_seconds: 3_600,
            });
        }
        let is_new = work.state.profile.is_none();
        let owner = work.context.external_owner;
        if owner.map_or(!is_new, |owner| owner != self.customer.customer_id) {
            // The id has become another customer's since it was looked up.
            return Err(Rejection::Unavailable);
        }
        work.profile_known_as(Some(webhook.player_external_id.clone()));
        let before = effective_ids(work);
        work.receive(&self.slug, webhook, Flag::Yes);
        let after = effective_ids(work);
        let applied = after.contains(&webhook.event_id);
        let is_other = |id: &&String| **id != webhook.event_id;
        work.amend_history(|history| {
            history.applied = applied;
            history.also_effective = after.difference(&before).filter(is_other).cloned().collect();
            history.no_longer_effective = before.difference(&after).cloned().collect();
        });
        work.recalculate();
        let profile = work.state.profile.as_ref();
        Ok(Outcome::Done(ReceivedReply {
            received: true,
            applied,
            new_status: profile.map_or(KycStatus::None, |profile| profile.kyc_status),
        }))
    }
}

/// The senders' ids of the webhooks that are effective as the log stands.
fn effective_ids(work: &Work) -> BTreeSet<String> {
    let log = &work.state.log;
    let effective = fold(log, work.now).effective;
    let entries = log.iter().filter(|entry| effective.contains(&entry.number));
    entries.filter_map(|entry| entry.event_id.clone()).collect()
}
