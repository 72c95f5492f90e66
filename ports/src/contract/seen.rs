//! All that a store shows, so that a refused commit can be seen to leave nothing.

use kyc_core::command::TemplateNeed;
use kyc_core::commit::Commit;
use kyc_core::id::{Brand, CustomerKey, ProfileId};
use kyc_core::query::{
    AuditFilter, DeliveryFilter, DocumentFilter, Filter, ProfileFilter, TemplateFilter, TenantFilter,
};
use kyc_core::status::TemplateStatus;

use super::sample::{at, list};
use crate::store::{Store, StoreError};

/// All that a store shows of these customers and brands.
pub(super) async fn everything(store: &dyn Store, keys: &[CustomerKey], brands: &[Brand]) -> String {
    let long_after = at(1_000_000);
    let mut seen = Vec::new();
    for key in keys {
        seen.push(format!("{:?}", store.customer(key).await.unwrap()));
    }
    for brand in brands {
        seen.push(format!("{:?}", store.brand(brand, &TemplateNeed::None).await.unwrap()));
        seen.push(format!("{:?}", store.secrets(brand).await.unwrap()));
        seen.push(format!("{:?}", store.breaker(brand).await.unwrap()));
        seen.push(format!("{:?}", store.has_active_profiles(brand).await.unwrap()));
    }
    let mut filters = vec![
        Filter::Profiles(ProfileFilter::default()),
        Filter::Documents(DocumentFilter::default()),
        Filter::Audit(AuditFilter::default()),
        Filter::Templates(TemplateFilter {
            statuses: TemplateStatus::ALL.iter().map(|(status, ..)| *status).collect(),
            ..TemplateFilter::default()
        }),
        Filter::Tenants(TenantFilter::default()),
        Filter::Deliveries(DeliveryFilter::default()),
    ];
    filters.extend((1..20).map(|id| Filter::History(ProfileId(id))));
    for filter in filters {
        seen.push(format!("{:?}", list(store, filter).await));
    }
    seen.push(format!("{:?}", store.due(long_after, 1_000).await.unwrap()));
    seen.push(format!("{:?}", store.due_reconciliations(long_after).await.unwrap()));
    let mut callable = store.callable_brands(long_after).await.unwrap();
    callable.sort();
    seen.push(format!("{callable:?}"));
    seen.join("\n")
}

/// The commit must be refused and leave everything as it is.
pub(super) async fn refused(store: &dyn Store, commit: Commit, keys: &[CustomerKey], brands: &[Brand]) {
    let before = everything(store, keys, brands).await;
    assert_eq!(store.commit(commit).await, Err(StoreError::Conflict));
    assert_eq!(everything(store, keys, brands).await, before);
}
