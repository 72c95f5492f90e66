//! The seed's status values: enums inside, integers on the wire and in rows.

use std::borrow::Cow;

use compact_str::CompactString;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::record::{Cell, Column};
use crate::rejection::Rejection;

/// Declares enums whose wire and stored form is an integer.
macro_rules! wire_enums {
    ($($(#[$meta:meta])* pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $number:literal => $label:literal,)+ })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub enum $name { $($(#[$variant_meta])* #[doc = concat!("`", $label, "`, ", $number, " on the wire.")] $variant = $number,)+ }

        impl $name {
            /// Every value with its wire number and name.
            pub const ALL: &'static [(Self, i64, &'static str)] = &[$((Self::$variant, $number, $label),)+];

            /// The wire number.
            pub const fn number(self) -> i64 {
                self as i64
            }

            /// The name that the wire documentation uses.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }
        }

        impl TryFrom<i64> for $name {
            type Error = &'static str;
            fn try_from(number: i64) -> Result<Self, Self::Error> {
                match number { $($number => Ok(Self::$variant),)+ _ => Err("is not a known value") }
            }
        }

        impl From<$name> for i64 {
            fn from(value: $name) -> i64 {
                value.number()
            }
        }

        impl Column for $name {
            fn to_cell(&self) -> Cell {
                Cell::Int(self.number())
            }
            fn from_cell(cell: Cell) -> Option<Self> {
                i64::from_cell(cell).and_then(|number| Self::try_from(number).ok())
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let names = [$(concat!($number, " ", $label)),+].join(", ");
                json_schema!({ "type": "integer", "enum": [$($number),+], "description": names })
            }
        }
    )+};
}

wire_enums! {
    /// Where a customer's verification stands as a whole.
    pub enum ProfileStatus {
        None = 0 => "none",
        Draft = 1 => "draft",
        Pending = 2 => "pending",
        Approved = 3 => "approved",
        Rejected = 4 => "rejected",
        Expired = 5 => "expired",
        ReviewRequired = 6 => "review_required",
    }

    /// Where one step stands.
    pub enum StepStatus {
        Required = 0 => "required",
        Pending = 1 => "pending",
        Approved = 2 => "approved",
        Rejected = 3 => "rejected",
        Expired = 4 => "expired",
        Skipped = 5 => "skipped",
    }

    /// Where one document stands.
    pub enum DocumentStatus {
        Uploaded = 0 => "uploaded",
        Pending = 1 => "pending",
        Approved = 2 => "approved",
        Rejected = 3 => "rejected",
        Expired = 4 => "expired",
        Deleted = 5 => "deleted",
    }

    /// How risky a customer is held to be.
    pub enum RiskLevel {
        Unknown = 0 => "unknown",
        Low = 1 => "low",
        Medium = 2 => "medium",
        High = 3 => "high",
        Prohibited = 4 => "prohibited",
    }

    /// What a step asks for, and who decides it.
    pub enum StepType {
        Document = 0 => "document",
        Questionnaire = 1 => "questionnaire",
        Mixed = 2 => "mixed",
        Provider = 3 => "provider",
        Manual = 4 => "manual",
    }

    /// Whether a template is used for new steps.
    pub enum TemplateStatus {
        Active = 0 => "active",
        Disabled = 1 => "disabled",
        Archived = 2 => "archived",
    }

    /// Yes or no, as the wire writes it.
    pub enum Flag {
        No = 0 => "no",
        Yes = 1 => "yes",
    }

    /// Who a token speaks for; from the token alone.
    pub enum Session {
        User = 0 => "SESSION_USER",
        Manager = 1 => "SESSION_MANAGER",
        Dealer = 2 => "SESSION_DEALER",
        Admin = 3 => "SESSION_ADMIN",
        System = 4 => "SESSION_SYSTEM",
        Fix = 5 => "SESSION_FIX",
        Customer = 9 => "SESSION_CUSTOMER",
        CrmManager = 10 => "SESSION_CRM_MANAGER",
        CrmAdmin = 11 => "SESSION_CRM_ADMIN",
    }
}

