//! Checkpoints: a thread of their own moves the write-ahead log into the database, so that no commit waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use rusqlite::Connection;

/// Pages in the log that are worth a checkpoint: 4 MiB.
const PAGES_MIN: i32 = 1_000;

/// Asks for checkpoints.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoints {
    wishes: Sender<()>,
    behind: Arc<AtomicBool>,
}

/// The thread. Dropped, it finishes and closes its connection, once nobody can ask any more.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread over a connection of its own.
    pub(crate) fn start(connection: Connection, name: &'static str) -> Result<(Self, Checkpoints), std::io::Error> {
        // One wish may wait: it stands for all that come until it is dealt with.
        let (wishes, asked) = bounded(1);
        let behind = Arc::new(AtomicBool::new(false));
        let told = behind.clone();
        let thread = thread::Builder::new().name("kyc-checkpoint".to_owned());
        let thread = thread.spawn(move || serve(&connection, &asked, &told, name))?;
        Ok((Self { thread: Some(thread) }, Checkpoints { wishes, behind }))
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
    pub(crate) fn committed(&self, pages: i32) {
        if pages >= PAGES_MIN {
            self.ask();
        }
    }

    /// Asks for a checkpoint now.
    pub(crate) fn ask(&self) {
        let _ = self.wishes.try_send(());
    }

    /// Whether the last checkpoint could not move the whole log: somebody still reads an old state.
    pub(crate) fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }
}

fn serve(connection: &Connection, asked: &Receiver<()>, behind: &AtomicBool, name: &'static str) {
    while asked.recv().is_ok() {
        // It waits for nobody: what readers still need stays for the next time. Once all is moved, the next commit
        // begins the log anew.
        let moved = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |row| {
            Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        });
        match moved {
            Ok((pages, moved)) => behind.store(moved < pages, Ordering::Relaxed),
            Err(error) => tracing::warn!(database = name, %error, "the write-ahead log could not be moved"),
        }
        metrics::counter!("kyc_store_checkpoints_total", "database" => name).increment(1);
    }
}
