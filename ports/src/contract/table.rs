//! Rows of every kind for the lists, with members that vary independently of each other, and what a list of them must
//! be, worked out the plain way.

use kyc_core::audit::AuditRow;
use kyc_core::customer::CustomerState;
use kyc_core::document::Document;
use kyc_core::event::{Action, Event, Subject};
use kyc_core::history::HistoryRow;
use kyc_core::id::{DocumentId, StepId};
use kyc_core::outbound::Delivery;
use kyc_core::profile::Profile;
use kyc_core::query::{Filter, Query, Rows};
use kyc_core::status::{CallKind, DeliveryStatus, DocumentStatus, KycModel, ProfileStatus, RiskLevel, TemplateStatus};
use kyc_core::template::Template;
use kyc_core::tenant::Tenant;
use kyc_core::time::Time;

use super::sample::{
    at, brand, brand_commit_of, brand_with, commit_of, customer, delivery, document, event, new_customer, profile,
    profile_mut, step, template, tenant,
};
use crate::store::Store;

/// Customers in the table; one less than a prime, so that ids can be spread over them.
pub(super) const CUSTOMERS: i64 = 36;
/// The customers' brands.
const BRANDS: [&str; 3] = ["a", "b", "c"];
/// Brands that have tenants: those with customers come first.
pub(super) const TENANT_BRANDS: [&str; 7] = ["a", "b", "c", "g", "f", "e", "d"];
const ACTIONS: [Action; 4] = [
    Action::ProfileRiskSet,
    Action::StepApproved,
    Action::DocumentViewed,
    Action::ProfileRecalculated,
];

/// What has been stored.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) profiles: Vec<Profile>,
    pub(super) documents: Vec<Document>,
    pub(super) templates: Vec<Template>,
    pub(super) audit: Vec<AuditRow>,
    pub(super) history: Vec<HistoryRow>,
    pub(super) tenants: Vec<Tenant>,
    pub(super) deliveries: Vec<Delivery>,
}

/// Fills a fresh store.
pub(super) async fn fill(store: &dyn Store) -> Table {
    let mut table = Table::default();
    for number in 1..=CUSTOMERS {
        let state = nth_customer(number);
        let commit = commit_of(
            store,
            &CustomerState::new(state.key.clone()),
            &state,
            &nth_events(&state, number),
        )
        .await;
        store.commit(commit.clone()).await.unwrap();
        table.profiles.extend(state.profile);
        table.documents.extend(state.documents);
        table.deliveries.extend(state.deliveries);
        table.audit.extend(commit.audit);
        table.history.extend(commit.history);
    }
    for (place, name) in (0..).zip(TENANT_BRANDS) {
        let first = place * 10 + 1;
        let has_templates = BRANDS.contains(&name);
        let templates = (first..first + 7).filter(|_| has_templates);
        let templates: Vec<Template> = templates.map(|id| nth_template(name, id)).collect();
        let tenant = nth_tenant(name, place);
        let before = brand_with(name, Vec::new());
        let mut after = brand_with(name, templates.clone());
        after.tenant = Some(tenant.clone());
        let commit = brand_commit_of(store, &before, &after).await;
        store.commit(commit.clone()).await.unwrap();
        table.templates.extend(templates);
        table.tenants.push(tenant);
        table.audit.extend(commit.audit);
    }
    table
}

/// A value of a list for a number.
fn pick<T: Copy>(values: &[T], number: i64) -> T {
    values[number as usize % values.len()]
}

/// The second in which the profiles change, each a quarter after the one before.
pub(super) fn quarter(number: i64) -> Time {
    Time(Time::from_seconds(1_700_000_000).0 + number * 250_000)
}

fn nth_customer(number: i64) -> CustomerState {
    let key = customer(pick(&BRANDS, number), number / 3 + 1);
    // Ids in another order than the customers'.
    let mut state = new_customer(&key, number * 7 % (CUSTOMERS + 1));
    let profile = profile_mut(&mut state);
    *profile = Profile {
        external_id: (number % 4 > 0).then(|| format!("x{}", number / 3)),
        status: pick(ProfileStatus::ALL, number).0,
        risk_level: pick(RiskLevel::ALL, number).0,
        current_level: number % 4,
        required_level: number / 2 % 4,
        pending_steps: number / 3 % 3,
        oldest_submitted_time: (number % 2 == 0).then(|| at(number % 5)),
        created_time: at(number % 6),
        updated_time: quarter(number),
        ..profile.clone()
    };
    let profile = profile.clone();
    state.steps = (0..2).map(|nth| step(&profile, number * 2 + nth)).collect();
    state.documents = (0..2).map(|nth| nth_document(&profile, number * 2 + nth)).collect();
    state.deliveries = (0..3).map(|nth| nth_delivery(&profile, number * 3 - nth)).collect();
    state
}

