//! The stories of `tests/cases`, and every command asked for in wrong ways, over the Spin components: the answers are
//! the same.

use kyc_spin_host::Reuse;
use kyc_spin_tests::runner::SpinRunner;
use kyc_tests::conformance::app::AppRunner;
use kyc_tests::conformance::story::stories;
use kyc_tests::conformance::wire::routes;
use kyc_tests::conformance::{Runner, check, matrix, play};

fn told(reuse: Reuse) {
    let mut runner = SpinRunner::new(reuse);
    for story in stories() {
        let replies = play(&mut runner, &story);
        check(&runner, &story, &replies);
    }
    assert_eq!(*runner.asker().routes(), routes(), "every route is asked");
    runner.spin().counters();
}

#[test]
fn a_fresh_instance_for_each_request_answers_as_the_stories_say() {
    told(Reuse::PerRequest);
}

#[test]
fn reused_instances_answer_as_the_stories_say() {
    told(Reuse::SPIN);
}

/// The application itself, and the components in both modes.
fn ways() -> [Box<dyn Runner>; 3] {
    [
        Box::new(AppRunner::default()),
        Box::new(SpinRunner::new(Reuse::PerRequest)),
        Box::new(SpinRunner::new(Reuse::SPIN)),
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
