//! The hashes are those of the domain page, however a row's data is kept.

use serde_json::json;

use super::*;
use crate::event::Note;
use crate::record::{Cell, Column};
use crate::status::KycStatus;

const SALT: Hash = Hash([7; 32]);

fn members(value: Value) -> Members {
    match value {
        Value::Object(members) => members.into_iter().map(|(name, value)| (name.into(), value)).collect(),
        other => panic!("{other} is an object"),
    }
}

fn stream() -> StreamKey {
    StreamKey {
        brand: "acme".parse().unwrap(),
        customer_id: Some(CustomerId(7)),
    }
}

fn event(before: Option<Value>, after: Option<Value>, body: Option<Value>) -> Event {
    Event {
        action: Action::StepApproved,
        subject: Subject::default(),
        actor_type: Session::Manager,
        actor_id: "ada".to_owned(),
        note: Note::comment(Some("matches the \"selfie\"".to_owned())),
        time: Time::from_seconds(1_800_000_000),
        before: before.map(members),
        after: after.map(members),
        body,
        history: None,
        log: Vec::new(),
    }
}

fn history() -> History {
    History {
        actor: Some("ada".to_owned()),
        also_effective: vec!["e-1".to_owned()],
        applied: true,
        data: Some(json!({ "step_id": 3 })),
        event: "kyc.approved".to_owned(),
        event_id: Some("e-2".to_owned()),
        from: KycStatus::Pending,
        level: 1,
        no_longer_effective: vec!["e-0".to_owned()],
        reason: None,
        source: "manager".to_owned(),
        to: KycStatus::Verified,
        ts: Time::from_seconds(1_800_000_000),
    }
}

fn sealed(event: &Event) -> AuditRow {
    AuditRow::seal(event, &stream(), AuditId(1), SALT, Hash::ZERO)
}

/// The row as it comes back from where it was stored.
fn stored(mut row: AuditRow) -> AuditRow {
    let cells: Vec<Cell> = AuditRow::CELLS.iter().map(|cell| cell(&mut row)).collect();
    AuditRow::from_cells(cells).unwrap()
}

#[test]
fn the_data_hash_is_that_of_the_canonical_object() {
    for (before, after, body) in [
        (None, None, None),
        (Some(json!({ "status": 1 })), Some(json!({ "status": 2 })), None),
        // Neither as it comes: a double that is whole, a number beyond 2^53, a name beyond ASCII.
        (
            Some(json!({ "share": 1.0 })),
            Some(json!({ "number": 9_007_199_254_740_993_i64 })),
            Some(json!({ "straße": ["é", null] })),
        ),
    ] {
        let row = sealed(&event(before.clone(), after.clone(), body.clone()));
        let data = json!({ "before": before, "after": after, "comment": row.comment, "body": body });
        let expected = Sha256::new()
            .chain_update(SALT.0)
            .chain_update(canonical(&data))
            .finalize();
        assert_eq!(row.data_hash.0, expected[..], "{data}");
        let stored = stored(row.clone());
        assert_eq!(stored.hash_data(&SALT), row.data_hash, "{data}");
        assert_eq!(stored.hash_chain(), row.hash, "{data}");
        assert_eq!(stored, row);
    }
}

/// What rows that are stored already were sealed with: computed from the domain page's rule by another program.
#[test]
fn the_hashes_of_a_row_never_change() {
    let row = sealed(&event(Some(json!({ "status": 1 })), Some(json!({ "status": 2 })), None));
    assert_eq!(
        String::from(row.data_hash),
        "b54812f4fd5f796c0aae8f927e8af1edd81ba4d7527e69b090b368e3f93cc1ec"
    );
    assert_eq!(
        String::from(row.hash),
        "496f9a7801754bdc0124bc67df083ff52e99323cee52dd39df9ce07ee7e65829"
    );
}

#[test]
fn what_else_an_event_made_stands_among_its_members() {
    let history = history();
    let named = json!({ "applied_by": 1, "kind": 2, "name": 3 });
    for after in [None, Some(json!({})), Some(named)] {
        let event = Event {
            history: Some(history.clone()),
            ..event(None, after.clone(), None)
        };
        let text = sealed(&event).after.unwrap();
        let mut expected = after.map(members).unwrap_or_default();
        expected.insert(HISTORY_MEMBER.into(), json_of(&history));
        assert_eq!(
            text.to_cell(),
            Cell::Text(Value::from_iter(expected).to_string().into()),
            "in order, each once"
        );
    }
}
