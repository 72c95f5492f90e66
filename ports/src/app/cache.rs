//! The cache: replies of views as they were rendered, of committed state only, bounded in bytes and filled on demand.
//!
//! An entry holds while its customer's and its brand's streams have not been committed to since it was filled: while
//! they are at the same generations. A fill that a commit overtakes finds another generation and is not kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use kyc_core::id::CustomerKey;
use quick_cache::sync::{DefaultLifecycle, PlaceholderGuard};
use quick_cache::{DefaultHashBuilder, Weighter};

use crate::app::generations::{Generations, Stamp};
use crate::app::states::States;

/// What an entry takes beside its texts.
const ENTRY_BYTES: u64 = 200;

/// What a reply is kept under: the command, its parameters, and of customers' own commands the customer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    command: &'static str,
    params: Vec<u8>,
}

/// A rendered reply, and what it stands on.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) customer: CustomerKey,
    /// What the request named: to whom its brand is hidden is told that there is none.
    pub(super) thing: &'static str,
    pub(super) text: Bytes,
    stamp: Stamp,
}

type Entries = quick_cache::sync::Cache<Key, Arc<Entry>, Weight>;
/// The right to fill a place; others who want the same wait for it.
pub(super) type Place<'a> =
    PlaceholderGuard<'a, Key, Arc<Entry>, Weight, DefaultHashBuilder, DefaultLifecycle<Key, Arc<Entry>>>;

#[derive(Debug, Clone)]
pub(super) struct Weight;

impl Weighter<Key, Arc<Entry>> for Weight {
    fn weight(&self, key: &Key, entry: &Arc<Entry>) -> u64 {
        (key.params.len() + entry.text.len()) as u64 + ENTRY_BYTES
    }
}

/// What is known of the cache, for the metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheFigures {
    /// Replies given from memory.
    pub hits: u64,
    /// Replies that had to be made.
    pub misses: u64,
    /// Bytes held.
    pub bytes: u64,
    /// Replies held.
    pub entries: u64,
}

/// Rendered replies, and the states that decisions begin with.
pub(super) struct Cache {
    entries: Entries,
    pub(super) states: States,
    pub(super) generations: Generations,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What was found.
pub(super) enum Found<'a> {
    /// A reply that holds.
    Hit(Arc<Entry>),
    /// None: whoever holds the place fills it.
    Empty(Place<'a>),
}

impl Key {
    pub(super) const fn new(command: &'static str, params: Vec<u8>) -> Self {
        Self { command, params }
    }
}

impl Cache {
    /// A cache of at most so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        let (average, states) = (2_048, bytes / 4);
        let replies = bytes - states;
        let count = usize::try_from(replies / average).unwrap_or(usize::MAX).max(1);
        Self {
            entries: Entries::with_weighter(count, replies, Weight),
            states: States::new(states),
            generations: Generations::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The reply of a key, if it is there and holds.
    pub(super) fn peek(&self, key: &Key) -> Option<Arc<Entry>> {
        self.entries
            .get(key)
            .filter(|entry| self.generations.holds(entry.stamp))
    }

    /// A reply was given from memory.
    pub(super) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// The reply of a key if it holds, or the place to put it.
    pub(super) async fn find(&self, key: &Key) -> Found<'_> {
        loop {
            match self.entries.get_value_or_guard_async(key).await {
                Ok(entry) if self.generations.holds(entry.stamp) => return Found::Hit(entry),
                // Another may have put one there that holds.
                Ok(_) => drop(
                    self.entries
                        .remove_if(key, |entry| !self.generations.holds(entry.stamp)),
                ),
                Err(place) => {
                    self.misses.fetch_add(1, Ordering::Relaxed);
                    return Found::Empty(place);
                }
            }
        }
    }

    /// What a fill notes before it loads anything.
    pub(super) fn before(&self, customer: &CustomerKey) -> Stamp {
        self.generations.stamp(customer)
    }

    /// Keeps a reply, unless a commit has overtaken it.
    pub(super) fn keep(
        &self,
        place: Place<'_>,
        before: Stamp,
        (customer, thing): (CustomerKey, &'static str),
        text: Bytes,
    ) {
        if self.generations.holds(before) {
            let _ = place.insert(Arc::new(Entry {
                customer,
                thing,
                text,
                stamp: before,
            }));
        }
    }

    pub(super) fn figures(&self) -> CacheFigures {
        CacheFigures {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            bytes: self.entries.weight() + self.states.bytes(),
            entries: self.entries.len() as u64,
        }
    }
}
