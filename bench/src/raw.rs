//! What SQLite itself does with the rows of the durable commands: the same statements, 64 commits a transaction, on a
//! connection with the server's settings, while a thread checkpoints where the server would ask for it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use kyc_core::customer::CustomerState;
use kyc_sql::statement::Statement;
use kyc_sqlite::Options;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use serde_json::{Value, json};

use crate::Result;
use crate::clock::now;
use crate::seed::{Seed, answers, shuffled, write};

/// Commits of a transaction, as many as the server's groups have at most.
pub(crate) const GROUP: usize = 64;
/// Groups that are prepared before they are timed.
const GROUPS_AT_ONCE: usize = 32;
/// What is done with each customer in turn.
pub(crate) const CYCLE: [&str; 3] = ["MngApproveKycStep", "MngRejectKycStep", "MngSubmitKycStep"];

/// The database, and where its customers stand.
#[derive(Debug)]
pub(crate) struct Raw {
    connection: Connection,
    seed: Seed,
    /// In the order in which the server's clients take them.
    customers: Vec<(u32, CustomerState)>,
    /// Commands so far.
    done: usize,
    next_audit: i64,
    log_pages: Arc<AtomicI32>,
    /// Commits since the log has begun anew, and its pages after the last one.
    log_commits: (u32, i32),
    checkpoints: Option<SyncSender<()>>,
    checkpointer: Option<JoinHandle<()>>,
}

impl Raw {
    /// Opens a loaded database.
    pub(crate) fn open(bases: &Path, seed: &Seed) -> Result<Self> {
        let path = bases.join("kyc.db");
        let mut connection = connect(&path)?;
        let checkpointing = connect(&path)?;
        let (checkpoints, asked) = sync_channel(1);
        let log_pages = Arc::new(AtomicI32::new(0));
        let grown = log_pages.clone();
        connection.wal_hook(Some(move |_: &mut Wal, pages| {
            grown.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        let customers = shuffled(0..seed.profiles).map(|number| Ok((number, seed.customer(number)?.0)));
        Ok(Self {
            connection,
            seed: seed.clone(),
            customers: customers.collect::<Result<_>>()?,
            done: 0,
            next_audit: seed.later_audit_ids(),
            log_pages,
            log_commits: (0, 0),
            checkpoints: Some(checkpoints),
            checkpointer: Some(std::thread::spawn(move || checkpoint(&checkpointing, &asked))),
        })
    }

    /// Commits for a while; commits a second. What is decided beforehand is not timed.
    pub(crate) fn rate(&mut self, length: Duration) -> Result<f64> {
        let (mut spent, mut commits) = (Duration::ZERO, 0);
        while spent < length {
            let groups: Vec<_> = (0..GROUPS_AT_ONCE).map(|_| self.group()).collect::<Result<_>>()?;
            let begun = now();
            for group in &groups {
                self.commit(group)?;
            }
            spent += begun.elapsed();
            commits += GROUPS_AT_ONCE * GROUP;
        }
        Ok(commits as f64 / spent.as_secs_f64())
    }

    fn commit(&mut self, group: &[Vec<Statement>]) -> Result<()> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
        for statements in group {
            write(&self.connection, statements)?;
        }
        self.connection.prepare_cached("COMMIT")?.execute(())?;
        let pages = self.log_pages.load(Ordering::Relaxed);
        let (commits, before) = self.log_commits;
        let commits = if pages < before { 1 } else { commits + 1 };
        self.log_commits = (commits, pages);
        let worth = Options::default();
        if let Some(checkpoints) = &self.checkpoints
            && pages >= worth.log_pages
            && commits >= worth.log_commits
        {
            let _ = checkpoints.try_send(());
        }
        Ok(())
    }

    fn group(&mut self) -> Result<Vec<Vec<Statement>>> {
        (0..GROUP).map(|_| self.next()).collect()
    }

    /// The next command's statements: all customers are approved, then rejected, then submitted again.
    fn next(&mut self) -> Result<Vec<Statement>> {
        let count = self.customers.len();
        let (place, phase) = (self.done % count, self.done / count % CYCLE.len());
        let (number, customer) = self.customers.get_mut(place).ok_or("there are no customers")?;
        let command = CYCLE.get(phase).copied().unwrap_or_default();
        let data = data(command, self.seed.step(*number));
        let (after, commit) = self.seed.decided(customer, command, data, self.next_audit, *number)?;
        self.next_audit += commit.audit.len() as i64;
        self.done += 1;
        *customer = after;
        Ok(kyc_sql::commit::statements(commit))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.checkpoints = None;
        if let Some(thread) = self.checkpointer.take() {
            let _ = thread.join();
        }
    }
}

/// The parameters of a command of the cycle.
pub(crate) fn data(command: &str, step: i64) -> Value {
    match command {
        "MngSubmitKycStep" => answers(step),
        "MngRejectKycStep" => json!({ "id": step, "reason": "UNREADABLE" }),
        _ => json!({ "id": step }),
    }
}

/// A connection with the server's settings (adapters/sqlite/src/database.rs).
fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.set_prepared_statement_cache_capacity(200);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    Ok(connection)
}

/// Moves the log into the database whenever it has grown enough, as long as somebody commits.
fn checkpoint(connection: &Connection, asked: &Receiver<()>) {
    while asked.recv().is_ok() {
        let moved = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()));
        if let Err(error) = moved {
            eprintln!("  a checkpoint failed: {error}");
        }
    }
}
