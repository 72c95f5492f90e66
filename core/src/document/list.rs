//! `MngGetKycDocuments`: a page of documents.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::List;
use crate::document::DocumentView;
use crate::id::{Brand, CustomerId, ProfileId, StepId};
use crate::limits::PAGE_ROWS_MAX;
use crate::query::{DocumentFilter, Filter, ListReply, Query, Rows};
use crate::rejection::Rejection;
use crate::status::DocumentStatus;

/// Which documents.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListDocuments {
    /// Of this customer; goes with `brand`.
    pub customer_id: Option<CustomerId>,
    /// Of this brand.
    pub brand: Option<Brand>,
    /// Of this profile.
    pub kyc_id: Option<ProfileId>,
    /// For this step.
    pub step_id: Option<StepId>,
    /// In this status.
    pub status: Option<DocumentStatus>,
    /// At most so many rows; 100 if absent.
    #[schemars(range(min = 1, max = PAGE_ROWS_MAX))]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[schemars(length(max = 200))]
    pub cursor: Option<String>,
}

impl List for ListDocuments {
    type Reply = ListReply<DocumentView>;

    fn query(&self, actor: &Actor) -> Result<Query, Rejection> {
        if self.customer_id.is_some() && self.brand.is_none() {
            return Err(Rejection::invalid("brand", "required", "goes with `customer_id`"));
        }
        let filter = Filter::Documents(DocumentFilter {
            brand: self.brand.clone(),
            customer_id: self.customer_id,
            kyc_id: self.kyc_id,
            step_id: self.step_id,
            status: self.status,
        });
        let page = filter.page(self.limit, self.cursor.as_deref(), None)?;
        Ok(Query {
            filter,
            scope: actor.scope.clone(),
            page,
        })
    }

    fn show(&self, rows: Rows, next_cursor: Option<String>) -> Self::Reply {
        let Rows::Documents(rows) = rows else {
            return ListReply::new(&[], None);
        };
        ListReply::new(&rows, next_cursor)
    }
}
