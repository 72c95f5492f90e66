//! How long the server takes to listen, with many profiles and with few.

use std::path::Path;

use crate::Result;
use crate::bench::Bench;
use crate::pairs::Pairs;
use crate::table::{Found, Row, Scale, Target};

const FEW: u32 = 1_000;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let few = bench.data(FEW)?;
    let many = bench.data(bench.options.profiles)?;
    let start_ms = |dir: &Path| {
        let server = bench.serve(dir, &[])?;
        let took = server.started_in.as_secs_f64() * 1_000.0;
        server.process.stop()?;
        Ok(took)
    };
    // The first start after loading turns the database's log on again.
    start_ms(&few.dir)?;
    start_ms(&many.dir)?;
    let pairs = Pairs::measure(bench.options.pairs(), || start_ms(&few.dir), || start_ms(&many.dir))?;
    let target = Target::AtMost(1.5, Scale::Times);
    let what = format!("start with {} profiles", many.seed.profiles);
    Ok(vec![Row::new(
        what,
        format!("with {FEW}"),
        "ms",
        target,
        Found::Pairs(pairs),
    )])
}
