//! `CustomerGetKycStep`: one of the customer's own steps with its documents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::command::{Shown, Target, View};
use crate::customer::view::{CustomerDocumentView, CustomerStepView};
use crate::id::StepId;
use crate::rejection::Rejection;
use crate::status::{DocumentStatus, StepStatus};

/// Which step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetOwnStep {
    /// The step.
    pub id: StepId,
}

/// The step and its documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnStepReply {
    /// The step.
    pub step: CustomerStepView,
    /// Its documents, those deleted left out.
    pub documents: Vec<CustomerDocumentView>,
}

impl View for GetOwnStep {
    type Reply = OwnStepReply;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Step(self.id))
    }

    fn show(&self, shown: &Shown<'_>) -> Result<OwnStepReply, Rejection> {
        let step = shown
            .state
            .step(self.id)
            .filter(|step| step.status != StepStatus::Skipped)
            .ok_or(Rejection::NotFound("step"))?;
        let documents = shown
            .state
            .documents_of(self.id)
            .filter(|document| document.status != DocumentStatus::Deleted)
            .map(|document| CustomerDocumentView::new(document, shown.settings))
            .collect();
        Ok(OwnStepReply {
            step: CustomerStepView::new(step, shown.settings),
            documents,
        })
    }
}
