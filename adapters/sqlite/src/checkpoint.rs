//! Checkpoints: what the write-ahead log holds is moved into the database, and the log begins anew.
//!
//! A thread of its own moves most of it and syncs that, so that no commit waits for it. Under load it never sees the end:
//! the strand goes on writing behind it. So the strand moves the rest itself, between two groups, when nobody else writes.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rusqlite::Connection;
use tokio::sync::watch;

use crate::database::{BUSY_TIMEOUT, outcome_is_unknown};

/// Times that the thread moves what has been written during the last time, before the strand moves the rest.
const PASSES_MAX: usize = 4;
/// Pages that are few enough for the strand: 2 MiB.
const PAGES_LEFT_FEW: i32 = 500;
/// Pages of a log, by those that are worth a checkpoint, that are too many to wait for commits.
const MUCH: i32 = 4;
/// Pages, by those that are worth a checkpoint, that the log may hold while something keeps it from beginning anew: 1 GiB
/// where those are 64 MiB. Until it does, writes are refused.
const TOO_MUCH: i32 = 16;
/// How long the thread rests when the log could not be moved: a full disk is asked again with every commit that fails.
const REST: Duration = Duration::from_secs(1);
/// How long the strand waits for readers of the log.
const RESTART_WAIT: Duration = Duration::from_millis(20);

/// What the strand knows of checkpoints.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    wishes: Sender<()>,
    /// The thread has done what it was asked for: most of the log is moved.
    done: Arc<AtomicBool>,
    is_asked: bool,
    /// What the log should hold before it begins anew.
    worth: Worth,
    /// Pages at which the next one is asked for.
    next: i32,
    /// Commits since the log has begun anew.
    commits: u32,
    /// Pages in it after the last one.
    pages: i32,
    breaks: Breaks,
    name: &'static str,
}

/// What makes a log worth a checkpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Worth {
    pub(crate) pages: i32,
    /// Not before so many commits, unless the log has become [`MUCH`] times as large.
    pub(crate) commits: u32,
}

impl Worth {
    /// Whether a log of so many pages and commits is to be moved, if it is `next` pages that are worth it.
    fn is_reached(self, pages: i32, next: i32, commits: u32) -> bool {
        let much = next.saturating_add(self.pages.saturating_mul(MUCH - 1));
        pages >= much || (pages >= next && commits >= self.commits)
    }
}

/// The thread. Dropped, it finishes and closes its connection, once nobody can ask any more.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    thread: Option<JoinHandle<()>>,
}

/// Told when nobody knows what the disk holds.
#[derive(Debug, Clone)]
pub(crate) struct Breaks(Arc<watch::Sender<bool>>);

impl Breaks {
    pub(crate) fn new() -> (Self, watch::Receiver<bool>) {
        let (breaks, broken) = watch::channel(false);
        (Self(Arc::new(breaks)), broken)
    }

