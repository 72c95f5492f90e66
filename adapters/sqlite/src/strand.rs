//! The strand: one thread owns the writing connection. It takes what has queued up, writes it as one transaction, and
//! answers only after the commit, so that "accepted" means durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use kyc_ports::store::StoreError;
use kyc_sql::statement::Statement;
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use crate::checkpoint::{Breaks, Checkpoints};
use crate::database::{Ran, batch, outcome_is_unknown, run, store_error};
use crate::gather::{GROUP_MAX, Gather, Took};

/// Writes that may wait; more are refused.
const QUEUE_MAX: usize = 1_024;

/// Statements that hold together, and who waits for them.
struct Write {
    statements: Vec<Statement>,
    answer: oneshot::Sender<Answer>,
}

/// What a write came to, and its statements: whoever made them frees them, on a thread that holds up nobody's commit.
type Answer = (Result<Ran, StoreError>, Vec<Statement>);

/// The writing thread. Dropped, it finishes what it has taken on and closes the connection.
#[derive(Debug)]
pub(crate) struct Strand {
    queue: Option<Sender<Write>>,
    thread: Option<JoinHandle<()>>,
    broken: watch::Receiver<bool>,
    name: &'static str,
}

impl Strand {
    /// Starts the thread. `name` tells the databases apart in the metrics.
    pub(crate) fn start(
        mut connection: Connection,
        name: &'static str,
        checkpoints: Checkpoints,
        (breaks, broken): (Breaks, watch::Receiver<bool>),
    ) -> Result<Self, crate::OpenError> {
        let (queue, writes) = bounded(QUEUE_MAX);
        let log_pages = Arc::new(AtomicI32::new(0));
        let seen = log_pages.clone();
        // It takes the place of SQLite's own checkpoints, which would hold a commit up.
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            seen.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        let owned = Writer {
            connection,
            name,
            checkpoints,
            log_pages,
            breaks,
            gather: Gather::default(),
        };
        let thread = thread::Builder::new().name("kyc-strand".to_owned());
        let thread = thread.spawn(move || owned.serve(&writes))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            broken,
            name,
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
                TrySendError::Full(_) => {
                    metrics::counter!("kyc_store_refused_total", "database" => self.name).increment(1);
                    StoreError::Busy
                }
                TrySendError::Disconnected(_) => closing(),
            })?;
        let ended = |_| StoreError::Unknown("the writing thread has ended".to_owned());
        let (result, _statements) = answered.await.map_err(ended)?;
        result
    }

    /// Turns true when a commit failed so that nobody knows what the disk holds; from then on nothing is written.
    pub(crate) fn broken(&self) -> watch::Receiver<bool> {
        self.broken.clone()
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

/// What the thread owns.
struct Writer {
    connection: Connection,
    name: &'static str,
    checkpoints: Checkpoints,
    /// Pages in the write-ahead log after the last commit.
    log_pages: Arc<AtomicI32>,
    breaks: Breaks,
    gather: Gather,
}

impl Writer {
    fn serve(mut self, writes: &Receiver<Write>) {
        while let Ok(first) = writes.recv() {
            let group = self.gather(first, writes);
            metrics::gauge!("kyc_store_queue", "database" => self.name).set(writes.len() as f64);
            let results = self.commit(&group);
            self.gather.seen(group.len() + writes.len());
            for (write, result) in group.into_iter().zip(results) {
                // Whoever asked may have gone; what is committed stays.
                let _ = write.answer.send((result, write.statements));
            }
            let pages = self.log_pages.load(Ordering::Relaxed);
            self.checkpoints.committed(&self.connection, pages);
        }
    }

    /// What has queued up, and where the disk is slow also what is about to.
    #[expect(clippy::disallowed_methods, reason = "bounds a wait, decides nothing else")]
    fn gather(&mut self, first: Write, writes: &Receiver<Write>) -> Vec<Write> {
        let mut group = vec![first];
        group.extend(writes.try_iter().take(GROUP_MAX - 1));
        if let Some(wait) = self.gather.wait(group.len()) {
            let end = Instant::now() + wait.patience;
            while group.len() < wait.expected
                && let Ok(write) = writes.recv_deadline(end)
            {
                group.push(write);
            }
            self.gather.waited(wait, group.len());
        }
        group
    }

    #[expect(clippy::disallowed_methods, reason = "measures, decides nothing")]
    fn commit(&mut self, group: &[Write]) -> Vec<Result<Ran, StoreError>> {
        let refuse_all = |error: &StoreError| group.iter().map(|_| Err(error.clone())).collect();
        if self.breaks.are_told() {
            let error = "a commit failed midway: the server must be started again";
            return refuse_all(&StoreError::Failed(error.to_owned()));
        }
        let pages = self.log_pages.load(Ordering::Relaxed);
        if self.checkpoints.is_too_much(pages) && !self.checkpoints.restart(&self.connection) {
            return refuse_all(&StoreError::Busy);
        }
        let started = Instant::now();
        let results = commit_group(&self.connection, group, &mut self.gather).unwrap_or_else(|failed| {
            // Where the disk is full, a log that has been moved is written over from its beginning.
            self.checkpoints.ask();
            if failed.outcome_is_unknown {
                tracing::error!(database = self.name, error = %failed.error, "a commit failed midway; nothing more is written");
                self.breaks.tell();
                return refuse_all(&StoreError::Unknown(failed.error.to_string()));
            }
            refuse_all(&failed.error)
        });
        let pages = self.log_pages.load(Ordering::Relaxed);
        metrics::histogram!("kyc_store_commit_seconds", "database" => self.name)
            .record(started.elapsed().as_secs_f64());
        metrics::histogram!("kyc_store_group_size", "database" => self.name).record(group.len() as f64);
        metrics::gauge!("kyc_store_log_pages", "database" => self.name).set(f64::from(pages));
        results
    }
}

/// Why a whole group failed.
struct Failed {
    error: StoreError,
    /// Whether it may be on the disk all the same.
    outcome_is_unknown: bool,
}

/// What the writes of a group came to, one by one.
type Results = Vec<Result<Ran, StoreError>>;

/// Writes a group as one transaction. A write that fails does not take its neighbours down; a failed commit
/// acknowledges nobody.
#[expect(clippy::disallowed_methods, reason = "measures, for the next group's patience")]
fn commit_group(connection: &Connection, group: &[Write], gather: &mut Gather) -> Result<Results, Failed> {
    let nothing_done = |error| Failed {
        error,
        outcome_is_unknown: false,
    };
    let begun = Instant::now();
    begin(connection).map_err(nothing_done)?;
    // To be able to take back one write alone has its price, and few fail: it is paid when one has.
    let results = match run_together(connection, group) {
        Ok(results) => results,
        Err(_) => run_apart(connection, group).map_err(|error| {
            let _ = batch(connection, "ROLLBACK");
            nothing_done(error)
        })?,
    };
    let ran = Instant::now();
    let committed = batch(connection, "COMMIT");
    gather.committed(Took {
        write: (ran - begun) / u32::try_from(group.len()).unwrap_or(u32::MAX).max(1),
        commit: ran.elapsed(),
    });
    committed.map_err(|error| {
        let _ = batch(connection, "ROLLBACK");
        Failed {
            error: store_error(&error),
            outcome_is_unknown: outcome_is_unknown(&error),
        }
    })?;
    Ok(results)
}

/// Runs writes none of which fails; when one does, the transaction is gone.
fn run_together(connection: &Connection, group: &[Write]) -> Result<Results, StoreError> {
    let ran = group.iter().map(|write| run_all(connection, &write.statements).map(Ok));
    let ran: Result<Results, StoreError> = ran.collect();
    if ran.is_err() {
        let _ = batch(connection, "ROLLBACK");
    }
    ran
}

/// Begins a transaction with writes some of which may fail. An error is the group's: the transaction is gone, or
/// cannot be mended.
fn run_apart(connection: &Connection, group: &[Write]) -> Result<Results, StoreError> {
    begin(connection)?;
    group
        .iter()
        .map(|write| run_alone(connection, &write.statements))
        .collect()
}

fn begin(connection: &Connection) -> Result<(), StoreError> {
    batch(connection, "BEGIN IMMEDIATE").map_err(|error| store_error(&error))
}

fn run_alone(connection: &Connection, statements: &[Statement]) -> Result<Result<Ran, StoreError>, StoreError> {
    let mend = |sql| batch(connection, sql).map_err(|error| store_error(&error));
    mend("SAVEPOINT one")?;
    let result = run_all(connection, statements);
    if let Err(error) = &result {
        // A full disk or an I/O error makes SQLite roll the whole transaction back by itself.
        if connection.is_autocommit() {
            return Err(error.clone());
        }
        mend("ROLLBACK TO one")?;
    }
    mend("RELEASE one")?;
    Ok(result)
}

fn run_all(connection: &Connection, statements: &[Statement]) -> Result<Ran, StoreError> {
    let mut last = Ran::default();
    for statement in statements {
        last = run(connection, statement)?;
    }
    Ok(last)
}
