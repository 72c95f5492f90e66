//! Replies from memory: nothing is asked of the store, nothing is ever stale, and memory is bounded.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use kyc_tests::sim::{BRAND, MARY, World, customer, id_of, request, run};
use serde_json::{Value, json};

fn world() -> World {
    let world = World::new().with_cache_bytes(1 << 20);
    world.template("interview", json!({ "step_type": 4 }));
    world
}

fn get(world: &World, kyc_id: i64) -> Value {
    world.ok("MngGetKycProfile", json!({ "id": kyc_id }))
}

fn version(reply: &Value) -> i64 {
    id_of(&reply["profile"]["version"])
}

/// How often a view is polled until it has its reply: the store of these tests lets others go first at every access.
fn polls(world: &World, token: &str, command: &str, data: Value) -> usize {
    let mut call = pin!(world.app.call(request(token, None, command, data)));
    let mut context = Context::from_waker(Waker::noop());
    (1..1_000)
        .find(|_| match call.as_mut().poll(&mut context) {
            Poll::Ready(reply) => reply.is_ok(),
            Poll::Pending => false,
        })
        .unwrap()
}

#[test]
fn a_reply_from_memory_asks_the_store_nothing() {
    let world = world();
    let step = world.require(7, "interview");
    let kyc_id = id_of(&world.step(step)["kyc_id"]);
    for (token, command, data) in [
        (MARY.to_owned(), "MngGetKycProfile", json!({ "id": kyc_id })),
        (
            MARY.to_owned(),
            "MngGetKycProfile",
            json!({ "customer_id": 7, "brand": BRAND }),
        ),
        (customer(7), "CustomerGetKycStatus", json!({})),
        (customer(7), "CustomerGetKycStep", json!({ "id": step })),
    ] {
        let misses = world.app.cache_figures().misses;
        world.ok_as(&token, command, data.clone());
        assert_eq!(world.app.cache_figures().misses, misses + 1, "{command} {data}: made");
        assert_eq!(
            polls(&world, &token, command, data.clone()),
            1,
            "{command} {data}: from memory"
        );
    }
    let figures = world.app.cache_figures();
    assert_eq!((figures.hits, figures.misses, figures.entries), (4, 5, 5));
}

#[test]
fn a_reply_from_memory_is_the_one_that_would_be_made() {
    let (cached, plain) = (world(), World::new());
    plain.template("interview", json!({ "step_type": 4 }));
    for world in [&cached, &plain] {
        let step = world.require(7, "interview");
        world.ok(
            "MngApproveKycStep",
            json!({ "id": step, "comment": "O'Hara said: \"ü\"" }),
        );
    }
    let made = get(&plain, 1);
    assert_eq!([get(&cached, 1), get(&cached, 1)], [made.clone(), made]);
}

#[test]
fn whoever_was_told_of_a_change_never_sees_the_state_before() {
    // A look that is under way while a change is committed, at every point where the two can meet.
    for begun in 0..12 {
        let world = world();
        let step = world.require(7, "interview");
        let kyc_id = id_of(&world.step(step)["kyc_id"]);
        let look = request(MARY, None, "MngGetKycProfile", json!({ "id": kyc_id }));
        let mut look = pin!(world.app.call(look));
        let mut context = Context::from_waker(Waker::noop());
        let seen = (0..begun).any(|_| look.as_mut().poll(&mut context).is_ready());
        world.ok("MngApproveKycStep", json!({ "id": step }));
        if !seen {
            run(look).expect("a reply");
        }
        let stored = world.customer(7).profile.expect("a profile").version;
        assert_eq!(version(&get(&world, kyc_id)), stored, "after {begun} polls");
        assert_eq!(get(&world, kyc_id)["steps"][0]["status"], 2, "after {begun} polls");
    }
}

#[test]
fn what_the_brand_chooses_shows_at_once() {
    let world = world();
    let step = world.require(7, "interview");
    world.ok(
        "MngRejectKycStep",
        json!({ "id": step, "reason": "X", "comment": "for colleagues", "customer_message": "for you" }),
    );
    let shown =
        || world.ok_as(&customer(7), "CustomerGetKycStep", json!({ "id": step }))["step"]["customer_message"].clone();
    assert_eq!(shown(), "for you");
    world.ok_as(
        "3:adam",
        "MngSetKycBrand",
        json!({ "brand": BRAND, "comment_to_customer": 1 }),
    );
    assert_eq!(shown(), "for colleagues");
}

#[test]
fn those_who_ask_for_the_same_at_once_wait_for_one_look() {
    let world = world();
    let step = world.require(7, "interview");
    let look = || {
        world
            .app
            .call(request(MARY, None, "MngGetKycStep", json!({ "id": step })))
    };
    let mut looks: Vec<_> = (0..8).map(|_| Box::pin(look())).collect();
    let mut context = Context::from_waker(Waker::noop());
    while !looks.is_empty() {
        looks.retain_mut(|look| look.as_mut().poll(&mut context).is_pending());
    }
    let figures = world.app.cache_figures();
    assert_eq!((figures.misses, figures.hits), (1, 7));
}

#[test]
fn memory_is_bounded_in_bytes() {
    let world = World::new().with_cache_bytes(20_000);
    for customer_id in 1..=100 {
        let kyc_id = world.set_level(customer_id, 1);
        get(&world, kyc_id);
        assert!(world.app.cache_figures().bytes <= 20_000);
    }
    let figures = world.app.cache_figures();
    assert!(figures.entries > 0 && figures.entries < 100, "{figures:?}");
}

#[test]
fn what_is_in_memory_is_hidden_from_whom_its_brand_is() {
    let world = world();
    let step = world.require(7, "interview");
    world.step(step);
    let stranger = "1:stan@elsewhere";
    let hidden = world.refused_as(stranger, "MngGetKycStep", json!({ "id": step }));
    let absent = world.refused_as(stranger, "MngGetKycStep", json!({ "id": 999 }));
    assert_eq!(hidden, absent);
    world
        .refused_as(&customer(8), "CustomerGetKycStep", json!({ "id": step }))
        .is(403, "PERMISSION_DENIED");
}
