//! The `Store` port over plain maps behind one lock.

use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use kyc_core::audit::AuditRow;
use kyc_core::brand::BrandState;
use kyc_core::command::TemplateNeed;
use kyc_core::commit::{Commit, KeptReply};
use kyc_core::customer::CustomerState;
use kyc_core::file::FileMeta;
use kyc_core::id::{Brand, CustomerId, CustomerKey, DeliveryId, FileId, Slug, TemplateId};
use kyc_core::level::LevelEntry;
use kyc_core::limits::PROBE_SECONDS;
use kyc_core::outbound::retry::is_overdue;
use kyc_core::outbound::{Breaker, Delivery, QueuedCall, relevant};
use kyc_core::query::{Query, Rows};
use kyc_core::status::{Flag, TemplateStatus};
use kyc_core::template::Template;
use kyc_core::tenant::{SealedSecret, Tenant};
use kyc_core::time::{DAY_SECONDS, Time};
use kyc_ports::store::{Claim, Postponed, Reconciliation, Reserved, Store, StoreError, Thing, Wanted, Which};

use crate::tables::{Snapshot, Tables, unconfigured};
use crate::{list, locked};

/// A store in memory: the reference model of the port. What it holds is gone with it.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The audit log, by id.
    pub fn audit_rows(&self) -> Vec<AuditRow> {
        locked(&self.tables).audit.values().cloned().collect()
    }

    /// Everything that is stored.
    pub fn snapshot(&self) -> Snapshot {
        locked(&self.tables).snapshot()
    }
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Store for MemoryStore {
    async fn locate(&self, thing: Thing) -> Result<Option<CustomerKey>, StoreError> {
        let tables = locked(&self.tables);
        let found = tables.customers.values().find(|state| match thing {
            Thing::Profile(id) => state.profile.as_ref().is_some_and(|profile| profile.id == id),
            Thing::Step(id) => state.step(id).is_some(),
            Thing::Document(id) => state.document(id).is_some(),
            Thing::Delivery(id) => {
                let delivery = tables.deliveries.get(&id);
                delivery.is_some_and(|one| one.brand == state.key.brand && one.customer_id == state.key.customer_id)
            }
        });
        Ok(found.map(|state| state.key.clone()))
    }

    async fn template_brand(&self, id: TemplateId) -> Result<Option<Brand>, StoreError> {
        let tables = locked(&self.tables);
        Ok(tables
            .templates()
            .find(|template| template.id == id)
            .map(|template| template.brand.clone()))
    }

    async fn template_count(&self, brand: &Brand) -> Result<usize, StoreError> {
        let tables = locked(&self.tables);
        let of_brand = tables.templates().filter(|template| template.brand == *brand);
        Ok(of_brand
            .filter(|template| template.status != TemplateStatus::Archived)
            .count())
    }

    async fn external_owner(&self, brand: &Brand, external_id: &str) -> Result<Option<CustomerId>, StoreError> {
        let tables = locked(&self.tables);
        let profiles = tables.customers.values().filter_map(|state| state.profile.as_ref());
        let mut of_brand = profiles.filter(|profile| profile.brand == *brand);
        let named = of_brand
            .clone()
            .find(|profile| profile.external_id.as_deref() == Some(external_id));
        let number = CustomerId::of_external_id(external_id);
        let owner = named.or_else(|| of_brand.find(|profile| Some(profile.customer_id) == number && !profile.linked));
        Ok(owner.map(|profile| profile.customer_id))
    }

    async fn customer(&self, key: &CustomerKey) -> Result<CustomerState, StoreError> {
        let tables = locked(&self.tables);
        let known = tables.customers.get(key).cloned();
        let mut state = known.unwrap_or_else(|| CustomerState::new(key.clone()));
        let is_theirs = |brand: &Brand, customer_id| *brand == key.brand && customer_id == key.customer_id;
        let deliveries = tables.deliveries.values();
        let deliveries: Vec<Delivery> = deliveries
            .filter(|delivery| is_theirs(&delivery.brand, delivery.customer_id))
            .cloned()
            .collect();
        state.deliveries = relevant(&deliveries);
        let waiting = tables.queue.values();
        state.waiting = waiting
            .filter(|call| is_theirs(&call.brand, call.customer_id))
            .cloned()
            .collect();
        Ok(state)
    }

    async fn brand(&self, brand: &Brand, templates: &TemplateNeed) -> Result<BrandState, StoreError> {
        let known = locked(&self.tables).brands.get(brand).cloned();
        let mut state = known.unwrap_or_else(|| unconfigured(brand.clone()));
        state.templates = needed(state.templates, templates);
        Ok(state)
    }

    async fn list(&self, query: &Query) -> Result<Rows, StoreError> {
        Ok(list::page(&locked(&self.tables), query))
    }

    async fn reserve(&self, wanted: Wanted) -> Result<Reserved, StoreError> {
        Ok(locked(&self.tables).reserve(wanted))
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        locked(&self.tables).commit(commit)
    }

    async fn kept_reply(&self, subject: &str, command: &str, key: &str) -> Result<Option<KeptReply>, StoreError> {
        let key = (subject.to_owned(), command.to_owned(), key.to_owned());
        Ok(locked(&self.tables).kept.get(&key).cloned())
    }

    async fn forget_replies(&self, before: Time) -> Result<u64, StoreError> {
        let mut tables = locked(&self.tables);
        let count = tables.kept.len();
        tables.kept.retain(|_, reply| reply.created_time >= before);
        Ok((count - tables.kept.len()) as u64)
    }

    async fn due(&self, now: Time, limit: usize) -> Result<Vec<CustomerKey>, StoreError> {
        let tables = locked(&self.tables);
        let due = tables.customers.values().filter_map(|state| {
            state
                .head
                .due_time
                .filter(|time| *time <= now)
                .map(|time| (time, state.key.clone()))
        });
        let mut due: Vec<_> = due.collect();
        due.sort();
        Ok(due.into_iter().map(|(_, key)| key).take(limit).collect())
    }

    async fn file(&self, id: &FileId) -> Result<Option<FileMeta>, StoreError> {
        Ok(locked(&self.tables).files.get(id).cloned())
    }

    async fn add_file(&self, file: FileMeta) -> Result<(), StoreError> {
        let mut tables = locked(&self.tables);
        if tables.files.contains_key(&file.file_id) {
            return Err(StoreError::Conflict);
        }
        tables.files.insert(file.file_id.clone(), file);
        Ok(())
    }

    async fn claim_files(&self, ids: &[FileId], customer: &CustomerKey) -> Result<(), StoreError> {
        let mut tables = locked(&self.tables);
        if !ids
            .iter()
            .all(|id| tables.files.get(id).is_some_and(|file| file.is_offered_by(customer)))
        {
            return Err(StoreError::Conflict);
        }
        for (id, file) in &mut tables.files {
            if ids.contains(id) {
                file.claimed = true;
                file.brand = Some(customer.brand.clone());
                file.customer_id = Some(customer.customer_id);
            }
        }
        Ok(())
    }

    async fn unclaimed_files(&self, before: Time, limit: usize) -> Result<Vec<FileMeta>, StoreError> {
        let tables = locked(&self.tables);
        let unclaimed = tables
            .files
            .values()
            .filter(|file| !file.claimed && file.created_time < before);
        let mut unclaimed: Vec<FileMeta> = unclaimed.cloned().collect();
        unclaimed.sort_by_key(|file| file.created_time);
        unclaimed.truncate(limit);
        Ok(unclaimed)
    }

    async fn remove_unclaimed(&self, id: &FileId) -> Result<bool, StoreError> {
        let mut tables = locked(&self.tables);
        let is_unclaimed = tables.files.get(id).is_some_and(|file| !file.claimed);
        if is_unclaimed {
            tables.files.remove(id);
        }
        Ok(is_unclaimed)
    }

    async fn tenant_brand(&self, slug: &Slug) -> Result<Option<Brand>, StoreError> {
        let tables = locked(&self.tables);
        let mut tenants = tables.brands.values().filter_map(|state| state.tenant.as_ref());
        let tenant = tenants.find(|tenant| tenant.slug == *slug);
        Ok(tenant.map(|tenant| tenant.brand.clone()))
    }

    async fn secrets(&self, brand: &Brand) -> Result<Vec<SealedSecret>, StoreError> {
        let tables = locked(&self.tables);
        let of_brand = tables.secrets.iter().filter(|secret| secret.brand == *brand);
        Ok(of_brand.cloned().collect())
    }

    async fn has_active_profiles(&self, brand: &Brand) -> Result<bool, StoreError> {
        Ok(locked(&self.tables).has_active_profiles(brand))
    }

    async fn claimed_event(&self, slug: &Slug, event_id: &str) -> Result<Option<LevelEntry>, StoreError> {
        Ok(locked(&self.tables).claimed_event(slug, event_id).cloned())
    }

    async fn webhook_brand(&self, slug: &Slug) -> Result<Option<Brand>, StoreError> {
        let tables = locked(&self.tables);
        let mut entries = tables.customers.values().flat_map(|state| &state.log);
        let entry = entries.find(|entry| entry.accepted == Flag::Yes && entry.slug.as_ref() == Some(slug));
        Ok(entry.map(|entry| entry.brand.clone()))
    }

    async fn deliveries(&self, ids: &[DeliveryId]) -> Result<Vec<Delivery>, StoreError> {
        let tables = locked(&self.tables);
        let ids: BTreeSet<&DeliveryId> = ids.iter().collect();
        Ok(ids
            .into_iter()
            .filter_map(|id| tables.deliveries.get(id).cloned())
            .collect())
    }

    async fn callable_brands(&self, now: Time) -> Result<Vec<Brand>, StoreError> {
        let tables = locked(&self.tables);
        let callable = |call: &&QueuedCall| {
            let probe_time = tables.breakers.get(&call.brand).and_then(|breaker| breaker.probe_time);
            let is_due = probe_time.map_or(call.due_time <= now, |probe_time| probe_time <= now);
            is_free(call, now) && (is_due && tables.is_first(call) || is_overdue(call, now))
        };
        let brands: BTreeSet<Brand> = tables
            .queue
            .values()
            .filter(callable)
            .map(|call| call.brand.clone())
            .collect();
        Ok(brands.into_iter().collect())
    }

    async fn breaker(&self, brand: &Brand) -> Result<Option<Breaker>, StoreError> {
        Ok(locked(&self.tables).breakers.get(brand).cloned())
    }

    async fn claim_calls(&self, claim: Claim) -> Result<Vec<QueuedCall>, StoreError> {
        let mut tables = locked(&self.tables);
        if claim.which == Which::Probe {
            let breaker = tables.breakers.get_mut(&claim.brand);
            let lets_through = breaker.filter(|breaker| breaker.probe_time.is_some_and(|time| time <= claim.now));
            let breaker = lets_through.ok_or(StoreError::Conflict)?;
            breaker.probe_time = Some(claim.now.plus_seconds(PROBE_SECONDS));
        }
        let is_wanted = |call: &&QueuedCall| {
            call.brand == claim.brand
                && is_free(call, claim.now)
                && match claim.which {
                    Which::Due => call.due_time <= claim.now && tables.is_first(call),
                    Which::Probe => tables.is_first(call),
                    Which::Overdue(before) => call.queued_time <= before,
                }
        };
        let mut wanted: Vec<QueuedCall> = tables.queue.values().filter(is_wanted).cloned().collect();
        if claim.which == Which::Due {
            wanted.sort_by_key(|call| (call.due_time, call.delivery_id));
        }
        wanted.truncate(claim.limit);
        wanted.sort_by_key(|call| call.delivery_id);
        for call in &mut wanted {
            call.lease_until = Some(claim.lease_until);
            tables.queue.insert(call.delivery_id, call.clone());
        }
        Ok(wanted)
    }

    async fn postpone_call(&self, postponed: Postponed) -> Result<(), StoreError> {
        let mut tables = locked(&self.tables);
        let call = tables.queue.get_mut(&postponed.delivery_id);
        let call = call.filter(|call| call.lease_until == Some(postponed.lease_until));
        let call = call.ok_or(StoreError::Conflict)?;
        call.lease_until = None;
        call.attempts = postponed.attempts;
        call.due_time = postponed.due_time;
        tables.count_failure(&postponed.brand, postponed.probe_time);
        Ok(())
    }

    async fn due_reconciliations(&self, now: Time) -> Result<Vec<Reconciliation>, StoreError> {
        let tables = locked(&self.tables);
        let tenants = tables.brands.values().filter_map(|state| state.tenant.as_ref());
        let mut tenants: Vec<&Tenant> = tenants.filter(|tenant| tenant.kyc_model.calls_out()).collect();
        tenants.sort_by_key(|tenant| tenant.id);
        let next = tenants.into_iter().map(|tenant| {
            let set = tables.reconciliations.get(&tenant.brand).cloned();
            set.unwrap_or_else(|| Reconciliation {
                brand: tenant.brand.clone(),
                due_time: tenant.created_time.plus_seconds(DAY_SECONDS),
                cursor: None,
                stays: 0,
            })
        });
        Ok(next.filter(|next| next.due_time <= now).collect())
    }

    async fn set_reconciliation(&self, reconciliation: Reconciliation) -> Result<(), StoreError> {
        let mut tables = locked(&self.tables);
        tables
            .reconciliations
            .insert(reconciliation.brand.clone(), reconciliation);
        Ok(())
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Whether nobody is sending the call.
fn is_free(call: &QueuedCall, now: Time) -> bool {
    call.lease_until.is_none_or(|until| until <= now)
}

/// Those of a brand's templates that a decision looks at.
fn needed(templates: Vec<Template>, need: &TemplateNeed) -> Vec<Template> {
    let code_of_id = match need {
        TemplateNeed::Id(id) => templates
            .iter()
            .find(|template| template.id == *id)
            .map(|found| found.code.clone()),
        _ => None,
    };
    let is_needed = |template: &Template| match need {
        TemplateNeed::None => false,
        TemplateNeed::Code(code) => template.code == *code,
        TemplateNeed::UpTo(level) => {
            template.status == TemplateStatus::Active
                && template.required == Flag::Yes
                && (1..=*level).contains(&template.level)
        }
        TemplateNeed::Id(_) => code_of_id.as_ref() == Some(&template.code),
        TemplateNeed::IdOrCode(id, code) => template.id == *id || template.code == *code,
    };
    templates.into_iter().filter(is_needed).collect()
}
