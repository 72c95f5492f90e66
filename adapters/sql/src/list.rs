//! Lists: filters, orders and keyset pages as one statement.

use kyc_core::actor::BrandScope;
use kyc_core::audit::AuditRow;
use kyc_core::document::Document;
use kyc_core::history::HistoryRow;
use kyc_core::outbound::Delivery;
use kyc_core::profile::Profile;
use kyc_core::query::{
    AuditFilter, DocumentFilter, Filter, ProfileFilter, ProfileKey, ProfileOrder, Query, Rows, TemplateFilter,
};
use kyc_core::record::{Cell, Column};
use kyc_core::template::Template;
use kyc_core::tenant::Tenant;
use kyc_core::time::Time;

use crate::statement::{Conditions, Statement};
use crate::table::{decode, select};

/// The page, and one row more.
pub fn page(query: &Query) -> Statement {
    let mut conditions = Conditions::default();
    let mut join = String::new();
    let (select, order) = match &query.filter {
        Filter::Templates(filter) => {
            templates(&mut conditions, filter);
            (select::<Template>(), Order::BY_ID)
        }
        Filter::Profiles(filter) => {
            profiles(&mut conditions, filter);
            (select::<Profile>(), Order::of(filter.order))
        }
        Filter::Documents(filter) => {
            documents(&mut conditions, filter);
            (select::<Document>(), Order::BY_ID)
        }
        Filter::Audit(filter) => {
            audit(&mut conditions, filter);
            (select::<AuditRow>(), Order::NEWEST_FIRST)
        }
        Filter::History(id) => {
            let place = conditions.param(id.to_cell());
            conditions.clause(format!("kyc_id = {place}"));
            // An entry has the id of its audit row.
            let stream = stream_of(&place, "profiles");
            join = format!(" JOIN (SELECT id AS entry FROM audit WHERE {stream}) ON id = entry");
            (select::<HistoryRow>(), Order::NEWEST_ENTRY_FIRST)
        }
        Filter::Tenants(filter) => {
            conditions.compare("slug", "=", filter.slug.as_ref());
            conditions.compare("brand", "=", filter.brand.as_ref());
            conditions.compare("kyc_model", "=", filter.kyc_model.as_ref());
            (select::<Tenant>(), Order::BY_ID)
        }
        Filter::Deliveries(filter) => {
            conditions.compare("brand", "=", filter.brand.as_ref());
            conditions.compare("customer_id", "=", filter.customer_id.as_ref());
            conditions.compare("status", "=", filter.status.as_ref());
            (select::<Delivery>(), Order::NEWEST_FIRST)
        }
    };
    match &query.scope {
        BrandScope::All => {}
        // An index serves one brand in order, but not several.
        BrandScope::Only(brands) if brands.len() == 1 => conditions.compare("brand", "=", brands.first()),
        BrandScope::Only(brands) => conditions.within("brand", brands),
    }
    if let Some((key, id)) = query.page.after {
        order.behind(&mut conditions, key, id);
    }
    let limit = conditions.param(Cell::Int(query.fetch_rows()));
    let offset = conditions.param(Cell::Int(query.page.offset));
    let (clause, params) = conditions.finish();
    Statement::new(
        format!("{select}{join}{clause}{} LIMIT {limit} OFFSET {offset}", order.clause()),
        params,
    )
}

/// Reads the rows of [`page`].
pub fn read(query: &Query, rows: Vec<Vec<Cell>>) -> Option<Rows> {
    Some(match &query.filter {
        Filter::Templates(_) => Rows::Templates(decode(rows)?),
        Filter::Profiles(_) => Rows::Profiles(decode(rows)?),
        Filter::Documents(_) => Rows::Documents(decode(rows)?),
        Filter::Audit(_) => Rows::Audit(decode(rows)?),
        Filter::History(_) => Rows::History(decode(rows)?),
        Filter::Tenants(_) => Rows::Tenants(decode(rows)?),
        Filter::Deliveries(_) => Rows::Deliveries(decode(rows)?),
    })
}

/// A list's order: a key if there is one, then the id, both in one direction.
struct Order {
    key: Option<&'static str>,
    id: &'static str,
    descending: bool,
}

impl Order {
    const BY_ID: Self = Self {
        key: None,
        id: "id",
        descending: false,
    };
    const NEWEST_FIRST: Self = Self {
        descending: true,
        ..Self::BY_ID
    };
    const NEWEST_ENTRY_FIRST: Self = Self {
        id: "entry",
        ..Self::NEWEST_FIRST
    };

