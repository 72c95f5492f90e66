//! `MngAddTenant`: gives a brand its tenant.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::command::{Configure, ConfigureNeeds};
use crate::configure::{BrandTarget, BrandWork};
use crate::id::{Brand, Slug};
use crate::limits::{BASE_URL_CHARS_MAX, LOOKUP_RATE_DEFAULT, RATE_MAX, WEBHOOK_BURST_DEFAULT, WEBHOOK_RATE_DEFAULT};
use crate::rejection::Rejection;
use crate::status::{Flag, KycModel, SecretKind};
use crate::tenant::{Secrets, Tenant, TenantReply, check_base_url, check_model_is_free};

/// The tenant to add.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddTenant {
    /// What it is called in the addresses of its webhooks.
    pub slug: Slug,
    /// The brand that it serves.
    pub brand: Brand,
    /// Who owns KYC.
    pub kyc_model: KycModel,
    /// Where its platform is called; required for `crm_owns` and `dual`.
    #[schemars(length(max = BASE_URL_CHARS_MAX))]
    pub base_url: Option<String>,
    /// Whether a webhook about an unknown player makes a customer; 1 unless it is given.
    pub create_players: Option<Flag>,
    /// Whether its platform may be called at a private address, and over `http`; 0 unless it is given.
    pub allow_private_network: Option<Flag>,
    /// Webhooks a second that it may send for long; 200 unless it is given.
    #[schemars(range(min = 1, max = RATE_MAX))]
    pub webhook_rate: Option<i64>,
    /// Webhooks that it may send at once; 1 000 unless it is given.
    #[schemars(range(min = 1, max = RATE_MAX))]
    pub webhook_burst: Option<i64>,
    /// Lookups a second that a reconciliation makes; 10 unless it is given.
    #[schemars(range(min = 1, max = 100))]
    pub lookup_rate: Option<i64>,
}

impl Configure for AddTenant {
    type Reply = TenantReply;

    fn target(&self) -> BrandTarget {
        BrandTarget::Brand(self.brand.clone())
    }

    fn needs(&self) -> ConfigureNeeds {
        ConfigureNeeds {
            slug: Some(self.slug.clone()),
            secrets: 2,
            ..ConfigureNeeds::TENANT
        }
    }

    fn permitted(&self, _model: Option<KycModel>) -> Result<(), Rejection> {
        Ok(())
    }

    fn decide(&self, work: &mut BrandWork) -> Result<TenantReply, Rejection> {
        if work.state.tenant.is_some() {
            return Err(Rejection::Duplicate("the brand has a tenant".to_owned()));
        }
        if work.context.slug_owner.is_some() {
            return Err(Rejection::Duplicate(format!(
                "the slug `{}` is taken: a tenant has it, or another brand's webhooks came under it",
                self.slug
            )));
        }
        let allow_private_network = self.allow_private_network.unwrap_or(Flag::No);
        check_base_url(self.base_url.as_deref(), self.kyc_model, allow_private_network)?;
        if self.kyc_model != KycModel::CrmOwns {
            check_model_is_free(work.context.has_active_profiles)?;
            work.needs_no_active_profiles();
        }
        let webhook = work.context.take_secret().ok_or(Rejection::Unavailable)?;
        let outbound = work.context.take_secret().ok_or(Rejection::Unavailable)?;
        let now = work.now;
        let tenant = Tenant {
            id: work.context.ids.tenant(),
            tenant_id: work.context.fresh_uuid.clone(),
            slug: self.slug.clone(),
            brand: self.brand.clone(),
            kyc_model: self.kyc_model,
            base_url: self.base_url.clone(),
            create_players: self.create_players.unwrap_or(Flag::Yes),
            allow_private_network,
            webhook_rate: self.webhook_rate.unwrap_or(WEBHOOK_RATE_DEFAULT),
            webhook_burst: self.webhook_burst.unwrap_or(WEBHOOK_BURST_DEFAULT),
            lookup_rate: self.lookup_rate.unwrap_or(LOOKUP_RATE_DEFAULT),
            secrets: Secrets(vec![
                webhook.note(SecretKind::Webhook, now),
                outbound.note(SecretKind::Outbound, now),
            ]),
            version: 1,
            created_time: now,
            updated_time: now,
        };
        let reply = TenantReply {
            webhook_secret: Some(webhook.text.clone()),
            outbound_secret: Some(outbound.text.clone()),
            ..TenantReply::of(&tenant)
        };
        work.add_tenant(tenant);
        work.keep_secret(&webhook);
        work.keep_secret(&outbound);
        Ok(reply)
    }
}
