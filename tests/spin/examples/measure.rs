//! The components' figures, each against its reference in the same run: `cargo run --release -p kyc-spin-tests --example
//! measure`, or only the rows named behind `--`: size, instantiation, reading, verdicts, `kept_alive`. Ratios count; rates
//! are this machine's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "measures, serves nobody"
)]
#![expect(clippy::disallowed_methods, reason = "measures, decides nothing")]
#![expect(clippy::cast_precision_loss, reason = "prints rates")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use kyc_spin_host::{Host, Options, Reuse, StatementLog};
use kyc_spin_tests::{COMPONENT, EMPTY, Spin, now, options, root, runtime, token};
use rusqlite::types::Value as SqlValue;
use serde_json::{Value, json};

/// Pairs of a row.
const PAIRS: usize = 5;
/// How long a rate is measured.
const MEASURED: Duration = Duration::from_secs(3);
/// Requests under way while a rate is measured.
const CLIENTS: usize = 16;
/// Customers of a measurement of verdicts.
const CUSTOMERS: i64 = 300;

/// A statement that the guest ran, and its parameters.
type Heard = (String, Vec<SqlValue>);
type Statements = Arc<Mutex<Vec<Heard>>>;

/// Statements as the guest runs them.
fn listener() -> (Statements, StatementLog) {
    let heard = Statements::default();
    let log: StatementLog = {
        let heard = heard.clone();
        Arc::new(move |sql: &str, params: &[SqlValue]| {
            heard.lock().expect("a lock").push((sql.to_owned(), params.to_vec()));
        })
    };
    (heard, log)
}

/// What was heard until now.
fn taken(heard: &Statements) -> Vec<Heard> {
    std::mem::take(&mut *heard.lock().expect("a lock"))
}

/// Runs what was heard.
fn run(database: &rusqlite::Connection, (sql, params): &Heard) {
    let mut statement = database.prepare_cached(sql).expect("a statement");
    let mut rows = statement.query(rusqlite::params_from_iter(params)).expect("it runs");
    while rows.next().expect("a row").is_some() {}
}

fn main() {
    println!("| what | against | ours | reference | ratio (range of the pairs) | target |");
    println!("|---|---|---:|---:|---:|---:|");
    let named: Vec<String> = std::env::args().skip(1).collect();
    let rows: [(&str, fn()); 5] = [
        ("size", size),
        ("instantiation", instantiation),
        ("reading", reading),
        ("verdicts", verdicts),
        ("kept_alive", kept_alive),
    ];
    for (name, row) in rows {
        if named.is_empty() || named.iter().any(|wanted| wanted == name) {
            row();
        }
    }
}

fn row(what: &str, against: &str, unit: &str, ours: &[f64], reference: &[f64], target: &str) {
    let mut ratios: Vec<f64> = ours.iter().zip(reference).map(|(ours, theirs)| ours / theirs).collect();
    ratios.sort_by(f64::total_cmp);
    let middle = |values: &[f64]| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    };
    println!(
        "| {what} | {against} | {:.1} {unit} | {:.1} {unit} | {:.2} ({:.2} … {:.2}) | {target} |",
        middle(ours),
        middle(reference),
        middle(&ratios),
        ratios[0],
        ratios[ratios.len() - 1]
    );
}

fn size() {
    let bytes = std::fs::metadata(&*COMPONENT).expect("the component").len() as f64;
    println!("| the component | | {:.3} MB | | | ≤ 3 MB |", bytes / 1e6);
}

fn request(method: Method, path: &str, who: &str, body: Option<&Value>) -> Request<Full<Bytes>> {
    let body = Bytes::from(body.map(Value::to_string).unwrap_or_default());
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {who}"))
        .header("content-type", "application/json")
        .header("content-length", body.len())
        .body(Full::new(body))
        .expect("a request")
}

