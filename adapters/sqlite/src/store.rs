//! The `Store` port over the two databases.

use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use kyc_core::brand::BrandState;
use kyc_core::command::TemplateNeed;
use kyc_core::commit::{Commit, KeptReply};
use kyc_core::customer::CustomerState;
use kyc_core::file::FileMeta;
use kyc_core::id::{Brand, CustomerId, CustomerKey, DeliveryId, FileId, Slug, TemplateId};
use kyc_core::level::LevelEntry;
use kyc_core::outbound::{Breaker, Delivery, QueuedCall};
use kyc_core::query::{Query, Rows};
use kyc_core::record::{Cell, Column};
use kyc_core::tenant::SealedSecret;
use kyc_core::time::Time;
use kyc_ports::store::{Claim, Postponed, Reconciliation, Reserved, Store, StoreError, Thing, Wanted};
use kyc_sql::statement::Statement;
use kyc_sql::table::{Table, decode};
use kyc_sql::{commit, file, list, load, queue};
use rusqlite::Connection;

use crate::database::{Database, OpenError, Options, Ran, run};
use crate::migrate;

/// Ids taken from the database at a time; what is left at the end, up to a block and a half, is a gap.
const ID_BLOCK: i64 = 4_096;

/// The native store.
#[derive(Debug)]
pub struct SqliteStore {
    kyc: Database,
    storage: Database,
    profiles: Counter,
    steps: Counter,
    documents: Counter,
    templates: Counter,
    audit: Counter,
    customers: Counter,
    tenants: Counter,
    deliveries: Counter,
}

/// Ids of one kind, taken from the database in blocks.
#[derive(Debug)]
struct Counter {
    name: &'static str,
    stock: Mutex<Stock>,
    /// Held by whoever fetches a block.
    fetching: tokio::sync::Mutex<()>,
}

/// Ids that nobody has yet.
#[derive(Debug)]
struct Stock {
    now: Range<i64>,
    /// The block behind it, fetched before that is used up, so that not all wait for a commit.
    next: Range<i64>,
}

impl Stock {
    /// The first of `count` ids in a row. They rise; what is too little is left out.
    fn take(&mut self, count: i64) -> Option<i64> {
        if self.now.end - self.now.start < count {
            if self.next.end - self.next.start < count {
                return None;
            }
            self.now = std::mem::take(&mut self.next);
        }
        let first = self.now.start;
        self.now.start += count;
        Some(first)
    }

    /// Whether the next block is to be fetched.
    fn is_low(&self) -> bool {
        self.next.is_empty() && self.now.end - self.now.start < ID_BLOCK / 2
    }
}

impl Counter {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            stock: Mutex::new(Stock { now: 0..0, next: 0..0 }),
            fetching: tokio::sync::Mutex::const_new(()),
        }
    }

    /// The first of `count` ids in a row.
    async fn take(&self, kyc: &Database, count: i64) -> Result<i64, StoreError> {
        let at_hand = self.stock().take(count);
        let Some(first) = at_hand else {
            let _turn = self.fetching.lock().await;
            let fetched_meanwhile = self.stock().take(count);
            return match fetched_meanwhile {
                Some(first) => Ok(first),
                None => self.fetch(kyc, count).await,
            };
        };
        // One of those who take waits for the next block, the others go on. What fails is tried again, at the latest
        // when nothing is left.
        if count > 0
            && self.stock().is_low()
            && let Ok(_turn) = self.fetching.try_lock()
            && self.stock().is_low()
        {
            let _ = self.fetch(kyc, 0).await;
        }
        Ok(first)
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches a block, and takes from it.
    async fn fetch(&self, kyc: &Database, count: i64) -> Result<i64, StoreError> {
        let block = count.max(ID_BLOCK);
        let kinds = [(self.name, block)];
        let rows = kyc.strand.write(vec![commit::reserve(&kinds)]).await?.rows;
        let first = commit::reserved(&kinds, rows).and_then(|firsts| firsts.first().copied());
        let first = first.ok_or_else(corrupt)?;
        let mut stock = self.stock();
        stock.next = first..first + block;
        stock.take(count).ok_or_else(corrupt)
    }
}

impl SqliteStore {
    /// Opens `kyc.db` and `storage.db` in a folder that exists, and migrates them.
    pub fn open(folder: &Path, options: Options) -> Result<Self, OpenError> {
        let one_reader = Options { readers: 1, ..options };
        Ok(Self {
            kyc: Database::open(&folder.join("kyc.db"), "kyc", migrate::KYC, options)?,
            storage: Database::open(&folder.join("storage.db"), "storage", migrate::STORAGE, one_reader)?,
            profiles: Counter::new("profile"),
            steps: Counter::new("step"),
            documents: Counter::new("document"),
            templates: Counter::new("template"),
            audit: Counter::new("audit"),
            customers: Counter::new("customer"),
            tenants: Counter::new("tenant"),
            deliveries: Counter::new("delivery"),
        })
    }

