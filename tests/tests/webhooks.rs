//! The webhook endpoint of a running server: each refusal in the contract's order, what a success makes durable, and
//! deliveries that come again, at once, or about players whom nobody knows.

use std::collections::BTreeSet;
use std::thread;

use kyc_core::limits::WEBHOOK_BYTES_MAX;
use kyc_core::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use kyc_simulator::ambient::rfc3339;
use kyc_tests::rest::{Answer, Rest};
use kyc_tests::server::{Server, now, shared as server};
use kyc_tests::sim::overlaid;
use kyc_tests::tenants::{Tenant, approval_until, event, post_signed};
use serde_json::{Value, json};

/// Webhooks that come at the same time.
const AT_ONCE: usize = 16;

/// A client without a token, as platforms are.
fn platform(server: &Server) -> Rest {
    Rest::new(server.http, None)
}

/// A tenant whose brand is called like it.
fn tenant(server: &Server, slug: &str, model: &str, more: Value) -> Tenant {
    Tenant::add_over(&server.rest(&server.admin()), slug, slug, model, more)
}

/// A tenant whose platform owns KYC.
fn platform_owns(server: &Server, slug: &str) -> Tenant {
    tenant(server, slug, "platform_owns", json!({}))
}

/// Holds a refusal against the contract: status, code, and a body of exactly that shape.
fn is_refused(answer: &Answer, status: u16, code: &str) {
    let body = String::from_utf8_lossy(&answer.bytes).into_owned();
    assert_eq!(answer.status, status, "{body}");
    assert_eq!(answer.headers["content-type"], "application/json");
    let body = answer.json();
    assert_eq!(body.as_object().expect("an object").len(), 1, "{body}");
    let error = body["error"].as_object().expect("an error object");
    assert_eq!(error["code"], code, "{body}");
    assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    let has_details = error.contains_key("details");
    assert_eq!(
        has_details,
        status == 422,
        "only what is wrong with fields has details: {body}"
    );
    assert_eq!(error.len(), if has_details { 3 } else { 2 }, "{body}");
    assert_eq!(answer.headers.contains_key("retry-after"), matches!(status, 429 | 503));
}

/// The members that a 422 names.
fn named(answer: &Answer) -> BTreeSet<String> {
    is_refused(answer, 422, "VALIDATION_ERROR");
    let details = answer.json()["error"]["details"].clone();
    let field = |detail: &Value| detail["field"].as_str().expect("a field").to_owned();
    details.as_array().expect("a list").iter().map(field).collect()
}

/// Holds a success against the contract.
fn is_received(answer: &Answer, applied: bool, new_status: &str) {
    let wanted = json!({ "received": true, "applied": applied, "new_status": new_status });
    assert_eq!(answer.ok(), wanted);
}

/// The profiles of a brand.
fn profiles(server: &Server, brand: &str) -> Vec<Value> {
    let rest = server.rest(&server.manager());
    let list = rest
        .get(&format!("/manager/kyc/profiles?brand={brand}&limit=1000"))
        .ok();
    list["rows"].as_array().expect("rows").clone()
}

/// The history of a brand's only player, oldest first.
fn history(server: &Server, brand: &str) -> Vec<Value> {
    let profiles = profiles(server, brand);
    assert_eq!(profiles.len(), 1, "{profiles:?}");
    let rest = server.rest(&server.manager());
    let list = rest
        .get(&format!(
            "/manager/kyc/profiles/{}/history?limit=1000",
            profiles[0]["id"]
        ))
        .ok();
    let mut rows = list["rows"].as_array().expect("rows").clone();
    rows.reverse();
    rows
}

/// All that managers see of a brand: its players with their histories, and its audit.
fn picture(server: &Server, brand: &str) -> Vec<Value> {
    let rest = server.rest(&server.manager());
    let mut picture = vec![rest.get(&format!("/manager/kyc/audit?brand={brand}&limit=1000")).ok()];
    for profile in profiles(server, brand) {
        picture.push(rest.get(&format!("/manager/kyc/profiles/{}", profile["id"])).ok());
    }
    picture
}

