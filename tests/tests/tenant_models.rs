//! The ownership models: what each lets every command do, what its gate says, and when a model may change.

use kyc_core::command::Command;
use kyc_core::id::{Brand, CustomerId};
use kyc_core::table::table;
use kyc_ports::app::UploadFor;
use kyc_tests::sim::{ADAM, BRAND, MARY, Refusal, World, customer, id_of, overlaid, run, scenario};
use kyc_tests::tenants::{PLATFORM, Tenant, event, tenant_data};
use serde_json::{Value, json};

/// The models, and the brand without a tenant.
const MODELS: [&str; 5] = ["local", "platform_owns", "crm_owns", "dual", "none"];
/// The customer of most stories.
const PLAYER: i64 = 7;

fn add(model: &str) -> Value {
    tenant_data("acme", BRAND, model, json!({}))
}

/// Gives [`BRAND`] this model, whatever it had.
fn set_model(world: &World, model: &str) -> Result<(), Refusal> {
    let list = world.ok_as(ADAM, "MngGetTenants", json!({ "brand": BRAND }));
    let has_tenant = list["count"] == 1;
    let (name, data) = match (model, has_tenant) {
        ("local", false) => return Ok(()),
        ("local", true) => ("MngDeleteTenant", json!({ "slug": "acme" })),
        (_, false) => ("MngAddTenant", add(model)),
        (_, true) => {
            let data = json!({ "slug": "acme", "kyc_model": model, "base_url": PLATFORM });
            ("MngUpdateTenant", data)
        }
    };
    world.attempt(ADAM, name, data).map(|_| ()).map_err(Refusal::from)
}

/// What commands name in [`prepared`] worlds.
struct Ids {
    profile: i64,
    step: i64,
    document: i64,
    template: i64,
    delivery: i64,
    file: String,
}

/// A world whose customer has a step, a document and a call out, but no status yet, so that the model is free.
fn prepared(model: &str) -> (World, Ids) {
    let world = World::new();
    let template = world.template("one", json!({ "step_type": 1 }));
    world.ok_as(ADAM, "MngAddTenant", add("dual"));
    let step = world.require(PLAYER, "one");
    world.ok("MngSkipKycStep", json!({ "id": step, "reason": "MISTAKE" }));
    let document = world.attach_with(PLAYER, json!({}));
    let profile = &world.profile(PLAYER)["profile"];
    assert_eq!(profile["status"], 0);
    let deliveries = world.ok("MngGetKycDeliveries", json!({ "brand": BRAND }));
    let ids = Ids {
        profile: id_of(&profile["id"]),
        step,
        document,
        template,
        delivery: id_of(&deliveries["rows"][0]["id"]),
        file: world.upload(MARY),
    };
    set_model(&world, model).expect("the model is free");
    (world, ids)
}

/// What a command takes in a [`prepared`] world.
fn params(command: &Command, ids: &Ids) -> Value {
    let customer = json!({ "customer_id": PLAYER, "brand": BRAND });
    let with = |more: Value| overlaid(customer.clone(), more);
    match command.name {
        "MngAddKycStepTemplate" => json!({ "brand": BRAND, "code": "two", "level": 1 }),
        "MngUpdateKycStepTemplate" => json!({ "id": ids.template, "name": "Two" }),
        "MngDeleteKycStepTemplate" => json!({ "id": ids.template }),
        "MngGetKycBrand"
        | "MngGetKycStepTemplates"
        | "MngGetKycProfiles"
        | "MngGetKycAudit"
        | "MngGetKycDeliveries" => {
            json!({ "brand": BRAND })
        }
        "MngGetKycProfile" | "MngGetKycHistory" => json!({ "id": ids.profile }),
        "MngGetKycStep" | "CustomerGetKycStep" | "MngApproveKycStep" => json!({ "id": ids.step }),
        "MngRequireKycStep" => with(json!({ "step_code": "one" })),
        "MngSetKycRequiredLevel" => with(json!({ "level": 1 })),
        "MngRejectKycStep" | "MngSkipKycStep" => json!({ "id": ids.step, "reason": "MISTAKE" }),
        "MngSubmitKycStep" | "CustomerSubmitKycStep" => json!({ "id": ids.step, "answers": {} }),
        "MngAddKycDocument" => with(json!({ "type": "passport", "file_id": ids.file })),
        "MngApproveKycDocument" => json!({ "id": ids.document }),
        "MngRejectKycDocument" | "MngDeleteKycDocument" => json!({ "id": ids.document, "reason": "MISTAKE" }),
        "MngSetKycRiskLevel" => with(json!({ "risk_level": 1, "reason": "checked" })),
        "MngReviewKycProfile" => json!({ "id": ids.profile, "comment": "fine" }),
        "MngLinkKycCustomer" => with(json!({ "external_id": "p-7" })),
        "MngSetKycBrand" => json!({ "brand": BRAND, "real_account_level": 2 }),
        "MngAddTenant" => tenant_data("other", "other", "none", json!({})),
        "MngUpdateTenant" => json!({ "slug": "acme", "webhook_rate": 7 }),
        "MngDeleteTenant" | "MngRotateTenantSecret" | "MngReconcileTenant" => json!({ "slug": "acme" }),
        "MngGetTenants" | "CustomerGetKycStatus" | "CustomerGetKycDocuments" => json!({}),
        "MngReplayKycDelivery" => json!({ "id": ids.delivery }),
        "MngGetKycDocuments" | "MngCheckRealAccountGate" => customer,
        "CustomerAddKycDocument" => json!({ "kyc_id": ids.profile, "type": "passport", "file_id": ids.file }),
        unknown => panic!("{unknown} is new: say what it takes, and what each model lets it do"),
    }
}

