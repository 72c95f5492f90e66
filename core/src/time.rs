//! Points in time as values: nothing in the core reads a clock.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::TIME_SECONDS_MAX;

const MICROS_PER_SECOND: i64 = 1_000_000;
/// Seconds of a day, as `valid_days` and `warn_days` count them.
pub const DAY_SECONDS: i64 = 86_400;

/// A point in time: microseconds since 1970-01-01T00:00:00Z, as rows and audit data store it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// The time of a number of Unix seconds.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Whole Unix seconds, rounded down: the form of the manager and customer API.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// This time moved by a number of seconds, which may be negative.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(MICROS_PER_SECOND)))
    }
}

/// Unix seconds as they stand on the wire: 0 up to the end of the year 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("minimum" = 0, "maximum" = TIME_SECONDS_MAX))]
pub struct Seconds(pub i64);

impl From<Time> for Seconds {
    fn from(time: Time) -> Self {
        Self(time.seconds())
    }
}

impl From<Seconds> for Time {
    fn from(seconds: Seconds) -> Self {
        Self::from_seconds(seconds.0)
    }
}