#[test]
fn a_webhook_is_answered_bare_with_what_it_did() {
    let server = server();
    let tenant = platform_owns(&server, "wh-bare");
    let rest = platform(&server);
    let ts = now();
    is_received(
        &tenant.post(&rest, &event("submitted", "e-1", ts, "p-1", 2)),
        true,
        "pending",
    );
    is_received(
        &tenant.post(&rest, &event("approved", "e-2", ts + 1, "p-1", 2)),
        true,
        "verified",
    );
    is_received(
        &tenant.post(&rest, &event("approved", "e-3", ts + 2, "p-1", 3)),
        false,
        "verified",
    );
}

#[test]
fn the_size_is_looked_at_before_the_slug() {
    let server = server();
    let tenant = platform_owns(&server, "wh-size");
    let rest = platform(&server);
    let padded = |bytes: usize| {
        let body = event("submitted", "e-1", now(), "p-1", 1).to_string();
        let padding = " ".repeat(bytes - body.len());
        format!("{body}{padding}").into_bytes()
    };
    let too_large = padded(WEBHOOK_BYTES_MAX + 1);
    is_refused(
        &post_signed(&rest, "wh-nobody", "0", "00", &too_large),
        413,
        "PAYLOAD_TOO_LARGE",
    );
    is_refused(&tenant.post_bytes(&rest, &too_large), 413, "PAYLOAD_TOO_LARGE");
    is_received(&tenant.post_bytes(&rest, &padded(WEBHOOK_BYTES_MAX)), true, "pending");
}

#[test]
fn the_slug_is_looked_at_before_the_signature() {
    let server = server();
    let tenant = platform_owns(&server, "wh-slug");
    let rest = platform(&server);
    for slug in ["wh-nobody", "WH-SLUG", "a_b", "wh-slug%2F", "%00"] {
        is_refused(&post_signed(&rest, slug, "0", "00", b"{"), 404, "NOT_FOUND");
    }
    let known = post_signed(&rest, &tenant.slug, "0", "00", b"{");
    is_refused(&known, 401, "FORBIDDEN");
}

#[test]
fn the_signature_is_looked_at_before_the_model_and_the_model_before_the_body() {
    let server = server();
    let rest = platform(&server);
    for model in ["crm_owns", "none"] {
        let tenant = tenant(
            &server,
            &format!("wh-model-{}", model.replace('_', "-")),
            model,
            json!({}),
        );
        let forged = tenant.signing_with("guessed");
        is_refused(&forged.post_bytes(&rest, b"{"), 401, "FORBIDDEN");
        is_refused(&tenant.post_bytes(&rest, b"{"), 403, "FORBIDDEN");
        is_refused(
            &tenant.post(&rest, &event("submitted", "e-1", now(), "p-1", 1)),
            403,
            "FORBIDDEN",
        );
        assert_eq!(profiles(&server, &tenant.slug), Vec::<Value>::new());
    }
}

#[test]
fn the_signature_is_looked_at_before_the_body_and_the_body_before_the_player() {
    let server = server();
    let rest = platform(&server);
    let tenant = tenant(&server, "wh-body", "platform_owns", json!({ "create_players": 0 }));
    is_refused(
        &tenant.signing_with("guessed").post_bytes(&rest, b"{"),
        401,
        "FORBIDDEN",
    );
    let unknown = event("submitted", "e-1", now(), "p-1", 1);
    let wrong = overlaid(unknown.clone(), json!({ "level": 11 }));
    assert_eq!(named(&tenant.post(&rest, &wrong)), BTreeSet::from(["level".to_owned()]));
    is_refused(&tenant.post(&rest, &unknown), 404, "NOT_FOUND");
    assert_eq!(profiles(&server, &tenant.slug), Vec::<Value>::new());
}

