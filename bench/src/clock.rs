//! The clock that everything is measured with.

use std::sync::OnceLock;
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

/// Microseconds since this was first asked.
pub(crate) fn micros() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(now).elapsed().as_micros()).unwrap_or(u64::MAX)
}
