//! Stored files in a folder of a local disk. A file is written under a temporary name, synced and renamed, so that
//! whatever stands under a proper name is whole and survives a power cut.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod folder;
mod name;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::DirBuilder;
use std::io::{self, ErrorKind, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use futures_util::TryStreamExt;
use kyc_core::time::Time;
use kyc_ports::blobs::{BlobError, BlobWriter, Blobs, ByteStream};
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::name::{check_finished, check_stored};
use crate::writer::Writer;

/// Bytes read from a file at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// Files in one folder. No other program writes there.
#[derive(Debug, Clone)]
pub struct FsBlobs {
    folder: PathBuf,
}

impl FsBlobs {
    /// The files of a folder, which is made, for its owner alone, when there is none.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self { folder })
    }
}

/// Makes durable what names a folder holds: a rename or removal is on disk only after this.
fn fsync_dir(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

#[async_trait]
impl Blobs for FsBlobs {
    async fn create(&self, name: &str) -> Result<Box<dyn BlobWriter>, BlobError> {
        check_finished(name)?;
        let writer = Writer::create(&self.folder, name)
            .await
            .map_err(|error| failed("create", name, &error))?;
        Ok(Box::new(writer))
    }

    async fn open(&self, name: &str, range: Range<u64>) -> Result<Option<ByteStream>, BlobError> {
        check_stored(name)?;
        let opened = open_at(&self.folder.join(name), range.start).await;
        // Half a file is no file yet, though it can be removed by its name.
        let file = match opened {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Ok(_) if name::is_part(name) => return Ok(None),
            opened => opened.map_err(|error| failed("open", name, &error))?,
        };
        let part = file.take(range.end.saturating_sub(range.start));
        let name = name.to_owned();
        let pieces = ReaderStream::with_capacity(part, PIECE_BYTES).map_err(move |error| failed("read", &name, &error));
        Ok(Some(Box::pin(pieces)))
    }

    async fn remove(&self, name: &str) -> Result<(), BlobError> {
        check_stored(name)?;
        match fs::remove_file(self.folder.join(name)).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", name, &error)),
            _ => Ok(()),
        }
    }

    async fn names_before(&self, before: Time, after: &str, limit: usize) -> Result<Vec<String>, BlobError> {
        let (folder, after) = (self.folder.clone(), after.to_owned());
        let listing = tokio::task::spawn_blocking(move || folder::names_before(&folder, before, &after, limit));
        let listed = listing
            .await
            .map_err(|_| BlobError::Failed("listing the files was given up".to_owned()))?;
        listed.map_err(|error| BlobError::Failed(format!("listing the files: {error}")))
    }
}

async fn open_at(path: &Path, start: u64) -> io::Result<File> {
    let mut file = File::open(path).await?;
    if start > 0 {
        file.seek(SeekFrom::Start(start)).await?;
    }
    Ok(file)
}

/// What the log is told; names are ids, and the folder is the operator's own.
fn failed(what: &str, name: &str, error: &io::Error) -> BlobError {
    BlobError::Failed(format!("{what} `{name}`: {error}"))
}
