//! Profile recalculation: status, level and aggregate as a function of the steps (the domain page's table).

use crate::customer::CustomerState;
use crate::event::{Action, Note};
use crate::level::fold;
use crate::profile::Profile;
use crate::status::{DocumentStatus, KycModel, KycStatus, ProfileStatus, RiskLevel, StepStatus};
use crate::step::Step;
use crate::time::Time;
use crate::work::Work;

/// Brings the profile in line with what the decision has changed so far.
pub(crate) fn apply(work: &mut Work) {
    let moved = work.events().iter().any(|event| event.action.moves_verification());
    let (now, model) = (work.now, work.context.model());
    let Some(profile) = &work.state.profile else { return };
    let mut target = recalculated(&work.state, profile, model, now);
    if moved && !model.is_some_and(KycModel::takes_webhooks) {
        target.kyc_last_event_at = Some(now);
    }
    work.change_profile(Action::ProfileRecalculated, Note::default(), |profile| {
        *profile = target;
    });
}

/// The profile as its steps, documents, risk, review and level log make it, under the tenant's model.
pub fn recalculated(state: &CustomerState, profile: &Profile, model: Option<KycModel>, now: Time) -> Profile {
    match model {
        Some(KycModel::PlatformOwns) => mirrored(state, profile, now),
        Some(KycModel::Dual) => of_both(state, profile, now),
        Some(KycModel::CrmOwns | KycModel::None) | None => of_steps(state, profile, now),
    }
}

/// Decided here: the aggregate mirrors the profile.
fn of_steps(state: &CustomerState, profile: &Profile, now: Time) -> Profile {
    let status = status(state, profile, now);
    let current_level = if profile.risk_level == RiskLevel::Prohibited {
        0
    } else {
        level(&state.steps, profile.required_level)
    };
    let queue = queue(state);
    Profile {
        status,
        current_level,
        kyc_status: aggregate_status(status),
        kyc_level: current_level,
        kyc_expires_at: queue.expires_time,
        ..queued(profile, &queue)
    }
}

/// Decided by the platform: the profile mirrors the fold of its webhooks.
fn mirrored(state: &CustomerState, profile: &Profile, now: Time) -> Profile {
    let fold = fold(&state.log, now);
    let kyc_status = fold.status.unwrap_or(KycStatus::None);
    Profile {
        status: profile_status(kyc_status),
        current_level: fold.level,
        expires_time: fold.expires_at,
        kyc_status,
        kyc_level: fold.level,
        kyc_expires_at: fold.expires_at,
        kyc_last_event_at: fold.last_event_at,
        ..profile.clone()
    }
}

/// Decided on both sides: the aggregate is the fold of webhooks and local verdicts; the status follows the steps where
/// some count.
fn of_both(state: &CustomerState, profile: &Profile, now: Time) -> Profile {
    let fold = fold(&state.log, now);
    let is_prohibited = profile.risk_level == RiskLevel::Prohibited;
    let (kyc_status, kyc_level, kyc_expires_at) = if is_prohibited {
        (KycStatus::Rejected, 0, None)
    } else {
        (fold.status.unwrap_or(KycStatus::None), fold.level, fold.expires_at)
    };
    let status = if is_prohibited || state.steps.iter().any(Step::counts) {
        status(state, profile, now)
    } else {
        profile_status(kyc_status)
    };
    let queue = queue(state);
    Profile {
        status,
        current_level: kyc_level,
        kyc_status,
        kyc_level,
        kyc_expires_at,
        kyc_last_event_at: fold.last_event_at,
        ..queued(profile, &queue)
    }
}

/// What waits for a verdict, and what lapses next.
struct Queue {
    pending_steps: i64,
    oldest_submitted_time: Option<Time>,
    expires_time: Option<Time>,
}

