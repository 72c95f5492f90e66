//! Loading single things.

use std::sync::LazyLock;

use kyc_core::brand::{BrandState, Settings};
use kyc_core::command::TemplateNeed;
use kyc_core::commit::KeptReply;
use kyc_core::customer::CustomerState;
use kyc_core::document::Document;
use kyc_core::id::{Brand, CustomerId, CustomerKey, DeliveryId, Slug, TemplateId};
use kyc_core::level::LevelEntry;
use kyc_core::outbound::{Delivery, QueuedCall};
use kyc_core::profile::Profile;
use kyc_core::record::{Cell, Column};
use kyc_core::status::TemplateStatus;
use kyc_core::step::Step;
use kyc_core::stream::Head;
use kyc_core::template::Template;
use kyc_core::tenant::{SealedSecret, Tenant};
use kyc_core::time::Time;
use kyc_ports::store::Thing;

use crate::statement::{Conditions, Statement};
use crate::table::select;
use crate::together::{Apart, Together};

/// The customer of a thing: brand and number.
pub fn locate(thing: Thing) -> Statement {
    let (sql, id) = match thing {
        Thing::Profile(id) => ("SELECT brand, customer_id FROM profiles WHERE id = ?1", id.to_cell()),
        Thing::Step(id) => ("SELECT brand, customer_id FROM steps WHERE id = ?1", id.to_cell()),
        Thing::Document(id) => ("SELECT brand, customer_id FROM documents WHERE id = ?1", id.to_cell()),
        Thing::Delivery(id) => ("SELECT brand, customer_id FROM deliveries WHERE id = ?1", id.to_cell()),
    };
    Statement::new(sql, vec![id])
}

/// Reads rows of [`locate`] and [`due`].
pub fn customer_key(row: Vec<Cell>) -> Option<CustomerKey> {
    let mut cells = row.into_iter();
    Some(CustomerKey {
        brand: Brand::from_cell(cells.next()?)?,
        customer_id: CustomerId::from_cell(cells.next()?)?,
    })
}

/// A template's brand.
pub fn template_brand(id: TemplateId) -> Statement {
    Statement::new("SELECT brand FROM templates WHERE id = ?1", vec![id.to_cell()])
}

/// How many templates of a brand are not archived.
pub fn template_count(brand: &Brand) -> Statement {
    Statement::new(
        "SELECT count(*) FROM templates WHERE brand = ?1 AND status <> 2",
        vec![brand.to_cell()],
    )
}

/// The customer of an external id: whose it is, or else whose number it is, if that one has no explicit id.
pub fn external_owner(brand: &Brand, external_id: &str) -> Statement {
    let sql = "SELECT customer_id FROM profiles \
               WHERE brand = ?1 AND (external_id = ?2 OR (customer_id = ?3 AND linked = 0)) \
               ORDER BY external_id IS ?2 DESC LIMIT 1";
    let number = CustomerId::of_external_id(external_id);
    Statement::new(
        sql,
        vec![brand.to_cell(), Cell::Text(external_id.into()), number.to_cell()],
    )
}

/// The parts of [`customer`], in their order.
const CUSTOMER_PARTS: usize = 7;
/// The columns of a stream's head.
const HEAD: [&str; 4] = ["version", "hash", "committed_time", "due_time"];

/// All that decisions about a customer look at.
///
/// Of the calls, those that wait or are dead and the last that told of each level: what
/// [`kyc_core::outbound::relevant`] says of all.
pub fn customer(key: &CustomerKey) -> Statement {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let customer = " WHERE brand = ?1 AND customer_id = ?2";
        let profile = format!("(SELECT id FROM profiles{customer})");
        let of_profile = format!(" WHERE kyc_id = {profile}");
        // Not two conditions joined by OR: SQLite pushes a subquery into neither side, and would read all open calls.
        let relevant = format!(
            " WHERE id IN (SELECT id FROM deliveries{of_profile} AND status IN ('queued', 'dead') \
             UNION ALL SELECT max(id) FROM deliveries{of_profile} AND status = 'delivered' AND call = 'update' \
             GROUP BY level)"
        );
        Together::default()
            .columns(HEAD.to_vec(), format!("streams{customer}"))
            .of::<Profile>(customer)
            .of::<Step>(&of_profile)
            .of::<Document>(&of_profile)
            .of::<LevelEntry>(&of_profile)
            .of::<Delivery>(&relevant)
            .of::<QueuedCall>(customer)
            .text()
    });
    Statement::new(TEXT.as_str(), vec![key.brand.to_cell(), key.customer_id.to_cell()])
}

/// Reads rows of [`customer`].
pub fn read_customer(key: CustomerKey, rows: Vec<Vec<Cell>>) -> Option<CustomerState> {
    let mut parts = Apart::new(CUSTOMER_PARTS, rows)?;
    let mut state = CustomerState::new(key);
    state.head = head(parts.rows(0, HEAD.len()))?;
    state.profile = parts.of(1, "id")?.pop();
    state.steps = parts.of(2, "id")?;
    state.documents = parts.of(3, "id")?;
    state.log = parts.of(4, "number")?;
    state.deliveries = parts.of(5, "id")?;
    state.waiting = parts.of(6, "delivery_id")?;
    Some(state)
}

