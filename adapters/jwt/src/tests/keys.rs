//! Keys from text: PEM files, secrets, new pairs.

use kyc_ports::tokens::Tokens;

use super::fixtures::{ed25519, manager, now, signed};
use crate::{Algorithm, KeyError, Minter, Verifier, new_ed25519_key};

/// A pair as other tools write it.
const FOREIGN_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIKcDM3BVVgMKxFH9I8AG3/RMfjUgZpBFgwfJacnyR+wS\n\
    -----END PRIVATE KEY-----\n";
const FOREIGN_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAUkx8lyzym9OddaLERBGzuyfIRTf2y17/cN230kWffm4=\n\
    -----END PUBLIC KEY-----\n";
/// A P-256 key.
const EC_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEixlJ8Jot5wG0du7zhp4nLGqhm6Q5\nhoY1pGvcpxSd+k9Dksg643mF76GL3GA6BKzuNUQGJt6O8TtWMPr9AXvHow==\n-----END PUBLIC KEY-----\n";

#[test]
fn a_new_pair_belongs_together_and_depends_on_the_seed_alone() {
    let pair = new_ed25519_key([1; 32]);
    assert_eq!(pair, new_ed25519_key([1; 32]));
    assert_ne!(pair.public_pem, new_ed25519_key([2; 32]).public_pem);
    let key = crate::keys::private_ed25519(&pair.private_pem).unwrap();
    let token = signed(
        &super::fixtures::header(Algorithm::EdDsa),
        &manager().to_string(),
        &key,
        Algorithm::EdDsa,
    );
    assert!(
        Verifier::ed25519_public(&pair.public_pem)
            .unwrap()
            .verify(&token, now())
            .is_ok()
    );
}

#[test]
fn a_new_pair_is_the_one_of_rfc_8032() {
    // RFC 8032, section 7.1, test 1.
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let seed: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(&seed[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let pair = new_ed25519_key(seed.try_into().unwrap());
    assert_eq!(
        pair.public_pem,
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"
    );
}

#[test]
fn keys_of_other_tools_are_read() {
    for (private, public) in [
        (FOREIGN_PRIVATE.to_owned(), FOREIGN_PUBLIC.to_owned()),
        (
            FOREIGN_PRIVATE.replace('\n', "\r\n"),
            FOREIGN_PUBLIC.replace('\n', "\r\n"),
        ),
        (format!("\n {FOREIGN_PRIVATE}\n"), FOREIGN_PUBLIC.trim().to_owned()),
    ] {
        let key = crate::keys::private_ed25519(&private).unwrap();
        let token = signed(
            &super::fixtures::header(Algorithm::EdDsa),
            &manager().to_string(),
            &key,
            Algorithm::EdDsa,
        );
        assert!(Verifier::ed25519_public(&public).unwrap().verify(&token, now()).is_ok());
    }
}

#[test]
fn what_is_no_ed25519_key_is_refused() {
    let pair = ed25519();
    for text in [
        "",
        "secret",
        pair.private_pem.as_str(),
        EC_PUBLIC,
        &pair.public_pem[..60],
    ] {
        assert_eq!(
            Verifier::ed25519_public(text).unwrap_err(),
            KeyError::PublicKey,
            "{text}"
        );
    }
    for text in [
        "",
        "secret",
        pair.public_pem.as_str(),
        EC_PUBLIC,
        &pair.private_pem[..60],
    ] {
        assert_eq!(Minter::ed25519(text).unwrap_err(), KeyError::PrivateKey, "{text}");
    }
}

#[test]
fn a_weak_public_key_is_refused() {
    let weak = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n";
    assert_eq!(Verifier::ed25519_public(weak).unwrap_err(), KeyError::Weak);
}

#[test]
fn a_shared_secret_has_at_least_32_bytes() {
    assert!(Verifier::shared_secret(&[1; 32]).is_ok());
    assert!(Minter::shared_secret(&[1; 32]).is_ok());
    let short = KeyError::Secret { bytes: 31 };
    assert_eq!(
        short.to_string(),
        "the shared secret must have at least 32 bytes, not 31"
    );
    assert_eq!(Verifier::shared_secret(&[1; 31]).unwrap_err(), short);
    assert_eq!(Minter::shared_secret(&[1; 31]).unwrap_err(), short);
}

#[test]
fn debug_output_shows_no_secret() {
    let pair = ed25519();
    let secret = b"a secret that must not be logged";
    let shown = format!(
        "{pair:?} {:?} {:?} {:?}",
        Minter::ed25519(&pair.private_pem).unwrap(),
        Minter::shared_secret(secret).unwrap(),
        Verifier::shared_secret(secret).unwrap()
    );
    assert!(!shown.contains("PRIVATE") && !shown.contains(&format!("{secret:?}")) && !shown.contains("7, 7, 7"));
}
