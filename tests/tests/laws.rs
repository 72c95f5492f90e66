//! Laws that hold for any sequence of commands, valid or not, with a clock that jumps: replay gives the rows, versions
//! and levels only rise, a refusal changes nothing, deciding twice gives the same, a late tick makes no difference, and
//! calls at the same time come out as if one had come after the other.

use std::collections::BTreeSet;

use kyc_core::command::{Call, Decided, Target};
use kyc_core::commit::Commit;
use kyc_core::customer::CustomerState;
use kyc_core::id::CustomerKey;
use kyc_core::record::Hash;
use kyc_core::rejection::Rejection;
use kyc_core::replay::evolve;
use kyc_core::table::command;
use kyc_ports::app::Request;
use kyc_ports::clock::Clock;
use kyc_ports::store::{Store, Thing};
use kyc_tests::decisions::context_of;
use kyc_tests::sim::{
    ADAM, DAY, MARY, World, actor_of, assert_replay, customer, members, overlaid, request, rising, run, scenario,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Op {
    /// A command; its data may have the members that [`resolved`] knows.
    Call(String, Option<String>, &'static str, Value),
    /// The clock moves.
    Jump(i64),
    Tick,
    Sweep,
}

/// Member of data that stands for a file of the pool.
const FILE: &str = "$file";
/// Member of data that stands for an end in so many seconds.
const ENDS_IN: &str = "$ends_in";

/// The data with a file from the pool and an end from the clock.
fn resolved(world: &World, pool: &[String], data: &Value) -> Value {
    let mut data = members(data.clone());
    if let Some(place) = data.remove(FILE).and_then(|place| place.as_u64()) {
        let place = usize::try_from(place).unwrap() % pool.len();
        data.insert("file_id".to_owned(), pool[place].as_str().into());
    }
    if let Some(seconds) = data.remove(ENDS_IN).and_then(|seconds| seconds.as_i64()) {
        data.insert("expires_time".to_owned(), (world.now() + seconds).into());
    }
    Value::Object(data)
}

fn any_code() -> impl Strategy<Value = &'static str> {
    select(vec!["doc", "form", "both", "provider", "manual", "later", "unknown"])
}

fn any_customer() -> impl Strategy<Value = i64> {
    prop_oneof![12 => Just(7), 6 => Just(8), 3 => Just(9), 1 => Just(0)]
}

/// An id of customer 7's steps and documents mostly, which come first.
fn any_id() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 1..6_i64, 1 => 6..10_i64]
}

fn any_reason() -> impl Strategy<Value = &'static str> {
    select(vec!["BLURRED", "FORGED"])
}

/// Members that may be there or not.
fn maybe(member: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop_oneof![2 => Just(json!({})), 1 => member]
}

fn any_end() -> impl Strategy<Value = Value> {
    maybe(select(vec![0, 1, 600, 3_600, DAY, 3 * DAY]).prop_map(|seconds| json!({ ENDS_IN: seconds })))
}

fn any_version() -> impl Strategy<Value = Value> {
    prop_oneof![12 => Just(json!({})), 1 => (1..5_i64).prop_map(|version| json!({ "expected_version": version }))]
}

fn any_template() -> impl Strategy<Value = Value> {
    let requirements = select(vec![
        json!({}),
        json!({ "documents": ["passport"] }),
        json!({ "all_documents": ["passport", "bill"], "valid_days": 2, "warn_days": 1 }),
        json!({ "valid_days": 1, "warn_days": 3 }),
    ]);
    (0..4_i64, 0..5_i64, 0..2_i64, requirements).prop_map(|(level, step_type, required, requirements)| {
        json!({ "level": level, "step_type": step_type, "required": required, "requirements": requirements })
    })
}