/// What a model may have to say about a command.
#[derive(Debug, Clone, Copy, PartialEq)]
enum About {
    /// A customer of the brand is changed.
    Customer,
    /// The brand's own configuration is changed, or its customers' names.
    Configuration,
    Gate,
    /// Nothing is changed.
    Read,
    /// The tenant itself.
    Tenant,
}

fn about(command: &Command) -> About {
    match command.name {
        name if name.ends_with("KycStepTemplate") => About::Configuration,
        "MngSetKycBrand" | "MngLinkKycCustomer" => About::Configuration,
        "MngCheckRealAccountGate" => About::Gate,
        _ if command.path.starts_with("/manager/tenants") => About::Tenant,
        _ if command.changes => About::Customer,
        _ => About::Read,
    }
}

/// The error with which the contract's table refuses it, if it does.
fn refusal_of(model: &str, about: About) -> Option<&'static str> {
    match (model, about) {
        ("platform_owns", About::Customer) => Some("KYC_OWNED_BY_PLATFORM"),
        ("platform_owns", About::Gate) => Some("KYC_REQUIRED"),
        ("none", About::Customer | About::Configuration) => Some("KYC_DISABLED"),
        _ => None,
    }
}

#[test]
fn each_model_lets_every_command_do_what_the_contract_says() {
    for command in table() {
        let is_customers = command.path.starts_with("/customer");
        let token = if is_customers {
            customer(PLAYER)
        } else {
            ADAM.to_owned()
        };
        let about = about(command);
        let mut as_local = None;
        for model in MODELS {
            let shown = format!("{} under {model}", command.name);
            let (world, ids) = prepared(model);
            if let Some(error) = refusal_of(model, about) {
                let refusal = world.refused_as(&token, command.name, params(command, &ids));
                refusal.is(403, error);
                continue;
            }
            let before = world.store.snapshot();
            let told = world.attempt(&token, command.name, params(command, &ids));
            let told = told.map_or_else(|rejection| rejection.code(), |_| "done");
            if about == About::Read {
                // Customers do not see a skipped step.
                let wanted = if command.name == "CustomerGetKycStep" {
                    "RET_NOT_FOUND"
                } else {
                    "done"
                };
                assert_eq!(told, wanted, "{shown}");
                assert!(before == world.store.snapshot(), "{shown} reads");
            }
            assert!(
                !matches!(told, "KYC_OWNED_BY_PLATFORM" | "KYC_DISABLED"),
                "{shown}: {told}"
            );
            if matches!(about, About::Customer | About::Configuration) {
                assert_eq!(
                    told,
                    *as_local.get_or_insert(told),
                    "{shown}: as in a brand without a tenant"
                );
            }
        }
    }
}

