//! The four signature algorithms that can be configured; no other is ever accepted.

use std::fmt;
use std::str::FromStr;

/// How tokens are signed: a setting of the server, never a choice of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// HMAC-SHA256 with a shared secret.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    /// The name in the token's header and in the settings (RFC 7518, section 3.1; RFC 8037).
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    pub(crate) const fn in_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = &'static str;
    /// Upper and lower case matter, as in the header.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::EdDsa, Self::Hs256, Self::Rs256, Self::Es256]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or("must be `EdDSA`, `HS256`, `RS256` or `ES256`")
    }
}
