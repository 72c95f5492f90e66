//! Stories are plausible and follow from their seed; plans lose nothing and invent nothing.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const FROM: i64 = 1_735_000_000;
const UNTIL: i64 = FROM + 400 * DAY;

fn told(seed: u64, players: u32) -> Vec<WebhookEvent> {
    stories(&StoryOptions {
        seed,
        players,
        from: FROM,
        until: UNTIL,
    })
}

#[test]
fn the_same_seed_tells_the_same_stories() {
    assert_eq!(told(7, 20), told(7, 20));
    assert_ne!(told(7, 20), told(8, 20));
    let ids = |seed| told(seed, 20).into_iter().map(|event| event.event_id);
    let both: BTreeSet<String> = ids(7).chain(ids(8)).collect();
    assert_eq!(both.len(), told(7, 20).len() + told(8, 20).len(), "ids do not collide");
}

#[test]
fn more_players_do_not_change_the_first_ones() {
    let few = told(7, 5);
    let players: BTreeSet<&str> = few.iter().map(|event| &*event.player_external_id).collect();
    assert_eq!(players.len(), 5);
    let mut more = told(7, 50);
    more.retain(|event| players.contains(&*event.player_external_id));
    assert_eq!(more, few);
    assert_eq!(told(7, 0), []);
}

#[test]
fn stories_have_everything_that_happens() {
    let events = told(1, 200);
    let kinds: BTreeSet<EventKind> = events.iter().map(|event| event.event).collect();
    assert_eq!(kinds.len(), 5);
    let levels: BTreeSet<u8> = events.iter().map(|event| event.level).collect();
    assert_eq!(levels, BTreeSet::from([1, 2, 3]));
    let mut renewals = 0;
    let mut verified = BTreeSet::new();
    for event in &events {
        let level = (&event.player_external_id, event.level);
        match event.event {
            EventKind::Approved => drop(verified.insert(level)),
            EventKind::Submitted => renewals += u32::from(verified.contains(&level)),
            _ => drop(verified.remove(&level)),
        }
    }
    assert!(renewals > 10, "{renewals}");
    let lasting = events.iter().filter(|event| event.event == EventKind::Approved);
    let (with_end, without): (Vec<_>, Vec<_>) = lasting.partition(|event| event.data.contains_key("expires_at"));
    assert!(!with_end.is_empty() && !without.is_empty());
}

proptest! {
    #[test]
    fn every_story_is_one_that_the_level_machine_can_follow(seed: u64) {
        let events = told(seed, 10);
        let mut states: BTreeMap<(&str, u8), EventKind> = BTreeMap::new();
        let mut last = String::new();
        for event in &events {
            prop_assert!(event.ts >= last, "in order");
            last.clone_from(&event.ts);
            prop_assert!((1..=128).contains(&event.event_id.len()));
            let level = (&*event.player_external_id, event.level);
            let before = states.insert(level, event.event);
            let is_pending = matches!(before, Some(EventKind::Submitted | EventKind::LevelUpgraded));
            let below = states.get(&(level.0, level.1 - 1));
            let fits = match event.event {
                EventKind::Submitted => true,
                EventKind::LevelUpgraded => before.is_none() && below == Some(&EventKind::Approved),
                EventKind::Approved | EventKind::Rejected => is_pending,
                EventKind::Expired => before == Some(EventKind::Approved),
            };
            prop_assert!(fits, "{event:?} after {before:?}");
        }
        let ids: BTreeSet<&str> = events.iter().map(|event| &*event.event_id).collect();
        prop_assert_eq!(ids.len(), events.len());
    }

    #[test]
    fn stories_stay_within_their_time(seed: u64, days in 0..500_i64) {
        let until = FROM + days * DAY;
        let events = stories(&StoryOptions { seed, players: 5, from: FROM, until });
        let (first, last) = (crate::ambient::rfc3339(FROM), crate::ambient::rfc3339(until));
        prop_assert!(events.iter().all(|event| event.ts >= first && event.ts <= last));
        prop_assert!(!events.is_empty(), "everybody submits at least once");
    }

    #[test]
    fn a_plan_is_the_story_with_repetitions(
        seed: u64,
        window in 0..20_u32,
        duplicate_percent in 0..=100_u8,
        late_percent in 0..=100_u8,
        late_places_max in 0..50_u32,
    ) {
        let story = told(seed, 5);
        let options = PlanOptions { seed, window, duplicate_percent, late_percent, late_places_max };
        let planned = plan(&story, &options);
        prop_assert_eq!(&planned, &plan(&story, &options));
        let firsts: BTreeMap<&str, &WebhookEvent> = planned
            .iter()
            .filter(|delivery| !delivery.is_repeat)
            .map(|delivery| (&*delivery.event.event_id, &delivery.event))
            .collect();
        let all: BTreeMap<&str, &WebhookEvent> = story.iter().map(|event| (&*event.event_id, event)).collect();
        prop_assert_eq!(&firsts, &all);
        prop_assert_eq!(planned.iter().filter(|delivery| !delivery.is_repeat).count(), story.len());
        prop_assert!(planned.iter().all(|delivery| all.get(&*delivery.event.event_id) == Some(&&delivery.event)));

        // Those in time keep their order where they are a window apart.
        let place: BTreeMap<&str, usize> = story.iter().map(|event| &*event.event_id).zip(0..).collect();
        let in_time = planned.iter().filter(|delivery| !delivery.is_late && !delivery.is_repeat);
        let places: Vec<usize> = in_time.map(|delivery| place[&*delivery.event.event_id]).collect();
        let mut latest = 0;
        for place in places {
            prop_assert!(place + window.max(1) as usize > latest, "{place} comes after {latest}");
            latest = latest.max(place);
        }
    }
}

#[test]
fn percentages_and_window_do_what_they_say() {
    let story = told(7, 100);
    let with = |window, duplicate_percent, late_percent| {
        let options = PlanOptions {
            seed: 7,
            window,
            duplicate_percent,
            late_percent,
            late_places_max: 30,
        };
        plan(&story, &options)
    };
    let straight = with(1, 0, 0);
    assert!(straight.iter().map(|delivery| &delivery.event).eq(&story));
    assert!(!with(8, 0, 0).iter().map(|delivery| &delivery.event).eq(&story));
    assert_eq!(with(8, 100, 0).len(), 2 * story.len());
    let late = |percent| with(1, 0, percent).iter().filter(|delivery| delivery.is_late).count();
    assert_eq!((late(0), late(100)), (0, story.len()));
    let repeats = with(8, 10, 0).len() - story.len();
    assert!(
        (story.len() / 20..story.len() / 5).contains(&repeats),
        "{repeats} of {}",
        story.len()
    );
}
