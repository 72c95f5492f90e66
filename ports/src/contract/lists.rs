//! Lists: which rows, in which order, as their filters define it.

use kyc_core::actor::BrandScope;
use kyc_core::event::Action;
use kyc_core::id::{CustomerId, DocumentId, ProfileId, StepId};
use kyc_core::query::{
    AuditFilter, DeliveryFilter, DocumentFilter, Filter, Page, ProfileFilter, ProfileKey, ProfileOrder, Query, Rows,
    TemplateFilter, TenantFilter,
};
use kyc_core::status::{DeliveryStatus, DocumentStatus, KycModel, ProfileStatus, RiskLevel, TemplateStatus};
use kyc_core::time::Time;

use super::sample::{brand, slug};
use super::table::{self, Table, quarter};
use crate::store::Store;

/// The whole list, and parts of it.
const PAGES: [Page; 4] = [
    Page {
        limit: 1_000,
        after: None,
        offset: 0,
    },
    Page {
        limit: 1,
        after: None,
        offset: 0,
    },
    Page {
        limit: 4,
        after: None,
        offset: 3,
    },
    Page {
        limit: 1_000,
        after: None,
        offset: 1_000_000,
    },
];

pub(super) const fn count(rows: &Rows) -> usize {
    match rows {
        Rows::Templates(rows) => rows.len(),
        Rows::Profiles(rows) => rows.len(),
        Rows::Documents(rows) => rows.len(),
        Rows::Audit(rows) => rows.len(),
        Rows::History(rows) => rows.len(),
        Rows::Tenants(rows) => rows.len(),
        Rows::Deliveries(rows) => rows.len(),
    }
}

fn scopes() -> [BrandScope; 4] {
    let only = |names: &[&str]| BrandScope::Only(names.iter().map(|name| brand(name)).collect());
    [BrandScope::All, only(&["b"]), only(&["a", "c", "unknown"]), only(&[])]
}

/// Asks for the list in every scope and part; gives how many rows it has for everybody's eyes.
async fn check(store: &dyn Store, table: &Table, filter: Filter) -> usize {
    for scope in scopes() {
        for page in PAGES {
            let query = Query {
                filter: filter.clone(),
                scope: scope.clone(),
                page,
            };
            let listed = store.list(&query).await.unwrap();
            assert_eq!(listed, table.page(&query), "{query:?}");
        }
    }
    count(&table.page(&Query {
        filter,
        scope: BrandScope::All,
        page: PAGES[0],
    }))
}

/// Each member lets some rows through and holds others back; a filter that fits nothing gives nothing.
async fn check_members(store: &dyn Store, table: &Table, everything: Filter, some: Vec<Filter>, none: Vec<Filter>) {
    let all = check(store, table, everything).await;
    for filter in some {
        let shown = format!("{filter:?}");
        let fitting = check(store, table, filter).await;
        assert!((1..all).contains(&fitting), "{fitting} of {all} fit {shown}");
    }
    for filter in none {
        assert_eq!(check(store, table, filter).await, 0);
    }
}