#[test]
fn what_is_not_signed_or_not_in_time_is_refused_and_leaves_no_trace() {
    let server = server();
    let tenant = platform_owns(&server, "wh-forged");
    let rest = platform(&server);
    tenant.post(&rest, &event("submitted", "e-0", now(), "p-1", 1)).ok();
    let before = picture(&server, &tenant.slug);
    let body = event("approved", "e-1", now(), "p-1", 1).to_string();
    let body = body.as_bytes();
    let (time, sign) = (now(), |at: i64| tenant.signature(at, body));
    let outbound = tenant.signing_with(&tenant.outbound_secret).signature(time, body);
    let other_body = tenant.signature(time, b"{}");
    let refused = [
        (time.to_string(), String::new()),
        (time.to_string(), "v1=".to_owned()),
        (time.to_string(), format!("v2={}", sign(time))),
        (time.to_string(), sign(time)[1..].to_owned()),
        (time.to_string(), format!("{}00", sign(time))),
        (time.to_string(), outbound),
        (time.to_string(), other_body),
        ((time + 1).to_string(), sign(time)),
        ((time - 600).to_string(), sign(time - 600)),
        ((time + 600).to_string(), sign(time + 600)),
        (String::new(), sign(time)),
        ("now".to_owned(), sign(time)),
        (format!("{time}.0"), sign(time)),
        (i128::MAX.to_string(), sign(time)),
    ];
    for (timestamp, signature) in refused {
        let answer = post_signed(&rest, &tenant.slug, &timestamp, &signature, body);
        is_refused(&answer, 401, "FORBIDDEN");
    }
    let path = format!("/v1/adapters/{}/webhooks/kyc-events", tenant.slug);
    is_refused(&rest.send("POST", &path, &[], body), 401, "FORBIDDEN");
    assert_eq!(picture(&server, &tenant.slug), before);
    is_received(&tenant.post_bytes(&rest, body), true, "verified");
}

#[test]
fn signatures_come_with_a_version_or_without_in_either_case_alone_or_among_others() {
    let server = server();
    let tenant = platform_owns(&server, "wh-signatures");
    let rest = platform(&server);
    let shapes: [fn(&str) -> String; 6] = [
        str::to_owned,
        |hex| format!("v1={hex}"),
        str::to_uppercase,
        |hex| format!("v1={}", hex.to_uppercase()),
        |hex| format!("{},{hex}", "0".repeat(64)),
        |hex| format!("v0=what, v1={}, v1={hex}", "f".repeat(64)),
    ];
    for (place, shape) in shapes.into_iter().enumerate() {
        let body = event("submitted", &format!("e-{place}"), now(), "p-1", 1).to_string();
        let timestamp = now();
        let signature = shape(&tenant.signature(timestamp, body.as_bytes()));
        let answer = post_signed(&rest, &tenant.slug, &timestamp.to_string(), &signature, body.as_bytes());
        is_received(&answer, true, "pending");
    }
}

#[test]
fn signatures_may_come_in_several_lines_of_the_header_and_eight_are_looked_at() {
    let server = server();
    let tenant = platform_owns(&server, "wh-lines");
    let rest = platform(&server);
    let other = "0".repeat(64);
    for (before, status) in [(1, 200), (7, 200), (8, 401)] {
        let body = event("submitted", &format!("e-{before}"), now(), "p-1", 1).to_string();
        let timestamp = now();
        let signature = tenant.signature(timestamp, body.as_bytes());
        let stamp = timestamp.to_string();
        let mut headers = vec![("content-type", "application/json"), (TIMESTAMP_HEADER, stamp.as_str())];
        headers.extend(std::iter::repeat_n((SIGNATURE_HEADER, other.as_str()), before));
        headers.push((SIGNATURE_HEADER, &signature));
        let path = format!("/v1/adapters/{}/webhooks/kyc-events", tenant.slug);
        let answer = rest.send("POST", &path, &headers, body.as_bytes());
        assert_eq!(answer.status, status, "after {before} others");
    }
}

#[test]
fn every_wrong_member_is_named_at_once() {
    let server = server();
    let tenant = platform_owns(&server, "wh-fields");
    let rest = platform(&server);
    let all = ["event", "event_id", "level", "player_external_id", "ts"].map(str::to_owned);
    assert_eq!(named(&tenant.post(&rest, &json!({}))), BTreeSet::from(all.clone()));
    let wrong = json!({
        "event": "kyc.lost", "event_id": "", "ts": "2026-02-02 02:40", "player_external_id": "..", "level": 11,
        "data": [],
    });
    let with_data = all.into_iter().chain(["data".to_owned()]);
    assert_eq!(named(&tenant.post(&rest, &wrong)), with_data.collect());
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"\"x\"",
        b"\xff",
        b"{\"event\":1,\"event\":1}",
    ] {
        named(&tenant.post_bytes(&rest, body));
    }
    assert_eq!(profiles(&server, &tenant.slug), Vec::<Value>::new());
}

