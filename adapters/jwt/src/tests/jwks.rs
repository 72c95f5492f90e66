//! Files with several keys: which one is chosen, which are ignored, which stop the start.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kyc_ports::tokens::Tokens;
use serde_json::{Value, json};

use super::fixtures::{ALL, NOT_VALID, SECRET, jwk, jwks, manager, now, other_ec_key, signed, signing_key, token};
use crate::{Algorithm, KeyError, Verifier};

fn first(members: &Value) -> Value {
    jwk(&signing_key(Algorithm::Es256), Algorithm::Es256, members)
}

fn second(members: &Value) -> Value {
    jwk(&other_ec_key(), Algorithm::Es256, members)
}

fn load(keys: &[Value], algorithm: Algorithm) -> Result<Verifier, KeyError> {
    Verifier::jwks(&jwks(keys), algorithm)
}

fn problem(key: Value, algorithm: Algorithm) -> String {
    load(&[key], algorithm).unwrap_err().to_string()
}

/// A token signed with the first key.
fn with_kid(kid: &Value) -> String {
    let header = json!({ "alg": "ES256", "kid": kid }).to_string();
    signed(
        &header,
        &manager().to_string(),
        &signing_key(Algorithm::Es256),
        Algorithm::Es256,
    )
}

#[test]
fn the_kid_chooses_the_key() {
    let verifier = load(
        &[second(&json!({ "kid": "b" })), first(&json!({ "kid": "a" }))],
        Algorithm::Es256,
    )
    .unwrap();
    assert!(verifier.verify(&with_kid(&json!("a")), now()).is_ok());
    for kid in [json!("b"), json!("c"), json!(""), json!("A"), json!(1), Value::Null] {
        assert_eq!(verifier.verify(&with_kid(&kid), now()), Err(NOT_VALID), "{kid}");
    }
}

#[test]
fn without_a_kid_exactly_one_key_must_fit() {
    let token = token(Algorithm::Es256, &manager());
    for key in [first(&json!({})), first(&json!({ "kid": "a" }))] {
        assert!(load(&[key], Algorithm::Es256).unwrap().verify(&token, now()).is_ok());
    }
    let two = load(&[first(&json!({})), second(&json!({}))], Algorithm::Es256).unwrap();
    assert_eq!(two.verify(&token, now()), Err(NOT_VALID));
    let nameless = load(&[first(&json!({}))], Algorithm::Es256).unwrap();
    assert_eq!(nameless.verify(&with_kid(&json!("a")), now()), Err(NOT_VALID));
}

#[test]
fn a_file_serves_every_algorithm_and_each_takes_its_own_keys() {
    let secret = URL_SAFE_NO_PAD.encode(SECRET);
    let keys = [
        jwk(
            &signing_key(Algorithm::EdDsa),
            Algorithm::EdDsa,
            &json!({ "use": "sig" }),
        ),
        json!({ "kty": "oct", "k": secret }),
        jwk(
            &signing_key(Algorithm::Rs256),
            Algorithm::Rs256,
            &json!({ "key_ops": ["verify"] }),
        ),
        first(&json!({})),
    ];
    for algorithm in ALL {
        let verifier = load(&keys, algorithm).unwrap();
        for other in ALL {
            let accepted = verifier.verify(&token(other, &manager()), now()).is_ok();
            assert_eq!(accepted, other == algorithm, "{other} to {algorithm}");
        }
    }
}

#[test]
fn keys_for_something_else_are_ignored() {
    let ignored = [
        second(&json!({ "use": "enc" })),
        second(&json!({ "key_ops": ["sign"] })),
        second(&json!({ "alg": "ES384" })),
        second(&json!({ "alg": "ECDH-ES" })),
        second(&json!({ "crv": "P-384" })),
        second(&json!({ "crv": "secp256k1" })),
        json!({ "kty": "OKP", "crv": "X25519", "x": "AAAA" }),
        json!({ "kty": "future", "data": [1, 2] }),
    ];
    for key in &ignored {
        assert_eq!(
            load(std::slice::from_ref(key), Algorithm::Es256).unwrap_err(),
            KeyError::NoKey(Algorithm::Es256),
            "{key}"
        );
    }
    let verifier = load(
        &[&ignored[..], &[first(&json!({ "alg": "ES256" }))]].concat(),
        Algorithm::Es256,
    )
    .unwrap();
    assert!(verifier.verify(&token(Algorithm::Es256, &manager()), now()).is_ok());
}

