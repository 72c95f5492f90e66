//! Whether a recovered store is sound: its pages, its audit chains, its rows beside their replay, and its rows beside
//! what a plain model holds after the same commits. What it has is then held against what was promised.

mod calls;
mod replay;
mod rows;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use kyc_core::brand::BrandState;
use kyc_core::command::TemplateNeed;
use kyc_core::commit::{Commit, KeptReply};
use kyc_core::customer::CustomerState;
use kyc_core::file::FileMeta;
use kyc_core::id::{CustomerKey, FileId};
use kyc_core::outbound::QueueChange;
use kyc_core::record::Hash;
use kyc_core::stream::StreamKey;
use kyc_core::template::Template;
use kyc_core::time::Time;
use kyc_memory::{MemoryStore, Snapshot};
use kyc_ports::store::Store;
use kyc_sqlite::{Options, SqliteStore, ledger};
use rusqlite::Connection;

use crate::examine::calls::Calls;
use crate::examine::rows::{check_pages, failed, heads, integers, open, rows, same};
use crate::promises::{CommitId, Promise, Promises};

/// What is wrong with a store.
pub type Fault = String;

/// What a sound store holds.
#[derive(Debug)]
pub struct Holding {
    commits: HashSet<CommitId>,
    files: BTreeMap<FileId, FileMeta>,
    next: [i64; 8],
    ids: HashMap<&'static str, BTreeSet<i64>>,
    calls: Calls,
}

/// Counters in the order of [`Promise::Reserved`], with the table and column of the ids that they give.
const COUNTERS: [(&str, &str, &str); 8] = [
    ("profile", "profiles", "id"),
    ("step", "steps", "id"),
    ("document", "documents", "id"),
    ("template", "templates", "id"),
    ("audit", "audit", "id"),
    ("customer", "profiles", "customer_id"),
    ("tenant", "tenants", "id"),
    ("delivery", "deliveries", "id"),
];

impl Holding {
    /// Whether it keeps a promise.
    pub fn keeps(&self, promise: &Promise) -> Result<(), Fault> {
        let is_kept = match promise {
            Promise::Commit(id) => self.commits.contains(id),
            Promise::File(id) => self.files.contains_key(id),
            Promise::Claimed(id, customer) => {
                let file = self.files.get(id);
                file.is_some_and(|file| file.claimed && file.owner().as_ref() == Some(customer))
            }
            Promise::Reserved(ends) => self.next.iter().zip(ends).all(|(next, end)| next >= end),
            Promise::Told(table, id) => self.ids[table].contains(id),
            Promise::Taken(slug, event_id) => self.calls.events.contains(&(slug.clone(), event_id.clone())),
            Promise::Sent(key) => self.calls.keys.contains(key),
            Promise::Tried {
                delivery_id,
                attempts,
                claimed_time,
            } => {
                let waiting = self.calls.queue.get(delivery_id);
                waiting.is_none_or(|call| call.attempts >= *attempts || call.queued_time >= *claimed_time)
            }
            Promise::Reconciled { brand, tenant, place } => {
                let stored = self.calls.reconciliations.get(brand);
                self.calls.tenants.get(brand) != Some(tenant) || stored.is_some_and(|stored| stored >= place)
            }
        };
        if is_kept {
            Ok(())
        } else {
            Err(format!("acknowledged, and lost: {promise:?}"))
        }
    }

    /// Everything that it holds, as promises.
    pub fn as_promises(&self) -> Vec<Promise> {
        let calls = &self.calls;
        let mut promises = vec![Promise::Reserved(self.next)];
        promises.extend(self.commits.iter().copied().map(Promise::Commit));
        promises.extend(self.files.keys().cloned().map(Promise::File));
        let tried = calls.queue.values().map(|call| Promise::Tried {
            delivery_id: call.delivery_id,
            attempts: call.attempts,
            claimed_time: Time(call.queued_time.0 + 1),
        });
        promises.extend(tried);
        let reconciled = calls.reconciliations.iter().filter_map(|(brand, place)| {
            let (brand, tenant, place) = (brand.clone(), *calls.tenants.get(brand)?, *place);
            Some(Promise::Reconciled { brand, tenant, place })
        });
        promises.extend(reconciled);
        promises
    }
}

/// Examines a folder with a store that was recovered and closed.
pub fn examine(folder: &Path, promises: &Promises) -> Result<Holding, Fault> {
    let kyc = open(&folder.join("kyc.db"))?;
    let storage = open(&folder.join("storage.db"))?;
    check_pages(&kyc)?;
    check_pages(&storage)?;
    ledger::verify(&folder.join("kyc.db")).map_err(|error| format!("the audit log: {error}"))?;
    let heads = heads(&kyc)?;
    let (commits, model) = model(&heads, promises)?;
    let mut stored = stored(folder, &kyc, &heads)?;
    let calls = calls::check(&kyc, &mut stored, &model, promises)?;
    same("customers", &stored.customers, &model.customers)?;
    same("configurations", &stored.brands, &model.brands)?;
    same("the audit log", &rows(&kyc)?, &model.audit)?;
    same("histories", &rows(&kyc)?, &model.history)?;
    check_kept_replies(stored.kept, model.kept.clone(), promises)?;
    replay::check(&model)?;
    let files = check_files(&storage, &stored.customers, promises)?;
    let tables = COUNTERS.iter().filter(|(_, _, column)| *column == "id");
    let ids = tables.map(|(_, table, column)| Ok((*table, ids_of(&kyc, table, column)?)));
    Ok(Holding {
        commits,
        files,
        next: check_counters(&kyc)?,
        ids: ids.collect::<Result<_, Fault>>()?,
        calls,
    })
}

