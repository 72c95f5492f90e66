//! A brand's tenant: whole, with its sealed secrets, one for each brand and slug; and when it is reconciled.

use futures_util::future::join_all;
use kyc_core::command::TemplateNeed;
use kyc_core::id::Brand;
use kyc_core::status::{Flag, KycModel, ProfileStatus};
use kyc_core::tenant::{Secrets, Tenant};
use kyc_core::time::{DAY_SECONDS, Time};

use super::sample::{
    at, brand, customer, new_customer, profile_mut, put, put_brand, put_tenant, sealed, secret_note, slug, template,
    tenant, tenant_commit,
};
use super::seen::refused;
use crate::store::{Reconciliation, Store, StoreError};

async fn tenant_of(store: &dyn Store, brand: &Brand) -> Option<Tenant> {
    store.brand(brand, &TemplateNeed::None).await.unwrap().tenant
}

/// The numbers of a brand's secrets, and each as it was sealed.
async fn secrets_of(store: &dyn Store, brand: &Brand) -> Vec<i64> {
    let mut secrets = store.secrets(brand).await.unwrap();
    secrets.sort_by(|one, other| one.secret_id.cmp(&other.secret_id));
    let numbers = secrets.iter().map(|secret| {
        let number = secret.secret_id.strip_prefix("secret-").unwrap().parse().unwrap();
        assert_eq!(*secret, sealed(brand, number));
        number
    });
    numbers.collect()
}

/// All members, at first and after each change, whatever templates are asked for; and nobody else has it.
pub async fn a_tenant_comes_back(store: &dyn Store) {
    let name = brand("a");
    let mut one = tenant(&name, 1, "north");
    put_tenant(store, &name, Some(&one), &[11, 12]).await;
    let state = store.brand(&name, &TemplateNeed::UpTo(10)).await.unwrap();
    assert_eq!((state.tenant.as_ref(), state.head.version), (Some(&one), 1));
    assert_eq!(store.tenant_brand(&slug("north")).await.unwrap().as_ref(), Some(&name));

    one = Tenant {
        slug: slug("0-north-0"),
        base_url: None,
        create_players: Flag::No,
        allow_private_network: Flag::Yes,
        secrets: Secrets::default(),
        ..one
    };
    for (version, model) in (5..).zip(KycModel::ALL) {
        one.kyc_model = *model;
        one.version = version;
        put_tenant(store, &name, Some(&one), &[]).await;
        assert_eq!(tenant_of(store, &name).await.as_ref(), Some(&one));
    }
    assert_eq!(store.tenant_brand(&slug("north")).await.unwrap(), None);
    assert_eq!(
        store.tenant_brand(&slug("0-north-0")).await.unwrap().as_ref(),
        Some(&name)
    );

    // What else changes of the brand leaves it as it is.
    let mut state = store.brand(&name, &TemplateNeed::None).await.unwrap();
    state.templates = vec![template(&name, 1, "identity")];
    put_brand(store, &state).await.unwrap();
    assert_eq!(tenant_of(store, &name).await.as_ref(), Some(&one));
    assert_eq!(tenant_of(store, &brand("A")).await, None);
    assert_eq!(store.tenant_brand(&slug("0-north")).await.unwrap(), None);
}

/// Two brands never have one slug, neither at first nor later; it is free again once given up.
pub async fn a_slug_is_one_tenants(store: &dyn Store) {
    let brands = ["a", "b", "c"].map(brand);
    let [one, two, three] = &brands;
    let (mut north, south) = (tenant(one, 1, "north"), tenant(two, 2, "south"));
    put_tenant(store, one, Some(&north), &[11, 12]).await;
    put_tenant(store, two, Some(&south), &[21, 22]).await;

    let rival = tenant(three, 3, "north");
    let commit = tenant_commit(store, three, Some(&rival), &[31, 32]).await;
    refused(store, commit, &[], &brands).await;
    let moved = Tenant {
        slug: slug("north"),
        ..south
    };
    let commit = tenant_commit(store, two, Some(&moved), &[23]).await;
    refused(store, commit, &[], &brands).await;
    assert_eq!(store.tenant_brand(&slug("north")).await.unwrap().as_ref(), Some(one));

    north.slug = slug("far-north");
    put_tenant(store, one, Some(&north), &[]).await;
    put_tenant(store, three, Some(&rival), &[31, 32]).await;
    assert_eq!(store.tenant_brand(&slug("north")).await.unwrap().as_ref(), Some(three));
    put_tenant(store, three, None, &[]).await;
    put_tenant(store, two, Some(&moved), &[]).await;
    assert_eq!(store.tenant_brand(&slug("north")).await.unwrap().as_ref(), Some(two));
}

