//! Keys made for these tests only, and tokens put together by hand.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use jsonwebtoken::crypto::rust_crypto;
use jsonwebtoken::jwk::EllipticCurve;
use kyc_core::time::Time;
use kyc_ports::tokens::{BadToken, Tokens, Verified};
use serde_json::{Value, json};

use crate::{Algorithm, KeyPair, Verifier, new_ed25519_key};

pub const NOT_VALID: BadToken = BadToken("the token is not valid");
pub const EXPIRED: BadToken = BadToken("the token has expired");
pub const NOT_YET: BadToken = BadToken("the token is not valid yet");

/// The time of the tests, in Unix seconds.
pub const NOW: i64 = 1_800_000_000;
pub const SECRET: &[u8] = b"thirty-two bytes, for tests only";
pub const ALL: [Algorithm; 4] = [Algorithm::EdDsa, Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256];

pub fn ed25519() -> KeyPair {
    new_ed25519_key([7; 32])
}

/// The first of two keys of the algorithm.
pub fn signing_key(algorithm: Algorithm) -> EncodingKey {
    match algorithm {
        Algorithm::EdDsa => crate::keys::private_ed25519(&ed25519().private_pem).unwrap(),
        Algorithm::Hs256 => EncodingKey::from_secret(SECRET),
        Algorithm::Rs256 => EncodingKey::from_rsa_der(&STANDARD.decode(RSA_DER).unwrap()),
        Algorithm::Es256 => EncodingKey::from_ec_der(&STANDARD.decode(EC_DER).unwrap()),
    }
}

pub fn other_ec_key() -> EncodingKey {
    EncodingKey::from_ec_der(&STANDARD.decode(OTHER_EC_DER).unwrap())
}

/// The public part of a key as a JWKS file has it.
pub fn jwk(key: &EncodingKey, algorithm: Algorithm, members: &Value) -> Value {
    let makes = &rust_crypto::DEFAULT_PROVIDER.key_utils;
    let (named, bytes) = (algorithm.in_library(), key.as_bytes());
    let mut jwk = match algorithm {
        Algorithm::Hs256 => json!({ "kty": "oct", "k": text(bytes) }),
        Algorithm::EdDsa => {
            let x = (makes.ed_pub_components_from_private_key)(bytes, &EllipticCurve::Ed25519).unwrap();
            json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&x) })
        }
        Algorithm::Rs256 => {
            let (n, e) = (makes.rsa_pub_components_from_private_key)(bytes).unwrap();
            json!({ "kty": "RSA", "n": text(&n), "e": text(&e) })
        }
        Algorithm::Es256 => {
            let (_, x, y) = (makes.ec_pub_components_from_private_key)(bytes, named).unwrap();
            json!({ "kty": "EC", "crv": "P-256", "x": text(&x), "y": text(&y) })
        }
    };
    jwk["alg"] = json!(named);
    for (name, value) in members.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// The verifier that belongs to [`signing_key`].
pub fn verifier(algorithm: Algorithm) -> Verifier {
    match algorithm {
        Algorithm::EdDsa => Verifier::ed25519_public(&ed25519().public_pem).unwrap(),
        Algorithm::Hs256 => Verifier::shared_secret(SECRET).unwrap(),
        Algorithm::Rs256 | Algorithm::Es256 => {
            Verifier::jwks(&jwks(&[jwk(&signing_key(algorithm), algorithm, &json!({}))]), algorithm).unwrap()
        }
    }
}

/// A manager's claims, in force for an hour.
pub fn manager() -> Value {
    json!({ "sub": "alice", "role": 1, "exp": NOW + 3_600 })
}

pub fn encoded(part: &str) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// Header and payload as they stand, signed with the algorithm's own method.
pub fn signed(header: &str, payload: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", encoded(header), encoded(payload));
    let signer = (rust_crypto::DEFAULT_PROVIDER.signer_factory)(&algorithm.in_library(), key).unwrap();
    let signature = URL_SAFE_NO_PAD.encode(signer.try_sign(message.as_bytes()).unwrap());
    format!("{message}.{signature}")
}

pub fn header(algorithm: Algorithm) -> String {
    json!({ "typ": "JWT", "alg": algorithm.name() }).to_string()
}

/// A token with these claims and a genuine signature.
pub fn token(algorithm: Algorithm, claims: &Value) -> String {
    signed(
        &header(algorithm),
        &claims.to_string(),
        &signing_key(algorithm),
        algorithm,
    )
}

/// What the plain verifier makes of genuinely signed claims.
pub fn verify(claims: &Value) -> Result<Verified, BadToken> {
    verify_text(&claims.to_string())
}

/// The same for a payload that need not be JSON.
pub fn verify_text(payload: &str) -> Result<Verified, BadToken> {
    let algorithm = Algorithm::EdDsa;
    let token = signed(&header(algorithm), payload, &signing_key(algorithm), algorithm);
    verifier(algorithm).verify(&token, now())
}

