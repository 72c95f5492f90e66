//! A commit is stored whole, or it is a conflict and nothing of it is.

use std::slice;

use futures_util::future::join_all;
use kyc_core::actor::BrandScope;
use kyc_core::command::TemplateNeed;
use kyc_core::commit::{Commit, KeptReply};
use kyc_core::customer::CustomerState;
use kyc_core::event::Event;
use kyc_core::id::{CustomerId, ProfileId};
use kyc_core::json::Json;
use kyc_core::limits::{CALLS_PER_DECISION_MAX, DOCUMENTS_MAX, KEPT_REPLY_SECONDS, STEPS_MAX};
use kyc_core::outbound::{QueueChange, QueuedCall};
use kyc_core::query::{AuditFilter, Filter, Page, Query, Rows};
use kyc_core::status::TemplateStatus;
use kyc_core::template::Template;
use kyc_core::time::Time;

use super::sample::{
    brand, brand_commit_of, brand_with, code, commit_of, customer, delivery, document, entry, event, kept, list,
    new_customer, profile_mut, put, put_brand, settings, step, template,
};
use super::seen::refused;
use crate::store::{Store, StoreError};

/// Whoever decided on an older state is overtaken: no row, no audit, no history, no reply of theirs stays.
pub async fn a_stale_version_changes_nothing(store: &dyn Store) {
    let key = customer("a", 7);
    let first = put(store, &new_customer(&key, 1)).await.unwrap();
    let mut faster = first.clone();
    profile_mut(&mut faster).current_level = 3;
    let faster = put(store, &faster).await.unwrap();

    let mut slower = first.clone();
    profile_mut(&mut slower).current_level = 5;
    let profile = profile_mut(&mut slower).clone();
    slower.steps = vec![step(&profile, 2)];
    slower.documents = vec![document(&profile, 3, Some(2))];
    let mut commit = commit_of(store, &first, &slower, &[event(Some(ProfileId(1)))]).await;
    commit.kept = Some(kept("s", "c", "k"));
    refused(store, commit, slice::from_ref(&key), &[]).await;
    assert_eq!(store.customer(&key).await.unwrap(), faster);
    assert_eq!(store.kept_reply("s", "c", "k").await.unwrap(), None);
}

/// Neither an earlier nor a later version will do, nor one of a stream that is not there.
pub async fn a_version_must_fit_exactly(store: &dyn Store) {
    let (known, unknown) = (customer("a", 7), customer("a", 8));
    let keys = [known.clone(), unknown.clone()];
    let mut state = new_customer(&known, 1);
    for level in 0..3 {
        profile_mut(&mut state).current_level = level;
        state = put(store, &state).await.unwrap();
    }
    for version in [0, 1, 2, 4, -1] {
        let mut before = state.clone();
        before.head.version = version;
        let mut after = before.clone();
        profile_mut(&mut after).current_level = 9;
        let commit = commit_of(store, &before, &after, &[event(Some(ProfileId(1)))]).await;
        refused(store, commit, &keys, &[]).await;
    }
    let mut before = new_customer(&unknown, 2);
    before.profile = None;
    before.head.version = 1;
    let commit = commit_of(store, &before, &new_customer(&unknown, 2), &[event(Some(ProfileId(2)))]).await;
    refused(store, commit, &keys, &[]).await;
}

/// Two first commits for one customer: the second is a conflict, even with ids of its own.
pub async fn a_new_customer_is_committed_once(store: &dyn Store) {
    let key = customer("a", 7);
    let nobody = store.customer(&key).await.unwrap();
    let one = commit_of(store, &nobody, &new_customer(&key, 1), &[event(Some(ProfileId(1)))]).await;
    let two = commit_of(store, &nobody, &new_customer(&key, 2), &[event(Some(ProfileId(2)))]).await;
    store.commit(one).await.unwrap();
    refused(store, two, slice::from_ref(&key), &[]).await;
    assert_eq!(store.customer(&key).await.unwrap().profile.unwrap().id, ProfileId(1));
}

