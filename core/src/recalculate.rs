//! Profile recalculation: status, level and aggregate as a function of the steps (the domain page's table).

use crate::customer::CustomerState;
use crate::event::{Action, Note};
use crate::profile::Profile;
use crate::status::{DocumentStatus, KycStatus, ProfileStatus, RiskLevel, StepStatus};
use crate::step::Step;
use crate::time::Time;
use crate::work::Work;

/// Brings the profile in line with what the decision has changed so far.
pub(crate) fn apply(work: &mut Work) {
    let moved = work.events().iter().any(|event| event.action.moves_verification());
    let now = work.now;
    let Some(profile) = &work.state.profile else { return };
    let mut target = recalculated(&work.state, profile, now);
    if moved {
        target.kyc_last_event_at = Some(now);
    }
    work.change_profile(Action::ProfileRecalculated, Note::default(), |profile| {
        *profile = target;
    });
}

/// The profile as its steps, documents, risk and review make it.
pub fn recalculated(state: &CustomerState, profile: &Profile, now: Time) -> Profile {
    let status = status(state, profile, now);
    let prohibited = profile.risk_level == RiskLevel::Prohibited;
    let current_level = if prohibited {
        0
    } else {
        level(&state.steps, profile.required_level)
    };
    let waiting = || state.steps.iter().filter(|step| step.status == StepStatus::Pending);
    let expires_time = state
        .steps
        .iter()
        .filter(|step| step.counts())
        .filter_map(Step::lapse_time)
        .min();
    Profile {
        status,
        current_level,
        pending_steps: i64::try_from(waiting().count()).unwrap_or(i64::MAX),
        oldest_submitted_time: waiting().filter_map(|step| step.submitted_time).min(),
        expires_time,
        kyc_status: aggregate_status(status),
        kyc_level: current_level,
        kyc_expires_at: expires_time,
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
