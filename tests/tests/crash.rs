//! Power cuts, second servers, stops, settings, and the log as an auditor checks it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

use kyc_tests::files::PIXEL_PNG;
use kyc_tests::rest::{Answer, Rest};
use kyc_tests::server::{Server, binary};
use serde_json::{Value, json};

/// Runs the binary to its end, without any setting from outside.
fn kycd(args: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KYCD_")) {
        command.env_remove(name);
    }
    command
        .args(args)
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    command.output().expect("kycd runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

/// It ended with this code, one line on standard error, and nothing on standard output.
fn fails_in_one_line(output: &Output, code: i32) -> &str {
    let line = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{line}");
    assert_eq!(line.trim_end().lines().count(), 1, "one line: {line}");
    assert_eq!(output.stdout, b"", "only results go to standard output");
    line
}

fn verify(data_dir: &Path) -> Output {
    kycd(&["audit", "verify", "--data-dir", data_dir.to_str().unwrap()], &[])
}

fn assert_verified(data_dir: &Path) {
    let output = verify(data_dir);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("verified"), "{}", text(&output.stdout));
}

fn template(code: &str) -> Value {
    json!({ "brand": "acme", "code": code, "level": 1, "step_type": 1 })
}

/// What a client was told had happened: `step_id` by customer.
type Told = BTreeMap<i64, i64>;

/// Requires steps for ever new customers over TCP until the server is gone.
fn write_until_gone(address: std::net::SocketAddr, token: &str, next: &AtomicI64, done: &AtomicI64) -> Told {
    let mut told = Told::new();
    let Ok(mut stream) = TcpStream::connect(address) else {
        return told;
    };
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let customer_id = next.fetch_add(1, Ordering::SeqCst);
        let data = json!({ "brand": "acme", "customer_id": customer_id, "step_code": "one" });
        let request = json!({ "command": "MngRequireKycStep", "data": data, "extID": customer_id, "__token": token });
        if stream.write_all(format!("{request}\r\n").as_bytes()).is_err() {
            return told;
        }
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(read) if read > 0 && line.ends_with("\r\n") => {}
            _ => return told,
        }
        let reply: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(reply["extID"], customer_id);
        if reply["status"] == 200 {
            told.insert(customer_id, reply["data"]["step_id"].as_i64().unwrap());
            done.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Uploads until the server is gone; gives the ids it was told. A raw socket, since an end in between is no fault here.
fn upload_until_gone(address: std::net::SocketAddr, token: &str) -> Vec<String> {
    let part = [
        &b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n"[..],
        PIXEL_PNG,
        b"\r\n--b--\r\n",
    ]
    .concat();
    let head = format!(
        "POST /upload HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\nconnection: close\r\n\
         content-type: multipart/form-data; boundary=b\r\ncontent-length: {}\r\n\r\n",
        part.len()
    );
    let request = [head.as_bytes(), &part].concat();
    let mut told = Vec::new();
    loop {
        let Ok(mut stream) = TcpStream::connect(address) else {
            return told;
        };
        if stream.write_all(&request).is_err() {
            return told;
        }
        let mut answer = Vec::new();
        if std::io::Read::read_to_end(&mut stream, &mut answer).is_err() || !answer.ends_with(b"}") {
            return told;
        }
        let answer = String::from_utf8(answer).unwrap();
        let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        told.push(body["file_id"].as_str().expect("stored").to_owned());
    }
}

/// Everything acknowledged is there once, and what was not is there as a whole or not at all.
fn check_all(rest: &Rest, told: &Told, tried: i64) {
    for (customer_id, step_id) in told {
        let profile = rest
            .get(&format!("/manager/kyc/profiles?brand=acme&customer_id={customer_id}"))
            .ok();
        assert_eq!(profile["count"], 1, "customer {customer_id}");
        let step = rest.get(&format!("/manager/kyc/steps/{step_id}")).ok();
        assert_eq!(step["step"]["customer_id"], *customer_id);
    }
    for customer_id in (1..tried).filter(|id| !told.contains_key(id)) {
        let profiles = rest
            .get(&format!("/manager/kyc/profiles?brand=acme&customer_id={customer_id}"))
            .ok();
        let audit = rest.get(&format!(
            "/manager/kyc/audit?brand=acme&customer_id={customer_id}&action=step.required"
        ));
        assert_eq!(
            profiles["count"],
            audit.ok()["count"],
            "customer {customer_id} is whole or not there"
        );
    }
    let required = rest
        .get("/manager/kyc/audit?brand=acme&action=step.required&limit=1000")
        .ok();
    let rows = required["rows"].as_array().unwrap();
    let mut customers: Vec<i64> = rows.iter().map(|row| row["customer_id"].as_i64().unwrap()).collect();
    customers.sort_unstable();
    let all = customers.len();
    customers.dedup();
    assert_eq!(customers.len(), all, "nobody has a step twice");
}

#[test]
fn after_each_power_cut_everything_acknowledged_is_there_once_and_nothing_half() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let (mut told, mut files, next) = (Told::new(), Vec::new(), AtomicI64::new(1));
    for round in 0..5 {
        let mut server = Server::start_in(&data_dir, &[]);
        let (tcp, http, token) = (server.tcp, server.http, server.manager());
        let rest = server.rest(&token);
        if round == 0 {
            rest.post("/manager/kyc/templates", &template("one")).ok();
        }
        check_all(&rest, &told, next.load(Ordering::SeqCst));
        let done = AtomicI64::new(0);
        thread::scope(|scope| {
            let clients: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| write_until_gone(tcp, &token, &next, &done)))
                .collect();
            let uploads = scope.spawn(|| upload_until_gone(http, &token));
            // In the midst of the work: some of it is acknowledged, more is under way.
            while done.load(Ordering::SeqCst) < 10 * (round + 1) {
                thread::yield_now();
            }
            server.kill();
            for client in clients {
                told.extend(client.join().unwrap());
            }
            files.extend(uploads.join().unwrap());
        });
        assert_verified(&data_dir);
    }
    let server = Server::start_in(&data_dir, &[]);
    let rest = server.rest(&server.manager());
    check_all(&rest, &told, next.load(Ordering::SeqCst));
    for file_id in &files {
        let seen = rest.get(&format!("/files/{file_id}"));
        assert_eq!((seen.status, seen.bytes.as_slice()), (200, PIXEL_PNG), "{file_id}");
    }
    assert!(told.len() >= 150, "the work was real: {}", told.len());
}

