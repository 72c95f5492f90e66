//! Calls out: stored with the change that causes them, seen by the decisions that they matter to, and in the queue only
//! as a commit says.

use kyc_core::commit::{Commit, Put};
use kyc_core::id::{CustomerKey, DeliveryId};
use kyc_core::limits::{BREAKER_FAILURES_MAX, PROBE_SECONDS};
use kyc_core::outbound::{Delivery, Heard, QueueChange, QueuedCall, relevant};
use kyc_core::profile::Profile;
use kyc_core::query::{DeliveryFilter, Filter, Rows};
use kyc_core::status::{CallKind, DeliveryStatus};
use kyc_core::time::Time;

use super::claims::{claim, claimed, fail};
use super::sample::{
    at, bare_delivery, brand, brand_commit_of, brand_with, commit_of, customer, delivery, event, list, new_customer,
    profile, put,
};
use super::seen::refused;
use crate::store::{Store, Thing, Which};

/// The next commit of a customer who is there: nothing but these calls and changes of the queue.
pub(super) async fn commit_with(
    store: &dyn Store,
    key: &CustomerKey,
    calls: &[Delivery],
    queue: &[QueueChange],
) -> Commit {
    let state = store.customer(key).await.unwrap();
    let kyc_id = state.profile.as_ref().map(|profile| profile.id);
    let mut commit = commit_of(store, &state, &state, &[event(kyc_id)]).await;
    commit.deliveries = calls.iter().cloned().map(Put::whole).collect();
    commit.queue = queue.to_vec();
    commit
}

/// Queues a call of a customer, who is made with the first one and its id.
pub(super) async fn enqueue(store: &dyn Store, key: &CustomerKey, id: i64, due_time: Time) -> QueuedCall {
    let known = store.customer(key).await.unwrap().profile;
    let profile = match known {
        Some(profile) => profile,
        None => put(store, &new_customer(key, id)).await.unwrap().profile.unwrap(),
    };
    let delivery = delivery(&profile, id);
    let call = QueuedCall {
        due_time,
        ..QueuedCall::of(&delivery)
    };
    let commit = commit_with(store, key, &[delivery], &[QueueChange::Add(call.clone())]).await;
    store.commit(commit).await.unwrap();
    call
}

/// What the queue shows of a customer.
pub(super) async fn waiting(store: &dyn Store, key: &CustomerKey) -> Vec<QueuedCall> {
    store.customer(key).await.unwrap().waiting
}

fn finish(id: i64, lease_until: Time, heard: Heard, now: Time) -> QueueChange {
    QueueChange::Finish {
        delivery_id: DeliveryId(id),
        lease_until,
        heard,
        now,
    }
}

fn drop_at(id: i64, now: Time) -> QueueChange {
    QueueChange::Drop {
        delivery_id: DeliveryId(id),
        now,
    }
}

/// The call with this id.
async fn of(store: &dyn Store, id: i64) -> Option<Delivery> {
    store.deliveries(&[DeliveryId(id)]).await.unwrap().pop()
}

