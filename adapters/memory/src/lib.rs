//! The ports in memory: a store and a file store that are plain enough to be right at a glance, a clock that is set by
//! hand, and randomness that repeats. Tests and simulations run on them, and other adapters are compared with them.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod blobs;
mod clock;
mod entropy;
mod list;
mod outbound;
mod store;
mod tables;

#[cfg(test)]
mod tests;

pub use blobs::MemoryBlobs;
pub use clock::ManualClock;
pub use entropy::SeededEntropy;
pub use outbound::{ScriptedOutbound, answer};
pub use store::MemoryStore;
pub use tables::Snapshot;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Everything under a lock is changed at one go, so a caller that panicked has left nothing half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
