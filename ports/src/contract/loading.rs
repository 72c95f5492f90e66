//! What was committed is loaded, member for member, and nothing else is.

use kyc_core::audit::AuditRow;
use kyc_core::audit::verify::Chain;
use kyc_core::brand::Settings;
use kyc_core::command::TemplateNeed;
use kyc_core::customer::CustomerState;
use kyc_core::id::{CustomerId, DeliveryId, DocumentId, ProfileId, StepId, TemplateId};
use kyc_core::query::{AuditFilter, Filter, Rows};
use kyc_core::status::{DocumentStatus, Flag, StepStatus, TemplateStatus};
use kyc_core::stream::Head;
use kyc_core::template::Template;
use serde_json::{Value, json};

use super::sample::{
    at, bare_document, bare_step, brand, brand_with, code, customer, document, event, file_id, json as document_of,
    list, members, new_customer, profile_mut, put, put_brand, put_with, settings, slug, step, template,
};
use crate::store::{Store, Thing};

/// Nobody and nothing is not an error.
pub async fn unknown_things_are_absent(store: &dyn Store) {
    let key = customer("a", 7);
    assert_eq!(store.customer(&key).await.unwrap(), CustomerState::new(key.clone()));
    let state = store.brand(&key.brand, &TemplateNeed::UpTo(10)).await.unwrap();
    assert_eq!(state.head, Head::EMPTY);
    assert_eq!(state.settings, Settings::defaults(key.brand.clone()));
    assert!(state.templates.is_empty());
    for thing in [
        Thing::Profile(ProfileId(1)),
        Thing::Step(StepId(1)),
        Thing::Document(DocumentId(1)),
        Thing::Delivery(DeliveryId(1)),
    ] {
        assert_eq!(store.locate(thing).await.unwrap(), None);
    }
    assert_eq!(store.template_brand(TemplateId(1)).await.unwrap(), None);
    assert_eq!(store.template_count(&key.brand).await.unwrap(), 0);
    assert_eq!(store.external_owner(&key.brand, "7").await.unwrap(), None);
    assert_eq!(store.kept_reply("s", "c", "k").await.unwrap(), None);
    assert_eq!(store.file(&file_id(1)).await.unwrap(), None);
    assert!(store.due(at(0), 10).await.unwrap().is_empty());
    assert_eq!(state.tenant, None);
    assert_eq!(store.tenant_brand(&slug("a")).await.unwrap(), None);
    assert_eq!(store.secrets(&key.brand).await.unwrap(), []);
    assert!(!store.has_active_profiles(&key.brand).await.unwrap());
    assert_eq!(store.claimed_event(&slug("a"), "evt-1").await.unwrap(), None);
    assert_eq!(store.deliveries(&[DeliveryId(1)]).await.unwrap(), []);
    assert_eq!(store.breaker(&key.brand).await.unwrap(), None);
    assert_eq!(store.callable_brands(at(1_000_000)).await.unwrap(), []);
    assert_eq!(store.due_reconciliations(at(1_000_000)).await.unwrap(), []);
}

/// All members of all rows, at first and after a change; what did not change stays.
pub async fn a_customer_comes_back(store: &dyn Store) {
    let key = customer("a", 9_007_199_254_740_991);
    let mut state = new_customer(&key, 1);
    let profile = profile_mut(&mut state).clone();
    state.steps = vec![step(&profile, 2), bare_step(&profile, 3)];
    state.documents = vec![document(&profile, 4, Some(2)), bare_document(&profile, 5)];
    let stored = put(store, &state).await.unwrap();
    assert_eq!(store.customer(&key).await.unwrap(), stored);

    profile_mut(&mut state).external_id = None;
    profile_mut(&mut state).review_reason = None;
    profile_mut(&mut state).review_since = None;
    profile_mut(&mut state).oldest_submitted_time = None;
    profile_mut(&mut state).linked = false;
    state.steps[1].status = StepStatus::Skipped;
    state.steps[1].answers = Some(document_of(json!({})));
    state.steps.insert(0, step(&profile, 1));
    state.documents[0].status = DocumentStatus::Expired;
    state.documents[0].expires_time = None;
    let stored = put(store, &state).await.unwrap();
    assert_eq!(stored.head.version, 2);
    assert_eq!(store.customer(&key).await.unwrap(), stored);

    for thing in [
        Thing::Profile(ProfileId(1)),
        Thing::Step(StepId(3)),
        Thing::Document(DocumentId(5)),
    ] {
        assert_eq!(store.locate(thing).await.unwrap().as_ref(), Some(&key));
    }
    assert_eq!(store.locate(Thing::Step(StepId(5))).await.unwrap(), None);
}

