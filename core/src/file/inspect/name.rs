//! Cleans the file name that a browser or a client sends, so that it can be shown and kept as
//! metadata. It never becomes a path of ours.

use crate::limits::FILE_NAME_CHARS_MAX;

/// The last part of `raw` (after any `/` or `\`) without control characters, line separators and
/// invisible Unicode format characters (bidi overrides make `exe.pdf` of `fdp.exe`), trimmed and
/// at most [`FILE_NAME_CHARS_MAX`] characters long, the extension kept. None when nothing but
/// dots is left.
#[must_use]
pub fn clean_name(raw: &str) -> Option<String> {
    let base = raw.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String = base.chars().filter(|c| !c.is_control() && !is_format(*c)).collect();
    let name = shorten(visible.trim());
    let named = name.chars().any(|c| c != '.');
    named.then_some(name)
}

fn shorten(name: &str) -> String {
    if name.chars().count() <= FILE_NAME_CHARS_MAX {
        return name.to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.chars().count() < FILE_NAME_CHARS_MAX - 1 => (stem, Some(extension)),
        // An extension that leaves no room for a name is none.
        _ => (name, None),
    };
    let kept = |room: usize| {
        let cut: String = stem.chars().take(room).collect();
        cut.trim_end().to_owned()
    };
    match extension {
        Some(extension) => {
            let room = FILE_NAME_CHARS_MAX - 1 - extension.chars().count();
            format!("{}.{extension}", kept(room))
        }
        None => kept(FILE_NAME_CHARS_MAX),
    }
}

/// Unicode's format characters (general category Cf), and its line and paragraph separators.
fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'..='\u{891}'
            | '\u{8e2}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{110bd}'
            | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0001}'
            | '\u{e0020}'..='\u{e007f}'
    )
}