/// Of many brands that want one slug at the same time, one gets it.
pub async fn a_slug_wanted_at_once_is_one_tenants(store: &dyn Store) {
    let mut tenants = Vec::new();
    let mut commits = Vec::new();
    for id in 1..=30 {
        let name = brand(&format!("brand-{id}"));
        let wanted = tenant(&name, id, "north");
        commits.push(tenant_commit(store, &name, Some(&wanted), &[id * 10 + 1]).await);
        tenants.push(wanted);
    }
    let results = join_all(commits.into_iter().map(|commit| store.commit(commit))).await;
    let won: Vec<&Tenant> = tenants
        .iter()
        .zip(&results)
        .filter(|(_, result)| result.is_ok())
        .map(|(tenant, _)| tenant)
        .collect();
    assert_eq!(won.len(), 1, "{results:?}");
    for (wanted, result) in tenants.iter().zip(&results) {
        assert!(matches!(result, Ok(()) | Err(StoreError::Conflict)), "{result:?}");
        let stored = Some(wanted).filter(|_| result.is_ok());
        assert_eq!(tenant_of(store, &wanted.brand).await.as_ref(), stored);
        let secrets: Vec<i64> = stored.iter().map(|tenant| tenant.id * 10 + 1).collect();
        assert_eq!(secrets_of(store, &wanted.brand).await, secrets);
    }
    assert_eq!(
        store.tenant_brand(&slug("north")).await.unwrap().as_ref(),
        Some(&won[0].brand)
    );
}

/// A brand that has a tenant gets no second one.
pub async fn a_brand_has_one_tenant(store: &dyn Store) {
    let name = brand("a");
    put_tenant(store, &name, Some(&tenant(&name, 1, "north")), &[11, 12]).await;
    let commit = tenant_commit(store, &name, Some(&tenant(&name, 2, "south")), &[21, 22]).await;
    refused(store, commit, &[], &[name]).await;
}

/// Whoever decided on an older state of the brand changes neither its tenant nor its secrets.
pub async fn a_stale_tenant_changes_nothing(store: &dyn Store) {
    let name = brand("a");
    let one = tenant(&name, 1, "north");
    put_tenant(store, &name, Some(&one), &[11, 12]).await;
    let slower = Tenant {
        slug: slug("slower"),
        secrets: Secrets(vec![secret_note(13)]),
        ..one.clone()
    };
    let change = tenant_commit(store, &name, Some(&slower), &[13]).await;
    let removal = tenant_commit(store, &name, None, &[]).await;
    let faster = Tenant {
        slug: slug("faster"),
        ..one
    };
    put_tenant(store, &name, Some(&faster), &[]).await;
    for commit in [change, removal] {
        refused(store, commit, &[], std::slice::from_ref(&name)).await;
    }
}

/// A sealed secret is kept as long as its tenant knows of it; other brands' stay.
pub async fn secrets_go_with_their_tenant(store: &dyn Store) {
    let (name, other) = (brand("a"), brand("A"));
    let mut one = tenant(&name, 1, "north");
    put_tenant(store, &name, Some(&one), &[11, 12]).await;
    put_tenant(store, &other, Some(&tenant(&other, 2, "south")), &[21, 22]).await;
    assert_eq!(secrets_of(store, &name).await, [11, 12]);
    assert_eq!(secrets_of(store, &brand("b")).await, [0; 0]);

    for (known, fresh) in [
        (vec![11, 12, 13], vec![13]),
        (vec![12, 13], vec![]),
        (vec![13, 14, 15], vec![14, 15]),
        (vec![], vec![]),
        (vec![16], vec![16]),
    ] {
        one.secrets = Secrets(known.iter().map(|number| secret_note(*number)).collect());
        put_tenant(store, &name, Some(&one), &fresh).await;
        assert_eq!(secrets_of(store, &name).await, known);
        assert_eq!(secrets_of(store, &other).await, [21, 22]);
    }

    put_tenant(store, &name, None, &[]).await;
    assert_eq!(secrets_of(store, &name).await, [0; 0]);
    assert_eq!(secrets_of(store, &other).await, [21, 22]);
}

/// A removed tenant is found no more; the brand and the slug may have one again.
pub async fn a_removed_tenant_may_come_again(store: &dyn Store) {
    let name = brand("a");
    let mut state = store.brand(&name, &TemplateNeed::None).await.unwrap();
    state.templates = vec![template(&name, 1, "identity")];
    put_brand(store, &state).await.unwrap();
    put_tenant(store, &name, Some(&tenant(&name, 1, "north")), &[11, 12]).await;
    put_tenant(store, &name, None, &[]).await;
    assert_eq!(tenant_of(store, &name).await, None);
    assert_eq!(store.tenant_brand(&slug("north")).await.unwrap(), None);
    assert_eq!(store.template_count(&name).await.unwrap(), 1);

    let again = tenant(&name, 2, "north");
    put_tenant(store, &name, Some(&again), &[21, 22]).await;
    assert_eq!(tenant_of(store, &name).await, Some(again));
    assert_eq!(store.tenant_brand(&slug("north")).await.unwrap(), Some(name.clone()));
    assert_eq!(secrets_of(store, &name).await, [21, 22]);
}

