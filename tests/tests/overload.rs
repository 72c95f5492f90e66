//! More changes at once than may be under way: the rest is refused at once and changes nothing, views are answered all
//! the same, and as soon as one has ended another may begin.

use std::task::{Context, Poll, Waker};

use kyc_core::limits::CHANGES_UNDER_WAY_MAX;
use kyc_core::rejection::Rejection;
use kyc_tests::sim::{BRAND, MARY, World, assert_replay, request};
use serde_json::{Value, json};

fn level_for(customer_id: usize) -> Value {
    json!({ "brand": BRAND, "customer_id": customer_id, "level": 1 })
}

#[test]
fn what_is_too_much_is_refused_before_anything_is_done_for_it() {
    let world = World::new();
    world.template("form", json!({ "step_type": 1 }));
    let kyc_id = world.set_level(7, 1);
    let ask = |customer_id| {
        let request = request(MARY, None, "MngSetKycRequiredLevel", level_for(customer_id));
        Box::pin(world.app.call(request))
    };
    let mut context = Context::from_waker(Waker::noop());
    let mut under_way: Vec<_> = (1_000..).take(CHANGES_UNDER_WAY_MAX).map(ask).collect();
    for call in &mut under_way {
        assert!(call.as_mut().poll(&mut context).is_pending(), "the store is waited for");
    }

    let before = world.store.snapshot();
    let refused = ask(9_000).as_mut().poll(&mut context);
    assert!(
        matches!(
            refused,
            Poll::Ready(Err(Rejection::TooFrequent { retry_after_seconds: 1 }))
        ),
        "{refused:?}"
    );
    assert!(before == world.store.snapshot(), "nothing was done for it");
    let shown = world.ok("MngGetKycProfile", json!({ "id": kyc_id }));
    assert_eq!(shown["profile"]["customer_id"], 7);

    let ended = under_way.swap_remove(0);
    drop(ended);
    world.ok("MngSetKycRequiredLevel", level_for(9_000));
    while !under_way.is_empty() {
        under_way.retain_mut(|call| match call.as_mut().poll(&mut context) {
            Poll::Pending => true,
            Poll::Ready(reply) => {
                reply.expect("what is under way is done");
                false
            }
        });
    }
    assert_eq!(
        world.store.snapshot().customers.len(),
        CHANGES_UNDER_WAY_MAX + 1,
        "each once, but for the one that was given up"
    );
    assert_replay(&world);
}
