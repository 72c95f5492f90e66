//! When a webhook that failed is sent again.

use std::time::{Duration, UNIX_EPOCH};

use crate::client::{Answer, SendError};

/// How often and how soon to try again after 429, 5xx or no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySchedule {
    /// The wait before each further attempt; there is one attempt more than there are waits.
    pub delays: Vec<Duration>,
    /// Longest wait that a `Retry-After` can ask for.
    pub retry_after_max: Duration,
}

impl Default for RetrySchedule {
    /// Five more attempts within about a minute, and at most a minute for `Retry-After`.
    fn default() -> Self {
        Self {
            delays: [1, 2, 5, 15, 30].map(Duration::from_secs).to_vec(),
            retry_after_max: Duration::from_mins(1),
        }
    }
}

impl RetrySchedule {
    /// One attempt only.
    pub const fn never() -> Self {
        Self {
            delays: Vec::new(),
            retry_after_max: Duration::ZERO,
        }
    }

    /// How long to wait before the next attempt, if there should be one after so many.
    pub(crate) fn wait_after(
        &self,
        attempts: usize,
        outcome: &Result<Answer, SendError>,
        now: i64,
    ) -> Option<Duration> {
        let asked = match outcome {
            Ok(answer) if answer.status == 429 || answer.status >= 500 => {
                answer.retry_after.as_deref().and_then(|header| asked_for(header, now))
            }
            Err(SendError::Unreachable(_)) => None,
            _ => return None,
        };
        let own = *self.delays.get(attempts.checked_sub(1)?)?;
        Some(asked.map_or(own, |asked| own.max(asked.min(self.retry_after_max))))
    }
}

/// What a `Retry-After` header asks for: a number of seconds, or an HTTP date.
fn asked_for(header: &str, now: i64) -> Option<Duration> {
    if let Ok(seconds) = header.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(header.trim()).ok()?;
    let date = date.duration_since(UNIX_EPOCH).ok()?;
    let now = Duration::from_secs(u64::try_from(now).unwrap_or_default());
    Some(date.saturating_sub(now))
}
