//! `MngGetKycDeliveries`: calls out, newest first.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::List;
use crate::id::{Brand, CustomerId};
use crate::limits::PAGE_ROWS_MAX;
use crate::outbound::DeliveryView;
use crate::query::{DeliveryFilter, Filter, ListReply, Query, Rows};
use crate::rejection::Rejection;
use crate::status::DeliveryStatus;

/// Which calls.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListDeliveries {
    /// Of this brand's customers.
    pub brand: Option<Brand>,
    /// With this status.
    pub status: Option<DeliveryStatus>,
    /// About this customer.
    pub customer_id: Option<CustomerId>,
    /// At most so many rows; 100 if absent.
    #[schemars(range(min = 1, max = PAGE_ROWS_MAX))]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[schemars(length(max = 200))]
    pub cursor: Option<String>,
}

impl List for ListDeliveries {
    type Reply = ListReply<DeliveryView>;

    fn query(&self, actor: &Actor) -> Result<Query, Rejection> {
        let filter = Filter::Deliveries(DeliveryFilter {
            brand: self.brand.clone(),
            customer_id: self.customer_id,
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
        let Rows::Deliveries(rows) = rows else {
            return ListReply::new(&[], None);
        };
        ListReply::new(&rows, next_cursor)
    }
}