fn ask(host: &Host, method: Method, path: &str, who: &str, body: Option<&Value>) -> Value {
    let answer = runtime().block_on(host.call(request(method, path, who, body)));
    let answer = answer.expect("an answer");
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    assert_eq!(answer.status(), StatusCode::OK, "{path}: {text}");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// Requests for a path, so many under way, a second.
fn rate(host: &Host, path: &str, who: &str) -> f64 {
    let begun = Instant::now();
    let client = || async {
        let mut done = 0_u32;
        while begun.elapsed() < MEASURED {
            let answer = host.call(request(Method::GET, path, who, None)).await;
            assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
            done += 1;
        }
        done
    };
    let done = runtime().block_on(futures_util::future::join_all((0..CLIENTS).map(|_| client())));
    f64::from(done.iter().sum::<u32>()) / begun.elapsed().as_secs_f64()
}

/// Microseconds that an instance takes to be made.
fn micros_to_instantiate(host: &Host, path: &str) -> f64 {
    let before = host.counters();
    for _ in 0..500 {
        let answer = runtime().block_on(host.call(request(Method::GET, path, "", None)));
        assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
    }
    let after = host.counters();
    let made = after.instances - before.instances;
    assert!(made >= 500, "an instance for each request");
    after
        .instantiation_time
        .saturating_sub(before.instantiation_time)
        .as_secs_f64()
        * 1e6
        / made as f64
}

fn instantiation() {
    let spin = Spin::start(Reuse::PerRequest);
    let empty = Host::from_manifest(
        root().join("tests/spin/empty/spin.toml"),
        Options {
            sources: [("empty".to_owned(), EMPTY.clone())].into(),
            reuse: Reuse::PerRequest,
            ..Options::default()
        },
    );
    let empty = empty.expect("it loads");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        theirs.push(micros_to_instantiate(&empty, "/"));
        ours.push(micros_to_instantiate(&spin.host, "/healthz"));
    }
    row(
        "instantiation",
        "an empty component of the SDK",
        "µs",
        &ours,
        &theirs,
        "≤ 5",
    );
}

fn manager() -> String {
    token(&json!({ "role": 1, "sub": "mary", "exp": now() + 36_000 }))
}

/// A brand with one template.
fn template(host: &Host, who: &str) {
    let template = json!({
        "brand": "acme", "code": "address", "level": 1, "step_type": 1, "name": "Address",
        "form_schema": { "sections": [{ "title": "Address", "fields": [
            { "name": "street", "type": "text", "required": true },
        ] }] },
    });
    ask(host, Method::POST, "/manager/kyc/templates", who, Some(&template));
}

/// A customer with a step; gives the profile's path and the step's id.
fn customer(host: &Host, who: &str, customer_id: i64) -> (String, i64) {
    let raised = json!({ "brand": "acme", "customer_id": customer_id, "level": 1 });
    ask(host, Method::POST, "/manager/kyc/required-level", who, Some(&raised));
    let listed = format!("/manager/kyc/profiles?brand=acme&customer_id={customer_id}");
    let listed = ask(host, Method::GET, &listed, who, None);
    let path = format!("/manager/kyc/profiles/{}", listed["rows"][0]["id"]);
    let profile = ask(host, Method::GET, &path, who, None);
    let step = profile["steps"][0]["id"].as_i64().expect("a step");
    (path, step)
}

/// A step that waits for a verdict.
fn submitted(host: &Host, who: &str, customer_id: i64) -> i64 {
    let (_, step) = customer(host, who, customer_id);
    let path = format!("/manager/kyc/steps/{step}/submit");
    ask(
        host,
        Method::POST,
        &path,
        who,
        Some(&json!({ "answers": { "street": "Main Street 1" } })),
    );
    step
}

fn reading() {
    let (heard, log) = listener();
    let spin = Spin::with(Options {
        statements: Some(log),
        ..options(Reuse::PerRequest)
    });
    let who = manager();
    template(&spin.host, &who);
    let (path, _) = customer(&spin.host, &who, 1001);
    taken(&heard);
    ask(&spin.host, Method::GET, &path, &who, None);
    let asked = taken(&heard);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        theirs.push(rate(&spin.host, "/healthz", ""));
        ours.push(rate(&spin.host, &path, &who));
        taken(&heard);
    }
    let reference = "/healthz in the same host, an instance for each";
    let what = "a manager's GET of a profile, an instance for each";
    row(what, reference, "1/s", &ours, &theirs, "≥ 0.30");
    // What no component can do without: a connection of its own, which reads the schema, and these statements on it.
    let file = spin.host.database_file("default");
    let opened: Vec<f64> = theirs
        .iter()
        .map(|alive| 1.0 / (1.0 / alive + 1.0 / opened(&file, &asked)))
        .collect();
    let statements = asked.len();
    let what =
        format!("`/healthz`, and beside it natively: open the database, the GET's {statements} statements, close");
    row(&what, reference, "1/s", &opened, &theirs, "a bound");
}

