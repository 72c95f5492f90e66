//! Who owns a customer's verification: the level fold through the application, mirrored under `platform_owns`, mixed
//! with verdicts taken here under `dual`.

use kyc_core::actor::Actor;
use kyc_core::command::TemplateNeed;
use kyc_core::commit::Commit;
use kyc_core::limits::LEVEL_LOG_ENTRIES_MAX;
use kyc_core::record::Hash;
use kyc_core::status::Flag;
use kyc_core::webhook::{Webhook, WebhookError};
use kyc_core::work::{Context, Ids, Work};
use kyc_ports::clock::Clock;
use kyc_ports::store::{Store, Wanted};
use kyc_simulator::ambient::rfc3339;
use kyc_tests::sim::{BRAND, DAY, MARY, START, World, assert_replay, id_of, overlaid, run, scenario};
use kyc_tests::tenants::{Tenant, approval_until, event};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// The customer of every story.
const PLAYER: i64 = 7;

fn tenant(world: &World, model: &str) -> Tenant {
    Tenant::add(world, "acme", BRAND, model, json!({}))
}

/// Tells what happened; gives what it did.
fn tell(world: &World, tenant: &Tenant, body: &Value) -> (bool, String) {
    let told = tenant
        .tell(world, body)
        .unwrap_or_else(|error| panic!("{body}: {error}"));
    (told.applied, told.new_status.name().to_owned())
}

/// An event about [`PLAYER`] so many seconds after the start.
fn at(seconds: i64, what: &str, event_id: &str, level: i64) -> Value {
    event(what, event_id, START + seconds, "7", level)
}

/// `kyc_status`, `kyc_level`, `kyc_expires_at`, `kyc_last_event_at`.
fn aggregate(world: &World) -> [Value; 4] {
    let customer = &world.profile(PLAYER)["customer"];
    ["kyc_status", "kyc_level", "kyc_expires_at", "kyc_last_event_at"].map(|name| customer[name].clone())
}

/// The aggregate is this.
fn stands(world: &World, status: &str, level: i64, expires_at: Option<i64>, last_event_at: Option<i64>) {
    let wanted = [json!(status), json!(level), json!(expires_at), json!(last_event_at)];
    assert_eq!(aggregate(world), wanted);
}

/// The profile's `status` and `current_level`.
fn profile(world: &World) -> (i64, i64) {
    let profile = &world.profile(PLAYER)["profile"];
    (id_of(&profile["status"]), id_of(&profile["current_level"]))
}

/// The events of the history, oldest first, with the status that each commit left.
fn lines(world: &World) -> Vec<String> {
    let history = world.profile(PLAYER)["customer"]["kyc_history"].clone();
    let rows = history.as_array().expect("a list").iter().rev();
    let line = |row: &Value| {
        let text = |name: &str| row[name].as_str().expect("text").to_owned();
        format!("{} {} {} {}", text("source"), text("event"), row["level"], text("to"))
    };
    rows.map(line).collect()
}

/// Whether the gate is open.
fn is_open(world: &World) -> bool {
    let gate = json!({ "customer_id": PLAYER, "brand": BRAND });
    world.attempt(MARY, "MngCheckRealAccountGate", gate).is_ok()
}

/// Sets the level that the gate asks for.
fn gate_at(world: &World, level: i64) {
    world.ok_as(
        "3:adam",
        "MngSetKycBrand",
        json!({ "brand": BRAND, "real_account_level": level }),
    );
}

