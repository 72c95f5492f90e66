//! The endpoints over a real socket: what the contract demands, and once-only.

mod behaviour;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::server::BODY_BYTES_MAX;
use crate::testing::{LOCAL, NOW, Outgoing, PATIENCE, clock, initiate_body, platform, update_body};

fn player(status: PlayerStatus, level: u8) -> Player {
    Player {
        status,
        level,
        last_updated: NOW,
    }
}

fn ok() -> Value {
    json!({ "ok": true })
}

#[tokio::test]
async fn initiate_update_and_lookup_keep_a_players_state() {
    let platform = platform(Behaviour::Prompt).await;
    let base = platform.base_url();
    let begun = Outgoing::initiate(&base, 1, "p 1/ü", 1).send().await.unwrap();
    assert_eq!(
        (begun.status, begun.body),
        (200, json!({ "ok": true, "provider_ref": "sim-1" }))
    );
    assert_eq!(platform.players()["p 1/ü"], player(PlayerStatus::Pending, 1));

    let told = Outgoing::update(&base, 2, "p 1/ü", "verified", 2).send().await.unwrap();
    assert_eq!((told.status, told.body), (200, ok()));

    let found = Outgoing::lookup(&base, "p%201%2F%C3%BC").send().await.unwrap();
    let state = json!({ "status": "verified", "level": 2, "last_updated": "2026-02-02T02:40:00Z" });
    assert_eq!((found.status, found.body), (200, state));

    let unknown = Outgoing::lookup(&base, "p-2").send().await.unwrap();
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.body["error"]["code"], "NOT_FOUND");
    let kinds: Vec<_> = platform
        .received()
        .iter()
        .map(|call| (call.kind, call.answered))
        .collect();
    assert_eq!(
        kinds,
        [
            (CallKind::Initiate, 200),
            (CallKind::Update, 200),
            (CallKind::Lookup, 200),
            (CallKind::Lookup, 404)
        ]
    );
}

#[tokio::test]
async fn initiate_takes_no_verification_away() {
    let platform = platform(Behaviour::Prompt).await;
    for (number, (status, level, asked, after)) in (1..).zip([
        (PlayerStatus::Verified, 2, 1, player(PlayerStatus::Verified, 2)),
        (PlayerStatus::Verified, 2, 2, player(PlayerStatus::Verified, 2)),
        (PlayerStatus::Verified, 2, 3, player(PlayerStatus::Pending, 3)),
        (PlayerStatus::Expired, 2, 1, player(PlayerStatus::Pending, 1)),
    ]) {
        platform.set_player("p-1", status, level);
        let call = Outgoing::initiate(&platform.base_url(), number, "p-1", asked);
        assert_eq!(call.send().await.unwrap().status, 200);
        assert_eq!(platform.players()["p-1"], after, "asked for {asked}");
    }
    let applied: Vec<_> = platform.received().iter().map(|call| call.applied).collect();
    assert_eq!(applied, [false, false, true, true]);
}

#[tokio::test]
async fn a_call_that_is_not_signed_is_401_and_changes_nothing() {
    let platform = platform(Behaviour::Prompt).await;
    let base = platform.base_url();
    let good = Outgoing::initiate(&base, 1, "p-1", 1);
    let at = |seconds: i64| Outgoing {
        timestamp: (NOW + seconds).to_string(),
        ..good.clone()
    };
    let other_secret = Outgoing {
        secret: "another".to_owned(),
        ..good.clone()
    };
    let lookup = Outgoing {
        secret: "another".to_owned(),
        ..Outgoing::lookup(&base, "p-1")
    };
    let zeros = "0".repeat(64);
    let bad = [
        at(301),
        at(-301),
        other_secret,
        lookup,
        good.clone().with_header("x-ucrm-signature", Some(&zeros)),
        good.clone().with_header("x-ucrm-timestamp", Some("1770000001")),
        good.clone().with_header("x-ucrm-timestamp", Some("soon")),
    ];
    for call in &bad {
        let answer = call.send().await.unwrap();
        assert_eq!(
            (answer.status, &answer.body["error"]["code"]),
            (401, &json!("FORBIDDEN"))
        );
    }
    assert_eq!(platform.players(), BTreeMap::new());
    assert!(platform.received().iter().all(|call| !call.signature_ok));
    for call in [at(300), at(-300)] {
        assert_eq!(call.send().await.unwrap().status, 200);
    }
    assert!(platform.received()[bad.len()..].iter().all(|call| call.signature_ok));
}

