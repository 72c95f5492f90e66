//! Tenants: the commands that manage them with each refusal, and secrets that are shown once and change hands in time.

use kyc_core::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
use kyc_core::table::table;
use kyc_ports::outbound::OutboundRequest;
use kyc_tests::sim::{ADAM, BRAND, DAY, MARY, Refusal, World, customer, overlaid, scenario};
use kyc_tests::tenants::{Tenant, event, tenant_data};
use serde_json::{Value, json};

fn add(model: &str) -> Value {
    tenant_data("acme", BRAND, model, json!({}))
}

/// An administrator's call that is refused.
fn refused(world: &World, name: &str, data: Value) -> Refusal {
    world.refused_as(ADAM, name, data)
}

/// Refused as invalid because of this member.
fn is_wrong(refusal: &Refusal, member: &str) {
    refusal.is(400, "INVALID_DATA");
    let details = refusal.body["details"].as_array().expect("details");
    let fields: Vec<&Value> = details.iter().map(|detail| &detail["field"]).collect();
    assert_eq!(fields, [member], "{}", refusal.body);
}

#[test]
fn an_added_tenant_is_shown_with_what_it_is_unless_it_is_said() {
    scenario(|world| {
        let reply = world.ok_as(ADAM, "MngAddTenant", add("platform_owns"));
        let mut shown = reply["tenant"].clone();
        let members = shown.as_object_mut().unwrap();
        let tenant_id = members.remove("tenant_id").unwrap();
        assert_eq!(tenant_id.as_str().unwrap().len(), 36, "a UUID");
        let secrets = members.remove("secrets").unwrap();
        let kinds: Vec<&Value> = secrets
            .as_array()
            .unwrap()
            .iter()
            .map(|secret| &secret["kind"])
            .collect();
        assert_eq!(kinds, ["webhook", "outbound"]);
        assert_eq!(
            shown,
            json!({
                "slug": "acme", "brand": BRAND, "kyc_model": "platform_owns", "base_url": null, "create_players": 1,
                "allow_private_network": 0, "webhook_rate": 200, "webhook_burst": 1_000, "lookup_rate": 10,
                "version": 1, "created_time": world.now(), "updated_time": world.now(),
            })
        );
        assert_ne!(reply["webhook_secret"], reply["outbound_secret"]);
        assert_eq!(
            world.ok_as(ADAM, "MngGetTenants", json!({}))["rows"],
            json!([reply["tenant"]])
        );
        assert_eq!(world.store.audit_rows().last().unwrap().action, "tenant.created");
    });
}

#[test]
fn a_slug_and_a_brand_are_taken_once() {
    scenario(|world| {
        world.ok_as(ADAM, "MngAddTenant", add("platform_owns"));
        let other = |slug: &str, brand: &str| tenant_data(slug, brand, "none", json!({}));
        refused(world, "MngAddTenant", other("other", BRAND)).is(409, "RET_DUPLICATE_RECORD");
        refused(world, "MngAddTenant", other("acme", "other")).is(409, "RET_DUPLICATE_RECORD");
        world.ok_as(ADAM, "MngAddTenant", other("other", "other"));
        world.ok_as(ADAM, "MngDeleteTenant", json!({ "slug": "acme" }));
        world.ok_as(ADAM, "MngAddTenant", other("acme", "third"));
    });
}

#[test]
fn a_slug_is_1_to_64_small_letters_digits_and_hyphens() {
    scenario(|world| {
        for slug in ["", "Acme", "a_b", "a.b", "a/b", "a b", "é", &"a".repeat(65)] {
            is_wrong(
                &refused(world, "MngAddTenant", tenant_data(slug, BRAND, "none", json!({}))),
                "slug",
            );
        }
        let longest = "a-0".repeat(22)[..64].to_owned();
        world.ok_as(ADAM, "MngAddTenant", tenant_data(&longest, BRAND, "none", json!({})));
    });
}

