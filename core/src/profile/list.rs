//! `MngGetKycProfiles`: a page of profiles: the reviewers' queue, and every other selection.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::List;
use crate::id::{Brand, CustomerId};
use crate::limits::{EXTERNAL_ID_CHARS_MAX, LEVEL_MAX, OFFSET_ROWS_MAX, PAGE_ROWS_MAX};
use crate::profile::ProfileView;
use crate::query::{Filter, ListReply, ProfileFilter, ProfileKey, ProfileOrder, Query, Rows};
use crate::rejection::Rejection;
use crate::status::{Flag, ProfileStatus, RiskLevel};
use crate::time::Seconds;

/// Which profiles.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListProfiles {
    /// Of this brand.
    pub brand: Option<Brand>,
    /// In this status.
    pub status: Option<ProfileStatus>,
    /// At this risk.
    pub risk_level: Option<RiskLevel>,
    /// Having reached exactly this level.
    #[schemars(range(min = 0, max = LEVEL_MAX))]
    pub current_level: Option<i64>,
    /// Asked for exactly this level.
    #[schemars(range(min = 0, max = LEVEL_MAX))]
    pub required_level: Option<i64>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// Called this by the platform.
    #[schemars(length(min = 1, max = EXTERNAL_ID_CHARS_MAX))]
    pub external_id: Option<String>,
    /// 1: a step waits for a verdict, or a review is required; 0: neither.
    pub awaiting_review: Option<Flag>,
    /// Changed at or after this second.
    pub updated_from: Option<Seconds>,
    /// Changed at or before this second.
    pub updated_to: Option<Seconds>,
    /// `created_time` if absent.
    pub order: Option<Order>,
    /// At most so many rows; 100 if absent.
    #[schemars(range(min = 1, max = PAGE_ROWS_MAX))]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[schemars(length(max = 200))]
    pub cursor: Option<String>,
    /// Rows to pass over, in place of a cursor.
    #[schemars(range(min = 0, max = OFFSET_ROWS_MAX))]
    pub offset: Option<i64>,
}

/// By what, and in which direction.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the wire names say it")]
#[schemars(inline)]
pub enum Order {
    #[serde(rename = "created_time")]
    Created,
    #[serde(rename = "created_time desc")]
    CreatedDescending,
    #[serde(rename = "updated_time")]
    Updated,
    #[serde(rename = "updated_time desc")]
    UpdatedDescending,
    #[serde(rename = "oldest_submitted_time")]
    OldestSubmitted,
    #[serde(rename = "oldest_submitted_time desc")]
    OldestSubmittedDescending,
}

impl From<Order> for ProfileOrder {
    fn from(order: Order) -> Self {
        let (by, descending) = match order {
            Order::Created => (ProfileKey::Created, false),
            Order::CreatedDescending => (ProfileKey::Created, true),
            Order::Updated => (ProfileKey::Updated, false),
            Order::UpdatedDescending => (ProfileKey::Updated, true),
            Order::OldestSubmitted => (ProfileKey::OldestSubmitted, false),
            Order::OldestSubmittedDescending => (ProfileKey::OldestSubmitted, true),
        };
        Self { by, descending }
    }
}

impl List for ListProfiles {
    type Reply = ListReply<ProfileView>;

    fn query(&self, actor: &Actor) -> Result<Query, Rejection> {
        let filter = Filter::Profiles(ProfileFilter {
            brand: self.brand.clone(),
            status: self.status,
            risk_level: self.risk_level,
            current_level: self.current_level,
            required_level: self.required_level,
            customer_id: self.customer_id,
            external_id: self.external_id.clone(),
            awaiting_review: self.awaiting_review.map(|flag| flag == Flag::Yes),
            updated_from: self.updated_from.map(Into::into),
            updated_to: self.updated_to.map(Into::into),
            order: self.order.map(ProfileOrder::from).unwrap_or_default(),
        });
        let page = filter.page(self.limit, self.cursor.as_deref(), self.offset)?;
        Ok(Query {
            filter,
            scope: actor.scope.clone(),
            page,
        })
    }

    fn show(&self, rows: Rows, next_cursor: Option<String>) -> Self::Reply {
        let Rows::Profiles(rows) = rows else {
            return ListReply::new(&[], None);
        };
        ListReply::new(&rows, next_cursor)
    }
}
