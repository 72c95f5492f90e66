//! A file being written: under its temporary name until it is whole and on disk.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use kyc_ports::blobs::{BlobError, BlobWriter};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncWriteExt, BufWriter};

use crate::name::PART;
use crate::{failed, fsync_dir};

/// Bytes gathered for the thread that writes them: to hand it each piece of a body costs more than to write it.
const TOGETHER_BYTES: usize = 128 * 1024;

/// Writes one file.
#[derive(Debug)]
pub(crate) struct Writer {
    folder: PathBuf,
    name: String,
    file: BufWriter<File>,
    part: Part,
}

/// The temporary name. While it stands, no other writer has the same name; dropped, it takes the file along.
#[derive(Debug)]
struct Part(Option<PathBuf>);

impl Drop for Part {
    fn drop(&mut self) {
        let Some(path) = self.0.take() else { return };
        // Should this fail, the clean-up finds it a day later.
        if let Err(error) = std::fs::remove_file(path) {
            tracing::warn!(%error, "a half-written file could not be removed");
        }
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
        Ok(Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            file: BufWriter::with_capacity(TOGETHER_BYTES, file),
            part: Part(Some(path)),
        })
    }

    /// First the content, then the name, then the folder that holds the name.
    async fn settle(mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.file.get_ref().sync_all().await?;
        let finished = self.folder.join(&self.name);
        // A rename would replace a file of that name. None can appear in between: it would need the temporary name.
        if fs::try_exists(&finished).await? {
            return Err(ErrorKind::AlreadyExists.into());
        }
        if let Some(part) = &self.part.0 {
            fs::rename(part, &finished).await?;
        }
        self.part.0 = None;
        fsync_dir(&self.folder).await
    }
}

#[async_trait]
impl BlobWriter for Writer {
    async fn write(&mut self, chunk: &[u8]) -> Result<(), BlobError> {
        self.file
            .write_all(chunk)
            .await
            .map_err(|error| failed("write", &self.name, &error))
    }

    async fn finish(self: Box<Self>) -> Result<(), BlobError> {
        let name = self.name.clone();
        self.settle().await.map_err(|error| failed("finish", &name, &error))
    }
}
