//! Steps: one demand on one customer, a snapshot of its template, and what became of it.

pub mod approve;
pub mod get;
pub mod reject;
pub mod require;
pub mod skip;
pub mod submit;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::DocumentView;
use crate::id::{Brand, Code, CustomerId, ProfileId, StepId, TemplateId};
use crate::json::Json;
use crate::record;
use crate::status::{Flag, StepStatus, StepType};
use crate::time::{Seconds, Time};

record! {
    /// A step attached to a profile.
    pub struct Step {
        /// Its id.
        pub id: StepId,
        /// The profile.
        pub kyc_id: ProfileId,
        /// The customer.
        pub customer_id: CustomerId,
        /// The customer's brand.
        pub brand: Brand,
        /// The template it was made from; later edits of it change nothing here.
        pub template_id: TemplateId,
        /// The template's code.
        pub code: Code,
        /// The level it counts for.
        pub level: i64,
        /// The template's name.
        pub name: String,
        /// What it asks for.
        pub step_type: StepType,
        /// Whether it counts.
        pub required: Flag,
        /// Where it stands.
        pub status: StepStatus,
        /// The template's requirements.
        pub requirements: Json,
        /// The template's questionnaire.
        pub form_schema: Json,
        /// The answers last submitted.
        pub answers: Option<Json>,
        /// Reason code of the last verdict, if it has one.
        pub reason: Option<String>,
        /// For colleagues.
        pub comment: Option<String>,
        /// For the customer.
        pub customer_message: Option<String>,
        /// When it was last submitted.
        pub submitted_time: Option<Time>,
        /// When the last verdict fell.
        pub reviewed_time: Option<Time>,
        /// Who gave it.
        pub reviewed_by: Option<String>,
        /// When the approval lapses.
        pub expires_time: Option<Time>,
        /// Rises when the step lapses or is opened again: documents of an earlier round no longer count.
        pub round: i64,
        /// Whether the coming lapse has been announced.
        pub announced: bool,
        /// Rises with every change.
        pub version: i64,
        /// When it was attached.
        pub created_time: Time,
        /// When it last changed.
        pub updated_time: Time,
    }
}

impl Step {
    /// Whether the profile's status and level depend on it.
    pub fn counts(&self) -> bool {
        self.required == Flag::Yes && self.status != StepStatus::Skipped
    }

    /// When the coming lapse is to be announced, if that is still to come.
    pub fn announce_time(&self) -> Option<Time> {
        if self.status != StepStatus::Approved || self.announced {
            return None;
        }
        let days = crate::requirements::warn_days(&self.requirements)?;
        Some(self.expires_time?.plus_seconds(-days * crate::time::DAY_SECONDS))
    }

    /// When it lapses, if it is approved and lapses.
    pub fn lapse_time(&self) -> Option<Time> {
        self.expires_time.filter(|_| self.status == StepStatus::Approved)
    }
}

/// A step as managers see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepView {
    /// Its id.
    pub id: StepId,
    /// The customer.
    pub customer_id: CustomerId,
    /// The profile.
    pub kyc_id: ProfileId,
    /// The customer's brand.
    pub brand: Brand,
    /// The template it was made from.
    pub template_id: TemplateId,
    /// The level it counts for.
    pub level: i64,
    /// The template's code.
    pub code: Code,
    /// The template's name.
    pub name: String,
    /// What it asks for.
    pub step_type: StepType,
    /// Whether it counts: 0 or 1.
    pub required: Flag,
    /// Where it stands.
    pub status: StepStatus,
    /// The template's requirements when it was attached.
    pub requirements: Json,
    /// The template's questionnaire when it was attached.
    pub form_schema: Json,
    /// The answers last submitted.
    pub answers: Option<Json>,
    /// Reason code of the last verdict.
    pub reason: Option<String>,
    /// For colleagues.
    pub comment: Option<String>,
    /// For the customer.
    pub customer_message: Option<String>,
    /// When it was last submitted.
    pub submitted_time: Option<Seconds>,
    /// When the last verdict fell.
    pub reviewed_time: Option<Seconds>,
    /// Who gave it.
    pub reviewed_by: Option<String>,
    /// When the approval lapses.
    pub expires_time: Option<Seconds>,
    /// Rises with every change.
    pub version: i64,
    /// When it was attached.
    pub created_time: Seconds,
    /// When it last changed.
    pub updated_time: Seconds,
}

impl From<&Step> for StepView {
    fn from(step: &Step) -> Self {
        Self {
            id: step.id,
            customer_id: step.customer_id,
            kyc_id: step.kyc_id,
            brand: step.brand.clone(),
            template_id: step.template_id,
            level: step.level,
            code: step.code.clone(),
            name: step.name.clone(),
            step_type: step.step_type,
            required: step.required,
            status: step.status,
            requirements: step.requirements.clone(),
            form_schema: step.form_schema.clone(),
            answers: step.answers.clone(),
            reason: step.reason.clone(),
            comment: step.comment.clone(),
            customer_message: step.customer_message.clone(),
            submitted_time: step.submitted_time.map(Seconds::from),
            reviewed_time: step.reviewed_time.map(Seconds::from),
            reviewed_by: step.reviewed_by.clone(),
            expires_time: step.expires_time.map(Seconds::from),
            version: step.version,
            created_time: step.created_time.into(),
            updated_time: step.updated_time.into(),
        }
    }
}

/// The reply that shows one step with its documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepReply {
    /// The step.
    pub step: StepView,
    /// Its documents.
    pub documents: Vec<DocumentView>,
}
