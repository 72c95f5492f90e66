//! What a group of commits asks of the disk, exactly; and what is left when the disk fails.
#![cfg(unix)]

use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::join_all;
use kyc_core::commit::Commit;
use kyc_core::id::{CustomerId, CustomerKey};
use kyc_core::time::Time;
use kyc_crash_vfs::recording::{Disk, Op, Record, Recorder};
use kyc_crash_vfs::shim;
use kyc_memory::{ManualClock, MemoryBlobs, ScriptedOutbound, SeededEntropy};
use kyc_ports::app::{App, Ports};
use kyc_ports::notify::Silent;
use kyc_ports::store::{Store, StoreError};
use kyc_sqlite::{Options, SqliteStore};
use kyc_tests::decisions::commit_of;
use kyc_tests::sim::{BRAND, MARY, MASTER_KEY, START, TestTokens, id_of, request};
use kyc_vault::SealingVault;
use rusqlite::Connection;
use serde_json::{Value, json};

/// One more than a group holds, so that there are two groups however they are cut.
const CUSTOMERS: i64 = 65;
const NOW: Time = Time::from_seconds(START);

fn store(folder: &Path) -> Arc<SqliteStore> {
    shim::install();
    Arc::new(SqliteStore::open(folder, Options::default()).unwrap())
}

fn app(store: Arc<SqliteStore>) -> App {
    let clock = Arc::new(ManualClock::new(NOW));
    App::new(Ports {
        store,
        blobs: Arc::new(MemoryBlobs::new(clock.clone())),
        clock,
        entropy: Arc::new(SeededEntropy::new(1)),
        tokens: Arc::new(TestTokens),
        notify: Arc::new(Silent),
        outbound: Arc::new(ScriptedOutbound::default()),
        vault: Arc::new(SealingVault::new(MASTER_KEY).unwrap()),
    })
}

async fn ok(app: &App, name: &str, data: Value) -> Value {
    let reply = app.call(request(MARY, None, name, data)).await;
    reply.unwrap().into_value()
}

fn customer(number: i64) -> CustomerKey {
    CustomerKey {
        brand: BRAND.parse().unwrap(),
        customer_id: CustomerId(number),
    }
}

/// Customers with a submitted questionnaire each, and the approvals of all of them, which nobody has committed yet.
async fn approvals(store: &Arc<SqliteStore>, customers: i64) -> Vec<Commit> {
    let app = app(store.clone());
    let field = json!({ "name": "first_name", "type": "text", "required": true });
    let form = json!({ "sections": [{ "fields": [field] }] });
    let template = json!({ "brand": BRAND, "code": "form", "level": 1, "step_type": 1, "form_schema": form });
    ok(&app, "MngAddKycStepTemplate", template).await;
    let mut commits = Vec::new();
    for number in 1..=customers {
        let step = json!({ "customer_id": number, "brand": BRAND, "step_code": "form" });
        let id = id_of(&ok(&app, "MngRequireKycStep", step).await["step_id"]);
        let answers = json!({ "id": id, "answers": { "first_name": "Ada" } });
        ok(&app, "MngSubmitKycStep", answers).await;
        let approve = ("MngApproveKycStep", json!({ "id": id }));
        commits.push(commit_of(store.as_ref(), NOW, MARY, approve, &customer(number)).await);
    }
    commits
}

fn of_log(records: &[Record]) -> impl Iterator<Item = &Op> {
    let of_log = records.iter().filter(|record| &*record.file == "kyc.db-wal");
    of_log.map(|record| &record.op)
}

fn syncs(records: &[Record]) -> usize {
    of_log(records).filter(|op| matches!(op, Op::Sync { .. })).count()
}

fn bytes(records: &[Record]) -> usize {
    let sizes = of_log(records).map(|op| match op {
        Op::Write { bytes, .. } => bytes.len(),
        _ => 0,
    });
    sizes.sum()
}

#[test]
fn an_approval_is_six_statements_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let commits = runtime.block_on(approvals(&store, 1));
    let statements = kyc_sql::commit::statements(commits[0].clone());
    assert!(statements.len() <= 6, "{statements:#?}");
}

