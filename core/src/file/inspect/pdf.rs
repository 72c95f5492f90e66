//! PDF: the header at the very first byte, and the end-of-file mark near the end, where readers
//! look for it (ISO 32000-1, 7.5.2 and 7.5.5, with the usual 1024 bytes of patience).

use super::FileProblem;
use super::walk::{Gather, Walk};

const HEADER: [u8; 5] = *b"%PDF-";
const END_MARK: &[u8] = b"%%EOF";
const TAIL_BYTES: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Pdf {
    header: Gather<5>,
    header_seen: bool,
    /// The last bytes so far: all that matter, and at most as many again, so that bytes coming
    /// singly do not each move the whole tail.
    tail: Vec<u8>,
}

impl Walk for Pdf {
    fn push(&mut self, mut input: &[u8]) -> Result<(), FileProblem> {
        if !self.header_seen {
            match self.header.take(&mut input) {
                None => return Ok(()),
                // Elsewhere in the file it would do for some readers, and for files that are
                // a page of HTML to others.
                Some(header) if header != HEADER => return Err(FileProblem::Signature),
                Some(_) => self.header_seen = true,
            }
        }
        self.tail.extend_from_slice(last(input));
        if self.tail.len() > 2 * TAIL_BYTES {
            self.tail.drain(..self.tail.len() - TAIL_BYTES);
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), FileProblem> {
        let mut windows = last(&self.tail).windows(END_MARK.len());
        if windows.any(|window| window == END_MARK) {
            Ok(())
        } else {
            Err(FileProblem::Malformed("the end of the document is missing"))
        }
    }
}

fn last(bytes: &[u8]) -> &[u8] {
    let start = bytes.len().saturating_sub(TAIL_BYTES);
    bytes.get(start..).unwrap_or_default()
}
