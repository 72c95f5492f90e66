//! Claims: each waiting call is one sender's at a time, in its customer's order; failures and breakers.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use kyc_core::id::{Brand, CustomerKey, DeliveryId};
use kyc_core::limits::{BREAKER_FAILURES_MAX, CALL_AGE_SECONDS_MAX, LEASE_SECONDS, PROBE_SECONDS};
use kyc_core::outbound::{Breaker, Heard, QueueChange, QueuedCall};
use kyc_core::time::Time;

use super::calls::{commit_with, enqueue, waiting};
use super::sample::{at, brand, customer};
use super::seen::{everything, refused};
use crate::store::{Claim, Postponed, Store, StoreError, Which};

pub(super) fn claim(brand_name: &str, which: Which, now: Time, limit: usize) -> Claim {
    Claim {
        brand: brand(brand_name),
        which,
        now,
        lease_until: now.plus_seconds(LEASE_SECONDS),
        limit,
    }
}

/// The ids of the claimed calls, which must all have the claim's lease.
pub(super) async fn claimed(store: &dyn Store, claim: Claim) -> Vec<i64> {
    let calls = store.claim_calls(claim.clone()).await.unwrap();
    ids_of(&claim, &calls)
}

fn ids_of(claim: &Claim, calls: &[QueuedCall]) -> Vec<i64> {
    let ids = calls.iter().map(|call| {
        assert_eq!(call.brand, claim.brand);
        assert_eq!(call.lease_until, Some(claim.lease_until));
        call.delivery_id.0
    });
    ids.collect()
}

fn postponed(call: &QueuedCall, lease_until: Time, attempts: i64) -> Postponed {
    Postponed {
        delivery_id: call.delivery_id,
        brand: call.brand.clone(),
        lease_until,
        attempts,
        due_time: call.due_time,
        probe_time: at(0),
    }
}

/// Queues a call that is due at the samples' beginning and lets it fail so often; it waits again, and is due.
pub(super) async fn fail(store: &dyn Store, key: &CustomerKey, id: i64, times: i64, probe_time: Time) {
    let call = enqueue(store, key, id, at(0)).await;
    for attempts in 1..=times {
        let lease = claim(key.brand.as_str(), Which::Due, at(0), 1);
        assert_eq!(claimed(store, lease.clone()).await, [id]);
        let failed = Postponed {
            probe_time,
            ..postponed(&call, lease.lease_until, attempts)
        };
        store.postpone_call(failed).await.unwrap();
    }
}

async fn finish(store: &dyn Store, key: &CustomerKey, id: i64, lease_until: Time) {
    let finish = QueueChange::Finish {
        delivery_id: DeliveryId(id),
        lease_until,
        heard: Heard::Nothing,
        now: at(0),
    };
    let commit = commit_with(store, key, &[], &[finish]).await;
    store.commit(commit).await.unwrap();
}

/// From the very microsecond on, the longest due of the brand, as many as are wanted, told in order of their ids.
pub async fn due_calls_are_claimed(store: &dyn Store) {
    for (id, due_time) in [(1, at(40)), (2, at(10)), (3, at(30)), (4, at(20)), (5, at(10_000))] {
        enqueue(store, &customer("a", id), id, due_time).await;
        enqueue(store, &customer("b", id), id + 10, at(0)).await;
    }
    let due = |now, limit| claim("a", Which::Due, now, limit);
    assert_eq!(claimed(store, due(Time(at(10).0 - 1), 10)).await, [0; 0]);
    assert_eq!(claimed(store, due(at(10), 0)).await, [0; 0]);
    assert_eq!(claimed(store, due(at(10), 10)).await, [2]);
    // The first lease runs; of those that are free the longest due come first.
    assert_eq!(claimed(store, due(Time(at(40).0 - 1), 1)).await, [4]);
    let end = at(40).plus_seconds(LEASE_SECONDS);
    let latest = Claim {
        lease_until: end,
        ..due(at(40), 10)
    };
    assert_eq!(claimed(store, latest).await, [1, 2, 3]);
    let shown = waiting(store, &customer("a", 1)).await;
    assert_eq!((shown[0].lease_until, shown[0].due_time), (Some(end), at(40)));
    assert_eq!(
        claimed(store, claim("b", Which::Due, at(0), 10)).await,
        [11, 12, 13, 14, 15]
    );
    assert_eq!(claimed(store, claim("c", Which::Due, at(10_000), 10)).await, [0; 0]);
}

