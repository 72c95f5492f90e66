//! What is refused in the parameters of a command, with which code and words, and what is read.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::json::Json;

mod laws;
mod query;
mod schemas;

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AddStep {
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_i64))]
    customer_id: i64,
    #[schemars(length(min = 1, max = 4), regex(pattern = "^[a-z]+$"))]
    code: String,
    #[schemars(length(max = 3))]
    name: Option<String>,
    #[serde(default)]
    #[schemars(range(max = 10))]
    level: u32,
    status: Option<Status>,
    order: Option<Order>,
    required: Option<bool>,
    ratio: Option<f64>,
    form: Option<Json>,
    #[serde(default)]
    #[schemars(length(max = 2))]
    actions: Vec<Action>,
    params: Option<Params>,
    sequence: Option<i32>,
}

/// A documented enum becomes `oneOf`.
#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// In use.
    Active,
    /// Not in use.
    Archived,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
enum Order {
    #[serde(rename = "id")]
    Id,
    #[serde(rename = "id desc")]
    IdDesc,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "type", deny_unknown_fields)]
enum Action {
    #[serde(rename = "require")]
    Require { step_code: String, level: Option<u8> },
    #[serde(rename = "raise")]
    Raise { level: u8 },
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    level: u8,
    inner: Option<Box<Params>>,
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// The problems of a good request with these members laid over it, as `field code message`.
fn problems(overlay: Value) -> Vec<String> {
    let mut data = members(json!({"customer_id": 1, "code": "a"}));
    data.extend(members(overlay));
    listed(&Compiled::of::<AddStep>().check(&data))
}

fn listed(problems: &[Problem]) -> Vec<String> {
    problems
        .iter()
        .map(|p| format!("{} {} {}", p.field, p.code, p.message))
        .collect()
}

fn one(overlay: Value, expected: &str) {
    assert_eq!(problems(overlay), [expected]);
}

fn none(overlay: Value) {
    assert_eq!(problems(overlay), [""; 0]);
}

#[test]
fn all_bad_members_are_reported_at_once() {
    let data = members(json!({"code": 5, "level": 11, "nme": "x"}));
    assert_eq!(
        listed(&Compiled::of::<AddStep>().check(&data)),
        [
            "customer_id required is required",
            "code type must be a string",
            "level range must be at most 10",
            "nme unknown is not a known member",
        ]
    );
}

#[test]
fn whole_numbers_are_written_without_a_fraction() {
    none(json!({"customer_id": 5}));
    for wrong in [json!(5.0), json!("5"), json!(true), json!([5]), json!({})] {
        one(json!({ "customer_id": wrong }), "customer_id type must be an integer");
    }
    none(json!({"ratio": 5}));
    one(json!({"ratio": "5"}), "ratio type must be a number");
    one(json!({"required": 1}), "required type must be true or false");
    one(json!({"form": []}), "form type must be an object");
    one(json!({"actions": {}}), "actions type must be a list");
}

#[test]
fn ranges_hold_at_the_limit_and_not_past_it() {
    none(json!({"level": 0, "customer_id": 1}));
    none(json!({"level": 10, "customer_id": 9_007_199_254_740_991_i64}));
    one(json!({"level": -1}), "level range must be at least 0");
    one(json!({"level": 11}), "level range must be at most 10");
    one(json!({"customer_id": 0}), "customer_id range must be at least 1");
    let past = json!({"customer_id": 9_007_199_254_740_992_i64});
    one(past, "customer_id range must be at most 9007199254740991");
}

#[test]
fn a_type_of_32_bits_is_a_range_although_its_schema_only_names_the_format() {
    none(json!({"sequence": i32::MAX}));
    none(json!({"sequence": i32::MIN}));
    one(
        json!({"sequence": i64::from(i32::MAX) + 1}),
        "sequence range must be at most 2147483647",
    );
    one(
        json!({"sequence": i64::from(i32::MIN) - 1}),
        "sequence range must be at least -2147483648",
    );
}

#[test]
fn lengths_count_characters() {
    none(json!({"name": "éé😀", "code": "abcd"}));
    one(json!({"name": "éé😀x"}), "name too_long must be at most 3 characters");
    one(json!({"code": "abcde"}), "code too_long must be at most 4 characters");
    let empty = problems(json!({"code": ""}));
    assert!(empty.contains(&"code too_short must not be empty".to_owned()));
}

#[test]
fn patterns_and_options_are_named() {
    one(json!({"code": "a1"}), "code pattern must match the pattern `^[a-z]+$`");
    one(json!({"code": "a\n"}), "code pattern must match the pattern `^[a-z]+$`");
    one(json!({"order": "name"}), "order enum must be one of `id`, `id desc`");
    one(json!({"order": 1}), "order type must be a string");
    one(
        json!({"status": "gone"}),
        "status enum must be one of `active`, `archived`",
    );
    one(json!({"status": 1}), "status type must be a string");
}

#[test]
fn a_null_counts_as_absent_unless_the_member_is_required() {
    none(json!({"name": null, "level": null, "status": null, "actions": null, "params": null}));
    one(json!({"code": null}), "code null must not be null");
    one(json!({"nme": null}), "nme unknown is not a known member");
    one(json!({"actions": [null]}), "actions[0] null must not be null");
}

#[test]
fn nested_members_are_named_by_their_path() {
    one(
        json!({"params": {"level": 300}}),
        "params.level range must be at most 255",
    );
    one(
        json!({"params": {"inner": {"x": 1}}}),
        "params.inner.x unknown is not a known member",
    );
    one(
        json!({"actions": [{"type": "raise", "level": 1}, {"type": "raise"}]}),
        "actions[1].level required is required",
    );
}

#[test]
fn a_tag_chooses_the_alternative() {
    none(json!({"actions": [{"type": "require", "step_code": "id", "level": null}]}));
    one(
        json!({"actions": [{"type": "require", "step_code": 1}]}),
        "actions[0].step_code type must be a string",
    );
    one(
        json!({"actions": [{"level": 1}]}),
        "actions[0].type required is required",
    );
    one(
        json!({"actions": [{"type": "x"}]}),
        "actions[0].type enum must be one of `require`, `raise`",
    );
    one(
        json!({"actions": [{"type": 1}]}),
        "actions[0].type type must be a string",
    );
    one(json!({"actions": ["raise"]}), "actions[0] type must be an object");
}

#[test]
fn lists_are_bounded() {
    let raise = json!({"type": "raise", "level": 1});
    none(json!({"actions": [raise, raise]}));
    one(
        json!({"actions": [raise, raise, raise]}),
        "actions too_long must have at most 2 items",
    );
}

#[test]
fn no_value_and_no_long_name_is_repeated() {
    let secret = "s3cret".repeat(30);
    let data = json!({"code": secret, "order": secret, "status": secret, "level": secret});
    assert!(problems(data).iter().all(|problem| !problem.contains("s3cret")));
    let unknown = problems(json!({ "é".repeat(65): 1 }));
    assert_eq!(unknown, [format!("{} unknown is not a known member", "é".repeat(64))]);
}

#[test]
fn the_number_of_problems_is_bounded() {
    let unknown = |count: usize| {
        let names = (0..count).map(|number| (format!("x{number}"), Value::Null));
        problems(Value::Object(names.collect())).len()
    };
    assert_eq!(unknown(PROBLEMS_MAX), PROBLEMS_MAX);
    assert_eq!(unknown(PROBLEMS_MAX + 1), PROBLEMS_MAX);
}

#[test]
fn reading_leaves_out_nulls_that_count_as_absent() {
    let data = members(json!({
        "customer_id": 1, "code": "a", "level": null, "form": {"kept": null},
        "params": {"level": null, "inner": {"level": null}},
        "actions": [{"type": "require", "step_code": "id", "level": null}],
    }));
    let read: AddStep = Compiled::of::<AddStep>().read(data).unwrap();
    let inner = Some(Box::new(Params { level: 0, inner: None }));
    assert_eq!((read.level, read.params), (0, Some(Params { level: 0, inner })));
    assert_eq!(read.form, Some(Json::from(json!({"kept": null}))));
    assert_eq!(
        read.actions,
        [Action::Require {
            step_code: "id".to_owned(),
            level: None
        }]
    );
}

#[test]
fn what_only_serde_refuses_is_one_problem_without_its_words() {
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Address {
        #[expect(dead_code, reason = "only read")]
        #[schemars(with = "String")]
        ip: std::net::Ipv4Addr,
    }
    let read = Compiled::of::<Address>().read::<Address>(members(json!({"ip": "s3cret"})));
    assert_eq!(
        listed(&read.unwrap_err()),
        [" invalid the data does not have the expected form"]
    );
}

#[test]
fn a_command_without_parameters_refuses_any() {
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    let compiled = Compiled::of::<Nothing>();
    assert!(compiled.read::<Nothing>(Map::new()).is_ok());
    let refused = listed(&compiled.check(&members(json!({"a": 1}))));
    assert_eq!(refused, ["a unknown is not a known member"]);
}
