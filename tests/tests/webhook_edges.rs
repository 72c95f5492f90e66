//! Webhooks at the edges that only a clock of our own can stand on: ages of signatures, secrets that end, rates, and
//! whom an id of the platform's means.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use kyc_core::webhook::{ReceivedReply, WebhookError};
use kyc_ports::app::{App, Rate, WebhookRequest};
use kyc_simulator::ambient::rfc3339;
use kyc_tests::sim::{ADAM, BRAND, MARY, START, World, overlaid, run, scenario};
use kyc_tests::tenants::{Tenant, event};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The least number that is allocated.
const ALLOCATED: i64 = 1_000_000_000;

fn platform_owns(world: &World) -> Tenant {
    Tenant::add(world, "acme", BRAND, "platform_owns", json!({}))
}

/// Something that can be sent at any time.
fn submitted(event_id: &str, player: &str) -> Value {
    event("submitted", event_id, START - 100, player, 1)
}

fn code(told: Result<ReceivedReply, WebhookError>) -> (u16, &'static str) {
    let error = told.expect_err("refused");
    (error.status(), error.code())
}

/// Refused, and nothing is written.
fn refused(world: &World, act: impl FnOnce() -> Result<ReceivedReply, WebhookError>) -> (u16, &'static str) {
    let before = world.store.snapshot();
    let told = act();
    assert!(before == world.store.snapshot(), "a refusal writes nothing: {told:?}");
    code(told)
}

/// A request from an address, signed by the tenant now or not at all.
fn from(
    app: &App,
    world: &World,
    tenant: &Tenant,
    source: &str,
    is_signed: bool,
) -> Result<ReceivedReply, WebhookError> {
    let body = submitted("e-1", "p-1").to_string();
    let signature = tenant.signature(world.now(), body.as_bytes());
    run(app.webhook(WebhookRequest {
        slug: &tenant.slug,
        source: Some(source),
        timestamp: Some(&world.now().to_string()),
        signature: is_signed.then_some(signature.as_str()),
        body: body.as_bytes(),
    }))
}

/// The customer who is known by an external id.
fn customer_of(world: &World, external_id: &str) -> Option<i64> {
    let list = world.ok(
        "MngGetKycProfiles",
        json!({ "brand": BRAND, "external_id": external_id }),
    );
    let rows = list["rows"].as_array().expect("rows");
    assert!(rows.len() <= 1, "{list}");
    rows.first().map(|row| row["customer_id"].as_i64().expect("a number"))
}

/// Tells of a player; gives the customer that it came to.
fn player(world: &World, tenant: &Tenant, external_id: &str) -> i64 {
    let id = format!("about {external_id} {}", world.store.audit_rows().len());
    assert!(tenant.tell(world, &submitted(&id, external_id)).expect("taken").applied);
    customer_of(world, external_id).expect("known by this id")
}

#[test]
fn a_timestamp_may_be_300_seconds_away_either_way_and_no_more() {
    scenario(|world| {
        let tenant = platform_owns(world);
        for (place, shift) in [-300, 0, 300].into_iter().enumerate() {
            let body = submitted(&format!("e-{place}"), "p-1").to_string();
            let told = tenant.tell_bytes(&world.app, world.now() + shift, body.as_bytes());
            assert!(told.expect("in time").applied, "{shift}");
        }
        for shift in [-301, 301, -3_600, -world.now()] {
            let body = submitted("e-late", "p-1").to_string();
            let told = || tenant.tell_bytes(&world.app, world.now() + shift, body.as_bytes());
            assert_eq!(refused(world, told), (401, "FORBIDDEN"), "{shift}");
        }
    });
}

#[test]
fn what_happened_may_be_300_seconds_ahead_or_as_old_as_it_likes() {
    scenario(|world| {
        let tenant = platform_owns(world);
        let at = |ts: i64, id: &str| event("submitted", id, ts, "p-1", 1);
        assert!(
            tenant
                .tell(world, &at(world.now() + 300, "e-1"))
                .expect("taken")
                .applied
        );
        assert!(tenant.tell(world, &at(0, "e-2")).expect("taken").applied);
        let ahead = || tenant.tell(world, &at(world.now() + 301, "e-3"));
        assert_eq!(refused(world, ahead), (422, "VALIDATION_ERROR"));
    });
}

