//! `MngSkipKycStep`: a step that is no longer wanted; it does not count from then on.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::{AcceptedVersion, Change, Outcome, Target, check_version};
use crate::event::{Action, Note};
use crate::id::StepId;
use crate::limits::{ID_MAX, REASON_CHARS_MAX};
use crate::rejection::Rejection;
use crate::status::StepStatus;
use crate::work::Work;

/// Which step, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkipStep {
    /// The step.
    pub id: StepId,
    /// Why.
    #[schemars(length(min = 1, max = REASON_CHARS_MAX))]
    pub reason: String,
    /// The version the caller has looked at.
    #[schemars(range(min = 1, max = ID_MAX))]
    pub expected_version: Option<i64>,
}

impl Change for SkipStep {
    type Reply = AcceptedVersion;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Step(self.id))
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<AcceptedVersion>, Rejection> {
        let step = work.state.step(self.id).ok_or(Rejection::NotFound("step"))?;
        check_version(self.expected_version, step.version)?;
        if !matches!(step.status, StepStatus::Required | StepStatus::Expired) {
            return Err(Rejection::InvalidState {
                message: format!("a step that is {} cannot be skipped", step.status.name()),
                current_status: step.status.number(),
            });
        }
        let version = step.version + 1;
        let now = work.now;
        let reviewer = work.context.actor.subject.clone();
        work.change_step(self.id, Action::StepSkipped, Note::reason(&self.reason), |step| {
            step.status = StepStatus::Skipped;
            step.reason = Some(self.reason.clone());
            step.reviewed_time = Some(now);
            step.reviewed_by = Some(reviewer);
        })?;
        Ok(Outcome::Done(AcceptedVersion::at(version)))
    }
}