/// A command about the brand's configuration.
fn any_configuration() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        (any_code(), any_template()).prop_map(|(code, more)| {
            (
                "MngAddKycStepTemplate",
                overlaid(json!({ "brand": "acme", "code": code }), more),
            )
        }),
        (any_id(), any_template(), 0..3_i64).prop_map(|(id, more, status)| {
            (
                "MngUpdateKycStepTemplate",
                overlaid(json!({ "id": id, "status": status }), more),
            )
        }),
        any_id().prop_map(|id| ("MngDeleteKycStepTemplate", json!({ "id": id }))),
        (0..2_i64, 0..4_i64).prop_map(|(required, level)| {
            let data = json!({ "brand": "acme", "kyc_required_for_real": required, "real_account_level": level });
            ("MngSetKycBrand", data)
        }),
    ]
}

/// A command about one customer as a whole.
fn any_demand() -> impl Strategy<Value = (&'static str, Value)> {
    let who = || any_customer().prop_map(|id| json!({ "customer_id": id, "brand": "acme" }));
    let level = || maybe((0..4_i64).prop_map(|level| json!({ "level": level })));
    prop_oneof![
        4 => (who(), any_code(), level()).prop_map(|(who, code, level)| {
            ("MngRequireKycStep", overlaid(overlaid(who, json!({ "step_code": code })), level))
        }),
        3 => (who(), 0..5_i64).prop_map(|(who, level)| {
            ("MngSetKycRequiredLevel", overlaid(who, json!({ "level": level })))
        }),
        1 => (who(), 0..6_i64).prop_map(|(who, risk)| {
            ("MngSetKycRiskLevel", overlaid(who, json!({ "risk_level": risk, "reason": "R" })))
        }),
        1 => (1..4_i64).prop_map(|id| ("MngReviewKycProfile", json!({ "id": id, "comment": "seen" }))),
        1 => (who(), select(vec!["p-1", "p-2", "8"])).prop_map(|(who, external_id)| {
            ("MngLinkKycCustomer", overlaid(who, json!({ "external_id": external_id })))
        }),
        2 => who().prop_map(|who| ("MngCheckRealAccountGate", who)),
    ]
}

fn any_answers() -> impl Strategy<Value = Value> {
    let valid = json!({ "answers": { "first_name": "Ada" } });
    prop_oneof![
        4 => Just(valid),
        2 => Just(json!({})),
        1 => Just(json!({ "answers": { "first_name": 1 } })),
    ]
}

/// A command about a step.
fn any_step_command() -> impl Strategy<Value = (&'static str, Value)> {
    let step = || (any_id(), any_version()).prop_map(|(id, version)| overlaid(json!({ "id": id }), version));
    prop_oneof![
        4 => (step(), any_end()).prop_map(|(step, end)| ("MngApproveKycStep", overlaid(step, end))),
        2 => (step(), any_reason()).prop_map(|(step, reason)| {
            ("MngRejectKycStep", overlaid(step, json!({ "reason": reason })))
        }),
        1 => step().prop_map(|step| ("MngSkipKycStep", overlaid(step, json!({ "reason": "waived" })))),
        4 => (any_id(), any_answers()).prop_map(|(id, answers)| {
            ("MngSubmitKycStep", overlaid(json!({ "id": id }), answers))
        }),
    ]
}

/// A command about a document.
fn any_document_command() -> impl Strategy<Value = (&'static str, Value)> {
    let document = || (any_id(), any_version()).prop_map(|(id, version)| overlaid(json!({ "id": id }), version));
    let kind = select(vec!["passport", "bill", "bill", "selfie"]);
    let step = prop_oneof![1 => Just(json!({})), 4 => any_id().prop_map(|id| json!({ "step_id": id }))];
    prop_oneof![
        6 => (any_customer(), kind, 0..8_u64, step, any_end()).prop_map(|(customer_id, kind, file, step, end)| {
            let data = json!({ "customer_id": customer_id, "brand": "acme", "type": kind, FILE: file });
            ("MngAddKycDocument", overlaid(overlaid(data, step), end))
        }),
        2 => (document(), any_end()).prop_map(|(document, end)| ("MngApproveKycDocument", overlaid(document, end))),
        2 => (document(), any_reason()).prop_map(|(document, reason)| {
            ("MngRejectKycDocument", overlaid(document, json!({ "reason": reason })))
        }),
        1 => document().prop_map(|document| {
            ("MngDeleteKycDocument", overlaid(document, json!({ "reason": "mistake" })))
        }),
    ]
}

