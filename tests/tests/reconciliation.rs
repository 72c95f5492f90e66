//! Reconciliation: what counts as drift, what is recorded of it and pushed, who is passed over, and at which pace it
//! goes, by hand and daily.

use kyc_memory::answer;
use kyc_tests::platform::{
    Reaction, Sent, Tenant, approve, deliveries, end_of, lines, link, newest, posted, reacts, reject, required,
    send_all, sent, tenant, text, timeline,
};
use kyc_tests::sim::{ADAM, BRAND, DAY, MARY, World, assert_replay, id_of, request, run, scenario};
use serde_json::{Value, json};

/// The customer of most scenarios.
const ADA: i64 = 7;

fn told(mut play: impl FnMut(&World, &Tenant)) {
    scenario(|world| {
        let tenant = tenant(world, "crm_owns");
        play(world, &tenant);
    });
}

/// Lets the platform know these players alone; it takes every call.
fn holds(world: &World, players: &[(&str, &str, i64)]) {
    let players: Vec<(String, String)> = players
        .iter()
        .map(|(player, status, level)| {
            let held = json!({ "status": status, "level": level, "last_updated": "2027-01-01T00:00:00Z" });
            (format!("/v1/kyc/{player}"), held.to_string())
        })
        .collect();
    world.platform.answers(move |request| {
        if request.body.is_some() {
            return Reaction::Takes.give();
        }
        let held = players.iter().find(|(path, _)| request.url.ends_with(path));
        Ok(held.map_or_else(|| answer(404, ""), |(_, body)| answer(200, body)))
    });
}

/// Looks a second's worth of players up, a second after whatever was before.
fn reconciled(world: &World, more: Value) -> Value {
    world.advance(2);
    let mut data = more;
    data["slug"] = json!(BRAND);
    world.ok_as(ADAM, "MngReconcileTenant", data)
}

/// The customers with drift, with what is told of both sides: `7: rejected 1, verified 1`.
fn drift(reply: &Value) -> Vec<String> {
    let standing = |side: &Value| format!("{} {}", text(&side["kyc_status"]), side["kyc_level"]);
    let rows = reply["drift"].as_array().unwrap().iter();
    let shown = rows.map(|row| {
        format!(
            "{}: {}, {}",
            row["customer_id"],
            standing(&row["ours"]),
            standing(&row["theirs"])
        )
    });
    shown.collect()
}

fn looked_up(world: &World, tenant: &Tenant) -> Vec<String> {
    let mut calls = sent(world, &[tenant]);
    calls.retain(|call| call.call == "lookup");
    calls.iter().map(|call| text(&call.body)).collect()
}

/// Brings a customer to what was told last: `nothing`, `asked`, `verified`, `rejected` or `expired`, at level 1.
fn bring(world: &World, last_told: &str) {
    if last_told == "nothing" {
        world.set_level(ADA, 1);
        return;
    }
    let step = required(world, ADA, "one", 1);
    let approve_briefly = || {
        let end = world.now() + 60;
        world.ok("MngApproveKycStep", json!({ "id": step, "expires_time": end }));
        send_all(world);
    };
    match last_told {
        "asked" => {}
        "verified" => approve(world, step),
        "rejected" => reject(world, step, "FORGED"),
        _ => {
            approve_briefly();
            world.advance(60);
        }
    }
    send_all(world);
    assert_eq!(world.store.snapshot().queue, []);
}

// What counts as drift.

#[test]
fn what_was_last_told_is_compared_by_status_and_level() {
    // Expired and rejected are one; so are no verdict and none told yet, at whatever level.
    let class = |status: &str| match status {
        "verified" => "verified",
        "rejected" | "expired" => "rejected",
        _ => "none",
    };
    let theirs = [
        None,
        Some(("none", 0)),
        Some(("pending", 1)),
        Some(("pending", 2)),
        Some(("verified", 1)),
        Some(("verified", 2)),
        Some(("rejected", 1)),
        Some(("expired", 1)),
        Some(("expired", 2)),
    ];
    for last_told in ["nothing", "asked", "verified", "rejected", "expired"] {
        told(|world, _| {
            bring(world, last_told);
            for theirs in theirs {
                let held: Vec<_> = theirs.iter().map(|(status, level)| ("7", *status, *level)).collect();
                holds(world, &held);
                let reply = reconciled(world, json!({}));
                let (status, level) = theirs.unwrap_or(("none", 0));
                let is_same = class(last_told) == class(status) && (class(status) == "none" || level == 1);
                let (own, own_level) = match class(last_told) {
                    "none" => ("none", 0),
                    told => (told, 1),
                };
                let expected = (!is_same).then(|| format!("7: {own} {own_level}, {status} {level}"));
                assert_eq!(
                    drift(&reply),
                    expected.into_iter().collect::<Vec<_>>(),
                    "{last_told}, {theirs:?}"
                );
                let counts = [&reply["checked"], &reply["skipped"], &reply["failed"]].map(id_of);
                assert_eq!(counts, [1, 0, 0], "{last_told}, {theirs:?}");
            }
        });
    }
}