#[test]
fn a_commit_that_fails_midway_ends_the_server_and_what_was_acknowledged_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let mut server = Server::start_where_files_end(&data_dir, 2_048);
    let token = server.manager();
    let rest = server.rest(&token);
    rest.post("/manager/kyc/templates", &template("one")).ok();
    let require = |rest: &Rest, customer_id: i64| {
        let data = json!({ "brand": "acme", "customer_id": customer_id, "step_code": "one" });
        rest.post("/manager/kyc/steps/require", &data)
    };
    let mut told = Told::new();
    let refused = (1..1_000).find_map(|customer_id| {
        let answer = require(&rest, customer_id);
        if answer.status == 200 {
            told.insert(customer_id, answer.json()["step_id"].as_i64().unwrap());
        }
        (answer.status != 200).then_some(answer)
    });
    failed_midway(&refused.expect("files end"));
    assert_eq!(server.ended().code(), Some(1));
    assert!(!told.is_empty(), "the disk was good at first");
    assert_verified(&data_dir);
    let server = Server::start_in(&data_dir, &[]);
    let rest = server.rest(&token);
    let next = told.len() as i64 + 1;
    check_all(&rest, &told, next + 1);
    require(&rest, next + 1).ok();
}

/// It may have been done, and its caller is told so.
fn failed_midway(refused: &Answer) {
    assert_eq!(refused.error(503), "RET_TECH_PROBLEM");
    let message = refused.json()["message"].to_string();
    assert!(message.contains("this failed midway; look whether"), "{message}");
}