#[test]
fn the_gate_is_open_under_none_and_asks_for_no_more_under_platform_owns() {
    for (model, allowed) in [
        ("none", true),
        ("platform_owns", false),
        ("local", false),
        ("crm_owns", false),
        ("dual", false),
    ] {
        let (world, ids) = prepared(model);
        let before = world.store.snapshot();
        let gate = json!({ "customer_id": PLAYER, "brand": BRAND });
        match world.attempt(MARY, "MngCheckRealAccountGate", gate) {
            Ok(reply) => assert_eq!((allowed, reply), (true, json!({ "allowed": true })), "{model}"),
            Err(rejection) => {
                let refusal = Refusal::from(rejection);
                refusal.is(403, "KYC_REQUIRED");
                assert!(!allowed, "{model}");
                assert_eq!(refusal.body["kyc_profile_id"], ids.profile);
            }
        }
        let raises = matches!(model, "local" | "crm_owns" | "dual");
        assert_eq!(before != world.store.snapshot(), raises, "{model}");
        assert_eq!(
            id_of(&world.profile(PLAYER)["profile"]["required_level"]),
            i64::from(raises),
            "{model}"
        );
    }
}

#[test]
fn no_proof_is_stored_where_nobody_may_decide_on_it() {
    for (model, error) in [
        ("platform_owns", Some("KYC_OWNED_BY_PLATFORM")),
        ("none", Some("KYC_DISABLED")),
        ("dual", None),
    ] {
        let (world, _) = prepared(model);
        let owner = UploadFor {
            brand: Some(BRAND.parse::<Brand>().unwrap()),
            customer_id: Some(CustomerId(PLAYER)),
        };
        for (token, owner) in [(customer(PLAYER), UploadFor::default()), (MARY.to_owned(), owner)] {
            let actor = world.app.may_upload(Some(&token)).expect("may upload");
            let begun = run(world.app.begin_upload(&actor, owner, "passport.png"));
            let refused = begun.err().map(|rejection| rejection.code());
            assert_eq!(refused, error, "{model}");
        }
    }
}

/// A world under a model whose customer has a status.
fn in_use(model: &str) -> World {
    let world = World::new();
    world.template("one", json!({}));
    set_model(&world, model).expect("the model is free");
    if model == "platform_owns" {
        let rotated = json!({ "slug": "acme", "overlap_seconds": 0 });
        let secret = world.ok_as(ADAM, "MngRotateTenantSecret", rotated)["webhook_secret"].clone();
        let tenant = Tenant {
            slug: "acme".to_owned(),
            webhook_secret: secret.as_str().unwrap().to_owned(),
            outbound_secret: String::new(),
        };
        tenant
            .tell(&world, &event("submitted", "e-1", world.now(), "p-1", 1))
            .expect("taken");
    } else {
        world.require(PLAYER, "one");
    }
    world
}

#[test]
fn a_model_in_use_does_not_change_but_between_local_and_crm_owns() {
    for from in ["local", "platform_owns", "crm_owns", "dual"] {
        for to in MODELS.into_iter().filter(|to| *to != from) {
            let world = in_use(from);
            let before = world.store.snapshot();
            let changed = set_model(&world, to);
            if matches!((from, to), ("local", "crm_owns") | ("crm_owns", "local")) {
                assert_eq!(changed, Ok(()), "{from} to {to}");
            } else {
                changed.expect_err(&format!("{from} to {to}")).is(409, "INVALID_STATE");
                assert!(
                    before == world.store.snapshot(),
                    "{from} to {to}: a refusal changes nothing"
                );
            }
        }
    }
}

#[test]
fn a_model_that_no_customer_uses_yet_is_free() {
    for from in MODELS {
        for to in MODELS {
            let (world, _) = prepared(from);
            assert_eq!(set_model(&world, to), Ok(()), "{from} to {to}");
        }
    }
}

#[test]
fn a_draft_is_a_status_too() {
    scenario(|world| {
        world.template("one", json!({}));
        let step = world.require(PLAYER, "one");
        world.ok("MngSkipKycStep", json!({ "id": step, "reason": "MISTAKE" }));
        assert_eq!(world.profile(PLAYER)["profile"]["status"], 1);
        world
            .refused_as(ADAM, "MngAddTenant", add("platform_owns"))
            .is(409, "INVALID_STATE");
        world.ok_as(ADAM, "MngAddTenant", add("crm_owns"));
    });
}

#[test]
fn other_members_change_while_the_model_is_in_use() {
    let world = in_use("dual");
    let update = json!({ "slug": "acme", "kyc_model": "dual", "webhook_rate": 5 });
    assert_eq!(
        world.ok_as(ADAM, "MngUpdateTenant", update)["tenant"]["webhook_rate"],
        5
    );
}
