//! The stories of `tests/cases`, told over the Spin components: the answers are the same.

use kyc_spin_host::Reuse;
use kyc_spin_tests::runner::SpinRunner;
use kyc_tests::conformance::story::stories;
use kyc_tests::conformance::{check, play};

fn told(reuse: Reuse) {
    let mut runner = SpinRunner::new(reuse);
    for story in stories() {
        let replies = play(&mut runner, &story);
        check(&runner, &story, &replies);
    }
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
