//! Invented but plausible lives of players: the same seed, the same events.

mod plan;
#[cfg(test)]
mod tests;

pub use plan::{Delivery, PlanOptions, plan};

use fastrand::Rng;

use crate::webhooks::{EventKind, WebhookEvent};

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
/// Highest level that stories go up to.
const LEVEL_MAX: u8 = 3;
/// Most events of one player.
const EVENTS_MAX: usize = 64;

const DOCUMENTS: [&[&str]; 3] = [
    &["passport", "selfie"],
    &["address_proof"],
    &["source_of_funds", "bank_statement"],
];
const REASONS: [&str; 5] = [
    "document_expired",
    "document_unreadable",
    "selfie_mismatch",
    "name_mismatch",
    "address_mismatch",
];

/// What to invent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoryOptions {
    /// Where the invention starts.
    pub seed: u64,
    /// How many players.
    pub players: u32,
    /// No event is earlier, in Unix seconds.
    pub from: i64,
    /// No event is later, in Unix seconds. The richest stories need about a year.
    pub until: i64,
}

/// The players' events in the order in which they happened. Event ids follow from the seed and `from`, so that stories
/// of another day are other events; players' names follow from the seed alone.
pub fn stories(options: &StoryOptions) -> Vec<WebhookEvent> {
    let mut events: Vec<(i64, u32, WebhookEvent)> = Vec::new();
    for number in 1..=options.players {
        let told = Life::new(options, number).told();
        events.extend(told.into_iter().map(|(at, event)| (at, number, event)));
    }
    events.sort_by_key(|(at, number, _)| (*at, *number));
    events.into_iter().map(|(_, _, event)| event).collect()
}

/// One player's story while it is told.
struct Life {
    dice: Rng,
    player: String,
    id_prefix: String,
    now: i64,
    until: i64,
    level: u8,
    events: Vec<(i64, WebhookEvent)>,
}

/// What a verdict on a submission was.
enum Verdict {
    /// Verified, with an end if it has one.
    Approved(Option<i64>),
    Rejected,
}

impl Life {
    fn new(options: &StoryOptions, number: u32) -> Self {
        let seed = options.seed;
        // Each player has dice of their own: more players do not change the first ones' stories.
        let mut dice = Rng::with_seed(seed ^ u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let span = options.until.saturating_sub(options.from).max(0);
        let now = options.from.saturating_add(dice.i64(0..=span / 4));
        Self {
            dice,
            player: format!("sim-{seed}-player-{number:04}"),
            id_prefix: format!("sim-{seed}-{}-{number}", options.from),
            now,
            until: options.until,
            level: 1,
            events: Vec::new(),
        }
    }

    fn told(mut self) -> Vec<(i64, WebhookEvent)> {
        self.live();
        let until = self.until;
        self.events.retain(|(at, _)| *at <= until);
        self.events
    }

    fn live(&mut self) {
        self.submit();
        while self.now <= self.until && self.events.len() < EVENTS_MAX {
            self.pass(10 * MINUTE, 3 * DAY);
            let goes_on = match self.decide() {
                Verdict::Approved(ends_at) => self.after_approval(ends_at),
                Verdict::Rejected => self.is_likely(70) && self.try_again(),
            };
            if !goes_on {
                return;
            }
        }
    }

    fn decide(&mut self) -> Verdict {
        if self.is_likely(25) {
            let reason = self.dice.choice(REASONS).unwrap_or_default();
            self.tell(EventKind::Rejected, |event| event.with_reason(reason));
            return Verdict::Rejected;
        }
        let ends_at = self
            .is_likely(75)
            .then(|| self.now.saturating_add(self.days(30, 180) * DAY));
        self.tell(EventKind::Approved, |event| match ends_at {
            Some(ends_at) => event.with_expires_at(ends_at),
            None => event,
        });
        Verdict::Approved(ends_at)
    }

    /// Goes for the next level, renews in time, lets it expire, or is content. Whether there is another submission.
    fn after_approval(&mut self, ends_at: Option<i64>) -> bool {
        if self.level < LEVEL_MAX && self.is_likely(55) {
            self.pass(MINUTE, 20 * DAY);
            self.level += 1;
            self.tell(EventKind::LevelUpgraded, |event| event);
            if self.is_likely(60) {
                self.pass(MINUTE, DAY);
                self.submit();
            }
            return true;
        }
        match ends_at {
            Some(ends_at) if self.is_likely(45) => {
                // A renewal in the last ten days of a verification.
                let early = self.dice.i64(MINUTE..=10 * DAY);
                self.now = self.now.max(ends_at.saturating_sub(early));
                self.submit();
                true
            }
            Some(ends_at) => {
                self.now = ends_at;
                self.tell(EventKind::Expired, |event| event);
                self.is_likely(60) && self.try_again()
            }
            // Without an end of its own a verification may still be ended by the platform.
            None if self.is_likely(40) => {
                self.pass(30 * DAY, 90 * DAY);
                self.tell(EventKind::Expired, |event| event);
                self.is_likely(60) && self.try_again()
            }
            None => false,
        }
    }

    fn try_again(&mut self) -> bool {
        self.pass(10 * MINUTE, 14 * DAY);
        self.submit();
        true
    }

    fn submit(&mut self) {
        let documents = DOCUMENTS.get(usize::from(self.level) - 1).copied().unwrap_or_default();
        self.tell(EventKind::Submitted, |event| event.with_documents(documents));
    }

    fn tell(&mut self, kind: EventKind, fill: impl FnOnce(WebhookEvent) -> WebhookEvent) {
        let id = format!("{}-{}", self.id_prefix, self.events.len() + 1);
        let event = WebhookEvent::new(kind, &id, self.now, &self.player, self.level);
        self.events.push((self.now, fill(event)));
    }

    fn pass(&mut self, least: i64, most: i64) {
        self.now = self.now.saturating_add(self.dice.i64(least..=most));
    }

    fn days(&mut self, least: i64, most: i64) -> i64 {
        self.dice.i64(least..=most)
    }

    fn is_likely(&mut self, percent: u8) -> bool {
        self.dice.u8(0..100) < percent
    }
}
