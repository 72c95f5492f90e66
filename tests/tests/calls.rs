//! Which change queues which call to a tenant's platform, with which body, and that it does so in the
//! same commit.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use kyc_tests::platform::{
    Reaction, Tenant, added, approve, assert_uuid, deliveries, end_of, lines, link, manual, newest, posted, reacts,
    reject, required, send_all, set_risk, skip, tenant, text, timeline,
};
use kyc_tests::sim::{ADAM, BRAND, DAY, MARY, World, assert_replay, id_of, overlaid, request, scenario};
use serde_json::{Value, json};

/// The customer of these scenarios.
const ADA: i64 = 7;

/// Nothing is added to the list of calls.
const NOTHING: [&str; 0] = [];

/// A scenario of a brand whose platform is told.
fn told(mut play: impl FnMut(&World, &Tenant)) {
    scenario(|world| {
        let tenant = tenant(world, "crm_owns");
        play(world, &tenant);
    });
}

fn require_again(world: &World, code: &str) {
    assert!(world.require(ADA, code) > 0);
}

fn approve_until(world: &World, step_id: i64, seconds: i64) {
    let end = world.now() + seconds;
    world.ok("MngApproveKycStep", json!({ "id": step_id, "expires_time": end }));
}

// Which change queues which call.

#[test]
fn the_bodies_have_exactly_the_contracts_members() {
    told(|world, tenant| {
        link(world, ADA, "casino/7 ü");
        let step = required(world, ADA, "selfie", 2);
        send_all(world);
        approve(world, step);
        send_all(world);
        reject(world, step, "FORGED");
        send_all(world);
        let bodies: Vec<Value> = posted(world, &[tenant]).into_iter().map(|call| call.body).collect();
        let of_all = json!({ "tenant_id": tenant.id, "player_external_id": "casino/7 ü", "level": 2 });
        let expected = [
            json!({ "requirements": ["selfie"] }),
            json!({ "status": "verified", "reason": "approved" }),
            json!({ "status": "rejected", "reason": "FORGED" }),
        ];
        assert_eq!(bodies, expected.map(|more| overlaid(of_all.clone(), more)));
        let shown: Vec<Value> = deliveries(world).iter().map(|row| row["body"].clone()).collect();
        assert_eq!(shown, bodies, "managers see what was sent");
    });
}

#[test]
fn an_unlinked_customer_is_known_by_the_number() {
    told(|world, _| {
        required(world, ADA, "selfie", 1);
        let row = &deliveries(world)[0];
        assert_eq!(
            (
                text(&row["player_external_id"]),
                text(&row["body"]["player_external_id"])
            ),
            ("7".into(), "7".into())
        );
        assert_uuid(row["idempotency_key"].as_str().unwrap());
    });
}

#[test]
fn an_initiate_asks_for_the_documents_or_else_for_the_step() {
    for (requirements, wanted) in [
        (json!({ "documents": ["passport", "id_card"] }), "passport+id_card"),
        (json!({ "all_documents": ["bill", "selfie"] }), "bill+selfie"),
        (
            json!({ "documents": ["passport"], "all_documents": ["bill"] }),
            "passport+bill",
        ),
        (json!({ "documents": [], "valid_days": 30 }), "identity"),
        (json!({}), "identity"),
    ] {
        told(|world, _| {
            world.template("identity", json!({ "requirements": requirements }));
            let queued = added(world, || require_again(world, "identity"));
            assert_eq!(queued, [format!("initiate 1 {wanted}: queued")]);
        });
    }
}

#[test]
fn a_required_level_makes_one_initiate_for_each_level_that_got_steps() {
    told(|world, _| {
        world.template(
            "passport",
            json!({ "requirements": { "documents": ["passport", "id_card"] } }),
        );
        world.template(
            "address",
            json!({ "requirements": { "all_documents": ["bill", "passport"] } }),
        );
        manual(world, "funds", 3);
        manual(world, "interview", 4);
        let queued = added(world, || {
            world.set_level(ADA, 3);
        });
        assert_eq!(
            queued,
            ["initiate 1 passport+id_card+bill: queued", "initiate 3 funds: queued"],
            "each type once"
        );
        assert_eq!(
            added(world, || {
                world.set_level(ADA, 3);
            }),
            NOTHING
        );
        assert_eq!(
            added(world, || {
                world.set_level(ADA, 4);
            }),
            ["initiate 4 interview: queued"]
        );
    });
}

