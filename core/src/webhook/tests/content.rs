//! What a body's hash tells apart, and what the history keeps of a body.

use proptest::prelude::*;

use super::*;
use crate::record::Hash;

fn hash(body: &str) -> Hash {
    Webhook::read(body.as_bytes(), NOW).unwrap().body_hash
}

/// The hash of the good body with this text as `data`.
fn data_hash(data: &str) -> Hash {
    let body = Value::Object(good()).to_string();
    hash(&body.replace("\"data\":{}", &format!("\"data\":{data}")))
}

#[test]
fn a_body_that_is_written_anew_has_the_same_hash() {
    let first = concat!(
        r#"{"event":"kyc.approved","event_id":"e-é","ts":"2026-02-02T02:40:00Z","#,
        r#""player_external_id":"p/1","level":2,"data":{"b":[1,true],"a":null}}"#,
    );
    let anew = concat!(
        "\r\n{ \"data\" : {\"a\": null,\t\"b\": [1.0, true]}, \"level\": 2, \"player_external_id\": \"p\\/1\",",
        "\"ts\": \"2026-02-02T02:40:00Z\", \"event_id\": \"e-\\u00e9\", \"event\": \"kyc\\u002eapproved\" }\n",
    );
    assert_eq!(hash(first), hash(anew));
}

#[test]
fn numbers_are_compared_by_value() {
    for same in [
        ["2", "2.0"],
        ["2", "2e0"],
        ["200", "2E+2"],
        ["0", "-0"],
        ["0.1", "1e-1"],
        ["0.1", "0.10"],
    ] {
        let [one, other] = same.map(|number| data_hash(&format!(r#"{{"n":{number}}}"#)));
        assert_eq!(one, other, "{same:?}");
    }
    for different in [
        ["2", "3"],
        ["2", "\"2\""],
        ["2", "2.0000000000000004"],
        ["1", "true"],
        ["1", "-1"],
    ] {
        let [one, other] = different.map(|number| data_hash(&format!(r#"{{"n":{number}}}"#)));
        assert_ne!(one, other, "{different:?}");
    }
    // RFC 8785 knows doubles only: whole numbers beyond 2^53 may share a hash.
    let [one, other] =
        ["9007199254740993", "9007199254740992"].map(|number| data_hash(&format!(r#"{{"n":{number}}}"#)));
    assert_eq!(one, other);
}

#[test]
fn another_content_has_another_hash() {
    let mut bodies = vec![
        Value::Object(good()),
        with([("event", json!("kyc.rejected"))]),
        with([("event_id", json!("e-2"))]),
        with([("player_external_id", json!("p-2"))]),
        with([("level", json!(3))]),
        // The same instant, written otherwise: the text is the content.
        with([("ts", json!("2026-02-02T02:40:00.0Z"))]),
        with([("data", json!(null))]),
        with([("data", json!({"a": null}))]),
        with([("data", json!({"a": [1, 2]}))]),
        with([("data", json!({"a": [2, 1]}))]),
        with([("data", json!({"a": "é"}))]),
        // Not normalised: the same to the eye only.
        with([("data", json!({"a": "e\u{301}"}))]),
        with([("unknown", json!(null))]),
    ];
    let mut without_data = good();
    without_data.remove("data");
    bodies.push(Value::Object(without_data));
    let mut hashes: Vec<[u8; 32]> = bodies.iter().map(|body| read(body).unwrap().body_hash.0).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), bodies.len());
}

#[test]
fn the_hash_does_not_depend_on_when_it_is_read() {
    let body = Value::Object(good()).to_string();
    let later = Webhook::read(body.as_bytes(), NOW.plus_seconds(1_000_000)).unwrap();
    assert_eq!(later.body_hash, hash(&body));
}

#[test]
fn the_history_keeps_data_and_unknown_members() {
    let kept = |body: Value| read(&body).unwrap().kept_data();
    assert_eq!(kept(with([])), None);
    assert_eq!(kept(with([("data", json!(null))])), None);
    assert_eq!(
        kept(with([("data", json!({"documents": 1}))])),
        Some(json!({"documents": 1}))
    );
    assert_eq!(
        kept(with([
            ("trace", json!("t-1")),
            ("Level", json!(null)),
            ("data", json!(null))
        ])),
        Some(json!({"unknown_members": {"trace": "t-1", "Level": null}}))
    );
    assert_eq!(
        kept(with([("trace", json!([1])), ("data", json!({"provider": "x"}))])),
        Some(json!({"provider": "x", "unknown_members": {"trace": [1]}}))
    );
}

/// JSON text of an object with members in the order of `keys`, and white space here and there.
fn written(members: &Map<String, Value>, keys: &[u8]) -> String {
    let mut keys = keys.iter().copied().chain(std::iter::repeat(0));
    let mut placed: Vec<(u8, String)> = Vec::new();
    for (name, value) in members {
        let key = keys.next().unwrap_or_default();
        let space = [" ", "\n", "\t", ""][usize::from(key % 4)];
        placed.push((key, format!("{space}{}{space}:{value}{space}", json!(name))));
    }
    placed.sort();
    let members: Vec<String> = placed.into_iter().map(|(_, member)| member).collect();
    format!("{{{}}}", members.join(","))
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop::collection::vec(inner, 0..3).prop_map(Value::from)
    })
}

proptest! {
    #[test]
    fn the_order_of_members_never_matters_and_their_content_always_does(
        extra in prop::collection::btree_map("x-.{0,4}", values(), 1..5),
        keys in prop::collection::vec(any::<u8>(), 12),
        other in values(),
    ) {
        let mut members = good();
        members.extend(extra.clone());
        let first = hash(&Value::Object(members.clone()).to_string());
        prop_assert_eq!(hash(&written(&members, &keys)), first);
        let name = extra.keys().next().unwrap();
        let is_same = members.insert(name.clone(), other.clone()) == Some(other);
        prop_assert_eq!(hash(&written(&members, &keys)) == first, is_same);
    }
}

#[test]
fn data_keeps_a_member_of_any_name() {
    let body = with([("trace", json!("t-1")), ("data", json!({ "unknown_members": "mine" }))]);
    let kept = read(&body).unwrap().kept_data().unwrap().to_string();
    assert!(kept.contains("mine") && kept.contains("t-1"), "{kept}");
}
