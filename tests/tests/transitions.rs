//! Steps and documents: every transition of the domain page's tables, allowed and refused, and the rules around them.

use kyc_tests::sim::{DAY, START, World, overlaid, scenario};
use serde_json::{Value, json};

/// The customer of these scenarios.
const ADA: i64 = 7;
// Statuses of steps.
const REQUIRED: i64 = 0;
const PENDING: i64 = 1;
const APPROVED: i64 = 2;
const REJECTED: i64 = 3;
const EXPIRED: i64 = 4;
const SKIPPED: i64 = 5;
// Those of documents that steps do not share; the four in between have the same numbers.
const UPLOADED: i64 = 0;
const DELETED: i64 = 5;
// Step types.
const DOCUMENT: i64 = 0;
const QUESTIONNAIRE: i64 = 1;
const MIXED: i64 = 2;
const PROVIDER: i64 = 3;
const MANUAL: i64 = 4;

/// A template whose questionnaire, if it has one, asks for one name.
fn template_of(world: &World, code: &str, step_type: i64, more: Value) -> i64 {
    let field = json!({ "name": "first_name", "type": "text", "required": true });
    let schema = match step_type {
        QUESTIONNAIRE | MIXED => json!({ "sections": [{ "fields": [field] }] }),
        _ => json!({}),
    };
    world.template(
        code,
        overlaid(json!({ "step_type": step_type, "form_schema": schema }), more),
    )
}

/// A step of this type, just required.
fn required_step(world: &World, step_type: i64, more: Value) -> i64 {
    template_of(world, "s", step_type, more);
    world.require(ADA, "s")
}

fn answers() -> Value {
    json!({ "first_name": "Ada" })
}

/// Submits with what the type demands.
fn submit(world: &World, id: i64, step_type: i64) {
    if matches!(step_type, DOCUMENT | MIXED) {
        world.attach(ADA, id, "passport");
    }
    if matches!(step_type, QUESTIONNAIRE | MIXED) {
        world.ok("MngSubmitKycStep", json!({ "id": id, "answers": answers() }));
    }
    assert_eq!(world.step_status(id), PENDING);
}

fn approve(world: &World, id: i64, step_type: i64, more: Value) {
    if !matches!(step_type, PROVIDER | MANUAL) && world.step_status(id) != PENDING {
        submit(world, id, step_type);
    }
    world.ok("MngApproveKycStep", overlaid(json!({ "id": id }), more));
}

fn expire(world: &World, id: i64, step_type: i64) {
    approve(world, id, step_type, json!({ "expires_time": world.now() + 60 }));
    world.advance(60);
    world.tick();
}

/// Brings a step that is required to this status; whether that can be.
fn bring(world: &World, id: i64, step_type: i64, status: i64) -> bool {
    match status {
        PENDING if matches!(step_type, PROVIDER | MANUAL) => return false,
        PENDING => submit(world, id, step_type),
        APPROVED => approve(world, id, step_type, json!({})),
        REJECTED => {
            bring(world, id, step_type, PENDING);
            world.ok("MngRejectKycStep", json!({ "id": id, "reason": "BLURRED" }));
        }
        EXPIRED => expire(world, id, step_type),
        SKIPPED => drop(world.ok("MngSkipKycStep", json!({ "id": id, "reason": "not_needed" }))),
        _ => {}
    }
    assert_eq!(world.step_status(id), status);
    true
}

/// What can happen to a step.
const EVENTS: [&str; 7] = [
    "submit",
    "approve",
    "reject",
    "reject again",
    "skip",
    "require",
    "level",
];

/// The table: what becomes of a step in this status; `None` where it is refused.
fn step_table(step_type: i64, status: i64, event: &str) -> Option<i64> {
    let decided = matches!(step_type, PROVIDER | MANUAL);
    match (event, status) {
        ("submit", REQUIRED | REJECTED | EXPIRED) if !decided => Some(PENDING),
        ("approve", PENDING | APPROVED) => Some(APPROVED),
        ("approve", REQUIRED | REJECTED | EXPIRED) if decided => Some(APPROVED),
        ("reject", PENDING | APPROVED) | ("reject again", PENDING | APPROVED | REJECTED) => Some(REJECTED),
        ("reject" | "reject again", REQUIRED | EXPIRED) if decided => Some(REJECTED),
        ("skip", REQUIRED | EXPIRED) => Some(SKIPPED),
        ("require", REJECTED | EXPIRED | SKIPPED) | ("level", EXPIRED) => Some(REQUIRED),
        ("require" | "level", status) => Some(status),
        _ => None,
    }
}

