//! `MngGetKycStepTemplates`: a page of step templates.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::command::List;
use crate::id::Brand;
use crate::limits::{LEVEL_MAX, PAGE_ROWS_MAX};
use crate::query::{Filter, ListReply, Query, Rows, TemplateFilter};
use crate::rejection::Rejection;
use crate::status::TemplateStatus;
use crate::template::TemplateView;

/// Which templates.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTemplates {
    /// Of this brand.
    pub brand: Option<Brand>,
    /// 0 active, 1 disabled, 2 archived, -1 any; those not archived if absent.
    #[schemars(range(min = -1, max = 2))]
    pub status: Option<i64>,
    /// At this level.
    #[schemars(range(min = 0, max = LEVEL_MAX))]
    pub level: Option<i64>,
    /// At most so many rows; 100 if absent.
    #[schemars(range(min = 1, max = PAGE_ROWS_MAX))]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[schemars(length(max = 200))]
    pub cursor: Option<String>,
}

impl List for ListTemplates {
    type Reply = ListReply<TemplateView>;

    fn query(&self, actor: &Actor) -> Result<Query, Rejection> {
        let statuses = match self.status {
            None => vec![TemplateStatus::Active, TemplateStatus::Disabled],
            Some(-1) => vec![
                TemplateStatus::Active,
                TemplateStatus::Disabled,
                TemplateStatus::Archived,
            ],
            Some(number) => TemplateStatus::try_from(number).into_iter().collect(),
        };
        let filter = Filter::Templates(TemplateFilter {
            brand: self.brand.clone(),
            statuses,
            level: self.level,
        });
        let page = filter.page(self.limit, self.cursor.as_deref(), None)?;
        Ok(Query {
            filter,
            scope: actor.scope.clone(),
            page,
        })
    }

    fn show(&self, rows: Rows, next_cursor: Option<String>) -> Self::Reply {
        let Rows::Templates(rows) = rows else {
            return ListReply::new(&[], None);
        };
        ListReply::new(&rows, next_cursor)
    }
}
