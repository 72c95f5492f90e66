//! The specimens are whole files of their kind, of a modest size, and the same every time.

use super::{passport_png, selfie_jpg, utility_bill_pdf};
use kyc_core::file::inspect::{FileKind, Inspector};

#[track_caller]
fn assert_presentable(kind: FileKind, file: &[u8]) {
    let mut inspector = Inspector::new(kind);
    inspector.push(file).unwrap();
    inspector.finish().unwrap();
    let kilobytes = file.len() / 1000;
    assert!((5..200).contains(&kilobytes), "{kilobytes} kB");
}

fn assert_contains(file: &[u8], text: &[u8]) {
    assert!(file.windows(text.len()).any(|window| window == text));
}

#[test]
fn specimens_would_pass_as_uploads() {
    let passport = passport_png("Ada Sample", "Utopia", "X1234567");
    assert_presentable(FileKind::Png, &passport);
    let bill = utility_bill_pdf("Ada Sample", "1 Example Street, Sampleton");
    assert_presentable(FileKind::Pdf, &bill);
    assert_presentable(FileKind::Jpeg, &selfie_jpg(0));
}

#[test]
fn odd_arguments_are_drawn_too() {
    let long = "Word ".repeat(80);
    for words in ["", "單名, Žaneta O’Šea ŸŸ", long.as_str()] {
        assert_presentable(FileKind::Png, &passport_png(words, words, words));
        assert_presentable(FileKind::Pdf, &utility_bill_pdf(words, words));
    }
}

#[test]
fn the_same_arguments_give_the_same_bytes_and_others_do_not() {
    assert_eq!(selfie_jpg(7), selfie_jpg(7));
    assert_ne!(selfie_jpg(7), selfie_jpg(8));
    let passport = |name| passport_png(name, "Utopia", "X1");
    assert_eq!(passport("Ada Sample"), passport("Ada Sample"));
    let bill = |name| utility_bill_pdf(name, "Sampleton");
    assert_eq!(bill("Ada Sample"), bill("Ada Sample"));
    assert_ne!(bill("Ada Sample"), bill("Bob Sample"));
}

#[test]
fn the_bill_says_what_it_is_and_whose() {
    let bill = utility_bill_pdf("Zoë (Sample)", "1 Example Street, Sampleton");
    assert_contains(&bill, b"SPECIMEN");
    assert_contains(&bill, b"1 Example Street");
}

/// The worked examples of ICAO 9303, part 3, section 4.9.
#[test]
fn check_digits_are_the_standard_s() {
    assert_eq!(super::passport::check_digit("520727"), 3);
    assert_eq!(super::passport::check_digit("AB2134<<<"), 5);
}
