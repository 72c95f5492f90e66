//! Random work for the store: the application with test tokens, a clock set by hand and randomness that repeats.

mod client;
mod platform;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use kyc_core::time::Time;
use kyc_memory::{ManualClock, MemoryBlobs, ScriptedOutbound, SeededEntropy};
use kyc_ports::app::{App, Ports};
use kyc_ports::notify::Silent;
use kyc_sqlite::{Options, SqliteStore};
use kyc_tests::sim::{MASTER_KEY, START, TestTokens};
use kyc_tests::tenants::Tenant;
use kyc_vault::SealingVault;

use crate::load::client::Client;
use crate::promises::{Notebook, Promises, Watched};
use crate::recording::{Disk, Recorder, Recording};
use crate::shim;

/// How much work, and what is done to the store meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// What is asked follows from it. With one client everything does, but for the order in which the calls of one tick
    /// are answered; with several, also from how threads take turns.
    pub seed: u64,
    /// Clients at the same time.
    pub clients: u64,
    /// What each of them asks for, one after the other.
    pub commands: u32,
    /// How often the store is closed and opened again.
    pub restarts: u32,
    /// Whether checkpoints of every kind come in between, on a connection of their own.
    pub checkpoints: bool,
    /// Pages in a log that are worth a checkpoint of the store's own.
    pub log_pages: i32,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What the disk was asked.
    pub recording: Recording,
    /// What the clients and the application were told.
    pub promises: Promises,
    /// Commands that succeeded.
    pub answered: usize,
}

/// What clients know of each other's things.
#[derive(Debug, Default)]
struct Known {
    steps: Vec<i64>,
    documents: Vec<i64>,
    files: Vec<String>,
    /// Tenants whose newest webhook secret was shown, by slug.
    tenants: HashMap<String, Tenant>,
    answered: usize,
}

/// Pages in a log that are worth a checkpoint, few, so that a run has several.
pub const LOG_PAGES: i32 = 2_000;

/// The application while it is up.
struct World {
    app: App,
    clock: Arc<ManualClock>,
    notebook: Arc<Notebook>,
    known: Arc<Mutex<Known>>,
}

impl Load {
    /// Does the work in a folder, on top of what was promised of it before.
    pub fn run(self, folder: &Path, disk: Disk, before: Promises) -> Outcome {
        shim::install();
        let recorder = Recorder::start(folder, disk);
        let latest = before.latest();
        let clock = Arc::new(ManualClock::new(latest.unwrap_or(Time::from_seconds(START))));
        let notebook = Notebook::new(recorder.clone(), before);
        let outbound = Arc::new(ScriptedOutbound::default());
        outbound.answers(platform::answers(self.seed, notebook.clone()));
        let vault = Arc::new(SealingVault::new(MASTER_KEY).expect("a master key"));
        let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
        let entropy = Arc::new(SeededEntropy::new(self.seed));
        let known = Arc::new(Mutex::default());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(usize::try_from(self.clients).expect("a few clients"))
            .build()
            .expect("a runtime");
        for life in 0..=self.restarts {
            let options = Options {
                log_pages: self.log_pages,
                log_commits: 0,
                ..Options::default()
            };
            let store = SqliteStore::open(folder, options).expect("the store opens");
            let app = App::new(Ports {
                store: Arc::new(Watched::new(store, notebook.clone())),
                blobs: blobs.clone(),
                clock: clock.clone(),
                entropy: entropy.clone(),
                tokens: Arc::new(TestTokens),
                notify: Arc::new(Silent),
                outbound: outbound.clone(),
                vault: vault.clone(),
            })
            .with_cache_bytes(1 << 20);
            let world = Arc::new(World {
                app,
                clock: clock.clone(),
                notebook: notebook.clone(),
                known: Arc::clone(&known),
            });
            let client = |number: u64| {
                let seed = (self.seed << 16) + (u64::from(life) << 8) + number;
                let checkpoints = (self.checkpoints && number == 0).then(|| folder.join("kyc.db"));
                Client::new(world.clone(), seed, checkpoints)
            };
            if latest.is_none() && life == 0 {
                runtime.block_on(client(self.clients).found());
            }
            let clients: Vec<_> = (0..self.clients)
                .map(|number| runtime.spawn(client(number).work(self.commands)))
                .collect();
            for client in clients {
                runtime.block_on(client).expect("a client that is done");
            }
        }
        drop(runtime);
        let answered = known.lock().unwrap_or_else(PoisonError::into_inner).answered;
        Outcome {
            promises: notebook.promised(),
            recording: recorder.stop(),
            answered,
        }
    }
}
