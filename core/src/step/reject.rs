//! `MngRejectKycStep`: a verdict against the customer, or the revocation of an approval.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::{AcceptedVersion, Change, Outcome, Target, check_version, repeated};
use crate::event::{Action, Note};
use crate::id::{DocumentId, StepId};
use crate::limits::{COMMENT_CHARS_MAX, ID_MAX, REASON_CHARS_MAX};
use crate::rejection::Rejection;
use crate::status::{DocumentStatus, StepStatus};
use crate::step::Step;
use crate::work::Work;

/// Which step, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectStep {
    /// The step.
    pub id: StepId,
    /// A reason code, e.g. `DOCUMENT_NOT_CLEAR`; the customer sees it.
    #[schemars(length(min = 1, max = REASON_CHARS_MAX))]
    pub reason: String,
    /// For colleagues.
    #[schemars(length(max = COMMENT_CHARS_MAX))]
    pub comment: Option<String>,
    /// For the customer.
    #[schemars(length(max = COMMENT_CHARS_MAX))]
    pub customer_message: Option<String>,
    /// The version the caller has looked at.
    #[schemars(range(min = 1, max = ID_MAX))]
    pub expected_version: Option<i64>,
}

impl Change for RejectStep {
    type Reply = AcceptedVersion;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Step(self.id))
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<AcceptedVersion>, Rejection> {
        let step = work.state.step(self.id).ok_or(Rejection::NotFound("step"))?.clone();
        if step.status == StepStatus::Rejected && step.reason.as_deref() == Some(self.reason.as_str()) {
            return repeated(self.expected_version, step.version);
        }
        check_version(self.expected_version, step.version)?;
        let may = match step.status {
            StepStatus::Pending | StepStatus::Approved => true,
            StepStatus::Required | StepStatus::Expired => step.step_type.decided_without_submission(),
            StepStatus::Rejected | StepStatus::Skipped => false,
        };
        if !may {
            return Err(Rejection::InvalidState {
                message: match step.status {
                    StepStatus::Rejected => "the step is rejected already, for another reason".to_owned(),
                    status => format!("a step that is {} cannot be rejected", status.name()),
                },
                current_status: step.status.number(),
            });
        }
        self.record(work, &step)?;
        Ok(Outcome::Done(AcceptedVersion::at(step.version + 1)))
    }
}

impl RejectStep {
    fn record(&self, work: &mut Work, step: &Step) -> Result<(), Rejection> {
        let now = work.now;
        let reviewer = work.context.actor.subject.clone();
        let note = Note {
            source: None,
            reason: Some(self.reason.clone()),
            comment: self.comment.clone(),
        };
        work.change_step(self.id, Action::StepRejected, note, |step| {
            step.status = StepStatus::Rejected;
            step.reason = Some(self.reason.clone());
            step.comment.clone_from(&self.comment);
            step.customer_message.clone_from(&self.customer_message);
            step.reviewed_time = Some(now);
            step.reviewed_by = Some(reviewer);
            step.expires_time = None;
        })?;
        if step.status != StepStatus::Pending {
            return Ok(());
        }
        let waiting: Vec<DocumentId> = work
            .state
            .documents_of(self.id)
            .filter(|document| document.is_undecided())
            .map(|document| document.id)
            .collect();
        for id in waiting {
            work.change_document(id, Action::DocumentRejected, Note::reason(&self.reason), |document| {
                document.status = DocumentStatus::Rejected;
                document.reason = Some(self.reason.clone());
            })?;
            work.leave_out_of_history();
        }
        Ok(())
    }
}
