//! One database of Spin's: a connection for each operation, and transactions on it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kyc_core::record::Cell;
use kyc_core::time::Time;
use kyc_ports::clock::Clock;
use kyc_ports::store::StoreError;
use kyc_sql::statement::Statement;
use spin_sdk::sqlite::{Connection, Error, Value};

use crate::ambient::SpinClock;
use crate::failure::store_error;
use crate::migrate;
use crate::steps::Folder;

/// How often the database's lock is waited for, five seconds each time.
const LOCK_ATTEMPTS_MAX: usize = 3;

/// Connections that wait for the instance's next operations: one for each request that it may have at once.
const IDLE_MAX: usize = 16;
/// How long they wait: libSQL servers forget a connection that is silent for ten seconds.
const IDLE_SECONDS_MAX: i64 = 5;

/// A database by the label that the manifest grants.
#[derive(Debug)]
pub(crate) struct Database {
    label: &'static str,
    folders: &'static [Folder],
    /// Whether this instance has seen that the database is migrated.
    is_ready: AtomicBool,
    /// Connections that no operation has, with no transaction and no result open. Opening one takes longer than most
    /// operations do, and so does closing the last one: SQLite moves the write-ahead log into the database then.
    idle: Mutex<Vec<(Session, Time)>>,
}

impl Database {
    pub(crate) fn new(label: &'static str, folders: &'static [Folder]) -> Self {
        Self {
            label,
            folders,
            is_ready: AtomicBool::default(),
            idle: Mutex::default(),
        }
    }

    /// A connection that nobody else has, to a migrated database. Dropped, it rolls back what is not committed.
    pub(crate) async fn open(&self) -> Result<Session, StoreError> {
        let left = locked(&self.idle).pop();
        if let Some((session, since)) = left {
            if SpinClock.now() < since.plus_seconds(IDLE_SECONDS_MAX) {
                return Ok(session);
            }
            // Those below it have waited for longer.
            locked(&self.idle).clear();
        }
        let opened = Connection::open(self.label).await;
        let session = Session(opened.map_err(|error| self.failed_to_open(&error))?);
        // Two requests may both get here: the second finds nothing left to do.
        if !self.is_ready.load(Ordering::Relaxed) {
            migrate::run(&session, self.folders).await?;
            self.is_ready.store(true, Ordering::Relaxed);
        }
        Ok(session)
    }

    /// Leaves a connection to the next operation. Only one on which all went well.
    fn leave(&self, session: Session) {
        let mut idle = locked(&self.idle);
        if idle.len() < IDLE_MAX {
            idle.push((session, SpinClock.now()));
        }
    }

    /// Runs statements in one transaction; gives what the last one gave.
    pub(crate) async fn write(&self, mut statements: Vec<Statement>) -> Result<Ran, StoreError> {
        let session = self.open().await?;
        // One statement is a transaction by itself, unless it must be undone for touching too little.
        if statements.len() == 1
            && let Some(only) = statements.pop_if(|only| only.touches.is_none())
        {
            let ran = session.run(only).await?;
            self.leave(session);
            return Ok(ran);
        }
        let ran = session.transact("BEGIN IMMEDIATE", async |session| {
            let mut last = Ran::default();
            for statement in statements {
                last = session.run(statement).await?;
            }
            Ok(last)
        });
        let ran = ran.await?;
        self.leave(session);
        Ok(ran)
    }

    /// The rows of one statement that only reads.
    pub(crate) async fn rows(&self, statement: Statement) -> Result<Vec<Vec<Cell>>, StoreError> {
        let session = self.open().await?;
        let rows = session.rows(statement).await?;
        self.leave(session);
        Ok(rows)
    }

    fn failed_to_open(&self, error: &Error) -> StoreError {
        let label = self.label;
        match error {
            Error::AccessDenied => {
                StoreError::NotGranted(format!("the component was not granted the database `{label}`"))
            }
            Error::NoSuchDatabase => StoreError::NotGranted(format!("the runtime has no database `{label}`")),
            other => StoreError::Failed(format!("the database `{label}` cannot be opened: {}", text(other))),
        }
    }
}