fn step_command(world: &World, event: &str, id: i64, step_type: i64, status: i64) -> (&'static str, Value) {
    match event {
        "submit" => {
            if step_type == MIXED && matches!(status, REQUIRED | REJECTED | EXPIRED) {
                world.attach(ADA, id, "passport");
            }
            let own = matches!(step_type, QUESTIONNAIRE | MIXED).then(answers);
            match (step_type, status) {
                // A complete document step submits itself.
                (DOCUMENT, REQUIRED | REJECTED | EXPIRED) => {
                    ("MngAddKycDocument", world.offer(ADA, json!({ "step_id": id })))
                }
                _ => ("MngSubmitKycStep", json!({ "id": id, "answers": own })),
            }
        }
        "approve" => ("MngApproveKycStep", json!({ "id": id })),
        "reject" => ("MngRejectKycStep", json!({ "id": id, "reason": "FORGED" })),
        "reject again" => ("MngRejectKycStep", json!({ "id": id, "reason": "BLURRED" })),
        "skip" => ("MngSkipKycStep", json!({ "id": id, "reason": "not_needed" })),
        "require" => (
            "MngRequireKycStep",
            json!({ "customer_id": ADA, "brand": "acme", "step_code": "s" }),
        ),
        _ => (
            "MngSetKycRequiredLevel",
            json!({ "customer_id": ADA, "brand": "acme", "level": 1 }),
        ),
    }
}

fn try_step_transition(world: &World, step_type: i64, status: i64, event: &str) {
    let id = required_step(world, step_type, json!({}));
    // The level is reached before, so that what is tried concerns the step alone.
    world.set_level(ADA, 1);
    if !bring(world, id, step_type, status) {
        return;
    }
    let version = world.step(id)["version"].as_i64().unwrap();
    let (name, data) = step_command(world, event, id, step_type, status);
    let Some(expected) = step_table(step_type, status, event) else {
        return world.refused(name, data).is_invalid_state(status);
    };
    if expected == status {
        let reply = world.no_op(name, data);
        if matches!(event, "approve" | "reject again") {
            assert_eq!(reply, json!({ "accepted": true, "version": version }));
        }
    } else {
        let reply = world.ok(name, data);
        if matches!(event, "approve" | "reject" | "reject again" | "skip") {
            assert_eq!(reply, json!({ "accepted": true, "version": version + 1 }));
        }
        assert_eq!(world.step(id)["version"], version + 1);
    }
    assert_eq!(
        world.step_status(id),
        expected,
        "type {step_type}, status {status}, {event}"
    );
}

fn check_step_table(step_type: i64) {
    for status in [REQUIRED, PENDING, APPROVED, REJECTED, EXPIRED, SKIPPED] {
        for event in EVENTS {
            scenario(|world| try_step_transition(world, step_type, status, event));
        }
    }
}

#[test]
fn document_steps_follow_the_table() {
    check_step_table(DOCUMENT);
}

#[test]
fn questionnaire_steps_follow_the_table() {
    check_step_table(QUESTIONNAIRE);
}

#[test]
fn mixed_steps_follow_the_table() {
    check_step_table(MIXED);
}

#[test]
fn provider_steps_follow_the_table() {
    check_step_table(PROVIDER);
}

#[test]
fn manual_steps_follow_the_table() {
    check_step_table(MANUAL);
}

#[test]
fn a_rejection_for_the_reason_of_an_approved_step_is_a_revocation() {
    scenario(|world| {
        let id = required_step(world, QUESTIONNAIRE, json!({}));
        approve(world, id, QUESTIONNAIRE, json!({ "comment": "fine" }));
        world.ok(
            "MngRejectKycStep",
            json!({ "id": id, "reason": "FORGED", "comment": "no", "customer_message": "Sorry" }),
        );
        let step = world.step(id);
        assert_eq!(
            [&step["reason"], &step["comment"], &step["customer_message"]],
            ["FORGED", "no", "Sorry"]
        );
        assert_eq!(step["reviewed_by"], "mary");
        assert_eq!(step["expires_time"], Value::Null);
    });
}

#[test]
fn an_unknown_step_or_document_is_not_found() {
    scenario(|world| {
        for name in ["MngApproveKycStep", "MngSubmitKycStep"] {
            world.refused(name, json!({ "id": 99 })).is(404, "RET_NOT_FOUND");
        }
        for name in [
            "MngRejectKycStep",
            "MngSkipKycStep",
            "MngRejectKycDocument",
            "MngDeleteKycDocument",
        ] {
            world
                .refused(name, json!({ "id": 99, "reason": "R" }))
                .is(404, "RET_NOT_FOUND");
        }
        world
            .refused("MngApproveKycDocument", json!({ "id": 99 }))
            .is(404, "RET_NOT_FOUND");
    });
}

#[test]
fn a_step_verdict_on_another_version_is_stale() {
    let verdicts = [
        ("MngApproveKycStep", json!({}), PENDING),
        ("MngRejectKycStep", json!({ "reason": "R" }), PENDING),
        ("MngSkipKycStep", json!({ "reason": "R" }), REQUIRED),
    ];
    for (name, data, status) in verdicts {
        scenario(|world| {
            let id = required_step(world, QUESTIONNAIRE, json!({}));
            bring(world, id, QUESTIONNAIRE, status);
            let version = world.step(id)["version"].as_i64().unwrap();
            for other in [version - 1, version + 1] {
                if other == 0 {
                    continue;
                }
                let data = overlaid(data.clone(), json!({ "id": id, "expected_version": other }));
                let stale = world.refused(name, data);
                stale.is(409, "STALE");
                assert_eq!(stale.body["current_version"], version);
            }
            let reply = world.ok(
                name,
                overlaid(data.clone(), json!({ "id": id, "expected_version": version })),
            );
            assert_eq!(reply["version"], version + 1);
        });
    }
}