#[test]
fn under_platform_owns_the_profile_mirrors_the_fold() {
    scenario(|world| {
        let tenant = tenant(world, "platform_owns");
        let story = [
            (at(10, "approved", "e-0", 1), (false, "none"), (0, 0)),
            (at(20, "submitted", "e-1", 1), (true, "pending"), (2, 0)),
            (at(30, "approved", "e-2", 1), (true, "verified"), (3, 1)),
            (at(40, "level_upgraded", "e-3", 2), (true, "pending"), (2, 1)),
            (at(50, "rejected", "e-4", 2), (true, "rejected"), (4, 1)),
            (at(60, "rejected", "e-5", 3), (false, "rejected"), (4, 1)),
            (at(70, "expired", "e-6", 1), (true, "expired"), (5, 0)),
            (at(80, "approved", "e-7", 1), (false, "expired"), (5, 0)),
        ];
        for (body, (applied, status), wanted) in story {
            assert_eq!(tell(world, &tenant, &body), (applied, status.to_owned()), "{body}");
            assert_eq!(profile(world), wanted, "{body}");
        }
        stands(world, "expired", 0, None, Some(START + 80));
    });
}

#[test]
fn under_platform_owns_a_verification_ends_by_the_clock_once_at_the_tick() {
    scenario(|world| {
        let tenant = tenant(world, "platform_owns");
        tell(world, &tenant, &at(0, "submitted", "e-1", 1));
        tell(world, &tenant, &approval_until("e-2", START + 1, "7", 1, START + 100));
        stands(world, "verified", 1, Some(START + 100), Some(START + 1));
        assert_eq!(world.profile(PLAYER)["profile"]["expires_time"], START + 100);
        world.advance(99);
        assert_eq!(
            world.actions_of(|| assert_eq!(world.tick().customers, 0)),
            [] as [&str; 0]
        );
        world.advance(1);
        let actions = world.actions_of(|| assert_eq!(world.tick().customers, 1));
        assert_eq!(actions, ["level.expired", "profile.recalculated"]);
        stands(world, "expired", 0, None, Some(START + 1));
        assert_eq!(profile(world), (5, 0));
        assert_eq!(lines(world).last().unwrap(), "system kyc.expired 1 expired");
        let entry = world.profile(PLAYER)["customer"]["kyc_history"][0].clone();
        assert_eq!(
            (&entry["ts"], &entry["reason"]),
            (&json!(START + 100), &json!("expired"))
        );
        for _ in 0..3 {
            world.advance(DAY);
            assert_eq!(world.tick().customers, 0);
        }
        tell(world, &tenant, &at(200, "submitted", "e-3", 1));
        let expiries = lines(world)
            .into_iter()
            .filter(|line| line.contains("kyc.expired"))
            .count();
        assert_eq!(expiries, 1);
    });
}

#[test]
fn what_has_ended_counts_before_the_next_decision_however_late_the_tick() {
    scenario(|world| {
        let tenant = tenant(world, "platform_owns");
        tell(world, &tenant, &at(0, "submitted", "e-1", 1));
        tell(world, &tenant, &approval_until("e-2", START + 1, "7", 1, START + 100));
        assert!(is_open(world));
        world.advance(100);
        assert!(!is_open(world), "no tick has come yet");
        let told = tell(world, &tenant, &at(50, "rejected", "e-3", 2));
        assert_eq!(told, (false, "expired".to_owned()));
        let expected = [
            "webhook kyc.submitted 1 pending",
            "webhook kyc.approved 1 verified",
            "system kyc.expired 1 expired",
            "webhook kyc.rejected 2 expired",
        ];
        assert_eq!(lines(world), expected);
    });
}

#[test]
fn a_renewal_locks_nobody_out_until_the_verdict_or_the_end() {
    for (verdict, left) in [
        (Some("approved"), ("verified", 2)),
        (Some("rejected"), ("rejected", 0)),
        (None, ("pending", 0)),
    ] {
        scenario(|world| {
            let tenant = tenant(world, "platform_owns");
            gate_at(world, 2);
            tell(world, &tenant, &at(0, "submitted", "e-1", 2));
            tell(world, &tenant, &approval_until("e-2", START + 1, "7", 2, START + 100));
            tell(world, &tenant, &at(50, "submitted", "e-3", 2));
            stands(world, "pending", 2, Some(START + 100), Some(START + 50));
            assert!(is_open(world));
            if let Some(verdict) = verdict {
                tell(world, &tenant, &at(60, verdict, "e-4", 2));
            }
            world.advance(100);
            world.tick();
            let [status, level, ..] = aggregate(world);
            assert_eq!((status, level), (json!(left.0), json!(left.1)));
            assert_eq!(is_open(world), left.1 == 2);
        });
    }
}

