//! Ports: what the core needs from outside, as traits without rules, and [`app::App`], which drives it.
//!
//! Driven: [`store::Store`], [`blobs::Blobs`], [`clock::Clock`], [`entropy::Entropy`], [`tokens::Tokens`],
//! [`notify::Notify`], [`outbound::Outbound`],
//! [`vault::Vault`]. Driving: [`app::App`]. Futures are `Send` natively and need not be on wasm, where there is one
//! thread.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod app;
pub mod blobs;
pub mod clock;
#[cfg(feature = "contract")]
pub mod contract;
pub mod entropy;
pub mod notify;
pub mod outbound;
pub mod store;
pub mod tokens;
pub mod vault;
