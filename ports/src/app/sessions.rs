//! Tokens that were verified a moment ago: a signature is checked once, the times of a token with every request.

use std::sync::{Arc, Mutex, PoisonError};

use kyc_core::time::Time;

use crate::tokens::{BadToken, Tokens, Verified};

/// Tokens remembered.
const TOKENS_MAX: usize = 10_000;

/// A verified token.
#[derive(Debug, Clone)]
struct Session {
    verified: Arc<Verified>,
    since: Time,
}

/// Remembers verified tokens.
#[derive(Clone)]
pub(super) struct Sessions {
    known: Arc<quick_cache::sync::Cache<String, Session>>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            known: Arc::new(quick_cache::sync::Cache::new(TOKENS_MAX)),
        }
    }
}

impl Session {
    /// Before it was first verified it may not have been in force.
    fn holds(&self, now: Time) -> bool {
        (self.since..self.verified.expires).contains(&now)
    }
}

/// The token that a connection's last request carried. Connections seldom change theirs: what all of them share is left
/// alone by those that do not.
#[derive(Debug, Default)]
pub struct LastToken(Mutex<Option<(String, Session)>>);

impl Sessions {
    /// Who calls, if the token is genuine and in force at `now`.
    pub(super) fn verify(&self, tokens: &dyn Tokens, token: &str, now: Time) -> Result<Arc<Verified>, BadToken> {
        Ok(self.session(tokens, token, now)?.verified)
    }

    /// The same on a connection.
    pub(super) fn verify_again(
        &self,
        last: &LastToken,
        tokens: &dyn Tokens,
        token: &str,
        now: Time,
    ) -> Result<Arc<Verified>, BadToken> {
        let mut last = last.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, session)) = last
            .as_ref()
            .filter(|(known, session)| known == token && session.holds(now))
        {
            return Ok(session.verified.clone());
        }
        let Session { verified, since } = self.session(tokens, token, now)?;
        // One of its own: to count who holds it is to share it.
        let verified = Arc::new(Verified::clone(&verified));
        let session = Session {
            verified: verified.clone(),
            since,
        };
        *last = Some((token.to_owned(), session));
        Ok(verified)
    }

    fn session(&self, tokens: &dyn Tokens, token: &str, now: Time) -> Result<Session, BadToken> {
        if let Some(session) = self.known.get(token).filter(|session| session.holds(now)) {
            return Ok(session);
        }
        let session = Session {
            verified: Arc::new(tokens.verify(token, now)?),
            since: now,
        };
        self.known.insert(token.to_owned(), session.clone());
        Ok(session)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use kyc_core::actor::Actor;

    use super::*;

    /// Takes tokens that begin with `good`, which end at 100, and counts.
    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Tokens for Counted {
        fn verify(&self, token: &str, now: Time) -> Result<Verified, BadToken> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let expires = Time(100);
            if !token.starts_with("good") || now >= expires {
                return Err(BadToken("no"));
            }
            let subject = token.to_owned();
            let actor = Actor {
                subject,
                ..Actor::system()
            };
            Ok(Verified { actor, expires })
        }
    }

    /// Whom a connection's requests came from, and how many signatures were checked.
    fn asked(requests: &[(&str, i64)]) -> (Vec<String>, usize) {
        let (sessions, tokens, last) = (Sessions::default(), Counted::default(), LastToken::default());
        let callers = requests.iter().map(|(token, now)| {
            let verified = sessions.verify_again(&last, &tokens, token, Time(*now));
            verified.map_or_else(|bad| bad.0.to_owned(), |verified| verified.actor.subject.clone())
        });
        (callers.collect(), tokens.0.into_inner())
    }

    #[test]
    fn a_token_is_checked_once_also_when_others_come_between() {
        let (callers, checks) = asked(&[("good 1", 1), ("good 1", 2), ("good 2", 3), ("good 1", 4)]);
        assert_eq!(callers, ["good 1", "good 1", "good 2", "good 1"]);
        assert_eq!(checks, 2);
    }

    #[test]
    fn another_token_is_another_caller_and_a_bad_one_nobody() {
        let (callers, checks) = asked(&[("good", 1), ("goo", 2), ("good ", 3), ("bad", 4), ("good", 5)]);
        assert_eq!(callers, ["good", "no", "good ", "no", "good"]);
        assert_eq!(checks, 4);
    }

    #[test]
    fn a_token_ends_on_a_connection_that_stays_open() {
        let (callers, _) = asked(&[("good", 99), ("good", 100), ("good", 101)]);
        assert_eq!(callers, ["good", "no", "no"]);
    }

    #[test]
    fn a_clock_that_is_put_back_has_the_token_checked_again() {
        let (callers, checks) = asked(&[("good", 50), ("good", 10), ("good", 11)]);
        assert_eq!(callers, ["good", "good", "good"]);
        assert_eq!(checks, 2);
    }
}
