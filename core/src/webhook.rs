//! Webhooks of the tenant contract: what a platform says about a player, read, and what it changes.

mod conflict;
mod read;
mod receive;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use crate::id::{Brand, CustomerId, CustomerKey};
use crate::limits::EXTERNAL_NUMBER_MAX;
use crate::problem::Problem;
use crate::rejection::Rejection;

pub use conflict::RecordConflict;
pub use read::Webhook;
pub use receive::{Receive, ReceivedReply};

/// Why a webhook is refused. None of these claims its `event_id`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The body is too large.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// There is no such tenant, or no such player and none may be made.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Too many have come from the same address or tenant, or about one player.
    #[error("too many webhooks; try again in {retry_after_seconds} s")]
    RateLimited {
        /// When to try again.
        retry_after_seconds: u32,
    },
    /// It is not signed, or not in time.
    #[error("the signature or timestamp does not hold")]
    NotSigned,
    /// The tenant's model takes no webhooks.
    #[error("webhooks are not taken under the model `{0}`")]
    WrongModel(&'static str),
    /// The body is not what the contract says; every wrong member is named.
    #[error("the body does not hold")]
    Invalid(Vec<Problem>),
    /// Another body came under this `event_id` before.
    #[error("another body came under this `event_id` before")]
    Conflict,
    /// Not `POST`.
    #[error("this route takes POST")]
    MethodNotAllowed,
    /// The store cannot take it now. Sent again it counts once, whatever became of it.
    #[error("the webhook cannot be taken now; send it again")]
    Unavailable,
}

impl WebhookError {
    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::TooLarge(_) => 413,
            Self::NotFound(_) => 404,
            Self::RateLimited { .. } => 429,
            Self::NotSigned => 401,
            Self::WrongModel(_) => 403,
            Self::Invalid(_) => 422,
            Self::Conflict => 409,
            Self::MethodNotAllowed => 405,
            Self::Unavailable => 503,
        }
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "PAYLOAD_TOO_LARGE",
            Self::NotFound(_) => "NOT_FOUND",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::NotSigned | Self::WrongModel(_) => "FORBIDDEN",
            Self::Invalid(_) => "VALIDATION_ERROR",
            Self::Conflict => "CONFLICT",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::Unavailable => "UNAVAILABLE",
        }
    }

    /// When the sender may try again, in seconds.
    pub const fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::RateLimited { retry_after_seconds } => Some(*retry_after_seconds),
            Self::Unavailable => Some(1),
            _ => None,
        }
    }

    /// `{"error":{"code","message","details"?}}`.
    pub fn body(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".to_owned(), self.code().into());
        error.insert("message".to_owned(), self.to_string().into());
        if let Self::Invalid(problems) = self {
            error.insert("details".to_owned(), json!(problems));
        }
        json!({ "error": error })
    }
}

impl From<Rejection> for WebhookError {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::TooFrequent { retry_after_seconds } => Self::RateLimited { retry_after_seconds },
            _ => Self::Unavailable,
        }
    }
}

/// The customer that an external id makes when it is nobody's: the one of that number, if it is a small enough
/// decimal. Otherwise a number must be allocated.
pub fn customer_of(brand: &Brand, external_id: &str) -> Option<CustomerKey> {
    let number = CustomerId::of_external_id(external_id).filter(|number| number.0 <= EXTERNAL_NUMBER_MAX)?;
    Some(CustomerKey {
        brand: brand.clone(),
        customer_id: number,
    })
}
