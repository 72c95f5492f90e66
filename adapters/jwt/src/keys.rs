//! Keys from their text forms: checked when they are loaded, so that a bad one stops the start and not a caller.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{SigningKey, VerifyingKey};
use jsonwebtoken::{DecodingKey, EncodingKey};

use crate::{Algorithm, SECRET_BYTES_MIN};

/// What stands before the 32 bytes of an Ed25519 private key in PKCS#8 DER (RFC 8410, section 7).
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// What stands before the 32 bytes of an Ed25519 public key in SPKI DER (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// Why a key or a file of keys is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not an Ed25519 public key.
    #[error("the public key must be an Ed25519 key in PEM form, beginning with `-----BEGIN PUBLIC KEY-----`")]
    PublicKey,
    /// Not an Ed25519 private key.
    #[error("the private key must be an Ed25519 key in PEM form, beginning with `-----BEGIN PRIVATE KEY-----`")]
    PrivateKey,
    /// A public key under which anybody can sign.
    #[error("the Ed25519 public key is a weak one; make a new pair of keys")]
    Weak,
    /// A secret that can be guessed.
    #[error("the shared secret must have at least 32 bytes, not {bytes}")]
    Secret {
        /// Its length, in bytes.
        bytes: usize,
    },
    /// Not a JWKS file.
    #[error("the key file must be JSON with an array `keys` (RFC 7517); see line {line}, column {column}")]
    Jwks {
        /// Where it goes wrong, counted from 1.
        line: usize,
        /// Where in the line it goes wrong.
        column: usize,
    },
    /// No key for the configured algorithm.
    #[error("the key file has no {0} key for checking signatures")]
    NoKey(Algorithm),
    /// A key of the file for the configured algorithm is malformed.
    #[error("the {algorithm} key `{kid}` of the key file {problem}")]
    Key {
        /// The configured algorithm.
        algorithm: Algorithm,
        /// The key's `kid`, cut to 64 characters; empty when it has none.
        kid: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// A new pair of Ed25519 keys in PEM form.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// PKCS#8, `-----BEGIN PRIVATE KEY-----`. Whoever has it can speak for everybody.
    pub private_pem: String,
    /// SPKI, `-----BEGIN PUBLIC KEY-----`.
    pub public_pem: String,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair")
            .field("public_pem", &self.public_pem)
            .finish_non_exhaustive()
    }
}

/// A pair of keys made from 32 random bytes, which are the private key itself (RFC 8032, section 5.1.5).
pub fn new_ed25519_key(seed: [u8; 32]) -> KeyPair {
    let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    KeyPair {
        private_pem: pem("PRIVATE KEY", &[PKCS8_PREFIX.as_slice(), &seed].concat()),
        public_pem: pem("PUBLIC KEY", &[SPKI_PREFIX.as_slice(), &public].concat()),
    }
}

/// The public key of a private one, both as PEM text.
pub fn public_pem(private_pem: &str) -> Result<String, KeyError> {
    let key = SigningKey::from_pkcs8_pem(private_pem.trim()).map_err(|_| KeyError::PrivateKey)?;
    Ok(pem(
        "PUBLIC KEY",
        &[SPKI_PREFIX.as_slice(), &key.verifying_key().to_bytes()].concat(),
    ))
}

/// Both forms fit one line of base64, which PEM limits to 64 characters.
fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

/// A public key as PEM text; white space around it does not matter.
pub(crate) fn public_ed25519(pem: &str) -> Result<DecodingKey, KeyError> {
    let key = point(pem).ok_or(KeyError::PublicKey)?;
    if key.is_weak() {
        return Err(KeyError::Weak);
    }
    Ok(DecodingKey::from_ed_der(key.as_bytes()))
}

/// What the PEM text holds. There is one way to write an Ed25519 key as SPKI, so that nothing has to be parsed.
fn point(pem: &str) -> Option<VerifyingKey> {
    let text = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?;
    let text = text.strip_suffix("-----END PUBLIC KEY-----")?;
    let der = STANDARD
        .decode(text.split_ascii_whitespace().collect::<String>())
        .ok()?;
    let bytes = der.strip_prefix(SPKI_PREFIX.as_slice())?;
    VerifyingKey::try_from(bytes).ok()
}

/// A private key as PEM text; white space around it does not matter.
pub(crate) fn private_ed25519(pem: &str) -> Result<EncodingKey, KeyError> {
    let key = SigningKey::from_pkcs8_pem(pem.trim()).map_err(|_| KeyError::PrivateKey)?;
    Ok(EncodingKey::from_ed_der(
        &[PKCS8_PREFIX.as_slice(), key.as_bytes()].concat(),
    ))
}

/// What signs with a key that [`private_ed25519`] has read.
pub(crate) fn signing(key: &EncodingKey) -> Option<SigningKey> {
    let seed = key.as_bytes().strip_prefix(PKCS8_PREFIX.as_slice())?;
    SigningKey::try_from(seed).ok()
}

/// Refuses a secret that is too short for HS256.
pub(crate) fn long_enough(secret: &[u8]) -> Result<&[u8], KeyError> {
    if secret.len() < SECRET_BYTES_MIN {
        return Err(KeyError::Secret { bytes: secret.len() });
    }
    Ok(secret)
}