#[test]
fn an_initiate_asks_only_for_what_is_open() {
    told(|world, _| {
        let first = required(world, ADA, "one", 1);
        approve(world, first);
        let queued = added(world, || {
            required(world, ADA, "two", 1);
        });
        assert_eq!(queued, ["initiate 1 two: queued"]);
    });
}

#[test]
fn requiring_a_step_that_is_there_tells_nobody() {
    told(|world, _| {
        let step = required(world, ADA, "one", 1);
        assert_eq!(added(world, || require_again(world, "one")), NOTHING, "required");
        approve(world, step);
        assert_eq!(added(world, || require_again(world, "one")), NOTHING, "approved");
    });
}

#[test]
fn a_step_that_is_opened_again_is_asked_for_again() {
    told(|world, _| {
        let step = required(world, ADA, "one", 1);
        reject(world, step, "BLURRED");
        assert_eq!(added(world, || require_again(world, "one")), ["initiate 1 one: queued"]);
        skip(world, step);
        assert_eq!(
            added(world, || require_again(world, "one")),
            ["initiate 1 one: queued"],
            "after it was skipped"
        );
        approve_until(world, step, 60);
        world.advance(60);
        let queued = added(world, || require_again(world, "one"));
        assert_eq!(
            queued,
            ["update 1 rejected expired: queued", "initiate 1 one: queued"],
            "what has lapsed comes first"
        );
    });
}

#[test]
fn a_level_is_verified_when_its_last_counting_step_is_approved() {
    told(|world, _| {
        let (one, two) = (required(world, ADA, "one", 1), required(world, ADA, "two", 1));
        let other = required(world, ADA, "other", 2);
        assert_eq!(added(world, || approve(world, one)), NOTHING);
        assert_eq!(
            added(world, || approve(world, other)),
            ["update 2 verified approved: queued"]
        );
        assert_eq!(
            added(world, || approve(world, two)),
            ["update 1 verified approved: queued"]
        );
        assert_eq!(added(world, || approve(world, two)), NOTHING, "a repeated approval");
    });
}

#[test]
fn skipping_the_last_open_step_verifies_the_level() {
    told(|world, _| {
        let (one, two) = (required(world, ADA, "one", 1), required(world, ADA, "two", 1));
        approve(world, one);
        assert_eq!(
            added(world, || skip(world, two)),
            ["update 1 verified approved: queued"]
        );
    });
}

#[test]
fn a_level_whose_steps_are_all_skipped_is_not_verified() {
    told(|world, _| {
        let step = required(world, ADA, "one", 1);
        assert_eq!(added(world, || skip(world, step)), NOTHING);
        assert_eq!(lines(world), ["initiate 1 one: queued"]);
    });
}

#[test]
fn a_submission_tells_nobody() {
    told(|world, _| {
        world.template("form", json!({ "step_type": 1 }));
        let step = world.require(ADA, "form");
        let submit = || drop(world.ok("MngSubmitKycStep", json!({ "id": step, "answers": {} })));
        assert_eq!(added(world, submit), NOTHING);
        assert_eq!(
            added(world, || approve(world, step)),
            ["update 1 verified approved: queued"]
        );
    });
}

#[test]
fn a_rejection_and_a_revocation_are_told_with_their_reason() {
    told(|world, _| {
        let (one, two) = (required(world, ADA, "one", 1), required(world, ADA, "two", 2));
        assert_eq!(
            added(world, || reject(world, one, "BLURRED")),
            ["update 1 rejected BLURRED: queued"]
        );
        assert_eq!(
            added(world, || reject(world, one, "BLURRED")),
            NOTHING,
            "a repeated rejection"
        );
        approve(world, two);
        assert_eq!(
            added(world, || reject(world, two, "FORGED")),
            ["update 2 rejected FORGED: queued"],
            "an approval revoked"
        );
        assert_eq!(
            added(world, || approve(world, two)),
            ["update 2 verified approved: queued"]
        );
    });
}

#[test]
fn a_verified_level_whose_step_lapses_is_told_as_rejected() {
    told(|world, _| {
        let (one, two) = (required(world, ADA, "one", 1), required(world, ADA, "two", 1));
        let other = required(world, ADA, "other", 2);
        approve_until(world, one, 60);
        approve_until(world, two, 60);
        approve(world, other);
        world.advance(59);
        assert_eq!(added(world, || send_all(world)), NOTHING, "not before it is due");
        world.advance(1);
        assert_eq!(
            added(world, || {
                world.tick();
            }),
            ["update 1 rejected expired: delivered"],
            "once for both steps"
        );
        approve(world, one);
        assert_eq!(
            added(world, || approve(world, two)),
            ["update 1 verified approved: queued"]
        );
    });
}

