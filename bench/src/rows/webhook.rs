//! Webhooks, signed, each with an event id of its own and durable when it is answered, against durable commands of a
//! manager on the same server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kyc_core::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
use kyc_core::status::Session;
use kyc_simulator::ambient::rfc3339;
use serde_json::json;

use crate::bench::{Bench, Cost, verdicts};
use crate::clock::unix_seconds;
use crate::load::{Clients, Script};
use crate::pairs::Pairs;
use crate::server::{Poster, token};
use crate::table::{Found, Row, Scale, Target};
use crate::{Result, simple};

const CLIENTS: usize = 64;
const SLUG: &str = "bench-casino";
const PATH: &str = "/v1/adapters/bench-casino/webhooks/kyc-events";
/// Players that the webhooks are about.
const PLAYERS: usize = 20_000;
/// How far back the first event happened (seconds).
const PAST: i64 = 10_000_000;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let data = bench.base()?;
    let server = bench.serve(&data.dir, &["--webhook-source-rate", "0"])?;
    let admin = token(&data.dir, Session::Admin)?;
    let tenant = json!({
        "slug": SLUG, "brand": SLUG, "kyc_model": "platform_owns",
        "webhook_rate": 1_000_000, "webhook_burst": 1_000_000,
    });
    let reply = simple::call(server.http, "POST", "/manager/tenants", Some(&admin), &tenant)?.ok()?;
    let secret = reply.get("webhook_secret").and_then(serde_json::Value::as_str);
    let secret: Arc<str> = secret.ok_or("the tenant has no secret")?.into();
    let steps = data.seed.steps(0..data.seed.profiles);
    let mut commands = Clients::http(CLIENTS, verdicts(&server, &steps, CLIENTS));
    let next = Arc::new(AtomicUsize::new(0));
    let mut webhooks = Clients::http(CLIENTS, |_| webhooks_of(secret.clone(), next.clone()));
    let (mut our_cost, mut their_cost) = (Cost::default(), Cost::default());
    // The players are made before anything is counted: until all are known.
    while next.load(Ordering::Relaxed) < PLAYERS {
        webhooks.run(&bench.load(server.http))?;
    }
    let pairs = Pairs::measure(
        bench.options.pairs(),
        || {
            Ok(bench
                .run(&mut commands, server.http, &server.process, &mut their_cost)?
                .rate())
        },
        || {
            Ok(bench
                .run(&mut webhooks, server.http, &server.process, &mut our_cost)?
                .rate())
        },
    )?;
    let target = Target::AtLeast(0.85, Scale::Percent);
    let row = Row::new(
        "webhook, 64 clients",
        "durable command, 64 clients",
        "1/s",
        target,
        Found::Pairs(pairs),
    );
    Ok(vec![row.with_note(format!(
        "{:.0} µs of processor time a webhook, {:.0} µs a command; {} events a player in the end",
        our_cost.micros(),
        their_cost.micros(),
        next.load(Ordering::Relaxed) / PLAYERS
    ))])
}

/// Submissions and approvals of level 1 in turn, of one player after the other.
fn webhooks_of(secret: Arc<str>, next: Arc<AtomicUsize>) -> Script {
    let start = unix_seconds() - PAST;
    Box::new(move |out| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let (player, round) = (number % PLAYERS, number / PLAYERS);
        let kind = if round % 2 == 0 { "submitted" } else { "approved" };
        let body = json!({
            "event": format!("kyc.{kind}"),
            "event_id": format!("e-{number}"),
            "ts": rfc3339(start + round as i64),
            "player_external_id": format!("p-{player}"),
            "level": 1,
            "data": {},
        });
        let body = body.to_string();
        let timestamp = unix_seconds().to_string();
        let signature = sign(&secret, &timestamp, body.as_bytes());
        let headers = format!("{TIMESTAMP_HEADER}: {timestamp}\r\n{SIGNATURE_HEADER}: {signature}\r\n");
        Poster::with_headers(&headers).post(out, PATH, &body);
        true
    })
}
