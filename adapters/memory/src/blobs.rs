//! Files in memory.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use kyc_core::time::Time;
use kyc_ports::blobs::{BlobError, BlobWriter, Blobs, ByteStream};
use kyc_ports::clock::Clock;
use sha2::{Digest, Sha256};

use crate::locked;

/// Bytes of one piece of a stream, as files on a disk give them.
const PIECE_BYTES: usize = 64 * 1024;

type Files = Arc<Mutex<BTreeMap<String, Stored>>>;

#[derive(Debug, Clone)]
struct Stored {
    bytes: Bytes,
    written: Time,
}

/// Files in memory, written at the time that the clock tells.
#[derive(Clone)]
pub struct MemoryBlobs {
    clock: Arc<dyn Clock>,
    files: Files,
}

impl std::fmt::Debug for MemoryBlobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryBlobs")
            .field("names", &self.names())
            .finish_non_exhaustive()
    }
}

impl MemoryBlobs {
    /// No files yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            files: Files::default(),
        }
    }

    /// The names of all files, in order.
    pub fn names(&self) -> Vec<String> {
        locked(&self.files).keys().cloned().collect()
    }

    /// Puts a file there without a writer: a stray that a crash might have left.
    pub fn put(&self, name: &str, bytes: impl Into<Bytes>) {
        let stored = Stored {
            bytes: bytes.into(),
            written: self.clock.now(),
        };
        locked(&self.files).insert(name.to_owned(), stored);
    }
}

/// Names are those that a folder can hold without surprises.
fn check_name(name: &str) -> Result<(), BlobError> {
    let is_plain = name
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'.' | b'-'));
    if is_plain && !name.is_empty() && !name.starts_with('.') && !name.contains("..") {
        Ok(())
    } else {
        Err(BlobError::Failed("the name is not one of a stored file".to_owned()))
    }
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Blobs for MemoryBlobs {
    async fn create(&self, name: &str) -> Result<Box<dyn BlobWriter>, BlobError> {
        check_name(name)?;
        Ok(Box::new(Writer {
            blobs: self.clone(),
            name: name.to_owned(),
            bytes: Vec::new(),
        }))
    }

    async fn open(&self, name: &str, range: Range<u64>) -> Result<Option<ByteStream>, BlobError> {
        check_name(name)?;
        let Some(bytes) = locked(&self.files).get(name).map(|stored| stored.bytes.clone()) else {
            return Ok(None);
        };
        let end = usize::try_from(range.end).unwrap_or(usize::MAX).min(bytes.len());
        let start = usize::try_from(range.start).unwrap_or(usize::MAX).min(end);
        let mut rest = bytes.slice(start..end);
        let pieces = std::iter::from_fn(move || {
            let piece = rest.split_to(rest.len().min(PIECE_BYTES));
            (!piece.is_empty()).then_some(Ok(piece))
        });
        Ok(Some(Box::pin(stream::iter(pieces))))
    }

    async fn remove(&self, name: &str) -> Result<(), BlobError> {
        check_name(name)?;
        locked(&self.files).remove(name);
        Ok(())
    }

    async fn names_before(&self, before: Time, after: &str, limit: usize) -> Result<Vec<String>, BlobError> {
        let files = locked(&self.files);
        let behind = files.range::<str, _>((Bound::Excluded(after), Bound::Unbounded));
        let old = behind.filter(|(_, stored)| stored.written < before);
        Ok(old.map(|(name, _)| name.clone()).take(limit).collect())
    }
}

struct Writer {
    blobs: MemoryBlobs,
    name: String,
    bytes: Vec<u8>,
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl BlobWriter for Writer {
    async fn write(&mut self, chunk: &[u8]) -> Result<(), BlobError> {
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<[u8; 32], BlobError> {
        let written = self.blobs.clock.now();
        let sha256 = Sha256::digest(&self.bytes).into();
        let mut files = locked(&self.blobs.files);
        if files.contains_key(&self.name) {
            return Err(BlobError::Failed("there is a file of that name".to_owned()));
        }
        files.insert(
            self.name,
            Stored {
                bytes: self.bytes.into(),
                written,
            },
        );
        Ok(sha256)
    }
}
