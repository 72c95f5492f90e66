//! `MngApproveKycDocument`: a verdict for one document.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::{AcceptedVersion, Change, Outcome, Target, check_version, repeated};
use crate::document::add::find;
use crate::event::{Action, Note};
use crate::id::DocumentId;
use crate::limits::{COMMENT_CHARS_MAX, ID_MAX};
use crate::rejection::Rejection;
use crate::status::DocumentStatus;
use crate::time::{Seconds, Time};
use crate::work::Work;

/// Which document, and what is said about it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveDocument {
    /// The document.
    pub id: DocumentId,
    /// For colleagues.
    #[schemars(length(max = COMMENT_CHARS_MAX))]
    pub comment: Option<String>,
    /// When the document lapses; unchanged if absent.
    pub expires_time: Option<Seconds>,
    /// The version the caller has looked at.
    #[schemars(range(min = 1, max = ID_MAX))]
    pub expected_version: Option<i64>,
}

impl Change for ApproveDocument {
    type Reply = AcceptedVersion;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Document(self.id))
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<AcceptedVersion>, Rejection> {
        let document = find(work, self.id)?;
        if document.status == DocumentStatus::Approved {
            return repeated(self.expected_version, document.version);
        }
        check_version(self.expected_version, document.version)?;
        let refuse = |message: String| {
            Err(Rejection::InvalidState {
                message,
                current_status: document.status.number(),
            })
        };
        match document.status {
            DocumentStatus::Uploaded | DocumentStatus::Pending => {}
            status => return refuse(format!("a document that is {} cannot be approved", status.name())),
        }
        if document.is_past(work.now) {
            return refuse("the document is past its end".to_owned());
        }
        let expires_time = self.expires_time.map(Time::from);
        if expires_time.is_some_and(|end| end <= work.now) {
            return Err(Rejection::invalid("expires_time", "past", "must be in the future"));
        }
        work.change_document(
            self.id,
            Action::DocumentApproved,
            Note::comment(self.comment.clone()),
            |document| {
                document.status = DocumentStatus::Approved;
                document.reason = None;
                document.comment.clone_from(&self.comment);
                document.expires_time = expires_time.or(document.expires_time);
            },
        )?;
        Ok(Outcome::Done(AcceptedVersion::at(document.version + 1)))
    }
}
