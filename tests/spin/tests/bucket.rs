//! Files whose bytes lie in a bucket of an object store.

use http::StatusCode;
use kyc_spin_tests::objects::{HOST, Objects, with_bucket};
use kyc_spin_tests::{MODES, Spin, options, pdf};
use kyc_tests::rest::Rest;
use serde_json::Value;

fn upload(manager: &Rest, bytes: &[u8]) -> (String, String) {
    let file: Value = manager.upload(&[], "scan.pdf", bytes).ok();
    let id = file["file_id"].as_str().expect("an id");
    (format!("/files/{id}"), format!("{id}.pdf"))
}

fn rows(spin: &Spin, table: &str) -> i64 {
    spin.one("storage", &format!("SELECT count(*) FROM {table}"))
}

#[test]
fn files_of_every_size_are_one_object_each() {
    for reuse in MODES {
        let objects = Objects::default();
        let spin = Spin::with(with_bucket(options(reuse), &objects));
        let manager = spin.manager();
        for size in [0, 60_000, 600_000, 19 << 20] {
            let bytes = pdf(size);
            let (path, name) = upload(&manager, &bytes);
            assert!(objects.stored()[&name] == bytes, "{size} bytes are one object");
            let seen = manager.get(&path);
            assert!(seen.status == 200 && seen.bytes == bytes, "{size}");
            let part = manager.send("GET", &path, &[("range", "bytes=5-20")], b"");
            assert_eq!((part.status, &part.bytes[..]), (206, &bytes[5..=20]));
        }
        assert_eq!((rows(&spin, "blobs"), rows(&spin, "chunks")), (4, 0));
        assert!(spin.counters().peak_memory_bytes < 64 << 20);
    }
}

#[test]
fn an_upload_that_the_bucket_refuses_is_refused_and_leaves_only_what_leads_the_clean_up() {
    for reuse in MODES {
        let objects = Objects::default();
        let spin = Spin::with(with_bucket(options(reuse), &objects));
        let manager = spin.manager();
        objects.refuse(Some(StatusCode::SERVICE_UNAVAILABLE));
        for size in [60_000, 600_000] {
            let refused = manager.upload(&[], "scan.pdf", &pdf(size));
            assert_eq!(refused.status, 503);
            let told = String::from_utf8_lossy(&refused.bytes);
            assert!(!told.contains(HOST) && !told.contains("SlowDown"), "{told}");
        }
        // The removal goes on behind the answer; rows stay, for the bucket may still complete what it refused.
        spin.idle();
        assert_eq!(rows(&spin, "chunks"), 0);
        assert_eq!((rows(&spin, "blobs"), rows(&spin, "files")), (2, 0));
        assert!(objects.stored().is_empty());
        objects.refuse(None);
        upload(&manager, &pdf(60_000));
        spin.counters();
    }
}

#[test]
fn a_bucket_is_set_and_taken_away_and_no_file_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let kept = || {
        let mut options = options(MODES[1]);
        options.state_dir = Some(folder.path().to_owned());
        options
    };
    let objects = Objects::default();
    let (small, large) = (pdf(100), pdf(700_000));
    let (before, _) = upload(&Spin::with(kept()).manager(), &large);
    let (in_bucket, name) = {
        let spin = Spin::with(with_bucket(kept(), &objects));
        assert!(spin.manager().get(&before).bytes == large, "it stays in the database");
        upload(&spin.manager(), &small)
    };
    let spin = Spin::with(kept());
    assert!(spin.manager().get(&before).bytes == large);
    assert_eq!(spin.manager().get(&in_bucket).status, 503, "nobody says where it lies");
    assert!(objects.stored().contains_key(&name));
    let spin = Spin::with(with_bucket(kept(), &objects));
    assert!(spin.manager().get(&in_bucket).bytes == small);
}

#[test]
fn what_leads_to_the_bucket_is_needed_with_it() {
    let objects = Objects::default();
    for missing in ["s3_host", "s3_access_key_id", "s3_secret_access_key"] {
        let mut options = with_bucket(options(MODES[1]), &objects);
        options.variables.remove(missing);
        let spin = Spin::with(options);
        let refused = spin.manager().upload(&[], "scan.pdf", &pdf(10));
        assert_eq!(refused.status, 503);
        let told = refused.json()["message"].to_string();
        assert!(told.contains(missing), "{told}");
        assert_eq!(
            spin.manager().get("/manager/kyc/templates?brand=acme").status,
            200,
            "others go on"
        );
    }
}

/// A client leaves the port of https out, so that the store signs without it.
#[test]
fn the_port_of_https_may_be_named() {
    let objects = Objects::default();
    let mut options = with_bucket(options(MODES[1]), &objects);
    options.variables.insert("s3_host".to_owned(), format!("{HOST}:443"));
    let spin = Spin::with(options);
    let (path, name) = upload(&spin.manager(), &pdf(10));
    assert!(objects.stored().contains_key(&name));
    assert!(spin.manager().get(&path).bytes == pdf(10));
    spin.counters();
}