/// A customer's calls go one after the other: while the oldest is under way or postponed, the next ones wait.
pub async fn of_each_customer_the_oldest_goes_first(store: &dyn Store) {
    let (key, other, namesake) = (customer("a", 7), customer("a", 8), customer("b", 7));
    // The later ones are due before it.
    let first = enqueue(store, &key, 2, at(10)).await;
    for id in [3, 4] {
        enqueue(store, &key, id, at(0)).await;
    }
    enqueue(store, &namesake, 1, at(10_000)).await;
    enqueue(store, &other, 5, at(0)).await;
    let due = |now| claim("a", Which::Due, now, 10);
    assert_eq!(claimed(store, due(at(9))).await, [5]);
    assert_eq!(claimed(store, due(at(10))).await, [2]);
    assert_eq!(claimed(store, due(at(11))).await, [0; 0]);
    let later = Postponed {
        due_time: at(1_000),
        ..postponed(&first, due(at(10)).lease_until, 1)
    };
    store.postpone_call(later).await.unwrap();
    finish(store, &other, 5, due(at(9)).lease_until).await;
    assert_eq!(claimed(store, due(at(999))).await, [0; 0]);
    assert_eq!(claimed(store, due(at(1_000))).await, [2]);
    finish(store, &key, 2, due(at(1_000)).lease_until).await;
    assert_eq!(claimed(store, due(at(1_000))).await, [3]);
    finish(store, &key, 3, due(at(1_000)).lease_until).await;
    assert_eq!(claimed(store, due(at(1_000))).await, [4]);
}

/// Whoever claims at the same time, and for whatever reason, a call is given to one of them.
pub async fn no_call_is_claimed_twice(store: &dyn Store) {
    for id in 1..=40 {
        enqueue(store, &customer("a", id), id, at(0)).await;
    }
    let claims: Vec<Claim> = (0..12)
        .map(|place| {
            let which = if place % 3 == 0 {
                Which::Overdue(at(1_000))
            } else {
                Which::Due
            };
            Claim {
                lease_until: at(1_000 + place),
                ..claim("a", which, at(0), 5)
            }
        })
        .collect();
    let results = join_all(claims.iter().map(|claim| store.claim_calls(claim.clone()))).await;
    let mut given = Vec::new();
    for (claim, result) in claims.iter().zip(results) {
        let ids = ids_of(claim, &result.unwrap());
        assert!(ids.len() <= 5);
        for id in &ids {
            let shown = waiting(store, &customer("a", *id)).await;
            assert_eq!(shown[0].lease_until, Some(claim.lease_until));
        }
        given.extend(ids);
    }
    given.sort_unstable();
    assert_eq!(given, (1..=40).collect::<Vec<i64>>());
}

