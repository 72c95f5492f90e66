//! One thing wrong with a request, so that a reply can list all of them at once.

use schemars::JsonSchema;
use serde::Serialize;

/// An entry of a reply's `details` (source: the manager API, `INVALID_DATA`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// Path of the member at fault, such as `form_schema.sections[0].fields[2].name`.
    pub field: String,
    /// Stable word for programs, such as `required`.
    pub code: String,
    /// Lower-case fragment for people.
    pub message: String,
}

impl Problem {
    /// The problem `code` of `field`, explained by `message`.
    pub fn new(field: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            code: code.to_owned(),
            message: message.into(),
        }
    }
}
