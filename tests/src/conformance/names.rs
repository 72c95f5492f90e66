//! Names for what no story can know beforehand, the same in every run of it.
//!
//! | in a story | stands for |
//! |---|---|
//! | `${step_1}`, `${profile_2}`, … | an integer id, numbered by kind in the order in which ids are first seen |
//! | `${customer_1}` | the number of a customer that a webhook made |
//! | `${file_1}` | a file id, wherever it stands |
//! | `${tenant_id_1}`, `${secret_id_1}`, `${idempotency_key_1}` | another UUID, by its member's name |
//! | `${webhook_secret_1}`, `${outbound_secret_1}` | a tenant's secret, where it is shown |
//! | `${hash_1}` | a hash of the audit chain; the first `prev_hash` of a chain, all zeros, stands as it is |
//! | `${cursor_1}` | a page's `next_cursor` |
//! | `${now}`, `${now+365d}` | a time: the story's beginning, and so many days from it, not an hour later |
//! | `${utc}`, `${utc-30d}` | the same as text of RFC 3339, at most 400 days from the beginning, to the second |
//!
//! The same value has the same name throughout a story, and two values never share one. So two runs whose replies
//! agree by name differ in nothing but the numbers, and an id that turns up in the wrong place is seen.

use std::collections::HashMap;

use kyc_core::limits::EXTERNAL_NUMBER_MAX;
use kyc_simulator::ambient::rfc3339;
use serde_json::{Map, Value};

const DAY_SECONDS: i64 = 86_400;
/// A story takes no longer.
const STORY_SECONDS_MAX: i64 = 3_600;
/// Further away lie only times that a story itself gave.
const DAYS_MAX: i64 = 4_000;
/// And times as text.
const TEXT_DAYS_MAX: i64 = 400;

/// The names of one run.
#[derive(Debug)]
pub struct Names {
    start: i64,
    counts: HashMap<&'static str, usize>,
    given: HashMap<(&'static str, Value), String>,
    values: HashMap<String, Value>,
    /// Names of times as text.
    texts: HashMap<String, String>,
}

impl Names {
    /// Of a run that starts at this second.
    pub fn starting(start: i64) -> Self {
        let text = |days: i64| (rfc3339(start + days * DAY_SECONDS), days_name("utc", days));
        Self {
            texts: (-TEXT_DAYS_MAX..=TEXT_DAYS_MAX).map(text).collect(),
            start,
            counts: HashMap::new(),
            given: HashMap::new(),
            values: HashMap::new(),
        }
    }

    /// The value with names for what varies.
    pub fn named(&mut self, value: &Value) -> Value {
        self.member("", "", value)
    }