/// Connections that run these statements each, so many under way, a second.
fn opened(file: &Path, asked: &[Heard]) -> f64 {
    // As while requests are under way: the last one to close does not move the log.
    let _other = rusqlite::Connection::open(file).expect("the database");
    let begun = Instant::now();
    let client = || {
        let mut done = 0_u32;
        while begun.elapsed() < MEASURED {
            let database = rusqlite::Connection::open(file).expect("the database");
            for heard in asked {
                run(&database, heard);
            }
            done += 1;
        }
        done
    };
    let done: u32 = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        clients.into_iter().map(|client| client.join().expect("a count")).sum()
    });
    f64::from(done) / begun.elapsed().as_secs_f64()
}

/// Verdicts one after the other; then the very statements that they ran, on a copy of the database as it was before.
fn verdicts() {
    let (heard, log) = listener();
    let spin = Spin::with(Options {
        statements: Some(log),
        ..options(Reuse::SPIN)
    });
    let who = manager();
    template(&spin.host, &who);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut statements = 0;
    for pair in 0..PAIRS as i64 {
        let numbers = pair * CUSTOMERS..(pair + 1) * CUSTOMERS;
        let steps: Vec<i64> = numbers.map(|number| submitted(&spin.host, &who, 1 + number)).collect();
        let copy = tempfile::tempdir_in(folder(&spin)).expect("a folder");
        let copied = copy.path().join("copy.db");
        let source = rusqlite::Connection::open(spin.host.database_file("default")).expect("the database");
        source
            .execute("VACUUM INTO ?1", [copied.to_str().expect("a path")])
            .expect("a copy");
        drop(source);
        taken(&heard);
        let begun = Instant::now();
        for step in &steps {
            ask(
                &spin.host,
                Method::POST,
                &format!("/manager/kyc/steps/{step}/approve"),
                &who,
                Some(&json!({})),
            );
        }
        ours.push(CUSTOMERS as f64 / begun.elapsed().as_secs_f64());
        let heard = taken(&heard);
        statements = heard.len() / steps.len();
        theirs.push(again(&copied, &heard));
    }
    let what = format!("a durable verdict, one after the other ({statements} statements each)");
    row(
        &what,
        "rusqlite: the same statements on one connection",
        "1/s",
        &ours,
        &theirs,
        "≥ 0.50",
    );
}

fn folder(spin: &Spin) -> std::path::PathBuf {
    let database = spin.host.database_file("default");
    database.parent().map(Path::to_owned).expect("a folder")
}

/// Runs what was heard; verdicts a second.
fn again(file: &Path, heard: &[Heard]) -> f64 {
    let database = rusqlite::Connection::open(file).expect("the copy");
    database.pragma_update(None, "journal_mode", "WAL").expect("a log");
    database.set_prepared_statement_cache_capacity(256);
    let begun = Instant::now();
    for heard in heard {
        run(&database, heard);
    }
    CUSTOMERS as f64 / begun.elapsed().as_secs_f64()
}

/// The slowest of many requests over one connection.
fn kept_alive() {
    let spin = Spin::start(Reuse::SPIN);
    let who = manager();
    template(&spin.host, &who);
    let (profile, _) = customer(&spin.host, &who, 1001);
    let paths = [profile.as_str(), "/healthz", "/manager/kyc/templates?brand=acme"];
    let mut stream = TcpStream::connect(spin.http).expect("a connection");
    stream.set_nodelay(true).expect("an option");
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let mut slowest = Duration::ZERO;
    for number in 0..2_000 {
        let path = paths[number % paths.len()];
        let head = format!("GET {path} HTTP/1.1\r\nhost: kyc\r\nauthorization: Bearer {who}\r\n\r\n");
        let begun = Instant::now();
        stream.write_all(head.as_bytes()).expect("written");
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line");
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        slowest = slowest.max(begun.elapsed());
    }
    let millis = slowest.as_secs_f64() * 1e3;
    println!("| the slowest of 2 000 requests over one connection | | {millis:.1} ms | | | < 40 ms |");
}
