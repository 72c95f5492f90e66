//! Tenants at the machine: the operator's commands with and without a server, and where secrets and their master key
//! do not show.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;

use kyc_tests::rest::Rest;
use kyc_tests::server::{Server, binary, now};
use kyc_tests::tcp::Tcp;
use kyc_tests::tenants::{Tenant, event, kycd};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder for a data directory.
fn folder() -> (TempDir, PathBuf) {
    let own = tempfile::tempdir().unwrap();
    let data_dir = own.path().join("data");
    (own, data_dir)
}

/// Runs `kycd tenant …` on a data directory.
fn tenant(data_dir: &Path, args: &[&str]) -> Output {
    let (action, args) = args.split_first().expect("an action");
    let dir = data_dir.to_str().unwrap();
    kycd(&[&["tenant", action, "--data-dir", dir], args].concat())
}

/// What a command that succeeds prints: one JSON object a line, and nothing else.
fn printed(data_dir: &Path, args: &[&str]) -> Vec<Value> {
    let output = tenant(data_dir, args);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(lines.iter().all(Value::is_object), "{text}");
    lines
}

/// The only object that a command prints.
fn one(data_dir: &Path, args: &[&str]) -> Value {
    let mut lines = printed(data_dir, args);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

/// A command that fails with this code and one line, which names what is wrong.
fn fails(data_dir: &Path, args: &[&str], code: i32, names: &str) {
    let output = tenant(data_dir, args);
    let line = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(code), "{args:?}: {line}");
    assert_eq!(line.trim_end().lines().count(), 1, "{args:?}: one line: {line}");
    assert!(line.contains(names), "{args:?}: {line}");
    assert_eq!(output.stdout, b"", "only results go to standard output");
}

