//! The check itself: data and schema walked side by side, problems gathered on the way.

use std::cmp::Ordering;
use std::fmt;

use serde_json::{Map, Number, Value};

use super::schema::{Defs, Kinds, Node};
use super::{NAME_CHARACTERS_MAX, PROBLEMS_MAX};
use crate::limits::JSON_DEPTH_MAX;
use crate::problem::Problem;

/// Schema steps below each other; one level of data takes three at most (member, reference,
/// alternative). Only a schema that refers to itself in a circle reaches it otherwise.
const STEPS_DEEP_MAX: usize = 4 * JSON_DEPTH_MAX;

/// Where a value stands, as `actions[0].type`. Written out only for a problem.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    pub(super) fn member(&'a self, name: &'a str) -> Self {
        Self::Member(self, name)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, name) => write!(out, "{name:.NAME_CHARACTERS_MAX$}"),
            Self::Member(parent, name) => write!(out, "{parent}.{name:.NAME_CHARACTERS_MAX$}"),
            Self::Item(parent, at) => write!(out, "{parent}[{at}]"),
        }
    }
}

pub(super) struct Walk<'a> {
    pub(super) defs: &'a Defs,
    pub(super) problems: Vec<Problem>,
    depth: usize,
    pub(super) trials: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(defs: &'a Defs) -> Self {
        Self {
            defs,
            problems: Vec::new(),
            depth: 0,
            trials: 0,
        }
    }

    /// The whole data.
    pub(super) fn root(&mut self, data: &Map<String, Value>) {
        let root = &self.defs.root;
        // The usual case, a struct, does without a copy.
        let is_plain = !root.never
            && root.unions.is_empty()
            && root.reference.is_none()
            && root.options.is_none()
            && root.kinds == Some(Kinds::OBJECT);
        if is_plain {
            self.object(root, &Path::Root, data);
        } else {
            self.value(root, &Path::Root, &Value::Object(data.clone()));
        }
    }

    pub(super) fn problem(&mut self, path: &Path<'_>, code: &str, message: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem::new(path.to_string(), code, message));
        }
    }

    /// One value against one schema object.
    pub(super) fn value(&mut self, node: &'a Node, path: &Path<'_>, value: &Value) {
        if self.problems.len() == PROBLEMS_MAX {
            return;
        }
        if self.depth == STEPS_DEEP_MAX {
            self.problem(path, "type", "is nested too deeply");
            return;
        }
        self.depth += 1;
        self.constraints(node, path, value);
        self.depth -= 1;
    }

    fn constraints(&mut self, node: &'a Node, path: &Path<'_>, value: &Value) {
        if node.never {
            self.problem(path, "unknown", "is not a known member");
            return;
        }
        if let Some(kinds) = node.kinds
            && !kinds.allows(Kinds::of(value))
        {
            self.wrong_kind(kinds, path, value);
            return;
        }
        if let Some(reference) = &node.reference {
            match self.defs.target(reference) {
                Some(target) => self.value(target, path, value),
                None => self.problem(path, "unknown", "is not a known member"),
            }
        }
        for branches in &node.unions {
            self.union(branches, path, value);
        }
        if let Some(options) = &node.options
            && !options.contains(value)
        {
            self.not_an_option(options, path, value);
        }
        match value {
            Value::Number(number) => self.number(node, path, number),
            Value::String(text) => self.text(node, path, text),
            Value::Array(items) => self.array(node, path, items),
            Value::Object(members) => self.object(node, path, members),
            Value::Null | Value::Bool(_) => {}
        }
    }

    pub(super) fn wrong_kind(&mut self, kinds: Kinds, path: &Path<'_>, value: &Value) {
        if value.is_null() {
            self.problem(path, "null", "must not be null");
        } else {
            self.problem(path, "type", kinds.message());
        }
    }

    /// A value that is none of these: of another type than all of them, or of the right one.
    pub(super) fn not_an_option<'o>(
        &mut self,
        options: impl IntoIterator<Item = &'o Value>,
        path: &Path<'_>,
        value: &Value,
    ) {
        let options: Vec<&Value> = options.into_iter().collect();
        let kinds = options
            .iter()
            .fold(Kinds::NONE, |kinds, option| kinds | Kinds::named_by(option));
        if !options.is_empty() && !kinds.allows(Kinds::of(value)) {
            self.wrong_kind(kinds, path, value);
            return;
        }
        // Nobody is told to give null: leaving the member out says the same.
        let shown = options.iter().filter(|option| !option.is_null());
        let named: Vec<String> = shown.map(|option| format!("`{}`", bare(option))).collect();
        let message = match named.as_slice() {
            [] => "must be absent".to_owned(),
            [only] => format!("must be {only}"),
            several => format!("must be one of {}", several.join(", ")),
        };
        self.problem(path, "enum", message);
    }

    fn number(&mut self, node: &Node, path: &Path<'_>, number: &Number) {
        if let Some(minimum) = &node.minimum
            && compare(number, minimum) == Some(Ordering::Less)
        {
            self.problem(path, "range", format!("must be at least {minimum}"));
        }
        if let Some(maximum) = &node.maximum
            && compare(number, maximum) == Some(Ordering::Greater)
        {
            self.problem(path, "range", format!("must be at most {maximum}"));
        }
    }

    fn text(&mut self, node: &Node, path: &Path<'_>, text: &str) {
        if node.length_min.is_some() || node.length_max.is_some() {
            let length = text.chars().count() as u64;
            match node.length_min {
                Some(1) if length == 0 => self.problem(path, "too_short", "must not be empty"),
                Some(min) if length < min => {
                    self.problem(path, "too_short", format!("must be at least {}", characters(min)));
                }
                _ => {}
            }
            if let Some(max) = node.length_max.filter(|max| length > *max) {
                self.problem(path, "too_long", format!("must be at most {}", characters(max)));
                // No pattern is run over a text that may be a megabyte.
                return;
            }
        }
        if let Some(pattern) = &node.pattern
            && !pattern.is_match(text)
        {
            self.problem(path, "pattern", format!("must match the pattern `{}`", pattern.source));
        }
    }

    fn array(&mut self, node: &'a Node, path: &Path<'_>, items: &[Value]) {
        let count = items.len() as u64;
        if let Some(min) = node.items_min.filter(|min| count < *min) {
            self.problem(path, "too_short", format!("must have at least {}", entries(min)));
        }
        if let Some(max) = node.items_max.filter(|max| count > *max) {
            self.problem(path, "too_long", format!("must have at most {}", entries(max)));
            return;
        }
        if let Some(schema) = &node.items {
            for (at, item) in items.iter().enumerate() {
                self.value(schema, &Path::Item(path, at), item);
            }
        }
    }

    fn object(&mut self, node: &'a Node, path: &Path<'_>, members: &Map<String, Value>) {
        for name in node.required.iter().filter(|name| !members.contains_key(*name)) {
            self.problem(&path.member(name), "required", "is required");
        }
        for (name, schema) in &node.members {
            match members.get(name) {
                Some(Value::Null) if !node.required.contains(name) => {}
                Some(value) => self.value(schema, &path.member(name), value),
                None => {}
            }
        }
        if let Some(rest) = &node.rest {
            for (name, value) in members.iter().filter(|(name, _)| !node.members.contains_key(*name)) {
                self.value(rest, &path.member(name), value);
            }
        }
    }
}

