//! Webhooks against a CRM over a real socket: form, signatures, tampering, retries.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use kyc_core::signature::sign;
use serde_json::json;

use super::*;
use crate::testing::{Crm, NOW, WEBHOOK, Waits, clock};

fn event(id: &str) -> WebhookEvent {
    WebhookEvent::new(EventKind::Approved, id, NOW, "p-1", 2)
}

fn schedule(delays: &[u64], retry_after_max: u64) -> RetrySchedule {
    RetrySchedule {
        delays: delays.iter().copied().map(Duration::from_secs).collect(),
        retry_after_max: Duration::from_secs(retry_after_max),
    }
}

#[test]
fn the_five_events_have_the_contracts_form() {
    let new = |kind| WebhookEvent::new(kind, "e-1", NOW, "p-1", 1);
    for (event, name, data) in [
        (
            new(EventKind::Submitted).with_documents(&["passport", "selfie"]),
            "kyc.submitted",
            json!({ "documents": ["passport", "selfie"] }),
        ),
        (
            new(EventKind::Approved).with_expires_at(NOW + 1),
            "kyc.approved",
            json!({ "expires_at": "2026-02-02T02:40:01Z" }),
        ),
        (
            new(EventKind::Rejected).with_reason("document_expired"),
            "kyc.rejected",
            json!({ "reason": "document_expired" }),
        ),
        (new(EventKind::Expired), "kyc.expired", json!({})),
        (new(EventKind::LevelUpgraded), "kyc.level_upgraded", json!({})),
    ] {
        let expected = json!({
            "event": name, "event_id": "e-1", "ts": "2026-02-02T02:40:00Z", "player_external_id": "p-1", "level": 1,
            "data": data,
        });
        assert_eq!(serde_json::to_value(&event).unwrap(), expected);
        assert_eq!(serde_json::from_value::<WebhookEvent>(expected).unwrap(), event);
    }
}

#[test]
fn the_body_is_that_of_the_published_vector() {
    let body = bytes(&event("e-1"));
    let signed = "c711ea7144b66e6f2283c528982b0e66761a72c97c5d3502107761ea2ee78f54";
    assert_eq!(sign("test_secret_1", "1770000000", &body), signed);
}

#[tokio::test]
async fn an_event_reaches_the_tenants_address_signed() {
    let crm = Crm::start([]).await;
    let sender = crm.sender(&Waits::default(), RetrySchedule::never());
    let answer = sender.send(&event("e-1")).await.unwrap();
    let expected = json!({ "received": true, "applied": true, "new_status": "pending" });
    assert_eq!((answer.status, answer.body), (200, expected));
    let again = sender.send(&event("e-1")).await.unwrap();
    assert_eq!(again.body["applied"], false);
    assert_eq!(crm.seen()[0].0, "/v1/adapters/acme-1/webhooks/kyc-events");
    assert_eq!(
        sender.url(),
        format!("{}/v1/adapters/acme-1/webhooks/kyc-events", crm.url())
    );
}

async fn statuses(attempts: Vec<(Tamper, u16)>) {
    let crm = Crm::start([]).await;
    let sender = crm.sender(&Waits::default(), RetrySchedule::never());
    for (tamper, status) in attempts {
        let answer = sender.send_tampered(&event("e-1"), &tamper).await.unwrap();
        assert_eq!(answer.status, status, "{tamper:?}");
    }
}

fn shifted(timestamp_shift: i64) -> Tamper {
    Tamper {
        timestamp_shift,
        ..Tamper::default()
    }
}

fn signed(with_version: bool, other_secrets: &[&str]) -> Tamper {
    Tamper {
        with_version,
        other_secrets: other_secrets.iter().map(|secret| (*secret).into()).collect(),
        ..Tamper::default()
    }
}

fn with_header(name: &str, value: &str) -> Tamper {
    Tamper {
        headers: vec![(name.to_owned(), value.to_owned())],
        ..Tamper::default()
    }
}

#[tokio::test]
async fn unusual_but_right_signatures_hold() {
    let unusual = [
        Tamper::default(),
        signed(true, &[]),
        signed(false, &["old"]),
        signed(true, &["old", "older"]),
        shifted(300),
        shifted(-300),
        with_header("x-more", "1"),
    ];
    statuses(unusual.map(|tamper| (tamper, 200)).into()).await;
}

