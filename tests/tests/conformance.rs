//! The stories of `tests/cases`, told to the application, over TCP and over REST: the answers are the same.

use std::collections::BTreeSet;

use kyc_core::table::table;
use kyc_tests::conformance::app::AppRunner;
use kyc_tests::conformance::story::stories;
use kyc_tests::conformance::wire::{RestRunner, TcpRunner, routes};
use kyc_tests::conformance::{Runner, check, matrix, play};

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
    assert_eq!(*runner.asker().routes(), routes(), "every route is asked");
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
            let is_everywhere = !entry.not_over.iter().any(|way| way == "rest");
            let reply = entry.reply.as_ref().filter(|_| is_everywhere);
            reply.is_some_and(|reply| matches!(reply.status, 200 | 206) == success)
        });
        of_kind.map(|entry| entry.command.as_str()).collect()
    };
    let (successes, refusals) = (told(true), told(false));
    let names = table()
        .iter()
        .map(|command| command.name)
        .chain(["upload", "download", "webhook"]);
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

#[test]
fn nobody_without_a_good_token_gets_anything() {
    matrix::nobody_without_a_good_token_gets_anything(&mut ways());
}

#[test]
fn each_session_gets_only_what_its_role_may() {
    matrix::each_session_gets_only_what_its_role_may(&mut ways());
}

#[test]
fn every_wrong_member_is_named_at_once_and_alike() {
    matrix::every_wrong_member_is_named_at_once_and_alike(&mut ways());
}
