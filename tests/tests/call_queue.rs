//! What becomes of waiting calls: which newer ones make them needless, in which order they go, what a process that
//! ends in between leaves, what a tenant's end does to them; and how managers see and replay them.

use std::pin::Pin;
use std::task::{Context, Waker};

use kyc_core::outbound::QueuedCall;
use kyc_tests::platform::{
    Reaction, Sent, Tenant, approve, attempts, deliveries, delivery, end_of, lines, newest, posted, reacts, reacts_for,
    reject, required, send_all, tenant, tenant_of, text, timeline,
};
use kyc_tests::sim::{ADAM, BRAND, MARY, World, customer, id_of, request, run, scenario};
use serde_json::{Value, json};

/// The customer of most scenarios.
const ADA: i64 = 7;

/// Nothing was sent.
const NOTHING: [&str; 0] = [];

/// A scenario of a brand whose platform is told.
fn told(mut play: impl FnMut(&World, &Tenant)) {
    scenario(|world| {
        let tenant = tenant(world, "crm_owns");
        play(world, &tenant);
    });
}

fn waiting(world: &World) -> Vec<QueuedCall> {
    world.store.snapshot().queue
}

/// What was sent, in lines.
fn sent_lines(world: &World, tenant: &Tenant) -> Vec<String> {
    posted(world, &[tenant]).iter().map(Sent::line).collect()
}

/// The players of what was sent, sorted.
fn players(calls: &[Sent]) -> Vec<&str> {
    let mut players: Vec<&str> = calls.iter().map(Sent::player).collect();
    players.sort_unstable();
    players
}

// Which waiting calls a new one makes needless.

/// How an older call stands when a newer one comes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Older {
    Waiting,
    Tried,
    Dead,
}

/// Makes the older call of this kind at level 1, and brings it there.
fn older(world: &World, kind: &str, stands: Older) -> (i64, i64) {
    let step = required(world, ADA, "one", 1);
    if kind == "update" {
        send_all(world);
        approve(world, step);
    }
    match stands {
        Older::Waiting => {}
        Older::Tried => {
            reacts(world, Reaction::Status(503));
            world.tick();
            assert_eq!(attempts(world, newest(world)), 1);
        }
        Older::Dead => {
            reacts(world, Reaction::Denied);
            world.tick();
            assert_eq!(end_of(world, newest(world)).0, "dead");
        }
    }
    (newest(world), step)
}

#[test]
fn a_newer_call_supersedes_the_undelivered_ones_that_it_makes_needless() {
    for stands in [Older::Waiting, Older::Tried, Older::Dead] {
        for (was, comes, supersedes) in [
            ("update", "update", true),
            ("initiate", "update", true),
            ("initiate", "initiate", true),
            ("update", "initiate", false),
        ] {
            told(|world, tenant| {
                let (id, step) = older(world, was, stands);
                let before = end_of(world, id);
                drop(posted(world, &[tenant]));
                if comes == "update" {
                    reject(world, step, "FORGED");
                } else {
                    required(world, ADA, "two", 1);
                }
                let case = format!("{was} {stands:?}, then {comes}");
                let after = end_of(world, id);
                assert_eq!(after.0 == "superseded", supersedes, "{case}");
                if !supersedes {
                    assert_eq!(after, before, "{case}");
                    return;
                }
                assert!(waiting(world).iter().all(|call| call.delivery_id.0 != id), "{case}");
                world
                    .refused("MngReplayKycDelivery", json!({ "id": id }))
                    .is(409, "INVALID_STATE");
                reacts(world, Reaction::Takes);
                world.advance(10 * 3_600);
                send_all(world);
                let sent: Vec<String> = posted(world, &[tenant]).into_iter().map(|call| call.call).collect();
                assert_eq!(sent, [comes], "{case}: only the newer one is sent");
            });
        }
    }
}

#[test]
fn calls_of_other_levels_and_players_are_not_superseded() {
    told(|world, _| {
        let step = required(world, ADA, "one", 1);
        required(world, ADA, "two", 2);
        world.require(8, "one");
        approve(world, step);
        assert_eq!(
            lines(world),
            [
                "initiate 1 one: superseded",
                "initiate 2 two: queued",
                "initiate 1 one: queued",
                "update 1 verified approved: queued"
            ]
        );
    });
}

