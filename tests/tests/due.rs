//! What time brings, with a clock that jumps: lapses by tick or by the next decision, announcements, a clock that runs
//! backwards, and what is forgotten: kept replies and files that nobody named.

use kyc_core::rejection::Rejection;
use kyc_core::time::Time;
use kyc_tests::sim::{ADAM, DAY, MARY, START, World, customer, customer_of, id_of, run, scenario};
use serde_json::{Value, json};

/// The customer of these scenarios.
const ADA: i64 = 7;
const REQUIRED: i64 = 0;
const APPROVED: i64 = 2;
const EXPIRED: i64 = 4;

/// A manual step that a manager approves until then.
fn approved_until(world: &World, code: &str, end: i64) -> i64 {
    world.template(code, json!({ "step_type": 4 }));
    let id = world.require(ADA, code);
    world.ok("MngApproveKycStep", json!({ "id": id, "expires_time": end }));
    id
}

#[test]
fn a_step_lapses_with_the_tick_at_its_end_and_not_a_moment_sooner() {
    scenario(|world| {
        let id = approved_until(world, "s", START + DAY);
        world.clock.set(Time(Time::from_seconds(START + DAY).0 - 1));
        assert_eq!(world.tick().customers, 0);
        assert_eq!(world.step_status(id), APPROVED);
        world.clock.set(Time::from_seconds(START + DAY));
        assert_eq!(world.tick().customers, 1);
        assert_eq!(world.step_status(id), EXPIRED);
        assert_eq!(world.tick().customers, 0, "once");
    });
}

#[test]
fn a_lapse_is_the_systems_doing() {
    scenario(|world| {
        approved_until(world, "s", START + 60);
        world.advance(60);
        let rows = world.rows_of(|| _ = world.tick());
        let actions: Vec<&str> = rows.iter().map(|row| row.action.as_str()).collect();
        assert_eq!(actions, ["step.expired", "profile.recalculated"]);
        for row in rows {
            assert_eq!((row.actor_type.number(), row.actor_id.as_str()), (4, "system"));
            assert_eq!(row.created_time.seconds(), START + 60);
        }
    });
}

#[test]
fn an_approved_document_lapses_and_others_do_not() {
    scenario(|world| {
        let end = json!({ "expires_time": START + 60 });
        let [approved, uploaded, rejected] = [0; 3].map(|_| world.attach_with(ADA, end.clone()));
        world.ok("MngApproveKycDocument", json!({ "id": approved }));
        world.ok("MngRejectKycDocument", json!({ "id": rejected, "reason": "R" }));
        world.advance(59);
        world.tick();
        assert_eq!(world.document_status(approved), APPROVED);
        world.advance(1);
        world.tick();
        assert_eq!(
            [approved, uploaded, rejected].map(|id| world.document_status(id)),
            [EXPIRED, 0, 3]
        );
        assert_eq!(world.tick().customers, 0);
    });
}

#[test]
fn a_late_tick_lets_no_lapse_stand_in_the_next_decision() {
    scenario(|world| {
        let id = approved_until(world, "s", START + 60);
        world.set_level(ADA, 1);
        world.advance(90);
        let data = json!({ "customer_id": ADA, "brand": "acme", "risk_level": 1, "reason": "R" });
        let actions = world.actions_of(|| drop(world.ok("MngSetKycRiskLevel", data)));
        assert_eq!(actions, ["step.expired", "profile.risk_set", "profile.recalculated"]);
        assert_eq!(world.step_status(id), EXPIRED);
        assert_eq!(world.tick().customers, 0, "nothing is left for the tick");
    });
}

#[test]
fn a_refused_decision_leaves_what_was_due() {
    scenario(|world| {
        let id = approved_until(world, "s", START + 60);
        world.template("other", json!({ "step_type": 1 }));
        let other = world.require(ADA, "other");
        world.advance(60);
        let rows = world.rows_of(|| {
            let refused = world
                .attempt(MARY, "MngApproveKycStep", json!({ "id": other }))
                .unwrap_err();
            assert_eq!(refused.code(), "INVALID_STATE");
        });
        assert!(rows.iter().all(|row| row.actor_id == "system"), "only what was due");
        assert_eq!((world.step_status(id), world.step_status(other)), (EXPIRED, REQUIRED));
        world
            .refused("MngApproveKycStep", json!({ "id": other }))
            .is_invalid_state(REQUIRED);
    });
}

