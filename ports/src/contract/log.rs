//! The level log: every entry as it came, and each event id taken once.

use futures_util::future::join_all;
use kyc_core::customer::CustomerState;
use kyc_core::id::ProfileId;
use kyc_core::level::LevelEntry;
use kyc_core::record::Hash;
use kyc_core::status::{Flag, LevelEvent};

use super::sample::{
    at, bare_entry, commit_of, customer, entry, event, kept, new_customer, profile, profile_mut, put, put_entries, slug,
};
use super::seen::refused;
use crate::store::{Store, StoreError};

/// A customer's next commit, which brings these entries and raises the profile's level.
async fn commit_with(store: &dyn Store, state: &CustomerState, entries: &[LevelEntry]) -> kyc_core::commit::Commit {
    let before = store.customer(&state.key).await.unwrap();
    let mut after = before.clone();
    after.profile = after.profile.or_else(|| state.profile.clone());
    profile_mut(&mut after).kyc_level += 1;
    let mut event = event(after.profile.as_ref().map(|profile| profile.id));
    event.log = entries.to_vec();
    commit_of(store, &before, &after, &[event]).await
}

/// All members, of webhooks and of what happened here, over several commits, by number; and nobody else's.
pub async fn a_level_log_comes_back(store: &dyn Store) {
    let key = customer("a", 7);
    let mut state = put(store, &new_customer(&key, 1)).await.unwrap();
    let mut other = put(store, &new_customer(&customer("b", 7), 2)).await.unwrap();
    let (ours, theirs) = (profile(&key, 1), profile(&other.key, 2));
    let mut number = 0;
    for event in LevelEvent::ALL {
        let entries = [
            LevelEntry {
                event: *event,
                event_id: Some(format!("évt 🪪 '\"\\\u{0} {number}")),
                ..entry(&ours, number + 1)
            },
            LevelEntry {
                event: *event,
                level: 0,
                ts: at(-1_000_000_000),
                ..bare_entry(&ours, number + 2)
            },
            LevelEntry {
                slug: Some(slug("0-south")),
                body_hash: Some(Hash([0xff; 32])),
                accepted: Flag::No,
                ..entry(&ours, number + 3)
            },
        ];
        state = put_entries(store, &state, &entries).await.unwrap();
        assert_eq!(store.customer(&key).await.unwrap(), state);
        number += 3;
        other = put_entries(store, &other, &[bare_entry(&theirs, number / 3)])
            .await
            .unwrap();
    }
    // What else changes leaves the log as it is.
    profile_mut(&mut state).current_level = 9;
    state = put(store, &state).await.unwrap();
    assert_eq!(store.customer(&key).await.unwrap(), state);
    assert_eq!(store.customer(&other.key).await.unwrap(), other);
    let numbers: Vec<i64> = state.log.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (1..=15).collect::<Vec<i64>>());
}

/// A taken event id is a conflict for everybody, and nothing of the commit stands.
pub async fn an_event_id_is_claimed_once(store: &dyn Store) {
    let keys = [customer("a", 7), customer("a", 8), customer("b", 7), customer("c", 7)];
    let mut states = Vec::new();
    for (id, key) in (1..).zip(&keys) {
        states.push(new_customer(key, id));
    }
    // The last of them is nobody yet.
    for state in &mut states[..3] {
        *state = put(store, state).await.unwrap();
    }
    let first = entry(&profile(&keys[0], 1), 1);
    states[0] = put_entries(store, &states[0], std::slice::from_ref(&first))
        .await
        .unwrap();
    for (id, (state, key)) in (1..).zip(states.iter().zip(&keys)) {
        let profile = profile(key, id);
        let second = LevelEntry {
            event: LevelEvent::Rejected,
            body_hash: Some(Hash([9; 32])),
            event_id: first.event_id.clone(),
            ..entry(&profile, 3)
        };
        let mut commit = commit_with(store, state, &[bare_entry(&profile, 2), second]).await;
        commit.kept = Some(kept("s", "c", "k"));
        refused(store, commit, &keys, &[]).await;
        assert_eq!(store.kept_reply("s", "c", "k").await.unwrap(), None);
        // Without it, the same goes through.
        let commit = commit_with(store, state, &[bare_entry(&profile, 2)]).await;
        store.commit(commit).await.unwrap();
    }
    let claimed = store.claimed_event(&slug("north"), "evt-1").await.unwrap();
    assert_eq!(claimed, Some(first));
}