    /// Resolves when a commit has failed so that nobody knows what the disk holds. From then on nothing is written;
    /// the process should be started again, which recovers what was acknowledged.
    pub async fn broken(&self) {
        let (mut kyc, mut storage) = (self.kyc.strand.broken(), self.storage.strand.broken());
        // A thread that has gone writes nothing either.
        tokio::select! {
            _ = kyc.wait_for(|broken| *broken) => {}
            _ = storage.wait_for(|broken| *broken) => {}
        }
    }

    async fn kyc_rows(&self, statement: Statement) -> Result<Ran, StoreError> {
        self.kyc
            .readers
            .read(move |connection| run(connection, &statement))
            .await
    }
}

impl SqliteStore {
    async fn records<T: Table + Send + 'static>(&self, statement: Statement) -> Result<Vec<T>, StoreError> {
        self.kyc
            .readers
            .read(move |connection| all(connection, &statement))
            .await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn locate(&self, thing: Thing) -> Result<Option<CustomerKey>, StoreError> {
        let ran = self.kyc_rows(load::locate(thing)).await?;
        ran.rows
            .into_iter()
            .next()
            .map(|row| load::customer_key(row).ok_or_else(corrupt))
            .transpose()
    }

    async fn template_brand(&self, id: TemplateId) -> Result<Option<Brand>, StoreError> {
        one_value(self.kyc_rows(load::template_brand(id)).await?)
    }

    async fn template_count(&self, brand: &Brand) -> Result<usize, StoreError> {
        let count: Option<i64> = one_value(self.kyc_rows(load::template_count(brand)).await?)?;
        usize::try_from(count.unwrap_or(0)).map_err(|_| corrupt())
    }

    async fn external_owner(&self, brand: &Brand, external_id: &str) -> Result<Option<CustomerId>, StoreError> {
        one_value(self.kyc_rows(load::external_owner(brand, external_id)).await?)
    }

    async fn customer(&self, key: &CustomerKey) -> Result<CustomerState, StoreError> {
        let rows = self.kyc_rows(load::customer(key)).await?.rows;
        load::read_customer(key.clone(), rows).ok_or_else(corrupt)
    }

    async fn brand(&self, brand: &Brand, templates: &TemplateNeed) -> Result<BrandState, StoreError> {
        let rows = self.kyc_rows(load::brand(brand, templates)).await?.rows;
        load::read_brand(brand.clone(), rows).ok_or_else(corrupt)
    }

    async fn list(&self, query: &Query) -> Result<Rows, StoreError> {
        let ran = self.kyc_rows(list::page(query)).await?;
        list::read(query, ran.rows).ok_or_else(corrupt)
    }

    async fn reserve(&self, wanted: Wanted) -> Result<Reserved, StoreError> {
        Ok(Reserved {
            profile: self.profiles.take(&self.kyc, wanted.profiles).await?,
            step: self.steps.take(&self.kyc, wanted.steps).await?,
            document: self.documents.take(&self.kyc, wanted.documents).await?,
            template: self.templates.take(&self.kyc, wanted.templates).await?,
            audit: self.audit.take(&self.kyc, wanted.audit).await?,
            customer: self.customers.take(&self.kyc, wanted.customers).await?,
            tenant: self.tenants.take(&self.kyc, wanted.tenants).await?,
            delivery: self.deliveries.take(&self.kyc, wanted.deliveries).await?,
        })
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.kyc.strand.write(commit::statements(commit)).await.map(|_| ())
    }

    async fn kept_reply(&self, subject: &str, command: &str, key: &str) -> Result<Option<KeptReply>, StoreError> {
        let statement = load::kept_reply(subject, command, key);
        self.kyc
            .readers
            .read(move |connection| Ok(all(connection, &statement)?.into_iter().next()))
            .await
    }

    async fn forget_replies(&self, before: Time) -> Result<u64, StoreError> {
        let ran = self.kyc.strand.write(vec![commit::forget_replies(before)]).await?;
        Ok(ran.touched as u64)
    }

    async fn due(&self, now: Time, limit: usize) -> Result<Vec<CustomerKey>, StoreError> {
        let ran = self.kyc_rows(load::due(now, limit as i64)).await?;
        ran.rows
            .into_iter()
            .map(|row| load::customer_key(row).ok_or_else(corrupt))
            .collect()
    }

    async fn file(&self, id: &FileId) -> Result<Option<FileMeta>, StoreError> {
        let statement = file::by_id(id);
        self.storage
            .readers
            .read(move |connection| Ok(all(connection, &statement)?.into_iter().next()))
            .await
    }

    async fn strays(&self, names: Vec<String>) -> Result<Vec<String>, StoreError> {
        let statement = file::strays(&names);
        let ran = self
            .storage
            .readers
            .read(move |connection| run(connection, &statement))
            .await?;
        let strays = ran.rows.into_iter().flatten().map(String::from_cell);
        strays.collect::<Option<_>>().ok_or_else(corrupt)
    }

    async fn add_file(&self, file: FileMeta) -> Result<(), StoreError> {
        self.storage
            .strand
            .write(file::add(file).into_iter().collect())
            .await
            .map(|_| ())
    }

