//! `MngReplayKycDelivery`: a dead letter goes out again.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::{AcceptedVersion, Change, Needs, Outcome, Target};
use crate::customer::CustomerState;
use crate::event::Action;
use crate::id::DeliveryId;
use crate::outbound::{Delivery, QueueChange, QueuedCall, ToldStatus};
use crate::rejection::Rejection;
use crate::status::{CallKind, DeliveryStatus, KycModel, RiskLevel};
use crate::work::{Work, approved_levels};

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
        let refuse = |message: String| Rejection::InvalidState {
            message,
            current_status: delivery.status.number(),
        };
        if delivery.status != DeliveryStatus::Dead {
            let status = delivery.status.name();
            return Err(refuse(format!(
                "only a dead call can be sent again, this one is {status}"
            )));
        }
        if !is_callable || !is_this_tenants {
            return Err(refuse("the tenant that the call was meant for has gone".to_owned()));
        }
        // An update says all that came before it of its level: an older call would take it back.
        let is_newer = |other: &Delivery| {
            other.id > delivery.id && other.level == delivery.level && other.call == CallKind::Update
        };
        if work.state.deliveries.iter().any(is_newer) {
            return Err(refuse(
                "a later call has told the platform something else of this level".to_owned(),
            ));
        }
        if !still_holds(work, &delivery) {
            return Err(refuse("what the call says of the level no longer holds".to_owned()));
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

/// Whether the platform may be told the call's verdict as things are: the newer one may have been refused, and then no
/// call stands against the older.
fn still_holds(work: &Work, delivery: &Delivery) -> bool {
    let Some(told) = delivery.told().filter(|_| delivery.call == CallKind::Update) else {
        return true;
    };
    let profile = work.state.profile.as_ref();
    let is_prohibited = profile.is_some_and(|profile| profile.risk_level == RiskLevel::Prohibited);
    let is_verified = !is_prohibited && approved_levels(&work.state.steps).contains(&told.level);
    (told.status == ToldStatus::Verified) == is_verified
}
