//! JPEG: marker segments up to a scan, its entropy-coded data, perhaps more segments and scans
//! (progressive pictures), then the end marker (ITU T.81, annex B). What phones append behind the
//! end marker (depth maps, short films) is let through.

use super::FileProblem;
use super::walk::{Gather, Walk, skip};

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
/// Inside entropy-coded data a literal 0xff is followed by this.
const STUFFED: u8 = 0x00;

#[derive(Debug, Default)]
pub(super) struct Jpeg {
    at: At,
    length: Gather<2>,
    has_frame: bool,
    has_scan: bool,
}

#[derive(Debug, Default, Clone, Copy)]
enum At {
    #[default]
    Start,
    StartCode,
    /// The 0xff that begins a marker.
    Marker,
    /// The byte that names the marker; more 0xff before it are fill.
    Code,
    Length {
        scan: bool,
    },
    Segment {
        left: u64,
        scan: bool,
    },
    Entropy,
    EntropyCode,
    End,
}

impl Walk for Jpeg {
    fn push(&mut self, mut input: &[u8]) -> Result<(), FileProblem> {
        loop {
            self.at = match self.at {
                At::End => return Ok(()),
                At::Length { scan } => {
                    let Some(bytes) = self.length.take(&mut input) else {
                        return Ok(());
                    };
                    // The length counts its own two bytes.
                    let Some(left) = u16::from_be_bytes(bytes).checked_sub(2) else {
                        return Err(FileProblem::Malformed("a JPEG segment is damaged"));
                    };
                    let left = u64::from(left);
                    At::Segment { left, scan }
                }
                At::Segment { mut left, scan } => {
                    if !skip(&mut left, &mut input) {
                        self.at = At::Segment { left, scan };
                        return Ok(());
                    }
                    if scan { At::Entropy } else { At::Marker }
                }
                At::Entropy => {
                    let Some(mark) = input.iter().position(|byte| *byte == 0xff) else {
                        return Ok(());
                    };
                    input = input.get(mark + 1..).unwrap_or_default();
                    At::EntropyCode
                }
                one_byte => {
                    let Some((byte, rest)) = input.split_first() else {
                        return Ok(());
                    };
                    input = rest;
                    self.step(one_byte, *byte)?
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

impl Jpeg {
    /// The states that one byte decides.
    fn step(&mut self, at: At, byte: u8) -> Result<At, FileProblem> {
        match (at, byte) {
            (At::Start, 0xff) => Ok(At::StartCode),
            (At::StartCode, START) => Ok(At::Marker),
            (At::Marker | At::Code, 0xff) => Ok(At::Code),
            (At::EntropyCode, 0xff) => Ok(At::EntropyCode),
            (At::EntropyCode, STUFFED | 0xd0..=0xd7) => Ok(At::Entropy),
            (At::Code | At::EntropyCode, code) => self.marker(code),
            _ => Err(FileProblem::Malformed("a JPEG marker is missing")),
        }
    }

    fn marker(&mut self, code: u8) -> Result<At, FileProblem> {
        match code {
            END if self.has_scan => Ok(At::End),
            END => Err(FileProblem::Malformed("the JPEG file holds no picture")),
            SCAN if self.has_frame => {
                self.has_scan = true;
                Ok(At::Length { scan: true })
            }
            SCAN => Err(FileProblem::Malformed("the JPEG frame header is missing")),
            // Reserved codes, restarts and a second start have no place between segments.
            0x00..=0xbf | 0xd0..=START => Err(FileProblem::Malformed("a JPEG marker is damaged")),
            _ => {
                // 0xc4, 0xc8 and 0xcc sit among the frame headers but are tables.
                self.has_frame |= matches!(code, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf);
                Ok(At::Length { scan: false })
            }
        }
    }
}
