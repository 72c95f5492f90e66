//! When a token begins and ends: at the microsecond, without leeway, and never by the clock.

use kyc_core::time::Time;
use kyc_ports::tokens::{BadToken, Tokens, Verified};
use serde_json::{Value, json};

use super::fixtures::{ALL, EXPIRED, NOT_VALID, NOT_YET, NOW, token, verifier, verify, verify_text};
use crate::Algorithm;

const LAST: i64 = 253_402_300_799;

fn at(now: Time, exp: &Value, nbf: &Value) -> Result<Verified, BadToken> {
    let claims = json!({ "sub": "alice", "role": 1, "exp": exp, "nbf": nbf });
    verifier(Algorithm::EdDsa).verify(&token(Algorithm::EdDsa, &claims), now)
}

#[test]
fn a_token_ends_exactly_at_exp() {
    for algorithm in ALL {
        let token = token(algorithm, &json!({ "sub": "alice", "role": 1, "exp": NOW }));
        let verifier = verifier(algorithm);
        assert_eq!(
            verifier.verify(&token, Time(NOW * 1_000_000 - 1)).unwrap().expires,
            Time::from_seconds(NOW)
        );
        assert_eq!(
            verifier.verify(&token, Time::from_seconds(NOW)),
            Err(EXPIRED),
            "{algorithm}"
        );
        assert_eq!(
            verifier.verify(&token, Time::from_seconds(LAST)),
            Err(EXPIRED),
            "{algorithm}"
        );
    }
}

#[test]
fn a_token_begins_exactly_at_nbf() {
    let (exp, nbf) = (json!(NOW + 60), json!(NOW));
    assert_eq!(at(Time(NOW * 1_000_000 - 1), &exp, &nbf), Err(NOT_YET));
    assert!(at(Time::from_seconds(NOW), &exp, &nbf).is_ok());
    assert!(at(Time::from_seconds(0), &exp, &Value::Null).is_ok());
}

#[test]
fn a_time_may_have_a_fraction() {
    let half = Time(NOW * 1_000_000 + 500_000);
    let end = json!(1_800_000_000.5);
    assert_eq!(at(Time(half.0 - 1), &end, &Value::Null).unwrap().expires, half);
    assert_eq!(at(half, &end, &Value::Null), Err(EXPIRED));
    assert_eq!(at(Time(half.0 - 1), &json!(LAST), &end), Err(NOT_YET));
    assert!(at(half, &json!(LAST), &end).is_ok());
    assert_eq!(
        verify_text(r#"{"sub":"a","role":1,"exp":19e8}"#).unwrap().expires,
        Time::from_seconds(1_900_000_000)
    );
}

#[test]
fn exp_is_required_and_lies_before_the_year_10000() {
    for exp in [
        "-1",
        "-0.5",
        "1e300",
        "1e999",
        "253402300800",
        "253402300799.5",
        "9223372036854775807",
        "18446744073709551616",
    ] {
        let payload = format!(r#"{{"sub":"a","role":1,"exp":{exp}}}"#);
        assert_eq!(verify_text(&payload), Err(NOT_VALID), "{exp}");
    }
    for exp in [json!("1900000000"), json!(true), json!([]), json!({}), Value::Null] {
        assert_eq!(
            verify(&json!({ "sub": "a", "role": 1, "exp": exp })),
            Err(NOT_VALID),
            "{exp}"
        );
    }
    assert_eq!(verify(&json!({ "sub": "a", "role": 1 })), Err(NOT_VALID));
    assert_eq!(
        verify(&json!({ "sub": "a", "role": 1, "exp": LAST })).unwrap().expires,
        Time::from_seconds(LAST)
    );
    assert_eq!(verify(&json!({ "sub": "a", "role": 1, "exp": 0 })), Err(EXPIRED));
}

#[test]
fn nbf_must_be_a_time_too() {
    for nbf in [json!(-1), json!(LAST + 1), json!("0"), json!(false)] {
        assert_eq!(at(Time::from_seconds(NOW), &json!(LAST), &nbf), Err(NOT_VALID), "{nbf}");
    }
}

#[test]
fn an_expired_token_with_bad_claims_is_merely_not_valid() {
    assert_eq!(verify(&json!({ "sub": "", "role": 1, "exp": 1 })), Err(NOT_VALID));
}
