//! `kyc-spin-host --from spin.toml`: serves an application from the command line, as `spin up` does.

#![forbid(unsafe_code)]

use kyc_spin_host::{Host, Options, Reuse};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::net::TcpListener;

const USAGE: &str = "usage: kyc-spin-host --from spin.toml [--listen 127.0.0.1:3000] [--variable name=value]… \
                     [--state-dir DIR] [--per-request]";

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("kyc-spin-host: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let mut options = Options::default();
    let mut manifest = None;
    let mut listen = "127.0.0.1:3000".to_owned();
    while let Some(flag) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("`{flag}` needs a value; {USAGE}"))
        };
        match flag.as_str() {
            "--from" => manifest = Some(PathBuf::from(value()?)),
            "--listen" => listen = value()?,
            "--state-dir" => options.state_dir = Some(PathBuf::from(value()?)),
            "--per-request" => options.reuse = Reuse::PerRequest,
            "--variable" => {
                let pair = value()?;
                let (name, value) = pair
                    .split_once('=')
                    .ok_or_else(|| format!("`{pair}` is not name=value"))?;
                options.variables.insert(name.to_owned(), value.to_owned());
            }
            _ => return Err(format!("`{flag}` is not understood; {USAGE}")),
        }
    }
    let manifest = manifest.ok_or_else(|| format!("`--from` is missing; {USAGE}"))?;
    let host = Host::from_manifest(&manifest, options).map_err(|e| e.to_string())?;
    let listener = TcpListener::bind(&listen)
        .await
        .map_err(|e| format!("cannot listen on `{listen}`: {e}"))?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    println!("serving {} on http://{address}", manifest.display());
    host.serve(listener).await.map_err(|e| e.to_string())
}
