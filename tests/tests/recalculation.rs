//! What the steps make of the profile: the lines of the recalculation table and their order, the level, risk, review,
//! the customer aggregate, its history, and the gate that asks for it.

use kyc_tests::sim::{ADAM, DAY, START, World, customer, overlaid, scenario};
use serde_json::{Value, json};

/// The customer of these scenarios.
const ADA: i64 = 7;
const NONE: i64 = 0;
const DRAFT: i64 = 1;
const PENDING: i64 = 2;
const APPROVED: i64 = 3;
const REJECTED: i64 = 4;
const EXPIRED: i64 = 5;
const REVIEW_REQUIRED: i64 = 6;

/// Attaches a step that a manager or a submission decides, and brings it to this status.
fn step_in(world: &World, code: &str, level: i64, status: &str) -> i64 {
    let step_type = if status == "pending" { 1 } else { 4 };
    world.template(code, json!({ "level": level, "step_type": step_type }));
    let id = world.require(ADA, code);
    match status {
        "pending" => drop(world.ok("MngSubmitKycStep", json!({ "id": id }))),
        "approved" => drop(world.ok("MngApproveKycStep", json!({ "id": id }))),
        "rejected" => drop(world.ok("MngRejectKycStep", json!({ "id": id, "reason": "R" }))),
        "skipped" => drop(world.ok("MngSkipKycStep", json!({ "id": id, "reason": "R" }))),
        "expired" => {
            world.ok(
                "MngApproveKycStep",
                json!({ "id": id, "expires_time": world.now() + 1 }),
            );
            world.advance(1);
            world.tick();
        }
        _ => {}
    }
    id
}

fn set_risk(world: &World, risk_level: i64) -> Value {
    world.ok(
        "MngSetKycRiskLevel",
        json!({ "customer_id": ADA, "brand": "acme", "risk_level": risk_level, "reason": "screening" }),
    )
}

fn profile(world: &World) -> Value {
    world.profile(ADA)["profile"].clone()
}

/// Profile status and level.
fn stands(world: &World) -> (i64, i64) {
    let profile = profile(world);
    (
        profile["status"].as_i64().unwrap(),
        profile["current_level"].as_i64().unwrap(),
    )
}

/// The table without its first line, for steps that all count unless skipped and whose proof is good.
fn line_of(statuses: &[&str], review: bool) -> i64 {
    let counting: Vec<&&str> = statuses.iter().filter(|status| **status != "skipped").collect();
    let some = |wanted: &str| counting.iter().any(|status| **status == wanted);
    if statuses.is_empty() {
        NONE
    } else if counting.is_empty() {
        DRAFT
    } else if some("rejected") {
        REJECTED
    } else if some("expired") {
        EXPIRED
    } else if some("required") || some("pending") {
        PENDING
    } else if review {
        REVIEW_REQUIRED
    } else {
        APPROVED
    }
}

/// The aggregate's name for a profile status.
fn aggregate_of(status: i64) -> &'static str {
    match status {
        NONE | DRAFT => "none",
        PENDING | REVIEW_REQUIRED => "pending",
        APPROVED => "verified",
        REJECTED => "rejected",
        _ => "expired",
    }
}

/// These statuses, with low risk, high risk, and as a prohibited customer.
fn check_statuses(statuses: &[&str]) {
    scenario(|world| {
        world.set_level(ADA, 1);
        for (place, status) in statuses.iter().enumerate() {
            step_in(world, &format!("s{place}"), 1, status);
        }
        for (risk, review) in [(1, false), (3, true)] {
            set_risk(world, risk);
            let expected = line_of(statuses, review);
            let shown = world.profile(ADA);
            assert_eq!(shown["profile"]["status"], expected, "{statuses:?}, review {review}");
            assert_eq!(shown["customer"]["kyc_status"], aggregate_of(expected));
            assert_eq!(shown["customer"]["kyc_level"], shown["profile"]["current_level"]);
        }
        set_risk(world, 4);
        let shown = world.profile(ADA);
        assert_eq!(stands(world), (REJECTED, 0), "{statuses:?}, prohibited");
        assert_eq!(
            (&shown["customer"]["kyc_status"], &shown["customer"]["kyc_level"]),
            (&json!("rejected"), &json!(0))
        );
    });
}

