//! What the rows of the table share: the settings, the binary, databases that are loaded once, and clients' requests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::load::{Clients, Load, Measured, Script};
use crate::options::{Medium, RunOptions};
use crate::process::Process;
use crate::raw::{CYCLE, data};
use crate::seed::{self, Seed};
use crate::server::{Server, template};
use crate::{Result, build};

/// Where tmpfs is mounted on Linux.
const TMPFS: &str = "/dev/shm";

/// A run.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) options: RunOptions,
    kycd: PathBuf,
    /// All data directories; removed at the end.
    folder: TempDir,
    loaded: BTreeMap<u32, Seed>,
}

/// A data directory with customers.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) dir: PathBuf,
    pub(crate) seed: Seed,
    /// The folder to remove, if it is a copy.
    _copy: Option<TempDir>,
}

impl Data {
    /// Its databases.
    pub(crate) fn bases(&self) -> PathBuf {
        self.dir.join("bases")
    }
}

impl Bench {
    pub(crate) fn new(options: RunOptions) -> Result<Self> {
        let kycd = match &options.kycd {
            Some(path) => path.clone(),
            None => build::server()?,
        };
        let parent = match (&options.dir, options.on) {
            (Some(dir), _) => dir.clone(),
            (None, Medium::Tmpfs) => PathBuf::from(TMPFS),
            (None, Medium::Disk) => std::env::temp_dir(),
        };
        Ok(Self {
            folder: tempfile::Builder::new().prefix("kyc-bench").tempdir_in(parent)?,
            options,
            kycd,
            loaded: BTreeMap::new(),
        })
    }

    /// The folder of all data.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A data directory with so many profiles, shared by the rows.
    pub(crate) fn data(&mut self, profiles: u32) -> Result<Data> {
        let dir = self.folder.path().join(format!("profiles-{profiles}"));
        if let Some(seed) = self.loaded.get(&profiles) {
            let seed = seed.clone();
            return Ok(Data { dir, seed, _copy: None });
        }
        eprintln!("  loading {profiles} profiles");
        let server = self.serve(&dir, &[])?;
        server.call("POST", "/manager/kyc/templates", &template())?;
        server.process.stop()?;
        let seed = seed::load(&dir.join("bases"), profiles)?;
        self.loaded.insert(profiles, seed.clone());
        Ok(Data { dir, seed, _copy: None })
    }

    /// A copy of it to be changed.
    pub(crate) fn copy(&mut self, profiles: u32) -> Result<Data> {
        let data = self.data(profiles)?;
        let copy = tempfile::tempdir_in(self.folder.path())?;
        let dir = copy.path().join("data");
        copy_folder(&data.dir, &dir)?;
        Ok(Data {
            dir,
            seed: data.seed,
            _copy: Some(copy),
        })
    }

    /// A copy with the usual number of profiles.
    pub(crate) fn base(&mut self) -> Result<Data> {
        self.copy(self.options.base)
    }

    /// Starts the server on a data directory.
    pub(crate) fn serve(&self, dir: &Path, args: &[&str]) -> Result<Server> {
        Server::start(&self.kycd, dir, args)
    }

    /// The usual load.
    pub(crate) fn load(&self, address: std::net::SocketAddr) -> Load {
        Load {
            address,
            warm: self.options.warm(),
            measured: self.options.measured(),
            threads: self.options.generators(),
        }
    }

    /// Loads a server, and adds up the processor time that it took.
    pub(crate) fn run(
        &self,
        clients: &mut Clients,
        address: std::net::SocketAddr,
        process: &Process,
        cost: &mut Cost,
    ) -> Result<Measured> {
        let before = process.processor_time()?;
        let measured = clients.run(&self.load(address))?;
        cost.spent += process.processor_time()?.saturating_sub(before);
        cost.requests += measured.total;
        Ok(measured)
    }
}

/// Processor time by request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    spent: Duration,
    requests: u64,
}