#[test]
fn a_group_is_synced_once_and_a_command_of_a_full_one_writes_ten_kilobytes_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(folder.path(), Disk::Honest);
    let store = store(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut commits = runtime.block_on(approvals(&store, CUSTOMERS + 1));
    let other = Connection::open(folder.path().join("kyc.db")).unwrap();
    // What was written so far is moved into the database, so that nobody has a reason to do so meanwhile.
    other
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
        .unwrap();
    // The log is begun anew, and its head synced with the first commit.
    let first = commits.pop().unwrap();
    runtime.block_on(store.commit(first)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = recorder.position();
    runtime.block_on(async {
        let all = join_all(commits.into_iter().map(|commit| store.commit(commit)));
        // All are queued before the lock is let go: the first group is what had come until the store met the lock, the
        // second one is the rest.
        let (results, ()) = tokio::join!(all, async { other.execute_batch("COMMIT").unwrap() });
        assert!(results.iter().all(Result::is_ok), "{results:?}");
    });
    let after = recorder.position();
    drop((other, store));
    let records = recorder.stop().records;
    let groups = &records[before..after];
    assert_eq!(syncs(groups), 2, "one for each group");
    let most = (CUSTOMERS as usize) * 10_240;
    assert!(bytes(groups) <= most, "{} bytes, at most {most}", bytes(groups));
}

/// It is moved while there is always somebody who commits.
#[test]
fn the_log_begins_anew_under_load() {
    const CLIENTS: i64 = 8;
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(folder.path(), Disk::Honest);
    shim::install();
    let options = Options {
        log_pages: 100,
        log_commits: 0,
        ..Options::default()
    };
    let store = Arc::new(SqliteStore::open(folder.path(), options).unwrap());
    let app = app(store.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let client = |number: i64| {
        let app = app.clone();
        async move {
            for round in 0..150 {
                let (level, reason) = (1 + round % 2, "CHECKED");
                let risk = json!({ "brand": BRAND, "customer_id": number, "risk_level": level, "reason": reason });
                ok(&app, "MngSetKycRiskLevel", risk).await;
            }
        }
    };
    let clients: Vec<_> = (1..=CLIENTS).map(|number| runtime.spawn(client(number))).collect();
    for client in clients {
        runtime.block_on(client).unwrap();
    }
    drop((app, store));
    let records = recorder.stop().records;
    let begun = of_log(&records)
        .filter(|op| matches!(op, Op::Write { offset: 0, .. }))
        .count();
    assert!(begun > 2, "{begun} times in {} bytes", bytes(&records));
}

/// It keeps the log from being written over, which may not grow for ever.
#[test]
fn a_reader_that_stays_has_writes_refused_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    shim::install();
    let options = Options {
        log_pages: 20,
        log_commits: 0,
        ..Options::default()
    };
    let store = Arc::new(SqliteStore::open(folder.path(), options).unwrap());
    let app = app(store.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let set = |round: i64| {
        let (level, reason) = (1 + round % 2, "CHECKED");
        let risk = json!({ "brand": BRAND, "customer_id": 1, "risk_level": level, "reason": reason });
        runtime.block_on(app.call(request(MARY, None, "MngSetKycRiskLevel", risk)))
    };
    set(0).unwrap();
    let reader = Connection::open(folder.path().join("kyc.db")).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let rows = || reader.query_row("SELECT count(*) FROM audit", (), |row| row.get::<_, i64>(0));
    let before = rows().unwrap();
    let refused_after = (1..10_000).find_map(|round| set(round).err().map(|refusal| (round, refusal)));
    let (round, refusal) = refused_after.expect("the log has an end");
    assert_eq!(refusal.status(), 429, "{refusal:?}");
    let log_bytes = std::fs::metadata(folder.path().join("kyc.db-wal")).unwrap().len();
    let (frame, group) = (4_096 + 24, 100);
    assert!(log_bytes < (16 * 20 + group) * frame, "{log_bytes} bytes");
    assert_eq!(rows().unwrap(), before, "the reader sees what it saw");
    reader.execute_batch("COMMIT").unwrap();
    // The thread may still be at the log.
    assert!((0..10_000).any(|_| set(round).is_ok()), "it goes on");
    assert_eq!(
        rows().unwrap(),
        before + round,
        "what was acknowledged, and not what was refused"
    );
}

#[test]
fn a_disk_that_fails_acknowledges_nobody_and_ends_all_writing() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(folder.path(), Disk::Honest);
    let store_before = store(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut commits = runtime.block_on(approvals(&store_before, 3));
    let (third, second, first) = (commits.pop().unwrap(), commits.pop().unwrap(), commits.pop().unwrap());
    let versions = runtime.block_on(async {
        let store = &store_before;
        store.commit(first).await.unwrap();
        let before = store.customer(&customer(2)).await.unwrap();
        recorder.breaks();
        let refused = store.commit(second).await;
        assert!(matches!(refused, Err(StoreError::Unknown(_))), "{refused:?}");
        let is_told = store.broken().now_or_never().is_some();
        assert!(is_told, "the process is told to start again");
        let refused = store.commit(third).await;
        assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
        let after = store.customer(&customer(2)).await.unwrap();
        assert_eq!(before, after, "what was not acknowledged is not shown");
        before.head.version
    });
    drop(store_before);
    recorder.stop();
    let again = store(folder.path());
    runtime.block_on(async {
        let version = async |number| again.customer(&customer(number)).await.unwrap().head.version;
        assert_eq!(version(1).await, versions + 1, "what was acknowledged is there");
        let unknown = version(2).await;
        assert!(unknown == versions || unknown == versions + 1, "whole or absent");
        assert_eq!(version(3).await, versions, "nothing was written after it");
    });
}
