//! The clock and the randomness that Spin gives.

use std::time::{SystemTime, UNIX_EPOCH};

use kyc_core::time::Time;
use kyc_ports::clock::Clock;
use kyc_ports::entropy::{Entropy, NoEntropy};

/// The host's clock.
#[derive(Debug, Clone, Copy)]
pub struct SpinClock;

impl Clock for SpinClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The host's randomness.
#[derive(Debug, Clone, Copy)]
pub struct SpinEntropy;

impl Entropy for SpinEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        getrandom::fill(bytes).map_err(|_| NoEntropy)
    }
}
