//! A clock that stands still until it is moved, so that tests jump where others would sleep.

use std::sync::atomic::{AtomicI64, Ordering};

use kyc_core::time::Time;
use kyc_ports::clock::Clock;

/// A clock that is set by hand.
#[derive(Debug)]
pub struct ManualClock {
    micros: AtomicI64,
}

impl ManualClock {
    /// A clock that shows this time.
    pub const fn new(now: Time) -> Self {
        Self {
            micros: AtomicI64::new(now.0),
        }
    }

    /// Shows this time from now on; it may lie in the past.
    pub fn set(&self, now: Time) {
        self.micros.store(now.0, Ordering::SeqCst);
    }

    /// Moves by so many seconds, which may be negative.
    pub fn advance_seconds(&self, seconds: i64) {
        self.advance_micros(Time::from_seconds(seconds).0);
    }

    /// Moves by so many microseconds, which may be negative.
    pub fn advance_micros(&self, micros: i64) {
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time(self.micros.load(Ordering::SeqCst))
    }
}
