//! Minted tokens are accepted, and what would not be is not minted.

use kyc_core::actor::BrandScope;
use kyc_core::status::Session;
use kyc_ports::tokens::Tokens;
use proptest::prelude::*;

use super::fixtures::{NOW, SECRET, ed25519, now, verifier};
use crate::{Algorithm, Claims, MintError, Minter, TOKEN_BYTES_MAX, Verifier};

fn manager() -> Claims {
    Claims {
        sub: "alice".to_owned(),
        role: 1,
        brands: None,
        customer_id: None,
        brand: None,
        exp: NOW + 60,
        iss: None,
        aud: None,
    }
}

fn minter() -> Minter {
    Minter::ed25519(&ed25519().private_pem).unwrap()
}

fn refusal(claims: &Claims) -> String {
    minter().mint(claims).unwrap_err().to_string()
}

#[test]
fn a_minted_token_is_accepted() {
    for (minter, algorithm) in [
        (minter(), Algorithm::EdDsa),
        (Minter::shared_secret(SECRET).unwrap(), Algorithm::Hs256),
    ] {
        let token = minter.mint(&manager()).unwrap();
        let verified = verifier(algorithm).verify(&token, now()).unwrap();
        assert_eq!(
            (verified.actor.session, verified.actor.scope),
            (Session::Manager, BrandScope::All)
        );
        assert_eq!(verified.expires, now().plus_seconds(60));
    }
}

#[test]
fn issuer_and_audience_stand_in_the_token() {
    let claims = Claims {
        iss: Some("kycd".to_owned()),
        aud: Some("kyc".to_owned()),
        ..manager()
    };
    let strict = Verifier::ed25519_public(&ed25519().public_pem).unwrap();
    let strict = strict.issuer("kycd".to_owned()).audience("kyc".to_owned());
    assert!(strict.verify(&minter().mint(&claims).unwrap(), now()).is_ok());
    assert!(strict.verify(&minter().mint(&manager()).unwrap(), now()).is_err());
}

#[test]
fn a_customers_token_speaks_for_the_customer() {
    let claims = Claims {
        role: 9,
        customer_id: Some(42),
        brand: Some("acme".to_owned()),
        ..manager()
    };
    let actor = verifier(Algorithm::EdDsa)
        .verify(&minter().mint(&claims).unwrap(), now())
        .unwrap()
        .actor;
    assert_eq!(actor.customer.unwrap().customer_id.0, 42);
    assert_eq!(actor.scope, BrandScope::Only(vec!["acme".parse().unwrap()]));
}

#[test]
fn bad_claims_are_named() {
    for (claims, expected) in [
        (
            Claims {
                sub: String::new(),
                ..manager()
            },
            "`sub` must be 1 to 255 characters, none of them control characters",
        ),
        (Claims { role: 7, ..manager() }, "`role` must be a known session value"),
        (
            Claims { role: 4, ..manager() },
            "`role` must not be 4, which is the server's own",
        ),
        (
            Claims { role: 9, ..manager() },
            "a customer's token needs `customer_id` and `brand`",
        ),
        (
            Claims { exp: -1, ..manager() },
            "`exp` must be Unix seconds up to the end of the year 9999",
        ),
        (
            Claims {
                exp: 253_402_300_800,
                ..manager()
            },
            "`exp` must be Unix seconds up to the end of the year 9999",
        ),
        (
            Claims {
                brands: Some(vec!["a b".to_owned()]),
                ..manager()
            },
            "each of `brands` must be 1 to 64 of `A-Z a-z 0-9 _ . -`",
        ),
    ] {
        assert_eq!(refusal(&claims), expected);
    }
}

#[test]
fn a_token_that_nobody_would_read_is_not_minted() {
    let named = |count: usize| Claims {
        brands: Some(vec!["a".repeat(64); count]),
        ..manager()
    };
    let longest = (1..200).find(|count| minter().mint(&named(*count)).is_err()).unwrap() - 1;
    let token = minter().mint(&named(longest)).unwrap();
    assert!(token.len() <= TOKEN_BYTES_MAX);
    assert!(verifier(Algorithm::EdDsa).verify(&token, now()).is_ok());
    assert!(matches!(minter().mint(&named(longest + 1)), Err(MintError::TooLong { bytes }) if bytes > TOKEN_BYTES_MAX));
}

proptest! {
    #[test]
    fn what_is_minted_is_accepted_and_says_the_same(
        sub in any::<String>(),
        role in 0_i64..13,
        brands in proptest::option::of(proptest::collection::vec("[a-c]{0,2}", 0..4)),
        customer_id in proptest::option::of(-1_i64..5),
        brand in proptest::option::of("[a-c ]{0,2}"),
        seconds in 1_i64..1_000_000,
    ) {
        let claims = Claims { sub, role, brands, customer_id, brand, exp: NOW + seconds, ..manager() };
        if let Ok(token) = minter().mint(&claims) {
            let verified = verifier(Algorithm::EdDsa).verify(&token, now()).unwrap();
            prop_assert_eq!(verified.expires, now().plus_seconds(seconds));
            prop_assert_eq!(verified.actor.subject, claims.sub);
            prop_assert_eq!(verified.actor.session.number(), claims.role);
            prop_assert_eq!(verified.actor.customer.is_some(), claims.role == 9);
        }
    }
}
