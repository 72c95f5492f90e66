//! `MngSubmitKycStep`: a submission, by a manager for the customer; the customer's own command shares the rule.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::actor::Actor;
use crate::command::{Change, Needs, Outcome, Target};
use crate::customer::CustomerState;
use crate::file::FileMeta;
use crate::id::{FileId, StepId};
use crate::json::Json;
use crate::questionnaire::{check_answers, named_files};
use crate::rejection::Rejection;
use crate::status::{Session, StepStatus};
use crate::step::{Step, StepView};
use crate::work::Work;

/// The step and the answers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitStep {
    /// The step.
    pub id: StepId,
    /// Answers by field name; none for a step without questions.
    pub answers: Option<Json>,
}

/// The step as it has become.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubmitReply {
    /// The step.
    pub step: StepView,
}

impl Change for SubmitStep {
    type Reply = SubmitReply;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Step(self.id))
    }

    fn needs(&self, state: &CustomerState) -> Needs {
        needs_of(state, self.id, self.answers.as_ref())
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<SubmitReply>, Rejection> {
        let step = submit(work, self.id, self.answers.as_ref())?;
        Ok(Outcome::Done(SubmitReply { step: (&step).into() }))
    }
}

/// The files that the answers name.
pub(crate) fn needs_of(state: &CustomerState, id: StepId, answers: Option<&Json>) -> Needs {
    let files = match (state.step(id), answers.map(|answers| &**answers)) {
        (Some(step), Some(Value::Object(answers))) => named_files(&step.form_schema, answers)
            .into_iter()
            .filter_map(|file| FileId::try_from(file).ok())
            .collect(),
        _ => Vec::new(),
    };
    Needs { files, ..Needs::NONE }
}

/// Submits: answers valid and documents present, as the step's type demands.
pub(crate) fn submit(work: &mut Work, id: StepId, answers: Option<&Json>) -> Result<Step, Rejection> {
    let step = work.state.step(id).ok_or(Rejection::NotFound("step"))?.clone();
    check_submittable(&step)?;
    let empty = Map::new();
    let given = answers.and_then(|answers| answers.as_object()).unwrap_or(&empty);
    let problems = if step.step_type.wants_answers() {
        let owns = |file: &str| {
            let named = |meta: &&FileMeta| meta.file_id.as_str() == file;
            work.context
                .files
                .iter()
                .find(named)
                .is_some_and(|meta| may_name(work, meta))
        };
        check_answers(&step.form_schema, given, &owns)
    } else {
        check_answers(&Value::Object(Map::new()), given, &|_| false)
    };
    if !problems.is_empty() {
        return Err(Rejection::InvalidData(problems));
    }
    if step.step_type.wants_documents() {
        let missing = work.state.missing_documents(&step, work.now);
        if !missing.is_empty() {
            return Err(Rejection::DocumentsMissing { missing });
        }
    }
    let answers = step
        .step_type
        .wants_answers()
        .then(|| Json::from(Value::Object(given.clone())));
    mark_submitted(work, id, answers)?;
    work.state.step(id).cloned().ok_or(Rejection::NotFound("step"))
}

/// A customer names files of its own; a manager also one that is nobody's yet, which becomes the customer's.
fn may_name(work: &Work, file: &FileMeta) -> bool {
    match work.context.actor.session {
        Session::Customer => file.owner().as_ref() == Some(&work.state.key),
        _ => file.is_offered_by(&work.state.key),
    }
}

/// Records the submission.
pub(crate) fn mark_submitted(work: &mut Work, id: StepId, answers: Option<Json>) -> Result<(), Rejection> {
    let now = work.now;
    work.submit_step(id, |step| {
        step.status = StepStatus::Pending;
        step.answers = answers;
        step.reason = None;
        step.comment = None;
        step.customer_message = None;
        step.submitted_time = Some(now);
        step.reviewed_time = None;
        step.reviewed_by = None;
        step.expires_time = None;
        step.announced = false;
    })
}

fn check_submittable(step: &Step) -> Result<(), Rejection> {
    let refuse = |message: &str| {
        Err(Rejection::InvalidState {
            message: message.to_owned(),
            current_status: step.status.number(),
        })
    };
    if step.step_type.decided_without_submission() {
        return refuse("a step of this type is not submitted");
    }
    match step.status {
        StepStatus::Required | StepStatus::Rejected | StepStatus::Expired => Ok(()),
        StepStatus::Pending => refuse("the step is submitted already and waits for a verdict"),
        StepStatus::Approved => refuse("the step is approved"),
        StepStatus::Skipped => refuse("the step was skipped"),
    }
}
