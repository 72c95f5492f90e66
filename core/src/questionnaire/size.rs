//! Measures JSON against a limit without building its text.

use std::io;

use serde::Serialize;
use serde_json::Value;

/// Whether objects and arrays nest deeper than `levels_max`; `{}` is one level, a scalar none.
///
/// The recursion ends at the limit, so a hostile depth cannot exhaust the stack.
pub(super) fn is_deeper(value: &Value, levels_max: usize) -> bool {
    match value {
        Value::Array(items) => are_deeper(items.iter(), levels_max),
        Value::Object(members) => are_deeper(members.values(), levels_max),
        _ => false,
    }
}

/// [`is_deeper`] for an object or array given by its members.
pub(super) fn are_deeper<'a>(mut members: impl Iterator<Item = &'a Value>, levels_max: usize) -> bool {
    match levels_max.checked_sub(1) {
        None => true,
        Some(levels_left) => members.any(|member| is_deeper(member, levels_left)),
    }
}

/// Whether the compact JSON text of `value` is longer than `bytes_max`.
///
/// The writing recurses: ask [`is_deeper`] first.
pub(super) fn is_larger(value: &impl Serialize, bytes_max: usize) -> bool {
    serde_json::to_writer(Allowance(bytes_max), value).is_err()
}

/// A writer that keeps nothing and fails once more bytes come than it allows.
struct Allowance(usize);

impl io::Write for Allowance {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.checked_sub(bytes.len()) {
            Some(left) => {
                self.0 = left;
                Ok(bytes.len())
            }
            None => Err(io::ErrorKind::FileTooLarge.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