/// A number means another customer in another brand; brands are told apart by case.
pub async fn customers_of_brands_are_apart(store: &dyn Store) {
    let keys = [customer("a", 7), customer("A", 7), customer("a", 8), customer("a-", 7)];
    let mut stored = Vec::new();
    for (id, key) in (10..).step_by(10).zip(&keys) {
        let mut state = new_customer(key, id);
        let profile = profile_mut(&mut state).clone();
        state.steps = vec![step(&profile, id + 1)];
        state.documents = vec![document(&profile, id + 2, None)];
        stored.push(put(store, &state).await.unwrap());
    }
    for (key, stored) in keys.iter().zip(&stored) {
        assert_eq!(store.customer(key).await.unwrap(), *stored);
    }
    assert_eq!(
        store.locate(Thing::Step(StepId(21))).await.unwrap().as_ref(),
        Some(&keys[1])
    );
    assert_eq!(
        store.external_owner(&brand("a"), "ext-30").await.unwrap(),
        Some(CustomerId(8))
    );
    assert_eq!(store.external_owner(&brand("a"), "EXT-30").await.unwrap(), None);
    assert_eq!(store.external_owner(&brand("A"), "ext-30").await.unwrap(), None);
}

/// Settings and templates, at first and after a change.
pub async fn a_brand_comes_back(store: &dyn Store) {
    let name = brand("a");
    let mut state = brand_with("a", vec![template(&name, 1, "identity")]);
    let need = TemplateNeed::Code(code("identity"));
    let stored = put_brand(store, &state).await.unwrap();
    assert_eq!(stored.head.version, 1);
    assert_eq!(store.brand(&name, &need).await.unwrap(), stored);

    state.settings = settings(&name);
    state.templates[0].status = TemplateStatus::Disabled;
    state.templates[0].form_schema = document_of(json!({}));
    let stored = put_brand(store, &state).await.unwrap();
    assert_eq!(store.brand(&name, &need).await.unwrap(), stored);
    assert_eq!(store.template_brand(TemplateId(1)).await.unwrap(), Some(name.clone()));
    // The brand's stream is nobody else's: not another brand's, and not a customer's.
    assert_eq!(
        store.brand(&brand("b"), &need).await.unwrap(),
        brand_with("b", Vec::new())
    );
    let key = customer("a", 1);
    assert_eq!(store.customer(&key).await.unwrap(), CustomerState::new(key.clone()));
}

