//! PNG: a signature of 8 bytes, then chunks (length, type, data, CRC) from `IHDR` to `IEND`, and
//! nothing behind them (PNG specification, section 5). CRCs are left to whoever decodes.

use super::FileProblem;
use super::walk::{Gather, Walk, skip};

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// The PNG specification reserves the top bit of a length.
const CHUNK_BYTES_MAX: u32 = 0x7fff_ffff;
const IHDR_BYTES: u32 = 13;
const CRC_BYTES: u64 = 4;

#[derive(Debug, Default)]
pub(super) struct Png {
    at: At,
    /// The signature, and after it the length and type of every chunk: both are 8 bytes.
    header: Gather<8>,
    has_data: bool,
}

#[derive(Debug, Default)]
enum At {
    #[default]
    Signature,
    FirstChunk,
    Chunk,
    Body {
        left: u64,
        last: bool,
    },
    End,
}

impl Walk for Png {
    fn push(&mut self, mut input: &[u8]) -> Result<(), FileProblem> {
        loop {
            self.at = match &mut self.at {
                At::End if input.is_empty() => return Ok(()),
                At::End => {
                    return Err(FileProblem::Malformed("there are bytes after the end of the picture"));
                }
                At::Body { left, last } => {
                    if !skip(left, &mut input) {
                        return Ok(());
                    }
                    if *last { At::End } else { At::Chunk }
                }
                header_of => {
                    let Some(header) = self.header.take(&mut input) else {
                        return Ok(());
                    };
                    match header_of {
                        At::Signature if header == SIGNATURE => At::FirstChunk,
                        At::Signature => {
                            return Err(FileProblem::Malformed("the PNG signature is damaged"));
                        }
                        At::FirstChunk => self.chunk(header, true)?,
                        _ => self.chunk(header, false)?,
                    }
                }
            };
        }
    }

    fn finish(&self) -> Result<(), FileProblem> {
        match self.at {
            At::End => Ok(()),
            _ => Err(FileProblem::Malformed("the picture ends too early")),
        }
    }
}

impl Png {
    fn chunk(&mut self, header: [u8; 8], first: bool) -> Result<At, FileProblem> {
        let [a, b, c, d, kind @ ..] = header;
        let length = u32::from_be_bytes([a, b, c, d]);
        if length > CHUNK_BYTES_MAX || !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(FileProblem::Malformed("a PNG chunk is damaged"));
        }
        if first != (kind == *b"IHDR") || (first && length != IHDR_BYTES) {
            return Err(FileProblem::Malformed("the PNG header is damaged"));
        }
        let last = kind == *b"IEND";
        if last && (length != 0 || !self.has_data) {
            return Err(FileProblem::Malformed("the PNG file holds no picture"));
        }
        self.has_data |= kind == *b"IDAT";
        Ok(At::Body {
            left: u64::from(length) + CRC_BYTES,
            last,
        })
    }
}