#[test]
fn every_live_secret_signs_until_its_end() {
    scenario(|world| {
        let first = platform_owns(world);
        let rotate = |overlap: i64| {
            let data = json!({ "slug": "acme", "overlap_seconds": overlap });
            let reply = world.ok_as(ADAM, "MngRotateTenantSecret", data);
            first.signing_with(reply["webhook_secret"].as_str().expect("shown"))
        };
        let second = rotate(1_000);
        let third = rotate(500);
        let mut sent = 0;
        let mut is_taken = |tenant: &Tenant| {
            sent += 1;
            match tenant.tell(world, &submitted(&format!("e-{sent}"), "p-1")) {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error, WebhookError::NotSigned);
                    false
                }
            }
        };
        let mut all = || [&first, &second, &third].map(&mut is_taken);
        assert_eq!(all(), [true, true, true]);
        world.advance(499);
        assert_eq!(all(), [true, true, true]);
        world.advance(1);
        assert_eq!(
            all(),
            [false, false, true],
            "a later rotation may end it earlier, never later"
        );
        let fourth = rotate(0);
        assert_eq!([&third, &fourth].map(&mut is_taken), [false, true]);
    });
}

#[test]
fn an_address_is_limited_before_the_signature_is_looked_at() {
    scenario(|world| {
        let tenant = platform_owns(world);
        let rate = Rate {
            per_second: 2,
            burst: 3,
        };
        let app = world.app.clone().with_source_rate(Some(rate));
        for _ in 0..3 {
            assert_eq!(code(from(&app, world, &tenant, "192.0.2.1", false)), (401, "FORBIDDEN"));
        }
        let limited = from(&app, world, &tenant, "192.0.2.1", true).expect_err("limited");
        assert_eq!((limited.status(), limited.retry_after_seconds()), (429, Some(1)));
        assert_eq!(
            code(from(&app, world, &tenant.clone(), "192.0.2.2", false)),
            (401, "FORBIDDEN")
        );
        let nobody = Tenant {
            slug: "nobody".to_owned(),
            ..tenant.clone()
        };
        assert_eq!(code(from(&app, world, &nobody, "192.0.2.1", true)), (404, "NOT_FOUND"));
        world.advance(1);
        assert!(from(&app, world, &tenant, "192.0.2.1", true).expect("taken").applied);
        assert_eq!(code(from(&app, world, &tenant, "192.0.2.1", false)), (401, "FORBIDDEN"));
        assert_eq!(
            code(from(&app, world, &tenant, "192.0.2.1", false)),
            (429, "RATE_LIMITED")
        );
    });
}

#[test]
fn all_addresses_of_an_ipv6_network_are_limited_together() {
    scenario(|world| {
        let tenant = platform_owns(world);
        let rate = Rate {
            per_second: 1,
            burst: 1,
        };
        let app = world.app.clone().with_source_rate(Some(rate));
        let mut status = |source: &str| code(from(&app, world, &tenant, source, false)).0;
        let tried = [
            "2001:db8::1",
            "2001:db8::2",
            "2001:db8:0:1::1",
            "::ffff:192.0.2.1",
            "192.0.2.1",
        ]
        .map(&mut status);
        assert_eq!(tried, [401, 429, 401, 401, 429]);
    });
}

#[test]
fn a_tenant_is_limited_after_the_signature_and_before_the_model() {
    scenario(|world| {
        let limits = json!({ "webhook_rate": 10, "webhook_burst": 2 });
        let tenant = Tenant::add(world, "acme", BRAND, "crm_owns", limits);
        let told = || tenant.tell(world, &submitted("e-1", "p-1"));
        let forged = tenant.signing_with("guessed");
        for _ in 0..10 {
            let forged = || forged.tell(world, &submitted("e-1", "p-1"));
            assert_eq!(
                refused(world, forged),
                (401, "FORBIDDEN"),
                "what is forged uses nothing up"
            );
        }
        assert_eq!(refused(world, told), (403, "FORBIDDEN"));
        assert_eq!(refused(world, told), (403, "FORBIDDEN"));
        assert_eq!(refused(world, told), (429, "RATE_LIMITED"));
        assert_eq!(told().expect_err("limited").retry_after_seconds(), Some(1));
        let forged = || forged.tell(world, &submitted("e-1", "p-1"));
        assert_eq!(refused(world, forged), (401, "FORBIDDEN"));
        world.advance(1);
        assert_eq!(refused(world, told), (403, "FORBIDDEN"));
    });
}