#[test]
fn a_document_verdict_on_another_version_is_stale() {
    let verdicts = [
        ("MngApproveKycDocument", json!({})),
        ("MngRejectKycDocument", json!({ "reason": "R" })),
        ("MngDeleteKycDocument", json!({ "reason": "R" })),
    ];
    for (name, data) in verdicts {
        scenario(|world| {
            let id = world.attach_with(ADA, json!({}));
            let stale = world.refused(name, overlaid(data.clone(), json!({ "id": id, "expected_version": 2 })));
            stale.is(409, "STALE");
            assert_eq!(stale.body["current_version"], 1);
            let reply = world.ok(name, overlaid(data.clone(), json!({ "id": id, "expected_version": 1 })));
            assert_eq!(reply, json!({ "accepted": true, "version": 2 }));
        });
    }
}

#[test]
fn a_document_added_under_the_reviewers_eyes_makes_the_verdict_stale() {
    scenario(|world| {
        let id = required_step(world, DOCUMENT, json!({}));
        world.attach(ADA, id, "passport");
        let seen = world.step(id)["version"].as_i64().unwrap();
        let late = world.attach(ADA, id, "selfie");
        assert_eq!(world.document_status(late), PENDING);
        assert_eq!(world.step(id)["version"], seen + 1);
        let approve = |version: i64| json!({ "id": id, "expected_version": version });
        world.refused("MngApproveKycStep", approve(seen)).is(409, "STALE");
        world.ok("MngApproveKycStep", approve(seen + 1));
        assert_eq!(world.document_status(late), APPROVED);
    });
}

#[test]
fn a_questionnaire_is_submitted_by_valid_answers_alone() {
    scenario(|world| {
        let id = required_step(world, QUESTIONNAIRE, json!({}));
        for wrong in [
            json!({}),
            json!({ "first_name": 3 }),
            json!({ "first_name": "Ada", "other": 1 }),
        ] {
            let refusal = world.refused("MngSubmitKycStep", json!({ "id": id, "answers": wrong }));
            refusal.is(400, "INVALID_DATA");
            assert_eq!(refusal.body["details"].as_array().unwrap().len(), 1);
        }
        let wrong = json!({ "first_name": 3, "other": 1 });
        let refusal = world.refused("MngSubmitKycStep", json!({ "id": id, "answers": wrong }));
        assert_eq!(
            refusal.body["details"].as_array().unwrap().len(),
            2,
            "every error at once"
        );
        let reply = world.ok("MngSubmitKycStep", json!({ "id": id, "answers": answers() }));
        assert_eq!(reply["step"]["status"], PENDING);
        assert_eq!(reply["step"]["answers"], answers());
        assert_eq!(reply["step"]["submitted_time"], START);
    });
}

#[test]
fn a_document_step_takes_no_answers_and_needs_documents() {
    scenario(|world| {
        let id = required_step(
            world,
            DOCUMENT,
            json!({ "requirements": { "documents": ["passport"] } }),
        );
        let submit = |answers: Value| json!({ "id": id, "answers": answers });
        world
            .refused("MngSubmitKycStep", submit(answers()))
            .is(400, "INVALID_DATA");
        let missing = world.refused("MngSubmitKycStep", submit(json!({})));
        missing.is(409, "DOCUMENTS_MISSING");
        assert_eq!(missing.body["missing"], json!(["passport"]));
    });
}

#[test]
fn a_mixed_step_needs_both_and_never_submits_itself() {
    scenario(|world| {
        let id = required_step(world, MIXED, json!({}));
        let submit = |answers: Value| json!({ "id": id, "answers": answers });
        world
            .refused("MngSubmitKycStep", submit(answers()))
            .is(409, "DOCUMENTS_MISSING");
        let document = world.attach(ADA, id, "passport");
        assert_eq!(
            (world.step_status(id), world.document_status(document)),
            (REQUIRED, UPLOADED)
        );
        world
            .refused("MngSubmitKycStep", submit(json!({})))
            .is(400, "INVALID_DATA");
        world.ok("MngSubmitKycStep", submit(answers()));
        assert_eq!(
            (world.step_status(id), world.document_status(document)),
            (PENDING, PENDING)
        );
    });
}

#[test]
fn any_one_of_the_accepted_documents_completes_a_step() {
    for kind in ["passport", "id_card"] {
        scenario(|world| {
            let requirements = json!({ "documents": ["passport", "id_card"] });
            let id = required_step(world, DOCUMENT, json!({ "requirements": requirements }));
            world.attach(ADA, id, "selfie");
            assert_eq!(world.step_status(id), REQUIRED);
            world.attach(ADA, id, kind);
            assert_eq!(world.step_status(id), PENDING);
        });
    }
}

