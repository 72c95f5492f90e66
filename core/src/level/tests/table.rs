//! The table of the level machine, cell by cell.

use super::*;
use crate::level::Level;

/// A state's name, with `+` when a verification runs.
fn shown(level: Option<&Level>) -> String {
    let name = level.map_or(KycStatus::None, |level| level.status).name();
    let plus = if level.is_some_and(|level| level.verification.is_some()) {
        "+"
    } else {
        ""
    };
    format!("{name}{plus}")
}

/// What leads level 2 to each state that it can be in.
fn preludes() -> [(&'static str, Vec<LevelEntry>); 6] {
    [
        ("none", vec![]),
        ("pending", vec![submitted(2, 1)]),
        ("pending+", vec![submitted(2, 1), approved(2, 2), submitted(2, 3)]),
        ("verified+", vec![submitted(2, 1), approved(2, 2)]),
        ("rejected", vec![submitted(2, 1), rejected(2, 2)]),
        ("expired", vec![submitted(2, 1), approved(2, 2), expired(2, 3)]),
    ]
}

/// What becomes of each state of [`preludes`] by each event in its order; `-` when the event is not effective.
fn check_table(table: &[[&str; 5]; 6], source: fn(LevelEntry) -> LevelEntry) {
    for ((from, prelude), row) in preludes().into_iter().zip(table) {
        for (event, to) in LevelEvent::ALL.iter().zip(row) {
            let before = fold(&log(prelude.clone()), Time(9));
            assert_eq!(shown(before.levels.get(&2)), from);
            let next = source(entry(*event, 2, 9));
            let after = fold(&log(prelude.iter().cloned().chain([next])), Time(9));
            let last = 1 + prelude.len() as i64;
            let outcome = if after.effective.contains(&last) {
                shown(after.levels.get(&2))
            } else {
                assert_eq!(after.levels, before.levels, "{from}, {}", event.name());
                "-".to_owned()
            };
            assert_eq!(outcome, *to, "{from}, {}", event.name());
        }
    }
}

#[test]
fn webhooks_move_a_level_as_the_table_says() {
    use LevelEvent::{Approved, Expired, LevelUpgraded, Rejected, Submitted};
    assert_eq!(LevelEvent::ALL, [Submitted, LevelUpgraded, Approved, Rejected, Expired]);
    let table = [
        ["pending", "pending", "-", "-", "-"],
        ["pending", "pending", "verified+", "rejected", "-"],
        ["pending+", "pending+", "verified+", "rejected", "pending"],
        ["pending+", "pending+", "verified+", "rejected", "expired"],
        ["pending", "pending", "-", "-", "-"],
        ["pending", "pending", "-", "-", "-"],
    ];
    check_table(&table, |entry| entry);
}

#[test]
fn local_verdicts_are_effective_from_every_state() {
    let table = [
        ["pending", "pending", "verified+", "rejected", "expired"],
        ["pending", "pending", "verified+", "rejected", "pending"],
        ["pending+", "pending+", "verified+", "rejected", "pending"],
        ["pending+", "pending+", "verified+", "rejected", "expired"],
        ["pending", "pending", "verified+", "rejected", "expired"],
        ["pending", "pending", "verified+", "rejected", "expired"],
    ];
    check_table(&table, LevelEntry::local);
}
