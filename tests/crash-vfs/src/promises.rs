//! What the store has acknowledged, and at which point of the recording. A store that is watched is asked as ever; what
//! it is given and what it answers is noted.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use kyc_core::brand::BrandState;
use kyc_core::command::TemplateNeed;
use kyc_core::commit::{Commit, KeptReply};
use kyc_core::customer::CustomerState;
use kyc_core::file::FileMeta;
use kyc_core::id::{Brand, CustomerId, CustomerKey, DeliveryId, FileId, Slug, TemplateId};
use kyc_core::level::LevelEntry;
use kyc_core::limits::LEASE_SECONDS;
use kyc_core::outbound::{Breaker, Delivery, QueuedCall};
use kyc_core::query::{Query, Rows};
use kyc_core::tenant::SealedSecret;
use kyc_core::time::Time;
use kyc_ports::store::{Claim, Postponed, Reconciliation, Reserved, Store, StoreError, Thing, Wanted};

use crate::recording::Recorder;

/// A commit's name: the hash that its stream's head has after it. Salts make it one of a kind.
pub type CommitId = [u8; 32];

/// What must be there after a crash.
#[derive(Debug, Clone, PartialEq)]
pub enum Promise {
    /// A commit, whole.
    Commit(CommitId),
    /// A file's metadata.
    File(FileId),
    /// A file is its customer's, and stays.
    Claimed(FileId, CustomerKey),
    /// Ids below these are never given again, by kind as in [`Wanted`].
    Reserved([i64; 8]),
    /// A thing that a client was told of, by table and id.
    Told(&'static str, i64),
    /// A webhook was taken, by the tenant's slug and the event's id.
    Taken(String, String),
    /// A call has gone out under this idempotency key.
    Sent(String),
    /// A call was tried in vain.
    Tried {
        /// Which.
        delivery_id: DeliveryId,
        /// So often by then.
        attempts: i64,
        /// When it was claimed for that; queued again later, it counts anew.
        claimed_time: Time,
    },
    /// A tenant's reconciliation was set.
    Reconciled {
        /// The tenant's brand.
        brand: Brand,
        /// Its number: with the tenant goes what was set.
        tenant: i64,
        /// The place in [`Promises::reconciliations`].
        place: usize,
    },
}

/// Everything that was asked of a store, and what it acknowledged.
#[derive(Debug, Clone, Default)]
pub struct Promises {
    /// Every commit that was tried.
    pub commits: HashMap<CommitId, Arc<Commit>>,
    /// Every file that was to be recorded.
    pub files: HashMap<FileId, FileMeta>,
    /// Every lease that was asked for, by brand and end.
    pub leases: HashSet<(Brand, Time)>,
    /// Every call that was to be put back.
    pub postponed: Vec<Postponed>,
    /// How every reconciliation was to be set, in order.
    pub reconciliations: Vec<Reconciliation>,
    /// Replies kept since before this time may be forgotten.
    pub forgotten: Option<Time>,
    /// What was acknowledged, and from which position of the recording on; positions rise.
    pub kept: Vec<(usize, Promise)>,
}

impl Promises {
    /// When the last of it was committed.
    pub fn latest(&self) -> Option<Time> {
        self.commits.values().map(|commit| commit.head.committed_time).max()
    }
}

/// Notes promises while a folder is recorded.
#[derive(Debug)]
pub struct Notebook {
    recorder: Arc<Recorder>,
    promises: Mutex<Promises>,
}

impl Notebook {
    /// What was promised before the recording began holds from its beginning on.
    pub fn new(recorder: Arc<Recorder>, mut before: Promises) -> Arc<Self> {
        for (position, _) in &mut before.kept {
            *position = 0;
        }
        let promises = Mutex::new(before);
        Arc::new(Self { recorder, promises })
    }

