//! Documents: a stored file that a customer offers as proof, with what became of it.

pub mod add;
pub mod approve;
pub mod delete;
pub mod list;
pub mod reject;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{Brand, CustomerId, DocumentId, FileId, ProfileId, StepId};
use crate::record;
use crate::status::DocumentStatus;
use crate::time::{Seconds, Time};

record! {
    /// A document of a profile; the file's metadata is copied from storage, never from a client.
    pub struct Document {
        /// Its id.
        pub id: DocumentId,
        /// The profile.
        pub kyc_id: ProfileId,
        /// The customer.
        pub customer_id: CustomerId,
        /// The customer's brand.
        pub brand: Brand,
        /// The step it is for, if for one.
        pub step_id: Option<StepId>,
        /// What it is: `passport`, `utility_bill`, …
        pub document_type: String,
        /// Where it stands.
        pub status: DocumentStatus,
        /// The stored file.
        pub file_id: FileId,
        /// The file's name, as metadata.
        pub file_name: String,
        /// The file's media type.
        pub content_type: String,
        /// The file's size in bytes.
        pub file_size: i64,
        /// SHA-256 of the file, lower-case hex.
        pub checksum: String,
        /// When the document lapses.
        pub expires_time: Option<Time>,
        /// Reason code of the last verdict, if it has one.
        pub reason: Option<String>,
        /// For colleagues.
        pub comment: Option<String>,
        /// For the customer.
        pub customer_message: Option<String>,
        /// The step's round in which it was attached.
        pub round: i64,
        /// Rises with every change.
        pub version: i64,
        /// When it was attached.
        pub created_time: Time,
        /// When it last changed.
        pub updated_time: Time,
    }
}

impl Document {
    /// Whether it counts as proof: neither refused nor deleted nor past its end.
    pub fn is_live(&self, now: Time) -> bool {
        matches!(
            self.status,
            DocumentStatus::Uploaded | DocumentStatus::Pending | DocumentStatus::Approved
        ) && !self.is_past(now)
    }

    /// Whether its end has come.
    pub fn is_past(&self, now: Time) -> bool {
        self.expires_time.is_some_and(|end| now >= end)
    }

    /// When it lapses, if it is approved and lapses.
    pub fn lapse_time(&self) -> Option<Time> {
        self.expires_time.filter(|_| self.status == DocumentStatus::Approved)
    }

    /// Whether a verdict is still to come.
    pub fn is_undecided(&self) -> bool {
        matches!(self.status, DocumentStatus::Uploaded | DocumentStatus::Pending)
    }
}

/// A document as managers see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentView {
    /// Its id.
    pub id: DocumentId,
    /// The customer.
    pub customer_id: CustomerId,
    /// The profile.
    pub kyc_id: ProfileId,
    /// The step it is for, if for one.
    pub step_id: Option<StepId>,
    /// The customer's brand.
    pub brand: Brand,
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
    /// For colleagues.
    pub comment: Option<String>,
    /// For the customer.
    pub customer_message: Option<String>,
    /// Rises with every change.
    pub version: i64,
    /// When it was attached.
    pub created_time: Seconds,
    /// When it last changed.
    pub updated_time: Seconds,
}

impl From<&Document> for DocumentView {
    fn from(document: &Document) -> Self {
        Self {
            id: document.id,
            customer_id: document.customer_id,
            kyc_id: document.kyc_id,
            step_id: document.step_id,
            brand: document.brand.clone(),
            r#type: document.document_type.clone(),
            status: document.status,
            file_id: document.file_id.clone(),
            file_name: document.file_name.clone(),
            content_type: document.content_type.clone(),
            file_size: document.file_size,
            checksum: document.checksum.clone(),
            expires_time: document.expires_time.map(Seconds::from),
            reason: document.reason.clone(),
            comment: document.comment.clone(),
            customer_message: document.customer_message.clone(),
            version: document.version,
            created_time: document.created_time.into(),
            updated_time: document.updated_time.into(),
        }
    }
}

/// The reply that shows one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentReply {
    /// The document.
    pub document: DocumentView,
}
