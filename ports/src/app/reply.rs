//! Replies: made for the request, or rendered before.

use bytes::Bytes;
use kyc_core::json;
use serde_json::Value;

/// The reply of a success.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Made for this request.
    Made(Value),
    /// Rendered before, from the same committed state: JSON in ASCII.
    Rendered(Bytes),
}

impl Reply {
    /// The reply as JSON in ASCII.
    pub fn into_text(self) -> Bytes {
        match self {
            Self::Made(value) => json::to_ascii(&value).into(),
            Self::Rendered(text) => text,
        }
    }

    /// The reply as a value.
    pub fn into_value(self) -> Value {
        match self {
            Self::Made(value) => value,
            // It was rendered from a value.
            Self::Rendered(text) => serde_json::from_slice(&text).unwrap_or_default(),
        }
    }
}
