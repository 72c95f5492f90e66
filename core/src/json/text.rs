//! JSON that is kept as its text: audit data is hashed and stored with every change, and read once in a while.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::canonical::{as_it_comes, canonical};
use crate::record::{Cell, Column};

/// A JSON value as its compact text: for what is hashed and stored far more often than read, the data of audit rows.
#[derive(Debug, Clone)]
pub struct JsonText {
    text: String,
    /// Whether the text is known to be its own canonical form; of one that was stored nobody knows.
    is_canonical: bool,
}

impl JsonText {
    /// The text of a value. Plain data always has one.
    #[must_use]
    pub fn of<T: Serialize>(value: &T) -> Self {
        match as_it_comes(value).map(String::from_utf8) {
            Some(Ok(text)) => Self {
                text,
                is_canonical: true,
            },
            _ => Self {
                text: serde_json::to_string(value).unwrap_or_default(),
                is_canonical: false,
            },
        }
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The canonical form, over which hashes are taken.
    #[must_use]
    pub fn canonical(&self) -> Cow<'_, [u8]> {
        if self.is_canonical {
            Cow::Borrowed(self.text.as_bytes())
        } else {
            Cow::Owned(canonical(&self.value()))
        }
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self::of(&value))
    }
}

impl Column for JsonText {
    fn to_cell(&self) -> Cell {
        self.text.to_cell()
    }
    fn take_cell(&mut self) -> Cell {
        self.text.take_cell()
    }
    fn from_cell(cell: Cell) -> Option<Self> {
        let text = String::from_cell(cell)?;
        // Not less than a value takes: what is accepted here is what is hashed.
        serde_json::from_str::<Value>(&text).ok()?;
        Some(Self {
            text,
            is_canonical: false,
        })
    }
}