#[test]
fn an_address_must_be_plain_https_unless_private_networks_are_allowed() {
    let attempt = |base_url: &str, allows: i64| {
        let world = World::new();
        let more = json!({ "base_url": base_url, "allow_private_network": allows });
        world.attempt(ADAM, "MngAddTenant", tenant_data("acme", BRAND, "crm_owns", more))
    };
    let refused = [
        "",
        "platform.example",
        "//platform.example",
        "ftp://platform.example",
        "HTTPS//x",
        "https://",
        "https://:443",
        "https:///kyc",
        "https://user@platform.example",
        "https://u:p@platform.example",
        "https://platform.example?x=1",
        "https://platform.example#x",
        "https://platform.example/",
        "https://platform.example/a/",
        "https://a b",
        "https://platform.example\\x",
        "https://platform.example/\"",
        "https://platform.exämple",
        "https://platform.example:99999",
        "https://platform.example:0",
        "https://platform.example:",
        "https://platform.example:x",
        "https://platform.example:1:2",
        "https://[::1",
        "https://[::1]x",
        "https://[1]",
        "https://::1",
        "https://a..b",
        "https://.example",
        "https://platform%2eexample",
        "https://(platform)",
        "javascript:alert(1)",
    ];
    for base_url in refused {
        for allows in [0, 1] {
            is_wrong(&attempt(base_url, allows).expect_err(base_url).into(), "base_url");
        }
    }
    let too_long = format!("https://platform.example/{}", "x".repeat(500));
    is_wrong(&attempt(&too_long, 0).expect_err("too long").into(), "base_url");
    is_wrong(
        &attempt("http://platform.example", 0).expect_err("http").into(),
        "base_url",
    );
    for (base_url, allows) in [
        ("https://platform.example", 0),
        ("https://platform.example:8443/api/v2", 0),
        ("http://platform.example", 1),
        ("http://127.0.0.1:8091", 1),
        ("https://[2001:db8::1]:8443/a", 0),
        ("https://xn--plattfrm-o4a.example./a_b", 0),
    ] {
        let reply = attempt(base_url, allows).expect(base_url);
        assert_eq!(reply["tenant"]["base_url"], base_url);
    }
}

#[test]
fn a_platform_that_is_called_must_have_an_address_and_may_not_lose_it() {
    scenario(|world| {
        for model in ["crm_owns", "dual"] {
            let data = json!({ "slug": "acme", "brand": BRAND, "kyc_model": model });
            is_wrong(&refused(world, "MngAddTenant", data), "base_url");
        }
        world.ok_as(
            ADAM,
            "MngAddTenant",
            json!({ "slug": "acme", "brand": BRAND, "kyc_model": "none" }),
        );
        let update = |more: Value| overlaid(json!({ "slug": "acme" }), more);
        is_wrong(
            &refused(world, "MngUpdateTenant", update(json!({ "kyc_model": "dual" }))),
            "base_url",
        );
        let local = json!({ "kyc_model": "dual", "base_url": "http://127.0.0.1:1", "allow_private_network": 1 });
        world.ok_as(ADAM, "MngUpdateTenant", update(local));
        is_wrong(
            &refused(world, "MngUpdateTenant", update(json!({ "base_url": "" }))),
            "base_url",
        );
        is_wrong(
            &refused(world, "MngUpdateTenant", update(json!({ "allow_private_network": 0 }))),
            "base_url",
        );
        let reply = world.ok_as(
            ADAM,
            "MngUpdateTenant",
            update(json!({ "kyc_model": "none", "base_url": "" })),
        );
        assert_eq!(reply["tenant"]["base_url"], Value::Null);
    });
}

#[test]
fn an_update_changes_what_is_sent_and_nothing_else() {
    scenario(|world| {
        let added = world.ok_as(ADAM, "MngAddTenant", add("platform_owns"))["tenant"].clone();
        world.advance(5);
        let update =
            json!({ "slug": "acme", "create_players": 0, "webhook_rate": 3, "webhook_burst": 4, "lookup_rate": 5 });
        let reply = world.ok_as(ADAM, "MngUpdateTenant", update.clone());
        let wanted = json!({ "version": 2, "updated_time": world.now() });
        assert_eq!(
            reply,
            json!({ "tenant": overlaid(overlaid(added, update.clone()), wanted) })
        );
        assert_eq!(world.store.audit_rows().last().unwrap().action, "tenant.updated");
        let before = world.store.snapshot();
        world.ok_as(ADAM, "MngUpdateTenant", update);
        assert!(before == world.store.snapshot(), "the same again is no change");
    });
}

