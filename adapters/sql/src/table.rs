//! Which table holds which entity, and the statements that all tables share.

use kyc_core::audit::AuditRow;
use kyc_core::brand::Settings;
use kyc_core::commit::KeptReply;
use kyc_core::document::Document;
use kyc_core::file::FileMeta;
use kyc_core::history::HistoryRow;
use kyc_core::level::LevelEntry;
use kyc_core::outbound::{Breaker, Delivery, QueuedCall};
use kyc_core::profile::Profile;
use kyc_core::record::{Cell, Record};
use kyc_core::step::Step;
use kyc_core::template::Template;
use kyc_core::tenant::{SealedSecret, Tenant};
use kyc_ports::store::Reconciliation;

use crate::statement::Statement;

/// A stored entity's table.
pub trait Table: Record {
    /// Its name.
    const NAME: &'static str;
    /// The column by which a row is found again.
    const KEY: &'static str = "id";
}

macro_rules! tables {
    ($($record:ty = $name:literal $(by $key:literal)?;)+) => {$(
        impl Table for $record {
            const NAME: &'static str = $name;
            $(const KEY: &'static str = $key;)?
        }
    )+};
}

tables! {
    Profile = "profiles";
    Step = "steps";
    Document = "documents";
    Template = "templates";
    Settings = "settings" by "brand";
    AuditRow = "audit";
    HistoryRow = "history";
    KeptReply = "kept_replies";
    FileMeta = "files" by "file_id";
    Tenant = "tenants";
    SealedSecret = "tenant_secrets" by "secret_id";
    LevelEntry = "level_log";
    Delivery = "deliveries";
    QueuedCall = "call_queue" by "delivery_id";
    Breaker = "breakers" by "brand";
    Reconciliation = "reconciliations" by "brand";
}

/// `SELECT` of all columns in the order that [`decode`] reads them.
pub fn select<T: Table>() -> String {
    format!("SELECT {} FROM {}", T::COLUMNS.join(", "), T::NAME)
}

/// Reads rows of [`select`]; `None` when a row is not one of this entity's.
pub fn decode<T: Table>(rows: Vec<Vec<Cell>>) -> Option<Vec<T>> {
    rows.into_iter().map(T::from_cells).collect()
}

/// Adds rows, all in one statement; nothing for no rows.
pub fn insert<T: Table>(rows: &[T]) -> Option<Statement> {
    if rows.is_empty() {
        return None;
    }
    let mut params = Vec::with_capacity(rows.len() * T::COLUMNS.len());
    let mut values = Vec::with_capacity(rows.len());
    for row in rows {
        let first = params.len() + 1;
        params.extend(row.cells());
        let places: Vec<String> = (first..=params.len()).map(|number| format!("?{number}")).collect();
        values.push(format!("({})", places.join(", ")));
    }
    let sql = format!(
        "INSERT INTO {} ({}) VALUES {}",
        T::NAME,
        T::COLUMNS.join(", "),
        values.join(", ")
    );
    Some(Statement::new(sql, params).touching(rows.len()))
}

/// Adds rows or replaces those with the same key, all in one statement; nothing for no rows.
pub fn upsert<T: Table>(rows: &[T]) -> Option<Statement> {
    let mut statement = insert(rows)?;
    let set: Vec<String> = T::COLUMNS
        .iter()
        .filter(|column| **column != T::KEY)
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    statement.sql = format!(
        "{} ON CONFLICT ({}) DO UPDATE SET {}",
        statement.sql,
        T::KEY,
        set.join(", ")
    )
    .into();
    Some(statement)
}
