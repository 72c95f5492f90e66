//! Tenants whose platform is called: what it was sent, checked as a platform would check it, and what is recorded of
//! that.

use kyc_core::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, is_signed};
use kyc_core::time::Time;
use kyc_memory::answer;
use kyc_ports::outbound::{OutboundAnswer, OutboundError, OutboundRequest};
use serde_json::{Value, json};

use crate::sim::{ADAM, BRAND, MARY, World, id_of};

/// The names of the headers that every `POST` has.
const POST_HEADERS: [&str; 4] = [TIMESTAMP_HEADER, SIGNATURE_HEADER, "content-type", "idempotency-key"];

/// A tenant of a world.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// What it is called.
    pub slug: String,
    /// Its UUID.
    pub id: String,
    /// What signs its calls.
    pub secret: String,
}

/// A call that a platform was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Whose platform.
    pub slug: String,
    /// `initiate`, `update`, or `lookup` with the path in place of a body.
    pub call: String,
    /// The body.
    pub body: Value,
    /// `Idempotency-Key`; empty for lookups.
    pub key: String,
    /// The signed Unix seconds.
    pub timestamp: i64,
}

impl Sent {
    /// The player's external id.
    pub fn player(&self) -> &str {
        self.body["player_external_id"].as_str().unwrap_or_default()
    }

    /// What is said, in a line: `initiate 1 passport+bill` or `update 1 verified approved`.
    pub fn line(&self) -> String {
        line(&self.call, &self.body)
    }
}

/// A tenant of [`BRAND`] with this model.
pub fn tenant(world: &World, kyc_model: &str) -> Tenant {
    tenant_of(world, BRAND, kyc_model)
}

/// A brand's tenant, which is called like the brand.
pub fn tenant_of(world: &World, brand: &str, kyc_model: &str) -> Tenant {
    let base_url = format!("https://{brand}.example/crm");
    let data = json!({ "slug": brand, "brand": brand, "kyc_model": kyc_model, "base_url": base_url });
    let reply = world.ok_as(ADAM, "MngAddTenant", data);
    Tenant {
        slug: brand.to_owned(),
        id: reply["tenant"]["tenant_id"].as_str().expect("a UUID").to_owned(),
        secret: reply["outbound_secret"].as_str().expect("a secret").to_owned(),
    }
}

/// What these tenants' platforms were sent since this was last looked at. Each call must be signed over the bytes that
/// were sent, and have the contract's headers.
pub fn sent(world: &World, tenants: &[&Tenant]) -> Vec<Sent> {
    let requests = world.platform.take_requests();
    requests.iter().map(|request| read(tenants, request)).collect()
}

/// The same without lookups.
pub fn posted(world: &World, tenants: &[&Tenant]) -> Vec<Sent> {
    let mut calls = sent(world, tenants);
    calls.retain(|call| call.call != "lookup");
    calls
}

fn read(tenants: &[&Tenant], request: &OutboundRequest) -> Sent {
    let parts = tenants.iter().find_map(|tenant| {
        let base = format!("https://{}.example/crm/v1/kyc/", tenant.slug);
        Some((tenant, request.url.strip_prefix(&base)?))
    });
    let (tenant, name) = parts.unwrap_or_else(|| panic!("{} is none of the tenants'", request.url));
    let header = |wanted: &str| {
        let mut values = request.headers.iter().filter(|(name, _)| *name == wanted);
        let value = values.next().map_or("", |(_, value)| value.as_str());
        assert_eq!(values.next(), None, "`{wanted}` comes once");
        value.to_owned()
    };
    let (timestamp, signature) = (header(TIMESTAMP_HEADER), header(SIGNATURE_HEADER));
    let body = request.body.as_deref().unwrap_or_default();
    let secrets = [tenant.secret.clone()];
    assert!(is_signed(&secrets, &timestamp, &signature, body), "{request:?}");
    assert!(!request.allow_private_network);
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
    let (call, shown) = if request.body.is_some() {
        assert_eq!(names, POST_HEADERS);
        assert_eq!(header("content-type"), "application/json");
        assert_uuid(&header("idempotency-key"));
        (name, serde_json::from_slice(body).expect("JSON"))
    } else {
        assert_eq!(names, POST_HEADERS[..2]);
        ("lookup", Value::from(name))
    };
    Sent {
        slug: tenant.slug.clone(),
        call: call.to_owned(),
        body: shown,
        key: header("idempotency-key"),
        timestamp: timestamp.parse().expect("seconds"),
    }
}

/// The text has the form of a UUID.
pub fn assert_uuid(text: &str) {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    let is_hex = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    assert!(groups == [8, 4, 4, 4, 12] && is_hex, "`{text}` is no UUID");
}

/// What a call says, in a line.
fn line(call: &str, body: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let level = &body["level"];
    if call == "initiate" {
        let wanted = body["requirements"].as_array().expect("requirements");
        let wanted: Vec<String> = wanted.iter().map(text).collect();
        return format!("initiate {level} {}", wanted.join("+"));
    }
    format!("{call} {level} {} {}", text(&body["status"]), text(&body["reason"]))
}

/// Calls as managers see them, oldest first.
pub fn deliveries(world: &World) -> Vec<Value> {
    let list = world.ok("MngGetKycDeliveries", json!({ "limit": 1_000 }));
    assert_eq!(list["next_cursor"], Value::Null, "all of them are on the page");
    let mut rows = list["rows"].as_array().expect("rows").clone();
    rows.reverse();
    rows
}

/// A call as managers see it.
pub fn delivery(world: &World, id: i64) -> Value {
    let rows = deliveries(world);
    rows.into_iter().find(|row| row["id"] == id).expect("the call")
}