#[test]
fn all_demanded_documents_complete_a_step_and_no_fewer() {
    scenario(|world| {
        let requirements = json!({ "all_documents": ["passport", "bill"], "documents": ["selfie", "video"] });
        let id = required_step(world, DOCUMENT, json!({ "requirements": requirements }));
        let first = world.attach(ADA, id, "passport");
        world.attach(ADA, id, "bill");
        assert_eq!(
            (world.step_status(id), world.document_status(first)),
            (REQUIRED, UPLOADED)
        );
        let missing = world.refused("MngSubmitKycStep", json!({ "id": id }));
        missing.is(409, "DOCUMENTS_MISSING");
        world.attach(ADA, id, "video");
        assert_eq!(
            (world.step_status(id), world.document_status(first)),
            (PENDING, PENDING)
        );
    });
}

#[test]
fn documents_that_are_not_live_complete_nothing() {
    scenario(|world| {
        let id = required_step(
            world,
            DOCUMENT,
            json!({ "requirements": { "all_documents": ["a", "b"] } }),
        );
        let lapsing = world.attach_with(ADA, json!({ "step_id": id, "type": "a", "expires_time": START + 10 }));
        world.advance(10);
        world.attach(ADA, id, "b");
        assert_eq!(world.step_status(id), REQUIRED, "one past its end is not live");
        assert_eq!(
            world.document_status(lapsing),
            UPLOADED,
            "only approved documents expire"
        );
        let rejected = world.attach_with(ADA, json!({ "type": "a" }));
        world.ok("MngRejectKycDocument", json!({ "id": rejected, "reason": "R" }));
        assert_eq!(world.step_status(id), REQUIRED, "one of no step counts for none");
        world.attach(ADA, id, "a");
        assert_eq!(world.step_status(id), PENDING);
    });
}

#[test]
fn approving_a_step_approves_its_waiting_documents_with_a_row_each() {
    scenario(|world| {
        let id = required_step(world, DOCUMENT, json!({}));
        let [first, second] = [world.attach(ADA, id, "passport"), world.attach(ADA, id, "selfie")];
        let approved = world.attach(ADA, id, "bill");
        world.ok("MngApproveKycDocument", json!({ "id": approved }));
        let gone = world.attach(ADA, id, "other");
        world.ok("MngDeleteKycDocument", json!({ "id": gone, "reason": "mistake" }));
        let actions = world.actions_of(|| drop(world.ok("MngApproveKycStep", json!({ "id": id }))));
        let count = |name: &str| actions.iter().filter(|action| *action == name).count();
        assert_eq!((count("step.approved"), count("document.approved")), (1, 2));
        assert_eq!(
            [first, second, approved].map(|id| world.document_status(id)),
            [APPROVED; 3]
        );
        assert_eq!(world.document(approved)["version"], 2, "approved before, untouched now");
        assert_eq!(world.document_status(gone), DELETED);
    });
}

#[test]
fn rejecting_a_pending_step_rejects_its_waiting_documents_and_leaves_approved_ones() {
    scenario(|world| {
        let id = required_step(world, DOCUMENT, json!({}));
        let [waiting, approved] = [world.attach(ADA, id, "passport"), world.attach(ADA, id, "selfie")];
        world.ok("MngApproveKycDocument", json!({ "id": approved }));
        world.ok("MngRejectKycStep", json!({ "id": id, "reason": "BLURRED" }));
        assert_eq!(world.document(waiting)["reason"], "BLURRED");
        assert_eq!(
            (world.document_status(waiting), world.document_status(approved)),
            (REJECTED, APPROVED)
        );
    });
}

#[test]
fn revoking_an_approval_leaves_the_documents() {
    scenario(|world| {
        let id = required_step(world, DOCUMENT, json!({}));
        let document = world.attach(ADA, id, "passport");
        world.ok("MngApproveKycStep", json!({ "id": id }));
        world.ok("MngRejectKycStep", json!({ "id": id, "reason": "FORGED" }));
        assert_eq!(world.document_status(document), APPROVED);
    });
}

#[test]
fn a_step_whose_documents_no_longer_satisfy_is_not_approved() {
    scenario(|world| {
        let id = required_step(world, DOCUMENT, json!({}));
        let document = world.attach(ADA, id, "passport");
        world.ok("MngRejectKycDocument", json!({ "id": document, "reason": "BLURRED" }));
        assert_eq!(world.step_status(id), PENDING);
        world
            .refused("MngApproveKycStep", json!({ "id": id }))
            .is(409, "DOCUMENTS_MISSING");
        let lapsing = world.attach_with(ADA, json!({ "step_id": id, "expires_time": START + 5 }));
        world.advance(5);
        world
            .refused("MngApproveKycStep", json!({ "id": id }))
            .is(409, "DOCUMENTS_MISSING");
        world
            .refused("MngApproveKycDocument", json!({ "id": lapsing }))
            .is_invalid_state(PENDING);
        world.attach(ADA, id, "passport");
        world.ok("MngApproveKycStep", json!({ "id": id }));
        assert_eq!(
            world.document_status(lapsing),
            PENDING,
            "approving a step approves its live documents"
        );
    });
}

