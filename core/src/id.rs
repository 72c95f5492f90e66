//! Identities: small integers that cannot be mixed up, and the names of brands and codes.

use std::borrow::Cow;
use std::fmt;

use compact_str::CompactString;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::limits::{CODE_CHARS_MAX, ID_MAX};
use crate::record::{Cell, Column};

macro_rules! integer_ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(extend("minimum" = 1, "maximum" = ID_MAX), inline)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Column for $name {
            fn to_cell(&self) -> Cell {
                Cell::Int(self.0)
            }
            fn from_cell(cell: Cell) -> Option<Self> {
                i64::from_cell(cell).map(Self)
            }
        }
    )+};
}

integer_ids! {
    /// A customer's number within its brand, 1..2⁵³−1, given by the back-office.
    CustomerId,
    /// A profile; `kyc_id` on the wire.
    ProfileId,
    /// A step attached to a profile.
    StepId,
    /// A document of a profile.
    DocumentId,
    /// A step template of a brand.
    TemplateId,
    /// An audit row.
    AuditId,
    /// A call out to a platform, waiting or done.
    DeliveryId,
}

impl CustomerId {
    /// The customer whom an external id names as a number: a canonical decimal.
    pub fn of_external_id(external_id: &str) -> Option<Self> {
        let number: i64 = external_id.parse().ok()?;
        ((1..=ID_MAX).contains(&number) && number.to_string() == external_id).then_some(Self(number))
    }
}

macro_rules! names {
    ($($(#[$meta:meta])* $name:ident: $check:ident, $message:literal, $pattern:literal;)+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "CompactString")]
        pub struct $name(CompactString);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<CompactString> for $name {
            type Error = &'static str;
            fn try_from(text: CompactString) -> Result<Self, Self::Error> {
                if $check(&text) { Ok(Self(text)) } else { Err($message) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = &'static str;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(CompactString::from(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Column for $name {
            fn to_cell(&self) -> Cell {
                self.0.to_cell()
            }
            fn take_cell(&mut self) -> Cell {
                self.0.take_cell()
            }
            fn from_cell(cell: Cell) -> Option<Self> {
                CompactString::from_cell(cell).and_then(|text| Self::try_from(text).ok())
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    )+};
}

names! {
    /// The namespace of everything in the manager API.
    Brand: is_name, "must be 1 to 64 of `A-Z a-z 0-9 _ . -`", "^[A-Za-z0-9_.-]{1,64}$";
    /// What a template, and the steps made from it, are called within their brand.
    Code: is_name, "must be 1 to 64 of `A-Z a-z 0-9 _ . -`", "^[A-Za-z0-9_.-]{1,64}$";
    /// What a tenant is called in the addresses of its webhooks.
    Slug: is_slug, "must be 1 to 64 of `a-z 0-9 -`", "^[a-z0-9-]{1,64}$";
}

fn is_slug(text: &str) -> bool {
    (1..=CODE_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_name(text: &str) -> bool {
    (1..=CODE_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// A customer: its number within its brand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerKey {
    /// The brand.
    pub brand: Brand,
    /// The number.
    pub customer_id: CustomerId,
}

/// A stored file: a UUID in its canonical lower-case form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct FileId(String);

impl FileId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A random (version 4) id made from 16 random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(
            uuid::Builder::from_random_bytes(bytes)
                .into_uuid()
                .hyphenated()
                .to_string(),
        )
    }
}

impl TryFrom<String> for FileId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        match uuid::Uuid::try_parse(&text) {
            Ok(uuid) if uuid.hyphenated().to_string() == text => Ok(Self(text)),
            _ => Err("must be a UUID in lower case with hyphens"),
        }
    }
}

impl std::str::FromStr for FileId {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Column for FileId {
    fn to_cell(&self) -> Cell {
        self.0.to_cell()
    }
    fn take_cell(&mut self) -> Cell {
        self.0.take_cell()
    }
    fn from_cell(cell: Cell) -> Option<Self> {
        String::from_cell(cell).and_then(|text| Self::try_from(text).ok())
    }
}

impl JsonSchema for FileId {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "FileId".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
        })
    }
}
