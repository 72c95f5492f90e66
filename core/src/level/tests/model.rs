//! A second fold, written from the contract's words, slowly: each level by itself, then what happened laid side by side.

use std::collections::BTreeSet;

use crate::level::{Expiry, Fold, Level, LevelEntry, Verification};
use crate::limits::LEVEL_MAX;
use crate::status::{Flag, KycStatus, LevelEvent};
use crate::time::Time;

/// Something effective, after the place of its entry in fold order. An end by the clock has the place of the entry that
/// finds the verification over, and comes before it, by its end and then its level.
type Happening = (usize, What);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    End(Expiry),
    Entry { level: i64, number: i64 },
}

/// The accepted entries in fold order.
pub(super) fn in_order(log: &[LevelEntry]) -> Vec<LevelEntry> {
    let mut entries: Vec<LevelEntry> = log.to_vec();
    entries.retain(|entry| entry.accepted == Flag::Yes);
    entries.sort_by_key(|entry| {
        let turn = match entry.event {
            LevelEvent::Submitted | LevelEvent::LevelUpgraded => 1,
            LevelEvent::Approved => 2,
            LevelEvent::Rejected => 3,
            LevelEvent::Expired => 4,
        };
        match &entry.event_id {
            Some(id) => (entry.ts, turn, "1 webhook", id.clone().into_bytes(), 0),
            None => (entry.ts, turn, "2 local", vec![], entry.number),
        }
    });
    entries
}

/// What the contract says of a log.
pub(super) fn expected(log: &[LevelEntry], now: Time) -> Fold {
    let entries = in_order(log);
    let last_event_at = entries.iter().map(|entry| entry.ts).max();
    // The last moment at which anything looks for verifications that are over.
    let last_look = last_event_at.max(Some(now)).unwrap();
    let mut fold = Fold {
        last_event_at,
        ..Fold::default()
    };
    let mut happenings = BTreeSet::new();
    for level in 0..=LEVEL_MAX {
        let state = play(&entries, level, last_look, &mut happenings);
        if state.status != KycStatus::None {
            fold.levels.insert(level, state);
        }
    }
    for (_, what) in &happenings {
        match what {
            What::End(expiry) => fold.expiries.push(*expiry),
            What::Entry { number, .. } => assert!(fold.effective.insert(*number), "{number} twice"),
        }
    }
    for (level, state) in &fold.levels {
        if let Some(verification) = state.verification {
            // Levels come in order, so the highest is the last.
            fold.level = *level;
            fold.expires_at = verification.until;
            let ends = [fold.next_end, verification.until];
            fold.next_end = ends.into_iter().flatten().min();
        }
    }
    for (_, what) in happenings {
        let (What::End(Expiry { level, .. }) | What::Entry { level, .. }) = what;
        if level >= fold.level {
            fold.status = Some(fold.levels[&level].status);
        }
    }
    fold
}

/// What becomes of one level; tells what happened to it.
fn play(entries: &[LevelEntry], level: i64, last_look: Time, happenings: &mut BTreeSet<Happening>) -> Level {
    let mut status = KycStatus::None;
    let mut verification: Option<(usize, Verification)> = None;
    let mut look = |status: &mut KycStatus, verification: &mut Option<(usize, Verification)>, at: Time| {
        let Some((approved, running)) = *verification else {
            return;
        };
        let Some(end) = running.until.filter(|end| *end <= at) else {
            return;
        };
        let found = entries.iter().skip(approved + 1).position(|entry| entry.ts >= end);
        let expiry = Expiry {
            at: end,
            level,
            approval: running.approval,
        };
        let place = found.map_or(entries.len(), |found| approved + 1 + found);
        happenings.insert((place, What::End(expiry)));
        *verification = None;
        if *status == KycStatus::Verified {
            *status = KycStatus::Expired;
        }
    };
    let mut effective = Vec::new();
    for (place, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.level == level) {
        look(&mut status, &mut verification, entry.ts);
        let can_be_judged = status == KycStatus::Pending || status == KycStatus::Verified;
        let is_effective = match entry.event {
            LevelEvent::Submitted | LevelEvent::LevelUpgraded => true,
            LevelEvent::Approved | LevelEvent::Rejected => can_be_judged || entry.event_id.is_none(),
            LevelEvent::Expired => verification.is_some() || entry.event_id.is_none(),
        };
        if !is_effective {
            continue;
        }
        effective.push((place, entry.number));
        match entry.event {
            LevelEvent::Submitted | LevelEvent::LevelUpgraded => status = KycStatus::Pending,
            LevelEvent::Approved => status = KycStatus::Verified,
            LevelEvent::Rejected => status = KycStatus::Rejected,
            LevelEvent::Expired if status == KycStatus::Pending => (),
            LevelEvent::Expired => status = KycStatus::Expired,
        }
        match entry.event {
            LevelEvent::Submitted | LevelEvent::LevelUpgraded => (),
            LevelEvent::Rejected | LevelEvent::Expired => verification = None,
            LevelEvent::Approved => {
                let running = Verification {
                    since: entry.ts,
                    until: entry.expires_at,
                    approval: entry.number,
                };
                verification = Some((place, running));
            }
        }
    }
    look(&mut status, &mut verification, last_look);
    let entry = |(place, number)| (place, What::Entry { level, number });
    happenings.extend(effective.into_iter().map(entry));
    Level {
        status,
        verification: verification.map(|(_, running)| running),
    }
}
