//! What a customer is shown: never a colleague's comment, the reviewer, the risk or a review.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::brand::Settings;
use crate::command::Target;
use crate::document::Document;
use crate::id::{Brand, Code, CustomerId, DocumentId, FileId, ProfileId, StepId};
use crate::json::Json;
use crate::profile::Profile;
use crate::rejection::Rejection;
use crate::status::{DocumentStatus, Flag, ProfileStatus, StepStatus, StepType};
use crate::step::Step;
use crate::time::Seconds;

/// The customer whom the token speaks for.
pub(crate) fn own_target(actor: &Actor) -> Result<Target, Rejection> {
    actor
        .customer
        .clone()
        .map(Target::Customer)
        .ok_or(Rejection::Forbidden("the token names no customer"))
}

/// A profile as its customer sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerProfileView {
    /// The profile, `kyc_id` elsewhere.
    pub id: ProfileId,
    /// The customer.
    pub customer_id: CustomerId,
    /// The customer's brand.
    pub brand: Brand,
    /// Where the verification stands as a whole.
    pub status: ProfileStatus,
    /// The level reached.
    pub current_level: i64,
    /// The level asked for.
    pub required_level: i64,
    /// Rises with every change.
    pub version: i64,
    /// When the profile was made.
    pub created_time: Seconds,
    /// When it last changed.
    pub updated_time: Seconds,
}

impl From<&Profile> for CustomerProfileView {
    fn from(profile: &Profile) -> Self {
        Self {
            id: profile.id,
            customer_id: profile.customer_id,
            brand: profile.brand.clone(),
            status: profile.status,
            current_level: profile.current_level,
            required_level: profile.required_level,
            version: profile.version,
            created_time: profile.created_time.into(),
            updated_time: profile.updated_time.into(),
        }
    }
}

/// A step as its customer sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerStepView {
    /// Its id.
    pub id: StepId,
    /// The profile.
    pub kyc_id: ProfileId,
    /// The level it counts for.
    pub level: i64,
    /// The template's code.
    pub code: Code,
    /// The template's name.
    pub name: String,
    /// What it asks for.
    pub step_type: StepType,
    /// Whether it counts: 0 or 1.
    pub required: Flag,
    /// Where it stands.
    pub status: StepStatus,
    /// Accepted document types and more.
    pub requirements: Json,
    /// The questionnaire.
    pub form_schema: Json,
    /// The answers last submitted.
    pub answers: Option<Json>,
    /// Reason code of the last verdict.
    pub reason: Option<String>,
    /// What the reviewer tells the customer.
    pub customer_message: Option<String>,
    /// When it was last submitted.
    pub submitted_time: Option<Seconds>,
    /// When the last verdict fell.
    pub reviewed_time: Option<Seconds>,
    /// When the approval lapses.
    pub expires_time: Option<Seconds>,
    /// Rises with every change.
    pub version: i64,
    /// When it was attached.
    pub created_time: Seconds,
    /// When it last changed.
    pub updated_time: Seconds,
}

impl CustomerStepView {
    /// The step as the brand lets its customers see it.
    pub fn new(step: &Step, settings: &Settings) -> Self {
        Self {
            id: step.id,
            kyc_id: step.kyc_id,
            level: step.level,
            code: step.code.clone(),
            name: step.name.clone(),
            step_type: step.step_type,
            required: step.required,
            status: step.status,
            requirements: step.requirements.clone(),
            form_schema: step.form_schema.clone(),
            answers: step.answers.clone(),
            reason: step.reason.clone(),
            customer_message: message(settings, step.comment.as_ref(), step.customer_message.as_ref()),
            submitted_time: step.submitted_time.map(Seconds::from),
            reviewed_time: step.reviewed_time.map(Seconds::from),
            expires_time: step.expires_time.map(Seconds::from),
            version: step.version,
            created_time: step.created_time.into(),
            updated_time: step.updated_time.into(),
        }
    }
}

/// A document as its customer sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerDocumentView {
    /// Its id.
    pub id: DocumentId,
    /// The profile.
    pub kyc_id: ProfileId,
    /// The step it is for, if for one.
    pub step_id: Option<StepId>,
    /// What it is.
    pub r#type: String,
    /// Where it stands.
    pub status: DocumentStatus,
    /// The stored file.
    pub file_id: FileId,
    /// The file's name.
    pub file_name: String,
    /// The file's media type.
    pub content_type: String,
    /// The file's size in bytes.
    pub file_size: i64,
    /// SHA-256 of the file, lower-case hex.
    pub checksum: String,
    /// When the document lapses.
    pub expires_time: Option<Seconds>,
    /// Reason code of the last verdict.
    pub reason: Option<String>,
    /// What the reviewer tells the customer.
    pub customer_message: Option<String>,
    /// Rises with every change.
    pub version: i64,
    /// When it was attached.
    pub created_time: Seconds,
    /// When it last changed.
    pub updated_time: Seconds,
}

impl CustomerDocumentView {
    /// The document as the brand lets its customers see it.
    pub fn new(document: &Document, settings: &Settings) -> Self {
        Self {
            id: document.id,
            kyc_id: document.kyc_id,
            step_id: document.step_id,
            r#type: document.document_type.clone(),
            status: document.status,
            file_id: document.file_id.clone(),
            file_name: document.file_name.clone(),
            content_type: document.content_type.clone(),
            file_size: document.file_size,
            checksum: document.checksum.clone(),
            expires_time: document.expires_time.map(Seconds::from),
            // Why a document was taken out of use is a colleague's matter; so is a step's skip reason, never shown.
            reason: document
                .reason
                .clone()
                .filter(|_| document.status != DocumentStatus::Deleted),
            customer_message: message(settings, document.comment.as_ref(), document.customer_message.as_ref()),
            version: document.version,
            created_time: document.created_time.into(),
            updated_time: document.updated_time.into(),
        }
    }
}

/// The reply that shows the customer one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerDocumentReply {
    /// The document.
    pub document: CustomerDocumentView,
}

/// What the customer reads: installations whose staff write to customers in `comment` have said so.
fn message(settings: &Settings, comment: Option<&String>, customer_message: Option<&String>) -> Option<String> {
    if settings.comment_to_customer == Flag::Yes {
        comment.cloned()
    } else {
        customer_message.cloned()
    }
}
