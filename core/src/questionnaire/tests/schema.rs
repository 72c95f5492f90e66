//! What a `form_schema` may say, and where it is told to be wrong.

use serde_json::{Map, Value, json};

use super::super::check_form_schema;
use super::{form, told};
use crate::limits::{
    ANSWER_CHARS_MAX, FIELDS_MAX, FORM_SCHEMA_BYTES_MAX, FORM_SCHEMA_DEPTH_MAX, OPTIONS_MAX, PATTERN_CHARS_MAX,
    SECTIONS_MAX,
};

const FIELD: &str = "form_schema.sections[0].fields[0]";

fn assert_valid(schema: &Value) {
    assert_eq!(check_form_schema(schema), []);
}

fn assert_invalid(schema: &Value, expected: &[(&str, &str)]) {
    assert_eq!(told(&check_form_schema(schema)), expected);
}

/// Asserts the problem of one field, by the member at fault.
fn assert_field(field: &Value, member: &str, code: &str) {
    assert_invalid(&form(&json!([field])), &[(&format!("{FIELD}.{member}"), code)]);
}

fn assert_field_valid(field: &Value) {
    assert_valid(&form(&json!([field])));
}

#[test]
fn the_example_of_the_manual_is_valid() {
    assert_valid(&json!({"sections": [{"title": "Identity", "fields": [
        {"name": "first_name", "type": "text", "required": true},
        {"name": "country", "type": "country", "required": true},
        {"name": "employment_status", "type": "select", "required": true, "options": [
            {"value": "employed", "label": "Employed"},
            {"value": "self_employed", "label": "Self employed"},
        ]},
    ]}]}));
}

#[test]
fn a_form_may_be_empty() {
    for schema in [
        json!({}),
        json!({"sections": []}),
        json!({"sections": [{}]}),
        json!({"sections": [{"fields": []}]}),
        json!({"fields": [1], "other": null}),
    ] {
        assert_valid(&schema);
    }
}

