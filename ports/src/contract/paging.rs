//! Paging with cursors, while rows come and change.

use kyc_core::actor::BrandScope;
use kyc_core::command::TemplateNeed;
use kyc_core::id::ProfileId;
use kyc_core::profile::Profile;
use kyc_core::query::{
    AuditFilter, DeliveryFilter, DocumentFilter, Filter, ProfileFilter, ProfileKey, ProfileOrder, Query, Rows,
    TemplateFilter, TenantFilter,
};
use kyc_core::status::{DeliveryStatus, TemplateStatus};
use kyc_core::time::Time;

use super::sample::{at, brand, delivery, document, profile_mut, put, put_brand, put_tenant, template, tenant};
use super::table::{self, newcomer};
use crate::store::{Store, Thing};

fn ids(rows: &Rows) -> Vec<i64> {
    match rows {
        Rows::Templates(rows) => rows.iter().map(|row| row.id.0).collect(),
        Rows::Profiles(rows) => rows.iter().map(|row| row.id.0).collect(),
        Rows::Documents(rows) => rows.iter().map(|row| row.id.0).collect(),
        Rows::Audit(rows) => rows.iter().map(|row| row.id.0).collect(),
        Rows::History(rows) => rows.iter().map(|row| row.id.0).collect(),
        Rows::Tenants(rows) => rows.iter().map(|row| row.id).collect(),
        Rows::Deliveries(rows) => rows.iter().map(|row| row.id.0).collect(),
    }
}

/// Pages through a list to its end; `between` is called before each page but the first, with the page's number.
async fn walk(store: &dyn Store, filter: &Filter, limit: i64, mut between: impl AsyncFnMut(i64)) -> Vec<i64> {
    let mut seen = Vec::new();
    let mut cursor = None::<String>;
    for number in 1.. {
        let page = filter.page(Some(limit), cursor.as_deref(), None).unwrap();
        let query = Query {
            filter: filter.clone(),
            scope: BrandScope::All,
            page,
        };
        let mut rows = store.list(&query).await.unwrap();
        cursor = query.cut(&mut rows);
        assert!(
            cursor.is_none() || ids(&rows).len() as i64 == limit,
            "a page before the last is full"
        );
        seen.extend(ids(&rows));
        if cursor.is_none() {
            break;
        }
        between(number).await;
    }
    seen
}

async fn whole(store: &dyn Store, filter: &Filter) -> Vec<i64> {
    ids(&super::sample::list(store, filter.clone()).await)
}

fn orders() -> impl Iterator<Item = ProfileOrder> {
    [ProfileKey::Created, ProfileKey::Updated, ProfileKey::OldestSubmitted]
        .into_iter()
        .flat_map(|by| [false, true].map(|descending| ProfileOrder { by, descending }))
}

fn profiles(order: ProfileOrder) -> Filter {
    Filter::Profiles(ProfileFilter {
        order,
        ..ProfileFilter::default()
    })
}

fn row_lists() -> [Filter; 6] {
    let statuses = TemplateStatus::ALL.iter().map(|(status, ..)| *status).collect();
    [
        Filter::Documents(DocumentFilter::default()),
        Filter::Templates(TemplateFilter {
            statuses,
            ..TemplateFilter::default()
        }),
        Filter::Audit(AuditFilter::default()),
        Filter::History(ProfileId(7)),
        Filter::Tenants(TenantFilter::default()),
        Filter::Deliveries(DeliveryFilter::default()),
    ]
}

/// Changes one profile and commits it.
async fn change(store: &dyn Store, id: i64, change: impl FnOnce(&mut Profile)) {
    let key = store.locate(Thing::Profile(ProfileId(id))).await.unwrap().unwrap();
    let mut state = store.customer(&key).await.unwrap();
    change(profile_mut(&mut state));
    put(store, &state).await.unwrap();
}

/// Changes a call of one profile and commits it.
async fn change_call(store: &dyn Store, kyc_id: i64) {
    let key = store.locate(Thing::Profile(ProfileId(kyc_id))).await.unwrap().unwrap();
    let mut state = store.customer(&key).await.unwrap();
    let call = state.deliveries.first_mut().unwrap();
    call.version += 1;
    call.status = DeliveryStatus::Dead;
    put(store, &state).await.unwrap();
}

