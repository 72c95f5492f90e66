//! The end of a try, recorded in the player's stream: delivered, refused, dead or superseded.

use crate::actor::Actor;
use crate::command::{Change, Needs, Outcome, Target};
use crate::customer::CustomerState;
use crate::event::Action;
use crate::id::{CustomerKey, DeliveryId};
use crate::outbound::{Heard, QueueChange};
use crate::rejection::Rejection;
use crate::status::{DeliveryStatus, KycModel};
use crate::time::Time;
use crate::work::{By, Work};

/// What a try came to.
#[derive(Debug, Clone)]
pub struct Settle {
    /// Whose call.
    pub customer: CustomerKey,
    /// Which.
    pub delivery_id: DeliveryId,
    /// The end of the lease under which it was tried.
    pub lease_until: Time,
    /// Where it ends: not `queued`.
    pub status: DeliveryStatus,
    /// Why.
    pub code: Option<String>,
    /// The same in words.
    pub message: Option<String>,
    /// What the platform calls the case.
    pub provider_ref: Option<String>,
    /// What it told of the platform.
    pub heard: Heard,
}

impl Change for Settle {
    type Reply = ();

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Customer(self.customer.clone()))
    }

    fn needs(&self, _state: &CustomerState) -> Needs {
        Needs {
            delivery: Some(self.delivery_id),
            ..Needs::NONE
        }
    }

    /// What was queued comes to its end under every model.
    fn permitted(&self, _model: Option<KycModel>) -> Result<(), Rejection> {
        Ok(())
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<()>, Rejection> {
        let is_queued = |status| status == DeliveryStatus::Queued;
        let delivery = work
            .context
            .delivery
            .as_ref()
            .filter(|delivery| is_queued(delivery.status));
        // Somebody else has settled it.
        let Some(delivery) = delivery.cloned() else {
            return Ok(Outcome::Done(()));
        };
        let action = match self.status {
            DeliveryStatus::Delivered => Action::OutboundDelivered,
            DeliveryStatus::Refused => Action::OutboundRefused,
            DeliveryStatus::Superseded => Action::OutboundSuperseded,
            DeliveryStatus::Dead | DeliveryStatus::Queued => Action::OutboundDead,
        };
        let now = work.now;
        work.set_by(By::Outbound);
        work.change_delivery(&delivery, action, |delivery| {
            delivery.status = self.status;
            delivery.settled_time = Some(now);
            delivery.code.clone_from(&self.code);
            delivery.message.clone_from(&self.message);
            delivery.provider_ref.clone_from(&self.provider_ref);
        });
        work.set_by(By::Caller);
        work.queue(QueueChange::Finish {
            delivery_id: self.delivery_id,
            lease_until: self.lease_until,
            heard: self.heard,
            now,
        });
        Ok(Outcome::Done(()))
    }
}
