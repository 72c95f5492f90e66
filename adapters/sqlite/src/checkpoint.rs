//! Checkpoints: what the write-ahead log holds is moved into the database, and the log begins anew.
//!
//! A thread of its own moves most of it and syncs that, so that no commit waits for it. What it moves goes to the disk part
//! by part, one a commit: all at once it would stand before every commit's sync. Under load the thread never sees the end:
//! the strand goes on writing behind it. So the strand moves the rest itself, between two groups, when nobody else writes.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use kyc_writeback::write_back;
use rusqlite::Connection;
use tokio::sync::watch;

use crate::database::{BUSY_TIMEOUT, outcome_is_unknown};

/// Times that the thread moves what has been written during the last time, before the strand moves the rest.
const PASSES_MAX: usize = 5;
/// Pages that are few enough to be the last ones: 8 MiB, about three large groups.
const PAGES_FEW: i32 = 2_048;
/// Pages of the log for which the disk is given the time of one commit: 8 MiB. A large group writes a third of that, so
/// each pass has less to move than the one before.
const PAGES_A_COMMIT: i32 = 2_048;
/// How long the thread waits for a commit between two parts: where nobody writes, nobody is held up.
const PART_WAIT: Duration = Duration::from_millis(50);
/// How long it waits for one before a pass. Without one SQLite syncs all of the pass at once.
const PASS_WAIT: Duration = Duration::from_secs(1);
/// Pages of a log, by those that are worth a checkpoint, that are too many to wait for commits.
const MUCH: i32 = 4;
/// Pages, by those that are worth a checkpoint, from which on the log is moved as fast as can be.
const HURRY: i32 = TOO_MUCH / 2;
/// Pages, by those that are worth a checkpoint, that the log may hold while something keeps it from beginning anew: 1 GiB
/// where those are 64 MiB. Until it does, writes are refused.
const TOO_MUCH: i32 = 16;
/// How long the thread rests when the log could not be moved: a full disk is asked again with every commit that fails.
const REST: Duration = Duration::from_secs(1);
/// Moves what no reader needs.
const MOVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";
/// Moves nothing, and tells how much is moved.
const COUNT: &str = "PRAGMA wal_checkpoint(NOOP)";
/// How long the strand waits for readers of the log.
const RESTART_WAIT: Duration = Duration::from_millis(20);

/// What the strand knows of checkpoints.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    wishes: Sender<()>,
    /// Each commit, for the thread to keep step with.
    steps: Sender<()>,
    /// Pages in the log, for the thread to know when to hurry.
    grown: Arc<AtomicI32>,
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

/// What the thread owns. The files are closed last: with any of its files a process gives up the locks that SQLite holds
/// on it.
#[derive(Debug)]
pub(crate) struct Mover {
    moving: Connection,
    /// Keeps a pass from the log's end, where SQLite would sync all of it at once.
    holding: Connection,
    /// The database. What is moved is synced by it, since SQLite does so only where nothing is left.
    database: File,
    /// The database, opened apart: what goes wrong while parts are written is told to both.
    parts: File,
    /// Pages in the log.
    grown: Arc<AtomicI32>,
    worth: Worth,
    pass_wait: Duration,
    name: &'static str,
}

