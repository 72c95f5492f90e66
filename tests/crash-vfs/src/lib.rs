//! Power cuts for the native store. `kill -9` tests no durability, because the page cache survives it; so this records
//! all that SQLite asks of the disk while the application works, and then tries the states that a crash may leave.
//!
//! Reading order: [`shim`] (a VFS that records), [`recording`] (what it records), [`disk`] (what a crash leaves of it),
//! [`promises`] (what the store has acknowledged, and when), [`load`] (random work for it), [`examine`] (whether a
//! recovered store keeps its promises), [`explore`] (all of it together).
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "test code"
)]

pub mod disk;
pub mod examine;
pub mod explore;
pub mod load;
pub mod promises;
pub mod recording;
pub mod shim;