#[test]
fn a_step_that_lapses_in_a_level_that_was_never_verified_tells_nobody() {
    told(|world, _| {
        let one = required(world, ADA, "one", 1);
        required(world, ADA, "two", 1);
        approve_until(world, one, 60);
        world.advance(60);
        assert_eq!(added(world, || send_all(world)), NOTHING);
    });
}

#[test]
fn a_prohibited_customer_is_told_for_each_level_that_was_last_told_as_verified() {
    told(|world, _| {
        let (one, two) = (required(world, ADA, "one", 1), required(world, ADA, "two", 2));
        let three = required(world, ADA, "three", 3);
        approve(world, one);
        approve(world, two);
        send_all(world);
        reject(world, two, "FORGED");
        approve(world, required(world, ADA, "four", 4));
        assert_eq!(
            added(world, || set_risk(world, ADA, 4)),
            [
                "update 1 rejected risk_prohibited: queued",
                "update 4 rejected risk_prohibited: queued"
            ],
            "what was told and what was about to be; not level 2, which was rejected, and not level 3"
        );
        assert_eq!(added(world, || set_risk(world, ADA, 4)), NOTHING, "a repeated verdict");
        assert_eq!(
            added(world, || approve(world, three)),
            NOTHING,
            "approved while prohibited"
        );
        assert_eq!(
            added(world, || set_risk(world, ADA, 2)),
            [
                "update 1 verified risk_lifted: queued",
                "update 3 verified risk_lifted: queued",
                "update 4 verified risk_lifted: queued"
            ]
        );
        assert_eq!(added(world, || set_risk(world, ADA, 1)), NOTHING);
    });
}

#[test]
fn a_level_that_lapses_while_the_customer_is_prohibited_is_not_verified_again() {
    told(|world, _| {
        let step = required(world, ADA, "one", 1);
        approve_until(world, step, 60);
        set_risk(world, ADA, 4);
        world.advance(60);
        assert_eq!(
            added(world, || send_all(world)),
            NOTHING,
            "it was told as rejected already"
        );
        assert_eq!(added(world, || set_risk(world, ADA, 1)), NOTHING);
    });
}

#[test]
fn only_models_that_call_out_queue_calls() {
    for (model, calls) in [(None, 0), (Some("crm_owns"), 2), (Some("dual"), 2)] {
        scenario(|world| {
            model.inspect(|model| drop(tenant(world, model)));
            let step = required(world, ADA, "one", 1);
            approve(world, step);
            assert_eq!(deliveries(world).len(), calls, "{model:?}");
            let queue = world.store.snapshot().queue.len();
            assert_eq!(queue > 0, calls > 0, "{model:?}");
            send_all(world);
            assert_eq!(world.platform.take_requests().is_empty(), calls == 0, "{model:?}");
        });
    }
    for model in ["platform_owns", "none"] {
        scenario(|world| {
            world.template("one", json!({ "step_type": 4 }));
            tenant(world, model);
            let data = json!({ "customer_id": ADA, "brand": BRAND, "step_code": "one" });
            assert_eq!(world.refused("MngRequireKycStep", data).status, 403, "{model}");
            assert!(world.store.snapshot().deliveries.is_empty());
            send_all(world);
            assert!(world.platform.take_requests().is_empty());
        });
    }
}

#[test]
fn a_customer_whose_number_is_anothers_id_cannot_be_told_until_linked() {
    told(|world, tenant| {
        link(world, 8, "7");
        let step = required(world, ADA, "one", 1);
        assert_eq!(lines(world), ["initiate 1 one: refused"]);
        let row = &deliveries(world)[0];
        assert_eq!(row["player_external_id"], Value::Null);
        assert_eq!(
            (&row["code"], &row["settled_time"]),
            (&json!("no_external_id"), &row["queued_time"])
        );
        assert!(world.store.snapshot().queue.is_empty());
        let told = timeline(world, ADA);
        assert_eq!(
            (told[0].0.as_str(), &told[0].2),
            ("outbound.refused", &json!("no_external_id"))
        );
        link(world, ADA, "ada");
        approve(world, step);
        send_all(world);
        let sent = posted(world, &[tenant]);
        assert_eq!(sent.len(), 1);
        assert_eq!(
            (sent[0].player(), sent[0].line()),
            ("ada", "update 1 verified approved".to_owned())
        );
    });
}

