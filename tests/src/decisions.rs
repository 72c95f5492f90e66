//! Decisions taken without the application: what it would give them, and the commit that follows.

use kyc_core::actor::Actor;
use kyc_core::command::{AnyChange, Call};
use kyc_core::commit::Commit;
use kyc_core::customer::CustomerState;
use kyc_core::id::CustomerKey;
use kyc_core::record::Hash;
use kyc_core::table::command;
use kyc_core::time::Time;
use kyc_core::work::{Context, Ids};
use kyc_ports::store::{Store, Wanted};
use serde_json::Value;

use crate::sim::{actor_of, members};

/// What the application would give the decision.
pub async fn context_of(
    store: &dyn Store,
    now: Time,
    change: &dyn AnyChange,
    state: &CustomerState,
    actor: Actor,
) -> Context {
    let needs = change.needs(state);
    let brand = store.brand(&state.key.brand, &needs.templates).await.unwrap();
    let mut files = Vec::new();
    for id in &needs.files {
        files.extend(store.file(id).await.unwrap());
    }
    let external_id = needs.external_id.unwrap_or_else(|| state.key.customer_id.to_string());
    let delivery = match needs.delivery {
        Some(id) => store.deliveries(&[id]).await.unwrap().pop(),
        None => None,
    };
    Context {
        now,
        actor,
        ids: Ids {
            profile: 1_000,
            step: 1_000,
            document: 1_000,
            template: 1_000,
            tenant: 1_000,
            delivery: 1_000,
        },
        files,
        settings: brand.settings,
        templates: brand.templates,
        external_owner: store.external_owner(&state.key.brand, &external_id).await.unwrap(),
        tenant: brand.tenant,
        delivery,
        seed: Hash([7; 32]),
    }
}

/// The commit of a command about a customer who is there, as the application would hand it to the store.
pub async fn commit_of(
    store: &dyn Store,
    now: Time,
    token: &str,
    (name, data): (&str, Value),
    customer: &CustomerKey,
) -> Commit {
    let Ok(Call::Change(change)) = command(name).unwrap().read(members(data)) else {
        panic!("{name} changes a customer");
    };
    let actor = actor_of(token).unwrap();
    let state = store.customer(customer).await.unwrap();
    let context = context_of(store, now, change.as_ref(), &state, actor).await;
    let decided = change.decide(&state, &context).unwrap();
    let wanted = Wanted {
        audit: decided.events.len() as i64,
        ..Wanted::default()
    };
    let first_id = store.reserve(wanted).await.unwrap().audit;
    let salts = std::iter::repeat(Hash([7; 32]));
    Commit::of_customer(&state, &decided.state, &decided.events, decided.queue, first_id, salts)
}
