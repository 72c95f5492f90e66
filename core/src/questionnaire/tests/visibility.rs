//! When a field is shown, and what hiding it means.

use serde_json::{Value, json};

use super::{check, form, told};

/// Whether a field under `condition` is shown, given an answer to the field `a`.
fn is_shown(a: &Value, condition: &Value) -> bool {
    let schema = form(&json!([
        {"name": "a", "type": "multi_select", "options": [1, "x", true]},
        {"name": "b", "type": "text", "visible_if": condition},
    ]));
    let problems = check(&schema, json!({"a": a, "b": "answered"}));
    !told(&problems).contains(&("answers.b", "hidden"))
}

#[test]
fn a_condition_compares_with_a_scalar() {
    for (condition, with_x, with_other) in [
        (json!({"field": "a", "equals": "x"}), true, false),
        (json!({"field": "a", "in": ["x", true]}), true, false),
        (json!({"field": "a", "not": "x"}), false, true),
    ] {
        assert_eq!(is_shown(&json!("x"), &condition), with_x);
        assert_eq!(is_shown(&json!(5), &condition), with_other);
        // An absent answer equals nothing.
        assert_eq!(is_shown(&json!(null), &condition), with_other);
    }
    assert!(!is_shown(&json!("x"), &json!({"field": "a", "in": []})));
    assert!(is_shown(&json!(1.0), &json!({"field": "a", "equals": 1})));
    assert!(!is_shown(&json!("1"), &json!({"field": "a", "equals": 1})));
}

#[test]
fn any_of_several_selections_counts() {
    let selected = json!([1, "x"]);
    assert!(is_shown(&selected, &json!({"field": "a", "equals": "x"})));
    assert!(is_shown(&selected, &json!({"field": "a", "in": [true, 1]})));
    assert!(!is_shown(&selected, &json!({"field": "a", "in": [true]})));
    assert!(!is_shown(&selected, &json!({"field": "a", "not": "x"})));
    assert!(is_shown(&selected, &json!({"field": "a", "not": true})));
    assert!(!is_shown(&json!([]), &json!({"field": "a", "equals": "x"})));
}

#[test]
fn a_hidden_field_is_neither_required_nor_allowed() {
    let schema = form(&json!([
        {"name": "employed", "type": "boolean"},
        {"name": "employer", "type": "text", "required": true,
         "visible_if": {"field": "employed", "equals": true}},
    ]));
    assert_eq!(check(&schema, json!({"employed": false})), []);
    assert_eq!(check(&schema, json!({"employed": false, "employer": null})), []);
    let hidden = check(&schema, json!({"employed": false, "employer": "x"}));
    assert_eq!(told(&hidden), [("answers.employer", "hidden")]);
    let shown = check(&schema, json!({"employed": true}));
    assert_eq!(told(&shown), [("answers.employer", "required")]);
}

#[test]
fn what_depends_on_a_hidden_field_sees_it_absent() {
    let schema = form(&json!([
        {"name": "a", "type": "boolean"},
        {"name": "b", "type": "boolean", "visible_if": {"field": "a", "equals": true}},
        {"name": "c", "type": "boolean", "visible_if": {"field": "b", "equals": true}},
        {"name": "d", "type": "boolean", "visible_if": {"field": "b", "not": true}},
    ]));
    let problems = check(&schema, json!({"b": true, "c": true, "d": true}));
    assert_eq!(told(&problems), [("answers.b", "hidden"), ("answers.c", "hidden")]);
}

#[test]
fn a_hidden_section_hides_its_fields() {
    let schema = json!({"sections": [
        {"fields": [{"name": "a", "type": "boolean"}]},
        {"visible_if": {"field": "a", "equals": true}, "fields": [
            {"name": "b", "type": "text", "required": true},
            {"name": "c", "type": "text", "visible_if": {"field": "a", "equals": true}},
        ]},
    ]});
    assert_eq!(check(&schema, json!({})), []);
    let hidden = check(&schema, json!({"b": "x", "c": "x"}));
    assert_eq!(told(&hidden), [("answers.b", "hidden"), ("answers.c", "hidden")]);
    assert_eq!(check(&schema, json!({"a": true, "b": "x", "c": "x"})), []);
}
