//! Shows each promise of the host on the sample guest, in both modes of reuse.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Channel, Empty, Full};
use kyc_spin_host::{Gate, GuestLog, Host, Limits, Options, Reuse};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const MODES: [Reuse; 2] = [Reuse::PerRequest, Reuse::SPIN];

/// The guest, built on first use; cargo itself knows whether that is still to be done.
static GUEST: LazyLock<PathBuf> = LazyLock::new(|| {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("spin-host-guest");
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--release",
            "--locked",
            "--target",
            "wasm32-wasip2",
            "--target-dir",
        ])
        .arg(&target)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/guest"))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .expect("cargo runs");
    assert!(
        status.success(),
        "the guest does not build; `rustup target add wasm32-wasip2` may be missing"
    );
    target.join("wasm32-wasip2/release/spin_host_guest.wasm")
});

fn options(reuse: Reuse) -> Options {
    let sources = ["guest", "bare", "hidden"].map(|id| (id.to_owned(), GUEST.clone()));
    let variables = [("token".to_owned(), "t0p".to_owned())];
    Options {
        reuse,
        sources: sources.into(),
        variables: variables.into(),
        ..Options::default()
    }
}

fn load(options: Options) -> Host {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/guest/spin.toml");
    Host::from_manifest(manifest, options).expect("the fixture loads")
}

/// Asked for it, the guest asks a [`Gate`].
const HELD: &str = "/outbound?https://peer.example/";
const HELD_IN_TRANSACTION: &str = "/transaction?https://peer.example/";

fn gated(options: Options) -> (Host, Gate) {
    let gate = Gate::default();
    let outbound = Some(gate.outbound());
    (load(Options { outbound, ..options }), gate)
}

/// What comes of a request that the gate holds.
fn held(host: &Host) -> impl Future<Output = StatusCode> + 'static {
    let host = host.clone();
    async move { get(&host, HELD).await.0 }
}

async fn get(host: &Host, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Empty::<Bytes>::new()).unwrap();
    let response = host.call(request).await.expect("a whole body");
    (response.status(), String::from_utf8_lossy(response.body()).into_owned())
}

