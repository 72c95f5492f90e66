//! Makes tokens for operators and for tests of other systems.

use jsonwebtoken::{EncodingKey, Header, encode};

use crate::{Algorithm, BadClaims, Claims, KeyError, TOKEN_BYTES_MAX, crypto, keys};

/// Makes tokens with a private key or a shared secret.
#[derive(Debug, Clone)]
pub struct Minter {
    algorithm: Algorithm,
    key: EncodingKey,
}

/// Why no token was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// A claim is not as it must be.
    #[error(transparent)]
    Claims(#[from] BadClaims),
    /// No verifier would read it.
    #[error("the token would have {bytes} bytes, more than 8192; name fewer brands")]
    TooLong {
        /// Its length, in bytes.
        bytes: usize,
    },
    /// The key does not sign.
    #[error("the key cannot sign")]
    Key,
}

impl Minter {
    /// `EdDSA` with an Ed25519 private key in PEM form (PKCS#8, `-----BEGIN PRIVATE KEY-----`).
    pub fn ed25519(pem: &str) -> Result<Self, KeyError> {
        keys::private_ed25519(pem).map(|key| Self::new(Algorithm::EdDsa, key))
    }

    /// HS256 with a shared secret of at least 32 bytes.
    pub fn shared_secret(secret: &[u8]) -> Result<Self, KeyError> {
        let key = EncodingKey::from_secret(keys::long_enough(secret)?);
        Ok(Self::new(Algorithm::Hs256, key))
    }

    fn new(algorithm: Algorithm, key: EncodingKey) -> Self {
        crypto::install();
        Self { algorithm, key }
    }

    /// A token with these claims. Claims that no verifier would accept are refused.
    pub fn mint(&self, claims: &Claims) -> Result<String, MintError> {
        claims.check()?;
        let token = encode(&Header::new(self.algorithm.in_library()), claims, &self.key).map_err(|_| MintError::Key)?;
        if token.len() > TOKEN_BYTES_MAX {
            return Err(MintError::TooLong { bytes: token.len() });
        }
        Ok(token)
    }
}