/// Every member of the profiles' filter.
pub async fn profiles_by_every_member(store: &dyn Store) {
    let table = table::fill(store).await;
    let any = ProfileFilter::default;
    let last_micro_of_second = Time(Time::from_seconds(quarter(20).seconds() + 1).0 - 1);
    let some = vec![
        ProfileFilter {
            brand: Some(brand("a")),
            ..any()
        },
        ProfileFilter {
            status: Some(ProfileStatus::Approved),
            ..any()
        },
        ProfileFilter {
            status: Some(ProfileStatus::None),
            ..any()
        },
        ProfileFilter {
            risk_level: Some(RiskLevel::High),
            ..any()
        },
        ProfileFilter {
            current_level: Some(0),
            ..any()
        },
        ProfileFilter {
            required_level: Some(2),
            ..any()
        },
        ProfileFilter {
            customer_id: Some(CustomerId(5)),
            ..any()
        },
        ProfileFilter {
            external_id: Some("x5".to_owned()),
            ..any()
        },
        ProfileFilter {
            awaiting_review: Some(true),
            ..any()
        },
        ProfileFilter {
            awaiting_review: Some(false),
            ..any()
        },
        ProfileFilter {
            updated_from: Some(quarter(20)),
            ..any()
        },
        ProfileFilter {
            updated_from: Some(Time(quarter(20).0 + 1)),
            ..any()
        },
        // The second named is in it to its end, however it is named.
        ProfileFilter {
            updated_to: Some(quarter(20)),
            ..any()
        },
        ProfileFilter {
            updated_to: Some(last_micro_of_second),
            ..any()
        },
        ProfileFilter {
            updated_from: Some(quarter(8)),
            updated_to: Some(quarter(8)),
            ..any()
        },
        ProfileFilter {
            brand: Some(brand("b")),
            awaiting_review: Some(true),
            current_level: Some(1),
            order: ProfileOrder {
                by: ProfileKey::OldestSubmitted,
                descending: true,
            },
            ..any()
        },
    ];
    let none = vec![
        ProfileFilter {
            brand: Some(brand("unknown")),
            ..any()
        },
        ProfileFilter {
            external_id: Some("X5".to_owned()),
            ..any()
        },
        ProfileFilter {
            external_id: Some(String::new()),
            ..any()
        },
        ProfileFilter {
            updated_from: Some(quarter(21)),
            updated_to: Some(quarter(19)),
            ..any()
        },
    ];
    let filters = |filters: Vec<ProfileFilter>| filters.into_iter().map(Filter::Profiles).collect();
    check_members(store, &table, Filter::Profiles(any()), filters(some), filters(none)).await;
}

/// Each order both ways, ties by id; profiles for which nothing waits come last.
pub async fn profiles_in_every_order(store: &dyn Store) {
    let table = table::fill(store).await;
    for by in [ProfileKey::Created, ProfileKey::Updated, ProfileKey::OldestSubmitted] {
        for descending in [false, true] {
            let order = ProfileOrder { by, descending };
            let filter = Filter::Profiles(ProfileFilter {
                order,
                ..ProfileFilter::default()
            });
            check(store, &table, filter.clone()).await;
            let query = Query {
                filter,
                scope: BrandScope::All,
                page: PAGES[0],
            };
            let Rows::Profiles(rows) = store.list(&query).await.unwrap() else {
                panic!("no profiles")
            };
            let submitted = rows.iter().filter(|row| row.oldest_submitted_time.is_some()).count();
            let first_missing = rows.iter().position(|row| row.oldest_submitted_time.is_none());
            assert_eq!(
                by == ProfileKey::OldestSubmitted,
                first_missing == Some(submitted),
                "{order:?}"
            );
        }
    }
}

/// Every member of the documents' filter.
pub async fn documents_by_every_member(store: &dyn Store) {
    let table = table::fill(store).await;
    let any = DocumentFilter::default;
    let some = vec![
        DocumentFilter {
            brand: Some(brand("a")),
            ..any()
        },
        DocumentFilter {
            customer_id: Some(CustomerId(5)),
            ..any()
        },
        DocumentFilter {
            kyc_id: Some(ProfileId(7)),
            ..any()
        },
        DocumentFilter {
            step_id: Some(StepId(2)),
            ..any()
        },
        DocumentFilter {
            status: Some(DocumentStatus::Deleted),
            ..any()
        },
        DocumentFilter {
            status: Some(DocumentStatus::Uploaded),
            ..any()
        },
        DocumentFilter {
            brand: Some(brand("b")),
            customer_id: Some(CustomerId(5)),
            ..any()
        },
    ];
    let none = vec![
        DocumentFilter {
            kyc_id: Some(ProfileId(999)),
            ..any()
        },
        DocumentFilter {
            step_id: Some(StepId(999)),
            ..any()
        },
    ];
    let filters = |filters: Vec<DocumentFilter>| filters.into_iter().map(Filter::Documents).collect();
    check_members(store, &table, Filter::Documents(any()), filters(some), filters(none)).await;
}