#[test]
fn a_file_whose_row_may_be_there_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let mut server = Server::start_where_files_end(&data_dir, 2_048);
    let rest = server.rest(&server.manager());
    let answers = (1..1_000).map(|_| rest.upload(&[], "a.png", PIXEL_PNG));
    let mut stored = 0;
    let refused = answers.inspect(|answer| stored += usize::from(answer.status == 200));
    let refused = refused.into_iter().find(|answer| answer.status != 200);
    failed_midway(&refused.expect("files end"));
    assert_eq!(server.ended().code(), Some(1));
    assert!(stored > 0, "the disk was good at first");
    let files = fs::read_dir(data_dir.join("storage")).unwrap();
    assert_eq!(files.count(), stored + 1);
}

#[test]
fn a_reply_kept_under_a_key_outlives_a_power_cut() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let mut server = Server::start_in(&data_dir, &[]);
    let body = template("one").to_string();
    let add = |rest: &Rest| {
        rest.send(
            "POST",
            "/manager/kyc/templates",
            &[("idempotency-key", "k")],
            body.as_bytes(),
        )
    };
    let first = add(&server.rest(&server.manager())).ok();
    server.kill();
    let server = Server::start_in(&data_dir, &[]);
    assert_eq!(add(&server.rest(&server.manager())).ok(), first);
}

#[test]
fn tokens_made_before_a_power_cut_hold_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let mut server = Server::start_in(&data_dir, &[]);
    let token = server.manager();
    server.kill();
    let server = Server::start_in(&data_dir, &[]);
    assert_eq!(server.rest(&token).get("/manager/kyc/profiles").status, 200);
}

#[test]
fn a_second_server_on_the_same_data_directory_refuses_to_start() {
    let server = Server::start(&[]);
    let dir = server.data_dir().to_str().unwrap();
    let known = fs::read(server.data_dir().join("server.json")).unwrap();
    let second = kycd(
        &[
            "serve",
            "--data-dir",
            dir,
            "--http",
            "127.0.0.1:0",
            "--tcp",
            "127.0.0.1:0",
        ],
        &[],
    );
    let line = fails_in_one_line(&second, 1);
    assert!(line.contains(dir), "{line}");
    assert_eq!(
        fs::read(server.data_dir().join("server.json")).unwrap(),
        known,
        "it leaves no trace"
    );
    assert_eq!(server.rest(&server.manager()).get("/readyz").status, 200);
}

#[test]
fn an_address_in_use_is_one_line() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let (dir, taken) = (folder.path().join("data"), server.http.to_string());
    let output = kycd(
        &[
            "serve",
            "--data-dir",
            dir.to_str().unwrap(),
            "--http",
            &taken,
            "--tcp",
            "127.0.0.1:0",
        ],
        &[],
    );
    assert!(fails_in_one_line(&output, 1).contains(&taken));
}

#[test]
fn sigterm_answers_what_is_under_way_and_exits_0() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let mut server = Server::start_in(&data_dir, &[]);
    let token = server.manager();
    server
        .rest(&token)
        .post("/manager/kyc/templates", &template("one"))
        .ok();
    let (tcp, next, done) = (server.tcp, AtomicI64::new(1), AtomicI64::new(0));
    let told = thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| write_until_gone(tcp, &token, &next, &done)))
            .collect();
        while done.load(Ordering::SeqCst) < 20 {
            thread::yield_now();
        }
        assert_eq!(server.stop().code(), Some(0));
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect::<Told>()
    });
    assert_verified(&data_dir);
    let server = Server::start_in(&data_dir, &[]);
    check_all(&server.rest(&token), &told, next.load(Ordering::SeqCst));
}

#[test]
fn sigterm_ends_idle_connections_of_both_kinds() {
    let mut server = Server::start(&[]);
    let (mut tcp, rest) = (server.tcp(&server.manager()), server.rest(&server.manager()));
    tcp.call("Subscribe", &json!({ "chanels": ["kyc"] }));
    assert_eq!(rest.get("/healthz").status, 200);
    let silent = TcpStream::connect(server.http).unwrap();
    assert_eq!(server.stop().code(), Some(0));
    assert_eq!(tcp.read_raw(), None);
    drop(silent);
}

