//! Forgeries, for each algorithm.

use jsonwebtoken::EncodingKey;
use kyc_ports::tokens::Tokens;
use serde_json::json;

use super::fixtures::{
    ALL, NOT_VALID, SECRET, ed25519, encoded, header, manager, now, signed, signing_key, token, verifier,
};
use crate::{Algorithm, TOKEN_BYTES_MAX};

#[test]
fn a_genuine_token_is_accepted() {
    for algorithm in ALL {
        let verified = verifier(algorithm)
            .verify(&token(algorithm, &manager()), now())
            .unwrap();
        assert_eq!(verified.actor.subject, "alice", "{algorithm}");
        assert_eq!(verified.expires, now().plus_seconds(3_600), "{algorithm}");
    }
}

#[test]
fn what_is_not_a_token_is_refused() {
    for algorithm in ALL {
        let genuine = token(algorithm, &manager());
        let (message, signature) = genuine.rsplit_once('.').unwrap();
        let (head, payload) = message.split_once('.').unwrap();
        for garbage in [
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
            "alice".to_owned(),
            "a.b.c".to_owned(),
            "\u{0}\u{fffd}.é.🂡".to_owned(),
            message.to_owned(),
            format!("{message}."),
            format!("{genuine}."),
            format!("{genuine}.{signature}"),
            format!("{genuine}="),
            format!("{genuine}\n"),
            format!(" {genuine}"),
            format!("Bearer {genuine}"),
            format!("{payload}.{head}.{signature}"),
            format!("{head}..{signature}"),
            format!(".{payload}.{signature}"),
            format!("{message}.{}", &signature[1..]),
        ] {
            assert_eq!(
                verifier(algorithm).verify(&garbage, now()),
                Err(NOT_VALID),
                "{algorithm}: `{garbage}`"
            );
        }
    }
}

#[test]
fn no_other_algorithm_is_accepted() {
    for ours in ALL {
        for theirs in ALL.into_iter().filter(|theirs| *theirs != ours) {
            let foreign = token(theirs, &manager());
            assert_eq!(
                verifier(ours).verify(&foreign, now()),
                Err(NOT_VALID),
                "{theirs} to {ours}"
            );
            let renamed = signed(&header(ours), &manager().to_string(), &signing_key(theirs), theirs);
            assert_eq!(
                verifier(ours).verify(&renamed, now()),
                Err(NOT_VALID),
                "{theirs} called {ours}"
            );
        }
    }
}

