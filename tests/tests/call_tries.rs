//! How a call is tried: signed anew each time, judged by its answer, put off and given up by the schedule; and the
//! breaker of a platform that is out.

use std::collections::BTreeMap;

use kyc_core::time::Time;
use kyc_memory::answer;
use kyc_ports::outbound::OutboundAnswer;
use kyc_ports::store::{Claim, Postponed, Store, Which};
use kyc_tests::platform::{
    Reaction, Sent, Tenant, approve, attempts, deliveries, delivery, due_in, end_of, newest, posted, reacts,
    reacts_for, reject, required, send_all, tenant, tenant_of, text,
};
use kyc_tests::sim::{ADAM, BRAND, World, id_of, run, scenario};
use serde_json::{Value, json};

/// The customer of most scenarios.
const ADA: i64 = 7;
const HOUR: i64 = 3_600;
/// Pauses after the first, second, … try, in seconds, before jitter.
const PAUSES: [i64; 7] = [5, 300, 1_800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];

/// A scenario of a brand whose platform is told.
fn told(mut play: impl FnMut(&World, &Tenant)) {
    scenario(|world| {
        let tenant = tenant(world, "crm_owns");
        play(world, &tenant);
    });
}

/// Requires the same step of each of these players; gives their calls.
fn initiated(world: &World, players: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let require = |player| {
        world.require(player, "one");
        newest(world)
    };
    players.into_iter().map(require).collect()
}

fn sent_to(calls: &[Sent]) -> Vec<&str> {
    calls.iter().map(Sent::player).collect()
}

// Signatures and headers. (`sent` and `posted` check them of every call of every test.)

#[test]
fn every_try_is_signed_at_its_time_and_has_the_same_key() {
    told(|world, tenant| {
        required(world, ADA, "one", 1);
        reacts(world, Reaction::Status(503));
        let mut tries = Vec::new();
        for pause in [0, 6, 360] {
            world.advance(pause);
            world.tick();
            let sent = posted(world, &[tenant]);
            assert_eq!(sent.len(), 1);
            assert_eq!(sent[0].timestamp, world.now());
            tries.extend(sent);
        }
        let key = text(&delivery(world, newest(world))["idempotency_key"]);
        assert!(
            tries.iter().all(|call| call.key == key && call.body == tries[0].body),
            "{tries:?}"
        );
    });
}

#[test]
fn a_call_goes_to_the_tenants_address() {
    told(|world, _| {
        required(world, ADA, "one", 1);
        world.tick();
        let step = id_of(&world.profile(ADA)["steps"][0]["id"]);
        approve(world, step);
        world.tick();
        let requests = world.platform.take_requests();
        let urls: Vec<&str> = requests.iter().map(|request| request.url.as_str()).collect();
        assert_eq!(
            urls,
            [
                "https://acme.example/crm/v1/kyc/initiate",
                "https://acme.example/crm/v1/kyc/update"
            ]
        );
    });
}

#[test]
fn a_rotated_secret_signs_when_the_one_before_has_ended() {
    told(|world, old| {
        let rotate = |data: Value| {
            let mut data = data;
            (data["slug"], data["kind"]) = (json!(BRAND), json!("outbound"));
            let reply = world.ok_as(ADAM, "MngRotateTenantSecret", data);
            Tenant {
                secret: text(&reply["outbound_secret"]),
                ..old.clone()
            }
        };
        required(world, ADA, "one", 1);
        let new = rotate(json!({ "overlap_seconds": 60 }));
        world.tick();
        assert_eq!(
            posted(world, &[old]).len(),
            1,
            "the platform has time to install the new one"
        );
        world.advance(60);
        required(world, ADA, "two", 2);
        world.tick();
        assert_eq!(posted(world, &[&new]).len(), 1);
        required(world, ADA, "three", 3);
        let newest = rotate(json!({ "overlap_seconds": 0 }));
        world.tick();
        assert_eq!(
            posted(world, &[&newest]).len(),
            1,
            "a call that waits is signed with what holds when it is sent"
        );
    });
}

