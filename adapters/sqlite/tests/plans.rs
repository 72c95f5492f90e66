//! How SQLite finds what loads read: by an index in each table, however full the others' rows make it.
#![allow(clippy::unwrap_used, reason = "test code")]

use kyc_core::command::TemplateNeed;
use kyc_core::id::{CustomerId, CustomerKey};
use kyc_sql::load;
use kyc_sql::statement::Statement;
use kyc_sqlite::SqliteStore;

/// What SQLite says that it does, a line for each table.
fn plan(database: &rusqlite::Connection, statement: &Statement) -> Vec<String> {
    let mut explained = database
        .prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sql))
        .unwrap();
    let nulls = vec![rusqlite::types::Null; statement.params.len()];
    let lines = explained
        .query_map(rusqlite::params_from_iter(nulls), |row| row.get(3))
        .unwrap();
    lines.map(Result::unwrap).collect()
}

#[test]
fn what_decisions_look_at_is_found_by_indexes_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path(), 1).unwrap());
    let database = rusqlite::Connection::open(folder.path().join("kyc.db")).unwrap();
    let key = CustomerKey {
        brand: "acme".parse().unwrap(),
        customer_id: CustomerId(1001),
    };
    let customer = plan(&database, &load::customer(&key));
    let has = |plan: &[String], part: &str| plan.iter().any(|line| line.contains(part));
    // Of all tenants, calls that wait or are dead may be many.
    assert!(
        has(&customer, "deliveries_open") && has(&customer, "deliveries_told"),
        "{customer:#?}"
    );
    assert!(!has(&customer, "deliveries_status_anywhere"), "{customer:#?}");
    let brand = plan(&database, &load::brand(&key.brand, &TemplateNeed::UpTo(2)));
    for plan in [customer, brand] {
        let scans: Vec<_> = plan.iter().filter(|line| line.starts_with("SCAN ")).collect();
        // What a subquery has gathered is not a table.
        assert!(
            scans
                .iter()
                .all(|line| line.contains("(subquery") || line.contains("SCAN (")),
            "{plan:#?}"
        );
    }
}