    fn promises(&self) -> MutexGuard<'_, Promises> {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Acknowledged now.
    pub fn promise(&self, promise: Promise) {
        let mut promises = self.promises();
        let position = self.recorder.position();
        promises.kept.push((position, promise));
    }

    /// All of it.
    pub fn promised(&self) -> Promises {
        self.promises().clone()
    }
}

/// A store that is watched.
pub struct Watched<S> {
    store: S,
    notebook: Arc<Notebook>,
    /// Reconciliations are set one after the other: the last one asked for is the last one written.
    reconciling: tokio::sync::Mutex<()>,
}

impl<S> Watched<S> {
    /// Watches a store.
    pub const fn new(store: S, notebook: Arc<Notebook>) -> Self {
        Self {
            store,
            notebook,
            reconciling: tokio::sync::Mutex::const_new(()),
        }
    }
}

/// Others may have been faster, or too many at once; but a store on a disk that works does not fail.
fn must_be_harmless(error: &StoreError) {
    assert!(
        !matches!(error, StoreError::Failed(_) | StoreError::Unknown(_)),
        "{error}"
    );
}

#[async_trait]
impl<S: Store> Store for Watched<S> {
    async fn locate(&self, thing: Thing) -> Result<Option<CustomerKey>, StoreError> {
        self.store.locate(thing).await
    }

    async fn template_brand(&self, id: TemplateId) -> Result<Option<Brand>, StoreError> {
        self.store.template_brand(id).await
    }

    async fn template_count(&self, brand: &Brand) -> Result<usize, StoreError> {
        self.store.template_count(brand).await
    }

    async fn external_owner(&self, brand: &Brand, external_id: &str) -> Result<Option<CustomerId>, StoreError> {
        self.store.external_owner(brand, external_id).await
    }

    async fn customer(&self, key: &CustomerKey) -> Result<CustomerState, StoreError> {
        self.store.customer(key).await
    }

    async fn brand(&self, brand: &Brand, templates: &TemplateNeed) -> Result<BrandState, StoreError> {
        self.store.brand(brand, templates).await
    }

    async fn list(&self, query: &Query) -> Result<Rows, StoreError> {
        self.store.list(query).await
    }

    async fn reserve(&self, wanted: Wanted) -> Result<Reserved, StoreError> {
        let first = self.store.reserve(wanted).await.inspect_err(must_be_harmless)?;
        self.notebook.promise(Promise::Reserved([
            first.profile + wanted.profiles,
            first.step + wanted.steps,
            first.document + wanted.documents,
            first.template + wanted.templates,
            first.audit + wanted.audit,
            first.customer + wanted.customers,
            first.tenant + wanted.tenants,
            first.delivery + wanted.deliveries,
        ]));
        Ok(first)
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let id = commit.head.hash.0;
        self.notebook.promises().commits.insert(id, Arc::new(commit.clone()));
        self.store.commit(commit).await.inspect_err(must_be_harmless)?;
        self.notebook.promise(Promise::Commit(id));
        Ok(())
    }

    async fn kept_reply(&self, subject: &str, command: &str, key: &str) -> Result<Option<KeptReply>, StoreError> {
        self.store.kept_reply(subject, command, key).await
    }

    async fn forget_replies(&self, before: Time) -> Result<u64, StoreError> {
        let forgotten = Some(before);
        {
            let mut promises = self.notebook.promises();
            promises.forgotten = promises.forgotten.max(forgotten);
        }
        self.store.forget_replies(before).await
    }

    async fn due(&self, now: Time, limit: usize) -> Result<Vec<CustomerKey>, StoreError> {
        self.store.due(now, limit).await
    }

    async fn file(&self, id: &FileId) -> Result<Option<FileMeta>, StoreError> {
        self.store.file(id).await
    }

    async fn add_file(&self, file: FileMeta) -> Result<(), StoreError> {
        let id = file.file_id.clone();
        self.notebook.promises().files.insert(id.clone(), file.clone());
        self.store.add_file(file).await.inspect_err(must_be_harmless)?;
        self.notebook.promise(Promise::File(id));
        Ok(())
    }

