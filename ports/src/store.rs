//! The store: load, commit, list. No transaction is held across an await; a commit checks the version it was decided
//! on, and the application decides again when that has passed.

use async_trait::async_trait;
use kyc_core::brand::BrandState;
use kyc_core::command::TemplateNeed;
use kyc_core::commit::{Commit, KeptReply};
use kyc_core::customer::CustomerState;
use kyc_core::file::FileMeta;
use kyc_core::id::{Brand, CustomerId, CustomerKey, DocumentId, FileId, ProfileId, StepId, TemplateId};
use kyc_core::query::{Query, Rows};
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
}

impl From<BlobError> for StoreError {
    fn from(error: BlobError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A thing that belongs to one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// A profile.
    Profile(ProfileId),
    /// A step.
    Step(StepId),
    /// A document.
    Document(DocumentId),
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
}

/// The first of the reserved ids of each kind; the others follow it. Later reservations give greater ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "one for each kind")]
pub struct Reserved {
    pub profile: i64,
    pub step: i64,
    pub document: i64,
    pub template: i64,
    pub audit: i64,
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
    /// A brand's configuration stream with the templates asked for, by id.
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
    /// Records a stored file.
    async fn add_file(&self, file: FileMeta) -> Result<(), StoreError>;
    /// Marks files as named by a document or answer of this customer, whose they become if they were nobody's.
    /// [`StoreError::Conflict`] when one is gone or another customer's; then none is marked.
    async fn claim_files(&self, ids: &[FileId], customer: &CustomerKey) -> Result<(), StoreError>;
    /// Files that nothing has claimed, stored before a time, at most so many.
    async fn unclaimed_files(&self, before: Time, limit: usize) -> Result<Vec<FileMeta>, StoreError>;
    /// Forgets a file that nothing has claimed; whether it did.
    async fn remove_unclaimed(&self, id: &FileId) -> Result<bool, StoreError>;
    /// Whether a write would go through now.
    async fn check_writable(&self) -> Result<(), StoreError>;
}
