//! Tokens as JWTs (RFC 7519): [`Verifier`] is the port [`Tokens`](kyc_ports::tokens::Tokens), [`Minter`] makes tokens.
//!
//! The library is `jsonwebtoken`, which is maintained and knows all four algorithms, over pure Rust cryptography, which
//! builds for `wasm32-wasip2` without C. Its own time checks are off, because they read the clock.
//!
//! Reading order: [`Claims`] (what a token says), [`Verifier`], the keys it takes (`keys.rs`, `jwks.rs`), [`Minter`],
//! the signatures themselves (`crypto.rs`).
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod algorithm;
mod claims;
mod crypto;
mod jwks;
mod keys;
mod minter;
#[cfg(test)]
mod tests;
mod verifier;

pub use algorithm::Algorithm;
pub use claims::{BadClaims, Claims};
pub use keys::{KeyError, KeyPair, new_ed25519_key, public_pem};
pub use minter::{MintError, Minter};
pub use verifier::Verifier;

/// Longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Shortest shared secret, in bytes: as long as the HS256 digest (RFC 7518, section 3.2).
pub const SECRET_BYTES_MIN: usize = 32;
/// Smallest RSA modulus, in bits (RFC 7518, section 3.3).
pub const RSA_BITS_MIN: usize = 2048;
/// Greatest RSA modulus, in bits: beyond it the library verifies nothing.
pub const RSA_BITS_MAX: usize = 4096;
