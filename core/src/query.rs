//! Lists: filters, orders, pages and cursors, as values that every store answers alike.

mod cursor;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::BrandScope;
use crate::audit::AuditRow;
use crate::document::Document;
use crate::history::HistoryRow;
use crate::id::{Brand, CustomerId, DocumentId, ProfileId, Slug, StepId};
use crate::outbound::Delivery;
use crate::profile::Profile;
use crate::status::{DeliveryStatus, DocumentStatus, KycModel, ProfileStatus, RiskLevel, TemplateStatus};
use crate::template::Template;
use crate::tenant::Tenant;
use crate::time::Time;

pub use cursor::Page;

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Which rows.
    pub filter: Filter,
    /// The brands that exist for the caller.
    pub scope: BrandScope,
    /// Which part of them.
    pub page: Page,
}

/// The reply of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ListReply<T> {
    /// The page's rows.
    pub rows: Vec<T>,
    /// How many rows this page has.
    pub count: i64,
    /// Give it as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl<T> ListReply<T> {
    /// A page.
    pub fn new<'a, R: 'a>(rows: &'a [R], next_cursor: Option<String>) -> Self
    where
        T: From<&'a R>,
    {
        let rows: Vec<T> = rows.iter().map(T::from).collect();
        Self {
            count: i64::try_from(rows.len()).unwrap_or(i64::MAX),
            rows,
            next_cursor,
        }
    }
}

/// Which rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Step templates, by id.
    Templates(TemplateFilter),
    /// Profiles, by the chosen order.
    Profiles(ProfileFilter),
    /// Documents, by id.
    Documents(DocumentFilter),
    /// Audit rows, newest first.
    Audit(AuditFilter),
    /// One customer's history, newest first.
    History(ProfileId),
    /// Tenants, in the order they were added.
    Tenants(TenantFilter),
    /// Calls out, newest first.
    Deliveries(DeliveryFilter),
}

/// Which templates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TemplateFilter {
    /// Of this brand.
    pub brand: Option<Brand>,
    /// In one of these statuses.
    pub statuses: Vec<TemplateStatus>,
    /// At this level.
    pub level: Option<i64>,
}

/// Which profiles.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the members of the command, by their names")]
pub struct ProfileFilter {
    pub brand: Option<Brand>,
    pub status: Option<ProfileStatus>,
    pub risk_level: Option<RiskLevel>,
    pub current_level: Option<i64>,
    pub required_level: Option<i64>,
    pub customer_id: Option<CustomerId>,
    pub external_id: Option<String>,
    pub awaiting_review: Option<bool>,
    pub updated_from: Option<Time>,
    pub updated_to: Option<Time>,
    pub order: ProfileOrder,
}

/// By what profiles are ordered; ties by id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProfileOrder {
    /// The key.
    pub by: ProfileKey,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// What profiles can be ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProfileKey {
    /// When it was made.
    #[default]
    Created,
    /// When it last changed.
    Updated,
    /// How long a step has waited for a verdict; profiles that wait for none come last.
    OldestSubmitted,
}

impl ProfileOrder {
    /// The order's key of a profile.
    pub fn key(self, profile: &Profile) -> i64 {
        match self.by {
            ProfileKey::Created => profile.created_time.0,
            ProfileKey::Updated => profile.updated_time.0,
            ProfileKey::OldestSubmitted => profile.oldest_submitted_time.map_or(self.missing_key(), |time| time.0),
        }
    }

    /// The key of a profile that has none: last in either direction.
    pub const fn missing_key(self) -> i64 {
        if self.descending { -1 } else { i64::MAX }
    }
}

/// Which documents.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the members of the command, by their names")]
pub struct DocumentFilter {
    pub brand: Option<Brand>,
    pub customer_id: Option<CustomerId>,
    pub kyc_id: Option<ProfileId>,
    pub step_id: Option<StepId>,
    pub status: Option<DocumentStatus>,
}

/// Which audit rows.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the members of the command, by their names")]
pub struct AuditFilter {
    pub brand: Option<Brand>,
    pub customer_id: Option<CustomerId>,
    pub kyc_id: Option<ProfileId>,
    pub step_id: Option<StepId>,
    pub document_id: Option<DocumentId>,
    pub action: Option<String>,
    pub actor_id: Option<String>,
    pub from: Option<Time>,
    pub to: Option<Time>,
}

