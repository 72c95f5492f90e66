//! The hourly clean-up, with something to clean: what was given up midway, what nobody named, what a bucket still holds.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use kyc_spin_host::{Limits, Options, Reuse};
use kyc_spin_tests::acts::{cancelled_after, manager_token, require, template, upload};
use kyc_spin_tests::objects::{Objects, with_bucket};
use kyc_spin_tests::{MODES, Spin, TICK_SECRET, options, pdf};
use kyc_tests::site::Site;
use serde_json::json;

/// All files are two days old from now on.
fn age(spin: &Spin) {
    let day = 86_400_000_000_i64;
    let sql = format!(
        "UPDATE blobs SET written_time = written_time - 2 * {day}; UPDATE files SET created_time = created_time - 2 * {day}"
    );
    spin.change("storage", &sql);
}

fn sweep(spin: &Spin) -> i64 {
    let swept = spin.rest(TICK_SECRET).post("/internal/sweep", &json!({})).ok();
    swept["files"].as_i64().expect("a number")
}

fn rows(spin: &Spin, table: &str) -> i64 {
    spin.one("storage", &format!("SELECT count(*) FROM {table}"))
}

/// A file that a document of customer 1001 names.
fn named(spin: &Spin, bytes: &[u8]) -> String {
    let manager = spin.manager();
    let owner = [("brand", "acme"), ("customer_id", "1001")];
    let file = manager.upload(&owner, "scan.pdf", bytes).ok();
    let id = file["file_id"].as_str().expect("an id");
    let offer = json!({ "brand": "acme", "customer_id": 1001, "type": "passport", "file_id": id });
    manager.post("/manager/kyc/documents", &offer).ok();
    id.to_owned()
}

#[test]
fn an_upload_that_is_refused_leaves_nothing() {
    let spin = Spin::start(Reuse::SPIN);
    let too_large = spin.manager().upload(&[], "scan.pdf", &pdf(21 * 1024 * 1024));
    assert_eq!(too_large.status, 413);
    spin.leaves_nothing();
    spin.counters();
}

#[test]
fn files_that_nothing_names_go_after_a_day_and_others_stay() {
    for reuse in MODES {
        for objects in [None, Some(Objects::default())] {
            let options = match &objects {
                Some(objects) => with_bucket(options(reuse), objects),
                None => options(reuse),
            };
            let spin = Spin::with(options);
            template(&spin);
            require(&spin, 1001).ok();
            let large = pdf(700_000);
            let kept = named(&spin, &large);
            for size in [10, 700_000] {
                spin.manager().upload(&[], "scan.pdf", &pdf(size)).ok();
            }
            assert_eq!(sweep(&spin), 0, "a day has not passed");
            age(&spin);
            assert_eq!(sweep(&spin), 2);
            assert_eq!((rows(&spin, "blobs"), rows(&spin, "files")), (1, 1));
            let in_bucket = objects.map(|objects| objects.stored().into_keys().collect::<Vec<_>>());
            match in_bucket {
                Some(names) => assert_eq!(names, [format!("{kept}.pdf")]),
                None => assert_eq!(rows(&spin, "chunks"), 2),
            }
            assert!(spin.manager().get(&format!("/files/{kept}")).bytes == large);
            assert_eq!(sweep(&spin), 0);
            spin.counters();
        }
    }
}

#[test]
fn what_a_cancelled_upload_left_is_swept() {
    for reuse in MODES {
        let spin = Spin::with(options(reuse));
        let who = manager_token();
        // The tables are there from now on.
        let kept = spin.manager().upload(&[], "scan.pdf", &pdf(10)).ok();
        let mut options = options(reuse);
        options.state_dir = Some(spin.host.database_file("storage").with_file_name(""));
        let (other, cancel) = cancelled_after(options);
        for statements in 1..=12 {
            cancel(statements, upload(&who, &pdf(1_500_000)));
        }
        assert!(other.host.counters().cancelled > 0);
        age(&spin);
        let whole = rows(&spin, "files");
        assert!(
            rows(&spin, "blobs") > whole && rows(&spin, "chunks") > 0,
            "something is left behind"
        );
        sweep(&spin);
        assert_eq!(
            (rows(&spin, "blobs"), rows(&spin, "chunks"), rows(&spin, "files")),
            (0, 0, 0),
            "of {whole}"
        );
        assert_eq!(
            spin.manager()
                .get(&format!("/files/{}", kept["file_id"].as_str().unwrap()))
                .status,
            404
        );
        spin.counters();
    }
}

