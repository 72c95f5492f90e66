//! Durable commands through the whole server, against SQLite writing the same rows in transactions of 64.

use crate::Result;
use crate::bench::{Bench, Cost, groups, verdicts};
use crate::load::Clients;
use crate::pairs::Pairs;
use crate::raw::{GROUP, Raw};
use crate::table::{Found, Row, Scale, Target};

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let data = bench.base()?;
    let server = bench.serve(&data.dir, &[])?;
    let raw_data = bench.base()?;
    let mut raw = Raw::open(&raw_data.bases(), &raw_data.seed)?;
    let steps = data.seed.steps(0..data.seed.profiles);
    let mut ours = Clients::http(GROUP, verdicts(&server, &steps, GROUP));
    let mut cost = Cost::default();
    let pairs = Pairs::measure(
        bench.options.pairs(),
        || raw.rate(bench.options.measured()),
        || Ok(bench.run(&mut ours, server.http, &server.process, &mut cost)?.rate()),
    )?;
    let target = Target::AtLeast(0.7, Scale::Percent);
    let against = "SQLite alone, the same rows, 64 a transaction";
    let row = Row::new(
        "durable command, 64 clients",
        against,
        "1/s",
        target,
        Found::Pairs(pairs),
    );
    Ok(vec![row.with_note(format!(
        "approvals, rejections and submissions in turn; {}; {:.0} µs of processor time a command",
        groups(&server)?,
        cost.micros()
    ))])
}
