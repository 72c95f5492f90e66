//! How many changes may be under way at once: whoever comes when there are as many is refused before anything is done
//! for them, so that being asked for more than the store takes costs little.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kyc_core::limits::CHANGES_UNDER_WAY_MAX;
use kyc_core::rejection::Rejection;

/// What may be under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Admission(Arc<AtomicUsize>);

/// A place among what is under way; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Admission {
    /// A place, if there is one.
    pub(super) fn place(&self) -> Result<Place, Rejection> {
        let taken = Place(self.0.clone());
        if self.0.fetch_add(1, Ordering::Relaxed) < CHANGES_UNDER_WAY_MAX {
            Ok(taken)
        } else {
            Err(Rejection::TooFrequent { retry_after_seconds: 1 })
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let admission = Admission::default();
        let mut places: Vec<Place> = (0..CHANGES_UNDER_WAY_MAX)
            .map(|_| admission.place().expect("a place"))
            .collect();
        for _ in 0..3 {
            let refused = admission.place().expect_err("none is left");
            assert_eq!(refused, Rejection::TooFrequent { retry_after_seconds: 1 });
        }
        places.pop();
        let last = admission.place();
        assert!(last.is_ok(), "one has come back");
        assert!(admission.place().is_err(), "and is taken");
    }
}
