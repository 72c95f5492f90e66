//! `GET` over TCP with 16 requests under way on each connection, against HTTP with keep-alive on as many connections.

use crate::Result;
use crate::bench::{Bench, Cost, repeated};
use crate::load::Clients;
use crate::pairs::Pairs;
use crate::table::{Found, Row, Scale, Target};

const PROFILES: u32 = 1_000;
const DEPTH: usize = 16;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let data = bench.base()?;
    let server = bench.serve(&data.dir, &[])?;
    let connections = bench.options.connections();
    let ids: Vec<i64> = data
        .seed
        .spread(PROFILES)
        .map(|number| data.seed.profile(number))
        .collect();
    let over_http: Vec<_> = ids.iter().map(|id| server.get_profile(*id)).collect();
    let over_tcp: Vec<_> = ids.iter().map(|id| server.tcp_profile(*id)).collect();
    let measure = |connections: usize| -> Result<(Pairs, Cost, Cost)> {
        let mut http = Clients::http(connections, repeated(over_http.clone(), connections));
        let mut tcp = Clients::tcp(connections, DEPTH, repeated(over_tcp.clone(), connections));
        let (mut http_cost, mut tcp_cost) = (Cost::default(), Cost::default());
        let pairs = Pairs::measure(
            bench.options.pairs(),
            || {
                Ok(bench
                    .run(&mut http, server.http, &server.process, &mut http_cost)?
                    .rate())
            },
            || Ok(bench.run(&mut tcp, server.tcp, &server.process, &mut tcp_cost)?.rate()),
        )?;
        Ok((pairs, http_cost, tcp_cost))
    };
    let mut rows = Vec::new();
    for connections in [connections, 1] {
        let (pairs, http_cost, tcp_cost) = measure(connections)?;
        let plural = if connections == 1 { "" } else { "s" };
        let what = format!("TCP GET 16 deep, {connections} connection{plural}");
        let against = format!("HTTP GET, {connections} connection{plural}");
        let row = Row::new(
            what,
            against,
            "1/s",
            Target::AtLeast(3.0, Scale::Times),
            Found::Pairs(pairs),
        );
        rows.push(row.with_note(format!(
            "{:.1} µs of the server's processor time a request, HTTP {:.1} µs",
            tcp_cost.micros(),
            http_cost.micros()
        )));
    }
    Ok(rows)
}