/// Of many commits on one version, wherever they queue, one is stored and the others are conflicts.
pub async fn one_of_many_at_once_wins(store: &dyn Store) {
    let key = customer("a", 7);
    let before = put(store, &new_customer(&key, 1)).await.unwrap();
    let mut commits = Vec::new();
    for level in 0..100 {
        let mut after = before.clone();
        profile_mut(&mut after).required_level = 100 + level;
        commits.push(commit_of(store, &before, &after, &[event(Some(ProfileId(1)))]).await);
    }
    let results = join_all(commits.iter().map(|commit| store.commit(commit.clone()))).await;
    let won: Vec<&Commit> = commits
        .iter()
        .zip(&results)
        .filter(|(_, result)| result.is_ok())
        .map(|(commit, _)| commit)
        .collect();
    assert_eq!(won.len(), 1);
    assert!(
        results
            .iter()
            .all(|result| matches!(result, Ok(()) | Err(StoreError::Conflict))),
        "{results:?}"
    );
    let after = store.customer(&key).await.unwrap();
    assert_eq!(
        (after.head, after.profile.as_ref()),
        (won[0].head, won[0].profile.as_ref().map(|put| &put.row))
    );
    let Rows::Audit(rows) = list(store, Filter::Audit(AuditFilter::default())).await else {
        panic!("no audit rows")
    };
    assert_eq!(rows.len(), 2);
    assert_eq!(rows.first(), won[0].audit.last());
}

/// Commits that wait together stand or fall each for itself.
pub async fn neighbours_do_not_hinder_each_other(store: &dyn Store) {
    let taken = customer("a", 1_000);
    put(store, &new_customer(&taken, 1_000)).await.unwrap();
    let mut commits = Vec::new();
    for number in 1..=100 {
        // Every third one wants a customer that is there already, every fifth an external id that is taken.
        let key = if number % 3 == 0 {
            taken.clone()
        } else {
            customer("a", number)
        };
        let before = CustomerState::new(key.clone());
        let mut after = new_customer(&key, number);
        if number % 5 == 0 {
            profile_mut(&mut after).external_id = Some("ext-1000".to_owned());
        }
        commits.push(commit_of(store, &before, &after, &[event(Some(ProfileId(number)))]).await);
    }
    let results = join_all(commits.into_iter().map(|commit| store.commit(commit))).await;
    for (number, result) in (1..).zip(results) {
        let expected = if number % 3 == 0 || number % 5 == 0 {
            Err(StoreError::Conflict)
        } else {
            Ok(())
        };
        assert_eq!(result, expected, "{number}");
        let stored = store.customer(&customer("a", number)).await.unwrap();
        assert_eq!(stored.profile.is_some(), result.is_ok(), "{number}");
    }
    let Rows::Audit(rows) = list(store, Filter::Audit(AuditFilter::default())).await else {
        panic!("no audit rows")
    };
    assert_eq!(
        rows.len(),
        1 + (1..=100).filter(|number| number % 3 != 0 && number % 5 != 0).count()
    );
}

/// A brand's configuration has a version too, and its own.
pub async fn a_brand_is_checked_like_a_customer(store: &dyn Store) {
    let name = brand("a");
    put(store, &new_customer(&customer("a", 7), 1)).await.unwrap();
    let first = put_brand(store, &brand_with("a", vec![template(&name, 1, "identity")]))
        .await
        .unwrap();
    let mut after = first.clone();
    after.settings = settings(&name);
    let commit = brand_commit_of(store, &first, &after).await;
    put_brand(store, &brand_with("a", vec![template(&name, 2, "address")]))
        .await
        .unwrap();
    refused(store, commit, &[], &[name]).await;
}