#[test]
fn a_verdict_that_comes_too_late_meets_the_lapsed_state() {
    scenario(|world| {
        let id = approved_until(world, "s", START + 60);
        world.advance(60);
        let stale = json!({ "id": id, "reason": "FORGED", "expected_version": world.step(id)["version"] });
        let refused = world.attempt(MARY, "MngRejectKycStep", stale).unwrap_err();
        assert!(matches!(refused, Rejection::Stale { .. }), "{refused:?}");
        assert_eq!(world.step_status(id), EXPIRED);
        world.ok("MngRejectKycStep", json!({ "id": id, "reason": "FORGED" }));
        assert_eq!(world.step_status(id), 3);
    });
}

#[test]
fn requiring_a_step_whose_lapse_nobody_noticed_opens_it_again() {
    scenario(|world| {
        let id = approved_until(world, "s", START + 60);
        world.advance(60);
        let actions = world.actions_of(|| assert_eq!(world.require(ADA, "s"), id));
        assert_eq!(actions[..2], ["step.expired", "step.reopened"]);
        assert_eq!(world.step_status(id), REQUIRED);
    });
}

#[test]
fn what_fell_due_is_applied_in_the_order_of_its_time() {
    scenario(|world| {
        let late = approved_until(world, "late", START + 90);
        let early = approved_until(world, "early", START + 30);
        let document = world.attach_with(ADA, json!({ "expires_time": START + 60 }));
        world.ok("MngApproveKycDocument", json!({ "id": document }));
        world.advance(3_600);
        let rows = world.rows_of(|| _ = world.tick());
        let order: Vec<Option<i64>> = rows
            .iter()
            .filter(|row| row.action.ends_with(".expired"))
            .map(|row| row.step_id.map(|id| id.0).or(row.document_id.map(|id| id.0)))
            .collect();
        assert_eq!(order, [Some(early), Some(document), Some(late)]);
    });
}

#[test]
fn a_tick_takes_on_a_hundred_customers_and_leaves_the_rest_to_the_next() {
    scenario(|world| {
        world.template("s", json!({ "step_type": 4 }));
        for customer in 1..=101 {
            let id = world.require(customer, "s");
            world.ok(
                "MngApproveKycStep",
                json!({ "id": id, "expires_time": START + 60 + customer }),
            );
        }
        world.advance(DAY);
        assert_eq!([0; 3].map(|_| world.tick().customers), [100, 1, 0]);
        assert_eq!(world.profile(101)["profile"]["status"], 5);
    });
}

/// A manual step whose approval lapses after ten days, announced two days before.
fn announced_step(world: &World) -> i64 {
    let requirements = json!({ "valid_days": 10, "warn_days": 2 });
    world.template("s", json!({ "step_type": 4, "requirements": requirements }));
    let id = world.require(ADA, "s");
    world.ok("MngApproveKycStep", json!({ "id": id }));
    id
}

#[test]
fn a_lapse_is_announced_once_and_ahead() {
    scenario(|world| {
        let id = announced_step(world);
        world.advance(8 * DAY - 1);
        assert_eq!(world.tick().customers, 0);
        world.advance(1);
        let actions = world.actions_of(|| _ = world.tick());
        assert_eq!(actions, ["step.expiring"]);
        world.advance(DAY);
        assert_eq!(world.tick().customers, 0, "announced once");
        assert_eq!(world.step_status(id), APPROVED);
        world.advance(DAY);
        assert_eq!(world.actions_of(|| _ = world.tick())[0], "step.expired");
    });
}

#[test]
fn the_next_decision_announces_before_a_late_tick() {
    scenario(|world| {
        announced_step(world);
        world.advance(9 * DAY);
        let data = json!({ "customer_id": ADA, "brand": "acme", "risk_level": 1, "reason": "R" });
        let actions = world.actions_of(|| drop(world.ok("MngSetKycRiskLevel", data)));
        assert_eq!(actions[0], "step.expiring");
        assert_eq!(world.tick().customers, 0);
    });
}

#[test]
fn a_lapse_that_has_come_is_not_announced_any_more() {
    scenario(|world| {
        announced_step(world);
        world.advance(30 * DAY);
        let actions = world.actions_of(|| _ = world.tick());
        assert_eq!(actions, ["step.expired", "profile.recalculated"]);
    });
}

#[test]
fn a_new_approval_is_announced_anew() {
    scenario(|world| {
        let id = announced_step(world);
        for _ in 0..2 {
            world.advance(8 * DAY);
            assert_eq!(world.actions_of(|| _ = world.tick()), ["step.expiring"]);
            world.ok("MngRejectKycStep", json!({ "id": id, "reason": "R" }));
            world.ok("MngApproveKycStep", json!({ "id": id }));
        }
    });
}