const STATUSES: [&str; 6] = ["required", "pending", "approved", "rejected", "expired", "skipped"];

#[test]
fn a_profile_without_steps_is_none() {
    check_statuses(&[]);
}

#[test]
fn one_step_makes_the_profile() {
    for status in STATUSES {
        check_statuses(&[status]);
    }
}

#[test]
fn of_two_steps_the_first_line_that_fits_makes_the_profile() {
    for (place, one) in STATUSES.iter().enumerate() {
        for other in &STATUSES[place..] {
            check_statuses(&[one, other]);
        }
    }
}

#[test]
fn of_all_statuses_together_rejected_wins_then_expired_then_the_open_ones() {
    for from in 0..STATUSES.len() {
        let mut statuses = ["rejected", "expired", "required", "pending", "approved", "skipped"][from..].to_vec();
        statuses.reverse();
        check_statuses(&statuses);
    }
}

/// Steps as (level, status), the required level, and the level that they make.
fn check_level(steps: &[(i64, &str)], required_level: i64, expected: i64) {
    scenario(|world| {
        // The level first, while there is no template that it could attach.
        world.set_level(ADA, required_level);
        for (place, (level, status)) in steps.iter().enumerate() {
            step_in(world, &format!("s{place}"), *level, status);
        }
        assert_eq!(stands(world).1, expected, "{steps:?}, required {required_level}");
        assert_eq!(world.profile(ADA)["customer"]["kyc_level"], expected);
    });
}

#[test]
fn the_level_is_the_largest_at_or_below_which_all_that_counts_is_approved() {
    check_level(&[(1, "approved")], 1, 1);
    check_level(&[(1, "approved"), (2, "required")], 2, 1);
    check_level(&[(1, "approved"), (2, "approved")], 2, 2);
    check_level(&[(1, "approved"), (2, "approved")], 9, 2);
    check_level(&[(2, "approved"), (5, "pending")], 5, 2);
    check_level(&[(1, "approved"), (1, "pending")], 1, 0);
    for gap in ["required", "pending", "rejected", "expired"] {
        check_level(&[(1, gap), (2, "approved")], 2, 0);
        check_level(&[(1, "approved"), (2, gap), (3, "approved")], 3, 1);
    }
}

#[test]
fn the_level_never_passes_the_required_one() {
    check_level(&[(1, "approved")], 0, 0);
    check_level(&[(1, "approved"), (3, "approved")], 2, 1);
    check_level(&[(3, "approved")], 2, 0);
    check_level(&[(3, "approved")], 3, 3);
}

#[test]
fn steps_of_level_zero_give_no_level_and_hold_none_back() {
    check_level(&[(0, "approved")], 1, 0);
    check_level(&[(0, "required"), (1, "approved")], 1, 1);
    check_level(&[(0, "rejected"), (1, "approved")], 1, 1);
}

#[test]
fn skipped_steps_name_a_level_but_do_not_carry_it() {
    check_level(&[(1, "skipped")], 1, 0);
    check_level(&[(1, "skipped"), (2, "skipped")], 2, 0);
    check_level(&[(1, "skipped"), (2, "approved")], 2, 2);
    check_level(&[(1, "approved"), (2, "skipped")], 2, 2);
    check_level(&[(1, "required"), (2, "skipped")], 2, 0);
    check_level(&[(1, "approved"), (2, "skipped"), (3, "required")], 3, 2);
    check_level(&[(0, "approved"), (2, "skipped")], 2, 0);
}

#[test]
fn lifting_a_prohibition_gives_back_what_the_steps_make() {
    scenario(|world| {
        world.set_level(ADA, 1);
        step_in(world, "s", 1, "approved");
        assert_eq!(stands(world), (APPROVED, 1));
        set_risk(world, 4);
        assert_eq!(stands(world), (REJECTED, 0));
        step_in(world, "more", 1, "approved");
        assert_eq!(stands(world), (REJECTED, 0), "whatever else holds");
        set_risk(world, 2);
        assert_eq!(stands(world), (APPROVED, 1));
        assert_eq!(world.profile(ADA)["customer"]["kyc_status"], "verified");
    });
}

