//! `MngRequireKycStep`: attaches one step to a customer's profile, and how any step is attached or opened again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::command::{Change, Needs, Outcome, Target, TemplateNeed};
use crate::customer::CustomerState;
use crate::event::{Action, Note};
use crate::id::{Brand, Code, CustomerId, CustomerKey, ProfileId, StepId};
use crate::limits::{COMMENT_CHARS_MAX, LEVEL_MAX, REASON_CHARS_MAX, STEPS_MAX};
use crate::rejection::Rejection;
use crate::status::{Flag, StepStatus, TemplateStatus};
use crate::step::Step;
use crate::template::Template;
use crate::work::Work;

/// Which step, of whom.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequireStep {
    /// The customer.
    pub customer_id: CustomerId,
    /// The customer's brand.
    pub brand: Brand,
    /// The template's code.
    pub step_code: Code,
    /// The level to count for; the template's if absent.
    #[schemars(range(min = 0, max = LEVEL_MAX))]
    pub level: Option<i64>,
    /// Why, for colleagues.
    #[schemars(length(max = REASON_CHARS_MAX))]
    pub reason: Option<String>,
    /// Where the wish comes from.
    #[schemars(length(max = REASON_CHARS_MAX))]
    pub source: Option<String>,
    /// What the customer is told.
    #[schemars(length(max = COMMENT_CHARS_MAX))]
    pub customer_message: Option<String>,
}

/// The profile and the step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequireReply {
    /// Always true.
    pub accepted: bool,
    /// The profile.
    pub kyc_id: ProfileId,
    /// The step, new or there before.
    pub step_id: StepId,
}

impl Change for RequireStep {
    type Reply = RequireReply;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Customer(CustomerKey {
            brand: self.brand.clone(),
            customer_id: self.customer_id,
        }))
    }

    fn needs(&self, _state: &CustomerState) -> Needs {
        Needs {
            templates: TemplateNeed::Code(self.step_code.clone()),
            ..Needs::NONE
        }
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<RequireReply>, Rejection> {
        let template = usable_template(work)?;
        let level = self.level.unwrap_or(template.level);
        let note = Note {
            source: self.source.clone(),
            reason: self.reason.clone(),
            comment: None,
        };
        let message = self.customer_message.clone();
        let kyc_id = work.profile_id();
        let known = work.state.steps.iter().find(|step| step.code == self.step_code);
        let step_id = match known.map(|step| (step.id, step.status)) {
            None => attach(work, &template, level, message, note)?,
            Some((id, StepStatus::Required | StepStatus::Pending | StepStatus::Approved)) => id,
            Some((id, StepStatus::Rejected | StepStatus::Expired | StepStatus::Skipped)) => {
                reopen(work, id, &template, level, message, note)?;
                id
            }
        };
        Ok(Outcome::Done(RequireReply {
            accepted: true,
            kyc_id,
            step_id,
        }))
    }
}

/// The template of the wanted code: the one in use, or the reason why there is none.
fn usable_template(work: &Work) -> Result<Template, Rejection> {
    let templates = &work.context.templates;
    let current = templates
        .iter()
        .find(|template| template.status != TemplateStatus::Archived);
    let template = current.or(templates.last()).ok_or(Rejection::NotFound("template"))?;
    if template.status == TemplateStatus::Active {
        Ok(template.clone())
    } else {
        Err(Rejection::TemplateInactive(template.code.to_string()))
    }
}

/// Attaches a new step: a snapshot of the template.
pub(crate) fn attach(
    work: &mut Work,
    template: &Template,
    level: i64,
    customer_message: Option<String>,
    note: Note,
) -> Result<StepId, Rejection> {
    if work.state.steps.len() >= STEPS_MAX {
        return Err(Rejection::invalid(
            "customer_id",
            "too_many",
            "has as many steps as a profile can have",
        ));
    }
    let kyc_id = work.profile_id();
    let id = work.context.ids.step();
    let step = Step {
        id,
        kyc_id,
        customer_id: work.state.key.customer_id,
        brand: work.state.key.brand.clone(),
        template_id: template.id,
        code: template.code.clone(),
        level,
        name: template.name.clone(),
        step_type: template.step_type,
        required: Flag::Yes,
        status: StepStatus::Required,
        requirements: template.requirements.clone(),
        form_schema: template.form_schema.clone(),
        answers: None,
        reason: None,
        comment: None,
        customer_message,
        submitted_time: None,
        reviewed_time: None,
        reviewed_by: None,
        expires_time: None,
        round: 0,
        announced: false,
        version: 1,
        created_time: work.now,
        updated_time: work.now,
    };
    work.add_step(step, note);
    Ok(id)
}

/// Opens a step again with a fresh snapshot of its template; the earlier answers stay in the audit.
pub(crate) fn reopen(
    work: &mut Work,
    id: StepId,
    template: &Template,
    level: i64,
    customer_message: Option<String>,
    note: Note,
) -> Result<(), Rejection> {
    work.change_step(id, Action::StepReopened, note, |step| {
        step.template_id = template.id;
        step.level = level;
        step.name.clone_from(&template.name);
        step.step_type = template.step_type;
        step.required = Flag::Yes;
        step.status = StepStatus::Required;
        step.requirements = template.requirements.clone();
        step.form_schema = template.form_schema.clone();
        step.answers = None;
        step.reason = None;
        step.comment = None;
        step.customer_message = customer_message;
        step.submitted_time = None;
        step.reviewed_time = None;
        step.reviewed_by = None;
        step.expires_time = None;
        step.round += 1;
        step.announced = false;
    })
}
