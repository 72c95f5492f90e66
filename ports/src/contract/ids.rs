//! Reserved ids are never given twice and rise.

use futures_util::future::join_all;

use crate::store::{Reserved, Store, Wanted};

/// One kind of id: its number wanted, its first reserved, and where it begins.
type Kind = (&'static str, fn(&mut Wanted) -> &mut i64, fn(&Reserved) -> i64, i64);

const KINDS: [Kind; 8] = [
    ("profile", |wanted| &mut wanted.profiles, |reserved| reserved.profile, 1),
    ("step", |wanted| &mut wanted.steps, |reserved| reserved.step, 1),
    (
        "document",
        |wanted| &mut wanted.documents,
        |reserved| reserved.document,
        1,
    ),
    (
        "template",
        |wanted| &mut wanted.templates,
        |reserved| reserved.template,
        1,
    ),
    ("audit", |wanted| &mut wanted.audit, |reserved| reserved.audit, 1),
    // Smaller numbers are for customers whom somebody else numbers.
    (
        "customer",
        |wanted| &mut wanted.customers,
        |reserved| reserved.customer,
        1_000_000_000,
    ),
    ("tenant", |wanted| &mut wanted.tenants, |reserved| reserved.tenant, 1),
    (
        "delivery",
        |wanted| &mut wanted.deliveries,
        |reserved| reserved.delivery,
        1,
    ),
];

/// Whatever is asked for, large or small, one kind or several, begins behind all that was given before.
pub async fn ids_rise_and_never_repeat(store: &dyn Store) {
    let mut next = KINDS.map(|(.., begin)| begin);
    for round in 0..40 {
        let mut wanted = Wanted::default();
        for (place, (_, count, ..)) in KINDS.iter().enumerate() {
            *count(&mut wanted) = [1, 0, 700, 3, 255, 256, 257][(round + place) % 7];
        }
        let reserved = store.reserve(wanted).await.unwrap();
        for (next, (name, count, first, _)) in next.iter_mut().zip(KINDS) {
            let count = *count(&mut wanted);
            // Where none were wanted, there is no first one.
            if count > 0 {
                assert!(
                    first(&reserved) >= *next,
                    "{name}: {} comes after {next}",
                    first(&reserved)
                );
                *next = first(&reserved) + count;
            }
        }
    }
}

/// Callers that ask at the same time get different ids.
pub async fn ids_asked_for_at_once_differ(store: &dyn Store) {
    let counts: Vec<i64> = (0..40).map(|caller| 1 + caller).collect();
    for (name, count, first, begin) in KINDS {
        let wanted = counts.iter().map(|wanted| {
            let mut all = Wanted::default();
            *count(&mut all) = *wanted;
            all
        });
        let reserved = join_all(wanted.map(|wanted| store.reserve(wanted))).await;
        let mut given: Vec<(i64, i64)> = reserved
            .iter()
            .zip(&counts)
            .map(|(reserved, count)| (first(reserved.as_ref().unwrap()), *count))
            .collect();
        given.sort_unstable();
        for pair in given.windows(2) {
            assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{name}: {pair:?} overlap");
        }
        assert!(given[0].0 >= begin, "{name}: ids begin at {begin}");
    }
}
