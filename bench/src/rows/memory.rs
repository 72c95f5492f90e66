//! What cached profiles take: resident memory before and after each was asked for once.

use std::time::Duration;

use crate::Result;
use crate::bench::{Bench, once, repeated};
use crate::load::{Clients, Load};
use crate::table::{Found, Row, Scale, Target};

const PROFILES: u32 = 100_000;
const CACHE_BYTES: &str = "4294967296";
/// Longest time that all may take.
const LENGTH: Duration = Duration::from_mins(10);

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let data = bench.data(bench.options.profiles)?;
    let server = bench.serve(&data.dir, &["--cache-bytes", CACHE_BYTES])?;
    let connections = bench.options.connections();
    let load = bench.load(server.http);
    // Connections, threads and the databases' own pages are there before anything is counted.
    let first = vec![server.get_profile(data.seed.profile(0))];
    Clients::http(connections, repeated(first, connections)).run(&load)?;
    let before = server.process.resident_bytes()?;
    let count = PROFILES.min(data.seed.profiles);
    let requests = (0..count).map(|number| server.get_profile(data.seed.profile(number)));
    let load = Load {
        warm: Duration::ZERO,
        measured: LENGTH,
        ..load
    };
    Clients::http(connections, once(requests.collect(), connections)).run(&load)?;
    let grown = server.process.resident_bytes()?.saturating_sub(before) as f64 / 1e6;
    let figure = grown * f64::from(PROFILES) / f64::from(count);
    let target = Target::AtMost(250.0, Scale::Megabytes);
    let row = Row::new(
        "memory of 100 000 cached profiles",
        "",
        "MB",
        target,
        Found::Figure(figure),
    );
    Ok(vec![row.with_note(format!(
        "{count} profiles asked for; {:.0} MB resident before",
        before as f64 / 1e6
    ))])
}
