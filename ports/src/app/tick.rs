//! What the clock brings: lapses, and the clean-up of what nobody needs any more. A late or repeated tick does no harm.

use futures_util::{StreamExt, stream};
use kyc_core::actor::Actor;
use kyc_core::due::ApplyDue;
use kyc_core::id::FileId;
use kyc_core::limits::{KEPT_REPLY_SECONDS, UNCLAIMED_FILE_SECONDS};
use kyc_core::rejection::Rejection;
use kyc_core::time::Time;

use crate::app::{App, refused};

/// How much one tick takes on of each kind; the rest is the next one's.
const BATCH: usize = 100;
/// Brands whose calls are under way at once: each of them has several calls, and each call a connection to the store.
const BRANDS_AT_ONCE: usize = 8;
/// Names of stored files looked at together: each look reads the whole folder.
const NAMES: usize = 10_000;
/// How long a clean-up begins with more; what it does not come to is the next one's.
const SWEEP_SECONDS: i64 = 120;

/// What a tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Customers for whom something was due.
    pub customers: usize,
    /// Replies forgotten.
    pub replies: u64,
    /// Calls to platforms that were looked at.
    pub calls: usize,
    /// Players that were compared with what their platform holds.
    pub reconciled: i64,
    /// In how many seconds there is more to do, as far as this tick knows.
    pub next_seconds: Option<i64>,
}

impl Ticked {
    /// Both together, of which the other came later.
    #[must_use]
    pub const fn and(self, later: Self) -> Self {
        Self {
            customers: self.customers + later.customers,
            replies: self.replies + later.replies,
            calls: self.calls + later.calls,
            reconciled: self.reconciled + later.reconciled,
            next_seconds: later.next_seconds,
        }
    }
}

impl App {
    /// Does what the clock brings, a part of each kind: what is due, calls out, reconciliations.
    pub async fn tick(&self) -> Result<Ticked, Rejection> {
        let mut ticked = self.apply_due().await?;
        let brands = self.callable_brands().await?;
        // Side by side: a platform that hangs holds up its own calls, and others only where many hang.
        let rounds: Vec<_> = brands.iter().map(|brand| self.send_calls(brand)).collect();
        let mut rounds = stream::iter(rounds).buffer_unordered(BRANDS_AT_ONCE);
        while let Some(sent) = rounds.next().await {
            match sent {
                Ok(calls) => ticked.calls += calls,
                Err(error) => tracing::error!(%error, "calls to a platform could not be sent"),
            }
        }
        let (reconciled, pause) = self.go_on_reconciling().await?;
        ticked.reconciled = reconciled;
        // A call's end may make the customer's next one due.
        ticked.next_seconds = match ticked.next_seconds {
            None if ticked.calls > 0 => Some(0),
            None => pause,
            known => known,
        };
        Ok(ticked)
    }

    /// Applies what is due to customers, and forgets what is over.
    pub async fn apply_due(&self) -> Result<Ticked, Rejection> {
        let now = self.now();
        let store = &self.ports.store;
        let mut ticked = Ticked::default();
        let system = Actor::system();
        let due = store.due(now, BATCH).await.map_err(refused)?;
        let is_full = due.len() == BATCH;
        for customer in due {
            // One customer who cannot be dealt with holds nobody else up; the next tick tries again.
            match self.change(&system, &ApplyDue { customer }, None).await {
                Ok(_) => ticked.customers += 1,
                Err(error) => tracing::error!(%error, "what is due for a customer could not be applied"),
            }
        }
        // Where none of many could be dealt with, the next ones would be the same.
        ticked.next_seconds = (is_full && ticked.customers > 0).then_some(0);
        ticked.replies = store
            .forget_replies(now.plus_seconds(-KEPT_REPLY_SECONDS))
            .await
            .map_err(refused)?;
        Ok(ticked)
    }

    /// Removes files that nothing has named for a day, and what crashes left behind; how many. Worth an hourly call.
    pub async fn sweep_files(&self) -> Result<usize, Rejection> {
        let now = self.now();
        let (before, end) = (
            now.plus_seconds(-UNCLAIMED_FILE_SECONDS),
            now.plus_seconds(SWEEP_SECONDS),
        );
        Ok(self.remove_unclaimed(before, end).await? + self.remove_strays(before, end).await?)
    }

    /// First the row, then the bytes, so that no row is without its file.
    async fn remove_unclaimed(&self, before: Time, end: Time) -> Result<usize, Rejection> {
        let store = &self.ports.store;
        let mut removed = 0;
        loop {
            let files = store.unclaimed_files(before, BATCH).await.map_err(refused)?;
            for file in &files {
                if store.remove_unclaimed(&file.file_id).await.map_err(refused)? {
                    removed += self.remove_bytes(&file.stored_name()).await;
                }
            }
            if files.len() < BATCH || self.now() >= end {
                return Ok(removed);
            }
        }
    }

    /// How many files were removed by that: one that cannot be removed keeps no other; it is a stray from then on, and
    /// tried again by the next clean-up.
    async fn remove_bytes(&self, name: &str) -> usize {
        match self.ports.blobs.remove(name).await {
            Ok(()) => 1,
            Err(error) => {
                tracing::error!(%error, "a file could not be removed");
                0
            }
        }
    }

    /// Files without a row. Each clean-up begins somewhere else among the names, which are random, and goes round: where
    /// there are more than one comes to, all have their turn all the same.
    async fn remove_strays(&self, before: Time, end: Time) -> Result<usize, Rejection> {
        let start = FileId::from_random(self.random()?).to_string();
        let (mut after, mut is_round) = (start.clone(), false);
        let mut removed = 0;
        loop {
            let names = self.ports.blobs.names_before(before, &after, NAMES).await;
            let names = names.map_err(refused)?;
            let last = names.last().filter(|_| names.len() == NAMES).cloned();
            let strays = self.ports.store.strays(names).await.map_err(refused)?;
            for name in &strays {
                removed += self.remove_bytes(name).await;
            }
            match last {
                _ if self.now() >= end => return Ok(removed),
                Some(last) if is_round && last >= start => return Ok(removed),
                Some(last) => after = last,
                None if is_round => return Ok(removed),
                None => (after, is_round) = (String::new(), true),
            }
        }
    }
}