/// Which tenants.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the members of the command, by their names")]
pub struct TenantFilter {
    pub slug: Option<Slug>,
    pub brand: Option<Brand>,
    pub kyc_model: Option<KycModel>,
}

/// Which calls out.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the members of the command, by their names")]
pub struct DeliveryFilter {
    pub brand: Option<Brand>,
    pub customer_id: Option<CustomerId>,
    pub status: Option<DeliveryStatus>,
}

/// The rows of a page.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "one for each filter")]
pub enum Rows {
    Templates(Vec<Template>),
    Profiles(Vec<Profile>),
    Documents(Vec<Document>),
    Audit(Vec<AuditRow>),
    History(Vec<HistoryRow>),
    Tenants(Vec<Tenant>),
    Deliveries(Vec<Delivery>),
}

/// Whether a filter member lets a value through.
fn fits<T: PartialEq>(wanted: Option<&T>, value: &T) -> bool {
    wanted.is_none_or(|wanted| wanted == value)
}

impl TemplateFilter {
    /// Whether the template is one of these.
    pub fn fits(&self, template: &Template) -> bool {
        fits(self.brand.as_ref(), &template.brand)
            && self.statuses.contains(&template.status)
            && fits(self.level.as_ref(), &template.level)
    }
}

impl ProfileFilter {
    /// Whether the profile is one of these.
    pub fn fits(&self, profile: &Profile) -> bool {
        let awaits = profile.pending_steps > 0 || profile.status == ProfileStatus::ReviewRequired;
        fits(self.brand.as_ref(), &profile.brand)
            && fits(self.status.as_ref(), &profile.status)
            && fits(self.risk_level.as_ref(), &profile.risk_level)
            && fits(self.current_level.as_ref(), &profile.current_level)
            && fits(self.required_level.as_ref(), &profile.required_level)
            && fits(self.customer_id.as_ref(), &profile.customer_id)
            && self
                .external_id
                .as_ref()
                .is_none_or(|wanted| profile.external_id.as_ref() == Some(wanted))
            && fits(self.awaiting_review.as_ref(), &awaits)
            && self.updated_from.is_none_or(|from| profile.updated_time >= from)
            && self
                .updated_to
                .is_none_or(|to| profile.updated_time.seconds() <= to.seconds())
    }
}

impl DocumentFilter {
    /// Whether the document is one of these.
    pub fn fits(&self, document: &Document) -> bool {
        fits(self.brand.as_ref(), &document.brand)
            && fits(self.customer_id.as_ref(), &document.customer_id)
            && fits(self.kyc_id.as_ref(), &document.kyc_id)
            && self.step_id.is_none_or(|wanted| document.step_id == Some(wanted))
            && fits(self.status.as_ref(), &document.status)
    }
}

impl TenantFilter {
    /// Whether the tenant is one of these.
    pub fn fits(&self, tenant: &Tenant) -> bool {
        fits(self.slug.as_ref(), &tenant.slug)
            && fits(self.brand.as_ref(), &tenant.brand)
            && fits(self.kyc_model.as_ref(), &tenant.kyc_model)
    }
}

impl DeliveryFilter {
    /// Whether the call is one of these.
    pub fn fits(&self, delivery: &Delivery) -> bool {
        fits(self.brand.as_ref(), &delivery.brand)
            && fits(self.customer_id.as_ref(), &delivery.customer_id)
            && fits(self.status.as_ref(), &delivery.status)
    }
}

impl AuditFilter {
    /// Whether the row is one of these.
    pub fn fits(&self, row: &AuditRow) -> bool {
        fits(self.brand.as_ref(), &row.brand)
            && self.customer_id.is_none_or(|wanted| row.customer_id == Some(wanted))
            && self.kyc_id.is_none_or(|wanted| row.kyc_id == Some(wanted))
            && self.step_id.is_none_or(|wanted| row.step_id == Some(wanted))
            && self.document_id.is_none_or(|wanted| row.document_id == Some(wanted))
            && fits(self.action.as_ref(), &row.action)
            && fits(self.actor_id.as_ref(), &row.actor_id)
            && self.from.is_none_or(|from| row.created_time >= from)
            && self.to.is_none_or(|to| row.created_time.seconds() <= to.seconds())
    }
}
