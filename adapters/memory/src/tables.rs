//! What the store holds, and how a commit changes it: first every check, then every row.

use std::collections::BTreeMap;

use kyc_core::audit::AuditRow;
use kyc_core::brand::{BrandState, Settings};
use kyc_core::commit::{Commit, KeptReply};
use kyc_core::customer::CustomerState;
use kyc_core::file::FileMeta;
use kyc_core::history::HistoryRow;
use kyc_core::id::{AuditId, Brand, CustomerKey, FileId};
use kyc_core::status::TemplateStatus;
use kyc_core::stream::{Head, StreamKey};
use kyc_core::template::Template;
use kyc_ports::store::{Reserved, StoreError, Wanted};

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
            next: Reserved {
                profile: 1,
                step: 1,
                document: 1,
                template: 1,
                audit: 1,
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
        };
        first
    }

    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.brands.values().flat_map(|brand| &brand.templates)
    }

    pub(crate) fn commit(&mut self, commit: Commit) -> Result<(), StoreError> {
        if self.refuses(&commit) {
            return Err(StoreError::Conflict);
        }
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
            state.profile = commit.profile.or_else(|| state.profile.take());
            put(&mut state.steps, commit.steps, |step| step.id.0);
            put(&mut state.documents, commit.documents, |document| document.id.0);
        } else {
            let state = self.brands.entry(brand.clone()).or_insert_with(|| unconfigured(brand));
            state.head = head;
            state.settings = commit.settings.unwrap_or_else(|| state.settings.clone());
            put(&mut state.templates, commit.templates, |template| template.id.0);
        }
        self.audit.extend(commit.audit.into_iter().map(|row| (row.id, row)));
        self.history.extend(commit.history.into_iter().map(|row| (row.id, row)));
        self.kept.extend(commit.kept.map(|reply| (reply_key(&reply), reply)));
        Ok(())
    }

    /// Whether something that the commit stands on has changed.
    fn refuses(&self, commit: &Commit) -> bool {
        self.version(&commit.stream) != commit.base_version
            || commit.profile.as_ref().is_some_and(|profile| {
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
                .any(|template| self.templates().any(|other| clash(template, other)))
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
fn put<R>(rows: &mut Vec<R>, changed: Vec<R>, id: impl Fn(&R) -> i64) {
    for row in changed {
        match rows.iter_mut().find(|old| id(old) == id(&row)) {
            Some(old) => *old = row,
            None => rows.push(row),
        }
    }
    rows.sort_by_key(id);
}
