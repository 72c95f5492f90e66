//! The same durable commands by 64 clients and by one.

use crate::Result;
use crate::bench::{Bench, verdicts};
use crate::load::Clients;
use crate::pairs::Pairs;
use crate::table::{Found, Row, Scale, Target};

const CLIENTS: usize = 64;
/// Customers of the single client.
const ALONE: u32 = 1_000;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let data = bench.base()?;
    let server = bench.serve(&data.dir, &[])?;
    let load = bench.load(server.http);
    let steps = data.seed.steps(0..ALONE);
    let mut one = Clients::http(1, verdicts(&server, &steps, 1));
    let steps = data.seed.steps(ALONE..data.seed.profiles);
    let mut many = Clients::http(CLIENTS, verdicts(&server, &steps, CLIENTS));
    let (mut alone_ms, mut together_ms) = (Vec::new(), Vec::new());
    let pairs = Pairs::measure(
        bench.options.pairs(),
        || {
            let measured = one.run(&load)?;
            alone_ms.push(measured.latency_ms(0.5));
            Ok(measured.rate())
        },
        || {
            let measured = many.run(&load)?;
            together_ms.push(measured.latency_ms(0.5));
            Ok(measured.rate())
        },
    )?;
    let target = Target::AtLeast(15.0, Scale::Times);
    let row = Row::new(
        "durable command, 64 clients",
        "1 client",
        "1/s",
        target,
        Found::Pairs(pairs),
    );
    Ok(vec![row.with_note(format!(
        "p50 of an acknowledgement {:.2} ms for 64 clients, {:.2} ms for one",
        crate::pairs::median(&together_ms),
        crate::pairs::median(&alone_ms)
    ))])
}
