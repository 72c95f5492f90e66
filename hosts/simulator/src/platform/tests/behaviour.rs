//! Every behaviour over a real socket, and the mix of failures that a seed gives.

use kyc_core::limits::OUTBOUND_ANSWER_BYTES_MAX;

use super::*;
use crate::client::SendError;
use crate::platform::behaviour::Mood;

#[tokio::test]
async fn what_was_not_taken_may_come_again() {
    let platform = platform(Behaviour::Status(503, Some("7".to_owned()))).await;
    let call = Outgoing::update(&platform.base_url(), 1, "p-1", "verified", 1);
    let down = call.send().await.unwrap();
    assert_eq!((down.status, down.retry_after.as_deref()), (503, Some("7")));
    platform.behave(Behaviour::Refuse {
        code: "CLOSED".to_owned(),
        message: "account closed".to_owned(),
    });
    let refused = call.send().await.unwrap();
    let expected = json!({ "ok": false, "code": "CLOSED", "message": "account closed" });
    assert_eq!((refused.status, refused.body), (200, expected));
    assert_eq!(platform.players(), BTreeMap::new());

    platform.behave(Behaviour::Prompt);
    assert_eq!(call.send().await.unwrap().body, ok());
    let calls = platform.received();
    let (last, before) = calls.split_last().unwrap();
    assert!(before.iter().all(|call| call.first_time && !call.applied));
    assert!(last.first_time && last.applied);
}

#[tokio::test]
async fn a_dropped_call_was_taken_and_its_repetition_is_answered() {
    let platform = platform(Behaviour::Drop).await;
    let call = Outgoing::update(&platform.base_url(), 1, "p-1", "verified", 1);
    assert!(matches!(call.send().await, Err(SendError::Unreachable(_))));
    assert_eq!(platform.players()["p-1"], player(PlayerStatus::Verified, 1));
    platform.behave(Behaviour::Prompt);
    platform.set_player("p-1", PlayerStatus::Rejected, 0);
    assert_eq!(call.send().await.unwrap().body, ok());
    assert_eq!(platform.players()["p-1"], player(PlayerStatus::Rejected, 0));
    let calls = platform.received();
    assert_eq!((calls[0].answered, calls[1].answered), (UNANSWERED, 200));
    assert!(calls[0].first_time && !calls[1].first_time);
}