async fn ok(host: &Host, path: &str) -> String {
    let (status, text) = get(host, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {text}; {:?}", host.counters().problems);
    text
}

async fn refused(host: &Host, path: &str) -> String {
    let (status, text) = get(host, path).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {text}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_with_its_length() {
    for reuse in MODES {
        let host = load(options(reuse));
        let request = Request::get("/hello?x=1").body(Empty::<Bytes>::new()).unwrap();
        let response = host.call(request).await.unwrap();
        assert_eq!(
            (response.status(), response.body().as_ref()),
            (StatusCode::OK, b"hello".as_slice())
        );
        assert_eq!(response.headers()["content-length"], "5");
        assert_eq!(host.counters().unsized_responses, 0);
        assert_eq!(ok(&host, "/uri?a=b").await, "http://localhost/uri?a=b");
        assert!(ok(&host, "/headers").await.contains(r#""spin-path-info": "/headers""#));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_stream_both_ways() {
    for reuse in MODES {
        let host = load(options(reuse));
        let (mut question, body) = Channel::<Bytes>::new(1);
        let mut answer = host
            .handle(Request::post("/echo").body(body).unwrap())
            .await
            .into_body();
        for word in ["one", "two", "three"] {
            question.send_data(Bytes::from(word)).await.unwrap();
            let frame = answer
                .frame()
                .await
                .expect("the answer comes before the question ends")
                .unwrap();
            assert_eq!(frame.into_data().unwrap(), word.to_uppercase());
        }
        drop(question);
        assert!(answer.frame().await.is_none());

        let large = Bytes::from(vec![b'x'; 3_000_000]);
        let answer = host
            .call(Request::post("/echo").body(Full::new(large)).unwrap())
            .await
            .unwrap();
        assert_eq!(answer.body().len(), 3_000_000);
        assert_eq!(host.counters().unsized_responses, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_what_was_committed() {
    for reuse in MODES {
        let host = load(options(reuse));
        let row = ok(&host, "/sqlite?one").await;
        assert!(row.starts_with("1 [") && row.contains("one"), "{row}");
        assert_eq!(ok(&host, "/transaction").await, "committed");
        assert_eq!(ok(&host, "/count").await, "2");
        let db = rusqlite::Connection::open(host.database_file("default")).unwrap();
        assert_eq!(
            db.query_row("SELECT count(*) FROM note", [], |row| row.get::<_, i64>(0))
                .unwrap(),
            2
        );
        assert_eq!(host.counters().misuses, 0, "{:?}", host.counters().problems);
        assert_eq!(host.counters().statements, 3 + 4 + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_statement_is_an_error_of_the_guest() {
    let host = load(options(Reuse::SPIN));
    assert!(refused(&host, "/statement?SELEC+1").await.contains("syntax error"));
    assert!(
        refused(&host, "/statement?INSERT+INTO+note+VALUES(1,NULL)")
            .await
            .contains("NOT NULL")
    );
    assert!(
        refused(&host, "/statement?ATTACH+'/tmp/other.db'+AS+other")
            .await
            .contains("not authorized")
    );
    assert_eq!(ok(&host, "/statement?VACUUM").await, "0");
    assert_eq!(ok(&host, "/statement?SELECT+1;+--+the+end").await, "1");
    assert_eq!(host.counters().misuses, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_spin_hides_is_a_trap() {
    for (path, message) in [
        ("/unread", "the result of `SELECT 1` is unread"),
        ("/half-read", "before its rows"),
        ("/statement?SELECT+1;SELECT+2", "more than one statement"),
    ] {
        for reuse in MODES {
            let host = load(options(reuse));
            assert_eq!(get(&host, path).await.0, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            let counters = host.counters();
            assert_eq!(
                (counters.misuses, counters.traps),
                (1, 1),
                "{path} {:?}",
                counters.problems
            );
            assert!(counters.problems[0].contains(message), "{:?}", counters.problems);
            assert_eq!(ok(&host, "/hello").await, "hello");
        }
    }
    let host = load(options(Reuse::SPIN));
    ok(&host, "/dropped").await;
    assert_eq!((host.counters().misuses, host.counters().traps), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_granted_things_are_there() {
    for reuse in MODES {
        let host = load(options(reuse));
        assert_eq!(ok(&host, "/variable?greeting").await, "good day, peer.example");
        assert_eq!(ok(&host, "/variable?token").await, "t0p");
        assert!(refused(&host, "/variable?other").await.contains("Undefined"));
        assert_eq!(ok(&host, "/key-value?v").await, r#"v ["key"]"#);
        assert!(refused(&host, "/open?other").await.contains("AccessDenied"));
        assert!(
            refused(&host, "/outbound?http://elsewhere.example/")
                .await
                .contains("HttpRequestDenied")
        );
        assert_eq!(host.counters().outbound_denied, 1);
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/guest/spin.toml");
    let text = std::fs::read_to_string(manifest)
        .unwrap()
        .replace("route = \"/...\"", "route = \"/x\"");
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("spin.toml");
    std::fs::write(&manifest, text.replace("\"/bare/...\"", "\"/...\"")).unwrap();
    let bare = Host::from_manifest(&manifest, options(Reuse::SPIN)).unwrap();
    for (path, error) in [
        ("/variable?token", "Undefined"),
        ("/open?default", "AccessDenied"),
        ("/key-value?v", "AccessDenied"),
        ("/outbound?http://127.0.0.1:1/", "HttpRequestDenied"),
    ] {
        let text = refused(&bare, path).await;
        assert!(text.contains(error), "{path}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_variable_without_a_value_is_undefined() {
    let host = load(Options {
        variables: [].into(),
        ..options(Reuse::SPIN)
    });
    assert!(
        refused(&host, "/variable?token")
            .await
            .contains("required variable `token` has no value")
    );
}

/// Spin resolves all variables of the application before it looks at a grant, whatever the grant needs.
#[tokio::test(flavor = "multi_thread")]
async fn a_variable_without_a_value_takes_all_outbound_grants_away() {
    let host = load(Options {
        variables: [].into(),
        ..options(Reuse::SPIN)
    });
    for url in ["http://127.0.0.1:1/", "https://peer.example/"] {
        let text = refused(&host, &format!("/outbound?{url}")).await;
        assert!(text.contains("HttpRequestDenied"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_has_at_most_256_connections() {
    for reuse in MODES {
        let host = load(options(reuse));
        assert_eq!(ok(&host, "/open-many?256").await, "opened");
        let text = refused(&host, "/open-many?257").await;
        assert!(
            text.contains("256: ") && text.contains("too many connections opened"),
            "{text}"
        );
        assert_eq!(ok(&host, "/open-many?256").await, "opened", "what was open is closed");
    }
}

/// Until the first byte means all before it: a guest that waits less for that than an upload takes gets no answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_stub_that_does_not_answer_is_given_up() {
    let stub: kyc_spin_host::Outbound = Arc::new(|_| Box::pin(std::future::pending()));
    let host = load(Options {
        outbound: Some(stub),
        limits: Limits {
            outbound_time: Duration::from_millis(50),
            ..Limits::default()
        },
        ..options(Reuse::SPIN)
    });
    let text = refused(&host, "/outbound?https://peer.example/").await;
    assert!(text.contains("ConnectionReadTimeout"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_logs_is_kept() {
    for reuse in MODES {
        let log = GuestLog::default();
        let host = load(Options {
            log: Some(log.clone()),
            ..options(reuse)
        });
        get(&host, "/panic").await;
        assert!(log.text().contains("as asked"), "{}", log.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn granted_requests_go_to_the_network_to_a_sibling_or_to_a_stub() {
    let host = load(options(Reuse::SPIN));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let other = load(options(Reuse::SPIN));
    let server = tokio::spawn(async move { other.serve(listener).await });
    assert_eq!(ok(&host, &format!("/outbound?http://{address}/hello")).await, "hello");
    server.abort();
    assert_eq!(ok(&host, "/outbound?http://hidden.spin.internal/hello").await, "hello");

    let stub: kyc_spin_host::Outbound =
        Arc::new(|request| Box::pin(async move { Response::new(Bytes::from(request.uri().to_string())) }));
    let host = load(Options {
        outbound: Some(stub),
        ..options(Reuse::SPIN)
    });
    assert_eq!(
        ok(&host, "/outbound?https://peer.example/path").await,
        "https://peer.example/path"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_500_for_everyone_on_the_instance() {
    for reuse in MODES {
        let (host, gate) = gated(options(reuse));
        let neighbour = tokio::spawn(held(&host));
        gate.until(1).await;
        assert_eq!(get(&host, "/panic").await.0, StatusCode::INTERNAL_SERVER_ERROR);
        gate.open();
        let shared = reuse == Reuse::SPIN;
        let expected = if shared {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::OK
        };
        assert_eq!(neighbour.await.unwrap(), expected);
        assert_eq!(ok(&host, "/hello").await, "hello");
        let counters = host.counters();
        assert_eq!(
            (counters.traps, counters.instances),
            (1, if shared { 2 } else { 3 }),
            "{:?}",
            counters.problems
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_reused_as_often_as_asked() {
    let host = load(options(Reuse::PerRequest));
    for _ in 0..10 {
        assert_eq!(ok(&host, "/seen").await, "1");
    }
    assert_eq!(host.counters().instances, 10);

    let host = load(options(Reuse::SPIN));
    for n in 1..=128 {
        assert_eq!(ok(&host, "/seen").await, n.to_string());
    }
    assert_eq!(ok(&host, "/seen").await, "1");
    assert_eq!(host.counters().instances, 2);

    let (host, gate) = gated(options(Reuse::SPIN));
    let many: Vec<_> = (0..64).map(|_| tokio::spawn(held(&host))).collect();
    gate.until(64).await;
    gate.open();
    for one in many {
        assert_eq!(one.await.unwrap(), StatusCode::OK);
    }
    let counters = host.counters();
    assert_eq!(counters.instances, 4, "16 at once on an instance: {counters:?}");
    assert!(
        counters.peak_memory_bytes > 1_000_000 && counters.peak_memory_bytes < 20_000_000,
        "{counters:?}"
    );
}

/// The caller goes away while the guest waits inside a transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_request_is_rolled_back() {
    for reuse in MODES {
        for neighbours in [0, 3] {
            let (host, gate) = gated(options(reuse));
            ok(&host, "/sqlite?kept").await;
            let staying: Vec<_> = (0..neighbours).map(|_| tokio::spawn(held(&host))).collect();
            tokio::select! {
                answer = get(&host, HELD_IN_TRANSACTION) => panic!("answered: {answer:?}"),
                () = gate.until(neighbours + 1) => {}
            }
            // Whoever held the lock still waits, if it was not taken from it.
            ok(&host, "/sqlite?after").await;
            gate.open();
            for neighbour in staying {
                assert_eq!(neighbour.await.unwrap(), StatusCode::OK);
            }
            host.idle().await;
            assert_eq!(
                ok(&host, "/count").await,
                "2",
                "reuse {reuse:?}, neighbours {neighbours}"
            );
            let counters = host.counters();
            assert_eq!(
                (counters.cancelled, counters.traps, counters.misuses),
                (1, 0, 0),
                "{:?}",
                counters.problems
            );
        }
    }
}

/// The same over a socket: the client hangs up.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_closes_cancels_its_request() {
    for reuse in MODES {
        let (host, gate) = gated(options(reuse));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn({
            let host = host.clone();
            async move { host.serve(listener).await }
        });
        let mut client = TcpStream::connect(address).await.unwrap();
        for _ in 0..2 {
            client
                .write_all(b"GET /hello HTTP/1.1\r\nhost: a.example\r\n\r\n")
                .await
                .unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n\r\nhello") {
                assert!(client.read_buf(&mut answer).await.unwrap() > 0, "kept alive");
            }
        }
        client
            .write_all(format!("GET {HELD_IN_TRANSACTION} HTTP/1.1\r\nhost: a.example\r\n\r\n").as_bytes())
            .await
            .unwrap();
        gate.until(1).await;
        drop(client);
        assert!(ok(&host, "/sqlite?after").await.contains("after"));
        assert_eq!(ok(&host, "/count").await, "1");
        assert_eq!(host.counters().cancelled, 1);
        server.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn time_and_memory_are_limited() {
    for reuse in MODES {
        let limits = Limits {
            request_time: Duration::from_millis(400),
            memory_bytes: 16 * 1024 * 1024,
            ..Limits::default()
        };
        let (host, _shut) = gated(Options {
            limits,
            ..options(reuse)
        });
        for path in ["/busy", HELD] {
            assert_eq!(get(&host, path).await.0, StatusCode::GATEWAY_TIMEOUT, "{path}");
        }
        assert_eq!(ok(&host, "/eat?8000000").await, "8000000");
        assert_eq!(get(&host, "/eat?32000000").await.0, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(ok(&host, "/hello").await, "hello");
        // Also those that nobody asks any more.
        host.ended().await;
        let counters = host.counters();
        assert_eq!((counters.timeouts, counters.traps), (2, 1), "{:?}", counters.problems);
        assert!(counters.peak_memory_bytes <= 16 * 1024 * 1024);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_spin_would_not_load_is_refused_in_one_line() {
    let good = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/guest/spin.toml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("spin.toml");
    for (from, to, message) in [
        ("sqlite_databases", "sqlite_database", "unknown field `sqlite_database`"),
        ("\"{{ token }}\"", "\"{{ tokn }}\"", "unknown variable `tokn`"),
        ("manifest_version = 2", "manifest_version = 1", "2 is wanted"),
        ("\"/bare/...\"", "\"/...\"", "are the same"),
        (
            "component = \"hidden\"",
            "component = \"hiden\"",
            "names component `hiden`",
        ),
        ("\"http://127.0.0.1:*\"", "\"127.0.0.1\"", "has no scheme"),
        (
            "token = { required = true, secret = true }",
            "",
            "is given but not declared",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        std::fs::write(&manifest, good.replacen(from, to, 1)).unwrap();
        let error = Host::from_manifest(&manifest, options(Reuse::SPIN))
            .err()
            .expect(to)
            .to_string();
        assert!(error.contains(message) && !error.contains('\n'), "{error}");
    }
    std::fs::write(&manifest, good).unwrap();
    let broken = Options {
        sources: [("guest".into(), manifest.clone())].into(),
        ..options(Reuse::SPIN)
    };
    let error = Host::from_manifest(&manifest, broken).err().unwrap().to_string();
    assert!(
        error.starts_with("component `bare`") || error.starts_with("component `guest`"),
        "{error}"
    );
    assert!(!error.contains('\n'), "{error}");
}