#[test]
fn what_is_no_key_file_is_refused() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"keys":1}"#,
        r#"{"keys":[1]}"#,
        "-----BEGIN PUBLIC KEY-----",
    ] {
        assert!(
            matches!(Verifier::jwks(text, Algorithm::Es256), Err(KeyError::Jwks { .. })),
            "{text}"
        );
    }
    assert_eq!(
        load(&[], Algorithm::Rs256).unwrap_err().to_string(),
        "the key file has no RS256 key for checking signatures"
    );
}

#[test]
fn a_malformed_key_that_would_fit_stops_the_start() {
    let zeros = URL_SAFE_NO_PAD.encode([0; 32]);
    assert_eq!(
        problem(first(&json!({ "kid": "a", "x": zeros, "y": zeros })), Algorithm::Es256),
        "the ES256 key `a` of the key file is not a point of P-256"
    );
    let ed25519 = |x: &[u8]| json!({ "kty": "OKP", "crv": "Ed25519", "kid": "e", "x": URL_SAFE_NO_PAD.encode(x) });
    for (x, expected) in [
        (&[][..], "must have 32 bytes in `x`"),
        (&[9; 31], "must have 32 bytes in `x`"),
        (&[9; 33], "must have 32 bytes in `x`"),
        (&[2; 32], "is not a point of Ed25519"),
        (&[0; 32], "is a weak one; make a new pair of keys"),
    ] {
        assert_eq!(
            problem(ed25519(x), Algorithm::EdDsa),
            format!("the EdDSA key `e` of the key file {expected}")
        );
    }
    let padded = json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA==" });
    assert_eq!(
        problem(padded, Algorithm::EdDsa),
        "the EdDSA key `` of the key file is not valid base64url without padding"
    );
}

#[test]
fn a_secret_in_a_file_has_at_least_32_bytes() {
    let secret = |bytes: &[u8]| json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(bytes) });
    assert!(load(&[secret(&[1; 32])], Algorithm::Hs256).is_ok());
    assert!(problem(secret(&[1; 31]), Algorithm::Hs256).ends_with("must have at least 32 bytes in `k`"));
}

#[test]
fn a_kid_stands_in_the_file_once() {
    let long = "k".repeat(65);
    let twice = [first(&json!({ "kid": long })), second(&json!({ "kid": long }))];
    let expected = format!(
        "the ES256 key `{}` of the key file stands there twice; every `kid` must be used once",
        "k".repeat(64)
    );
    assert_eq!(load(&twice, Algorithm::Es256).unwrap_err().to_string(), expected);
    let other_algorithm = jwk(
        &signing_key(Algorithm::Rs256),
        Algorithm::Rs256,
        &json!({ "kid": long }),
    );
    assert!(load(&[first(&json!({ "kid": long })), other_algorithm], Algorithm::Es256).is_ok());
}

#[test]
fn an_rsa_modulus_has_2048_to_4096_bits() {
    let rsa =
        |n: &[u8], e: &[u8]| json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e) });
    let modulus = |first: u8, bytes: usize| [&[first][..], &vec![0xff; bytes - 1]].concat();
    let e = [1, 0, 1];
    for n in [
        modulus(0x80, 256),
        modulus(0xff, 512),
        [&[0, 0][..], &modulus(0x80, 256)].concat(),
    ] {
        assert!(load(&[rsa(&n, &e)], Algorithm::Rs256).is_ok());
    }
    for n in [
        modulus(0x7f, 256),
        modulus(0xff, 128),
        modulus(1, 513),
        vec![0; 300],
        vec![],
    ] {
        assert!(problem(rsa(&n, &e), Algorithm::Rs256).ends_with("must have a modulus of 2048 to 4096 bits"));
    }
    let n = modulus(0x80, 256);
    for e in [&[3][..], &[1, 0xff, 0xff, 0xff, 0xff]] {
        assert!(load(&[rsa(&n, e)], Algorithm::Rs256).is_ok(), "{e:?}");
    }
    for e in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[2, 0, 0, 0, 1]] {
        assert!(
            problem(rsa(&n, e), Algorithm::Rs256).contains("no RSA key has"),
            "{e:?}"
        );
    }
    let even = [&n[..255], &[0xfe]].concat();
    assert!(problem(rsa(&even, &[1, 0, 1]), Algorithm::Rs256).contains("no RSA key has"));
}
