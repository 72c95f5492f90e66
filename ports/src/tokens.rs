//! Who a token speaks for.

use kyc_core::actor::Actor;
use kyc_core::time::Time;

/// Why a token is not accepted. The text says nothing that helps to forge one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadToken(pub &'static str);

/// A caller, and until when the token speaks for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The caller.
    pub actor: Actor,
    /// When the token ends.
    pub expires: Time,
}

/// Verifies tokens.
pub trait Tokens: Send + Sync {
    /// The caller, if the token is genuine and in force at `now`.
    fn verify(&self, token: &str, now: Time) -> Result<Verified, BadToken>;
}