impl Cost {
    /// Microseconds of processor time a request.
    pub(crate) fn micros(&self) -> f64 {
        self.spent.as_secs_f64() * 1e6 / self.requests.max(1) as f64
    }
}

/// Asks for the same things again and again; each client begins elsewhere.
pub(crate) fn repeated(requests: Vec<Vec<u8>>, clients: usize) -> impl FnMut(usize) -> Script {
    let requests = Arc::new(requests);
    move |client| {
        let requests = requests.clone();
        let mut next = client * requests.len() / clients.max(1);
        Box::new(move |out: &mut Vec<u8>| {
            let request = requests.get(next % requests.len());
            next += 1;
            out.extend_from_slice(request.map(Vec::as_slice).unwrap_or_default());
            true
        })
    }
}

/// Asks for each thing once; the clients share them.
pub(crate) fn once(requests: Vec<Vec<u8>>, clients: usize) -> impl FnMut(usize) -> Script {
    let requests = Arc::new(requests);
    move |client| {
        let requests = requests.clone();
        let mut next = client;
        Box::new(move |out: &mut Vec<u8>| {
            let request = requests.get(next);
            next += clients;
            out.extend_from_slice(request.map(Vec::as_slice).unwrap_or_default());
            request.is_some()
        })
    }
}

/// The durable commands: each client approves its own steps, which wait for that, rejects them, submits them again, and
/// so on.
pub(crate) fn verdicts(server: &Server, steps: &[i64], clients: usize) -> impl FnMut(usize) -> Script {
    let poster = server.poster();
    let steps = steps.to_vec();
    move |client| {
        let own: Vec<i64> = steps.iter().copied().skip(client).step_by(clients.max(1)).collect();
        let poster = poster.clone();
        let mut done = 0;
        Box::new(move |out: &mut Vec<u8>| {
            let Some(step) = own.get(done % own.len().max(1)) else {
                return false;
            };
            let command = CYCLE.get(done / own.len() % CYCLE.len()).copied().unwrap_or_default();
            done += 1;
            let verb = match command {
                "MngApproveKycStep" => "approve",
                "MngRejectKycStep" => "reject",
                _ => "submit",
            };
            let body = data(command, *step).to_string();
            poster.post(out, &format!("/manager/kyc/steps/{step}/{verb}"), &body);
            true
        })
    }
}

/// What the server's metrics say of its groups: how large and how long they are on average.
pub(crate) fn groups(server: &Server) -> Result<String> {
    let answer = crate::simple::call(server.http, "GET", "/metrics", None, &Value::Null)?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let mean = |name: &str| Some(metric(&text, &format!("{name}_sum"))? / metric(&text, &format!("{name}_count"))?);
    let size = mean("kyc_store_group_size").unwrap_or_default();
    let seconds = mean("kyc_store_commit_seconds").unwrap_or_default();
    Ok(format!(
        "transactions of {size:.1} commands, {:.2} ms each, on average",
        seconds * 1_000.0
    ))
}

/// A metric of the database with the profiles.
fn metric(text: &str, name: &str) -> Option<f64> {
    let start = format!("{name}{{database=\"kyc\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&start))?.parse().ok()
}

/// Copies files and folders; what a server leaves beside them (its socket) is passed over.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let target = to.join(entry.file_name());
        if kind.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_by_name() {
        let text = "# TYPE a histogram\na_sum{database=\"storage\"} 1\na_sum{database=\"kyc\"} 2.5\n";
        assert_eq!(metric(text, "a_sum"), Some(2.5));
        assert_eq!(metric(text, "b_sum"), None);
    }

    #[test]
    fn scripts_repeat_or_end() {
        let requests = || vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec()];
        let mut out = Vec::new();
        let mut script = repeated(requests(), 3)(1);
        assert!((0..4).all(|_| script(&mut out)));
        assert_eq!(out, b"bcab");
        out.clear();
        let mut script = once(requests(), 2)(0);
        while script(&mut out) {}
        assert_eq!(out, b"ac");
    }
}
