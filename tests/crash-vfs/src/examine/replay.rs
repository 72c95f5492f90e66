//! The audit log beside the rows: replayed from nothing it gives all of them.

use std::collections::BTreeMap;

use kyc_core::brand::{BrandState, Settings};
use kyc_core::customer::CustomerState;
use kyc_core::id::{Brand, CustomerKey};
use kyc_core::outbound::Delivery;
use kyc_core::replay::{evolve, evolve_brand};
use kyc_core::stream::Head;
use kyc_memory::Snapshot;

use crate::examine::Fault;
use crate::examine::rows::{failed, same};

/// Replaying the audit rows from nothing gives the rows that follow from the commits. (How many commits they came in,
/// they do not tell.)
pub(super) fn check(model: &Snapshot) -> Result<(), Fault> {
    let mut customers: BTreeMap<CustomerKey, CustomerState> = BTreeMap::new();
    let mut brands: BTreeMap<Brand, BrandState> = BTreeMap::new();
    let mut history = Vec::new();
    for row in &model.audit {
        let brand = row.brand.clone();
        if let Some(customer_id) = row.customer_id {
            let key = CustomerKey { brand, customer_id };
            let state = customers.entry(key.clone()).or_insert_with(|| CustomerState::new(key));
            history.extend(evolve(state, row).map_err(failed)?);
        } else {
            let state = brands.entry(brand.clone()).or_insert_with(|| BrandState {
                head: Head::EMPTY,
                settings: Settings::defaults(brand),
                templates: Vec::new(),
                tenant: None,
            });
            evolve_brand(state, row).map_err(failed)?;
        }
    }
    let mut customers: Vec<_> = customers.into_values().collect();
    let mut deliveries: Vec<Delivery> = Vec::new();
    for (state, expected) in customers.iter_mut().zip(&model.customers) {
        state.steps.sort_by_key(|step| step.id);
        state.documents.sort_by_key(|document| document.id);
        deliveries.append(&mut state.deliveries);
        // No tenant's model changes what is due once there are customers: the load sees to it.
        let kyc_model = model.model_of(&state.key.brand);
        state.head.due_time = state.due_time(kyc_model, state.head.committed_time);
        state.head.version = expected.head.version;
    }
    deliveries.sort_by_key(|delivery| delivery.id);
    let mut brands: Vec<_> = brands.into_values().collect();
    for (state, expected) in brands.iter_mut().zip(&model.brands) {
        state.templates.sort_by_key(|template| template.id);
        state.head.version = expected.head.version;
    }
    same("customers and their replay", &model.customers, &customers)?;
    same("configurations and their replay", &model.brands, &brands)?;
    same("calls and their replay", &model.deliveries, &deliveries)?;
    same("histories and their replay", &model.history, &history)
}