/// A customer's own command.
fn any_own_command() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        (any_id(), any_answers())
            .prop_map(|(id, answers)| { ("CustomerSubmitKycStep", overlaid(json!({ "id": id }), answers)) }),
        (prop_oneof![3 => Just(1), 1 => 2..4_i64], any_id(), 0..8_u64).prop_map(|(kyc_id, step_id, file)| {
            let data = json!({ "kyc_id": kyc_id, "step_id": step_id, "type": "passport", FILE: file });
            ("CustomerAddKycDocument", data)
        }),
    ]
}

fn any_call() -> impl Strategy<Value = Op> {
    let key = || prop_oneof![6 => Just(None), 1 => select(vec!["k1", "k2"]).prop_map(|key| Some(key.to_owned()))];
    let staff = prop_oneof![
        1 => any_configuration(),
        4 => any_demand(),
        6 => any_step_command(),
        5 => any_document_command(),
    ];
    let by_staff = (select(vec![MARY, ADAM]), key(), staff)
        .prop_map(|(token, key, (name, data))| Op::Call(token.to_owned(), key, name, data));
    let by_customer = (prop_oneof![3 => Just(7), 1 => 8..10_i64], key(), any_own_command())
        .prop_map(|(id, key, (name, data))| Op::Call(customer(id), key, name, data));
    prop_oneof![6 => by_staff, 1 => by_customer]
}

fn any_op() -> impl Strategy<Value = Op> {
    let jump = select(vec![-3_600, 1, 600, DAY, 3 * DAY]);
    prop_oneof![
        16 => any_call(),
        2 => jump.prop_map(Op::Jump),
        1 => Just(Op::Tick),
        1 => Just(Op::Sweep),
    ]
}

/// A world with a template of every type, three customers who are asked for something, and some files.
fn furnished() -> (World, Vec<String>) {
    let world = World::new();
    let field = json!({ "name": "first_name", "type": "text", "required": true });
    let schema = json!({ "sections": [{ "fields": [field] }] });
    world.template(
        "doc",
        json!({ "requirements": { "documents": ["passport", "bill"], "valid_days": 2 } }),
    );
    world.template("form", json!({ "step_type": 1, "form_schema": schema }));
    world.template("both", json!({ "step_type": 2, "level": 2, "form_schema": schema }));
    world.template(
        "provider",
        json!({ "step_type": 3, "level": 2, "requirements": { "valid_days": 1 } }),
    );
    world.template(
        "manual",
        json!({ "step_type": 4, "requirements": { "valid_days": 3, "warn_days": 1 } }),
    );
    world.set_level(7, 2);
    world.set_level(8, 1);
    let pool = [7, 7, 7, 7, 7, 8, 9]
        .map(|id| world.upload(&customer(id)))
        .into_iter()
        .chain([world.upload(MARY)])
        .collect();
    (world, pool)
}

