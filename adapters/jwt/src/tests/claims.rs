//! Each claim: what it becomes, and what is refused.

use kyc_core::actor::{Actor, BrandScope};
use kyc_core::id::{CustomerId, CustomerKey};
use kyc_core::status::Session;
use kyc_ports::tokens::Tokens;
use serde_json::{Value, json};

use super::fixtures::{NOT_VALID, manager, now, token, verifier, verify, verify_text};
use crate::Algorithm;

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn customer() -> Value {
    let mut claims = with(manager(), "role", json!(9));
    claims["customer_id"] = json!(42);
    claims["brand"] = json!("acme");
    claims
}

fn actor(claims: &Value) -> Actor {
    verify(claims).unwrap().actor
}

fn refused(claims: &Value) {
    assert_eq!(verify(claims), Err(NOT_VALID), "{claims}");
}

fn only(names: &[&str]) -> BrandScope {
    BrandScope::Only(names.iter().map(|name| name.parse().unwrap()).collect())
}

#[test]
fn a_manager_sees_every_brand_unless_the_token_says_otherwise() {
    let everything = Actor {
        session: Session::Manager,
        subject: "alice".to_owned(),
        scope: BrandScope::All,
        customer: None,
    };
    assert_eq!(actor(&manager()), everything);
    // Null may be a list that got lost on the way: it opens nothing.
    refused(&with(manager(), "brands", Value::Null));
    assert_eq!(
        actor(&with(manager(), "brands", json!(["acme", "B-2"]))).scope,
        only(&["acme", "B-2"])
    );
    assert_eq!(actor(&with(manager(), "brands", json!([]))).scope, only(&[]));
}

#[test]
fn one_bad_brand_spoils_the_token() {
    for brands in [
        json!(["acme", ""]),
        json!(["a b"]),
        json!(["a".repeat(65)]),
        json!([1]),
        json!([null]),
        json!("acme"),
        json!({}),
    ] {
        refused(&with(manager(), "brands", brands.clone()));
        refused(&with(customer(), "brands", brands));
    }
    assert_eq!(
        actor(&with(manager(), "brands", json!(["a".repeat(64)]))).scope,
        only(&["a".repeat(64).as_str()])
    );
}

#[test]
fn every_session_but_the_servers_own_may_come_from_a_token() {
    for role in [0, 1, 2, 3, 5, 10, 11] {
        let actor = actor(&with(manager(), "role", json!(role)));
        assert_eq!(actor.session.number(), role);
        assert_eq!(actor.customer, None);
    }
    for role in [
        json!(4),
        json!(-1),
        json!(6),
        json!(8),
        json!(12),
        json!(i64::MAX),
        json!(u64::MAX),
    ] {
        refused(&with(manager(), "role", role));
    }
    for role in [
        json!(1.0),
        json!(1.5),
        json!("1"),
        json!("SESSION_MANAGER"),
        json!(true),
        json!([1]),
        Value::Null,
    ] {
        refused(&with(manager(), "role", role));
    }
    refused(&without(manager(), "role"));
}

#[test]
fn a_subject_is_1_to_255_characters_without_control_characters() {
    for subject in [
        "a".to_owned(),
        "é".repeat(255),
        "Zoë O'Neil <zoe@example.com>".to_owned(),
    ] {
        assert_eq!(actor(&with(manager(), "sub", json!(subject))).subject, subject);
    }
    for subject in ["", "é".repeat(256).as_str(), "a\nb", "a\u{0}", "\u{7f}", "\u{85}"] {
        refused(&with(manager(), "sub", json!(subject)));
    }
    for subject in [json!(1), Value::Null, json!(["alice"]), json!({ "name": "alice" })] {
        refused(&with(manager(), "sub", subject));
    }
    refused(&without(manager(), "sub"));
}

#[test]
fn a_customer_sees_its_own_brand_only() {
    let key = CustomerKey {
        brand: "acme".parse().unwrap(),
        customer_id: CustomerId(42),
    };
    let expected = Actor {
        session: Session::Customer,
        subject: "alice".to_owned(),
        scope: only(&["acme"]),
        customer: Some(key),
    };
    assert_eq!(actor(&customer()), expected);
    assert_eq!(actor(&with(customer(), "brands", json!(["other", "acme"]))), expected);
    refused(&with(customer(), "brands", json!(["other"])));
    refused(&with(customer(), "brands", json!([])));
}

