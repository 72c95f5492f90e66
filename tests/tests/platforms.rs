//! The running server against a platform that is a real peer: calls end to end, failures, a platform that hangs, a
//! power cut, addresses that may not be called, and invented stories told in different orders.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kyc_simulator::ambient::{Clock, sleeper};
use kyc_simulator::platform::{Behaviour, CallKind, Platform, PlatformOptions, PlayerStatus, Received, UNANSWERED};
use kyc_simulator::run::run;
use kyc_simulator::story::{Delivery, PlanOptions, StoryOptions, plan, stories};
use kyc_simulator::webhooks::{RetrySchedule, Webhooks, WebhooksOptions};
use kyc_tests::rest::Rest;
use kyc_tests::server::{Server, now, shared};
use kyc_tests::sim::DAY;
use kyc_tests::tcp::Tcp;
use kyc_tests::tenants::Tenant;
use serde_json::{Value, json};

/// Far longer than anything takes: it bounds a failing test, no passing one.
const PATIENCE: Duration = Duration::from_secs(30);

/// The same for what waits until a lease of 30 s ends.
const LEASE_PATIENCE: Duration = Duration::from_mins(1);

/// A brand of a running server, and its platform.
struct Rig {
    /// The tests' shared server stays as long as somebody uses it.
    _server: Option<Arc<Server>>,
    admin: Rest,
    brand: &'static str,
    platform: Platform,
    events: Tcp,
}

fn clock() -> Clock {
    Arc::new(now)
}

async fn platform(secret: &str, behaviour: Behaviour) -> Platform {
    let options = PlatformOptions {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        outbound_secrets: vec![secret.into()],
        clock: clock(),
        behaviour,
    };
    Platform::start(options).await.expect("it listens")
}

/// Hears what happens in a brand.
fn subscribed(server: &Server, brand: &str) -> Tcp {
    let mut events = server.tcp(&server.admin());
    let reply = events.call("Subscribe", &json!({ "channels": [format!("kyc:{brand}")] }));
    assert_eq!(reply["status"], 200, "{reply}");
    events
}

/// Tells where the tenant's platform is.
fn place(admin: &Rest, slug: &str, base_url: &str) {
    let path = format!("/manager/tenants/{slug}");
    admin.call("PATCH", &path, &json!({ "base_url": base_url })).ok();
}

impl Rig {
    /// A tenant called like its brand, with steps `one` at level 1 and `two` at level 2 that a manager decides.
    async fn new(server: &Server, brand: &'static str, behaviour: Behaviour) -> Self {
        let admin = server.rest(&server.admin());
        let private = json!({ "allow_private_network": 1 });
        let tenant = Tenant::add_over(&admin, brand, brand, "crm_owns", private);
        let platform = platform(&tenant.outbound_secret, behaviour).await;
        place(&admin, brand, &platform.base_url());
        for (code, level) in [("one", 1), ("two", 2)] {
            let template = json!({ "brand": brand, "code": code, "level": level, "step_type": 4 });
            admin.post("/manager/kyc/templates", &template).ok();
        }
        Self {
            _server: None,
            admin,
            brand,
            platform,
            events: subscribed(server, brand),
        }
    }

    /// On the server that the tests share.
    async fn shared(brand: &'static str, behaviour: Behaviour) -> Self {
        let server = shared();
        let rig = Self::new(&server, brand, behaviour).await;
        Self {
            _server: Some(server),
            ..rig
        }
    }

    /// Requires a step; gives its id.
    fn require(&self, customer_id: i64, code: &str) -> i64 {
        let data = json!({ "customer_id": customer_id, "brand": self.brand, "step_code": code });
        let reply = self.admin.post("/manager/kyc/steps/require", &data).ok();
        reply["step_id"].as_i64().expect("a step")
    }

    fn approve(&self, step_id: i64) {
        let path = format!("/manager/kyc/steps/{step_id}/approve");
        self.admin.post(&path, &json!({})).ok();
    }

    /// Waits until so many calls have come to an end like this.
    fn wait_for(&mut self, action: &str, mut count: usize) {
        while count > 0 {
            let event = self.events.read();
            count -= usize::from(event["data"]["action"] == action);
        }
    }

    /// All calls, oldest first.
    fn deliveries(&self) -> Vec<Value> {
        deliveries(&self.admin, self.brand)
    }

