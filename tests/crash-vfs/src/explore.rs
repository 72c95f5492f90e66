//! All of it together: after every record of a recording, the states that a crash may leave are laid into a fresh
//! folder, opened as the server would, examined, and held against what had been promised by then.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use std::fs;
use std::ops::Range;

use kyc_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

use crate::disk::{Files, Moment, Reached, Wreck};
use crate::examine::{Fault, Holding, examine};
use crate::load::{LOG_PAGES, Load};
use crate::promises::Promises;
use crate::recording::{Disk, Recording, files_of};
use crate::shim;

/// How far it went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Records of the recording.
    pub records: usize,
    /// States that a crash may leave, each held against the promises of its moment.
    pub states: usize,
    /// Different ones among them: each was opened.
    pub opened: usize,
    /// Different stores that came out: each was examined.
    pub examined: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.states += other.states;
        self.opened += other.opened;
        self.examined += other.examined;
    }
}

/// A crash that the store does not get over.
#[derive(Debug)]
pub struct Failure {
    /// After how many records.
    pub position: usize,
    /// What the disk had got to.
    pub reached: Reached,
    /// What is wrong.
    pub fault: Fault,
    /// Where the files lie, as the crash left them.
    pub kept: PathBuf,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            position,
            reached,
            fault,
            kept,
        } = self;
        let kept = kept.display();
        write!(
            f,
            "a crash after {position} records, {reached:?} written: {fault}; the files are in {kept}"
        )
    }
}

/// How much is tried.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is drawn follows from it.
    pub seed: u64,
    /// States of [`Reached::Some`] after each record.
    pub samples: u32,
    /// After how many opened states the work goes on over one of them, until the next crash; 0 for never.
    pub second_crash_every: usize,
    /// After which numbers of records.
    pub positions: Range<usize>,
}

impl Plan {
    /// After every record, with a sample, and going on after some.
    pub const fn thorough(seed: u64) -> Self {
        Self {
            seed,
            samples: 1,
            second_crash_every: 800,
            positions: 0..usize::MAX,
        }
    }
}

/// Tries the states that a crash may leave after each record.
pub fn explore(recording: &Recording, promises: &Promises, plan: Plan) -> Result<Tally, Box<Failure>> {
    shim::install();
    let mut explorer = Explorer {
        promises,
        rng: fastrand::Rng::with_seed(plan.seed),
        plan,
        scratch: fresh_folder(),
        recovered: HashMap::new(),
        stores: Vec::new(),
        tally: Tally::default(),
    };
    let mut moment = Moment::first(recording);
    let mut records = recording.records.iter();
    for position in 0..=recording.records.len() {
        if explorer.plan.positions.contains(&position) {
            explorer.try_all(&moment, position)?;
        }
        if let Some(record) = records.next() {
            moment.advance(record);
        }
    }
    explorer.tally.records += recording.records.len();
    Ok(explorer.tally)
}

/// A folder in memory where there is one, so that thousands of states take no disk's time.
pub fn fresh_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        TempDir::new_in(memory)
    } else {
        TempDir::new()
    };
    folder.expect("a folder")
}

/// A store that came out of a crash.
struct Recovered {
    files: Files,
    holding: Holding,
    /// How many of the promises were found kept.
    checked: usize,
}

struct Explorer<'a> {
    promises: &'a Promises,
    plan: Plan,
    rng: fastrand::Rng,
    scratch: TempDir,
    /// Which store comes out of which wreck.
    recovered: HashMap<Wreck, usize>,
    stores: Vec<Recovered>,
    tally: Tally,
}

impl Explorer<'_> {
    fn try_all(&mut self, moment: &Moment, position: usize) -> Result<(), Box<Failure>> {
        for reached in Reached::ALL {
            let times = match reached {
                Reached::Everything => 1,
                _ if moment.is_safe() => 0,
                Reached::Some => self.plan.samples,
                Reached::Nothing | Reached::Torn => 1,
            };
            for _ in 0..times {
                let wreck = moment.crash(reached, &mut self.rng);
                self.check(moment, &wreck, position).map_err(|fault| {
                    Box::new(Failure {
                        position,
                        reached,
                        fault,
                        kept: keep(&moment.files(&wreck)),
                    })
                })?;
            }
        }
        Ok(())
    }

    fn check(&mut self, moment: &Moment, wreck: &Wreck, position: usize) -> Result<(), Fault> {
        self.tally.states += 1;
        let place = if let Some(place) = self.recovered.get(wreck) {
            *place
        } else {
            let place = self.recover(&moment.files(wreck))?;
            self.recovered.insert(wreck.clone(), place);
            place
        };
        let store = &mut self.stores[place];
        let due = self.promises.kept.get(store.checked..).unwrap_or_default();
        for (_, promise) in due.iter().take_while(|(promised, _)| *promised <= position) {
            store.holding.keeps(promise)?;
            store.checked += 1;
        }
        Ok(())
    }

    /// Opens what a crash has left, as the server would, and closes it again. What comes out is examined if it is new.
    fn recover(&mut self, files: &Files) -> Result<usize, Fault> {
        let folder = self.scratch.path().join(self.tally.opened.to_string());
        self.tally.opened += 1;
        lay_out(files, &folder);
        drop(SqliteStore::open(&folder, Options::default()).map_err(|error| format!("does not open: {error}"))?);
        let left = files_of(&folder);
        if !left.keys().eq(["kyc.db", "storage.db"]) {
            return Err(format!("closing leaves {:?}", left.keys()));
        }
        let known = self.stores.iter().rposition(|store| store.files == left);
        let place = if let Some(place) = known {
            place
        } else {
            self.tally.examined += 1;
            self.stores.push(Recovered {
                files: left,
                holding: examine(&folder, self.promises)?,
                checked: 0,
            });
            self.stores.len() - 1
        };
        fs::remove_dir_all(&folder).expect("a folder of ours");
        let every = self.plan.second_crash_every;
        if every > 0 && self.tally.opened.is_multiple_of(every) {
            self.crash_again(files, place)?;
        }
        Ok(place)
    }

    /// Work goes on where the crash has left it, and is cut off once more: also in the midst of the recovery.
    fn crash_again(&mut self, files: &Files, place: usize) -> Result<(), Fault> {
        let folder = fresh_folder();
        lay_out(files, folder.path());
        let mut before = self.promises.clone();
        let holding = &self.stores[place].holding;
        before.kept = holding.as_promises().into_iter().map(|promise| (0, promise)).collect();
        let seed = self.rng.u64(..) >> 20;
        let load = Load {
            seed,
            clients: 1,
            commands: 2,
            restarts: 0,
            log_pages: LOG_PAGES,
            checkpoints: true,
        };
        let outcome = load.run(folder.path(), Disk::Honest, before);
        let plan = Plan {
            seed,
            samples: 1,
            second_crash_every: 0,
            positions: 0..usize::MAX,
        };
        let tally = explore(&outcome.recording, &outcome.promises, plan);
        self.tally += tally.map_err(|failure| format!("after going on: {failure}"))?;
        Ok(())
    }
}

/// Writes files into a folder.
pub fn lay_out(files: &Files, folder: &Path) {
    fs::create_dir_all(folder).expect("a folder");
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).expect("a file");
    }
}

/// Keeps a crash's files for whoever looks into it.
fn keep(files: &Files) -> PathBuf {
    let folder = TempDir::new().expect("a folder").keep();
    lay_out(files, &folder);
    folder
}
