//! Frames: bytes up to `\r\n`, however the packets are cut.

use bytes::{Bytes, BytesMut};
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt};

/// What ends a frame.
const END: &[u8] = b"\r\n";
/// Bytes asked for at a time.
const READ_BYTES: usize = 16 * 1024;

/// Why there is no next frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoFrame {
    /// The peer has closed, or the connection broke.
    Ended,
    /// More bytes without an end than a frame may have.
    TooLarge,
}

/// Reads frames.
#[derive(Debug)]
pub(super) struct Frames<R> {
    reader: R,
    bytes_max: usize,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no end.
    searched: usize,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(super) fn new(reader: R, bytes_max: usize) -> Self {
        Self {
            reader,
            bytes_max,
            buffer: BytesMut::new(),
            searched: 0,
        }
    }

    /// The next frame that is not empty, without its end. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Bytes, NoFrame> {
        loop {
            if let Some(frame) = self.arrived()? {
                return Ok(frame);
            }
            self.buffer.reserve(READ_BYTES);
            match self.reader.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return Err(NoFrame::Ended),
                Ok(_) => {}
            }
        }
    }

    /// The next frame that is not empty, if it has arrived.
    pub(super) fn arrived(&mut self) -> Result<Option<Bytes>, NoFrame> {
        while let Some(frame) = self.take()? {
            if !frame.is_empty() {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    fn take(&mut self) -> Result<Option<Bytes>, NoFrame> {
        let from = self.searched.saturating_sub(1);
        let unsearched = self.buffer.get(from..).unwrap_or_default();
        let Some(end) = memmem::find(unsearched, END) else {
            self.searched = self.buffer.len();
            return if self.buffer.len() > self.bytes_max + END.len() - 1 {
                Err(NoFrame::TooLarge)
            } else {
                Ok(None)
            };
        };
        let length = from + end;
        if length > self.bytes_max {
            return Err(NoFrame::TooLarge);
        }
        let mut frame = self.buffer.split_to(length + END.len());
        frame.truncate(length);
        self.searched = 0;
        if length > READ_BYTES {
            // Its room goes with it, and does not stay with the connection.
            self.buffer = BytesMut::from(self.buffer.as_ref());
        }
        Ok(Some(frame.freeze()))
    }

    /// Whether no part of a frame has arrived.
    pub(super) fn is_between_frames(&self) -> bool {
        self.buffer.is_empty()
    }

    /// What frames were read from.
    pub(super) fn into_reader(self) -> R {
        self.reader
    }
}