/// Of many customers' commits at once that bring one event id, one is stored and the others are conflicts.
pub async fn an_event_id_claimed_at_once_is_one_entrys(store: &dyn Store) {
    let (mut entries, mut commits) = (Vec::new(), Vec::new());
    for number in 1..=60 {
        let state = new_customer(&customer(if number % 2 == 0 { "a" } else { "b" }, number), number);
        let entry = LevelEntry {
            event_id: Some("evt-1".to_owned()),
            ..entry(state.profile.as_ref().unwrap(), 1)
        };
        commits.push(commit_with(store, &state, std::slice::from_ref(&entry)).await);
        entries.push(entry);
    }
    let results = join_all(commits.into_iter().map(|commit| store.commit(commit))).await;
    let won: Vec<&LevelEntry> = entries
        .iter()
        .zip(&results)
        .filter(|(_, result)| result.is_ok())
        .map(|(entry, _)| entry)
        .collect();
    assert_eq!(won.len(), 1, "{results:?}");
    let claimed = store.claimed_event(&slug("north"), "evt-1").await.unwrap();
    assert_eq!(claimed.as_ref(), Some(won[0]));
    for (entry, result) in entries.iter().zip(&results) {
        assert!(matches!(result, Ok(()) | Err(StoreError::Conflict)), "{result:?}");
        let key = customer(entry.brand.as_str(), entry.customer_id.0);
        let expected: Vec<LevelEntry> = result.iter().map(|()| entry.clone()).collect();
        assert_eq!(store.customer(&key).await.unwrap().log, expected);
    }
}

/// Another slug's event of the same id is another event, and so is one whose id differs in anything.
pub async fn event_ids_of_slugs_are_apart(store: &dyn Store) {
    let key = customer("a", 7);
    let profile = profile(&key, 1);
    let mut state = put(store, &new_customer(&key, 1)).await.unwrap();
    let names = [
        ("north", "evt-1"),
        ("south", "evt-1"),
        ("north-1", "evt-1"),
        ("north", "EVT-1"),
        ("north", "evt-1 "),
        ("north", "evt-01"),
        ("north", "\u{e9}"),
        ("north", "e\u{301}"),
        ("north", "evt-1\u{0}"),
    ];
    for (number, (slug_name, event_id)) in (1..).zip(names) {
        let entry = LevelEntry {
            slug: Some(slug(slug_name)),
            event_id: Some(event_id.to_owned()),
            ..entry(&profile, number)
        };
        assert_eq!(store.claimed_event(&slug(slug_name), event_id).await.unwrap(), None);
        state = put_entries(store, &state, &[entry]).await.unwrap();
    }
    for (entry, (slug_name, event_id)) in state.log.iter().zip(names) {
        let claimed = store.claimed_event(&slug(slug_name), event_id).await.unwrap();
        assert_eq!(claimed.as_ref(), Some(entry), "{slug_name} {event_id:?}");
    }
    assert_eq!(store.claimed_event(&slug("south"), "EVT-1").await.unwrap(), None);
    assert_eq!(store.claimed_event(&slug("north"), "").await.unwrap(), None);
}

/// What is recorded but not accepted takes no id, neither before nor after the one that does.
pub async fn only_accepted_entries_claim_their_event_id(store: &dyn Store) {
    let key = customer("a", 7);
    let profile = profile(&key, 1);
    let mut state = put(store, &new_customer(&key, 1)).await.unwrap();
    let nth = |number: i64, accepted| LevelEntry {
        event_id: Some("evt-1".to_owned()),
        accepted,
        ..entry(&profile, number)
    };
    for (number, accepted) in (1..).zip([Flag::No, Flag::No, Flag::Yes, Flag::No, Flag::No]) {
        state = put_entries(store, &state, &[nth(number, accepted)]).await.unwrap();
        let claimed = store.claimed_event(&slug("north"), "evt-1").await.unwrap();
        assert_eq!(claimed, (number >= 3).then(|| nth(3, Flag::Yes)), "{number}");
    }
    let commit = commit_with(store, &state, &[nth(6, Flag::Yes)]).await;
    refused(store, commit, std::slice::from_ref(&key), &[]).await;
    // What happened here has no id, and any number of such entries may stand.
    state = put_entries(store, &state, &[bare_entry(&profile, 6), bare_entry(&profile, 7)])
        .await
        .unwrap();
    assert_eq!(store.customer(&key).await.unwrap().log, state.log);
    assert_eq!(state.profile.map(|profile| profile.id), Some(ProfileId(1)));
}

/// A slug is known by the webhooks that were taken under it, and by nothing else.
pub async fn a_slug_is_used_by_the_brand_whose_webhooks_came_under_it(store: &dyn Store) {
    for (number, (name, slug_name)) in (1..).zip([("a", "north"), ("b", "south")]) {
        let key = customer(name, 7);
        let profile = profile(&key, number);
        let state = put(store, &new_customer(&key, number)).await.unwrap();
        let refused = LevelEntry {
            slug: Some(slug(slug_name)),
            accepted: Flag::No,
            ..entry(&profile, 1)
        };
        let state = put_entries(store, &state, &[refused.clone(), bare_entry(&profile, 2)])
            .await
            .unwrap();
        assert_eq!(store.webhook_brand(&slug(slug_name)).await.unwrap(), None);
        let taken = LevelEntry {
            number: 3,
            accepted: Flag::Yes,
            ..refused
        };
        put_entries(store, &state, &[taken]).await.unwrap();
        assert_eq!(store.webhook_brand(&slug(slug_name)).await.unwrap(), Some(key.brand));
    }
    assert_eq!(store.webhook_brand(&slug("nort")).await.unwrap(), None);
}