/// What holds only without active profiles is a conflict while the brand has one, whatever other brands have.
pub async fn active_profiles_stand_in_the_way(store: &dyn Store) {
    let mut elsewhere = new_customer(&customer("elsewhere", 1), 1_000);
    profile_mut(&mut elsewhere).status = ProfileStatus::Approved;
    put(store, &elsewhere).await.unwrap();
    for (number, (status, ..)) in (1..).zip(ProfileStatus::ALL) {
        let name = brand(&format!("brand-{number}"));
        let keys = [1, 2].map(|id| customer(name.as_str(), id));
        let mut rows = keys
            .each_ref()
            .map(|key| new_customer(key, number * 10 + key.customer_id.0));
        profile_mut(&mut rows[0]).status = ProfileStatus::None;
        profile_mut(&mut rows[1]).status = *status;
        assert!(!store.has_active_profiles(&name).await.unwrap());
        for state in &rows {
            put(store, state).await.unwrap();
        }
        let is_active = *status != ProfileStatus::None;
        assert_eq!(store.has_active_profiles(&name).await.unwrap(), is_active, "{status:?}");

        // For a brand that was never configured, and for one that was.
        let one = tenant(&name, number, &format!("slug-{number}"));
        let mut addition = tenant_commit(store, &name, Some(&one), &[number * 10 + 1]).await;
        addition.needs_no_active_profiles = true;
        if is_active {
            refused(store, addition.clone(), &keys, std::slice::from_ref(&name)).await;
            addition.needs_no_active_profiles = false;
        }
        store.commit(addition).await.unwrap();
        let mut removal = tenant_commit(store, &name, None, &[]).await;
        removal.needs_no_active_profiles = true;
        if is_active {
            refused(store, removal.clone(), &keys, std::slice::from_ref(&name)).await;
            profile_mut(&mut rows[1]).status = ProfileStatus::None;
            put(store, &rows[1]).await.unwrap();
            assert!(!store.has_active_profiles(&name).await.unwrap());
        }
        store.commit(removal).await.unwrap();
        assert_eq!(tenant_of(store, &name).await, None);
    }
}

/// A day after they were added, those whose platform is called, in the order they were added.
pub async fn reconciliations_begin_after_a_day(store: &dyn Store) {
    // The later ones were added earlier by the clock.
    for (id, model) in (1..).zip(KycModel::ALL.iter().chain(KycModel::ALL)) {
        let name = brand(&format!("brand-{id}"));
        let one = Tenant {
            kyc_model: *model,
            created_time: at(100 - id),
            ..tenant(&name, id, &format!("slug-{id}"))
        };
        put_tenant(store, &name, Some(&one), &[]).await;
    }
    let begin = |id: i64| Reconciliation {
        brand: brand(&format!("brand-{id}")),
        due_time: at(100 - id).plus_seconds(DAY_SECONDS),
        cursor: None,
        stays: 0,
    };
    let due = async |now: Time| store.due_reconciliations(now).await.unwrap();
    let first = begin(7).due_time;
    assert_eq!(due(Time(first.0 - 1)).await, []);
    assert_eq!(due(first).await, [begin(7)]);
    assert_eq!(due(begin(3).due_time).await, [begin(3), begin(6), begin(7)]);
    assert_eq!(due(at(1_000_000)).await, [begin(2), begin(3), begin(6), begin(7)]);
}

/// From then on as was set, until the tenant goes; what comes after it begins anew.
pub async fn reconciliations_go_on_as_was_set(store: &dyn Store) {
    let name = brand("a");
    let one = tenant(&name, 1, "north");
    put_tenant(store, &name, Some(&one), &[]).await;
    let due = async |now: Time| store.due_reconciliations(now).await.unwrap();
    for (seconds, cursor, stays) in [(200_000, Some("7:ü"), 0), (100, Some("8"), 3), (300_000, None, 1)] {
        let set = Reconciliation {
            brand: name.clone(),
            due_time: at(seconds),
            cursor: cursor.map(str::to_owned),
            stays,
        };
        store.set_reconciliation(set.clone()).await.unwrap();
        assert_eq!(due(Time(at(seconds).0 - 1)).await, []);
        assert_eq!(due(at(seconds)).await, [set]);
    }
    // Under another model there is nothing to compare.
    let mirrored = Tenant {
        kyc_model: KycModel::PlatformOwns,
        ..one
    };
    put_tenant(store, &name, Some(&mirrored), &[]).await;
    assert_eq!(due(at(1_000_000)).await, []);

    put_tenant(store, &name, None, &[]).await;
    assert_eq!(due(at(1_000_000)).await, []);
    let again = tenant(&name, 2, "north");
    put_tenant(store, &name, Some(&again), &[]).await;
    let begin = Reconciliation {
        brand: name,
        due_time: again.created_time.plus_seconds(DAY_SECONDS),
        cursor: None,
        stays: 0,
    };
    assert_eq!(due(begin.due_time).await, [begin]);
}
