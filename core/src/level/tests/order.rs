//! Stories of the order: ties at one instant, and ends by the clock among the entries.

use super::*;
use crate::level::Expiry;

#[test]
fn at_one_instant_submissions_come_first_then_approvals_rejections_and_expiries() {
    let backwards = [expired(1, 5), rejected(1, 5), approved(1, 5), submitted(1, 5)];
    check(&backwards, 9, KycStatus::Rejected, 0, &[2, 3, 4]);
    check(
        &[expired(1, 5), approved(1, 5), upgraded(1, 5)],
        9,
        KycStatus::Expired,
        0,
        &[1, 2, 3],
    );
}

#[test]
fn at_one_instant_webhooks_come_before_what_happened_here() {
    // The local approval is the later one, so its end counts.
    let both = log([
        submitted(1, 1),
        approved(1, 5).until(30).local(),
        approved(1, 5).until(20),
    ]);
    assert_eq!(fold(&both, Time(9)).expires_at, Some(Time(30)));
    // What happened comes first: a local rejection is after a webhook's approval, and before its expiry.
    check(
        &[submitted(1, 1), rejected(1, 5).local(), approved(1, 5), expired(1, 5)],
        9,
        KycStatus::Rejected,
        0,
        &[1, 2, 3],
    );
}

#[test]
fn at_one_instant_ids_are_compared_by_bytes_and_local_entries_by_number() {
    let approval = |id: &str, number: i64, end: i64| LevelEntry {
        number,
        event_id: Some(id.to_owned()),
        ..approved(1, 5).until(end)
    };
    let open = || log([submitted(1, 1)]);
    // In bytes: "10" < "9" < "Z" < "a" < "é", whatever the numbers say.
    for (early, late) in [("10", "9"), ("Z", "a"), ("a", "aa"), ("z", "é")] {
        for (one, other) in [(2, 3), (3, 2)] {
            let entries = [approval(early, one, 20), approval(late, other, 30)];
            let ends = fold(&[open(), entries.to_vec()].concat(), Time(9)).expires_at;
            assert_eq!(ends, Some(Time(30)), "{early} {late}");
        }
    }
    let local = log([approved(1, 5).until(30).local(), approved(1, 5).until(20).local()]);
    assert_eq!(fold(&local, Time(9)).expires_at, Some(Time(20)));
}

#[test]
fn an_approval_that_is_over_when_it_is_given_ends_at_once() {
    for end in [2, 5] {
        let over = [submitted(1, 1), approved(1, 5).until(end)];
        check(&over, 5, KycStatus::Expired, 0, &[1, 2]);
        let [open, verdict] = over;
        // Before the next entry of the same instant: there is nothing left to reject.
        check(&[open, verdict, rejected(1, 5)], 5, KycStatus::Expired, 0, &[1, 2]);
    }
}

#[test]
fn a_verification_ends_at_its_end_and_not_before() {
    let verified = [submitted(1, 1), approved(1, 2).until(10)];
    check(&verified, 9, KycStatus::Verified, 1, &[1, 2]);
    check(&verified, 10, KycStatus::Expired, 0, &[1, 2]);
    let [open, verdict] = verified;
    // An entry at that very instant finds it ended, even another level's that is ahead of our clock.
    check(
        &[open.clone(), verdict.clone(), expired(1, 10)],
        10,
        KycStatus::Expired,
        0,
        &[1, 2],
    );
    check(&[open, verdict, submitted(2, 10)], 5, KycStatus::Pending, 0, &[1, 2, 3]);
}

#[test]
fn the_clock_ends_the_earliest_first_then_the_lower_level() {
    let ends = |ends: [i64; 3]| {
        let approvals = (1..)
            .zip(ends)
            .map(|(level, end)| approved(level, 1).until(end).local());
        fold(&log(approvals), Time(9))
    };
    let order = |fold: &Fold| -> Vec<(i64, i64)> {
        let expiry = |expiry: &Expiry| (expiry.at.0, expiry.level);
        fold.expiries.iter().map(expiry).collect()
    };
    assert_eq!(order(&ends([7, 5, 6])), [(5, 2), (6, 3), (7, 1)]);
    assert_eq!(order(&ends([5, 5, 5])), [(5, 1), (5, 2), (5, 3)]);
    let fold = ends([5, 12, 7]);
    assert_eq!(order(&fold), [(5, 1), (7, 3)]);
    assert_eq!(fold.next_end, Some(Time(12)));
    assert_eq!(fold.expiries[1].approval, 3);
}

#[test]
fn an_end_by_the_clock_counts_as_an_event_at_its_time() {
    // Level 2 ends after level 1 was submitted, before level 1 is rejected.
    let story = |end| {
        [
            submitted(2, 1),
            approved(2, 2).until(end),
            submitted(1, 5),
            rejected(1, 10),
        ]
    };
    check(&story(9), 20, KycStatus::Rejected, 0, &[1, 2, 3, 4]);
    check(&story(11), 20, KycStatus::Expired, 0, &[1, 2, 3, 4]);
    // Also where the level stays pending: its renewal is what happened last.
    let renewal = [
        submitted(2, 1),
        approved(2, 2).until(9),
        submitted(2, 3),
        submitted(1, 5),
        rejected(1, 6),
    ];
    check(&renewal, 8, KycStatus::Pending, 2, &[1, 2, 3, 4, 5]);
    check(&renewal, 9, KycStatus::Pending, 0, &[1, 2, 3, 4, 5]);
}

#[test]
fn an_approval_that_is_over_when_it_is_given_ends_at_once_ahead_of_our_clock_too() {
    check(
        &[submitted(1, 1), approved(1, 20).until(15)],
        10,
        KycStatus::Expired,
        0,
        &[1, 2],
    );
}
