//! Compiles a field's `pattern` so that it is matched against the whole answer and costs little.

use regex::{Error, Regex, RegexBuilder};

use crate::limits::{PATTERN_CHARS_MAX, PATTERN_COMPILED_BYTES_MAX};

/// Why a pattern cannot be used.
pub(super) enum Unusable {
    TooLong,
    TooComplex,
    /// With what is wrong, in the words of the regex library.
    Malformed(String),
}

/// The pattern, anchored at both ends of the answer.
///
/// The pattern alone must be well formed, otherwise `a)|(?:b` would close the group that anchors
/// it. A verbose pattern (`(?x)`) may end in a comment that swallows what follows on its line;
/// the line break ends it, and is tried second because elsewhere it would be a literal.
pub(super) fn compile(pattern: &str) -> Result<Regex, Unusable> {
    if pattern.chars().nth(PATTERN_CHARS_MAX).is_some() {
        return Err(Unusable::TooLong);
    }
    bounded(pattern)?;
    bounded(&format!(r"\A(?:{pattern})\z")).or_else(|refused| match refused {
        Unusable::Malformed(_) => bounded(&format!("\\A(?:{pattern}\n)\\z")),
        other => Err(other),
    })
}

fn bounded(pattern: &str) -> Result<Regex, Unusable> {
    RegexBuilder::new(pattern)
        .size_limit(PATTERN_COMPILED_BYTES_MAX)
        .build()
        .map_err(|error| match error {
            Error::CompiledTooBig(_) => Unusable::TooComplex,
            other => Unusable::Malformed(reason(&other)),
        })
}

/// The library draws the pattern over several lines; what is wrong stands on the last one.
fn reason(error: &Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}
