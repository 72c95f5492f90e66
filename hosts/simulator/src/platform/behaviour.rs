//! How a platform treats calls that keep the contract: scripted for tests, or by a seeded mix of failures.

use std::str::FromStr;

/// What happens to a call that keeps the contract. One that breaks it is always told so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// Taken and answered.
    #[default]
    Prompt,
    /// Not taken: 200 with `{"ok":false,"code":…,"message":…}`.
    Refuse {
        /// The refusal's code.
        code: String,
        /// The refusal's message.
        message: String,
    },
    /// This HTTP status (200 to 599), with a `Retry-After` header as it stands (seconds or an HTTP date). The call is taken when
    /// the status is 2xx, which has no body then; otherwise it is not.
    Status(u16, Option<String>),
    /// Not taken, and never answered: the connection stays open until the caller gives up.
    Hang,
    /// Taken, and never answered either.
    Mute,
    /// Taken, but the connection is closed without an answer.
    Drop,
    /// Taken, and answered 200 with a body that is no JSON.
    Garbage,
    /// Taken, and answered with one byte more than the contract allows.
    TooLong,
    /// Some calls fail, the others are taken: 408, 425, 429 and 503 with `Retry-After: 1`, 500, 502, 504, dropped,
    /// too long an answer. Which ones follows from the seed and the order of the calls.
    Outages {
        /// Where the mix starts.
        seed: u64,
        /// How many calls of a hundred fail: 0 to 100.
        failure_percent: u8,
    },
}

impl FromStr for Behaviour {
    type Err = String;

    /// Reads `prompt`, `refuse:<code>:<message>`, `status:<status>[:<retry after>]`, `hang`, `mute`, `drop`, `garbage`,
    /// `too-long` or `outages:<seed>:<percent>`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let (first, second) = rest.split_once(':').unwrap_or((rest, ""));
        let behaviour = match name {
            "prompt" if rest.is_empty() => Some(Self::Prompt),
            "hang" if rest.is_empty() => Some(Self::Hang),
            "mute" if rest.is_empty() => Some(Self::Mute),
            "drop" if rest.is_empty() => Some(Self::Drop),
            "garbage" if rest.is_empty() => Some(Self::Garbage),
            "too-long" if rest.is_empty() => Some(Self::TooLong),
            "refuse" if !first.is_empty() => Some(Self::Refuse {
                code: first.to_owned(),
                message: second.to_owned(),
            }),
            "status" => first
                .parse()
                .ok()
                .filter(|status| (200..=599).contains(status))
                .map(|status| Self::Status(status, Some(second.to_owned()).filter(|after| !after.is_empty()))),
            "outages" => first
                .parse()
                .ok()
                .zip(second.parse().ok().filter(|percent| *percent <= 100))
                .map(|(seed, failure_percent)| Self::Outages { seed, failure_percent }),
            _ => None,
        };
        behaviour.ok_or_else(|| {
            let known = "prompt, hang, mute, drop, garbage, too-long, refuse:CODE:MESSAGE, \
                         status:200..599[:RETRY_AFTER] or outages:SEED:PERCENT";
            format!("must be {known}")
        })
    }
}

/// A behaviour under way: a mix knows how far it has come.
#[derive(Debug)]
pub(crate) struct Mood {
    behaviour: Behaviour,
    dice: fastrand::Rng,
}

impl Mood {
    pub(crate) fn new(behaviour: Behaviour) -> Self {
        let seed = match behaviour {
            Behaviour::Outages { seed, .. } => seed,
            _ => 0,
        };
        let dice = fastrand::Rng::with_seed(seed);
        Self { behaviour, dice }
    }

    /// What happens to the next call; never [`Behaviour::Outages`].
    pub(crate) fn next(&mut self) -> Behaviour {
        let Behaviour::Outages { failure_percent, .. } = self.behaviour else {
            return self.behaviour.clone();
        };
        // Two throws for every call, so that the percentage changes how many fail and not in which way.
        let fails = self.dice.u8(0..100) < failure_percent;
        let failure = match self.dice.u8(0..9) {
            0 => Behaviour::Status(408, None),
            1 => Behaviour::Status(425, None),
            2 => Behaviour::Status(429, Some("1".to_owned())),
            3 => Behaviour::Status(500, None),
            4 => Behaviour::Status(502, None),
            5 => Behaviour::Status(503, Some("1".to_owned())),
            6 => Behaviour::Status(504, None),
            7 => Behaviour::Drop,
            _ => Behaviour::TooLong,
        };
        if fails { failure } else { Behaviour::Prompt }
    }
}