#[test]
fn attaching_follows_the_status_of_the_step() {
    let table = [
        (REQUIRED, Some((UPLOADED, 0))),
        (PENDING, Some((PENDING, 1))),
        (APPROVED, Some((UPLOADED, 0))),
        (REJECTED, Some((UPLOADED, 0))),
        (EXPIRED, Some((UPLOADED, 0))),
        (SKIPPED, None),
    ];
    for (status, expected) in table {
        scenario(|world| {
            // A mixed step does not submit itself.
            let id = required_step(world, MIXED, json!({}));
            bring(world, id, MIXED, status);
            let before = world.step(id);
            let offer = world.offer(ADA, json!({ "step_id": id }));
            let Some((document_status, raised)) = expected else {
                return world.refused("MngAddKycDocument", offer).is_invalid_state(status);
            };
            let document = world.ok("MngAddKycDocument", offer)["document"].clone();
            assert_eq!(
                document["status"], document_status,
                "attached to a step in status {status}"
            );
            let after = world.step(id);
            assert_eq!(
                after["version"].as_i64().unwrap(),
                before["version"].as_i64().unwrap() + raised
            );
            assert_eq!(after["status"], status);
            if raised == 0 {
                assert_eq!(after, before);
            }
        });
    }
}

#[test]
fn after_an_expiry_only_later_documents_count() {
    scenario(|world| {
        let id = required_step(world, MIXED, json!({}));
        let old = world.attach_with(ADA, json!({ "step_id": id, "expires_time": START + 50 * DAY }));
        expire(world, id, MIXED);
        let submit = json!({ "id": id, "answers": answers() });
        assert_eq!(world.document_status(old), APPROVED);
        world
            .refused("MngSubmitKycStep", submit.clone())
            .is(409, "DOCUMENTS_MISSING");
        world.attach(ADA, id, "passport");
        world.ok("MngSubmitKycStep", submit);
        assert_eq!(world.document_status(old), APPROVED);
    });
}

#[test]
fn after_a_re_opening_only_later_documents_count() {
    scenario(|world| {
        let id = required_step(world, DOCUMENT, json!({}));
        let old = world.attach(ADA, id, "passport");
        world.ok("MngApproveKycStep", json!({ "id": id }));
        world.ok("MngRejectKycStep", json!({ "id": id, "reason": "FORGED" }));
        world.require(ADA, "s");
        assert_eq!(
            (world.step_status(id), world.document_status(old)),
            (REQUIRED, APPROVED)
        );
        world
            .refused("MngSubmitKycStep", json!({ "id": id }))
            .is(409, "DOCUMENTS_MISSING");
        world.attach(ADA, id, "passport");
        assert_eq!(world.step_status(id), PENDING);
    });
}

#[test]
fn after_a_rejection_the_approved_documents_still_count() {
    scenario(|world| {
        let id = required_step(
            world,
            DOCUMENT,
            json!({ "requirements": { "all_documents": ["a", "b"] } }),
        );
        let [good, bad] = [world.attach(ADA, id, "a"), world.attach(ADA, id, "b")];
        world.ok("MngApproveKycDocument", json!({ "id": good }));
        world.ok("MngRejectKycStep", json!({ "id": id, "reason": "BLURRED" }));
        assert_eq!(world.document_status(bad), REJECTED);
        world.attach(ADA, id, "b");
        assert_eq!(world.step_status(id), PENDING);
    });
}

#[test]
fn an_approval_ends_when_it_says_else_after_valid_days_else_never() {
    let given = START + 1_000;
    let table = [
        (json!({}), json!({}), Value::Null),
        (json!({ "valid_days": 30 }), json!({}), json!(START + 30 * DAY)),
        (
            json!({ "valid_days": 30 }),
            json!({ "expires_time": given }),
            json!(given),
        ),
        (json!({}), json!({ "expires_time": given }), json!(given)),
    ];
    for (requirements, more, expected) in table {
        scenario(|world| {
            let id = required_step(world, MANUAL, json!({ "requirements": requirements }));
            world.ok("MngApproveKycStep", overlaid(json!({ "id": id }), more.clone()));
            assert_eq!(world.step(id)["expires_time"], expected);
        });
    }
}

#[test]
fn an_end_that_is_not_after_now_is_refused() {
    scenario(|world| {
        let id = required_step(world, MANUAL, json!({}));
        let document = world.attach_with(ADA, json!({}));
        for (end, is_future) in [(START - 1, false), (START, false), (START + 1, true)] {
            let verdicts = [("MngApproveKycStep", id), ("MngApproveKycDocument", document)];
            let mut calls = verdicts
                .map(|(name, id)| (name, json!({ "id": id, "expires_time": end })))
                .to_vec();
            calls.push(("MngAddKycDocument", world.offer(ADA, json!({ "expires_time": end }))));
            for (name, data) in calls {
                if is_future {
                    world.ok(name, data);
                } else {
                    let refusal = world.refused(name, data);
                    refusal.is(400, "INVALID_DATA");
                    assert_eq!(refusal.body["details"][0]["field"], "expires_time");
                }
            }
        }
    });
}

