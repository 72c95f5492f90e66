//! File names are shown to reviewers, so nothing in them may mislead or hide.

use proptest::prelude::*;

use super::super::clean_name;
use crate::limits::FILE_NAME_CHARS_MAX;

#[test]
fn names_lose_paths_controls_and_invisible_characters() {
    for (raw, clean) in [
        ("passport.pdf", "passport.pdf"),
        ("/tmp/me/passport.pdf", "passport.pdf"),
        ("C:\\Users\\me\\passport.pdf", "passport.pdf"),
        ("..\\../..\\up/passport.pdf", "passport.pdf"),
        ("  pass port .pdf \t", "pass port .pdf"),
        ("pass\0po\r\nrt\u{85}.pdf", "passport.pdf"),
        ("fdp\u{202e}fdp.exe", "fdpfdp.exe"),
        ("\u{feff}a\u{200b}b\u{2066}c\u{2028}d\u{e0041}.png", "abcd.png"),
        ("паспорт — копия.jpg", "паспорт — копия.jpg"),
        (".pdf", ".pdf"),
    ] {
        assert_eq!(clean_name(raw).as_deref(), Some(clean), "{raw:?}");
    }
}

#[test]
fn a_name_of_nothing_is_none() {
    for raw in [
        "",
        " ",
        ".",
        "..",
        "...",
        "a/",
        "a\\",
        "\u{202e}\u{200b}",
        "\r\n",
        "../..",
    ] {
        assert_eq!(clean_name(raw), None, "{raw:?}");
    }
}

#[test]
fn a_name_at_the_limit_is_kept_and_a_longer_one_keeps_its_extension() {
    let stem = |chars: usize| "é".repeat(chars);
    let at_limit = stem(FILE_NAME_CHARS_MAX - 4) + ".pdf";
    assert_eq!(clean_name(&at_limit), Some(at_limit.clone()));
    let one_past = stem(FILE_NAME_CHARS_MAX - 3) + ".pdf";
    assert_eq!(clean_name(&one_past), Some(at_limit));

    let bare = stem(FILE_NAME_CHARS_MAX + 1);
    assert_eq!(clean_name(&bare), Some(stem(FILE_NAME_CHARS_MAX)));
}

#[test]
fn an_extension_that_leaves_no_room_for_a_name_is_cut() {
    let longest = "a".repeat(9) + "." + &"x".repeat(FILE_NAME_CHARS_MAX - 2);
    let kept = "a.".to_owned() + &"x".repeat(FILE_NAME_CHARS_MAX - 2);
    assert_eq!(clean_name(&longest), Some(kept));
    let too_long = "a.".to_owned() + &"x".repeat(FILE_NAME_CHARS_MAX - 1);
    let cut = "a.".to_owned() + &"x".repeat(FILE_NAME_CHARS_MAX - 2);
    assert_eq!(clean_name(&too_long), Some(cut));
}

proptest! {
    #[test]
    fn a_clean_name_is_short_flat_and_stays_as_it_is(raw in "(\\PC|[./\\\\ \u{202e}\n]){0,300}") {
        if let Some(name) = clean_name(&raw) {
            prop_assert!((1..=FILE_NAME_CHARS_MAX).contains(&name.chars().count()));
            let flat = !name.contains(['/', '\\', '\n', '\u{202e}']);
            prop_assert!(flat);
            prop_assert_eq!(name.trim(), &name);
            prop_assert_eq!(clean_name(&name), Some(name.clone()));
        }
    }
}