    /// The value with what its names stand for.
    ///
    /// # Panics
    /// If a name has not been seen in a reply yet.
    pub fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) if text.starts_with("${") => self.meaning(text),
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(members) => {
                let filled = members.iter().map(|(name, value)| (name.clone(), self.filled(value)));
                Value::Object(filled.collect())
            }
            other => other.clone(),
        }
    }

    fn meaning(&self, text: &str) -> Value {
        let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let name = name.unwrap_or_else(|| panic!("`{text}` is no name"));
        if let Some(days) = name.strip_prefix("now") {
            return self.time_of(text, days).into();
        }
        if let Some(days) = name.strip_prefix("utc") {
            return rfc3339(self.time_of(text, days)).into();
        }
        let value = self.values.get(text);
        value
            .unwrap_or_else(|| panic!("`{text}` has not been seen in a reply"))
            .clone()
    }

    fn time_of(&self, text: &str, days: &str) -> i64 {
        let days = if days.is_empty() {
            Some(0)
        } else {
            days.strip_suffix('d').and_then(|days| days.parse().ok())
        };
        let days: i64 = days.unwrap_or_else(|| panic!("`{text}` is no time"));
        self.start + days * DAY_SECONDS
    }

    fn member(&mut self, object: &'static str, name: &str, value: &Value) -> Value {
        match value {
            Value::Object(members) => self.object(members),
            Value::Array(items) => items.iter().map(|item| self.member(object, name, item)).collect(),
            Value::Number(_) if name == "customer_id" && value.as_i64() > Some(EXTERNAL_NUMBER_MAX) => {
                self.name("customer", value)
            }
            Value::Number(_) => match (kind(object, name), value.as_i64()) {
                (Some(kind), _) => self.name(kind, value),
                (None, Some(time)) if is_time(name) => self.time(time),
                _ => value.clone(),
            },
            // The secret of a reply that is given again is blank.
            Value::String(text) if is_secret(name) && !text.is_empty() => self.name(text_kind(name), value),
            Value::String(text) if is_uuid(text) => self.name(text_kind(name), value),
            Value::String(text) if name.ends_with("hash") && text.chars().any(|digit| digit != '0') => {
                self.name("hash", value)
            }
            Value::String(_) if name == "next_cursor" => self.name("cursor", value),
            Value::String(text) => self.texts.get(text).unwrap_or(text).as_str().into(),
            other => other.clone(),
        }
    }

    /// In the order of the members' names, whatever order the object keeps.
    fn object(&mut self, members: &Map<String, Value>) -> Value {
        let object = kind_of(members);
        let mut sorted: Vec<_> = members.iter().collect();
        sorted.sort_by_key(|(name, _)| *name);
        let named = sorted
            .into_iter()
            .map(|(name, value)| (name.clone(), self.member(object, name, value)));
        Value::Object(named.collect())
    }

    fn name(&mut self, kind: &'static str, value: &Value) -> Value {
        let known = (kind, value.clone());
        if let Some(name) = self.given.get(&known) {
            return name.as_str().into();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let name = format!("${{{kind}_{count}}}");
        self.given.insert(known, name.clone());
        self.values.insert(name.clone(), value.clone());
        name.into()
    }

    fn time(&self, time: i64) -> Value {
        let (days, rest) = (
            (time - self.start).div_euclid(DAY_SECONDS),
            (time - self.start).rem_euclid(DAY_SECONDS),
        );
        match days {
            _ if rest >= STORY_SECONDS_MAX || days.abs() > DAYS_MAX => time.into(),
            days => days_name("now", days).into(),
        }
    }
}

fn days_name(name: &str, days: i64) -> String {
    match days {
        0 => format!("${{{name}}}"),
        days => format!("${{{name}{days:+}d}}"),
    }
}

/// What an object's own `id` is an id of.
fn kind_of(members: &Map<String, Value>) -> &'static str {
    let has = |name: &str| members.contains_key(name);
    if has("file_id") {
        "document"
    } else if has("prev_hash") || has("ts") {
        // An entry of the history has the id of the audit row that it was written with.
        "audit"
    } else if has("idempotency_key") || has("settled_time") {
        "delivery"
    } else if has("sort_index") {
        "template"
    } else if has("kyc_id") && has("code") {
        "step"
    } else if has("required_level") {
        "profile"
    } else {
        "thing"
    }
}

fn kind(object: &'static str, name: &str) -> Option<&'static str> {
    Some(match name {
        "id" => object,
        "kyc_id" | "kyc_profile_id" => "profile",
        "step_id" => "step",
        "document_id" => "document",
        "template_id" => "template",
        "delivery_id" => "delivery",
        _ => return None,
    })
}

/// What a text is that no story can know.
fn text_kind(name: &str) -> &'static str {
    match name {
        "tenant_id" => "tenant_id",
        "secret_id" => "secret_id",
        "idempotency_key" => "idempotency_key",
        "webhook_secret" => "webhook_secret",
        "outbound_secret" => "outbound_secret",
        _ => "file",
    }
}

fn is_secret(name: &str) -> bool {
    matches!(name, "webhook_secret" | "outbound_secret")
}

fn is_time(name: &str) -> bool {
    name.ends_with("_time")
        || matches!(
            name,
            "at" | "ts" | "until" | "expires_at" | "kyc_last_event_at" | "kyc_expires_at" | "review_since"
        )
}

fn is_uuid(text: &str) -> bool {
    let is_part = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_part)
}
