//! The canonical form of RFC 8785, over which hashes are taken.

use std::io;

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};

/// Whole numbers up to here are doubles without a loss, and written alike.
const WHOLE_MAX: u64 = 1 << 53;

/// The canonical form of RFC 8785, over which hashes are taken.
///
/// Numbers are doubles there: whole numbers beyond 2⁵³ are rounded, so two of them may share one
/// canonical form. Values that must stay distinct above it belong in strings.
#[must_use]
pub fn canonical<T: Serialize>(value: &T) -> Vec<u8> {
    if let Some(text) = as_it_comes(value) {
        return text;
    }
    // What is hashed holds no NaN and only string keys, so the first way always succeeds; the second
    // is there because a hash over something is better than a panic.
    serde_json_canonicalizer::to_vec(value).unwrap_or_else(|_| serde_json::to_vec(value).unwrap_or_default())
}

/// The compact form of a value that is canonical as it comes, which nearly all are: the library sorts and rewrites
/// every member, and took most of the time of an audit row.
pub(super) fn as_it_comes<T: Serialize>(value: &T) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(512);
    let mut writer = serde_json::Serializer::with_formatter(&mut out, AsItComes::default());
    value.serialize(&mut writer).ok()?;
    Some(out)
}

/// Writes compactly what is canonical by that: members in the order of their ASCII names, whole numbers up to 2⁵³.
/// Strings are escaped as RFC 8785 wants anyway. Fails on anything else, and on names longer and objects deeper than those
/// of nearly all values, so that it needs no memory beside what it writes.
#[derive(Default)]
struct AsItComes {
    /// The last name of each object that is open.
    names: [Name; DEPTH_MAX],
    /// How many are.
    depth: usize,
    /// The name that is being written.
    name: Name,
    is_in_name: bool,
}

/// Objects inside each other.
const DEPTH_MAX: usize = 8;
/// Bytes of a member's name.
const NAME_BYTES_MAX: usize = 48;

/// A member's name, behind which there are zero bytes: compared as texts without them are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    bytes: [u8; NAME_BYTES_MAX],
    length: usize,
}

impl Name {
    const EMPTY: Self = Self {
        bytes: [0; NAME_BYTES_MAX],
        length: 0,
    };

    /// Adds what fits.
    fn push(&mut self, text: &str) -> Option<()> {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Some(())
    }
}

impl Default for Name {
    fn default() -> Self {
        Self::EMPTY
    }
}

fn other() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

impl Formatter for AsItComes {
    fn write_i64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        if value.unsigned_abs() > WHOLE_MAX {
            return Err(other());
        }
        CompactFormatter.write_i64(writer, value)
    }

    fn write_u64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        if value > WHOLE_MAX {
            return Err(other());
        }
        CompactFormatter.write_u64(writer, value)
    }

    fn write_i128<W: io::Write + ?Sized>(&mut self, _writer: &mut W, _value: i128) -> io::Result<()> {
        Err(other())
    }

    fn write_u128<W: io::Write + ?Sized>(&mut self, _writer: &mut W, _value: u128) -> io::Result<()> {
        Err(other())
    }

    fn write_f32<W: io::Write + ?Sized>(&mut self, _writer: &mut W, _value: f32) -> io::Result<()> {
        Err(other())
    }

    fn write_f64<W: io::Write + ?Sized>(&mut self, _writer: &mut W, _value: f64) -> io::Result<()> {
        Err(other())
    }

    fn write_number_str<W: io::Write + ?Sized>(&mut self, _writer: &mut W, _value: &str) -> io::Result<()> {
        Err(other())
    }

    fn write_raw_fragment<W: io::Write + ?Sized>(&mut self, _writer: &mut W, _fragment: &str) -> io::Result<()> {
        Err(other())
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        *self.names.get_mut(self.depth).ok_or_else(other)? = Name::EMPTY;
        self.depth += 1;
        writer.write_all(b"{")
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"}")
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.is_in_name = true;
        self.name = Name::EMPTY;
        if first { Ok(()) } else { writer.write_all(b",") }
    }

    fn end_object_key<W: io::Write + ?Sized>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.is_in_name = false;
        let last = self.depth.checked_sub(1).and_then(|open| self.names.get_mut(open));
        let last = last.ok_or_else(other)?;
        // An empty name is never behind another, and goes the long way.
        if self.name <= *last {
            return Err(other());
        }
        *last = self.name;
        Ok(())
    }

    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if self.is_in_name {
            // The order of names is that of UTF-16, which is not always that of bytes.
            if !fragment.is_ascii() {
                return Err(other());
            }
            self.name.push(fragment).ok_or_else(other)?;
        }
        writer.write_all(fragment.as_bytes())
    }

    fn write_char_escape<W: io::Write + ?Sized>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        // A name's characters are compared, not their escapes.
        if self.is_in_name {
            return Err(other());
        }
        CompactFormatter.write_char_escape(writer, escape)
    }
}