/// Every member of the templates' filter; no status means none of them.
pub async fn templates_by_every_member(store: &dyn Store) {
    let table = table::fill(store).await;
    let any = || TemplateFilter {
        statuses: TemplateStatus::ALL.iter().map(|(status, ..)| *status).collect(),
        ..TemplateFilter::default()
    };
    let some = vec![
        TemplateFilter {
            brand: Some(brand("a")),
            ..any()
        },
        TemplateFilter {
            statuses: vec![TemplateStatus::Archived],
            ..any()
        },
        TemplateFilter {
            statuses: vec![TemplateStatus::Active, TemplateStatus::Disabled],
            ..any()
        },
        TemplateFilter {
            level: Some(0),
            ..any()
        },
    ];
    let none = vec![
        TemplateFilter {
            statuses: Vec::new(),
            ..any()
        },
        TemplateFilter {
            level: Some(10),
            ..any()
        },
    ];
    let filters = |filters: Vec<TemplateFilter>| filters.into_iter().map(Filter::Templates).collect();
    check_members(store, &table, Filter::Templates(any()), filters(some), filters(none)).await;
}

/// Every member of the audit's filter. The brands' own rows are among them.
pub async fn audit_rows_by_every_member(store: &dyn Store) {
    let table = table::fill(store).await;
    let any = AuditFilter::default;
    let of_brands = table.audit.iter().filter(|row| row.customer_id.is_none());
    assert_eq!(of_brands.count(), table::TENANT_BRANDS.len());
    let some = vec![
        AuditFilter {
            brand: Some(brand("a")),
            ..any()
        },
        AuditFilter {
            customer_id: Some(CustomerId(5)),
            ..any()
        },
        AuditFilter {
            kyc_id: Some(ProfileId(7)),
            ..any()
        },
        AuditFilter {
            step_id: Some(StepId(24)),
            ..any()
        },
        AuditFilter {
            document_id: Some(DocumentId(928)),
            ..any()
        },
        AuditFilter {
            action: Some(Action::StepApproved.name().to_owned()),
            ..any()
        },
        AuditFilter {
            actor_id: Some("m-2".to_owned()),
            ..any()
        },
        AuditFilter {
            from: Some(Time(quarter(20).0 + 1)),
            ..any()
        },
        AuditFilter {
            to: Some(quarter(20)),
            ..any()
        },
        AuditFilter {
            from: Some(quarter(8)),
            to: Some(quarter(8)),
            brand: Some(brand("c")),
            ..any()
        },
    ];
    let none = vec![
        AuditFilter {
            action: Some("STEP.APPROVED".to_owned()),
            ..any()
        },
        AuditFilter {
            actor_id: Some("m".to_owned()),
            ..any()
        },
        AuditFilter {
            customer_id: Some(CustomerId(999)),
            ..any()
        },
        AuditFilter {
            step_id: Some(StepId(999)),
            ..any()
        },
    ];
    let filters = |filters: Vec<AuditFilter>| filters.into_iter().map(Filter::Audit).collect();
    check_members(store, &table, Filter::Audit(any()), filters(some), filters(none)).await;
}