// The runtime's time is paused: it jumps to the next timer as soon as nothing else can happen.
#[tokio::test(start_paused = true)]
async fn a_hanging_call_is_recorded_and_never_answered() {
    let platform = platform(Behaviour::Hang).await;
    let call = Outgoing::update(&platform.base_url(), 1, "p-1", "verified", 1);
    let timed_out = SendError::Unreachable("no answer within 10 s".to_owned());
    assert_eq!(call.send().await, Err(timed_out));
    assert_eq!(platform.received()[0].answered, UNANSWERED);
    assert_eq!(platform.players(), BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn a_mute_platform_takes_the_call_that_it_never_answers() {
    let platform = platform(Behaviour::Mute).await;
    let call = Outgoing::update(&platform.base_url(), 1, "p-1", "verified", 1);
    assert!(matches!(call.send().await, Err(SendError::Unreachable(_))));
    assert_eq!(platform.players()["p-1"], player(PlayerStatus::Verified, 1));
    platform.behave(Behaviour::Prompt);
    assert_eq!(call.send().await.unwrap().body, ok());
    assert!(!platform.received()[1].first_time);
}

#[tokio::test]
async fn stopping_ends_calls_that_hang() {
    let platform = platform(Behaviour::Hang).await;
    let call = Outgoing::lookup(&platform.base_url(), "p-1");
    let hanging = tokio::spawn(async move { call.send().await });
    platform.wait_for(1, PATIENCE).await.unwrap();
    let address = platform.address();
    platform.stop().await;
    assert!(matches!(hanging.await.unwrap(), Err(SendError::Unreachable(_))));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn bad_answers_are_bad_but_the_call_was_taken() {
    let platform = platform(Behaviour::Garbage).await;
    let base = platform.base_url();
    let garbage = Outgoing::update(&base, 1, "p-1", "verified", 1).send().await.unwrap();
    assert_eq!(garbage.status, 200);
    assert!(garbage.body.as_str().unwrap().starts_with("<html>"));

    platform.behave(Behaviour::TooLong);
    for call in [
        Outgoing::initiate(&base, 2, "p-2", 1),
        Outgoing::update(&base, 3, "p-3", "verified", 1),
        Outgoing::lookup(&base, "p-3"),
        Outgoing::lookup(&base, "p-4"),
    ] {
        let long = call.send().await.unwrap();
        assert_eq!(long.body.to_string().len(), OUTBOUND_ANSWER_BYTES_MAX + 1);
    }

    platform.behave(Behaviour::Status(204, None));
    let empty = Outgoing::update(&base, 4, "p-4", "verified", 1).send().await.unwrap();
    assert_eq!((empty.status, empty.body), (204, Value::Null));
    assert_eq!(platform.players().len(), 4);
}

#[tokio::test]
async fn a_player_can_be_treated_in_a_way_of_their_own() {
    let platform = platform(Behaviour::Prompt).await;
    let date = "Mon, 02 Feb 2026 03:00:00 GMT";
    platform.behave_for("p-2", Some(Behaviour::Status(429, Some(date.to_owned()))));
    let base = platform.base_url();
    let update = |number, player| Outgoing::update(&base, number, player, "verified", 1);
    assert_eq!(update(1, "p-1").send().await.unwrap().status, 200);
    let limited = update(2, "p-2").send().await.unwrap();
    assert_eq!((limited.status, limited.retry_after.as_deref()), (429, Some(date)));
    platform.behave_for("p-2", None);
    assert_eq!(update(2, "p-2").send().await.unwrap().status, 200);
}

fn mix(seed: u64, failure_percent: u8) -> Vec<Behaviour> {
    let mut mood = Mood::new(Behaviour::Outages { seed, failure_percent });
    (0..1_000).map(|_| mood.next()).collect()
}

#[test]
fn outages_follow_from_the_seed() {
    assert_eq!(mix(7, 30), mix(7, 30));
    assert_ne!(mix(7, 30), mix(8, 30));
    let failures = |percent| mix(7, percent).iter().filter(|one| **one != Behaviour::Prompt).count();
    assert_eq!((failures(0), failures(100)), (0, 1_000));
    assert!((200..400).contains(&failures(30)), "{}", failures(30));
    // More failures are the same ones and others beside them.
    let worse = mix(7, 60);
    assert!(
        mix(7, 30)
            .iter()
            .zip(&worse)
            .all(|(one, other)| *one == Behaviour::Prompt || one == other)
    );
}

#[tokio::test]
async fn outages_come_in_the_order_of_the_calls_and_a_caller_that_retries_gets_through() {
    let behaviour = Behaviour::Outages {
        seed: 3,
        failure_percent: 60,
    };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let platform = platform(behaviour.clone()).await;
        for number in 0..10 {
            let name = format!("p-{number}");
            let call = Outgoing::update(&platform.base_url(), number, &name, "verified", 1);
            while call.send().await.map(|answer| answer.body) != Ok(ok()) {}
        }
        assert_eq!(platform.players().len(), 10);
        let applied = platform.received().iter().filter(|call| call.applied).count();
        assert_eq!(applied, 10, "each is applied once");
        let answered: Vec<_> = platform.received().iter().map(|call| call.answered).collect();
        runs.push(answered);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].len() > 15, "some failed: {:?}", runs[0]);
}

#[test]
fn behaviours_can_be_written_down() {
    let status = |status, after: Option<&str>| Behaviour::Status(status, after.map(str::to_owned));
    for (text, behaviour) in [
        ("prompt", Behaviour::Prompt),
        ("hang", Behaviour::Hang),
        ("drop", Behaviour::Drop),
        ("mute", Behaviour::Mute),
        ("garbage", Behaviour::Garbage),
        ("too-long", Behaviour::TooLong),
        ("status:200", status(200, None)),
        ("status:599:30", status(599, Some("30"))),
        (
            "status:503:Mon, 02 Feb 2026 03:00:00 GMT",
            status(503, Some("Mon, 02 Feb 2026 03:00:00 GMT")),
        ),
        (
            "refuse:CLOSED:account: closed",
            Behaviour::Refuse {
                code: "CLOSED".to_owned(),
                message: "account: closed".to_owned(),
            },
        ),
        (
            "outages:7:100",
            Behaviour::Outages {
                seed: 7,
                failure_percent: 100,
            },
        ),
    ] {
        assert_eq!(text.parse(), Ok(behaviour), "{text}");
    }
    for text in [
        "",
        "Prompt",
        "prompt:1",
        "status",
        "status:199",
        "status:600",
        "refuse",
        "outages:7",
        "outages:7:101",
        "outages:-1:5",
        "sulk",
    ] {
        assert!(text.parse::<Behaviour>().is_err(), "{text}");
    }
}
