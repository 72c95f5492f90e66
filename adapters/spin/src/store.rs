//! The `Store` port over two of Spin's databases: one for streams, one for files.

use std::sync::Arc;

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
use kyc_core::record::Column;
use kyc_core::tenant::SealedSecret;
use kyc_core::time::Time;
use kyc_ports::store::{Claim, Postponed, Reconciliation, Reserved, Store, StoreError, Thing, Wanted};
use kyc_sql::statement::Statement;
use kyc_sql::table::{Table, decode};
use kyc_sql::{commit, file, list, load, queue};

use crate::blobs::SpinBlobs;
use crate::database::Database;
use crate::steps::{KYC, STORAGE};

/// The store of a component.
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
        let rows = self.kyc.rows(load::customer(key)).await?;
        load::read_customer(key.clone(), rows).ok_or_else(corrupt)
    }

    async fn brand(&self, brand: &Brand, templates: &TemplateNeed) -> Result<BrandState, StoreError> {
        let rows = self.kyc.rows(load::brand(brand, templates)).await?;
        load::read_brand(brand.clone(), rows).ok_or_else(corrupt)
    }

    async fn list(&self, query: &Query) -> Result<Rows, StoreError> {
        let rows = self.kyc.rows(list::page(query)).await?;
        list::read(query, rows).ok_or_else(corrupt)
    }

    /// Straight from the database, all kinds in one statement. Blocks kept in memory would not do: instances come and
    /// go, and the ids of a stream must rise whichever of them writes.
    async fn reserve(&self, wanted: Wanted) -> Result<Reserved, StoreError> {
        let mut reserved = Reserved::default();
        let kinds = [
            ("profile", wanted.profiles, &mut reserved.profile),
            ("step", wanted.steps, &mut reserved.step),
            ("document", wanted.documents, &mut reserved.document),
            ("template", wanted.templates, &mut reserved.template),
            ("audit", wanted.audit, &mut reserved.audit),
            ("customer", wanted.customers, &mut reserved.customer),
            ("tenant", wanted.tenants, &mut reserved.tenant),
            ("delivery", wanted.deliveries, &mut reserved.delivery),
        ];
        let wanted = kinds.into_iter().filter(|(_, count, _)| *count > 0);
        let (kinds, places): (Vec<_>, Vec<_>) = wanted.map(|(name, count, place)| ((name, count), place)).unzip();
        if kinds.is_empty() {
            return Ok(reserved);
        }
        let rows = self.kyc.rows(commit::reserve(&kinds)).await?;
        let firsts = commit::reserved(&kinds, rows).ok_or_else(corrupt)?;
        for (place, first) in places.into_iter().zip(firsts) {
            *place = first;
        }
        Ok(reserved)
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.kyc.write(commit::statements(commit)).await.map(|_| ())
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
        let statements = file::add(file).into_iter().collect();
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
        let statement = queue::set_reconciliation(reconciliation);
        self.kyc.write(vec![statement]).await.map(|_| ())
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        // A write that changes nothing for anybody, but goes all the way to the disk.
        self.kyc.write(vec![commit::reserve(&[("audit", 0)])]).await.map(|_| ())
    }
}

fn corrupt() -> StoreError {
    StoreError::Failed("a stored row does not have the form that this program writes".to_owned())
}