#[test]
fn what_is_out_of_range_or_unknown_is_named() {
    scenario(|world| {
        world.ok_as(ADAM, "MngAddTenant", add("platform_owns"));
        let commands = [
            ("MngAddTenant", tenant_data("b", "b", "none", json!({}))),
            ("MngUpdateTenant", json!({ "slug": "acme" })),
        ];
        let wrong = [
            ("kyc_model", json!("ours")),
            ("create_players", json!(2)),
            ("allow_private_network", json!(true)),
            ("webhook_rate", json!(0)),
            ("webhook_burst", json!(1_000_001)),
            ("lookup_rate", json!(101)),
        ];
        for (name, data) in &commands {
            for (member, value) in &wrong {
                let data = overlaid(data.clone(), json!({ *member: value }));
                is_wrong(&refused(world, name, data), member);
            }
        }
        let rotate = |more: Value| overlaid(json!({ "slug": "acme" }), more);
        is_wrong(
            &refused(world, "MngRotateTenantSecret", rotate(json!({ "kind": "both" }))),
            "kind",
        );
        for seconds in [-1, 30 * DAY + 1] {
            let data = rotate(json!({ "overlap_seconds": seconds }));
            is_wrong(&refused(world, "MngRotateTenantSecret", data), "overlap_seconds");
        }
        for (name, data) in tenant_commands() {
            is_wrong(
                &refused(world, name, overlaid(data, json!({ "color": "red" }))),
                "color",
            );
        }
    });
}

/// The commands that manage tenants, with what they take.
fn tenant_commands() -> Vec<(&'static str, Value)> {
    let commands = table()
        .iter()
        .filter(|command| command.path.starts_with("/manager/tenants"));
    let data = |name: &str| match name {
        "MngAddTenant" => tenant_data("other", "other", "none", json!({})),
        "MngGetTenants" => json!({}),
        _ => json!({ "slug": "acme" }),
    };
    commands.map(|command| (command.name, data(command.name))).collect()
}

#[test]
fn only_administrators_manage_tenants() {
    scenario(|world| {
        world.ok_as(ADAM, "MngAddTenant", add("dual"));
        for (name, data) in tenant_commands() {
            for session in [0, 1, 2, 4, 5, 10] {
                let refusal = world.refused_as(&format!("{session}:sue"), name, data.clone());
                refusal.is(403, "PERMISSION_DENIED");
            }
            world.refused_as(&customer(7), name, data).is(403, "PERMISSION_DENIED");
        }
    });
    for session in [3, 11] {
        let world = World::new();
        let admin = format!("{session}:sue");
        world.ok_as(&admin, "MngAddTenant", add("dual"));
        for name in [
            "MngUpdateTenant",
            "MngRotateTenantSecret",
            "MngReconcileTenant",
            "MngDeleteTenant",
        ] {
            world.ok_as(&admin, name, json!({ "slug": "acme" }));
        }
        assert_eq!(world.ok_as(&admin, "MngGetTenants", json!({}))["count"], 0);
    }
}

#[test]
fn an_unknown_slug_and_a_brand_beyond_the_token_do_not_exist() {
    scenario(|world| {
        world.ok_as(ADAM, "MngAddTenant", add("dual"));
        let scoped = "3:adam@other";
        for name in [
            "MngUpdateTenant",
            "MngRotateTenantSecret",
            "MngReconcileTenant",
            "MngDeleteTenant",
        ] {
            refused(world, name, json!({ "slug": "nobody" })).is(404, "RET_NOT_FOUND");
            world
                .refused_as(scoped, name, json!({ "slug": "acme" }))
                .is(404, "RET_NOT_FOUND");
        }
        let third = tenant_data("third", "third", "none", json!({}));
        world.refused_as(scoped, "MngAddTenant", third).is(404, "RET_NOT_FOUND");
        for filter in [json!({}), json!({ "brand": BRAND }), json!({ "slug": "acme" })] {
            let list = world.ok_as(scoped, "MngGetTenants", filter);
            assert_eq!(list, json!({ "rows": [], "count": 0, "next_cursor": null }));
        }
        world.ok_as(scoped, "MngAddTenant", tenant_data("other", "other", "none", json!({})));
        assert_eq!(world.ok_as(scoped, "MngGetTenants", json!({}))["count"], 1);
    });
}