fn locked<T>(idle: &Mutex<T>) -> MutexGuard<'_, T> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An open connection.
pub(crate) struct Session(Connection);

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// What a statement gave.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) touched: u64,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Session {
    /// Runs a write; touching another number of rows than it must is a conflict.
    pub(crate) async fn run(&self, statement: Statement) -> Result<Ran, StoreError> {
        let must_touch = statement.touches;
        let (has_columns, rows) = self.execute(statement).await?;
        let touched = if has_columns {
            rows.len() as u64
        } else {
            self.0.changes().await
        };
        match must_touch {
            Some(count) if count as u64 != touched => Err(StoreError::Conflict),
            _ => Ok(Ran { touched, rows }),
        }
    }

    /// The rows of a statement.
    pub(crate) async fn rows(&self, statement: Statement) -> Result<Vec<Vec<Cell>>, StoreError> {
        self.execute(statement).await.map(|(_, rows)| rows)
    }

    /// Runs a statement without parameters whose result does not matter.
    pub(crate) async fn command(&self, sql: &'static str) -> Result<(), StoreError> {
        self.execute(Statement::new(sql, Vec::new())).await.map(|_| ())
    }

    /// Runs something between `begin` and `COMMIT`, or undoes it.
    pub(crate) async fn transact<T>(
        &self,
        begin: &'static str,
        inside: impl AsyncFnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.command(begin).await?;
        match inside(self).await {
            // Whoever waited for a lock has it since the beginning: what fails now has failed midway.
            Ok(value) => match self.command("COMMIT").await {
                Ok(()) => Ok(value),
                Err(error) => Err(StoreError::Unknown(error.to_string())),
            },
            Err(error) => {
                // Should this fail, the connection's end does the same.
                let _ = self.command("ROLLBACK").await;
                Err(error)
            }
        }
    }

    /// Runs a statement; again where the lock was somebody else's for as long as Spin waits, for then nothing was done.
    /// Inside a transaction that writes, the lock is held already: what carries files is never run again. A lock that is
    /// not had even so is a failure: nothing queues here that the caller could have been too fast for.
    async fn execute(&self, statement: Statement) -> Result<(bool, Vec<Vec<Cell>>), StoreError> {
        let values: Vec<Value> = statement.params.into_iter().map(value).collect();
        if !values.iter().any(|value| matches!(value, Value::Blob(_))) {
            for _ in 1..LOCK_ATTEMPTS_MAX {
                match self.execute_once(&statement.sql, values.clone()).await {
                    Err(StoreError::Busy) => {}
                    done => return done,
                }
            }
        }
        let done = self.execute_once(&statement.sql, values).await;
        done.map_err(|error| match error {
            StoreError::Busy => StoreError::Failed("the database stayed locked".to_owned()),
            error => error,
        })
    }

    /// A statement's failure shows only when its result is collected, and a result that is not blocks the connection.
    async fn execute_once(&self, sql: &str, values: Vec<Value>) -> Result<(bool, Vec<Vec<Cell>>), StoreError> {
        let failed = |error: Error| store_error(&text(&error));
        let result = self.0.execute(sql, values).await.map_err(failed)?;
        let has_columns = !result.columns().is_empty();
        let rows = result.collect().await.map_err(failed)?;
        let rows = rows.into_iter().map(|row| row.values.into_iter().map(cell).collect());
        Ok((has_columns, rows.collect()))
    }
}

fn text(error: &Error) -> String {
    match error {
        Error::Io(message) => message.clone(),
        other => other.to_string(),
    }
}

fn value(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Int(value) => Value::Integer(value),
        Cell::Text(text) => Value::Text(text.into()),
        Cell::Blob(bytes) => Value::Blob(bytes),
    }
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Integer(value) => Cell::Int(value),
        Value::Text(text) => Cell::Text(text.into()),
        Value::Blob(bytes) => Cell::Blob(bytes),
        // No column of ours is a REAL: STRICT tables refuse them.
        Value::Null | Value::Real(_) => Cell::Null,
    }
}
