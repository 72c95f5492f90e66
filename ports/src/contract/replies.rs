//! Replies that are kept to be given again, and the store's word on whether it can write.

use kyc_core::commit::KeptReply;
use kyc_core::id::ProfileId;
use kyc_core::json::Json;
use kyc_core::time::Time;
use serde_json::json;

use super::sample::{at, commit_of, customer, event, kept, new_customer, profile_mut};
use crate::store::Store;

/// Commits something that keeps a reply.
async fn keep(store: &dyn Store, reply: KeptReply) {
    let key = customer("a", 7);
    let before = store.customer(&key).await.unwrap();
    let mut after = new_customer(&key, 1);
    profile_mut(&mut after).version = before.head.version + 1;
    let mut commit = commit_of(store, &before, &after, &[event(Some(ProfileId(1)))]).await;
    commit.kept = Some(reply);
    store.commit(commit).await.unwrap();
}

/// All members come back, for exactly this subject, command and key.
pub async fn a_reply_is_kept_for_its_key(store: &dyn Store) {
    let long = "ключ".repeat(32);
    let reply = KeptReply {
        body: Json::from(json!({ "step": { "answers": { "age": 18.1 }, "name": "Ü" } })),
        ..kept("9:a:7:sub", "MngX", &long)
    };
    keep(store, reply.clone()).await;
    assert_eq!(store.kept_reply("9:a:7:sub", "MngX", &long).await.unwrap(), Some(reply));
    for (subject, command, key) in [
        ("9:a:7:su", "MngX", long.as_str()),
        ("9:a:7:sub", "MngY", &long),
        ("9:a:7:sub", "MngX", "k"),
    ] {
        assert_eq!(store.kept_reply(subject, command, key).await.unwrap(), None);
    }
}

/// Those kept since before a time go, their number is told, and their keys are free again.
pub async fn old_replies_are_forgotten(store: &dyn Store) {
    for number in 1..=3 {
        keep(
            store,
            KeptReply {
                created_time: at(number),
                ..kept("s", "c", &number.to_string())
            },
        )
        .await;
    }
    assert_eq!(store.forget_replies(at(1)).await.unwrap(), 0);
    assert_eq!(store.forget_replies(Time(at(2).0 + 1)).await.unwrap(), 2);
    assert_eq!(store.forget_replies(at(2)).await.unwrap(), 0);
    assert_eq!(store.kept_reply("s", "c", "2").await.unwrap(), None);
    assert!(store.kept_reply("s", "c", "3").await.unwrap().is_some());
    keep(store, kept("s", "c", "2")).await;
    assert_eq!(
        store.kept_reply("s", "c", "2").await.unwrap(),
        Some(kept("s", "c", "2"))
    );
}

/// Asking whether a write would go through changes nothing.
pub async fn a_store_that_works_says_so(store: &dyn Store) {
    store.check_writable().await.unwrap();
    keep(store, kept("s", "c", "k")).await;
    let before = store.customer(&customer("a", 7)).await.unwrap();
    store.check_writable().await.unwrap();
    assert_eq!(store.customer(&customer("a", 7)).await.unwrap(), before);
}