/// What the calls say and where they stand, oldest first: `update 1 verified approved: queued`.
pub fn lines(world: &World) -> Vec<String> {
    let status = |row: &Value| row["status"].as_str().expect("a status").to_owned();
    let shown = |row: &Value| format!("{}: {}", line(&text(&row["call"]), &row["body"]), status(row));
    deliveries(world).iter().map(shown).collect()
}

/// The lines that something adds.
pub fn added(world: &World, act: impl FnOnce()) -> Vec<String> {
    let known = deliveries(world).len();
    act();
    lines(world).split_off(known)
}

/// A string's text.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is text")).to_owned()
}

/// The id of the newest call.
pub fn newest(world: &World) -> i64 {
    id_of(&deliveries(world).last().expect("a call")["id"])
}

/// Code and status of a call.
pub fn end_of(world: &World, id: i64) -> (String, String) {
    let row = delivery(world, id);
    (
        text(&row["status"]),
        row["code"].as_str().unwrap_or_default().to_owned(),
    )
}

/// Seconds until a waiting call is tried next, rounded up; `None` when it does not wait.
pub fn due_in(world: &World, id: i64) -> Option<i64> {
    let queue = world.store.snapshot().queue;
    let call = queue.iter().find(|call| call.delivery_id.0 == id)?;
    let micros = call.due_time.0 - Time::from_seconds(world.now()).0;
    Some(micros.div_euclid(1_000_000) + i64::from(micros.rem_euclid(1_000_000) > 0))
}

/// How often a waiting call was tried in vain.
pub fn attempts(world: &World, id: i64) -> i64 {
    let queue = world.store.snapshot().queue;
    let call = queue.iter().find(|call| call.delivery_id.0 == id);
    call.expect("the call waits").attempts
}

/// Ticks until no call is looked at.
pub fn send_all(world: &World) {
    while world.tick().calls > 0 {}
}

/// A template of a step that a manager decides.
pub fn manual(world: &World, code: &str, level: i64) {
    world.template(code, json!({ "level": level, "step_type": 4 }));
}

/// A step that a manager decides, required of a customer.
pub fn required(world: &World, customer_id: i64, code: &str, level: i64) -> i64 {
    manual(world, code, level);
    world.require(customer_id, code)
}

/// Approves a step.
pub fn approve(world: &World, step_id: i64) {
    world.ok("MngApproveKycStep", json!({ "id": step_id }));
}

/// Rejects a step.
pub fn reject(world: &World, step_id: i64, reason: &str) {
    world.ok("MngRejectKycStep", json!({ "id": step_id, "reason": reason }));
}

/// Skips a step.
pub fn skip(world: &World, step_id: i64) {
    world.ok("MngSkipKycStep", json!({ "id": step_id, "reason": "WAIVED" }));
}

/// Sets a customer's risk: 1 low, 4 prohibited.
pub fn set_risk(world: &World, customer_id: i64, risk_level: i64) {
    let data = json!({ "customer_id": customer_id, "brand": BRAND, "risk_level": risk_level, "reason": "SCREENING" });
    world.ok("MngSetKycRiskLevel", data);
}

/// Tells by which id the platform knows a customer.
pub fn link(world: &World, customer_id: i64, external_id: &str) {
    let data = json!({ "customer_id": customer_id, "brand": BRAND, "external_id": external_id });
    world.ok_as(MARY, "MngLinkKycCustomer", data);
}

/// The customer's history of calls and drift, oldest first: event, level, reason, data.
pub fn timeline(world: &World, customer_id: i64) -> Vec<(String, i64, Value, Value)> {
    let history = world.profile(customer_id)["customer"]["kyc_history"].clone();
    let mut entries = history.as_array().expect("a history").clone();
    entries.retain(|entry| {
        let event = entry["event"].as_str().expect("an event");
        event.starts_with("outbound.") || event.starts_with("reconcile.")
    });
    entries.sort_by_key(|entry| id_of(&entry["id"]));
    let shown = entries.into_iter().map(|mut entry| {
        let (event, level) = (text(&entry["event"]), id_of(&entry["level"]));
        (event, level, entry["reason"].take(), entry["data"].take())
    });
    shown.collect()
}

/// What a platform does, for tables of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Takes the call.
    Takes,
    /// Answers with `ok` false.
    Refuses,
    /// Answers with a status.
    Status(u16),
    /// Gives no answer.
    Fails,
    /// May not be called.
    Denied,
}

impl Reaction {
    /// What the application gets.
    pub fn give(self) -> Result<OutboundAnswer, OutboundError> {
        match self {
            Self::Takes => Ok(answer(200, r#"{"ok":true,"provider_ref":"case-1"}"#)),
            Self::Refuses => Ok(answer(
                200,
                r#"{"ok":false,"code":"UNKNOWN_PLAYER","message":"nobody here"}"#,
            )),
            Self::Status(status) => Ok(answer(status, "")),
            Self::Fails => Err(OutboundError::Failed("no connection".to_owned())),
            Self::Denied => Err(OutboundError::Denied("a private address".to_owned())),
        }
    }
}

/// Lets every platform do so from now on.
pub fn reacts(world: &World, reaction: Reaction) {
    world.platform.answers(move |_| reaction.give());
}

/// Lets the platform do so for some players, and take everything of the others.
pub fn reacts_for(world: &World, players: &[&str], reaction: Reaction) {
    let players: Vec<String> = players.iter().map(|player| (*player).to_owned()).collect();
    world.platform.answers(move |request| {
        let body = request.body.as_deref().unwrap_or_default();
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let is_one = players
            .iter()
            .any(|player| body["player_external_id"] == player.as_str());
        if is_one { reaction } else { Reaction::Takes }.give()
    });
}