/// The pages of every order are the list: nothing is missing between two, and nothing is in both.
pub async fn pages_have_every_profile_once(store: &dyn Store) {
    table::fill(store).await;
    for order in orders() {
        let filter = profiles(order);
        let list = whole(store, &filter).await;
        assert_eq!(list.len() as i64, table::CUSTOMERS);
        for limit in [1, 5, table::CUSTOMERS - 1, table::CUSTOMERS] {
            assert_eq!(
                walk(store, &filter, limit, async |_| {}).await,
                list,
                "{order:?}, {limit} a page"
            );
        }
    }
}

/// The same for the lists that are ordered by id.
pub async fn pages_have_every_row_once(store: &dyn Store) {
    table::fill(store).await;
    for filter in row_lists() {
        let list = whole(store, &filter).await;
        for limit in [1, 2, list.len() as i64] {
            assert_eq!(
                walk(store, &filter, limit, async |_| {}).await,
                list,
                "{filter:?}, {limit} a page"
            );
        }
    }
}

/// While rows come and change beside their place in the order, those from the beginning are seen once each.
pub async fn changes_between_pages_lose_nothing(store: &dyn Store) {
    table::fill(store).await;
    let created = orders().filter(|order| order.by == ProfileKey::Created).map(profiles);
    let mut comers = 0;
    for filter in created.chain(row_lists()) {
        let before = whole(store, &filter).await;
        let mut seen = walk(store, &filter, 1.max(before.len() as i64 / 4), async |page| {
            for id in [page, 20 + page] {
                change(store, id, |profile| {
                    profile.version += 1;
                    profile.updated_time = profile.updated_time.plus_seconds(1_000);
                    profile.oldest_submitted_time = None;
                })
                .await;
            }
            comers += 1;
            let mut state = newcomer(comers);
            let profile = profile_mut(&mut state).clone();
            state.documents = vec![
                document(&profile, 2_000 + comers, None),
                document(&profile, comers, None),
            ];
            state.deliveries = vec![delivery(&profile, 20_000 + comers), delivery(&profile, comers * 10 + 5)];
            put(store, &state).await.unwrap();
            change_call(store, 2 + page).await;
            let name = brand(&format!("new-{comers}"));
            let comer = tenant(&name, 1_000 + comers, &format!("new-{comers}"));
            put_tenant(store, &name, Some(&comer), &[]).await;
            let name = brand("b");
            let mut state = store.brand(&name, &TemplateNeed::None).await.unwrap();
            state.templates = vec![template(&name, 1_000 + comers, &format!("new-{comers}"))];
            state.tenant.as_mut().unwrap().webhook_rate += 1;
            put_brand(store, &state).await.unwrap();
        })
        .await;
        seen.retain(|id| before.contains(id));
        assert_eq!(seen, before, "{filter:?}");
    }
}

/// A row that moves may be seen where it was, where it is now, or both; all others are seen once.
pub async fn moving_rows_do_not_hide_others(store: &dyn Store) {
    table::fill(store).await;
    for (round, order) in (1..).zip(orders().filter(|order| order.by != ProfileKey::Created)) {
        let filter = profiles(order);
        let before = whole(store, &filter).await;
        // One that has been seen already, and one that is still to come, and not always in the same direction.
        let movers = [before[1], before[4], before[20], before[30]];
        let mut seen = walk(store, &filter, 5, async |page| {
            let time = Time(at(0).0 + round * 1_000_000_000 * if page % 2 == 0 { 1 } else { -1 });
            let mover = movers[page as usize % movers.len()];
            change(store, mover, |profile| {
                profile.updated_time = time;
                profile.oldest_submitted_time = Some(time).filter(|_| page % 3 > 0);
            })
            .await;
        })
        .await;
        seen.retain(|id| !movers.contains(id));
        let others: Vec<i64> = before.iter().copied().filter(|id| !movers.contains(id)).collect();
        assert_eq!(seen, others, "{order:?}");
    }
}