/// A stream's head, which nothing has been committed to if there is none.
fn head(rows: Vec<Vec<Cell>>) -> Option<Head> {
    let Some(row) = rows.into_iter().next() else {
        return Some(Head::EMPTY);
    };
    let mut cells = row.into_iter();
    Some(Head {
        version: i64::from_cell(cells.next()?)?,
        hash: Column::from_cell(cells.next()?)?,
        committed_time: Time::from_cell(cells.next()?)?,
        due_time: Column::from_cell(cells.next()?)?,
    })
}

/// The calls with these ids.
pub fn deliveries_of(ids: &[DeliveryId]) -> Statement {
    let mut conditions = Conditions::default();
    conditions.within("id", ids);
    let (clause, params) = conditions.finish();
    Statement::new(format!("{}{clause} ORDER BY id", select::<Delivery>()), params)
}

/// Whose slug it is.
pub fn tenant_brand(slug: &Slug) -> Statement {
    Statement::new("SELECT brand FROM tenants WHERE slug = ?1", vec![slug.to_cell()])
}

/// The sealed secrets of a brand's tenant.
pub fn secrets(brand: &Brand) -> Statement {
    Statement::new(
        format!("{} WHERE brand = ?1 ORDER BY id", select::<SealedSecret>()),
        vec![brand.to_cell()],
    )
}

/// One row if the brand has a profile whose status is not none.
pub fn active_profiles(brand: &Brand) -> Statement {
    Statement::new(
        "SELECT 1 FROM profiles WHERE brand = ?1 AND status > 0 LIMIT 1",
        vec![brand.to_cell()],
    )
}

/// The entry that has taken an event id.
pub fn claimed_event(slug: &Slug, event_id: &str) -> Statement {
    let sql = format!(
        "{} WHERE slug = ?1 AND event_id = ?2 AND accepted = 1",
        select::<LevelEntry>()
    );
    Statement::new(sql, vec![slug.to_cell(), Cell::Text(event_id.into())])
}

/// The brand of a webhook that was taken under a slug: by the index of their ids the first one.
pub fn webhook_brand(slug: &Slug) -> Statement {
    let sql = "SELECT brand FROM level_log WHERE slug = ?1 AND accepted = 1 AND event_id IS NOT NULL LIMIT 1";
    Statement::new(sql, vec![slug.to_cell()])
}

/// The parts of [`brand`], in their order.
const BRAND_PARTS: usize = 4;

/// What holds for a brand, with the templates that a decision needs.
pub fn brand(brand: &Brand, need: &TemplateNeed) -> Statement {
    static TEXT: LazyLock<String> = LazyLock::new(|| of_brand().text());
    let mut conditions = Conditions::default();
    conditions.compare("brand", "=", Some(brand));
    match need {
        TemplateNeed::None => return Statement::new(TEXT.as_str(), vec![brand.to_cell()]),
        TemplateNeed::Code(code) => conditions.compare("code", "=", Some(code)),
        TemplateNeed::UpTo(level) => {
            conditions.compare("status", "=", Some(&TemplateStatus::Active));
            conditions.plain("required = 1 AND level > 0");
            conditions.compare("level", "<=", Some(level));
        }
        TemplateNeed::Id(id) => {
            let id = conditions.param(id.to_cell());
            conditions.clause(format!("code IN (SELECT code FROM templates WHERE id = {id})"));
        }
        TemplateNeed::IdOrCode(id, code) => {
            let id = conditions.param(id.to_cell());
            let code = conditions.param(code.to_cell());
            conditions.clause(format!("(id = {id} OR code = {code})"));
        }
    }
    let (clause, params) = conditions.finish();
    Statement::new(of_brand().of::<Template>(&clause).text(), params)
}

fn of_brand() -> Together {
    let of_brand = " WHERE brand = ?1";
    Together::default()
        .columns(HEAD.to_vec(), format!("streams{of_brand} AND customer_id = 0"))
        .of::<Settings>(of_brand)
        .of::<Tenant>(of_brand)
}

/// Reads rows of [`brand`].
pub fn read_brand(brand: Brand, rows: Vec<Vec<Cell>>) -> Option<BrandState> {
    let mut parts = Apart::new(BRAND_PARTS, rows)?;
    Some(BrandState {
        head: head(parts.rows(0, HEAD.len()))?,
        settings: parts.of(1, "brand")?.pop().unwrap_or_else(|| Settings::defaults(brand)),
        tenant: parts.of(2, "id")?.pop(),
        templates: parts.of(3, "id")?,
    })
}

/// The reply kept for a key.
pub fn kept_reply(subject: &str, command: &str, key: &str) -> Statement {
    let sql = format!(
        "{} WHERE subject = ?1 AND command = ?2 AND key = ?3",
        select::<KeptReply>()
    );
    Statement::new(
        sql,
        [subject, command, key].map(|text| Cell::Text(text.into())).to_vec(),
    )
}

/// Customers for whom something is due, the longest due first.
pub fn due(now: Time, limit: i64) -> Statement {
    let sql = "SELECT brand, customer_id FROM streams \
               WHERE due_time IS NOT NULL AND due_time <= ?1 AND customer_id > 0 ORDER BY due_time LIMIT ?2";
    Statement::new(sql, vec![now.to_cell(), Cell::Int(limit)])
}