/// All members, at first and after a change, alone, with their customer and in the list.
pub async fn calls_come_back(store: &dyn Store) {
    let key = customer("a", 7);
    put(store, &new_customer(&key, 1)).await.unwrap();
    let profile = profile(&key, 1);
    let mut calls = [delivery(&profile, 5), bare_delivery(&profile, 3)];
    for round in 0..3 {
        let commit = commit_with(store, &key, &calls, &[]).await;
        store.commit(commit).await.unwrap();
        for call in &calls {
            assert_eq!(of(store, call.id.0).await.as_ref(), Some(call), "round {round}");
            let owner = store.locate(Thing::Delivery(call.id)).await.unwrap();
            assert_eq!(owner.as_ref(), Some(&key));
        }
        let listed = list(store, Filter::Deliveries(DeliveryFilter::default())).await;
        assert_eq!(listed, Rows::Deliveries(calls.to_vec()));
        let ids = [5, 4, 3, 5].map(DeliveryId);
        let mut in_order = calls.clone();
        in_order.sort_by_key(|call| call.id);
        assert_eq!(
            store.deliveries(&ids).await.unwrap(),
            in_order,
            "no other, and each once"
        );
        assert_eq!(store.customer(&key).await.unwrap().deliveries, relevant(&calls));
        let [one, other] = calls;
        let dead = |call: Delivery| Delivery {
            status: DeliveryStatus::Dead,
            ..call
        };
        calls = [
            dead(bare_delivery(&profile, one.id.0)),
            dead(delivery(&profile, other.id.0)),
        ];
        if round == 1 {
            calls = calls.map(|call| Delivery {
                status: DeliveryStatus::Refused,
                version: 7,
                ..call
            });
        }
    }
    assert_eq!(store.deliveries(&[]).await.unwrap(), []);
    assert_eq!(store.locate(Thing::Delivery(DeliveryId(4))).await.unwrap(), None);
}

/// Calls of every kind, level and status, with ids that do not follow the order of anything.
fn all_sorts(profile: &Profile, first_id: i64) -> Vec<Delivery> {
    let mut calls = Vec::new();
    for (kind_place, kind) in CallKind::ALL.iter().enumerate() {
        for (place, status) in DeliveryStatus::ALL.iter().enumerate() {
            for level in 0..4 {
                let number = (kind_place * 5 + place) as i64 * 4 + level;
                calls.push(Delivery {
                    call: *kind,
                    status: *status,
                    level: level % 3,
                    ..delivery(profile, first_id + number * 7 % 41)
                });
            }
        }
    }
    calls
}

/// With a customer come the open calls and of each level the last update that was taken, whichever came first.
pub async fn decisions_see_the_calls_that_matter(store: &dyn Store) {
    let keys = [customer("a", 7), customer("a", 8), customer("b", 7)];
    let mut all: Vec<Vec<Delivery>> = vec![Vec::new(); keys.len()];
    let mut left = Vec::new();
    for (id, key) in (1..).zip(&keys) {
        put(store, &new_customer(key, id)).await.unwrap();
        left.push(all_sorts(&profile(key, id), id * 100));
    }
    while !left[0].is_empty() {
        for (place, key) in keys.iter().enumerate() {
            let rest = left[place].len().saturating_sub(7 + place);
            let calls = left[place].split_off(rest);
            let commit = commit_with(store, key, &calls, &[]).await;
            store.commit(commit).await.unwrap();
            all[place].extend(calls);
        }
        for (key, all) in keys.iter().zip(&all) {
            assert_eq!(store.customer(key).await.unwrap().deliveries, relevant(all));
        }
    }
    // Of each level another one matters once the last one is no longer taken.
    for _ in 0..4 {
        let seen = relevant(&all[0]);
        let told = seen.iter().filter(|call| !call.is_open());
        let told: Vec<Delivery> = told
            .map(|call| Delivery {
                status: DeliveryStatus::Refused,
                ..call.clone()
            })
            .collect();
        let commit = commit_with(store, &keys[0], &told, &[]).await;
        store.commit(commit).await.unwrap();
        for call in &mut all[0] {
            if let Some(changed) = told.iter().find(|changed| changed.id == call.id) {
                *call = changed.clone();
            }
        }
        assert_eq!(store.customer(&keys[0]).await.unwrap().deliveries, relevant(&all[0]));
    }
    assert!(relevant(&all[0]).iter().all(Delivery::is_open));
    assert_eq!(store.customer(&keys[1]).await.unwrap().deliveries, relevant(&all[1]));
}

