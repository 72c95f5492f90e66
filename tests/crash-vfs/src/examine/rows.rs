//! Rows as they stand in a database, read past the store, and compared.

use std::collections::BTreeMap;
use std::path::Path;

use kyc_core::id::Brand;
use kyc_core::record::{Cell, Column, Hash};
use kyc_core::stream::StreamKey;
use kyc_sql::table::{Table, decode, select};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::examine::Fault;

pub(super) fn failed(error: impl std::fmt::Display) -> Fault {
    error.to_string()
}

pub(super) fn same<T: PartialEq + std::fmt::Debug>(what: &str, stored: &[T], expected: &[T]) -> Result<(), Fault> {
    let mut pairs = stored.iter().zip(expected);
    if let Some((stored, expected)) = pairs.find(|(stored, expected)| stored != expected) {
        return Err(format!("{what} differ: stored {stored:?}, expected {expected:?}"));
    }
    if stored.len() == expected.len() {
        Ok(())
    } else {
        Err(format!("{what}: {} stored, {} expected", stored.len(), expected.len()))
    }
}

pub(super) fn open(path: &Path) -> Result<Connection, Fault> {
    Connection::open(path).map_err(failed)
}

pub(super) fn check_pages(connection: &Connection) -> Result<(), Fault> {
    let said = connection.query_row("PRAGMA integrity_check", (), |row| row.get::<_, String>(0));
    match said.map_err(failed)?.as_str() {
        "ok" => Ok(()),
        problem => Err(format!("integrity_check: {problem}")),
    }
}

fn cells(connection: &Connection, sql: &str) -> Result<Vec<Vec<Cell>>, Fault> {
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let columns = statement.column_count();
    let rows = statement.query_map((), |row| {
        (0..columns)
            .map(|column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Null | ValueRef::Real(_) => Cell::Null,
                    ValueRef::Integer(value) => Cell::Int(value),
                    ValueRef::Text(bytes) => Cell::Text(String::from_utf8_lossy(bytes).into()),
                    ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
                })
            })
            .collect()
    });
    rows.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
}

/// All rows of a table, by key.
pub(super) fn rows<T: Table>(connection: &Connection) -> Result<Vec<T>, Fault> {
    let found = cells(connection, &format!("{} ORDER BY {}", select::<T>(), T::KEY))?;
    decode(found).ok_or_else(|| format!("{} has a row that is not one of ours", T::NAME))
}

pub(super) fn integers(connection: &Connection, sql: &str) -> Result<impl Iterator<Item = i64>, Fault> {
    let found = cells(connection, sql)?.into_iter().flatten();
    Ok(found.filter_map(i64::from_cell))
}

/// Where each stream stands.
pub(super) fn heads(kyc: &Connection) -> Result<BTreeMap<StreamKey, Hash>, Fault> {
    let found = cells(kyc, "SELECT brand, nullif(customer_id, 0), hash FROM streams")?;
    let heads = found.into_iter().map(|row| {
        let mut row = row.into_iter();
        let brand = Brand::from_cell(row.next()?)?;
        let customer_id = Column::from_cell(row.next()?)?;
        Some((StreamKey { brand, customer_id }, Hash::from_cell(row.next()?)?))
    });
    heads
        .collect::<Option<_>>()
        .ok_or_else(|| "streams has a row that is not one of ours".to_owned())
}