#[test]
fn tenants_are_listed_in_the_order_they_came_filtered_and_by_pages() {
    scenario(|world| {
        for (slug, model) in [("c", "none"), ("a", "dual"), ("b", "none")] {
            world.ok_as(
                ADAM,
                "MngAddTenant",
                tenant_data(slug, &format!("brand-{slug}"), model, json!({})),
            );
        }
        let slugs = |filter: Value| {
            let list = world.ok_as(ADAM, "MngGetTenants", filter);
            let rows = list["rows"].as_array().unwrap().clone();
            let slugs: Vec<String> = rows
                .iter()
                .map(|row| row["slug"].as_str().unwrap().to_owned())
                .collect();
            (slugs, list["next_cursor"].clone())
        };
        assert_eq!(slugs(json!({})).0, ["c", "a", "b"]);
        assert_eq!(slugs(json!({ "kyc_model": "none" })).0, ["c", "b"]);
        assert_eq!(slugs(json!({ "slug": "a" })).0, ["a"]);
        assert_eq!(slugs(json!({ "brand": "brand-b" })).0, ["b"]);
        let (first, cursor) = slugs(json!({ "limit": 2 }));
        assert_eq!(first, ["c", "a"]);
        assert_eq!(
            slugs(json!({ "limit": 2, "cursor": cursor })),
            (vec!["b".to_owned()], Value::Null)
        );
    });
}

