//! The stories of `tests/cases`, told to the application, over TCP and over REST: the answers are the same.

use std::collections::BTreeSet;

use kyc_core::actor::Access;
use kyc_core::command::Command;
use kyc_core::table::table;
use kyc_tests::conformance::app::AppRunner;
use kyc_tests::conformance::story::stories;
use kyc_tests::conformance::wire::{RestRunner, TcpRunner};
use kyc_tests::conformance::{Reply, Request, Runner, check, play, token};
use serde_json::{Map, Value, json};

#[test]
fn the_application_answers_as_the_stories_say() {
    for story in stories() {
        let mut runner = AppRunner::default();
        let replies = play(&mut runner, &story);
        if accepts() {
            story.accept(&replies);
        } else {
            check(&runner, &story, &replies);
        }
    }
}

#[test]
fn tcp_answers_as_the_stories_say() {
    let mut runner = TcpRunner::default();
    for story in stories() {
        let replies = play(&mut runner, &story);
        check(&runner, &story, &replies);
    }
}

#[test]
fn rest_answers_as_the_stories_say() {
    let mut runner = RestRunner::default();
    for story in stories() {
        let replies = play(&mut runner, &story);
        check(&runner, &story, &replies);
    }
}

#[expect(clippy::disallowed_methods, reason = "a choice of whoever runs the test")]
fn accepts() -> bool {
    std::env::var("UPDATE_EXPECT").is_ok()
}

#[test]
fn every_story_has_a_brand_of_its_own() {
    let stories = stories();
    let brands: BTreeSet<_> = stories.iter().map(|story| story.brand.as_str()).collect();
    assert_eq!(brands.len(), stories.len());
}

#[test]
fn every_command_has_a_success_and_a_refusal_in_the_stories() {
    let stories = stories();
    let told = |success: bool| -> BTreeSet<&str> {
        let entries = stories.iter().flat_map(|story| &story.entries);
        let of_kind = entries.filter(|entry| {
            entry
                .reply
                .as_ref()
                .is_some_and(|reply| (reply.status == 200) == success)
        });
        of_kind.map(|entry| entry.command.as_str()).collect()
    };
    let (successes, refusals) = (told(true), told(false));
    let names = table().iter().map(|command| command.name).chain(["upload", "webhook"]);
    let without: Vec<_> = names
        .filter(|name| !successes.contains(name) || !refusals.contains(name))
        .collect();
    assert!(
        without.is_empty(),
        "give these a success and a refusal in tests/cases: {without:?}"
    );
}

/// A runner of each way, the application's first.
fn ways() -> [Box<dyn Runner>; 3] {
    [
        Box::new(AppRunner::default()),
        Box::new(TcpRunner::default()),
        Box::new(RestRunner::default()),
    ]
}

/// Asks for every command alike over all ways; gives the replies, which are the same.
fn everywhere(ways: &mut [Box<dyn Runner>; 3], who: &str, data: &Map<String, Value>) -> Vec<(&'static Command, Reply)> {
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
        let [first, second, third] = ways.each_mut().map(|runner| ask(runner, command));
        assert_eq!(first, second, "{command:?} over TCP");
        assert_eq!(first, third, "{command:?} over REST");
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

#[test]
fn nobody_without_a_good_token_gets_anything() {
    let mut ways = ways();
    let data = members(json!({ "id": 1, "brand": "acme", "slug": "acme" }));
    for who in ["none", "forged", "expired"] {
        for (command, reply) in everywhere(&mut ways, who, &data) {
            let error = reply.body["error"].as_str().unwrap();
            assert_eq!((reply.status, error), (401, "PERMISSION_DENIED"), "{who}: {command:?}");
        }
    }
}

#[test]
fn each_session_gets_only_what_its_role_may() {
    let mut ways = ways();
    let data = members(json!({ "id": 1, "brand": "acme", "slug": "acme", "nonsense": 1 }));
    for (who, session) in [("user", 0), ("fix", 5), ("customer", 9), ("manager", 1), ("admin", 3)] {
        for (command, reply) in everywhere(&mut ways, who, &data) {
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

#[test]
fn every_wrong_member_is_named_at_once_and_alike() {
    let wrong = members(json!({
        "id": 0, "brand": "no brand", "customer_id": 0, "level": 11, "limit": 0, "type": "", "file_id": "x",
        "status": "no status", "reason": "", "external_id": "", "risk_level": 9, "step_code": "", "real_account_level": -1,
        "slug": "no slug", "kyc_model": "no model", "kind": "no kind", "overlap_seconds": -1, "lookup_rate": 0,
    }));
    for (command, reply) in everywhere(&mut ways(), "admin", &wrong) {
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
