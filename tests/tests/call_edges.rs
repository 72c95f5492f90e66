//! Edges where what the platform was told and what holds could come apart.
use kyc_memory::answer;
use kyc_tests::platform::*;
use kyc_tests::sim::{ADAM, BRAND, MARY, World, overlaid, request, run, scenario};
use serde_json::json;
use std::pin::Pin;
use std::task::{Context, Waker};
const ADA: i64 = 7;

#[test]
fn push_after_relink_goes_to_the_player_that_was_looked_up() {
    scenario(|world| {
        let tenant = tenant(world, "crm_owns");
        approve(world, required(world, ADA, "one", 1));
        send_all(world);
        link(world, ADA, "ada");
        world.platform.answers(|request| {
            if request.body.is_some() {
                Reaction::Takes.give()
            } else {
                Ok(answer(404, ""))
            }
        });
        drop(posted(world, &[&tenant]));
        let reply = world.ok_as(ADAM, "MngReconcileTenant", json!({ "slug": BRAND, "push": 1 }));
        assert_eq!(reply["drift"][0]["player_external_id"], "ada");
        send_all(world);
        let sent = posted(world, &[&tenant]);
        assert_eq!(sent.iter().map(Sent::player).collect::<Vec<_>>(), ["ada"]);
    });
}

