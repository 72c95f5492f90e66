//! Judges what one field of a form states about itself: its type and the rules of that type.
//!
//! A rule counts only for the types it is meant for; elsewhere it is a member like any unknown one.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::field_type::{FieldType, option_value};
use super::pattern::{Unusable, compile};
use super::quote::quoted;
use super::scalar::{Numeric, Scalar};
use crate::limits::{ANSWER_CHARS_MAX, OPTIONS_MAX, PATTERN_CHARS_MAX};
use crate::problem::Problem;

/// Adds what is wrong with the field at `path`, beside its name and its condition.
pub(super) fn check(field: &Map<String, Value>, path: &str, problems: &mut Vec<Problem>) {
    let mut rules = Rules { field, path, problems };
    rules.boolean("required");
    rules.text("label");
    rules.text("help");
    match rules.field_type() {
        Some(FieldType::Text | FieldType::Textarea) => {
            rules.max_length();
            rules.pattern();
        }
        Some(FieldType::Number) => rules.range(),
        Some(FieldType::Select | FieldType::MultiSelect) => rules.options(),
        Some(FieldType::Date | FieldType::Country | FieldType::FileReference | FieldType::Boolean) | None => {}
    }
}

struct Rules<'a> {
    field: &'a Map<String, Value>,
    path: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl Rules<'_> {
    fn refuse(&mut self, member: &str, code: &str, message: impl Into<String>) {
        let path = format!("{}.{member}", self.path);
        self.problems.push(Problem::new(path, code, message));
    }

    fn boolean(&mut self, member: &str) {
        if self.field.get(member).is_some_and(|value| !value.is_boolean()) {
            self.refuse(member, "type", "must be true or false");
        }
    }

    fn text(&mut self, member: &str) {
        if self.field.get(member).is_some_and(|value| !value.is_string()) {
            self.refuse(member, "type", "must be a string");
        }
    }

    fn field_type(&mut self) -> Option<FieldType> {
        match self.field.get("type") {
            None => {
                let message = format!("is required: {}", FieldType::NAMES);
                self.refuse("type", "required", message);
                None
            }
            Some(Value::String(name)) => {
                let known = FieldType::of_name(name);
                if known.is_none() {
                    let message = format!("{} is not {}", quoted(name), FieldType::NAMES);
                    self.refuse("type", "unknown", message);
                }
                known
            }
            Some(_) => {
                self.refuse("type", "type", "must be a string");
                None
            }
        }
    }

    fn max_length(&mut self) {
        let Some(value) = self.field.get("max_length") else {
            return;
        };
        let is_fitting = value
            .as_u64()
            .is_some_and(|chars| chars >= 1 && chars <= ANSWER_CHARS_MAX as u64);
        if !is_fitting {
            let message = format!("must be an integer from 1 to {ANSWER_CHARS_MAX}");
            self.refuse("max_length", "range", message);
        }
    }

    fn pattern(&mut self) {
        let Some(value) = self.field.get("pattern") else {
            return;
        };
        let Value::String(pattern) = value else {
            self.refuse("pattern", "type", "must be a string");
            return;
        };
        match compile(pattern) {
            Ok(_) => {}
            Err(Unusable::TooLong) => {
                let message = format!("must be at most {PATTERN_CHARS_MAX} characters");
                self.refuse("pattern", "too_long", message);
            }
            Err(Unusable::TooComplex) => {
                let message = "is too complex: use fewer or smaller repetitions";
                self.refuse("pattern", "pattern", message);
            }
            Err(Unusable::Malformed(reason)) => {
                let message = format!("is not a regular expression: {reason}");
                self.refuse("pattern", "pattern", message);
            }
        }
    }

    fn range(&mut self) {
        let (min, max) = (self.bound("min"), self.bound("max"));
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            self.refuse("min", "range", "must not be greater than `max`");
        }
    }

    fn bound(&mut self, member: &str) -> Option<Numeric> {
        let value = self.field.get(member)?;
        let bound = value.as_number().and_then(Numeric::of);
        if bound.is_none() {
            self.refuse(member, "type", "must be a number");
        }
        bound
    }

    fn options(&mut self) {
        let field = self.field;
        let options = match field.get("options") {
            None => return self.refuse("options", "required", "is required for a selection"),
            Some(Value::Array(options)) => options,
            Some(_) => return self.refuse("options", "type", "must be an array"),
        };
        if options.is_empty() {
            self.refuse("options", "required", "must have at least one option");
        }
        if options.len() > OPTIONS_MAX {
            let message = format!("must be at most {OPTIONS_MAX} options");
            self.refuse("options", "too_many", message);
        }
        let mut values = BTreeSet::new();
        for (index, option) in options.iter().take(OPTIONS_MAX).enumerate() {
            let place = match option {
                Value::Object(_) => format!("options[{index}].value"),
                _ => format!("options[{index}]"),
            };
            self.option_label(option, index);
            match option_value(option).map(Scalar::of) {
                None => self.refuse(&place, "required", "is required"),
                Some(None) => {
                    let message = "must be a string, a number or a boolean";
                    self.refuse(&place, "type", message);
                }
                Some(Some(value)) => {
                    if !values.insert(value) {
                        self.refuse(&place, "repeated", "is the value of an earlier option");
                    }
                }
            }
        }
    }

    fn option_label(&mut self, option: &Value, index: usize) {
        if option.get("label").is_some_and(|label| !label.is_string()) {
            let place = format!("options[{index}].label");
            self.refuse(&place, "type", "must be a string");
        }
    }
}
