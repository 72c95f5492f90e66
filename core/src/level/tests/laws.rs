//! What holds for every log: it means what the model says, whatever order it came in, and time only ends things.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::model::{expected, in_order};
use super::*;

/// Ids whose order by bytes is neither that of their lengths nor of their numbers.
const IDS: [&str; 14] = [
    "1",
    "10",
    "9",
    "A",
    "Z",
    "a",
    "aa",
    "b",
    "z",
    "zz",
    "~",
    "é",
    "ß",
    "\u{1F600}",
];
/// Later than everything that [`entries`] makes.
const LATE: Time = Time(1_000);

/// Entries on few levels at few times, so that ties are common; each with its own id or none.
fn entries(accepted: impl Strategy<Value = Flag> + Clone) -> impl Strategy<Value = Vec<LevelEntry>> {
    let one = (
        prop::sample::select(LevelEvent::ALL),
        0..=3_i64,
        10..16_i64,
        prop::option::weighted(0.7, 8..20_i64),
        prop::bool::weighted(0.3),
        accepted,
    );
    let several = prop::collection::vec(one, 0..IDS.len());
    (several, Just(IDS.to_vec()).prop_shuffle()).prop_map(|(several, ids)| {
        let made = several
            .into_iter()
            .zip(ids)
            .map(|((event, level, ts, end, is_local, accepted), id)| {
                let entry = LevelEntry {
                    expires_at: end.map(Time),
                    event_id: Some(id.to_owned()),
                    ..entry(event, level, ts)
                };
                if is_local {
                    entry.local()
                } else {
                    LevelEntry { accepted, ..entry }
                }
            });
        arrived(&made.collect::<Vec<_>>())
    })
}

fn accepted() -> impl Strategy<Value = Vec<LevelEntry>> {
    entries(Just(Flag::Yes))
}

fn mixed() -> impl Strategy<Value = Vec<LevelEntry>> {
    entries(prop::sample::select(vec![Flag::Yes, Flag::Yes, Flag::Yes, Flag::No]))
}

fn times() -> impl Strategy<Value = Time> {
    (5..25_i64).prop_map(Time)
}

/// The log that deliveries make in the order of their arrival: what comes again under its id is dropped.
fn arrived(deliveries: &[LevelEntry]) -> Vec<LevelEntry> {
    let mut log: Vec<LevelEntry> = Vec::new();
    for delivery in deliveries {
        let is_known = |entry: &LevelEntry| entry.event_id.is_some() && entry.event_id == delivery.event_id;
        if !log.iter().any(is_known) {
            let number = 1 + log.len() as i64;
            log.push(LevelEntry {
                number,
                ..delivery.clone()
            });
        }
    }
    log
}

/// The same deliveries in the order that `keys` sorts them into, with some of them twice. What happened here keeps its
/// order, since it is numbered where it happens.
fn arrived_otherwise(log: &[LevelEntry], keys: &[u8]) -> Vec<LevelEntry> {
    let webhooks = log.iter().filter(|entry| entry.event_id.is_some());
    let mut keys = keys.iter().copied();
    let mut key = || keys.next().unwrap_or(0);
    let mut placed: Vec<(u8, LevelEntry)> = webhooks.clone().map(|entry| (key(), entry.clone())).collect();
    placed.extend(
        webhooks
            .filter(|entry| entry.number % 2 == 0)
            .map(|entry| (key(), entry.clone())),
    );
    let local: Vec<&LevelEntry> = log.iter().filter(|entry| entry.event_id.is_none()).collect();
    let mut local_keys: Vec<u8> = local.iter().map(|_| key()).collect();
    local_keys.sort_unstable();
    placed.extend(local_keys.into_iter().zip(local.into_iter().cloned()));
    placed.sort_by_key(|(key, _)| *key);
    let deliveries: Vec<LevelEntry> = placed.into_iter().map(|(_, entry)| entry).collect();
    arrived(&deliveries)
}

/// A fold with its entries called by their ids, or by their place among what happened here.
fn by_ids(log: &[LevelEntry], fold: &Fold) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut local = 0;
    let mut name = |entry: &LevelEntry| {
        let local_name = || {
            local += 1;
            format!("local {local}")
        };
        entry.event_id.clone().unwrap_or_else(local_name)
    };
    let names: BTreeMap<i64, String> = log.iter().map(|entry| (entry.number, name(entry))).collect();
    let name = |number: &i64| names[number].clone();
    let level = |(level, state): (&i64, &crate::level::Level)| {
        let verification = state.verification;
        let verification = verification.map(|running| (running.since, running.until, name(&running.approval)));
        (*level, state.status, verification)
    };
    let expiries = fold.expiries.iter();
    let mut effective: Vec<String> = fold.effective.iter().map(name).collect();
    effective.sort();
    (
        fold.levels.iter().map(level).collect::<Vec<_>>(),
        (
            fold.status,
            fold.level,
            fold.expires_at,
            fold.last_event_at,
            fold.next_end,
        ),
        effective,
        expiries
            .map(|expiry| (expiry.at, expiry.level, name(&expiry.approval)))
            .collect::<Vec<_>>(),
    )
}

fn status(fold: &Fold, level: i64) -> KycStatus {
    fold.levels.get(&level).map_or(KycStatus::None, |level| level.status)
}