/// Plays one op; a call's outcome by its error string.
fn play(world: &World, pool: &[String], op: &Op) -> Option<Result<Value, &'static str>> {
    match op {
        Op::Call(token, key, name, data) => {
            let data = resolved(world, pool, data);
            let answer = world.request(token, key.as_deref(), name, data);
            return Some(answer.map_err(|rejection| rejection.code()));
        }
        Op::Jump(seconds) => world.advance(*seconds),
        Op::Tick => drop(world.tick()),
        Op::Sweep => drop(run(world.app.sweep_files()).expect("a sweep")),
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_replays_and_only_rises(ops in prop::collection::vec(any_op(), 1..60)) {
        let (world, pool) = busy();
        for op in &ops {
            let (before, rows) = (rising(&world), world.store.audit_rows().len());
            let outcome = play(&world, &pool, op);
            let after = rising(&world);
            for (what, version) in &before {
                prop_assert!(after[what] >= *version, "{what:?} fell by {op:?}");
            }
            let added = world.store.audit_rows().split_off(rows);
            match outcome {
                // The gate's refusal stands with what it caused; any other leaves nothing but what was due.
                Some(Err("KYC_REQUIRED") | Ok(_)) | None => {}
                Some(Err(error)) => {
                    prop_assert_ne!(error, "RET_TECH_PROBLEM");
                    prop_assert!(added.iter().all(|row| row.actor_id == "system"), "{op:?}: {added:?}");
                }
            }
            if added.is_empty() {
                prop_assert_eq!(before, after, "nothing rises without a row: {:?}", op);
            }
        }
        assert_replay(&world);
    }

    #[test]
    fn deciding_twice_gives_the_same_and_evolving_gives_what_was_decided(
        ops in prop::collection::vec(any_op(), 1..30),
    ) {
        let (world, pool) = busy();
        for op in &ops {
            if let Op::Call(token, _, name, data) = op {
                check_decision(&world, token, name, resolved(&world, &pool, data));
            }
            play(&world, &pool, op);
        }
        assert_replay(&world);
    }

    #[test]
    fn a_late_tick_makes_no_difference(ops in prop::collection::vec(any_op(), 1..30)) {
        let [(prompt, pool), (late, same_pool)] = [busy(), busy()];
        prop_assert_eq!(&pool, &same_pool);
        // Announcements raise versions, kept replies are forgotten by ticks, and a clock that runs backwards meets
        // commits that only one of the two worlds has: these are left out.
        for op in ops.iter().map(without_key_and_version).filter(|op| !matches!(op, Op::Tick | Op::Jump(..0))) {
            prompt.tick();
            let outcomes = [play(&prompt, &pool, &op), play(&late, &pool, &op)];
            let [one, other] = outcomes.map(|outcome| outcome.map(Result::err));
            prop_assert_eq!(one, other, "{:?}", op);
        }
        prompt.tick();
        late.tick();
        prop_assert_eq!(statuses(&prompt), statuses(&late));
        assert_replay(&prompt);
        assert_replay(&late);
    }

    #[test]
    fn calls_at_the_same_time_come_out_as_if_one_had_come_after_the_other(
        calls in prop::collection::vec(any_call(), 2..5),
        schedule in prop::collection::vec(0..4_usize, 0..80),
    ) {
        check_race(&calls, &schedule);
    }

    #[test]
    fn of_two_verdicts_on_the_same_version_one_wins(schedule in prop::collection::vec(0..2_usize, 0..40)) {
        scenario(|world| {
            world.template("form", json!({ "step_type": 1 }));
            let id = world.require(7, "form");
            world.ok("MngSubmitKycStep", json!({ "id": id }));
            let version = world.step(id)["version"].clone();
            let approve = json!({ "id": id, "expected_version": version });
            let reject = json!({ "id": id, "expected_version": version, "reason": "R" });
            let verdicts = vec![
                request(MARY, None, "MngApproveKycStep", approve),
                request(ADAM, None, "MngRejectKycStep", reject),
            ];
            let answers = world.race(verdicts, &schedule);
            let codes: Vec<_> = answers.iter().map(|answer| answer.as_ref().err().map(Rejection::code)).collect();
            let winner = codes.iter().position(Option::is_none).expect("one wins");
            assert_eq!(codes[1 - winner], Some("STALE"));
            assert_eq!(world.step_status(id), [2, 3][winner]);
        });
    }

    #[test]
    fn a_key_sent_many_times_at_once_is_done_once(schedule in prop::collection::vec(0..4_usize, 0..60)) {
        scenario(|world| {
            let data = world.offer(7, json!({}));
            let send = |_| request(MARY, Some("k"), "MngAddKycDocument", data.clone());
            let answers = world.race((0..4).map(send).collect(), &schedule);
            let first = answers[0].clone().expect("a success");
            assert!(answers.iter().all(|answer| *answer == Ok(first.clone())), "{answers:?}");
            assert_eq!(world.customer(7).documents.len(), 1);
        });
    }

    #[test]
    fn a_key_sent_twice_at_once_gets_one_reply_where_the_second_is_no_longer_possible(
        schedule in prop::collection::vec(0..2_usize, 0..40),
    ) {
        scenario(|world| {
            world.template("form", json!({ "step_type": 1 }));
            let id = world.require(7, "form");
            let send = |_| request(MARY, Some("k"), "MngSubmitKycStep", json!({ "id": id }));
            let answers = world.race((0..2).map(send).collect(), &schedule);
            let first = answers[0].clone().expect("a success");
            assert_eq!(answers[1], Ok(first));
        });
    }

    #[test]
    fn what_may_be_there_once_is_made_once(schedule in prop::collection::vec(0..2_usize, 0..40)) {
        scenario(|world| {
            let send = |name, data: &Value| request(MARY, None, name, data.clone());
            let template = json!({ "brand": "acme", "code": "s", "level": 1 });
            let answers = world.race([&template; 2].map(|data| send("MngAddKycStepTemplate", data)).into(), &schedule);
            assert_eq!(refusals(&answers), ["RET_DUPLICATE_RECORD"]);
            let step = json!({ "customer_id": 7, "brand": "acme", "step_code": "s" });
            let answers = world.race([&step; 2].map(|data| send("MngRequireKycStep", data)).into(), &schedule);
            assert_eq!(answers[0].as_ref().unwrap(), answers[1].as_ref().unwrap());
            let link = |customer_id: i64| json!({ "customer_id": customer_id, "brand": "acme", "external_id": "p-1" });
            let links = vec![send("MngLinkKycCustomer", &link(8)), send("MngLinkKycCustomer", &link(9))];
            assert_eq!(refusals(&world.race(links, &schedule)), ["RET_DUPLICATE_RECORD"]);
        });
    }
}

