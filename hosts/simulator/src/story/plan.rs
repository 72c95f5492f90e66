//! How a careless network delivers a story: out of order, twice, and late.

use fastrand::Rng;

use crate::webhooks::WebhookEvent;

/// A place in the order counts as so many, to leave room for what is moved in between.
const PLACE: u64 = 1_024;

/// How careless the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanOptions {
    /// Where the mix starts.
    pub seed: u64,
    /// Two events that are at least so many places apart stay in order; 0 and 1 leave all in order.
    pub window: u32,
    /// How many events of a hundred are delivered again, within two windows: 0 to 100.
    pub duplicate_percent: u8,
    /// How many events of a hundred are delivered late: 0 to 100.
    pub late_percent: u8,
    /// Most places that a late event is late, beyond the window.
    pub late_places_max: u32,
}

/// One delivery of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// What is delivered.
    pub event: WebhookEvent,
    /// Whether it is a delivery beside the event's own one; it may well overtake that.
    pub is_repeat: bool,
    /// Whether it was held back beyond the window.
    pub is_late: bool,
}

/// The deliveries of a story, in order: every event at least once, and nothing else.
pub fn plan(story: &[WebhookEvent], options: &PlanOptions) -> Vec<Delivery> {
    let mut dice = Rng::with_seed(options.seed);
    let window = u64::from(options.window.max(1)) * PLACE;
    let late = u64::from(options.late_places_max.max(1)) * PLACE;
    let mut deliveries = Vec::with_capacity(story.len());
    for (place, event) in (0..).zip(story) {
        let delivery = |is_late, is_repeat| Delivery {
            event: event.clone(),
            is_repeat,
            is_late,
        };
        // As many throws for every event, whatever comes of them: one percentage does not change the other's events.
        let (shift, delay, again) = (dice.u64(0..window), dice.u64(0..late), dice.u64(0..2 * window));
        let is_late = dice.u8(0..100) < options.late_percent;
        let is_repeated = dice.u8(0..100) < options.duplicate_percent;
        let due = place * PLACE + shift;
        let held_back = if is_late { window + delay } else { 0 };
        deliveries.push((due + held_back, delivery(is_late, false)));
        if is_repeated {
            deliveries.push((due + again, delivery(false, true)));
        }
    }
    deliveries.sort_by_key(|(due, _)| *due);
    deliveries.into_iter().map(|(_, delivery)| delivery).collect()
}
