//! What the store holds, and how a commit changes it: first every check, then every row.

use std::collections::BTreeMap;

use kyc_core::audit::AuditRow;
use kyc_core::brand::{BrandState, Settings};
use kyc_core::commit::{Commit, KeptReply, Put, TenantChange};
use kyc_core::customer::CustomerState;
use kyc_core::file::FileMeta;
use kyc_core::history::HistoryRow;
use kyc_core::id::{AuditId, Brand, CustomerKey, DeliveryId, FileId, Slug};
use kyc_core::level::LevelEntry;
use kyc_core::limits::{BREAKER_FAILURES_MAX, PROBE_SECONDS};
use kyc_core::outbound::{Breaker, Delivery, Heard, QueueChange, QueuedCall};
use kyc_core::status::{Flag, KycModel, ProfileStatus, TemplateStatus};
use kyc_core::stream::{Head, StreamKey};
use kyc_core::template::Template;
use kyc_core::tenant::{SealedSecret, Tenant};
use kyc_core::time::Time;
use kyc_ports::store::{Reconciliation, Reserved, StoreError, Wanted};

/// Everything that is stored, to be compared with something else.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// All customers' streams, by brand and number.
    pub customers: Vec<CustomerState>,
    /// All brands' configurations with all their templates, by name.
    pub brands: Vec<BrandState>,
    /// The audit log, by id.
    pub audit: Vec<AuditRow>,
    /// The histories of all customers, by id.
    pub history: Vec<HistoryRow>,
    /// Kept replies, by subject, command and key.
    pub kept: Vec<KeptReply>,
    /// Metadata of files, by id.
    pub files: Vec<FileMeta>,
    /// Calls out, by id.
    pub deliveries: Vec<Delivery>,
    /// Those that wait, by id.
    pub queue: Vec<QueuedCall>,
    /// Sealed secrets.
    pub secrets: Vec<SealedSecret>,
}

impl Snapshot {
    /// The model of a brand's tenant.
    pub fn model_of(&self, brand: &Brand) -> Option<KycModel> {
        let state = self.brands.iter().find(|state| state.settings.brand == *brand)?;
        state.tenant.as_ref().map(|tenant| tenant.kyc_model)
    }
}

/// Subject, command, key.
type ReplyKey = (String, String, String);

/// The stored things.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) customers: BTreeMap<CustomerKey, CustomerState>,
    pub(crate) brands: BTreeMap<Brand, BrandState>,
    pub(crate) audit: BTreeMap<AuditId, AuditRow>,
    pub(crate) history: BTreeMap<AuditId, HistoryRow>,
    pub(crate) kept: BTreeMap<ReplyKey, KeptReply>,
    pub(crate) files: BTreeMap<FileId, FileMeta>,
    pub(crate) deliveries: BTreeMap<DeliveryId, Delivery>,
    pub(crate) queue: BTreeMap<DeliveryId, QueuedCall>,
    pub(crate) secrets: Vec<SealedSecret>,
    pub(crate) breakers: BTreeMap<Brand, Breaker>,
    pub(crate) reconciliations: BTreeMap<Brand, Reconciliation>,
    next: Reserved,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            customers: BTreeMap::new(),
            brands: BTreeMap::new(),
            audit: BTreeMap::new(),
            history: BTreeMap::new(),
            kept: BTreeMap::new(),
            files: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            queue: BTreeMap::new(),
            secrets: Vec::new(),
            breakers: BTreeMap::new(),
            reconciliations: BTreeMap::new(),
            next: Reserved {
                profile: 1,
                step: 1,
                document: 1,
                template: 1,
                audit: 1,
                customer: 1_000_000_000,
                tenant: 1,
                delivery: 1,
            },
        }
    }
}

