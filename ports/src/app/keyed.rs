//! Idempotency keys: a committed success is kept for a day and given again.

use kyc_core::actor::Actor;
use kyc_core::commit::KeptReply;
use kyc_core::json::{Json, canonical, to_ascii};
use kyc_core::limits::IDEMPOTENCY_KEY_CHARS_MAX;
use kyc_core::record::Hash;
use kyc_core::rejection::Rejection;
use kyc_core::tenant::SECRET_MEMBERS;
use kyc_core::time::Time;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::app::{App, Request, refused};

/// A request that carries a key.
#[derive(Debug)]
pub(super) struct Keyed {
    subject: String,
    command: &'static str,
    key: String,
    request_hash: Hash,
}

/// Refuses a key of the wrong length.
pub fn check_key(key: &str) -> Result<(), Rejection> {
    if (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.chars().count()) {
        Ok(())
    } else {
        Err(Rejection::invalid(
            "idempotency_key",
            "too_long",
            "must have 1 to 128 characters",
        ))
    }
}

impl Keyed {
    /// The key of a request that may change something, if it carries one.
    pub(super) fn of(request: &Request, actor: &Actor) -> Result<Option<Self>, Rejection> {
        let Some(key) = request.idempotency_key.clone().filter(|_| request.command.changes) else {
            return Ok(None);
        };
        check_key(&key)?;
        // Customers of different brands may have the same subject; what one was told is not for the other.
        let owner = actor.customer.as_ref();
        let owner = owner
            .map(|customer| format!(":{}:{}", customer.brand, customer.customer_id))
            .unwrap_or_default();
        Ok(Some(Self {
            subject: format!("{}{owner}:{}", actor.session.number(), actor.subject),
            command: request.command.name,
            key,
            request_hash: Hash(
                Sha256::digest(canonical(&Value::Object(
                    request.command.meaningful(request.data.clone()),
                )))
                .into(),
            ),
        }))
    }

    /// The reply to keep.
    pub(super) fn kept(&self, reply: &str, now: Time) -> KeptReply {
        KeptReply {
            subject: self.subject.clone(),
            command: self.command.to_owned(),
            key: self.key.clone(),
            request_hash: self.request_hash,
            body: Json::from(without_secrets(reply)),
            created_time: now,
        }
    }
}

/// A secret is shown once: whoever asks again gets the rest of the reply.
fn without_secrets(reply: &str) -> Value {
    // It was rendered a moment ago.
    let mut body: Value = serde_json::from_str(reply).unwrap_or_default();
    for member in SECRET_MEMBERS {
        if let Some(secret) = body.get_mut(member) {
            *secret = "".into();
        }
    }
    body
}

impl App {
    /// An answer; in place of a refusal the reply that another process has meanwhile given to the same request.
    pub(super) async fn unless_given(
        &self,
        keyed: Option<&Keyed>,
        answer: Result<String, Rejection>,
    ) -> Result<String, Rejection> {
        match answer {
            Ok(reply) => Ok(reply),
            Err(rejection) => match self.given_before(keyed).await {
                Ok(Some(reply)) => Ok(reply),
                Ok(None) | Err(_) => Err(rejection),
            },
        }
    }

    /// The reply given before under this key.
    pub(super) async fn given_before(&self, keyed: Option<&Keyed>) -> Result<Option<String>, Rejection> {
        let Some(keyed) = keyed else { return Ok(None) };
        let store = &self.ports.store;
        let Some(kept) = store
            .kept_reply(&keyed.subject, keyed.command, &keyed.key)
            .await
            .map_err(refused)?
        else {
            return Ok(None);
        };
        if kept.request_hash == keyed.request_hash {
            Ok(Some(to_ascii(&kept.body)))
        } else {
            Err(Rejection::Duplicate(
                "this idempotency key was used for another request".to_owned(),
            ))
        }
    }
}