#[tokio::test]
async fn every_live_secret_holds_and_without_any_none_does() {
    let start = |secrets: &[&str]| {
        let outbound_secrets = secrets.iter().map(|secret| (*secret).into()).collect();
        Platform::start(PlatformOptions {
            listen: LOCAL,
            outbound_secrets,
            clock: clock(),
            behaviour: Behaviour::Prompt,
        })
    };
    let two = start(&["old", "new"]).await.unwrap();
    let none = start(&[]).await.unwrap();
    for secret in ["old", "new", ""] {
        for (platform, holds) in [(&two, !secret.is_empty()), (&none, false)] {
            let call = Outgoing {
                secret: secret.to_owned(),
                ..Outgoing::lookup(&platform.base_url(), "p-1")
            };
            let status = if holds { 404 } else { 401 };
            assert_eq!(call.send().await.unwrap().status, status, "{secret}");
        }
    }
}

#[tokio::test]
async fn a_malformed_call_is_refused_with_every_wrong_member() {
    let platform = platform(Behaviour::Prompt).await;
    let base = platform.base_url();
    let with = |name: &str, value: Value| {
        let mut body = update_body("p-1", "verified", 1);
        body[name] = value;
        body
    };
    for (body, named) in [
        (json!([]), "object"),
        (json!({}), "`tenant_id` must be a uuid; `player_external_id` must"),
        (with("tenant_id", json!("acme")), "`tenant_id`"),
        (with("player_external_id", json!("")), "`player_external_id`"),
        (
            with("player_external_id", json!("x".repeat(256))),
            "`player_external_id`",
        ),
        (with("player_external_id", json!("a\n")), "`player_external_id`"),
        (with("player_external_id", json!("..")), "`player_external_id`"),
        (with("level", json!(11)), "`level`"),
        (with("level", json!(-1)), "`level`"),
        (with("level", json!(1.5)), "`level`"),
        (with("status", json!("pending")), "`status`"),
        (with("reason", Value::Null), "`reason`"),
    ] {
        let answer = Outgoing::post(&base, "update", 1, &body).send().await.unwrap();
        let message = answer.body["error"]["message"].as_str().unwrap();
        assert_eq!(answer.status, 422, "{body}");
        assert!(message.contains(named), "{body}: {message}");
    }
    let mut body = initiate_body("p-1", 1);
    body["requirements"] = json!(["passport", 1]);
    let answer = Outgoing::post(&base, "initiate", 1, &body).send().await.unwrap();
    assert_eq!(answer.status, 422);
    for level in [0, 10] {
        let name = "x".repeat(255);
        let call = Outgoing::post(
            &base,
            "update",
            10 + u32::from(level),
            &update_body(&name, "rejected", level),
        );
        assert_eq!(call.send().await.unwrap().status, 200, "{level}");
    }
    let mut no_json = Outgoing::initiate(&base, 1, "p-1", 1);
    no_json.body.truncate(10);
    assert_eq!(no_json.send().await.unwrap().status, 422);
}

