//! The ports inside Spin: streams and files in its SQLite, calls to platforms over its HTTP, its clock and randomness.
//!
//! Requests interleave on one instance, and never share a connection: an operation has one to itself, and only where all
//! went well, with no transaction and no result open, is it left to the next operation, of that request or another.
//!
//! Reading order: `database.rs` (connections, transactions), `migrate.rs` with `split.rs`, `SpinStore`, `SpinBlobs`
//! with `bucket.rs` and `signer.rs`, `SpinOutbound` with `target.rs`. What speaks to Spin is compiled for wasm only.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(target_family = "wasm")]
mod ambient;
#[cfg(target_family = "wasm")]
mod blobs;
#[cfg(target_family = "wasm")]
mod bucket;
#[cfg(target_family = "wasm")]
mod database;
mod failure;
#[cfg(target_family = "wasm")]
mod migrate;
mod name;
#[cfg(target_family = "wasm")]
mod outbound;
mod signer;
mod split;
mod steps;
#[cfg(target_family = "wasm")]
mod store;
mod target;

#[cfg(target_family = "wasm")]
pub use ambient::{SpinClock, SpinEntropy};
#[cfg(target_family = "wasm")]
pub use blobs::SpinBlobs;
#[cfg(target_family = "wasm")]
pub use bucket::Bucket;
#[cfg(target_family = "wasm")]
pub use outbound::SpinOutbound;
#[cfg(target_family = "wasm")]
pub use store::SpinStore;

pub use failure::store_error;
pub use name::check_name;
pub use signer::{Headers, Signed, Signer};
pub use split::statements;
pub use steps::{Folder, KYC, STORAGE};
pub use target::{Target, is_host};