#[test]
fn a_prohibition_holds_before_there_is_any_step() {
    scenario(|world| {
        set_risk(world, 4);
        assert_eq!(stands(world), (REJECTED, 0));
        set_risk(world, 0);
        assert_eq!(stands(world), (NONE, 0));
    });
}

#[test]
fn risk_that_becomes_high_asks_for_a_review_and_the_review_clears_it() {
    scenario(|world| {
        world.set_level(ADA, 1);
        step_in(world, "s", 1, "approved");
        let kyc_id = profile(world)["id"].clone();
        let review = json!({ "id": kyc_id, "comment": "source of funds seen" });
        world
            .refused("MngReviewKycProfile", review.clone())
            .is_invalid_state(APPROVED);
        set_risk(world, 3);
        let asked = profile(world);
        assert_eq!(
            (&asked["status"], &asked["current_level"]),
            (&json!(REVIEW_REQUIRED), &json!(1))
        );
        assert!(asked["review_reason"].is_string(), "{asked}");
        assert_eq!(asked["review_since"], START);
        world
            .refused("MngReviewKycProfile", json!({ "id": kyc_id }))
            .is(400, "INVALID_DATA");
        let reply = world.ok("MngReviewKycProfile", review);
        let cleared = profile(world);
        assert_eq!(reply, json!({ "accepted": true, "version": cleared["version"] }));
        assert_eq!(cleared["status"], APPROVED);
        assert_eq!(
            (&cleared["review_reason"], &cleared["review_since"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(cleared["risk_level"], 3);
    });
}

#[test]
fn only_a_rise_to_high_asks_for_a_review() {
    scenario(|world| {
        world.set_level(ADA, 1);
        step_in(world, "s", 1, "approved");
        set_risk(world, 3);
        let kyc_id = profile(world)["id"].clone();
        world.advance(60);
        set_risk(world, 2);
        assert_eq!(profile(world)["status"], REVIEW_REQUIRED, "a lower risk is no review");
        set_risk(world, 3);
        assert_eq!(profile(world)["review_since"], START, "asked since the first time");
        world.ok("MngReviewKycProfile", json!({ "id": kyc_id, "comment": "seen" }));
        set_risk(world, 3);
        assert_eq!(profile(world)["status"], APPROVED, "it was high already");
        set_risk(world, 1);
        set_risk(world, 3);
        assert_eq!(profile(world)["review_since"], START + 60);
    });
}

#[test]
fn the_same_risk_again_changes_nothing() {
    scenario(|world| {
        let first = set_risk(world, 3);
        let data = json!({ "customer_id": ADA, "brand": "acme", "risk_level": 3, "reason": "again" });
        assert_eq!(world.no_op("MngSetKycRiskLevel", data), first);
    });
}

/// An approved document step with one approved document, at level 1.
fn proven(world: &World) -> (i64, i64) {
    world.template("proof", json!({ "requirements": { "documents": ["passport"] } }));
    world.set_level(ADA, 1);
    let id = world.require(ADA, "proof");
    let document = world.attach(ADA, id, "passport");
    world.ok("MngApproveKycStep", json!({ "id": id }));
    assert_eq!(stands(world), (APPROVED, 1));
    (id, document)
}

#[test]
fn a_document_that_is_revoked_or_deleted_under_an_approval_calls_for_review_until_a_good_one_comes() {
    for name in ["MngRejectKycDocument", "MngDeleteKycDocument"] {
        scenario(|world| {
            let (step, document) = proven(world);
            world.ok(name, json!({ "id": document, "reason": "FORGED" }));
            assert_eq!(stands(world), (REVIEW_REQUIRED, 1));
            assert_eq!(world.profile(ADA)["customer"]["kyc_status"], "pending");
            let wrong = world.attach(ADA, step, "selfie");
            world.ok("MngApproveKycDocument", json!({ "id": wrong }));
            assert_eq!(stands(world), (REVIEW_REQUIRED, 1), "not what is asked for");
            let good = world.attach(ADA, step, "passport");
            assert_eq!(stands(world), (REVIEW_REQUIRED, 1), "not looked at yet");
            world.ok("MngApproveKycDocument", json!({ "id": good }));
            assert_eq!(stands(world), (APPROVED, 1));
        });
    }
}

#[test]
fn a_document_trouble_is_cleared_by_rejecting_or_re_opening_the_step() {
    scenario(|world| {
        let (step, document) = proven(world);
        world.ok("MngRejectKycDocument", json!({ "id": document, "reason": "FORGED" }));
        world.ok("MngRejectKycStep", json!({ "id": step, "reason": "FORGED" }));
        assert_eq!(stands(world), (REJECTED, 0));
        world.require(ADA, "proof");
        assert_eq!(stands(world), (PENDING, 0));
    });
}

#[test]
fn a_document_that_lapses_under_an_approval_calls_for_review() {
    scenario(|world| {
        world.template("proof", json!({}));
        world.set_level(ADA, 1);
        let id = world.require(ADA, "proof");
        let document = world.attach_with(ADA, json!({ "step_id": id, "expires_time": START + DAY }));
        world.ok("MngApproveKycStep", json!({ "id": id }));
        world.advance(DAY - 1);
        world.tick();
        assert_eq!(stands(world), (APPROVED, 1));
        world.advance(1);
        world.tick();
        assert_eq!(
            (stands(world), world.document_status(document)),
            ((REVIEW_REQUIRED, 1), 4)
        );
    });
}

#[test]
fn a_skipped_step_needs_no_proof() {
    scenario(|world| {
        let (step, document) = proven(world);
        world.ok("MngRejectKycDocument", json!({ "id": document, "reason": "FORGED" }));
        world.ok("MngRejectKycStep", json!({ "id": step, "reason": "FORGED" }));
        world.require(ADA, "proof");
        world.ok("MngSkipKycStep", json!({ "id": step, "reason": "waived" }));
        step_in(world, "other", 1, "approved");
        assert_eq!(stands(world), (APPROVED, 1));
    });
}

#[test]
fn the_aggregate_ends_with_the_earliest_approval_that_counts() {
    scenario(|world| {
        world.set_level(ADA, 2);
        for code in ["a", "b", "c"] {
            world.template(code, json!({ "step_type": 4 }));
        }
        let [a, b, c] = ["a", "b", "c"].map(|code| world.require(ADA, code));
        let approve = |id: i64, end: i64| drop(world.ok("MngApproveKycStep", json!({ "id": id, "expires_time": end })));
        let ends = || {
            let shown = world.profile(ADA);
            assert_eq!(shown["profile"]["expires_time"], shown["customer"]["kyc_expires_at"]);
            shown["customer"]["kyc_expires_at"].clone()
        };
        assert_eq!(ends(), Value::Null);
        approve(a, START + 300);
        assert_eq!(ends(), START + 300);
        approve(b, START + 200);
        assert_eq!(ends(), START + 200);
        world.ok("MngApproveKycStep", json!({ "id": c }));
        assert_eq!(ends(), START + 200, "one without an end sets none");
        world.ok("MngRejectKycStep", json!({ "id": b, "reason": "R" }));
        assert_eq!(ends(), START + 300);
        world.advance(300);
        world.tick();
        assert_eq!(ends(), Value::Null);
    });
}

#[test]
fn the_queue_knows_how_many_steps_wait_and_since_when() {
    scenario(|world| {
        let queue = || {
            let profile = profile(world);
            (
                profile["pending_steps"].clone(),
                profile["oldest_submitted_time"].clone(),
            )
        };
        let first = step_in(world, "a", 1, "pending");
        world.advance(5);
        let second = step_in(world, "b", 1, "pending");
        step_in(world, "c", 1, "approved");
        assert_eq!(queue(), (json!(2), json!(START)));
        world.ok("MngApproveKycStep", json!({ "id": first }));
        assert_eq!(queue(), (json!(1), json!(START + 5)));
        world.ok("MngRejectKycStep", json!({ "id": second, "reason": "R" }));
        assert_eq!(queue(), (json!(0), Value::Null));
        world.advance(5);
        world.ok("MngSubmitKycStep", json!({ "id": second }));
        assert_eq!(queue(), (json!(1), json!(START + 10)));
    });
}

#[test]
fn the_last_event_is_the_latest_step_or_level_change_and_nothing_else() {
    scenario(|world| {
        let last = || world.profile(ADA)["customer"]["kyc_last_event_at"].clone();
        set_risk(world, 1);
        assert_eq!(last(), Value::Null);
        world.template("s", json!({ "step_type": 1 }));
        world.set_level(ADA, 1);
        assert_eq!(last(), START, "a level");
        let id = world.customer(ADA).steps[0].id.0;
        let mut now = START;
        let mut later = || {
            world.advance(10);
            now += 10;
            now
        };
        let moves = [
            ("MngSubmitKycStep", json!({ "id": id })),
            ("MngRejectKycStep", json!({ "id": id, "reason": "R" })),
            (
                "MngRequireKycStep",
                json!({ "customer_id": ADA, "brand": "acme", "step_code": "s" }),
            ),
            ("MngSkipKycStep", json!({ "id": id, "reason": "R" })),
        ];
        for (name, data) in moves {
            let now = later();
            world.ok(name, data);
            assert_eq!(last(), now, "{name}");
        }
        let before = last();
        later();
        set_risk(world, 3);
        world.ok(
            "MngReviewKycProfile",
            json!({ "id": profile(world)["id"], "comment": "seen" }),
        );
        let document = world.attach_with(ADA, json!({}));
        world.ok("MngApproveKycDocument", json!({ "id": document }));
        world.ok(
            "MngLinkKycCustomer",
            json!({ "customer_id": ADA, "brand": "acme", "external_id": "p-1" }),
        );
        assert_eq!(last(), before);
    });
}

/// The history, oldest first, as (event, source, from, to, level, reason).
fn history(world: &World) -> Vec<Value> {
    let kyc_id = profile(world)["id"].clone();
    let list = world.ok("MngGetKycHistory", json!({ "id": kyc_id, "limit": 1_000 }));
    let rows = list["rows"].as_array().unwrap();
    let mut ids: Vec<i64> = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted_by(|one, next| one > next), "newest first");
    ids.dedup();
    assert_eq!(ids.len(), rows.len());
    assert_eq!(
        world.profile(ADA)["customer"]["kyc_history"],
        list["rows"],
        "the profile shows the same"
    );
    let short = |row: &Value| {
        assert_eq!((&row["applied"], &row["ts"]), (&json!(true), &row["at"]));
        json!([
            row["event"],
            row["source"],
            row["from"],
            row["to"],
            row["level"],
            row["reason"]
        ])
    };
    rows.iter().rev().map(short).collect()
}

#[test]
fn the_history_tells_the_verification_in_order() {
    scenario(|world| {
        world.template("proof", json!({ "requirements": { "valid_days": 1, "warn_days": 0 } }));
        world.set_level(ADA, 1);
        let id = world.customer(ADA).steps[0].id.0;
        let kyc_id = profile(world)["id"].clone();
        let file = world.upload(&customer(ADA));
        let offer = json!({ "kyc_id": kyc_id, "step_id": id, "type": "passport", "file_id": file });
        world.ok_as(&customer(ADA), "CustomerAddKycDocument", offer);
        world.ok("MngRejectKycStep", json!({ "id": id, "reason": "BLURRED" }));
        let document = world.attach(ADA, id, "passport");
        world.ok("MngApproveKycStep", json!({ "id": id }));
        world.ok("MngRejectKycDocument", json!({ "id": document, "reason": "FORGED" }));
        world.advance(DAY);
        world.tick();
        let empty = Value::Null;
        let expected = [
            json!(["kyc.required", "manager", "none", "pending", 1, empty]),
            json!(["document.added", "customer", "pending", "pending", 1, empty]),
            json!(["kyc.submitted", "customer", "pending", "pending", 1, empty]),
            json!(["kyc.rejected", "manager", "pending", "rejected", 1, "BLURRED"]),
            json!(["document.added", "manager", "rejected", "pending", 1, empty]),
            json!(["kyc.submitted", "manager", "rejected", "pending", 1, empty]),
            json!(["kyc.approved", "manager", "pending", "verified", 1, empty]),
            json!(["document.rejected", "manager", "verified", "pending", 1, "FORGED"]),
            json!(["kyc.expired", "system", "pending", "expired", 1, "expired"]),
        ];
        assert_eq!(history(world), expected);
    });
}

#[test]
fn the_history_tells_risk_review_skip_and_what_becomes_of_documents() {
    scenario(|world| {
        world.set_level(ADA, 1);
        let [skipped, _] = ["skipped", "approved"].map(|code| {
            world.template(code, json!({ "level": 1, "step_type": 4 }));
            world.require(ADA, code)
        });
        world.ok("MngSkipKycStep", json!({ "id": skipped, "reason": "waived" }));
        let before = history(world).len();
        set_risk(world, 3);
        world.ok(
            "MngReviewKycProfile",
            json!({ "id": profile(world)["id"], "comment": "seen" }),
        );
        let document = world.attach_with(ADA, json!({ "expires_time": START + 10 }));
        world.ok("MngApproveKycDocument", json!({ "id": document }));
        world.advance(10);
        world.tick();
        world.ok("MngDeleteKycDocument", json!({ "id": document, "reason": "mistake" }));
        let all = history(world);
        assert_eq!(
            all[before - 1],
            json!(["kyc.skipped", "manager", "pending", "pending", 1, "waived"])
        );
        let events: Vec<(&str, &str)> = all[before..]
            .iter()
            .map(|entry| (entry[0].as_str().unwrap(), entry[1].as_str().unwrap()))
            .collect();
        let expected = [
            ("risk.set", "manager"),
            ("kyc.review_requested", "system"),
            ("kyc.reviewed", "manager"),
            ("document.added", "manager"),
            ("document.approved", "manager"),
            ("document.expired", "system"),
            ("document.deleted", "manager"),
        ];
        assert_eq!(events, expected);
    });
}

/// Asks the gate.
fn gate() -> (&'static str, Value) {
    (
        "MngCheckRealAccountGate",
        json!({ "customer_id": ADA, "brand": "acme" }),
    )
}

fn set_brand(world: &World, settings: Value) {
    world.ok_as(ADAM, "MngSetKycBrand", overlaid(json!({ "brand": "acme" }), settings));
}

#[test]
fn a_shut_gate_asks_for_what_would_open_it_and_that_stands() {
    scenario(|world| {
        world.template("proof", json!({ "step_type": 4 }));
        world.template("later", json!({ "step_type": 4, "level": 2 }));
        let (name, data) = gate();
        let rows = world.rows_of(|| {
            let shut = world.attempt("1:mary", name, data.clone()).unwrap_err();
            assert_eq!((shut.status(), shut.code()), (403, "KYC_REQUIRED"));
            let body = Value::Object(shut.body());
            let kyc_id = profile(world)["id"].clone();
            let expected = json!({ "error": "KYC_REQUIRED", "message": body["message"], "kyc_required": true,
                "kyc_required_level": 1, "kyc_status": PENDING, "kyc_current_level": 0, "kyc_profile_id": kyc_id });
            assert_eq!(body, expected);
        });
        let level = rows.iter().find(|row| row.action == "level.required").unwrap();
        assert_eq!(level.reason.as_deref(), Some("real_account_required"));
        assert_eq!(level.source.as_deref(), Some("account_opening"));
        let steps = world.profile(ADA)["steps"].clone();
        assert_eq!(steps.as_array().unwrap().len(), 1);
        // Asked again, it is still shut, and nothing more is to be done.
        world.refused(name, data.clone()).is(403, "KYC_REQUIRED");
        world.ok("MngApproveKycStep", json!({ "id": steps[0]["id"] }));
        assert_eq!(world.no_op(name, data), json!({ "allowed": true }));
    });
}

#[test]
fn the_gate_opens_without_verification_where_the_brand_needs_none() {
    for settings in [
        json!({ "kyc_required_for_real": 0 }),
        json!({ "real_account_level": 0 }),
    ] {
        scenario(|world| {
            let (name, data) = gate();
            set_brand(world, settings.clone());
            assert_eq!(world.no_op(name, data), json!({ "allowed": true }));
        });
    }
}

#[test]
fn the_gate_asks_for_the_brands_level() {
    scenario(|world| {
        set_brand(world, json!({ "real_account_level": 2 }));
        for (code, level) in [("one", 1), ("two", 2), ("three", 3)] {
            world.template(code, json!({ "step_type": 4, "level": level }));
        }
        let (name, data) = gate();
        let shut = world.attempt("1:mary", name, data.clone()).unwrap_err().body();
        assert_eq!(shut["kyc_required_level"], 2);
        let ids: Vec<i64> = world.customer(ADA).steps.iter().map(|step| step.id.0).collect();
        assert_eq!(ids.len(), 2);
        world.ok("MngApproveKycStep", json!({ "id": ids[0] }));
        let refusal = world.refused(name, data.clone());
        assert_eq!(refusal.body["kyc_current_level"], 1);
        world.ok("MngApproveKycStep", json!({ "id": ids[1] }));
        assert_eq!(world.no_op(name, data.clone()), json!({ "allowed": true }));
        set_brand(world, json!({ "real_account_level": 1 }));
        assert_eq!(world.no_op(name, data), json!({ "allowed": true }));
    });
}

#[test]
fn what_was_approved_before_opens_the_gate_at_once() {
    scenario(|world| {
        step_in(world, "proof", 1, "approved");
        assert_eq!(stands(world), (APPROVED, 0), "no level was asked for");
        let (name, data) = gate();
        assert_eq!(world.ok(name, data), json!({ "allowed": true }));
        assert_eq!(stands(world), (APPROVED, 1));
    });
}

#[test]
fn a_lapse_shuts_the_gate_before_any_tick_and_is_asked_for_again() {
    scenario(|world| {
        world.template("proof", json!({ "step_type": 4 }));
        world.set_level(ADA, 1);
        let id = world.customer(ADA).steps[0].id.0;
        world.ok("MngApproveKycStep", json!({ "id": id, "expires_time": START + 60 }));
        let (name, data) = gate();
        world.advance(59);
        assert_eq!(world.no_op(name, data.clone()), json!({ "allowed": true }));
        world.advance(1);
        let shut = world.attempt("1:mary", name, data).unwrap_err();
        assert_eq!(shut.code(), "KYC_REQUIRED");
        assert_eq!(world.step_status(id), 0, "lapsed, and opened again by the gate");
    });
}

#[test]
fn the_gate_never_re_opens_what_a_person_rejected() {
    scenario(|world| {
        world.set_level(ADA, 1);
        let id = step_in(world, "proof", 1, "rejected");
        let (name, data) = gate();
        let refusal = world.refused(name, data);
        refusal.is(403, "KYC_REQUIRED");
        assert_eq!(refusal.body["kyc_status"], REJECTED);
        assert_eq!(world.step_status(id), 3);
    });
}

#[test]
fn a_prohibited_customer_finds_the_gate_shut() {
    scenario(|world| {
        proven(world);
        set_risk(world, 4);
        let (name, data) = gate();
        let refusal = world.refused(name, data);
        refusal.is(403, "KYC_REQUIRED");
        assert_eq!(
            (&refusal.body["kyc_status"], &refusal.body["kyc_current_level"]),
            (&json!(REJECTED), &json!(0))
        );
    });
}

#[test]
fn a_gate_below_the_level_asked_for_is_shut_without_a_change() {
    scenario(|world| {
        world.template("proof", json!({ "step_type": 4 }));
        world.set_level(ADA, 3);
        let (name, data) = gate();
        world.refused(name, data).is(403, "KYC_REQUIRED");
        assert_eq!(profile(world)["required_level"], 3);
    });
}
