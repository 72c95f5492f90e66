//! Examples of requests and replies, from a run of the server; tests check that each fits its schema.

use std::sync::LazyLock;

use serde_json::{Map, Value};

static EXAMPLES: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).unwrap_or(Value::Null));

/// A request's members and its reply.
#[derive(Debug, Default)]
pub(super) struct Example {
    pub(super) request: Map<String, Value>,
    pub(super) reply: Value,
}

/// The example of a command.
pub(super) fn of(command: &str) -> Example {
    let Some(example) = EXAMPLES.get(command) else {
        return Example::default();
    };
    Example {
        request: example
            .get("request")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default(),
        reply: example.get("reply").cloned().unwrap_or(Value::Null),
    }
}