#[test]
fn dual_platform_that_holds_what_it_was_told_has_no_drift() {
    scenario(|world| {
        tenant(world, "dual");
        reject(world, required(world, ADA, "one", 1), "FORGED");
        send_all(world);
        world
            .platform
            .answers(|_| Ok(answer(200, r#"{"status":"rejected","level":1}"#)));
        let reply = world.ok_as(ADAM, "MngReconcileTenant", json!({ "slug": BRAND }));
        assert_eq!(reply["drift"], json!([]));
    });
}

fn lapse_beside_a_new_step(model: &str) {
    scenario(|world| {
        tenant(world, model);
        let one = required(world, ADA, "one", 1);
        world.ok(
            "MngApproveKycStep",
            json!({ "id": one, "expires_time": world.now() + 60 }),
        );
        send_all(world);
        let two = required(world, ADA, "two", 1);
        send_all(world);
        world.advance(60);
        send_all(world);
        approve(world, two);
        send_all(world);
        assert_eq!(
            lines(world),
            [
                "initiate 1 one: superseded",
                "update 1 verified approved: delivered",
                "initiate 1 two: delivered",
                "update 1 rejected expired: delivered"
            ]
        );
    });
}
#[test]
fn a_lapse_beside_a_new_step_is_told() {
    lapse_beside_a_new_step("crm_owns");
}
#[test]
fn a_lapse_beside_a_new_step_is_told_under_dual_too() {
    lapse_beside_a_new_step("dual");
}

#[test]
fn a_superseded_row_is_not_sent_by_a_late_process() {
    scenario(|world| {
        let tenant = tenant(world, "crm_owns");
        let step = required(world, ADA, "one", 1);
        let mut tick: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(async { drop(world.app.tick().await) });
        let mut context = Context::from_waker(Waker::noop());
        while world
            .store
            .snapshot()
            .queue
            .iter()
            .all(|call| call.lease_until.is_none())
        {
            assert!(tick.as_mut().poll(&mut context).is_pending());
        }
        world.advance(31);
        approve(world, step);
        send_all(world);
        run(tick.as_mut());
        let sent: Vec<String> = posted(world, &[&tenant]).iter().map(Sent::line).collect();
        assert_eq!(sent, ["update 1 verified approved"]);
    });
}

#[test]
fn a_prohibited_customer_is_not_told_as_verified_by_a_replay() {
    scenario(|world| {
        let tenant = tenant(world, "crm_owns");
        let step = required(world, ADA, "one", 1);
        send_all(world);
        reacts(world, Reaction::Denied);
        approve(world, step);
        send_all(world);
        set_risk(world, ADA, 4);
        reacts(world, Reaction::Takes);
        drop(posted(world, &[&tenant]));
        let id = deliveries(world).iter().find(|row| row["call"] == "update").unwrap()["id"].clone();
        world
            .refused("MngReplayKycDelivery", json!({ "id": id }))
            .is_invalid_state(4);
        send_all(world);
        let sent: Vec<String> = posted(world, &[&tenant]).iter().map(Sent::line).collect();
        assert_eq!(
            sent.last().map(String::as_str),
            Some("update 1 rejected risk_prohibited")
        );
    });
}

#[test]
fn an_older_verdict_is_not_replayed_after_a_newer_one() {
    scenario(|world: &World| {
        let tenant = tenant(world, "crm_owns");
        let step = required(world, ADA, "one", 1);
        send_all(world);
        approve(world, step);
        let app = world.app.clone();
        let mut first = true;
        world.platform.answers(move |_| {
            if std::mem::take(&mut first) {
                run(app.call(kyc_tests::sim::request(
                    kyc_tests::sim::MARY,
                    None,
                    "MngRejectKycStep",
                    json!({ "id": step, "reason": "FORGED" }),
                )))
                .unwrap();
                return Reaction::Denied.give();
            }
            Reaction::Takes.give()
        });
        send_all(world);
        let id = deliveries(world).iter().find(|row| row["status"] == "dead").unwrap()["id"].clone();
        drop(world.attempt(kyc_tests::sim::MARY, "MngReplayKycDelivery", json!({ "id": id })));
        send_all(world);
        let sent: Vec<String> = posted(world, &[&tenant]).iter().map(Sent::line).collect();
        assert_eq!(
            sent.last().map(String::as_str),
            Some("update 1 rejected FORGED"),
            "{sent:?}"
        );
    });
}

#[test]
fn a_dead_verdict_that_may_have_been_taken_is_withdrawn() {
    scenario(|world: &World| {
        tenant(world, "crm_owns");
        let step = required(world, ADA, "one", 1);
        send_all(world);
        reacts(world, Reaction::Fails);
        approve(world, step);
        send_all(world);
        world.advance(30 * 3600);
        send_all(world);
        set_risk(world, ADA, 4);
        assert_eq!(
            lines(world).last().map(String::as_str),
            Some("update 1 rejected risk_prohibited: queued")
        );
    });
}

fn approved_again_after_a_late_lapse(model: &str) {
    scenario(|world| {
        tenant(world, model);
        let step = required(world, ADA, "one", 1);
        world.set_level(ADA, 1);
        world.ok(
            "MngApproveKycStep",
            json!({ "id": step, "expires_time": world.now() + 60 }),
        );
        send_all(world);
        world.advance(60);
        // No tick in between: the lapse is applied by the approval's own commit.
        approve(world, step);
        send_all(world);
        let customer = world.profile(ADA)["customer"].clone();
        assert_eq!(
            (
                lines(world).pop().unwrap().as_str(),
                &customer["kyc_status"],
                &customer["kyc_level"]
            ),
            ("update 1 verified approved: delivered", &json!("verified"), &json!(1))
        );
    });
}
#[test]
fn an_approval_after_a_late_lapse_is_told() {
    approved_again_after_a_late_lapse("crm_owns");
}
#[test]
fn an_approval_after_a_late_lapse_holds_under_dual_too() {
    approved_again_after_a_late_lapse("dual");
}

#[test]
fn an_older_verdict_is_not_replayed_where_the_newer_one_was_refused() {
    let approve = ("MngApproveKycStep", json!({}));
    let reject = ("MngRejectKycStep", json!({ "reason": "FORGED" }));
    for [older, newer] in [[approve.clone(), reject.clone()], [reject, approve]] {
        scenario(|world: &World| {
            tenant(world, "crm_owns");
            let step = required(world, ADA, "one", 1);
            send_all(world);
            let of_step = |verdict: &(&'static str, serde_json::Value)| {
                let data = overlaid(json!({ "id": step }), verdict.1.clone());
                request(MARY, None, verdict.0, data)
            };
            run(world.app.call(of_step(&older))).unwrap();
            // The newer one comes while the older one is on its way, and so cannot take it back.
            let (app, mut next) = (world.app.clone(), Some(of_step(&newer)));
            world.platform.answers(move |_| match next.take() {
                Some(next) => {
                    run(app.call(next)).unwrap();
                    Reaction::Denied.give()
                }
                None => Reaction::Refuses.give(),
            });
            send_all(world);
            reacts(world, Reaction::Takes);
            let rows = deliveries(world);
            let statuses: Vec<String> = rows.iter().map(|row| text(&row["status"])).collect();
            assert_eq!(statuses, ["delivered", "dead", "refused"]);
            world
                .refused("MngReplayKycDelivery", json!({ "id": rows[1]["id"] }))
                .is_invalid_state(3);
        });
    }
}

#[test]
fn a_verdict_that_still_holds_is_replayed() {
    scenario(|world: &World| {
        let tenant = tenant(world, "crm_owns");
        let step = required(world, ADA, "one", 1);
        send_all(world);
        for verdict in ["verified approved", "rejected FORGED"] {
            reacts(world, Reaction::Denied);
            if verdict.starts_with("verified") {
                approve(world, step);
            } else {
                reject(world, step, "FORGED");
            }
            send_all(world);
            reacts(world, Reaction::Takes);
            drop(posted(world, &[&tenant]));
            world.ok("MngReplayKycDelivery", json!({ "id": newest(world) }));
            send_all(world);
            assert_eq!(posted(world, &[&tenant])[0].line(), format!("update 1 {verdict}"));
        }
    });
}
