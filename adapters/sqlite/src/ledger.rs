//! The audit log as an auditor handles it: checked and exported from the database file, without the server.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::Path;

use kyc_core::audit::AuditRow;
use kyc_core::audit::verify::{Break, Chain};
use kyc_core::id::{Brand, CustomerId};
use kyc_core::record::{Column, Hash, Record};
use kyc_core::stream::StreamKey;
use kyc_ports::store::StoreError;
use kyc_sql::list::audit_after;
use kyc_sql::statement::Statement;
use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};

use crate::database::{OpenError, open_read_only, run};
use crate::migrate;

/// Rows read at a time.
const BATCH: i64 = 1_000;

/// Why a log does not verify, or could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A row does not fit.
    #[error("{0}")]
    Broken(#[from] Break),
    /// The database cannot be read.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The database cannot be opened.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// The file cannot be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A line of an export is none of ours.
    #[error("line {0} is not a line of an export")]
    Line(usize),
    /// The export ends before its last line.
    #[error("the export is cut off: its last line, with the counts, is missing or does not fit")]
    CutOff,
}

/// What was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Audit rows.
    pub rows: u64,
    /// Streams.
    pub streams: u64,
}

/// A line of an export: first all rows by id, then where each stream stands, then how many there were.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Row(Box<AuditRow>),
    Head {
        brand: Brand,
        customer_id: Option<CustomerId>,
        hash: Hash,
    },
    End(Checked),
}

/// Chains of all streams, walked side by side.
#[derive(Default)]
struct Chains {
    chains: HashMap<StreamKey, Chain>,
    checked: Checked,
}

impl Chains {
    fn push(&mut self, row: &AuditRow) -> Result<(), LedgerError> {
        self.chains.entry(row.stream()).or_default().push(row)?;
        self.checked.rows += 1;
        Ok(())
    }

    fn head(&mut self, stream: &StreamKey, hash: Hash) -> Result<(), LedgerError> {
        let chain = self.chains.remove(stream).unwrap_or_default();
        if chain.head() != hash {
            return Err(Break::Head { stream: name(stream) }.into());
        }
        self.checked.streams += 1;
        Ok(())
    }

    /// Every stream must have had its head.
    fn finish(self) -> Result<Checked, LedgerError> {
        match self.chains.keys().next() {
            Some(stream) => Err(Break::Head { stream: name(stream) }.into()),
            None => Ok(self.checked),
        }
    }
}

fn name(stream: &StreamKey) -> String {
    match stream.customer_id {
        Some(id) => format!("{}/{id}", stream.brand),
        None => stream.brand.to_string(),
    }
}

/// One state of a database that this program knows: the server may go on writing.
fn snapshot(connection: &Connection) -> Result<Transaction<'_>, OpenError> {
    let snapshot = connection.unchecked_transaction()?;
    migrate::known_version(&snapshot, migrate::KYC)?;
    Ok(snapshot)
}

/// Checks every chain of a database.
pub fn verify(kyc_db: &Path) -> Result<Checked, LedgerError> {
    let connection = open_read_only(kyc_db).map_err(OpenError::from)?;
    let connection = snapshot(&connection)?;
    let mut chains = Chains::default();
    each_row(&connection, |row| chains.push(&row))?;
    for (stream, hash) in heads(&connection)? {
        chains.head(&stream, hash)?;
    }
    chains.finish()
}

/// Writes the log as JSON lines, with all that a verification needs.
pub fn export(kyc_db: &Path, mut out: impl Write) -> Result<Checked, LedgerError> {
    let connection = open_read_only(kyc_db).map_err(OpenError::from)?;
    let connection = snapshot(&connection)?;
    let mut checked = Checked::default();
    each_row(&connection, |row| {
        checked.rows += 1;
        write_line(&mut out, &Line::Row(Box::new(row)))
    })?;
    for (stream, hash) in heads(&connection)? {
        checked.streams += 1;
        write_line(
            &mut out,
            &Line::Head {
                brand: stream.brand,
                customer_id: stream.customer_id,
                hash,
            },
        )?;
    }
    write_line(&mut out, &Line::End(checked))?;
    out.flush()?;
    Ok(checked)
}

/// Checks every chain of an export.
pub fn verify_export(lines: impl BufRead) -> Result<Checked, LedgerError> {
    let mut chains = Chains::default();
    let mut end = None;
    for (number, line) in (1..).zip(lines.lines()) {
        match serde_json::from_str(&line?).map_err(|_| LedgerError::Line(number))? {
            _ if end.is_some() => return Err(LedgerError::Line(number)),
            Line::Row(row) => chains.push(&row)?,
            Line::Head {
                brand,
                customer_id,
                hash,
            } => chains.head(&StreamKey { brand, customer_id }, hash)?,
            Line::End(counts) => end = Some(counts),
        }
    }
    let checked = chains.finish()?;
    if end == Some(checked) {
        Ok(checked)
    } else {
        Err(LedgerError::CutOff)
    }
}

fn write_line(out: &mut impl Write, line: &Line) -> Result<(), LedgerError> {
    serde_json::to_writer(&mut *out, line).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}

fn each_row(
    connection: &Connection,
    mut visit: impl FnMut(AuditRow) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    // From below every id there can be: a forged row may have a negative one.
    let mut after = i64::MIN;
    loop {
        let rows = run(connection, &audit_after(after, BATCH))?.rows;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            after = row.first().cloned().and_then(i64::from_cell).ok_or_else(unreadable)?;
            // A column that cannot be read has been changed behind our back: no row of ours is like that.
            visit(AuditRow::from_cells(row).ok_or(Break::Metadata { id: after })?)?;
        }
    }
}

fn heads(connection: &Connection) -> Result<Vec<(StreamKey, Hash)>, LedgerError> {
    let sql = "SELECT brand, nullif(customer_id, 0), hash FROM streams ORDER BY brand, customer_id";
    let rows = run(connection, &Statement::new(sql, Vec::new()))?.rows;
    let heads = rows.into_iter().map(|row| {
        let mut cells = row.into_iter();
        let brand = Brand::from_cell(cells.next()?)?;
        let customer_id = Column::from_cell(cells.next()?)?;
        Some((StreamKey { brand, customer_id }, Hash::from_cell(cells.next()?)?))
    });
    heads.collect::<Option<_>>().ok_or_else(|| unreadable().into())
}

fn unreadable() -> StoreError {
    StoreError::Failed("a stored row does not have the form that this program writes".to_owned())
}
