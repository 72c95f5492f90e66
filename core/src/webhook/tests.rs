//! Bodies of webhooks, good and bad: each member at its limits, one past them, missing, and of another kind.

mod content;
mod data;
mod times;

use serde_json::{Map, Value, json};

use super::Webhook;
use crate::limits::JSON_DEPTH_MAX;
use crate::problem::Problem;
use crate::status::LevelEvent;
use crate::time::Time;

/// 2026-02-02T02:40:00Z.
const NOW: Time = Time::from_seconds(1_770_000_000);

fn good() -> Map<String, Value> {
    let body = json!({
        "event": "kyc.approved",
        "event_id": "e-1",
        "ts": "2026-02-02T02:40:00Z",
        "player_external_id": "p-1",
        "level": 2,
        "data": {},
    });
    body.as_object().unwrap().clone()
}

/// The good body with other members.
fn with<const N: usize>(members: [(&str, Value); N]) -> Value {
    let mut body = good();
    body.extend(members.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(body)
}

fn read(body: &Value) -> Result<Webhook, Vec<Problem>> {
    Webhook::read(body.to_string().as_bytes(), NOW)
}

/// The good body with other JSON text for `level`, since a number's form is lost in a [`Value`].
fn read_level(text: &str) -> Result<Webhook, Vec<Problem>> {
    let body = Value::Object(good()).to_string();
    Webhook::read(
        body.replace(r#""level":2"#, &format!(r#""level":{text}"#)).as_bytes(),
        NOW,
    )
}

/// What is wrong, as `field code`, in order.
fn wrong(read: Result<Webhook, Vec<Problem>>) -> Vec<String> {
    let problems = read.err().unwrap_or_default();
    let shown = problems
        .iter()
        .map(|problem| format!("{} {}", problem.field, problem.code));
    shown.collect()
}

/// A body with one member of these values is taken, or refused with this and nothing else.
#[track_caller]
fn check(name: &str, values: impl IntoIterator<Item = Value>, problem: &str) {
    let expected: Vec<&str> = Some(problem)
        .filter(|problem| !problem.is_empty())
        .into_iter()
        .collect();
    for value in values {
        assert_eq!(wrong(read(&with([(name, value.clone())]))), expected, "{name}: {value}");
    }
}

#[test]
fn a_good_body_is_read() {
    let body = with([("data", json!({"expires_at": "2027-02-02T02:40:00Z"}))]);
    let webhook = read(&body).unwrap();
    assert_eq!(webhook.event, LevelEvent::Approved);
    assert_eq!(webhook.event_id, "e-1");
    assert_eq!(webhook.ts, NOW);
    assert_eq!(webhook.player_external_id, "p-1");
    assert_eq!(webhook.level, 2);
    assert_eq!(webhook.expires_at, Some(NOW.plus_seconds(365 * 86_400)));
    assert_eq!(webhook.reason, None);
    assert_eq!(webhook.body, body);
}

#[test]
fn every_member_but_data_is_required() {
    for name in good().keys() {
        let mut body = good();
        body.remove(name);
        let expected = match name.as_str() {
            "data" => vec![],
            name => vec![format!("{name} required")],
        };
        assert_eq!(wrong(read(&Value::Object(body))), expected);
    }
}

#[test]
fn a_member_of_another_kind_is_refused() {
    for name in ["event", "event_id", "ts", "player_external_id"] {
        let values = [json!(null), json!(1), json!(true), json!(["kyc.approved"]), json!({})];
        check(name, values, &format!("{name} type"));
    }
    let values = [json!(null), json!("1"), json!(true), json!([1]), json!({})];
    check("level", values, "level type");
    check("data", [json!([]), json!("{}"), json!(0), json!(false)], "data type");
    check("data", [json!(null), json!({})], "");
}

#[test]
fn an_event_is_one_of_five() {
    for event in [
        "kyc.submitted",
        "kyc.approved",
        "kyc.rejected",
        "kyc.expired",
        "kyc.level_upgraded",
    ] {
        let webhook = read(&with([("event", json!(event))])).unwrap();
        assert_eq!(webhook.event.name(), event);
    }
    let unknown = ["", "approved", "KYC.APPROVED", "kyc.approved ", "kyc.required"];
    check("event", unknown.map(Value::from), "event enum");
}

#[test]
fn an_event_id_has_1_to_128_characters() {
    let fitting = ["x".repeat(128), "é".repeat(128), "😀".repeat(128), " ".to_owned()];
    check("event_id", fitting.map(Value::from), "");
    let wrong = [String::new(), "x".repeat(129), "é".repeat(129), "😀".repeat(129)];
    check("event_id", wrong.map(Value::from), "event_id pattern");
}

#[test]
fn an_external_id_has_1_to_255_characters_and_can_stand_in_a_path() {
    let fitting = ["x".repeat(255), "é".repeat(255), "😀".repeat(255)];
    check("player_external_id", fitting.map(Value::from), "");
    check(
        "player_external_id",
        ["...", ".a", "a/b", "a b", "%2e"].map(Value::from),
        "",
    );
    let long = ["x".repeat(256), "é".repeat(256), "😀".repeat(256)];
    check(
        "player_external_id",
        long.map(Value::from),
        "player_external_id pattern",
    );
    let wrong = [
        "", ".", "..", "a\n", "\0", "a\tb", "\u{1f}", "\u{7f}", "\u{85}", "\u{9f}",
    ];
    check(
        "player_external_id",
        wrong.map(Value::from),
        "player_external_id pattern",
    );
}

#[test]
fn a_level_is_an_integer_from_0_to_10() {
    for level in 0..=10_i64 {
        assert_eq!(read_level(&level.to_string()).unwrap().level, level);
    }
    for (text, problem) in [
        ("-1", "level range"),
        ("11", "level range"),
        ("9223372036854775807", "level range"),
        ("1.5", "level type"),
        // Whole, but not written as an integer.
        ("2.0", "level type"),
        ("1e0", "level type"),
        ("-0", "level type"),
        ("\"1\"", "level type"),
        // No number that we can hold: the whole body is refused.
        ("9223372036854775808", " number"),
        ("1e400", " number"),
        ("01", " syntax"),
    ] {
        assert_eq!(wrong(read_level(text)), [problem], "{text}");
    }
}

#[test]
fn all_that_is_wrong_is_named_at_once() {
    let every = [
        "event required",
        "event_id required",
        "player_external_id required",
        "ts required",
    ];
    assert_eq!(wrong(read(&json!({}))), [&every[..], &["level required"]].concat());
    let body = json!({
        "event": "kyc.approved",
        "event_id": "",
        "ts": "2026-02-02",
        "player_external_id": "..",
        "level": 11,
        "data": {"expires_at": "soon"},
    });
    let expected = [
        "event_id pattern",
        "player_external_id pattern",
        "ts pattern",
        "level range",
        "data.expires_at pattern",
    ];
    assert_eq!(wrong(read(&body)), expected);
    let body = json!({"event": "kyc.unknown", "event_id": 1, "ts": 1, "player_external_id": 1, "data": []});
    let expected = [
        "event enum",
        "event_id type",
        "player_external_id type",
        "ts type",
        "level required",
        "data type",
    ];
    assert_eq!(wrong(read(&body)), expected);
}

#[test]
fn what_is_wrong_is_told_without_the_content() {
    let body = with([("event_id", json!("secret".repeat(30))), ("level", json!("secret"))]);
    let problems = read(&body).unwrap_err();
    assert_eq!(problems.len(), 2);
    assert!(problems.iter().all(|problem| !problem.message.contains("secret")));
}

#[test]
fn a_body_is_one_json_object() {
    for (body, problem) in [
        (&b""[..], " syntax"),
        (b"{", " syntax"),
        (b"{}{}", " syntax"),
        (b"\xff", " utf8"),
        (b"null", " type"),
        (b"[]", " type"),
        (b"\"kyc.approved\"", " type"),
        (br#"{"event":"kyc.approved","event":"kyc.approved"}"#, " duplicate_key"),
        (br#"{"data":{"a":1,"\u0061":2}}"#, " duplicate_key"),
    ] {
        assert_eq!(wrong(Webhook::read(body, NOW)), [problem], "{body:?}");
    }
}

#[test]
fn a_body_nests_only_so_deep() {
    // The body and its `data` are two levels.
    let nested = |depth: usize| (2..depth).fold(json!(1), |inner, _| json!([inner]));
    let body = |depth: usize| with([("data", json!({ "a": nested(depth) }))]);
    assert_eq!(wrong(read(&body(JSON_DEPTH_MAX))), Vec::<String>::new());
    assert_eq!(wrong(read(&body(JSON_DEPTH_MAX + 1))), [" too_deep"]);
}
