//! Which table holds which entity, and the statements that all tables share.

use std::borrow::Cow;
use std::sync::LazyLock;

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
    /// The texts of the statements that most rows need.
    fn texts() -> &'static Texts;
}

/// Texts of a table's statements, made once.
#[derive(Debug)]
pub struct Texts {
    /// All columns of all rows.
    select: String,
    /// One row more.
    insert: String,
    /// One row more, or in place of the one with its key.
    upsert: String,
}

impl Texts {
    fn of<T: Table>() -> Self {
        let insert = insert_text::<T>(1);
        Self {
            select: format!("SELECT {} FROM {}", T::COLUMNS.join(", "), T::NAME),
            upsert: upsert_text::<T>(&insert),
            insert,
        }
    }
}

macro_rules! tables {
    ($($record:ty = $name:literal $(by $key:literal)?;)+) => {$(
        impl Table for $record {
            const NAME: &'static str = $name;
            $(const KEY: &'static str = $key;)?
            fn texts() -> &'static Texts {
                static TEXTS: LazyLock<Texts> = LazyLock::new(Texts::of::<$record>);
                &TEXTS
            }
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
pub fn select<T: Table>() -> &'static str {
    &T::texts().select
}

/// Reads rows of [`select`]; `None` when a row is not one of this entity's.
pub fn decode<T: Table>(rows: Vec<Vec<Cell>>) -> Option<Vec<T>> {
    rows.into_iter().map(T::from_cells).collect()
}

/// Adds rows, all in one statement; nothing for no rows.
pub fn insert<T: Table>(rows: &[T]) -> Option<Statement> {
    let sql = match rows {
        [] => return None,
        [_] => Cow::Borrowed(T::texts().insert.as_str()),
        _ => insert_text::<T>(rows.len()).into(),
    };
    Some(Statement::new(sql, cells(rows)).touching(rows.len()))
}

/// Adds rows or replaces those with the same key, all in one statement; nothing for no rows.
pub fn upsert<T: Table>(rows: &[T]) -> Option<Statement> {
    let sql = match rows {
        [] => return None,
        [_] => Cow::Borrowed(T::texts().upsert.as_str()),
        _ => upsert_text::<T>(&insert_text::<T>(rows.len())).into(),
    };
    Some(Statement::new(sql, cells(rows)).touching(rows.len()))
}

fn cells<T: Table>(rows: &[T]) -> Vec<Cell> {
    rows.iter().flat_map(Record::cells).collect()
}

fn insert_text<T: Table>(rows: usize) -> String {
    let width = T::COLUMNS.len();
    let values = (0..rows).map(|row| {
        let places = (row * width + 1..=(row + 1) * width).map(|number| format!("?{number}"));
        format!("({})", places.collect::<Vec<_>>().join(", "))
    });
    let values = values.collect::<Vec<_>>().join(", ");
    format!("INSERT INTO {} ({}) VALUES {values}", T::NAME, T::COLUMNS.join(", "))
}

fn upsert_text<T: Table>(insert: &str) -> String {
    let columns = T::COLUMNS.iter().filter(|column| **column != T::KEY);
    let set: Vec<String> = columns.map(|column| format!("{column} = excluded.{column}")).collect();
    format!("{insert} ON CONFLICT ({}) DO UPDATE SET {}", T::KEY, set.join(", "))
}
