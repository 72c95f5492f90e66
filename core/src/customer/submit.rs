//! `CustomerSubmitKycStep`: the customer's submission.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::command::{Change, Needs, Outcome, Target};
use crate::customer::CustomerState;
use crate::customer::view::CustomerStepView;
use crate::id::StepId;
use crate::json::Json;
use crate::rejection::Rejection;
use crate::step::submit::{needs_of, submit};
use crate::work::Work;

/// The step and the answers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitOwnStep {
    /// The step.
    pub id: StepId,
    /// Answers by field name; none for a step without questions.
    pub answers: Option<Json>,
}

/// The step as it has become.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubmitOwnReply {
    /// The step.
    pub step: CustomerStepView,
}

impl Change for SubmitOwnStep {
    type Reply = SubmitOwnReply;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Step(self.id))
    }

    fn needs(&self, state: &CustomerState) -> Needs {
        needs_of(state, self.id, self.answers.as_ref())
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<SubmitOwnReply>, Rejection> {
        let step = submit(work, self.id, self.answers.as_ref())?;
        Ok(Outcome::Done(SubmitOwnReply {
            step: CustomerStepView::new(&step, &work.context.settings),
        }))
    }
}
