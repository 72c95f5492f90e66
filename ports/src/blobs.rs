//! Bytes of stored files, streamed in and out; never whole in memory.

use std::ops::Range;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use kyc_core::time::Time;

/// What a file store can fail at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// It cannot do it now, or the bytes are not what they should be.
    #[error("the file store failed: {0}")]
    Failed(String),
    /// The operator has not given it something that it needs. The text names it, and is told to callers.
    #[error("{0}")]
    NotGranted(String),
}

/// The bytes of a file, in order.
#[cfg(not(target_family = "wasm"))]
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, BlobError>> + Send>>;
/// The bytes of a file, in order.
#[cfg(target_family = "wasm")]
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, BlobError>>>>;

/// Keeps files by name.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
pub trait Blobs: Send + Sync {
    /// Starts a file. Nothing stands under its name before [`BlobWriter::finish`].
    async fn create(&self, name: &str) -> Result<Box<dyn BlobWriter>, BlobError>;
    /// A part of a file; `None` when there is none of that name.
    async fn open(&self, name: &str, range: Range<u64>) -> Result<Option<ByteStream>, BlobError>;
    /// Removes a file; nothing happens when there is none of that name.
    async fn remove(&self, name: &str) -> Result<(), BlobError>;
    /// Names behind `after`, in order, of files (finished or left behind half-written) last written before a time; at
    /// most so many.
    async fn names_before(&self, before: Time, after: &str, limit: usize) -> Result<Vec<String>, BlobError>;
}

/// A file being written. Dropped before it is finished, it leaves nothing.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
pub trait BlobWriter: Send {
    /// The next bytes.
    async fn write(&mut self, chunk: &[u8]) -> Result<(), BlobError>;
    /// Makes the file durable and puts it under its name; the SHA-256 of what was written.
    async fn finish(self: Box<Self>) -> Result<[u8; 32], BlobError>;
}