#[test]
fn a_customers_time_never_runs_backwards() {
    scenario(|world| {
        world.template("s", json!({ "step_type": 4, "requirements": { "valid_days": 1 } }));
        let id = world.require(ADA, "s");
        world.advance(-3_600);
        let past = json!({ "id": id, "expires_time": START });
        world.refused("MngApproveKycStep", past).is(400, "INVALID_DATA");
        let rows = world.rows_of(|| drop(world.ok("MngApproveKycStep", json!({ "id": id }))));
        assert!(rows.iter().all(|row| row.created_time == Time::from_seconds(START)));
        let step = world.step(id);
        assert_eq!([&step["updated_time"], &step["reviewed_time"]], [START; 2]);
        assert_eq!(step["expires_time"], START + DAY);
        let history = world.profile(ADA)["customer"]["kyc_history"].clone();
        assert!(history.as_array().unwrap().iter().all(|entry| entry["at"] == START));
    });
}

#[test]
fn a_clock_set_back_holds_no_other_customer_and_revives_no_lapse() {
    scenario(|world| {
        let id = approved_until(world, "s", START + 60);
        world.advance(60);
        world.tick();
        world.advance(-3_600);
        world.tick();
        assert_eq!(world.step_status(id), EXPIRED);
        world.require(8, "s");
        assert_eq!(world.profile(8)["profile"]["created_time"], START - 3_540);
        world.ok("MngApproveKycStep", json!({ "id": id, "expires_time": START + 61 }));
        world.advance(3_600);
        assert_eq!(world.tick().customers, 0);
        world.advance(1);
        assert_eq!(world.tick().customers, 1);
    });
}

#[test]
fn a_brands_configuration_keeps_its_time_too() {
    scenario(|world| {
        let id = world.template("s", json!({}));
        world.advance(-3_600);
        let after = world.ok("MngUpdateKycStepTemplate", json!({ "id": id, "name": "S" }))["template"].clone();
        assert_eq!(after["updated_time"], START);
    });
}

/// A call with an idempotency key.
fn keyed(world: &World, token: &str, key: &str, name: &str, data: Value) -> Result<Value, (u16, &'static str)> {
    world
        .request(token, Some(key), name, data)
        .map_err(|rejection| (rejection.status(), rejection.code()))
}

const DUPLICATE: (u16, &str) = (409, "RET_DUPLICATE_RECORD");

fn require(customer_id: i64, code: &str) -> Value {
    json!({ "customer_id": customer_id, "brand": "acme", "step_code": code })
}

#[test]
fn a_key_gives_the_same_reply_again_whatever_has_happened_since() {
    scenario(|world| {
        world.template("s", json!({ "step_type": 4 }));
        let id = world.require(ADA, "s");
        let approve = || {
            keyed(
                world,
                MARY,
                "k",
                "MngApproveKycStep",
                json!({ "id": id, "comment": "fine" }),
            )
        };
        let first = approve().unwrap();
        world.ok("MngRejectKycStep", json!({ "id": id, "reason": "R" }));
        assert!(world.actions_of(|| assert_eq!(approve(), Ok(first))).is_empty());
        assert_eq!(world.step_status(id), 3, "it does not run again");
    });
}

#[test]
fn a_key_is_for_one_content() {
    scenario(|world| {
        world.template("s", json!({}));
        let call = |data: Value| keyed(world, MARY, "k", "MngRequireKycStep", data);
        let first = call(require(ADA, "s")).unwrap();
        assert_eq!(call(require(8, "s")), Err(DUPLICATE));
        let reordered = json!({ "step_code": "s", "brand": "acme", "customer_id": ADA });
        assert_eq!(call(reordered), Ok(first), "the order of members is no content");
    });
}

#[test]
fn a_key_of_configuration_is_kept_too() {
    scenario(|world| {
        let data = json!({ "brand": "acme", "code": "s", "level": 1 });
        let add = || keyed(world, MARY, "k", "MngAddKycStepTemplate", data.clone());
        let first = add().unwrap();
        assert_eq!(add(), Ok(first));
        world
            .refused("MngAddKycStepTemplate", data)
            .is(409, "RET_DUPLICATE_RECORD");
        let set = |level: i64| {
            keyed(
                world,
                ADAM,
                "k",
                "MngSetKycBrand",
                json!({ "brand": "acme", "real_account_level": level }),
            )
        };
        let first = set(2).unwrap();
        assert_eq!((set(2), set(3)), (Ok(first), Err(DUPLICATE)));
    });
}

