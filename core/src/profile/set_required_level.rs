//! `MngSetKycRequiredLevel`: raises the level asked of a customer, and attaches what it takes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::command::{Change, Needs, Outcome, Target, TemplateNeed};
use crate::customer::CustomerState;
use crate::event::{Action, Note};
use crate::id::{Brand, CustomerId, CustomerKey, ProfileId};
use crate::limits::{LEVEL_MAX, REASON_CHARS_MAX};
use crate::rejection::Rejection;
use crate::status::StepStatus;
use crate::step::require;
use crate::work::Work;

/// Whose level, and which.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRequiredLevel {
    /// The customer.
    pub customer_id: CustomerId,
    /// The customer's brand.
    pub brand: Brand,
    /// The level; a lower one than before changes nothing.
    #[schemars(range(min = 0, max = LEVEL_MAX))]
    pub level: i64,
    /// Why.
    #[schemars(length(max = REASON_CHARS_MAX))]
    pub reason: Option<String>,
    /// Where the wish comes from.
    #[schemars(length(max = REASON_CHARS_MAX))]
    pub source: Option<String>,
}

/// The profile that it holds for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LevelReply {
    /// Always true.
    pub accepted: bool,
    /// The profile.
    pub kyc_id: ProfileId,
}

impl Change for SetRequiredLevel {
    type Reply = LevelReply;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Customer(CustomerKey {
            brand: self.brand.clone(),
            customer_id: self.customer_id,
        }))
    }

    fn needs(&self, _state: &CustomerState) -> Needs {
        Needs {
            templates: TemplateNeed::UpTo(self.level),
            ..Needs::NONE
        }
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<LevelReply>, Rejection> {
        let note = Note {
            source: self.source.clone(),
            reason: self.reason.clone(),
            comment: None,
        };
        raise(work, self.level, &note)?;
        Ok(Outcome::Done(LevelReply {
            accepted: true,
            kyc_id: work.profile_id(),
        }))
    }
}

/// Raises the required level and attaches the active required templates up to it whose code the profile does not
/// have; re-opens the lapsed ones, but never what a person rejected or skipped.
pub(crate) fn raise(work: &mut Work, level: i64, note: &Note) -> Result<(), Rejection> {
    work.profile_id();
    if work
        .state
        .profile
        .as_ref()
        .is_some_and(|profile| level < profile.required_level)
    {
        return Ok(());
    }
    work.change_profile(Action::LevelRequired, note.clone(), |profile| {
        profile.required_level = level;
    });
    for template in work.context.templates.clone() {
        match work.state.steps.iter().find(|step| step.code == template.code) {
            None => {
                require::attach(work, &template, template.level, None, note.clone())?;
            }
            Some(step) if step.status == StepStatus::Expired => {
                let id = step.id;
                require::reopen(work, id, &template, template.level, None, note.clone())?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}
