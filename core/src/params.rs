//! Reads the parameters of a command from JSON and reports every bad member at once.
//!
//! Serde stops at the first error. So the JSON Schema that schemars derives from the same Rust
//! type is checked first, and serde runs on what passed. Reading order: this file, `schema.rs`
//! (the schema made ready), `walk.rs` (the check), `union.rs` (alternatives), `keywords.rs`.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::problem::Problem;
use schema::{Defs, Kinds};
use walk::{Path, Walk};

mod keywords;
mod schema;
#[cfg(test)]
mod tests;
mod union;
mod walk;

pub use keywords::unsupported_keywords;

/// The most problems one check reports. A hostile body could otherwise draw a reply many times
/// its own size.
pub const PROBLEMS_MAX: usize = 100;

/// The most characters of a member name that a problem repeats.
const NAME_CHARACTERS_MAX: usize = 64;

/// A parameter schema made ready for checking: references found, patterns read. Made once
/// for each command and kept.
#[derive(Debug, Clone)]
pub struct Compiled {
    schema: Value,
    defs: Defs,
}

impl Compiled {
    /// The schema that schemars derives for `P`.
    #[must_use]
    pub fn of<P: JsonSchema>() -> Self {
        Self::new(schemars::schema_for!(P).to_value())
    }

    /// A schema of the subset that schemars emits; [`unsupported_keywords`] names what is
    /// outside it. A pattern that does not compile, and a reference to nothing, match no value.
    #[must_use]
    pub fn new(schema: Value) -> Self {
        let defs = Defs::new(&schema);
        Self { schema, defs }
    }

    /// The JSON Schema as given.
    #[must_use]
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// Every bad member, at most [`PROBLEMS_MAX`]; empty means that the data fits.
    ///
    /// `field` is the member's path (`level`, `params.level`, `actions[0].type`). Codes:
    /// `required`, `unknown`, `type`, `null`, `too_long`, `too_short`, `range`, `enum`,
    /// `pattern`. A null counts as absent for a member that is not required. Values are never
    /// repeated in a message.
    #[must_use]
    pub fn check(&self, data: &Map<String, Value>) -> Vec<Problem> {
        let mut walk = Walk::new(&self.defs);
        walk.root(data);
        walk.problems
    }

    /// Checks the data and reads it as `P`, with nulls for members that are not required left
    /// out.
    ///
    /// # Errors
    /// The problems of [`Compiled::check`]; or one with an empty field and code `invalid` when
    /// the data fits the schema and `P` still refuses it.
    pub fn read<P: DeserializeOwned>(&self, data: Map<String, Value>) -> Result<P, Vec<Problem>> {
        let problems = self.check(&data);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut data = Value::Object(data);
        walk::drop_nulls(&self.defs, &mut data);
        // Serde's own message may name types or repeat the value, so it is not passed on.
        serde_json::from_value(data)
            .map_err(|_| vec![Problem::new("", "invalid", "the data does not have the expected form")])
    }

    /// Turns the query of a URL, already percent-decoded, into members, by the schema's types.
    ///
    /// Where an integer is allowed the text must be one in plain decimal within i64 (no sign
    /// `+`, leading zero, fraction or blank); where a number is, a JSON number; where a boolean
    /// is, `true` or `false`. All else, unknown names and texts that are no such value too, stays
    /// text, of which [`Compiled::check`] tells with everything else that is wrong.
    ///
    /// # Errors
    /// Code `repeated` for a name given twice.
    pub fn from_query<'a>(
        &self,
        pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    ) -> Result<Map<String, Value>, Vec<Problem>> {
        let mut members = Map::new();
        let mut problems = Vec::new();
        for (name, text) in pairs {
            if problems.len() == PROBLEMS_MAX {
                break;
            }
            let field = || Path::Root.member(&name).to_string();
            if members.contains_key(&*name) {
                problems.push(Problem::new(field(), "repeated", "is given more than once"));
                continue;
            }
            let kinds = self
                .defs
                .member(&name)
                .map_or(Kinds::STRING, |node| self.defs.kinds(node));
            members.insert(name.into_owned(), from_text(kinds, text));
        }
        if problems.is_empty() {
            Ok(members)
        } else {
            Err(problems)
        }
    }
}

/// A text as the first of integer, number and boolean that is allowed and fits; else it stays text.
fn from_text(kinds: Kinds, text: Cow<'_, str>) -> Value {
    let whole = text.parse::<i64>().ok().filter(|_| is_plain(&text));
    if let Some(whole) = whole.filter(|_| kinds.typed_and_allows(Kinds::INTEGER)) {
        return whole.into();
    }
    if kinds.typed_and_allows(Kinds::NUMBER)
        && let Some(number) = json_number(&text)
    {
        return number;
    }
    match &*text {
        "true" if kinds.typed_and_allows(Kinds::BOOLEAN) => return true.into(),
        "false" if kinds.typed_and_allows(Kinds::BOOLEAN) => return false.into(),
        _ => {}
    }
    Value::String(text.into_owned())
}

/// Whether a text that is a whole number is written as numbers are: no sign `+`, no leading zero, no `-0`.
fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    text == "0" || !digits.starts_with(['0', '+'])
}

fn json_number(text: &str) -> Option<Value> {
    // JSON allows white space around a value; a query value has none.
    if text.contains(|c: char| c.is_ascii_whitespace()) {
        return None;
    }
    crate::json::parse(text.as_bytes()).ok().filter(Value::is_number)
}
