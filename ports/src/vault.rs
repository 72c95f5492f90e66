//! The vault: secrets are sealed under a master key before they reach the store.

/// What was stored cannot be opened: another master key, or changed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed secret does not open with this master key")]
pub struct CannotOpen;

/// Seals and opens secrets.
pub trait Vault: Send + Sync {
    /// Seals a secret. `nonce` is random; `context` must be given again to open it, so that a secret cannot be put in
    /// another's place.
    fn seal(&self, nonce: [u8; 12], secret: &str, context: &str) -> String;
    /// Opens a sealed secret.
    fn open(&self, sealed: &str, context: &str) -> Result<String, CannotOpen>;
}
