//! `MngDeleteKycStepTemplate`: archives a template; steps attached from it stay.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::command::{Accepted, Configure, ConfigureNeeds, TemplateNeed};
use crate::configure::{BrandTarget, BrandWork};
use crate::event::Action;
use crate::id::TemplateId;
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

    fn target(&self) -> BrandTarget {
        BrandTarget::Template(self.id)
    }

    fn needs(&self) -> ConfigureNeeds {
        ConfigureNeeds::templates(TemplateNeed::Id(self.id))
    }

    fn decide(&self, work: &mut BrandWork) -> Result<Accepted, Rejection> {
        work.change_template(self.id, Action::TemplateArchived, |template| {
            template.status = TemplateStatus::Archived;
        })?;
        Ok(Accepted { accepted: true })
    }
}
