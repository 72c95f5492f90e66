//! The strand: one thread owns the writing connection. It takes what has queued up, writes it as one transaction, which
//! whoever comes meanwhile joins where the disk is slow, and answers only after the commit, so that "accepted" means
//! durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use kyc_ports::store::StoreError;
use kyc_sql::statement::Statement;
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use crate::checkpoint::{Breaks, Checkpoints};
use crate::database::{Ran, batch, outcome_is_unknown, run, store_error};
use crate::gather::{GROUP_MAX, Gather, Took, Wait};

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
            let mut group = vec![first];
            group.extend(writes.try_iter().take(GROUP_MAX - 1));
            metrics::gauge!("kyc_store_queue", "database" => self.name).set(writes.len() as f64);
            let results = self.commit(&mut group, writes);
            self.gather.seen(group.len() + writes.len());
            for (write, result) in group.into_iter().zip(results) {
                // Whoever asked may have gone; what is committed stays.
                let _ = write.answer.send((result, write.statements));
            }
            let pages = self.log_pages.load(Ordering::Relaxed);
            self.checkpoints.committed(&self.connection, pages);
        }
    }

    /// Commits a group and who joins it.
    #[expect(clippy::disallowed_methods, reason = "measures, decides nothing")]
    fn commit(&mut self, group: &mut Vec<Write>, writes: &Receiver<Write>) -> Results {
        if self.breaks.are_told() {
            let error = "a commit failed midway: the server must be started again";
            return refuse_all(group, &StoreError::Failed(error.to_owned()));
        }
        let pages = self.log_pages.load(Ordering::Relaxed);
        if self.checkpoints.is_too_much(pages) && !self.checkpoints.restart(&self.connection) {
            return refuse_all(group, &StoreError::Busy);
        }
        let started = Instant::now();
        let mut joining = Joining::new(writes, &mut self.gather);
        let results = commit_group(&self.connection, group, &mut joining);
        let took = started.elapsed().saturating_sub(joining.waited);
        let results = results.unwrap_or_else(|failed| {
            // Where the disk is full, a log that has been moved is written over from its beginning.
            self.checkpoints.ask();
            if failed.outcome_is_unknown {
                tracing::error!(database = self.name, error = %failed.error, "a commit failed midway; nothing more is written");
                self.breaks.tell();
                return refuse_all(group, &StoreError::Unknown(failed.error.to_string()));
            }
            refuse_all(group, &failed.error)
        });
        let pages = self.log_pages.load(Ordering::Relaxed);
        self.checkpoints.grew(pages);
        metrics::histogram!("kyc_store_commit_seconds", "database" => self.name).record(took.as_secs_f64());
        metrics::histogram!("kyc_store_group_size", "database" => self.name).record(group.len() as f64);
        metrics::gauge!("kyc_store_log_pages", "database" => self.name).set(f64::from(pages));
        results
    }
}

fn refuse_all(group: &[Write], error: &StoreError) -> Results {
    group.iter().map(|_| Err(error.clone())).collect()
}

/// Those who join a group while it is written.
struct Joining<'a> {
    writes: &'a Receiver<Write>,
    gather: &'a mut Gather,
    /// Whom the group waits for, and until when.
    wait: Option<(Wait, Instant)>,
    waited: Duration,
}

impl<'a> Joining<'a> {
    fn new(writes: &'a Receiver<Write>, gather: &'a mut Gather) -> Self {
        Self {
            writes,
            gather,
            wait: None,
            waited: Duration::ZERO,
        }
    }

    /// The next one of a group of so many, where the disk is slow: who has queued up meanwhile, or is about to.
    #[expect(clippy::disallowed_methods, reason = "bounds a wait, decides nothing else")]
    fn next(&mut self, present: usize) -> Option<Write> {
        if !self.gather.is_open(present) {
            return None;
        }
        if let Ok(write) = self.writes.try_recv() {
            return Some(write);
        }
        let now = Instant::now();
        if self.wait.is_none() {
            self.wait = self.gather.wait(present).map(|wait| (wait, now + wait.patience));
        }
        let (wait, end) = self.wait.as_ref()?;
        if present >= wait.expected {
            return None;
        }
        let write = self.writes.recv_deadline(*end).ok();
        self.waited += now.elapsed();
        write
    }