/// The members of an object.
fn members(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

/// What `tenant add` prints, as a tenant.
fn shown(added: &Value) -> Tenant {
    Tenant::shown_in(&json!({
        "tenant": { "slug": added["slug"] },
        "webhook_secret": added["webhook_secret"],
        "outbound_secret": added["outbound_secret"],
    }))
}

/// Makes sure that a server serves: it has bound its sockets by then.
fn is_up(server: &Server) {
    assert_eq!(Rest::new(server.http, None).get("/readyz").status, 200);
}

/// Every tenant command but those about calls; gives the objects that are printed.
fn plays(data_dir: &Path) {
    let add = ["add", "--slug", "acme", "--brand", "acme", "--model", "platform_owns"];
    let added = one(data_dir, &add);
    let mut names = members(&added);
    names.sort_unstable();
    let wanted = [
        "base_url",
        "brand",
        "kyc_model",
        "outbound_secret",
        "slug",
        "tenant_id",
        "webhook_secret",
    ];
    assert_eq!(names, wanted);
    assert_eq!(added["kyc_model"], "platform_owns");
    fails(data_dir, &add, 1, "RET_DUPLICATE_RECORD");
    let listed = one(data_dir, &["list"]);
    assert_eq!(listed["tenant_id"], added["tenant_id"]);
    let update = [
        "update",
        "--slug",
        "acme",
        "--webhook-rate",
        "5",
        "--create-players",
        "false",
    ];
    let updated = one(data_dir, &update);
    assert_eq!(
        (&updated["webhook_rate"], &updated["create_players"]),
        (&json!(5), &json!(0))
    );
    assert_eq!(one(data_dir, &["list"]), updated);
    let rotated = one(
        data_dir,
        &["rotate-secret", "--slug", "acme", "--overlap-seconds", "60"],
    );
    assert_ne!(rotated["webhook_secret"], added["webhook_secret"]);
    assert_eq!(rotated.get("outbound_secret"), None);
    assert_eq!(rotated["secrets"].as_array().unwrap().len(), 3);
    let rotated = one(data_dir, &["rotate-secret", "--slug", "acme", "--kind", "outbound"]);
    assert_ne!(rotated["outbound_secret"], added["outbound_secret"]);
    assert_eq!(
        one(data_dir, &["remove", "--slug", "acme"]),
        json!({ "accepted": true })
    );
    assert_eq!(printed(data_dir, &["list"]), Vec::<Value>::new());
    fails(data_dir, &["remove", "--slug", "acme"], 1, "RET_NOT_FOUND");
}

/// Commands that are refused, whoever runs them.
fn refuses(data_dir: &Path) {
    let add = ["add", "--slug", "acme", "--brand", "acme", "--model"];
    fails(data_dir, &[&add[..], &["dual"]].concat(), 1, "base_url");
    fails(
        data_dir,
        &[&add[..], &["dual", "--base-url", "http://127.0.0.1:1"]].concat(),
        1,
        "base_url",
    );
    fails(
        data_dir,
        &["add", "--slug", "A b", "--brand", "acme", "--model", "none"],
        1,
        "slug",
    );
    fails(data_dir, &[&add[..], &["ours"]].concat(), 2, "--model");
    fails(data_dir, &add[..5], 2, "--model");
    fails(data_dir, &["list", "--color", "red"], 2, "--color");
    fails(data_dir, &["deliveries", "--limit", "0"], 2, "--limit");
    fails(data_dir, &["replay"], 2, "ID");
    fails(data_dir, &["replay", "7"], 1, "RET_NOT_FOUND");
    fails(data_dir, &["reconcile", "--slug", "nobody"], 1, "RET_NOT_FOUND");
    fails(data_dir, &["deliveries", "--status", "lost"], 1, "status");
    assert_eq!(printed(data_dir, &["list"]), Vec::<Value>::new());
}

#[test]
fn tenants_are_managed_on_the_data_directory_when_no_server_runs() {
    let (_own, data_dir) = folder();
    plays(&data_dir);
    refuses(&data_dir);
}

#[test]
fn tenants_are_managed_through_the_server_when_one_runs() {
    let server = Server::start(&[]);
    is_up(&server);
    plays(server.data_dir());
    refuses(server.data_dir());
}

#[test]
fn what_the_operator_changes_shows_over_rest_at_once() {
    let server = Server::start(&[]);
    is_up(&server);
    let dir = server.data_dir();
    let admin = server.rest(&server.admin());
    let rest = Rest::new(server.http, None);
    let body = |id: &str| event("submitted", id, now(), "p-1", 1);
    let added = one(
        dir,
        &["add", "--slug", "acme", "--brand", "acme", "--model", "platform_owns"],
    );
    let listed = admin.get("/manager/tenants?brand=acme").ok();
    assert_eq!(listed["rows"][0]["tenant_id"], added["tenant_id"]);
    let first = shown(&added);
    assert_eq!(first.post(&rest, &body("e-1")).status, 200);
    let rotated = one(dir, &["rotate-secret", "--slug", "acme", "--overlap-seconds", "0"]);
    assert_eq!(first.post(&rest, &body("e-2")).status, 401);
    let second = first.signing_with(rotated["webhook_secret"].as_str().unwrap());
    assert_eq!(second.post(&rest, &body("e-2")).status, 200);
    fails(dir, &["remove", "--slug", "acme"], 1, "INVALID_STATE");
    fails(
        dir,
        &["update", "--slug", "acme", "--model", "none"],
        1,
        "INVALID_STATE",
    );
    let audit = admin.get("/manager/kyc/audit?brand=acme&action=tenant.created").ok();
    assert_eq!(audit["rows"][0]["actor_id"], "operator");
}

/// Waits until a call is dead.
fn wait_until_dead(tcp: &mut Tcp) {
    let is_dead = |event: &Value| event["data"]["action"] == "outbound.dead";
    while !tcp.events.drain(..).any(|event| is_dead(&event)) {
        let event = tcp.read();
        tcp.events.push(event);
    }
}

#[test]
fn dead_calls_are_shown_replayed_and_reconciled_with_and_without_a_server() {
    let (_own, data_dir) = folder();
    let mut server = Server::start_in(&data_dir, &[]);
    is_up(&server);
    // An address in a private network, which the tenant does not allow: every call is dead at once.
    let add = [
        "add",
        "--slug",
        "acme",
        "--brand",
        "acme",
        "--model",
        "crm_owns",
        "--base-url",
        "https://127.0.0.1:9",
    ];
    one(&data_dir, &add);
    let mut tcp = server.tcp(&server.manager());
    assert_eq!(
        tcp.call("Subscribe", &json!({ "chanels": ["kyc:acme"] }))["status"],
        200
    );
    let manager = server.rest(&server.manager());
    manager
        .post(
            "/manager/kyc/templates",
            &json!({ "brand": "acme", "code": "one", "level": 1 }),
        )
        .ok();
    let step = json!({ "brand": "acme", "customer_id": 7, "step_code": "one" });
    manager.post("/manager/kyc/steps/require", &step).ok();
    wait_until_dead(&mut tcp);
    let delivery = one(&data_dir, &["deliveries", "--brand", "acme"]);
    assert_eq!(
        (&delivery["status"], &delivery["customer_id"]),
        (&json!("dead"), &json!(7))
    );
    let id = delivery["id"].to_string();
    assert_eq!(
        printed(&data_dir, &["deliveries", "--status", "delivered"]),
        Vec::<Value>::new()
    );
    assert_eq!(
        one(&data_dir, &["deliveries", "--customer-id", "7", "--status", "dead"]),
        delivery
    );
    let replayed = one(&data_dir, &["replay", &id]);
    assert_eq!(replayed["accepted"], true);
    wait_until_dead(&mut tcp);
    // Whoever has undelivered calls is passed over.
    let totals = json!({ "checked": 0, "skipped": 1, "failed": 0, "drift": 0 });
    assert_eq!(one(&data_dir, &["reconcile", "--slug", "acme"]), totals);
    drop(tcp);
    assert!(server.stop().success());
    assert_eq!(one(&data_dir, &["deliveries"])["status"], "dead");
    assert_eq!(one(&data_dir, &["reconcile", "--slug", "acme", "--push"]), totals);
    assert_eq!(one(&data_dir, &["replay", &id])["accepted"], true);
    assert_eq!(
        one(&data_dir, &["deliveries"])["status"],
        "queued",
        "it waits for the server"
    );
    fails(&data_dir, &["replay", &id], 1, "INVALID_STATE");
}

/// A server whose whole log is read.
struct Logged {
    child: Child,
    reading: JoinHandle<String>,
    data_dir: PathBuf,
}

impl Logged {
    fn start(data_dir: &Path, args: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(["serve", "--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kycd starts");
        let mut log = BufReader::new(child.stderr.take().expect("a log"));
        let mut text = String::new();
        while !text.contains("\"listening\"") {
            assert!(
                log.read_line(&mut text).expect("text") > 0,
                "kycd ended at its start: {text}"
            );
        }
        let reading = std::thread::spawn(move || {
            log.read_to_string(&mut text).expect("text");
            text
        });
        Self {
            child,
            reading,
            data_dir: data_dir.to_owned(),
        }
    }

    fn address(&self, name: &str) -> std::net::SocketAddr {
        let known = fs::read_to_string(self.data_dir.join("server.json")).unwrap();
        let known: Value = serde_json::from_str(&known).unwrap();
        known[name].as_str().unwrap().parse().unwrap()
    }

    fn token(&self, role: &str) -> String {
        let dir = self.data_dir.to_str().unwrap();
        let output = kycd(&["token", "--data-dir", dir, "--role", role, "--sub", "adam"]);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn rest(&self, token: Option<&str>) -> Rest {
        Rest::new(self.address("http"), token)
    }

    /// Stops it; gives its log.
    fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
        self.reading.join().unwrap()
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.is_file())
        .collect()
}

/// Whether a text stands in any file of a data directory.
fn is_kept(data_dir: &Path, text: &str) -> bool {
    let holds = |path: &PathBuf| {
        fs::read(path)
            .unwrap()
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    files(data_dir).iter().any(holds)
}

#[test]
fn no_file_no_log_and_no_export_holds_a_secret() {
    let (_own, data_dir) = folder();
    let server = Logged::start(&data_dir, &["--log", "trace"]);
    let admin = server.rest(Some(&server.token("SESSION_ADMIN")));
    let keyed = |path: &str, key: &str, body: &Value| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        admin.send("POST", path, &headers, body.to_string().as_bytes()).ok()
    };
    let data = json!({ "slug": "acme", "brand": "acme", "kyc_model": "dual", "base_url": "https://127.0.0.1:9" });
    let added = keyed("/manager/tenants", "k-1", &data);
    let again = keyed("/manager/tenants", "k-1", &data);
    assert_eq!(
        (&again["webhook_secret"], &again["outbound_secret"]),
        (&json!(""), &json!(""))
    );
    let path = "/manager/tenants/acme/rotate-secret";
    let webhook = keyed(path, "k-2", &json!({}));
    let outbound = keyed(path, "k-3", &json!({ "kind": "outbound" }));
    let operators = one(&data_dir, &["rotate-secret", "--slug", "acme"]);
    let tenant = Tenant::shown_in(&added);
    let rest = server.rest(None);
    assert_eq!(
        tenant.post(&rest, &event("submitted", "e-1", now(), "p-1", 1)).status,
        200
    );
    assert_eq!(tenant.signing_with("guessed").post_bytes(&rest, b"{").status, 401);
    admin
        .post(
            "/manager/kyc/templates",
            &json!({ "brand": "acme", "code": "one", "level": 1 }),
        )
        .ok();
    let step = json!({ "brand": "acme", "customer_id": 7, "step_code": "one" });
    admin.post("/manager/kyc/steps/require", &step).ok();
    let secrets = [
        &added["webhook_secret"],
        &added["outbound_secret"],
        &webhook["webhook_secret"],
    ];
    let more = [&outbound["outbound_secret"], &operators["webhook_secret"]];
    let secrets: Vec<&str> = secrets
        .into_iter()
        .chain(more)
        .map(|secret| secret.as_str().unwrap())
        .collect();
    assert!(
        is_kept(&data_dir, "https://127.0.0.1:9"),
        "the search finds what is kept"
    );
    assert!(
        secrets.iter().all(|secret| !is_kept(&data_dir, secret)),
        "while it runs"
    );
    let lists = [
        "/manager/tenants",
        "/manager/kyc/audit?limit=1000",
        "/manager/kyc/deliveries",
        "/metrics",
    ];
    let shown: String = lists
        .map(|path| String::from_utf8(admin.get(path).bytes).unwrap())
        .concat();
    let log = server.stop();
    let exported = kycd(&["audit", "export", "--data-dir", data_dir.to_str().unwrap()]);
    assert!(exported.status.success());
    let exported = String::from_utf8(exported.stdout).unwrap();
    assert!(exported.contains("tenant.created") && log.contains("webhook refused"));
    let master_key = fs::read_to_string(data_dir.join("keys/master.key")).unwrap();
    for secret in secrets.into_iter().chain([master_key.trim()]) {
        assert!(!shown.contains(secret) && !exported.contains(secret) && !log.contains(secret));
    }
    for secret in [&tenant.webhook_secret, &tenant.outbound_secret] {
        assert!(!is_kept(&data_dir, secret), "after it has stopped");
    }
}

#[test]
fn the_operators_socket_is_its_owners_alone() {
    let (_own, data_dir) = folder();
    fs::create_dir(&data_dir).unwrap();
    fs::set_permissions(&data_dir, fs::Permissions::from_mode(0o777)).unwrap();
    let server = Server::start_in(&data_dir, &[]);
    is_up(&server);
    let socket = fs::metadata(data_dir.join("control.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_reconciliation_waits_for_its_second_and_goes_on_where_another_failed() {
    let (_own, data_dir) = folder();
    let add = ["add", "--slug", "acme", "--brand", "acme", "--model", "crm_owns"];
    let nowhere = ["--base-url", "https://127.0.0.1:9", "--lookup-rate", "1"];
    one(&data_dir, &[&add[..], &nowhere[..]].concat());
    let server = Server::start_in(&data_dir, &[]);
    let admin = server.rest(&server.admin());
    for customer_id in 1..=3 {
        let data = json!({ "brand": "acme", "customer_id": customer_id, "level": 1 });
        admin.post("/manager/kyc/required-level", &data).ok();
    }
    // This one uses the first second up.
    let first = admin.post("/manager/tenants/acme/reconcile", &json!({})).ok();
    let totals = json!({ "checked": 0, "skipped": 0, "failed": 3, "drift": 0 });
    assert_eq!(one(&data_dir, &["reconcile", "--slug", "acme"]), totals);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = json!({ "checked": 0, "skipped": 0, "failed": 2, "drift": 0 });
    assert_eq!(
        one(&data_dir, &["reconcile", "--slug", "acme", "--cursor", cursor]),
        rest
    );
    fails(
        &data_dir,
        &["reconcile", "--slug", "acme", "--cursor", "lost"],
        1,
        "--cursor lost",
    );
}

#[test]
fn the_master_key_is_made_once_and_its_owners_alone() {
    let (_own, data_dir) = folder();
    one(
        &data_dir,
        &["add", "--slug", "acme", "--brand", "acme", "--model", "platform_owns"],
    );
    let path = data_dir.join("keys/master.key");
    let key = fs::read_to_string(&path).unwrap();
    assert!(key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        fs::metadata(data_dir.join("keys")).unwrap().permissions().mode() & 0o777,
        0o700
    );
    Server::start_in(&data_dir, &[]).stop();
    printed(&data_dir, &["list"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), key);
}

#[test]
fn under_another_master_key_webhooks_wait_and_the_log_says_why() {
    let (own, data_dir) = folder();
    let tenant = shown(&one(
        &data_dir,
        &["add", "--slug", "acme", "--brand", "acme", "--model", "platform_owns"],
    ));
    let other = own.path().join("other.key");
    fs::write(&other, "0123456789abcdef".repeat(4)).unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
    let body = event("submitted", "e-1", now(), "p-1", 1);
    let server = Logged::start(&data_dir, &["--master-key-file", other.to_str().unwrap()]);
    for _ in 0..3 {
        let answer = tenant.post(&server.rest(None), &body);
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (503, &json!("UNAVAILABLE"))
        );
        assert!(answer.headers.contains_key("retry-after"));
    }
    assert_eq!(
        server
            .rest(Some(&server.token("SESSION_ADMIN")))
            .get("/manager/tenants")
            .ok()["count"],
        1
    );
    let log = server.stop();
    assert!(log.contains("master key"), "{log}");
    let server = Logged::start(&data_dir, &[]);
    assert_eq!(tenant.post(&server.rest(None), &body).ok()["applied"], true);
    server.stop();
}

#[test]
fn a_master_key_that_others_can_read_or_that_is_none_is_a_bad_setting() {
    let (own, data_dir) = folder();
    let key = own.path().join("given.key");
    let add = |key: &Path| {
        let key = key.to_str().unwrap().to_owned();
        [
            "add",
            "--slug",
            "acme",
            "--brand",
            "acme",
            "--model",
            "none",
            "--master-key-file",
        ]
        .map(str::to_owned)
        .into_iter()
        .chain([key])
        .collect::<Vec<_>>()
    };
    let arguments = add(&key);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    fails(&data_dir, &arguments, 1, "given.key");
    fs::write(&key, "0".repeat(64)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    fails(&data_dir, &arguments, 2, "given.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, "short").unwrap();
    fails(&data_dir, &arguments, 2, "given.key");
    fs::write(&key, "0".repeat(64)).unwrap();
    one(&data_dir, &arguments);
    assert!(!data_dir.join("keys/master.key").exists());
}
