//! A running `kycd`, stopped when it is dropped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use kyc_jwt::{Claims, Minter};
use serde_json::Value;
use tempfile::TempDir;

use crate::rest::Rest;
use crate::tcp::Tcp;

/// The binary, built on first use.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let built = cargo()
            .args(["build", "--package", "kycd", "--message-format", "json"])
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        assert!(built.status.success(), "kycd builds");
        let executable = |line: &[u8]| {
            let message: Value = serde_json::from_slice(line).ok()?;
            Some(PathBuf::from(message.get("executable")?.as_str()?))
        };
        built
            .stdout
            .split(|byte| *byte == b'\n')
            .filter_map(executable)
            .next_back()
            .expect("cargo names the binary")
    })
}

/// Cargo, in the workspace's folder. What it tells a test of its package would make it build anew what looks at that,
/// and behind the test once more: it is not told again.
pub fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
        if name
            .to_str()
            .is_some_and(|name| told.iter().any(|told| name.starts_with(told)))
        {
            command.env_remove(name);
        }
    }
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command
}

/// A server on ports of its own.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it speaks HTTP.
    pub http: SocketAddr,
    /// Where it speaks TCP.
    pub tcp: SocketAddr,
    data_dir: PathBuf,
    /// The folder to remove, if it is ours.
    own: Option<TempDir>,
}

impl Server {
    /// On an empty data directory, with more arguments of `serve`.
    pub fn start(args: &[&str]) -> Self {
        let own = tempfile::tempdir().expect("a temporary folder");
        let mut server = Self::start_in(&own.path().join("data"), args);
        server.own = Some(own);
        server
    }

    /// On this data directory.
    pub fn start_in(data_dir: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(binary());
        serve(&mut command, data_dir, args);
        Self::launched(command, |_| data_dir.to_owned())
    }

    /// On an empty data directory, alone on a disk of so many MiB. The disk is the server's own, in a mount namespace,
    /// and goes with it.
    #[cfg(target_os = "linux")]
    pub fn start_on_disk_of(mebibytes: u32, args: &[&str]) -> Self {
        let own = tempfile::tempdir().expect("a temporary folder");
        let data_dir = own.path().join("data");
        let mount = format!("mount -t tmpfs -o size={mebibytes}m tmpfs \"$0\" && exec \"$@\"");
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount])
            .arg(own.path())
            .arg(binary());
        serve(&mut command, &data_dir, args);
        let seen_from_here = |pid| {
            let within = data_dir.strip_prefix("/").expect("temporary folders have whole paths");
            Path::new("/proc").join(format!("{pid}/root")).join(within)
        };
        let mut server = Self::launched(command, seen_from_here);
        server.own = Some(own);
        server
    }

    /// On this data directory, where no file gets longer than so many KiB: what is written beyond fails, as on a broken
    /// disk.
    pub fn start_where_files_end(data_dir: &Path, kibibytes: u32) -> Self {
        let mut command = Command::new("sh");
        // Else the signal of it would end the process.
        let limited = format!("trap '' XFSZ && ulimit -f {} && exec \"$@\"", kibibytes * 2);
        command.args(["-c", &limited, "sh"]).arg(binary());
        serve(&mut command, data_dir, &[]);
        Self::launched(command, |_| data_dir.to_owned())
    }

    /// Waits until a server listens; its data directory is seen from here as `data_dir` says by its process.
    fn launched(mut command: Command, data_dir: impl FnOnce(u32) -> PathBuf) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kycd starts");
        let data_dir = data_dir(child.id());
        let mut log = BufReader::new(child.stderr.take().expect("a log"));
        let mut lines = String::new();
        loop {
            let mut line = String::new();
            assert!(
                log.read_line(&mut line).expect("the log is text") > 0,
                "kycd ended at its start: {lines}"
            );
            if line.contains("\"listening\"") {
                break;
            }
            lines.push_str(&line);
        }
        // The rest of the log is read on, so that the server never waits for it.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let known: Value = serde_json::from_str(&fs::read_to_string(data_dir.join("server.json")).unwrap()).unwrap();
        let address = |name: &str| known[name].as_str().unwrap().parse().unwrap();
        Self {
            child,
            http: address("http"),
            tcp: address("tcp"),
            data_dir,
            own: None,
        }
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A token of the server's own key: `{"role": 1, …}` laid over `sub` = `tester` and an hour to go.
    pub fn token(&self, claims: &Value) -> String {
        let pem = fs::read_to_string(self.data_dir.join("keys/token-ed25519.pem")).expect("the signing key");
        let mut all = serde_json::json!({ "sub": "tester", "exp": now() + 3_600 });
        for (name, value) in claims.as_object().expect("claims are an object") {
            all[name] = value.clone();
        }
        let claims: Claims = serde_json::from_value(all).expect("claims");
        Minter::ed25519(&pem)
            .expect("the signing key")
            .mint(&claims)
            .expect("a token")
    }

    /// A manager of every brand.
    pub fn manager(&self) -> String {
        self.token(&serde_json::json!({ "role": 1, "sub": "mary" }))
    }

    /// An administrator of every brand.
    pub fn admin(&self) -> String {
        self.token(&serde_json::json!({ "role": 3, "sub": "adam" }))
    }

    /// A customer.
    pub fn customer(&self, brand: &str, customer_id: i64) -> String {
        let sub = format!("customer-{customer_id}");
        self.token(&serde_json::json!({ "role": 9, "sub": sub, "brand": brand, "customer_id": customer_id }))
    }

    /// A REST client with a token.
    pub fn rest(&self, token: &str) -> Rest {
        Rest::new(self.http, Some(token))
    }

    /// A TCP client with a token.
    pub fn tcp(&self, token: &str) -> Tcp {
        Tcp::connect(self.tcp, Some(token))
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill -9");
        self.child.wait().expect("it is gone");
    }

    /// Waits until it ends by itself.
    pub fn ended(&mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }

    /// Asks it to stop, and waits.
    pub fn stop(&mut self) -> ExitStatus {
        let asked = Command::new("kill")
            .args(["-TERM", &self.pid().to_string()])
            .status()
            .expect("kill runs");
        assert!(asked.success(), "it was still there");
        self.ended()
    }
}

/// The arguments of a server on ports of its own.
fn serve(command: &mut Command, data_dir: &Path, args: &[&str]) {
    command
        .args(["serve", "--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--data-dir"])
        .arg(data_dir)
        .args(args);
}

/// One server for the tests of a file that run at the same time; each works in a brand of its own.
pub fn shared() -> Arc<Server> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::start(&[]));
        *shared = Arc::downgrade(&server);
        server
    })
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Unix seconds.
#[allow(clippy::disallowed_methods, reason = "the test's own clock")]
pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}
