//! The `Store` port over two of Spin's databases: one for streams, one for files.

use std::sync::Arc;

use async_trait::async_trait;
use kyc_core::brand::{BrandState, Settings};
use kyc_core::command::TemplateNeed;
use kyc_core::commit::{Commit, KeptReply};
use kyc_core::customer::CustomerState;
use kyc_core::file::FileMeta;
use kyc_core::id::{Brand, CustomerId, CustomerKey, DeliveryId, FileId, Slug, TemplateId};
use kyc_core::level::LevelEntry;
use kyc_core::outbound::{Breaker, Delivery, QueuedCall};
use kyc_core::query::{Query, Rows};
use kyc_core::record::{Cell, Column};
use kyc_core::stream::{Head, StreamKey};
use kyc_core::tenant::SealedSecret;
use kyc_core::time::Time;
use kyc_ports::store::{Claim, Postponed, Reconciliation, Reserved, Store, StoreError, Thing, Wanted};
use kyc_sql::statement::Statement;
use kyc_sql::table::{Table, decode};
use kyc_sql::{commit, file, list, load, queue};

use crate::blobs::SpinBlobs;
use crate::database::{Database, Session};
use crate::steps::{KYC, STORAGE};

/// The store of a component; of one request it holds a connection.
#[derive(Debug)]
pub struct SpinStore {
    kyc: Database,
    storage: Arc<Database>,
}

impl SpinStore {
    /// Streams in the database of one label, files' metadata in that of another. A component that is not granted the
    /// second one can do all that touches no file.
    pub fn new(kyc: &'static str, storage: &'static str) -> Self {
        Self {
            kyc: Database::new(kyc, KYC),
            storage: Arc::new(Database::new(storage, STORAGE)),
        }
    }

    /// The same for one request, which is not to use another's connections: they end with it.
    #[must_use]
    pub fn for_request(&self) -> Self {
        Self {
            kyc: self.kyc.for_request(),
            storage: Arc::new(self.storage.for_request()),
        }
    }

    /// The files themselves, in the database of their metadata.
    pub fn blobs(&self) -> SpinBlobs {
        SpinBlobs::new(self.storage.clone())
    }

    async fn records<T: Table>(&self, statement: Statement) -> Result<Vec<T>, StoreError> {
        decode(self.kyc.rows(statement).await?).ok_or_else(corrupt)
    }

    async fn value<T: Column>(&self, statement: Statement) -> Result<Option<T>, StoreError> {
        let cell = self.kyc.rows(statement).await?.into_iter().flatten().next();
        cell.map(|cell| T::from_cell(cell).ok_or_else(corrupt)).transpose()
    }
}

#[async_trait(?Send)]
impl Store for SpinStore {
    async fn locate(&self, thing: Thing) -> Result<Option<CustomerKey>, StoreError> {
        let row = self.kyc.rows(load::locate(thing)).await?.into_iter().next();
        row.map(|row| load::customer_key(row).ok_or_else(corrupt)).transpose()
    }

    async fn template_brand(&self, id: TemplateId) -> Result<Option<Brand>, StoreError> {
        self.value(load::template_brand(id)).await
    }

    async fn template_count(&self, brand: &Brand) -> Result<usize, StoreError> {
        let count: Option<i64> = self.value(load::template_count(brand)).await?;
        usize::try_from(count.unwrap_or(0)).map_err(|_| corrupt())
    }

    async fn external_owner(&self, brand: &Brand, external_id: &str) -> Result<Option<CustomerId>, StoreError> {
        self.value(load::external_owner(brand, external_id)).await
    }

    async fn customer(&self, key: &CustomerKey) -> Result<CustomerState, StoreError> {
        let mut state = CustomerState::new(key.clone());
        self.kyc
            .read(async move |session| {
                state.head = head(session, &state.stream()).await?;
                state.profile = all(session, load::profile(&state.key)).await?.into_iter().next();
                if let Some(profile) = &state.profile {
                    state.steps = all(session, load::steps(profile)).await?;
                    state.documents = all(session, load::documents(profile)).await?;
                    state.log = all(session, load::log(profile)).await?;
                    state.deliveries = all(session, load::deliveries(profile)).await?;
                    state.waiting = all(session, load::waiting(&state.key)).await?;
                }
                Ok(state)
            })
            .await
    }