/// The error strings of those that were refused.
fn refusals(answers: &[Result<Value, Rejection>]) -> Vec<&'static str> {
    answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .map(Rejection::code)
        .collect()
}

#[test]
fn a_conflict_that_retries_do_not_settle_leaves_nothing() {
    scenario(|world| {
        let send = |_| request(MARY, None, "MngAddKycDocument", world.offer(7, json!({})));
        let requests: Vec<Request> = (0..12).map(send).collect();
        // In turn, so that all decide on the same version and one of them wins each round.
        let in_turn: Vec<usize> = (0..12 * 200).collect();
        let answers = world.race(requests, &in_turn);
        let refused = refusals(&answers);
        assert!(refused.iter().all(|error| *error == "RET_TECH_PROBLEM"), "{refused:?}");
        let done = answers.len() - refused.len();
        assert!(done >= 6, "whoever gives up has been overtaken six times");
        assert_eq!(world.customer(7).documents.len(), done);
    });
}

/// Decides twice from what is stored, and lays the events over the state they were decided on.
fn check_decision(world: &World, token: &str, name: &str, data: Value) {
    let Ok(Call::Change(change)) = command(name).unwrap().read(members(data)) else {
        return;
    };
    let actor = actor_of(token).unwrap();
    let Some(key) = change.target(&actor).ok().and_then(|target| located(world, target)) else {
        return;
    };
    let state = run(world.store.customer(&key)).unwrap();
    let context = run(context_of(
        world.store.as_ref(),
        world.clock.now(),
        change.as_ref(),
        &state,
        actor,
    ));
    let [once, twice] = [0; 2].map(|_| change.decide(&state, &context));
    match (once, twice) {
        (Ok(once), Ok(twice)) => {
            assert_eq!(once.events, twice.events);
            assert_eq!((&once.state, &once.outcome), (&twice.state, &twice.outcome));
            assert_eq!(evolved(&state, &once), once.state, "{name}");
        }
        (once, twice) => assert_eq!(once.unwrap_err(), twice.unwrap_err()),
    }
}