#[test]
fn the_last_told_of_all_levels_counts() {
    told(|world, _| {
        let step = required(world, ADA, "two", 2);
        approve(world, step);
        approve(world, required(world, ADA, "one", 1));
        send_all(world);
        holds(world, &[("7", "verified", 1)]);
        assert_eq!(drift(&reconciled(world, json!({}))), [""; 0]);
        holds(world, &[("7", "verified", 2)]);
        assert_eq!(drift(&reconciled(world, json!({}))), ["7: verified 1, verified 2"]);
    });
}

#[test]
fn what_was_told_last_counts_also_where_an_older_call_was_sent_again() {
    told(|world, _| {
        let (first, second) = (required(world, ADA, "one", 1), required(world, ADA, "two", 2));
        send_all(world);
        reacts(world, Reaction::Denied);
        approve(world, first);
        send_all(world);
        let dead = newest(world);
        reacts(world, Reaction::Takes);
        approve(world, second);
        send_all(world);
        world.advance(1);
        world.ok_as(ADAM, "MngReplayKycDelivery", json!({ "id": dead }));
        send_all(world);
        holds(world, &[("7", "verified", 1)]);
        assert_eq!(drift(&reconciled(world, json!({}))), [""; 0], "{:?}", lines(world));
        holds(world, &[("7", "verified", 2)]);
        assert_eq!(drift(&reconciled(world, json!({}))), ["7: verified 1, verified 2"]);
    });
}

#[test]
fn a_refused_verdict_was_not_told() {
    told(|world, _| {
        let step = required(world, ADA, "one", 1);
        send_all(world);
        reacts(world, Reaction::Refuses);
        approve(world, step);
        send_all(world);
        holds(world, &[]);
        assert_eq!(drift(&reconciled(world, json!({}))), [""; 0]);
    });
}

