//! Which table holds which entity, and the statements that all tables share.

use std::borrow::Cow;
use std::sync::{Mutex, OnceLock, PoisonError};

use kyc_core::audit::AuditRow;
use kyc_core::brand::Settings;
use kyc_core::commit::{KeptReply, Put};
use kyc_core::document::Document;
use kyc_core::file::FileMeta;
use kyc_core::history::HistoryRow;
use kyc_core::level::LevelEntry;
use kyc_core::outbound::{Breaker, Delivery, QueuedCall};
use kyc_core::profile::Profile;
use kyc_core::record::{Cell, Columns, Record};
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

/// Rows of a statement up to which its text is made once.
const FEW_ROWS: usize = 8;
/// Sets of columns of a table for which the text of their change is made once.
const FEW_SETS: usize = 50;

/// Texts of a table's statements, each made on first use.
#[derive(Debug)]
pub struct Texts {
    /// All columns of all rows.
    select: OnceLock<String>,
    /// One row more, two, and so on.
    insert: [OnceLock<String>; FEW_ROWS],
    /// Some columns of one row. Decisions change few sets of columns, but any set may be changed.
    update: Mutex<Vec<(Columns, &'static str)>>,
}

impl Texts {
    const fn new() -> Self {
        Self {
            select: OnceLock::new(),
            insert: [const { OnceLock::new() }; FEW_ROWS],
            update: Mutex::new(Vec::new()),
        }
    }
}

macro_rules! tables {
    ($($record:ty = $name:literal $(by $key:literal)?;)+) => {$(
        impl Table for $record {
            const NAME: &'static str = $name;
            $(const KEY: &'static str = $key;)?
            fn texts() -> &'static Texts {
                static TEXTS: Texts = Texts::new();
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
    let text = || format!("SELECT {} FROM {}", T::COLUMNS.join(", "), T::NAME);
    T::texts().select.get_or_init(text)
}

/// Reads rows of [`select`]; `None` when a row is not one of this entity's.
pub fn decode<T: Table>(rows: Vec<Vec<Cell>>) -> Option<Vec<T>> {
    rows.into_iter().map(T::from_cells).collect()
}

/// Adds rows, all in one statement; nothing for no rows.
pub fn insert<T: Table>(rows: Vec<T>) -> Option<Statement> {
    let count = rows.len();
    let text = insert_text::<T>(count)?;
    Some(Statement::new(text, cells(rows)).touching(count))
}

/// Adds rows or replaces those with the same key, all in one statement; nothing for no rows.
///
/// Only the columns are set that differ: an index whose columns are not set is left alone.
pub fn put<T: Table>(mut rows: Vec<Put<T>>) -> Option<Statement> {
    let columns = rows.iter().map(|put| put.columns).reduce(Columns::and)?;
    let count = rows.len();
    if count == 1 && columns != Columns::ALL {
        return update(rows.pop()?.row, columns);
    }
    let insert = insert_text::<T>(count)?;
    let set = assignments(T::COLUMNS, T::KEY, columns, |_, column| format!("excluded.{column}"));
    let sql = format!("{insert} ON CONFLICT ({}) DO UPDATE SET {}", T::KEY, set.join(", "));
    let cells = cells(rows.into_iter().map(|put| put.row));
    Some(Statement::new(sql, cells).touching(count))
}

/// Changes some columns of a row that is there.
fn update<T: Table>(mut row: T, columns: Columns) -> Option<Statement> {
    let key = T::COLUMNS.iter().position(|column| *column == T::KEY)?;
    let places = (0..T::COLUMNS.len()).filter(|place| columns.has(*place) && *place != key);
    let cells = places
        .chain([key])
        .filter_map(|place| Some(T::CELLS.get(place)?(&mut row)));
    Some(Statement::new(update_text::<T>(columns), cells.collect()).touching(1))
}

fn update_text<T: Table>(columns: Columns) -> Cow<'static, str> {
    let mut made = T::texts().update.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, text)) = made.iter().find(|(known, _)| *known == columns) {
        return Cow::Borrowed(text);
    }
    let set = assignments(T::COLUMNS, T::KEY, columns, |number, _| format!("?{number}"));
    let text = format!(
        "UPDATE {} SET {} WHERE {} = ?{}",
        T::NAME,
        set.join(", "),
        T::KEY,
        set.len() + 1
    );
    if made.len() == FEW_SETS {
        return text.into();
    }
    let text: &'static str = text.leak();
    made.push((columns, text));
    text.into()
}

/// `column = value` for some of a table's columns, but for the key. A value is told its number, from 1, and its column.
fn assignments(all: &[&str], key: &str, some: Columns, value: fn(usize, &str) -> String) -> Vec<String> {
    let set = all.iter().enumerate();
    let set = set.filter(|(place, column)| some.has(*place) && **column != key);
    (1..)
        .zip(set)
        .map(|(number, (_, column))| format!("{column} = {}", value(number, column)))
        .collect()
}

/// The values of rows, one row behind the other.
pub(crate) fn cells<T: Table>(rows: impl IntoIterator<Item = T>) -> Vec<Cell> {
    let rows = rows.into_iter();
    let mut cells = Vec::with_capacity(rows.size_hint().0 * T::COLUMNS.len());
    for mut row in rows {
        cells.extend(T::CELLS.iter().map(|cell| cell(&mut row)));
    }
    cells
}

/// The text that adds so many rows; `None` for none.
fn insert_text<T: Table>(rows: usize) -> Option<Cow<'static, str>> {
    let text = || text_of_insert(T::NAME, T::COLUMNS, rows);
    Some(match T::texts().insert.get(rows.checked_sub(1)?) {
        Some(known) => Cow::Borrowed(known.get_or_init(text)),
        None => text().into(),
    })
}

fn text_of_insert(table: &str, columns: &[&str], rows: usize) -> String {
    let width = columns.len();
    let values = (0..rows).map(|row| {
        let places = (row * width + 1..=(row + 1) * width).map(|number| format!("?{number}"));
        format!("({})", places.collect::<Vec<_>>().join(", "))
    });
    let values = values.collect::<Vec<_>>().join(", ");
    format!("INSERT INTO {table} ({}) VALUES {values}", columns.join(", "))
}
