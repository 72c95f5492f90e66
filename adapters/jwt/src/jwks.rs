//! A file of public keys (JWKS, RFC 7517): the ones that fit the configured algorithm, checked.

use ed25519_dalek::VerifyingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{DecodingKey, DecodingKeyKind};

use crate::{Algorithm, KeyError, RSA_BITS_MAX, RSA_BITS_MIN, SECRET_BYTES_MIN, crypto};

const KID_SHOWN_CHARS: usize = 64;

/// A key and the `kid` that chooses it.
#[derive(Debug, Clone)]
pub(crate) struct NamedKey {
    pub kid: Option<String>,
    pub key: DecodingKey,
}

/// The keys of the file for the algorithm, at least one. Keys for something else are left out; a malformed one that
/// would fit stops the whole, since its tokens would be refused without a reason that anybody sees.
pub(crate) fn keys(json: &str, algorithm: Algorithm) -> Result<Vec<NamedKey>, KeyError> {
    let set: JwkSet = serde_json::from_str(json).map_err(|error| KeyError::Jwks {
        line: error.line(),
        column: error.column(),
    })?;
    let mut keys: Vec<NamedKey> = Vec::new();
    for jwk in set.keys.iter().filter(|jwk| fits(jwk, algorithm)) {
        let kid = jwk.common.key_id.clone();
        let bad = |problem| {
            let kid = kid.iter().flat_map(|kid| kid.chars()).take(KID_SHOWN_CHARS).collect();
            KeyError::Key {
                algorithm,
                kid,
                problem,
            }
        };
        if kid.is_some() && keys.iter().any(|other| other.kid == kid) {
            return Err(bad("stands there twice; every `kid` must be used once"));
        }
        let key = DecodingKey::from_jwk(jwk).map_err(|_| bad("is not valid base64url without padding"))?;
        check(&key, algorithm).map_err(bad)?;
        keys.push(NamedKey { kid, key });
    }
    if keys.is_empty() {
        Err(KeyError::NoKey(algorithm))
    } else {
        Ok(keys)
    }
}

/// Whether the key is for checking signatures of the algorithm.
fn fits(jwk: &Jwk, algorithm: Algorithm) -> bool {
    let kind = match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(pair) => {
            algorithm == Algorithm::EdDsa && pair.curve == EllipticCurve::Ed25519
        }
        AlgorithmParameters::OctetKey(_) => algorithm == Algorithm::Hs256,
        AlgorithmParameters::RSA(_) => algorithm == Algorithm::Rs256,
        AlgorithmParameters::EllipticCurve(point) => {
            algorithm == Algorithm::Es256 && point.curve == EllipticCurve::P256
        }
        _ => false,
    };
    let common = &jwk.common;
    kind && common
        .key_algorithm
        .is_none_or(|named| named == KeyAlgorithm::from(algorithm.in_library()))
        && common
            .public_key_use
            .as_ref()
            .is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
        && common
            .key_operations
            .as_ref()
            .is_none_or(|all| all.contains(&KeyOperations::Verify))
}

/// What the library checks only while it verifies, or not at all.
fn check(key: &DecodingKey, algorithm: Algorithm) -> Result<(), &'static str> {
    match (algorithm, key.kind()) {
        (Algorithm::EdDsa, DecodingKeyKind::SecretOrDer(bytes)) => {
            let bytes = bytes.as_slice().try_into().map_err(|_| "must have 32 bytes in `x`")?;
            match VerifyingKey::from_bytes(bytes) {
                Ok(key) if !key.is_weak() => Ok(()),
                Ok(_) => Err("is a weak one; make a new pair of keys"),
                Err(_) => Err("is not a point of Ed25519"),
            }
        }
        (Algorithm::Hs256, DecodingKeyKind::SecretOrDer(bytes)) if bytes.len() < SECRET_BYTES_MIN => {
            Err("must have at least 32 bytes in `k`")
        }
        (Algorithm::Hs256, DecodingKeyKind::SecretOrDer(_)) => Ok(()),
        (Algorithm::Es256, DecodingKeyKind::SecretOrDer(_)) if crypto::is_on_p256(key) => Ok(()),
        (Algorithm::Es256, DecodingKeyKind::SecretOrDer(_)) => Err("is not a point of P-256"),
        (Algorithm::Rs256, DecodingKeyKind::RsaModulusExponent { n, e }) => rsa(n, e),
        _ => Err("is of another kind"),
    }
}

/// The bounds of the library: it knows exponents from 3 to 2³³ − 1.
fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), &'static str> {
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
    if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits(modulus)) {
        return Err("must have a modulus of 2048 to 4096 bits");
    }
    if !(2..=33).contains(&bits(exponent)) || !odd(exponent) || !odd(modulus) {
        return Err("has a modulus or an exponent that no RSA key has");
    }
    Ok(())
}

/// The length of a number in big-endian bytes, leading zeros not counted.
fn bits(number: &[u8]) -> usize {
    let mut significant = number.iter().skip_while(|byte| **byte == 0);
    significant.next().map_or(0, |first| {
        significant.count() * 8 + (8 - first.leading_zeros() as usize)
    })
}