#[test]
fn delivered_and_refused_calls_are_not_superseded() {
    for (reaction, end) in [(Reaction::Takes, "delivered"), (Reaction::Refuses, "refused")] {
        told(|world, _| {
            reacts(world, reaction);
            let step = required(world, ADA, "one", 1);
            send_all(world);
            approve(world, step);
            assert_eq!(
                lines(world),
                [
                    format!("initiate 1 one: {end}"),
                    "update 1 verified approved: queued".to_owned()
                ]
            );
        });
    }
}

#[test]
fn a_call_under_way_is_not_superseded_and_comes_first() {
    told(|world, tenant| {
        let step = required(world, ADA, "one", 1);
        let app = world.app.clone();
        let mut is_first = true;
        world.platform.answers(move |_| {
            // While the platform has the call, a manager decides.
            if std::mem::take(&mut is_first) {
                run(app.call(request(MARY, None, "MngApproveKycStep", json!({ "id": step })))).unwrap();
                return Reaction::Status(503).give();
            }
            Reaction::Takes.give()
        });
        world.tick();
        assert_eq!(
            lines(world),
            ["initiate 1 one: queued", "update 1 verified approved: queued"]
        );
        assert_eq!(world.tick().calls, 0, "the later one waits for the earlier one");
        world.advance(6);
        send_all(world);
        assert_eq!(
            sent_lines(world, tenant),
            ["initiate 1 one", "initiate 1 one", "update 1 verified approved"]
        );
    });
}

// In which order they go.

#[test]
fn a_players_calls_go_in_their_order_and_wait_for_each_other() {
    told(|world, tenant| {
        for (code, level) in [("three", 3), ("one", 1), ("two", 2)] {
            required(world, ADA, code, level);
        }
        reacts(world, Reaction::Fails);
        send_all(world);
        assert_eq!(
            sent_lines(world, tenant),
            ["initiate 3 three"],
            "the others wait for it"
        );
        reacts(world, Reaction::Takes);
        assert_eq!(world.tick().calls, 0, "it is not due yet");
        world.advance(6);
        send_all(world);
        assert_eq!(
            sent_lines(world, tenant),
            ["initiate 3 three", "initiate 1 one", "initiate 2 two"]
        );
    });
}

#[test]
fn refused_and_dead_calls_hold_nobody_back() {
    for reaction in [Reaction::Refuses, Reaction::Denied] {
        told(|world, tenant| {
            for (code, level) in [("one", 1), ("two", 2), ("three", 3)] {
                required(world, ADA, code, level);
            }
            reacts(world, reaction);
            send_all(world);
            assert_eq!(
                sent_lines(world, tenant),
                ["initiate 1 one", "initiate 2 two", "initiate 3 three"],
                "{reaction:?}"
            );
        });
    }
}

#[test]
fn several_players_go_side_by_side() {
    told(|world, tenant| {
        required(world, ADA, "one", 1);
        required(world, ADA, "two", 2);
        for player in 100..120 {
            world.require(player, "one");
        }
        reacts_for(world, &["7"], Reaction::Fails);
        let ticked = world.tick();
        let sent = posted(world, &[tenant]);
        assert_eq!((ticked.calls, sent.len()), (21, 21), "one call of each player");
        let expected: Vec<String> = (100..120)
            .map(|player| player.to_string())
            .chain(["7".to_owned()])
            .collect();
        assert_eq!(players(&sent), expected);
        assert_eq!(waiting(world).len(), 2, "only the player with the trouble waits");
    });
}

