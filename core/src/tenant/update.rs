//! `MngUpdateTenant`: changes the members that are sent.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::command::{Configure, ConfigureNeeds};
use crate::configure::{BrandTarget, BrandWork};
use crate::id::Slug;
use crate::limits::{BASE_URL_CHARS_MAX, RATE_MAX};
use crate::rejection::Rejection;
use crate::status::{Flag, KycModel};
use crate::tenant::{Tenant, TenantReply, check_base_url, check_model_is_free};

/// The tenant, and what to change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateTenant {
    /// Which tenant.
    pub slug: Slug,
    /// Who owns KYC; refused while the brand has customers whose status is not none.
    pub kyc_model: Option<KycModel>,
    /// Where its platform is called; empty to have none.
    #[schemars(length(max = BASE_URL_CHARS_MAX))]
    pub base_url: Option<String>,
    /// Whether a webhook about an unknown player makes a customer.
    pub create_players: Option<Flag>,
    /// Whether its platform may be called at a private address, and over `http`.
    pub allow_private_network: Option<Flag>,
    /// Webhooks a second that it may send for long.
    #[schemars(range(min = 1, max = RATE_MAX))]
    pub webhook_rate: Option<i64>,
    /// Webhooks that it may send at once.
    #[schemars(range(min = 1, max = RATE_MAX))]
    pub webhook_burst: Option<i64>,
    /// Lookups a second that a reconciliation makes.
    #[schemars(range(min = 1, max = 100))]
    pub lookup_rate: Option<i64>,
}

impl Configure for UpdateTenant {
    type Reply = TenantReply;

    fn target(&self) -> BrandTarget {
        BrandTarget::Tenant(self.slug.clone())
    }

    fn needs(&self) -> ConfigureNeeds {
        ConfigureNeeds::TENANT
    }

    fn permitted(&self, _model: Option<KycModel>) -> Result<(), Rejection> {
        Ok(())
    }

    fn decide(&self, work: &mut BrandWork) -> Result<TenantReply, Rejection> {
        let before = work.tenant()?.clone();
        let mut after = before.clone();
        after.kyc_model = self.kyc_model.unwrap_or(after.kyc_model);
        match self.base_url.as_deref() {
            Some("") => after.base_url = None,
            Some(base_url) => after.base_url = Some(base_url.to_owned()),
            None => {}
        }
        after.create_players = self.create_players.unwrap_or(after.create_players);
        after.allow_private_network = self.allow_private_network.unwrap_or(after.allow_private_network);
        after.webhook_rate = self.webhook_rate.unwrap_or(after.webhook_rate);
        after.webhook_burst = self.webhook_burst.unwrap_or(after.webhook_burst);
        after.lookup_rate = self.lookup_rate.unwrap_or(after.lookup_rate);
        check_base_url(after.base_url.as_deref(), after.kyc_model, after.allow_private_network)?;
        if after.kyc_model != before.kyc_model {
            check_model_is_free(work.context.has_active_profiles)?;
            work.needs_no_active_profiles();
        }
        if is_elsewhere(&before, &after) {
            work.wake_calls();
        }
        work.change_tenant(|tenant| *tenant = after)?;
        Ok(TenantReply::of(work.tenant()?))
    }
}

/// Whether calls that wait need not wait on: where they failed so far is not where they go now, or, the model being
/// another, they go nowhere and are closed.
fn is_elsewhere(before: &Tenant, after: &Tenant) -> bool {
    after.kyc_model != before.kyc_model
        || after.base_url != before.base_url
        || after.allow_private_network != before.allow_private_network
}
