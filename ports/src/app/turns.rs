//! Turns: commands about one stream go one after the other within a process, so that they seldom meet in the store.
//! (Between processes the commit's version decides.)

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use futures_util::lock::{Mutex, OwnedMutexGuard};
use kyc_core::stream::StreamKey;

/// Streams that share a turn are few: this is many times what is under way at once.
const STRIPES: usize = 4_096;

/// Who goes next, for every stream; or nothing, and whoever commits first does.
#[derive(Clone)]
pub(super) struct Turns(Option<Arc<[Arc<Mutex<()>>]>>);

/// A stream's turn; over when it is dropped.
pub(super) struct Turn(#[expect(dead_code, reason = "it is held, not read")] OwnedMutexGuard<()>);

impl Default for Turns {
    fn default() -> Self {
        Self(Some((0..STRIPES).map(|_| Arc::default()).collect()))
    }
}

impl Turns {
    /// Nobody waits for anybody.
    pub(super) const fn none() -> Self {
        Self(None)
    }

    /// Waits for the stream's turn.
    pub(super) async fn take(&self, stream: &StreamKey) -> Option<Turn> {
        let stripes = self.0.as_ref()?;
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(stream);
        let stripe = stripes.get(usize::try_from(hash % STRIPES as u64).unwrap_or(0))?;
        Some(Turn(stripe.clone().lock_owned().await))
    }
}
