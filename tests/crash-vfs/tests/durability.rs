//! Accepted means durable: whatever a power cut leaves, the store opens, is whole, and has all that it acknowledged.
//!
//! Every run takes its listed seeds; `KYC_CRASH_SEEDS=200 cargo test -p kyc-crash-vfs` takes so many more. A seed that
//! fails is added to its list.
#![cfg(unix)]

use std::path::Path;

use kyc_crash_vfs::examine::examine;
use kyc_crash_vfs::explore::{Plan, Tally, explore, fresh_folder, lay_out};
use kyc_crash_vfs::load::{LOG_PAGES, Load, Outcome};
use kyc_crash_vfs::promises::{Promise, Promises};
use kyc_crash_vfs::recording::{Disk, Op, Record, files_of};
use rusqlite::Connection;
use tempfile::TempDir;

/// Seeds of one client: the same every time.
const ONE_CLIENT: [u64; 1] = [27];
/// Seeds of several clients: what they ask for is the same, who comes first is not.
const SEVERAL_CLIENTS: [u64; 1] = [103];

/// The listed seeds, and as many more as are asked for.
fn seeds(listed: &[u64]) -> Vec<u64> {
    let more = std::env::var_os("KYC_CRASH_SEEDS").map_or(0, |count| {
        let count = count.to_str().and_then(|count| count.parse().ok());
        count.expect("KYC_CRASH_SEEDS is a number")
    });
    listed.iter().copied().chain((1_000..).take(more)).collect()
}

const WORK: Load = Load {
    seed: 0,
    clients: 1,
    commands: 8,
    restarts: 0,
    checkpoints: true,
    log_pages: LOG_PAGES,
};

/// A store that has done some work on an honest disk, and what it has promised.
fn furnished(seed: u64) -> (TempDir, Promises) {
    let folder = fresh_folder();
    let load = Load {
        seed: seed + 1_000_000,
        commands: 60,
        ..WORK
    };
    let outcome = load.run(folder.path(), Disk::Honest, Promises::default());
    (folder, outcome.promises)
}

/// More work on top of it.
fn worked(load: Load, disk: Disk) -> Outcome {
    let (folder, before) = furnished(load.seed);
    let known = before.commits.len();
    let outcome = load.run(folder.path(), disk, before);
    assert!(outcome.promises.commits.len() > known, "{load:?} commits something");
    outcome
}

fn survives(what: &str, outcome: &Outcome, plan: Plan) -> Tally {
    let seed = plan.seed;
    let tally = explore(&outcome.recording, &outcome.promises, plan);
    let tally = tally.unwrap_or_else(|failure| panic!("{what}, seed {seed}: {failure}"));
    println!("{what}, seed {seed}: {} answered, {tally:?}", outcome.answered);
    tally
}

/// Whether the write-ahead log is begun, or begun anew.
fn begins_log(record: &Record) -> bool {
    &*record.file == "kyc.db-wal" && matches!(record.op, Op::Write { offset: 0, .. })
}

#[test]
fn a_first_start_may_be_cut_off_anywhere() {
    let load = Load {
        commands: 2,
        checkpoints: false,
        ..WORK
    };
    let outcome = load.run(fresh_folder().path(), Disk::Honest, Promises::default());
    let tally = survives("the first start", &outcome, Plan::thorough(1));
    assert!(tally.states > 500, "{tally:?}");
}

#[test]
fn what_one_client_was_told_outlives_every_crash() {
    let mut promises = Vec::new();
    for seed in seeds(&ONE_CLIENT) {
        let load = Load {
            seed,
            restarts: 1,
            ..WORK
        };
        let outcome = worked(load, Disk::Honest);
        let beginnings = outcome.recording.records.iter().filter(|record| begins_log(record));
        assert!(beginnings.count() > 1, "the log is begun anew");
        survives("one client", &outcome, Plan::thorough(seed));
        promises.extend(outcome.promises.kept);
    }
    let has = |kind: fn(&Promise) -> bool| {
        let during = promises.iter().filter(|(position, _)| *position > 0);
        during.map(|(_, promise)| promise).any(kind)
    };
    assert!(
        has(|promise| matches!(promise, Promise::Taken(..))),
        "webhooks are taken"
    );
    assert!(has(|promise| matches!(promise, Promise::Sent(_))), "calls go out");
    assert!(
        has(|promise| matches!(promise, Promise::Tried { .. })),
        "calls are put back"
    );
    assert!(
        has(|promise| matches!(promise, Promise::Reconciled { .. })),
        "players are compared"
    );
}

#[test]
fn what_several_clients_were_told_outlives_every_crash() {
    for seed in seeds(&SEVERAL_CLIENTS) {
        let load = Load {
            seed,
            clients: 4,
            commands: 5,
            ..WORK
        };
        let outcome = worked(load, Disk::Honest);
        survives("several clients", &outcome, Plan::thorough(seed));
    }
}