    pub(crate) fn tell(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn are_told(&self) -> bool {
        *self.0.borrow()
    }
}

impl Checkpointer {
    /// Starts the thread over a connection of its own. The file is the same database: what is moved is synced by it,
    /// since SQLite does so only where nothing is left. It is closed last: with any of its files a process gives up the
    /// locks that SQLite holds on it.
    pub(crate) fn start(
        connection: Connection,
        database: File,
        name: &'static str,
        breaks: Breaks,
        worth: Worth,
    ) -> Result<(Self, Checkpoints), std::io::Error> {
        // One wish may wait: it stands for all that come until it is dealt with.
        let (wishes, asked) = bounded(1);
        let done = Arc::new(AtomicBool::new(false));
        let checkpoints = Checkpoints {
            wishes,
            done: done.clone(),
            is_asked: false,
            worth,
            next: worth.pages,
            commits: 0,
            pages: 0,
            breaks: breaks.clone(),
            name,
        };
        let thread = thread::Builder::new().name("kyc-checkpoint".to_owned());
        let thread = thread.spawn(move || {
            serve(&connection, &database, &asked, &done, &breaks, name);
            drop(connection);
        })?;
        Ok((Self { thread: Some(thread) }, checkpoints))
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Checkpoints {
    /// A commit has left so many pages in the log.
    pub(crate) fn committed(&mut self, connection: &Connection, pages: i32) {
        self.note(pages);
        if self.done.swap(false, Ordering::AcqRel) {
            self.is_asked = false;
            if pages >= self.worth.pages && !self.restart(connection) {
                // Readers that stay keep the log: the next time is when it has grown by as much again.
                self.next = pages.saturating_add(self.worth.pages);
            }
        } else if !self.is_asked && self.worth.is_reached(pages, self.next, self.commits) {
            self.is_asked = true;
            self.ask();
        }
    }

    /// Whether so many pages are too many for a log, so that it must begin anew first.
    pub(crate) fn is_too_much(&self, pages: i32) -> bool {
        pages > self.worth.pages.saturating_mul(TOO_MUCH)
    }

    /// A log becomes shorter where it has begun anew, whoever had it do so; a group that was refused leaves it as it was.
    fn note(&mut self, pages: i32) {
        if pages < self.pages {
            self.next = self.worth.pages;
            self.commits = 0;
        }
        if pages != self.pages {
            self.commits = self.commits.saturating_add(1);
            self.pages = pages;
        }
    }

    /// Asks the thread for a checkpoint now.
    pub(crate) fn ask(&self) {
        let _ = self.wishes.try_send(());
    }

    /// Moves what is left; whether the log begins anew with the next commit.
    pub(crate) fn restart(&self, connection: &Connection) -> bool {
        let waits = |time| connection.busy_timeout(time);
        let restarted = waits(RESTART_WAIT)
            .and_then(|()| connection.query_row("PRAGMA wal_checkpoint(RESTART)", (), |row| row.get::<_, i64>(0)));
        let restarted = waits(BUSY_TIMEOUT).and(restarted);
        count(self.name);
        match restarted {
            Ok(busy) => busy == 0,
            Err(error) => {
                failed(&error, &self.breaks, self.name);
                false
            }
        }
    }
}

fn serve(
    connection: &Connection,
    database: &File,
    asked: &Receiver<()>,
    done: &AtomicBool,
    breaks: &Breaks,
    name: &'static str,
) {
    while asked.recv().is_ok() {
        if let Err(error) = move_most(connection) {
            failed(&error, breaks, name);
            rest(asked);
        } else if let Err(error) = database.sync_data() {
            tracing::warn!(database = name, %error, "the database could not be synced");
            // The kernel may have forgotten what it could not write.
            breaks.tell();
        }
        count(name);
        done.store(true, Ordering::Release);
    }
}

/// Passes over wishes for a while, or until nobody can ask any more.
#[expect(clippy::disallowed_methods, reason = "bounds a wait, decides nothing else")]
fn rest(asked: &Receiver<()>) {
    let end = Instant::now() + REST;
    while asked.recv_deadline(end).is_ok() {}
}

/// Moves the log until little is left of it. It waits for nobody: what readers still need stays.
fn move_most(connection: &Connection) -> Result<(), rusqlite::Error> {
    let mut before = 0;
    for _ in 0..PASSES_MAX {
        let (pages, moved) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |row| {
            Ok((row.get::<_, i32>(1)?, row.get::<_, i32>(2)?))
        })?;
        if pages - moved <= PAGES_LEFT_FEW || moved <= before {
            break;
        }
        before = moved;
    }
    Ok(())
}

/// A full disk is no reason to stop. After another error nobody knows what the database holds, but the log still has
/// all of it: it is moved again at the next start.
fn failed(error: &rusqlite::Error, breaks: &Breaks, name: &'static str) {
    tracing::warn!(database = name, %error, "the write-ahead log could not be moved");
    if outcome_is_unknown(error) {
        breaks.tell();
    }
}

fn count(name: &'static str) {
    metrics::counter!("kyc_store_checkpoints_total", "database" => name).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORTH: Worth = Worth {
        pages: 100,
        commits: 50,
    };

    #[test]
    fn a_log_of_few_commits_may_become_four_times_as_large() {
        let is_reached = |pages, commits| WORTH.is_reached(pages, 100, commits);
        assert!(!is_reached(99, 1_000));
        assert!(is_reached(100, 50));
        assert!(!is_reached(399, 49));
        assert!(is_reached(400, 1));
        // Readers have kept the log the last time, at 250 pages.
        assert!(!WORTH.is_reached(349, 350, 1_000));
        assert!(WORTH.is_reached(350, 350, 1_000));
        assert!(!WORTH.is_reached(649, 350, 10));
        assert!(WORTH.is_reached(650, 350, 10));
    }

    /// What the strand knows, and what it has asked for.
    fn checkpoints() -> (Checkpoints, Receiver<()>) {
        let (wishes, asked) = bounded(1);
        let checkpoints = Checkpoints {
            wishes,
            done: Arc::default(),
            is_asked: false,
            worth: WORTH,
            next: WORTH.pages,
            commits: 0,
            pages: 0,
            breaks: Breaks::new().0,
            name: "test",
        };
        (checkpoints, asked)
    }

    #[test]
    fn commits_count_from_where_the_log_began_whoever_began_it() {
        let connection = Connection::open_in_memory().unwrap();
        let (mut checkpoints, asked) = checkpoints();
        for number in 1..=49 {
            checkpoints.committed(&connection, 100 + number);
        }
        // Refused: nothing was written.
        checkpoints.committed(&connection, 149);
        assert!(asked.is_empty());
        checkpoints.committed(&connection, 150);
        assert_eq!(asked.try_recv(), Ok(()), "the fiftieth");
        // The thread has moved all, and SQLite began the log anew by itself.
        checkpoints.done.store(true, Ordering::Release);
        for number in 1..=49 {
            checkpoints.committed(&connection, 2 * number + 2);
        }
        assert!(asked.is_empty(), "49 of the new log");
        checkpoints.committed(&connection, 102);
        assert_eq!(asked.try_recv(), Ok(()));
    }

    #[test]
    fn a_log_that_readers_have_kept_is_forgotten_when_it_begins_anew() {
        let connection = Connection::open_in_memory().unwrap();
        let (mut checkpoints, asked) = checkpoints();
        checkpoints.commits = 1_000;
        checkpoints.pages = 9_000;
        checkpoints.next = 10_000;
        for number in 1..=100 {
            checkpoints.committed(&connection, number);
        }
        assert_eq!(asked.try_recv(), Ok(()), "it is worth it at 100 pages again");
    }
}
