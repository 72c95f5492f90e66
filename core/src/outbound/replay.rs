//! `MngReplayKycDelivery`: a dead letter goes out again.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::{AcceptedVersion, Change, Needs, Outcome, Target};
use crate::customer::CustomerState;
use crate::event::Action;
use crate::id::DeliveryId;
use crate::outbound::{QueueChange, QueuedCall};
use crate::rejection::Rejection;
use crate::status::{DeliveryStatus, KycModel};
use crate::work::Work;

/// Which call.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayDelivery {
    /// The call.
    pub id: DeliveryId,
}

impl Change for ReplayDelivery {
    type Reply = AcceptedVersion;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Delivery(self.id))
    }

    fn needs(&self, _state: &CustomerState) -> Needs {
        Needs {
            delivery: Some(self.id),
            ..Needs::NONE
        }
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<AcceptedVersion>, Rejection> {
        let delivery = work.context.delivery.clone().ok_or(Rejection::NotFound("delivery"))?;
        let is_callable = work.context.model().is_some_and(KycModel::calls_out);
        let is_this_tenants = work
            .context
            .tenant
            .as_ref()
            .is_some_and(|tenant| tenant.tenant_id == delivery.tenant_id && tenant.kyc_model == delivery.kyc_model);
        if delivery.status != DeliveryStatus::Dead || !is_callable || !is_this_tenants {
            return Err(Rejection::InvalidState {
                message: format!(
                    "only a dead call of the present tenant can be replayed, this one is {}",
                    delivery.status.name()
                ),
                current_status: delivery.status.number(),
            });
        }
        let now = work.now;
        let after = work.change_delivery(&delivery, Action::OutboundQueued, |delivery| {
            delivery.status = DeliveryStatus::Queued;
            delivery.queued_time = now;
            delivery.settled_time = None;
            delivery.code = None;
            delivery.message = None;
        });
        work.queue(QueueChange::Add(QueuedCall::of(&after)));
        Ok(Outcome::Done(AcceptedVersion::at(after.version)))
    }
}
