//! Databases of other programs: an older one's is brought up to date with all that it holds, a newer one's is refused.

use std::path::{Path, PathBuf};

use kyc_core::actor::BrandScope;
use kyc_core::audit::AuditRow;
use kyc_core::id::{AuditId, CustomerId, ProfileId};
use kyc_core::query::{AuditFilter, Filter, Page, Query, Rows};
use kyc_core::status::KycStatus;
use kyc_core::time::Time;
use kyc_ports::contract::reopening;
use kyc_ports::store::{Store, Wanted};
use kyc_sqlite::ledger::{export, verify};
use kyc_sqlite::{OpenError, Options, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

/// The whole schema of the program that knew no tenants.
const VERSION_1: &str = include_str!("../../../migrations/kyc/0001_initial.sql");

/// What the program added that knew tenants first.
const VERSION_2: &str = include_str!("../../../migrations/kyc/0002_tenants.sql");

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn open(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(folder.path(), Options::default()).unwrap()
}

fn kyc_db(folder: &TempDir) -> PathBuf {
    folder.path().join("kyc.db")
}

fn version(database: &Path) -> i64 {
    let connection = Connection::open(database).unwrap();
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

fn list(store: &dyn Store, filter: Filter) -> Rows {
    let page = Page {
        limit: 1_000,
        after: None,
        offset: 0,
    };
    let query = Query {
        filter,
        scope: BrandScope::All,
        page,
    };
    block_on(store.list(&query)).unwrap()
}

fn audit(store: &dyn Store) -> Vec<AuditRow> {
    match list(store, Filter::Audit(AuditFilter::default())) {
        Rows::Audit(rows) => rows,
        other => panic!("{other:?}"),
    }
}

/// What the filled store tells.
fn told(store: &dyn Store) -> String {
    block_on(reopening::told(store))
}

/// A store filled with what there was before there were tenants; what it tells.
fn filled() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    block_on(reopening::fill(&store));
    let told = told(&store);
    (folder, told)
}

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map((), |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The same rows in a database of version 1.
fn of_version_1(newer: &TempDir) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(kyc_db(&folder)).unwrap();
    connection.execute_batch(VERSION_1).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    let path = kyc_db(newer);
    connection
        .execute("ATTACH ?1 AS newer", [path.to_str().unwrap()])
        .unwrap();
    connection
        .execute(
            "UPDATE counters SET next = (SELECT newer.next FROM newer.counters AS newer WHERE newer.name = counters.name)",
            (),
        )
        .unwrap();
    let tables = texts(
        &connection,
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name <> 'counters'",
    );
    for table in tables {
        // What the newer one does without is a number that nobody knows.
        let columns = texts(
            &connection,
            &format!(
                "SELECT name FROM pragma_table_info('{table}', 'main') \
                 WHERE name IN (SELECT name FROM pragma_table_info('{table}', 'newer'))"
            ),
        );
        let columns = columns.join(", ");
        let sql = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}");
        assert!(connection.execute(&sql, ()).unwrap() > 0, "{table} has rows");
    }
    folder
}

#[test]
fn a_database_of_version_1_is_migrated_and_tells_the_same() {
    let (newer, before) = filled();
    let folder = of_version_1(&newer);
    assert_eq!(version(&kyc_db(&folder)), 1);
    for _ in 0..2 {
        assert_eq!(told(&open(&folder)), before);
        assert_eq!(version(&kyc_db(&folder)), 5);
    }
    let rows = audit(&open(&folder)).len() as u64;
    assert_eq!(verify(&kyc_db(&folder)).unwrap().rows, rows);
}

#[test]
fn a_migrated_database_takes_tenants_and_all_that_they_bring() {
    let folder = of_version_1(&filled().0);
    block_on(reopening::fill_tenants(&open(&folder)));
    let before = told(&open(&folder));
    assert_eq!(told(&open(&folder)), before);
    block_on(reopening::goes_on(&open(&folder)));
    verify(&kyc_db(&folder)).unwrap();
}

#[test]
fn ids_go_on_in_a_migrated_database() {
    let wanted = Wanted {
        profiles: 1,
        steps: 1,
        documents: 1,
        templates: 1,
        audit: 1,
        customers: 1,
        tenants: 1,
        deliveries: 1,
    };
    let (newer, _) = filled();
    let given = block_on(open(&newer).reserve(wanted)).unwrap();
    let folder = of_version_1(&newer);
    let first = block_on(open(&folder).reserve(wanted)).unwrap();
    assert!(first.profile > given.profile);
    assert!(first.step > given.step);
    assert!(first.document > given.document);
    assert!(first.template > given.template);
    assert!(first.audit > given.audit);
    // The new kinds begin.
    assert_eq!((first.customer, first.tenant, first.delivery), (1_000_000_000, 1, 1));
}

