//! `CustomerGetKycDocuments`: the customer's own documents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::command::{Shown, Target, View};
use crate::customer::view::{CustomerDocumentView, own_target};
use crate::id::StepId;
use crate::rejection::Rejection;
use crate::status::DocumentStatus;

/// Which documents.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListOwnDocuments {
    /// For this step.
    pub step_id: Option<StepId>,
}

/// The documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnDocumentsReply {
    /// Documents, those deleted left out.
    pub rows: Vec<CustomerDocumentView>,
}

impl View for ListOwnDocuments {
    type Reply = OwnDocumentsReply;

    fn target(&self, actor: &Actor) -> Result<Target, Rejection> {
        own_target(actor)
    }

    fn show(&self, shown: &Shown<'_>) -> Result<OwnDocumentsReply, Rejection> {
        let rows = shown
            .state
            .documents
            .iter()
            .filter(|document| document.status != DocumentStatus::Deleted)
            .filter(|document| self.step_id.is_none_or(|step| document.step_id == Some(step)))
            .map(|document| CustomerDocumentView::new(document, shown.settings))
            .collect();
        Ok(OwnDocumentsReply { rows })
    }
}
