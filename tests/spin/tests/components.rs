//! What each component is for, what it misses, and what it survives.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use kyc_core::signature::sign;
use kyc_spin_host::{Outbound, Reuse};
use kyc_spin_tests::{COMPONENT, MODES, PLATFORM_HOST, Spin, TICK_SECRET, now, options, pdf, root, runtime, token};
use kyc_tests::rest::Rest;
use serde_json::{Value, json};

/// A tenant of `acme` with this platform; gives its secrets.
fn tenant(spin: &Spin, model: &str, base_url: &str) -> Value {
    let tenant = json!({ "slug": "acme", "brand": "acme", "kyc_model": model, "base_url": base_url });
    spin.admin().post("/manager/tenants", &tenant).ok()
}

fn template(spin: &Spin) {
    let template = json!({
        "brand": "acme", "code": "proof_id", "level": 1, "step_type": 2,
        "requirements": { "documents": ["passport"] },
    });
    spin.manager().post("/manager/kyc/templates", &template).ok();
}

fn require(spin: &Spin, customer_id: i64) -> kyc_tests::rest::Answer {
    let raised = json!({ "brand": "acme", "customer_id": customer_id, "level": 1 });
    spin.manager().post("/manager/kyc/required-level", &raised)
}

#[test]
fn the_component_is_small() {
    let bytes = std::fs::metadata(&*COMPONENT).expect("the component").len();
    assert!(bytes <= 3_000_000, "{bytes} bytes");
}

#[test]
fn webhooks_signed_with_the_tenants_secret_are_taken() {
    for reuse in MODES {
        let spin = Spin::start(reuse);
        let added = tenant(&spin, "platform_owns", "https://platform.example/crm");
        let secret = added["webhook_secret"].as_str().expect("a secret");
        let body = json!({
            "event_id": "e-1", "event": "kyc.approved", "player_external_id": "77", "level": 1,
            "ts": "2026-01-02T03:04:05Z",
        });
        let body = body.to_string();
        let timestamp = now().to_string();
        let told = |signature: &str| {
            let headers = [
                ("x-ucrm-timestamp", timestamp.as_str()),
                ("x-ucrm-signature", signature),
            ];
            let path = "/v1/adapters/acme/webhooks/kyc-events";
            Rest::new(spin.http, None).send("POST", path, &headers, body.as_bytes())
        };
        assert_eq!(told(&"0".repeat(64)).status, 401);
        let taken = told(&sign(secret, &timestamp, body.as_bytes()));
        assert_eq!(taken.status, 200, "{}", String::from_utf8_lossy(&taken.bytes));
        spin.counters();
    }
}