/// What waits comes with its customer by id, all members; it leaves the queue, and the call stays.
pub async fn waiting_calls_come_with_their_customer(store: &dyn Store) {
    let (key, other) = (customer("a", 7), customer("a", 8));
    let mut calls = Vec::new();
    for id in [9, 3, 5] {
        calls.push(enqueue(store, &key, id, at(100 - id)).await);
        enqueue(store, &other, id + 100, at(0)).await;
    }
    calls.sort_by_key(|call| call.delivery_id);
    assert_eq!(waiting(store, &key).await, calls);
    assert_eq!(calls[0].queued_time, at(3));

    let commit = commit_with(store, &key, &[], &[drop_at(5, at(0))]).await;
    store.commit(commit).await.unwrap();
    calls.remove(1);
    assert_eq!(waiting(store, &key).await, calls);
    assert!(of(store, 5).await.is_some());
    assert_eq!(waiting(store, &other).await.len(), 3);

    // A call may come with all that is known of a try.
    let tried = QueuedCall {
        delivery_id: DeliveryId(4),
        queued_time: at(1),
        due_time: at(2),
        lease_until: Some(at(3)),
        attempts: 6,
        ..calls[0].clone()
    };
    let commit = commit_with(store, &key, &[], &[QueueChange::Add(tried.clone())]).await;
    store.commit(commit).await.unwrap();
    calls.insert(1, tried);
    assert_eq!(waiting(store, &key).await, calls);
}

/// Whoever queues what waits already is refused, and nothing of the commit stands.
pub async fn a_call_joins_the_queue_once(store: &dyn Store) {
    let keys = [customer("a", 7), customer("a", 8)];
    let first = enqueue(store, &keys[0], 1, at(0)).await;
    let second = enqueue(store, &keys[1], 2, at(0)).await;
    let fresh = QueuedCall {
        delivery_id: DeliveryId(3),
        ..first.clone()
    };
    let add = |call: &QueuedCall| QueueChange::Add(call.clone());
    let again = QueuedCall {
        due_time: at(5),
        ..first.clone()
    };
    for queue in [
        vec![add(&fresh), add(&again)],
        vec![add(&fresh), add(&fresh)],
        vec![drop_at(1, at(0)), add(&second)],
    ] {
        let call = delivery(&profile(&keys[0], 1), 3);
        let commit = commit_with(store, &keys[0], &[call], &queue).await;
        refused(store, commit, &keys, &[]).await;
    }
    // Once it has left, it may come again, also in the same commit.
    let commit = commit_with(store, &keys[0], &[], &[drop_at(1, at(0)), add(&again)]).await;
    store.commit(commit).await.unwrap();
    assert_eq!(waiting(store, &keys[0]).await, [again]);
}

/// A call that somebody is at is not dropped before the lease has ended; nor is one that does not wait.
pub async fn a_call_under_lease_is_not_dropped(store: &dyn Store) {
    let key = customer("a", 7);
    let brands = [brand("a")];
    enqueue(store, &key, 1, at(0)).await;
    let lease = claim("a", Which::Due, at(0), 10);
    let end = lease.lease_until;
    assert_eq!(claimed(store, lease).await, [1]);
    let superseded = Delivery {
        status: DeliveryStatus::Superseded,
        ..delivery(&profile(&key, 1), 1)
    };
    let next = QueuedCall::of(&delivery(&profile(&key, 1), 2));
    let drop_and_add = |now| [QueueChange::Add(next.clone()), drop_at(1, now)];
    for now in [at(0), Time(end.0 - 1)] {
        let commit = commit_with(store, &key, std::slice::from_ref(&superseded), &drop_and_add(now)).await;
        refused(store, commit, std::slice::from_ref(&key), &brands).await;
    }
    let commit = commit_with(store, &key, std::slice::from_ref(&superseded), &drop_and_add(end)).await;
    store.commit(commit).await.unwrap();
    assert_eq!(waiting(store, &key).await, [next]);
    assert_eq!(of(store, 1).await, Some(superseded));
    for id in [1, 3] {
        let commit = commit_with(store, &key, &[], &[drop_at(id, at(1_000))]).await;
        refused(store, commit, std::slice::from_ref(&key), &brands).await;
    }
}

