//! The lines of `docs/integrating.md` as its reader types them, one block after the other in one shell, against a running
//! `kycd demo`. Only what a reader's machine has and a test's may not is put in their place: free ports.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use kyc_tests::server::binary;
use serde_json::Value;

const PAGE: &str = include_str!("../../docs/integrating.md");

/// Ends a block's output.
const END: char = '\u{1e}';

/// What comes before the reader's lines. Where they give something a second, it is waited for: until no call of the
/// brand waits, or, of a platform that takes none, until it was called twice.
const PRELUDE: &str = r#"
trap 'kill $(jobs -p) 2>/dev/null' EXIT
settled() {
    [ -s try/platform.log ] || return 1
    case $1 in
    8) [ "$(grep -c '"what":"received"' try/platform.log)" -ge 2 ] ;;
    *) [ -z "$(kycd tenant deliveries --data-dir "$DATA" --brand casino --status queued)" ] ;;
    esac
}
sleep() {
    local tries=0
    until settled "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || { echo "nothing came of it" >&2; exit 1; }
        command sleep 0.1
    done
}
"#;

/// The page's blocks of shell, in order.
fn blocks() -> Vec<&'static str> {
    let parts = PAGE.split("```sh\n").skip(1);
    parts
        .map(|part| part.split("```").next().expect("a block ends"))
        .collect()
}

/// A server with the demo's data, ended when it is dropped.
struct Demo(Child);

impl Demo {
    /// Starts it in a folder; gives where it listens.
    fn start(folder: &Path) -> (Self, String) {
        let mut child = Command::new(binary())
            .args(["demo", "--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("kycd starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output")).lines();
        let demo = Self(child);
        let is_up = out.any(|line| line.is_ok_and(|line| line.starts_with("The demo is up")));
        assert!(is_up, "it says when it is up");
        // The rest of the invitation is read on, so that the server never waits for it.
        std::thread::spawn(move || out.count());
        let known = fs::read_to_string(folder.join("data-demo/server.json")).expect("where it listens");
        let known: Value = serde_json::from_str(&known).expect("JSON");
        (demo, known["http"].as_str().expect("an address").to_owned())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Puts the binary where the reader's build puts it, with its simulator on another port.
fn install(folder: &Path, simulator: u16) {
    let release = folder.join("target/release");
    fs::create_dir_all(&release).unwrap();
    let kycd = binary().display();
    let script = format!(
        "#!/bin/sh\ncase $1 in\nsimulate-platform) shift; exec '{kycd}' simulate-platform --listen 127.0.0.1:{simulator} \"$@\" ;;\n\
         *) exec '{kycd}' \"$@\" ;;\nesac\n"
    );
    let path = release.join("kycd");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What each of the blocks after the first prints, when they are typed one after the other.
fn typed(folder: &Path, http: &str, simulator: u16) -> Vec<String> {
    let lines = blocks().into_iter().skip(1);
    let lines = lines.map(|block| format!("{block}printf '{END}'\n"));
    let script = lines
        .collect::<String>()
        .replace("127.0.0.1:8080", http)
        .replace("127.0.0.1:8091", &format!("127.0.0.1:{simulator}"));
    let script = format!("{PRELUDE}{script}");
    let output = Command::new("timeout")
        .args(["300", "bash", "-c", &script])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let (shown, log) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    let (shown, log) = (shown.expect("text"), log.expect("text"));
    assert!(output.status.success(), "{shown}\n{log}");
    for trouble in ["command not found", "No such file", "syntax error", "error:"] {
        assert!(!log.contains(trouble), "{log}");
    }
    let mut printed: Vec<String> = shown.split(END).map(|part| part.trim().to_owned()).collect();
    assert_eq!(printed.pop().as_deref(), Some(""), "{log}");
    printed
}

#[test]
fn the_pages_lines_do_what_the_page_says() {
    assert_eq!(blocks()[0], "cargo run --release -- demo\n");
    let folder = tempfile::tempdir().unwrap();
    let (_demo, http) = Demo::start(folder.path());
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
    let port = port.expect("a free port").port();
    install(folder.path(), port);
    let printed = typed(folder.path(), &http, port);
    let mut blocks = blocks().into_iter().skip(1).zip(&printed);
    // The page's blocks in order, each told by something that stands in it.
    let mut printed_by = |mark: &str| {
        let found = blocks.find(|(block, _)| block.contains(mark));
        found
            .unwrap_or_else(|| panic!("no block with `{mark}` follows"))
            .1
            .as_str()
    };
    let has = |text: &str, wanted: &[&str]| {
        for one in wanted {
            assert!(text.contains(one), "no {one} in {text}");
        }
    };

    assert_eq!(printed_by("kycd tenant add"), "");
    let vectors = printed_by("sign test_secret_1");
    has(PAGE, &vectors.lines().collect::<Vec<_>>());
    assert_eq!(vectors.lines().count(), 2);
    let told = printed_by("\"event_id\":\"a-5\"");
    assert_eq!(told.matches("\"applied\":true").count(), 5, "{told}");
    has(
        printed_by("KYC_ID="),
        &["\"external_id\":\"p-1\"", "\"event_id\":\"a-4\""],
    );
    has(
        printed_by("\"level\":1,\"player_external_id\""),
        &["\"applied\":false", "CONFLICT"],
    );
    let overtaken = printed_by("\"event_id\":\"b-2\"");
    has(
        overtaken,
        &[
            "\"applied\":false,\"new_status\":\"none\"",
            "\"applied\":true,\"new_status\":\"verified\"",
        ],
    );
    has(printed_by("kyc.lost"), &["VALIDATION_ERROR", "FORBIDDEN"]);
    assert_eq!(printed_by("--slug casino"), "");
    assert_eq!(printed_by("simulate-platform"), "");
    let calls = printed_by("customers/link");
    has(
        calls,
        &[
            "\"kind\":\"initiate\"",
            "\"kind\":\"update\"",
            "\"player_external_id\":\"p-77\"",
        ],
    );
    let mended = printed_by("tenant replay");
    has(
        mended,
        &[
            "\"status\":\"dead\"",
            "\"code\":\"denied\"",
            "\"reason\":\"NUMBER_NOT_THEIRS\"",
        ],
    );
    assert!(
        mended.lines().rev().take(3).all(|line| line.contains("\"delivered\"")),
        "{mended}"
    );
    has(printed_by("tenant reconcile"), &["\"drift\":1", "\"drift\":0"]);
    has(printed_by("rotate-secret"), &["\"applied\":true"]);
    let again = printed_by("--behaviour");
    assert!(again.matches("\"answered\":503").count() >= 2, "{again}");
    let stories = printed_by("--players");
    has(stories, &["\"what\":\"sent\"", "\"status\":200"]);
}
