//! How SQLite finds what loads read: by an index in each table, however full the others' rows make it.
#![allow(clippy::unwrap_used, reason = "test code")]

use kyc_core::actor::BrandScope;
use kyc_core::command::TemplateNeed;
use kyc_core::id::{CustomerId, CustomerKey, DocumentId, ProfileId, StepId};
use kyc_core::query::{AuditFilter, Filter, Page, Query};
use kyc_sql::statement::Statement;
use kyc_sql::{list, load};
use kyc_sqlite::{Options, SqliteStore};

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

/// A new database.
fn database(folder: &std::path::Path) -> rusqlite::Connection {
    drop(SqliteStore::open(folder, Options::default()).unwrap());
    rusqlite::Connection::open(folder.join("kyc.db")).unwrap()
}

#[test]
fn what_decisions_look_at_is_found_by_indexes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path());
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

/// A page in the middle of a list.
fn later_page(filter: Filter) -> Statement {
    list::page(&Query {
        filter,
        scope: BrandScope::All,
        page: Page {
            limit: 50,
            after: Some((1_000, 1_000)),
            offset: 0,
        },
    })
}

#[test]
fn the_audit_log_of_one_thing_is_found_in_its_stream() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path());
    let of_profile = AuditFilter {
        kyc_id: Some(ProfileId(1)),
        ..AuditFilter::default()
    };
    let of_step = AuditFilter {
        step_id: Some(StepId(1)),
        ..AuditFilter::default()
    };
    let of_document = AuditFilter {
        document_id: Some(DocumentId(1)),
        action: Some("document.viewed".to_owned()),
        ..AuditFilter::default()
    };
    for filter in [of_profile, of_step, of_document] {
        let plan = plan(&database, &later_page(Filter::Audit(filter)));
        let uses = "audit USING INDEX audit_stream (brand=? AND customer_id=?";
        assert!(plan.iter().any(|line| line.contains(uses)), "{plan:#?}");
        assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{plan:#?}");
    }
}

#[test]
fn a_history_is_found_by_its_audit_rows_from_the_cursor_on() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path());
    let plan = plan(&database, &later_page(Filter::History(ProfileId(1))));
    for uses in [
        "SEARCH audit USING COVERING INDEX audit_stream (brand=? AND customer_id=? AND id<?)",
        "SEARCH history USING INTEGER PRIMARY KEY (rowid=?)",
    ] {
        assert!(plan.iter().any(|line| line == uses), "{plan:#?}");
    }
    assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{plan:#?}");
}
