//! Metadata of files: claimed by whom a document or answer of theirs names them, else forgotten some day.

use futures_util::future::join_all;
use kyc_core::file::FileMeta;
use kyc_core::time::Time;

use super::sample::{at, customer, file, file_id};
use crate::store::{Store, StoreError};

/// All members, with an owner and without.
pub async fn a_file_comes_back(store: &dyn Store) {
    let owner = customer("a", 7);
    for file in [file(1, Some(&owner)), file(2, None)] {
        store.add_file(file.clone()).await.unwrap();
        assert_eq!(store.file(&file.file_id).await.unwrap(), Some(file));
    }
}

/// An id that is taken is a conflict, and the first file stays.
pub async fn a_file_id_is_taken_once(store: &dyn Store) {
    store.add_file(file(1, None)).await.unwrap();
    let other = FileMeta {
        checksum: "other".to_owned(),
        ..file(1, None)
    };
    assert_eq!(store.add_file(other).await, Err(StoreError::Conflict));
    assert_eq!(store.file(&file_id(1)).await.unwrap(), Some(file(1, None)));
}

/// Claiming marks a customer's own files and gives it those that were nobody's; again is no harm.
pub async fn claimed_files_belong_to_the_customer(store: &dyn Store) {
    let owner = customer("a", 7);
    store.add_file(file(1, Some(&owner))).await.unwrap();
    store.add_file(file(2, None)).await.unwrap();
    store.add_file(file(3, None)).await.unwrap();
    store.claim_files(&[], &owner).await.unwrap();
    for _ in 0..2 {
        store.claim_files(&[file_id(1), file_id(2)], &owner).await.unwrap();
        for number in [1, 2] {
            let claimed = FileMeta {
                claimed: true,
                ..file(number, Some(&owner))
            };
            assert_eq!(store.file(&file_id(number)).await.unwrap(), Some(claimed));
        }
    }
    assert_eq!(store.file(&file_id(3)).await.unwrap(), Some(file(3, None)));
}

/// One file that is another's or gone, and none is claimed. What was nobody's goes to one of those who want it.
pub async fn all_files_are_claimed_or_none(store: &dyn Store) {
    let (owner, other) = (customer("a", 7), customer("a", 8));
    store.add_file(file(1, None)).await.unwrap();
    store.add_file(file(2, Some(&owner))).await.unwrap();
    let namesake = customer("b", 8);
    for (ids, claimer) in [
        (vec![file_id(1), file_id(2)], &other),
        (vec![file_id(1), file_id(9)], &owner),
        (vec![file_id(2)], &namesake),
        (vec![file_id(9)], &owner),
    ] {
        assert_eq!(
            store.claim_files(&ids, claimer).await,
            Err(StoreError::Conflict),
            "{ids:?}"
        );
        assert_eq!(store.file(&file_id(1)).await.unwrap(), Some(file(1, None)));
        assert_eq!(store.file(&file_id(2)).await.unwrap(), Some(file(2, Some(&owner))));
    }
    let claimers: Vec<_> = (1..=50).map(|number| customer("a", number)).collect();
    let ids = [file_id(1)];
    let results = join_all(claimers.iter().map(|claimer| store.claim_files(&ids, claimer))).await;
    let won: Vec<_> = claimers
        .iter()
        .zip(&results)
        .filter(|(_, result)| result.is_ok())
        .collect();
    assert_eq!(won.len(), 1, "{results:?}");
    assert_eq!(
        store.file(&file_id(1)).await.unwrap().unwrap().owner().as_ref(),
        Some(won[0].0)
    );
}

/// The oldest first, older than asked, owned or not, never more than asked for.
pub async fn unclaimed_files_are_listed_by_age(store: &dyn Store) {
    let owner = customer("a", 7);
    for number in [3, 1, 5, 2, 4] {
        store
            .add_file(file(number, Some(&owner).filter(|_| number % 2 == 0)))
            .await
            .unwrap();
    }
    store.claim_files(&[file_id(2)], &owner).await.unwrap();
    let numbers = async |before: Time, limit| {
        let files = store.unclaimed_files(before, limit).await.unwrap();
        files
            .iter()
            .map(|file| file.created_time.seconds() - at(0).seconds())
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(at(100), 10).await, [1, 3, 4, 5]);
    assert_eq!(numbers(at(4), 10).await, [1, 3]);
    assert_eq!(numbers(Time(at(4).0 + 1), 10).await, [1, 3, 4]);
    assert_eq!(numbers(at(100), 2).await, [1, 3]);
    assert_eq!(store.unclaimed_files(at(100), 1).await.unwrap(), [file(1, None)]);
}

/// A claimed file is never removed, and a removed one cannot be claimed.
pub async fn only_unclaimed_files_are_removed(store: &dyn Store) {
    let owner = customer("a", 7);
    for number in [1, 2] {
        store.add_file(file(number, None)).await.unwrap();
    }
    store.claim_files(&[file_id(1)], &owner).await.unwrap();
    assert!(!store.remove_unclaimed(&file_id(1)).await.unwrap());
    assert!(store.remove_unclaimed(&file_id(2)).await.unwrap());
    assert!(!store.remove_unclaimed(&file_id(2)).await.unwrap());
    assert!(!store.remove_unclaimed(&file_id(3)).await.unwrap());
    assert!(store.file(&file_id(1)).await.unwrap().is_some());
    assert_eq!(store.file(&file_id(2)).await.unwrap(), None);
    assert_eq!(
        store.claim_files(&[file_id(2)], &owner).await,
        Err(StoreError::Conflict)
    );
}

/// A name is known by the row of its id, and only as a whole: what is told apart from it is a stray, in the order given.
pub async fn names_without_a_row_are_strays(store: &dyn Store) {
    let kept = file(1, None);
    store.add_file(kept.clone()).await.unwrap();
    store.add_file(file(2, Some(&customer("a", 7)))).await.unwrap();
    let strays = [
        file(3, None).stored_name(),
        format!("{}.part", kept.file_id),
        kept.file_id.to_string(),
        "a.pdf".to_owned(),
    ];
    let mut names = strays.to_vec();
    names.insert(1, kept.stored_name());
    names.push(file(2, None).stored_name());
    assert_eq!(store.strays(names).await.unwrap(), strays);
    assert!(store.strays(Vec::new()).await.unwrap().is_empty());
}