#[tokio::test]
async fn headers_method_path_and_size_are_checked() {
    let platform = platform(Behaviour::Prompt).await;
    let base = platform.base_url();
    let good = Outgoing::initiate(&base, 1, "p-1", 1);
    let sized = |bytes: usize| {
        let mut call = good.clone();
        call.body.resize(bytes, b' ');
        call
    };
    let elsewhere = Outgoing {
        url: format!("{base}/v1/kyc"),
        ..good.clone()
    };
    let put = Outgoing {
        method: http::Method::PUT,
        ..good.clone()
    };
    let charset = "application/json; charset=utf-8";
    for (call, status) in [
        (good.clone().with_header("content-type", None), 415),
        (good.clone().with_header("content-type", Some("text/plain")), 415),
        (good.clone().with_header("idempotency-key", None), 422),
        (good.clone().with_header("idempotency-key", Some("first")), 422),
        (elsewhere, 404),
        (put, 405),
        (Outgoing::post(&base, "delete", 1, &initiate_body("p-1", 1)), 405),
        (Outgoing::lookup(&base, "a/b"), 404),
        (Outgoing::lookup(&base, "%FF"), 422),
        (Outgoing::lookup(&base, "%2E%2E"), 422),
        (sized(BODY_BYTES_MAX + 1), 413),
        (sized(BODY_BYTES_MAX), 200),
        (good.clone().with_header("content-type", Some(charset)), 200),
    ] {
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status, status, "{} {}: {:?}", call.method, call.url, answer.body);
    }
}

#[tokio::test]
async fn a_repeated_key_gets_the_same_answer_and_is_applied_once() {
    let platform = platform(Behaviour::Prompt).await;
    let base = platform.base_url();
    let initiate = Outgoing::initiate(&base, 1, "p-1", 1);
    let first = initiate.send().await.unwrap();
    Outgoing::update(&base, 2, "p-1", "verified", 1).send().await.unwrap();
    Outgoing::initiate(&base, 3, "p-2", 1).send().await.unwrap();
    platform.behave(Behaviour::Refuse {
        code: "NO".to_owned(),
        message: "no".to_owned(),
    });
    assert_eq!(initiate.send().await.unwrap(), first);
    assert_eq!(platform.players()["p-1"], player(PlayerStatus::Verified, 1));

    let other = Outgoing::initiate(&base, 1, "p-1", 2).send().await.unwrap();
    assert_eq!((other.status, &other.body["error"]["code"]), (409, &json!("CONFLICT")));
    let calls = platform.received();
    let first_time: Vec<_> = calls.iter().map(|call| (call.first_time, call.applied)).collect();
    assert_eq!(
        first_time,
        [(true, true), (true, true), (true, true), (false, false), (false, false)]
    );
    assert_eq!(calls[0].body, initiate_body("p-1", 1));
    assert_eq!(calls[0].idempotency_key, Some(crate::testing::key(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_that_come_while_somebody_waits_hold_nobody_up() {
    let platform = Arc::new(platform(Behaviour::Prompt).await);
    let base = platform.base_url();
    let calls = (0..4).map(|_| {
        let base = base.clone();
        tokio::spawn(async move {
            for _ in 0..100 {
                Outgoing::lookup(&base, "p-1").send().await.unwrap();
            }
        })
    });
    let waits = (0..4).map(|_| {
        let platform = platform.clone();
        tokio::spawn(async move {
            let mut heard = 0;
            while heard < 400 {
                heard = platform.wait_for(1, PATIENCE).await.unwrap().len();
            }
        })
    });
    for task in calls.chain(waits).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(platform.received().len(), 400);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_calls_ends() {
    let platform = platform(Behaviour::Prompt).await;
    let few = platform.wait_for(1, PATIENCE).await;
    assert_eq!(few, Err(TooFewCalls { wanted: 1, received: 0 }));
    assert_eq!(few.unwrap_err().to_string(), "waited for 1 calls, received 0");
    Outgoing::lookup(&platform.base_url(), "p-1").send().await.unwrap();
    assert_eq!(platform.wait_for(1, PATIENCE).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_end_and_a_body_that_does_not_come_are_cut_off() {
    let platform = platform(Behaviour::Prompt).await;
    for (sent, answer) in [
        (&b"GET /v1/kyc/p-1 HTTP/1.1\r\n"[..], ""),
        (
            b"POST /v1/kyc/update HTTP/1.1\r\nhost: sim\r\ncontent-length: 5\r\n\r\n{",
            "HTTP/1.1 408 ",
        ),
    ] {
        let mut stream = TcpStream::connect(platform.address()).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        let received = String::from_utf8(received).unwrap();
        assert!(received.starts_with(answer), "{received}");
        assert_eq!(received.is_empty(), answer.is_empty(), "{received}");
    }
}
