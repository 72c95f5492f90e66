//! `MngAddKycStepTemplate`: a new step template.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::command::{Configure, ConfigureNeeds, TemplateNeed};
use crate::configure::{BrandTarget, BrandWork};
use crate::id::{Brand, Code};
use crate::json::Json;
use crate::limits::{COMMENT_CHARS_MAX, ID_MAX, LEVEL_MAX, NAME_CHARS_MAX, TEMPLATES_MAX};
use crate::rejection::Rejection;
use crate::status::{Flag, StepType, TemplateStatus};
use crate::template::{Template, TemplateReply, problems_of};

/// The template to make.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddTemplate {
    /// Its brand.
    pub brand: Brand,
    /// Unique among the brand's templates that are not archived.
    pub code: Code,
    /// The level it counts for.
    #[schemars(range(min = 0, max = LEVEL_MAX))]
    pub level: i64,
    /// What people call it; the code if absent.
    #[schemars(length(max = NAME_CHARS_MAX))]
    pub name: Option<String>,
    /// What it is for.
    #[schemars(length(max = COMMENT_CHARS_MAX))]
    pub description: Option<String>,
    /// What it asks for; 0 if absent.
    pub step_type: Option<StepType>,
    /// Whether its level needs it; 1 if absent.
    pub required: Option<Flag>,
    /// Where lists put it; 0 if absent.
    #[schemars(range(min = -ID_MAX, max = ID_MAX))]
    pub sort_index: Option<i64>,
    /// Accepted document types (`documents`, `all_documents`), validity (`valid_days`, `warn_days`), free metadata.
    pub requirements: Option<Json>,
    /// The questionnaire.
    pub form_schema: Option<Json>,
}

impl Configure for AddTemplate {
    type Reply = TemplateReply;

    fn target(&self) -> BrandTarget {
        BrandTarget::Brand(self.brand.clone())
    }

    fn needs(&self) -> ConfigureNeeds {
        ConfigureNeeds::templates(TemplateNeed::Code(self.code.clone()))
    }

    fn decide(&self, work: &mut BrandWork) -> Result<TemplateReply, Rejection> {
        let template = Template {
            id: work.context.ids.template(),
            brand: self.brand.clone(),
            code: self.code.clone(),
            level: self.level,
            name: self.name.clone().unwrap_or_else(|| self.code.to_string()),
            description: self.description.clone().unwrap_or_default(),
            step_type: self.step_type.unwrap_or(StepType::Document),
            required: self.required.unwrap_or(Flag::Yes),
            status: TemplateStatus::Active,
            sort_index: self.sort_index.unwrap_or(0),
            requirements: self.requirements.clone().unwrap_or_default(),
            form_schema: self.form_schema.clone().unwrap_or_default(),
            version: 1,
            created_time: work.now,
            updated_time: work.now,
        };
        let problems = problems_of(&template);
        if !problems.is_empty() {
            return Err(Rejection::InvalidData(problems));
        }
        if work
            .state
            .templates
            .iter()
            .any(|other| other.status != TemplateStatus::Archived)
        {
            return Err(Rejection::Duplicate(format!(
                "the template `{}` is there already",
                self.code
            )));
        }
        if work.context.template_count >= TEMPLATES_MAX {
            return Err(Rejection::invalid(
                "brand",
                "too_many",
                "has as many templates as a brand can have",
            ));
        }
        let reply = (&template).into();
        work.add_template(template);
        Ok(reply)
    }
}