/// A platform that answers everything with 200 and remembers what it was sent.
fn platform() -> (Outbound, Arc<Mutex<Vec<Request<Bytes>>>>) {
    let sent: Arc<Mutex<Vec<Request<Bytes>>>> = Arc::default();
    let heard = sent.clone();
    let outbound: Outbound = Arc::new(move |request| {
        heard.lock().expect("a lock").push(request);
        Box::pin(async { Response::new(Bytes::from_static(b"{\"provider_ref\":\"r-1\"}")) })
    });
    (outbound, sent)
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

#[test]
fn a_missing_variable_is_named() {
    let webhook = "/v1/adapters/acme/webhooks/kyc-events";
    for (variable, method, path) in [
        ("master_key", "GET", "/manager/kyc/profiles"),
        ("master_key", "GET", "/readyz"),
        ("master_key", "POST", webhook),
        ("tick_secret", "POST", "/internal/tick"),
        ("token_key", "GET", "/manager/kyc/profiles"),
        ("token_key", "POST", "/upload"),
    ] {
        let mut options = options(Reuse::SPIN);
        options.variables.remove(variable);
        let spin = Spin::with(options);
        let answer = Rest::new(spin.http, None).send(method, path, &[], b"");
        assert_eq!(answer.status, 503, "{variable} {path}");
        let message = answer.json()["message"].as_str().expect("a message").to_owned();
        assert!(message.contains(&format!("`{variable}`")), "{path}: {message}");
        assert_eq!(Rest::new(spin.http, None).get("/healthz").status, 200);
        spin.counters();
    }
}

#[test]
fn a_wrong_variable_is_named_without_its_value() {
    for (variable, value) in [
        ("master_key", "abc"),
        ("token_key", "too short"),
        ("token_key", "{\"keys\": 1}"),
        ("token_algorithm", "none"),
    ] {
        let mut options = options(Reuse::SPIN);
        options.variables.insert(variable.to_owned(), value.to_owned());
        let spin = Spin::with(options);
        let answer = Rest::new(spin.http, None).get("/manager/kyc/profiles");
        let message = answer.json()["message"].as_str().expect("a message").to_owned();
        assert_eq!(answer.status, 503, "{variable}");
        assert!(
            message.contains(&format!("`{variable}`")) && !message.contains(value),
            "{message}"
        );
    }
}

#[test]
fn routes_of_one_component_are_unknown_to_another() {
    // The real manifest with every route at one component.
    let real = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let routes = [
        ("api", "GET", "/manager/kyc/profiles"),
        ("storage", "POST", "/upload"),
        ("storage", "GET", "/files/x"),
        ("webhooks", "POST", "/v1/adapters/acme/webhooks/kyc-events"),
        ("tick", "POST", "/internal/tick"),
    ];
    for component in ["api", "storage", "webhooks", "tick"] {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("spin.toml");
        let edited = real.lines().map(|line| match line.strip_prefix("component = ") {
            // A trigger's, not the variable of a component.
            Some(_) if !line.contains("{{") => format!("component = \"{component}\""),
            _ => line.to_owned(),
        });
        // Only the triggers' lines come before the first component.
        let (triggers, components) = real.split_once("[component.api]").unwrap();
        let edited: Vec<String> = edited.take(triggers.lines().count()).collect();
        std::fs::write(&manifest, format!("{}\n[component.api]{components}", edited.join("\n"))).unwrap();
        let spin = Spin::of(&manifest, options(Reuse::SPIN));
        for (owner, method, path) in routes {
            let answer = Rest::new(spin.http, None).send(method, path, &[], b"");
            let is_unknown = answer.status == 404 && answer.json()["message"] == "route not found";
            assert_eq!(
                is_unknown,
                owner != component,
                "{path} at {component}: {}",
                answer.status
            );
        }
        spin.counters();
    }
}

#[test]
fn what_only_the_native_server_has_says_so() {
    let spin = Spin::start(Reuse::SPIN);
    for path in ["/metrics", "/docs", "/openapi.json"] {
        let answer = Rest::new(spin.http, None).get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.json()["message"].as_str().unwrap().contains("native server"));
    }
    assert_eq!(Rest::new(spin.http, None).get("/readyz").bytes, b"ready\n");
    spin.counters();
}

fn post(path: &str, who: &str, body: &Value) -> Request<Full<Bytes>> {
    let body = Bytes::from(body.to_string());
    Request::post(path)
        .header("authorization", format!("Bearer {who}"))
        .header("content-type", "application/json")
        .header("content-length", body.len())
        .body(Full::new(body))
        .expect("a request")
}

fn manager_token() -> String {
    token(&json!({ "role": 1, "sub": "mary", "exp": now() + 3_600 }))
}

#[test]
fn writes_to_one_customer_at_once_are_whole_or_refused() {
    for reuse in MODES {
        let spin = Spin::start(reuse);
        template(&spin);
        require(&spin, 1001).ok();
        let who = manager_token();
        let writes = (0..16).map(|number| {
            let body = json!({ "brand": "acme", "customer_id": 1001, "risk_level": number % 3, "reason": "seen" });
            spin.host.call(post("/manager/kyc/risk-level", &who, &body))
        });
        let answers = runtime().block_on(join_all(writes));
        let statuses: Vec<u16> = answers
            .iter()
            .map(|answer| answer.as_ref().expect("an answer").status().as_u16())
            .collect();
        assert!(
            statuses.iter().all(|status| [200, 409, 429, 503].contains(status)),
            "{statuses:?}"
        );
        let done = statuses.iter().filter(|status| **status == 200).count();
        assert!(done > 0, "{statuses:?}");
        // The chain of the stream holds, and its version is the number of its commits.
        let database = rusqlite::Connection::open(spin.host.database_file("default")).unwrap();
        let one = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let rows = one("SELECT count(*) FROM audit WHERE customer_id = 1001");
        let links = one(
            "SELECT count(*) FROM audit AS a JOIN audit AS b ON b.prev_hash = a.hash \
             WHERE a.customer_id = 1001 AND b.customer_id = 1001 AND b.id > a.id",
        );
        assert_eq!(links, rows - 1, "every row but the first follows one");
        let head = one("SELECT count(*) FROM streams JOIN audit USING (hash) WHERE streams.customer_id = 1001");
        assert_eq!(head, 1, "the head is the last row");
        spin.counters();
    }
}

