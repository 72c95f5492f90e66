//! A commit as a value: everything that one decision writes, to be stored in one transaction.

use crate::audit::AuditRow;
use crate::brand::{BrandState, Settings};
use crate::configure::BrandWrites;
use crate::customer::CustomerState;
use crate::document::Document;
use crate::event::Event;
use crate::history::HistoryRow;
use crate::id::AuditId;
use crate::json::Json;
use crate::level::LevelEntry;
use crate::limits::KEPT_REPLY_SECONDS;
use crate::outbound::{Delivery, QueueChange};
use crate::profile::Profile;
use crate::record;
use crate::record::{Columns, Hash, Record};
use crate::step::Step;
use crate::stream::{Head, StreamKey};
use crate::template::Template;
use crate::tenant::{SealedSecret, Tenant};
use crate::time::Time;

record! {
    /// The reply of a keyed request, kept to be given again.
    pub struct KeptReply {
        /// Subject of the token.
        pub subject: String,
        /// The command.
        pub command: String,
        /// The idempotency key.
        pub key: String,
        /// SHA-256 of the request's canonical `data`.
        pub request_hash: Hash,
        /// The reply's body.
        pub body: Json,
        /// When it was committed.
        pub created_time: Time,
    }
}

impl KeptReply {
    /// Whether it is no longer to be given at this time, and may be written over.
    pub fn is_over(&self, now: Time) -> bool {
        self.created_time < now.plus_seconds(-KEPT_REPLY_SECONDS)
    }
}

/// What becomes of a brand's tenant.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum TenantChange {
    /// It stays as it is.
    #[default]
    None,
    /// It is new, or differs; these are the ids of the secrets that it still has.
    Put(Box<Tenant>),
    /// It goes, and its secrets with it.
    Remove,
}

/// A row to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Put<R> {
    /// All of it.
    pub row: R,
    /// In which columns it may differ from what is stored under its key; all of them where nothing is.
    pub columns: Columns,
}

impl<R: Record> Put<R> {
    /// A row that may be new.
    pub const fn whole(row: R) -> Self {
        Self {
            row,
            columns: Columns::ALL,
        }
    }

    /// A row that is new, or differs from the one before.
    fn changed(before: Option<&R>, after: &R) -> Option<Self> {
        let columns = before.map_or(Columns::ALL, |before| R::differing(before, after));
        (columns != Columns::NONE).then(|| Self {
            row: after.clone(),
            columns,
        })
    }
}

/// What one decision writes. It holds only if the stream is still at `base_version`.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// The stream.
    pub stream: StreamKey,
    /// The version that the decision was taken on; 0 for a stream that has no row yet.
    pub base_version: i64,
    /// Where the stream stands afterwards.
    pub head: Head,
    /// The profile, if it changed.
    pub profile: Option<Put<Profile>>,
    /// Steps that changed or are new.
    pub steps: Vec<Put<Step>>,
    /// Documents that changed or are new.
    pub documents: Vec<Put<Document>>,
    /// The settings, if they changed.
    pub settings: Option<Put<Settings>>,
    /// Templates that changed or are new.
    pub templates: Vec<Put<Template>>,
    /// What becomes of the brand's tenant.
    pub tenant: TenantChange,
    /// Sealed secrets to keep.
    pub secrets: Vec<SealedSecret>,
    /// It holds only while every profile of the brand has status none.
    pub needs_no_active_profiles: bool,
    /// The brand's calls that wait are due by this time.
    pub wakes_calls: Option<Time>,
    /// New entries of the level log.
    pub log: Vec<LevelEntry>,
    /// Calls out that changed or are new.
    pub deliveries: Vec<Put<Delivery>>,
    /// What becomes of calls in the queue.
    pub queue: Vec<QueueChange>,
    /// The audit rows.
    pub audit: Vec<AuditRow>,
    /// The history entries.
    pub history: Vec<HistoryRow>,
    /// The reply to keep.
    pub kept: Option<KeptReply>,
}