#[test]
fn each_member_is_taken_at_its_limit_and_refused_past_it() {
    let server = server();
    let tenant = platform_owns(&server, "wh-limits");
    let rest = platform(&server);
    let long = |chars: usize| "ß".repeat(chars);
    let cases = [
        ("event_id", json!(long(128)), json!(long(129))),
        ("player_external_id", json!(long(255)), json!(long(256))),
        ("player_external_id", json!("..."), json!(".")),
        ("player_external_id", json!(" a/b?c "), json!("a\u{7}b")),
        ("level", json!(0), json!(-1)),
        ("level", json!(10), json!(11)),
        ("level", json!(5), json!("5")),
        ("level", json!(6), json!(6.5)),
        ("event", json!("kyc.level_upgraded"), json!("kyc.LEVEL_UPGRADED")),
        ("ts", json!(rfc3339(now() + 290)), json!(rfc3339(now() + 400))),
        ("ts", json!("1990-01-01T01:00:00.5+01:00"), json!("1990-01-01T01:00:00")),
        ("data", Value::Null, json!(1)),
        ("data", json!({ "documents": ["passport"] }), json!("passport")),
    ];
    for (place, (member, at, past)) in cases.into_iter().enumerate() {
        let base = event("submitted", &format!("e-{place}"), now(), &format!("p-{place}"), 1);
        let with = |value: &Value| overlaid(base.clone(), json!({ member: value }));
        assert_eq!(
            named(&tenant.post(&rest, &with(&past))),
            BTreeSet::from([member.to_owned()]),
            "{past}"
        );
        is_received(&tenant.post(&rest, &with(&at)), true, "pending");
    }
    let data = [
        ("submitted", json!({ "documents": "passport" })),
        ("submitted", json!({ "documents": [1] })),
        ("approved", json!({ "expires_at": 1_900_000_000 })),
        ("approved", json!({ "expires_at": "tomorrow" })),
        ("rejected", json!({ "reason": 7 })),
    ];
    for (what, data) in data {
        let body = overlaid(event(what, "e-data", now(), "p-data", 1), json!({ "data": data }));
        let named = named(&tenant.post(&rest, &body));
        let member = data.as_object().unwrap().keys().next().unwrap().clone();
        assert_eq!(named, BTreeSet::from([format!("data.{member}")]));
    }
}

#[test]
fn no_refusal_claims_the_id() {
    let server = server();
    let tenant = tenant(&server, "wh-claims", "platform_owns", json!({ "create_players": 0 }));
    let rest = platform(&server);
    let body = event("submitted", "e-1", now(), "7", 1);
    named(&tenant.post(&rest, &overlaid(body.clone(), json!({ "level": 99 }))));
    is_refused(&tenant.signing_with("guessed").post(&rest, &body), 401, "FORBIDDEN");
    is_refused(&tenant.post(&rest, &body), 404, "NOT_FOUND");
    let admin = server.rest(&server.admin());
    let creates = json!({ "create_players": 1 });
    admin
        .call("PATCH", &format!("/manager/tenants/{}", tenant.slug), &creates)
        .ok();
    is_received(&tenant.post(&rest, &body), true, "pending");
}

#[test]
fn a_delivery_that_comes_again_changes_nothing_however_it_is_written() {
    let server = server();
    let tenant = platform_owns(&server, "wh-again");
    let rest = platform(&server);
    let ts = rfc3339(now());
    let first = json!({
        "event": "kyc.submitted", "event_id": "e-1", "ts": ts, "player_external_id": "p-ä", "level": 1,
        "data": { "documents": ["a", "b"] }, "more": 1,
    });
    is_received(&tenant.post(&rest, &first), true, "pending");
    let before = picture(&server, &tenant.slug);
    let anew = format!(
        "{{ \"more\" : 1,\n \"data\":{{\"documents\":[\"a\" , \"\\u0062\"]}}, \"level\":1, \
         \"player_external_id\":\"p-\\u00e4\", \"ts\":\"{ts}\", \"event_id\":\"e-1\", \"event\":\"kyc.submitted\" }}"
    );
    for again in [first.to_string(), anew] {
        is_received(&tenant.post_bytes(&rest, again.as_bytes()), false, "pending");
    }
    assert_eq!(picture(&server, &tenant.slug), before);
}