    async fn brand(&self, brand: &Brand, templates: &TemplateNeed) -> Result<BrandState, StoreError> {
        self.kyc
            .read(async |session| {
                let stream = StreamKey {
                    brand: brand.clone(),
                    customer_id: None,
                };
                let settings: Option<Settings> = all(session, load::settings(brand)).await?.into_iter().next();
                Ok(BrandState {
                    tenant: all(session, load::tenant(brand)).await?.into_iter().next(),
                    head: head(session, &stream).await?,
                    settings: settings.unwrap_or_else(|| Settings::defaults(brand.clone())),
                    templates: match load::templates(brand, templates) {
                        Some(statement) => all(session, statement).await?,
                        None => Vec::new(),
                    },
                })
            })
            .await
    }

    async fn list(&self, query: &Query) -> Result<Rows, StoreError> {
        let rows = self.kyc.rows(list::page(query)).await?;
        list::read(query, rows).ok_or_else(corrupt)
    }

    /// Straight from the database, all kinds in one transaction. Blocks kept in memory would not do: instances come and
    /// go, and the ids of a stream must rise whichever of them writes.
    async fn reserve(&self, wanted: Wanted) -> Result<Reserved, StoreError> {
        let kinds = [
            ("profile", wanted.profiles),
            ("step", wanted.steps),
            ("document", wanted.documents),
            ("template", wanted.templates),
            ("audit", wanted.audit),
            ("customer", wanted.customers),
            ("tenant", wanted.tenants),
            ("delivery", wanted.deliveries),
        ];
        let session = self.kyc.open().await?;
        let reserved = if kinds.iter().filter(|(_, count)| *count > 0).count() > 1 {
            session
                .transact("BEGIN IMMEDIATE", async |session| firsts(session, kinds).await)
                .await?
        } else {
            // One statement by itself holds the lock for less time than a transaction of several calls.
            firsts(&session, kinds).await?
        };
        let [profile, step, document, template, audit, customer, tenant, delivery] = reserved;
        Ok(Reserved {
            profile,
            step,
            document,
            template,
            audit,
            customer,
            tenant,
            delivery,
        })
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.kyc.write(commit::statements(&commit)).await.map(|_| ())
    }

    async fn kept_reply(&self, subject: &str, command: &str, key: &str) -> Result<Option<KeptReply>, StoreError> {
        let kept = self.records(load::kept_reply(subject, command, key)).await?;
        Ok(kept.into_iter().next())
    }

    async fn forget_replies(&self, before: Time) -> Result<u64, StoreError> {
        let ran = self.kyc.write(vec![commit::forget_replies(before)]).await?;
        Ok(ran.touched)
    }

    async fn due(&self, now: Time, limit: usize) -> Result<Vec<CustomerKey>, StoreError> {
        let rows = self.kyc.rows(load::due(now, limit as i64)).await?;
        rows.into_iter()
            .map(|row| load::customer_key(row).ok_or_else(corrupt))
            .collect()
    }

    async fn file(&self, id: &FileId) -> Result<Option<FileMeta>, StoreError> {
        let found = self.storage.rows(file::by_id(id)).await?;
        Ok(decode(found).ok_or_else(corrupt)?.into_iter().next())
    }

    async fn strays(&self, names: Vec<String>) -> Result<Vec<String>, StoreError> {
        let rows = self.storage.rows(file::strays(&names)).await?;
        let strays = rows.into_iter().flatten().map(String::from_cell);
        strays.collect::<Option<_>>().ok_or_else(corrupt)
    }

    async fn add_file(&self, file: FileMeta) -> Result<(), StoreError> {
        let statements = file::add(&file).into_iter().collect();
        self.storage.write(statements).await.map(|_| ())
    }

    async fn claim_files(&self, ids: &[FileId], customer: &CustomerKey) -> Result<(), StoreError> {
        self.storage.write(vec![file::claim(ids, customer)]).await.map(|_| ())
    }

    async fn unclaimed_files(&self, before: Time, limit: usize) -> Result<Vec<FileMeta>, StoreError> {
        let found = self.storage.rows(file::unclaimed(before, limit as i64)).await?;
        decode(found).ok_or_else(corrupt)
    }

