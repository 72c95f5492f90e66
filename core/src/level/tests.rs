//! The fold against its definition: its table cell by cell, stories for each sentence, and laws for every log.

mod laws;
mod model;
mod order;
mod stories;
mod table;

use crate::id::{CustomerId, ProfileId};
use crate::level::{Fold, LevelEntry, fold};
use crate::record::Hash;
use crate::status::{Flag, KycStatus, LevelEvent};
use crate::time::Time;

/// An entry that a webhook brought; [`log`] gives it its number and id.
fn entry(event: LevelEvent, level: i64, ts: i64) -> LevelEntry {
    LevelEntry {
        kyc_id: ProfileId(1),
        number: 0,
        brand: "acme".parse().unwrap(),
        customer_id: CustomerId(1),
        event,
        level,
        ts: Time(ts),
        expires_at: None,
        slug: Some("acme".parse().unwrap()),
        event_id: Some(String::new()),
        body_hash: Some(Hash([0; 32])),
        accepted: Flag::Yes,
    }
}

fn submitted(level: i64, ts: i64) -> LevelEntry {
    entry(LevelEvent::Submitted, level, ts)
}

fn upgraded(level: i64, ts: i64) -> LevelEntry {
    entry(LevelEvent::LevelUpgraded, level, ts)
}

fn approved(level: i64, ts: i64) -> LevelEntry {
    entry(LevelEvent::Approved, level, ts)
}

fn rejected(level: i64, ts: i64) -> LevelEntry {
    entry(LevelEvent::Rejected, level, ts)
}

fn expired(level: i64, ts: i64) -> LevelEntry {
    entry(LevelEvent::Expired, level, ts)
}

impl LevelEntry {
    fn until(self, expires_at: i64) -> Self {
        Self {
            expires_at: Some(Time(expires_at)),
            ..self
        }
    }

    /// The same, as what happened here.
    fn local(self) -> Self {
        Self {
            slug: None,
            event_id: None,
            body_hash: None,
            ..self
        }
    }

    /// The same, as a second body under an id that was taken.
    fn refused(self) -> Self {
        Self {
            accepted: Flag::No,
            ..self
        }
    }
}

/// The entries as they stand in a log when they arrive in this order: numbered from 1, the webhooks among them with
/// ids in the same order.
fn log(entries: impl IntoIterator<Item = LevelEntry>) -> Vec<LevelEntry> {
    let numbered = (1..).zip(entries).map(|(number, entry)| LevelEntry {
        number,
        event_id: entry.event_id.as_ref().map(|_| format!("e-{number:02}")),
        ..entry
    });
    numbered.collect()
}

/// `kyc_status`, `kyc_level`, and the numbers of the effective entries.
fn told(fold: &Fold) -> (KycStatus, i64, Vec<i64>) {
    let effective = fold.effective.iter().copied().collect();
    (fold.status.unwrap_or(KycStatus::None), fold.level, effective)
}

/// What a log amounts to at a time.
#[track_caller]
fn check(entries: &[LevelEntry], now: i64, status: KycStatus, level: i64, effective: &[i64]) {
    let fold = fold(&log(entries.to_vec()), Time(now));
    assert_eq!(told(&fold), (status, level, effective.to_vec()), "{fold:#?}");
}