#[test]
fn a_refusal_is_not_kept() {
    scenario(|world| {
        let call = |customer_id: i64| keyed(world, MARY, "k", "MngRequireKycStep", require(customer_id, "s"));
        assert_eq!(call(ADA), Err((404, "RET_NOT_FOUND")));
        assert_eq!(call(8), Err((404, "RET_NOT_FOUND")), "nothing is held against the key");
        world.template("s", json!({}));
        assert!(call(ADA).is_ok());
    });
}

#[test]
fn a_refusal_that_left_something_is_not_kept() {
    scenario(|world| {
        world.template("s", json!({ "step_type": 4 }));
        let data = json!({ "customer_id": ADA, "brand": "acme" });
        let gate = || keyed(world, MARY, "k", "MngCheckRealAccountGate", data.clone());
        assert_eq!(gate(), Err((403, "KYC_REQUIRED")));
        let id = world.customer(ADA).steps[0].id.0;
        world.ok("MngApproveKycStep", json!({ "id": id, "expires_time": START + 60 }));
        assert_eq!(gate(), Ok(json!({ "allowed": true })));
        world.advance(60);
        assert_eq!(
            gate(),
            Err((403, "KYC_REQUIRED")),
            "an open gate changed nothing, so it was not kept"
        );
    });
}

#[test]
fn a_success_that_changed_nothing_is_not_kept() {
    scenario(|world| {
        world.template("s", json!({}));
        world.require(ADA, "s");
        let call = |customer_id: i64| keyed(world, MARY, "k", "MngRequireKycStep", require(customer_id, "s"));
        assert!(call(ADA).is_ok());
        assert!(call(8).is_ok(), "the key is still free");
        assert_eq!(call(ADA), Err(DUPLICATE));
    });
}

#[test]
fn a_key_is_scoped_to_subject_session_and_command() {
    scenario(|world| {
        world.template("s", json!({}));
        let call =
            |token: &str, customer_id: i64| keyed(world, token, "k", "MngRequireKycStep", require(customer_id, "s"));
        assert!(call(MARY, 1).is_ok());
        assert!(call("1:other", 2).is_ok(), "another subject");
        assert!(call("10:mary", 3).is_ok(), "another session");
        assert!(call(ADAM, 4).is_ok());
        let level = json!({ "customer_id": 1, "brand": "acme", "level": 1 });
        assert!(
            keyed(world, MARY, "k", "MngSetKycRequiredLevel", level).is_ok(),
            "another command"
        );
        assert_eq!(call(MARY, 2), Err(DUPLICATE));
    });
}

#[test]
fn a_kept_reply_is_not_for_a_token_to_which_its_brand_does_not_exist() {
    scenario(|world| {
        world.template("s", json!({}));
        let call = |token: &str| keyed(world, token, "k", "MngRequireKycStep", require(ADA, "s"));
        let first = call("1:mary@acme").unwrap();
        assert_eq!(call("1:mary@acme,beta"), Ok(first));
        assert_eq!(call("1:mary@beta"), Err((404, "RET_NOT_FOUND")));
    });
}

#[test]
fn customers_with_the_same_subject_do_not_share_keys() {
    scenario(|world| {
        world.ok(
            "MngAddKycStepTemplate",
            json!({ "brand": "beta", "code": "s", "level": 1, "step_type": 1 }),
        );
        world.template("s", json!({ "step_type": 1 }));
        for (brand, number) in [("acme", 7), ("acme", 8), ("beta", 7)] {
            let data = json!({ "customer_id": number, "brand": brand, "step_code": "s" });
            let id = id_of(&world.ok("MngRequireKycStep", data)["step_id"]);
            let token = customer_of(brand, number);
            let reply = keyed(world, &token, "k", "CustomerSubmitKycStep", json!({ "id": id })).unwrap();
            assert_eq!(reply["step"]["id"], id);
        }
    });
}

#[test]
fn a_key_has_1_to_128_characters() {
    scenario(|world| {
        world.template("s", json!({}));
        for (length, fits) in [(0, false), (1, true), (128, true), (129, false)] {
            // Characters, not bytes.
            let key = "é".repeat(length);
            let reply = keyed(
                world,
                MARY,
                &key,
                "MngRequireKycStep",
                require(i64::try_from(length).unwrap() + 1, "s"),
            );
            assert_eq!(reply.is_ok(), fits, "{length}: {reply:?}");
        }
    });
}