#[test]
fn whoever_is_verified_at_2_and_starts_3_shows_pending_at_level_2_and_the_gate_stays_open() {
    for model in ["platform_owns", "dual"] {
        scenario(|world| {
            let tenant = tenant(world, model);
            gate_at(world, 2);
            tell(world, &tenant, &at(0, "submitted", "e-1", 2));
            tell(world, &tenant, &at(1, "approved", "e-2", 2));
            tell(world, &tenant, &at(2, "level_upgraded", "e-3", 3));
            stands(world, "pending", 2, None, Some(START + 2));
            assert_eq!(profile(world), (2, 2));
            assert!(is_open(world));
            tell(world, &tenant, &at(3, "submitted", "e-4", 1));
            stands(world, "pending", 2, None, Some(START + 3));
            gate_at(world, 3);
            assert!(!is_open(world));
        });
    }
}

#[test]
fn under_platform_owns_a_shut_gate_asks_for_nothing() {
    scenario(|world| {
        let tenant = tenant(world, "platform_owns");
        world.template("one", json!({}));
        let gate = json!({ "customer_id": PLAYER, "brand": BRAND });
        let refusal = world.refused("MngCheckRealAccountGate", gate.clone());
        refusal.is(403, "KYC_REQUIRED");
        assert_eq!(refusal.body["kyc_required_level"], 1);
        tell(world, &tenant, &at(0, "submitted", "e-1", 1));
        let refusal = world.refused("MngCheckRealAccountGate", gate);
        refusal.is(403, "KYC_REQUIRED");
        assert_eq!(refusal.body["kyc_status"], 2);
        let shown = world.profile(PLAYER);
        assert_eq!(
            (&shown["profile"]["required_level"], &shown["steps"]),
            (&json!(0), &json!([]))
        );
    });
}

#[test]
fn an_approval_that_is_over_when_it_is_given_ends_at_once() {
    scenario(|world| {
        let tenant = tenant(world, "platform_owns");
        tell(world, &tenant, &at(0, "submitted", "e-1", 1));
        let told = tell(world, &tenant, &approval_until("e-2", START + 10, "7", 1, START + 10));
        assert_eq!(told, (true, "expired".to_owned()), "effective, and over");
        stands(world, "expired", 0, None, Some(START + 10));
    });
}

/// A `dual` world with questionnaires at levels 1 and 2, and a manual step at level 1.
fn dual(world: &World) -> Tenant {
    world.template("one", json!({ "step_type": 1 }));
    world.template("two", json!({ "step_type": 1, "level": 2 }));
    world.template("hand", json!({ "step_type": 4 }));
    tenant(world, "dual")
}

fn submit(world: &World, step: i64) {
    world.ok("MngSubmitKycStep", json!({ "id": step, "answers": {} }));
}

fn approve(world: &World, step: i64, more: Value) {
    world.ok("MngApproveKycStep", overlaid(json!({ "id": step }), more));
}

fn reject(world: &World, step: i64) {
    world.ok("MngRejectKycStep", json!({ "id": step, "reason": "BLURRED" }));
}