#[test]
fn a_past_end_does_not_hide_that_the_state_forbids() {
    scenario(|world| {
        let id = required_step(world, DOCUMENT, json!({}));
        let data = json!({ "id": id, "expires_time": START });
        world.refused("MngApproveKycStep", data).is_invalid_state(REQUIRED);
    });
}

/// A document in this status, with nothing else around it that matters.
fn document_at(world: &World, status: i64) -> i64 {
    if status == PENDING {
        let step = required_step(world, QUESTIONNAIRE, json!({}));
        submit(world, step, QUESTIONNAIRE);
        return world.attach(ADA, step, "passport");
    }
    let id = world.attach_with(ADA, json!({}));
    match status {
        APPROVED => drop(world.ok("MngApproveKycDocument", json!({ "id": id }))),
        REJECTED => drop(world.ok("MngRejectKycDocument", json!({ "id": id, "reason": "BLURRED" }))),
        EXPIRED => {
            world.ok(
                "MngApproveKycDocument",
                json!({ "id": id, "expires_time": world.now() + 60 }),
            );
            world.advance(60);
            world.tick();
        }
        DELETED => drop(world.ok("MngDeleteKycDocument", json!({ "id": id, "reason": "mistake" }))),
        _ => {}
    }
    id
}

#[test]
fn documents_follow_the_table() {
    for status in [UPLOADED, PENDING, APPROVED, REJECTED, EXPIRED, DELETED] {
        let live = matches!(status, UPLOADED | PENDING | APPROVED);
        let events = [
            ("MngApproveKycDocument", json!({}), live.then_some(APPROVED)),
            (
                "MngRejectKycDocument",
                json!({ "reason": "FORGED" }),
                live.then_some(REJECTED),
            ),
            (
                "MngRejectKycDocument",
                json!({ "reason": "BLURRED" }),
                (live || status == REJECTED).then_some(REJECTED),
            ),
            (
                "MngDeleteKycDocument",
                json!({ "reason": "mistake" }),
                (status != DELETED).then_some(DELETED),
            ),
        ];
        for (name, data, expected) in events {
            scenario(|world| {
                let id = document_at(world, status);
                assert_eq!(world.document_status(id), status);
                let version = world.document(id)["version"].as_i64().unwrap();
                let data = overlaid(data.clone(), json!({ "id": id }));
                match expected {
                    None => world.refused(name, data).is_invalid_state(status),
                    Some(same) if same == status => {
                        assert_eq!(world.no_op(name, data), json!({ "accepted": true, "version": version }));
                    }
                    Some(other) => {
                        let reply = world.ok(name, data);
                        assert_eq!(reply, json!({ "accepted": true, "version": version + 1 }));
                        assert_eq!(world.document_status(id), other);
                    }
                }
            });
        }
    }
}

#[test]
fn a_document_for_another_customers_step_profile_or_file_is_not_found() {
    scenario(|world| {
        let step = required_step(world, MIXED, json!({}));
        let kyc_id = world.step(step)["kyc_id"].clone();
        world.attach(ADA, step, "passport");
        let taken = world.profile(ADA)["documents"][0]["file_id"].clone();
        for more in [
            json!({ "step_id": step }),
            json!({ "kyc_id": kyc_id }),
            json!({ "file_id": taken }),
            json!({ "file_id": "00000000-0000-4000-8000-000000000000" }),
        ] {
            let offer = world.offer(8, more);
            world.refused("MngAddKycDocument", offer).is(404, "RET_NOT_FOUND");
        }
    });
}

#[test]
fn requiring_attaches_a_snapshot_that_counts_and_leaves_the_level() {
    scenario(|world| {
        let requirements = json!({ "documents": ["passport"], "note": "any" });
        let template = world.template(
            "t",
            json!({ "level": 2, "required": 0, "name": "T", "requirements": requirements }),
        );
        let data = json!({ "customer_id": ADA, "brand": "acme", "step_code": "t", "customer_message": "Hello" });
        let reply = world.ok("MngRequireKycStep", data);
        let step = world.step(reply["step_id"].as_i64().unwrap());
        assert_eq!(step["template_id"], template);
        assert_eq!(step["requirements"], requirements);
        assert_eq!(
            [&step["required"], &step["level"], &step["status"], &step["version"]],
            [1, 2, 0, 1]
        );
        assert_eq!(
            [&step["name"], &step["code"], &step["customer_message"]],
            ["T", "t", "Hello"]
        );
        let profile = world.profile(ADA)["profile"].clone();
        assert_eq!(
            (&profile["id"], &profile["required_level"]),
            (&reply["kyc_id"], &json!(0))
        );
    });
}

#[test]
fn a_level_given_with_the_requirement_wins_zero_too() {
    for level in [0, 5] {
        scenario(|world| {
            world.template("t", json!({ "level": 2 }));
            let data = json!({ "customer_id": ADA, "brand": "acme", "step_code": "t", "level": level });
            let id = world.ok("MngRequireKycStep", data)["step_id"].as_i64().unwrap();
            assert_eq!(world.step(id)["level"], level);
        });
    }
}

