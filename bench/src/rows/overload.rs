//! Ten times what may be under way at once: how many durable commands still get done, against those of 64 clients, and
//! how long the others wait for their refusal.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kyc_core::limits::{CHANGES_UNDER_WAY_MAX, FRAMES_IN_FLIGHT_MAX};
use serde_json::json;

use crate::Result;
use crate::bench::Bench;
use crate::clock::micros;
use crate::load::{Clients, Script};
use crate::pairs::{Pairs, median};
use crate::seed::BRAND;
use crate::server::Server;
use crate::table::{Found, Row, Scale, Target};

const CLIENTS: usize = 64;
/// Connections that ask for ten times what may be under way.
const CONNECTIONS: usize = 10 * CHANGES_UNDER_WAY_MAX / FRAMES_IN_FLIGHT_MAX;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let data = bench.base()?;
    let server = bench.serve(&data.dir, &[])?;
    let load = bench.load(server.tcp);
    let profiles = data.seed.profiles as usize;
    let next = Arc::new(AtomicUsize::new(0));
    let mut usual = Clients::pressed(CLIENTS, 1, |_| risks(&server, profiles, next.clone()));
    let mut pressed = Clients::pressed(CONNECTIONS, FRAMES_IN_FLIGHT_MAX, |_| {
        risks(&server, profiles, next.clone())
    });
    let (mut refused, mut refusal_ms) = (Vec::new(), Vec::new());
    let pairs = Pairs::measure(
        bench.options.pairs(),
        || Ok(usual.run(&load)?.rate()),
        || {
            let measured = pressed.run(&load)?;
            refused.push(measured.refused as f64);
            refusal_ms.push(measured.latency_ms(0.99));
            Ok(measured.rate())
        },
    )?;
    let row = Row::new(
        "durable commands done under ten times the load",
        format!("{CLIENTS} clients"),
        "1/s",
        Target::AtLeast(0.8, Scale::Percent),
        Found::Pairs(pairs),
    );
    Ok(vec![row.with_note(format!(
        "{CONNECTIONS} TCP connections, {FRAMES_IN_FLIGHT_MAX} requests each, refused ones again after a second; {:.0} \
         refusals a measurement, 99 % of them within {:.0} ms",
        median(&refused),
        median(&refusal_ms)
    ))])
}

/// Sets the risk of one customer after the other, to another one in each round.
fn risks(server: &Server, profiles: usize, next: Arc<AtomicUsize>) -> Script {
    let token = server.token.clone();
    Box::new(move |out| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let data = json!({
            "brand": BRAND, "customer_id": number % profiles + 1, "risk_level": number / profiles % 2 + 1,
            "reason": "CHECKED",
        });
        let frame = json!({ "command": "MngSetKycRiskLevel", "data": data, "extID": micros(), "__token": token });
        out.extend_from_slice(frame.to_string().as_bytes());
        out.extend_from_slice(b"\r\n");
        true
    })
}
