//! Names what a schema says and the check would not hear, so that a test can keep every
//! command's parameters within what is really checked.

use regex::Regex;
use serde_json::Value;

use super::schema::{ANNOTATIONS, Defs, Kinds};

/// The places (JSON pointers, `/properties/tags/uniqueItems`) of all keywords that
/// [`Compiled::check`](super::Compiled::check) would ignore or could not use: unknown ones, a
/// value of the wrong form, a pattern that does not compile, a reference to nothing.
#[must_use]
pub fn unsupported_keywords(schema: &Value) -> Vec<String> {
    let mut finder = Finder {
        defs: Defs::new(schema),
        found: Vec::new(),
    };
    finder.schema(schema, "");
    finder.found
}

struct Finder {
    defs: Defs,
    found: Vec<String>,
}

impl Finder {
    fn schema(&mut self, schema: &Value, at: &str) {
        match schema {
            Value::Bool(_) => {}
            Value::Object(keywords) => {
                for (name, value) in keywords {
                    self.keyword(name, value, &format!("{at}/{}", escape(name)));
                }
                // Both would be read into one list, and one of them lost.
                if keywords.contains_key("const") && keywords.contains_key("enum") {
                    self.found.push(format!("{at}/enum"));
                }
            }
            _ => self.found.push(at.to_owned()),
        }
    }

    fn keyword(&mut self, name: &str, value: &Value, at: &str) {
        let understood = match name {
            "properties" | "$defs" => return self.named_schemas(value, at),
            "anyOf" | "oneOf" => return self.listed_schemas(value, at),
            "items" | "additionalProperties" => return self.schema(value, at),
            "type" => is_type(value),
            "required" => value.as_array().is_some_and(|names| names.iter().all(Value::is_string)),
            "enum" => value.is_array(),
            "const" => true,
            "minimum" | "maximum" => value.is_number(),
            "minLength" | "maxLength" | "minItems" | "maxItems" => value.is_u64(),
            "pattern" => value.as_str().is_some_and(|source| Regex::new(source).is_ok()),
            "$ref" => value.as_str().is_some_and(|target| self.defs.target(target).is_some()),
            other => ANNOTATIONS.contains(&other),
        };
        if !understood {
            self.found.push(at.to_owned());
        }
    }

    fn named_schemas(&mut self, value: &Value, at: &str) {
        let Some(schemas) = value.as_object() else {
            return self.found.push(at.to_owned());
        };
        for (name, schema) in schemas {
            self.schema(schema, &format!("{at}/{}", escape(name)));
        }
    }

    fn listed_schemas(&mut self, value: &Value, at: &str) {
        let Some(schemas) = value.as_array() else {
            return self.found.push(at.to_owned());
        };
        for (number, schema) in schemas.iter().enumerate() {
            self.schema(schema, &format!("{at}/{number}"));
        }
    }
}

fn is_type(value: &Value) -> bool {
    let is_name = |name: &Value| name.as_str().and_then(Kinds::named).is_some();
    match value {
        Value::Array(names) => !names.is_empty() && names.iter().all(is_name),
        name => is_name(name),
    }
}

/// A name as a part of a JSON pointer (RFC 6901).
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