#[test]
fn a_tenant_may_send_a_thousand_at_once_and_200_a_second_unless_it_is_set() {
    let world = World::new();
    let tenant = platform_owns(&world);
    let takes = |wanted: usize| {
        let malformed = || tenant.tell_bytes(&world.app, world.now(), b"{");
        for place in 0..wanted {
            assert_eq!(code(malformed()), (422, "VALIDATION_ERROR"), "{place}");
        }
        assert_eq!(code(malformed()), (429, "RATE_LIMITED"));
    };
    takes(1_000);
    world.advance(1);
    takes(200);
}

#[test]
fn a_small_decimal_is_the_number_itself_and_all_else_is_allocated() {
    scenario(|world| {
        let tenant = platform_owns(world);
        assert_eq!(player(world, &tenant, "1"), 1);
        assert_eq!(player(world, &tenant, "999999999"), 999_999_999);
        let allocated = [
            "1000000000",
            "0",
            "007",
            "-1",
            "+5",
            "1.0",
            "p-1",
            "９",
            " 7",
            "9007199254740993",
        ];
        let numbers = allocated.map(|external_id| player(world, &tenant, external_id));
        let wanted: Vec<i64> = (0..).map(|place| ALLOCATED + place).take(allocated.len()).collect();
        assert_eq!(numbers.to_vec(), wanted);
        for (external_id, number) in allocated.iter().zip(numbers) {
            assert_eq!(player(world, &tenant, external_id), number, "the same player again");
        }
    });
}

#[test]
fn an_allocation_passes_over_numbers_in_use() {
    scenario(|world| {
        let tenant = Tenant::add(world, "acme", BRAND, "dual", json!({}));
        for customer_id in [ALLOCATED, ALLOCATED + 1, ALLOCATED + 3] {
            world.set_level(customer_id, 1);
        }
        assert_eq!(player(world, &tenant, "p-1"), ALLOCATED + 2);
        assert_eq!(player(world, &tenant, "p-2"), ALLOCATED + 4);
        assert_eq!(
            player(world, &tenant, "1000000001"),
            ALLOCATED + 1,
            "known here by its number"
        );
    });
}

#[test]
fn a_linked_id_means_the_linked_customer_before_the_first_webhook() {
    scenario(|world| {
        let tenant = platform_owns(world);
        let link = |customer_id: i64, external_id: &str| json!({ "customer_id": customer_id, "brand": BRAND, "external_id": external_id });
        world.ok("MngLinkKycCustomer", link(5, "p-5"));
        assert_eq!(player(world, &tenant, "p-5"), 5);
        assert_eq!(
            player(world, &tenant, "5"),
            ALLOCATED,
            "5 is called otherwise, so this is somebody new"
        );
        world
            .refused("MngLinkKycCustomer", link(6, "p-5"))
            .is(409, "RET_DUPLICATE_RECORD");
        world
            .refused("MngLinkKycCustomer", link(6, "5"))
            .is(409, "RET_DUPLICATE_RECORD");
        world.ok("MngLinkKycCustomer", link(6, "8"));
        assert_eq!(player(world, &tenant, "8"), 6, "a link goes before a number");
        assert_eq!(customer_of(world, "6"), None);
    });
}

#[test]
fn a_customer_whose_number_is_anothers_name_has_none_until_it_is_linked() {
    scenario(|world| {
        let tenant = Tenant::add(world, "acme", BRAND, "dual", json!({}));
        let link = |customer_id: i64, external_id: &str| json!({ "customer_id": customer_id, "brand": BRAND, "external_id": external_id });
        world.ok("MngLinkKycCustomer", link(1, "2"));
        world.set_level(2, 1);
        assert_eq!(world.profile(2)["profile"]["external_id"], Value::Null);
        assert_eq!(player(world, &tenant, "2"), 1);
        world.ok("MngLinkKycCustomer", link(2, "p-2"));
        assert_eq!(player(world, &tenant, "p-2"), 2);
    });
}

