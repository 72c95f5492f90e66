//! What the clock and the randomness promise; the store and the files are held to the contract in `tests/`.

use kyc_core::time::Time;
use kyc_ports::clock::Clock;
use kyc_ports::entropy::Entropy;

use crate::{ManualClock, SeededEntropy};

#[test]
fn the_clock_moves_only_by_hand() {
    let clock = ManualClock::new(Time::from_seconds(100));
    assert_eq!(clock.now(), Time::from_seconds(100));
    clock.advance_seconds(5);
    clock.advance_micros(-1);
    assert_eq!(clock.now(), Time(104_999_999));
    clock.set(Time(7));
    assert_eq!(clock.now(), Time(7));
}

#[test]
fn a_seed_gives_the_same_bytes_again_and_never_the_same_twice() {
    let draw = |entropy: &SeededEntropy| {
        let mut bytes = [0; 40];
        entropy.fill(&mut bytes).unwrap();
        bytes
    };
    let (one, same, other) = (SeededEntropy::new(1), SeededEntropy::new(1), SeededEntropy::new(2));
    let first = draw(&one);
    assert_eq!(first, draw(&same));
    assert_ne!(first, draw(&other));
    assert_ne!(first, draw(&one));
}
