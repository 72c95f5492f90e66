//! Notices: what subscribers hear after a commit. No answers, names or files.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::customer::CustomerState;
use crate::event::{Action, Event};
use crate::id::Brand;

/// One `kyc:event`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Notice {
    /// The brand, for the channel.
    pub brand: Brand,
    /// 0 added, 1 updated, 2 deleted.
    pub kind: i64,
    /// The event's `data`.
    pub data: Value,
}

/// The notices of a commit, in order.
pub fn notices(state: &CustomerState, events: &[Event]) -> Vec<Notice> {
    events
        .iter()
        .filter(|event| event.action != Action::DocumentViewed)
        .map(|event| Notice {
            brand: state.key.brand.clone(),
            kind: kind(event.action),
            data: data(state, event),
        })
        .collect()
}

const fn kind(action: Action) -> i64 {
    match action {
        Action::ProfileCreated | Action::StepRequired | Action::DocumentAdded => 0,
        Action::DocumentDeleted => 2,
        _ => 1,
    }
}

fn data(state: &CustomerState, event: &Event) -> Value {
    let profile = state.profile.as_ref();
    let mut data = Map::from_iter([
        ("brand".to_owned(), json!(state.key.brand)),
        ("customer_id".to_owned(), json!(state.key.customer_id)),
        ("kyc_id".to_owned(), json!(profile.map(|profile| profile.id))),
        ("action".to_owned(), json!(event.action.name())),
        ("status".to_owned(), json!(profile.map(|profile| profile.status))),
        (
            "current_level".to_owned(),
            json!(profile.map(|profile| profile.current_level)),
        ),
        (
            "required_level".to_owned(),
            json!(profile.map(|profile| profile.required_level)),
        ),
        ("time".to_owned(), json!(event.time.seconds())),
    ]);
    if let Some(id) = event.subject.step_id {
        data.insert("step_id".to_owned(), json!(id));
    }
    if let Some(id) = event.subject.document_id {
        data.insert("document_id".to_owned(), json!(id));
    }
    Value::Object(data)
}
