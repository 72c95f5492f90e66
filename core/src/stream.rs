//! A stream: one customer, or one brand's configuration; what versions, chains and commits are counted by.

use crate::id::{Brand, CustomerId};
use crate::record::Hash;
use crate::time::Time;

/// Which stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey {
    /// The brand.
    pub brand: Brand,
    /// The customer; `None` for the brand's configuration.
    pub customer_id: Option<CustomerId>,
}

/// Where a stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Commits so far; a commit checks it.
    pub version: i64,
    /// Hash of the newest audit row; 32 zero bytes for an empty stream.
    pub hash: Hash,
    /// Time of the newest commit: "now" of this stream never runs before it.
    pub committed_time: Time,
    /// When something next falls due.
    pub due_time: Option<Time>,
}

impl Head {
    /// Of a stream that has no row yet.
    pub const EMPTY: Self = Self {
        version: 0,
        hash: Hash::ZERO,
        committed_time: Time(0),
        due_time: None,
    };
}
