//! A lexical pass over JSON text for the faults that are lost once it is read: how deep it
//! nests, how numbers were written, and escapes that are half a character.
//!
//! It does not check the grammar. Whatever looks odd otherwise is left to the reader after it.

use std::num::IntErrorKind;

use super::JsonError;
use crate::limits::JSON_DEPTH_MAX;

/// Passes over the whole text once.
pub(super) fn scan(text: &str) -> Result<(), JsonError> {
    let mut scan = Scan { text, at: 0, depth: 0 };
    while let Some(byte) = scan.peek(0) {
        match byte {
            b'"' => scan.string()?,
            b'-' | b'0'..=b'9' => scan.number()?,
            b'[' | b'{' => scan.open()?,
            b']' | b'}' => {
                scan.depth = scan.depth.saturating_sub(1);
                scan.at += 1;
            }
            _ => scan.at += 1,
        }
    }
    Ok(())
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Scan<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn open(&mut self) -> Result<(), JsonError> {
        self.depth += 1;
        if self.depth > JSON_DEPTH_MAX {
            return Err(JsonError::TooDeep { offset: self.at });
        }
        self.at += 1;
        Ok(())
    }

    /// From the opening quote to behind the closing one.
    fn string(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'"' => {
                    self.at += 1;
                    break;
                }
                b'\\' if self.peek(1) == Some(b'u') => self.unicode_escape()?,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        Ok(())
    }

    fn unicode_escape(&mut self) -> Result<(), JsonError> {
        let lone = JsonError::Surrogate { offset: self.at };
        match self.escaped_unit(0) {
            Some(0xD800..=0xDBFF) => match self.escaped_unit(6) {
                Some(0xDC00..=0xDFFF) => self.at += 12,
                _ => return Err(lone),
            },
            Some(0xDC00..=0xDFFF) => return Err(lone),
            Some(_) => self.at += 6,
            None => self.at += 2,
        }
        Ok(())
    }

    /// The UTF-16 unit of a `\uXXXX` that starts `ahead` bytes from here.
    fn escaped_unit(&self, ahead: usize) -> Option<u16> {
        let start = self.at + ahead;
        let digits = self.text.get(start..start + 6)?.strip_prefix("\\u")?;
        // Asked first because the conversion would take a sign.
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        u16::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let offset = self.at;
        let rest = self.text.get(offset..).unwrap_or_default();
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
        let token = rest.split(|c| !is_part(c)).next().unwrap_or_default();
        // Never zero bytes: the caller saw a digit or a minus.
        self.at += token.len().max(1);
        if out_of_range(token) {
            return Err(JsonError::Number { offset });
        }
        Ok(())
    }
}

/// Malformed tokens are in range; the reader refuses them for what they are.
fn out_of_range(token: &str) -> bool {
    if token.contains(['.', 'e', 'E']) {
        return token.parse::<f64>().is_ok_and(f64::is_infinite);
    }
    token
        .parse::<i64>()
        .is_err_and(|error| matches!(error.kind(), IntErrorKind::PosOverflow | IntErrorKind::NegOverflow))
}