#[test]
fn a_step_under_way_is_reused_as_it_is() {
    for status in [REQUIRED, PENDING, APPROVED] {
        scenario(|world| {
            let id = required_step(world, QUESTIONNAIRE, json!({}));
            bring(world, id, QUESTIONNAIRE, status);
            let data =
                json!({ "customer_id": ADA, "brand": "acme", "step_code": "s", "level": 9, "customer_message": "x" });
            assert_eq!(world.no_op("MngRequireKycStep", data)["step_id"], id);
        });
    }
}

#[test]
fn a_re_opened_step_takes_a_fresh_snapshot_and_keeps_the_answers_in_the_audit() {
    for (status, level) in [(REJECTED, None), (EXPIRED, Some(4)), (SKIPPED, Some(0))] {
        scenario(|world| {
            let template = template_of(world, "s", QUESTIONNAIRE, json!({}));
            let id = world.require(ADA, "s");
            bring(world, id, QUESTIONNAIRE, status);
            let before = world.step(id);
            let change = json!({ "id": template, "name": "New", "level": 3, "step_type": MANUAL, "form_schema": {},
                "requirements": { "valid_days": 9 } });
            world.ok("MngUpdateKycStepTemplate", change);
            assert_eq!(world.step(id), before, "an attached step does not follow its template");
            let data = json!({ "customer_id": ADA, "brand": "acme", "step_code": "s", "level": level });
            let rows = world.rows_of(|| drop(world.ok("MngRequireKycStep", data)));
            let after = world.step(id);
            assert_eq!(after["level"], level.unwrap_or(3));
            assert_eq!((&after["name"], &after["step_type"]), (&json!("New"), &json!(MANUAL)));
            assert_eq!(
                (&after["requirements"], &after["form_schema"]),
                (&json!({ "valid_days": 9 }), &json!({}))
            );
            for cleared in [
                "answers",
                "reason",
                "submitted_time",
                "reviewed_time",
                "reviewed_by",
                "expires_time",
            ] {
                assert_eq!(after[cleared], Value::Null, "{cleared}");
            }
            let row = rows.iter().find(|row| row.action == "step.reopened").unwrap();
            if status != SKIPPED {
                assert_eq!(row.before.as_ref().unwrap().value()["answers"], answers());
            }
        });
    }
}

#[test]
fn a_template_that_is_not_in_use_is_refused_and_one_that_never_was_is_not_found() {
    scenario(|world| {
        let data = json!({ "customer_id": ADA, "brand": "acme", "step_code": "t" });
        world
            .refused("MngRequireKycStep", data.clone())
            .is(404, "RET_NOT_FOUND");
        let id = world.template("t", json!({}));
        world.ok("MngUpdateKycStepTemplate", json!({ "id": id, "status": 1 }));
        world
            .refused("MngRequireKycStep", data.clone())
            .is(409, "TEMPLATE_INACTIVE");
        world.ok("MngDeleteKycStepTemplate", json!({ "id": id }));
        world
            .refused("MngRequireKycStep", data.clone())
            .is(409, "TEMPLATE_INACTIVE");
        let newer = world.template("t", json!({}));
        let step = world.ok("MngRequireKycStep", data)["step_id"].as_i64().unwrap();
        assert_eq!(world.step(step)["template_id"], newer);
    });
}

#[test]
fn archiving_a_template_leaves_its_steps() {
    scenario(|world| {
        let template = template_of(world, "s", MANUAL, json!({}));
        let id = world.require(ADA, "s");
        let before = world.step(id);
        world.ok("MngDeleteKycStepTemplate", json!({ "id": template }));
        assert_eq!(world.step(id), before);
        world.ok("MngApproveKycStep", json!({ "id": id }));
    });
}

