//! Frames: bytes up to `\r\n`, however the packets are cut.

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
    buffer: Vec<u8>,
    /// How much of the buffer is known to hold no end.
    searched: usize,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(super) const fn new(reader: R, bytes_max: usize) -> Self {
        Self {
            reader,
            bytes_max,
            buffer: Vec::new(),
            searched: 0,
        }
    }

    /// The next frame that is not empty, without its end. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Vec<u8>, NoFrame> {
        loop {
            while let Some(frame) = self.take()? {
                if !frame.is_empty() {
                    return Ok(frame);
                }
            }
            self.buffer.reserve(READ_BYTES);
            match self.reader.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return Err(NoFrame::Ended),
                Ok(_) => {}
            }
        }
    }

    fn take(&mut self) -> Result<Option<Vec<u8>>, NoFrame> {
        let from = self.searched.saturating_sub(1);
        let unsearched = self.buffer.get(from..).unwrap_or_default();
        let Some(end) = unsearched.windows(END.len()).position(|window| window == END) else {
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
        let rest = self.buffer.split_off(length + END.len());
        let mut frame = std::mem::replace(&mut self.buffer, rest);
        frame.truncate(length);
        self.searched = 0;
        Ok(Some(frame))
    }

    /// Whether no part of a frame has arrived.
    pub(super) const fn is_between_frames(&self) -> bool {
        self.buffer.is_empty()
    }

    /// What frames were read from.
    pub(super) fn into_reader(self) -> R {
        self.reader
    }
}
