//! Randomness for salts and file ids.

/// The source gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes are to be had")]
pub struct NoEntropy;

/// Gives random bytes that nobody can guess.
pub trait Entropy: Send + Sync {
    /// Fills the whole slice.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy>;
}
