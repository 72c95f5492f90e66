//! A brand's configuration: its settings and step templates, one stream of the audit.

pub mod get;
pub mod set;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Brand;
use crate::record;
use crate::status::Flag;
use crate::stream::Head;
use crate::template::Template;
use crate::tenant::Tenant;
use crate::time::{Seconds, Time};

record! {
    /// What a brand has chosen; the defaults until somebody chooses.
    pub struct Settings {
        /// The brand.
        pub brand: Brand,
        /// Whether opening a real account needs a verified level.
        pub kyc_required_for_real: Flag,
        /// That level, 0..10.
        pub real_account_level: i64,
        /// Whether customers are shown `comment` in place of `customer_message`.
        pub comment_to_customer: Flag,
        /// Rises with every change; 0 for the defaults.
        pub version: i64,
        /// When somebody first chose.
        pub created_time: Option<Time>,
        /// When somebody last chose.
        pub updated_time: Option<Time>,
    }
}

impl Settings {
    /// What holds for a brand that has chosen nothing.
    pub const fn defaults(brand: Brand) -> Self {
        Self {
            brand,
            kyc_required_for_real: Flag::Yes,
            real_account_level: 1,
            comment_to_customer: Flag::No,
            version: 0,
            created_time: None,
            updated_time: None,
        }
    }
}

/// A brand's configuration stream, loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct BrandState {
    /// Where the stream stands.
    pub head: Head,
    /// The settings, or the defaults.
    pub settings: Settings,
    /// The templates that the load asked for.
    pub templates: Vec<Template>,
    /// The brand's tenant; a brand without one is local.
    pub tenant: Option<Tenant>,
}

/// Settings as the wire shows them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BrandView {
    /// The brand.
    pub brand: Brand,
    /// Whether opening a real account needs a verified level: 0 or 1.
    pub kyc_required_for_real: Flag,
    /// That level.
    pub real_account_level: i64,
    /// Whether customers are shown `comment` in place of `customer_message`: 0 or 1.
    pub comment_to_customer: Flag,
    /// Rises with every change; 0 while nobody has chosen.
    pub version: i64,
    /// When somebody first chose.
    pub created_time: Option<Seconds>,
    /// When somebody last chose.
    pub updated_time: Option<Seconds>,
}

/// The reply that shows a brand's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BrandReply {
    /// The settings.
    pub brand: BrandView,
}

impl From<&Settings> for BrandReply {
    fn from(settings: &Settings) -> Self {
        Self {
            brand: BrandView {
                brand: settings.brand.clone(),
                kyc_required_for_real: settings.kyc_required_for_real,
                real_account_level: settings.real_account_level,
                comment_to_customer: settings.comment_to_customer,
                version: settings.version,
                created_time: settings.created_time.map(Seconds::from),
                updated_time: settings.updated_time.map(Seconds::from),
            },
        }
    }
}