#[test]
fn keys_and_data_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start(&[]);
    for name in ["keys", "keys/token-ed25519.pem", "bases", "storage"] {
        let mode = fs::metadata(server.data_dir().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
}

/// A stopped data directory with some work in it.
fn stopped(folder: &Path) -> std::path::PathBuf {
    let data_dir = folder.join("data");
    let mut server = Server::start_in(&data_dir, &[]);
    let rest = server.rest(&server.manager());
    let mut made = template("one");
    made["description"] = json!("an entirely honest text");
    rest.post("/manager/kyc/templates", &made).ok();
    for customer_id in 1..=3 {
        let wish =
            json!({ "brand": "acme", "customer_id": customer_id, "step_code": "one", "reason": "HONEST_REASON" });
        rest.post("/manager/kyc/steps/require", &wish).ok();
    }
    // Enough work behind it that SQLite has moved the first rows from its write-ahead log into the database file.
    for at in 0..40 {
        let mut bulky = template(&format!("bulky-{at}"));
        bulky["form_schema"] = json!({ "note": "x".repeat(60_000) });
        rest.post("/manager/kyc/templates", &bulky).ok();
    }
    assert_eq!(server.stop().code(), Some(0));
    data_dir
}

#[test]
fn audit_verify_counts_the_rows_of_a_running_and_a_stopped_server() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = stopped(folder.path());
    let output = verify(&data_dir);
    assert!(output.status.success());
    assert!(
        text(&output.stdout).contains("in 4 streams"),
        "{}",
        text(&output.stdout)
    );
    let server = Server::start_in(&data_dir, &[]);
    server
        .rest(&server.manager())
        .post("/manager/kyc/templates", &template("two"))
        .ok();
    assert_verified(&data_dir);
}

/// Puts `new` in place of every `old` of the same length; how many there were.
fn forge(path: &Path, old: &[u8], new: &[u8]) -> usize {
    assert_eq!(old.len(), new.len());
    let mut bytes = fs::read(path).unwrap();
    let places: Vec<usize> = (0..bytes.len().saturating_sub(old.len()))
        .filter(|at| bytes[*at..].starts_with(old))
        .collect();
    for at in &places {
        bytes[*at..*at + new.len()].copy_from_slice(new);
    }
    fs::write(path, bytes).unwrap();
    places.len()
}

#[test]
fn audit_verify_detects_a_forged_database() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = stopped(folder.path());
    assert_verified(&data_dir);
    let path = data_dir.join("bases/kyc.db");
    let genuine = fs::read(&path).unwrap();
    for (old, new) in [
        (&b"HONEST_REASON"[..], &b"FORGED_REASON"[..]),
        (b"an entirely honest text", b"an entirely forged text"),
        (b"mary", b"marx"),
        (b"step.required", b"step.approved"),
    ] {
        fs::write(&path, &genuine).unwrap();
        assert_verified(&data_dir);
        assert!(forge(&path, old, new) > 0, "{}", text(old));
        let line = text(&verify(&data_dir).stderr).to_owned();
        assert_eq!(verify(&data_dir).status.code(), Some(1), "{}: {line}", text(old));
        assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    }
}

#[test]
fn audit_verify_detects_a_forged_or_shortened_export() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = stopped(folder.path());
    let output = kycd(&["audit", "export", "--data-dir", data_dir.to_str().unwrap()], &[]);
    assert!(output.status.success());
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    let path = folder.path().join("export.jsonl");
    let check = |lines: &[&str]| {
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        kycd(&["audit", "verify", "--export", path.to_str().unwrap()], &[])
    };
    assert!(check(&lines).status.success());
    let rows = lines.iter().filter(|line| line.contains("\"row\"")).count();
    assert!(rows >= 10 && lines.len() > rows, "{lines:?}");
    let forged: Vec<String> = lines
        .iter()
        .map(|line| line.replace("HONEST_REASON", "FORGED_REASON"))
        .collect();
    let forged: Vec<&str> = forged.iter().map(String::as_str).collect();
    assert_eq!(check(&forged).status.code(), Some(1), "a changed text");
    for missing in 0..lines.len() {
        let mut shorter = lines.clone();
        shorter.remove(missing);
        assert_eq!(check(&shorter).status.code(), Some(1), "line {missing} is missing");
    }
    for at in 1..rows {
        let mut swapped = lines.clone();
        swapped.swap(at - 1, at);
        let both_of_one_stream = check(&swapped).status.code();
        let neighbours = [lines[at - 1], lines[at]].map(|line| serde_json::from_str::<Value>(line).unwrap());
        if neighbours[0]["row"]["customer_id"] == neighbours[1]["row"]["customer_id"] {
            assert_eq!(both_of_one_stream, Some(1), "lines {at} and the one before are swapped");
        }
    }
    assert_eq!(check(&lines[..rows]).status.code(), Some(1), "no heads");
    assert_eq!(check(&["nonsense"]).status.code(), Some(1));
}

