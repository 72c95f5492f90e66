//! `MngSetKycBrand`: changes the settings that are sent.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::brand::BrandReply;
use crate::command::{Configure, ConfigureNeeds, TemplateNeed};
use crate::configure::{BrandTarget, BrandWork};
use crate::id::Brand;
use crate::limits::LEVEL_MAX;
use crate::rejection::Rejection;
use crate::status::Flag;

/// The settings to change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetBrand {
    /// The brand.
    pub brand: Brand,
    /// Whether opening a real account needs a verified level.
    pub kyc_required_for_real: Option<Flag>,
    /// That level.
    #[schemars(range(min = 0, max = LEVEL_MAX))]
    pub real_account_level: Option<i64>,
    /// Whether customers are shown `comment` in place of `customer_message`.
    pub comment_to_customer: Option<Flag>,
}

impl Configure for SetBrand {
    type Reply = BrandReply;

    fn target(&self) -> BrandTarget {
        BrandTarget::Brand(self.brand.clone())
    }

    fn needs(&self) -> ConfigureNeeds {
        ConfigureNeeds::templates(TemplateNeed::None)
    }

    fn decide(&self, work: &mut BrandWork) -> Result<BrandReply, Rejection> {
        work.change_settings(|settings| {
            settings.kyc_required_for_real = self.kyc_required_for_real.unwrap_or(settings.kyc_required_for_real);
            settings.real_account_level = self.real_account_level.unwrap_or(settings.real_account_level);
            settings.comment_to_customer = self.comment_to_customer.unwrap_or(settings.comment_to_customer);
        });
        Ok((&work.state.settings).into())
    }
}
