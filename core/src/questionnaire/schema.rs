//! Judges a template's `form_schema` before it is saved.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::quote::quoted;
use super::size::{is_deeper, is_larger};
use super::{condition, field};
use crate::limits::{FIELDS_MAX, FORM_SCHEMA_BYTES_MAX, FORM_SCHEMA_DEPTH_MAX, JSON_DEPTH_MAX, SECTIONS_MAX};
use crate::problem::Problem;

/// Everything wrong with a `form_schema`, each problem with its path; empty when it may be saved.
///
/// Limits: 64 KiB as compact JSON, 16 deep, 50 sections, 200 fields, 500 options a field. What
/// lies beyond a limit is not looked at, so that the reply stays in proportion.
pub fn check_form_schema(schema: &Value) -> Vec<Problem> {
    let Value::Object(members) = schema else {
        let problem = Problem::new("form_schema", "type", "must be an object");
        return vec![problem];
    };
    let mut form = Form::default();
    if form.fits(schema)
        && let Some(sections) = members.get("sections")
    {
        form.sections(sections);
    }
    form.problems
}

/// What was seen of the form so far.
#[derive(Default)]
struct Form<'a> {
    problems: Vec<Problem>,
    names: BTreeSet<&'a str>,
    field_count: usize,
}

impl<'a> Form<'a> {
    fn refuse(&mut self, path: impl Into<String>, code: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(path, code, message));
    }

    /// Notes a breach of the overall limits; false when the form is too large to look into.
    fn fits(&mut self, schema: &Value) -> bool {
        if is_deeper(schema, FORM_SCHEMA_DEPTH_MAX) {
            let message = format!("must be at most {FORM_SCHEMA_DEPTH_MAX} levels deep");
            self.refuse("form_schema", "too_deep", message);
        }
        if is_deeper(schema, JSON_DEPTH_MAX) {
            return false;
        }
        if is_larger(schema, FORM_SCHEMA_BYTES_MAX) {
            let message = format!("must be at most {FORM_SCHEMA_BYTES_MAX} bytes of JSON");
            self.refuse("form_schema", "too_large", message);
            return false;
        }
        true
    }

    fn sections(&mut self, sections: &'a Value) {
        let path = "form_schema.sections";
        let Value::Array(sections) = sections else {
            self.refuse(path, "type", "must be an array");
            return;
        };
        if sections.len() > SECTIONS_MAX {
            let message = format!("must be at most {SECTIONS_MAX} sections");
            self.refuse(path, "too_many", message);
        }
        for (index, section) in sections.iter().take(SECTIONS_MAX).enumerate() {
            self.section(section, &format!("{path}[{index}]"));
            // Later conditions could name fields that were not looked at.
            if self.field_count > FIELDS_MAX {
                return;
            }
        }
    }

    fn section(&mut self, section: &'a Value, path: &str) {
        let Value::Object(members) = section else {
            self.refuse(path, "type", "must be an object");
            return;
        };
        self.condition(members, path);
        let path = format!("{path}.fields");
        match members.get("fields") {
            None => {}
            Some(Value::Array(fields)) => self.fields(fields, &path),
            Some(_) => self.refuse(path, "type", "must be an array"),
        }
    }

    fn fields(&mut self, fields: &'a [Value], path: &str) {
        for (index, field) in fields.iter().enumerate() {
            self.field_count += 1;
            if self.field_count > FIELDS_MAX {
                let message = format!("a form must have at most {FIELDS_MAX} fields");
                self.refuse(path, "too_many", message);
                return;
            }
            self.field(field, &format!("{path}[{index}]"));
        }
    }

    fn field(&mut self, field: &'a Value, path: &str) {
        let Value::Object(members) = field else {
            self.refuse(path, "type", "must be an object");
            return;
        };
        // Before the name is known: a field cannot depend on itself.
        self.condition(members, path);
        self.name(members.get("name"), format!("{path}.name"));
        field::check(members, path, &mut self.problems);
    }

    fn name(&mut self, name: Option<&'a Value>, path: String) {
        match name {
            None => self.refuse(path, "required", "is required"),
            Some(Value::String(name)) if name.is_empty() => {
                self.refuse(path, "blank", "must not be empty");
            }
            Some(Value::String(name)) => {
                if !self.names.insert(name) {
                    let message = format!("{} is the name of an earlier field", quoted(name));
                    self.refuse(path, "repeated", message);
                }
            }
            Some(_) => self.refuse(path, "type", "must be a string"),
        }
    }

    fn condition(&mut self, members: &Map<String, Value>, path: &str) {
        if let Some(condition) = members.get("visible_if") {
            let path = format!("{path}.visible_if");
            condition::check(condition, &path, &self.names, &mut self.problems);
        }
    }
}
