//! What is the folder's own affair: modes, left-overs, foreign things, and when a file counts as old.

use std::fs::{self, FileTimes};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, UNIX_EPOCH};

use kyc_core::time::Time;
use kyc_ports::blobs::Blobs;

use crate::name::{check_finished, is_stored};
use crate::{FsBlobs, fsync_dir};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn modes(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn files_and_folder_are_for_their_owner_alone() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new/storage");
    let blobs = FsBlobs::open(folder.clone()).unwrap();
    assert_eq!(modes(&folder), 0o700);
    block_on(async {
        let mut writer = blobs.create("a.pdf").await.unwrap();
        writer.write(b"half").await.unwrap();
        assert_eq!(modes(&folder.join("a.pdf.part")), 0o600);
        writer.finish().await.unwrap();
    });
    assert_eq!(modes(&folder.join("a.pdf")), 0o600);
    assert!(!folder.join("a.pdf.part").exists());
    // Opening it again changes nothing.
    FsBlobs::open(folder.clone()).unwrap();
    assert_eq!(fs::read(folder.join("a.pdf")).unwrap(), b"half");
}

#[test]
fn a_dropped_writer_leaves_nothing_and_frees_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FsBlobs::open(folder.path().to_owned()).unwrap();
    block_on(async {
        let mut writer = blobs.create("a.pdf").await.unwrap();
        writer.write(b"half").await.unwrap();
        assert!(blobs.create("a.pdf").await.is_err(), "two writers of one name");
        drop(writer);
    });
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_a_crash_left_is_no_file_but_is_listed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FsBlobs::open(folder.path().to_owned()).unwrap();
    fs::write(folder.path().join("a.pdf.part"), b"half").unwrap();
    block_on(async {
        assert!(blobs.open("a.pdf", 0..4).await.unwrap().is_none());
        assert!(blobs.open("a.pdf.part", 0..4).await.unwrap().is_none());
        assert_eq!(blobs.names_before(Time(i64::MAX), "", 9).await.unwrap(), ["a.pdf.part"]);
        blobs.remove("a.pdf.part").await.unwrap();
        assert!(blobs.names_before(Time(i64::MAX), "", 9).await.unwrap().is_empty());
    });
}

#[test]
fn foreign_things_in_the_folder_are_let_be() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FsBlobs::open(folder.path().to_owned()).unwrap();
    fs::create_dir(folder.path().join("backup")).unwrap();
    fs::write(folder.path().join("README"), b"").unwrap();
    fs::write(folder.path().join(".hidden"), b"").unwrap();
    assert!(block_on(blobs.names_before(Time(i64::MAX), "", 9)).unwrap().is_empty());
}

#[test]
fn a_file_is_old_by_the_time_it_was_last_written() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FsBlobs::open(folder.path().to_owned()).unwrap();
    let file = fs::File::create(folder.path().join("a.pdf")).unwrap();
    let written = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    file.set_times(FileTimes::new().set_modified(written)).unwrap();
    let names = |micros| block_on(blobs.names_before(Time(micros), "", 9)).unwrap();
    assert!(names(1_700_000_000_000_000).is_empty());
    assert_eq!(names(1_700_000_000_000_001), ["a.pdf"]);
}

#[test]
fn names_lead_nowhere_else() {
    for name in [
        "",
        ".",
        "..",
        ".a",
        "a..b",
        "../a",
        "a/b",
        "/a",
        "a\\b",
        "A.pdf",
        "a b",
        "a\0",
        "ä",
        &"a".repeat(206),
    ] {
        assert!(!is_stored(name), "{name}");
    }
    assert!(is_stored("0f8fad5b-d9cb-469f-a165-70867728950e.pdf.part"));
    assert!(check_finished("0f8fad5b-d9cb-469f-a165-70867728950e.pdf").is_ok());
    assert!(check_finished("a.part").is_err());
    assert!(check_finished(&"a".repeat(200)).is_ok());
    assert!(check_finished(&"a".repeat(201)).is_err());
}

#[test]
fn a_folder_that_is_gone_cannot_be_synced() {
    let folder = tempfile::tempdir().unwrap();
    fsync_dir(folder.path()).unwrap();
    assert!(fsync_dir(&folder.path().join("gone")).is_err());
}