/// Declares enums whose wire and stored form is a name.
macro_rules! named_enums {
    ($($(#[$meta:meta])* pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $label:literal,)+ })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$variant_meta])* #[serde(rename = $label)] $variant,)+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire and in rows.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }

            /// The value of a name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }
        }

        impl Column for $name {
            fn to_cell(&self) -> Cell {
                Cell::Text(CompactString::const_new(self.name()))
            }
            fn from_cell(cell: Cell) -> Option<Self> {
                String::from_cell(cell).and_then(|text| Self::from_name(&text))
            }
        }
    )+};
}

named_enums! {
    /// The customer aggregate's status (the seed's `players.kyc_status`), by name on the wire.
    pub enum KycStatus {
        /// Nothing has been verified or asked.
        None = "none",
        /// Something waits for the customer or a verdict.
        Pending = "pending",
        /// The current level is verified.
        Verified = "verified",
        /// A verdict went against the customer.
        Rejected = "rejected",
        /// A verification has lapsed.
        Expired = "expired",
    }

    /// Who owns KYC at a tenant (the seed's four models).
    pub enum KycModel {
        /// The platform verifies and sends webhooks; here its verdicts are mirrored.
        PlatformOwns = "platform_owns",
        /// It is verified here, and the platform is told.
        CrmOwns = "crm_owns",
        /// Both.
        Dual = "dual",
        /// No KYC is tracked.
        None = "none",
    }

    /// What happens to one level of a customer, from a webhook or a local verdict.
    pub enum LevelEvent {
        /// Something was submitted.
        Submitted = "kyc.submitted",
        /// A higher level was started.
        LevelUpgraded = "kyc.level_upgraded",
        /// A verdict for the customer.
        Approved = "kyc.approved",
        /// A verdict against the customer.
        Rejected = "kyc.rejected",
        /// A verification lapsed.
        Expired = "kyc.expired",
    }

    /// What a platform is called for.
    pub enum CallKind {
        /// Steps became required at a level.
        Initiate = "initiate",
        /// A level was verified or rejected.
        Update = "update",
    }

    /// Where a call out stands.
    pub enum DeliveryStatus {
        /// It waits for its turn or its next try.
        Queued = "queued",
        /// The platform took it.
        Delivered = "delivered",
        /// The platform will not have it.
        Refused = "refused",
        /// It was tried for long enough.
        Dead = "dead",
        /// A later call says all that it said.
        Superseded = "superseded",
    }

    /// What a tenant's secret signs.
    pub enum SecretKind {
        /// Webhooks that come in.
        Webhook = "webhook",
        /// Calls that go out.
        Outbound = "outbound",
    }
}

impl DeliveryStatus {
    /// The `current_status` of a refusal: its place in [`Self::ALL`].
    pub const fn number(self) -> i64 {
        self as i64
    }
}

impl KycModel {
    /// Whether webhooks move levels, and the aggregate is the fold of their log.
    pub const fn takes_webhooks(self) -> bool {
        matches!(self, Self::PlatformOwns | Self::Dual)
    }

    /// Whether the platform is called.
    pub const fn calls_out(self) -> bool {
        matches!(self, Self::CrmOwns | Self::Dual)
    }

    /// Refuses what only a brand that decides here may do; a brand without a tenant decides for itself.
    pub const fn check_writable(model: Option<Self>) -> Result<(), Rejection> {
        match model {
            Some(Self::PlatformOwns) => Err(Rejection::OwnedByPlatform),
            Some(Self::None) => Err(Rejection::KycDisabled),
            Some(Self::CrmOwns | Self::Dual) | None => Ok(()),
        }
    }
}

impl StepType {
    /// Whether live documents are part of what the customer submits.
    pub const fn wants_documents(self) -> bool {
        matches!(self, Self::Document | Self::Mixed)
    }

    /// Whether answers are part of what the customer submits.
    pub const fn wants_answers(self) -> bool {
        matches!(self, Self::Questionnaire | Self::Mixed)
    }

    /// Whether somebody else decides without a submission.
    pub const fn decided_without_submission(self) -> bool {
        matches!(self, Self::Provider | Self::Manual)
    }
}
