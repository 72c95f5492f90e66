//! WebP: a RIFF container whose length field must match the file (RFC 9649, section 2.4). The
//! picture itself is not looked at beyond the name of its first chunk.

use super::FileProblem;
use super::walk::{Gather, Walk, skip};

/// `RIFF`, length, `WEBP`, name of the first chunk.
const HEADER_BYTES: u32 = 16;
/// The RIFF length does not count its own field and the name before it.
const UNCOUNTED_BYTES: u32 = 8;

#[derive(Debug, Default)]
pub(super) struct Webp {
    header: Gather<16>,
    at: At,
}

#[derive(Debug, Default)]
enum At {
    #[default]
    Header,
    Body {
        left: u64,
        /// An odd length may or may not be followed by a byte that makes it even.
        padding: u64,
    },
}

impl Walk for Webp {
    fn push(&mut self, mut input: &[u8]) -> Result<(), FileProblem> {
        if matches!(self.at, At::Header) {
            let Some(header) = self.header.take(&mut input) else {
                return Ok(());
            };
            self.at = body(header)?;
        }
        if let At::Body { left, padding } = &mut self.at
            && skip(left, &mut input)
        {
            skip(padding, &mut input);
            if !input.is_empty() {
                return Err(FileProblem::Malformed("there are bytes after the end of the picture"));
            }
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), FileProblem> {
        match self.at {
            At::Body { left: 0, .. } => Ok(()),
            _ => Err(FileProblem::Malformed("the picture ends too early")),
        }
    }
}

fn body(header: [u8; 16]) -> Result<At, FileProblem> {
    let [b'R', b'I', b'F', b'F', a, b, c, d, _, _, _, _, chunk @ ..] = header else {
        return Err(FileProblem::Signature);
    };
    let length = u32::from_le_bytes([a, b, c, d]);
    if !matches!(&chunk, b"VP8 " | b"VP8L" | b"VP8X") {
        return Err(FileProblem::Malformed("the WebP header is damaged"));
    }
    let Some(left) = length.checked_sub(HEADER_BYTES - UNCOUNTED_BYTES) else {
        return Err(FileProblem::Malformed("the WebP length is damaged"));
    };
    Ok(At::Body {
        left: u64::from(left),
        padding: u64::from(length % 2),
    })
}
