//! `MngDeleteKycDocument`: takes a document out of use; its row, file and audit stay.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::{AcceptedVersion, Change, Outcome, Target, check_version};
use crate::document::add::find;
use crate::event::{Action, Note};
use crate::id::DocumentId;
use crate::limits::{ID_MAX, REASON_CHARS_MAX};
use crate::rejection::Rejection;
use crate::status::DocumentStatus;
use crate::work::Work;

/// Which document, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteDocument {
    /// The document.
    pub id: DocumentId,
    /// Why.
    #[schemars(length(min = 1, max = REASON_CHARS_MAX))]
    pub reason: String,
    /// The version the caller has looked at.
    #[schemars(range(min = 1, max = ID_MAX))]
    pub expected_version: Option<i64>,
}

impl Change for DeleteDocument {
    type Reply = AcceptedVersion;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Document(self.id))
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<AcceptedVersion>, Rejection> {
        let document = find(work, self.id)?;
        check_version(self.expected_version, document.version)?;
        if document.status == DocumentStatus::Deleted {
            return Err(Rejection::InvalidState {
                message: "the document is deleted already".to_owned(),
                current_status: document.status.number(),
            });
        }
        work.change_document(
            self.id,
            Action::DocumentDeleted,
            Note::reason(&self.reason),
            |document| {
                document.status = DocumentStatus::Deleted;
                document.reason = Some(self.reason.clone());
            },
        )?;
        Ok(Outcome::Done(AcceptedVersion::at(document.version + 1)))
    }
}
