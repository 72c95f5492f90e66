//! The nine kinds of field that a form may have (source: the seed's "Supported field types").

use serde_json::{Map, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldType {
    Text,
    Textarea,
    Date,
    Country,
    FileReference,
    Number,
    Boolean,
    Select,
    MultiSelect,
}

impl FieldType {
    pub(super) const NAMES: &str =
        "text, textarea, date, country, file_reference, number, boolean, select or multi_select";

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "textarea" => Self::Textarea,
            "date" => Self::Date,
            "country" => Self::Country,
            "file_reference" => Self::FileReference,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "select" => Self::Select,
            "multi_select" => Self::MultiSelect,
            _ => return None,
        })
    }

    /// The type that a field of a form states; none when it states no known one.
    pub(super) fn of_field(field: &Map<String, Value>) -> Option<Self> {
        field.get("type").and_then(Value::as_str).and_then(Self::of_name)
    }
}

/// The value of one entry of `options`: the entry itself, or its member `value`.
pub(super) fn option_value(option: &Value) -> Option<&Value> {
    match option {
        Value::Object(members) => members.get("value"),
        scalar => Some(scalar),
    }
}
