//! `MngGetKycHistory`: a page of a customer's timeline, newest first.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::List;
use crate::history::HistoryView;
use crate::id::ProfileId;
use crate::limits::PAGE_ROWS_MAX;
use crate::query::{Filter, ListReply, Query, Rows};
use crate::rejection::Rejection;

/// Whose history.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetHistory {
    /// The profile.
    pub id: ProfileId,
    /// At most so many rows; 100 if absent.
    #[schemars(range(min = 1, max = PAGE_ROWS_MAX))]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[schemars(length(max = 200))]
    pub cursor: Option<String>,
}

impl List for GetHistory {
    type Reply = ListReply<HistoryView>;

    fn query(&self, actor: &Actor) -> Result<Query, Rejection> {
        let filter = Filter::History(self.id);
        let page = filter.page(self.limit, self.cursor.as_deref(), None)?;
        Ok(Query {
            filter,
            scope: actor.scope.clone(),
            page,
        })
    }

    fn show(&self, rows: Rows, next_cursor: Option<String>) -> Self::Reply {
        let Rows::History(rows) = rows else {
            return ListReply::new(&[], None);
        };
        ListReply::new(&rows, next_cursor)
    }
}
