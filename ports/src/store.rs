//! The store: load, commit, list. No transaction is held across an await; a commit checks the version it was decided
//! on, and the application decides again when that has passed.

use async_trait::async_trait;
use kyc_core::brand::BrandState;
use kyc_core::command::TemplateNeed;
use kyc_core::commit::{Commit, KeptReply};
use kyc_core::customer::CustomerState;
use kyc_core::file::FileMeta;
use kyc_core::id::{
    Brand, CustomerId, CustomerKey, DeliveryId, DocumentId, FileId, ProfileId, Slug, StepId, TemplateId,
};
use kyc_core::level::LevelEntry;
use kyc_core::outbound::{Breaker, Delivery, QueuedCall};
use kyc_core::query::{Query, Rows};
use kyc_core::record;
use kyc_core::tenant::SealedSecret;
use kyc_core::time::Time;

use crate::blobs::BlobError;

/// What a store can fail at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Something that the commit stands on has changed. Decide again.
    #[error("the stream has changed since it was loaded")]
    Conflict,
    /// As much is waiting as the store takes; nothing was done. Try again later.
    #[error("too much is waiting")]
    Busy,
    /// The store cannot do it now (disk full, closing, broken); nothing was changed.
    #[error("the store failed: {0}")]
    Failed(String),
    /// A commit failed midway: nobody knows whether it is on the disk, before the store is asked again, or opened again.
    #[error("a commit failed midway: {0}")]
    Unknown(String),
    /// The operator has not given the store something that it needs. The text names it, and is told to callers.
    #[error("{0}")]
    NotGranted(String),
}

impl From<BlobError> for StoreError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Failed(_) => Self::Failed(error.to_string()),
            BlobError::NotGranted(missing) => Self::NotGranted(missing),
        }
    }
}

/// A thing that belongs to one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Thing {
    /// A profile.
    Profile(ProfileId),
    /// A step.
    Step(StepId),
    /// A document.
    Document(DocumentId),
    /// A call out.
    Delivery(DeliveryId),
}

/// How many fresh ids of each kind are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "one for each kind")]
pub struct Wanted {
    pub profiles: i64,
    pub steps: i64,
    pub documents: i64,
    pub templates: i64,
    pub audit: i64,
    pub customers: i64,
    pub tenants: i64,
    pub deliveries: i64,
}

/// The first of the reserved ids of each kind; the others follow it. Later reservations give greater ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "one for each kind")]
pub struct Reserved {
    pub profile: i64,
    pub step: i64,
    pub document: i64,
    pub template: i64,
    pub audit: i64,
    /// Numbers of customers start at 1 000 000 000, and may be in use all the same.
    pub customer: i64,
    pub tenant: i64,
    pub delivery: i64,
}

/// Which waiting calls of a brand somebody wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The brand.
    pub brand: Brand,
    /// Which of them.
    pub which: Which,
    /// Now: leases that ended before are over.
    pub now: Time,
    /// Until when the calls are the claimer's. It tells leases apart: a later claim of a call has a later end.
    pub lease_until: Time,
    /// At most so many.
    pub limit: usize,
}

/// Which waiting calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that are due, of each customer only the oldest that waits.
    Due,
    /// The brand's oldest, due or not, if its breaker lets one through now; the next one may go a minute later.
    Probe,
    /// Those that were queued up to this time: they are given up.
    Overdue(Time),
}

/// A call that was tried in vain and goes back into the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postponed {
    /// Which.
    pub delivery_id: DeliveryId,
    /// Its brand, whose breaker counts the failure.
    pub brand: Brand,
    /// The end of the lease under which it was tried.
    pub lease_until: Time,
    /// How often it was tried in vain.
    pub attempts: i64,
    /// When it is tried next.
    pub due_time: Time,
    /// When an opening breaker lets the next call through.
    pub probe_time: Time,
}

record! {
    /// How far a brand's daily reconciliation is.
    pub struct Reconciliation {
        /// The brand.
        pub brand: Brand,
        /// When it goes on.
        pub due_time: Time,
        /// Where it goes on; from the first customer if absent.
        pub cursor: Option<String>,
        /// How often it has stayed there because the platform gave no answer.
        pub stays: i64,
    }
}

