//! Tokens that were verified a moment ago: a signature is checked once, the times of a token with every request.

use std::sync::Arc;

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

impl Sessions {
    /// Who calls, if the token is genuine and in force at `now`.
    pub(super) fn verify(&self, tokens: &dyn Tokens, token: &str, now: Time) -> Result<Arc<Verified>, BadToken> {
        // Before it was first verified it may not have been in force.
        let holds = |session: &Session| (session.since..session.verified.expires).contains(&now);
        if let Some(session) = self.known.get(token).filter(holds) {
            return Ok(session.verified);
        }
        let verified = Arc::new(tokens.verify(token, now)?);
        let session = Session {
            verified: verified.clone(),
            since: now,
        };
        self.known.insert(token.to_owned(), session);
        Ok(verified)
    }
}