/// Each way to name templates gives those of the brand, by id.
pub async fn needed_templates_are_loaded(store: &dyn Store) {
    let name = brand("a");
    let archived = |id, code| Template {
        status: TemplateStatus::Archived,
        ..template(&name, id, code)
    };
    let templates = vec![
        archived(1, "identity"),
        template(&name, 2, "identity"),
        Template {
            level: 2,
            ..template(&name, 3, "address")
        },
        Template {
            level: 0,
            ..template(&name, 4, "free")
        },
        Template {
            required: Flag::No,
            ..template(&name, 5, "optional")
        },
        Template {
            status: TemplateStatus::Disabled,
            ..template(&name, 6, "off")
        },
        Template {
            level: 3,
            ..template(&name, 7, "funds")
        },
        archived(8, "gone"),
    ];
    put_brand(store, &brand_with("a", templates)).await.unwrap();
    put_brand(store, &brand_with("b", vec![template(&brand("b"), 9, "identity")]))
        .await
        .unwrap();
    for (need, expected) in [
        (TemplateNeed::None, vec![]),
        (TemplateNeed::Code(code("identity")), vec![1, 2]),
        (TemplateNeed::Code(code("IDENTITY")), vec![]),
        (TemplateNeed::UpTo(0), vec![]),
        (TemplateNeed::UpTo(2), vec![2, 3]),
        (TemplateNeed::UpTo(10), vec![2, 3, 7]),
        (TemplateNeed::Id(TemplateId(2)), vec![1, 2]),
        (TemplateNeed::Id(TemplateId(8)), vec![8]),
        (TemplateNeed::Id(TemplateId(99)), vec![]),
        (TemplateNeed::IdOrCode(TemplateId(3), code("identity")), vec![1, 2, 3]),
        (TemplateNeed::IdOrCode(TemplateId(9), code("identity")), vec![1, 2]),
    ] {
        let found = store.brand(&name, &need).await.unwrap().templates;
        assert_eq!(
            found.iter().map(|template| template.id.0).collect::<Vec<_>>(),
            expected,
            "{need:?}"
        );
    }
    assert_eq!(store.template_count(&name).await.unwrap(), 6);
    assert_eq!(store.template_count(&brand("b")).await.unwrap(), 1);
}

/// JSON comes back as the same value, to the last digit: hashes are taken over it.
pub async fn documents_of_any_json_come_back(store: &dyn Store) {
    let mut deep = json!("deep");
    for _ in 0..66 {
        deep = json!([deep]);
    }
    // A fast, inexact reader gets the last two of the decimals wrong.
    let values = json!({
        "whole": [0, -1, i64::MAX, i64::MIN, 9_007_199_254_740_993_i64],
        "decimal": [0.1, -0.1, 1.0, 1e300, 5e-324, f64::MAX, 31.245_270_191_439_438, 51.248_178_375_505_404],
        "text": ["", "'\"\\/\u{0}\u{1f}\u{7f}\u{2028}", "Ünïcödé 🪪", "a\u{301}", "\u{feff}", "null"],
        "": null, "é": true, "nested": { "a": { "b": [{}, [], [[]]] } }, "deep": deep,
    });
    let key = customer("a", 7);
    let mut state = new_customer(&key, 1);
    let mut filled = step(profile_mut(&mut state), 2);
    filled.answers = Some(document_of(values.clone()));
    filled.form_schema = document_of(Value::Null);
    filled.requirements = document_of(json!("x"));
    state.steps = vec![filled];
    let mut answered = event(Some(ProfileId(1)));
    answered.after = Some(members(values.clone()));
    answered.body = Some(values);
    let stored = put_with(store, &state, &[answered]).await.unwrap();
    assert_eq!(store.customer(&key).await.unwrap(), stored);
    for row in audit(store).await {
        assert_eq!(row.salt.map(|salt| row.hash_data(&salt)), Some(row.data_hash));
    }
}

/// A stream's rows, read back, are a chain that ends at the stream's head.
pub async fn audit_rows_verify_as_stored(store: &dyn Store) {
    let key = customer("a", 7);
    let mut state = new_customer(&key, 1);
    for level in 0..3 {
        profile_mut(&mut state).current_level = level;
        let events = [event(Some(ProfileId(1))), event(Some(ProfileId(1)))];
        put_with(store, &state, &events).await.unwrap();
        put(store, &new_customer(&customer("a", 100 + level), 100 + level))
            .await
            .unwrap();
    }
    let mut chain = Chain::default();
    for row in audit(store)
        .await
        .iter()
        .rev()
        .filter(|row| row.customer_id == Some(key.customer_id))
    {
        chain.push(row).unwrap();
    }
    assert_eq!(chain.rows(), 6);
    assert_eq!(chain.head(), store.customer(&key).await.unwrap().head.hash);
}

async fn audit(store: &dyn Store) -> Vec<AuditRow> {
    match list(store, Filter::Audit(AuditFilter::default())).await {
        Rows::Audit(rows) => rows,
        other => panic!("{other:?}"),
    }
}
