//! `MngGetTenants`: the tenants, in the order they were added.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::List;
use crate::id::{Brand, Slug};
use crate::limits::PAGE_ROWS_MAX;
use crate::query::{Filter, ListReply, Query, Rows, TenantFilter};
use crate::rejection::Rejection;
use crate::status::KycModel;
use crate::tenant::TenantView;

/// Which tenants.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTenants {
    /// With this slug.
    pub slug: Option<Slug>,
    /// Of this brand.
    pub brand: Option<Brand>,
    /// With this model.
    pub kyc_model: Option<KycModel>,
    /// At most so many rows; 100 if absent.
    #[schemars(range(min = 1, max = PAGE_ROWS_MAX))]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[schemars(length(max = 200))]
    pub cursor: Option<String>,
}

impl List for ListTenants {
    type Reply = ListReply<TenantView>;

    fn query(&self, actor: &Actor) -> Result<Query, Rejection> {
        let filter = Filter::Tenants(TenantFilter {
            slug: self.slug.clone(),
            brand: self.brand.clone(),
            kyc_model: self.kyc_model,
        });
        let page = filter.page(self.limit, self.cursor.as_deref(), None)?;
        Ok(Query {
            filter,
            scope: actor.scope.clone(),
            page,
        })
    }

    fn show(&self, rows: Rows, next_cursor: Option<String>) -> ListReply<TenantView> {
        let Rows::Tenants(rows) = rows else {
            return ListReply::new(&[], None);
        };
        ListReply::new(&rows, next_cursor)
    }
}
