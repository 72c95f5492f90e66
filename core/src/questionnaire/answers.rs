//! Judges a submission against its form.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::field_type::FieldType;
use super::quote::cut;
use super::size::{are_deeper, is_larger};
use super::value::{Refusal, Rules};
use super::visibility::{Entry, entries};
use crate::limits::{ANSWERS_BYTES_MAX, JSON_DEPTH_MAX};
use crate::problem::Problem;

/// Everything wrong with `answers`, each problem with its field as `answers.<name>`; empty when
/// they fit the form.
///
/// `owns_file` says whether a `file_id` is a stored file of this customer ([`named_files`] tells
/// which will be asked for). Answers are personal data: no message repeats one. Codes:
/// `required`, `unknown`, `hidden`, `type`, `too_long`, `blank`, `range`, `pattern`, `option`,
/// `repeated`, `date`, `country`, `file`, and for `answers` as a whole `too_large`, `too_deep`.
pub fn check_answers(schema: &Value, answers: &Map<String, Value>, owns_file: &dyn Fn(&str) -> bool) -> Vec<Problem> {
    if let Some(problem) = oversize(answers) {
        return vec![problem];
    }
    let entries = entries(schema, answers);
    let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name).collect();
    let mut problems: Vec<Problem> = entries
        .iter()
        .flat_map(|entry| {
            judge(entry, owns_file)
                .into_iter()
                .map(|refusal| problem(entry.name, &refusal))
        })
        .collect();
    let unknown = Refusal::new("unknown", "is not a field of this form");
    problems.extend(
        answers
            .keys()
            .filter(|name| !names.contains(name.as_str()))
            .map(|name| problem(&cut(name), &unknown)),
    );
    problems
}

/// The `file_id`s that the visible `file_reference` fields of the form are answered with, in the
/// order of the form, so that the caller can look the files up before deciding.
pub fn named_files(schema: &Value, answers: &Map<String, Value>) -> Vec<String> {
    entries(schema, answers)
        .iter()
        .filter(|entry| entry.is_visible)
        .filter(|entry| FieldType::of_field(entry.field) == Some(FieldType::FileReference))
        .filter_map(|entry| entry.answer.and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

fn oversize(answers: &Map<String, Value>) -> Option<Problem> {
    if are_deeper(answers.values(), JSON_DEPTH_MAX) {
        let message = format!("must be at most {JSON_DEPTH_MAX} levels deep");
        return Some(Problem::new("answers", "too_deep", message));
    }
    if is_larger(answers, ANSWERS_BYTES_MAX) {
        let message = format!("must be at most {ANSWERS_BYTES_MAX} bytes of JSON");
        return Some(Problem::new("answers", "too_large", message));
    }
    None
}

fn judge(entry: &Entry, owns_file: &dyn Fn(&str) -> bool) -> Vec<Refusal> {
    let is_required = entry.field.get("required") == Some(&Value::Bool(true));
    match (entry.is_visible, entry.answer) {
        (true, None) if is_required => vec![Refusal::new("required", "is required")],
        (_, None) => Vec::new(),
        (false, Some(_)) => {
            let message = "does not apply, given the other answers";
            vec![Refusal::new("hidden", message)]
        }
        (true, Some(answer)) => {
            let rules = Rules {
                field: entry.field,
                is_required,
                owns_file,
            };
            rules.judge(answer)
        }
    }
}

fn problem(name: &str, refusal: &Refusal) -> Problem {
    let field = format!("answers.{name}");
    Problem::new(field, refusal.code, refusal.message.clone())
}
