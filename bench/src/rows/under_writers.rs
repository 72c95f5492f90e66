//! How long a `GET` takes at worst while as many writers load the strand, against the same `GET` alone.

use std::thread;

use crate::bench::{Bench, repeated, verdicts};
use crate::load::{Clients, Load};
use crate::pairs::Pairs;
use crate::table::{Found, Row, Scale, Target};
use crate::{Error, Result};

const PROFILES: u32 = 1_000;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let data = bench.base()?;
    let server = bench.serve(&data.dir, &[])?;
    let connections = bench.options.connections();
    // Readers ask for the first half of the customers, writers change the other one.
    let half = data.seed.profiles / 2;
    let requests = (0..PROFILES.min(half)).map(|number| server.get_profile(data.seed.profile(number)));
    let requests: Vec<_> = requests.collect();
    let mut alone = Clients::http(connections, repeated(requests.clone(), connections));
    let mut loaded = Clients::http(connections, repeated(requests, connections));
    let steps = data.seed.steps(half..data.seed.profiles);
    let mut writers = Clients::http(connections, verdicts(&server, &steps, connections));
    let load = bench.load(server.http);
    let longer = Load {
        measured: load.measured + load.warm / 2,
        ..load
    };
    let mut written = Vec::new();
    let pairs = Pairs::measure(
        bench.options.pairs(),
        || Ok(alone.run(&load)?.latency_ms(0.99)),
        || {
            let (read, wrote) = thread::scope(|scope| {
                let writing = scope.spawn(|| writers.run(&longer));
                let read = loaded.run(&load);
                let panicked = |_| Err(Error::from("the writers panicked"));
                (read, writing.join().unwrap_or_else(panicked))
            });
            written.push(wrote?.rate());
            Ok(read?.latency_ms(0.99))
        },
    )?;
    let target = Target::AtMost(3.0, Scale::Times);
    let what = format!("p99 of GET beside {connections} writers");
    let row = Row::new(what, "p99 of GET alone", "ms", target, Found::Pairs(pairs));
    Ok(vec![row.with_note(format!(
        "the writers did {:.0} commands a second",
        crate::pairs::median(&written)
    ))])
}
