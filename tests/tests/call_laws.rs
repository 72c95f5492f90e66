//! Laws of calls out that hold for any sequence of commands, ticks, jumps of the clock, ends of processes and answers
//! of the platform: order, keys, the queue, and what the platform holds in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use kyc_core::outbound::{Delivery, ToldStatus};
use kyc_core::status::{CallKind, DeliveryStatus, RiskLevel, StepStatus};
use kyc_core::work::approved_levels;
use kyc_memory::answer;
use kyc_ports::outbound::OutboundAnswer;
use kyc_tests::platform::{Reaction, Sent, manual, posted, tenant};
use kyc_tests::sim::{BRAND, MARY, World, scenario};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// The players.
const PLAYERS: [i64; 3] = [7, 8, 9];

/// One thing that happens.
#[derive(Debug, Clone)]
enum Op {
    /// A command about a player's step of this code, if the player has it.
    Step(&'static str, i64, &'static str, Value),
    /// A command about a player.
    Player(&'static str, i64, Value),
    Replay,
    Jump(i64),
    Tick,
    /// A tick whose process ends after so many turns.
    Cut(usize),
    /// From now on the platform does so; `None` asks to be called in ten hours.
    Platform(Option<Reaction>),
}

fn any_op() -> impl Strategy<Value = Op> {
    let player = || select(PLAYERS.to_vec());
    let code = || select(vec!["a", "b", "c", "d"]);
    let ends = prop_oneof![2 => Just(None), 1 => select(vec![60, 7_200, 86_400]).prop_map(Some)];
    let reason = || select(vec!["BLURRED", "FORGED"]);
    let reaction = select(vec![
        Some(Reaction::Takes),
        Some(Reaction::Takes),
        Some(Reaction::Takes),
        Some(Reaction::Refuses),
        Some(Reaction::Status(500)),
        Some(Reaction::Status(404)),
        Some(Reaction::Fails),
        Some(Reaction::Denied),
        None,
    ]);
    prop_oneof![
        6 => (player(), code()).prop_map(|(player, code)| {
            Op::Player("MngRequireKycStep", player, json!({ "step_code": code }))
        }),
        2 => (player(), 1..3_i64).prop_map(|(player, level)| {
            Op::Player("MngSetKycRequiredLevel", player, json!({ "level": level }))
        }),
        2 => (player(), select(vec![1, 4, 4])).prop_map(|(player, risk)| {
            Op::Player("MngSetKycRiskLevel", player, json!({ "risk_level": risk, "reason": "SCREENING" }))
        }),
        8 => (player(), code(), ends).prop_map(|(player, code, ends)| {
            let ends = ends.map_or_else(|| json!({}), |seconds| json!({ "ends_in": seconds }));
            Op::Step("MngApproveKycStep", player, code, ends)
        }),
        4 => (player(), code(), reason()).prop_map(|(player, code, reason)| {
            Op::Step("MngRejectKycStep", player, code, json!({ "reason": reason }))
        }),
        2 => (player(), code()).prop_map(|(player, code)| {
            Op::Step("MngSkipKycStep", player, code, json!({ "reason": "WAIVED" }))
        }),
        1 => Just(Op::Replay),
        6 => select(vec![1, 6, 31, 60, 400, 7_200, 86_400, 110_000]).prop_map(Op::Jump),
        8 => Just(Op::Tick),
        3 => (1..60_usize).prop_map(Op::Cut),
        4 => reaction.prop_map(Op::Platform),
    ]
}

/// What a platform took: key and body, in order.
type Taken = Arc<Mutex<Vec<(String, Value)>>>;

fn platform(world: &World, reaction: Option<Reaction>, taken: &Taken) {
    let taken = taken.clone();
    world.platform.answers(move |request| {
        let Some(body) = &request.body else {
            return Ok(answer(404, ""));
        };
        if reaction == Some(Reaction::Takes) {
            let key = request.headers.iter().find(|(name, _)| *name == "idempotency-key");
            let body = serde_json::from_slice(body).unwrap();
            taken.lock().unwrap().push((key.unwrap().1.clone(), body));
        }
        let later = OutboundAnswer {
            retry_after: Some("36000".to_owned()),
            ..answer(503, "")
        };
        reaction.map_or(Ok(later), Reaction::give)
    });
}

fn happen(world: &World, op: &Op, taken: &Taken) {
    // Commands that the state forbids are refused, and that is all.
    match op {
        Op::Step(name, player, code, more) => {
            let state = world.customer(*player);
            let Some(step) = state.steps.iter().find(|step| step.code.to_string() == *code) else {
                return;
            };
            let mut data = more.clone();
            data["id"] = json!(step.id);
            if let Some(seconds) = data.as_object_mut().unwrap().remove("ends_in") {
                data["expires_time"] = json!(world.now() + seconds.as_i64().unwrap());
            }
            drop(world.attempt(MARY, name, data));
        }
        Op::Player(name, player, more) => {
            let mut data = more.clone();
            (data["customer_id"], data["brand"]) = (json!(player), json!(BRAND));
            drop(world.attempt(MARY, name, data));
        }
        Op::Replay => {
            let deliveries = world.store.snapshot().deliveries;
            let dead = deliveries.iter().find(|one| one.status == DeliveryStatus::Dead);
            dead.inspect(|dead| drop(world.attempt(MARY, "MngReplayKycDelivery", json!({ "id": dead.id }))));
        }
        Op::Jump(seconds) => world.advance(*seconds),
        Op::Tick => drop(Some(world.tick())),
        Op::Cut(polls) => {
            let mut tick = pin!(world.app.tick());
            let mut context = Context::from_waker(Waker::noop());
            let _ended = (0..*polls).any(|_| tick.as_mut().poll(&mut context).is_ready());
        }
        Op::Platform(reaction) => platform(world, *reaction, taken),
    }
}

/// The queue holds exactly the calls that are queued.
fn assert_queue(world: &World) {
    let stored = world.store.snapshot();
    let queued = stored
        .deliveries
        .iter()
        .filter(|one| one.status == DeliveryStatus::Queued);
    let queued: Vec<_> = queued.map(|one| (one.id, one.customer_id)).collect();
    let waiting: Vec<_> = stored
        .queue
        .iter()
        .map(|call| (call.delivery_id, call.customer_id))
        .collect();
    assert_eq!(waiting, queued);
}

/// Lets the platform take everything until nothing waits.
fn settle(world: &World, taken: &Taken) {
    platform(world, Some(Reaction::Takes), taken);
    // Ten hours may be what it asked for before.
    for _ in 0..100 {
        world.advance(600);
        while world.tick().calls > 0 {}
        if world.store.snapshot().queue.is_empty() {
            return;
        }
    }
    panic!("a platform that answers gets what waits within a thousand minutes");
}

/// The ids of calls in the order of an action, and each one's player.
fn in_order_of(world: &World, action: &str) -> Vec<(i64, i64)> {
    let rows = world.store.audit_rows().into_iter().filter(|row| row.action == action);
    let ids = rows.map(|row| {
        let after = serde_json::to_value(&row.after).unwrap();
        (row.customer_id.unwrap().0, after["id"].as_i64().unwrap())
    });
    ids.collect()
}

fn ids_that_were_dead(world: &World) -> BTreeSet<i64> {
    in_order_of(world, "outbound.dead")
        .into_iter()
        .map(|(_, id)| id)
        .collect()
}

/// Delivered once, and in order, but for what an operator replays.
fn assert_order(world: &World) {
    let was_dead = ids_that_were_dead(world);
    let delivered = in_order_of(world, "outbound.delivered");
    let ids: BTreeSet<i64> = delivered.iter().map(|(_, id)| *id).collect();
    assert_eq!(ids.len(), delivered.len(), "each call is delivered once");
    for player in PLAYERS {
        let own = delivered
            .iter()
            .filter(|(customer, id)| *customer == player && !was_dead.contains(id));
        let own: Vec<i64> = own.map(|(_, id)| *id).collect();
        assert!(own.is_sorted(), "player {player}: {own:?}");
    }
}

/// Every call has a key of its own, in every try the same; what a platform took under it is the call.
fn assert_keys(deliveries: &[Delivery], sent: &[Sent], taken: &Taken) {
    let by_key: BTreeMap<&str, &Delivery> = deliveries
        .iter()
        .map(|one| (one.idempotency_key.as_str(), one))
        .collect();
    assert_eq!(by_key.len(), deliveries.len());
    for call in sent {
        assert_eq!(*by_key[call.key.as_str()].body, call.body);
    }
    let taken = taken.lock().unwrap();
    let keys: BTreeSet<&str> = taken.iter().map(|(key, _)| key.as_str()).collect();
    for delivery in deliveries.iter().filter(|one| one.status == DeliveryStatus::Delivered) {
        assert!(
            keys.contains(delivery.idempotency_key.as_str()),
            "{delivery:?} was taken"
        );
    }
}

/// What a platform was last told of each level is how it stands, unless the last verdict did not reach it.
fn assert_told(world: &World, deliveries: &[Delivery]) {
    for player in PLAYERS {
        let state = world.customer(player);
        let Some(profile) = &state.profile else { continue };
        let is_prohibited = profile.risk_level == RiskLevel::Prohibited;
        let approved = approved_levels(&state.steps);
        for level in 1..=2 {
            let of_level = |one: &&Delivery| {
                let is_update = one.call == CallKind::Update && one.status != DeliveryStatus::Superseded;
                is_update && one.customer_id.0 == player && one.level == level
            };
            let last = deliveries.iter().filter(of_level).max_by_key(|one| one.id);
            let is_verified = approved.contains(&level) && !is_prohibited;
            let Some(last) = last else {
                assert!(
                    !is_verified,
                    "player {player} is verified at {level}, and nobody was told"
                );
                continue;
            };
            if last.status != DeliveryStatus::Delivered {
                continue;
            }
            let told = last.told().unwrap().status;
            if is_verified {
                assert_eq!(told, ToldStatus::Verified, "player {player}, level {level}");
            } else if told == ToldStatus::Verified {
                let mut steps = state.steps.iter().filter(|step| step.level == level);
                let is_rejected = is_prohibited
                    || steps.any(|step| matches!(step.status, StepStatus::Rejected | StepStatus::Expired));
                assert!(!is_rejected, "player {player}, level {level}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn calls_arrive_once_in_order_and_leave_the_platform_with_the_present_state(
        ops in prop::collection::vec(any_op(), 1..80),
    ) {
        scenario(|world| {
            let tenant = tenant(world, "crm_owns");
            for (code, level) in [("a", 1), ("b", 1), ("c", 2), ("d", 2)] {
                manual(world, code, level);
            }
            let taken = Taken::default();
            platform(world, Some(Reaction::Takes), &taken);
            for op in &ops {
                happen(world, op, &taken);
                assert_queue(world);
            }
            settle(world, &taken);
            let deliveries = world.store.snapshot().deliveries;
            assert_order(world);
            assert_keys(&deliveries, &posted(world, &[&tenant]), &taken);
            assert_told(world, &deliveries);
        });
    }
}
