//! Says when two JSON scalars are the same and which number is greater.
//!
//! Programs write one number in several ways: `1` and `1.0` are one value here, while a large
//! integer is never rounded to its neighbour.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// A string, boolean or number of JSON, comparable by what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scalar<'a> {
    Text(&'a str),
    Boolean(bool),
    Number(Numeric),
}

impl<'a> Scalar<'a> {
    /// None for null, arrays and objects.
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text)),
            Value::Bool(boolean) => Some(Self::Boolean(*boolean)),
            Value::Number(number) => Numeric::of(number).map(Self::Number),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// A JSON number; whole ones are exact integers however they were written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numeric {
    Whole(i128),
    Real(f64),
}

impl Numeric {
    /// Floats up to this are converted to integers without loss.
    const WHOLE_MAX: f64 = 1e30;

    /// None for what is no finite number.
    pub(super) fn of(number: &Number) -> Option<Self> {
        if let Some(whole) = number.as_i128() {
            return Some(Self::Whole(whole));
        }
        let real = number.as_f64().filter(|real| real.is_finite())?;
        let is_whole = real.fract() == 0.0 && real.abs() <= Self::WHOLE_MAX;
        Some(if is_whole {
            Self::Whole(real as i128)
        } else {
            Self::Real(real)
        })
    }

    /// Rounding a whole number is safe when it meets a real one: that one has a fraction, and so
    /// is small enough for every integer near it to be exact, or is beyond all whole ones.
    #[expect(clippy::cast_precision_loss, reason = "see above")]
    fn rounded(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }
}

impl Ord for Numeric {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Whole(one), Self::Whole(another)) => one.cmp(another),
            _ => self.rounded().total_cmp(&other.rounded()),
        }
    }
}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Numeric {}
