//! What a step's `requirements` ask of its documents, and how long an approval lasts.

use serde_json::Value;

/// Document types that are still wanted; empty when the present ones satisfy the requirements.
///
/// `documents` is satisfied by any one of its types, `all_documents` by every one of its types; with neither list,
/// any one document will do (source: the domain page's "requirements").
pub fn missing_documents(requirements: &Value, present: &[&str]) -> Vec<String> {
    let any_of = types(requirements, "documents");
    let all_of = types(requirements, "all_documents");
    let mut missing: Vec<String> = all_of
        .iter()
        .filter(|kind| !present.contains(kind))
        .map(|kind| (*kind).to_owned())
        .collect();
    if !any_of.is_empty() && !any_of.iter().any(|kind| present.contains(kind)) {
        missing.push(any_of.join(" or "));
    }
    if any_of.is_empty() && all_of.is_empty() && present.is_empty() {
        missing.push("any document".to_owned());
    }
    missing
}

/// Every document type that the requirements name, in their order.
pub fn document_types(requirements: &Value) -> Vec<String> {
    let any_of = types(requirements, "documents");
    let named = any_of.into_iter().chain(types(requirements, "all_documents"));
    named.map(str::to_owned).collect()
}

fn types<'a>(requirements: &'a Value, name: &str) -> Vec<&'a str> {
    requirements
        .get(name)
        .and_then(Value::as_array)
        .map(|types| types.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

/// Days that an approval lasts, if it lapses.
pub fn valid_days(requirements: &Value) -> Option<i64> {
    requirements.get("valid_days").and_then(Value::as_i64)
}

/// Days before the lapse at which it is announced.
pub fn warn_days(requirements: &Value) -> Option<i64> {
    requirements.get("warn_days").and_then(Value::as_i64)
}
