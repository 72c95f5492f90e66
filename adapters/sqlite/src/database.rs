//! One database file: how connections are opened, and how statements run on them.

use std::path::Path;
use std::time::Duration;

use kyc_core::record::Cell;
use kyc_ports::store::StoreError;
use kyc_sql::statement::Statement;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, ffi, params_from_iter};

use crate::checkpoint::{Breaks, Checkpointer, Mover, Worth};
use crate::migrate;
use crate::readers::Readers;
use crate::strand::Strand;

/// Earlier versions can lose a commit that races a checkpoint.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// How long a connection waits for others, of another process.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Memory for pages of the writing connection (KiB): a group's own, which else go to the log before their time.
const WRITER_CACHE_KIB: i64 = 16 * 1_024;
/// Statements kept prepared on each connection.
const PREPARED_MAX: usize = 200;

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer program has written it.
    #[error("the database is at version {version}, this program knows {known}; run the newer program")]
    Newer {
        /// The database's version.
        version: usize,
        /// The newest this program knows.
        known: usize,
    },
    /// The linked SQLite is too old.
    #[error("SQLite {0} is too old: 3.51.3 or newer is needed")]
    TooOld(&'static str),
    /// SQLite refused.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A thread could not be started.
    #[error("{0}")]
    Thread(#[from] std::io::Error),
}

/// How a store works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Connections, and threads, that read.
    pub readers: usize,
    /// Pages of 4 KiB in a write-ahead log that are worth a checkpoint. Where readers keep sixteen times as many from being
    /// written over, writes are refused.
    pub log_pages: i32,
    /// Commits that a log should take before one, unless it has become four times as large. A commit behind a checkpoint
    /// waits for three syncs more, so less than one of a hundred should stand there.
    pub log_commits: u32,
}

impl Default for Options {
    /// Two readers, and logs of 64 MiB; while large groups are committed of up to 256 MiB, and what is written while they
    /// are moved.
    fn default() -> Self {
        Self {
            readers: 2,
            log_pages: 16_384,
            log_commits: 128,
        }
    }
}

impl Options {
    fn worth(self) -> Worth {
        Worth {
            pages: self.log_pages,
            commits: self.log_commits,
        }
    }
}

/// A database with its threads.
#[derive(Debug)]
pub(crate) struct Database {
    // Dropped in this order: the last connection to close must be one that can write, or the log stays behind.
    pub(crate) readers: Readers,
    pub(crate) strand: Strand,
    _checkpointer: Checkpointer,
}

impl Database {
    /// Opens a file and migrates it. `name` tells the databases apart in the metrics.
    pub(crate) fn open(path: &Path, name: &'static str, steps: &[&str], options: Options) -> Result<Self, OpenError> {
        if rusqlite::version_number() < SQLITE_VERSION_MIN {
            return Err(OpenError::TooOld(rusqlite::version()));
        }
        let mut writer = open_writable(path)?;
        migrate::run(&mut writer, steps)?;
        begin_log_anew(&writer, name)?;
        let readers = (0..options.readers)
            .map(|_| open_read_only(path))
            .collect::<Result<_, _>>()?;
        let readers = Readers::start(readers)?;
        let (breaks, broken) = Breaks::new();
        let mover = Mover::open(path, name, options.worth(), |path| {
            open_writable(path).map_err(OpenError::from)
        })?;
        let (checkpointer, checkpoints) = Checkpointer::start(mover, breaks.clone())?;
        Ok(Self {
            strand: Strand::start(writer, name, checkpoints, (breaks, broken))?,
            _checkpointer: checkpointer,
            readers,
        })
    }
}

/// Moves the log that the last process left into the database. Where that process ended because a sync had failed, the
/// log may be whole in memory alone, and what is written behind it would go with it. A full disk, or somebody who reads,
/// is no reason not to start.
fn begin_log_anew(connection: &Connection, name: &'static str) -> Result<(), rusqlite::Error> {
    let moved = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get::<_, i64>(0));
    match moved {
        Ok(0) => {}
        Ok(_) => tracing::warn!(database = name, "somebody reads: the write-ahead log stays as it is"),
        Err(error) if outcome_is_unknown(&error) => return Err(error),
        Err(error) => tracing::warn!(database = name, %error, "the write-ahead log stays as it is"),
    }
    Ok(())
}

fn open_writable(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    configure(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // An acknowledged commit is on disk, also after a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    Ok(connection)
}

/// A connection that cannot write.
pub(crate) fn open_read_only(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    configure(&connection)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
    // A plan may not depend on parameters: else a statement is prepared anew for each of its values.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

/// Runs a statement that gives nothing.
pub(crate) fn batch(connection: &Connection, sql: &str) -> Result<(), rusqlite::Error> {
    let ran = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(()));
    ran.map(|_| ())
}

/// What a statement gave.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) touched: usize,
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// Runs one statement; touching another number of rows than it must is a conflict.
pub(crate) fn run(connection: &Connection, statement: &Statement) -> Result<Ran, StoreError> {
    let ran = execute(connection, statement).map_err(|error| store_error(&error))?;
    match statement.touches {
        Some(rows) if rows != ran.touched => Err(StoreError::Conflict),
        _ => Ok(ran),
    }
}

fn execute(connection: &Connection, statement: &Statement) -> Result<Ran, rusqlite::Error> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    let columns = prepared.column_count();
    let params = params_from_iter(statement.params.iter().map(Param));
    if columns == 0 {
        return Ok(Ran {
            touched: prepared.execute(params)?,
            rows: Vec::new(),
        });
    }
    let mut rows = Vec::new();
    let mut found = prepared.query(params)?;
    while let Some(row) = found.next()? {
        rows.push(
            (0..columns)
                .map(|column| row.get_ref(column).map(cell))
                .collect::<Result<_, _>>()?,
        );
    }
    Ok(Ran {
        touched: rows.len(),
        rows,
    })
}

struct Param<'a>(&'a Cell);

impl ToSql for Param<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, rusqlite::Error> {
        Ok(match self.0 {
            Cell::Null => ToSqlOutput::Owned(Value::Null),
            Cell::Int(value) => ToSqlOutput::Owned(Value::Integer(*value)),
            Cell::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Cell::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Integer(value) => Cell::Int(value),
        // No column of ours is a REAL: STRICT tables refuse them.
        ValueRef::Null | ValueRef::Real(_) => Cell::Null,
        ValueRef::Text(bytes) => Cell::Text(String::from_utf8_lossy(bytes).into()),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
    }
}

/// Whether a commit that failed so may be on the disk all the same. A full disk leaves nothing behind, and recovers by
/// itself; so does what fails before anything is written.
pub(crate) fn outcome_is_unknown(error: &rusqlite::Error) -> bool {
    let Some(error) = error.sqlite_error() else {
        return false;
    };
    let is_before_writing = matches!(
        error.extended_code,
        ffi::SQLITE_IOERR_SHMOPEN | ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_SHMMAP | ffi::SQLITE_IOERR_SHMLOCK
    );
    error.code == ErrorCode::SystemIoFailure && !is_before_writing
}

/// A broken UNIQUE is somebody else's commit; all else is a failure, told without the statement's values.
pub(crate) fn store_error(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => StoreError::Conflict,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        _ => StoreError::Failed(error.to_string()),
    }
}
