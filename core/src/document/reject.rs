//! `MngRejectKycDocument`: a verdict against one document, or the revocation of its approval.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::{AcceptedVersion, Change, Outcome, Target, check_version, repeated};
use crate::document::add::find;
use crate::event::{Action, Note};
use crate::id::DocumentId;
use crate::limits::{COMMENT_CHARS_MAX, ID_MAX, REASON_CHARS_MAX};
use crate::rejection::Rejection;
use crate::status::DocumentStatus;
use crate::work::Work;

/// Which document, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectDocument {
    /// The document.
    pub id: DocumentId,
    /// A reason code; the customer sees it.
    #[schemars(length(min = 1, max = REASON_CHARS_MAX))]
    pub reason: String,
    /// For colleagues.
    #[schemars(length(max = COMMENT_CHARS_MAX))]
    pub comment: Option<String>,
    /// For the customer.
    #[schemars(length(max = COMMENT_CHARS_MAX))]
    pub customer_message: Option<String>,
    /// The version the caller has looked at.
    #[schemars(range(min = 1, max = ID_MAX))]
    pub expected_version: Option<i64>,
}

impl Change for RejectDocument {
    type Reply = AcceptedVersion;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Document(self.id))
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<AcceptedVersion>, Rejection> {
        let document = find(work, self.id)?;
        if document.status == DocumentStatus::Rejected && document.reason.as_deref() == Some(self.reason.as_str()) {
            return repeated(self.expected_version, document.version);
        }
        check_version(self.expected_version, document.version)?;
        let message = match document.status {
            DocumentStatus::Uploaded | DocumentStatus::Pending | DocumentStatus::Approved => None,
            DocumentStatus::Rejected => Some("the document is rejected already, for another reason".to_owned()),
            status => Some(format!("a document that is {} cannot be rejected", status.name())),
        };
        if let Some(message) = message {
            return Err(Rejection::InvalidState {
                message,
                current_status: document.status.number(),
            });
        }
        let note = Note {
            source: None,
            reason: Some(self.reason.clone()),
            comment: self.comment.clone(),
        };
        work.change_document(self.id, Action::DocumentRejected, note, |document| {
            document.status = DocumentStatus::Rejected;
            document.reason = Some(self.reason.clone());
            document.comment.clone_from(&self.comment);
            document.customer_message.clone_from(&self.customer_message);
        })?;
        Ok(Outcome::Done(AcceptedVersion::at(document.version + 1)))
    }
}
