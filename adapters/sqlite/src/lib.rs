//! The native store: `kyc.db` and `storage.db`, each with one thread that writes and several that read.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod checkpoint;
mod database;
mod gather;
pub mod ledger;
mod migrate;
mod readers;
mod store;
mod strand;

pub use database::{OpenError, Options};
pub use store::SqliteStore;