#[tokio::test]
async fn tampering_shows() {
    let nonsense = Tamper {
        body: Some(b"{".to_vec()),
        ..Tamper::default()
    };
    let changed_on_the_way = Tamper {
        body_after_signing: Some(b"{}".to_vec()),
        ..Tamper::default()
    };
    let no_timestamp = Tamper {
        without_headers: vec!["X-UCRM-Timestamp".to_owned()],
        ..Tamper::default()
    };
    statuses(vec![
        (shifted(-301), 401),
        (shifted(301), 401),
        (nonsense, 422),
        (changed_on_the_way, 401),
        (with_header("X-UCRM-Signature", "00"), 401),
        (no_timestamp, 401),
    ])
    .await;
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_named() {
    let crm = Crm::start([]).await;
    let sender = crm.sender(&Waits::default(), RetrySchedule::never());
    let refused = sender.send_tampered(&event("e-1"), &with_header("x-bad", "a\nb")).await;
    assert_eq!(refused, Err(SendError::Header("x-bad".to_owned())));
}

#[tokio::test]
async fn failures_are_retried_after_the_schedules_waits() {
    let crm = Crm::start([(500, None), (429, None), (503, None)]).await;
    let waits = Waits::default();
    let delivered = crm
        .sender(&waits, schedule(&[1, 2, 3], 60))
        .deliver(&event("e-1"))
        .await;
    assert_eq!(delivered.attempts, 4);
    assert_eq!(delivered.outcome.unwrap().body["applied"], true);
    assert_eq!(waits.seconds(), [1, 2, 3]);
    let bodies: Vec<_> = crm.seen().into_iter().map(|(_, body)| body).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]), "the body stays the same");
}

#[tokio::test]
async fn attempts_are_bounded_and_refusals_final() {
    let crm = Crm::start([(503, None), (503, None), (503, None), (409, None), (301, None)]).await;
    let waits = Waits::default();
    let sender = crm.sender(&waits, schedule(&[1, 2], 60));
    let given_up = sender.deliver(&event("e-1")).await;
    assert_eq!((given_up.attempts, given_up.outcome.unwrap().status), (3, 503));
    for status in [409, 301] {
        let refused = sender.deliver(&event("e-1")).await;
        assert_eq!((refused.attempts, refused.outcome.unwrap().status), (1, status));
    }
    assert_eq!(waits.seconds(), [1, 2]);
}

#[tokio::test]
async fn retry_after_is_honoured_up_to_the_cap() {
    for (header, waited) in [
        ("30", 30),
        ("60", 60),
        ("61", 60),
        ("1", 5),
        ("Mon, 02 Feb 2026 02:40:20 GMT", 20),
        ("Mon, 02 Feb 2026 02:39:00 GMT", 5),
        ("later", 5),
        ("-1", 5),
    ] {
        let crm = Crm::start([(429, Some(header))]).await;
        let waits = Waits::default();
        let delivered = crm.sender(&waits, schedule(&[5], 60)).deliver(&event("e-1")).await;
        assert_eq!(delivered.attempts, 2, "{header}");
        assert_eq!(waits.seconds(), [waited], "{header}");
    }
}

#[tokio::test]
async fn a_crm_that_is_away_is_tried_again_and_signed_anew() {
    let crm = Crm::start([]).await;
    let url = crm.url();
    drop(crm);
    let ticks = Arc::new(AtomicI64::new(0));
    let counting = ticks.clone();
    let waits = Waits::default();
    let sender = Webhooks::new(WebhooksOptions {
        crm_url: format!("{url}/"),
        slug: "acme".to_owned(),
        webhook_secret: WEBHOOK.into(),
        clock: Arc::new(move || NOW + counting.fetch_add(1, Ordering::Relaxed)),
        sleeper: waits.sleeper(),
        schedule: schedule(&[1, 1], 60),
    });
    let delivered = sender.unwrap().deliver(&event("e-1")).await;
    assert_eq!(delivered.attempts, 3);
    assert!(matches!(delivered.outcome, Err(SendError::Unreachable(_))));
    assert_eq!(waits.seconds(), [1, 1]);
    assert_eq!(
        ticks.load(Ordering::Relaxed),
        6,
        "the time is read for each signature and each wait"
    );
}

#[test]
fn addresses_are_checked() {
    let sender = |crm_url: &str, slug: &str| {
        Webhooks::new(WebhooksOptions {
            crm_url: crm_url.to_owned(),
            slug: slug.to_owned(),
            webhook_secret: WEBHOOK.into(),
            clock: clock(),
            sleeper: Waits::default().sleeper(),
            schedule: RetrySchedule::default(),
        })
    };
    let url = |crm_url, slug| sender(crm_url, slug).unwrap().url();
    let path = "v1/adapters/a-1/webhooks/kyc-events";
    assert_eq!(
        url("http://crm.example.com", "a-1"),
        format!("http://crm.example.com/{path}")
    );
    assert_eq!(
        url("http://crm.example.com/in/", "a-1"),
        format!("http://crm.example.com/in/{path}")
    );
    assert!(url("http://crm.example.com", "../a?").contains("/adapters/%2E%2E%2Fa%3F/webhooks/"));
    for crm_url in [
        "",
        "crm.example.com",
        "ftp://crm.example.com",
        "http://",
        "http://crm.example.com/?a=",
    ] {
        let error = sender(crm_url, "a-1").unwrap_err();
        assert!(matches!(error, SendError::Address(_)), "{crm_url}: {error}");
    }
}

#[test]
fn debug_output_holds_no_secret() {
    let tamper = Tamper {
        other_secrets: vec!["hush".into()],
        ..Tamper::default()
    };
    assert!(!format!("{tamper:?}").contains("hush"));
}