    async fn claim_files(&self, ids: &[FileId], customer: &CustomerKey) -> Result<(), StoreError> {
        let claimed = self.store.claim_files(ids, customer).await;
        claimed.inspect_err(must_be_harmless)?;
        for id in ids {
            self.notebook.promise(Promise::Claimed(id.clone(), customer.clone()));
        }
        Ok(())
    }

    async fn unclaimed_files(&self, before: Time, limit: usize) -> Result<Vec<FileMeta>, StoreError> {
        self.store.unclaimed_files(before, limit).await
    }

    async fn remove_unclaimed(&self, id: &FileId) -> Result<bool, StoreError> {
        self.store.remove_unclaimed(id).await
    }

    async fn tenant_brand(&self, slug: &Slug) -> Result<Option<Brand>, StoreError> {
        self.store.tenant_brand(slug).await
    }

    async fn secrets(&self, brand: &Brand) -> Result<Vec<SealedSecret>, StoreError> {
        self.store.secrets(brand).await
    }

    async fn has_active_profiles(&self, brand: &Brand) -> Result<bool, StoreError> {
        self.store.has_active_profiles(brand).await
    }

    async fn claimed_event(&self, slug: &Slug, event_id: &str) -> Result<Option<LevelEntry>, StoreError> {
        self.store.claimed_event(slug, event_id).await
    }

    async fn webhook_brand(&self, slug: &Slug) -> Result<Option<Brand>, StoreError> {
        self.store.webhook_brand(slug).await
    }

    async fn deliveries(&self, ids: &[DeliveryId]) -> Result<Vec<Delivery>, StoreError> {
        self.store.deliveries(ids).await
    }

    async fn callable_brands(&self, now: Time) -> Result<Vec<Brand>, StoreError> {
        self.store.callable_brands(now).await
    }

    async fn breaker(&self, brand: &Brand) -> Result<Option<Breaker>, StoreError> {
        self.store.breaker(brand).await
    }

    /// A lease may be lost: whoever claims the call then sends it again, under the same key.
    async fn claim_calls(&self, claim: Claim) -> Result<Vec<QueuedCall>, StoreError> {
        let lease = (claim.brand.clone(), claim.lease_until);
        self.notebook.promises().leases.insert(lease);
        self.store.claim_calls(claim).await.inspect_err(must_be_harmless)
    }

    async fn postpone_call(&self, postponed: Postponed) -> Result<(), StoreError> {
        let promise = Promise::Tried {
            delivery_id: postponed.delivery_id,
            attempts: postponed.attempts,
            claimed_time: postponed.lease_until.plus_seconds(-LEASE_SECONDS),
        };
        self.notebook.promises().postponed.push(postponed.clone());
        let done = self.store.postpone_call(postponed).await;
        done.inspect_err(must_be_harmless)?;
        self.notebook.promise(promise);
        Ok(())
    }

    async fn due_reconciliations(&self, now: Time) -> Result<Vec<Reconciliation>, StoreError> {
        self.store.due_reconciliations(now).await
    }

    async fn set_reconciliation(&self, reconciliation: Reconciliation) -> Result<(), StoreError> {
        let _turn = self.reconciling.lock().await;
        let brand = reconciliation.brand.clone();
        let tenant = self.store.brand(&brand, &TemplateNeed::None).await?.tenant;
        let place = {
            let reconciliations = &mut self.notebook.promises().reconciliations;
            reconciliations.push(reconciliation.clone());
            reconciliations.len() - 1
        };
        let done = self.store.set_reconciliation(reconciliation).await;
        done.inspect_err(must_be_harmless)?;
        if let Some(tenant) = tenant.map(|tenant| tenant.id) {
            self.notebook.promise(Promise::Reconciled { brand, tenant, place });
        }
        Ok(())
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        self.store.check_writable().await
    }
}