    async fn claim_files(&self, ids: &[FileId], customer: &CustomerKey) -> Result<(), StoreError> {
        self.storage
            .strand
            .write(vec![file::claim(ids, customer)])
            .await
            .map(|_| ())
    }

    async fn unclaimed_files(&self, before: Time, limit: usize) -> Result<Vec<FileMeta>, StoreError> {
        let statement = file::unclaimed(before, limit as i64);
        self.storage
            .readers
            .read(move |connection| all(connection, &statement))
            .await
    }

    async fn remove_unclaimed(&self, id: &FileId) -> Result<bool, StoreError> {
        let ran = self.storage.strand.write(vec![file::remove_unclaimed(id)]).await?;
        Ok(ran.touched > 0)
    }

    async fn tenant_brand(&self, slug: &Slug) -> Result<Option<Brand>, StoreError> {
        one_value(self.kyc_rows(load::tenant_brand(slug)).await?)
    }

    async fn secrets(&self, brand: &Brand) -> Result<Vec<SealedSecret>, StoreError> {
        self.records(load::secrets(brand)).await
    }

    async fn has_active_profiles(&self, brand: &Brand) -> Result<bool, StoreError> {
        let ran = self.kyc_rows(load::active_profiles(brand)).await?;
        Ok(!ran.rows.is_empty())
    }

    async fn claimed_event(&self, slug: &Slug, event_id: &str) -> Result<Option<LevelEntry>, StoreError> {
        let found = self.records(load::claimed_event(slug, event_id)).await?;
        Ok(found.into_iter().next())
    }

    async fn webhook_brand(&self, slug: &Slug) -> Result<Option<Brand>, StoreError> {
        one_value(self.kyc_rows(load::webhook_brand(slug)).await?)
    }

    async fn deliveries(&self, ids: &[DeliveryId]) -> Result<Vec<Delivery>, StoreError> {
        self.records(load::deliveries_of(ids)).await
    }

    async fn callable_brands(&self, now: Time) -> Result<Vec<Brand>, StoreError> {
        let ran = self.kyc_rows(queue::callable_brands(now)).await?;
        let brands = ran.rows.into_iter().flatten().map(Brand::from_cell);
        brands.map(|brand| brand.ok_or_else(corrupt)).collect()
    }

    async fn breaker(&self, brand: &Brand) -> Result<Option<Breaker>, StoreError> {
        Ok(self.records(queue::breaker(brand)).await?.into_iter().next())
    }

    async fn claim_calls(&self, claim: Claim) -> Result<Vec<QueuedCall>, StoreError> {
        let ran = self.kyc.strand.write(queue::claim(&claim)).await?;
        let mut calls: Vec<QueuedCall> = decode(ran.rows).ok_or_else(corrupt)?;
        calls.sort_by_key(|call| call.delivery_id);
        Ok(calls)
    }

    async fn postpone_call(&self, postponed: Postponed) -> Result<(), StoreError> {
        self.kyc.strand.write(queue::postpone(&postponed)).await.map(|_| ())
    }

    async fn due_reconciliations(&self, now: Time) -> Result<Vec<Reconciliation>, StoreError> {
        self.records(queue::due_reconciliations(now)).await
    }

    async fn set_reconciliation(&self, reconciliation: Reconciliation) -> Result<(), StoreError> {
        let statement = queue::set_reconciliation(reconciliation);
        self.kyc.strand.write(vec![statement]).await.map(|_| ())
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        // A write that changes nothing for anybody, but goes all the way to the disk.
        self.kyc
            .strand
            .write(vec![commit::reserve(&[("audit", 0)])])
            .await
            .map(|_| ())
    }
}

fn all<T: Table>(connection: &Connection, statement: &Statement) -> Result<Vec<T>, StoreError> {
    decode(run(connection, statement)?.rows).ok_or_else(corrupt)
}

/// The first column of the first row.
fn one_value<T: Column>(ran: Ran) -> Result<Option<T>, StoreError> {
    let cell: Option<Cell> = ran.rows.into_iter().next().and_then(|row| row.into_iter().next());
    cell.map(|cell| T::from_cell(cell).ok_or_else(corrupt)).transpose()
}

fn corrupt() -> StoreError {
    StoreError::Failed("a stored row does not have the form that this program writes".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_block_is_fetched_before_this_one_is_used_up() {
        let mut stock = Stock { now: 0..0, next: 0..0 };
        assert!(stock.is_low());
        assert_eq!((stock.take(1), stock.take(0)), (None, Some(0)));
        stock.next = 1..1 + ID_BLOCK;
        assert_eq!(stock.take(ID_BLOCK / 2), Some(1));
        assert!(!stock.is_low(), "half of it is left");
        assert_eq!(stock.take(1), Some(1 + ID_BLOCK / 2));
        assert!(stock.is_low());
        stock.next = 10_000..10_000 + ID_BLOCK;
        assert!(!stock.is_low(), "fetched");
        assert_eq!(stock.take(ID_BLOCK), Some(10_000), "what is too little is left out");
        assert_eq!(stock.take(1), None);
    }
}