#[test]
fn none_and_unsigned_tokens_are_refused() {
    for algorithm in ALL {
        for name in [
            "none", "None", "NONE", "nOnE", "", "HS384", "RS512", "PS256", "ES384", "eddsa",
        ] {
            let message = format!(
                "{}.{}",
                encoded(&json!({ "alg": name }).to_string()),
                encoded(&manager().to_string())
            );
            let genuine = token(algorithm, &manager());
            let signature = genuine.rsplit_once('.').unwrap().1;
            for forged in [format!("{message}."), format!("{message}.{signature}")] {
                assert_eq!(
                    verifier(algorithm).verify(&forged, now()),
                    Err(NOT_VALID),
                    "{algorithm}: {name}"
                );
            }
        }
        let unsigned = format!("{}.{}.", encoded(&header(algorithm)), encoded(&manager().to_string()));
        assert_eq!(
            verifier(algorithm).verify(&unsigned, now()),
            Err(NOT_VALID),
            "{algorithm}"
        );
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let pem = ed25519().public_pem;
    for secret in [pem.as_str(), pem.trim(), ""] {
        let key = EncodingKey::from_secret(secret.as_bytes());
        for name in [Algorithm::Hs256, Algorithm::EdDsa] {
            let forged = signed(&header(name), &manager().to_string(), &key, Algorithm::Hs256);
            assert_eq!(verifier(Algorithm::EdDsa).verify(&forged, now()), Err(NOT_VALID));
        }
    }
}

#[test]
fn another_key_of_the_same_algorithm_is_refused() {
    let other = crate::keys::private_ed25519(&crate::new_ed25519_key([8; 32]).private_pem).unwrap();
    let forged = signed(
        &header(Algorithm::EdDsa),
        &manager().to_string(),
        &other,
        Algorithm::EdDsa,
    );
    assert_eq!(verifier(Algorithm::EdDsa).verify(&forged, now()), Err(NOT_VALID));

    let other = EncodingKey::from_secret(&[SECRET, b"!"].concat());
    let forged = signed(
        &header(Algorithm::Hs256),
        &manager().to_string(),
        &other,
        Algorithm::Hs256,
    );
    assert_eq!(verifier(Algorithm::Hs256).verify(&forged, now()), Err(NOT_VALID));
}

#[test]
fn a_changed_payload_header_or_signature_is_refused() {
    for algorithm in ALL {
        let genuine = token(algorithm, &manager());
        let (head, rest) = genuine.split_once('.').unwrap();
        let (payload, signature) = rest.split_once('.').unwrap();
        let mut raised = manager();
        raised["role"] = json!(3);
        let zeros = "A".repeat(signature.len());
        for forged in [
            format!("{head}.{}.{signature}", encoded(&raised.to_string())),
            format!(
                "{}.{payload}.{signature}",
                encoded(&json!({ "alg": algorithm.name(), "typ": "jwt" }).to_string())
            ),
            format!("{head}.{payload}.{zeros}"),
        ] {
            assert_eq!(
                verifier(algorithm).verify(&forged, now()),
                Err(NOT_VALID),
                "{algorithm}"
            );
        }
    }
}

#[test]
fn a_header_that_demands_an_extension_is_refused() {
    for algorithm in ALL {
        for crit in [json!(["b64"]), json!(["exp"]), json!([])] {
            let header = json!({ "alg": algorithm.name(), "crit": crit, "b64": true }).to_string();
            let token = signed(&header, &manager().to_string(), &signing_key(algorithm), algorithm);
            assert_eq!(
                verifier(algorithm).verify(&token, now()),
                Err(NOT_VALID),
                "{algorithm}: {crit}"
            );
        }
    }
}

#[test]
fn a_key_in_the_header_is_not_used() {
    let attacker = crate::keys::private_ed25519(&crate::new_ed25519_key([8; 32]).private_pem).unwrap();
    let jwk = super::fixtures::jwk(&attacker, Algorithm::EdDsa, &json!({ "kid": "mine" }));
    let header = json!({ "alg": "EdDSA", "jwk": jwk, "kid": "mine", "jku": "https://example.com/keys" }).to_string();
    let forged = signed(&header, &manager().to_string(), &attacker, Algorithm::EdDsa);
    assert_eq!(verifier(Algorithm::EdDsa).verify(&forged, now()), Err(NOT_VALID));
}

#[test]
fn a_header_that_names_the_algorithm_twice_is_refused() {
    let header = r#"{"alg":"none","alg":"EdDSA"}"#;
    let token = signed(
        header,
        &manager().to_string(),
        &signing_key(Algorithm::EdDsa),
        Algorithm::EdDsa,
    );
    assert_eq!(verifier(Algorithm::EdDsa).verify(&token, now()), Err(NOT_VALID));
}

#[test]
fn a_token_is_at_most_8_kib_long() {
    // Members that nobody knows are ignored, so padding in header and payload gives every length.
    let padded = |head: usize, body: usize| {
        let header = json!({ "alg": "EdDSA", "pad": "x".repeat(head) }).to_string();
        let mut claims = manager();
        claims["pad"] = json!("x".repeat(body));
        signed(
            &header,
            &claims.to_string(),
            &signing_key(Algorithm::EdDsa),
            Algorithm::EdDsa,
        )
    };
    let of_length = |length: usize| {
        let paddings = (5_950..6_050).flat_map(|head| (0..3).map(move |body| (head, body)));
        paddings
            .map(|(head, body)| padded(head, body))
            .find(|token| token.len() == length)
            .unwrap()
    };
    let longest = of_length(TOKEN_BYTES_MAX);
    assert!(verifier(Algorithm::EdDsa).verify(&longest, now()).is_ok());

    let too_long = of_length(TOKEN_BYTES_MAX + 1);
    assert_eq!(verifier(Algorithm::EdDsa).verify(&too_long, now()), Err(NOT_VALID));
    assert_eq!(
        verifier(Algorithm::EdDsa).verify(&"a.".repeat(1_000_000), now()),
        Err(NOT_VALID)
    );
}

#[test]
fn names_are_read_as_they_are_written() {
    for algorithm in ALL {
        assert_eq!(algorithm.name().parse(), Ok(algorithm));
    }
    for name in ["none", "eddsa", "EDDSA", "hs256", "RS384", "", " EdDSA"] {
        assert!(name.parse::<Algorithm>().is_err(), "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".*") {
        proptest::prop_assert_eq!(verifier(Algorithm::EdDsa).verify(&text, now()), Err(NOT_VALID));
    }

    #[test]
    fn no_changed_byte_is_accepted(at in 0_usize..200, byte in 0_u8..128) {
        let mut bytes = token(Algorithm::EdDsa, &manager()).into_bytes();
        let at = at % bytes.len();
        proptest::prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        proptest::prop_assert_eq!(verifier(Algorithm::EdDsa).verify(&changed, now()), Err(NOT_VALID));
    }
}
