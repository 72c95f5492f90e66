//! Judges one answer against the rules of its field.
//!
//! A rule that cannot be understood (only in a schema that was refused) lets no answer through.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::field_type::{FieldType, option_value};
use super::pattern::compile;
use super::scalar::{Numeric, Scalar};
use crate::calendar::days_since_1970;
use crate::limits::{ANSWER_CHARS_MAX, TEXT_CHARS_DEFAULT, TEXTAREA_CHARS_DEFAULT};

/// Why an answer is refused. The message never repeats the answer.
#[derive(Debug)]
pub(super) struct Refusal {
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

type Verdict = Result<(), Refusal>;

fn refuse(code: &'static str, message: impl Into<String>) -> Verdict {
    Err(Refusal::new(code, message))
}

/// What an answer to one field must satisfy.
pub(super) struct Rules<'a> {
    pub field: &'a Map<String, Value>,
    pub is_required: bool,
    pub owns_file: &'a dyn Fn(&str) -> bool,
}

impl Rules<'_> {
    /// All refusals of an answer that is there and not null.
    pub(super) fn judge(&self, answer: &Value) -> Vec<Refusal> {
        let verdict = match FieldType::of_field(self.field) {
            None => refuse("type", "cannot be answered: the form gives no known type"),
            Some(FieldType::Text) => self.text(answer, TEXT_CHARS_DEFAULT),
            Some(FieldType::Textarea) => self.text(answer, TEXTAREA_CHARS_DEFAULT),
            Some(FieldType::Date) => date(answer),
            Some(FieldType::Country) => country(answer),
            Some(FieldType::FileReference) => self.file(answer),
            Some(FieldType::Number) => self.number(answer),
            Some(FieldType::Boolean) => boolean(answer),
            Some(FieldType::Select) => self.select(answer),
            Some(FieldType::MultiSelect) => return self.multi_select(answer),
        };
        verdict.err().into_iter().collect()
    }

    fn text(&self, answer: &Value, chars_default: usize) -> Verdict {
        let text = string(answer)?;
        let chars_max = self
            .field
            .get("max_length")
            .and_then(Value::as_u64)
            .map_or(chars_default, |chars| {
                usize::try_from(chars).unwrap_or(ANSWER_CHARS_MAX)
            })
            .min(ANSWER_CHARS_MAX);
        if text.chars().nth(chars_max).is_some() {
            return refuse("too_long", format!("must be at most {chars_max} characters"));
        }
        if self.is_required && text.trim().is_empty() {
            return refuse("blank", "must not be blank");
        }
        match self.field.get("pattern") {
            None => Ok(()),
            Some(pattern) => matches(text, pattern),
        }
    }

    fn number(&self, answer: &Value) -> Verdict {
        let Some(number) = numeric(answer) else {
            return refuse("type", "must be a number");
        };
        if let Some(min) = self.field.get("min")
            && numeric(min).is_none_or(|min| number < min)
        {
            return refuse("range", format!("must be at least {}", bound(min)));
        }
        if let Some(max) = self.field.get("max")
            && numeric(max).is_none_or(|max| number > max)
        {
            return refuse("range", format!("must be at most {}", bound(max)));
        }
        Ok(())
    }

    fn file(&self, answer: &Value) -> Verdict {
        let file_id = string(answer)?;
        if (self.owns_file)(file_id) {
            Ok(())
        } else {
            refuse("file", "must be the id of a file that this customer uploaded")
        }
    }

    fn select(&self, answer: &Value) -> Verdict {
        let Some(value) = Scalar::of(answer) else {
            return refuse("type", "must be the value of one option");
        };
        if self.options().any(|option| option == value) {
            Ok(())
        } else {
            refuse("option", "is not one of the options")
        }
    }

    fn multi_select(&self, answer: &Value) -> Vec<Refusal> {
        let Value::Array(selected) = answer else {
            return vec![Refusal::new("type", "must be an array of option values")];
        };
        if self.is_required && selected.is_empty() {
            return vec![Refusal::new("required", "must have at least one selection")];
        }
        let options: BTreeSet<Scalar> = self.options().collect();
        let known: Vec<Scalar> = selected
            .iter()
            .filter_map(Scalar::of)
            .filter(|value| options.contains(value))
            .collect();
        let distinct: BTreeSet<Scalar> = known.iter().copied().collect();
        let mut refusals = Vec::new();
        if known.len() < selected.len() {
            let message = "has a selection that is not one of the options";
            refusals.push(Refusal::new("option", message));
        }
        if distinct.len() < known.len() {
            refusals.push(Refusal::new("repeated", "has a selection twice"));
        }
        refusals
    }

    fn options(&self) -> impl Iterator<Item = Scalar<'_>> {
        self.field
            .get("options")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(option_value)
            .filter_map(Scalar::of)
    }
}

fn string(answer: &Value) -> Result<&str, Refusal> {
    answer.as_str().ok_or_else(|| Refusal::new("type", "must be a string"))
}

fn matches(text: &str, pattern: &Value) -> Verdict {
    match pattern.as_str().map(compile) {
        Some(Ok(pattern)) if pattern.is_match(text) => Ok(()),
        Some(Ok(_)) => refuse("pattern", "does not have the required form"),
        Some(Err(_)) | None => refuse("pattern", "cannot be answered: the form has a bad pattern"),
    }
}

fn numeric(value: &Value) -> Option<Numeric> {
    value.as_number().and_then(Numeric::of)
}

/// A bound as the form states it.
fn bound(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        _ => "a bound that the form states wrongly".to_owned(),
    }
}

fn boolean(answer: &Value) -> Verdict {
    if answer.is_boolean() {
        Ok(())
    } else {
        refuse("type", "must be true or false")
    }
}

fn country(answer: &Value) -> Verdict {
    let code = string(answer)?;
    if rust_iso3166::from_alpha2(code).is_some() {
        Ok(())
    } else {
        let message = "must be an assigned ISO 3166-1 alpha-2 code in upper case";
        refuse("country", message)
    }
}

fn date(answer: &Value) -> Verdict {
    if is_calendar_day(string(answer)?) {
        Ok(())
    } else {
        refuse("date", "must be a calendar day written YYYY-MM-DD")
    }
}

/// Strictly `YYYY-MM-DD`, from year 1 on.
fn is_calendar_day(text: &str) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else {
        return false;
    };
    let day = || {
        days_since_1970(
            digits(&[*y1, *y2, *y3, *y4])?,
            digits(&[*m1, *m2])?,
            digits(&[*d1, *d2])?,
        )
    };
    day().is_some() && !text.starts_with("0000")
}

/// At most four digits, so the number fits.
fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
    })
}
