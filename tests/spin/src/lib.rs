//! The application as `spin.toml` says, under the strict host, with every secret set; and its clients.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "test code"
)]

pub mod acts;
pub mod objects;
pub mod runner;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kyc_jwt::Minter;
use kyc_spin_host::{Counters, Host, Options, Reuse};
use kyc_tests::rest::Rest;
use kyc_tests::server::cargo;
use kyc_tests::site::Site;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// One instance for each request, and what Spin does: 128 requests, 16 at once.
pub const MODES: [Reuse; 2] = [Reuse::PerRequest, Reuse::SPIN];
/// What tokens are signed with.
pub const TOKEN_SECRET: &str = "a secret that guards nothing, at all";
/// What the scheduler shows.
pub const TICK_SECRET: &str = "a tick that nobody minds";
/// Whom the tick may call.
pub const PLATFORM_HOST: &str = "platform.example";

/// The component of `spin.toml`, built by its own command on first use; cargo knows whether that is still to be done.
pub static COMPONENT: LazyLock<PathBuf> = LazyLock::new(|| built("kyc-spin", "kyc_spin.wasm"));
/// A component that does nothing.
pub static EMPTY: LazyLock<PathBuf> = LazyLock::new(|| built("kyc-spin-empty", "kyc_spin_empty.wasm"));
/// The component that runs the contract's suites.
pub static CONTRACT: LazyLock<PathBuf> = LazyLock::new(|| built("kyc-spin-contract", "kyc_spin_contract.wasm"));

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[expect(
    clippy::disallowed_methods,
    reason = "where cargo builds is a choice of whoever runs the test"
)]
fn built(package: &str, file: &str) -> PathBuf {
    let target = std::env::var("CARGO_TARGET_DIR").map_or_else(|_| root().join("target"), PathBuf::from);
    let status = cargo()
        .args(["build", "--profile", "wasm", "--target", "wasm32-wasip2", "-p", package])
        .arg("--locked")
        .arg("--target-dir")
        .arg(&target)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .expect("cargo runs");
    assert!(
        status.success(),
        "`{package}` does not build; `rustup target add wasm32-wasip2` may be missing"
    );
    target.join("wasm32-wasip2/wasm").join(file)
}

/// The real manifest with every variable set.
pub fn options(reuse: Reuse) -> Options {
    let variables = [
        ("token_key", TOKEN_SECRET),
        ("token_algorithm", "HS256"),
        ("master_key", &"5a".repeat(32)),
        ("tick_secret", TICK_SECRET),
        ("platform_host", PLATFORM_HOST),
    ];
    let components = ["api", "storage", "webhooks", "tick"];
    Options {
        reuse,
        sources: components.map(|id| (id.to_owned(), COMPONENT.clone())).into(),
        variables: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Options::default()
    }
}

/// Tests are plain functions; what waits runs here.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime"))
}

/// A running application.
pub struct Spin {
    /// The host, for its counters and its databases.
    pub host: Host,
    /// Where it listens.
    pub http: SocketAddr,
}

impl Spin {
    /// The real manifest in this mode.
    pub fn start(reuse: Reuse) -> Self {
        Self::with(options(reuse))
    }

    /// The real manifest with these options.
    pub fn with(options: Options) -> Self {
        Self::of(&root().join("spin.toml"), options)
    }

    /// Any manifest.
    pub fn of(manifest: &Path, options: Options) -> Self {
        let host = Host::from_manifest(manifest, options).expect("the manifest loads");
        let listener = runtime().block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let http = listener.local_addr().expect("an address");
        let serving = host.clone();
        runtime().spawn(async move { serving.serve(listener).await });
        Self { host, http }
    }

    /// A client with this token.
    pub fn rest(&self, token: &str) -> Rest {
        Rest::new(self.http, Some(token))
    }

    /// A manager of every brand.
    pub fn manager(&self) -> Rest {
        self.rest(&token(&json!({ "role": 1, "sub": "mary", "exp": now() + 3_600 })))
    }

    /// An administrator of every brand.
    pub fn admin(&self) -> Rest {
        self.rest(&token(&json!({ "role": 3, "sub": "adam", "exp": now() + 3_600 })))
    }

    /// A customer of `acme`.
    pub fn customer(&self, id: i64) -> Rest {
        let sub = format!("customer-{id}");
        self.rest(&token(&json!({
            "role": 9, "sub": sub, "brand": "acme", "customer_id": id, "exp": now() + 3_600,
        })))
    }

    /// Has the clock's work done.
    pub fn tick(&self) -> Value {
        self.rest(TICK_SECRET).post("/internal/tick", &json!({})).ok()
    }

    /// The first value of a query on one of the databases.
    pub fn one(&self, database: &str, sql: &str) -> i64 {
        let opened = self.database(database);
        opened
            .query_row(sql, [], |row| row.get(0))
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Changes one of the databases as no request could.
    pub fn change(&self, database: &str, sql: &str) {
        self.database(database).execute_batch(sql).expect("a change");
    }

    /// A connection to one of the databases, beside the components'.
    pub fn database(&self, label: &str) -> rusqlite::Connection {
        let opened = rusqlite::Connection::open(self.host.database_file(label)).expect("a database");
        opened.busy_timeout(Duration::from_secs(10)).expect("a time-out");
        opened
    }

    /// Waits for what goes on behind the answers.
    pub fn idle(&self) {
        runtime().block_on(self.host.idle());
    }

    /// What happened, after checking that nothing did which must not happen in any test.
    pub fn counters(&self) -> Counters {
        let counters = self.host.counters();
        assert_eq!((counters.traps, counters.misuses), (0, 0), "{:?}", counters.problems);
        assert_eq!(counters.unsized_responses, 0, "every response has its length");
        counters
    }
}

impl Site for Spin {
    fn http(&self) -> SocketAddr {
        self.http
    }

    fn token(&self, claims: &Value) -> String {
        let mut all = json!({ "sub": "tester", "exp": now() + 3_600 });
        let claims = claims.as_object().expect("claims are an object");
        let members = all.as_object_mut().expect("an object");
        members.extend(claims.clone());
        token(&all)
    }

    fn leaves_nothing(&self) {
        // Nothing may have been stored at all, and then there is no table yet.
        if self.one("storage", "SELECT count(*) FROM sqlite_schema WHERE name = 'chunks'") > 0 {
            let left = "SELECT (SELECT count(*) FROM blobs) + (SELECT count(*) FROM chunks)";
            self.idle();
            assert_eq!(self.one("storage", left), 0);
        }
    }
}

/// A token with these claims.
pub fn token(claims: &Value) -> String {
    let claims = serde_json::from_value(claims.clone()).expect("claims");
    let minter = Minter::shared_secret(TOKEN_SECRET.as_bytes()).expect("a long secret");
    minter.mint(&claims).expect("a token")
}

/// The time in Unix seconds.
#[expect(clippy::disallowed_methods, reason = "the tests' own clock")]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the end of time")
}

/// A PDF of about so many bytes.
pub fn pdf(bytes: usize) -> Vec<u8> {
    let mut pdf = b"%PDF-1.7\n".to_vec();
    pdf.extend((0..bytes).map(|number| b"0123456789\n"[number % 11]));
    pdf.extend(b"startxref\n9\n%%EOF\n");
    pdf
}
