//! `MngReviewKycProfile`: somebody has looked again; the review reason is cleared.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::{AcceptedVersion, Change, Outcome, Target, profile_of};
use crate::event::{Action, Note};
use crate::id::ProfileId;
use crate::limits::COMMENT_CHARS_MAX;
use crate::rejection::Rejection;
use crate::work::Work;

/// Whose review, and its finding.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewProfile {
    /// The profile.
    pub id: ProfileId,
    /// What was found, for colleagues.
    #[schemars(length(min = 1, max = COMMENT_CHARS_MAX))]
    pub comment: String,
}

impl Change for ReviewProfile {
    type Reply = AcceptedVersion;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Profile(self.id))
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<AcceptedVersion>, Rejection> {
        let profile = profile_of(&work.state)?;
        if profile.review_reason.is_none() {
            return Err(Rejection::InvalidState {
                message: "no review has been asked for".to_owned(),
                current_status: profile.status.number(),
            });
        }
        work.change_profile(
            Action::ProfileReviewed,
            Note::comment(Some(self.comment.clone())),
            |profile| {
                profile.review_reason = None;
                profile.review_since = None;
            },
        );
        work.recalculate();
        Ok(Outcome::Done(AcceptedVersion::at(profile_of(&work.state)?.version)))
    }
}
