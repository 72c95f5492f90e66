//! Rates: token buckets for whoever sends webhooks, bounded in number.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kyc_core::time::Time;

/// Buckets kept; full ones say nothing and go first.
const BUCKETS_MAX: usize = 10_000;
const MICROS_PER_SECOND: i128 = 1_000_000;

/// What somebody may take: so many a second for long, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// For long, a second.
    pub per_second: i64,
    /// At once.
    pub burst: i64,
}

/// Buckets by name.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    buckets: Mutex<HashMap<String, Bucket>>,
}

/// What is left, in millionths, as of a time.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: i128,
    as_of: Time,
    full: i128,
    per_second: i64,
}

impl Bucket {
    fn refill(&mut self, now: Time) {
        // A clock that jumps back gives nothing, and takes nothing.
        let passed = i128::from(now.0.saturating_sub(self.as_of.0).max(0));
        self.left = (self.left + passed * i128::from(self.per_second)).min(self.full);
        self.as_of = now;
    }
}

impl Limiter {
    /// Takes so many of what the name may have; otherwise the seconds after which they will be there.
    pub(super) fn take(&self, name: &str, count: i64, rate: Rate, now: Time) -> Result<(), u32> {
        let full = i128::from(rate.burst.max(1)) * MICROS_PER_SECOND;
        let wanted = i128::from(count) * MICROS_PER_SECOND;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(name) {
            make_room(&mut buckets, now);
        }
        let fresh = Bucket {
            left: full,
            as_of: now,
            full,
            per_second: rate.per_second,
        };
        let bucket = buckets.entry(name.to_owned()).or_insert(fresh);
        // The rate may have been set anew.
        (bucket.full, bucket.per_second) = (full, rate.per_second);
        bucket.refill(now);
        if bucket.left >= wanted {
            bucket.left -= wanted;
            return Ok(());
        }
        let missing = (wanted.min(full) - bucket.left).max(1);
        let a_second = i128::from(rate.per_second.max(1)) * MICROS_PER_SECOND;
        Err(u32::try_from((missing + a_second - 1) / a_second).unwrap_or(u32::MAX))
    }
}

/// Forgets full buckets; where all are in use, one of them.
fn make_room(buckets: &mut HashMap<String, Bucket>, now: Time) {
    buckets.retain(|_, bucket| {
        bucket.refill(now);
        bucket.left < bucket.full
    });
    if buckets.len() >= BUCKETS_MAX
        && let Some(name) = buckets.keys().next().cloned()
    {
        buckets.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 2,
        burst: 3,
    };
    const START: Time = Time::from_seconds(1_000);

    #[test]
    fn a_burst_goes_at_once_and_then_the_rate() {
        let limiter = Limiter::default();
        let take = |micros: i64| limiter.take("a", 1, RATE, Time(START.0 + micros));
        assert_eq!([take(0), take(0), take(0)], [Ok(()); 3]);
        assert_eq!(take(0), Err(1));
        assert_eq!(take(499_999), Err(1));
        assert_eq!(take(500_000), Ok(()));
        assert_eq!(take(500_000), Err(1));
        assert_eq!(limiter.take("b", 1, RATE, START), Ok(()), "others have their own");
        assert_eq!(take(-3_600_000_000), Err(1), "a clock that jumps back gives nothing");
    }

    #[test]
    fn a_rate_that_is_set_anew_holds_at_once() {
        let limiter = Limiter::default();
        assert_eq!(limiter.take("a", 3, RATE, START), Ok(()));
        let more = Rate {
            per_second: 1_000,
            burst: 10,
        };
        assert_eq!(limiter.take("a", 1, more, START.plus_seconds(1)), Ok(()));
    }

    #[test]
    fn memory_is_bounded() {
        let limiter = Limiter::default();
        for number in 0..BUCKETS_MAX * 2 {
            assert_eq!(limiter.take(&number.to_string(), 1, RATE, START), Ok(()));
        }
        assert!(limiter.buckets.lock().unwrap().len() <= BUCKETS_MAX);
    }
}
