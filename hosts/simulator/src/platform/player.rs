//! What a platform knows of a player's verification.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ambient::rfc3339;

/// A player's status in the contract's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlayerStatus {
    /// Nothing has begun.
    None,
    /// A verdict is awaited.
    Pending,
    /// Verified at the player's level.
    Verified,
    /// Rejected.
    Rejected,
    /// The verification has ended.
    Expired,
}

impl PlayerStatus {
    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pending => "pending",
            Self::Verified => "verified",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

impl FromStr for PlayerStatus {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::None, Self::Pending, Self::Verified, Self::Rejected, Self::Expired]
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or("must be none, pending, verified, rejected or expired")
    }
}

/// Where a player stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Player {
    /// The status.
    pub status: PlayerStatus,
    /// The level, 0 to 10.
    pub level: u8,
    /// When it last changed, in Unix seconds.
    pub last_updated: i64,
}

impl Player {
    /// The answer to a lookup.
    pub(crate) fn to_json(self) -> Value {
        json!({ "status": self.status, "level": self.level, "last_updated": rfc3339(self.last_updated) })
    }

    /// Whether starting a verification at a level would only take away what the player has.
    pub(crate) fn is_verified_at(self, level: u8) -> bool {
        self.status == PlayerStatus::Verified && self.level >= level
    }
}
