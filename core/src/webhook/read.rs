//! Reading a webhook's body: all wrong members are named at once.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::calendar::days_since_1970;
use crate::json::{self, canonical};
use crate::limits::{
    EVENT_ID_CHARS_MAX, LEVEL_MAX, TIME_SECONDS_MAX, WEBHOOK_AHEAD_SECONDS_MAX, WEBHOOK_REASON_CHARS_MAX,
};
use crate::problem::Problem;
use crate::profile::link::is_external_id;
use crate::record::Hash;
use crate::status::LevelEvent;
use crate::time::{DAY_SECONDS, Time};

/// A webhook whose body is what the contract says.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// What happened.
    pub event: LevelEvent,
    /// The sender's id of the event.
    pub event_id: String,
    /// When, as the sender says.
    pub ts: Time,
    /// To whom.
    pub player_external_id: String,
    /// To which level.
    pub level: i64,
    /// Until when an approval holds.
    pub expires_at: Option<Time>,
    /// Why it was rejected, as much as the history shows.
    pub reason: Option<String>,
    /// The whole body.
    pub body: Value,
    /// SHA-256 of its canonical JSON: a sender may write it anew when it tries again.
    pub body_hash: Hash,
}

/// Members that the contract names.
const MEMBERS: [&str; 6] = ["event", "event_id", "ts", "player_external_id", "level", "data"];
const TIME: &str = "must be a time of RFC 3339 with its offset, up to the year 9999";

impl Webhook {
    /// Reads a body.
    pub fn read(bytes: &[u8], now: Time) -> Result<Self, Vec<Problem>> {
        let body = json::parse(bytes).map_err(|error| vec![Problem::new("", error.code(), error.to_string())])?;
        let no_object = || vec![Problem::new("", "type", "must be a JSON object")];
        let members = body.as_object().ok_or_else(no_object)?;
        let mut reader = Reader {
            members,
            problems: Vec::new(),
        };
        let event = reader.event();
        let event_id = reader.text("event_id", "must be a string of 1 to 128 characters", |text| {
            (1..=EVENT_ID_CHARS_MAX).contains(&text.chars().count())
        });
        let external_id = reader.text(
            "player_external_id",
            "must be a string of 1 to 255 characters, none of them a control character, and not `.` or `..`",
            is_external_id,
        );
        let ts = reader.ts(now);
        let level = reader.level();
        let (expires_at, reason) = reader.data(event);
        let problems = reader.problems;
        let (Some(event), Some(event_id), Some(player_external_id), Some(ts), Some(level), true) =
            (event, event_id, external_id, ts, level, problems.is_empty())
        else {
            return Err(problems);
        };
        Ok(Self {
            event,
            event_id,
            ts,
            player_external_id,
            level,
            expires_at,
            reason,
            body_hash: Hash(Sha256::digest(canonical(&body)).into()),
            body,
        })
    }

    /// What the history keeps: the body's `data`, and members that the contract does not know. A reason is cut.
    pub fn kept_data(&self) -> Option<Value> {
        let members = self.body.as_object()?;
        let mut kept = match members.get("data") {
            Some(Value::Object(data)) => data.clone(),
            _ => Map::new(),
        };
        if let (Some(whole), Some(reason)) = (kept.get_mut("reason"), &self.reason) {
            *whole = reason.as_str().into();
        }
        let unknown = members.iter().filter(|(name, _)| !MEMBERS.contains(&name.as_str()));
        let unknown: Map<String, Value> = unknown.map(|(name, value)| (name.clone(), value.clone())).collect();
        if !unknown.is_empty() {
            let mut name = "unknown_members".to_owned();
            while kept.contains_key(&name) {
                name.push('_');
            }
            kept.insert(name, Value::Object(unknown));
        }
        (!kept.is_empty()).then_some(Value::Object(kept))
    }
}