/// Once a lease has ended, the call is anybody's; the one who had it can neither finish nor postpone it any more.
pub async fn an_ended_lease_is_claimed_again(store: &dyn Store) {
    let key = customer("a", 7);
    let brands = [brand("a")];
    let call = enqueue(store, &key, 1, at(0)).await;
    let first = claim("a", Which::Due, at(0), 10);
    assert_eq!(claimed(store, first.clone()).await, [1]);
    let too_early = claim("a", Which::Due, Time(first.lease_until.0 - 1), 10);
    assert_eq!(claimed(store, too_early).await, [0; 0]);
    let second = claim("a", Which::Due, first.lease_until, 10);
    assert_eq!(claimed(store, second.clone()).await, [1]);

    let before = everything(store, std::slice::from_ref(&key), &brands).await;
    let late = postponed(&call, first.lease_until, 1);
    assert_eq!(store.postpone_call(late).await, Err(StoreError::Conflict));
    assert_eq!(everything(store, std::slice::from_ref(&key), &brands).await, before);
    let changes = [QueueChange::Finish {
        delivery_id: call.delivery_id,
        lease_until: first.lease_until,
        heard: Heard::Answer,
        now: at(1),
    }];
    let commit = commit_with(store, &key, &[], &changes).await;
    refused(store, commit, std::slice::from_ref(&key), &brands).await;
    finish(store, &key, 1, second.lease_until).await;
    assert_eq!(waiting(store, &key).await, []);
}

/// A call goes back as it was told, every failure is counted, and enough of them open that brand's breaker.
pub async fn a_postponed_call_counts_a_failure(store: &dyn Store) {
    let key = customer("a", 7);
    let brands = [brand("a"), brand("b")];
    let call = enqueue(store, &key, 1, at(0)).await;
    let unclaimed = postponed(&call, at(0), 1);
    assert_eq!(store.postpone_call(unclaimed).await, Err(StoreError::Conflict));
    for failures in 1..=BREAKER_FAILURES_MAX + 2 {
        let lease = claim("a", Which::Due, at(failures * 100), 1);
        assert_eq!(claimed(store, lease.clone()).await, [1]);
        let failed = Postponed {
            due_time: at(failures * 100 + 50),
            probe_time: at(failures * 1_000),
            ..postponed(&call, lease.lease_until, failures * 2)
        };
        let before = everything(store, std::slice::from_ref(&key), &brands).await;
        for other in [Time(failed.lease_until.0 - 1), Time(failed.lease_until.0 + 1)] {
            let others = Postponed {
                lease_until: other,
                ..failed.clone()
            };
            assert_eq!(store.postpone_call(others).await, Err(StoreError::Conflict));
        }
        assert_eq!(everything(store, std::slice::from_ref(&key), &brands).await, before);

        store.postpone_call(failed.clone()).await.unwrap();
        let back = QueuedCall {
            due_time: failed.due_time,
            attempts: failures * 2,
            ..call.clone()
        };
        assert_eq!(waiting(store, &key).await, [back]);
        // Once it is open, its time is the probes' to move.
        let opened = failures >= BREAKER_FAILURES_MAX;
        let expected = Breaker {
            brand: brands[0].clone(),
            failures,
            probe_time: opened.then_some(at(BREAKER_FAILURES_MAX * 1_000)),
        };
        assert_eq!(store.breaker(&brands[0]).await.unwrap(), Some(expected));
        assert_eq!(store.breaker(&brands[1]).await.unwrap(), None);
        assert_eq!(store.postpone_call(failed).await, Err(StoreError::Conflict));
    }
    let gone = Postponed {
        delivery_id: DeliveryId(9),
        ..postponed(&call, at(0), 1)
    };
    assert_eq!(store.postpone_call(gone).await, Err(StoreError::Conflict));
}

