//! `MngDeleteTenant`: makes a brand local again.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::command::{Accepted, Configure, ConfigureNeeds};
use crate::configure::{BrandTarget, BrandWork};
use crate::id::Slug;
use crate::rejection::Rejection;
use crate::status::KycModel;
use crate::tenant::check_model_is_free;

/// Which tenant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteTenant {
    /// Its slug.
    pub slug: Slug,
}

impl Configure for DeleteTenant {
    type Reply = Accepted;

    fn target(&self) -> BrandTarget {
        BrandTarget::Tenant(self.slug.clone())
    }

    fn needs(&self) -> ConfigureNeeds {
        ConfigureNeeds::TENANT
    }

    fn permitted(&self, _model: Option<KycModel>) -> Result<(), Rejection> {
        Ok(())
    }

    fn decide(&self, work: &mut BrandWork) -> Result<Accepted, Rejection> {
        if work.tenant()?.kyc_model != KycModel::CrmOwns {
            check_model_is_free(work.context.has_active_profiles)?;
            work.needs_no_active_profiles();
        }
        work.wake_calls();
        work.remove_tenant()?;
        Ok(Accepted { accepted: true })
    }
}