#[test]
fn more_calls_than_one_round_takes_go_in_the_next_ones() {
    told(|world, tenant| {
        required(world, 1, "one", 1);
        for player in 2..=100 {
            world.require(player, "one");
        }
        send_all(world);
        let sent = posted(world, &[tenant]);
        let mut keys: Vec<&str> = sent.iter().map(|call| call.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(
            (sent.len(), keys.len()),
            (100, 100),
            "each once, under a key of its own"
        );
        assert_eq!(waiting(world), []);
    });
}

/// Makes a call for each of so many players.
fn initiated(world: &World, players: i64) {
    required(world, 1, "one", 1);
    for player in 2..=players {
        world.require(player, "one");
    }
}

/// Sends what is due, and goes on while there is more, up to so many; how many calls were looked at.
fn sent_up_to(world: &World, most: usize) -> usize {
    let brand = BRAND.parse().expect("a brand");
    run(world.app.send_calls_while(&brand, |calls| calls < most)).expect("calls are sent")
}

#[test]
fn whoever_goes_on_sends_all_that_is_due_each_once() {
    told(|world, tenant| {
        initiated(world, 100);
        assert_eq!(sent_up_to(world, usize::MAX), 100);
        let sent = posted(world, &[tenant]);
        let keys: std::collections::BTreeSet<&str> = sent.iter().map(|call| call.key.as_str()).collect();
        assert_eq!((sent.len(), keys.len()), (100, 100));
        assert_eq!(waiting(world), []);
    });
}

#[test]
fn whoever_goes_on_does_so_as_long_as_more_is_wanted() {
    told(|world, tenant| {
        initiated(world, 100);
        assert_eq!(sent_up_to(world, 40), 48, "a round of 32, and 16 more");
        assert_eq!(posted(world, &[tenant]).len(), 48);
        assert_eq!(waiting(world).len(), 52);
    });
}

#[test]
fn whoever_goes_on_stops_where_the_platform_fails() {
    told(|world, tenant| {
        initiated(world, 100);
        reacts(world, Reaction::Fails);
        assert_eq!(sent_up_to(world, usize::MAX), 32, "what was claimed before it failed");
        assert_eq!(posted(world, &[tenant]).len(), 32);
        assert_eq!(waiting(world).len(), 100);
    });
}

#[test]
fn what_becomes_too_old_meanwhile_is_given_up_and_not_sent() {
    told(|world, tenant| {
        initiated(world, 40);
        let clock = world.clock.clone();
        world.platform.answers(move |_| {
            clock.advance_seconds(31 * 3_600);
            Reaction::Takes.give()
        });
        sent_up_to(world, usize::MAX);
        assert_eq!(posted(world, &[tenant]).len(), 1);
        assert_eq!(waiting(world), []);
        let ends = deliveries(world);
        let expired = ends.iter().filter(|delivery| delivery["code"] == "expired").count();
        let delivered = ends.iter().filter(|delivery| delivery["status"] == "delivered").count();
        // The one that was sent has outlived its lease: whoever comes first gives it up, or has it delivered.
        assert!(delivered <= 1, "{delivered}");
        assert_eq!(expired + delivered, 40);
    });
}

// What a process leaves that ends between sending and marking.

/// A tick that has come as far as `is_there` says, and is not continued unless the test does so.
fn ticked_until<'a>(world: &'a World, is_there: impl Fn() -> bool) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
    let mut tick: Pin<Box<dyn Future<Output = ()> + 'a>> = Box::pin(async { drop(world.app.tick().await) });
    let mut context = Context::from_waker(Waker::noop());
    while !is_there() {
        assert!(
            tick.as_mut().poll(&mut context).is_pending(),
            "the tick ended before it was there"
        );
    }
    tick
}

/// A process has sent what waits, and is gone before it could mark that; gives what it sent.
fn sent_and_gone(world: &World, tenant: &Tenant) -> Sent {
    let seen = std::cell::RefCell::new(Vec::new());
    let has_sent = || {
        seen.borrow_mut().extend(posted(world, &[tenant]));
        !seen.borrow().is_empty()
    };
    drop(ticked_until(world, has_sent));
    let mut sent = seen.into_inner();
    assert_eq!(sent.len(), 1);
    sent.remove(0)
}

#[test]
fn what_was_sent_and_not_marked_is_sent_again_under_its_key_after_the_lease() {
    told(|world, tenant| {
        required(world, ADA, "one", 1);
        let first = sent_and_gone(world, tenant);
        assert_eq!(end_of(world, newest(world)).0, "queued");
        world.advance(29);
        send_all(world);
        assert_eq!(posted(world, &[tenant]), [], "it is somebody's for 30 s");
        world.advance(1);
        send_all(world);
        let again = posted(world, &[tenant]);
        assert_eq!(again.len(), 1);
        assert_eq!((&again[0].key, &again[0].body), (&first.key, &first.body));
        assert_eq!(again[0].timestamp, first.timestamp + 30, "signed anew");
        assert_eq!(end_of(world, newest(world)).0, "delivered");
        send_all(world);
        assert_eq!(posted(world, &[tenant]), []);
    });
}

