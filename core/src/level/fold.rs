//! The fold itself.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::level::LevelEntry;
use crate::status::{Flag, KycStatus, LevelEvent};
use crate::time::Time;

/// A running verification of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verification {
    /// Since when.
    pub since: Time,
    /// Until when, if it ends by itself.
    pub until: Option<Time>,
    /// The number of the entry that approved it.
    pub approval: i64,
}

/// Where one level stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Its state.
    pub status: KycStatus,
    /// Its verification, which may outlive the state.
    pub verification: Option<Verification>,
}

/// A verification that ended by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiry {
    /// When.
    pub at: Time,
    /// Of which level.
    pub level: i64,
    /// The number of the entry that had approved it.
    pub approval: i64,
}

/// What a log amounts to at a point in time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fold {
    /// The levels that something has happened to.
    pub levels: BTreeMap<i64, Level>,
    /// `kyc_status`: the state after the last effective event among the levels from `kyc_level` up.
    pub status: Option<KycStatus>,
    /// `kyc_level`: the highest level with a running verification, 0 if none.
    pub level: i64,
    /// `kyc_expires_at`: the end of that verification.
    pub expires_at: Option<Time>,
    /// `kyc_last_event_at`: the greatest accepted `ts`.
    pub last_event_at: Option<Time>,
    /// Numbers of the entries that took effect.
    pub effective: BTreeSet<i64>,
    /// Verifications that ended by the clock, in order.
    pub expiries: Vec<Expiry>,
    /// When the next running verification ends.
    pub next_end: Option<Time>,
}

/// Folds the accepted entries, in whatever order they are given, as of `now`.
pub fn fold(entries: &[LevelEntry], now: Time) -> Fold {
    let mut in_order: Vec<&LevelEntry> = entries.iter().filter(|entry| entry.accepted == Flag::Yes).collect();
    in_order.sort_by(|one, other| order(one, other));
    let mut fold = Fold::default();
    // The level of each effective event, in order; the last one from `kyc_level` up tells the status.
    let mut touched = Vec::new();
    for entry in in_order {
        expire(&mut fold, &mut touched, entry.ts);
        fold.last_event_at = fold.last_event_at.max(Some(entry.ts));
        let level = fold.levels.get(&entry.level).copied().unwrap_or(Level::UNTOUCHED);
        if let Some(next) = level.after(entry) {
            fold.levels.insert(entry.level, next);
            fold.effective.insert(entry.number);
            touched.push(entry.level);
        }
        // What is over when it is given ends at once, also where the sender's clock is ahead of ours.
        expire(&mut fold, &mut touched, entry.ts);
    }
    expire(&mut fold, &mut touched, now);
    let running = || {
        let levels = fold.levels.iter();
        levels.filter_map(|(level, state)| state.verification.map(|verification| (*level, verification)))
    };
    let highest = running().next_back();
    fold.next_end = running().filter_map(|(_, verification)| verification.until).min();
    fold.level = highest.map_or(0, |(level, _)| level);
    fold.expires_at = highest.and_then(|(_, verification)| verification.until);
    let last = touched.into_iter().rfind(|level| *level >= fold.level);
    fold.status = last.and_then(|level| fold.levels.get(&level)).map(|level| level.status);
    fold
}

/// Fold order: by instant, then by what happened, then webhooks before what happened here, then by id.
fn order(one: &LevelEntry, other: &LevelEntry) -> Ordering {
    let place = |entry: &LevelEntry| (entry.ts, rank(entry.event), entry.event_id.is_none());
    let ids = || match (&one.event_id, &other.event_id) {
        (Some(own), Some(others)) => own.as_bytes().cmp(others.as_bytes()),
        _ => one.number.cmp(&other.number),
    };
    // One id may come from two slugs, when a brand's tenant was made anew.
    let slugs = || one.slug.cmp(&other.slug);
    place(one).cmp(&place(other)).then_with(ids).then_with(slugs)
}

const fn rank(event: LevelEvent) -> u8 {
    match event {
        LevelEvent::Submitted | LevelEvent::LevelUpgraded => 0,
        LevelEvent::Approved => 1,
        LevelEvent::Rejected => 2,
        LevelEvent::Expired => 3,
    }
}

/// Ends the verifications that are over by a time: the earliest first, then the lower level.
fn expire(fold: &mut Fold, touched: &mut Vec<i64>, by: Time) {
    let ends = |(level, state): (&i64, &Level)| {
        let verification = state.verification?;
        let at = verification.until.filter(|until| *until <= by)?;
        Some(Expiry {
            at,
            level: *level,
            approval: verification.approval,
        })
    };
    let mut over: Vec<Expiry> = fold.levels.iter().filter_map(ends).collect();
    over.sort_unstable();
    for expiry in over {
        if let Some(level) = fold.levels.get_mut(&expiry.level) {
            *level = level.lapsed();
            touched.push(expiry.level);
            fold.expiries.push(expiry);
        }
    }
}

impl Level {
    const UNTOUCHED: Self = Self {
        status: KycStatus::None,
        verification: None,
    };

    /// The level after an entry; `None` when the entry has no effect.
    fn after(self, entry: &LevelEntry) -> Option<Self> {
        // A verdict that was taken here stands, whatever the level's state.
        let is_local = entry.event_id.is_none();
        let is_open = matches!(self.status, KycStatus::Pending | KycStatus::Verified);
        match entry.event {
            LevelEvent::Submitted | LevelEvent::LevelUpgraded => Some(Self {
                status: KycStatus::Pending,
                ..self
            }),
            LevelEvent::Approved if is_open || is_local => {
                let verified = Self {
                    status: KycStatus::Verified,
                    verification: Some(Verification {
                        since: entry.ts,
                        until: entry.expires_at,
                        approval: entry.number,
                    }),
                };
                Some(verified)
            }
            LevelEvent::Rejected if is_open || is_local => Some(Self {
                status: KycStatus::Rejected,
                verification: None,
            }),
            LevelEvent::Expired
                if is_local
                    || self.status == KycStatus::Verified
                    || (self.status == KycStatus::Pending && self.verification.is_some()) =>
            {
                Some(self.lapsed())
            }
            LevelEvent::Approved | LevelEvent::Rejected | LevelEvent::Expired => None,
        }
    }

    /// The level when its verification has ended.
    const fn lapsed(self) -> Self {
        let status = match self.status {
            KycStatus::Pending => KycStatus::Pending,
            _ => KycStatus::Expired,
        };
        Self {
            status,
            verification: None,
        }
    }
}
