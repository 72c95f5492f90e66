//! The ports' contract on the Spin adapter: each suite runs inside the host, on databases of its own.

use std::any::type_name;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Empty;
use kyc_ports::blobs::Blobs;
use kyc_ports::store::Store;
use kyc_spin_host::{Limits, Options, Reuse};
use kyc_spin_tests::objects::Objects;
use kyc_spin_tests::{CONTRACT, Spin, root, runtime};

fn run(place: &str, suite: &str) {
    let name = suite.trim_start_matches("kyc_ports::contract::");
    let spin = Spin::of(
        &root().join("tests/spin/contract/spin.toml"),
        Options {
            sources: [("contract".to_owned(), CONTRACT.clone())].into(),
            reuse: Reuse::PerRequest,
            limits: Limits {
                request_time: Duration::from_mins(5),
                ..Limits::default()
            },
            outbound: Some(Objects::default().outbound()),
            ..Options::default()
        },
    );
    // Straight into the host: some suites take longer than a client of ours waits.
    let request = Request::post(format!("/{place}{name}")).body(Empty::<Bytes>::new());
    let answer = runtime().block_on(spin.host.call(request.expect("a request")));
    let problems = spin.host.counters().problems;
    assert_eq!(
        answer.expect("an answer").status(),
        StatusCode::OK,
        "{name}; what the suite said is on standard error: {problems:?}"
    );
    assert!(problems.is_empty(), "{name}: {problems:?}");
}

fn with_store<S: AsyncFnOnce(&dyn Store)>(_: S) {
    run("", type_name::<S>());
}

mod store {
    kyc_ports::store_contract!(super::with_store);
}

fn with_blobs<S: AsyncFnOnce(&dyn Blobs)>(_: S) {
    run("", type_name::<S>());
}

mod blobs {
    kyc_ports::blobs_contract!(super::with_blobs);
}

fn with_bucket<S: AsyncFnOnce(&dyn Blobs)>(_: S) {
    run("in-bucket/", type_name::<S>());
}

mod blobs_in_bucket {
    kyc_ports::blobs_contract!(super::with_bucket);
}
