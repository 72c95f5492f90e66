//! A file being written: under its temporary name until it is whole and on disk.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use kyc_ports::blobs::{BlobError, BlobWriter};
use sha2::{Digest, Sha256};
use tokio::fs::OpenOptions;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::name::PART;
use crate::{failed, fsync_dir};

/// Bytes gathered for the threads that hash and write them: to hand them over costs some microseconds and, where
/// processors are few, a switch or two. As many again are at work meanwhile, and an upload takes at most a megabyte.
const TOGETHER_BYTES: usize = 384 * 1024;

/// Writes one file. What has been gathered is hashed by one thread and written by another, while more is gathered.
#[derive(Debug)]
pub(crate) struct Writer {
    folder: PathBuf,
    name: String,
    gathered: Vec<u8>,
    /// Bytes before them. The disk begins to write them while more is gathered.
    handed_over: u64,
    file: Elsewhere<File>,
    hasher: Elsewhere<Sha256>,
    part: Part,
}

/// What is here, or at work on a thread that may block.
#[derive(Debug)]
enum Elsewhere<T> {
    Here(T),
    AtWork(JoinHandle<io::Result<T>>),
    /// Its work has failed.
    Lost,
}

impl<T: Send + 'static> Elsewhere<T> {
    /// What it is, when its work is done.
    async fn take(&mut self) -> io::Result<T> {
        match std::mem::replace(self, Self::Lost) {
            Self::Here(own) => Ok(own),
            Self::AtWork(work) => work.await?,
            Self::Lost => Err(ErrorKind::BrokenPipe.into()),
        }
    }

    /// Sets it to work, when what it did before is done.
    async fn work(&mut self, work: impl FnOnce(&mut T) -> io::Result<()> + Send + 'static) -> io::Result<()> {
        let mut own = self.take().await?;
        *self = Self::AtWork(spawn_blocking(move || work(&mut own).map(|()| own)));
        Ok(())
    }
}

/// The temporary name. While it stands, no other writer has the same name; dropped, it takes the file along.
#[derive(Debug)]
struct Part(Option<PathBuf>);

impl Drop for Part {
    fn drop(&mut self) {
        let Some(path) = self.0.take() else { return };
        // Should this fail, the clean-up finds it a day later.
        if let Err(error) = fs::remove_file(path) {
            tracing::warn!(%error, "a half-written file could not be removed");
        }
    }
}

impl Part {
    /// Gives the file its own name.
    fn rename(&mut self, finished: &Path) -> io::Result<()> {
        // A rename would replace a file of that name. None can appear in between: it would need the temporary name.
        if finished.try_exists()? {
            return Err(ErrorKind::AlreadyExists.into());
        }
        if let Some(path) = &self.0 {
            fs::rename(path, finished)?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Writer {
    pub(crate) async fn create(folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(format!("{name}{PART}"));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .await?;
        // From here on, whatever fails, the file goes.
        let part = Part(Some(path));
        Ok(Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            gathered: Vec::new(),
            handed_over: 0,
            file: Elsewhere::Here(file.into_std().await),
            hasher: Elsewhere::Here(Sha256::new()),
            part,
        })
    }

    async fn gather(&mut self, mut chunk: &[u8]) -> io::Result<()> {
        while !chunk.is_empty() {
            self.gathered
                .reserve_exact(TOGETHER_BYTES.saturating_sub(self.gathered.len()));
            let room = TOGETHER_BYTES.saturating_sub(self.gathered.len());
            let (now, later) = chunk.split_at_checked(room).unwrap_or((chunk, &[]));
            self.gathered.extend_from_slice(now);
            chunk = later;
            if self.gathered.len() == TOGETHER_BYTES {
                self.hand_over().await?;
            }
        }
        Ok(())
    }

    async fn hand_over(&mut self) -> io::Result<()> {
        let bytes = self.hash().await?;
        let begin = self.handed_over;
        self.handed_over += bytes.len() as u64;
        let part = begin..self.handed_over;
        let writing = self.file.work(move |file| {
            file.write_all(&bytes)?;
            kyc_writeback::begin_to_write(file, part)
        });
        writing.await
    }

    /// Has what was gathered hashed, and gives it for the file.
    async fn hash(&mut self) -> io::Result<Arc<Vec<u8>>> {
        let bytes = Arc::new(std::mem::take(&mut self.gathered));
        let same = bytes.clone();
        let hashing = self.hasher.work(move |hasher| {
            hasher.update(same.as_slice());
            Ok(())
        });
        hashing.await?;
        Ok(bytes)
    }

    /// First the content, then the name, then the folder that holds the name. Once begun it goes on to its end, whoever
    /// still waits: the clean-up finds a file that nobody has taken over.
    async fn settle(mut self) -> io::Result<[u8; 32]> {
        let bytes = self.hash().await?;
        let (mut file, mut part, folder) = (self.file, self.part, self.folder);
        let finished = folder.join(&self.name);
        let settling = file.work(move |file| {
            file.write_all(&bytes)?;
            file.sync_all()?;
            part.rename(&finished)?;
            fsync_dir(&folder)
        });
        settling.await?;
        file.take().await?;
        Ok(self.hasher.take().await?.finalize().into())
    }
}

#[async_trait]
impl BlobWriter for Writer {
    async fn write(&mut self, chunk: &[u8]) -> Result<(), BlobError> {
        self.gather(chunk)
            .await
            .map_err(|error| failed("write", &self.name, &error))
    }

    async fn finish(self: Box<Self>) -> Result<[u8; 32], BlobError> {
        let name = self.name.clone();
        self.settle().await.map_err(|error| failed("finish", &name, &error))
    }
}