    const fn of(order: ProfileOrder) -> Self {
        let key = match (order.by, order.descending) {
            (ProfileKey::Created, _) => "created_time",
            (ProfileKey::Updated, _) => "updated_time",
            // Written as in the index; `ProfileOrder::missing_key` is the same number.
            (ProfileKey::OldestSubmitted, false) => "coalesce(oldest_submitted_time, 9223372036854775807)",
            (ProfileKey::OldestSubmitted, true) => "coalesce(oldest_submitted_time, -1)",
        };
        Self {
            key: Some(key),
            descending: order.descending,
            ..Self::BY_ID
        }
    }

    fn behind(&self, conditions: &mut Conditions, key: i64, id: i64) {
        let op = if self.descending { "<" } else { ">" };
        match self.key {
            None => conditions.compare(self.id, op, Some(&id)),
            Some(column) => {
                let key = conditions.param(Cell::Int(key));
                let id = conditions.param(Cell::Int(id));
                conditions.clause(format!("({column}, {}) {op} ({key}, {id})", self.id));
            }
        }
    }

    fn clause(&self) -> String {
        let direction = if self.descending { " DESC" } else { "" };
        let id = self.id;
        match self.key {
            None => format!(" ORDER BY {id}{direction}"),
            Some(key) => format!(" ORDER BY {key}{direction}, {id}{direction}"),
        }
    }
}

/// The end of a second: `to` members name whole seconds and include them.
fn end_of_second(time: Time) -> i64 {
    Time::from_seconds(time.seconds()).plus_seconds(1).0 - 1
}

fn templates(conditions: &mut Conditions, filter: &TemplateFilter) {
    conditions.compare("brand", "=", filter.brand.as_ref());
    conditions.within("status", &filter.statuses);
    conditions.compare("level", "=", filter.level.as_ref());
}

fn profiles(conditions: &mut Conditions, filter: &ProfileFilter) {
    conditions.compare("brand", "=", filter.brand.as_ref());
    conditions.compare("status", "=", filter.status.as_ref());
    conditions.compare("risk_level", "=", filter.risk_level.as_ref());
    conditions.compare("current_level", "=", filter.current_level.as_ref());
    conditions.compare("required_level", "=", filter.required_level.as_ref());
    conditions.compare("customer_id", "=", filter.customer_id.as_ref());
    conditions.compare("external_id", "=", filter.external_id.as_ref());
    match filter.awaiting_review {
        Some(true) => conditions.plain("(pending_steps > 0 OR status = 6)"),
        Some(false) => conditions.plain("NOT (pending_steps > 0 OR status = 6)"),
        None => {}
    }
    conditions.compare("updated_time", ">=", filter.updated_from.as_ref());
    conditions.compare("updated_time", "<=", filter.updated_to.map(end_of_second).as_ref());
}

fn documents(conditions: &mut Conditions, filter: &DocumentFilter) {
    conditions.compare("brand", "=", filter.brand.as_ref());
    conditions.compare("customer_id", "=", filter.customer_id.as_ref());
    conditions.compare("kyc_id", "=", filter.kyc_id.as_ref());
    conditions.compare("step_id", "=", filter.step_id.as_ref());
    conditions.compare("status", "=", filter.status.as_ref());
}

fn audit(conditions: &mut Conditions, filter: &AuditFilter) {
    conditions.compare("brand", "=", filter.brand.as_ref());
    conditions.compare("customer_id", "=", filter.customer_id.as_ref());
    of_stream(conditions, "kyc_id", "profiles", filter.kyc_id.as_ref());
    of_stream(conditions, "step_id", "steps", filter.step_id.as_ref());
    of_stream(conditions, "document_id", "documents", filter.document_id.as_ref());
    conditions.compare("action", "=", filter.action.as_ref());
    conditions.compare("actor_id", "=", filter.actor_id.as_ref());
    conditions.compare("created_time", ">=", filter.from.as_ref());
    conditions.compare("created_time", "<=", filter.to.map(end_of_second).as_ref());
}

/// The rows of one thing, which are all in its customer's stream.
fn of_stream<T: Column>(conditions: &mut Conditions, column: &str, table: &str, id: Option<&T>) {
    let Some(id) = id else { return };
    let place = conditions.param(id.to_cell());
    let stream = stream_of(&place, table);
    conditions.clause(format!("{column} = {place} AND {stream}"));
}

/// The audit rows of the customer whose thing this is: they have an index.
fn stream_of(place: &str, table: &str) -> String {
    format!(
        "brand = (SELECT brand FROM {table} WHERE id = {place}) \
         AND customer_id = (SELECT customer_id FROM {table} WHERE id = {place})"
    )
}

/// Audit rows of all streams behind an id, in order: what a verification walks through.
pub fn audit_after(id: i64, limit: i64) -> Statement {
    let sql = format!("{} WHERE id > ?1 ORDER BY id LIMIT ?2", select::<AuditRow>());
    Statement::new(sql, vec![id.to_cell(), Cell::Int(limit)])
}
