//! Shows what a user wrote inside a message, bounded, so that a reply cannot be blown up.

const QUOTED_CHARS_MAX: usize = 64;

/// The first characters of `text`.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(QUOTED_CHARS_MAX).collect()
}

/// The first characters of `text`, in backticks.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", cut(text))
}
