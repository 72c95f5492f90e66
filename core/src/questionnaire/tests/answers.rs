//! Which answer fits which type of field.

use serde_json::{Value, json};

use super::super::named_files;
use super::{assert_fit, assert_refused, check, codes, form, object, told};
use crate::limits::{ANSWERS_BYTES_MAX, JSON_DEPTH_MAX, TEXT_CHARS_DEFAULT, TEXTAREA_CHARS_DEFAULT};

#[test]
fn every_problem_is_told_at_once_and_no_answer_repeated() {
    let schema = form(&json!([
        {"name": "first_name", "type": "text", "required": true},
        {"name": "born", "type": "date"},
        {"name": "country", "type": "country", "required": true},
    ]));
    let problems = check(&schema, json!({"born": "SECRET", "country": "SECRET", "x": "SECRET"}));
    assert_eq!(
        told(&problems),
        [
            ("answers.first_name", "required"),
            ("answers.born", "date"),
            ("answers.country", "country"),
            ("answers.x", "unknown"),
        ]
    );
    assert!(!format!("{problems:?}").contains("SECRET"));
}

#[test]
fn null_is_absent() {
    let field = |required: bool| json!({"type": "text", "required": required});
    assert_fit(&field(false), &[json!(null)]);
    assert_refused(&field(true), "required", &[json!(null)]);
    assert_eq!(told(&check(&json!({}), json!({"x": null}))), [("answers.x", "unknown")]);
}

#[test]
fn an_unknown_name_is_cut() {
    let name = "n".repeat(1_000);
    let problems = check(&json!({}), json!({name: 1}));
    assert_eq!(problems[0].field, format!("answers.{}", "n".repeat(64)));
}

#[test]
fn text_is_counted_in_characters() {
    for (kind, chars_max) in [("text", TEXT_CHARS_DEFAULT), ("textarea", TEXTAREA_CHARS_DEFAULT)] {
        let field = json!({"type": kind});
        assert_fit(&field, &[json!(""), json!(" "), json!("é".repeat(chars_max))]);
        assert_refused(&field, "too_long", &[json!("é".repeat(chars_max + 1))]);
        assert_refused(&field, "type", &[json!(1), json!(true), json!(["a"]), json!({})]);
        let short = json!({"type": kind, "max_length": 2});
        assert_fit(&short, &[json!("ab")]);
        assert_refused(&short, "too_long", &[json!("abc")]);
        let long = json!({"type": kind, "max_length": 20_000});
        assert_fit(&long, &[json!("a".repeat(20_000))]);
    }
}

#[test]
fn a_required_text_is_not_blank() {
    let field = json!({"type": "text", "required": true});
    assert_fit(&field, &[json!(" a ")]);
    assert_refused(&field, "blank", &[json!(""), json!(" \t\n"), json!("\u{a0}\u{2003}")]);
}

#[test]
fn a_pattern_matches_the_whole_answer() {
    let field = |pattern: &str| json!({"type": "text", "pattern": pattern});
    assert_fit(&field("[A-Z]{2}"), &[json!("AB")]);
    let partial = [json!("xAB"), json!("ABx"), json!("AB\n"), json!("x\nAB"), json!("")];
    assert_refused(&field("[A-Z]{2}"), "pattern", &partial);
    // Alternatives, lines, flags and comments do not get round the anchors.
    assert_fit(&field("a|ab"), &[json!("ab")]);
    assert_refused(&field("a|b"), "pattern", &[json!("ax"), json!("xb")]);
    assert_refused(&field("(?m)^a$"), "pattern", &[json!("a\nb"), json!("b\na")]);
    assert_fit(&field("(?x) a # the letter"), &[json!("a")]);
    assert_refused(&field("(?x) a # the letter"), "pattern", &[json!("ab"), json!("a\n")]);
    assert_refused(&field("(?i)a"), "pattern", &[json!("Ab")]);
}

#[test]
fn a_pattern_that_cannot_be_used_lets_nothing_through() {
    for pattern in [json!("("), json!("a)|(?:b"), json!(1), json!("a".repeat(501))] {
        let field = json!({"type": "text", "pattern": pattern});
        assert_refused(&field, "pattern", &[json!("a"), json!("b")]);
    }
}

#[test]
fn a_date_is_a_calendar_day() {
    let field = json!({"type": "date"});
    let days = ["2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"];
    assert_fit(&field, &days.map(|day| json!(day)));
    let others = [
        "",
        "2023-02-29",
        "1900-02-29",
        "2024-13-01",
        "2024-00-01",
        "2024-01-00",
        "2024-04-31",
        "0000-01-01",
        "2024-1-01",
        "20240101",
        "2024-W01-1",
        "+2024-01-01",
        "-2024-01-01",
        "2024-01-01T00:00",
        "2024-01-01 ",
        " 2024-01-01",
        "10000-01-01",
        "2024/01/01",
        "２024-01-01",
        "+024-01-01",
    ];
    assert_refused(&field, "date", &others.map(|day| json!(day)));
    assert_refused(&field, "type", &[json!(20_240_101)]);
}

#[test]
fn a_country_is_an_assigned_code_in_upper_case() {
    let field = json!({"type": "country"});
    assert_fit(&field, &["DE", "GB", "AQ", "SS", "CW"].map(|code| json!(code)));
    let others = [
        "de", "De", "UK", "EU", "XK", "AN", "SU", "ZZ", "AA", "DEU", "D", "", "DE ", "é",
    ];
    assert_refused(&field, "country", &others.map(|code| json!(code)));
    assert_refused(&field, "type", &[json!(276)]);
}