    /// So many have been written in such a time, waits included, and committed in another.
    fn committed(&mut self, writes: usize, written: Duration, commit: Duration) {
        if let Some((wait, _)) = self.wait.take() {
            self.gather.waited(wait, writes);
        }
        let writing = written.saturating_sub(self.waited);
        self.gather.committed(Took {
            write: writing / u32::try_from(writes).unwrap_or(u32::MAX).max(1),
            commit,
        });
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
fn commit_group(connection: &Connection, group: &mut Vec<Write>, joining: &mut Joining<'_>) -> Result<Results, Failed> {
    let nothing_done = |error| Failed {
        error,
        outcome_is_unknown: false,
    };
    let begun = Instant::now();
    begin(connection).map_err(nothing_done)?;
    // To be able to take back one write alone has its price, and few fail: it is paid when one has.
    let results = if let Ok(results) = run_together(connection, group, joining) {
        results
    } else {
        // Nobody joins any more, which says nothing of who would have.
        joining.wait = None;
        run_apart(connection, group).map_err(|error| {
            let _ = batch(connection, "ROLLBACK");
            nothing_done(error)
        })?
    };
    let ran = Instant::now();
    let committed = batch(connection, "COMMIT");
    joining.committed(group.len(), ran - begun, ran.elapsed());
    committed.map_err(|error| {
        let _ = batch(connection, "ROLLBACK");
        Failed {
            error: store_error(&error),
            outcome_is_unknown: outcome_is_unknown(&error),
        }
    })?;
    Ok(results)
}

/// Runs the writes of a group, and of whoever joins it meanwhile, none of which fails; when one does, the transaction
/// is gone.
fn run_together(
    connection: &Connection,
    group: &mut Vec<Write>,
    joining: &mut Joining<'_>,
) -> Result<Results, StoreError> {
    let mut results = Results::new();
    loop {
        while let Some(write) = group.get(results.len()) {
            let ran = run_all(connection, &write.statements);
            results.push(Ok(ran.inspect_err(|_| {
                let _ = batch(connection, "ROLLBACK");
            })?));
        }
        match joining.next(group.len()) {
            Some(write) => group.push(write),
            None => return Ok(results),
        }
    }
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

#[cfg(test)]
mod tests {
    use kyc_core::record::Cell;

    use super::*;

    /// A write of one row, which fails where there is such a row.
    fn write(number: i64) -> Write {
        let statement = Statement {
            sql: "INSERT INTO numbers (number) VALUES (?1)".into(),
            params: vec![Cell::Int(number)],
            touches: None,
        };
        Write {
            statements: vec![statement],
            answer: oneshot::channel().0,
        }
    }

    fn database() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE numbers (number INTEGER PRIMARY KEY) STRICT")
            .unwrap();
        connection
    }

    fn numbers(connection: &Connection) -> Vec<i64> {
        let mut statement = connection
            .prepare("SELECT number FROM numbers ORDER BY number")
            .unwrap();
        let numbers = statement.query_map((), |row| row.get(0)).unwrap();
        numbers.collect::<Result<_, _>>().unwrap()
    }

    /// A disk whose commits take far longer than a write; so many have written at the same time.
    fn slow(writers: usize) -> Gather {
        let mut gather = Gather::default();
        gather.committed(Took {
            write: Duration::from_micros(1),
            commit: Duration::from_secs(1),
        });
        gather.seen(writers);
        gather
    }

    /// Commits a group of one, with others in the queue; gives how many of the group are done, and who still waits.
    fn commit(connection: &Connection, queued: &[i64], gather: &mut Gather) -> (Vec<bool>, usize) {
        let (queue, writes) = bounded(QUEUE_MAX);
        for number in queued {
            queue.try_send(write(*number)).ok().unwrap();
        }
        let mut group = vec![write(0)];
        let mut joining = Joining::new(&writes, gather);
        let results = commit_group(connection, &mut group, &mut joining).ok().unwrap();
        assert_eq!(results.len(), group.len());
        (results.iter().map(Result::is_ok).collect(), writes.len())
    }

    #[test]
    fn who_comes_while_a_group_is_written_joins_it_where_the_disk_is_slow() {
        let connection = database();
        assert_eq!(commit(&connection, &[1, 2], &mut slow(3)), (vec![true; 3], 0));
        assert_eq!(numbers(&connection), [0, 1, 2]);
    }

    #[test]
    fn who_joined_and_fails_does_not_take_the_others_down() {
        let connection = database();
        let done = commit(&connection, &[1, 1, 2], &mut slow(3));
        // The first of those behind it waits for the next group.
        assert_eq!(done, (vec![true, true, false], 1));
        assert_eq!(numbers(&connection), [0, 1]);
    }

    #[test]
    fn a_group_has_no_more_than_it_may() {
        let connection = database();
        let queued: Vec<i64> = (1..=100).collect();
        let (results, waiting) = commit(&connection, &queued, &mut slow(101));
        assert_eq!((results.len(), waiting), (GROUP_MAX, 101 - GROUP_MAX));
    }

    #[test]
    fn nobody_joins_where_the_writes_take_longer_than_the_commit() {
        let connection = database();
        assert_eq!(commit(&connection, &[1, 2], &mut Gather::default()), (vec![true], 2));
    }
}
