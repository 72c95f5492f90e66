//! `MngGetKycStep`: one step with its documents.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::{Shown, Target, View};
use crate::document::DocumentView;
use crate::id::StepId;
use crate::rejection::Rejection;
use crate::step::StepReply;

/// Which step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetStep {
    /// The step.
    pub id: StepId,
}

impl View for GetStep {
    type Reply = StepReply;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Step(self.id))
    }

    fn show(&self, shown: &Shown<'_>) -> Result<StepReply, Rejection> {
        let step = shown.state.step(self.id).ok_or(Rejection::NotFound("step"))?;
        let documents = shown.state.documents_of(self.id).map(DocumentView::from).collect();
        Ok(StepReply {
            step: step.into(),
            documents,
        })
    }
}