/// The thread. Dropped, it finishes and closes its connections, once nobody can ask any more.
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
    /// Starts the thread.
    pub(crate) fn start(mover: Mover, breaks: Breaks) -> Result<(Self, Checkpoints), std::io::Error> {
        // One wish may wait: it stands for all that come until it is dealt with. So it is with commits.
        let (wishes, asked) = bounded(1);
        let (steps, committed) = bounded(1);
        let worth = mover.worth;
        let done = Arc::new(AtomicBool::new(false));
        let checkpoints = Checkpoints {
            wishes,
            steps,
            grown: mover.grown.clone(),
            done: done.clone(),
            is_asked: false,
            worth,
            next: worth.pages,
            commits: 0,
            pages: 0,
            breaks: breaks.clone(),
            name: mover.name,
        };
        let thread = thread::Builder::new().name("kyc-checkpoint".to_owned());
        let thread = thread.spawn(move || serve(&mover, &asked, &committed, &done, &breaks))?;
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
    /// There are so many pages in the log, before whoever has written them is told.
    pub(crate) fn grew(&self, pages: i32) {
        if pages != self.pages {
            self.grown.store(pages, Ordering::Relaxed);
            let _ = self.steps.try_send(());
        }
    }

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

fn serve(mover: &Mover, asked: &Receiver<()>, committed: &Receiver<()>, done: &AtomicBool, breaks: &Breaks) {
    while asked.recv().is_ok() {
        if let Err(error) = mover.move_most(committed) {
            failed(&error, breaks, mover.name);
            rest(asked);
        } else if let Err(error) = mover.database.sync_data() {
            tracing::warn!(database = mover.name, %error, "the database could not be synced");
            // The kernel may have forgotten what it could not write.
            breaks.tell();
        }
        count(mover.name);
        done.store(true, Ordering::Release);
    }
}

/// Passes over wishes for a while, or until nobody can ask any more.
#[expect(clippy::disallowed_methods, reason = "bounds a wait, decides nothing else")]
fn rest(asked: &Receiver<()>) {
    let end = Instant::now() + REST;
    while asked.recv_deadline(end).is_ok() {}
}

/// Waits for a commit, and whether any can still come. `steps` may hold one that has ended before.
fn wait_for_commit(steps: &Receiver<()>, most: Duration) -> bool {
    let _ = steps.try_recv();
    steps.recv_timeout(most) != Err(RecvTimeoutError::Disconnected)
}

impl Mover {
    /// Opens what the thread needs of a database. `open` opens a connection that can write.
    pub(crate) fn open<E: From<std::io::Error>>(
        path: &Path,
        name: &'static str,
        worth: Worth,
        open: impl Fn(&Path) -> Result<Connection, E>,
    ) -> Result<Self, E> {
        Ok(Self {
            moving: open(path)?,
            holding: open(path)?,
            database: File::open(path)?,
            parts: File::open(path)?,
            grown: Arc::default(),
            worth,
            pass_wait: PASS_WAIT,
            name,
        })
    }

    /// Moves the log until little is left of it. It waits for nobody: what readers still need stays.
    fn move_most(&self, committed: &Receiver<()>) -> Result<(), rusqlite::Error> {
        let mut before = self.checkpoint(COUNT)?;
        for _ in 0..PASSES_MAX {
            let moved = self.move_held(committed)?;
            // Less than before: the log has begun anew meanwhile.
            let pages = if moved < before { moved } else { moved - before };
            self.write_back(pages, committed);
            if pages <= PAGES_FEW {
                break;
            }
            before = moved;
        }
        Ok(())
    }

    /// Moves what is in the log before the next commit; gives how many of its pages are moved.
    fn move_held(&self, committed: &Receiver<()>) -> Result<i32, rusqlite::Error> {
        if self.hurries() {
            return self.checkpoint(MOVE);
        }
        let held = self.holding.unchecked_transaction()?;
        held.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
        wait_for_commit(committed, self.pass_wait);
        self.checkpoint(MOVE)
    }

    /// Gives how many pages of the log are moved.
    fn checkpoint(&self, pragma: &str) -> Result<i32, rusqlite::Error> {
        self.moving.query_row(pragma, (), |row| row.get(2))
    }

    /// Has the disk write what so many pages of the log have changed, a part of the database with each commit.
    fn write_back(&self, pages: i32, committed: &Receiver<()>) {
        let length = self.parts.metadata().map_or(0, |database| database.len());
        let parts = u64::try_from(pages / PAGES_A_COMMIT).unwrap_or_default() + 1;
        let end = |part| length / parts * part + length % parts * part / parts;
        for part in 0..parts {
            if self.hurries() {
                return;
            }
            if let Err(error) = write_back(&self.parts, end(part)..end(part + 1)) {
                // The sync that follows is told of it too, and decides.
                tracing::warn!(database = self.name, %error, "a part of the database could not be written");
                return;
            }
            if !wait_for_commit(committed, PART_WAIT) {
                return;
            }
        }
    }

    fn hurries(&self) -> bool {
        self.grown.load(Ordering::Relaxed) > self.worth.pages.saturating_mul(HURRY)
    }
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
            steps: bounded(1).0,
            grown: Arc::default(),
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

    /// A database whose log nobody moves, the connection that writes it, the log's pages after the last commit, and what
    /// moves it.
    fn logged(pass_wait: Duration) -> (tempfile::TempDir, Connection, Arc<AtomicI32>, Mover) {
        let dir = tempfile::tempdir().unwrap();
        let open = |path: &Path| -> Result<Connection, std::io::Error> {
            let connection = Connection::open(path).unwrap();
            connection.pragma_update(None, "journal_mode", "WAL").unwrap();
            connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
            Ok(connection)
        };
        let path = dir.path().join("test.db");
        let mut writer = open(&path).unwrap();
        let log_pages = Arc::new(AtomicI32::new(0));
        let seen = log_pages.clone();
        let hook = move |_: &mut rusqlite::hooks::Wal, pages| {
            seen.store(pages, Ordering::Relaxed);
            Ok(())
        };
        writer.wal_hook(Some(hook)).unwrap();
        writer.execute_batch("CREATE TABLE blobs (bytes BLOB)").unwrap();
        let mut mover = Mover::open(&path, "test", WORTH, open).unwrap();
        mover.worth.pages = 1_000;
        mover.pass_wait = pass_wait;
        (dir, writer, log_pages, mover)
    }

    /// A commit of 3 000 pages and some.
    fn grow(writer: &Connection) {
        writer
            .execute("INSERT INTO blobs VALUES (zeroblob(3000 * 4096))", ())
            .unwrap();
    }

    /// A commit of a page or two: a log that is moved to its end begins anew with it.
    fn touch(writer: &Connection) {
        writer.execute("INSERT INTO blobs VALUES (NULL)", ()).unwrap();
    }

    #[test]
    fn what_is_written_while_most_is_moved_is_moved_too() {
        let (_dir, writer, log_pages, mover) = logged(Duration::from_mins(1));
        grow(&writer);
        // The thread waits for a commit in each pass, and is told of these two.
        let (steps, committed) = bounded(0);
        let result = thread::scope(|scope| {
            let moving = scope.spawn(move || mover.move_most(&committed));
            for _ in 0..2 {
                grow(&writer);
                steps.send_timeout((), Duration::from_secs(30)).unwrap();
            }
            drop(steps);
            moving.join().unwrap()
        });
        result.unwrap();
        assert!(log_pages.load(Ordering::Relaxed) > 9_000);
        touch(&writer);
        assert!(log_pages.load(Ordering::Relaxed) < 10, "all of it was moved");
    }

    #[test]
    fn a_log_is_moved_where_nobody_writes() {
        let (_dir, writer, log_pages, mover) = logged(Duration::ZERO);
        grow(&writer);
        touch(&writer);
        assert!(log_pages.load(Ordering::Relaxed) > 3_000);
        assert_eq!(mover.checkpoint(COUNT).unwrap(), 0, "to count moves nothing");
        let (_steps, committed) = bounded(1);
        mover.move_most(&committed).unwrap();
        assert!(mover.checkpoint(COUNT).unwrap() > 3_000);
        touch(&writer);
        assert!(log_pages.load(Ordering::Relaxed) < 10, "all of it was moved");
    }

    #[test]
    fn a_log_that_becomes_too_large_is_moved_without_a_wait() {
        let (_dir, writer, log_pages, mover) = logged(Duration::from_hours(1));
        grow(&writer);
        let (_steps, committed) = bounded(1);
        mover.grown.store(1_000 * HURRY + 1, Ordering::Relaxed);
        mover.move_most(&committed).unwrap();
        touch(&writer);
        assert!(log_pages.load(Ordering::Relaxed) < 10, "all of it was moved");
    }

    #[test]
    fn each_commit_that_wrote_is_a_step() {
        let (mut checkpoints, _asked) = checkpoints();
        let (steps, stepped) = bounded(1);
        checkpoints.steps = steps;
        let connection = Connection::open_in_memory().unwrap();
        checkpoints.grew(5);
        assert_eq!(stepped.try_recv(), Ok(()));
        assert_eq!(checkpoints.grown.load(Ordering::Relaxed), 5);
        checkpoints.committed(&connection, 5);
        // Refused: nothing was written.
        checkpoints.grew(5);
        assert!(stepped.is_empty());
    }
}