#[test]
fn a_history_row_as_version_1_wrote_it_loads() {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(kyc_db(&folder)).unwrap();
    connection.execute_batch(VERSION_1).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    connection
        .execute_batch(
            "INSERT INTO profiles (id, brand, customer_id, linked, status, current_level, required_level, risk_level, \
             pending_steps, kyc_status, kyc_level, version, created_time, updated_time) VALUES \
             (1, 'a', 7, 0, 1, 0, 2, 0, 0, 'expired', 0, 2, 1700000000000000, 1700000000000000); \
             INSERT INTO audit (id, brand, customer_id, kyc_id, action, actor_type, actor_id, created_time, \
             data_hash, prev_hash, hash) VALUES \
             (5, 'a', 7, 1, 'step.rejected', 1, 'm-1', 1700000000123457, x'00', x'00', x'00'), \
             (6, 'a', 7, 1, 'profile.expired', 3, 'system', 1700000000123458, x'00', x'00', x'00'); \
             INSERT INTO history (id, kyc_id, brand, customer_id, at, ts, source, event, level, from_status, \
             to_status, applied, reason, actor, data) VALUES \
             (5, 1, 'a', 7, 1700000000123457, 1700000000000001, 'manager', 'kyc.rejected', 2, 'pending', \
             'rejected', 1, 'BLURRED', 'm-1', '{\"step_id\":4}'), \
             (6, 1, 'a', 7, 1700000000123458, 1700000000000002, 'system', 'kyc.expired', 0, 'verified', \
             'expired', 0, NULL, NULL, NULL);",
        )
        .unwrap();
    drop(connection);
    let Rows::History(rows) = list(&open(&folder), Filter::History(ProfileId(1))) else {
        panic!("no history")
    };
    let [newest, oldest] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert_eq!((newest.id, oldest.id), (AuditId(6), AuditId(5)));
    assert_eq!(oldest.customer_id, CustomerId(7));
    assert_eq!(
        (oldest.at, oldest.ts),
        (Time(1_700_000_000_123_457), Time(1_700_000_000_000_001))
    );
    assert_eq!(
        (oldest.from_status, oldest.to_status),
        (KycStatus::Pending, KycStatus::Rejected)
    );
    assert_eq!(
        (oldest.reason.as_deref(), oldest.actor.as_deref()),
        (Some("BLURRED"), Some("m-1"))
    );
    assert_eq!(oldest.data.as_ref().unwrap()["step_id"], 4);
    assert!(oldest.applied && !newest.applied);
    // Webhooks were not known then.
    for row in [newest, oldest] {
        assert_eq!(row.event_id, None);
        assert!(row.also_effective.0.is_empty() && row.no_longer_effective.0.is_empty());
    }
}

#[test]
fn a_reconciliation_as_version_2_wrote_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = kyc_db(&folder);
    let connection = Connection::open(&path).unwrap();
    for step in [VERSION_1, VERSION_2] {
        connection.execute_batch(step).unwrap();
    }
    let sql = "INSERT INTO reconciliations (brand, due_time, cursor) VALUES ('a', 300, '8')";
    assert_eq!(connection.execute(sql, ()).unwrap(), 1);
    connection.pragma_update(None, "user_version", 2).unwrap();
    drop(connection);
    drop(open(&folder));
    assert_eq!(version(&path), 5);
    let connection = Connection::open(&path).unwrap();
    let sql = "SELECT brand || due_time || cursor || stays FROM reconciliations";
    assert_eq!(texts(&connection, sql), ["a30080"]);
}

#[test]
fn a_newer_programs_database_is_refused() {
    for (name, known) in [("kyc.db", 5), ("storage.db", 1)] {
        let (folder, before) = filled();
        let connection = Connection::open(folder.path().join(name)).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let error = SqliteStore::open(folder.path(), Options::default()).unwrap_err();
        assert!(matches!(error, OpenError::Newer { version: 99, .. }), "{error}");
        assert_eq!(
            error.to_string(),
            format!("the database is at version 99, this program knows {known}; run the newer program")
        );
        if name == "kyc.db" {
            let path = folder.path().join(name);
            let refusals = [verify(&path), export(&path, std::io::sink())].map(|read| read.unwrap_err().to_string());
            assert_eq!(refusals, [error.to_string(), error.to_string()]);
        }
        // Nothing is lost by the attempt.
        connection.pragma_update(None, "user_version", known).unwrap();
        assert_eq!(told(&open(&folder)), before);
    }
}
