//! `CustomerGetKycStatus`: what a customer is asked for, and where it stands.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::command::{Shown, Target, View};
use crate::customer::view::{CustomerDocumentView, CustomerProfileView, CustomerStepView, own_target};
use crate::rejection::Rejection;
use crate::status::{DocumentStatus, StepStatus};

/// The token says who.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetStatus {}

/// The customer's own picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReply {
    /// Null while nothing has been asked.
    pub profile: Option<CustomerProfileView>,
    /// Steps, those skipped left out.
    pub steps: Vec<CustomerStepView>,
    /// Documents, those deleted left out.
    pub documents: Vec<CustomerDocumentView>,
}

impl View for GetStatus {
    type Reply = StatusReply;

    fn target(&self, actor: &Actor) -> Result<Target, Rejection> {
        own_target(actor)
    }

    fn show(&self, shown: &Shown<'_>) -> Result<StatusReply, Rejection> {
        let state = shown.state;
        let steps = state.steps.iter().filter(|step| step.status != StepStatus::Skipped);
        let documents = state
            .documents
            .iter()
            .filter(|document| document.status != DocumentStatus::Deleted);
        Ok(StatusReply {
            profile: state.profile.as_ref().map(CustomerProfileView::from),
            steps: steps.map(|step| CustomerStepView::new(step, shown.settings)).collect(),
            documents: documents
                .map(|document| CustomerDocumentView::new(document, shown.settings))
                .collect(),
        })
    }
}
