//! The server: its binary, how it is started, and what is sent to it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use kyc_core::status::Session;
use kyc_jwt::{Claims, Minter};
use serde_json::{Value, json};

use crate::clock::{now, unix_seconds};
use crate::process::Process;
use crate::seed::BRAND;
use crate::{Error, Result, simple};

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) http: SocketAddr,
    pub(crate) tcp: SocketAddr,
    /// A manager's token.
    pub(crate) token: String,
    /// From its start until it listened.
    pub(crate) started_in: Duration,
}

impl Server {
    /// Starts it on a data directory and waits until it listens.
    pub(crate) fn start(binary: &Path, data_dir: &Path, args: &[&str]) -> Result<Self> {
        let begun = now();
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KYCD_")) {
            command.env_remove(name);
        }
        let mut child = command
            .arg("serve")
            .args(["--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let log = child.stderr.take().ok_or("the server has no log")?;
        let process = Process::new(child);
        let mut log = BufReader::new(log);
        let mut said = String::new();
        loop {
            let before = said.len();
            if log.read_line(&mut said)? == 0 {
                return Err(Error::from(format!("kycd ended at its start: {said}")));
            }
            if said.get(before..).is_some_and(|line| line.contains("\"listening\"")) {
                break;
            }
        }
        let started_in = now() - begun;
        // The rest of the log is read on, so that the server never waits for it.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let known: Value = serde_json::from_slice(&fs::read(data_dir.join("server.json"))?)?;
        Ok(Self {
            process,
            http: address(&known, "http")?,
            tcp: address(&known, "tcp")?,
            token: token(data_dir, Session::Manager)?,
            started_in,
        })
    }

    /// One request by a manager.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        simple::call(self.http, method, path, Some(&self.token), body)?.ok()
    }

    /// The head of every request: what stands before `content-length` or the end.
    fn head(&self, method: &str, path: &str) -> String {
        let token = &self.token;
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n")
    }

    /// A `GET`.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        format!("{}\r\n", self.head("GET", path)).into_bytes()
    }

    /// A `GET` of a profile.
    pub(crate) fn get_profile(&self, id: i64) -> Vec<u8> {
        self.get(&format!("/manager/kyc/profiles/{id}"))
    }

    /// The same over TCP.
    pub(crate) fn tcp_profile(&self, id: i64) -> Vec<u8> {
        let token = &self.token;
        let frame = json!({ "command": "MngGetKycProfile", "data": { "id": id }, "extID": 1, "__token": token });
        format!("{frame}\r\n").into_bytes()
    }

    /// What posts bodies to paths without a copy of the token for each.
    pub(crate) fn poster(&self) -> Poster {
        Poster {
            behind_path: format!(
                " HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
                 content-length: ",
                self.token
            ),
        }
    }
}

/// Writes `POST` requests.
#[derive(Debug, Clone)]
pub(crate) struct Poster {
    behind_path: String,
}

impl Poster {
    /// Of any server, with these header lines, each ended.
    pub(crate) fn with_headers(lines: &str) -> Self {
        Self {
            behind_path: format!(
                " HTTP/1.1\r\nhost: localhost\r\n{lines}content-type: application/json\r\ncontent-length: "
            ),
        }
    }

    /// Writes a request.
    pub(crate) fn post(&self, out: &mut Vec<u8>, path: &str, body: &str) {
        let length = body.len().to_string();
        let parts = ["POST ", path, &self.behind_path, &length, "\r\n\r\n", body];
        for part in parts {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

fn address(known: &Value, name: &str) -> Result<SocketAddr> {
    let text = known.get(name).and_then(Value::as_str);
    Ok(text.ok_or("server.json names no address")?.parse()?)
}

/// A token of the server's own key, for a day and every brand.
pub(crate) fn token(data_dir: &Path, session: Session) -> Result<String> {
    let pem = fs::read_to_string(data_dir.join("keys/token-ed25519.pem"))?;
    let claims = Claims {
        sub: "bench".to_owned(),
        role: session.number(),
        brands: None,
        customer_id: None,
        brand: None,
        exp: unix_seconds() + 86_400,
        iss: None,
        aud: None,
    };
    Ok(Minter::ed25519(&pem)?.mint(&claims)?)
}

/// The template that every customer of level 1 gets: answers to be submitted and judged.
pub(crate) fn template() -> Value {
    json!({
        "brand": BRAND, "code": "identity", "level": 1, "step_type": 1, "name": "Who are you",
        "form_schema": { "sections": [{ "title": "Identity", "fields": [
            { "name": "first_name", "type": "text", "required": true },
            { "name": "country", "type": "country", "required": true },
        ] }] },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_carry_their_length() {
        let mut out = Vec::new();
        Poster::with_headers("x: y\r\n").post(&mut out, "/a", "{}");
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "POST /a HTTP/1.1\r\nhost: localhost\r\nx: y\r\ncontent-type: application/json\r\n\
             content-length: 2\r\n\r\n{}"
        );
    }
}