#[test]
fn an_answer_that_is_none_counts_as_failed() {
    for (status, body) in [
        (500, r#"{"status":"verified","level":1}"#),
        (429, ""),
        (302, ""),
        (403, ""),
        (200, ""),
        (200, "<html>"),
        (200, "[]"),
        (200, r#"{"status":"verified"}"#),
        (200, r#"{"level":1}"#),
        (200, r#"{"status":"lost","level":1}"#),
        (200, r#"{"status":"verified","level":11}"#),
        (200, r#"{"status":"verified","level":-1}"#),
        (200, r#"{"status":"verified","level":"1"}"#),
    ] {
        told(|world, _| {
            bring(world, "rejected");
            world.platform.answers(move |_| Ok(answer(status, body)));
            let before = world.store.snapshot();
            let reply = reconciled(world, json!({}));
            let counts = [&reply["checked"], &reply["skipped"], &reply["failed"]].map(id_of);
            assert_eq!(counts, [0, 0, 1], "{status} {body}");
            assert!(before == world.store.snapshot(), "{status} {body}: nothing is recorded");
        });
    }
    for reaction in [Reaction::Fails, Reaction::Denied] {
        told(|world, _| {
            bring(world, "rejected");
            reacts(world, reaction);
            assert_eq!(reconciled(world, json!({}))["failed"], 1, "{reaction:?}");
        });
    }
}

// What is recorded.

#[test]
fn drift_is_recorded_and_repairs_nothing() {
    told(|world, _| {
        bring(world, "verified");
        holds(world, &[("7", "rejected", 1)]);
        let before = (world.profile(ADA)["profile"].clone(), deliveries(world));
        let mut reply = Value::Null;
        let rows = world.rows_of(|| reply = reconciled(world, json!({})));
        let kyc_id = before.0["id"].clone();
        let (ours, theirs) = (
            json!({ "kyc_status": "verified", "kyc_level": 1 }),
            json!({ "kyc_status": "rejected", "kyc_level": 1 }),
        );
        let expected = json!({
            "checked": 1, "skipped": 0, "failed": 0, "next_cursor": null,
            "drift": [{ "customer_id": ADA, "kyc_id": kyc_id, "player_external_id": "7", "ours": ours, "theirs": theirs }],
        });
        assert_eq!(reply, expected);
        let actions: Vec<&str> = rows.iter().map(|row| row.action.as_str()).collect();
        assert_eq!(actions, ["reconcile.drift"]);
        let (event, level, _, data) = timeline(world, ADA).pop().unwrap();
        assert_eq!((event.as_str(), level), ("reconcile.drift", 1));
        assert_eq!(data, json!({ "ours": ours, "theirs": theirs }));
        assert_eq!((world.profile(ADA)["profile"].clone(), deliveries(world)), before);
    });
}

#[test]
fn nothing_is_recorded_where_both_hold_the_same() {
    told(|world, _| {
        bring(world, "verified");
        holds(world, &[("7", "verified", 1)]);
        let before = world.store.snapshot();
        assert_eq!(reconciled(world, json!({}))["checked"], 1);
        assert!(before == world.store.snapshot());
    });
}

#[test]
fn in_dual_somebody_must_look_at_a_drift() {
    scenario(|world| {
        tenant(world, "dual");
        let step = required(world, ADA, "one", 1);
        world.set_level(ADA, 1);
        approve(world, step);
        send_all(world);
        holds(world, &[("7", "verified", 1)]);
        assert_eq!(drift(&reconciled(world, json!({}))), [""; 0]);
        assert_eq!(world.profile(ADA)["profile"]["review_reason"], Value::Null);
        holds(world, &[("7", "verified", 2)]);
        let known = deliveries(world);
        assert_eq!(
            drift(&reconciled(world, json!({ "push": 1 }))),
            ["7: verified 1, verified 2"]
        );
        let profile = world.profile(ADA)["profile"].clone();
        assert_eq!(
            (&profile["review_reason"], &profile["status"]),
            (&json!("drift"), &json!(6))
        );
        assert_eq!(profile["review_since"], world.now());
        assert_eq!(deliveries(world), known, "only crm_owns pushes");
        let id = &profile["id"];
        world.ok("MngReviewKycProfile", json!({ "id": id, "comment": "their mistake" }));
        assert_eq!(world.profile(ADA)["profile"]["review_reason"], Value::Null);
    });
}

#[test]
fn a_push_tells_the_last_verdict_again() {
    told(|world, tenant| {
        bring(world, "rejected");
        holds(world, &[("7", "verified", 1)]);
        let first = posted(world, &[tenant]).pop().unwrap();
        assert_eq!(
            drift(&reconciled(world, json!({ "push": 1 }))),
            ["7: rejected 1, verified 1"]
        );
        let queued = lines(world).pop().unwrap();
        assert_eq!(queued, "update 1 rejected FORGED: queued");
        drop(sent(world, &[tenant]));
        send_all(world);
        let again = posted(world, &[tenant]).pop().unwrap();
        assert_eq!((again.line(), &again.body), (first.line(), &first.body));
        assert_ne!(again.key, first.key, "it is another call");
        assert_eq!(end_of(world, newest(world)).0, "delivered");
    });
}

#[test]
fn a_push_tells_nothing_where_nothing_was_told() {
    told(|world, _| {
        bring(world, "asked");
        holds(world, &[("7", "verified", 1)]);
        let known = deliveries(world);
        assert_eq!(
            drift(&reconciled(world, json!({ "push": 1 }))),
            ["7: none 0, verified 1"]
        );
        assert_eq!(deliveries(world), known);
    });
}

// Who is looked up.

#[test]
fn a_player_is_looked_up_by_the_external_id_as_one_segment_of_the_path() {
    told(|world, tenant| {
        for (player, external_id) in [(1, "a/b c?d#e%"), (2, "ü.~_-"), (3, "..x")] {
            world.set_level(player, 1);
            link(world, player, external_id);
        }
        holds(world, &[]);
        reconciled(world, json!({}));
        assert_eq!(looked_up(world, tenant), ["a%2Fb%20c%3Fd%23e%25", "%C3%BC.~_-", "..x"]);
    });
}

#[test]
fn players_with_open_calls_or_without_a_name_are_passed_over() {
    told(|world, tenant| {
        required(world, 1, "one", 1);
        send_all(world);
        reacts(world, Reaction::Denied);
        world.require(2, "one");
        send_all(world);
        world.require(3, "one");
        link(world, 5, "4");
        world.set_level(4, 1);
        holds(world, &[]);
        drop(sent(world, &[tenant]));
        let reply = reconciled(world, json!({}));
        let counts = [&reply["checked"], &reply["skipped"], &reply["failed"]].map(id_of);
        assert_eq!(counts, [2, 3, 0], "2's call is dead, 3's waits, 4 has no name");
        let mut players = looked_up(world, tenant);
        players.sort();
        assert_eq!(players, ["1", "4"], "in any order: at the same time");
    });
}

#[test]
fn what_is_decided_while_the_platform_is_asked_is_no_drift() {
    told(|world, _| {
        let step = required(world, ADA, "one", 1);
        send_all(world);
        let app = world.app.clone();
        world.platform.answers(move |_| {
            run(app.call(request(MARY, None, "MngApproveKycStep", json!({ "id": step })))).unwrap();
            Ok(answer(200, r#"{"status":"verified","level":1}"#))
        });
        let reply = reconciled(world, json!({}));
        assert_eq!((drift(&reply), &reply["skipped"]), (vec![], &json!(1)));
    });
}

#[test]
fn a_push_never_tells_an_approval_after_a_rejection() {
    // The rejection comes in before, between and after all that a reconciliation does.
    for pauses in 0..40 {
        let world = World::new();
        let tenant = tenant(&world, "crm_owns");
        let step = required(&world, ADA, "one", 1);
        approve(&world, step);
        send_all(&world);
        holds(&world, &[("7", "rejected", 1)]);
        world.advance(2);
        drop(sent(&world, &[&tenant]));
        let requests = vec![
            request(ADAM, None, "MngReconcileTenant", json!({ "slug": BRAND, "push": 1 })),
            request(
                MARY,
                None,
                "MngRejectKycStep",
                json!({ "id": step, "reason": "FORGED" }),
            ),
        ];
        let schedule: Vec<usize> = std::iter::repeat_n(0, pauses).chain([1; 20]).collect();
        for answer in world.race(requests, &schedule) {
            answer.unwrap();
        }
        send_all(&world);
        let told = posted(&world, &[&tenant]).pop().unwrap();
        assert_eq!(told.line(), "update 1 rejected FORGED", "{pauses}: {:?}", lines(&world));
        assert_replay(&world);
    }
}

#[test]
fn a_verification_that_lapses_while_the_platform_is_asked_is_not_told_again() {
    told(|world, tenant| {
        let step = required(world, ADA, "one", 1);
        let end = world.now() + 60;
        world.ok("MngApproveKycStep", json!({ "id": step, "expires_time": end }));
        send_all(world);
        holds(world, &[("7", "rejected", 1)]);
        drop(sent(world, &[tenant]));
        world.advance(60);
        let reply = reconciled(world, json!({ "push": 1 }));
        assert_eq!((drift(&reply), &reply["skipped"]), (vec![], &json!(1)));
        send_all(world);
        let told: Vec<String> = posted(world, &[tenant]).iter().map(Sent::line).collect();
        assert_eq!(told, ["update 1 rejected expired"]);
    });
}

#[test]
fn only_a_platform_that_is_called_can_be_reconciled() {
    for model in ["platform_owns", "none"] {
        scenario(|world| {
            tenant(world, model);
            world
                .refused_as(ADAM, "MngReconcileTenant", json!({ "slug": BRAND }))
                .is(409, "INVALID_STATE");
        });
    }
    told(|world, _| {
        let data = json!({ "slug": BRAND });
        world
            .refused_as(ADAM, "MngReconcileTenant", json!({ "slug": "nobody" }))
            .is(404, "RET_NOT_FOUND");
        world
            .refused_as("3:eve@other", "MngReconcileTenant", data.clone())
            .is(404, "RET_NOT_FOUND");
        world
            .refused_as(MARY, "MngReconcileTenant", data.clone())
            .is(403, "PERMISSION_DENIED");
        world.ok_as("11:carl", "MngReconcileTenant", data);
    });
}

// The pace.

/// Players 1 to 5, of whom two are looked up in a second.
fn five_players(world: &World) {
    world.ok_as(ADAM, "MngUpdateTenant", json!({ "slug": BRAND, "lookup_rate": 2 }));
    for player in 1..=5 {
        world.set_level(player, 1);
    }
    holds(world, &[("2", "verified", 1), ("5", "verified", 1)]);
}

#[test]
fn it_goes_on_by_its_cursor_a_seconds_worth_at_a_time() {
    told(|world, tenant| {
        five_players(world);
        let (mut cursor, mut parts, mut found) = (Value::Null, Vec::new(), Vec::new());
        loop {
            let data = if cursor.is_null() {
                json!({})
            } else {
                json!({ "cursor": cursor })
            };
            let reply = reconciled(world, data);
            parts.push(looked_up(world, tenant));
            found.extend(drift(&reply));
            // Customers that come in between are found at the end.
            world.set_level(6, 1);
            cursor = reply["next_cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(parts, [["1", "2"], ["3", "4"], ["5", "6"]]);
        assert_eq!(found, ["2: none 0, verified 1", "5: none 0, verified 1"]);
    });
}

#[test]
fn ten_players_are_looked_up_in_a_second_unless_it_is_set() {
    told(|world, tenant| {
        for player in 1..=11 {
            world.set_level(player, 1);
        }
        holds(world, &[]);
        let reply = reconciled(world, json!({}));
        assert_eq!(
            (looked_up(world, tenant).len(), reply["next_cursor"].is_string()),
            (10, true)
        );
    });
}

#[test]
fn a_second_call_within_the_second_is_too_frequent() {
    told(|world, tenant| {
        five_players(world);
        let reply = reconciled(world, json!({}));
        drop(sent(world, &[tenant]));
        let next = json!({ "slug": BRAND, "cursor": reply["next_cursor"] });
        let rejection = world.attempt(ADAM, "MngReconcileTenant", next.clone()).unwrap_err();
        assert_eq!((rejection.status(), rejection.code()), (429, "RET_TOO_FREQUENT"));
        assert_eq!(looked_up(world, tenant), [""; 0]);
        let seconds = rejection.retry_after_seconds().expect("Retry-After");
        assert!((1..=2).contains(&seconds), "{seconds}");
        world.advance(i64::from(seconds));
        world.ok_as(ADAM, "MngReconcileTenant", next);
        assert_eq!(looked_up(world, tenant), ["3", "4"]);
    });
}

#[test]
fn a_slow_platform_makes_the_parts_smaller() {
    told(|world, tenant| {
        world.ok_as(ADAM, "MngUpdateTenant", json!({ "slug": BRAND, "lookup_rate": 6 }));
        for player in 1..=6 {
            world.set_level(player, 1);
        }
        let clock = world.clock.clone();
        world.platform.answers(move |_| {
            clock.advance_seconds(10);
            Ok(answer(404, ""))
        });
        let (mut data, mut parts) = (json!({}), Vec::new());
        while !data["cursor"].is_null() || parts.is_empty() {
            let reply = reconciled(world, data);
            parts.push(looked_up(world, tenant));
            assert_eq!(id_of(&reply["checked"]) as usize, parts.last().unwrap().len());
            data = json!({ "cursor": reply["next_cursor"] });
        }
        assert!(parts.len() > 1 && parts.iter().all(|part| part.len() <= 4), "{parts:?}");
        let mut players = parts.concat();
        players.sort();
        assert_eq!(players, ["1", "2", "3", "4", "5", "6"]);
    });
}

#[test]
fn a_cursor_of_something_else_is_refused() {
    told(|world, _| {
        five_players(world);
        world.advance(2);
        world
            .refused_as(
                ADAM,
                "MngReconcileTenant",
                json!({ "slug": BRAND, "cursor": "nonsense" }),
            )
            .is(400, "INVALID_DATA");
    });
}

// Daily.

/// Ticks once a second, so often; what was looked up in each.
fn ticks(world: &World, tenant: &Tenant, count: usize) -> Vec<Vec<String>> {
    let tick = |_| {
        world.tick();
        let found = looked_up(world, tenant);
        world.advance(2);
        found
    };
    (0..count).map(tick).collect()
}

/// Nobody was looked up.
const IDLE: Vec<String> = Vec::new();

#[test]
fn it_runs_a_day_after_the_tenant_was_added_and_then_daily() {
    told(|world, tenant| {
        five_players(world);
        let added = world.now();
        for day in 1..=3 {
            world
                .clock
                .set(kyc_core::time::Time::from_seconds(added + day * (DAY + 10) - 20));
            assert_eq!(ticks(world, tenant, 1), [IDLE], "day {day}, too early");
            world.advance(20);
            let found = ticks(world, tenant, 4);
            assert_eq!(found[..2], [["1", "2"], ["3", "4"]], "day {day}");
            assert_eq!(found[2..], [vec!["5".to_owned()], IDLE], "day {day}");
        }
        let drifts = timeline(world, 2)
            .into_iter()
            .filter(|entry| entry.0 == "reconcile.drift");
        assert_eq!(drifts.count(), 3, "recorded each day");
        let pushed: Vec<Sent> = posted(world, &[tenant]);
        assert_eq!(pushed, [], "nothing is pushed by itself");
    });
}

#[test]
fn the_daily_run_counts_who_was_compared() {
    told(|world, _| {
        five_players(world);
        assert_eq!(world.tick().reconciled, 0);
        world.advance(DAY);
        assert_eq!(world.tick().reconciled, 2);
    });
}

#[test]
fn a_daily_run_without_answers_goes_on_where_it_was_when_the_platform_is_back() {
    told(|world, tenant| {
        five_players(world);
        world.advance(DAY);
        assert_eq!(ticks(world, tenant, 1), [["1", "2"]]);
        reacts(world, Reaction::Fails);
        assert_eq!(ticks(world, tenant, 2), [vec!["3".to_owned(), "4".to_owned()], IDLE]);
        holds(world, &[]);
        world.advance(300);
        let found = ticks(world, tenant, 3);
        assert_eq!(
            found,
            [vec!["3".to_owned(), "4".to_owned()], vec!["5".to_owned()], IDLE]
        );
    });
}

#[test]
fn a_player_about_whom_no_answer_comes_does_not_stop_the_daily_run() {
    told(|world, tenant| {
        world.ok_as(ADAM, "MngUpdateTenant", json!({ "slug": BRAND, "lookup_rate": 1 }));
        for player in 1..=3 {
            world.set_level(player, 1);
        }
        world.platform.answers(|request| match request.url.as_str() {
            url if url.ends_with("/2") => Ok(answer(500, "")),
            _ => Ok(answer(404, "")),
        });
        world.advance(DAY);
        assert_eq!(ticks(world, tenant, 1), [["1"]]);
        for stay in 0..4 {
            assert_eq!(ticks(world, tenant, 1), [["2"]], "{stay}");
            world.advance(if stay < 3 { 300 } else { 0 });
        }
        assert_eq!(ticks(world, tenant, 2), [vec!["3".to_owned()], IDLE]);
        world.advance(DAY);
        assert_eq!(ticks(world, tenant, 2), [["1"], ["2"]], "the next day it begins anew");
    });
}

#[test]
fn what_cannot_be_stored_about_one_player_stops_no_run() {
    told(|world, tenant| {
        five_players(world);
        world.breaks(&[2]);
        let reply = reconciled(world, json!({}));
        let counts = [&reply["checked"], &reply["skipped"], &reply["failed"]].map(id_of);
        assert_eq!(
            (counts, drift(&reply)),
            ([1, 0, 1], vec![]),
            "drift that is not recorded is none"
        );
        drop(sent(world, &[tenant]));
        world.advance(DAY);
        let found = ticks(world, tenant, 4);
        assert_eq!(found[..2], [["1", "2"], ["3", "4"]]);
        assert_eq!(found[2..], [vec!["5".to_owned()], IDLE]);
    });
}

#[test]
fn a_daily_run_gives_way_to_one_by_hand() {
    told(|world, tenant| {
        five_players(world);
        world.advance(DAY);
        reconciled(world, json!({}));
        assert_eq!(looked_up(world, tenant), ["1", "2"]);
        world.tick();
        assert_eq!(looked_up(world, tenant), [""; 0], "the second is used up");
        world.advance(2);
        assert_eq!(ticks(world, tenant, 1), [["1", "2"]]);
    });
}

#[test]
fn a_removed_tenant_is_not_reconciled_any_more() {
    told(|world, tenant| {
        five_players(world);
        world.ok_as(ADAM, "MngDeleteTenant", json!({ "slug": BRAND }));
        world.advance(2 * DAY);
        assert_eq!(ticks(world, tenant, 2), [IDLE, IDLE]);
    });
}