#[test]
fn audit_verify_of_nothing_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    fails_in_one_line(&verify(folder.path()), 1);
    fails_in_one_line(&verify(&folder.path().join("missing")), 1);
    assert!(!folder.path().join("missing").exists(), "looking makes nothing");
}

#[test]
fn token_prints_the_token_alone_and_it_is_good() {
    let server = Server::start(&[]);
    let dir = server.data_dir().to_str().unwrap();
    let mint = |args: &[&str]| {
        let output = kycd(&[&["token", "--data-dir", dir], args].concat(), &[]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(output.stderr, b"");
        let line = text(&output.stdout).strip_suffix('\n').expect("one line").to_owned();
        assert!(
            !line.contains(char::is_whitespace) && line.split('.').count() == 3,
            "{line}"
        );
        line
    };
    let manager = mint(&[
        "--role",
        "SESSION_MANAGER",
        "--sub",
        "alice",
        "--brand",
        "acme",
        "--brand",
        "other",
    ]);
    assert_eq!(server.rest(&manager).get("/manager/kyc/brands/other").status, 200);
    assert_eq!(server.rest(&manager).get("/manager/kyc/brands/third").status, 404);
    let customer = mint(&[
        "--role",
        "SESSION_CUSTOMER",
        "--sub",
        "ada",
        "--brand",
        "acme",
        "--customer-id",
        "1",
    ]);
    assert_eq!(server.rest(&customer).get("/customer/kyc").status, 200);
}

#[test]
fn a_token_can_be_made_before_the_first_start() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let args = [
        "token",
        "--data-dir",
        data_dir.to_str().unwrap(),
        "--role",
        "SESSION_ADMIN",
        "--sub",
        "alice",
    ];
    let token = text(&kycd(&args, &[]).stdout).trim_end().to_owned();
    let server = Server::start_in(&data_dir, &[]);
    assert_eq!(server.rest(&token).get("/manager/kyc/profiles").status, 200);
}

