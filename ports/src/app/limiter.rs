//! Rates: token buckets for whoever sends webhooks and is looked up, bounded in number.

use std::collections::HashMap;
use std::mem::take;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use kyc_core::time::Time;

/// Buckets of one generation; two are kept.
const GENERATION_MAX: usize = 5_000;
const MICROS_PER_SECOND: i128 = 1_000_000;

/// What somebody may take: so many a second for long, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// For long, a second.
    pub per_second: i64,
    /// At once.
    pub burst: i64,
}

/// Rates of those whom anybody can be, apart from the rates of those whom we know: a flood of the first must not make
/// us forget the second.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// By address, before anything is known of a sender.
    pub(super) sources: Limiter,
    /// By tenant.
    pub(super) tenants: Limiter,
}

/// Buckets by name.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    buckets: Mutex<Generations>,
}

/// The buckets that were used lately, and those that were used before that. When there are enough of the first, the
/// second are forgotten, all at once: nobody looks for one to forget.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<String, Bucket>,
    old: HashMap<String, Bucket>,
}

impl Generations {
    /// The bucket of a name, the one given if it has none.
    fn bucket(&mut self, name: &str, fresh: Bucket) -> &mut Bucket {
        let known = if self.young.contains_key(name) {
            fresh
        } else {
            let known = self.old.remove(name).unwrap_or(fresh);
            if self.young.len() >= GENERATION_MAX {
                self.old = take(&mut self.young);
            }
            known
        };
        self.young.entry(name.to_owned()).or_insert(known)
    }
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
        let fresh = Bucket {
            left: full,
            as_of: now,
            full,
            per_second: rate.per_second,
        };
        let bucket = buckets.bucket(name, fresh);
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

/// Under which name an address is limited: who has one address of IPv6 has all of its network of 64 bits.
pub(super) fn source_name(source: &str) -> String {
    match source.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => source.to_owned(),
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
    fn memory_is_bounded_and_who_takes_now_and_then_is_remembered() {
        let limiter = Limiter::default();
        let once = Rate {
            per_second: 1,
            burst: 1,
        };
        assert_eq!(limiter.take("busy", 1, once, START), Ok(()));
        for number in 0..GENERATION_MAX * 5 {
            assert_eq!(limiter.take(&number.to_string(), 1, once, START), Ok(()));
            if number % (GENERATION_MAX / 2) == 0 {
                assert_eq!(limiter.take("busy", 1, once, START), Err(1), "{number}");
            }
        }
        let buckets = limiter.buckets.lock().unwrap();
        assert!(buckets.young.len() <= GENERATION_MAX && buckets.old.len() <= GENERATION_MAX);
    }

    #[test]
    fn a_network_of_addresses_is_one_source() {
        for (source, name) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::", "2001:db8:1:3::/64"),
            ("somewhere", "somewhere"),
        ] {
            assert_eq!(source_name(source), name);
        }
    }
}