/// Only under the lease that it has is a call finished: not under another, and not without one.
pub async fn a_call_is_finished_under_its_lease(store: &dyn Store) {
    let key = customer("a", 7);
    let brands = [brand("a")];
    let call = enqueue(store, &key, 1, at(0)).await;
    enqueue(store, &key, 2, at(0)).await;
    let delivered = Delivery {
        status: DeliveryStatus::Delivered,
        ..delivery(&profile(&key, 1), 1)
    };
    let ended = async |lease_until: Time| {
        let changes = [finish(1, lease_until, Heard::Answer, at(1))];
        commit_with(store, &key, std::slice::from_ref(&delivered), &changes).await
    };
    refused(store, ended(call.due_time).await, std::slice::from_ref(&key), &brands).await;
    let lease = claim("a", Which::Due, at(0), 10);
    let end = lease.lease_until;
    assert_eq!(claimed(store, lease).await, [1]);
    for other in [at(0), Time(end.0 - 1), Time(end.0 + 1)] {
        refused(store, ended(other).await, std::slice::from_ref(&key), &brands).await;
    }
    store.commit(ended(end).await).await.unwrap();
    assert_eq!(of(store, 1).await, Some(delivered.clone()));
    let left: Vec<i64> = waiting(store, &key)
        .await
        .iter()
        .map(|call| call.delivery_id.0)
        .collect();
    assert_eq!(left, [2]);
    refused(store, ended(end).await, std::slice::from_ref(&key), &brands).await;
}

/// An answer closes the brand's breaker, and all of the brand that waits is due; another brand's stays as it is.
pub async fn an_answer_makes_all_due_that_waited_for_it(store: &dyn Store) {
    let keys = [customer("a", 7), customer("a", 8), customer("b", 7)];
    let brands = ["a", "b"].map(brand);
    fail(store, &keys[0], 1, 5, at(100)).await;
    fail(store, &keys[2], 2, 5, at(100)).await;
    let early = enqueue(store, &keys[1], 3, at(40)).await;
    let late = enqueue(store, &keys[1], 4, at(10_000)).await;
    let elsewhere = enqueue(store, &keys[2], 5, at(10_000)).await;
    let probe = claim("a", Which::Probe, at(100), 1);
    let end = probe.lease_until;
    assert_eq!(claimed(store, probe).await, [1]);

    // A conflict closes nothing, and neither does an end without an answer.
    let commit = commit_with(store, &keys[0], &[], &[finish(1, at(1), Heard::Answer, at(50))]).await;
    refused(store, commit, &keys, &brands).await;
    let opened = store.breaker(&brands[0]).await.unwrap();
    assert!(opened.is_some());
    let commit = commit_with(store, &keys[0], &[], &[finish(1, end, Heard::Nothing, at(101))]).await;
    store.commit(commit).await.unwrap();
    assert_eq!(store.breaker(&brands[0]).await.unwrap(), opened);
    assert_eq!(waiting(store, &keys[1]).await, [early.clone(), late.clone()]);

    let probe = claim("a", Which::Probe, at(200), 1);
    let end = probe.lease_until;
    assert_eq!(claimed(store, probe).await, [3]);
    let commit = commit_with(store, &keys[1], &[], &[finish(3, end, Heard::Answer, at(201))]).await;
    store.commit(commit).await.unwrap();
    assert_eq!(store.breaker(&brands[0]).await.unwrap(), None);
    let due = QueuedCall {
        due_time: at(201),
        ..late
    };
    assert_eq!(waiting(store, &keys[1]).await, [due]);
    assert_eq!(waiting(store, &keys[2]).await.pop(), Some(elsewhere));
    assert_eq!(store.breaker(&brands[1]).await.unwrap().unwrap().failures, 5);
}

