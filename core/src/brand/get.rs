//! `MngGetKycBrand`: a brand's settings.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::brand::{BrandReply, BrandState};
use crate::command::ViewBrand;
use crate::id::Brand;

/// Which brand.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetBrand {
    /// The brand.
    pub brand: Brand,
}

impl ViewBrand for GetBrand {
    type Reply = BrandReply;

    fn brand(&self) -> Brand {
        self.brand.clone()
    }

    fn show(&self, state: &BrandState) -> BrandReply {
        (&state.settings).into()
    }
}