fn located(world: &World, target: Target) -> Option<CustomerKey> {
    let thing = match target {
        Target::Customer(key) => return Some(key),
        Target::Profile(id) => Thing::Profile(id),
        Target::Step(id) => Thing::Step(id),
        Target::Document(id) => Thing::Document(id),
        Target::Delivery(id) => Thing::Delivery(id),
    };
    run(world.store.locate(thing)).unwrap()
}

/// The state that the events lead to; its head is the decision's, for a decision commits nothing.
fn evolved(before: &CustomerState, decided: &Decided) -> CustomerState {
    let salts = std::iter::repeat(Hash([7; 32]));
    let commit = Commit::of_customer(
        before,
        &decided.state,
        &decided.events,
        decided.queue.clone(),
        1_000,
        salts,
    );
    let mut state = before.clone();
    for row in &commit.audit {
        evolve(&mut state, row).expect("a row that can be replayed");
    }
    state.head = decided.state.head;
    state
}

/// The op without what makes a difference between a prompt tick and a late one.
fn without_key_and_version(op: &Op) -> Op {
    match op {
        Op::Call(token, _, name, data) => {
            let mut data = members(data.clone());
            data.remove("expected_version");
            Op::Call(token.clone(), None, name, Value::Object(data))
        }
        other => other.clone(),
    }
}

/// Where everything stands, without times and versions.
fn statuses(world: &World) -> Vec<Value> {
    let stored = world.store.snapshot();
    let of = |state: &CustomerState| {
        let profile = state.profile.as_ref().unwrap();
        let steps: Vec<_> = state
            .steps
            .iter()
            .map(|step| json!([step.id, step.status, step.expires_time]))
            .collect();
        let documents: Vec<_> = state
            .documents
            .iter()
            .map(|document| json!([document.id, document.status]))
            .collect();
        let levels = json!([profile.current_level, profile.required_level, profile.kyc_expires_at]);
        json!([
            profile.status,
            profile.kyc_status,
            profile.review_reason,
            levels,
            steps,
            documents
        ])
    };
    stored.customers.iter().map(of).collect()
}

/// A furnished world in which customer 7 has five steps and three documents.
fn busy() -> (World, Vec<String>) {
    let (world, pool) = furnished();
    let own = |step: Value| {
        let offer = json!({ "customer_id": 7, "brand": "acme", "type": "bill", "file_id": pool[0] });
        world.ok("MngAddKycDocument", overlaid(offer, step));
    };
    own(json!({ "step_id": 1 }));
    own(json!({ "step_id": 3 }));
    own(json!({}));
    (world, pool)
}

/// The call made one about customer 7 and what was there before, so that ids mean the same in any order.
fn about_seven(op: &Op) -> Op {
    let Op::Call(token, _, name, data) = op else {
        panic!("{op:?} is a call")
    };
    let mut data: Map<String, Value> = members(data.clone());
    let number = |data: &Map<String, Value>, name: &str| data.get(name).and_then(Value::as_i64);
    if data.contains_key("customer_id") {
        data.insert("customer_id".to_owned(), 7.into());
    }
    let things = if name.ends_with("Document") { 3 } else { 5 };
    for (member, count) in [("id", things), ("step_id", 5), ("kyc_id", 1)] {
        if let Some(id) = number(&data, member) {
            data.insert(member.to_owned(), (id % count + 1).into());
        }
    }
    let is_own = token.starts_with('9');
    let token = if is_own { customer(7) } else { token.clone() };
    Op::Call(token, None, name, Value::Object(data))
}

fn request_of(world: &World, pool: &[String], op: &Op) -> Request {
    let Op::Call(token, key, name, data) = op else {
        panic!("{op:?} is a call")
    };
    request(token, key.as_deref(), name, resolved(world, pool, data))
}