// What answers mean.

/// One call that is answered so: its status, code, message and `provider_ref` afterwards, and how often it was sent.
fn judged(given: &OutboundAnswer) -> (String, Value, Value, Value, usize) {
    let mut end = None;
    told(|world, tenant| {
        required(world, ADA, "one", 1);
        let given = given.clone();
        world.platform.answers(move |_| Ok(given.clone()));
        send_all(world);
        let row = delivery(world, newest(world));
        let member = |name: &str| row[name].clone();
        let tries = posted(world, &[tenant]).len();
        end = Some((
            text(&row["status"]),
            member("code"),
            member("message"),
            member("provider_ref"),
            tries,
        ));
    });
    end.unwrap()
}

#[test]
fn a_success_is_a_delivery_unless_it_says_no() {
    for (status, body, provider_ref) in [
        (200, r#"{"ok":true,"provider_ref":"p-1"}"#, json!("p-1")),
        (200, r#"{"ok":true}"#, Value::Null),
        (200, "{}", Value::Null),
        (201, r#"{"ok":true,"provider_ref":"p-2"}"#, json!("p-2")),
        (204, "", Value::Null),
        (200, "<html>It works!</html>", Value::Null),
        (200, "[false]", Value::Null),
    ] {
        let expected = ("delivered".to_owned(), Value::Null, Value::Null, provider_ref, 1);
        assert_eq!(judged(&answer(status, body)), expected, "{status} {body}");
    }
    for (status, body, code, message) in [
        (
            200,
            r#"{"ok":false,"code":"NO","message":"not here"}"#,
            "NO",
            json!("not here"),
        ),
        (202, r#"{"ok":false,"code":"NO"}"#, "NO", Value::Null),
    ] {
        let expected = ("refused".to_owned(), json!(code), message, Value::Null, 1);
        assert_eq!(judged(&answer(status, body)), expected, "{status} {body}");
    }
    assert_eq!(judged(&answer(200, r#"{"ok":false}"#)).0, "refused");
}

#[test]
fn what_trying_again_would_not_help_is_refused() {
    for status in [400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 423, 426, 431, 451] {
        let (end, code, _, _, tries) = judged(&answer(status, ""));
        assert_eq!(
            (end.as_str(), code, tries),
            ("refused", json!(format!("http_{status}")), 1),
            "{status}"
        );
    }
    let answered = judged(&answer(422, r#"{"error":{"code":"BAD","message":"bad level"}}"#));
    assert_eq!(answered.2, "bad level", "the platform's words are shown");
}

#[test]
fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let (end, code, _, _, tries) = judged(&answer(status, ""));
        assert_eq!(
            (end.as_str(), code, tries),
            ("refused", json!(format!("http_{status}")), 1),
            "{status}"
        );
    }
}

#[test]
fn what_may_pass_is_tried_again() {
    for status in [408, 425, 429, 500, 501, 502, 503, 504, 599] {
        let (end, code, _, _, tries) = judged(&answer(status, r#"{"ok":false,"code":"NO"}"#));
        assert_eq!((end.as_str(), code, tries), ("queued", Value::Null, 1), "{status}");
    }
    told(|world, _| {
        required(world, ADA, "one", 1);
        reacts(world, Reaction::Fails);
        send_all(world);
        let id = newest(world);
        assert_eq!((end_of(world, id).0.as_str(), attempts(world, id)), ("queued", 1));
        assert!((4..=6).contains(&due_in(world, id).unwrap()));
    });
}

#[test]
fn an_address_that_may_not_be_called_ends_the_call_at_once() {
    told(|world, tenant| {
        required(world, ADA, "one", 1);
        reacts(world, Reaction::Denied);
        send_all(world);
        let row = delivery(world, newest(world));
        assert_eq!(
            (&row["status"], &row["code"], &row["message"], &row["settled_time"]),
            (
                &json!("dead"),
                &json!("denied"),
                &json!("a private address"),
                &json!(world.now())
            )
        );
        assert_eq!(due_in(world, newest(world)), None);
        assert_eq!(posted(world, &[tenant]).len(), 1);
    });
}

#[test]
fn a_platforms_text_is_kept_in_one_line_of_bounded_length() {
    let long = format!(
        r#"{{"ok":false,"code":"NO","message":"a\nb\u0007{}"}}"#,
        "x".repeat(5_000)
    );
    let message = text(&judged(&answer(200, &long)).2);
    assert!(message.starts_with("abxxx") && message.len() <= 500, "{message}");
}

// When it is tried again.

/// A success for a player of its own, so that the failures of others are not in a row.
fn succeed_in_between(world: &World) {
    let step = id_of(&world.profile(5)["steps"][0]["id"]);
    reject(world, step, "FORGED");
    approve(world, step);
    world.tick();
    assert_eq!(end_of(world, newest(world)).0, "delivered");
}

/// How the tries of one failing call went.
#[derive(Debug, Default)]
struct Tries {
    pauses: Vec<i64>,
    end: String,
    age: i64,
}

/// Lets the calls of four players fail until all are given up, each tried exactly when it is due.
fn tried_until_dead(world: &World) -> BTreeMap<i64, Tries> {
    world.template("one", json!({ "step_type": 4 }));
    initiated(world, [5]);
    let ids = initiated(world, 1..=4);
    let start = world.now();
    reacts_for(world, &["1", "2", "3", "4"], Reaction::Fails);
    let mut tries: BTreeMap<i64, Tries> = ids.iter().map(|id| (*id, Tries::default())).collect();
    loop {
        world.tick();
        let waiting: BTreeMap<i64, (i64, Time)> = world
            .store
            .snapshot()
            .queue
            .iter()
            .map(|call| (call.delivery_id.0, (call.attempts, call.due_time)))
            .collect();
        let now = world.app.now();
        for (id, tries) in &mut tries {
            match waiting.get(id) {
                Some((attempts, due)) if *attempts as usize > tries.pauses.len() => tries.pauses.push(due.0 - now.0),
                None if tries.end.is_empty() => {
                    (tries.end, tries.age) = (end_of(world, *id).1, world.now() - start);
                    assert_eq!(end_of(world, *id).0, "dead");
                }
                _ => {}
            }
        }
        let Some(next) = waiting.values().map(|(_, due)| *due).min() else {
            return tries;
        };
        succeed_in_between(world);
        world.clock.set(next);
    }
}

#[test]
fn tries_follow_the_schedule_with_jitter_and_end() {
    told(|world, _| {
        let tries = tried_until_dead(world);
        for tries in tries.values() {
            for (pause, planned) in tries.pauses.iter().zip(PAUSES) {
                let bounds = planned * 800_000..=planned * 1_200_000;
                assert!(bounds.contains(pause), "{pause} is not {planned} s ± 20 %");
            }
            match tries.end.as_str() {
                "tried_out" => assert_eq!(tries.pauses.len(), 7, "after the eighth try: {tries:?}"),
                end => {
                    assert_eq!(end, "expired", "{tries:?}");
                    assert!(tries.age >= 30 * HOUR, "{tries:?}");
                }
            }
        }
        assert!(tries.values().any(|tries| tries.end == "tried_out"), "{tries:?}");
        let mut firsts: Vec<i64> = tries.values().map(|tries| tries.pauses[0]).collect();
        firsts.dedup();
        assert_eq!(firsts.len(), 4, "not all at the same moment: {firsts:?}");
    });
}

#[test]
fn a_wish_to_be_called_later_is_heard_up_to_ten_hours() {
    let by_schedule = 4..=6;
    let exactly = |seconds: i64| seconds..=seconds;
    for status in [408, 425, 429, 500, 503] {
        for (wish, expected) in [
            ("60", exactly(60)),
            ("36000", exactly(10 * HOUR)),
            ("36001", exactly(10 * HOUR)),
            ("99999999999999999999", exactly(10 * HOUR)),
            ("Fri, 15 Jan 2027 08:01:00 GMT", exactly(60)),
            ("Sat, 16 Jan 2027 08:00:00 GMT", exactly(10 * HOUR)),
            ("Fri, 15 Jan 2027 07:59:00 GMT", by_schedule.clone()),
            ("1", by_schedule.clone()),
            ("0", by_schedule.clone()),
            ("-60", by_schedule.clone()),
            ("soon", by_schedule.clone()),
        ] {
            told(|world, _| {
                assert_eq!(world.now(), 1_800_000_000, "the dates are those of this start");
                required(world, ADA, "one", 1);
                let given = OutboundAnswer {
                    retry_after: Some(wish.to_owned()),
                    ..answer(status, "")
                };
                world.platform.answers(move |_| Ok(given.clone()));
                world.tick();
                let due = due_in(world, newest(world)).unwrap();
                assert!(expected.contains(&due), "{status} {wish}: in {due} s");
            });
        }
    }
}

#[test]
fn a_call_is_not_tried_before_it_is_due() {
    told(|world, tenant| {
        required(world, ADA, "one", 1);
        let given = OutboundAnswer {
            retry_after: Some("60".to_owned()),
            ..answer(503, "")
        };
        world.platform.answers(move |_| Ok(given.clone()));
        world.tick();
        assert_eq!(posted(world, &[tenant]).len(), 1);
        world.advance(59);
        world.tick();
        assert_eq!(posted(world, &[tenant]), []);
        world.advance(1);
        world.tick();
        assert_eq!(posted(world, &[tenant]).len(), 1);
    });
}

#[test]
fn a_call_that_nobody_took_for_thirty_hours_is_dead() {
    told(|world, tenant| {
        required(world, ADA, "one", 1);
        let given = OutboundAnswer {
            retry_after: Some("36000".to_owned()),
            ..answer(503, "")
        };
        world.platform.answers(move |_| Ok(given.clone()));
        for _ in 0..3 {
            world.tick();
            world.advance(10 * HOUR - 1);
            world.tick();
            world.advance(1);
        }
        assert_eq!(posted(world, &[tenant]).len(), 3);
        let id = newest(world);
        assert_eq!(end_of(world, id).0, "queued", "until 30 hours are over");
        world.tick();
        assert_eq!(end_of(world, id), ("dead".to_owned(), "expired".to_owned()));
        assert_eq!(posted(world, &[tenant]), [], "it is not tried once more");
    });
}

// The breaker.

/// A failure with the wish to be called again in ten hours.
fn later(world: &World) {
    let given = OutboundAnswer {
        retry_after: Some("36000".to_owned()),
        ..answer(503, "")
    };
    world.platform.answers(move |_| Ok(given.clone()));
}

/// Six players whose platform is out for hours: their calls, once the breaker is open.
fn outage(world: &World, tenant: &Tenant) -> Vec<i64> {
    world.template("one", json!({ "step_type": 4 }));
    later(world);
    let ids = initiated(world, 1..=6);
    world.tick();
    assert_eq!(posted(world, &[tenant]).len(), 6);
    ids
}

#[test]
fn five_failures_in_a_row_stop_all_calls_but_one_a_minute() {
    told(|world, tenant| {
        let ids = outage(world, tenant);
        world.require(9, "one");
        world.advance(59);
        send_all(world);
        assert_eq!(posted(world, &[tenant]), [], "a new call waits with the others");
        for _ in 0..3 {
            world.advance(1);
            world.tick();
            assert_eq!(
                sent_to(&posted(world, &[tenant])),
                ["1"],
                "the oldest, which is not due for hours"
            );
            send_all(world);
            world.advance(59);
            send_all(world);
            assert_eq!(posted(world, &[tenant]), [], "one a minute");
        }
        assert!(
            ids.iter().all(|id| attempts(world, *id) == 1),
            "failed probes use up no attempt"
        );
    });
}

#[test]
fn one_success_makes_all_that_waits_due() {
    told(|world, tenant| {
        let ids = outage(world, tenant);
        world.require(9, "one");
        reacts(world, Reaction::Takes);
        world.advance(60);
        assert_eq!(world.tick().calls, 1);
        assert_eq!(end_of(world, ids[0]).0, "delivered");
        drop(posted(world, &[tenant]));
        world.tick();
        assert_eq!(
            sent_to(&posted(world, &[tenant])),
            ["2", "3", "4", "5", "6", "9"],
            "hours before their time"
        );
        assert!(deliveries(world).iter().all(|row| row["status"] == "delivered"));
    });
}

#[test]
fn the_failures_are_counted_over_all_calls_of_the_tenant() {
    told(|world, tenant| {
        required(world, 1, "one", 1);
        reacts(world, Reaction::Fails);
        for _ in 0..4 {
            world.tick();
            world.clock.set(world.store.snapshot().queue[0].due_time);
        }
        assert_eq!(posted(world, &[tenant]).len(), 4);
        world.require(2, "one");
        // Both fail, and the breaker is open: nothing goes until its minute is over.
        world.tick();
        assert_eq!(posted(world, &[tenant]).len(), 2);
        world.require(3, "one");
        send_all(world);
        assert_eq!(posted(world, &[tenant]), []);
        world.advance(60);
        send_all(world);
        assert_eq!(sent_to(&posted(world, &[tenant])), ["1"]);
    });
}

#[test]
fn the_try_that_gives_a_call_up_counts_as_a_failure() {
    told(|world, _| {
        required(world, 1, "one", 1);
        reacts(world, Reaction::Fails);
        world.tick();
        let call = world.store.snapshot().queue[0].clone();
        world.clock.set(call.due_time);
        let now = world.app.now();
        let claim = Claim {
            brand: call.brand.clone(),
            which: Which::Due,
            now,
            lease_until: now.plus_seconds(30),
            limit: 1,
        };
        let put_back = Postponed {
            delivery_id: call.delivery_id,
            brand: call.brand.clone(),
            lease_until: claim.lease_until,
            // As if it had been tried so often.
            attempts: 7,
            due_time: now,
            probe_time: now,
        };
        assert_eq!(run(world.store.claim_calls(claim)).unwrap().len(), 1);
        run(world.store.postpone_call(put_back)).unwrap();
        world.tick();
        assert_eq!(
            end_of(world, call.delivery_id.0),
            ("dead".to_owned(), "tried_out".to_owned())
        );
        let breaker = run(world.store.breaker(&call.brand)).unwrap();
        assert_eq!(breaker.map(|breaker| breaker.failures), Some(3));
    });
}

#[test]
fn a_call_that_cannot_be_given_up_holds_up_no_other() {
    told(|world, tenant| {
        world.template("one", json!({ "step_type": 4 }));
        later(world);
        initiated(world, [1]);
        world.tick();
        world.advance(30 * HOUR);
        drop(posted(world, &[tenant]));
        reacts(world, Reaction::Takes);
        initiated(world, [2]);
        world.breaks(&[1]);
        world.tick();
        assert_eq!(sent_to(&posted(world, &[tenant])), ["2"]);
        world.breaks(&[]);
        world.advance(31);
        world.tick();
        assert_eq!(deliveries(world)[0]["code"], "expired");
    });
}

#[test]
fn an_answer_in_between_breaks_the_row() {
    for reaction in [Reaction::Takes, Reaction::Refuses, Reaction::Status(400)] {
        told(|world, tenant| {
            world.template("one", json!({ "step_type": 4 }));
            for player in [1, 10] {
                reacts(world, Reaction::Fails);
                initiated(world, player..player + 4);
                world.tick();
                reacts(world, reaction);
                initiated(world, [player + 4]);
                world.tick();
                world.advance(1);
            }
            assert_eq!(posted(world, &[tenant]).len(), 10, "{reaction:?}");
            world.advance(6);
            world.tick();
            assert_eq!(posted(world, &[tenant]).len(), 8, "{reaction:?}: all that is due goes");
        });
    }
}

#[test]
fn one_tenants_outage_does_not_touch_anothers_calls() {
    scenario(|world| {
        let (out, well) = (tenant(world, "crm_owns"), tenant_of(world, "well", "crm_owns"));
        outage(world, &out);
        world.platform.answers(|request| {
            let is_out = request.url.starts_with("https://acme.");
            if is_out { Reaction::Fails } else { Reaction::Takes }.give()
        });
        world.ok(
            "MngAddKycStepTemplate",
            json!({ "brand": "well", "code": "one", "level": 1 }),
        );
        for player in 1..=8 {
            world.ok(
                "MngRequireKycStep",
                json!({ "customer_id": player, "brand": "well", "step_code": "one" }),
            );
        }
        world.tick();
        let sent = posted(world, &[&out, &well]);
        assert_eq!(sent.len(), 8, "in the same round");
        assert!(sent.iter().all(|call| call.slug == "well"));
        let list = world.ok("MngGetKycDeliveries", json!({ "brand": "well", "status": "delivered" }));
        assert_eq!(list["count"], 8);
    });
}

#[test]
fn at_another_address_all_that_waits_is_due() {
    told(|world, tenant| {
        outage(world, tenant);
        reacts(world, Reaction::Takes);
        let set = |data| world.ok_as(ADAM, "MngUpdateTenant", data);
        set(json!({ "slug": tenant.slug, "webhook_rate": 100 }));
        send_all(world);
        assert_eq!(posted(world, &[tenant]), [], "it is called where it is out");
        set(json!({ "slug": tenant.slug, "base_url": "https://new.example" }));
        world.tick();
        let calls = world.platform.take_requests();
        assert_eq!(calls.len(), 6);
        assert!(calls.iter().all(|call| call.url.starts_with("https://new.example/")));
    });
}

#[test]
fn a_call_is_dead_after_thirty_hours_with_an_open_breaker_too() {
    told(|world, tenant| {
        let ids = outage(world, tenant);
        world.advance(30 * HOUR - 1);
        world.tick();
        assert!(ids.iter().all(|id| end_of(world, *id).0 == "queued"));
        drop(posted(world, &[tenant]));
        world.advance(1);
        world.tick();
        for id in ids {
            assert_eq!(end_of(world, id), ("dead".to_owned(), "expired".to_owned()));
        }
        assert_eq!(posted(world, &[tenant]), []);
        // The breaker is still open: the next call is the next probe.
        world.require(9, "one");
        reacts(world, Reaction::Takes);
        world.advance(60);
        send_all(world);
        assert_eq!(sent_to(&posted(world, &[tenant])), ["9"]);
    });
}

#[test]
fn a_tenant_whose_address_changed_is_called_there_in_the_next_try() {
    told(|world, _| {
        required(world, ADA, "one", 1);
        reacts(world, Reaction::Fails);
        world.tick();
        world.ok_as(
            ADAM,
            "MngUpdateTenant",
            json!({ "slug": BRAND, "base_url": "https://new.example" }),
        );
        reacts(world, Reaction::Takes);
        world.advance(6);
        send_all(world);
        let urls: Vec<String> = world
            .platform
            .take_requests()
            .into_iter()
            .map(|request| request.url)
            .collect();
        assert_eq!(
            urls,
            [
                "https://acme.example/crm/v1/kyc/initiate",
                "https://new.example/v1/kyc/initiate"
            ]
        );
        assert_eq!(end_of(world, newest(world)).0, "delivered");
    });
}
