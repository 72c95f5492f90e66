//! What must outlive a process: a store filled with something of every kind, what it then tells, and how it goes on.
//! Adapters that keep things open their store again in between.

use kyc_core::commit::Commit;
use kyc_core::customer::CustomerState;
use kyc_core::event::{Event, History};
use kyc_core::id::{Brand, CustomerKey, DeliveryId};
use kyc_core::limits::{BREAKER_FAILURES_MAX, PROBE_SECONDS};
use kyc_core::outbound::{Heard, QueueChange};
use kyc_core::query::{Filter, Rows};
use kyc_core::time::Time;

use super::calls::{commit_with, enqueue, waiting};
use super::claims::{claim, claimed, fail};
use super::sample::{
    at, bare_document, bare_entry, bare_step, brand, brand_commit_of, brand_with, commit_of, customer, document, entry,
    event, kept, list, new_customer, profile, profile_mut, put_entries, put_tenant, settings, slug, step, template,
    tenant, tenant_commit,
};
use super::seen::{everything, refused};
use crate::store::{Reconciliation, Store, Which};

fn keys() -> [CustomerKey; 3] {
    [customer("a", 7), customer("a", 8), customer("b", 7)]
}

fn brands() -> [Brand; 2] {
    ["a", "b"].map(brand)
}

/// An event that says nothing of webhooks.
fn plain_event(state: &CustomerState) -> Event {
    let event = event(state.profile.as_ref().map(|profile| profile.id));
    let history = event.history.clone().map(|history| History {
        event_id: None,
        also_effective: Vec::new(),
        no_longer_effective: Vec::new(),
        ..history
    });
    Event { history, ..event }
}

/// Fills a fresh store with what there was before there were tenants: customers with steps, documents and history,
/// brands with settings and templates, a kept reply.
pub async fn fill(store: &dyn Store) {
    for (id, key) in (1..).zip(keys()) {
        let mut state = new_customer(&key, id);
        let profile = profile_mut(&mut state).clone();
        state.steps = vec![step(&profile, id * 10), bare_step(&profile, id * 10 + 1)];
        state.documents = vec![
            document(&profile, id * 10, Some(id * 10)),
            bare_document(&profile, id * 10 + 1),
        ];
        let before = CustomerState::new(key);
        let mut commit = commit_of(store, &before, &state, &[plain_event(&state), plain_event(&state)]).await;
        commit.kept = (id == 1).then(|| kept("s", "c", "k"));
        store.commit(commit).await.unwrap();
    }
    for (id, name) in (1..).zip(brands()) {
        let before = brand_with(name.as_str(), Vec::new());
        let mut after = brand_with(name.as_str(), vec![template(&name, id, "identity")]);
        after.settings = settings(&name);
        store
            .commit(brand_commit_of(store, &before, &after).await)
            .await
            .unwrap();
    }
    let Rows::History(rows) = list(store, Filter::History(profile(&keys()[0], 1).id)).await else {
        panic!("no history")
    };
    assert_eq!(rows.len(), 2);
}

/// Adds what came with tenants: two of them, entries of the level log, a call under lease, one that waits, an open
/// breaker, a reconciliation under way, and history of webhooks.
pub async fn fill_tenants(store: &dyn Store) {
    let [first, second, third] = keys();
    for (id, name) in (1..).zip(brands()) {
        let one = tenant(&name, id, &format!("slug-{name}"));
        put_tenant(store, &name, Some(&one), &[id * 10 + 1, id * 10 + 2]).await;
    }
    for (id, key) in (1..).zip([&first, &third]) {
        let state = store.customer(key).await.unwrap();
        let profile = state.profile.clone().unwrap();
        let webhook = kyc_core::level::LevelEntry {
            slug: Some(slug(&format!("slug-{}", key.brand))),
            ..entry(&profile, 1)
        };
        let stored = put_entries(store, &state, &[webhook, bare_entry(&profile, 2)])
            .await
            .unwrap();
        assert_eq!(stored.log.len(), 2, "{id}");
    }
    enqueue(store, &first, 100, at(0)).await;
    enqueue(store, &second, 101, at(10_000)).await;
    assert_eq!(claimed(store, claim("a", Which::Due, at(50), 10)).await, [100]);
    fail(store, &third, 102, BREAKER_FAILURES_MAX, at(100)).await;
    let next = Reconciliation {
        brand: brand("a"),
        due_time: at(300),
        cursor: Some("8".to_owned()),
        stays: 2,
    };
    store.set_reconciliation(next).await.unwrap();
}

/// All that the filled store tells.
pub async fn told(store: &dyn Store) -> String {
    let kept = store.kept_reply("s", "c", "k").await.unwrap();
    format!("{}\n{kept:?}", everything(store, &keys(), &brands()).await)
}

fn finish_first(lease_until: Time) -> QueueChange {
    QueueChange::Finish {
        delivery_id: DeliveryId(100),
        lease_until,
        heard: Heard::Nothing,
        now: at(0),
    }
}

/// The store, filled with tenants, goes on where it stood: leases, breakers, taken ids and slugs still hold.
pub async fn goes_on(store: &dyn Store) {
    let [first, second, third] = keys();
    let changes: Commit = commit_with(store, &first, &[], &[finish_first(at(1))]).await;
    refused(store, changes, &keys(), &brands()).await;
    let lease_until = claim("a", Which::Due, at(50), 10).lease_until;
    let commit = commit_with(store, &first, &[], &[finish_first(lease_until)]).await;
    store.commit(commit).await.unwrap();
    assert_eq!(waiting(store, &first).await, []);
    assert_eq!(waiting(store, &second).await.len(), 1);

    assert_eq!(claimed(store, claim("b", Which::Probe, at(100), 1)).await, [102]);
    let breaker = store.breaker(&third.brand).await.unwrap().unwrap();
    assert_eq!(breaker.failures, BREAKER_FAILURES_MAX);
    assert_eq!(breaker.probe_time, Some(at(100).plus_seconds(PROBE_SECONDS)));

    let state = store.customer(&first).await.unwrap();
    let mut taken = event(state.profile.as_ref().map(|profile| profile.id));
    taken.log = vec![kyc_core::level::LevelEntry {
        number: 3,
        ..state.log[0].clone()
    }];
    let commit = commit_of(store, &state, &state, &[taken]).await;
    refused(store, commit, &keys(), &brands()).await;
    let name = brand("c");
    let rival = tenant(&name, 3, "slug-a");
    let commit = tenant_commit(store, &name, Some(&rival), &[31]).await;
    refused(store, commit, &keys(), &brands()).await;
    assert_eq!(
        store.due_reconciliations(at(300)).await.unwrap()[0].cursor.as_deref(),
        Some("8")
    );
}
