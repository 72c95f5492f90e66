//! The strand: one thread owns the writing connection. It takes what has queued up, writes it as one transaction, and
//! answers only after the commit, so that "accepted" means durable.

use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use kyc_ports::store::StoreError;
use kyc_sql::statement::Statement;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::database::{Ran, run, store_error};

/// Writes that may wait; more are refused.
const QUEUE_MAX: usize = 1_024;
/// Writes of one transaction.
const GROUP_MAX: usize = 64;

/// Statements that hold together, and who waits for them.
struct Write {
    statements: Vec<Statement>,
    answer: oneshot::Sender<Result<Ran, StoreError>>,
}

/// The writing thread. Dropped, it finishes what it has taken on and closes the connection.
#[derive(Debug)]
pub(crate) struct Strand {
    queue: Option<Sender<Write>>,
    thread: Option<JoinHandle<()>>,
}

impl Strand {
    pub(crate) fn start(connection: Connection) -> Result<Self, std::io::Error> {
        let (queue, writes) = bounded(QUEUE_MAX);
        let thread = thread::Builder::new()
            .name("kyc-strand".to_owned())
            .spawn(move || serve(&connection, &writes))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Runs statements in one transaction; gives what the last one gave.
    pub(crate) async fn write(&self, statements: Vec<Statement>) -> Result<Ran, StoreError> {
        let (answer, answered) = oneshot::channel();
        let closing = || StoreError::Failed("the store is closing".to_owned());
        let queue = self.queue.as_ref().ok_or_else(closing)?;
        queue
            .try_send(Write { statements, answer })
            .map_err(|error| match error {
                TrySendError::Full(_) => StoreError::Busy,
                TrySendError::Disconnected(_) => closing(),
            })?;
        answered.await.map_err(|_| closing())?
    }
}

impl Drop for Strand {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(connection: &Connection, writes: &Receiver<Write>) {
    while let Ok(first) = writes.recv() {
        let mut group = vec![first];
        group.extend(writes.try_iter().take(GROUP_MAX - 1));
        let results = commit_group(connection, &group);
        for (write, result) in group.into_iter().zip(results) {
            // Whoever asked may have gone; what is committed stays.
            let _ = write.answer.send(result);
        }
    }
}

/// Writes a group as one transaction. A write that fails does not take its neighbours down; a failed commit
/// acknowledges nobody.
fn commit_group(connection: &Connection, group: &[Write]) -> Vec<Result<Ran, StoreError>> {
    let fail_all = |error: &StoreError| group.iter().map(|_| Err(error.clone())).collect();
    if let Err(error) = batch(connection, "BEGIN IMMEDIATE") {
        return fail_all(&error);
    }
    let mut results = Vec::with_capacity(group.len());
    for write in group {
        match run_alone(connection, &write.statements) {
            Ok(result) => results.push(result),
            Err(error) => {
                let _ = batch(connection, "ROLLBACK");
                return fail_all(&error);
            }
        }
    }
    if let Err(error) = batch(connection, "COMMIT") {
        let _ = batch(connection, "ROLLBACK");
        return fail_all(&error);
    }
    results
}

/// Runs one write of a group. The outer error is the group's: the transaction is gone, or cannot be mended.
fn run_alone(connection: &Connection, statements: &[Statement]) -> Result<Result<Ran, StoreError>, StoreError> {
    batch(connection, "SAVEPOINT one")?;
    let result = run_all(connection, statements);
    if let Err(error) = &result {
        // A full disk or an I/O error makes SQLite roll the whole transaction back by itself.
        if connection.is_autocommit() {
            return Err(error.clone());
        }
        batch(connection, "ROLLBACK TO one")?;
    }
    batch(connection, "RELEASE one")?;
    Ok(result)
}

fn run_all(connection: &Connection, statements: &[Statement]) -> Result<Ran, StoreError> {
    let mut last = Ran::default();
    for statement in statements {
        last = run(connection, statement)?;
    }
    Ok(last)
}

fn batch(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    let ran = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(()));
    ran.map(|_| ()).map_err(|error| store_error(&error))
}