#[test]
fn another_body_under_a_known_id_is_recorded_once_and_never_applied() {
    let server = server();
    let tenant = platform_owns(&server, "wh-conflict");
    let rest = platform(&server);
    let first = event("submitted", "e-1", now(), "p-1", 1);
    is_received(&tenant.post(&rest, &first), true, "pending");
    let shown = |server: &Server| (profiles(server, &tenant.slug), history(server, &tenant.slug));
    let before = shown(&server);
    let received = |server: &Server| {
        let rest = server.rest(&server.manager());
        let path = format!("/manager/kyc/audit?brand={}&action=webhook.received", tenant.slug);
        rest.get(&path).ok()["rows"].as_array().expect("rows").clone()
    };
    let others = [
        overlaid(first.clone(), json!({ "level": 2 })),
        overlaid(first.clone(), json!({ "more": true })),
        overlaid(first.clone(), json!({ "player_external_id": "p-2" })),
    ];
    for (place, other) in others.iter().enumerate() {
        for _ in 0..3 {
            is_refused(&tenant.post(&rest, other), 409, "CONFLICT");
            assert_eq!(received(&server).len(), place + 2, "one row for each content");
        }
        assert_eq!(received(&server)[0]["body"], *other, "as it came");
        assert_eq!(shown(&server), before, "players and history stay as they were");
    }
    is_received(&tenant.post(&rest, &first), false, "pending");
}

#[test]
fn two_tenants_may_use_the_same_id() {
    let server = server();
    let rest = platform(&server);
    for slug in ["wh-ids-one", "wh-ids-two"] {
        let tenant = platform_owns(&server, slug);
        is_received(
            &tenant.post(&rest, &event("submitted", "e-1", now(), "p-1", 1)),
            true,
            "pending",
        );
        assert_eq!(history(&server, slug).len(), 1);
    }
}

/// Posts all at once, each over a connection of its own.
fn post_at_once(server: &Server, tenant: &Tenant, bodies: &[Value]) -> Vec<Answer> {
    let barrier = std::sync::Barrier::new(bodies.len());
    let post = |body: &Value| {
        let rest = platform(server);
        barrier.wait();
        tenant.post(&rest, body)
    };
    thread::scope(|scope| {
        let posting: Vec<_> = bodies.iter().map(|body| scope.spawn(|| post(body))).collect();
        posting
            .into_iter()
            .map(|posted| posted.join().expect("an answer"))
            .collect()
    })
}

#[test]
fn one_event_that_comes_many_times_at_once_is_applied_once() {
    let server = server();
    let tenant = platform_owns(&server, "wh-once");
    tenant
        .post(&platform(&server), &event("submitted", "e-0", now(), "p-1", 1))
        .ok();
    let body = event("submitted", "e-1", now(), "p-1", 1);
    let answers = post_at_once(&server, &tenant, &vec![body; AT_ONCE]);
    let applied = answers.iter().filter(|answer| answer.ok()["applied"] == true).count();
    assert_eq!(applied, 1);
    assert!(answers.iter().all(|answer| answer.ok()["new_status"] == "pending"));
    assert_eq!(history(&server, &tenant.slug).len(), 2);
}

#[test]
fn the_first_event_of_an_unknown_player_that_comes_many_times_at_once_makes_one_player() {
    let server = server();
    for player in ["p-new", "77"] {
        let tenant = platform_owns(&server, &format!("wh-first-{player}"));
        let body = event("submitted", "e-1", now(), player, 1);
        let answers = post_at_once(&server, &tenant, &vec![body; AT_ONCE]);
        let applied = answers.iter().filter(|answer| answer.ok()["applied"] == true).count();
        assert_eq!(applied, 1);
        assert!(answers.iter().all(|answer| answer.ok()["new_status"] == "pending"));
        let profiles = profiles(&server, &tenant.slug);
        assert_eq!(profiles.len(), 1, "{profiles:?}");
        assert_eq!(profiles[0]["external_id"], player);
        assert_eq!(history(&server, &tenant.slug).len(), 1);
    }
}