#[test]
fn bad_settings_are_one_line_and_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let dir = dir.to_str().unwrap();
    for args in [
        &["serve", "--http", "nonsense"][..],
        &["serve", "--tcp", "127.0.0.1"],
        &["serve", "--frame-bytes-max", "1023"],
        &["serve", "--frame-bytes-max", "many"],
        &["serve", "--body-bytes-max", "-1"],
        &["serve", "--idle-seconds-max", "0"],
        &["serve", "--connections-max", "0"],
        &["serve", "--token-algorithm", "none"],
        &["serve", "--token-algorithm", "HS256"],
        &["serve", "--token-algorithm", "RS256"],
        &["serve", "--tls-cert", "cert.pem"],
        &["serve", "--log", "kycd=loud"],
        &["serve", "--no-such-setting"],
        &["serve", "--config", "/no/such/file.toml"],
        &["serve", "extra"],
        &["token", "--role", "SESSION_BOSS", "--sub", "a"],
        &["token", "--role", "SESSION_SYSTEM", "--sub", "a"],
        &["token", "--role", "SESSION_MANAGER", "--sub", ""],
        &["token", "--role", "SESSION_MANAGER", "--sub", "a", "--ttl", "8"],
        &["token", "--role", "SESSION_MANAGER", "--sub", "a", "--ttl", "0h"],
        &["token", "--role", "SESSION_MANAGER", "--sub", "a", "--brand", "a b"],
        &["token", "--role", "SESSION_MANAGER", "--sub", "a", "--customer-id", "1"],
        &["token", "--role", "SESSION_CUSTOMER", "--sub", "a", "--brand", "acme"],
        &[
            "token",
            "--role",
            "SESSION_CUSTOMER",
            "--sub",
            "a",
            "--brand",
            "acme",
            "--customer-id",
            "0",
        ],
        &["token", "--sub", "a"],
        &["nonsense"],
    ] {
        let output = kycd(args, &[("KYCD_DATA_DIR", dir)]);
        let line = text(&output.stderr).trim_end();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {line}");
        assert_eq!(line.lines().count(), 1, "{args:?}: {line}");
        assert_eq!(output.stdout, b"", "{args:?}");
    }
    let output = kycd(&["serve"], &[("KYCD_DATA_DIR", dir), ("KYCD_HTTP", "nonsense")]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn bad_settings_files_are_one_line_and_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kycd.toml");
    for content in [
        "no_such_setting = 1",
        "http = ",
        "http = \"nonsense\"",
        "frame_bytes_max = 1",
        "http = [1]",
        "config = \"x\"",
    ] {
        fs::write(&file, content).unwrap();
        let dir = folder.path().join("data");
        let output = kycd(
            &[
                "serve",
                "--config",
                file.to_str().unwrap(),
                "--data-dir",
                dir.to_str().unwrap(),
            ],
            &[],
        );
        let line = text(&output.stderr).trim_end();
        assert_eq!(output.status.code(), Some(2), "{content}: {line}");
        assert_eq!(line.lines().count(), 1, "{content}: {line}");
    }
}

#[test]
fn flags_come_before_the_environment_and_that_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let dir = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // A server that cannot bind names the address it was given and ends.
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let third = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = |listener: &std::net::TcpListener| listener.local_addr().unwrap().to_string();
    let (by_flag, by_environment, by_file) = (address(&held), address(&other), address(&third));
    let file = dir("kycd.toml");
    fs::write(
        &file,
        format!(
            "http = \"{by_file}\"\ntcp = \"127.0.0.1:0\"\ndata_dir = \"{}\"\n",
            dir("data")
        ),
    )
    .unwrap();
    let named = |args: &[&str], environment: &[(&str, &str)]| {
        let output = kycd(&[&["serve", "--log", "error"], args].concat(), environment);
        fails_in_one_line(&output, 1).to_owned()
    };
    let line = named(&["--config", &file], &[]);
    assert!(line.contains(&by_file), "{line}");
    let line = named(&["--config", &file], &[("KYCD_HTTP", &by_environment)]);
    assert!(line.contains(&by_environment), "{line}");
    let line = named(
        &["--config", &file, "--http", &by_flag],
        &[("KYCD_HTTP", &by_environment)],
    );
    assert!(line.contains(&by_flag), "{line}");
    let line = named(&[], &[("KYCD_CONFIG", &file)]);
    assert!(line.contains(&by_file), "{line}");
    assert!(Path::new(&dir("data")).is_dir(), "the file named the data directory");
}

#[test]
fn openapi_prints_the_document_that_is_served() {
    let server = Server::start(&[]);
    let output = kycd(&["openapi"], &[]);
    assert!(output.status.success());
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, Rest::new(server.http, None).get("/openapi.json").ok());
}

#[test]
fn help_names_every_setting_with_its_default() {
    let output = kycd(&["serve", "--help"], &[]);
    let help = text(&output.stdout);
    assert!(output.status.success());
    for setting in [
        "--data-dir",
        "--http",
        "--tcp",
        "--frame-bytes-max",
        "--file-bytes-max",
        "--idle-seconds-max",
    ] {
        let after = help
            .split(setting)
            .nth(1)
            .unwrap_or_else(|| panic!("{setting}: {help}"));
        let entry = after.split("\n      --").next().unwrap();
        assert!(
            entry.contains("[default: ") && entry.contains("[env: KYCD_"),
            "{setting}: {entry}"
        );
    }
}
