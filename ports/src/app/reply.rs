//! Replies, as every host gives them.

use bytes::Bytes;
use kyc_core::json::to_ascii;
use serde::Serialize;
use serde_json::Value;

/// The reply of a success: compact JSON in ASCII, which is what the TCP wire carries, and good for HTTP as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply(Bytes);

impl Reply {
    /// A reply of plain data.
    pub fn of<T: Serialize>(data: &T) -> Self {
        to_ascii(data).into()
    }

    /// The text.
    pub fn into_text(self) -> Bytes {
        self.0
    }

    /// The reply as a value.
    pub fn into_value(self) -> Value {
        // It was rendered from plain data.
        serde_json::from_slice(&self.0).unwrap_or_default()
    }
}

/// What was rendered so.
impl From<Bytes> for Reply {
    fn from(text: Bytes) -> Self {
        Self(text)
    }
}

/// What was rendered so.
impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}