#[test]
fn of_many_bodies_under_one_id_at_once_one_is_applied_and_the_others_are_told() {
    let server = server();
    let tenant = platform_owns(&server, "wh-one-id");
    let body = |place: usize| event("submitted", "e-1", now(), &format!("p-{place}"), 1);
    let bodies: Vec<Value> = (0..AT_ONCE).map(body).collect();
    let answers = post_at_once(&server, &tenant, &bodies);
    let (taken, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(taken.len(), 1);
    is_received(taken[0], true, "pending");
    for answer in refused {
        is_refused(answer, 409, "CONFLICT");
    }
    assert_eq!(history(&server, &tenant.slug).len(), 1, "one player, one entry");
}

#[test]
fn different_events_of_one_player_at_once_all_land() {
    let server = server();
    let tenant = platform_owns(&server, "wh-all");
    let ts = now();
    tenant
        .post(&platform(&server), &event("submitted", "e", ts, "p-1", 1))
        .ok();
    let body = |place: usize| event("submitted", &format!("e-{place}"), ts, "p-1", 1);
    let bodies: Vec<Value> = (0..AT_ONCE).map(body).collect();
    for answer in post_at_once(&server, &tenant, &bodies) {
        is_received(&answer, true, "pending");
    }
    let landed = history(&server, &tenant.slug);
    let ids: BTreeSet<&str> = landed.iter().map(|entry| entry["event_id"].as_str().unwrap()).collect();
    assert_eq!((landed.len(), ids.len()), (AT_ONCE + 1, AT_ONCE + 1));
}

#[test]
fn what_was_answered_outlives_a_power_cut() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let mut server = Server::start_in(&data_dir, &[]);
    let tenant = platform_owns(&server, "wh-power");
    let mut sent = Vec::new();
    for round in 0..4 {
        for place in 0..5 {
            let body = event("submitted", &format!("e-{round}-{place}"), now(), "p-1", 1);
            is_received(&tenant.post(&platform(&server), &body), true, "pending");
            sent.push(body);
        }
        server.kill();
        server = Server::start_in(&data_dir, &[]);
        assert_eq!(history(&server, &tenant.slug).len(), sent.len());
        for body in &sent {
            is_received(&tenant.post(&platform(&server), body), false, "pending");
        }
    }
}

#[test]
fn the_history_tells_what_came_and_what_it_did() {
    let server = server();
    let tenant = platform_owns(&server, "wh-history");
    let rest = platform(&server);
    let ts = now() - 1_000;
    let approved = overlaid(
        event("approved", "e-2", ts + 100, "p-1", 1),
        json!({ "data": { "expires_at": rfc3339(ts + 900_000), "by": "liveness" }, "trace": { "id": 7 } }),
    );
    is_received(&tenant.post(&rest, &approved), false, "none");
    is_received(
        &tenant.post(&rest, &event("submitted", "e-1", ts, "p-1", 1)),
        true,
        "verified",
    );
    let rejected = overlaid(
        event("rejected", "e-3", ts + 50, "p-1", 1),
        json!({ "data": { "reason": "BLURRED" } }),
    );
    is_received(&tenant.post(&rest, &rejected), true, "rejected");
    let history = history(&server, &tenant.slug);
    let told = |entry: &Value, name: &str| entry[name].clone();
    let lines: Vec<_> = history
        .iter()
        .map(|entry| ["event", "event_id", "level", "from", "to", "applied"].map(|name| told(entry, name)))
        .collect();
    assert_eq!(
        json!(lines),
        json!([
            ["kyc.approved", "e-2", 1, "none", "none", false],
            ["kyc.submitted", "e-1", 1, "none", "verified", true],
            ["kyc.rejected", "e-3", 1, "verified", "rejected", true],
        ])
    );
    assert!(history.iter().all(|entry| entry["source"] == "webhook"), "{history:?}");
    assert!(
        history.iter().all(|entry| entry["id"].is_i64() && entry["at"].is_i64()),
        "{history:?}"
    );
    assert_eq!(
        json!(history.iter().map(|entry| &entry["ts"]).collect::<Vec<_>>()),
        json!([ts + 100, ts, ts + 50])
    );
    assert_eq!(history[1]["also_effective"], json!(["e-2"]));
    assert_eq!(history[2]["no_longer_effective"], json!(["e-2"]));
    for (entry, name) in [
        (0, "also_effective"),
        (0, "no_longer_effective"),
        (1, "no_longer_effective"),
    ] {
        assert_eq!(history[entry].get(name), None, "{}", history[entry]);
    }
    assert_eq!(history[2]["reason"], "BLURRED");
    assert_eq!(history[0]["data"]["by"], "liveness");
    let kept = history[0]["data"].to_string();
    assert!(
        kept.contains("\"trace\":{\"id\":7}"),
        "unknown members are kept: {kept}"
    );
    let profile = &profiles(&server, &tenant.slug)[0];
    let manager = server.rest(&server.manager());
    let shown = manager.get(&format!("/manager/kyc/profiles/{}", profile["id"])).ok();
    let newest_first: Vec<Value> = history.iter().rev().cloned().collect();
    assert_eq!(shown["customer"]["kyc_history"], json!(newest_first));
    assert_eq!(shown["customer"]["kyc_last_event_at"], ts + 100);
}

