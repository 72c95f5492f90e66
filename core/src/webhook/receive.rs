//! A webhook in the player's stream: its entry in the level log, and its line in the history.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::{Actor, BrandScope};
use crate::command::{Change, Needs, Outcome, Target};
use crate::customer::CustomerState;
use crate::id::{CustomerKey, Slug};
use crate::level::LevelEntry;
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
        if work.state.log.iter().any(|entry| self.is(entry)) {
            return Err(Rejection::Duplicate("this event has come before".to_owned()));
        }
        if work.state.log.len() >= LEVEL_LOG_ENTRIES_MAX {
            return Err(Rejection::TooFrequent {
                retry_after_seconds: 3_600,
            });
        }
        let is_new = work.state.profile.is_none();
        let owner = work.context.external_owner;
        if owner.map_or(!is_new, |owner| owner != self.customer.customer_id) {
            // The id has become another customer's since it was looked up: it must be looked up again.
            return Err(Rejection::Stale {
                expected: self.customer.customer_id.0,
                current: owner.map_or(0, |owner| owner.0),
            });
        }
        work.profile_known_as(Some(webhook.player_external_id.clone()));
        let applied = work.telling_effects(|work| work.receive(&self.slug, webhook, Flag::Yes));
        work.amend_history(|history| history.applied = applied);
        work.recalculate();
        let profile = work.state.profile.as_ref();
        Ok(Outcome::Done(ReceivedReply {
            received: true,
            applied,
            new_status: profile.map_or(KycStatus::None, |profile| profile.kyc_status),
        }))
    }
}

impl Receive {
    /// Whether this is the entry that has taken the event's id.
    fn is(&self, entry: &LevelEntry) -> bool {
        entry.accepted == Flag::Yes
            && entry.slug.as_ref() == Some(&self.slug)
            && entry.event_id.as_ref() == Some(&self.webhook.event_id)
    }
}
