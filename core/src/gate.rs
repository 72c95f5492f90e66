//! `MngCheckRealAccountGate`: whether a customer may open a real account. A shut gate asks for what would open it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::command::{Change, Needs, Outcome, Target, TemplateNeed, profile_of};
use crate::customer::CustomerState;
use crate::event::Note;
use crate::id::{Brand, CustomerId, CustomerKey};
use crate::limits::LEVEL_MAX;
use crate::profile::set_required_level::raise;
use crate::rejection::Rejection;
use crate::status::{Flag, KycModel, ProfileStatus, TemplateStatus};
use crate::work::Work;

/// Who wants to open one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckGate {
    /// The customer.
    pub customer_id: CustomerId,
    /// The customer's brand.
    pub brand: Brand,
}

/// The gate is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GateReply {
    /// Always true; a shut gate is an error.
    pub allowed: bool,
}

impl Change for CheckGate {
    type Reply = GateReply;

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Customer(CustomerKey {
            brand: self.brand.clone(),
            customer_id: self.customer_id,
        }))
    }

    fn needs(&self, _state: &CustomerState) -> Needs {
        Needs {
            templates: TemplateNeed::UpTo(LEVEL_MAX),
            ..Needs::NONE
        }
    }

    /// The gate answers under every model.
    fn permitted(&self, _model: Option<KycModel>) -> Result<(), Rejection> {
        Ok(())
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<GateReply>, Rejection> {
        let model = work.context.model();
        if model == Some(KycModel::None) {
            return Ok(Outcome::Done(GateReply { allowed: true }));
        }
        // What has just fallen due counts before the comparison.
        work.recalculate();
        let settings = &work.context.settings;
        let level = settings.real_account_level;
        let current_level = work.state.profile.as_ref().map_or(0, |profile| profile.current_level);
        if settings.kyc_required_for_real == Flag::No || current_level >= level {
            return Ok(Outcome::Done(GateReply { allowed: true }));
        }
        if model == Some(KycModel::PlatformOwns) {
            let profile = work.state.profile.as_ref();
            return Err(Rejection::KycRequired {
                level,
                status: profile.map_or(ProfileStatus::None, |profile| profile.status),
                current_level,
                kyc_id: profile.map(|profile| profile.id),
            });
        }
        work.context
            .templates
            .retain(|template| template.level <= level && template.status == TemplateStatus::Active);
        let note = Note {
            source: Some("account_opening".to_owned()),
            reason: Some("real_account_required".to_owned()),
            comment: None,
        };
        // A profile that can take no more steps stays shut out all the same.
        let _ = raise(work, level, &note);
        work.recalculate();
        let profile = profile_of(&work.state)?;
        // Raising the level can itself reach it, when what it asks for was approved before.
        if profile.current_level >= level {
            return Ok(Outcome::Done(GateReply { allowed: true }));
        }
        Ok(Outcome::Refused(Rejection::KycRequired {
            level,
            status: profile.status,
            current_level: profile.current_level,
            kyc_id: Some(profile.id),
        }))
    }
}