/// What the bucket refused, and what it completed all the same later.
#[test]
fn objects_that_a_bucket_was_refused_are_swept() {
    for reuse in MODES {
        let objects = Objects::default();
        let spin = Spin::with(with_bucket(options(reuse), &objects));
        objects.refuse(Some(StatusCode::SERVICE_UNAVAILABLE));
        for size in [60_000, 600_000] {
            assert_eq!(spin.manager().upload(&[], "scan.pdf", &pdf(size)).status, 503);
        }
        objects.refuse(None);
        spin.idle();
        assert_eq!(rows(&spin, "chunks"), 0);
        let database = spin.database("storage");
        let mut names = database.prepare("SELECT name FROM blobs").unwrap();
        for name in names.query_map([], |row| row.get::<_, String>(0)).unwrap() {
            objects.complete(&name.unwrap(), "late");
        }
        assert_eq!(objects.stored().len(), 2);
        assert_eq!(sweep(&spin), 0, "they may be on their way");
        age(&spin);
        assert_eq!(sweep(&spin), 2);
        assert!(objects.stored().is_empty() && rows(&spin, "blobs") == 0);
        spin.counters();
    }
}

#[test]
fn a_bucket_that_does_not_answer_is_given_up_and_nothing_is_forgotten() {
    for reuse in MODES {
        let objects = Objects::default();
        let limits = Limits {
            outbound_time: Duration::from_millis(200),
            ..Limits::default()
        };
        let options = Options {
            limits,
            ..with_bucket(options(reuse), &objects)
        };
        let spin = Spin::with(options);
        let manager = spin.manager();
        let file = manager.upload(&[], "scan.pdf", &pdf(60_000)).ok();
        let path = format!("/files/{}", file["file_id"].as_str().unwrap());
        objects.fall_silent(true);
        for size in [60_000, 600_000] {
            let refused = manager.upload(&[], "scan.pdf", &pdf(size));
            assert_eq!(refused.error(503), "RET_TECH_PROBLEM");
        }
        assert_eq!(manager.get(&path).status, 503);
        spin.idle();
        assert_eq!(rows(&spin, "chunks"), 0);
        age(&spin);
        assert_eq!(sweep(&spin), 0, "nothing can be removed");
        assert_eq!(rows(&spin, "blobs"), 3);
        objects.fall_silent(false);
        assert_eq!(sweep(&spin), 3);
        assert!(objects.stored().is_empty() && rows(&spin, "blobs") == 0);
        spin.counters();
    }
}

/// A file may take its time on the way to the bucket: all of it counts towards the answer's first byte.
#[test]
fn an_upload_to_the_bucket_has_more_time_than_a_look() {
    let objects = Objects::default();
    let spin = Spin::with(with_bucket(options(Reuse::SPIN), &objects));
    let file = spin.manager().upload(&[], "scan.pdf", &pdf(60_000)).ok();
    spin.manager()
        .get(&format!("/files/{}", file["file_id"].as_str().unwrap()));
    let seconds: Vec<_> = objects
        .limits()
        .iter()
        .map(|limits| [limits.connect, limits.first_byte, limits.between_bytes].map(|time| time.as_secs()))
        .collect();
    assert_eq!(seconds, [[5, 120, 30], [5, 30, 30]]);
}

/// Ten thousand files and more are looked through with a few statements, wherever the clean-up begins.
#[test]
fn strays_are_found_among_many_files() {
    let statements = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut options = options(Reuse::SPIN);
    let heard = statements.clone();
    options.statements = Some(Arc::new(move |_, _| {
        heard.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }));
    let spin = Spin::with(options);
    assert_eq!(sweep(&spin), 0);
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)";
    let id = "printf('%08x-0000-4000-8000-%012x', (i * 2654435761) % 4294967296, i)";
    spin.change(
        "storage",
        &format!(
            "{many} INSERT INTO blobs (name, size, finished, written_time) SELECT {id} || '.pdf', 0, 1, 0 FROM n;
             {many} INSERT INTO files (file_id, extension, file_name, content_type, file_size, checksum, uploaded_session,
                 uploaded_by, claimed, created_time)
             SELECT {id}, 'pdf', 'a.pdf', 'application/pdf', 0, '', 1, 'mary', 1, 0 FROM n WHERE i % 4000 <> 0"
        ),
    );
    let before = statements.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(sweep(&spin), 3);
    assert_eq!((rows(&spin, "blobs"), rows(&spin, "files")), (11_997, 11_997));
    let ran = statements.load(std::sync::atomic::Ordering::SeqCst) - before;
    assert!(ran < 40, "{ran} statements");
    spin.counters();
}