#[test]
fn subscribers_hear_of_a_webhook() {
    let server = server();
    let tenant = platform_owns(&server, "wh-heard");
    let mut tcp = server.tcp(&server.manager());
    let channel = json!({ "chanels": [format!("kyc:{}", tenant.slug)] });
    assert_eq!(tcp.call("Subscribe", &channel)["data"], json!({ "accepted": true }));
    let body = overlaid(
        event("submitted", "e-1", now(), "p-1", 1),
        json!({ "data": { "documents": ["a-secret-name"] } }),
    );
    tenant.post(&platform(&server), &body).ok();
    let mut heard = Vec::new();
    while heard
        .last()
        .is_none_or(|event: &Value| event["data"]["action"] != "profile.recalculated")
    {
        heard.push(tcp.read());
    }
    let actions: Vec<&str> = heard
        .iter()
        .map(|event| event["data"]["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["profile.created", "webhook.received", "profile.recalculated"]);
    let profile = &profiles(&server, &tenant.slug)[0];
    for event in &heard {
        assert_eq!(event["event"], "kyc:event");
        assert_eq!(event["data"]["brand"], tenant.slug);
        assert_eq!(event["data"]["kyc_id"], profile["id"]);
        assert_eq!(event["data"]["status"], 2, "pending");
        assert!(!event.to_string().contains("a-secret-name"), "{event}");
    }
}

#[test]
fn one_address_is_held_to_its_rate_before_anything_is_verified() {
    let server = Server::start(&["--webhook-source-rate", "1"]);
    let tenant = platform_owns(&server, "wh-source");
    let rest = platform(&server);
    // It refills while this runs, but no faster than it is asked.
    let answers = std::iter::repeat_with(|| post_signed(&rest, &tenant.slug, "0", "00", b"{"));
    let limited = answers.take(500).find(|answer| answer.status != 401).expect("a limit");
    is_refused(&limited, 429, "RATE_LIMITED");
    assert_eq!(limited.headers["retry-after"], "1");
    is_refused(&post_signed(&rest, "wh-nobody", "0", "00", b"{"), 404, "NOT_FOUND");
    assert_eq!(profiles(&server, &tenant.slug), Vec::<Value>::new());
}

#[test]
fn a_tenant_is_held_to_its_own_rate() {
    let server = server();
    let tenant = tenant(
        &server,
        "wh-rate",
        "platform_owns",
        json!({ "webhook_rate": 1, "webhook_burst": 1 }),
    );
    let other = platform_owns(&server, "wh-rate-other");
    let rest = platform(&server);
    let limited = std::iter::repeat_with(|| tenant.post_bytes(&rest, b"{"));
    let limited = limited.take(500).find(|answer| answer.status != 422).expect("a limit");
    is_refused(&limited, 429, "RATE_LIMITED");
    assert_eq!(limited.headers["retry-after"], "1");
    let free = approval_until("e-1", now(), "p-1", 1, now() + 900);
    is_received(&other.post(&rest, &free), false, "none");
}