/// Keeps streams, rows for lists, kept replies and file metadata.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
pub trait Store: Send + Sync {
    /// Whose a thing is; `None` when there is no such thing.
    async fn locate(&self, thing: Thing) -> Result<Option<CustomerKey>, StoreError>;
    /// Which brand a template is of.
    async fn template_brand(&self, id: TemplateId) -> Result<Option<Brand>, StoreError>;
    /// How many templates of a brand are not archived.
    async fn template_count(&self, brand: &Brand) -> Result<usize, StoreError>;
    /// Whose external id this is within the brand.
    async fn external_owner(&self, brand: &Brand, external_id: &str) -> Result<Option<CustomerId>, StoreError>;
    /// A customer's stream; an empty one for a customer nobody has heard of.
    async fn customer(&self, key: &CustomerKey) -> Result<CustomerState, StoreError>;
    /// A brand's configuration stream with its tenant and the templates asked for, by id.
    async fn brand(&self, brand: &Brand, templates: &TemplateNeed) -> Result<BrandState, StoreError>;
    /// A page's rows, and one more if there is one ([`Query::fetch_rows`]).
    async fn list(&self, query: &Query) -> Result<Rows, StoreError>;
    /// Fresh ids, never given twice.
    async fn reserve(&self, wanted: Wanted) -> Result<Reserved, StoreError>;
    /// Stores all of a commit, durably, or nothing of it.
    async fn commit(&self, commit: Commit) -> Result<(), StoreError>;
    /// The reply kept for a key.
    async fn kept_reply(&self, subject: &str, command: &str, key: &str) -> Result<Option<KeptReply>, StoreError>;
    /// Forgets replies kept since before a time; how many.
    async fn forget_replies(&self, before: Time) -> Result<u64, StoreError>;
    /// Customers for whom something is due, the longest due first, at most so many.
    async fn due(&self, now: Time, limit: usize) -> Result<Vec<CustomerKey>, StoreError>;
    /// A stored file's metadata.
    async fn file(&self, id: &FileId) -> Result<Option<FileMeta>, StoreError>;
    /// Those of these names of stored files that no file's metadata lead to. A store that can answer for all at once
    /// does so: every stored file is asked for.
    async fn strays(&self, names: Vec<String>) -> Result<Vec<String>, StoreError> {
        let mut strays = Vec::new();
        for name in names {
            let is_known = match name.split_once('.').and_then(|(id, _)| id.parse().ok()) {
                Some(id) => self.file(&id).await?.is_some_and(|file| file.stored_name() == name),
                None => false,
            };
            if !is_known {
                strays.push(name);
            }
        }
        Ok(strays)
    }
    /// Records a stored file.
    async fn add_file(&self, file: FileMeta) -> Result<(), StoreError>;
    /// Marks files as named by a document or answer of this customer, whose they become if they were nobody's.
    /// [`StoreError::Conflict`] when one is gone or another customer's; then none is marked.
    async fn claim_files(&self, ids: &[FileId], customer: &CustomerKey) -> Result<(), StoreError>;
    /// Files that nothing has claimed, stored before a time, at most so many.
    async fn unclaimed_files(&self, before: Time, limit: usize) -> Result<Vec<FileMeta>, StoreError>;
    /// Forgets a file that nothing has claimed; whether it did.
    async fn remove_unclaimed(&self, id: &FileId) -> Result<bool, StoreError>;
    /// Whose slug this is.
    async fn tenant_brand(&self, slug: &Slug) -> Result<Option<Brand>, StoreError>;
    /// The sealed secrets of a brand's tenant.
    async fn secrets(&self, brand: &Brand) -> Result<Vec<SealedSecret>, StoreError>;
    /// Whether a brand has a profile whose status is not none.
    async fn has_active_profiles(&self, brand: &Brand) -> Result<bool, StoreError>;
    /// The entry of the level log that has taken an event id.
    async fn claimed_event(&self, slug: &Slug, event_id: &str) -> Result<Option<LevelEntry>, StoreError>;
    /// The brand whose customers' level logs hold webhooks under a slug, whether or not it is a tenant's now.
    async fn webhook_brand(&self, slug: &Slug) -> Result<Option<Brand>, StoreError>;
    /// Calls out, those of the ids that are there, in order of their ids.
    async fn deliveries(&self, ids: &[DeliveryId]) -> Result<Vec<Delivery>, StoreError>;
    /// Brands that have calls to send or to give up.
    async fn callable_brands(&self, now: Time) -> Result<Vec<Brand>, StoreError>;
    /// How a brand's platform has answered lately; `None` while it answers.
    async fn breaker(&self, brand: &Brand) -> Result<Option<Breaker>, StoreError>;
    /// Takes waiting calls for the claimer, in order of their ids.
    async fn claim_calls(&self, claim: Claim) -> Result<Vec<QueuedCall>, StoreError>;
    /// Puts a claimed call back, and counts a failure: enough of them in a row open the brand's breaker.
    /// [`StoreError::Conflict`] when the lease is somebody else's by now; then nothing is done.
    async fn postpone_call(&self, postponed: Postponed) -> Result<(), StoreError>;
    /// Brands whose daily reconciliation is due: a day after the tenant was added, and then as was set.
    async fn due_reconciliations(&self, now: Time) -> Result<Vec<Reconciliation>, StoreError>;
    /// Sets when and where a reconciliation goes on; nothing for a brand whose tenant has gone.
    async fn set_reconciliation(&self, reconciliation: Reconciliation) -> Result<(), StoreError>;
    /// Whether a write would go through now.
    async fn check_writable(&self) -> Result<(), StoreError>;
}
