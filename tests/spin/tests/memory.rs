//! What one instance needs: as many large files at once as it takes requests, in and out, and small ones until it has
//! served all that it serves.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream;
use http::{Request, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use kyc_spin_host::{Limits, Options, Reuse};
use kyc_spin_tests::acts::{manager_token, upload};
use kyc_spin_tests::{Spin, options, pdf, runtime};
use serde_json::Value;
use tokio::sync::Barrier;

/// What Spin gives one instance at a time.
const AT_ONCE: usize = 16;
const MEMORY_BYTES_MAX: u64 = 64 * 1000 * 1000;

/// Uploads whose bodies begin when all of them have been taken up: until then each waits, and its instance takes another.
fn uploaded(spin: &Spin, who: &str, files: Vec<Vec<u8>>) -> BTreeSet<String> {
    let all = Arc::new(Barrier::new(files.len()));
    let calls = files.into_iter().map(|file| {
        let (head, body) = upload(who, &file).into_parts();
        let all = all.clone();
        let body = stream::once(async move {
            all.wait().await;
            Ok::<_, Infallible>(Frame::data(body.collect().await?.to_bytes()))
        });
        spin.host
            .call(Request::from_parts(head, StreamBody::new(Box::pin(body))))
    });
    let ids = runtime().block_on(join_all(calls)).into_iter().map(|answer| {
        let answer = answer.expect("a whole answer");
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.body());
        let reply: Value = serde_json::from_slice(answer.body()).unwrap();
        reply["file_id"].as_str().expect("an id").to_owned()
    });
    let ids = ids.collect();
    // An instance has room for the next ones when it has done what goes on behind its answers.
    spin.idle();
    ids
}

/// Looks whose answers are read when all of them have begun.
fn seen(spin: &Spin, who: &str, ids: &BTreeSet<String>) -> Vec<Bytes> {
    let mut begun = Vec::new();
    for id in ids {
        let request = Request::get(format!("/files/{id}")).header("authorization", format!("Bearer {who}"));
        let request = request.body(Full::<Bytes>::default()).expect("a request");
        let answer = runtime().block_on(spin.host.handle(request));
        assert_eq!(answer.status(), StatusCode::OK);
        begun.push(answer.into_body().collect());
    }
    let bodies = runtime().block_on(join_all(begun)).into_iter();
    let bodies = bodies.map(|body| body.expect("a whole body").to_bytes()).collect();
    spin.idle();
    bodies
}

#[test]
fn one_instance_serves_all_its_requests_with_large_files_in_64_mb() {
    let spin = Spin::with(Options {
        limits: Limits {
            request_time: Duration::from_mins(5),
            idle_time: Duration::from_mins(5),
            ..Limits::default()
        },
        ..options(Reuse::SPIN)
    });
    let who = manager_token();
    let large = pdf(19 * 1024 * 1024);
    let ids = uploaded(&spin, &who, vec![large.clone(); AT_ONCE]);
    assert_eq!(ids.len(), AT_ONCE);
    let seen = seen(&spin, &who, &ids);
    assert!(seen.iter().all(|file| *file == large), "each comes back whole");
    drop(seen);
    for _ in 2..8 {
        let small = (0..AT_ONCE).map(|number| pdf(60_000 + number)).collect();
        assert_eq!(uploaded(&spin, &who, small).len(), AT_ONCE);
    }
    let counters = spin.counters();
    assert_eq!((counters.requests, counters.instances), (128, 1));
    assert!(
        counters.peak_memory_bytes <= MEMORY_BYTES_MAX,
        "{} bytes",
        counters.peak_memory_bytes
    );
}

#[test]
fn a_part_of_a_large_file_goes_over_the_ends_of_its_parts() {
    let spin = Spin::start(Reuse::SPIN);
    let manager = spin.manager();
    let large = pdf(2_000_000);
    let file = manager.upload(&[], "scan.pdf", &large).ok();
    let path = format!("/files/{}", file["file_id"].as_str().unwrap());
    for (first, last) in [
        (524_280, 524_300),
        (0, 1_048_576),
        (1_048_575, 1_048_576),
        (524_288, 524_288),
    ] {
        let range = format!("bytes={first}-{last}");
        let part = manager.send("GET", &path, &[("range", &range)], b"");
        assert!(part.status == 206 && part.bytes == large[first..=last], "{range}");
    }
    spin.counters();
}
