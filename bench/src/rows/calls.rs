//! Calls that wait for a platform, once it answers, against a plain loop with the same client.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kyc_core::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
use kyc_core::status::Session;
use kyc_outbound::HttpOutbound;
use kyc_ports::outbound::{Outbound, OutboundRequest};
use kyc_simulator::platform::{Behaviour, Platform, PlatformOptions};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::clock::{now, unix_seconds};
use crate::pairs::Pairs;
use crate::server::token;
use crate::table::{Found, Row, Scale, Target};
use crate::{Result, simple};

/// Calls of a measurement.
const CALLS: usize = 1_000;
const SLUG: &str = "bench-called";
/// Nobody listens there: what is queued meanwhile waits.
const NOWHERE: &str = "http://127.0.0.1:9";
/// Keys of the plain loop's calls so far.
static KEYS: AtomicUsize = AtomicUsize::new(0);
/// How long a measurement may take.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let data = bench.base()?;
    let server = bench.serve(&data.dir, &[])?;
    let admin = token(&data.dir, Session::Admin)?;
    let call = |method: &str, path: &str, body: Value| -> Result<Value> {
        simple::call(server.http, method, path, Some(&admin), &body)?.ok()
    };
    let tenant = json!({
        "slug": SLUG, "brand": SLUG, "kyc_model": "crm_owns", "base_url": NOWHERE, "allow_private_network": 1,
    });
    let reply = call("POST", "/manager/tenants", tenant)?;
    let secret = reply.get("outbound_secret").and_then(Value::as_str);
    let secret = secret.ok_or("the tenant has no secret")?.to_owned();
    let template = json!({ "brand": SLUG, "code": "identity", "level": 1 });
    call("POST", "/manager/kyc/templates", template)?;
    let platform = runtime.block_on(Platform::start(PlatformOptions {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        outbound_secrets: vec![secret.as_str().into()],
        clock: Arc::new(unix_seconds),
        behaviour: Behaviour::Prompt,
    }))?;
    let client = HttpOutbound::new(&[])?;
    let move_to = |base_url: &str| {
        call(
            "PATCH",
            "/manager/tenants/bench-called",
            json!({ "base_url": base_url }),
        )
    };
    let mut next = 1;
    let mut queued = || -> Result<f64> {
        move_to(NOWHERE)?;
        for customer_id in next..next + CALLS {
            let data = json!({ "brand": SLUG, "customer_id": customer_id, "level": 1 });
            call("POST", "/manager/kyc/required-level", data)?;
        }
        next += CALLS;
        let wanted = *platform.counter().borrow() + CALLS;
        let begun = now();
        move_to(&platform.base_url())?;
        runtime.block_on(platform.wait_for(wanted, PATIENCE))?;
        Ok(rate(begun))
    };
    let plain = || runtime.block_on(plain_loop(&client, &platform.base_url(), &secret));
    let pairs = Pairs::measure(bench.options.pairs(), plain, &mut queued)?;
    let row = Row::new(
        "1 000 queued calls to a platform",
        "a plain loop with the same client",
        "1/s",
        Target::AtLeast(0.6, Scale::Percent),
        Found::Pairs(pairs),
    );
    Ok(vec![row.with_note(
        "each settled in its customer's stream; the platform runs within the load generator",
    )])
}

fn rate(begun: Instant) -> f64 {
    CALLS as f64 / begun.elapsed().as_secs_f64()
}

/// One call after the other; calls a second.
async fn plain_loop(client: &HttpOutbound, base_url: &str, secret: &str) -> Result<f64> {
    let begun = now();
    for number in 0..CALLS {
        let body = json!({
            "tenant_id": "0b0e7c9e-5d3c-4a6e-9f64-0d7e4f0a1b2c", "player_external_id": format!("p-{number}"),
            "level": 1, "requirements": ["identity"],
        });
        let body = body.to_string().into_bytes();
        let timestamp = unix_seconds().to_string();
        let signature = sign(secret, &timestamp, &body);
        // No two calls of a run have the same.
        let key = format!("00000000-0000-4000-8000-{:012}", KEYS.fetch_add(1, Ordering::Relaxed));
        let request = OutboundRequest {
            body: Some(body),
            url: format!("{base_url}/v1/kyc/initiate"),
            headers: vec![
                (TIMESTAMP_HEADER, timestamp),
                (SIGNATURE_HEADER, signature),
                ("content-type", "application/json".to_owned()),
                ("idempotency-key", key),
            ],
            allow_private_network: true,
        };
        let answer = client.send(request).await?;
        if answer.status != 200 {
            return Err(format!("the platform answered {}", answer.status).into());
        }
    }
    Ok(rate(begun))
}