#[test]
fn under_dual_steps_enter_the_log_as_they_are_submitted_approved_rejected_and_lapse() {
    scenario(|world| {
        dual(world);
        let step = world.require(PLAYER, "two");
        stands(world, "none", 0, None, None);
        assert_eq!(profile(world), (2, 0), "the status follows the steps");
        world.advance(10);
        submit(world, step);
        stands(world, "pending", 0, None, Some(START + 10));
        world.advance(10);
        approve(world, step, json!({ "expires_time": START + 100 }));
        stands(world, "verified", 2, Some(START + 100), Some(START + 20));
        assert_eq!(
            profile(world),
            (3, 2),
            "the level is the fold's, though none is required"
        );
        world.advance(500);
        world.tick();
        stands(world, "expired", 0, None, Some(START + 100));
        assert_eq!(profile(world), (5, 0));
        submit(world, step);
        world.advance(1);
        reject(world, step);
        stands(world, "rejected", 0, None, Some(START + 521));
        let events: Vec<_> = world
            .customer(PLAYER)
            .log
            .iter()
            .map(|entry| (entry.event.name(), entry.ts.seconds()))
            .collect();
        let wanted = [
            ("kyc.submitted", START + 10),
            ("kyc.approved", START + 20),
            ("kyc.expired", START + 100),
            ("kyc.submitted", START + 520),
            ("kyc.rejected", START + 521),
        ];
        assert_eq!(events, wanted);
    });
}

#[test]
fn under_dual_one_approval_is_entered_when_all_counting_steps_of_a_level_are_approved() {
    scenario(|world| {
        dual(world);
        let [one, hand, two] = ["one", "hand", "two"].map(|code| world.require(PLAYER, code));
        submit(world, one);
        approve(world, one, json!({ "expires_time": START + 900 }));
        stands(world, "pending", 0, None, Some(START));
        world.advance(5);
        approve(world, hand, json!({ "expires_time": START + 800 }));
        stands(world, "verified", 1, Some(START + 800), Some(START + 5));
        assert_eq!(profile(world), (2, 1), "level 2 is still open");
        world.advance(1);
        submit(world, two);
        stands(world, "pending", 1, Some(START + 800), Some(START + 6));
        let approvals = world
            .customer(PLAYER)
            .log
            .iter()
            .filter(|entry| entry.event.name() == "kyc.approved")
            .count();
        assert_eq!(approvals, 1);
    });
}

#[test]
fn under_dual_a_level_is_approved_by_whatever_leaves_only_approved_steps() {
    scenario(|world| {
        dual(world);
        let [one, hand] = ["one", "hand"].map(|code| world.require(PLAYER, code));
        approve(world, hand, json!({}));
        stands(world, "none", 0, None, None);
        world.advance(7);
        world.ok("MngSkipKycStep", json!({ "id": one, "reason": "MISTAKE" }));
        stands(world, "verified", 1, None, Some(START + 7));
    });
}

#[test]
fn under_dual_a_verdict_taken_here_stands_whatever_the_platform_said() {
    for said in [
        vec![],
        vec!["submitted", "rejected"],
        vec!["submitted", "approved", "expired"],
        vec!["submitted"],
    ] {
        scenario(|world| {
            let tenant = dual(world);
            for (place, what) in (0..).zip(&said) {
                tell(world, &tenant, &at(place - 100, what, &format!("e-{place}"), 1));
            }
            let hand = world.require(PLAYER, "hand");
            approve(world, hand, json!({}));
            stands(world, "verified", 1, None, Some(START));
            reject(world, hand);
            let [status, level, ..] = aggregate(world);
            assert_eq!((status, level), (json!("rejected"), json!(0)));
        });
    }
}

#[test]
fn under_dual_the_platforms_word_moves_the_level_and_the_steps_the_status() {
    scenario(|world| {
        let tenant = dual(world);
        tell(world, &tenant, &at(-20, "submitted", "e-1", 3));
        assert_eq!(
            profile(world),
            (2, 0),
            "no step counts: the status mirrors the aggregate"
        );
        tell(world, &tenant, &at(-10, "approved", "e-2", 3));
        assert_eq!(profile(world), (3, 3));
        let one = world.require(PLAYER, "one");
        assert_eq!(profile(world), (2, 3), "a step counts: the status follows it");
        stands(world, "verified", 3, None, Some(START - 10));
        submit(world, one);
        reject(world, one);
        assert_eq!(profile(world), (4, 3));
        stands(world, "verified", 3, None, Some(START));
        tell(world, &tenant, &at(1, "rejected", "e-3", 3));
        assert_eq!(profile(world), (4, 0));
        stands(world, "rejected", 0, None, Some(START + 1));
    });
}

