//! The stories of `tests/cases`, told over the Spin components: the answers are the same.

use kyc_spin_host::Reuse;
use kyc_spin_tests::runner::SpinRunner;
use kyc_tests::conformance::play;
use kyc_tests::conformance::story::stories;

fn told(reuse: Reuse) {
    let mut runner = SpinRunner::new(reuse);
    let mut wrong = Vec::new();
    for story in stories() {
        let replies = play(&mut runner, &story);
        for (number, (entry, reply)) in story.entries.iter().zip(&replies).enumerate() {
            let is_excused = reply.is_none() && entry.not_over.iter().any(|way| way == "rest");
            if !is_excused && *reply != entry.reply {
                let show = |reply: &Option<kyc_tests::conformance::Reply>| {
                    reply
                        .as_ref()
                        .map(|reply| format!("{} {}", reply.status, reply.body))
                        .unwrap_or_default()
                };
                let at = format!("{} {}: {} as {}", story.name(), number + 1, entry.command, entry.who);
                wrong.push(format!(
                    "{at}\n  expected {}\n  got      {}",
                    show(&entry.reply),
                    show(reply)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
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