#[test]
fn a_later_call_waits_for_the_one_that_was_not_marked() {
    told(|world, tenant| {
        let step = required(world, ADA, "one", 1);
        sent_and_gone(world, tenant);
        approve(world, step);
        assert_eq!(
            lines(world),
            ["initiate 1 one: queued", "update 1 verified approved: queued"],
            "the lease keeps it from being superseded"
        );
        send_all(world);
        assert_eq!(sent_lines(world, tenant), NOTHING);
        world.advance(30);
        send_all(world);
        assert_eq!(
            sent_lines(world, tenant),
            ["initiate 1 one", "update 1 verified approved"]
        );
    });
}

#[test]
fn a_call_whose_lease_has_ended_can_be_superseded() {
    told(|world, tenant| {
        let step = required(world, ADA, "one", 1);
        sent_and_gone(world, tenant);
        world.advance(30);
        approve(world, step);
        assert_eq!(
            lines(world),
            ["initiate 1 one: superseded", "update 1 verified approved: queued"]
        );
        send_all(world);
        assert_eq!(sent_lines(world, tenant), ["update 1 verified approved"]);
    });
}

#[test]
fn a_process_that_comes_back_too_late_changes_nothing() {
    for reaction in [Reaction::Takes, Reaction::Refuses, Reaction::Fails, Reaction::Denied] {
        told(|world, tenant| {
            required(world, ADA, "one", 1);
            let is_claimed = || waiting(world).iter().any(|call| call.lease_until.is_some());
            let mut late = ticked_until(world, is_claimed);
            world.advance(30);
            send_all(world);
            let before = (deliveries(world), timeline(world, ADA));
            assert_eq!(end_of(world, newest(world)).0, "delivered");
            reacts(world, reaction);
            run(late.as_mut());
            drop(late);
            assert_eq!((deliveries(world), timeline(world, ADA)), before, "{reaction:?}");
            let keys: Vec<String> = posted(world, &[tenant]).into_iter().map(|call| call.key).collect();
            assert!(
                keys.windows(2).all(|pair| pair[0] == pair[1]),
                "one call, one key: {keys:?}"
            );
        });
    }
}

// What a tenant's end does to them.

#[test]
fn a_removed_tenants_calls_are_superseded_and_not_sent() {
    told(|world, tenant| {
        let step = required(world, ADA, "one", 1);
        required(world, ADA, "two", 2);
        world.require(8, "one");
        reacts(world, Reaction::Fails);
        send_all(world);
        approve(world, step);
        drop(posted(world, &[tenant]));
        world.ok_as(ADAM, "MngDeleteTenant", json!({ "slug": BRAND }));
        send_all(world);
        assert_eq!(posted(world, &[tenant]), [], "nothing is sent any more");
        assert_eq!(waiting(world), []);
        for row in deliveries(world) {
            assert_eq!(row["status"], "superseded", "{row}");
            let is_by_newer = row["call"] == "initiate" && row["level"] == 1 && row["customer_id"] == ADA;
            let code = if is_by_newer {
                Value::Null
            } else {
                json!("model_changed")
            };
            assert_eq!(row["code"], code, "{row}");
            world
                .refused("MngReplayKycDelivery", json!({ "id": row["id"] }))
                .is(409, "INVALID_STATE");
        }
        let (event, _, reason, _) = timeline(world, 8).pop().unwrap();
        assert_eq!(
            (event.as_str(), reason),
            ("outbound.superseded", json!("model_changed"))
        );
        reject(world, step, "FORGED");
        assert_eq!(waiting(world), [], "a local brand tells nobody");
    });
}

