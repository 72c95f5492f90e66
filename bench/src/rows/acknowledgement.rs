//! How long an acknowledgement takes at worst for 64 clients, against the disk's own sync of a page.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crate::Result;
use crate::bench::{Bench, verdicts};
use crate::clock::now;
use crate::load::Clients;
use crate::pairs::{Pairs, median};
use crate::table::{Found, Row, Scale, Target};

const CLIENTS: usize = 64;
/// Bytes written before each sync.
const PAGE: [u8; 4_096] = [7; 4_096];
/// Below this the medium keeps nothing through a power cut (milliseconds).
const SYNC_MS_MIN: f64 = 0.01;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let data = bench.base()?;
    let server = bench.serve(&data.dir, &[])?;
    let load = bench.load(server.http);
    let steps = data.seed.steps(0..data.seed.profiles);
    let mut clients = Clients::http(CLIENTS, verdicts(&server, &steps, CLIENTS));
    let file = data.bases().join("sync.bin");
    let pairs = Pairs::measure(
        bench.options.pairs(),
        || sync_ms(&file, bench.options.measured() / 2),
        || Ok(clients.run(&load)?.latency_ms(0.99)),
    )?;
    let target = Target::AtMost(4.0, Scale::Times);
    let found = if median(&pairs.reference) < SYNC_MS_MIN {
        Found::Skipped("a sync costs nothing here (tmpfs)".to_owned())
    } else {
        Found::Pairs(pairs)
    };
    let what = "p99 of an acknowledgement, 64 clients";
    let against = "p50 of fdatasync of 4 KiB, same folder";
    Ok(vec![Row::new(what, against, "ms", target, found)])
}

/// The middle one of syncs, each behind an appended page.
fn sync_ms(path: &Path, length: Duration) -> Result<f64> {
    let mut file = File::create(path)?;
    let begun = now();
    let mut took = Vec::new();
    while begun.elapsed() < length {
        file.write_all(&PAGE)?;
        let before = now();
        file.sync_data()?;
        took.push(before.elapsed().as_secs_f64() * 1_000.0);
    }
    std::fs::remove_file(path)?;
    Ok(median(&took))
}