pub fn now() -> Time {
    Time::from_seconds(NOW)
}

/// PKCS#1, 2048 bits.
const RSA_DER: &str = "MIIEowIBAAKCAQEA30LP1ZmGHWvxZH7zs9qAu63vEW+GtOtP0BVVGbs4k60IZhGb+EUySkvFnvrdV4ict8b8HwZ5FnBebejUoLVu\
     AlppkGsqO9IunQVKxQ08r35h6Sw54yYXW8ogRruH86aOz5BU2HOGxKHZnZsNxC/0rgpWJmNmXU4W4N7B7JxtwbQvwthLqRmnqQjz\
     ItiGBx9Dmti/Cj0+EbX9folznSvJcR6rJQyWAB6mHRiJbFBa91V+Mwflhh4HvwNln9g5i2yRb+dTeIZKIMDPrgafHMpd5NqbW8Lv\
     Bydr0hk4QE6mrYBrZbkvMuE1lLlbyDWyuIzcF3Z1wXP3mCLe5lppJ+C0XwIDAQABAoIBACuqI/7JF2dSsLPwdlZTIkFSi8KztrtU\
     mFgAjBPLv412VoGr6P69/c91EVH+C2Mux0PUKYQh3nXKhVVmp4tE4J6aMzI5G1n2ygIQwmZWp+tEwv55FVs9HG1p0zUyQS0ggqbK\
     uiVZNt7nLqn55M/ddzPAtsesQh12g9f4CSJvF7I930+NRF5Ub8W3u01SxhAPSqDffcxIO3YF68DspcI94pZF2lNge8k3YXHd2+CG\
     5GUhuiPvKz+pIvXCki4h2xc1SeZuCSyA2JZ18e5RdVmQhqO5DrS33TiqZLyh/zK6L9m35BVnasXEO1J0txOfGz0ATn0Dc41/FDxl\
     398ZlRnBFSkCgYEA+RR3juNPjZ3N2esvp12uXEWsTdMu5EI0D4AlO7EIHPedcz45IlgalpP7v1PdSQykHm7T4q1MnxJVooQWrMOI\
     f+nJBWHTTUJwnM2BNmqqd0JlzRS3LRJyUnPed7Da6Nx4cgwTfVA6WfutKNwnTxZtunVppvVRopFdcRhaS/hMtukCgYEA5Xa2YcPd\
     sWJFkuPVLnTEFg433Pt0+cRLlBRp0S9icPuZHR0bB9mGW/xy3eux/toz9cm/2KXmYLesULiC0jwN8vOKQWARhtVqL3TZvYT1dwCS\
     2yoViRVCt6lAk93ydOh5abNf4wO3bGLZ22o9cpnFqfXRFAD6roO6aJoxM/AhlAcCgYAel03rxa0ylmv+1KzAoHfWq1PzJvm+XQcp\
     1DI+d4qojBzRV5YKyslRLxGfOPyXiS7q8e+iCmi7rLPJxvFF/KnaE+t1dsNN3NgZ2f+BoG4ZQZVhL6cjqP1TdRmgl577NICyeRs3\
     q8/O12M3/nnxc668VMlKER0am0Hfrv8AD5nUaQKBgB1fTcdD8CvVnXxJB6/TqIn+Ne5mjbmvA9Gnr0fkneBChH3yjNQ7ZvR9YyK/\
     GeC6g64xrgoIam309Oy8QZqxr0NrI0ZtCrFMvjPm7DxTOayK+UFuqKUMgKbL1oVXAsMuQuRh3qNLhX4tRR/OAKGbx26TFblOysft\
     +r2LB0NTuKifAoGBALS029ax7UGZWut/xxO+/TnUgmavBEmbpbg9aGuWj6yttRzprnOcdqJybLBJXvTcbu2IuLs0OC9aPTdyBEPv\
     QpNNJvuj+ejiTx8BlSj4ODdk5h9+hb9Cgro+f+oF8A41w0EijSrg93KfVYjf6fbtV3Wb/l/qQ/ZzywchZ+ACS6TK";

/// PKCS#8, P-256.
const EC_DER: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgOjSDAzQRRBclDk51AyFVxKXW1i09z7AZUyZzghv+IAWh\
     RANCAASLGUnwmi3nAbR27vOGnicsaqGbpDmGhjWka9ynFJ36T0OSyDrjeYXvoYvcYDoErO41RAYm3o7xO1Yw+v0Be8ej";
const OTHER_EC_DER: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgihv4hJDkwhmXULDn1ExZJShJBodc3YR6PRmzNNtwIeih\
     RANCAATTkOrOpWjaeV+XgQKbQ3ALHNS4+5QrJu3BoOUxry1rbRC6VJg1J54Q6Ohey5fWUxzrxEhKMAkR/OUiwUxA2Xh/";