#[test]
fn the_frame_has_the_right_shape() {
    for schema in [json!(null), json!([]), json!("{}"), json!(1), json!(true)] {
        assert_invalid(&schema, &[("form_schema", "type")]);
    }
    for sections in [json!(null), json!({}), json!(1)] {
        assert_invalid(&json!({"sections": sections}), &[("form_schema.sections", "type")]);
    }
    let schema = json!({"sections": [1, {"fields": {}}, {"fields": [null]}]});
    assert_invalid(
        &schema,
        &[
            ("form_schema.sections[0]", "type"),
            ("form_schema.sections[1].fields", "type"),
            ("form_schema.sections[2].fields[0]", "type"),
        ],
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let schema = json!({"sections": [
        {"fields": [{"name": "a", "type": "text"}, {"name": "", "type": "date"}]},
        {"fields": [
            {"type": "text", "required": 1, "label": 1, "help": {}},
            {"name": "a"},
            {"name": 5, "type": "colour"},
            {"name": "b", "type": null},
        ]},
    ]});
    assert_invalid(
        &schema,
        &[
            ("form_schema.sections[0].fields[1].name", "blank"),
            ("form_schema.sections[1].fields[0].name", "required"),
            ("form_schema.sections[1].fields[0].required", "type"),
            ("form_schema.sections[1].fields[0].label", "type"),
            ("form_schema.sections[1].fields[0].help", "type"),
            ("form_schema.sections[1].fields[1].name", "repeated"),
            ("form_schema.sections[1].fields[1].type", "required"),
            ("form_schema.sections[1].fields[2].name", "type"),
            ("form_schema.sections[1].fields[2].type", "unknown"),
            ("form_schema.sections[1].fields[3].type", "type"),
        ],
    );
}

#[test]
fn every_type_of_the_manual_is_known() {
    for name in "text textarea date country file_reference number boolean".split(' ') {
        assert_field_valid(&json!({"name": "f", "type": name}));
    }
    for name in ["select", "multi_select"] {
        assert_field_valid(&json!({"name": "f", "type": name, "options": ["a", 1, true]}));
    }
    assert_field(&json!({"name": "f", "type": "Text"}), "type", "unknown");
}

#[test]
fn a_selection_needs_options_with_different_values() {
    for kind in ["select", "multi_select"] {
        let field = |options: Value| json!({"name": "f", "type": kind, "options": options});
        assert_field(&json!({"name": "f", "type": kind}), "options", "required");
        assert_field(&field(json!([])), "options", "required");
        assert_field(&field(json!("a")), "options", "type");
        assert_field(&field(json!(null)), "options", "type");
        assert_field(&field(json!(["a", null])), "options[1]", "type");
        assert_field(&field(json!([{"label": "A"}])), "options[0].value", "required");
        assert_field(&field(json!([{"value": []}])), "options[0].value", "type");
        let labelled = json!([{"value": 1, "label": 1}]);
        assert_field(&field(labelled), "options[0].label", "type");
        assert_field(&field(json!(["a", {"value": "a"}])), "options[1].value", "repeated");
        assert_field(&field(json!([1, 1.0])), "options[1]", "repeated");
        assert_field_valid(&field(json!([1, "1", true, "true", 1.5])));
    }
}

#[test]
fn max_length_is_a_positive_integer() {
    for kind in ["text", "textarea"] {
        let field = |max: Value| json!({"name": "f", "type": kind, "max_length": max});
        assert_field_valid(&field(json!(1)));
        assert_field_valid(&field(json!(ANSWER_CHARS_MAX)));
        for max in [json!(0), json!(ANSWER_CHARS_MAX + 1), json!(-1), json!(1.5), json!("9")] {
            assert_field(&field(max), "max_length", "range");
        }
    }
}

#[test]
fn min_is_not_greater_than_max() {
    let field = |min: Value, max: Value| json!({"name": "f", "type": "number", "min": min, "max": max});
    assert_field_valid(&field(json!(1), json!(1.0)));
    assert_field_valid(&field(json!(-1.5), json!(2)));
    assert_field(&field(json!(2), json!(1.5)), "min", "range");
    assert_field(&field(json!(i64::MAX), json!(i64::MAX - 1)), "min", "range");
    assert_field(&field(json!("1"), json!(1)), "min", "type");
    assert_field(&field(json!(1), json!(null)), "max", "type");
}

#[test]
fn a_pattern_is_bounded_and_compiles() {
    let field = |pattern: Value| json!({"name": "f", "type": "text", "pattern": pattern});
    assert_field_valid(&field(json!("a".repeat(PATTERN_CHARS_MAX))));
    assert_field_valid(&field(json!("é".repeat(PATTERN_CHARS_MAX))));
    let too_long = json!("a".repeat(PATTERN_CHARS_MAX + 1));
    assert_field(&field(too_long), "pattern", "too_long");
    assert_field(&field(json!(1)), "pattern", "type");
    for pattern in ["(", ")", "a)|(?:b", "[", "\\", "(?=a)", "(?i", "a{2,1}"] {
        assert_field(&field(json!(pattern)), "pattern", "pattern");
    }
    for hostile in ["(a{1000}){1000}", r"\w{1000}", "((((a{100}){100}){100}){100}){100}"] {
        assert_field(&field(json!(hostile)), "pattern", "pattern");
    }
}

#[test]
fn a_bad_pattern_is_explained_on_one_line() {
    let schema = form(&json!([{"name": "f", "type": "text", "pattern": "(a"}]));
    let problems = check_form_schema(&schema);
    assert_eq!(problems[0].message, "is not a regular expression: unclosed group");
}

#[test]
fn a_rule_of_another_type_is_a_member_like_any_other() {
    assert_field_valid(&json!({"name": "f", "type": "date", "min": "2000-01-01", "pattern": "("}));
    assert_field_valid(&json!({"name": "f", "type": "text", "options": 5, "colour": []}));
}

#[test]
fn a_condition_names_an_earlier_field_and_one_comparison() {
    let condition = |condition: Value| {
        json!({"sections": [
            {"fields": [{"name": "a", "type": "boolean"}]},
            {"fields": [{"name": "b", "type": "text", "visible_if": condition},
                        {"name": "c", "type": "text"}]},
        ]})
    };
    for valid in [
        json!({"field": "a", "equals": true}),
        json!({"field": "a", "in": [1, "x", false], "note": "kept"}),
        json!({"field": "a", "not": 1}),
    ] {
        assert_valid(&condition(valid));
    }
    for (wrong, member, code) in [
        (json!(true), "", "type"),
        (json!({"equals": 1}), ".field", "required"),
        (json!({"field": 1, "equals": 1}), ".field", "type"),
        (json!({"field": "b", "equals": 1}), ".field", "unknown"),
        (json!({"field": "c", "equals": 1}), ".field", "unknown"),
        (json!({"field": "nowhere", "equals": 1}), ".field", "unknown"),
        (json!({"field": "a"}), "", "condition"),
        (json!({"field": "a", "equals": 1, "not": 2}), "", "condition"),
        (json!({"field": "a", "equals": null}), ".equals", "type"),
        (json!({"field": "a", "not": [1]}), ".not", "type"),
        (json!({"field": "a", "in": 1}), ".in", "type"),
        (json!({"field": "a", "in": [1, {}]}), ".in[1]", "type"),
    ] {
        let path = format!("form_schema.sections[1].fields[0].visible_if{member}");
        assert_invalid(&condition(wrong), &[(&path, code)]);
    }
}

#[test]
fn the_condition_of_a_section_names_a_field_before_the_section() {
    let schema = |name: &str| {
        json!({"sections": [
            {"fields": [{"name": "a", "type": "text"}]},
            {"visible_if": {"field": name, "equals": "x"}, "fields": [{"name": "b", "type": "text"}]},
        ]})
    };
    assert_valid(&schema("a"));
    let path = "form_schema.sections[1].visible_if.field";
    assert_invalid(&schema("b"), &[(path, "unknown")]);
}

#[test]
fn user_input_is_cut_in_messages() {
    let schema = form(&json!([{"name": "f", "type": "x".repeat(5_000)}]));
    let message = &check_form_schema(&schema)[0].message;
    assert!(
        message.starts_with(&format!("`{}` is not", "x".repeat(64))),
        "{message}"
    );
}

#[test]
fn the_text_of_a_form_is_bounded() {
    let schema = |bytes: usize| json!({"x": "a".repeat(bytes - r#"{"x":""}"#.len())});
    assert_valid(&schema(FORM_SCHEMA_BYTES_MAX));
    let over = schema(FORM_SCHEMA_BYTES_MAX + 1);
    assert_invalid(&over, &[("form_schema", "too_large")]);
}

#[test]
fn the_depth_of_a_form_is_bounded() {
    let schema = |levels: usize| {
        let inner = (1..levels).fold(json!(1), |inner, _| Value::Array(vec![inner]));
        Value::Object(Map::from_iter([("x".to_owned(), inner)]))
    };
    assert_valid(&schema(FORM_SCHEMA_DEPTH_MAX));
    let over = schema(FORM_SCHEMA_DEPTH_MAX + 1);
    assert_invalid(&over, &[("form_schema", "too_deep")]);
    assert_invalid(&schema(5_000), &[("form_schema", "too_deep")]);
}

#[test]
fn the_number_of_sections_is_bounded() {
    let schema = |count: usize| json!({"sections": vec![json!({}); count]});
    assert_valid(&schema(SECTIONS_MAX));
    let over = schema(SECTIONS_MAX + 1);
    assert_invalid(&over, &[("form_schema.sections", "too_many")]);
}

#[test]
fn the_number_of_fields_is_bounded_over_all_sections() {
    let schema = |count: usize| {
        let field = |index: usize| json!({"name": format!("f{index}"), "type": "date"});
        let (first, second): (Vec<_>, Vec<_>) = (0..count).partition(|index| index % 2 == 0);
        let section = |indices: Vec<usize>| {
            let fields: Vec<Value> = indices.into_iter().map(field).collect();
            json!({"fields": fields})
        };
        json!({"sections": [section(first), section(second), {"fields": [1]}]})
    };
    // The last section's field is one too, and wrong when it is looked at.
    let at = schema(FIELDS_MAX - 1);
    assert_invalid(&at, &[("form_schema.sections[2].fields[0]", "type")]);
    let over = schema(FIELDS_MAX);
    assert_invalid(&over, &[("form_schema.sections[2].fields", "too_many")]);
}

#[test]
fn the_number_of_options_is_bounded() {
    let field = |count: usize| {
        let options: Vec<usize> = (0..count).collect();
        json!({"name": "f", "type": "select", "options": options})
    };
    assert_field_valid(&field(OPTIONS_MAX));
    assert_field(&field(OPTIONS_MAX + 1), "options", "too_many");
}