#[test]
fn a_cancelled_request_leaves_no_open_transaction() {
    for reuse in MODES {
        let spin = Spin::start(reuse);
        template(&spin);
        let who = manager_token();
        for step in 0..40 {
            let body = json!({ "brand": "acme", "customer_id": 2000 + step, "level": 1 });
            let call = spin.host.call(post("/manager/kyc/required-level", &who, &body));
            let patience = Duration::from_micros(step as u64 * 500);
            let _ = runtime().block_on(async { tokio::time::timeout(patience, call).await });
        }
        require(&spin, 1001).ok();
        let database = rusqlite::Connection::open(spin.host.database_file("default")).unwrap();
        database.busy_timeout(Duration::from_secs(2)).unwrap();
        database
            .execute_batch("BEGIN IMMEDIATE; ROLLBACK")
            .expect("nobody holds the lock");
        let half =
            "SELECT count(*) FROM profiles LEFT JOIN streams USING (brand, customer_id) WHERE streams.id IS NULL";
        assert_eq!(database.query_row(half, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    }
}

#[test]
fn large_files_stream_and_memory_stays_small() {
    let spin = Spin::start(Reuse::SPIN);
    let large = pdf(19 * 1024 * 1024);
    let manager = spin.manager();
    for round in 0..3 {
        let file = manager.upload(&[], "scan.pdf", &large).ok();
        let path = format!("/files/{}", file["file_id"].as_str().unwrap());
        let seen = manager.get(&path);
        assert!(seen.status == 200 && seen.bytes == large, "round {round}");
        let part = manager.send("GET", &path, &[("range", "bytes=524280-524300")], b"");
        assert_eq!(part.bytes, large[524_280..=524_300], "over the end of a part");
    }
    let who = manager_token();
    let uploads = (0..128).map(|number| spin.host.call(upload(&who, &pdf(60_000 + number))));
    let answers = runtime().block_on(join_all(uploads));
    let mut files = BTreeSet::new();
    for answer in answers {
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.body());
        let reply: Value = serde_json::from_slice(answer.body()).unwrap();
        files.insert(reply["file_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(files.len(), 128);
    let peak = spin.counters().peak_memory_bytes;
    assert!(peak < 64 * 1024 * 1024, "{peak} bytes");
}

fn upload(who: &str, file: &[u8]) -> Request<Full<Bytes>> {
    let head = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"scan.pdf\"\r\n\r\n";
    let body: Bytes = [head.as_bytes(), file, b"\r\n--b--\r\n"].concat().into();
    Request::post("/upload")
        .header("authorization", format!("Bearer {who}"))
        .header("content-type", "multipart/form-data; boundary=b")
        .header("content-length", body.len())
        .body(Full::new(body))
        .expect("a request")
}

#[test]
fn an_upload_that_is_refused_leaves_nothing() {
    let spin = Spin::start(Reuse::SPIN);
    let too_large = spin.manager().upload(&[], "scan.pdf", &pdf(21 * 1024 * 1024));
    assert_eq!(too_large.status, 413);
    let database = rusqlite::Connection::open(spin.host.database_file("storage")).unwrap();
    let left = || -> i64 {
        database
            .query_row(
                "SELECT (SELECT count(*) FROM blobs) + (SELECT count(*) FROM chunks)",
                [],
                |row| row.get(0),
            )
            .unwrap()
    };
    // The removal goes on behind the answer.
    let gone = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        left() == 0
    });
    assert!(gone, "{} rows are left", left());
    spin.counters();
}