#[test]
fn without_create_players_only_known_ones_are_told_of() {
    scenario(|world| {
        let tenant = Tenant::add(world, "acme", BRAND, "platform_owns", json!({ "create_players": 0 }));
        for external_id in ["42", "p-1", "1000000000"] {
            let told = || tenant.tell(world, &submitted("e-1", external_id));
            assert_eq!(refused(world, told), (404, "NOT_FOUND"));
        }
        let link = json!({ "customer_id": 42, "brand": BRAND, "external_id": "p-1" });
        world.ok("MngLinkKycCustomer", link);
        assert!(tenant.tell(world, &submitted("e-1", "p-1")).expect("known").applied);
        let other = || tenant.tell(world, &submitted("e-2", "42"));
        assert_eq!(refused(world, other), (404, "NOT_FOUND"));
    });
}

#[test]
fn an_event_that_was_taken_comes_again_also_where_its_player_is_called_otherwise_now() {
    scenario(|world| {
        let tenant = platform_owns(world);
        world.ok(
            "MngLinkKycCustomer",
            json!({ "customer_id": 42, "brand": BRAND, "external_id": "p-1" }),
        );
        assert!(tenant.tell(world, &submitted("e-1", "p-1")).expect("known").applied);
        world.ok(
            "MngLinkKycCustomer",
            json!({ "customer_id": 42, "brand": BRAND, "external_id": "p-2" }),
        );
        world.ok_as(ADAM, "MngUpdateTenant", json!({ "slug": "acme", "create_players": 0 }));
        let again = tenant.tell(world, &submitted("e-1", "p-1")).expect("known");
        assert_eq!((again.applied, again.new_status.name()), (false, "pending"));
        let other = tenant.tell(world, &event("rejected", "e-1", START - 100, "p-1", 1));
        assert_eq!(code(other), (409, "CONFLICT"));
        let unknown = || tenant.tell(world, &submitted("e-2", "p-1"));
        assert_eq!(refused(world, unknown), (404, "NOT_FOUND"));
    });
}

#[test]
fn what_is_decided_here_tells_which_webhooks_it_makes_effective_or_not() {
    scenario(|world| {
        let tenant = Tenant::add(world, "acme", BRAND, "dual", json!({}));
        world.template("one", json!({ "step_type": 1, "form_schema": {} }));
        let step = world.require(7, "one");
        let ahead = event("approved", "e-1", world.now() + 200, "7", 1);
        assert!(!tenant.tell(world, &ahead).expect("taken").applied);
        let newest = || {
            let history = world.profile(7)["customer"]["kyc_history"].clone();
            let lines = history.as_array().unwrap().iter();
            let of_step = lines.filter(|line| line["source"] != "outbound");
            of_step.max_by_key(|line| line["id"].as_i64()).unwrap().clone()
        };
        world.advance(1);
        world.ok("MngSubmitKycStep", json!({ "id": step, "answers": {} }));
        let line = newest();
        assert_eq!(
            (&line["event"], &line["also_effective"]),
            (&json!("kyc.submitted"), &json!(["e-1"]))
        );
        assert_eq!(world.profile(7)["customer"]["kyc_status"], "verified");
        world.advance(1);
        world.ok("MngRejectKycStep", json!({ "id": step, "reason": "FORGED" }));
        let line = newest();
        assert_eq!(
            (&line["event"], &line["no_longer_effective"]),
            (&json!("kyc.rejected"), &json!(["e-1"]))
        );
        assert_eq!(world.profile(7)["customer"]["kyc_status"], "rejected");
    });
}

#[test]
fn a_long_reason_is_taken_whole_and_shown_in_part() {
    scenario(|world| {
        let tenant = platform_owns(world);
        tenant.tell(world, &submitted("e-1", "7")).expect("taken");
        let reason = "ß".repeat(20_000);
        let data = json!({ "data": { "reason": reason } });
        let body = overlaid(event("rejected", "e-2", START - 50, "7", 1), data);
        assert!(tenant.tell(world, &body).expect("taken").applied);
        let line = world.profile(7)["customer"]["kyc_history"][0].clone();
        let shown = "ß".repeat(2_000);
        assert_eq!(
            (&line["reason"], &line["data"]["reason"]),
            (&json!(shown), &json!(shown))
        );
        let row = world
            .store
            .audit_rows()
            .into_iter()
            .rfind(|row| row.action == "webhook.received");
        let kept = row.unwrap().body.expect("a body").value();
        assert_eq!(kept["data"]["reason"], reason);
    });
}

