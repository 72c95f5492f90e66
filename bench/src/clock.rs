//! The clock that everything is measured with.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Now, for durations.
#[expect(clippy::disallowed_methods, reason = "this is what measures")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Now, in Unix seconds.
#[expect(clippy::disallowed_methods, reason = "tokens and signatures need the time")]
pub(crate) fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
