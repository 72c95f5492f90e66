//! Shows what a form may say and which answers fit it.

mod answers;
mod laws;
mod schema;
mod visibility;

use serde_json::{Map, Value, json};

use crate::problem::Problem;

/// A form of one section.
fn form(fields: &Value) -> Value {
    json!({"sections": [{"fields": fields}]})
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

/// The paths and codes of problems, which is what programs read.
fn told(problems: &[Problem]) -> Vec<(&str, &str)> {
    problems
        .iter()
        .map(|problem| (problem.field.as_str(), problem.code.as_str()))
        .collect()
}

/// Checks answers for a customer who owns only `file-1`.
fn check(schema: &Value, answers: Value) -> Vec<Problem> {
    super::check_answers(schema, &object(answers), &|file_id| file_id == "file-1")
}

/// The codes for one answer to one field.
fn codes(field: Value, answer: &Value) -> Vec<String> {
    let mut field = object(field);
    field.insert("name".to_owned(), json!("f"));
    check(&form(&json!([field])), json!({"f": answer}))
        .into_iter()
        .map(|problem| {
            assert_eq!(problem.field, "answers.f");
            problem.code
        })
        .collect()
}

/// Asserts that every answer of a list fits a field.
fn assert_fit(field: &Value, answers: &[Value]) {
    for answer in answers {
        assert!(codes(field.clone(), answer).is_empty(), "{answer}");
    }
}

/// Asserts that every answer of a list is refused with `code`.
fn assert_refused(field: &Value, code: &str, answers: &[Value]) {
    for answer in answers {
        assert_eq!(codes(field.clone(), answer), [code], "{answer}");
    }
}