/// Removes the nulls of members that are not required, at any depth where the schema names
/// members. Free-form documents keep theirs. For data that passed the check.
pub(super) fn drop_nulls(defs: &Defs, data: &mut Value) {
    drop_nulls_in(defs, &defs.root, data);
}

fn drop_nulls_in(defs: &Defs, node: &Node, value: &mut Value) {
    if let Some(target) = node.reference.as_deref().and_then(|reference| defs.target(reference)) {
        drop_nulls_in(defs, target, value);
    }
    for branches in &node.unions {
        if let Some(branch) = Walk::new(defs).fitting(branches, value) {
            drop_nulls_in(defs, branch, value);
        }
    }
    match value {
        Value::Array(items) => {
            if let Some(schema) = &node.items {
                for item in items {
                    drop_nulls_in(defs, schema, item);
                }
            }
        }
        Value::Object(members) => {
            members.retain(|name, value| {
                !value.is_null() || !node.members.contains_key(name) || node.required.contains(name)
            });
            for (name, value) in members {
                if let Some(schema) = node.members.get(name).or(node.rest.as_deref()) {
                    drop_nulls_in(defs, schema, value);
                }
            }
        }
        _ => {}
    }
}

/// Whole numbers exactly, others as doubles.
fn compare(left: &Number, right: &Number) -> Option<Ordering> {
    let whole = |number: &Number| {
        let signed = number.as_i64().map(i128::from);
        signed.or_else(|| number.as_u64().map(i128::from))
    };
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

/// A string without its quotation marks, anything else as JSON.
fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn characters(count: u64) -> String {
    if count == 1 {
        "1 character".to_owned()
    } else {
        format!("{count} characters")
    }
}

fn entries(count: u64) -> String {
    if count == 1 {
        "1 item".to_owned()
    } else {
        format!("{count} items")
    }
}
