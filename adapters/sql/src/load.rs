//! Loading single things.

use kyc_core::command::TemplateNeed;
use kyc_core::commit::KeptReply;
use kyc_core::document::Document;
use kyc_core::id::{Brand, CustomerId, CustomerKey, DeliveryId, Slug, TemplateId};
use kyc_core::level::LevelEntry;
use kyc_core::outbound::{Delivery, QueuedCall};
use kyc_core::profile::Profile;
use kyc_core::record::{Cell, Column};
use kyc_core::status::TemplateStatus;
use kyc_core::step::Step;
use kyc_core::stream::{Head, StreamKey};
use kyc_core::template::Template;
use kyc_core::tenant::{SealedSecret, Tenant};
use kyc_core::time::Time;
use kyc_ports::store::Thing;

use crate::commit::customer_cell;
use crate::statement::{Conditions, Statement};
use crate::table::{Table, select};

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
        vec![brand.to_cell(), Cell::Text(external_id.to_owned()), number.to_cell()],
    )
}

/// A stream's head.
pub fn head(stream: &StreamKey) -> Statement {
    let sql = "SELECT version, hash, committed_time, due_time FROM streams WHERE brand = ?1 AND customer_id = ?2";
    Statement::new(sql, vec![stream.brand.to_cell(), customer_cell(stream)])
}

/// Reads a row of [`head`].
pub fn read_head(row: Vec<Cell>) -> Option<Head> {
    let mut cells = row.into_iter();
    Some(Head {
        version: i64::from_cell(cells.next()?)?,
        hash: Column::from_cell(cells.next()?)?,
        committed_time: Time::from_cell(cells.next()?)?,
        due_time: Column::from_cell(cells.next()?)?,
    })
}

/// A customer's profile.
pub fn profile(key: &CustomerKey) -> Statement {
    let sql = format!("{} WHERE brand = ?1 AND customer_id = ?2", select::<Profile>());
    Statement::new(sql, vec![key.brand.to_cell(), key.customer_id.to_cell()])
}

/// A profile's steps, by id.
pub fn steps(profile: &Profile) -> Statement {
    of_profile::<Step>(profile)
}

/// A profile's documents, by id.
pub fn documents(profile: &Profile) -> Statement {
    of_profile::<Document>(profile)
}

/// A profile's level log, by number.
pub fn log(profile: &Profile) -> Statement {
    Statement::new(
        format!("{} WHERE kyc_id = ?1 ORDER BY number", select::<LevelEntry>()),
        vec![profile.id.to_cell()],
    )
}

/// The calls about a profile that decisions look at, by id: what [`kyc_core::outbound::relevant`] says of all.
pub fn deliveries(profile: &Profile) -> Statement {
    let sql = format!(
        "{} WHERE kyc_id = ?1 AND (status IN ('queued', 'dead') OR id IN (SELECT max(id) FROM deliveries \
         WHERE kyc_id = ?1 AND status = 'delivered' AND call = 'update' GROUP BY level)) ORDER BY id",
        select::<Delivery>()
    );
    Statement::new(sql, vec![profile.id.to_cell()])
}

/// The calls about a customer that wait.
pub fn waiting(key: &CustomerKey) -> Statement {
    let sql = format!(
        "{} WHERE brand = ?1 AND customer_id = ?2 ORDER BY delivery_id",
        select::<QueuedCall>()
    );
    Statement::new(sql, vec![key.brand.to_cell(), key.customer_id.to_cell()])
}

/// The calls with these ids.
pub fn deliveries_of(ids: &[DeliveryId]) -> Statement {
    let mut conditions = Conditions::default();
    conditions.within("id", ids);
    let (clause, params) = conditions.finish();
    Statement::new(format!("{}{clause} ORDER BY id", select::<Delivery>()), params)
}

/// A brand's tenant.
pub fn tenant(brand: &Brand) -> Statement {
    Statement::new(
        format!("{} WHERE brand = ?1", select::<Tenant>()),
        vec![brand.to_cell()],
    )
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
        "SELECT 1 FROM profiles WHERE brand = ?1 AND status <> 0 LIMIT 1",
        vec![brand.to_cell()],
    )
}

/// The entry that has taken an event id.
pub fn claimed_event(slug: &Slug, event_id: &str) -> Statement {
    let sql = format!(
        "{} WHERE slug = ?1 AND event_id = ?2 AND accepted = 1",
        select::<LevelEntry>()
    );
    Statement::new(sql, vec![slug.to_cell(), Cell::Text(event_id.to_owned())])
}

/// The brand of a webhook that was taken under a slug: by the index of their ids the first one.
pub fn webhook_brand(slug: &Slug) -> Statement {
    let sql = "SELECT brand FROM level_log WHERE slug = ?1 AND accepted = 1 AND event_id IS NOT NULL LIMIT 1";
    Statement::new(sql, vec![slug.to_cell()])
}

fn of_profile<T: Table>(profile: &Profile) -> Statement {
    Statement::new(
        format!("{} WHERE kyc_id = ?1 ORDER BY id", select::<T>()),
        vec![profile.id.to_cell()],
    )
}

/// A brand's settings.
pub fn settings(brand: &Brand) -> Statement {
    let sql = format!("{} WHERE brand = ?1", select::<kyc_core::brand::Settings>());
    Statement::new(sql, vec![brand.to_cell()])
}

/// The templates that a decision needs, by id; `None` when it needs none.
pub fn templates(brand: &Brand, need: &TemplateNeed) -> Option<Statement> {
    let mut conditions = Conditions::default();
    conditions.compare("brand", "=", Some(brand));
    match need {
        TemplateNeed::None => return None,
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
    Some(Statement::new(
        format!("{}{clause} ORDER BY id", select::<Template>()),
        params,
    ))
}

/// The reply kept for a key.
pub fn kept_reply(subject: &str, command: &str, key: &str) -> Statement {
    let sql = format!(
        "{} WHERE subject = ?1 AND command = ?2 AND key = ?3",
        select::<KeptReply>()
    );
    Statement::new(
        sql,
        [subject, command, key].map(|text| Cell::Text(text.to_owned())).to_vec(),
    )
}

/// Customers for whom something is due, the longest due first.
pub fn due(now: Time, limit: i64) -> Statement {
    let sql = "SELECT brand, customer_id FROM streams \
               WHERE due_time IS NOT NULL AND due_time <= ?1 AND customer_id > 0 ORDER BY due_time LIMIT ?2";
    Statement::new(sql, vec![now.to_cell(), Cell::Int(limit)])
}
