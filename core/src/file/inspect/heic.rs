//! HEIC: a row of boxes that fills the file exactly, `ftyp` first, with the description of the
//! picture (`meta`) and its data (`mdat`) among them (ISO 14496-12, 4.2; ISO 23008-12).

use super::FileProblem;
use super::walk::{Gather, Walk, skip};

const HEADER_BYTES: u64 = 8;
const LONG_HEADER_BYTES: u64 = 16;

#[derive(Debug, Default)]
pub(super) struct Heic {
    at: At,
    /// Size and type of a box, or the 64-bit size that follows them: both are 8 bytes.
    header: Gather<8>,
    has_type: bool,
    has_meta: bool,
    has_data: bool,
}

#[derive(Debug, Default)]
enum At {
    #[default]
    Box,
    LongSize,
    Body {
        left: u64,
    },
    /// Size 0: the box has no other end than the file's.
    ToTheEnd,
}

impl Walk for Heic {
    fn push(&mut self, mut input: &[u8]) -> Result<(), FileProblem> {
        loop {
            self.at = match &mut self.at {
                At::ToTheEnd => return Ok(()),
                At::Body { left } => {
                    if !skip(left, &mut input) {
                        return Ok(());
                    }
                    At::Box
                }
                header_of => {
                    let Some(header) = self.header.take(&mut input) else {
                        return Ok(());
                    };
                    match header_of {
                        At::LongSize => body(u64::from_be_bytes(header), LONG_HEADER_BYTES)?,
                        _ => self.open(header)?,
                    }
                }
            };
        }
    }

    fn finish(&self) -> Result<(), FileProblem> {
        let at_end = match self.at {
            At::Box => self.header.is_empty(),
            At::ToTheEnd => true,
            // A box is left as soon as its last byte is seen, so something is missing here.
            At::LongSize | At::Body { .. } => false,
        };
        if !at_end {
            return Err(FileProblem::Malformed("the picture ends too early"));
        }
        if !(self.has_meta && self.has_data) {
            return Err(FileProblem::Malformed("the HEIC file holds no picture"));
        }
        Ok(())
    }
}

impl Heic {
    fn open(&mut self, header: [u8; 8]) -> Result<At, FileProblem> {
        let [a, b, c, d, kind @ ..] = header;
        if !self.has_type && kind != *b"ftyp" {
            return Err(FileProblem::Signature);
        }
        self.has_type = true;
        self.has_meta |= kind == *b"meta";
        self.has_data |= kind == *b"mdat";
        match u32::from_be_bytes([a, b, c, d]) {
            0 => Ok(At::ToTheEnd),
            1 => Ok(At::LongSize),
            size => body(u64::from(size), HEADER_BYTES),
        }
    }
}

fn body(size: u64, header_bytes: u64) -> Result<At, FileProblem> {
    match size.checked_sub(header_bytes) {
        Some(left) => Ok(At::Body { left }),
        None => Err(FileProblem::Malformed("a HEIC box is damaged")),
    }
}