    async fn remove_unclaimed(&self, id: &FileId) -> Result<bool, StoreError> {
        let ran = self.storage.write(vec![file::remove_unclaimed(id)]).await?;
        Ok(ran.touched > 0)
    }

    async fn tenant_brand(&self, slug: &Slug) -> Result<Option<Brand>, StoreError> {
        self.value(load::tenant_brand(slug)).await
    }

    async fn secrets(&self, brand: &Brand) -> Result<Vec<SealedSecret>, StoreError> {
        self.records(load::secrets(brand)).await
    }

    async fn has_active_profiles(&self, brand: &Brand) -> Result<bool, StoreError> {
        let rows = self.kyc.rows(load::active_profiles(brand)).await?;
        Ok(!rows.is_empty())
    }

    async fn claimed_event(&self, slug: &Slug, event_id: &str) -> Result<Option<LevelEntry>, StoreError> {
        let found = self.records(load::claimed_event(slug, event_id)).await?;
        Ok(found.into_iter().next())
    }

    async fn webhook_brand(&self, slug: &Slug) -> Result<Option<Brand>, StoreError> {
        self.value(load::webhook_brand(slug)).await
    }

    async fn deliveries(&self, ids: &[DeliveryId]) -> Result<Vec<Delivery>, StoreError> {
        self.records(load::deliveries_of(ids)).await
    }

    async fn callable_brands(&self, now: Time) -> Result<Vec<Brand>, StoreError> {
        let rows = self.kyc.rows(queue::callable_brands(now)).await?;
        let brands = rows.into_iter().flatten().map(Brand::from_cell);
        brands.map(|brand| brand.ok_or_else(corrupt)).collect()
    }

    async fn breaker(&self, brand: &Brand) -> Result<Option<Breaker>, StoreError> {
        Ok(self.records(queue::breaker(brand)).await?.into_iter().next())
    }

    async fn claim_calls(&self, claim: Claim) -> Result<Vec<QueuedCall>, StoreError> {
        let ran = self.kyc.write(queue::claim(&claim)).await?;
        let mut calls: Vec<QueuedCall> = decode(ran.rows).ok_or_else(corrupt)?;
        calls.sort_by_key(|call| call.delivery_id);
        Ok(calls)
    }

    async fn postpone_call(&self, postponed: Postponed) -> Result<(), StoreError> {
        self.kyc.write(queue::postpone(&postponed)).await.map(|_| ())
    }

    async fn due_reconciliations(&self, now: Time) -> Result<Vec<Reconciliation>, StoreError> {
        self.records(queue::due_reconciliations(now)).await
    }

    async fn set_reconciliation(&self, reconciliation: Reconciliation) -> Result<(), StoreError> {
        let statement = queue::set_reconciliation(&reconciliation);
        self.kyc.write(vec![statement]).await.map(|_| ())
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        // A write that changes nothing for anybody, but goes all the way to the disk.
        self.kyc.write(vec![commit::reserve("audit", 0)]).await.map(|_| ())
    }
}

/// The first of the ids of each kind; 0 where none are wanted.
async fn firsts(session: &Session, kinds: [(&'static str, i64); 8]) -> Result<[i64; 8], StoreError> {
    let mut firsts = [0; 8];
    for ((name, count), first) in kinds.into_iter().zip(&mut firsts) {
        if count > 0 {
            let rows = session.rows(commit::reserve(name, count)).await?;
            let cell = rows.into_iter().flatten().next();
            *first = cell.and_then(i64::from_cell).ok_or_else(corrupt)?;
        }
    }
    Ok(firsts)
}

async fn all<T: Table>(session: &Session, statement: Statement) -> Result<Vec<T>, StoreError> {
    decode(session.rows(statement).await?).ok_or_else(corrupt)
}

async fn head(session: &Session, stream: &StreamKey) -> Result<Head, StoreError> {
    let rows: Vec<Vec<Cell>> = session.rows(load::head(stream)).await?;
    match rows.into_iter().next() {
        Some(row) => load::read_head(row).ok_or_else(corrupt),
        None => Ok(Head::EMPTY),
    }
}

fn corrupt() -> StoreError {
    StoreError::Failed("a stored row does not have the form that this program writes".to_owned())
}
