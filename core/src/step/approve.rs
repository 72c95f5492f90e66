//! `MngApproveKycStep`: a verdict for the customer; the step's documents that wait for one are approved with it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::{AcceptedVersion, Change, Outcome, Target, check_version, repeated};
use crate::event::{Action, Note};
use crate::id::{DocumentId, StepId};
use crate::limits::{COMMENT_CHARS_MAX, ID_MAX};
use crate::rejection::Rejection;
use crate::requirements::valid_days;
use crate::status::{DocumentStatus, StepStatus};
use crate::step::Step;
use crate::time::{DAY_SECONDS, Seconds, Time};
use crate::work::Work;

/// Which step, and what is said about it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveStep {
    /// The step.
    pub id: StepId,
    /// For colleagues.
    #[schemars(length(max = COMMENT_CHARS_MAX))]
    pub comment: Option<String>,
    /// For the customer.
    #[schemars(length(max = COMMENT_CHARS_MAX))]
    pub customer_message: Option<String>,
    /// When the approval lapses; after `valid_days` of the requirements if absent.
    pub expires_time: Option<Seconds>,
    /// The version the caller has looked at.
    #[schemars(range(min = 1, max = ID_MAX))]
    pub expected_version: Option<i64>,
}

impl Change for ApproveStep {
    type Reply = AcceptedVersion;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Step(self.id))
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<AcceptedVersion>, Rejection> {
        let step = work.state.step(self.id).ok_or(Rejection::NotFound("step"))?.clone();
        if step.status == StepStatus::Approved {
            return repeated(self.expected_version, step.version);
        }
        check_version(self.expected_version, step.version)?;
        let may = match step.status {
            StepStatus::Pending => true,
            StepStatus::Required | StepStatus::Rejected | StepStatus::Expired => {
                step.step_type.decided_without_submission()
            }
            StepStatus::Approved | StepStatus::Skipped => false,
        };
        if !may {
            return Err(Rejection::InvalidState {
                message: format!("a step that is {} cannot be approved", step.status.name()),
                current_status: step.status.number(),
            });
        }
        let expires_time = self.expiry(&step, work.now)?;
        if step.step_type.wants_documents() {
            let missing = work.state.missing_documents(&step, work.now);
            if !missing.is_empty() {
                return Err(Rejection::DocumentsMissing { missing });
            }
        }
        self.record(work, &step, expires_time)?;
        Ok(Outcome::Done(AcceptedVersion::at(step.version + 1)))
    }
}

impl ApproveStep {
    /// The end given, or the one that the requirements give.
    fn expiry(&self, step: &Step, now: Time) -> Result<Option<Time>, Rejection> {
        let given = self.expires_time.map(Time::from);
        if given.is_some_and(|end| end <= now) {
            return Err(Rejection::invalid("expires_time", "past", "must be in the future"));
        }
        Ok(given.or_else(|| valid_days(&step.requirements).map(|days| now.plus_seconds(days * DAY_SECONDS))))
    }

    fn record(&self, work: &mut Work, step: &Step, expires_time: Option<Time>) -> Result<(), Rejection> {
        let now = work.now;
        let reviewer = work.context.actor.subject.clone();
        work.change_step(
            self.id,
            Action::StepApproved,
            Note::comment(self.comment.clone()),
            |step| {
                step.status = StepStatus::Approved;
                step.reason = None;
                step.comment.clone_from(&self.comment);
                step.customer_message.clone_from(&self.customer_message);
                step.reviewed_time = Some(now);
                step.reviewed_by = Some(reviewer);
                step.expires_time = expires_time;
                step.announced = false;
            },
        )?;
        let waiting: Vec<DocumentId> = work
            .state
            .live_documents(step, now)
            .filter(|document| document.is_undecided())
            .map(|document| document.id)
            .collect();
        for id in waiting {
            work.change_document(id, Action::DocumentApproved, Note::default(), |document| {
                document.status = DocumentStatus::Approved;
                document.reason = None;
            })?;
            work.leave_out_of_history();
        }
        Ok(())
    }
}
