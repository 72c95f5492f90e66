//! The port `Tokens`: is a token genuine, in force, and whom does it speak for.

use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use kyc_core::time::Time;
use kyc_ports::tokens::{BadToken, Tokens, Verified};

use crate::claims::Payload;
use crate::jwks::{self, NamedKey};
use crate::{Algorithm, KeyError, TOKEN_BYTES_MAX, crypto, keys};

// One text for everything that is wrong with a token: a forger does not learn how far he got.
const NOT_VALID: BadToken = BadToken("the token is not valid");
const EXPIRED: BadToken = BadToken("the token has expired");
const NOT_YET: BadToken = BadToken("the token is not valid yet");

/// Verifies tokens of one algorithm.
#[derive(Debug, Clone)]
pub struct Verifier {
    algorithm: Algorithm,
    keys: Keys,
    /// What the library checks: the algorithm, and issuer and audience where they are configured.
    validation: Validation,
}

/// The keys, and how one is chosen.
#[derive(Debug, Clone)]
enum Keys {
    /// A single key, whatever a token's `kid` says.
    One(DecodingKey),
    /// The keys of a JWKS file, chosen by `kid`.
    Named(Vec<NamedKey>),
}

impl Verifier {
    /// `EdDSA` with an Ed25519 public key in PEM form (SPKI, `-----BEGIN PUBLIC KEY-----`).
    pub fn ed25519_public(pem: &str) -> Result<Self, KeyError> {
        keys::public_ed25519(pem).map(|key| Self::new(Algorithm::EdDsa, Keys::One(key)))
    }

    /// HS256 with a shared secret of at least 32 bytes.
    pub fn shared_secret(secret: &[u8]) -> Result<Self, KeyError> {
        let key = DecodingKey::from_secret(keys::long_enough(secret)?);
        Ok(Self::new(Algorithm::Hs256, Keys::One(key)))
    }

    /// The keys of a JWKS file (RFC 7517) that fit the algorithm; the others are ignored. A token's `kid` chooses the
    /// key; a token without one is accepted only when exactly one key fits.
    pub fn jwks(json: &str, algorithm: Algorithm) -> Result<Self, KeyError> {
        jwks::keys(json, algorithm).map(|keys| Self::new(algorithm, Keys::Named(keys)))
    }

    /// Requires the claim `iss` with this value.
    #[must_use]
    pub fn issuer(mut self, issuer: String) -> Self {
        self.validation.set_issuer(&[issuer]);
        self.validation.required_spec_claims.insert("iss".to_owned());
        self
    }

    /// Requires the claim `aud` to be this value or an array with it. Without this, `aud` is not looked at.
    #[must_use]
    pub fn audience(mut self, audience: String) -> Self {
        self.validation.set_audience(&[audience]);
        self.validation.required_spec_claims.insert("aud".to_owned());
        self.validation.validate_aud = true;
        self
    }

    fn new(algorithm: Algorithm, keys: Keys) -> Self {
        crypto::install();
        let mut validation = Validation::new(algorithm.in_library());
        // The library would read the clock; the times are checked against `now` here.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Self {
            algorithm,
            keys,
            validation,
        }
    }

    /// The claims, if the signature, the issuer and the audience are right.
    fn genuine(&self, token: &str) -> Option<Payload> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let header = decode_header(token).ok()?;
        // `crit` lists extensions without which a token must not be understood (RFC 7515, 4.1.11). None is known here.
        if header.alg != self.algorithm.in_library() || header.crit.is_some() {
            return None;
        }
        let key = self.keys.choose(header.kid.as_deref())?;
        decode(token, key, &self.validation).ok().map(|genuine| genuine.claims)
    }
}

impl Keys {
    fn choose(&self, kid: Option<&str>) -> Option<&DecodingKey> {
        match (self, kid) {
            (Self::One(key), _) => Some(key),
            (Self::Named(keys), Some(kid)) => keys
                .iter()
                .find(|key| key.kid.as_deref() == Some(kid))
                .map(|found| &found.key),
            (Self::Named(keys), None) => match keys.as_slice() {
                [only] => Some(&only.key),
                _ => None,
            },
        }
    }
}

impl Tokens for Verifier {
    fn verify(&self, token: &str, now: Time) -> Result<Verified, BadToken> {
        let payload = self.genuine(token).ok_or(NOT_VALID)?;
        let window = payload.window().map_err(|_| NOT_VALID)?;
        let actor = payload.actor().map_err(|_| NOT_VALID)?;
        if now >= window.expires {
            return Err(EXPIRED);
        }
        if window.not_before.is_some_and(|from| now < from) {
            return Err(NOT_YET);
        }
        Ok(Verified {
            actor,
            expires: window.expires,
        })
    }
}