#[test]
fn a_secret_is_shown_once_and_nothing_that_is_kept_holds_it() {
    scenario(|world| {
        let shown = |name: &str, key: &str, data: &Value| {
            let first = world.request(ADAM, Some(key), name, data.clone()).expect(name);
            let again = world.request(ADAM, Some(key), name, data.clone()).expect(name);
            let blanks: Vec<&str> = ["webhook_secret", "outbound_secret"]
                .into_iter()
                .filter(|member| first.get(member).is_some())
                .collect();
            let mut wanted = first.clone();
            for member in &blanks {
                wanted[member] = "".into();
            }
            assert_eq!(again, wanted, "the rest of the reply, with the secrets blank");
            blanks
                .into_iter()
                .map(|member| first[member].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let mut secrets = shown("MngAddTenant", "k-1", &add("dual"));
        assert_eq!(secrets.len(), 2);
        for (key, kind) in [("k-2", "webhook"), ("k-3", "outbound")] {
            let rotated = shown("MngRotateTenantSecret", key, &json!({ "slug": "acme", "kind": kind }));
            assert_eq!(rotated.len(), 1, "the other one stays unseen");
            secrets.extend(rotated);
        }
        let update = world.ok_as(ADAM, "MngUpdateTenant", json!({ "slug": "acme", "webhook_rate": 9 }));
        let list = world.ok_as(ADAM, "MngGetTenants", json!({}));
        let audit = world.ok_as(MARY, "MngGetKycAudit", json!({ "brand": BRAND }));
        let everywhere = format!("{update} {list} {audit} {:?}", world.store.snapshot());
        for secret in secrets {
            assert!(secret.len() >= 32 && !everywhere.contains(&secret));
        }
    });
}

/// Rotates; gives the secret that is shown.
fn rotate(world: &World, more: Value) -> String {
    let reply = world.ok_as(ADAM, "MngRotateTenantSecret", overlaid(json!({ "slug": "acme" }), more));
    let secret = reply.get("webhook_secret").or_else(|| reply.get("outbound_secret"));
    secret.and_then(Value::as_str).expect("a secret").to_owned()
}

/// When each secret of a kind ends, oldest first.
fn ends(world: &World, kind: &str) -> Vec<Option<i64>> {
    let list = world.ok_as(ADAM, "MngGetTenants", json!({ "slug": "acme" }));
    let secrets = list["rows"][0]["secrets"].as_array().unwrap().clone();
    let of_kind = secrets.iter().filter(|secret| secret["kind"] == kind);
    of_kind.map(|secret| secret["until"].as_i64()).collect()
}

#[test]
fn at_most_three_webhook_secrets_hold() {
    scenario(|world| {
        world.ok_as(ADAM, "MngAddTenant", add("platform_owns"));
        let at = world.now();
        rotate(world, json!({ "overlap_seconds": 100 }));
        rotate(world, json!({}));
        assert_eq!(ends(world, "webhook"), [Some(at + 100), Some(at + DAY), None]);
        assert_eq!(ends(world, "outbound"), [None]);
        refused(world, "MngRotateTenantSecret", json!({ "slug": "acme" })).is(409, "INVALID_STATE");
        world.advance(99);
        refused(world, "MngRotateTenantSecret", json!({ "slug": "acme" })).is(409, "INVALID_STATE");
        world.advance(1);
        rotate(world, json!({ "overlap_seconds": 30 * DAY }));
        assert_eq!(
            ends(world, "webhook"),
            [Some(at + DAY), Some(at + 100 + 30 * DAY), None]
        );
        rotate(world, json!({ "overlap_seconds": 0 }));
        assert_eq!(ends(world, "webhook"), [None]);
        let rotated = world
            .store
            .audit_rows()
            .iter()
            .filter(|row| row.action == "tenant.secret_rotated")
            .count();
        assert_eq!(rotated, 4);
    });
}

/// Whether a call was signed with this secret.
fn is_signed_with(request: &OutboundRequest, secret: &str) -> bool {
    let header = |name: &str| {
        let found = request.headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone()).expect(name)
    };
    let body = request.body.clone().unwrap_or_default();
    header(SIGNATURE_HEADER) == sign(secret, &header(TIMESTAMP_HEADER), &body)
}

#[test]
fn calls_are_signed_with_the_secret_before_until_it_ends() {
    scenario(|world| {
        let tenant = Tenant::add(world, "acme", BRAND, "crm_owns", json!({}));
        world.template("one", json!({}));
        let call = |player: i64| {
            world.require(player, "one");
            world.tick();
            world.platform.take_requests().pop().expect("a call")
        };
        assert!(is_signed_with(&call(1), &tenant.outbound_secret));
        let second = rotate(world, json!({ "kind": "outbound", "overlap_seconds": 100 }));
        assert!(is_signed_with(&call(2), &tenant.outbound_secret));
        world.advance(99);
        assert!(is_signed_with(&call(3), &tenant.outbound_secret));
        world.advance(1);
        assert!(is_signed_with(&call(4), &second));
        let third = rotate(world, json!({ "kind": "outbound", "overlap_seconds": 0 }));
        assert!(is_signed_with(&call(5), &third));
    });
}

#[test]
fn a_platform_that_missed_a_new_secret_is_never_called_with_it() {
    scenario(|world| {
        let tenant = Tenant::add(world, "acme", BRAND, "crm_owns", json!({}));
        world.template("one", json!({}));
        let mut players = 1..;
        let mut call = || {
            world.require(players.next().unwrap(), "one");
            world.tick();
            world.platform.take_requests().pop().expect("a call")
        };
        let mut newest = String::new();
        for _ in 0..5 {
            newest = rotate(world, json!({ "kind": "outbound", "overlap_seconds": 100 }));
            world.advance(10);
            assert!(is_signed_with(&call(), &tenant.outbound_secret));
        }
        let begun = world.now() - 50;
        assert_eq!(ends(world, "outbound"), [Some(begun + 100), None]);
        assert_eq!(world.store.snapshot().secrets.len(), 3, "with the one for webhooks");
        world.advance(50);
        assert!(is_signed_with(&call(), &newest));
        let next = rotate(world, json!({ "kind": "outbound", "overlap_seconds": 0 }));
        assert!(is_signed_with(&call(), &next));
        assert_eq!(ends(world, "outbound"), [None]);
    });
}

#[test]
fn a_slug_is_not_given_to_a_brand_while_another_brands_webhooks_stand_under_it() {
    scenario(|world| {
        let first = Tenant::add(world, "acme", BRAND, "platform_owns", json!({}));
        let told = first.tell(world, &event("approved", "e-1", world.now(), "p-1", 1));
        assert!(!told.expect("taken").applied);
        world.ok_as(ADAM, "MngDeleteTenant", json!({ "slug": "acme" }));
        let of = |brand: &str| tenant_data("acme", brand, "platform_owns", json!({}));
        refused(world, "MngAddTenant", of("other")).is(409, "RET_DUPLICATE_RECORD");
        world.ok_as(ADAM, "MngAddTenant", of(BRAND));
    });
}

#[test]
fn a_deleted_tenant_leaves_its_brand_local_and_its_address_unknown() {
    scenario(|world| {
        let tenant = Tenant::add(world, "acme", BRAND, "platform_owns", json!({}));
        world.template("one", json!({}));
        assert_eq!(
            world.ok_as(ADAM, "MngDeleteTenant", json!({ "slug": "acme" })),
            json!({ "accepted": true })
        );
        assert_eq!(world.store.audit_rows().last().unwrap().action, "tenant.removed");
        let told = tenant.tell(world, &event("submitted", "e-1", world.now(), "p-1", 1));
        assert_eq!(told.expect_err("unknown").status(), 404);
        assert_eq!(world.store.snapshot().secrets, [], "its secrets go with it");
        world.require(7, "one");
    });
}