/// All that is stored but ids of what is new, hashes and times, which are those of one moment.
fn standing(world: &World) -> Value {
    let stored = world.store.snapshot();
    let templates = stored.brands.iter().flat_map(|brand| &brand.templates);
    let ids: BTreeSet<i64> = templates.map(|template| template.id.0).collect();
    // Which of the templates it is, for whoever tries again takes another id.
    let numbered = |mut row: Value, name: &str| {
        if let Some(place) = ids.iter().position(|id| row[name] == *id) {
            row[name] = json!(place);
        }
        row
    };
    let of = |state: &CustomerState| {
        let mut profile = json!(state.profile);
        profile["id"] = Value::Null;
        let mut steps: Vec<String> = state
            .steps
            .iter()
            .map(|step| without_id(numbered(json!(step), "template_id")))
            .collect();
        let mut documents: Vec<String> = state
            .documents
            .iter()
            .map(|document| without_id(json!(document)))
            .collect();
        steps.sort();
        documents.sort();
        json!([profile, steps, documents, state.head.version, state.head.due_time])
    };
    let customers: Vec<Value> = stored.customers.iter().map(of).collect();
    let brands: Vec<String> = stored
        .brands
        .iter()
        .map(|brand| {
            let templates = brand.templates.iter().map(|template| numbered(json!(template), "id"));
            json!([brand.settings, templates.collect::<Vec<_>>()]).to_string()
        })
        .collect();
    json!([customers, brands, stored.audit.len(), stored.history.len()])
}

fn without_id(mut row: Value) -> String {
    row["id"] = Value::Null;
    row.to_string()
}

/// Calls made in any interleaving come out as in some order of them.
fn check_race(calls: &[Op], schedule: &[usize]) {
    let calls: Vec<Op> = calls.iter().map(about_seven).collect();
    let (raced, pool) = busy();
    let requests = calls.iter().map(|call| request_of(&raced, &pool, call)).collect();
    let answers: Vec<_> = raced
        .race(requests, schedule)
        .into_iter()
        .map(|answer| answer.err().map(|rejection| rejection.code()))
        .collect();
    assert!(!answers.contains(&Some("RET_TECH_PROBLEM")), "{answers:?}");
    assert_replay(&raced);
    let is_like = |order: &Vec<usize>| {
        let (world, pool) = busy();
        let like = order.iter().all(|place| {
            let alone = play(&world, &pool, &calls[*place]).expect("a call");
            alone.err() == answers[*place]
        });
        like && standing(&world) == standing(&raced)
    };
    let mut orders = orders(calls.len());
    assert!(orders.any(|order| is_like(&order)), "{calls:?} gave {answers:?}");
}

/// Whoever adds a template while another is changed takes an id more for the second attempt.
#[test]
fn a_template_that_is_added_while_another_changes_has_any_new_id() {
    let call = |name, data| Op::Call(MARY.to_owned(), None, name, data);
    let template = json!({ "level": 0, "required": 0, "requirements": {}, "step_type": 0 });
    let calls = [
        call(
            "MngUpdateKycStepTemplate",
            overlaid(json!({ "id": 1, "status": 0 }), template.clone()),
        ),
        call(
            "MngAddKycStepTemplate",
            overlaid(json!({ "brand": "acme", "code": "later" }), template),
        ),
        call(
            "MngRequireKycStep",
            json!({ "brand": "acme", "customer_id": 7, "step_code": "doc" }),
        ),
    ];
    check_race(&calls, &[2, 0, 3, 0, 0, 1]);
}

/// Every order of so many things.
fn orders(count: usize) -> Box<dyn Iterator<Item = Vec<usize>>> {
    if count == 0 {
        return Box::new(std::iter::once(Vec::new()));
    }
    Box::new(orders(count - 1).flat_map(move |order| {
        (0..count).map(move |place| {
            let mut order = order.clone();
            order.insert(place, count - 1);
            order
        })
    }))
}
