//! `MngGetKycAudit`: a page of audit rows, newest first.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::actor::Actor;
use crate::audit::AuditView;
use crate::command::List;
use crate::id::{Brand, CustomerId, DocumentId, ProfileId, StepId};
use crate::limits::{PAGE_ROWS_MAX, REASON_CHARS_MAX, SUBJECT_CHARS_MAX};
use crate::query::{AuditFilter, Filter, ListReply, Query, Rows};
use crate::rejection::Rejection;
use crate::time::Seconds;

/// Which rows.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAudit {
    /// Of this brand.
    pub brand: Option<Brand>,
    /// Of customers with this number.
    pub customer_id: Option<CustomerId>,
    /// Of this profile.
    pub kyc_id: Option<ProfileId>,
    /// About this step.
    pub step_id: Option<StepId>,
    /// About this document.
    pub document_id: Option<DocumentId>,
    /// Of this kind, e.g. `step.approved`.
    #[schemars(length(min = 1, max = REASON_CHARS_MAX))]
    pub action: Option<String>,
    /// By this person.
    #[schemars(length(min = 1, max = SUBJECT_CHARS_MAX))]
    pub actor_id: Option<String>,
    /// At or after this second.
    pub from: Option<Seconds>,
    /// At or before this second.
    pub to: Option<Seconds>,
    /// At most so many rows; 100 if absent.
    #[schemars(range(min = 1, max = PAGE_ROWS_MAX))]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[schemars(length(max = 200))]
    pub cursor: Option<String>,
}

impl List for ListAudit {
    type Reply = ListReply<AuditView>;

    fn query(&self, actor: &Actor) -> Result<Query, Rejection> {
        let filter = Filter::Audit(AuditFilter {
            brand: self.brand.clone(),
            customer_id: self.customer_id,
            kyc_id: self.kyc_id,
            step_id: self.step_id,
            document_id: self.document_id,
            action: self.action.clone(),
            actor_id: self.actor_id.clone(),
            from: self.from.map(Into::into),
            to: self.to.map(Into::into),
        });
        let page = filter.page(self.limit, self.cursor.as_deref(), None)?;
        Ok(Query {
            filter,
            scope: actor.scope.clone(),
            page,
        })
    }

    fn show(&self, rows: Rows, next_cursor: Option<String>) -> Self::Reply {
        let Rows::Audit(rows) = rows else {
            return ListReply::new(&[], None);
        };
        ListReply::new(&rows, next_cursor)
    }
}
