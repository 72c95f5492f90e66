//! When a call that failed is tried again, and when it is given up.

use std::time::UNIX_EPOCH;

use crate::limits::CALL_AGE_SECONDS_MAX;
use crate::outbound::QueuedCall;
use crate::time::Time;

/// Pauses after the first, second, … try, in seconds, before jitter.
const PAUSES_SECONDS: [i64; 7] = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];

/// When a call is tried again that has now failed for the `attempts`th time; `None` when it is given up. `jitter` is a
/// random number that moves the pause by up to 20 % either way; the platform's own wish counts when it is later.
pub fn next_try(attempts: i64, jitter: u16, retry_after_seconds: Option<i64>, now: Time) -> Option<Time> {
    let place = usize::try_from(attempts.checked_sub(1)?).ok()?;
    let pause = *PAUSES_SECONDS.get(place)?;
    let pause_micros = pause * 1_000_000;
    let span = pause_micros * 2 / 5;
    let moved = pause_micros - span / 2 + span * i64::from(jitter) / i64::from(u16::MAX);
    let asked = retry_after_seconds.map_or(now, |seconds| now.plus_seconds(seconds));
    Some(Time(now.0.saturating_add(moved)).max(asked))
}

/// Whether nobody took the call for so long that it is given up.
pub fn is_overdue(call: &QueuedCall, now: Time) -> bool {
    call.queued_time <= overdue_before(now)
}

/// Calls queued up to then are given up now.
pub const fn overdue_before(now: Time) -> Time {
    now.plus_seconds(-CALL_AGE_SECONDS_MAX)
}

/// The time of an HTTP date.
pub(super) fn http_date(text: &str) -> Option<Time> {
    let since = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Time::from_seconds(i64::try_from(since.as_secs()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_seconds(1_770_000_000);

    #[test]
    fn pauses_grow_and_end() {
        for (attempts, pause) in (1..).zip(PAUSES_SECONDS) {
            let next = |jitter| next_try(attempts, jitter, None, NOW).unwrap().0 - NOW.0;
            assert_eq!(next(0), pause * 800_000, "{attempts}");
            assert_eq!(next(u16::MAX), pause * 1_200_000, "{attempts}");
        }
        assert_eq!(next_try(8, 0, None, NOW), None);
        assert_eq!(next_try(0, 0, None, NOW), None);
    }

    #[test]
    fn the_later_of_schedule_and_wish_counts() {
        assert_eq!(next_try(1, 0, Some(60), NOW), Some(NOW.plus_seconds(60)));
        assert_eq!(next_try(2, 0, Some(60), NOW), Some(NOW.plus_seconds(240)));
    }
}