/// Every member of the tenants' filter.
pub async fn tenants_by_every_member(store: &dyn Store) {
    let table = table::fill(store).await;
    let any = TenantFilter::default;
    let some = vec![
        TenantFilter {
            slug: Some(slug("slug-b")),
            ..any()
        },
        TenantFilter {
            brand: Some(brand("c")),
            ..any()
        },
        TenantFilter {
            kyc_model: Some(KycModel::PlatformOwns),
            ..any()
        },
        TenantFilter {
            kyc_model: Some(KycModel::None),
            ..any()
        },
        TenantFilter {
            slug: Some(slug("slug-a")),
            brand: Some(brand("a")),
            kyc_model: Some(KycModel::PlatformOwns),
        },
    ];
    let none = vec![
        TenantFilter {
            slug: Some(slug("slug")),
            ..any()
        },
        TenantFilter {
            brand: Some(brand("A")),
            ..any()
        },
        TenantFilter {
            slug: Some(slug("slug-a")),
            brand: Some(brand("b")),
            ..any()
        },
        TenantFilter {
            brand: Some(brand("a")),
            kyc_model: Some(KycModel::Dual),
            ..any()
        },
    ];
    let filters = |filters: Vec<TenantFilter>| filters.into_iter().map(Filter::Tenants).collect();
    check_members(store, &table, Filter::Tenants(any()), filters(some), filters(none)).await;
}

/// Every member of the filter of calls out.
pub async fn calls_by_every_member(store: &dyn Store) {
    let table = table::fill(store).await;
    let any = DeliveryFilter::default;
    let mut some: Vec<DeliveryFilter> = DeliveryStatus::ALL
        .iter()
        .map(|status| DeliveryFilter {
            status: Some(*status),
            ..any()
        })
        .collect();
    some.extend([
        DeliveryFilter {
            brand: Some(brand("a")),
            ..any()
        },
        DeliveryFilter {
            customer_id: Some(CustomerId(5)),
            ..any()
        },
        DeliveryFilter {
            brand: Some(brand("b")),
            customer_id: Some(CustomerId(5)),
            ..any()
        },
        DeliveryFilter {
            brand: Some(brand("c")),
            status: Some(DeliveryStatus::Dead),
            ..any()
        },
        DeliveryFilter {
            customer_id: Some(CustomerId(6)),
            status: Some(DeliveryStatus::Queued),
            ..any()
        },
    ]);
    let none = vec![
        DeliveryFilter {
            brand: Some(brand("g")),
            ..any()
        },
        DeliveryFilter {
            customer_id: Some(CustomerId(999)),
            ..any()
        },
    ];
    let filters = |filters: Vec<DeliveryFilter>| filters.into_iter().map(Filter::Deliveries).collect();
    check_members(store, &table, Filter::Deliveries(any()), filters(some), filters(none)).await;
}

/// A customer's history, newest first, for those who may see the customer's brand.
pub async fn history_of_one_customer(store: &dyn Store) {
    let table = table::fill(store).await;
    // The events of one of them that name no profile make no entry.
    let entries: Vec<usize> = vec![
        check(store, &table, Filter::History(ProfileId(7))).await,
        check(store, &table, Filter::History(ProfileId(36))).await,
        check(store, &table, Filter::History(ProfileId(999))).await,
    ];
    assert_eq!(entries, [3, 2, 0]);
}

/// A page is fetched with one row more, which tells whether there is a next one.
pub async fn a_page_has_one_row_more(store: &dyn Store) {
    table::fill(store).await;
    let filter = Filter::Profiles(ProfileFilter::default());
    for (limit, fetched, has_more) in [
        (table::CUSTOMERS - 1, 36, true),
        (table::CUSTOMERS, 36, false),
        (table::CUSTOMERS + 1, 36, false),
        (3, 4, true),
    ] {
        let page = filter.page(Some(limit), None, None).unwrap();
        let query = Query {
            filter: filter.clone(),
            scope: BrandScope::All,
            page,
        };
        let mut rows = store.list(&query).await.unwrap();
        assert_eq!(count(&rows), fetched, "limit {limit}");
        assert_eq!(query.cut(&mut rows).is_some(), has_more, "limit {limit}");
        assert_eq!(count(&rows) as i64, limit.min(table::CUSTOMERS));
    }
}
