//! `CustomerAddKycDocument`: the customer offers an uploaded file as proof.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::{Change, Needs, Outcome, Target};
use crate::customer::CustomerState;
use crate::customer::view::{CustomerDocumentReply, CustomerDocumentView};
use crate::document::add::{Offer, attach, named_file};
use crate::id::{FileId, ProfileId, StepId};
use crate::limits::REASON_CHARS_MAX;
use crate::rejection::Rejection;
use crate::time::Seconds;
use crate::work::Work;

/// Which file, and for what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddOwnDocument {
    /// The customer's profile.
    pub kyc_id: ProfileId,
    /// The step it is for.
    pub step_id: Option<StepId>,
    /// What it is: `passport`, `utility_bill`, …
    #[schemars(length(min = 1, max = REASON_CHARS_MAX))]
    pub r#type: String,
    /// The stored file.
    pub file_id: FileId,
    /// When the document lapses.
    pub expires_time: Option<Seconds>,
}

impl Change for AddOwnDocument {
    type Reply = CustomerDocumentReply;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Profile(self.kyc_id))
    }

    fn needs(&self, _state: &CustomerState) -> Needs {
        Needs {
            files: vec![self.file_id.clone()],
            adds_document: true,
            ..Needs::NONE
        }
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<CustomerDocumentReply>, Rejection> {
        let customer = work.state.key.clone();
        let file = named_file(work, &self.file_id).ok_or(Rejection::NotFound("file"))?;
        // A file that nobody owns yet was uploaded by a manager, who has not said for whom.
        if file.owner() != Some(customer) {
            return Err(Rejection::Forbidden("this file is not yours"));
        }
        let offer = Offer {
            step_id: self.step_id,
            document_type: &self.r#type,
            expires_time: self.expires_time,
        };
        let document = attach(work, &offer, file)?;
        Ok(Outcome::Done(CustomerDocumentReply {
            document: CustomerDocumentView::new(&document, &work.context.settings),
        }))
    }
}