// The row and its cause are one commit.

#[test]
fn a_refused_command_queues_nothing() {
    told(|world, _| {
        let step = required(world, ADA, "one", 1);
        // `refused` compares all that is stored, calls and queue included.
        world
            .refused("MngApproveKycStep", json!({ "id": step, "expected_version": 9 }))
            .is(409, "STALE");
        world
            .refused("MngApproveKycStep", json!({ "id": step, "expires_time": 1 }))
            .is(400, "INVALID_DATA");
        assert_eq!(deliveries(world).len(), 1);
    });
}

#[test]
fn a_repeated_request_with_its_key_queues_once() {
    told(|world, _| {
        manual(world, "one", 1);
        let data = json!({ "customer_id": ADA, "brand": BRAND, "step_code": "one" });
        for _ in 0..2 {
            world
                .request(MARY, Some("key-1"), "MngRequireKycStep", data.clone())
                .unwrap();
        }
        assert_eq!(lines(world), ["initiate 1 one: queued"]);
    });
}

#[test]
fn commands_that_meet_queue_each_call_once() {
    // Every schedule of two processes over the first turns, then one after the other.
    for schedule in 0..64_usize {
        let turns: Vec<usize> = (0..24).map(|turn| (schedule >> (turn % 6)) & 1).collect();
        told(|world, _| {
            let step = required(world, ADA, "one", 1);
            let approve = || request(MARY, None, "MngApproveKycStep", json!({ "id": step }));
            let replies = world.race(vec![approve(), approve()], &turns);
            assert!(replies.iter().all(Result::is_ok), "{replies:?}");
            assert_eq!(
                lines(world),
                ["initiate 1 one: superseded", "update 1 verified approved: queued"]
            );
            assert_eq!(world.store.snapshot().queue.len(), 1);
        });
    }
}

#[test]
fn a_command_that_is_decided_again_after_a_conflict_queues_once() {
    for schedule in 0..64_usize {
        let turns: Vec<usize> = (0..24).map(|turn| (schedule >> (turn % 6)) & 1).collect();
        told(|world, _| {
            let step = required(world, ADA, "one", 1);
            manual(world, "two", 2);
            let approve = request(MARY, None, "MngApproveKycStep", json!({ "id": step }));
            let data = json!({ "customer_id": ADA, "brand": BRAND, "step_code": "two" });
            let require = request(MARY, None, "MngRequireKycStep", data);
            let replies = world.race(vec![approve, require], &turns);
            assert!(replies.iter().all(Result::is_ok), "{replies:?}");
            let mut queued = lines(world).split_off(1);
            queued.sort();
            assert_eq!(queued, ["initiate 2 two: queued", "update 1 verified approved: queued"]);
            assert_eq!(world.store.snapshot().queue.len(), 2);
        });
    }
}

#[test]
fn a_process_that_ends_in_between_leaves_the_change_with_its_call_or_neither() {
    let mut seen = [false; 2];
    for polls in 1..200 {
        let world = World::new();
        tenant(&world, "crm_owns");
        let step = required(&world, ADA, "one", 1);
        let ended = {
            let call = request(MARY, None, "MngApproveKycStep", json!({ "id": step }));
            let mut call = pin!(world.app.call(call));
            let mut context = Context::from_waker(Waker::noop());
            (0..polls).any(|_| matches!(call.as_mut().poll(&mut context), Poll::Ready(_)))
        };
        let is_approved = world.step_status(step) == 2;
        let expected: &[&str] = if is_approved {
            &["initiate 1 one: superseded", "update 1 verified approved: queued"]
        } else {
            &["initiate 1 one: queued"]
        };
        assert_eq!(lines(&world), expected, "ended after {polls} turns");
        let queue = world.store.snapshot().queue;
        let waiting: Vec<i64> = queue.iter().map(|call| call.delivery_id.0).collect();
        assert_eq!(waiting, [newest(&world)], "ended after {polls} turns");
        assert_replay(&world);
        seen[usize::from(is_approved)] = true;
        if ended {
            break;
        }
    }
    assert_eq!(seen, [true, true], "it ended before its commit, and after it");
}