fn queue(state: &CustomerState) -> Queue {
    let waiting = || state.steps.iter().filter(|step| step.status == StepStatus::Pending);
    let counting = state.steps.iter().filter(|step| step.counts());
    Queue {
        pending_steps: i64::try_from(waiting().count()).unwrap_or(i64::MAX),
        oldest_submitted_time: waiting().filter_map(|step| step.submitted_time).min(),
        expires_time: counting.filter_map(Step::lapse_time).min(),
    }
}

fn queued(profile: &Profile, queue: &Queue) -> Profile {
    Profile {
        pending_steps: queue.pending_steps,
        oldest_submitted_time: queue.oldest_submitted_time,
        expires_time: queue.expires_time,
        ..profile.clone()
    }
}

/// The first line of the table that fits.
fn status(state: &CustomerState, profile: &Profile, now: Time) -> ProfileStatus {
    if profile.risk_level == RiskLevel::Prohibited {
        return ProfileStatus::Rejected;
    }
    if state.steps.is_empty() {
        return ProfileStatus::None;
    }
    let counting: Vec<&Step> = state.steps.iter().filter(|step| step.counts()).collect();
    let some = |wanted: &[StepStatus]| counting.iter().any(|step| wanted.contains(&step.status));
    if counting.is_empty() {
        ProfileStatus::Draft
    } else if some(&[StepStatus::Rejected]) {
        ProfileStatus::Rejected
    } else if some(&[StepStatus::Expired]) {
        ProfileStatus::Expired
    } else if some(&[StepStatus::Required, StepStatus::Pending]) {
        ProfileStatus::Pending
    } else if profile.review_reason.is_some() || state.steps.iter().any(|step| lacks_approved_proof(state, step, now)) {
        ProfileStatus::ReviewRequired
    } else {
        ProfileStatus::Approved
    }
}

/// Whether an approved step stands on documents that no longer carry it.
fn lacks_approved_proof(state: &CustomerState, step: &Step, now: Time) -> bool {
    if step.status != StepStatus::Approved || !step.step_type.wants_documents() || !step.counts() {
        return false;
    }
    let approved: Vec<&str> = state
        .live_documents(step, now)
        .filter(|document| document.status == DocumentStatus::Approved)
        .map(|document| document.document_type.as_str())
        .collect();
    !crate::requirements::missing_documents(&step.requirements, &approved).is_empty()
}

/// The largest level, not above the required one, of some required step, at or below which at least one step counts
/// and all that count are approved; else 0.
fn level(steps: &[Step], required_level: i64) -> i64 {
    let reached = |level: i64| {
        let mut counting = steps
            .iter()
            .filter(|step| step.counts() && step.level > 0 && step.level <= level)
            .peekable();
        counting.peek().is_some() && counting.all(|step| step.status == StepStatus::Approved)
    };
    steps
        .iter()
        .filter(|step| step.required == crate::status::Flag::Yes && step.level <= required_level)
        .map(|step| step.level)
        .filter(|level| reached(*level))
        .max()
        .unwrap_or(0)
}

/// The aggregate's status: it mirrors the profile where the brand decides for itself.
const fn aggregate_status(status: ProfileStatus) -> KycStatus {
    match status {
        ProfileStatus::None | ProfileStatus::Draft => KycStatus::None,
        ProfileStatus::Pending | ProfileStatus::ReviewRequired => KycStatus::Pending,
        ProfileStatus::Approved => KycStatus::Verified,
        ProfileStatus::Rejected => KycStatus::Rejected,
        ProfileStatus::Expired => KycStatus::Expired,
    }
}

/// The profile's status where it mirrors the aggregate.
const fn profile_status(status: KycStatus) -> ProfileStatus {
    match status {
        KycStatus::None => ProfileStatus::None,
        KycStatus::Pending => ProfileStatus::Pending,
        KycStatus::Verified => ProfileStatus::Approved,
        KycStatus::Rejected => ProfileStatus::Rejected,
        KycStatus::Expired => ProfileStatus::Expired,
    }
}
