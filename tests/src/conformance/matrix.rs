//! Every command asked for in the same wrong ways: whoever may not, and whatever cannot be meant, is refused alike over
//! all ways.

use std::collections::BTreeSet;

use kyc_core::actor::Access;
use kyc_core::command::Command;
use kyc_core::table::table;
use serde_json::{Map, Value, json};

use super::{Reply, Request, Runner, token};

/// Asks for every command alike over all ways; gives the replies, which are the same.
fn everywhere(ways: &mut [Box<dyn Runner>], who: &str, data: &Map<String, Value>) -> Vec<(&'static Command, Reply)> {
    let ask = |runner: &mut Box<dyn Runner>, command| {
        let request = Request {
            command,
            data: data.clone(),
            token: token(runner.as_ref(), who, "acme"),
            key: None,
        };
        runner.call(&request).expect("any way can carry it")
    };
    let of_command = |command: &'static Command| {
        let mut replies = ways.iter_mut().map(|runner| (runner.name(), ask(runner, command)));
        let (_, first) = replies.next().expect("a way");
        for (name, other) in replies {
            assert_eq!(first, other, "{command:?} over {name}");
        }
        (command, first)
    };
    table().iter().map(of_command).collect()
}

fn members(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else {
        panic!("an object")
    };
    members
}

/// No token, one that nobody signed, one that has expired.
pub fn nobody_without_a_good_token_gets_anything(ways: &mut [Box<dyn Runner>]) {
    let data = members(json!({ "id": 1, "brand": "acme", "slug": "acme" }));
    for who in ["none", "forged", "expired"] {
        for (command, reply) in everywhere(ways, who, &data) {
            let error = reply.body["error"].as_str().unwrap();
            assert_eq!((reply.status, error), (401, "PERMISSION_DENIED"), "{who}: {command:?}");
        }
    }
}

/// Every command as every role.
pub fn each_session_gets_only_what_its_role_may(ways: &mut [Box<dyn Runner>]) {
    let data = members(json!({ "id": 1, "brand": "acme", "slug": "acme", "nonsense": 1 }));
    for (who, session) in [("user", 0), ("fix", 5), ("customer", 9), ("manager", 1), ("admin", 3)] {
        for (command, reply) in everywhere(ways, who, &data) {
            let may = command.access.sessions().iter().any(|other| other.number() == session);
            // Whoever may is told what is wrong with the request instead.
            let expected = if may {
                (400, "INVALID_DATA")
            } else {
                (403, "PERMISSION_DENIED")
            };
            let error = reply.body["error"].as_str().unwrap();
            assert_eq!((reply.status, error), expected, "{who}: {command:?}");
        }
    }
}

/// Every command with all members wrong.
pub fn every_wrong_member_is_named_at_once_and_alike(ways: &mut [Box<dyn Runner>]) {
    let wrong = members(json!({
        "id": 0, "brand": "no brand", "customer_id": 0, "level": 11, "limit": 0, "type": "", "file_id": "x",
        "status": "no status", "reason": "", "external_id": "", "risk_level": 9, "step_code": "", "real_account_level": -1,
        "slug": "no slug", "kyc_model": "no model", "kind": "no kind", "overlap_seconds": -1, "lookup_rate": 0,
    }));
    for (command, reply) in everywhere(ways, "admin", &wrong) {
        if command.access == Access::Customer {
            continue;
        }
        let details = reply.body["details"].as_array().unwrap();
        let named: BTreeSet<_> = details
            .iter()
            .map(|problem| problem["field"].as_str().unwrap())
            .collect();
        for name in wrong.keys() {
            let schema = &command.params.schema()["properties"][name];
            // An empty reason is wrong only where a reason must be given.
            let is_free = name == "reason" && schema.is_object() && schema.get("minLength").is_none();
            assert_eq!(
                named.contains(name.as_str()),
                !is_free,
                "{command:?} {name}: {}",
                reply.body
            );
        }
    }
}