/// While a breaker is open, once in a while the brand's oldest call goes through, due or not.
pub async fn an_open_breaker_lets_the_oldest_through(store: &dyn Store) {
    let keys = [customer("a", 7), customer("a", 8), customer("a", 9), customer("b", 7)];
    let probe = |now| claim("a", Which::Probe, now, 1);
    fail(store, &keys[0], 5, BREAKER_FAILURES_MAX - 1, at(100)).await;
    assert_eq!(store.claim_calls(probe(at(1_000))).await, Err(StoreError::Conflict));
    let lease = claim("a", Which::Due, at(0), 1);
    assert_eq!(claimed(store, lease.clone()).await, [5]);
    finish(store, &keys[0], 5, lease.lease_until).await;
    fail(store, &keys[0], 6, 1, at(100)).await;

    enqueue(store, &keys[3], 1, at(0)).await;
    for id in [2, 3] {
        enqueue(store, &keys[1], id, at(10_000)).await;
    }
    enqueue(store, &keys[2], 4, at(0)).await;
    assert_eq!(
        store.claim_calls(probe(Time(at(100).0 - 1))).await,
        Err(StoreError::Conflict)
    );
    // Its lease is longer than the pause between two probes.
    let long = Claim {
        lease_until: at(100).plus_seconds(2 * PROBE_SECONDS),
        ..probe(at(100))
    };
    assert_eq!(claimed(store, long).await, [2]);
    let next = at(100).plus_seconds(PROBE_SECONDS);
    assert_eq!(
        store.breaker(&brand("a")).await.unwrap().unwrap().probe_time,
        Some(next)
    );
    for now in [at(100), Time(next.0 - 1)] {
        assert_eq!(store.claim_calls(probe(now)).await, Err(StoreError::Conflict));
    }
    // The customer's next one waits for it, another's does not.
    assert_eq!(claimed(store, probe(next)).await, [4]);
    let third = next.plus_seconds(PROBE_SECONDS);
    assert_eq!(claimed(store, probe(third)).await, [2]);
    let other = claim("b", Which::Probe, third, 1);
    assert_eq!(store.claim_calls(other).await, Err(StoreError::Conflict));
}

/// Of many who want to probe at the same time, one may.
pub async fn one_probe_goes_at_a_time(store: &dyn Store) {
    fail(store, &customer("a", 1), 1, BREAKER_FAILURES_MAX, at(100)).await;
    for id in 2..=20 {
        enqueue(store, &customer("a", id), id, at(0)).await;
    }
    let probes = (0..20).map(|_| store.claim_calls(claim("a", Which::Probe, at(100), 1)));
    let results = join_all(probes).await;
    let won: Vec<&Vec<QueuedCall>> = results.iter().flatten().collect();
    assert_eq!(won.len(), 1, "{results:?}");
    assert_eq!(won[0][0].delivery_id, DeliveryId(1));
    assert!(
        results
            .iter()
            .all(|result| matches!(result, Ok(_) | Err(StoreError::Conflict))),
        "{results:?}"
    );
}

/// What was queued long enough ago is claimed by age alone: any of a customer's, due or not, whatever the breaker says,
/// but not what somebody is at.
pub async fn overdue_calls_are_claimed_by_age(store: &dyn Store) {
    let (key, other) = (customer("a", 7), customer("a", 8));
    fail(store, &other, 3, BREAKER_FAILURES_MAX, at(100_000)).await;
    // They are queued at the second of their id.
    for id in [1, 2, 5, 6] {
        enqueue(store, &key, id, at(10_000)).await;
    }
    enqueue(store, &customer("b", 7), 4, at(0)).await;
    let overdue = |before: Time, now: Time, limit| claim("a", Which::Overdue(before), now, limit);
    assert_eq!(claimed(store, overdue(Time(at(1).0 - 1), at(50), 10)).await, [0; 0]);
    assert_eq!(claimed(store, overdue(at(5), at(50), 1)).await, [1]);
    assert_eq!(claimed(store, overdue(Time(at(5).0 - 1), at(51), 10)).await, [2, 3]);
    assert_eq!(claimed(store, overdue(at(5), at(51), 10)).await, [5]);
    // Leases end here, too.
    let end = at(50).plus_seconds(LEASE_SECONDS);
    assert_eq!(claimed(store, overdue(at(5), end, 10)).await, [1]);
    assert_eq!(
        store.breaker(&brand("a")).await.unwrap().unwrap().failures,
        BREAKER_FAILURES_MAX
    );
}

async fn callable(store: &dyn Store, now: Time) -> Vec<Brand> {
    let brands = store.callable_brands(now).await.unwrap();
    let named: BTreeSet<Brand> = brands.iter().cloned().collect();
    assert_eq!(named.len(), brands.len(), "each brand is named once: {brands:?}");
    named.into_iter().collect()
}