/// Whether the table has a line from a state by an event to a state.
fn is_allowed(from: (KycStatus, bool), event: LevelEvent, is_local: bool, to: (KycStatus, bool)) -> bool {
    use KycStatus::{Expired, Pending, Rejected, Verified};
    let (from, runs) = from;
    let is_open = is_local || from == Pending || from == Verified;
    match event {
        LevelEvent::Submitted | LevelEvent::LevelUpgraded => to == (Pending, runs),
        LevelEvent::Approved => is_open && to == (Verified, true),
        LevelEvent::Rejected => is_open && to == (Rejected, false),
        LevelEvent::Expired if from == Pending => (is_local || runs) && to == (Pending, false),
        LevelEvent::Expired => (is_local || from == Verified) && to == (Expired, false),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_fold_is_what_the_model_says(log in mixed(), now in times()) {
        prop_assert_eq!(fold(&log, now), expected(&log, now));
    }

    #[test]
    fn the_order_of_arrival_and_repetitions_do_not_matter(
        log in accepted(),
        keys in prop::collection::vec(any::<u8>(), 40),
        now in times(),
    ) {
        let other = arrived_otherwise(&log, &keys);
        prop_assert_eq!(log.len(), other.len());
        prop_assert_eq!(by_ids(&log, &fold(&log, now)), by_ids(&other, &fold(&other, now)));
    }

    #[test]
    fn the_order_of_rows_does_not_matter(
        (log, shuffled) in mixed().prop_flat_map(|log| (Just(log.clone()), Just(log).prop_shuffle())),
        now in times(),
    ) {
        prop_assert_eq!(fold(&log, now), fold(&shuffled, now));
    }

    #[test]
    fn what_was_not_accepted_never_matters(log in mixed(), now in times()) {
        let mut accepted = log.clone();
        accepted.retain(|entry| entry.accepted == Flag::Yes);
        prop_assert_eq!(fold(&log, now), fold(&accepted, now));
    }

    #[test]
    fn each_entry_does_what_the_table_allows_or_nothing(log in accepted()) {
        let log = in_order(&log);
        let whole = fold(&log, LATE);
        for (place, entry) in log.iter().enumerate() {
            let before = fold(&log[..place], entry.ts);
            // So early that the clock ends nothing after the entry, nor what it brings.
            let mut until_here = log[..=place].to_vec();
            until_here[place].expires_at = None;
            let after = fold(&until_here, Time(0));
            let of = |fold: &Fold| {
                let runs = fold.levels.get(&entry.level).is_some_and(|level| level.verification.is_some());
                (status(fold, entry.level), runs)
            };
            let is_effective = after.effective.contains(&entry.number);
            prop_assert_eq!(is_effective, whole.effective.contains(&entry.number), "what comes later has no say");
            if is_effective {
                let is_local = entry.event_id.is_none();
                prop_assert!(is_allowed(of(&before), entry.event, is_local, of(&after)), "{before:?} {after:?}");
            } else {
                prop_assert_eq!(of(&before), of(&after));
            }
            for other in (0..=3).filter(|level| *level != entry.level) {
                prop_assert_eq!(before.levels.get(&other), after.levels.get(&other));
            }
        }
    }

    #[test]
    fn what_is_verified_has_a_verification_and_what_has_one_is_verified_or_pending(log in mixed(), now in times()) {
        let fold = fold(&log, now);
        for level in fold.levels.values() {
            prop_assert_ne!(level.status, KycStatus::None);
            if level.status == KycStatus::Verified {
                prop_assert!(level.verification.is_some());
            }
            if let Some(verification) = level.verification {
                prop_assert!(matches!(level.status, KycStatus::Verified | KycStatus::Pending));
                prop_assert!(verification.until.is_none_or(|until| until > now));
            }
        }
    }

    #[test]
    fn time_only_ends_verifications(log in mixed(), one in times(), other in times()) {
        let (early, late) = (one.min(other), one.max(other));
        let (before, after) = (fold(&log, early), fold(&log, late));
        prop_assert_eq!(&before.effective, &after.effective);
        prop_assert_eq!(before.last_event_at, after.last_event_at);
        let (kept, added) = after.expiries.split_at(before.expiries.len());
        prop_assert_eq!(kept, &before.expiries);
        prop_assert!(added.iter().all(|expiry| early < expiry.at && expiry.at <= late));
        prop_assert!(added.is_sorted());
        for (level, state) in &after.levels {
            let was = before.levels[level];
            if added.iter().any(|expiry| expiry.level == *level) {
                prop_assert!(was.verification.is_some() && state.verification.is_none());
            } else {
                prop_assert_eq!(*state, was);
            }
        }
    }

    #[test]
    fn the_next_end_is_when_the_clock_first_changes_something(log in mixed(), now in times()) {
        let today = fold(&log, now);
        let last_same = today.next_end.map_or(LATE, |end| Time(end.0 - 1));
        prop_assert!(last_same >= now);
        prop_assert_eq!(&fold(&log, last_same), &today);
        if let Some(end) = today.next_end {
            let then = fold(&log, end);
            prop_assert_eq!(then.expiries[today.expiries.len()].at, end);
        }
    }
}
