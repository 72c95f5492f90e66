//! What SQLite has asked of the disk, in order.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One request that changes a file or its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// The file was made.
    Create,
    /// Bytes were written.
    Write {
        /// Where.
        offset: usize,
        /// What.
        bytes: Vec<u8>,
    },
    /// The file was cut or stretched.
    Truncate {
        /// To so many bytes.
        size: usize,
    },
    /// The disk said that the file is safe.
    Sync {
        /// All that was recorded of the file before this position, when the sync began.
        covers: usize,
        /// Whether names in the folder are safe too.
        folder: bool,
    },
    /// The file was removed.
    Delete {
        /// Whether names in the folder are safe.
        folder: bool,
    },
}

/// A request and the file it is about, by name within the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The file.
    pub file: Arc<str>,
    /// What was asked.
    pub op: Op,
}

/// How far the disk can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// What it says is safe is safe.
    Honest,
    /// It says so of every file, and does nothing.
    LiesAlways,
    /// It does nothing for files whose name ends so.
    LiesAbout(&'static str),
}

impl Disk {
    fn lies_about(self, name: &str) -> bool {
        match self {
            Self::Honest => false,
            Self::LiesAlways => true,
            Self::LiesAbout(end) => name.ends_with(end),
        }
    }
}

/// A folder's past.
#[derive(Debug)]
pub struct Recording {
    /// What lay in the folder at first, and was safe.
    pub base: BTreeMap<String, Vec<u8>>,
    /// What was asked since, in order.
    pub records: Vec<Record>,
}

/// Records a folder until it is stopped.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    disk: Disk,
    base: BTreeMap<String, Vec<u8>>,
    records: Mutex<Vec<Record>>,
    is_broken: AtomicBool,
}

static RECORDERS: Mutex<Vec<Arc<Recorder>>> = Mutex::new(Vec::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The files of a folder, but for SQLite's shared memory, which no crash leaves.
pub fn files_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = fs::read_dir(folder).expect("a folder").map(|entry| {
        let name = entry.expect("an entry").file_name();
        name.into_string().expect("a name of ours")
    });
    names
        .filter(|name| !name.ends_with("-shm"))
        .map(|name| (name.clone(), fs::read(folder.join(name)).expect("a file")))
        .collect()
}

impl Recorder {
    /// Records what happens in a folder from now on.
    pub fn start(folder: &Path, disk: Disk) -> Arc<Self> {
        let recorder = Arc::new(Self {
            folder: folder.canonicalize().expect("a folder"),
            disk,
            base: files_of(folder),
            records: Mutex::default(),
            is_broken: AtomicBool::new(false),
        });
        locked(&RECORDERS).push(recorder.clone());
        recorder
    }

    /// How much has been recorded: what is acknowledged now must be there after a crash from here on.
    pub fn position(&self) -> usize {
        locked(&self.records).len()
    }

    /// From now on the disk says of every sync that it has failed.
    pub fn breaks(&self) {
        self.is_broken.store(true, Ordering::SeqCst);
    }

    /// Ends the recording. The folder's files must be closed.
    pub fn stop(self: Arc<Self>) -> Recording {
        locked(&RECORDERS).retain(|other| !Arc::ptr_eq(other, &self));
        Recording {
            base: self.base.clone(),
            records: std::mem::take(&mut locked(&self.records)),
        }
    }

    fn push(&self, file: &Arc<str>, op: Op) {
        let file = file.clone();
        locked(&self.records).push(Record { file, op });
    }
}

/// The recorder of a path's folder, and the file's name.
fn recorder_of(path: &Path) -> Option<(Arc<Recorder>, Arc<str>)> {
    let (folder, name) = (path.parent()?, path.file_name()?.to_str()?);
    let recorders = locked(&RECORDERS);
    let recorder = recorders.iter().find(|recorder| recorder.folder == folder)?;
    Some((recorder.clone(), name.into()))
}

/// How a file is opened.
#[derive(Debug, Clone, Copy)]
pub struct Opened {
    /// Whether it is made if it is not there.
    pub may_create: bool,
    /// Whether the first sync makes names in the folder safe too.
    pub first_sync_covers_folder: bool,
}

/// An open file that is recorded.
#[derive(Debug)]
pub struct Tap {
    recorder: Arc<Recorder>,
    file: Arc<str>,
    is_new: bool,
    covers_folder: AtomicBool,
}

/// A file is about to be opened; `None` when nobody records it.
pub fn opening(path: &Path, opened: Opened) -> Option<Tap> {
    let (recorder, file) = recorder_of(path)?;
    Some(Tap {
        recorder,
        file,
        is_new: opened.may_create && !path.exists(),
        covers_folder: AtomicBool::new(opened.first_sync_covers_folder),
    })
}

/// A file was deleted.
pub fn deleted(path: &Path, folder: bool) {
    if let Some((recorder, file)) = recorder_of(path) {
        let folder = folder && !recorder.disk.lies_about(&file);
        recorder.push(&file, Op::Delete { folder });
    }
}

impl Tap {
    /// The file was opened.
    pub fn opened(&self) {
        if self.is_new {
            self.recorder.push(&self.file, Op::Create);
        }
    }

    /// How much has been recorded.
    pub fn position(&self) -> usize {
        self.recorder.position()
    }

    /// Bytes were written.
    pub fn wrote(&self, offset: usize, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.recorder.push(&self.file, Op::Write { offset, bytes });
    }

    /// Whether syncs fail.
    pub fn is_broken(&self) -> bool {
        self.recorder.is_broken.load(Ordering::SeqCst)
    }

    /// The file was cut or stretched.
    pub fn truncated(&self, size: usize) {
        self.recorder.push(&self.file, Op::Truncate { size });
    }

    /// The file is safe, as far as it had come when the sync began; unless the disk lies.
    pub fn synced(&self, covers: usize) {
        if !self.recorder.disk.lies_about(&self.file) {
            let folder = self.covers_folder.swap(false, Ordering::SeqCst);
            self.recorder.push(&self.file, Op::Sync { covers, folder });
        }
    }
}