impl Commit {
    /// A commit that writes nothing yet.
    fn empty(stream: StreamKey, base_version: i64, head: Head) -> Self {
        Self {
            stream,
            base_version,
            head,
            profile: None,
            steps: Vec::new(),
            documents: Vec::new(),
            settings: None,
            templates: Vec::new(),
            tenant: TenantChange::None,
            secrets: Vec::new(),
            needs_no_active_profiles: false,
            wakes_calls: None,
            log: Vec::new(),
            deliveries: Vec::new(),
            queue: Vec::new(),
            audit: Vec::new(),
            history: Vec::new(),
            kept: None,
        }
    }

    /// The commit of a decision about a customer. `first_id` and `salts` are as many as there are events.
    pub fn of_customer(
        before: &CustomerState,
        after: &CustomerState,
        events: &[Event],
        queue: Vec<QueueChange>,
        first_id: i64,
        salts: impl Iterator<Item = Hash>,
    ) -> Self {
        let stream = before.stream();
        let audit = sealed(events, &stream, first_id, salts, before.head.hash);
        let history = audit
            .iter()
            .zip(events)
            .filter_map(|(row, event)| HistoryRow::new(row, event.history.clone()?));
        let history = history.collect();
        let head = next_head(&before.head, &audit, after.head.due_time);
        Self {
            profile: after
                .profile
                .as_ref()
                .and_then(|profile| Put::changed(before.profile.as_ref(), profile)),
            steps: changed(&before.steps, &after.steps, |step| step.id.0),
            documents: changed(&before.documents, &after.documents, |document| document.id.0),
            log: events.iter().flat_map(|event| event.log.iter().cloned()).collect(),
            deliveries: changed(&before.deliveries, &after.deliveries, |delivery| delivery.id.0),
            queue,
            audit,
            history,
            ..Self::empty(stream, before.head.version, head)
        }
    }

    /// The commit of a decision about a brand's configuration.
    pub fn of_brand(
        before: &BrandState,
        after: &BrandState,
        events: &[Event],
        writes: BrandWrites,
        first_id: i64,
        salts: impl Iterator<Item = Hash>,
    ) -> Self {
        let stream = StreamKey {
            brand: before.settings.brand.clone(),
            customer_id: None,
        };
        let audit = sealed(events, &stream, first_id, salts, before.head.hash);
        let head = next_head(&before.head, &audit, None);
        let tenant = match &after.tenant {
            Some(tenant) if before.tenant.as_ref() != Some(tenant) => TenantChange::Put(Box::new(tenant.clone())),
            None if before.tenant.is_some() => TenantChange::Remove,
            _ => TenantChange::None,
        };
        Self {
            tenant,
            secrets: writes.secrets,
            needs_no_active_profiles: writes.needs_no_active_profiles,
            wakes_calls: writes.wakes_calls.then_some(head.committed_time),
            // Those that nobody has set are stored nowhere.
            settings: (after.settings != before.settings).then(|| Put::whole(after.settings.clone())),
            templates: changed(&before.templates, &after.templates, |template| template.id.0),
            audit,
            ..Self::empty(stream, before.head.version, head)
        }
    }
}

fn sealed(
    events: &[Event],
    stream: &StreamKey,
    first_id: i64,
    salts: impl Iterator<Item = Hash>,
    head: Hash,
) -> Vec<AuditRow> {
    let mut prev_hash = head;
    (first_id..)
        .zip(events.iter().zip(salts))
        .map(|(id, (event, salt))| {
            let row = AuditRow::seal(event, stream, AuditId(id), salt, prev_hash);
            prev_hash = row.hash;
            row
        })
        .collect()
}

fn next_head(before: &Head, audit: &[AuditRow], due_time: Option<Time>) -> Head {
    let newest = audit.last();
    Head {
        version: before.version + 1,
        hash: newest.map_or(before.hash, |row| row.hash),
        committed_time: newest.map_or(before.committed_time, |row| row.created_time),
        due_time,
    }
}

/// The rows of `after` that are new or differ.
fn changed<R: Record>(before: &[R], after: &[R], id: impl Fn(&R) -> i64) -> Vec<Put<R>> {
    after
        .iter()
        .filter_map(|row| Put::changed(before.iter().find(|old| id(old) == id(row)), row))
        .collect()
}