#[test]
fn all_assigned_countries_are_known() {
    let letters = || 'A'..='Z';
    let count = letters()
        .flat_map(|one| letters().map(move |other| format!("{one}{other}")))
        .filter(|code| codes(json!({"type": "country"}), &json!(code)).is_empty())
        .count();
    assert_eq!(count, 249);
}

#[test]
fn a_number_lies_within_its_bounds() {
    let field = json!({"type": "number", "min": 0, "max": 10.5});
    assert_fit(&field, &[json!(0), json!(-0.0), json!(0.0), json!(10), json!(10.5)]);
    assert_refused(&field, "range", &[json!(-1), json!(-0.001), json!(10.501), json!(11)]);
    assert_refused(&field, "type", &[json!("5"), json!(true), json!([5])]);
    assert_fit(
        &json!({"type": "number"}),
        &[json!(f64::MAX), json!(u64::MAX), json!(i64::MIN)],
    );
}

#[test]
fn large_bounds_are_exact() {
    let field = json!({"type": "number", "max": 9_007_199_254_740_992_i64});
    assert_fit(&field, &[json!(9_007_199_254_740_992_i64)]);
    assert_refused(&field, "range", &[json!(9_007_199_254_740_993_i64), json!(1e300)]);
}

#[test]
fn a_boolean_is_true_or_false() {
    let field = json!({"type": "boolean", "required": true});
    assert_fit(&field, &[json!(true), json!(false)]);
    assert_refused(&field, "type", &[json!(0), json!("true"), json!([])]);
}

#[test]
fn a_selection_is_one_of_the_options() {
    let field = json!({"type": "select", "options": ["a", 1, {"value": true, "label": "b"}]});
    assert_fit(&field, &[json!("a"), json!(1), json!(1.0), json!(true)]);
    assert_refused(&field, "option", &[json!("1"), json!("b"), json!("true"), json!("")]);
    assert_refused(&field, "type", &[json!(["a"]), json!({"value": "a"})]);
}

#[test]
fn several_selections_are_options_without_repeats() {
    let field =
        |required: bool| json!({"type": "multi_select", "required": required, "options": ["a", 1, {"value": "c"}]});
    assert_fit(&field(true), &[json!(["c", "a"]), json!([1]), json!(["a", 1, "c"])]);
    assert_fit(&field(false), &[json!([])]);
    assert_refused(&field(true), "required", &[json!([])]);
    assert_refused(&field(true), "repeated", &[json!(["a", "a"]), json!([1, 1.0])]);
    assert_refused(
        &field(true),
        "option",
        &[json!(["b"]), json!(["a", null]), json!([["a"]])],
    );
    assert_refused(&field(true), "type", &[json!("a"), json!({"a": true})]);
    assert_eq!(codes(field(true), &json!(["a", "a", "b"])), ["option", "repeated"]);
}

#[test]
fn a_file_belongs_to_the_customer() {
    let field = json!({"type": "file_reference", "required": true});
    assert_fit(&field, &[json!("file-1")]);
    assert_refused(&field, "file", &[json!("file-2"), json!("")]);
    assert_refused(&field, "type", &[json!(1), json!(["file-1"])]);
}

#[test]
fn the_files_of_visible_fields_are_named() {
    let schema = form(&json!([
        {"name": "front", "type": "file_reference"},
        {"name": "back", "type": "file_reference", "visible_if": {"field": "front", "not": "a"}},
        {"name": "side", "type": "file_reference"},
        {"name": "odd", "type": "file_reference"},
        {"name": "note", "type": "text"},
    ]));
    let answers = json!({"front": "a", "back": "b", "side": "c", "odd": 1, "note": "d", "x": "e"});
    assert_eq!(named_files(&schema, &object(answers)), ["a", "c"]);
}

#[test]
fn a_field_of_no_known_type_cannot_be_answered() {
    assert_refused(&json!({"type": "colour"}), "type", &[json!("red")]);
    assert_refused(&json!({}), "type", &[json!("red")]);
}

#[test]
fn the_text_of_answers_is_bounded() {
    let schema = form(&json!([{"name": "x", "type": "select", "options": [1]}]));
    let answers = |bytes: usize| json!({"x": "a".repeat(bytes - r#"{"x":""}"#.len())});
    let at = check(&schema, answers(ANSWERS_BYTES_MAX));
    assert_eq!(told(&at), [("answers.x", "option")]);
    let over = check(&schema, answers(ANSWERS_BYTES_MAX + 1));
    assert_eq!(told(&over), [("answers", "too_large")]);
}

#[test]
fn the_depth_of_answers_is_bounded() {
    let schema = form(&json!([{"name": "x", "type": "text"}]));
    let answers = |levels: usize| {
        let inner: Value = (1..levels).fold(json!(1), |inner, _| json!([inner]));
        json!({"x": inner})
    };
    let at = check(&schema, answers(JSON_DEPTH_MAX));
    assert_eq!(told(&at), [("answers.x", "type")]);
    let over = check(&schema, answers(JSON_DEPTH_MAX + 1));
    assert_eq!(told(&over), [("answers", "too_deep")]);
}
