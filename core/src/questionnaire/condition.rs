//! `visible_if`: how one is written, and when it holds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::quote::quoted;
use super::scalar::Scalar;
use crate::problem::Problem;

const COMPARISONS: [&str; 3] = ["equals", "in", "not"];

/// Adds what is wrong with `condition` at `path`; it may name only the fields in `earlier`.
pub(super) fn check(condition: &Value, path: &str, earlier: &BTreeSet<&str>, problems: &mut Vec<Problem>) {
    let Value::Object(members) = condition else {
        problems.push(Problem::new(path, "type", "must be an object"));
        return;
    };
    check_field(members, path, earlier, problems);
    let stated = COMPARISONS.iter().filter(|name| members.contains_key(**name)).count();
    if stated != 1 {
        let message = "must have exactly one of `equals`, `in` and `not`";
        problems.push(Problem::new(path, "condition", message));
    }
    check_comparisons(members, path, problems);
}

fn check_field(members: &Map<String, Value>, path: &str, earlier: &BTreeSet<&str>, problems: &mut Vec<Problem>) {
    let path = format!("{path}.field");
    match members.get("field") {
        None => problems.push(Problem::new(path, "required", "must name an earlier field")),
        Some(Value::String(name)) if earlier.contains(name.as_str()) => {}
        Some(Value::String(name)) => {
            let message = format!("{} is not an earlier field", quoted(name));
            problems.push(Problem::new(path, "unknown", message));
        }
        Some(_) => problems.push(Problem::new(path, "type", "must be a string")),
    }
}

fn check_comparisons(members: &Map<String, Value>, path: &str, problems: &mut Vec<Problem>) {
    const SCALAR: &str = "must be a string, a number or a boolean";
    for name in ["equals", "not"] {
        if members.get(name).is_some_and(|value| Scalar::of(value).is_none()) {
            problems.push(Problem::new(format!("{path}.{name}"), "type", SCALAR));
        }
    }
    match members.get("in") {
        None => {}
        Some(Value::Array(values)) => {
            for (index, value) in values.iter().enumerate() {
                if Scalar::of(value).is_none() {
                    problems.push(Problem::new(format!("{path}.in[{index}]"), "type", SCALAR));
                }
            }
        }
        Some(_) => problems.push(Problem::new(format!("{path}.in"), "type", "must be an array")),
    }
}

/// Whether `condition` holds, given the answers of the visible fields before it.
///
/// No condition holds. An absent answer equals nothing. An answer with several values (a
/// `multi_select`) equals what any of them equals.
pub(super) fn holds(condition: Option<&Value>, earlier: &BTreeMap<&str, &Value>) -> bool {
    let Some(Value::Object(members)) = condition else {
        return true;
    };
    let answer = members
        .get("field")
        .and_then(Value::as_str)
        .and_then(|name| earlier.get(name).copied());
    let is = |wanted: &Value| answer.is_some_and(|answer| has(answer, wanted));
    let equals = members.get("equals").is_none_or(is);
    let is_in = members
        .get("in")
        .is_none_or(|wanted| wanted.as_array().is_some_and(|list| list.iter().any(is)));
    let differs = members.get("not").is_none_or(|unwanted| !is(unwanted));
    equals && is_in && differs
}

fn has(answer: &Value, wanted: &Value) -> bool {
    let Some(wanted) = Scalar::of(wanted) else {
        return false;
    };
    match answer {
        Value::Array(selected) => selected.iter().any(|value| Scalar::of(value) == Some(wanted)),
        single => Scalar::of(single) == Some(wanted),
    }
}
