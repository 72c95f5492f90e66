//! The tenants of the load, and what their platforms say and answer.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use kyc_memory::answer;
use kyc_ports::outbound::{OutboundAnswer, OutboundError, OutboundRequest};
use kyc_tests::sim::BRAND;

use crate::promises::{Notebook, Promise};

/// Brand, and slug, of a tenant under `dual`: webhooks and calls.
pub const DUAL: &str = "duo";
/// Of one under `crm_owns`: calls. It comes and goes.
pub const OURS: &str = "ours";
/// Of one under `platform_owns`: webhooks.
pub const THEIRS: &str = "theirs";
/// The tenants with their models.
pub const TENANTS: [(&str, &str); 3] = [(DUAL, "dual"), (OURS, "crm_owns"), (THEIRS, "platform_owns")];
/// The brands, the busier ones more than once; the first has no tenant.
pub const BRANDS: [&str; 7] = [BRAND, BRAND, DUAL, DUAL, OURS, OURS, THEIRS];

/// Calls in a row that a platform that is down does not answer: enough for a breaker to open.
const DOWN: u64 = 8;

/// What platforms answer follows from the seed, the call and how often it was tried, and they are down at times. That a
/// call has gone out is noted: it must be known after a crash.
pub fn answers(
    seed: u64,
    notebook: Arc<Notebook>,
) -> impl FnMut(&OutboundRequest) -> Result<OutboundAnswer, OutboundError> + Send + 'static {
    let mut tries: HashMap<String, u64> = HashMap::new();
    let mut count = 0;
    move |request| {
        let key = request.headers.iter().find(|(name, _)| *name == "idempotency-key");
        if let Some((_, key)) = key {
            notebook.promise(Promise::Sent(key.clone()));
        }
        count += 1;
        let call = key.map_or(&request.url, |(_, key)| key);
        let tries = tries.entry(call.clone()).or_default();
        *tries += 1;
        if drawn(&(seed, count / DOWN)).is_multiple_of(4) {
            return Err(OutboundError::Failed("no connection".to_owned()));
        }
        let is_lookup = request.body.is_none();
        match drawn(&(seed, call, *tries)) % 8 {
            0 => Ok(answer(503, "")),
            1 => Ok(answer(422, "{}")),
            2 => Err(OutboundError::Denied("a private address".to_owned())),
            _ if is_lookup => Ok(answer(200, r#"{"status":"verified","level":1}"#)),
            _ => Ok(answer(200, r#"{"ok":true,"provider_ref":"case-1"}"#)),
        }
    }
}

fn drawn(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
