//! A story for each sentence around the table: renewals, verdicts out of turn, and what the profile shows.

use super::*;

#[test]
fn nothing_has_happened_to_an_empty_log() {
    assert_eq!(fold(&[], Time(9)), Fold::default());
    check(&[], 9, KycStatus::None, 0, &[]);
}

#[test]
fn a_renewal_locks_nobody_out() {
    let renewal = [submitted(2, 1), approved(2, 2).until(20), submitted(2, 10)];
    let folded = fold(&log(renewal.clone()), Time(19));
    assert_eq!(told(&folded), (KycStatus::Pending, 2, vec![1, 2, 3]));
    assert_eq!(folded.expires_at, Some(Time(20)));
    assert_eq!(folded.levels[&2].verification.unwrap().since, Time(2));
    // Its own end comes before the verdict.
    check(&renewal, 20, KycStatus::Pending, 0, &[1, 2, 3]);
    // The verdict comes before its end.
    let [first, second, third] = renewal;
    let renewed = [first, second, third, approved(2, 15).until(40)];
    let folded = fold(&log(renewed), Time(20));
    assert_eq!(told(&folded), (KycStatus::Verified, 2, vec![1, 2, 3, 4]));
    assert_eq!(folded.expires_at, Some(Time(40)));
    assert_eq!(folded.levels[&2].verification.unwrap().approval, 4);
    assert!(folded.expiries.is_empty());
}

#[test]
fn a_second_approval_replaces_the_end_of_the_first() {
    let first = [submitted(1, 1), approved(1, 2).until(5)];
    let second = |next: LevelEntry| fold(&log(first.iter().cloned().chain([next])), Time(9));
    assert_eq!(second(approved(1, 4)).expires_at, None);
    assert_eq!(told(&second(approved(1, 4))), (KycStatus::Verified, 1, vec![1, 2, 3]));
    // At the first one's end the clock is faster, and there is nothing left to approve.
    assert_eq!(told(&second(approved(1, 5))), (KycStatus::Expired, 0, vec![1, 2]));
}

#[test]
fn a_rejection_ends_the_verification() {
    check(
        &[submitted(2, 1), approved(2, 2), rejected(2, 3)],
        9,
        KycStatus::Rejected,
        0,
        &[1, 2, 3],
    );
    let renewal = [submitted(2, 1), approved(2, 2), submitted(2, 3), rejected(2, 4)];
    check(&renewal, 9, KycStatus::Rejected, 0, &[1, 2, 3, 4]);
}

#[test]
fn an_expiry_during_a_renewal_leaves_it_pending() {
    let renewal = [submitted(2, 1), approved(2, 2), submitted(2, 3), expired(2, 4)];
    check(&renewal, 9, KycStatus::Pending, 0, &[1, 2, 3, 4]);
    // With nothing running a second one has nothing to end.
    let [a, b, c, d] = renewal;
    check(&[a, b, c, d, expired(2, 5)], 9, KycStatus::Pending, 0, &[1, 2, 3, 4]);
}

#[test]
fn a_verdict_without_a_submission_waits_for_it() {
    let verdict = approved(2, 20).until(50);
    check(std::slice::from_ref(&verdict), 30, KycStatus::None, 0, &[]);
    check(
        &[verdict.clone(), submitted(2, 10)],
        30,
        KycStatus::Verified,
        2,
        &[1, 2],
    );
    // A submission after it does not let it in.
    check(&[verdict, submitted(2, 25)], 30, KycStatus::Pending, 0, &[2]);
}

#[test]
fn a_late_arrival_may_undo_what_was_effective() {
    let log = [
        submitted(1, 10),
        rejected(1, 30),
        approved(1, 40),
        submitted(1, 20),
        approved(1, 25),
    ];
    check(&log[..3], 50, KycStatus::Rejected, 0, &[1, 2]);
    let renewed_in_between = [log[0].clone(), log[1].clone(), log[2].clone(), submitted(1, 35)];
    check(&renewed_in_between, 50, KycStatus::Verified, 1, &[1, 2, 3, 4]);
    let expired_before = [submitted(1, 10), approved(1, 20), rejected(1, 30), expired(1, 25)];
    check(&expired_before[..3], 50, KycStatus::Rejected, 0, &[1, 2, 3]);
    check(&expired_before, 50, KycStatus::Expired, 0, &[1, 2, 4]);
}

#[test]
fn the_level_is_the_highest_that_is_verified() {
    let approvals = [
        approved(1, 1).local(),
        approved(3, 2).until(10).local(),
        approved(2, 3).until(30).local(),
    ];
    let at = |now| {
        let fold = fold(&log(approvals.clone()), Time(now));
        (fold.level, fold.expires_at.map(|end| end.0))
    };
    assert_eq!([at(9), at(10), at(30)], [(3, Some(10)), (2, Some(30)), (1, None)]);
}

#[test]
fn level_0_is_a_level_like_any_other() {
    check(
        &[submitted(0, 1), approved(0, 2).until(9)],
        5,
        KycStatus::Verified,
        0,
        &[1, 2],
    );
    check(
        &[submitted(0, 1), approved(0, 2).until(9)],
        9,
        KycStatus::Expired,
        0,
        &[1, 2],
    );
    let ends = |log: &[LevelEntry]| fold(log, Time(5)).expires_at;
    assert_eq!(ends(&log([approved(0, 1).until(9).local()])), Some(Time(9)));
}

#[test]
fn the_status_is_that_of_the_last_event_from_the_level_up() {
    let verified = [submitted(2, 1), approved(2, 2)];
    let then = |next: &[LevelEntry]| [&verified[..], next].concat();
    check(&then(&[upgraded(3, 3)]), 9, KycStatus::Pending, 2, &[1, 2, 3]);
    check(
        &then(&[upgraded(3, 3), rejected(3, 4)]),
        9,
        KycStatus::Rejected,
        2,
        &[1, 2, 3, 4],
    );
    // What happens below does not show, nor what has no effect.
    check(&then(&[submitted(1, 3)]), 9, KycStatus::Verified, 2, &[1, 2, 3]);
    check(&then(&[approved(3, 3)]), 9, KycStatus::Verified, 2, &[1, 2]);
    // Once nothing is verified, everything shows, and what was last counts.
    check(
        &then(&[submitted(1, 3), rejected(2, 4)]),
        9,
        KycStatus::Rejected,
        0,
        &[1, 2, 3, 4],
    );
    check(
        &then(&[rejected(2, 3), submitted(1, 4)]),
        9,
        KycStatus::Pending,
        0,
        &[1, 2, 3, 4],
    );
}

#[test]
fn the_last_event_is_the_greatest_accepted_time_effective_or_not() {
    let at = |entries: &[LevelEntry]| fold(&log(entries.to_vec()), Time(9)).last_event_at;
    assert_eq!(at(&[submitted(1, 7), approved(1, 3)]), Some(Time(7)));
    assert_eq!(at(&[approved(1, 3)]), Some(Time(3)));
    assert_eq!(at(&[submitted(1, 2), approved(1, 3).refused()]), Some(Time(2)));
    assert_eq!(at(&[submitted(1, 1), approved(1, 2).until(5)]), Some(Time(2)));
}

#[test]
fn a_body_under_a_taken_id_changes_nothing() {
    let first = [submitted(1, 1), approved(1, 2)];
    check(
        &[first[0].clone(), first[1].clone(), rejected(1, 3).refused()],
        9,
        KycStatus::Verified,
        1,
        &[1, 2],
    );
}
