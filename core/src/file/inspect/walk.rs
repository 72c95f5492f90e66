//! What the five structure walkers share: their face, and the two ways in which each of them
//! consumes bytes that may arrive one at a time.

use super::FileProblem;

/// Follows the structure of one file type. `push` is not called again after it has failed.
pub(super) trait Walk: std::fmt::Debug + Send + Sync {
    fn push(&mut self, input: &[u8]) -> Result<(), FileProblem>;
    fn finish(&self) -> Result<(), FileProblem>;
}

/// Gathers headers of `N` bytes, one after the other.
#[derive(Debug)]
pub(super) struct Gather<const N: usize> {
    bytes: [u8; N],
    filled: usize,
}

impl<const N: usize> Default for Gather<N> {
    fn default() -> Self {
        Self {
            bytes: [0; N],
            filled: 0,
        }
    }
}

impl<const N: usize> Gather<N> {
    /// Moves bytes from `input` into the header; the header once it is whole, after which the
    /// next one begins.
    pub(super) fn take(&mut self, input: &mut &[u8]) -> Option<[u8; N]> {
        while let Some(slot) = self.bytes.get_mut(self.filled) {
            let (first, rest) = input.split_first()?;
            *slot = *first;
            self.filled += 1;
            *input = rest;
        }
        self.filled = 0;
        Some(self.bytes)
    }

    /// Nothing of the next header has been seen.
    pub(super) fn is_empty(&self) -> bool {
        self.filled == 0
    }
}

/// Passes over up to `left` bytes of `input`, lowering `left`; true when none are left to pass.
pub(super) fn skip(left: &mut u64, input: &mut &[u8]) -> bool {
    let step = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
    *input = input.get(step..).unwrap_or_default();
    *left = left.saturating_sub(u64::try_from(step).unwrap_or(u64::MAX));
    *left == 0
}
