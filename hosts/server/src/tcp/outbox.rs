//! Where replies and events of a connection wait for the writer, bounded in number and bytes, and the writer.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::tcp::CLOSING_TIME_MAX;

/// Texts that may wait for the writer; a client that does not read is not buffered for beyond that,
const OUTBOX_MAX: usize = 256;
/// nor beyond so many bytes.
const OUTBOX_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Frames are written together up to so many bytes.
pub(super) const TOGETHER_BYTES: usize = 64 * 1024;

/// Whole frames that wait for the writer, and their share of the bytes that may.
pub(super) struct Waiting {
    text: Vec<u8>,
    bytes: OwnedSemaphorePermit,
}

/// Where they wait.
#[derive(Clone)]
pub(super) struct Outbox {
    frames: mpsc::Sender<Waiting>,
    bytes: Arc<Semaphore>,
}

impl Outbox {
    pub(super) fn new() -> (Self, mpsc::Receiver<Waiting>) {
        let (frames, waiting) = mpsc::channel(OUTBOX_MAX);
        (
            Self {
                frames,
                bytes: Arc::new(Semaphore::new(OUTBOX_BYTES_MAX)),
            },
            waiting,
        )
    }

    /// A text's share: a larger one than all may wait alone.
    fn share(text: &[u8]) -> u32 {
        u32::try_from(text.len().min(OUTBOX_BYTES_MAX)).unwrap_or(u32::MAX)
    }

    /// Waits for room. Frames for a writer that has gone are dropped.
    pub(super) async fn send(&self, text: Vec<u8>) {
        if let Ok(bytes) = self.bytes.clone().acquire_many_owned(Self::share(&text)).await {
            let _ = self.frames.send(Waiting { text, bytes }).await;
        }
    }

    /// Whether there was room.
    pub(super) fn try_send(&self, text: Vec<u8>) -> bool {
        let bytes = self.bytes.clone().try_acquire_many_owned(Self::share(&text));
        bytes.is_ok_and(|bytes| self.frames.try_send(Waiting { text, bytes }).is_ok())
    }
}

/// Writes frames until all senders are gone, or the peer takes none for too long.
pub(super) async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut frames: mpsc::Receiver<Waiting>,
    stall: Duration,
    gone: CancellationToken,
) {
    while let Some(Waiting { mut text, mut bytes }) = frames.recv().await {
        while text.len() < TOGETHER_BYTES
            && let Ok(next) = frames.try_recv()
        {
            text.extend_from_slice(&next.text);
            bytes.merge(next.bytes);
        }
        let written = tokio::time::timeout(stall, async {
            writer.write_all(&text).await?;
            writer.flush().await
        });
        let written = tokio::select! {
            biased;
            written = written => written,
            () = gone.cancelled() => break,
        };
        if !matches!(written, Ok(Ok(()))) {
            break;
        }
    }
    gone.cancel();
    let _ = tokio::time::timeout(CLOSING_TIME_MAX, writer.shutdown()).await;
}