#[test]
fn no_forged_or_malformed_request_touches_the_ledger() {
    scenario(|world| {
        let tenant = platform_owns(world);
        tenant.tell(world, &submitted("e-0", "p-1")).expect("taken");
        let good = submitted("e-1", "p-1").to_string();
        let at = world.now();
        let signature = tenant.signature(at, good.as_bytes());
        let send = |timestamp: Option<&str>, signature: Option<&str>, body: &[u8]| {
            run(world.app.webhook(WebhookRequest {
                slug: &tenant.slug,
                source: Some("192.0.2.1"),
                timestamp,
                signature,
                body,
            }))
        };
        let now = at.to_string();
        for (timestamp, signature, body) in [
            (None, None, good.as_bytes()),
            (Some(&*now), None, good.as_bytes()),
            (None, Some(&*signature), good.as_bytes()),
            (Some(&*now), Some(&*signature), &good.as_bytes()[1..]),
            (Some(&*now), Some("00"), good.as_bytes()),
        ] {
            assert_eq!(refused(world, || send(timestamp, signature, body)), (401, "FORBIDDEN"));
        }
        let malformed = overlaid(submitted("e-1", "p-1"), json!({ "ts": "soon" }));
        assert_eq!(
            refused(world, || tenant.tell(world, &malformed)),
            (422, "VALIDATION_ERROR")
        );
        let unknown = Tenant {
            slug: "nobody".to_owned(),
            ..tenant.clone()
        };
        assert_eq!(
            refused(world, || unknown.tell(world, &submitted("e-1", "p-1"))),
            (404, "NOT_FOUND")
        );
        let again = world.store.snapshot();
        assert!(!tenant.tell(world, &submitted("e-0", "p-1")).expect("known").applied);
        assert!(
            again == world.store.snapshot(),
            "a delivery that comes again writes nothing"
        );
        let conflict = overlaid(submitted("e-0", "p-1"), json!({ "level": 2 }));
        let rows = world.rows_of(|| {
            for _ in 0..3 {
                assert_eq!(code(tenant.tell(world, &conflict)), (409, "CONFLICT"));
            }
        });
        assert_eq!(rows.len(), 1, "recorded once for each content");
        assert_eq!(rows[0].action, "webhook.received");
        assert_eq!(rows[0].source.as_deref(), Some("acme"));
    });
}

#[test]
fn an_event_that_tells_of_two_ends_keeps_the_first() {
    scenario(|world| {
        let tenant = platform_owns(world);
        tenant.tell(world, &submitted("e-1", "p-1")).expect("taken");
        let approved = |until: i64| {
            let data = json!({ "data": { "expires_at": rfc3339(until) } });
            overlaid(event("approved", "e-2", START - 50, "p-1", 1), data)
        };
        tenant.tell(world, &approved(START + 1_000)).expect("taken");
        assert_eq!(code(tenant.tell(world, &approved(START + 9_000))), (409, "CONFLICT"));
        let number = customer_of(world, "p-1").unwrap();
        assert_eq!(world.profile(number)["customer"]["kyc_expires_at"], START + 1_000);
    });
}

type Telling<'a> = Pin<Box<dyn Future<Output = Result<ReceivedReply, WebhookError>> + 'a>>;

/// Tells everything at once: whenever one waits for the store another goes on. Which, the schedule says; when it has run
/// out, one after the other.
fn tell_at_once(
    world: &World,
    tenant: &Tenant,
    bodies: &[Value],
    schedule: &[usize],
) -> Vec<Result<ReceivedReply, WebhookError>> {
    let telling = |body: &Value| -> Telling<'_> {
        let (app, slug, body, now) = (world.another_app(), tenant.slug.clone(), body.to_string(), world.now());
        let signature = tenant.signature(now, body.as_bytes());
        Box::pin(async move {
            let request = WebhookRequest {
                slug: &slug,
                source: None,
                timestamp: Some(&now.to_string()),
                signature: Some(&signature),
                body: body.as_bytes(),
            };
            app.webhook(request).await
        })
    };
    let mut under_way: Vec<(usize, Telling<'_>)> = bodies.iter().map(telling).enumerate().collect();
    let mut answers: Vec<Option<_>> = bodies.iter().map(|_| None).collect();
    let mut turns = schedule.iter().copied().chain(0..);
    while !under_way.is_empty() {
        let next = turns.next().expect("no end") % under_way.len();
        let (place, told) = &mut under_way[next];
        if let Poll::Ready(answer) = told.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            answers[*place] = Some(answer);
            drop(under_way.remove(next));
        }
    }
    answers
        .into_iter()
        .map(|answer| answer.expect("every one ends"))
        .collect()
}