#[test]
fn a_new_tenant_of_the_brand_does_not_get_the_old_ones_calls() {
    told(|world, old| {
        let step = required(world, ADA, "one", 1);
        world.ok_as(ADAM, "MngDeleteTenant", json!({ "slug": BRAND }));
        let new = tenant(world, "crm_owns");
        assert_ne!(new.id, old.id);
        reject(world, step, "FORGED");
        send_all(world);
        let sent = posted(world, &[&new]);
        assert_eq!(
            sent.iter().map(Sent::line).collect::<Vec<_>>(),
            ["update 1 rejected FORGED"]
        );
        assert_eq!(sent[0].body["tenant_id"], new.id.as_str());
    });
}

#[test]
fn a_dead_call_of_a_removed_tenant_cannot_be_replayed() {
    told(|world, _| {
        required(world, ADA, "one", 1);
        reacts(world, Reaction::Denied);
        send_all(world);
        world.ok_as(ADAM, "MngDeleteTenant", json!({ "slug": BRAND }));
        let replay = json!({ "id": newest(world) });
        world
            .refused("MngReplayKycDelivery", replay.clone())
            .is(409, "INVALID_STATE");
        tenant(world, "crm_owns");
        world.refused("MngReplayKycDelivery", replay).is(409, "INVALID_STATE");
    });
}

// Replaying.

#[test]
fn a_dead_call_is_replayed_under_its_key_from_the_beginning() {
    told(|world, tenant| {
        required(world, ADA, "one", 1);
        reacts(world, Reaction::Denied);
        send_all(world);
        let id = newest(world);
        let dead = delivery(world, id);
        assert_eq!(dead["message"], "a private address");
        world.advance(40 * 3_600);
        let reply = world.ok("MngReplayKycDelivery", json!({ "id": id }));
        let queued = delivery(world, id);
        assert_eq!(reply, json!({ "accepted": true, "version": queued["version"] }));
        assert_eq!(
            (text(&queued["status"]), &queued["queued_time"]),
            ("queued".into(), &json!(world.now()))
        );
        for gone in ["settled_time", "code", "message"] {
            assert_eq!(queued[gone], Value::Null, "{gone}");
        }
        reacts(world, Reaction::Fails);
        send_all(world);
        assert_eq!(
            (attempts(world, id), end_of(world, id).0.as_str()),
            (1, "queued"),
            "its 30 hours begin anew"
        );
        reacts(world, Reaction::Takes);
        world.advance(6);
        send_all(world);
        assert_eq!(end_of(world, id).0, "delivered");
        let sent = posted(world, &[tenant]);
        assert_eq!(sent.len(), 3);
        assert!(
            sent.iter().all(|call| call.key == text(&dead["idempotency_key"])),
            "{sent:?}"
        );
        let events: Vec<String> = timeline(world, ADA).into_iter().map(|entry| entry.0).collect();
        assert_eq!(
            events,
            [
                "outbound.queued",
                "outbound.dead",
                "outbound.queued",
                "outbound.delivered"
            ]
        );
    });
}

#[test]
fn only_dead_calls_can_be_replayed() {
    told(|world, _| {
        let step = required(world, ADA, "one", 1);
        approve(world, step);
        send_all(world);
        reacts(world, Reaction::Refuses);
        reject(world, step, "FORGED");
        send_all(world);
        reacts(world, Reaction::Fails);
        required(world, ADA, "two", 2);
        send_all(world);
        let statuses: Vec<String> = deliveries(world).iter().map(|row| text(&row["status"])).collect();
        assert_eq!(statuses, ["superseded", "delivered", "refused", "queued"]);
        for row in deliveries(world) {
            world
                .refused("MngReplayKycDelivery", json!({ "id": row["id"] }))
                .is(409, "INVALID_STATE");
        }
    });
}

#[test]
fn a_call_of_a_hidden_brand_does_not_exist() {
    told(|world, _| {
        required(world, ADA, "one", 1);
        reacts(world, Reaction::Denied);
        send_all(world);
        let replay = json!({ "id": newest(world) });
        world
            .refused_as("1:bob@other", "MngReplayKycDelivery", replay.clone())
            .is(404, "RET_NOT_FOUND");
        world
            .refused("MngReplayKycDelivery", json!({ "id": newest(world) + 1 }))
            .is(404, "RET_NOT_FOUND");
        world
            .refused_as(&customer(ADA), "MngReplayKycDelivery", replay.clone())
            .is(403, "PERMISSION_DENIED");
        world.ok_as("1:bob@acme", "MngReplayKycDelivery", replay);
    });
}