struct Reader<'a> {
    members: &'a Map<String, Value>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn wrong<T>(&mut self, field: &str, code: &str, message: &str) -> Option<T> {
        self.problems.push(Problem::new(field, code, message));
        None
    }

    fn text(&mut self, name: &str, message: &str, fits: impl FnOnce(&str) -> bool) -> Option<String> {
        match self.members.get(name) {
            None => self.wrong(name, "required", "is required"),
            Some(Value::String(text)) if fits(text) => Some(text.clone()),
            Some(Value::String(_)) => self.wrong(name, "pattern", message),
            Some(_) => self.wrong(name, "type", message),
        }
    }

    fn event(&mut self) -> Option<LevelEvent> {
        let message = "must be kyc.submitted, kyc.approved, kyc.rejected, kyc.expired or kyc.level_upgraded";
        let name = self.text("event", message, |_| true)?;
        LevelEvent::from_name(&name).or_else(|| self.wrong("event", "enum", message))
    }

    fn ts(&mut self, now: Time) -> Option<Time> {
        let text = self.text("ts", TIME, |text| rfc3339(text).is_some())?;
        let ts = rfc3339(&text)?;
        if ts > now.plus_seconds(WEBHOOK_AHEAD_SECONDS_MAX) {
            return self.wrong("ts", "range", "is more than 300 s ahead");
        }
        Some(ts)
    }

    fn level(&mut self) -> Option<i64> {
        let message = "must be an integer from 0 to 10";
        match self.members.get("level").map(Value::as_i64) {
            None => self.wrong("level", "required", "is required"),
            Some(None) => self.wrong("level", "type", message),
            Some(Some(level)) if (0..=LEVEL_MAX).contains(&level) => Some(level),
            Some(Some(_)) => self.wrong("level", "range", message),
        }
    }

    /// The members of `data` that the event gives a meaning: the end of an approval, the reason of a rejection.
    fn data(&mut self, event: Option<LevelEvent>) -> (Option<Time>, Option<String>) {
        let data = match self.members.get("data") {
            None | Some(Value::Null) => return (None, None),
            Some(Value::Object(data)) => data,
            Some(_) => {
                self.problems.push(Problem::new("data", "type", "must be an object"));
                return (None, None);
            }
        };
        let given = |name: &str| data.get(name).filter(|value| !value.is_null());
        match event {
            Some(LevelEvent::Submitted) => {
                let is_texts = |value: &Value| value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
                if !given("documents").is_none_or(is_texts) {
                    self.problems
                        .push(Problem::new("data.documents", "type", "must be a list of strings"));
                }
                (None, None)
            }
            Some(LevelEvent::Approved) => {
                let expires_at = given("expires_at").map(|value| value.as_str().and_then(rfc3339));
                if expires_at == Some(None) {
                    self.problems.push(Problem::new("data.expires_at", "pattern", TIME));
                }
                (expires_at.flatten(), None)
            }
            Some(LevelEvent::Rejected) => {
                let reason = given("reason").map(Value::as_str);
                if reason == Some(None) {
                    self.problems
                        .push(Problem::new("data.reason", "type", "must be a string"));
                }
                (None, reason.flatten().map(shown_reason))
            }
            Some(LevelEvent::Expired | LevelEvent::LevelUpgraded) | None => (None, None),
        }
    }
}

/// As much of a reason as the history shows.
fn shown_reason(reason: &str) -> String {
    reason.chars().take(WEBHOOK_REASON_CHARS_MAX).collect()
}

/// A time of RFC 3339 with its offset, to the microsecond.
fn rfc3339(text: &str) -> Option<Time> {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let (head, rest) = text.as_bytes().split_at_checked(SHAPE.len())?;
    let fits = |(byte, wanted): (&u8, &u8)| match wanted {
        b'd' => byte.is_ascii_digit(),
        b'T' => byte.eq_ignore_ascii_case(&b'T'),
        wanted => byte == wanted,
    };
    if !head.iter().zip(SHAPE).all(fits) {
        return None;
    }
    let number = |from, to| text.get(from..to)?.parse::<i64>().ok();
    let days = days_since_1970(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (micros, offset) = fraction(rest)?;
    // A leap second is the second before it.
    let seconds = days * DAY_SECONDS + hour * 3_600 + minute * 60 + second.min(59) - offset_seconds(offset)?;
    let time = Time(Time::from_seconds(seconds).0 + micros);
    (time.seconds() <= TIME_SECONDS_MAX).then_some(time)
}

/// Microseconds of one to nine decimals, if there are any, and what follows.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(text) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (decimals, rest) = text.split_at_checked(count).filter(|_| (1..=9).contains(&count))?;
    let places = decimals.iter().chain(std::iter::repeat(&b'0')).take(6);
    Some((
        places.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0')),
        rest,
    ))
}

/// `Z`, or hours and minutes of less than a day.
fn offset_seconds(offset: &[u8]) -> Option<i64> {
    let number = |tens: u8, ones: u8| {
        let digit = |byte: u8| char::from(byte).to_digit(10).map(i64::from);
        Some(digit(tens)? * 10 + digit(ones)?)
    };
    match *offset {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), a, b, b':', c, d] => {
            let hours = number(a, b).filter(|hours| *hours < 24)?;
            let minutes = number(c, d).filter(|minutes| *minutes < 60)?;
            let seconds = hours * 3_600 + minutes * 60;
            Some(if sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}