/// The store makes one when the log has two thousand pages here, and then writes it from its beginning again.
#[test]
fn a_checkpoint_of_the_stores_own_loses_nothing() {
    let load = Load {
        seed: 201,
        commands: 300,
        checkpoints: false,
        ..WORK
    };
    let outcome = worked(load, Disk::Honest);
    let records = &outcome.recording.records;
    let checkpoint = records.iter().position(|record| &*record.file == "kyc.db");
    let checkpoint = checkpoint.expect("a checkpoint");
    let renewed = records[checkpoint..].iter().position(begins_log);
    let renewed = checkpoint + renewed.expect("work after the checkpoint");
    let plan = Plan {
        positions: checkpoint - 10..renewed + 60,
        ..Plan::thorough(load.seed)
    };
    survives("a checkpoint", &outcome, plan);
}

/// The same work on a disk that says "safe" and does nothing must not pass.
#[test]
fn a_disk_that_lies_is_found_out() {
    for (disk, lies) in [
        (Disk::LiesAlways, "of everything"),
        (Disk::LiesAbout("kyc.db-wal"), "of the log"),
        (Disk::LiesAbout("storage.db-wal"), "of the files' log"),
        (Disk::LiesAbout("kyc.db"), "of the database"),
    ] {
        let outcome = worked(Load { seed: 304, ..WORK }, disk);
        let found = explore(&outcome.recording, &outcome.promises, Plan::thorough(304));
        let failure = found.expect_err(lies);
        println!("a disk that lies {lies}: {failure}");
        std::fs::remove_dir_all(&failure.kept).expect("the files of a failure");
    }
}

/// What it would find where a crash had left something else than it may.
#[test]
fn an_examination_finds_what_is_missing_or_changed() {
    let (folder, promises) = furnished(303);
    let judged = |folder: &Path| {
        let holding = examine(folder, &promises)?;
        promises.kept.iter().try_for_each(|(_, promise)| holding.keeps(promise))
    };
    judged(folder.path()).expect("a sound store that has kept every promise");
    let genuine = files_of(folder.path());
    for (database, sql, finds) in [
        ("kyc.db", "DELETE FROM streams WHERE customer_id = 0", "the audit log"),
        (
            "kyc.db",
            "DELETE FROM history WHERE id = (SELECT max(id) FROM history)",
            "histories",
        ),
        (
            "kyc.db",
            "DELETE FROM steps WHERE id = (SELECT max(id) FROM steps)",
            "customers",
        ),
        (
            "kyc.db",
            "UPDATE profiles SET risk_level = risk_level + 1 WHERE id = 1",
            "customers",
        ),
        ("kyc.db", "UPDATE templates SET name = 'another'", "configurations"),
        ("kyc.db", "DELETE FROM kept_replies", "kept replies"),
        ("kyc.db", "UPDATE counters SET next = 1", "would be given"),
        (
            "kyc.db",
            "UPDATE streams SET hash = zeroblob(32) WHERE customer_id = 0",
            "the audit log",
        ),
        ("kyc.db", "UPDATE tenants SET webhook_rate = 1", "configurations"),
        ("kyc.db", "DELETE FROM tenant_secrets", "secrets"),
        (
            "kyc.db",
            "DELETE FROM level_log WHERE id = (SELECT max(id) FROM level_log)",
            "the level log",
        ),
        ("kyc.db", "UPDATE deliveries SET idempotency_key = 'another'", "calls"),
        ("kyc.db", "DELETE FROM call_queue", "the queue holds"),
        ("kyc.db", "UPDATE call_queue SET lease_until = 1", "nobody ever made"),
        ("kyc.db", "UPDATE call_queue SET attempts = 99", "nobody ever made"),
        (
            "kyc.db",
            "UPDATE call_queue SET attempts = 0, due_time = queued_time",
            "lost: Tried",
        ),
        ("kyc.db", "UPDATE breakers SET failures = 99", "after"),
        ("kyc.db", "UPDATE reconciliations SET due_time = 0", "nobody ever set"),
        ("kyc.db", "DELETE FROM reconciliations", "lost: Reconciled"),
        ("storage.db", "UPDATE files SET claimed = 0", "lost its file"),
        ("storage.db", "DELETE FROM files", "lost its file"),
        ("storage.db", "UPDATE files SET checksum = ''", "was recorded as"),
    ] {
        let folder = fresh_folder();
        lay_out(&genuine, folder.path());
        let connection = Connection::open(folder.path().join(database)).expect("a connection");
        assert!(connection.execute(sql, ()).expect(sql) > 0, "{sql} touches something");
        drop(connection);
        let fault = judged(folder.path()).expect_err(sql);
        assert!(fault.contains(finds), "{sql}: {fault}");
    }
}
