//! `MngUpdateKycStepTemplate`: overlays the members that are sent. Steps attached before keep their snapshot.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::command::{Configure, ConfigureNeeds, TemplateNeed};
use crate::configure::{BrandTarget, BrandWork};
use crate::event::Action;
use crate::id::{Brand, Code, TemplateId};
use crate::json::Json;
use crate::limits::{COMMENT_CHARS_MAX, ID_MAX, LEVEL_MAX, NAME_CHARS_MAX, TEMPLATES_MAX};
use crate::rejection::Rejection;
use crate::status::{Flag, StepType, TemplateStatus};
use crate::template::{Template, TemplateReply, problems_of};

/// What to change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateTemplate {
    /// The template.
    pub id: TemplateId,
    /// Its brand, which cannot change.
    pub brand: Option<Brand>,
    /// Its code.
    pub code: Option<Code>,
    /// The level it counts for.
    #[schemars(range(min = 0, max = LEVEL_MAX))]
    pub level: Option<i64>,
    /// What people call it.
    #[schemars(length(max = NAME_CHARS_MAX))]
    pub name: Option<String>,
    /// What it is for.
    #[schemars(length(max = COMMENT_CHARS_MAX))]
    pub description: Option<String>,
    /// What it asks for.
    pub step_type: Option<StepType>,
    /// Whether its level needs it.
    pub required: Option<Flag>,
    /// Active, disabled or archived.
    pub status: Option<TemplateStatus>,
    /// Where lists put it.
    #[schemars(range(min = -ID_MAX, max = ID_MAX))]
    pub sort_index: Option<i64>,
    /// Accepted document types, validity, free metadata.
    pub requirements: Option<Json>,
    /// The questionnaire.
    pub form_schema: Option<Json>,
}

impl Configure for UpdateTemplate {
    type Reply = TemplateReply;

    fn target(&self) -> BrandTarget {
        BrandTarget::Template(self.id)
    }

    fn needs(&self) -> ConfigureNeeds {
        ConfigureNeeds::templates(match &self.code {
            Some(code) => TemplateNeed::IdOrCode(self.id, code.clone()),
            None => TemplateNeed::Id(self.id),
        })
    }

    fn decide(&self, work: &mut BrandWork) -> Result<TemplateReply, Rejection> {
        let found = |template: &&Template| template.id == self.id;
        let before = work
            .state
            .templates
            .iter()
            .find(found)
            .ok_or(Rejection::NotFound("template"))?
            .clone();
        if self.brand.as_ref().is_some_and(|brand| *brand != before.brand) {
            return Err(Rejection::invalid("brand", "fixed", "cannot be changed"));
        }
        let after = self.overlaid(before.clone());
        let problems = problems_of(&after);
        if !problems.is_empty() {
            return Err(Rejection::InvalidData(problems));
        }
        if after.status != TemplateStatus::Archived {
            let is_taken = |other: &Template| {
                other.id != self.id && other.code == after.code && other.status != TemplateStatus::Archived
            };
            if work.state.templates.iter().any(is_taken) {
                return Err(Rejection::Duplicate(format!(
                    "the template `{}` is there already",
                    after.code
                )));
            }
            if before.status == TemplateStatus::Archived && work.context.template_count >= TEMPLATES_MAX {
                return Err(Rejection::invalid(
                    "status",
                    "too_many",
                    "the brand has as many templates as it can have",
                ));
            }
        }
        let archives = after.status == TemplateStatus::Archived && before.status != TemplateStatus::Archived;
        let action = if archives {
            Action::TemplateArchived
        } else {
            Action::TemplateUpdated
        };
        work.change_template(self.id, action, |template| *template = after)?;
        let template = work
            .state
            .templates
            .iter()
            .find(found)
            .ok_or(Rejection::NotFound("template"))?;
        Ok(template.into())
    }
}

impl UpdateTemplate {
    fn overlaid(&self, mut template: Template) -> Template {
        fn set<T: Clone>(target: &mut T, wanted: Option<&T>) {
            if let Some(wanted) = wanted {
                target.clone_from(wanted);
            }
        }
        set(&mut template.code, self.code.as_ref());
        set(&mut template.level, self.level.as_ref());
        set(&mut template.name, self.name.as_ref());
        set(&mut template.description, self.description.as_ref());
        set(&mut template.step_type, self.step_type.as_ref());
        set(&mut template.required, self.required.as_ref());
        set(&mut template.status, self.status.as_ref());
        set(&mut template.sort_index, self.sort_index.as_ref());
        set(&mut template.requirements, self.requirements.as_ref());
        set(&mut template.form_schema, self.form_schema.as_ref());
        template
    }
}