#[test]
fn a_customer_needs_a_number_and_a_brand() {
    for name in ["customer_id", "brand"] {
        refused(&without(customer(), name));
        refused(&with(customer(), name, Value::Null));
        refused(&with(customer(), name, json!(true)));
        refused(&with(customer(), name, json!("")));
    }
    for number in [1, 9_007_199_254_740_991_i64] {
        assert_eq!(
            actor(&with(customer(), "customer_id", json!(number)))
                .customer
                .unwrap()
                .customer_id
                .0,
            number
        );
    }
    for number in [
        json!(0),
        json!(-1),
        json!(9_007_199_254_740_992_i64),
        json!(42.0),
        json!("42"),
    ] {
        refused(&with(customer(), "customer_id", number));
    }
}

#[test]
fn only_a_customers_token_speaks_for_a_customer() {
    assert_eq!(actor(&with(customer(), "role", json!(1))).customer, None);
    assert_eq!(actor(&with(customer(), "role", json!(1))).scope, BrandScope::All);
}

#[test]
fn a_payload_is_one_json_object_without_repeated_claims() {
    for payload in [
        "",
        "null",
        "[]",
        "\"alice\"",
        r#"["alice",1,null,null,null,1900000000,null,null]"#,
        r#"["alice",1,null,null,null]"#,
        r#"{"sub":"alice","role":1,"exp":1900000000"#,
        r#"{"sub":"alice","role":1,"exp":1900000000} {}"#,
        r#"{"sub":"alice","role":1,"role":3,"exp":1900000000}"#,
        r#"{"sub":"alice","role":1,"exp":1,"exp":1900000000}"#,
    ] {
        assert_eq!(verify_text(payload), Err(NOT_VALID), "{payload}");
    }
    assert!(verify_text(r#"{"sub":"alice","role":1,"exp":1900000000,"iat":1,"jti":"x","scope":"all"}"#).is_ok());
}

#[test]
fn a_configured_issuer_is_required() {
    let ours = |claims: &Value| {
        let verifier = verifier(Algorithm::EdDsa).issuer("https://id.example".to_owned());
        verifier.verify(&token(Algorithm::EdDsa, claims), now())
    };
    assert!(ours(&with(manager(), "iss", json!("https://id.example"))).is_ok());
    assert_eq!(ours(&manager()), Err(NOT_VALID));
    for issuer in [
        json!("https://id.example/"),
        json!(""),
        json!(1),
        Value::Null,
        json!(["https://id.example"]),
    ] {
        assert_eq!(
            ours(&with(manager(), "iss", issuer.clone())),
            Err(NOT_VALID),
            "{issuer}"
        );
    }
    assert!(verify(&with(manager(), "iss", json!("anybody"))).is_ok());
    refused(&with(manager(), "iss", json!(1)));
}

#[test]
fn a_configured_audience_is_required() {
    let ours = |claims: &Value| {
        let verifier = verifier(Algorithm::EdDsa).audience("kyc".to_owned());
        verifier.verify(&token(Algorithm::EdDsa, claims), now())
    };
    for audience in [json!("kyc"), json!(["kyc"]), json!(["other", "kyc"])] {
        assert!(ours(&with(manager(), "aud", audience.clone())).is_ok(), "{audience}");
    }
    assert_eq!(ours(&manager()), Err(NOT_VALID));
    for audience in [
        json!("KYC"),
        json!(""),
        json!([]),
        json!(["other"]),
        json!(1),
        json!(["kyc", 1]),
        Value::Null,
        json!({ "kyc": 1 }),
    ] {
        assert_eq!(
            ours(&with(manager(), "aud", audience.clone())),
            Err(NOT_VALID),
            "{audience}"
        );
    }
    assert!(verify(&with(manager(), "aud", json!("anybody"))).is_ok());
}

#[test]
fn issuer_and_audience_are_both_required_when_both_are_configured() {
    let ours = |claims: &Value| {
        let verifier = verifier(Algorithm::Hs256)
            .issuer("id".to_owned())
            .audience("kyc".to_owned());
        verifier.verify(&token(Algorithm::Hs256, claims), now()).is_ok()
    };
    let issued = with(manager(), "iss", json!("id"));
    let meant = with(manager(), "aud", json!("kyc"));
    assert_eq!((ours(&issued), ours(&meant)), (false, false));
    assert!(ours(&with(issued, "aud", json!("kyc"))));
}
