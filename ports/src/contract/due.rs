//! What is due: found from its time on, the longest due first.

use kyc_core::customer::CustomerState;
use kyc_core::id::CustomerKey;
use kyc_core::time::Time;

use super::sample::{at, brand_commit_of, brand_with, commit_of, customer, event, new_customer, profile_mut};
use crate::store::Store;

/// Commits a customer with this due time.
async fn put_due(store: &dyn Store, number: i64, due_time: Option<Time>) {
    let key = customer("a", number);
    let before = store.customer(&key).await.unwrap();
    let mut after = CustomerState {
        head: before.head,
        ..new_customer(&key, number)
    };
    profile_mut(&mut after).version = before.head.version + 1;
    let events = [event(after.profile.as_ref().map(|profile| profile.id))];
    let mut commit = commit_of(store, &before, &after, &events).await;
    commit.head.due_time = due_time;
    store.commit(commit).await.unwrap();
    assert_eq!(store.customer(&key).await.unwrap().head.due_time, due_time);
}

fn customers(numbers: &[i64]) -> Vec<CustomerKey> {
    numbers.iter().map(|number| customer("a", *number)).collect()
}

/// In the order of their times, from the very microsecond on, never more than asked for.
pub async fn the_longest_due_comes_first(store: &dyn Store) {
    for (number, due_time) in [
        (1, Some(at(30))),
        (2, Some(at(10))),
        (3, None),
        (4, Some(at(20))),
        (5, Some(at(10_000))),
    ] {
        put_due(store, number, due_time).await;
    }
    // A brand is no customer, whatever its stream says.
    let mut commit = brand_commit_of(store, &brand_with("a", Vec::new()), &brand_with("a", Vec::new())).await;
    commit.head.due_time = Some(at(1));
    store.commit(commit).await.unwrap();
    assert_eq!(store.due(at(30), 10).await.unwrap(), customers(&[2, 4, 1]));
    assert_eq!(store.due(Time(at(30).0 - 1), 10).await.unwrap(), customers(&[2, 4]));
    assert_eq!(store.due(at(30), 2).await.unwrap(), customers(&[2, 4]));
    assert_eq!(store.due(at(30), 0).await.unwrap(), []);
    assert_eq!(store.due(at(9), 10).await.unwrap(), []);
}

/// A commit moves what is due, or clears it.
pub async fn what_is_due_follows_the_commits(store: &dyn Store) {
    put_due(store, 1, Some(at(10))).await;
    put_due(store, 2, Some(at(20))).await;
    put_due(store, 1, Some(at(30))).await;
    assert_eq!(store.due(at(40), 10).await.unwrap(), customers(&[2, 1]));
    put_due(store, 2, None).await;
    assert_eq!(store.due(at(40), 10).await.unwrap(), customers(&[1]));
}