impl Tables {
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            customers: self.customers.values().cloned().collect(),
            brands: self.brands.values().cloned().collect(),
            audit: self.audit.values().cloned().collect(),
            history: self.history.values().cloned().collect(),
            kept: self.kept.values().cloned().collect(),
            files: self.files.values().cloned().collect(),
            deliveries: self.deliveries.values().cloned().collect(),
            queue: self.queue.values().cloned().collect(),
            secrets: self.secrets.clone(),
        }
    }

    pub(crate) fn reserve(&mut self, wanted: Wanted) -> Reserved {
        let first = self.next;
        self.next = Reserved {
            profile: first.profile + wanted.profiles,
            step: first.step + wanted.steps,
            document: first.document + wanted.documents,
            template: first.template + wanted.templates,
            audit: first.audit + wanted.audit,
            customer: first.customer + wanted.customers,
            tenant: first.tenant + wanted.tenants,
            delivery: first.delivery + wanted.deliveries,
        };
        first
    }

    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.brands.values().flat_map(|brand| &brand.templates)
    }

    pub(crate) fn commit(&mut self, commit: Commit) -> Result<(), StoreError> {
        if self.refuses(&commit) || !self.queue_takes(&commit) {
            return Err(StoreError::Conflict);
        }
        self.change_calls(&commit);
        let Commit {
            stream: StreamKey { brand, customer_id },
            base_version: _,
            head,
            ..
        } = commit;
        if let Some(customer_id) = customer_id {
            let key = CustomerKey { brand, customer_id };
            let state = self
                .customers
                .entry(key.clone())
                .or_insert_with(|| CustomerState::new(key));
            state.head = head;
            state.profile = commit.profile.map(|put| put.row).or_else(|| state.profile.take());
            put(&mut state.steps, commit.steps, |step| step.id.0);
            put(&mut state.documents, commit.documents, |document| document.id.0);
            state.log.extend(commit.log);
        } else {
            let state = self.brands.entry(brand.clone()).or_insert_with(|| unconfigured(brand));
            state.head = head;
            state.settings = commit.settings.map_or_else(|| state.settings.clone(), |put| put.row);
            put(&mut state.templates, commit.templates, |template| template.id.0);
            match commit.tenant {
                TenantChange::None => {}
                TenantChange::Put(tenant) => state.tenant = Some(*tenant),
                TenantChange::Remove => state.tenant = None,
            }
        }
        self.audit.extend(commit.audit.into_iter().map(|row| (row.id, row)));
        self.history.extend(commit.history.into_iter().map(|row| (row.id, row)));
        self.kept.extend(commit.kept.map(|reply| (reply_key(&reply), reply)));
        Ok(())
    }

    /// Calls, secrets and what goes with them.
    fn change_calls(&mut self, commit: &Commit) {
        let brand = &commit.stream.brand;
        let kept: Option<Vec<&String>> = match &commit.tenant {
            TenantChange::None => None,
            TenantChange::Put(tenant) => Some(tenant.secrets.0.iter().map(|note| &note.secret_id).collect()),
            TenantChange::Remove => {
                self.reconciliations.remove(brand);
                Some(Vec::new())
            }
        };
        if let Some(kept) = kept {
            self.secrets
                .retain(|secret| secret.brand != *brand || kept.contains(&&secret.secret_id));
        }
        self.secrets.extend(commit.secrets.iter().cloned());
        if let Some(now) = commit.wakes_calls {
            self.wake(brand, now);
            self.breakers.remove(brand);
        }
        for Put { row, .. } in &commit.deliveries {
            self.deliveries.insert(row.id, row.clone());
        }
        for change in &commit.queue {
            match change {
                QueueChange::Add(call) => {
                    self.queue.insert(call.delivery_id, call.clone());
                }
                QueueChange::Drop { delivery_id, .. } => {
                    self.queue.remove(delivery_id);
                }
                QueueChange::Finish {
                    delivery_id,
                    heard,
                    now,
                    ..
                } => {
                    self.queue.remove(delivery_id);
                    match heard {
                        Heard::Nothing => {}
                        Heard::Answer => {
                            let breaker = self.breakers.remove(brand);
                            if breaker.is_some_and(|breaker| breaker.probe_time.is_some()) {
                                self.wake(brand, *now);
                            }
                        }
                        Heard::Failure => self.count_failure(brand, now.plus_seconds(PROBE_SECONDS)),
                    }
                }
            }
        }
    }

    /// Counts a failure of a brand's platform; enough of them in a row open its breaker.
    pub(crate) fn count_failure(&mut self, brand: &Brand, probe_time: Time) {
        let breaker = self.breakers.entry(brand.clone()).or_insert_with(|| Breaker {
            brand: brand.clone(),
            failures: 0,
            probe_time: None,
        });
        breaker.failures += 1;
        if breaker.failures >= BREAKER_FAILURES_MAX {
            breaker.probe_time.get_or_insert(probe_time);
        }
    }

    /// All of a brand's calls that wait are due.
    fn wake(&mut self, brand: &Brand, now: Time) {
        for call in self.queue.values_mut().filter(|call| call.brand == *brand) {
            call.due_time = call.due_time.min(now);
        }
    }

    /// Whether the call is the oldest of its customer's that wait.
    pub(crate) fn is_first(&self, call: &QueuedCall) -> bool {
        let mut earlier = self
            .queue
            .values()
            .take_while(|other| other.delivery_id < call.delivery_id);
        !earlier.any(|other| other.brand == call.brand && other.customer_id == call.customer_id)
    }

    /// Whether the queue is as the commit takes it to be.
    fn queue_takes(&self, commit: &Commit) -> bool {
        let mut queue = self.queue.clone();
        commit.queue.iter().all(|change| match change {
            QueueChange::Add(call) => queue.insert(call.delivery_id, call.clone()).is_none(),
            QueueChange::Drop { delivery_id, now } => queue
                .remove(delivery_id)
                .is_some_and(|call| call.lease_until.is_none_or(|until| until <= *now)),
            QueueChange::Finish {
                delivery_id,
                lease_until,
                ..
            } => queue
                .remove(delivery_id)
                .is_some_and(|call| call.lease_until == Some(*lease_until)),
        })
    }

    /// Whether the brand has a profile whose status is not none.
    pub(crate) fn has_active_profiles(&self, brand: &Brand) -> bool {
        let profiles = self.customers.values().filter_map(|state| state.profile.as_ref());
        let mut of_brand = profiles.filter(|profile| profile.brand == *brand);
        of_brand.any(|profile| profile.status != ProfileStatus::None)
    }

    /// Whether another brand's tenant has the slug.
    fn slug_is_taken(&self, tenant: &Tenant) -> bool {
        let mut tenants = self.brands.values().filter_map(|state| state.tenant.as_ref());
        tenants.any(|other| other.id != tenant.id && (other.slug == tenant.slug || other.brand == tenant.brand))
    }

    /// The entry of the level log that has taken an event id.
    pub(crate) fn claimed_event(&self, slug: &Slug, event_id: &str) -> Option<&LevelEntry> {
        let mut entries = self.customers.values().flat_map(|state| &state.log);
        entries.find(|entry| {
            entry.accepted == Flag::Yes
                && entry.slug.as_ref() == Some(slug)
                && entry.event_id.as_deref() == Some(event_id)
        })
    }

    /// Whether something that the commit stands on has changed.
    fn refuses(&self, commit: &Commit) -> bool {
        self.version(&commit.stream) != commit.base_version
            || commit.profile.as_ref().is_some_and(|Put { row: profile, .. }| {
                self.customers
                    .values()
                    .filter_map(|state| state.profile.as_ref())
                    .any(|other| {
                        let is_other = other.id != profile.id;
                        let same_customer = other.customer_id == profile.customer_id;
                        let same_external_id = other.external_id.is_some() && other.external_id == profile.external_id;
                        is_other && other.brand == profile.brand && (same_customer || same_external_id)
                    })
            })
            || commit
                .templates
                .iter()
                .any(|put| self.templates().any(|other| clash(&put.row, other)))
            || commit.needs_no_active_profiles && self.has_active_profiles(&commit.stream.brand)
            || matches!(&commit.tenant, TenantChange::Put(tenant) if self.slug_is_taken(tenant))
            || commit.log.iter().any(|entry| {
                let event = entry.slug.as_ref().zip(entry.event_id.as_ref());
                let event = event.filter(|_| entry.accepted == Flag::Yes);
                event.is_some_and(|(slug, event_id)| self.claimed_event(slug, event_id).is_some())
            })
            || commit.audit.iter().any(|row| self.audit.contains_key(&row.id))
            || commit.kept.as_ref().is_some_and(|reply| {
                self.kept
                    .get(&reply_key(reply))
                    .is_some_and(|old| !old.is_over(reply.created_time))
            })
    }

    fn version(&self, stream: &StreamKey) -> i64 {
        let head = match stream.customer_id {
            Some(customer_id) => {
                let key = CustomerKey {
                    brand: stream.brand.clone(),
                    customer_id,
                };
                self.customers.get(&key).map(|state| state.head)
            }
            None => self.brands.get(&stream.brand).map(|state| state.head),
        };
        head.unwrap_or(Head::EMPTY).version
    }
}

/// A brand that has chosen nothing.
pub(crate) const fn unconfigured(brand: Brand) -> BrandState {
    BrandState {
        head: Head::EMPTY,
        settings: Settings::defaults(brand),
        templates: Vec::new(),
        tenant: None,
    }
}

fn reply_key(reply: &KeptReply) -> ReplyKey {
    (reply.subject.clone(), reply.command.clone(), reply.key.clone())
}

/// Whether two templates cannot stand beside each other.
fn clash(one: &Template, other: &Template) -> bool {
    one.id != other.id
        && one.brand == other.brand
        && one.code == other.code
        && one.status != TemplateStatus::Archived
        && other.status != TemplateStatus::Archived
}

/// Adds rows or replaces those with the same id; they stay in order of id.
fn put<R>(rows: &mut Vec<R>, changed: Vec<Put<R>>, id: impl Fn(&R) -> i64) {
    for Put { row, .. } in changed {
        match rows.iter_mut().find(|old| id(old) == id(&row)) {
            Some(old) => *old = row,
            None => rows.push(row),
        }
    }
    rows.sort_by_key(id);
}
