//! Evolve: laying audit rows over a state, one by one. From nothing it gives exactly the stored rows; stopped early
//! it gives the state as of then.

use serde_json::{Map, Value};

use crate::audit::AuditRow;
use crate::brand::{BrandState, Settings};
use crate::customer::CustomerState;
use crate::event::{ALSO_MEMBER, HISTORY_MEMBER, History, LOG_MEMBER};
use crate::history::HistoryRow;
use crate::id::{DeliveryId, DocumentId, StepId};
use crate::json::JsonText;
use crate::record::{Record, patched};

/// A row that cannot be replayed: its data is erased, or it is not a row of this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("audit row {id} ({action}) cannot be replayed")]
pub struct NotReplayable {
    /// The row.
    pub id: i64,
    /// Its action.
    pub action: String,
}

/// Lays one row over a customer's state; gives the history entry that the row wrote, if it did.
pub fn evolve(state: &mut CustomerState, row: &AuditRow) -> Result<Option<HistoryRow>, NotReplayable> {
    let refuse = || NotReplayable {
        id: row.id.0,
        action: row.action.clone(),
    };
    let after = after_of(row);
    let action = row.known_action().ok_or_else(refuse)?;
    match action.thing() {
        "profile" | "level" | "reconcile" => {
            state.profile = Some(patched(state.profile.as_ref(), &after).ok_or_else(refuse)?);
        }
        "step" => {
            let id = row.step_id.ok_or_else(refuse)?;
            lay_over(&mut state.steps, |step| step.id == id, &after).ok_or_else(refuse)?;
        }
        "document" if row.after.is_some() => {
            let id = row.document_id.ok_or_else(refuse)?;
            lay_over(&mut state.documents, |document| document.id == id, &after).ok_or_else(refuse)?;
        }
        "outbound" => {
            let id = after
                .get("id")
                .and_then(Value::as_i64)
                .map(DeliveryId)
                .ok_or_else(refuse)?;
            lay_over(&mut state.deliveries, |delivery| delivery.id == id, &after).ok_or_else(refuse)?;
        }
        _ => {}
    }
    for entry in after.get(LOG_MEMBER).and_then(Value::as_array).into_iter().flatten() {
        let entry = serde_json::from_value(entry.clone()).map_err(|_| refuse())?;
        state.log.push(entry);
    }
    for entry in after.get(ALSO_MEMBER).and_then(Value::as_array).into_iter().flatten() {
        also_changed(state, entry).ok_or_else(refuse)?;
    }
    state.head.hash = row.hash;
    state.head.committed_time = row.created_time;
    let history = after
        .get(HISTORY_MEMBER)
        .map(|entry| serde_json::from_value::<History>(entry.clone()));
    let entry = history.transpose().map_err(|_| refuse())?;
    entry
        .map(|entry| HistoryRow::new(row, entry).ok_or_else(refuse))
        .transpose()
}

/// The members that a row carries; none where it has no data.
fn after_of(row: &AuditRow) -> Map<String, Value> {
    match row.after.as_ref().map(JsonText::value) {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// What a row changed beside its subject.
fn also_changed(state: &mut CustomerState, entry: &Value) -> Option<()> {
    let members = entry.as_object()?;
    if let Some(id) = members.get("document_id").and_then(Value::as_i64).map(DocumentId) {
        lay_over(&mut state.documents, |document| document.id == id, members)
    } else {
        let id = members.get("step_id").and_then(Value::as_i64).map(StepId)?;
        lay_over(&mut state.steps, |step| step.id == id, members)
    }
}

/// Changes the record that fits, or makes it.
fn lay_over<R: Record>(records: &mut Vec<R>, is_it: impl Fn(&R) -> bool, after: &Map<String, Value>) -> Option<()> {
    match records.iter_mut().find(|record| is_it(record)) {
        Some(record) => *record = patched(Some(&*record), after)?,
        None => records.push(patched(None, after)?),
    }
    Some(())
}

/// Lays one row over a brand's configuration.
pub fn evolve_brand(state: &mut BrandState, row: &AuditRow) -> Result<(), NotReplayable> {
    let refuse = || NotReplayable {
        id: row.id.0,
        action: row.action.clone(),
    };
    let after = after_of(row);
    match row.known_action().ok_or_else(refuse)?.thing() {
        "template" => {
            let id = row.template_id.ok_or_else(refuse)?;
            lay_over(&mut state.templates, |template| template.id == id, &after).ok_or_else(refuse)?;
        }
        "brand" => {
            let settings: Settings = patched(Some(&state.settings), &after).ok_or_else(refuse)?;
            state.settings = settings;
        }
        "tenant" if after.is_empty() => state.tenant = None,
        "tenant" => state.tenant = Some(patched(state.tenant.as_ref(), &after).ok_or_else(refuse)?),
        _ => return Err(refuse()),
    }
    state.head.hash = row.hash;
    state.head.committed_time = row.created_time;
    Ok(())
}
