//! Step templates: what a brand asks for, and the snapshot that a step takes of it.

pub mod add;
pub mod delete;
pub mod list;
pub mod update;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{Brand, Code, TemplateId};
use crate::json::Json;
use crate::limits::{REASON_CHARS_MAX, REQUIREMENTS_BYTES_MAX, VALID_DAYS_MAX};
use crate::problem::Problem;
use crate::record;
use crate::status::{Flag, StepType, TemplateStatus};
use crate::time::{Seconds, Time};

record! {
    /// A step template of a brand.
    pub struct Template {
        /// Its id.
        pub id: TemplateId,
        /// Its brand.
        pub brand: Brand,
        /// Unique among the brand's templates that are not archived.
        pub code: Code,
        /// The level it counts for, 0..10.
        pub level: i64,
        /// What people call it.
        pub name: String,
        /// What it is for.
        pub description: String,
        /// What it asks for.
        pub step_type: StepType,
        /// Whether its level needs it.
        pub required: Flag,
        /// Active, disabled or archived.
        pub status: TemplateStatus,
        /// Where lists put it.
        pub sort_index: i64,
        /// Free metadata with the keys that [`requirements`](crate::requirements) knows.
        pub requirements: Json,
        /// The questionnaire.
        pub form_schema: Json,
        /// Rises with every change.
        pub version: i64,
        /// When it was made.
        pub created_time: Time,
        /// When it last changed.
        pub updated_time: Time,
    }
}

/// A template as the wire shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateView {
    /// Its id.
    pub id: TemplateId,
    /// Its brand.
    pub brand: Brand,
    /// The level it counts for, 0..10.
    pub level: i64,
    /// Unique among the brand's templates that are not archived.
    pub code: Code,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it asks for.
    pub step_type: StepType,
    /// Whether its level needs it: 0 or 1.
    pub required: Flag,
    /// Active, disabled or archived.
    pub status: TemplateStatus,
    /// Where lists put it.
    pub sort_index: i64,
    /// Accepted document types, validity and free metadata.
    pub requirements: Json,
    /// The questionnaire.
    pub form_schema: Json,
    /// Rises with every change.
    pub version: i64,
    /// When it was made.
    pub created_time: Seconds,
    /// When it last changed.
    pub updated_time: Seconds,
}

impl From<&Template> for TemplateView {
    fn from(template: &Template) -> Self {
        Self {
            id: template.id,
            brand: template.brand.clone(),
            level: template.level,
            code: template.code.clone(),
            name: template.name.clone(),
            description: template.description.clone(),
            step_type: template.step_type,
            required: template.required,
            status: template.status,
            sort_index: template.sort_index,
            requirements: template.requirements.clone(),
            form_schema: template.form_schema.clone(),
            version: template.version,
            created_time: template.created_time.into(),
            updated_time: template.updated_time.into(),
        }
    }
}

/// The reply that shows one template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateReply {
    /// The template.
    pub template: TemplateView,
}

impl From<&Template> for TemplateReply {
    fn from(template: &Template) -> Self {
        Self {
            template: template.into(),
        }
    }
}

/// Everything wrong with a template's questionnaire and requirements.
fn problems_of(template: &Template) -> Vec<Problem> {
    let mut problems = crate::questionnaire::check_form_schema(&template.form_schema);
    problems.extend(check_requirements(&template.requirements));
    problems
}

/// Everything wrong with a `requirements` object: the keys that mean something have a fixed form.
fn check_requirements(requirements: &Value) -> Vec<Problem> {
    let Value::Object(members) = requirements else {
        return vec![Problem::new("requirements", "type", "must be an object")];
    };
    let mut problems = Vec::new();
    if requirements.to_string().len() > REQUIREMENTS_BYTES_MAX {
        problems.push(Problem::new(
            "requirements",
            "too_long",
            format!("must be at most {REQUIREMENTS_BYTES_MAX} bytes"),
        ));
    }
    for name in ["documents", "all_documents"] {
        if members.get(name).is_some_and(|types| !is_type_list(types)) {
            problems.push(Problem::new(
                format!("requirements.{name}"),
                "type",
                format!("must be a list of document types of 1 to {REASON_CHARS_MAX} characters"),
            ));
        }
    }
    for (name, least) in [("valid_days", 1), ("warn_days", 0)] {
        let Some(days) = members.get(name) else { continue };
        if !days
            .as_i64()
            .is_some_and(|days| (least..=VALID_DAYS_MAX).contains(&days))
        {
            problems.push(Problem::new(
                format!("requirements.{name}"),
                "range",
                format!("must be a whole number of days from {least} to {VALID_DAYS_MAX}"),
            ));
        }
    }
    problems
}

fn is_type_list(types: &Value) -> bool {
    types.as_array().is_some_and(|types| {
        types.iter().all(|kind| {
            kind.as_str()
                .is_some_and(|kind| (1..=REASON_CHARS_MAX).contains(&kind.chars().count()))
        })
    })
}
