//! Schemas beyond one command's: odd, circular, with alternatives, with unknown keywords.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

#[test]
fn least_lengths_hold_at_the_limit_and_not_before_it() {
    let list = json!({"type": "array", "minItems": 1});
    let text = json!({"type": "string", "minLength": 2});
    let schema = json!({"type": "object", "properties": {"list": list, "text": text}});
    let compiled = Compiled::new(schema);
    let check = |data: Value| listed(&compiled.check(&members(data)));
    assert_eq!(check(json!({"list": [1], "text": "éé"})), [""; 0]);
    assert_eq!(
        check(json!({"list": [], "text": "é"})),
        [
            "list too_short must have at least 1 item",
            "text too_short must be at least 2 characters",
        ]
    );
}

#[test]
fn members_without_a_name_of_their_own_are_checked_too() {
    let count = json!({"type": "integer"});
    let compiled = Compiled::new(json!({"type": "object", "additionalProperties": count}));
    let data = members(json!({"a": 1, "b": "x"}));
    assert_eq!(listed(&compiled.check(&data)), ["b type must be an integer"]);
}

/// Two alternatives at each of 60 levels would be 2⁶⁰ ways to try.
#[test]
fn alternatives_to_be_tried_nest_a_few_levels_only() {
    let least = |count: u64| {
        let members = json!({"a": {"$ref": "#/$defs/t"}, "b": {"minimum": count}});
        json!({"type": "object", "properties": members})
    };
    let either = json!({"anyOf": [least(2), least(1)]});
    let schema = json!({"type": "object", "properties": {"a": either}, "$defs": {"t": either}});
    let compiled = Compiled::new(schema);
    let refused = |depth: usize| {
        let data = (0..depth).fold(json!({"b": 1}), |inner, _| json!({ "a": inner }));
        !compiled.check(&members(data)).is_empty()
    };
    assert!(!refused(union::TRIALS_DEEP_MAX));
    assert!(refused(union::TRIALS_DEEP_MAX + 1));
    assert!(refused(60));
}

#[test]
fn a_compiled_schema_can_be_shared() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Compiled>();
}

#[test]
fn alternatives_without_a_tag_report_the_nearest() {
    let compiled = Compiled::new(json!({"type": "object", "properties": {"a": {"anyOf": [
        {"type": "object", "required": ["x", "y", "z"]},
        {"type": "object", "properties": {"x": {"type": "integer"}}},
        {"type": "string", "minLength": 2},
        {"type": "integer"},
    ]}}}));
    let check = |a: Value| listed(&compiled.check(&members(json!({ "a": a }))));
    assert_eq!(check(json!({"x": 1})), [""; 0]);
    assert_eq!(check(json!({"x": ""})), ["a.x type must be an integer"]);
    assert_eq!(check(json!("x")), ["a too_short must be at least 2 characters"]);
    assert_eq!(
        check(json!(true)),
        ["a type must be a string or an integer or an object"]
    );
}

#[test]
fn schemas_that_lead_nowhere_refuse_and_end() {
    let refused = |a: Value| {
        let circle = json!({"$ref": "#/$defs/circle"});
        let schema = json!({"type": "object", "properties": {"a": a}, "$defs": {"circle": circle}});
        !Compiled::new(schema).check(&members(json!({"a": "x"}))).is_empty()
    };
    assert!(refused(json!({"$ref": "#/$defs/circle"})));
    assert!(refused(json!({"$ref": "#/$defs/nothing"})));
    assert!(refused(json!({"type": "string", "pattern": "("})));
    assert!(refused(json!(false)));
    assert!(!refused(json!(true)));
}

#[test]
fn our_own_kind_of_schema_has_nothing_unsupported() {
    assert_eq!(unsupported_keywords(Compiled::of::<AddStep>().schema()), [""; 0]);
}

#[test]
fn keywords_that_would_be_ignored_are_named() {
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Odd {
        tags: BTreeSet<String>,
        pair: (u8, String),
    }
    assert_eq!(
        unsupported_keywords(Compiled::of::<Odd>().schema()),
        ["/properties/pair/prefixItems", "/properties/tags/uniqueItems"]
    );
    let wrong = json!({
        "type": "text", "pattern": "(", "$ref": "#/x", "maxLength": -1, "minimum": "1", "items": 1,
        "properties": {"a/b": {"not": {}}}, "anyOf": [true, {"allOf": []}], "required": [1],
        "$defs": {"x": {"if": {}}}, "const": 1, "enum": [1],
    });
    let expected = BTreeSet::from([
        "/type",
        "/pattern",
        "/$ref",
        "/maxLength",
        "/minimum",
        "/items",
        "/properties/a~1b/not",
        "/anyOf/1/allOf",
        "/required",
        "/$defs/x/if",
        "/enum",
    ]);
    let found = unsupported_keywords(&wrong);
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);
}
