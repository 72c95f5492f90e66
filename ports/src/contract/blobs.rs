//! Files: whole under their name or not there, read in any part, removed for good.

use std::ops::Range;

use futures_util::TryStreamExt;
use kyc_core::time::Time;
use sha2::{Digest, Sha256};

use crate::blobs::Blobs;

const NAME: &str = "0f8fad5b-d9cb-469f-a165-70867728950e.pdf";
/// Later than anything is written.
const EVER: Time = Time(i64::MAX);

async fn put(blobs: &dyn Blobs, name: &str, bytes: &[u8]) {
    let mut writer = blobs.create(name).await.unwrap();
    writer.write(bytes).await.unwrap();
    assert_eq!(writer.finish().await.unwrap(), sha256(bytes));
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

async fn read(blobs: &dyn Blobs, name: &str, range: Range<u64>) -> Option<Vec<u8>> {
    let stream = blobs.open(name, range).await.unwrap()?;
    let pieces: Vec<_> = stream.try_collect().await.unwrap();
    Some(pieces.concat())
}

/// What was written in pieces is read, and hashed, as one.
pub async fn a_file_comes_back_whole(blobs: &dyn Blobs) {
    let mut writer = blobs.create(NAME).await.unwrap();
    for piece in [&b"Hello"[..], b"", b", ", b"world", b"\0\xff"] {
        writer.write(piece).await.unwrap();
    }
    assert_eq!(writer.finish().await.unwrap(), sha256(b"Hello, world\0\xff"));
    assert_eq!(read(blobs, NAME, 0..14).await.unwrap(), b"Hello, world\0\xff");
}

/// A file without bytes is there.
pub async fn an_empty_file_is_a_file(blobs: &dyn Blobs) {
    let writer = blobs.create(NAME).await.unwrap();
    assert_eq!(writer.finish().await.unwrap(), sha256(b""));
    assert_eq!(read(blobs, NAME, 0..0).await.unwrap(), b"");
    assert_eq!(blobs.names_before(EVER, "", 10).await.unwrap(), [NAME]);
}

/// Ranges are half open; what lies behind the end is not there.
pub async fn any_part_can_be_read(blobs: &dyn Blobs) {
    put(blobs, NAME, b"0123456789").await;
    for (range, expected) in [
        (0..10, "0123456789"),
        (0..1, "0"),
        (9..10, "9"),
        (3..7, "3456"),
        (5..5, ""),
        (8..20, "89"),
        (10..11, ""),
        (100..200, ""),
        (4..u64::MAX, "456789"),
    ] {
        assert_eq!(
            read(blobs, NAME, range.clone()).await.unwrap(),
            expected.as_bytes(),
            "{range:?}"
        );
    }
}

/// More than one piece's worth, at odd places.
pub async fn a_large_file_streams(blobs: &dyn Blobs) {
    let bytes: Vec<u8> = (0..1_000_003_u32).map(|number| (number % 251) as u8).collect();
    let mut writer = blobs.create(NAME).await.unwrap();
    for chunk in bytes.chunks(70_001) {
        writer.write(chunk).await.unwrap();
    }
    assert_eq!(writer.finish().await.unwrap(), sha256(&bytes));
    for range in [0..1_000_003, 65_535..65_537, 1..131_073, 999_999..1_000_003] {
        let part = read(blobs, NAME, range.start as u64..range.end as u64).await.unwrap();
        assert!(part == bytes[range.clone()], "{range:?} differs");
    }
}

/// While a file is being written, there is none of its name.
pub async fn nothing_stands_before_it_is_finished(blobs: &dyn Blobs) {
    let mut writer = blobs.create(NAME).await.unwrap();
    writer.write(b"half").await.unwrap();
    assert_eq!(read(blobs, NAME, 0..4).await, None);
    writer.write(b" and half").await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(read(blobs, NAME, 0..13).await.unwrap(), b"half and half");
}

/// An upload that is given up leaves nothing, and its name is free.
pub async fn a_dropped_writer_leaves_nothing(blobs: &dyn Blobs) {
    for bytes in [&b""[..], b"half"] {
        let mut writer = blobs.create(NAME).await.unwrap();
        writer.write(bytes).await.unwrap();
        drop(writer);
        assert_eq!(read(blobs, NAME, 0..4).await, None);
        assert!(blobs.names_before(EVER, "", 10).await.unwrap().is_empty());
    }
    put(blobs, NAME, b"whole").await;
    assert_eq!(read(blobs, NAME, 0..5).await.unwrap(), b"whole");
}

/// A second file of a name is refused, at the latest when it is finished, and the first one stays.
pub async fn a_finished_file_is_not_replaced(blobs: &dyn Blobs) {
    put(blobs, NAME, b"first").await;
    if let Ok(mut writer) = blobs.create(NAME).await {
        writer.write(b"second").await.unwrap();
        assert!(writer.finish().await.is_err());
    }
    assert_eq!(read(blobs, NAME, 0..9).await.unwrap(), b"first");
    assert_eq!(blobs.names_before(EVER, "", 10).await.unwrap(), [NAME]);
}

/// Not there is no error.
pub async fn a_missing_file_is_none(blobs: &dyn Blobs) {
    put(blobs, "a.pdf", b"a").await;
    for name in [NAME, "a", "a.pd", "a.pdf.pdf"] {
        assert_eq!(read(blobs, name, 0..1).await, None, "{name}");
        assert_eq!(read(blobs, name, 0..0).await, None, "{name}");
    }
}

/// Removed is removed, and only that one.
pub async fn removing_twice_does_no_harm(blobs: &dyn Blobs) {
    put(blobs, NAME, b"1").await;
    put(blobs, "a.pdf", b"2").await;
    for _ in 0..2 {
        blobs.remove(NAME).await.unwrap();
        assert_eq!(read(blobs, NAME, 0..1).await, None);
    }
    assert_eq!(read(blobs, "a.pdf", 0..1).await.unwrap(), b"2");
    put(blobs, NAME, b"3").await;
    assert_eq!(read(blobs, NAME, 0..1).await.unwrap(), b"3");
}

/// By name, in pages, each behind the last name of the one before; files removed in between do not matter.
pub async fn names_come_in_order_and_in_pages(blobs: &dyn Blobs) {
    for name in ["c.png", "a.pdf", "b-1.pdf", "b.pdf", "0.webp", "aa.pdf"] {
        put(blobs, name, b"x").await;
    }
    let all = ["0.webp", "a.pdf", "aa.pdf", "b-1.pdf", "b.pdf", "c.png"];
    assert_eq!(blobs.names_before(EVER, "", 6).await.unwrap(), all);
    assert_eq!(blobs.names_before(EVER, "", 100).await.unwrap(), all);
    assert_eq!(blobs.names_before(EVER, "aa", 2).await.unwrap(), ["aa.pdf", "b-1.pdf"]);
    assert!(blobs.names_before(EVER, "", 0).await.unwrap().is_empty());
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let names = blobs.names_before(EVER, &after, 2).await.unwrap();
        let Some(last) = names.last() else { break };
        after.clone_from(last);
        blobs.remove(&names[0]).await.unwrap();
        seen.extend(names);
    }
    assert_eq!(seen, all);
    assert_eq!(
        blobs.names_before(EVER, "", 9).await.unwrap(),
        ["a.pdf", "b-1.pdf", "c.png"]
    );
}

/// Nothing was written before time began.
pub async fn old_means_written_before(blobs: &dyn Blobs) {
    put(blobs, NAME, b"x").await;
    assert!(blobs.names_before(Time(0), "", 10).await.unwrap().is_empty());
    assert_eq!(blobs.names_before(EVER, "", 10).await.unwrap(), [NAME]);
}

/// A name that could lead elsewhere is an error, whatever is done with it.
pub async fn bad_names_are_refused(blobs: &dyn Blobs) {
    for name in [
        "",
        ".",
        "..",
        "../a.pdf",
        "a/../b.pdf",
        "a/b.pdf",
        "/a.pdf",
        "a..pdf",
        "A.pdf",
        "a b",
        "a\\b",
        "a\0.pdf",
        "ä.pdf",
        ".a",
    ] {
        assert!(blobs.create(name).await.is_err(), "create {name:?}");
        assert!(blobs.open(name, 0..1).await.is_err(), "open {name:?}");
        assert!(blobs.remove(name).await.is_err(), "remove {name:?}");
    }
}
