//! The members of `data` that an event gives a meaning, and only that event.

use super::*;

/// A body with one member of `data` of these values is taken, or refused with this and nothing else.
#[track_caller]
fn check_data(event: &str, name: &str, values: impl IntoIterator<Item = Value>, problem: &str) {
    let expected: Vec<&str> = Some(problem)
        .filter(|problem| !problem.is_empty())
        .into_iter()
        .collect();
    for value in values {
        let body = with([("event", json!(event)), ("data", json!({ name: value }))]);
        assert_eq!(wrong(read(&body)), expected, "{body}");
    }
}

#[test]
fn documents_are_a_list_of_strings() {
    let fitting = [json!(null), json!([]), json!(["passport", ""])];
    check_data("kyc.submitted", "documents", fitting, "");
    let wrong = [
        json!("passport"),
        json!({}),
        json!(1),
        json!(["passport", 1]),
        json!([null]),
    ];
    check_data("kyc.submitted", "documents", wrong.clone(), "data.documents type");
    check_data("kyc.expired", "documents", wrong, "");
}

#[test]
fn an_end_is_a_time() {
    let fitting = [
        json!(null),
        json!("2026-02-02T02:40:00Z"),
        json!("1999-12-31T23:59:59+01:00"),
    ];
    check_data("kyc.approved", "expires_at", fitting, "");
    let wrong = [
        json!("tomorrow"),
        json!(""),
        json!("2026-02-02"),
        json!(1_770_000_000),
        json!([]),
    ];
    check_data("kyc.approved", "expires_at", wrong.clone(), "data.expires_at pattern");
    check_data("kyc.rejected", "expires_at", wrong, "");
}

#[test]
fn an_end_belongs_to_an_approval_only() {
    for event in ["kyc.submitted", "kyc.rejected", "kyc.expired", "kyc.level_upgraded"] {
        let data = json!({"expires_at": "2027-02-02T02:40:00Z"});
        let webhook = read(&with([("event", json!(event)), ("data", data)])).unwrap();
        assert_eq!(webhook.expires_at, None, "{event}");
    }
}

#[test]
fn a_reason_is_a_text_of_which_2000_characters_are_shown() {
    let fitting = [
        json!(null),
        json!(""),
        json!("blurred\nphoto"),
        json!("é".repeat(2_001)),
    ];
    check_data("kyc.rejected", "reason", fitting, "");
    let wrong = [json!(1), json!(["blurred"]), json!({})];
    check_data("kyc.rejected", "reason", wrong.clone(), "data.reason type");
    check_data("kyc.approved", "reason", wrong, "");
    let rejected = |data: Value| read(&with([("event", json!("kyc.rejected")), ("data", data)])).unwrap();
    assert_eq!(
        rejected(json!({"reason": "blurred"})).reason.as_deref(),
        Some("blurred")
    );
    assert_eq!(rejected(json!({})).reason, None);
    let long = rejected(json!({"reason": "é".repeat(2_001)}));
    assert_eq!(long.reason, Some("é".repeat(2_000)));
    assert_eq!(long.kept_data(), Some(json!({"reason": "é".repeat(2_000)})));
    assert_eq!(long.body["data"]["reason"], "é".repeat(2_001));
}
