//! `MngDeleteKycStepTemplate`: archives a template; steps attached from it stay.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::command::{Accepted, Configure, TemplateNeed};
use crate::configure::BrandWork;
use crate::event::Action;
use crate::id::{Brand, TemplateId};
use crate::rejection::Rejection;
use crate::status::TemplateStatus;

/// Which template.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteTemplate {
    /// The template.
    pub id: TemplateId,
}

impl Configure for DeleteTemplate {
    type Reply = Accepted;

    fn brand(&self) -> Option<Brand> {
        None
    }

    fn templates(&self) -> TemplateNeed {
        TemplateNeed::Id(self.id)
    }

    fn decide(&self, work: &mut BrandWork) -> Result<Accepted, Rejection> {
        work.change_template(self.id, Action::TemplateArchived, |template| {
            template.status = TemplateStatus::Archived;
        })?;
        Ok(Accepted { accepted: true })
    }
}
