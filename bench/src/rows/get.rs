//! An authenticated `GET` of a profile, against a web server that does nothing but send as many bytes.

use crate::Result;
use crate::bench::{Bench, Cost, repeated};
use crate::load::Clients;
use crate::pairs::Pairs;
use crate::process::Hello;
use crate::simple;
use crate::table::{Found, Row, Scale, Target};

/// Profiles that are asked for.
const PROFILES: u32 = 1_000;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let data = bench.base()?;
    let server = bench.serve(&data.dir, &[])?;
    let path = format!("/manager/kyc/profiles/{}", data.seed.profile(0));
    let body = simple::call(server.http, "GET", &path, Some(&server.token), &serde_json::Value::Null)?.body;
    let hello = Hello::start(body.len())?;
    let connections = bench.options.connections();
    let requests = data
        .seed
        .spread(PROFILES)
        .map(|number| server.get_profile(data.seed.profile(number)));
    let mut ours = Clients::http(connections, repeated(requests.collect(), connections));
    let nothing = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
    let mut reference = Clients::http(connections, repeated(vec![nothing], connections));
    let (mut our_cost, mut their_cost) = (Cost::default(), Cost::default());
    let pairs = Pairs::measure(
        bench.options.pairs(),
        || {
            Ok(bench
                .run(&mut reference, hello.address, &hello.process, &mut their_cost)?
                .rate())
        },
        || {
            Ok(bench
                .run(&mut ours, server.http, &server.process, &mut our_cost)?
                .rate())
        },
    )?;
    let target = Target::AtLeast(0.85, Scale::Percent);
    let row = Row::new(
        "GET of a profile",
        "axum hello of the same size",
        "1/s",
        target,
        Found::Pairs(pairs),
    );
    Ok(vec![row.with_note(format!(
        "{} bytes; {:.1} µs of processor time a request, hello {:.1} µs",
        body.len(),
        our_cost.micros(),
        their_cost.micros()
    ))])
}
