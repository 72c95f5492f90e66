//! Calls out within a decision: what is queued, what becomes of it, and what a reconciliation found.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Work;
use crate::event::{Action, Note, Subject};
use crate::id::FileId;
use crate::outbound::{Delivery, QueueChange, QueuedCall};
use crate::profile::Profile;
use crate::record::{Members, Record};
use crate::status::DeliveryStatus;

impl Work {
    /// A UUID made of the decision's randomness, another one each time.
    pub fn fresh_uuid(&mut self) -> String {
        self.uuids += 1;
        let digest: [u8; 32] = Sha256::new()
            .chain_update(self.context.seed.0)
            .chain_update(self.uuids.to_be_bytes())
            .finalize()
            .into();
        let [bytes @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest;
        FileId::from_random(bytes).to_string()
    }

    /// Changes the queue of calls with this commit.
    pub fn queue(&mut self, change: QueueChange) {
        self.queue.push(change);
    }

    /// Adds a call out.
    pub fn add_delivery(&mut self, delivery: Delivery) {
        let action = match delivery.status {
            DeliveryStatus::Refused => Action::OutboundRefused,
            _ => Action::OutboundQueued,
        };
        self.push_delivery(action, &delivery, None, delivery.members());
        self.state.deliveries.push(delivery);
    }

    /// Queues a verdict again that the platform took before, about the player as it is called now.
    pub fn tell_again(&mut self, told: &Delivery) {
        let external_id = self
            .state
            .profile
            .as_ref()
            .and_then(|profile| profile.external_id.clone());
        let mut body = told.body.clone().into_value();
        if let Value::Object(body) = &mut body {
            body.insert("player_external_id".to_owned(), external_id.clone().into());
        }
        let delivery = Delivery {
            player_external_id: external_id,
            body: body.into(),
            id: self.context.ids.delivery(),
            idempotency_key: self.fresh_uuid(),
            status: DeliveryStatus::Queued,
            queued_time: self.now,
            settled_time: None,
            code: None,
            message: None,
            provider_ref: None,
            version: 1,
            ..told.clone()
        };
        self.queue(QueueChange::Add(QueuedCall::of(&delivery)));
        self.add_delivery(delivery);
    }

    /// Changes a call out; gives what it became.
    pub fn change_delivery(
        &mut self,
        before: &Delivery,
        action: Action,
        change: impl FnOnce(&mut Delivery),
    ) -> Delivery {
        let mut after = before.clone();
        change(&mut after);
        after.version += 1;
        let (old, mut new) = Delivery::changes(before, &after);
        new.insert("id".into(), after.id.0.into());
        self.push_delivery(action, &after, Some(old), new);
        self.state.deliveries.retain(|delivery| delivery.id != after.id);
        self.state.deliveries.push(after.clone());
        after
    }

    fn push_delivery(&mut self, action: Action, delivery: &Delivery, before: Option<Members>, after: Members) {
        let note = Note {
            reason: delivery.code.clone(),
            ..Note::default()
        };
        self.push(action, Subject::default(), note, before, Some(after), delivery.level);
        let data = delivery.history_data();
        self.amend_history(|history| history.data = Some(data));
    }

    /// Records what a reconciliation found; where both sides decide, somebody must look at it.
    pub fn record_drift(&mut self, level: i64, data: Value, asks_for_review: bool) {
        let Some(before) = self.state.profile.clone() else {
            return;
        };
        let mut after = before.clone();
        if asks_for_review && after.review_reason.is_none() {
            after.review_reason = Some("drift".to_owned());
            after.review_since = Some(self.now);
            after.version += 1;
            after.updated_time = self.now;
        }
        let (old, new) = Profile::changes(&before, &after);
        self.state.profile = Some(after);
        self.push(
            Action::ReconcileDrift,
            Subject::default(),
            Note::reason("drift"),
            Some(old),
            Some(new),
            level,
        );
        self.amend_history(|history| history.data = Some(data));
    }
}