fn nth_document(profile: &Profile, number: i64) -> Document {
    let id = 1_000 - number * 3;
    Document {
        status: pick(DocumentStatus::ALL, number).0,
        step_id: (number % 3 > 0).then_some(StepId(number % 5)),
        ..document(profile, id, None)
    }
}

/// From 1 to three times the customers; their ids are whole tens in another order.
fn nth_delivery(profile: &Profile, number: i64) -> Delivery {
    let id = number * 7 % (3 * CUSTOMERS + 1) * 10;
    Delivery {
        status: pick(DeliveryStatus::ALL, number),
        call: pick(CallKind::ALL, number / 2),
        level: number % 4,
        ..delivery(profile, id)
    }
}

fn nth_events(state: &CustomerState, number: i64) -> Vec<Event> {
    let kyc_id = state.profile.as_ref().map(|profile| profile.id);
    let steps: Vec<StepId> = state.steps.iter().map(|step| step.id).collect();
    let documents: Vec<DocumentId> = state.documents.iter().map(|document| document.id).collect();
    let nth = |nth: i64| {
        let count = number + nth;
        Event {
            action: pick(&ACTIONS, count),
            subject: Subject {
                kyc_id: kyc_id.filter(|_| count % 7 > 0),
                // What an event is about is its own customer's.
                step_id: (count % 3 == 0).then_some(pick(&steps, count)),
                document_id: (count % 2 == 0).then_some(pick(&documents, count)),
                template_id: None,
            },
            actor_id: format!("m-{}", count / 2 % 3),
            time: quarter(number),
            ..event(kyc_id)
        }
    };
    (0..3).map(nth).collect()
}

fn nth_template(brand_name: &str, id: i64) -> Template {
    Template {
        level: id % 4,
        status: pick(TemplateStatus::ALL, id).0,
        ..template(&brand(brand_name), id, &format!("code-{id}"))
    }
}

/// Ids in another order than the brands' names.
fn nth_tenant(brand_name: &str, place: i64) -> Tenant {
    let id = (place + 1) * 3 % (TENANT_BRANDS.len() as i64 + 1);
    Tenant {
        kyc_model: pick(KycModel::ALL, place),
        ..tenant(&brand(brand_name), id, &format!("slug-{brand_name}"))
    }
}

/// A new profile beside those of the table.
pub(super) fn newcomer(number: i64) -> CustomerState {
    let key = customer("a", 1_000 + number);
    CustomerState {
        profile: Some(profile(&key, 1_000 + number)),
        ..CustomerState::new(key)
    }
}

impl Table {
    /// What the list must give.
    pub(super) fn page(&self, query: &Query) -> Rows {
        let sees = |brand| query.scope.sees(brand);
        match &query.filter {
            Filter::Templates(filter) => {
                let rows = self.templates.iter().filter(|row| filter.fits(row) && sees(&row.brand));
                Rows::Templates(cut(query, rows, |row| (0, row.id.0), false))
            }
            Filter::Profiles(filter) => {
                let rows = self.profiles.iter().filter(|row| filter.fits(row) && sees(&row.brand));
                Rows::Profiles(cut(
                    query,
                    rows,
                    |row| (filter.order.key(row), row.id.0),
                    filter.order.descending,
                ))
            }
            Filter::Documents(filter) => {
                let rows = self.documents.iter().filter(|row| filter.fits(row) && sees(&row.brand));
                Rows::Documents(cut(query, rows, |row| (0, row.id.0), false))
            }
            Filter::Audit(filter) => {
                let rows = self.audit.iter().filter(|row| filter.fits(row) && sees(&row.brand));
                Rows::Audit(cut(query, rows, |row| (0, row.id.0), true))
            }
            Filter::History(id) => {
                let rows = self.history.iter().filter(|row| row.kyc_id == *id && sees(&row.brand));
                Rows::History(cut(query, rows, |row| (0, row.id.0), true))
            }
            Filter::Tenants(filter) => {
                let rows = self.tenants.iter().filter(|row| filter.fits(row) && sees(&row.brand));
                Rows::Tenants(cut(query, rows, |row| (0, row.id), false))
            }
            Filter::Deliveries(filter) => {
                let rows = self
                    .deliveries
                    .iter()
                    .filter(|row| filter.fits(row) && sees(&row.brand));
                Rows::Deliveries(cut(query, rows, |row| (0, row.id.0), true))
            }
        }
    }
}

/// The rows of the page and one more, of all that fit.
fn cut<'a, R: Clone + 'a>(
    query: &Query,
    rows: impl Iterator<Item = &'a R>,
    place: impl Fn(&R) -> (i64, i64),
    descending: bool,
) -> Vec<R> {
    let mut rows: Vec<R> = rows.cloned().collect();
    rows.sort_by_key(&place);
    if descending {
        rows.reverse();
    }
    if let Some(after) = query.page.after {
        rows.retain(|row| {
            if descending {
                place(row) < after
            } else {
                place(row) > after
            }
        });
    }
    rows.into_iter()
        .skip(query.page.offset as usize)
        .take(query.page.limit as usize + 1)
        .collect()
}
