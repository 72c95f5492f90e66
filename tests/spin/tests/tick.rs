//! The clock's work: what one call does, whom it calls, and what it never does.

use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use kyc_spin_host::{Gate, Outbound, Reuse};
use kyc_spin_tests::acts::{platform, require, template, tenant};
use kyc_spin_tests::objects::{HOST, Objects, with_bucket};
use kyc_spin_tests::{MODES, PLATFORM_HOST, Spin, TICK_SECRET, now, options, runtime};
use kyc_tests::rest::Rest;
use serde_json::{Value, json};

/// The one delivery of `acme` in this status.
fn delivery(spin: &Spin, status: &str) -> Value {
    let path = format!("/manager/kyc/deliveries?brand=acme&status={status}");
    let deliveries = spin.manager().get(&path).ok();
    assert_eq!(deliveries["count"], 1, "{deliveries}");
    deliveries["rows"][0].clone()
}

#[test]
fn the_tick_calls_a_granted_platform() {
    for reuse in MODES {
        let (outbound, sent) = platform();
        let mut options = options(reuse);
        options.outbound = Some(outbound);
        let spin = Spin::with(options);
        template(&spin);
        tenant(&spin, "crm_owns", &format!("https://{PLATFORM_HOST}/crm"));
        require(&spin, 1001).ok();
        assert!(spin.tick()["calls"].as_i64() > Some(0));
        let sent = sent.lock().expect("a lock");
        let first = sent.first().expect("a call");
        assert_eq!(first.uri().host(), Some(PLATFORM_HOST));
        assert!(
            first.headers().contains_key("x-ucrm-signature"),
            "{:?}",
            first.headers()
        );
        assert!(first.headers().contains_key("content-length"), "{:?}", first.headers());
        drop(sent);
        let calls = spin
            .manager()
            .get("/manager/kyc/deliveries?brand=acme&status=delivered")
            .ok();
        assert!(calls["count"].as_i64() > Some(0), "{calls}");
        spin.counters();
    }
}

#[test]
fn a_host_that_is_not_granted_makes_the_call_dead_and_says_why() {
    for reuse in MODES {
        let spin = Spin::start(reuse);
        template(&spin);
        tenant(&spin, "crm_owns", "https://elsewhere.example/crm");
        require(&spin, 1001).ok();
        spin.tick();
        let dead = spin
            .manager()
            .get("/manager/kyc/deliveries?brand=acme&status=dead")
            .ok();
        let message = dead["rows"][0]["message"].as_str().expect("a reason");
        assert!(message.contains("was not granted `elsewhere.example`"), "{message}");
        assert!(spin.counters().outbound_denied > 0);
    }
}

#[test]
fn the_tick_is_guarded() {
    let spin = Spin::start(Reuse::SPIN);
    for wrong in ["", "a tick that nobody mindz", &TICK_SECRET[1..]] {
        let refused = spin.rest(wrong).post("/internal/tick", &json!({}));
        assert_eq!(refused.status, 401, "{wrong}");
    }
    assert_eq!(
        Rest::new(spin.http, None).post("/internal/tick", &json!({})).status,
        401
    );
    assert_eq!(spin.rest(TICK_SECRET).get("/internal/tick").status, 405);
    assert_eq!(
        spin.rest(TICK_SECRET).post("/internal/sweep", &json!({})).ok(),
        json!({ "files": 0 })
    );
    spin.counters();
}

/// Spin denies every call while any variable of the application has no value, whether the caller needs it or not.
#[test]
fn a_call_to_a_granted_platform_outlives_a_variable_without_a_value() {
    for reuse in MODES {
        let folder = tempfile::tempdir().unwrap();
        let (outbound, sent) = platform();
        let kept = || {
            let mut options = options(reuse);
            options.state_dir = Some(folder.path().to_owned());
            options.outbound = Some(outbound.clone());
            options
        };
        let spin = Spin::with(kept());
        template(&spin);
        tenant(&spin, "crm_owns", &format!("https://{PLATFORM_HOST}/crm"));
        require(&spin, 1001).ok();
        let mut unresolved = kept();
        unresolved.variables.remove("token_key");
        let without = Spin::with(unresolved);
        assert_eq!(without.tick()["calls"], 1);
        assert_eq!(without.counters().outbound_denied, 1);
        assert!(sent.lock().expect("a lock").is_empty());
        delivery(&spin, "queued");
        assert_eq!(spin.one("default", "SELECT attempts FROM call_queue"), 1);
        spin.change("default", "UPDATE call_queue SET due_time = 0");
        assert_eq!(spin.tick()["calls"], 1);
        delivery(&spin, "delivered");
    }
}