    /// What the platform received, every call of it signed as the contract says.
    fn received(&self) -> Vec<Received> {
        let received = self.platform.received();
        assert!(received.iter().all(|call| call.signature_ok), "{received:?}");
        received
    }
}

fn deliveries(admin: &Rest, brand: &str) -> Vec<Value> {
    let path = format!("/manager/kyc/deliveries?brand={brand}&limit=1000");
    let mut rows = admin.get(&path).ok()["rows"].as_array().expect("rows").clone();
    rows.reverse();
    rows
}

fn statuses(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .map(|row| row["status"].as_str().expect("a status"))
        .collect()
}

fn key(call: &Received) -> &str {
    call.idempotency_key.as_deref().expect("a key")
}

// End to end.

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_platform_is_asked_told_and_looked_up() {
    let mut rig = Rig::shared("prompt", Behaviour::Prompt).await;
    let step = rig.require(1, "one");
    rig.wait_for("outbound.delivered", 1);
    assert_eq!(rig.platform.players()["1"].status, PlayerStatus::Pending);
    rig.approve(step);
    rig.wait_for("outbound.delivered", 1);
    let player = rig.platform.players()["1"];
    assert_eq!((player.status, player.level), (PlayerStatus::Verified, 1));

    rig.require(2, "one");
    rig.wait_for("outbound.delivered", 1);
    rig.platform.set_player("2", PlayerStatus::Verified, 2);
    let report = rig.admin.post("/manager/tenants/prompt/reconcile", &json!({})).ok();
    assert_eq!((&report["checked"], &report["failed"]), (&json!(2), &json!(0)));
    let theirs = json!({ "kyc_status": "verified", "kyc_level": 2 });
    assert_eq!(report["drift"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(
        (&report["drift"][0]["customer_id"], &report["drift"][0]["theirs"]),
        (&json!(2), &theirs)
    );

    let received = rig.received();
    let mut kinds: Vec<_> = received.iter().map(|call| (call.kind, call.answered)).collect();
    assert_eq!(
        kinds.drain(..3).collect::<Vec<_>>(),
        [
            (CallKind::Initiate, 200),
            (CallKind::Update, 200),
            (CallKind::Initiate, 200)
        ]
    );
    assert_eq!(kinds, [(CallKind::Lookup, 200); 2]);
    let rows = rig.deliveries();
    assert_eq!(statuses(&rows), ["delivered"; 3]);
    for (row, call) in rows.iter().zip(&received) {
        assert_eq!((&row["body"], &row["idempotency_key"]), (&call.body, &json!(key(call))));
    }
    assert_eq!(rows[0]["provider_ref"], "sim-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_refusal_is_shown_with_the_platforms_words() {
    let refuse = Behaviour::Refuse {
        code: "UNKNOWN_PLAYER".to_owned(),
        message: "nobody here".to_owned(),
    };
    let mut rig = Rig::shared("refuse", refuse).await;
    rig.require(1, "one");
    rig.wait_for("outbound.refused", 1);
    let row = &rig.deliveries()[0];
    assert_eq!(
        (&row["status"], &row["code"], &row["message"]),
        (&json!("refused"), &json!("UNKNOWN_PLAYER"), &json!("nobody here"))
    );
    assert_eq!(rig.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_taken_call_whose_answer_is_no_json_is_delivered() {
    let mut rig = Rig::shared("garbage", Behaviour::Garbage).await;
    rig.require(1, "one");
    rig.wait_for("outbound.delivered", 1);
    assert_eq!(rig.received().len(), 1);
    assert_eq!(rig.platform.players()["1"].status, PlayerStatus::Pending);
}

// Failures. The mixes are those whose first call fails in the wanted way, and the others do not.

/// A call that fails the first time and is taken the second time.
async fn tried_twice(brand: &'static str, seed: u64) -> [Received; 2] {
    let mix = Behaviour::Outages {
        seed,
        failure_percent: 50,
    };
    let mut rig = Rig::shared(brand, mix).await;
    rig.require(1, "one");
    rig.wait_for("outbound.delivered", 1);
    let received: [Received; 2] = rig.received().try_into().expect("two tries");
    assert_eq!(key(&received[0]), key(&received[1]));
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(received[1].answered, 200);
    assert_eq!(rig.platform.players()["1"].status, PlayerStatus::Pending);
    assert_eq!(rig.deliveries()[0]["idempotency_key"], key(&received[0]));
    received
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_call_that_was_not_taken_is_sent_again() {
    let [first, second] = tried_twice("busy", 12).await;
    assert_eq!((first.answered, first.applied), (503, false));
    assert!(second.first_time && second.applied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_call_that_was_taken_but_not_answered_is_sent_again_and_applied_once() {
    let [first, second] = tried_twice("dropped", 50).await;
    assert_eq!((first.answered, first.applied), (UNANSWERED, true));
    assert!(!second.first_time && !second.applied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_call_with_too_long_an_answer_is_sent_again_and_applied_once() {
    let [first, second] = tried_twice("too-long", 98).await;
    assert_eq!((first.answered, first.applied), (200, true));
    assert!(!second.first_time && !second.applied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_platform_that_hangs_holds_up_nobody_elses_calls() {
    let hanging = Rig::shared("hanging", Behaviour::Hang).await;
    let mut well = Rig::shared("well", Behaviour::Prompt).await;
    for player in 1..=8 {
        hanging.require(player, "one");
    }
    hanging.platform.wait_for(1, PATIENCE).await.expect("it is called");
    for player in 1..=8 {
        well.require(player, "one");
    }
    well.wait_for("outbound.delivered", 8);
    // All of that happened while the first tries over there were still under way.
    let received = hanging.received();
    let keys: BTreeSet<&str> = received.iter().map(key).collect();
    assert_eq!(keys.len(), received.len(), "nobody there was tried again yet");
    assert_eq!(statuses(&hanging.deliveries()), ["queued"; 8]);
    assert_eq!(statuses(&well.deliveries()), ["delivered"; 8]);
}

// A power cut.

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_power_cut_loses_no_call_and_changes_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start_in(&data, &[]);
    let rig = Rig::new(&server, "cut", Behaviour::Mute).await;
    rig.require(1, "one");
    rig.platform.wait_for(1, PATIENCE).await.expect("it is called");
    rig.require(2, "one");
    let before = rig.deliveries();
    let first_try = rig.received()[0].clone();
    server.kill();
    let known = rig.received().len();
    rig.platform.behave(Behaviour::Prompt);

    let server = Server::start_in(&data, &[]);
    let of_player = |calls: &[Received], player: &str| {
        let mut theirs = calls
            .iter()
            .filter(|call| call.player_external_id.as_deref() == Some(player));
        theirs.next().cloned()
    };
    // The lease under which the first try was made outlives the process; then the call goes again.
    let sent_again = |player: &'static str| {
        let platform = &rig.platform;
        async move {
            let mut count = known + 1;
            loop {
                let received = platform
                    .wait_for(count, LEASE_PATIENCE)
                    .await
                    .expect("a call after the cut");
                if let Some(call) = of_player(&received[known..], player) {
                    return call;
                }
                count = received.len() + 1;
            }
        }
    };
    let second_try = sent_again("1").await;
    assert!(second_try.signature_ok && !second_try.first_time);
    assert_eq!((key(&second_try), &second_try.body), (key(&first_try), &first_try.body));
    let other = sent_again("2").await;
    assert!(other.signature_ok);

    let rows = deliveries(&server.rest(&server.admin()), "cut");
    let keys = |rows: &[Value]| {
        rows.iter()
            .map(|row| row["idempotency_key"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&rows), keys(&before), "both are there, each under its key");
    assert_eq!(keys(&rows), [key(&first_try), key(&other)]);
}

// Addresses.

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn private_addresses_are_not_called_unless_the_tenant_allows_them() {
    let mut rig = Rig::shared("private", Behaviour::Prompt).await;
    let tenant = "/manager/tenants/private";
    let port = rig.platform.address().port();
    let https = format!("https://127.0.0.1:{port}");
    let closed = json!({ "allow_private_network": 0, "base_url": https });
    rig.admin.call("PATCH", tenant, &closed).ok();
    let hosts = [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("[::1]:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("2130706433:{port}"),
        "10.0.0.1".to_owned(),
        "172.16.0.1".to_owned(),
        "192.168.0.1".to_owned(),
        "169.254.169.254".to_owned(),
        "100.64.0.1".to_owned(),
        "192.0.2.1".to_owned(),
        "224.0.0.1".to_owned(),
        "0.0.0.0".to_owned(),
    ];
    for (customer_id, host) in (1..).zip(&hosts) {
        place(&rig.admin, "private", &format!("https://{host}"));
        rig.require(customer_id, "one");
        rig.wait_for("outbound.dead", 1);
        let row = rig.deliveries().pop().unwrap();
        assert_eq!(
            (&row["status"], &row["code"]),
            (&json!("dead"), &json!("denied")),
            "{host}: {row}"
        );
        assert!(
            row["message"].as_str().is_some_and(|message| !message.is_empty()),
            "{host}: {row}"
        );
    }
    assert_eq!(rig.received(), []);
    let refused = rig
        .admin
        .call("PATCH", tenant, &json!({ "base_url": "http://platform.example" }));
    assert_eq!(refused.error(400), "INVALID_DATA", "http is for private networks alone");
    let open = json!({ "allow_private_network": 1, "base_url": rig.platform.base_url() });
    rig.admin.call("PATCH", tenant, &open).ok();
    let dead = rig.deliveries()[0]["id"].clone();
    rig.admin
        .post(&format!("/manager/kyc/deliveries/{dead}/replay"), &json!({}))
        .ok();
    rig.wait_for("outbound.delivered", 1);
    assert_eq!(rig.received().len(), 1);
}

// Stories.

/// Where the stories end, so long ago that every verification in them has ended by now.
const STORY_END: i64 = 200 * DAY;

fn told_in(seed: u64, window: u32) -> Vec<Delivery> {
    let until = now() / DAY * DAY - STORY_END;
    let events = stories(&StoryOptions {
        seed: 7,
        players: 6,
        from: until - 400 * DAY,
        until,
    });
    let options = PlanOptions {
        seed,
        window,
        duplicate_percent: 30,
        late_percent: 20,
        late_places_max: 40,
    };
    plan(&events, &options)
}

/// Tells a fresh server a story; gives where each player stands then.
async fn told(deliveries: &[Delivery], folder: &Path, concurrency: usize) -> Vec<Value> {
    let server = Server::start_in(&folder.join("data"), &[]);
    let admin = server.rest(&server.admin());
    let tenant = Tenant::add_over(&admin, "casino", "casino", "platform_owns", json!({}));
    let sender = Webhooks::new(WebhooksOptions {
        crm_url: format!("http://{}", server.http),
        slug: tenant.slug,
        webhook_secret: tenant.webhook_secret.into(),
        clock: clock(),
        sleeper: sleeper(),
        schedule: RetrySchedule::never(),
    });
    let summary = run(deliveries, &sender.expect("an address"), concurrency).await;
    assert_eq!(summary.accepted as usize, deliveries.len(), "{summary:?}");
    assert!(summary.duplicates > 0 && summary.applied > 0, "{summary:?}");
    let rows = admin.get("/manager/kyc/profiles?brand=casino&limit=1000").ok()["rows"].clone();
    let mut players: Vec<Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| standing(&admin, row))
        .collect();
    players.sort_by_key(|player| player["external_id"].to_string());
    players
}

/// What must not depend on the order: not the history, nor when it was heard.
fn standing(admin: &Rest, row: &Value) -> Value {
    let shown = admin.get(&format!("/manager/kyc/profiles/{}", row["id"])).ok();
    let (profile, customer) = (&shown["profile"], &shown["customer"]);
    json!({
        "external_id": profile["external_id"],
        "status": profile["status"],
        "current_level": profile["current_level"],
        "kyc_status": customer["kyc_status"],
        "kyc_level": customer["kyc_level"],
        "kyc_expires_at": customer["kyc_expires_at"],
        "kyc_last_event_at": customer["kyc_last_event_at"],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_story_ends_the_same_in_whatever_order_it_is_told() {
    let mut ends = Vec::new();
    for (seed, window, concurrency) in [(1, 0, 1), (2, 30, 1), (3, 1_000, 8)] {
        let folder = tempfile::tempdir().unwrap();
        ends.push(told(&told_in(seed, window), folder.path(), concurrency).await);
    }
    assert_eq!(ends[0].len(), 6);
    assert_eq!(ends[0], ends[1]);
    assert_eq!(ends[0], ends[2]);
    let statuses: BTreeSet<String> = ends[0].iter().map(|player| player["kyc_status"].to_string()).collect();
    assert!(statuses.len() > 1, "they are not all alike: {statuses:?}");
}
