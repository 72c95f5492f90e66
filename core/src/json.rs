//! JSON at the borders: strict reading of what comes from outside, ASCII writing for the wire, canonical writing for
//! hashes, and a document that is cheap to pass around.

use std::borrow::Cow;
use std::io;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::ser::Formatter;
use serde_json::{Map, Number, Value};

mod canonical;
mod scan;
mod text;

#[cfg(test)]
mod tests;

pub use canonical::canonical;
pub use text::JsonText;

/// Why a text was refused. Says where, never what: the content may be personal data.
///
/// Offsets count bytes from 0; lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The bytes are not UTF-8.
    #[error("the text is not valid UTF-8 at byte {offset}")]
    Utf8 {
        /// Bytes before the fault.
        offset: usize,
    },
    /// A `\u` escape is one half of a surrogate pair, which is no character.
    #[error("half of a surrogate pair at byte {offset}")]
    Surrogate {
        /// Bytes before the escape.
        offset: usize,
    },
    /// More than [`crate::limits::JSON_DEPTH_MAX`] arrays and objects inside each other.
    #[error("nested deeper than {max} levels at byte {offset}", max = crate::limits::JSON_DEPTH_MAX)]
    TooDeep {
        /// Bytes before the bracket that is one too many.
        offset: usize,
    },
    /// An integer outside i64, or a number too large for a double.
    #[error("number out of range at byte {offset}")]
    Number {
        /// Bytes before the number.
        offset: usize,
    },
    /// An object names the same member twice.
    #[error("an object has the same key twice at line {line}, column {column}")]
    DuplicateKey {
        /// Line of the second one.
        line: usize,
        /// Column where the second one ends, in bytes.
        column: usize,
    },
    /// Not one JSON value. `reason` is a fixed phrase, without content.
    #[error("not valid JSON: {reason} at line {line}, column {column}")]
    Syntax {
        /// What the grammar asks for.
        reason: String,
        /// Line of the fault.
        line: usize,
        /// Column of the fault, in bytes.
        column: usize,
    },
}

impl JsonError {
    /// A stable word for programs: `utf8`, `too_deep`, `number`, `duplicate_key` or `syntax`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Utf8 { .. } | Self::Surrogate { .. } => "utf8",
            Self::TooDeep { .. } => "too_deep",
            Self::Number { .. } => "number",
            Self::DuplicateKey { .. } => "duplicate_key",
            Self::Syntax { .. } => "syntax",
        }
    }
}

/// Reads one JSON value (RFC 8259) from outside, strictly.
///
/// Beyond the grammar it asks for valid UTF-8, nothing but white space after the value, no key
/// twice in an object, at most [`crate::limits::JSON_DEPTH_MAX`] levels, whole numbers within
/// i64 and no number beyond a double. Whatever it accepts equals what `serde_json` would read.
///
/// # Errors
/// [`JsonError`] names the first fault found and its place.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError::Utf8 {
        offset: error.valid_up_to(),
    })?;
    // First the faults that a deserialiser cannot see: it gets a large integer as a float.
    scan::scan(text)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut reader).map_err(|error| from_serde(&error))?;
    reader.end().map_err(|error| from_serde(&error))?;
    Ok(value)
}

fn from_serde(error: &serde_json::Error) -> JsonError {
    let (line, column) = (error.line(), error.column());
    // `Strict` takes every kind of value, so the only error of its own is the duplicate key.
    if error.is_data() {
        return JsonError::DuplicateKey { line, column };
    }
    let full = error.to_string();
    let reason = full.split(" at line ").next().unwrap_or_default().to_owned();
    JsonError::Syntax { reason, line, column }
}

/// Builds a [`Value`] as `serde_json` does, but refuses a key that is already there.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            // Asked before the value is read, so that the place in the error is the key's.
            if object.contains_key(&key) {
                return Err(A::Error::custom("duplicate key"));
            }
            object.insert(key, members.next_value_seed(Strict)?);
        }
        Ok(Value::Object(object))
    }
}

/// Compact JSON in pure ASCII, without `'`: what the TCP wire wants, and HTTP carries as well.
///
/// Every other character is written as `\uXXXX` (lower-case hex), above U+FFFF as a pair.
#[must_use]
pub fn to_ascii<T: Serialize + ?Sized>(value: &T) -> String {
    let mut out = Vec::with_capacity(128);
    // Neither step can fail: what we write has only string keys, a `Vec` takes every byte, and the
    // formatter lets ASCII through only.
    match to_ascii_writer(&mut out, value) {
        Ok(()) => String::from_utf8(out).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// Writes any serialisable value as [`to_ascii`] does.
///
/// # Errors
/// The writer's own error, or a value that JSON cannot hold (a map whose keys are no strings).
pub fn to_ascii_writer<W: io::Write, T: Serialize + ?Sized>(writer: W, value: &T) -> serde_json::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(writer, Ascii))
}

struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.bytes().position(|byte| !byte.is_ascii() || byte == b'\'') {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut characters = tail.chars();
            let found = characters.next().unwrap_or_default();
            for unit in found.encode_utf16(&mut [0; 2]) {
                writer.write_all(&escape(*unit))?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// `\uXXXX` for one UTF-16 unit.
fn escape(unit: u16) -> [u8; 6] {
    let [high, low] = unit.to_be_bytes();
    let digit = |nibble: u8| {
        if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
    };
    [
        b'\\',
        b'u',
        digit(high >> 4),
        digit(high & 15),
        digit(low >> 4),
        digit(low & 15),
    ]
}

/// A JSON document, cheap to clone: questionnaires, answers, settings.
///
/// Reads as the [`Value`] it holds. Equality of two clones of one document is immediate, since
/// `Arc` compares the address first when the content is `Eq`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(Arc<Document>);

/// What the clones of a document share.
#[derive(Clone, Debug)]
struct Document {
    value: Value,
    /// How much memory it takes, once somebody has asked.
    bytes: OnceLock<u64>,
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Document {}

/// What a place in a JSON document takes beside its text.
const VALUE_BYTES: u64 = 48;

fn bytes_of(value: &Value) -> u64 {
    let inside = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len() as u64,
        Value::Array(items) => items.iter().map(bytes_of).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| name.len() as u64 + VALUE_BYTES + bytes_of(value))
            .sum(),
    };
    VALUE_BYTES + inside
}

impl Json {
    /// The empty object, `{}`.
    #[must_use]
    pub fn object() -> Self {
        Self::from(Value::Object(Map::new()))
    }

    /// The value itself, copied only when other clones still hold it.
    #[must_use]
    pub fn into_value(self) -> Value {
        Arc::unwrap_or_clone(self.0).value
    }

    /// About how much memory the document takes. Counted once: a questionnaire stays the same through many decisions.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        *self.0.bytes.get_or_init(|| bytes_of(&self.0.value))
    }
}

impl Default for Json {
    fn default() -> Self {
        Self::object()
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        let bytes = OnceLock::new();
        Self(Arc::new(Document { value, bytes }))
    }
}

impl Deref for Json {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0.value
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

impl JsonSchema for Json {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}