// Listing.

#[test]
fn calls_are_listed_newest_first_by_brand_status_and_customer_in_pages() {
    scenario(|world| {
        tenant(world, "crm_owns");
        tenant_of(world, "other", "crm_owns");
        required(world, 1, "one", 1);
        for player in 2..=5 {
            world.require(player, "one");
        }
        let data = json!({ "brand": "other", "code": "one", "level": 1 });
        world.ok("MngAddKycStepTemplate", data);
        world.ok(
            "MngRequireKycStep",
            json!({ "customer_id": 1, "brand": "other", "step_code": "one" }),
        );
        reacts_for(world, &["2", "3"], Reaction::Refuses);
        send_all(world);
        let list = |token: &str, data: Value| {
            let reply = world.ok_as(token, "MngGetKycDeliveries", data);
            let rows = reply["rows"].as_array().unwrap().clone();
            assert_eq!(reply["count"], rows.len());
            let shown = rows
                .iter()
                .map(|row| format!("{}/{}", text(&row["brand"]), row["customer_id"]));
            (shown.collect::<Vec<_>>(), reply["next_cursor"].clone())
        };
        let all = ["other/1", "acme/5", "acme/4", "acme/3", "acme/2", "acme/1"];
        for (token, data, expected) in [
            (MARY, json!({}), &all[..]),
            (MARY, json!({ "brand": "other" }), &all[..1]),
            (MARY, json!({ "brand": "acme" }), &all[1..]),
            ("1:bob@acme", json!({}), &all[1..]),
            ("1:bob@acme", json!({ "brand": "other" }), &[]),
            (MARY, json!({ "status": "refused" }), &all[3..5]),
            (MARY, json!({ "status": "dead" }), &[]),
            (MARY, json!({ "customer_id": 1 }), &["other/1", "acme/1"]),
            (
                MARY,
                json!({ "customer_id": 1, "brand": "acme", "status": "delivered" }),
                &all[5..],
            ),
        ] {
            let shown = data.to_string();
            assert_eq!(
                list(token, data),
                (expected.iter().map(ToString::to_string).collect(), Value::Null),
                "{shown}"
            );
        }
        let mut pages = Vec::new();
        let mut cursor = Value::Null;
        loop {
            let mut data = json!({ "limit": 2, "brand": "acme" });
            if !cursor.is_null() {
                data["cursor"] = cursor;
                // A call that comes in between disturbs nobody's pages.
                world.require(100 + i64::try_from(pages.len()).unwrap(), "one");
            }
            let (rows, next) = list(MARY, data);
            pages.push(rows);
            cursor = next;
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(pages, [&all[1..3], &all[3..5], &all[5..]]);
        world
            .refused("MngGetKycDeliveries", json!({ "status": "lost" }))
            .is(400, "INVALID_DATA");
        world
            .refused_as(&customer(1), "MngGetKycDeliveries", json!({}))
            .is(403, "PERMISSION_DENIED");
    });
}

#[test]
fn a_row_shows_the_call_and_where_it_stands() {
    told(|world, tenant| {
        required(world, ADA, "one", 1);
        world.advance(2);
        reacts(world, Reaction::Takes);
        send_all(world);
        let row = &deliveries(world)[0];
        let sent = &posted(world, &[tenant])[0];
        let kyc_id = id_of(&world.profile(ADA)["profile"]["id"]);
        let expected = json!({
            "id": newest(world),
            "brand": BRAND,
            "customer_id": ADA,
            "kyc_id": kyc_id,
            "player_external_id": "7",
            "idempotency_key": sent.key,
            "call": "initiate",
            "level": 1,
            "body": sent.body,
            "status": "delivered",
            "queued_time": world.now() - 2,
            "settled_time": world.now(),
            "code": null,
            "message": null,
            "provider_ref": "case-1",
            "version": 2,
        });
        assert_eq!(*row, expected);
    });
}