/// The codes of a customer's steps.
fn codes(world: &World) -> Vec<String> {
    let profile = world.profile(ADA);
    let steps = profile["steps"].as_array().unwrap();
    steps
        .iter()
        .map(|step| step["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_level_attaches_active_required_templates_up_to_it_and_no_others() {
    scenario(|world| {
        world.template("zero", json!({ "level": 0 }));
        world.template("one", json!({ "level": 1 }));
        world.template("two", json!({ "level": 2 }));
        world.template("three", json!({ "level": 3 }));
        world.template("optional", json!({ "level": 1, "required": 0 }));
        let disabled = world.template("disabled", json!({ "level": 1 }));
        world.ok("MngUpdateKycStepTemplate", json!({ "id": disabled, "status": 1 }));
        let archived = world.template("archived", json!({ "level": 1 }));
        world.ok("MngDeleteKycStepTemplate", json!({ "id": archived }));
        world.ok(
            "MngAddKycStepTemplate",
            json!({ "brand": "beta", "code": "other", "level": 1 }),
        );
        world.set_level(ADA, 2);
        assert_eq!(codes(world), ["one", "two"]);
        assert_eq!(world.profile(ADA)["profile"]["required_level"], 2);
    });
}

#[test]
fn a_lower_level_changes_nothing_and_an_equal_one_attaches_what_is_new() {
    scenario(|world| {
        world.template("one", json!({}));
        let kyc_id = world.set_level(ADA, 2);
        world.template("new", json!({ "level": 1 }));
        let level = |level: i64| json!({ "customer_id": ADA, "brand": "acme", "level": level });
        let reply = world.no_op("MngSetKycRequiredLevel", level(1));
        assert_eq!(reply, json!({ "accepted": true, "kyc_id": kyc_id }));
        assert_eq!(codes(world), ["one"]);
        world.set_level(ADA, 2);
        assert_eq!(codes(world), ["one", "new"]);
        world.no_op("MngSetKycRequiredLevel", level(2));
    });
}

#[test]
fn a_level_keeps_the_code_that_is_there_already() {
    scenario(|world| {
        let first = world.template("one", json!({}));
        let step = world.require(ADA, "one");
        world.ok("MngDeleteKycStepTemplate", json!({ "id": first }));
        world.template("one", json!({}));
        world.set_level(ADA, 1);
        assert_eq!(codes(world), ["one"]);
        assert_eq!(world.step(step)["template_id"], first);
    });
}

#[test]
fn a_level_re_opens_what_lapsed_with_a_fresh_snapshot_and_nothing_a_person_decided() {
    scenario(|world| {
        for code in ["lapsed", "rejected", "skipped", "lapsed_optional"] {
            template_of(world, code, MANUAL, json!({}));
        }
        let [lapsed, rejected, skipped, optional] =
            ["lapsed", "rejected", "skipped", "lapsed_optional"].map(|code| world.require(ADA, code));
        world.ok("MngRejectKycStep", json!({ "id": rejected, "reason": "R" }));
        world.ok("MngSkipKycStep", json!({ "id": skipped, "reason": "R" }));
        for id in [lapsed, optional] {
            world.ok(
                "MngApproveKycStep",
                json!({ "id": id, "expires_time": world.now() + 60 }),
            );
        }
        let templates = world.ok("MngGetKycStepTemplates", json!({ "brand": "acme" }))["rows"].clone();
        world.ok(
            "MngUpdateKycStepTemplate",
            json!({ "id": templates[0]["id"], "name": "New", "level": 2 }),
        );
        world.ok(
            "MngUpdateKycStepTemplate",
            json!({ "id": templates[3]["id"], "required": 0 }),
        );
        world.advance(60);
        // What is due comes first, so the lapse and the re-opening are one decision.
        let actions = world.actions_of(|| _ = world.set_level(ADA, 2));
        assert_eq!(actions.iter().filter(|action| *action == "step.expired").count(), 2);
        assert_eq!(
            [lapsed, rejected, skipped, optional].map(|id| world.step_status(id)),
            [0, 3, 5, 4]
        );
        assert_eq!(
            (&world.step(lapsed)["name"], &world.step(lapsed)["level"]),
            (&json!("New"), &json!(2))
        );
    });
}

#[test]
fn a_profile_holds_200_steps() {
    scenario(|world| {
        for number in 0..200 {
            world.template(&format!("t{number}"), json!({}));
        }
        world.set_level(ADA, 1);
        assert_eq!(codes(world).len(), 200);
        world.template("late", json!({}));
        let data = json!({ "customer_id": ADA, "brand": "acme", "step_code": "late" });
        world.refused("MngRequireKycStep", data).is(400, "INVALID_DATA");
        let data = json!({ "customer_id": ADA, "brand": "acme", "level": 1 });
        world.refused("MngSetKycRequiredLevel", data).is(400, "INVALID_DATA");
        world.require(8, "late");
    });
}

#[test]
fn a_profile_holds_500_documents_deleted_ones_included() {
    scenario(|world| {
        let first = world.attach_with(ADA, json!({}));
        let file = world.document(first)["file_id"].clone();
        for _ in 1..500 {
            world.ok(
                "MngAddKycDocument",
                json!({ "customer_id": ADA, "brand": "acme", "type": "bill", "file_id": file }),
            );
        }
        world.ok("MngDeleteKycDocument", json!({ "id": first, "reason": "mistake" }));
        let offer = world.offer(ADA, json!({}));
        world.refused("MngAddKycDocument", offer).is(400, "INVALID_DATA");
    });
}

#[test]
fn a_brand_holds_500_templates_that_are_not_archived() {
    scenario(|world| {
        let first = world.template("first", json!({}));
        for number in 1..500 {
            world.template(&format!("t{number}"), json!({}));
        }
        let late = json!({ "brand": "acme", "code": "late", "level": 1 });
        world
            .refused("MngAddKycStepTemplate", late.clone())
            .is(400, "INVALID_DATA");
        world.ok("MngDeleteKycStepTemplate", json!({ "id": first }));
        world.ok("MngAddKycStepTemplate", late);
        let back = json!({ "id": first, "status": 0 });
        world.refused("MngUpdateKycStepTemplate", back).is(400, "INVALID_DATA");
    });
}