/// While the breaker was not open, an answer forgets the failures, and what waits keeps its time.
pub async fn an_answer_forgets_failures(store: &dyn Store) {
    let (key, other) = (customer("a", 7), customer("a", 8));
    fail(store, &key, 1, 4, at(100)).await;
    let late = enqueue(store, &other, 2, at(10_000)).await;
    let lease = claim("a", Which::Due, at(0), 1);
    let end = lease.lease_until;
    assert_eq!(claimed(store, lease).await, [1]);
    let commit = commit_with(store, &key, &[], &[finish(1, end, Heard::Answer, at(1))]).await;
    store.commit(commit).await.unwrap();
    assert_eq!(store.breaker(&brand("a")).await.unwrap(), None);
    assert_eq!(waiting(store, &other).await, [late]);
    // Counted from the beginning again.
    fail(store, &key, 3, 1, at(100)).await;
    assert_eq!(store.breaker(&brand("a")).await.unwrap().unwrap().failures, 1);
}

/// A call that ends with a failure counts like one that is put back, also where it is the one that opens the breaker.
pub async fn a_call_that_ends_with_a_failure_counts(store: &dyn Store) {
    let key = customer("a", 7);
    for failures in 1..=BREAKER_FAILURES_MAX + 1 {
        let now = at(failures * 100);
        enqueue(store, &key, failures, at(0)).await;
        let which = if failures > BREAKER_FAILURES_MAX {
            Which::Probe
        } else {
            Which::Due
        };
        let lease = claim("a", which, now, 1);
        let end = lease.lease_until;
        assert_eq!(claimed(store, lease).await, [failures]);
        let commit = commit_with(store, &key, &[], &[finish(failures, end, Heard::Failure, now)]).await;
        store.commit(commit).await.unwrap();
        let breaker = store.breaker(&brand("a")).await.unwrap().unwrap();
        let opened = at(BREAKER_FAILURES_MAX * 100).plus_seconds(PROBE_SECONDS);
        let probe_time = match failures.cmp(&BREAKER_FAILURES_MAX) {
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal => Some(opened),
            // It was set when the probe was claimed.
            std::cmp::Ordering::Greater => Some(now.plus_seconds(PROBE_SECONDS)),
        };
        assert_eq!((breaker.failures, breaker.probe_time), (failures, probe_time));
    }
    assert_eq!(waiting(store, &key).await, []);
}

/// A change of the brand can make all due that waits: no later than then, and not what somebody is at.
pub async fn a_brands_change_wakes_its_calls(store: &dyn Store) {
    let keys = [customer("a", 7), customer("a", 8), customer("b", 7)];
    fail(store, &keys[0], 1, 5, at(10_000)).await;
    fail(store, &keys[2], 2, 5, at(10_000)).await;
    let lease = claim("a", Which::Due, at(0), 1);
    assert_eq!(claimed(store, lease).await, [1]);
    let early = enqueue(store, &keys[1], 3, at(4)).await;
    let late = enqueue(store, &keys[1], 4, at(10_000)).await;
    let elsewhere = enqueue(store, &keys[2], 5, at(10_000)).await;

    let name = brand("a");
    let state = brand_with("a", Vec::new());
    let mut commit = brand_commit_of(store, &state, &state).await;
    commit.wakes_calls = Some(at(5));
    let mut overtaken = commit.clone();
    overtaken.base_version = 1;
    refused(store, overtaken, &keys, std::slice::from_ref(&name)).await;
    store.commit(commit).await.unwrap();

    let due = QueuedCall {
        due_time: at(5),
        ..late
    };
    assert_eq!(waiting(store, &keys[1]).await, [early, due]);
    assert_eq!(waiting(store, &keys[2]).await.pop(), Some(elsewhere));
    assert_eq!(store.breaker(&name).await.unwrap(), None);
    assert!(store.breaker(&brand("b")).await.unwrap().is_some());
    // The first one is still whose it was.
    assert_eq!(claimed(store, claim("a", Which::Due, at(5), 10)).await, [3]);
}
