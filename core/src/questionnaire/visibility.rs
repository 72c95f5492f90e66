//! Lays a submission over its form: which fields there are, which are shown, what was answered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::condition::holds;

/// A field of a form together with what a submission says about it.
pub(super) struct Entry<'a> {
    pub name: &'a str,
    /// The field as the schema states it.
    pub field: &'a Map<String, Value>,
    pub is_visible: bool,
    /// Null counts as absent.
    pub answer: Option<&'a Value>,
}

/// Every named field in the order of the form.
///
/// Conditions look only backwards, so one pass settles them, and a circle cannot arise. What
/// [`super::check_form_schema`] refuses is passed over: a nameless field, the second of a name.
pub(super) fn entries<'a>(schema: &'a Value, answers: &'a Map<String, Value>) -> Vec<Entry<'a>> {
    let mut entries = Vec::new();
    let mut names = BTreeSet::new();
    let mut shown = BTreeMap::new();
    for section in members_of(schema.get("sections")) {
        let is_open = holds(section.get("visible_if"), &shown);
        for field in members_of(section.get("fields")) {
            let Some(name) = field.get("name").and_then(Value::as_str) else {
                continue;
            };
            if !names.insert(name) {
                continue;
            }
            let is_visible = is_open && holds(field.get("visible_if"), &shown);
            let answer = answers.get(name).filter(|answer| !answer.is_null());
            if let (true, Some(answer)) = (is_visible, answer) {
                shown.insert(name, answer);
            }
            entries.push(Entry {
                name,
                field,
                is_visible,
                answer,
            });
        }
    }
    entries
}

/// The objects of an array; nothing else in it means anything.
fn members_of(list: Option<&Value>) -> impl Iterator<Item = &Map<String, Value>> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
}
