//! `MngAddKycDocument`: attaches a stored file to a profile; the customer's own command shares the rule.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::{Change, Needs, Outcome, Target};
use crate::customer::CustomerState;
use crate::document::{Document, DocumentReply};
use crate::file::FileMeta;
use crate::id::{Brand, CustomerId, CustomerKey, DocumentId, FileId, ProfileId, StepId};
use crate::limits::{DOCUMENTS_MAX, REASON_CHARS_MAX};
use crate::rejection::Rejection;
use crate::status::{DocumentStatus, StepStatus, StepType};
use crate::step::Step;
use crate::step::submit::mark_submitted;
use crate::time::{Seconds, Time};
use crate::work::Work;

/// Which file, for whom and what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddDocument {
    /// The customer.
    pub customer_id: CustomerId,
    /// The customer's brand.
    pub brand: Brand,
    /// The profile; the customer's if absent.
    pub kyc_id: Option<ProfileId>,
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

impl Change for AddDocument {
    type Reply = DocumentReply;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Customer(CustomerKey {
            brand: self.brand.clone(),
            customer_id: self.customer_id,
        }))
    }

    fn needs(&self, _state: &CustomerState) -> Needs {
        Needs {
            files: vec![self.file_id.clone()],
            adds_document: true,
            ..Needs::NONE
        }
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<DocumentReply>, Rejection> {
        if self.kyc_id.is_some() && self.kyc_id != work.state.profile.as_ref().map(|profile| profile.id) {
            return Err(Rejection::NotFound("profile"));
        }
        let customer = work.state.key.clone();
        let file = named_file(work, &self.file_id)
            .filter(|file| file.is_offered_by(&customer))
            .ok_or(Rejection::NotFound("file"))?;
        let offer = Offer {
            step_id: self.step_id,
            document_type: &self.r#type,
            expires_time: self.expires_time,
        };
        let document = attach(work, &offer, file)?;
        Ok(Outcome::Done(DocumentReply {
            document: (&document).into(),
        }))
    }
}

/// The file, if it exists.
pub(crate) fn named_file(work: &Work, id: &FileId) -> Option<FileMeta> {
    work.context.files.iter().find(|file| file.file_id == *id).cloned()
}

/// What is said about a file that is attached.
pub(crate) struct Offer<'a> {
    pub step_id: Option<StepId>,
    pub document_type: &'a str,
    pub expires_time: Option<Seconds>,
}

/// Attaches; a document step in need of it that thereby becomes complete is submitted.
pub(crate) fn attach(work: &mut Work, offer: &Offer<'_>, file: FileMeta) -> Result<Document, Rejection> {
    let expires_time = offer.expires_time.map(Time::from);
    if expires_time.is_some_and(|end| end <= work.now) {
        return Err(Rejection::invalid("expires_time", "past", "must be in the future"));
    }
    if work.state.documents.len() >= DOCUMENTS_MAX {
        return Err(Rejection::invalid(
            "customer_id",
            "too_many",
            "has as many documents as a profile can have",
        ));
    }
    let step = match offer.step_id {
        Some(id) => Some(work.state.step(id).ok_or(Rejection::NotFound("step"))?.clone()),
        None => None,
    };
    let status = first_status(step.as_ref())?;
    let kyc_id = work.profile_id();
    let document = Document {
        id: work.context.ids.document(),
        kyc_id,
        customer_id: work.state.key.customer_id,
        brand: work.state.key.brand.clone(),
        step_id: offer.step_id,
        document_type: offer.document_type.to_owned(),
        status,
        file_id: file.file_id,
        file_name: file.file_name,
        content_type: file.content_type,
        file_size: file.file_size,
        checksum: file.checksum,
        expires_time,
        reason: None,
        comment: None,
        customer_message: None,
        round: step.as_ref().map_or(0, |step| step.round),
        version: 1,
        created_time: work.now,
        updated_time: work.now,
    };
    let id = document.id;
    let pending = step
        .as_ref()
        .filter(|step| step.status == StepStatus::Pending)
        .map(|step| step.id);
    work.add_document(document, pending);
    if let Some(step) = step {
        submit_if_complete(work, &step)?;
    }
    work.state.document(id).cloned().ok_or(Rejection::NotFound("document"))
}

/// What a document starts as, by the status of the step it is for.
fn first_status(step: Option<&Step>) -> Result<DocumentStatus, Rejection> {
    match step.map(|step| step.status) {
        Some(StepStatus::Pending) => Ok(DocumentStatus::Pending),
        Some(StepStatus::Skipped) => Err(Rejection::InvalidState {
            message: "the step was skipped".to_owned(),
            current_status: StepStatus::Skipped.number(),
        }),
        _ => Ok(DocumentStatus::Uploaded),
    }
}

fn submit_if_complete(work: &mut Work, step: &Step) -> Result<(), Rejection> {
    let wants = step.step_type == StepType::Document
        && matches!(
            step.status,
            StepStatus::Required | StepStatus::Rejected | StepStatus::Expired
        );
    if wants && work.state.missing_documents(step, work.now).is_empty() {
        mark_submitted(work, step.id, None)?;
    }
    Ok(())
}

/// The document a command names.
pub(crate) fn find(work: &Work, id: DocumentId) -> Result<Document, Rejection> {
    work.state.document(id).cloned().ok_or(Rejection::NotFound("document"))
}