/// The bucket's host is granted, but not for calls to platforms: a tenant must not reach the files' store.
#[test]
fn a_platform_at_the_buckets_host_is_not_called() {
    for reuse in MODES {
        let objects = Objects::default();
        let spin = Spin::with(with_bucket(options(reuse), &objects));
        template(&spin);
        tenant(&spin, "crm_owns", &format!("https://{HOST}/crm"));
        require(&spin, 1001).ok();
        assert_eq!(spin.tick()["calls"], 1);
        let dead = delivery(&spin, "dead");
        let message = dead["message"].as_str().expect("a reason");
        assert!(message.contains(&format!("was not granted `{HOST}`")), "{message}");
        assert_eq!(objects.heard(), 0);
    }
}

/// An instance has 256 connections, and each call has one: brands wait for each other before that.
#[test]
fn calls_of_many_brands_at_once_stay_within_what_an_instance_may_have() {
    const BRANDS: usize = 12;
    const CUSTOMERS: usize = 16;
    /// 16 calls each of 8 brands.
    const AT_ONCE: usize = 128;
    let gate = Gate::default();
    let mut options = options(Reuse::SPIN);
    options.outbound = Some(gate.outbound());
    let spin = Spin::with(options);
    let (admin, manager) = (spin.admin(), spin.manager());
    for brand in 0..BRANDS {
        let brand = format!("b-{brand}");
        let url = format!("https://{PLATFORM_HOST}/{brand}");
        let added = json!({ "slug": brand, "brand": brand, "kyc_model": "crm_owns", "base_url": url });
        admin.post("/manager/tenants", &added).ok();
        let template = json!({ "brand": brand, "code": "proof_id", "level": 1, "step_type": 1 });
        manager.post("/manager/kyc/templates", &template).ok();
        for customer in 1..=CUSTOMERS {
            let raised = json!({ "brand": brand, "customer_id": customer, "level": 1 });
            manager.post("/manager/kyc/required-level", &raised).ok();
        }
    }
    thread::scope(|scope| {
        let tick = scope.spawn(|| spin.tick());
        runtime().block_on(gate.until(AT_ONCE));
        // More is done meanwhile than the calls of another brand would take to come.
        for _ in 0..100 {
            manager.get("/manager/kyc/deliveries?brand=b-0").ok();
        }
        assert_eq!(gate.there(), AT_ONCE);
        gate.open();
        assert_eq!(tick.join().expect("a tick")["calls"], BRANDS * CUSTOMERS);
    });
    let counters = spin.counters();
    assert!(counters.problems.is_empty(), "{:?}", counters.problems);
}

#[test]
fn one_tick_goes_on_until_nothing_is_due() {
    let spin = Spin::start(Reuse::SPIN);
    let manager = spin.manager();
    let template = json!({ "brand": "acme", "code": "proof_id", "level": 1, "step_type": 1 });
    manager.post("/manager/kyc/templates", &template).ok();
    // More than the application takes on at a time.
    let customers = 105;
    for customer in 1..=customers {
        require(&spin, customer).ok();
        let step = spin.one(
            "default",
            &format!("SELECT id FROM steps WHERE customer_id = {customer}"),
        );
        let path = format!("/manager/kyc/steps/{step}");
        manager.post(&format!("{path}/submit"), &json!({})).ok();
        let until = json!({ "expires_time": now() + 3_600 });
        manager.post(&format!("{path}/approve"), &until).ok();
    }
    assert_eq!(spin.tick()["customers"], 0);
    spin.change(
        "default",
        "UPDATE steps SET expires_time = 1000000; UPDATE streams SET due_time = 1000000 WHERE customer_id > 0",
    );
    assert_eq!(spin.tick()["customers"], customers);
    assert_eq!(
        spin.one("default", "SELECT count(*) FROM profiles WHERE current_level > 0"),
        0
    );
    assert_eq!(spin.tick()["customers"], 0);
    spin.counters();
}

/// A page of players a second, as the tenant's rate says, and not a page a call.
#[test]
fn one_tick_reconciles_a_brand_to_its_end() {
    let outbound: Outbound = Arc::new(|request| {
        let mut answer = Response::new(Bytes::new());
        if request.method() == Method::GET {
            *answer.status_mut() = StatusCode::NOT_FOUND;
        }
        Box::pin(async { answer })
    });
    let mut options = options(Reuse::SPIN);
    options.outbound = Some(outbound);
    let spin = Spin::with(options);
    template(&spin);
    let added = json!({
        "slug": "acme", "brand": "acme", "kyc_model": "crm_owns", "base_url": format!("https://{PLATFORM_HOST}"),
        "lookup_rate": 2,
    });
    spin.admin().post("/manager/tenants", &added).ok();
    for customer in 1..=5 {
        require(&spin, customer).ok();
    }
    assert_eq!(spin.tick()["calls"], 5);
    spin.change("default", "UPDATE tenants SET created_time = 0");
    assert_eq!(spin.tick()["reconciled"], 5);
    assert_eq!(spin.tick()["reconciled"], 0, "the next one is tomorrow's");
    spin.counters();
}
