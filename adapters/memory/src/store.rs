//! The `Store` port over plain maps behind one lock.

use std::sync::Mutex;

use async_trait::async_trait;
use kyc_core::audit::AuditRow;
use kyc_core::brand::BrandState;
use kyc_core::command::TemplateNeed;
use kyc_core::commit::{Commit, KeptReply};
use kyc_core::customer::CustomerState;
use kyc_core::file::FileMeta;
use kyc_core::id::{Brand, CustomerId, CustomerKey, FileId, TemplateId};
use kyc_core::query::{Query, Rows};
use kyc_core::status::{Flag, TemplateStatus};
use kyc_core::template::Template;
use kyc_core::time::Time;
use kyc_ports::store::{Reserved, Store, StoreError, Thing, Wanted};

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
        let known = locked(&self.tables).customers.get(key).cloned();
        Ok(known.unwrap_or_else(|| CustomerState::new(key.clone())))
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

    async fn check_writable(&self) -> Result<(), StoreError> {
        Ok(())
    }
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