/// Whose turn it is, for as long as three deliveries take.
fn schedule() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..3_usize, 0..60)
}

#[test]
fn an_id_of_a_former_tenant_is_another_id() {
    scenario(|world| {
        let first = Tenant::add(world, "one", BRAND, "platform_owns", json!({}));
        let early = event("approved", "e-1", START - 50, "p-1", 1);
        assert!(!first.tell(world, &early).expect("taken").applied);
        world.ok_as(ADAM, "MngDeleteTenant", json!({ "slug": "one" }));
        let second = Tenant::add(world, "two", BRAND, "platform_owns", json!({}));
        let start = event("submitted", "e-0", START - 60, "p-1", 1);
        assert!(second.tell(world, &start).expect("taken").applied);
        let stray = event("approved", "e-1", START - 40, "p-1", 5);
        assert!(
            !second.tell(world, &stray).expect("taken").applied,
            "nothing was pending at level 5"
        );
    });
}

proptest! {
    #[test]
    fn first_deliveries_of_an_unknown_player_all_land(schedule in schedule(), player in prop::sample::select(vec!["7", "p-1"])) {
        let world = World::new();
        let tenant = platform_owns(&world);
        let bodies = [submitted("e-1", player), submitted("e-2", player), submitted("e-3", player)];
        for told in tell_at_once(&world, &tenant, &bodies, &schedule) {
            prop_assert!(told.is_ok(), "{told:?}");
        }
        prop_assert_eq!(world.store.snapshot().customers.len(), 1);
    }

    #[test]
    fn however_deliveries_of_one_event_interleave_one_is_applied(schedule in schedule()) {
        scenario(|world| {
            let tenant = platform_owns(world);
            let bodies = vec![submitted("e-1", "7"); 3];
            let told = tell_at_once(world, &tenant, &bodies, &schedule);
            let applied = told.iter().filter(|told| told.as_ref().expect("taken").applied).count();
            assert_eq!(applied, 1);
            assert_eq!(world.store.snapshot().history.len(), 1);
        });
    }

    #[test]
    fn however_bodies_under_one_id_interleave_one_stands(schedule in schedule()) {
        scenario(|world| {
            let tenant = platform_owns(world);
            let bodies = ["7", "8", "9"].map(|player| submitted("e-1", player));
            let told = tell_at_once(world, &tenant, &bodies, &schedule);
            let taken = told.iter().filter(|told| told.is_ok()).count();
            let refused = told.iter().filter(|told| **told == Err(WebhookError::Conflict)).count();
            assert_eq!((taken, refused), (1, 2), "{told:?}");
            assert_eq!(world.store.snapshot().customers.len(), 1);
            let received = world.store.audit_rows().iter().filter(|row| row.action == "webhook.received").count();
            assert_eq!(received, 3, "one applied, two recorded");
        });
    }

    #[test]
    fn however_events_of_one_player_interleave_all_land(schedule in schedule()) {
        scenario(|world| {
            let tenant = platform_owns(world);
            let bodies = [
                event("submitted", "e-1", START - 300, "7", 1),
                event("approved", "e-2", START - 200, "7", 1),
                event("level_upgraded", "e-3", START - 100, "7", 2),
            ];
            for told in tell_at_once(world, &tenant, &bodies, &schedule) {
                assert!(told.expect("taken").received);
            }
            let customer = world.ok_as(MARY, "MngGetKycProfile", json!({ "brand": BRAND, "customer_id": 7 }))["customer"].clone();
            assert_eq!(customer["kyc_status"], "pending");
            assert_eq!(customer["kyc_level"], 1);
            assert_eq!(customer["kyc_history"].as_array().unwrap().len(), 3);
        });
    }
}
