//! Rates with many profiles, against those with the usual number: reads of the same number of profiles spread over
//! them, a page of a filtered list, verdicts.

use crate::Result;
use crate::bench::{Bench, Data, repeated, verdicts};
use crate::load::Clients;
use crate::pairs::Pairs;
use crate::seed::BRAND;
use crate::server::Server;
use crate::table::{Found, Row, Scale, Target};

/// One database under load.
struct Side {
    data: Data,
    server: Server,
}

impl Side {
    fn gets(&self, spread: u32, connections: usize) -> Clients {
        let seed = &self.data.seed;
        let requests = seed
            .spread(spread)
            .map(|number| self.server.get_profile(seed.profile(number)));
        Clients::http(connections, repeated(requests.collect(), connections))
    }

    fn pages(&self, connections: usize) -> Clients {
        let page = format!("/manager/kyc/profiles?brand={BRAND}&status=2&limit=50");
        Clients::http(connections, repeated(vec![self.server.get(&page)], connections))
    }

    fn verdicts(&self, spread: u32, connections: usize) -> Clients {
        let seed = &self.data.seed;
        let steps: Vec<i64> = seed.spread(spread).map(|number| seed.step(number)).collect();
        Clients::http(connections, verdicts(&self.server, &steps, connections))
    }
}

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let few = side(bench, bench.options.base, true)?;
    let many = side(bench, bench.options.profiles, false)?;
    let connections = bench.options.connections();
    let spread = bench.options.base;
    let kinds: [(&str, [Clients; 2]); 3] = [
        (
            "GET of a profile",
            [few.gets(spread, connections), many.gets(spread, connections)],
        ),
        ("list page of 50", [few.pages(connections), many.pages(connections)]),
        (
            "durable command",
            [few.verdicts(spread, connections), many.verdicts(spread, connections)],
        ),
    ];
    let mut rows = Vec::new();
    for (name, [mut reference, mut ours]) in kinds {
        eprintln!("  {name}");
        let (few_load, many_load) = (bench.load(few.server.http), bench.load(many.server.http));
        ours.run(&many_load)?;
        let pairs = Pairs::measure(
            bench.options.pairs(),
            || Ok(reference.run(&few_load)?.rate()),
            || Ok(ours.run(&many_load)?.rate()),
        )?;
        let what = format!("{name}, {} profiles", many.data.seed.profiles);
        let against = format!("{} profiles", few.data.seed.profiles);
        let target = Target::AtLeast(0.8, Scale::Percent);
        rows.push(Row::new(what, against, "1/s", target, Found::Pairs(pairs)));
    }
    Ok(rows)
}

/// A copy of the database, or itself where a copy is too large.
fn side(bench: &mut Bench, profiles: u32, copied: bool) -> Result<Side> {
    let data = if copied {
        bench.copy(profiles)?
    } else {
        bench.data(profiles)?
    };
    let server = bench.serve(&data.dir, &[])?;
    Ok(Side { data, server })
}