/// Within a brand, two customers never have one external id; it is free again once given up.
pub async fn an_external_id_is_one_customers(store: &dyn Store) {
    let (one, two) = (customer("a", 7), customer("a", 8));
    let keys = [one.clone(), two.clone()];
    let mut owner = new_customer(&one, 1);
    profile_mut(&mut owner).external_id = Some("x".to_owned());
    put(store, &owner).await.unwrap();

    let nobody = store.customer(&two).await.unwrap();
    let mut rival = new_customer(&two, 2);
    profile_mut(&mut rival).external_id = Some("x".to_owned());
    let events = [event(Some(ProfileId(2)))];
    let mut commit = commit_of(store, &nobody, &rival, &events).await;
    commit.kept = Some(kept("s", "c", "k"));
    refused(store, commit, &keys, &[]).await;
    assert_eq!(store.kept_reply("s", "c", "k").await.unwrap(), None);

    // Later on, too, and any number may have none.
    profile_mut(&mut rival).external_id = None;
    let mut third = new_customer(&customer("a", 9), 3);
    profile_mut(&mut third).external_id = None;
    profile_mut(&mut third).linked = false;
    put(store, &third).await.unwrap();
    let known = put(store, &rival).await.unwrap();
    profile_mut(&mut rival).external_id = Some("x".to_owned());
    let commit = commit_of(store, &known, &rival, &events).await;
    refused(store, commit, &keys, &[]).await;
    assert_eq!(
        store.external_owner(&one.brand, "x").await.unwrap(),
        Some(CustomerId(7))
    );

    // A number without an explicit id is still whom its decimal names; a linked one is not.
    assert_eq!(
        store.external_owner(&one.brand, "9").await.unwrap(),
        Some(CustomerId(9))
    );
    assert_eq!(store.external_owner(&one.brand, "09").await.unwrap(), None);
    let mut linked = new_customer(&customer("a", 10), 10);
    profile_mut(&mut linked).external_id = Some("ten".to_owned());
    profile_mut(&mut linked).linked = true;
    put(store, &linked).await.unwrap();
    assert_eq!(store.external_owner(&one.brand, "10").await.unwrap(), None);

    // Another brand's customers are called as they are.
    let mut elsewhere = new_customer(&customer("b", 7), 4);
    profile_mut(&mut elsewhere).external_id = Some("x".to_owned());
    put(store, &elsewhere).await.unwrap();

    profile_mut(&mut owner).external_id = Some("y".to_owned());
    put(store, &owner).await.unwrap();
    put(store, &rival).await.unwrap();
    assert_eq!(
        store.external_owner(&one.brand, "x").await.unwrap(),
        Some(CustomerId(8))
    );
}

/// Of a brand's templates with one code, at most one is not archived.
pub async fn a_code_is_one_templates(store: &dyn Store) {
    let name = brand("a");
    let mut first = template(&name, 1, "identity");
    put_brand(store, &brand_with("a", vec![first.clone()])).await.unwrap();
    let second = template(&name, 2, "identity");
    for status in [TemplateStatus::Active, TemplateStatus::Disabled] {
        let before = store.brand(&name, &TemplateNeed::None).await.unwrap();
        let mut after = before.clone();
        after.settings = settings(&name);
        after.templates = vec![Template {
            status,
            ..second.clone()
        }];
        let commit = brand_commit_of(store, &before, &after).await;
        refused(store, commit, &[], slice::from_ref(&name)).await;
    }
    // An archived one stands in nobody's way, nor does another brand's.
    put_brand(store, &brand_with("b", vec![template(&brand("b"), 3, "identity")]))
        .await
        .unwrap();
    first.status = TemplateStatus::Archived;
    put_brand(store, &brand_with("a", vec![first.clone()])).await.unwrap();
    put_brand(store, &brand_with("a", vec![second])).await.unwrap();
    // Taken out of the archive, it would.
    first.status = TemplateStatus::Active;
    let before = store.brand(&name, &TemplateNeed::Code(code("identity"))).await.unwrap();
    let mut after = before.clone();
    after.templates[0] = first;
    let commit = brand_commit_of(store, &before, &after).await;
    refused(store, commit, &[], &[name]).await;
}

