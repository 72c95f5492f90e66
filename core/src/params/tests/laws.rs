//! Laws of the check that hold for any data and any schema.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["raise", "require", "id", "active", "", "abcde"]).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            any_members(inner).prop_map(Value::Object),
        ]
    })
}

fn any_members(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let names = vec![
        "customer_id",
        "code",
        "name",
        "level",
        "status",
        "order",
        "required",
        "ratio",
        "form",
        "actions",
        "params",
        "sequence",
        "type",
        "step_code",
        "inner",
    ];
    let name = prop_oneof![
        9 => prop::sample::select(names).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::btree_map(name, value, 0..6).prop_map(|members| members.into_iter().collect())
}

/// Requests that are mostly good, with some nulls and some members just past a limit.
fn near_request() -> impl Strategy<Value = Map<String, Value>> {
    let raise = json!({"type": "raise", "level": 255});
    let require = json!({"type": "require", "step_code": "", "level": null});
    let deep = json!({"level": null, "inner": {"level": 1, "inner": null}});
    let choices = [
        ("customer_id", json!([1, 1, 1, 9_007_199_254_740_991_i64, 0])),
        ("code", json!(["a", "a", "abcd", "abcde"])),
        ("name", json!([null, "", "abc", "abcd"])),
        ("level", json!([null, 0, 10, 11])),
        ("status", json!([null, "active", "archived", "x"])),
        ("order", json!([null, "id", "id desc", ""])),
        ("required", json!([null, true, false, 0])),
        ("ratio", json!([null, 1, -1.5, "1"])),
        ("form", json!([null, {}, {"a": null}, []])),
        (
            "actions",
            json!([null, [], [raise, require], [require], [{"type": "raise", "level": 256}]]),
        ),
        ("params", json!([null, {}, deep, {"level": -1}])),
        (
            "sequence",
            json!([null, 2_147_483_647, -2_147_483_648_i64, 2_147_483_648_i64]),
        ),
    ];
    let members = choices.map(|(name, values)| {
        let values = values.as_array().cloned().unwrap_or_default();
        // The last one, which is bad, comes up once in so many.
        let good = values[..values.len() - 1].to_vec();
        let bad = values[values.len() - 1].clone();
        prop_oneof![20 => prop::sample::select(good), 1 => Just(bad)].prop_map(move |value| (name.to_owned(), value))
    });
    Vec::from(members).prop_map(|members| members.into_iter().collect())
}

proptest! {
    /// Nothing that passes the check is refused by serde, so users never see `invalid`.
    #[test]
    fn data_is_read_exactly_when_the_check_finds_nothing(
        data in prop_oneof![near_request(), any_members(any_value())],
    ) {
        let compiled = Compiled::of::<AddStep>();
        let problems = compiled.check(&data);
        let read = compiled.read::<AddStep>(data);
        prop_assert_eq!(read.err().unwrap_or_default(), problems);
    }

    /// Any JSON as schema, for any data.
    #[test]
    fn the_check_ends_for_any_schema(schema in any_value(), data in any_members(any_value())) {
        let _ = unsupported_keywords(&schema);
        let _ = Compiled::new(schema).check(&data);
    }

    #[test]
    fn a_query_of_any_text_is_read_or_refused(name in "level|ratio|code|x", text: String) {
        let _ = Compiled::of::<AddStep>().from_query(std::iter::once((name.into(), text.into())));
    }
}