#[test]
fn under_dual_prohibited_risk_overrides_until_it_is_lifted() {
    scenario(|world| {
        let tenant = dual(world);
        tell(world, &tenant, &at(-20, "submitted", "e-1", 2));
        tell(world, &tenant, &at(-10, "approved", "e-2", 2));
        let risk =
            |level: i64| json!({ "customer_id": PLAYER, "brand": BRAND, "risk_level": level, "reason": "listed" });
        world.ok("MngSetKycRiskLevel", risk(4));
        stands(world, "rejected", 0, None, Some(START - 10));
        assert_eq!(profile(world), (4, 0));
        let told = tell(world, &tenant, &at(-5, "submitted", "e-3", 3));
        assert_eq!(told, (true, "rejected".to_owned()));
        assert!(!is_open(world));
        world.ok("MngSetKycRiskLevel", risk(1));
        stands(world, "pending", 2, None, Some(START - 5));
        assert_eq!(profile(world).1, 2);
    });
}

/// Fills a known player's log up to the limit, as so many webhooks would, but in one commit.
fn fill(world: &World, tenant: &Tenant) {
    let before = world.customer(PLAYER);
    let brand = run(world.store.brand(&before.key.brand, &TemplateNeed::None)).expect("a brand");
    let slug = tenant.slug.parse().expect("a slug");
    let context = Context {
        now: world.clock.now(),
        actor: Actor::webhook(&slug),
        ids: Ids::NONE,
        settings: brand.settings,
        templates: Vec::new(),
        files: Vec::new(),
        external_owner: None,
        tenant: brand.tenant,
        delivery: None,
        seed: Hash::ZERO,
    };
    let mut work = Work::new(before.clone(), context);
    for place in before.log.len()..LEVEL_LOG_ENTRIES_MAX {
        let body = at(0, "submitted", &format!("filler-{place}"), 1).to_string();
        let webhook = Webhook::read(body.as_bytes(), world.clock.now()).expect("a webhook");
        work.receive(&slug, &webhook, Flag::Yes);
    }
    let (after, events, queue) = work.finish();
    let wanted = Wanted {
        audit: i64::try_from(events.len()).unwrap(),
        ..Wanted::default()
    };
    let first_id = run(world.store.reserve(wanted)).expect("ids").audit;
    let salts = std::iter::repeat_n(Hash::ZERO, events.len());
    let commit = Commit::of_customer(&before, &after, &events, queue, first_id, salts);
    run(world.store.commit(commit)).expect("it is stored");
}

#[test]
fn a_player_has_at_most_10_000_entries() {
    scenario(|world| {
        let tenant = tenant(world, "platform_owns");
        let first = at(0, "submitted", "e-1", 1);
        tell(world, &tenant, &first);
        fill(world, &tenant);
        assert_eq!(world.customer(PLAYER).log.len(), LEVEL_LOG_ENTRIES_MAX);
        let before = world.store.snapshot();
        let error = tenant
            .tell(world, &at(1, "approved", "e-2", 1))
            .expect_err("one too many");
        assert_eq!((error.status(), error.code()), (429, "RATE_LIMITED"));
        assert!(error.retry_after_seconds().is_some());
        assert_eq!(
            tell(world, &tenant, &first),
            (false, "pending".to_owned()),
            "known ones are known still"
        );
        let other = tenant.tell(world, &at(2, "submitted", "e-1", 1));
        assert_eq!(other, Err(WebhookError::Conflict));
        assert!(before == world.store.snapshot(), "nothing more is written");
        let somebody_else = event("submitted", "e-3", START, "8", 1);
        assert_eq!(tell(world, &tenant, &somebody_else), (true, "pending".to_owned()));
    });
}

/// A delivery of the story, with its place in time.
#[derive(Debug, Clone)]
struct Told {
    what: &'static str,
    event_id: String,
    seconds: i64,
    level: i64,
    ends_in: Option<i64>,
}