/// A brand is callable when something of it is due that nobody is at.
pub async fn brands_with_due_calls_are_callable(store: &dyn Store) {
    for id in 1..=3 {
        enqueue(store, &customer("a", id), id, at(10)).await;
        enqueue(store, &customer("b", id), id + 10, at(20)).await;
    }
    enqueue(store, &customer("c", 1), 20, at(10_000)).await;
    assert_eq!(callable(store, Time(at(10).0 - 1)).await, []);
    assert_eq!(callable(store, at(10)).await, [brand("a")]);
    assert_eq!(callable(store, at(20)).await, ["a", "b"].map(brand));

    // While all of it is being sent there is nothing to do.
    let lease = claim("a", Which::Due, at(20), 10);
    assert_eq!(claimed(store, lease.clone()).await, [1, 2, 3]);
    assert_eq!(callable(store, at(20)).await, [brand("b")]);
    assert_eq!(callable(store, Time(lease.lease_until.0 - 1)).await, [brand("b")]);
    assert_eq!(callable(store, lease.lease_until).await, ["a", "b"].map(brand));
    for id in 1..=3 {
        finish(store, &customer("a", id), id, lease.lease_until).await;
    }
    assert_eq!(callable(store, lease.lease_until).await, [brand("b")]);
    assert_eq!(callable(store, at(10_000)).await, ["b", "c"].map(brand));
}

/// With an open breaker a brand is callable when its next probe is, due or not; failures that do not open it hold
/// nothing back.
pub async fn an_open_breaker_holds_its_brand_back(store: &dyn Store) {
    fail(store, &customer("a", 1), 1, BREAKER_FAILURES_MAX, at(100)).await;
    fail(store, &customer("b", 1), 2, BREAKER_FAILURES_MAX - 1, at(100)).await;
    assert_eq!(callable(store, at(0)).await, [brand("b")]);
    assert_eq!(callable(store, Time(at(100).0 - 1)).await, [brand("b")]);
    assert_eq!(callable(store, at(100)).await, ["a", "b"].map(brand));
    let probe = claim("a", Which::Probe, at(100), 1);
    assert_eq!(claimed(store, probe.clone()).await, [1]);
    assert_eq!(callable(store, probe.lease_until).await, [brand("b")]);

    // Another call that is not due is looked at with the next probe all the same.
    finish(store, &customer("a", 1), 1, probe.lease_until).await;
    enqueue(store, &customer("a", 2), 3, at(10_000)).await;
    let next = at(100).plus_seconds(PROBE_SECONDS);
    assert_eq!(callable(store, Time(next.0 - 1)).await, [brand("b")]);
    assert_eq!(callable(store, next).await, ["a", "b"].map(brand));
}

/// Calls that are to be given up make their brand callable, due or not, whatever the breaker says.
pub async fn overdue_calls_make_their_brand_callable(store: &dyn Store) {
    let never = at(10 * CALL_AGE_SECONDS_MAX);
    fail(store, &customer("a", 1), 1, BREAKER_FAILURES_MAX, never).await;
    enqueue(store, &customer("b", 1), 2, never).await;
    let age = |id: i64| at(id).plus_seconds(CALL_AGE_SECONDS_MAX);
    assert_eq!(callable(store, Time(age(1).0 - 1)).await, []);
    assert_eq!(callable(store, age(1)).await, [brand("a")]);
    assert_eq!(callable(store, age(2)).await, ["a", "b"].map(brand));
    let lease = claim("a", Which::Overdue(at(1)), age(2), 10);
    assert_eq!(claimed(store, lease.clone()).await, [1]);
    assert_eq!(callable(store, age(2)).await, [brand("b")]);
    assert_eq!(callable(store, lease.lease_until).await, ["a", "b"].map(brand));
}
