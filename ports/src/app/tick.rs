//! What the clock brings: lapses, and the clean-up of what nobody needs any more. A late or repeated tick does no harm.

use futures_util::future::join_all;
use kyc_core::actor::Actor;
use kyc_core::due::ApplyDue;
use kyc_core::limits::{KEPT_REPLY_SECONDS, UNCLAIMED_FILE_SECONDS};
use kyc_core::rejection::Rejection;
use kyc_core::time::Time;

use crate::app::{App, refused};

/// How much one tick takes on of each kind; the rest is the next one's.
const BATCH: usize = 100;
/// Names of stored files looked at together: each look reads the whole folder.
const NAMES: usize = 10_000;

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
}

impl App {
    /// Does all that the clock brings: what is due, calls out, reconciliations.
    pub async fn tick(&self) -> Result<Ticked, Rejection> {
        let mut ticked = self.apply_due().await?;
        let brands = self.callable_brands().await?;
        // Side by side: a platform that hangs holds up its own calls alone.
        for sent in join_all(brands.iter().map(|brand| self.send_calls(brand))).await {
            match sent {
                Ok(calls) => ticked.calls += calls,
                Err(error) => tracing::error!(%error, "calls to a platform could not be sent"),
            }
        }
        ticked.reconciled = self.reconcile_due().await?;
        Ok(ticked)
    }

    /// Applies what is due to customers, and forgets what is over.
    pub async fn apply_due(&self) -> Result<Ticked, Rejection> {
        let now = self.now();
        let store = &self.ports.store;
        let mut ticked = Ticked::default();
        let system = Actor::system();
        for customer in store.due(now, BATCH).await.map_err(refused)? {
            // One customer who cannot be dealt with holds nobody else up; the next tick tries again.
            match self.change(&system, &ApplyDue { customer }, None).await {
                Ok(_) => ticked.customers += 1,
                Err(error) => tracing::error!(%error, "what is due for a customer could not be applied"),
            }
        }
        ticked.replies = store
            .forget_replies(now.plus_seconds(-KEPT_REPLY_SECONDS))
            .await
            .map_err(refused)?;
        Ok(ticked)
    }

    /// Removes files that nothing has named for a day, and what crashes left behind; how many. Worth an hourly call.
    pub async fn sweep_files(&self) -> Result<usize, Rejection> {
        let before = self.now().plus_seconds(-UNCLAIMED_FILE_SECONDS);
        Ok(self.remove_unclaimed(before).await? + self.remove_strays(before).await?)
    }

    /// First the row, then the bytes, so that no row is without its file.
    async fn remove_unclaimed(&self, before: Time) -> Result<usize, Rejection> {
        let store = &self.ports.store;
        let mut removed = 0;
        loop {
            let files = store.unclaimed_files(before, BATCH).await.map_err(refused)?;
            for file in &files {
                if store.remove_unclaimed(&file.file_id).await.map_err(refused)? {
                    removed += self.remove_bytes(&file.stored_name()).await;
                }
            }
            if files.len() < BATCH {
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

    /// Files without a row.
    async fn remove_strays(&self, before: Time) -> Result<usize, Rejection> {
        let (store, blobs) = (&self.ports.store, &self.ports.blobs);
        let mut removed = 0;
        let mut after = String::new();
        loop {
            let names = blobs.names_before(before, &after, NAMES).await.map_err(refused)?;
            for name in &names {
                let is_known = match name.split_once('.').and_then(|(id, _)| id.parse().ok()) {
                    Some(id) => {
                        let file = store.file(&id).await.map_err(refused)?;
                        file.is_some_and(|file| file.stored_name() == *name)
                    }
                    None => false,
                };
                if !is_known {
                    removed += self.remove_bytes(name).await;
                }
            }
            match names.last() {
                Some(last) if names.len() == NAMES => after.clone_from(last),
                _ => return Ok(removed),
            }
        }
    }
}