/// A store's rows as states.
struct Stored {
    customers: Vec<CustomerState>,
    brands: Vec<BrandState>,
    kept: Vec<KeptReply>,
}

/// The commits that lead to these heads, and what a plain store holds after them.
fn model(heads: &BTreeMap<StreamKey, Hash>, promises: &Promises) -> Result<(HashSet<CommitId>, Snapshot), Fault> {
    let mut commits = Vec::new();
    for (stream, head) in heads {
        let mut at = *head;
        while at != Hash::ZERO {
            let commit = promises.commits.get(&at.0);
            let commit = commit.ok_or_else(|| format!("{stream:?} stands where no commit led"))?;
            at = commit.audit.first().map_or(Hash::ZERO, |row| row.prev_hash);
            commits.push(commit.clone());
        }
    }
    // Ids of audit rows rise along a stream, and nearly so over all.
    commits.sort_by_key(|commit| commit.audit.first().map(|row| row.id));
    let store = MemoryStore::new();
    for commit in &commits {
        let committed = block_on(store.commit(without_leases(commit)));
        committed.map_err(|error| format!("the stored commits do not fit each other: {error}"))?;
    }
    let ids = commits.iter().map(|commit| commit.head.hash.0).collect();
    Ok((ids, store.snapshot()))
}

/// The commit for a store in which nobody has claimed any call: to claim one is no commit.
fn without_leases(commit: &Commit) -> Commit {
    let mut commit = commit.clone();
    for change in &mut commit.queue {
        if let QueueChange::Finish { delivery_id, .. } = *change {
            let now = commit.head.committed_time;
            *change = QueueChange::Drop { delivery_id, now };
        }
    }
    commit
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

fn stored(folder: &Path, kyc: &Connection, heads: &BTreeMap<StreamKey, Hash>) -> Result<Stored, Fault> {
    let store = SqliteStore::open(folder, Options::default()).map_err(failed)?;
    let templates: Vec<Template> = rows(kyc)?;
    let mut kept: Vec<KeptReply> = rows(kyc)?;
    kept.sort_by(|one, other| {
        let key = |reply: &KeptReply| (reply.subject.clone(), reply.command.clone(), reply.key.clone());
        key(one).cmp(&key(other))
    });
    let mut stored = Stored {
        customers: Vec::new(),
        brands: Vec::new(),
        kept,
    };
    for stream in heads.keys() {
        let brand = stream.brand.clone();
        if let Some(customer_id) = stream.customer_id {
            let state = block_on(store.customer(&CustomerKey { brand, customer_id }));
            stored.customers.push(state.map_err(failed)?);
        } else {
            let state = block_on(store.brand(&brand, &TemplateNeed::None));
            let mut state = state.map_err(failed)?;
            state.templates = templates
                .iter()
                .filter(|template| template.brand == brand)
                .cloned()
                .collect();
            stored.brands.push(state);
        }
    }
    Ok(stored)
}

/// The files are those that were recorded, whole, and every document's file is its customer's.
fn check_files(
    storage: &Connection,
    customers: &[CustomerState],
    promises: &Promises,
) -> Result<BTreeMap<FileId, FileMeta>, Fault> {
    let files: Vec<FileMeta> = rows(storage)?;
    for file in &files {
        let unclaimed = |file: &FileMeta| FileMeta {
            brand: None,
            customer_id: None,
            claimed: false,
            ..file.clone()
        };
        let recorded = promises.files.get(&file.file_id).map(unclaimed);
        if recorded != Some(unclaimed(file)) {
            return Err(format!("{file:?} was recorded as {recorded:?}"));
        }
    }
    let files: BTreeMap<_, _> = files.into_iter().map(|file| (file.file_id.clone(), file)).collect();
    for state in customers {
        for document in &state.documents {
            let file = files.get(&document.file_id);
            if !file.is_some_and(|file| file.claimed && file.owner().as_ref() == Some(&state.key)) {
                return Err(format!("document {:?} has lost its file: {file:?}", document.id));
            }
        }
    }
    Ok(files)
}

/// Replies are those of the commits, but for those that may be forgotten.
fn check_kept_replies(mut stored: Vec<KeptReply>, mut kept: Vec<KeptReply>, promises: &Promises) -> Result<(), Fault> {
    for replies in [&mut stored, &mut kept] {
        replies.retain(|reply| Some(reply.created_time) >= promises.forgotten);
    }
    same("kept replies", &stored, &kept)
}

fn ids_of(kyc: &Connection, table: &str, column: &str) -> Result<BTreeSet<i64>, Fault> {
    Ok(integers(kyc, &format!("SELECT {column} FROM {table}"))?.collect())
}

/// No id that is in use can be given again.
fn check_counters(kyc: &Connection) -> Result<[i64; 8], Fault> {
    let mut next = [0; 8];
    for (next, (counter, table, column)) in next.iter_mut().zip(COUNTERS) {
        let found = integers(kyc, &format!("SELECT next FROM counters WHERE name = '{counter}'"))?.next();
        *next = found.ok_or_else(|| format!("no counter {counter}"))?;
        let newest = ids_of(kyc, table, column)?.last().copied().unwrap_or(0);
        if newest >= *next {
            return Err(format!("{table} has {column} {newest}, and would be given {next} next"));
        }
    }
    Ok(next)
}