#[test]
fn a_kept_reply_is_forgotten_after_a_day() {
    scenario(|world| {
        world.template("s", json!({}));
        let call = |customer_id: i64| keyed(world, MARY, "k", "MngRequireKycStep", require(customer_id, "s"));
        let first = call(ADA).unwrap();
        world.advance(DAY - 1);
        assert_eq!(world.tick().replies, 0);
        assert_eq!(call(ADA), Ok(first));
        assert_eq!(call(8), Err(DUPLICATE));
        world.advance(2);
        assert_eq!(world.tick().replies, 1);
        assert!(call(8).is_ok());
    });
}

#[test]
fn a_tick_knows_whether_more_is_due() {
    let world = World::new();
    world.template("s", json!({ "step_type": 4 }));
    for customer in 1..=150 {
        let id = world.require(customer, "s");
        world.ok(
            "MngApproveKycStep",
            json!({ "id": id, "expires_time": world.now() + 60 }),
        );
    }
    assert_eq!((world.tick().customers, world.tick().next_seconds), (0, None));
    world.advance(60);
    let first = world.tick();
    assert_eq!((first.customers, first.next_seconds), (100, Some(0)));
    let rest = world.tick();
    assert_eq!((rest.customers, rest.next_seconds), (50, None));
    let both = first.and(rest);
    assert_eq!((both.customers, both.next_seconds), (150, None));
}

fn sweep(world: &World) -> usize {
    run(world.app.sweep_files()).unwrap()
}

#[test]
fn a_file_that_nobody_named_goes_after_a_day() {
    scenario(|world| {
        let file = world.upload(&customer(ADA));
        world.advance(DAY - 1);
        assert_eq!((sweep(world), world.blobs.names().len()), (0, 1));
        world.advance(2);
        assert_eq!((sweep(world), world.blobs.names().len()), (1, 0));
        assert!(world.store.snapshot().files.is_empty());
        let data = json!({ "customer_id": ADA, "brand": "acme", "type": "passport", "file_id": file });
        world.refused("MngAddKycDocument", data).is(404, "RET_NOT_FOUND");
        assert_eq!(sweep(world), 0);
    });
}

#[test]
fn a_file_that_a_document_once_named_stays() {
    scenario(|world| {
        let id = world.attach_with(ADA, json!({}));
        world.ok("MngDeleteKycDocument", json!({ "id": id, "reason": "mistake" }));
        world.advance(400 * DAY);
        assert_eq!((sweep(world), world.blobs.names().len()), (0, 1));
    });
}

#[test]
fn a_file_that_a_submitted_answer_named_stays() {
    scenario(|world| {
        let field = json!({ "name": "scan", "type": "file_reference", "required": true });
        let schema = json!({ "sections": [{ "fields": [field] }] });
        world.template("s", json!({ "step_type": 1, "form_schema": schema }));
        let id = world.require(ADA, "s");
        let [named, other] = [0; 2].map(|_| world.upload(&customer(ADA)));
        let submit = |file: &str| json!({ "id": id, "answers": { "scan": file } });
        let theirs = world.upload(&customer(8));
        world
            .refused_as(&customer(ADA), "CustomerSubmitKycStep", submit(&theirs))
            .is(400, "INVALID_DATA");
        world.ok_as(&customer(ADA), "CustomerSubmitKycStep", submit(&named));
        world.advance(2 * DAY);
        assert_eq!(sweep(world), 2);
        let left = world.store.snapshot().files;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].file_id.as_str(), named);
        assert_ne!(named, other);
    });
}

#[test]
fn a_refused_document_claims_no_file() {
    scenario(|world| {
        world.template("s", json!({ "step_type": 4 }));
        let id = world.require(ADA, "s");
        world.ok("MngSkipKycStep", json!({ "id": id, "reason": "R" }));
        let offer = world.offer(ADA, json!({ "step_id": id }));
        world.refused("MngAddKycDocument", offer).is_invalid_state(5);
        world.advance(2 * DAY);
        assert_eq!(sweep(world), 1);
    });
}

#[test]
fn what_a_crash_left_behind_is_swept_and_stored_files_are_not() {
    scenario(|world| {
        world.attach_with(ADA, json!({}));
        let kept = world.blobs.names();
        world.blobs.put("00000000-0000-4000-8000-000000000000.png", "half");
        world.blobs.put("stray.tmp", "half");
        // A twin of a stored file under another extension is nobody's either.
        world.blobs.put(&kept[0].replace(".png", ".pdf"), "half");
        assert_eq!(sweep(world), 0, "it may be on its way in");
        world.advance(DAY + 1);
        assert_eq!(sweep(world), 3);
        assert_eq!(world.blobs.names(), kept);
    });
}
