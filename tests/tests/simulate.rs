//! The command `kycd simulate-platform`: it plays a platform's both sides against a running server, tells what happens
//! one JSON object a line, ends when it is asked to, and shows no secret.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use kyc_tests::server::{Server, binary};
use kyc_tests::tenants::Tenant;
use serde_json::{Value, json};

/// Far longer than anything takes: it bounds a failing test, no passing one.
const PATIENCE: Duration = Duration::from_mins(1);

/// A simulation under way.
struct Simulation {
    child: Child,
    lines: Receiver<String>,
    shown: String,
}

impl Simulation {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command
            .arg("simulate-platform")
            .args(args)
            .args(["--listen", "127.0.0.1:0"]);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kycd starts");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let (tell, lines) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self {
            child,
            lines,
            shown: String::new(),
        }
    }

    /// The next line that tells this. Every line is an object.
    fn next(&mut self, what: &str) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("another line");
            let told: Value = serde_json::from_str(&line).expect("JSON");
            assert!(told.is_object() && told["at"].is_i64(), "{line}");
            self.shown.push_str(&line);
            if told["what"] == what {
                return told;
            }
        }
    }

    /// Asks it to stop; all that it has shown.
    fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .expect("kill runs")
                .success()
        );
        self.next("stopped");
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().expect("its log");
        stderr.read_to_string(&mut log).expect("text");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0), "{log}");
        self.shown.push_str(&log);
        std::mem::take(&mut self.shown)
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn secret_file(folder: &Path, name: &str, secret: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("{secret}\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_command_plays_both_sides_and_shows_no_secret() {
    let server = Server::start(&[]);
    let admin = server.rest(&server.admin());
    let tenant = Tenant::add_over(&admin, "acme", "acme", "dual", json!({ "allow_private_network": 1 }));
    let folder = tempfile::tempdir().unwrap();
    let webhook_secret = secret_file(folder.path(), "webhook", &tenant.webhook_secret);
    let outbound_secret = secret_file(folder.path(), "outbound", &tenant.outbound_secret);
    let crm = format!("http://{}", server.http);
    let mut platform = Simulation::start(&[
        "--outbound-secret-file",
        &outbound_secret,
        "--webhook-secret-file",
        &webhook_secret,
        "--slug",
        "acme",
        "--server",
        &crm,
        "--players",
        "1",
        "--rate",
        "100",
    ]);
    let base_url = platform.next("listening")["base_url"].clone();
    let played = platform.next("played");
    assert!(
        played["summary"]["accepted"].as_u64().is_some_and(|count| count > 0),
        "{played}"
    );
    let profiles = admin.get("/manager/kyc/profiles?brand=acme").ok();
    assert_eq!(profiles["rows"].as_array().unwrap().len(), 1);

    admin
        .call("PATCH", "/manager/tenants/acme", &json!({ "base_url": base_url }))
        .ok();
    let template = json!({ "brand": "acme", "code": "phone", "level": 1, "step_type": 4 });
    admin.post("/manager/kyc/templates", &template).ok();
    let step = json!({ "brand": "acme", "customer_id": 5, "step_code": "phone" });
    admin.post("/manager/kyc/steps/require", &step).ok();
    let received = platform.next("received");
    assert_eq!(
        (&received["kind"], &received["answered"]),
        (&json!("initiate"), &json!(200))
    );
    assert_eq!(
        (&received["signature_ok"], &received["player_external_id"]),
        (&json!(true), &json!("5"))
    );

    let shown = platform.stop();
    for secret in [&tenant.webhook_secret, &tenant.outbound_secret] {
        assert!(!shown.contains(secret.as_str()), "{shown}");
    }
}

#[test]
fn what_the_command_needs_is_said_in_one_line() {
    let output = Command::new(binary())
        .args(["simulate-platform", "--outbound-secret-file", "nowhere.secret"])
        .output()
        .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), log.trim_end().lines().count()),
        (Some(1), 1),
        "{log}"
    );
    assert!(output.stdout.is_empty() && log.contains("nowhere.secret"), "{log}");
}