impl Told {
    fn body(&self) -> Value {
        let body = at(self.seconds, self.what, &self.event_id, self.level);
        match self.ends_in {
            Some(ends_in) if self.what == "approved" => {
                let until = rfc3339(START + self.seconds + ends_in);
                overlaid(body, json!({ "data": { "expires_at": until } }))
            }
            _ => body,
        }
    }
}

/// Events on few levels at few times, so that ties are common.
fn story() -> impl Strategy<Value = Vec<Told>> {
    let kinds = vec![
        "submitted",
        "submitted",
        "approved",
        "approved",
        "rejected",
        "expired",
        "level_upgraded",
    ];
    let one = (select(kinds), -50..50_i64, 0..4_i64, prop::option::of(0..60_i64));
    prop::collection::vec(one, 1..9).prop_map(|events| {
        let told = events
            .into_iter()
            .enumerate()
            .map(|(place, (what, seconds, level, ends_in))| Told {
                what,
                event_id: format!("{}-{place}", ["z", "a", "M"][place % 3]),
                seconds: seconds / 10 * 10,
                level,
                ends_in,
            });
        told.collect()
    })
}

/// What a manager does about the three steps.
type Verdict = fn(&World, &[i64; 3]);

/// What managers do, at these seconds after the start.
const VERDICTS: [(i64, Verdict); 5] = [
    (5, |world, steps| submit(world, steps[0])),
    (10, |world, steps| {
        approve(world, steps[0], json!({ "expires_time": START + 45 }));
    }),
    (15, |world, steps| approve(world, steps[1], json!({}))),
    (20, |world, steps| submit(world, steps[2])),
    (25, |world, steps| reject(world, steps[2])),
];

/// Deliveries in the order they come: in which pause, and which.
type Order = Vec<(usize, usize)>;

/// Tells the deliveries in an order, each in one of the pauses between what managers do; gives where all ends.
fn ends(told: &[Told], order: &[(usize, usize)], is_dual: bool) -> [Value; 4] {
    let world = World::new();
    let tenant = if is_dual {
        dual(&world)
    } else {
        tenant(&world, "platform_owns")
    };
    let steps = if is_dual {
        ["one", "hand", "two"].map(|code| world.require(PLAYER, code))
    } else {
        [0; 3]
    };
    let deliver = |pause: usize| {
        for (_, place) in order.iter().filter(|(when, _)| *when == pause) {
            tell(&world, &tenant, &told[*place].body());
        }
    };
    for (pause, (seconds, act)) in VERDICTS.into_iter().enumerate() {
        deliver(pause);
        world.advance(START + seconds - world.now());
        if is_dual {
            act(&world, &steps);
        }
    }
    deliver(VERDICTS.len());
    // Later than everything that ends.
    for _ in 0..4 {
        world.advance(40);
        world.tick();
    }
    assert_replay(&world);
    aggregate(&world)
}

/// Every delivery at least once, each in some pause.
fn orders(told: usize) -> impl Strategy<Value = Order> {
    let pause = 0..=VERDICTS.len();
    let once: Vec<_> = (0..told).map(|place| (pause.clone(), Just(place))).collect();
    let again = prop::collection::vec((pause, 0..told), 0..6);
    (once, again)
        .prop_map(|(once, again)| [once, again].concat())
        .prop_shuffle()
}

fn told_in_two_orders() -> impl Strategy<Value = (Vec<Told>, Order, Order)> {
    story().prop_flat_map(|told| {
        let count = told.len();
        (Just(told), orders(count), orders(count))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn under_platform_owns_any_order_of_deliveries_ends_the_same((told, one, other) in told_in_two_orders()) {
        prop_assert_eq!(ends(&told, &one, false), ends(&told, &other, false));
    }

    #[test]
    fn under_dual_any_order_of_deliveries_between_the_same_verdicts_ends_the_same((told, one, other) in told_in_two_orders()) {
        prop_assert_eq!(ends(&told, &one, true), ends(&told, &other, true));
    }
}