#[test]
fn the_change_stands_whatever_the_platform_answers() {
    use Reaction::{Denied, Fails, Refuses, Status, Takes};
    for (reaction, end) in [
        (Takes, "delivered"),
        (Refuses, "refused"),
        (Status(422), "refused"),
        (Status(503), "queued"),
        (Fails, "queued"),
        (Denied, "dead"),
    ] {
        told(|world, _| {
            reacts(world, reaction);
            let step = required(world, ADA, "one", 1);
            world.set_level(ADA, 1);
            approve(world, step);
            let before = world.profile(ADA);
            send_all(world);
            let after = world.profile(ADA);
            assert_eq!(end_of(world, newest(world)).0, end);
            assert_eq!(
                (&after["profile"], &after["steps"]),
                (&before["profile"], &before["steps"])
            );
            assert_eq!(after["customer"]["kyc_status"], "verified");
            assert_eq!(after["profile"]["status"], 3);
        });
    }
}

// What the timeline shows.

#[test]
fn the_timeline_shows_each_call_from_its_cause_to_its_end() {
    told(|world, _| {
        let step = required(world, ADA, "one", 1);
        approve(world, step);
        reacts(world, Reaction::Takes);
        send_all(world);
        reject(world, step, "FORGED");
        reacts(world, Reaction::Refuses);
        send_all(world);
        require_again(world, "one");
        reacts(world, Reaction::Denied);
        send_all(world);
        let data = |id: i64, call: &str, more: Value| overlaid(json!({ "delivery_id": id, "call": call }), more);
        let ids: Vec<i64> = deliveries(world).iter().map(|row| id_of(&row["id"])).collect();
        let [first, second, third, fourth] = ids[..] else {
            panic!("four calls: {ids:?}")
        };
        let verified = json!({ "status": "verified" });
        let rejected = json!({ "status": "rejected" });
        let expected = [
            ("queued", Value::Null, data(first, "initiate", json!({}))),
            ("superseded", Value::Null, data(first, "initiate", json!({}))),
            ("queued", Value::Null, data(second, "update", verified.clone())),
            (
                "delivered",
                Value::Null,
                data(
                    second,
                    "update",
                    overlaid(verified, json!({ "provider_ref": "case-1" })),
                ),
            ),
            ("queued", Value::Null, data(third, "update", rejected.clone())),
            (
                "refused",
                json!("UNKNOWN_PLAYER"),
                data(third, "update", overlaid(rejected, json!({ "message": "nobody here" }))),
            ),
            ("queued", Value::Null, data(fourth, "initiate", json!({}))),
            (
                "dead",
                json!("denied"),
                data(fourth, "initiate", json!({ "message": "a private address" })),
            ),
        ];
        let expected = expected.map(|(event, reason, data)| (format!("outbound.{event}"), 1, reason, data));
        assert_eq!(timeline(world, ADA), expected);
        let history = world.profile(ADA)["customer"]["kyc_history"].clone();
        let entries = history.as_array().unwrap().iter();
        let mut of_calls = entries.filter(|entry| text(&entry["event"]).starts_with("outbound."));
        assert!(of_calls.all(|entry| entry["source"] == "outbound" && entry["applied"] == true));
    });
}

#[test]
fn the_end_of_a_call_is_no_step_of_the_verification() {
    told(|world, _| {
        let step = required(world, ADA, "one", 1);
        approve(world, step);
        let before = world.profile(ADA)["customer"].clone();
        world.advance(DAY / 2);
        send_all(world);
        let after = world.profile(ADA)["customer"].clone();
        assert_eq!(after["kyc_last_event_at"], before["kyc_last_event_at"]);
        let newest = &after["kyc_history"][0];
        assert_eq!(newest["event"], "outbound.delivered");
        assert_eq!(
            (&newest["from"], &newest["to"]),
            (&after["kyc_status"], &after["kyc_status"])
        );
    });
}

#[test]
fn the_audit_has_a_row_for_each_call_in_the_customers_stream() {
    told(|world, _| {
        let rows = world.rows_of(|| {
            required(world, ADA, "one", 1);
        });
        let queued = rows.iter().find(|row| row.action == "outbound.queued").expect("a row");
        let cause = rows
            .iter()
            .find(|row| row.action == "step.required")
            .expect("its cause");
        assert_eq!(queued.customer_id, cause.customer_id);
        assert_eq!(queued.created_time, cause.created_time);
        let rows = world.rows_of(|| {
            world.tick();
        });
        let actions: Vec<&str> = rows.iter().map(|row| row.action.as_str()).collect();
        assert_eq!(actions, ["outbound.delivered"]);
        let shown = world.ok_as(
            ADAM,
            "MngGetKycAudit",
            json!({ "brand": BRAND, "action": "outbound.delivered" }),
        );
        assert_eq!(shown["count"], 1);
    });
}
