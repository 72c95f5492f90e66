//! Which calls a decision causes, and which waiting ones they make needless.

use serde_json::{Value, json};

use crate::event::Action;
use crate::outbound::{Delivery, QueueChange, QueuedCall, ToldStatus};
use crate::status::{CallKind, DeliveryStatus, RiskLevel, StepStatus};
use crate::step::Step;
use crate::tenant::Tenant;
use crate::work::{By, Work, approved_levels};

/// Reason of the calls that follow when a customer is shut out.
const RISK_PROHIBITED: &str = "risk_prohibited";

/// A call to make.
#[derive(Debug, Clone, PartialEq)]
enum Call {
    Initiate,
    Update(ToldStatus, String),
}

/// Queues the calls that the events so far cause, for a tenant whose platform is called.
pub(crate) fn apply(work: &mut Work) {
    let Some(tenant) = work
        .context
        .tenant
        .clone()
        .filter(|tenant| tenant.kyc_model.calls_out())
    else {
        return;
    };
    work.set_by(By::Outbound);
    for (level, call) in calls(work) {
        queue(work, &tenant, level, call);
    }
    work.set_by(By::Caller);
}

/// The calls in the order of their causes; of each level the last update stands for all.
fn calls(work: &Work) -> Vec<(i64, Call)> {
    let mut calls: Vec<(i64, Call)> = Vec::new();
    let mut add = |level: i64, call: Call| {
        let is_same_kind = |other: &Call| {
            matches!(
                (other, &call),
                (Call::Initiate, Call::Initiate) | (Call::Update(..), Call::Update(..))
            )
        };
        calls.retain(|(other, kind)| *other != level || !is_same_kind(kind));
        calls.push((level, call));
    };
    let was_approved = work.approved_before();
    let risk = work
        .state
        .profile
        .as_ref()
        .map_or(RiskLevel::Unknown, |profile| profile.risk_level);
    let is_prohibited = risk == RiskLevel::Prohibited;
    for event in work.events() {
        let step = event.subject.step_id.and_then(|id| work.state.step(id));
        match (event.action, step) {
            (Action::StepRequired | Action::StepReopened, Some(step)) => add(step.level, Call::Initiate),
            (Action::StepRejected, Some(step)) => {
                let reason = event.note.reason.clone().unwrap_or_default();
                add(step.level, Call::Update(ToldStatus::Rejected, reason));
            }
            (Action::StepExpired, Some(step)) if told(work, step.level) == Some(ToldStatus::Verified) => {
                add(step.level, Call::Update(ToldStatus::Rejected, "expired".to_owned()));
            }
            _ => {}
        }
    }
    let approved = approved_levels(&work.state.steps);
    if is_prohibited && work.risk_before() != RiskLevel::Prohibited {
        let is_told = |level: &i64| told(work, *level) == Some(ToldStatus::Verified);
        for level in (0..=crate::limits::LEVEL_MAX).filter(is_told) {
            add(level, Call::Update(ToldStatus::Rejected, RISK_PROHIBITED.to_owned()));
        }
    } else if !is_prohibited {
        let is_lifted = work.risk_before() == RiskLevel::Prohibited;
        for level in approved {
            if is_lifted && told(work, level) != Some(ToldStatus::Verified) {
                add(level, Call::Update(ToldStatus::Verified, "risk_lifted".to_owned()));
            } else if !was_approved.contains(&level) {
                add(level, Call::Update(ToldStatus::Verified, "approved".to_owned()));
            }
        }
    }
    calls
}

/// What the platform was last told of a level, is about to be, or may have been: a call without an answer may have
/// been taken all the same.
fn told(work: &Work, level: i64) -> Option<ToldStatus> {
    let tenant_id = work.context.tenant.as_ref().map(|tenant| &tenant.tenant_id);
    let stands = |delivery: &&Delivery| {
        delivery.level == level
            && delivery.call == CallKind::Update
            && Some(&delivery.tenant_id) == tenant_id
            && (delivery.is_open() || delivery.status == DeliveryStatus::Delivered)
    };
    let last = work
        .state
        .deliveries
        .iter()
        .filter(stands)
        .max_by_key(|delivery| delivery.id);
    last?.told().map(|told| told.status)
}

fn queue(work: &mut Work, tenant: &Tenant, level: i64, call: Call) {
    let Some(profile) = &work.state.profile else { return };
    let (kyc_id, external_id) = (profile.id, profile.external_id.clone());
    let (kind, rest) = match call {
        Call::Initiate => (
            CallKind::Initiate,
            json!({ "requirements": requirements(&work.state.steps, level) }),
        ),
        Call::Update(status, reason) => {
            let status = match status {
                ToldStatus::Verified => "verified",
                ToldStatus::Rejected => "rejected",
            };
            (CallKind::Update, json!({ "status": status, "reason": reason }))
        }
    };
    let mut body = json!({ "tenant_id": tenant.tenant_id, "player_external_id": external_id, "level": level });
    if let (Value::Object(body), Value::Object(rest)) = (&mut body, rest) {
        body.extend(rest);
    }
    let is_known = external_id.is_some();
    if is_known {
        supersede(work, kind, level);
    }
    let delivery = Delivery {
        id: work.context.ids.delivery(),
        brand: tenant.brand.clone(),
        customer_id: work.state.key.customer_id,
        kyc_id,
        tenant_id: tenant.tenant_id.clone(),
        kyc_model: tenant.kyc_model,
        player_external_id: external_id,
        idempotency_key: work.fresh_uuid(),
        call: kind,
        level,
        body: body.into(),
        // The customer's number is somebody else's id there: nobody could be told.
        status: if is_known {
            DeliveryStatus::Queued
        } else {
            DeliveryStatus::Refused
        },
        queued_time: work.now,
        settled_time: (!is_known).then_some(work.now),
        code: (!is_known).then(|| "no_external_id".to_owned()),
        message: (!is_known).then(|| "the customer has no external id; link one".to_owned()),
        provider_ref: None,
        version: 1,
    };
    if is_known {
        work.queue(QueueChange::Add(QueuedCall::of(&delivery)));
    }
    work.add_delivery(delivery);
}

/// Takes back what the new call makes needless: an update every open call of its level, an initiate the initiates.
fn supersede(work: &mut Work, by: CallKind, level: i64) {
    let now = work.now;
    let is_needless = |delivery: &&Delivery| {
        delivery.level == level
            && delivery.is_open()
            && (by == CallKind::Update || delivery.call == CallKind::Initiate)
            && !work.state.is_being_sent(delivery.id, now)
    };
    let needless: Vec<Delivery> = work.state.deliveries.iter().filter(is_needless).cloned().collect();
    for delivery in needless {
        if delivery.status == DeliveryStatus::Queued {
            work.queue(QueueChange::Drop {
                delivery_id: delivery.id,
                now,
            });
        }
        work.change_delivery(&delivery, Action::OutboundSuperseded, |delivery| {
            delivery.status = DeliveryStatus::Superseded;
            delivery.settled_time = Some(now);
            delivery.code = None;
            delivery.message = None;
        });
    }
}

/// What the customer is asked for at a level: document types, or else the step's code.
fn requirements(steps: &[Step], level: i64) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    for step in steps {
        if step.level != level || step.status != StepStatus::Required || !step.counts() {
            continue;
        }
        let mut types = crate::requirements::document_types(&step.requirements);
        if types.is_empty() {
            types.push(step.code.to_string());
        }
        types.retain(|one| !wanted.contains(one));
        wanted.extend(types);
    }
    wanted
}