/// A reply under a key that is used is a conflict, and the commit that brings it is not stored.
pub async fn a_key_is_used_once(store: &dyn Store) {
    let (one, two) = (customer("a", 7), customer("a", 8));
    let events = |id| [event(Some(ProfileId(id)))];
    let nobody = store.customer(&one).await.unwrap();
    let mut commit = commit_of(store, &nobody, &new_customer(&one, 1), &events(1)).await;
    commit.kept = Some(kept("s", "c", "k"));
    store.commit(commit).await.unwrap();

    let nobody = store.customer(&two).await.unwrap();
    let mut second = new_customer(&two, 2);
    let profile = profile_mut(&mut second).clone();
    second.steps = vec![step(&profile, 3)];
    second.documents = vec![document(&profile, 4, None)];
    let mut commit = commit_of(store, &nobody, &second, &events(2)).await;
    commit.kept = Some(KeptReply {
        body: Json::object(),
        ..kept("s", "c", "k")
    });
    refused(store, commit.clone(), &[one, two.clone()], &[]).await;
    assert_eq!(
        store.kept_reply("s", "c", "k").await.unwrap(),
        Some(kept("s", "c", "k"))
    );
    // Whose key it is, and for which command, tells keys apart.
    for (subject, command, key) in [("S", "c", "k"), ("s", "C", "k"), ("s", "c", "K")] {
        let mut state = store.customer(&two).await.unwrap();
        let before = state.clone();
        state.profile.clone_from(&second.profile);
        profile_mut(&mut state).version = before.head.version + 50;
        let mut commit = commit_of(store, &before, &state, &events(2)).await;
        commit.kept = Some(kept(subject, command, key));
        store.commit(commit).await.unwrap();
    }
}

/// A reply is kept for a day; from then on its key may be used again.
pub async fn a_key_is_free_after_a_day(store: &dyn Store) {
    let keys = [customer("a", 7), customer("a", 8), customer("a", 9)];
    let first = kept("s", "c", "k");
    let day = KEPT_REPLY_SECONDS;
    let times = [
        first.created_time,
        first.created_time.plus_seconds(day),
        Time(first.created_time.plus_seconds(day).0 + 1),
    ];
    for ((key, time), is_free) in keys.iter().zip(times).zip([true, false, true]) {
        let before = store.customer(key).await.unwrap();
        let id = key.customer_id.0;
        let mut commit = commit_of(store, &before, &new_customer(key, id), &[event(Some(ProfileId(id)))]).await;
        commit.kept = Some(KeptReply {
            created_time: time,
            ..first.clone()
        });
        let expected = if is_free { Ok(()) } else { Err(StoreError::Conflict) };
        assert_eq!(store.commit(commit).await, expected, "after {time:?}");
    }
    let last = store.kept_reply("s", "c", "k").await.unwrap().unwrap();
    assert_eq!(last.created_time, times[2]);
}

/// More events than a decision ever has.
const EVENTS_MANY: usize = 2_000;

/// As many steps and documents as a profile can have, all new in one commit, with calls and entries of the level log.
pub async fn the_largest_commit_is_stored(store: &dyn Store) {
    let key = customer("a", 7);
    let mut state = new_customer(&key, 1);
    let profile = profile_mut(&mut state).clone();
    state.steps = (1..=STEPS_MAX as i64).map(|id| step(&profile, id)).collect();
    state.documents = (1..=DOCUMENTS_MAX as i64)
        .map(|id| document(&profile, id, Some(1)))
        .collect();
    state.deliveries = (1..=CALLS_PER_DECISION_MAX).map(|id| delivery(&profile, id)).collect();
    state.waiting = state.deliveries.iter().map(QueuedCall::of).collect();
    state.log = (1..=EVENTS_MANY as i64).map(|number| entry(&profile, number)).collect();
    let events = state.log.iter().map(|entry| Event {
        log: vec![entry.clone()],
        ..event(Some(ProfileId(1)))
    });
    let events: Vec<Event> = events.collect();
    let mut commit = commit_of(store, &CustomerState::new(key.clone()), &state, &events).await;
    commit.queue = state.waiting.iter().cloned().map(QueueChange::Add).collect();
    state.head = commit.head;
    store.commit(commit).await.unwrap();
    assert_eq!(store.customer(&key).await.unwrap(), state);
    let page = Page {
        limit: 1,
        after: None,
        offset: EVENTS_MANY as i64 - 1,
    };
    let query = Query {
        filter: Filter::History(ProfileId(1)),
        scope: BrandScope::All,
        page,
    };
    let Rows::History(rows) = store.list(&query).await.unwrap() else {
        panic!("no history")
    };
    assert_eq!(rows.len(), 1, "as many entries as events");
}
