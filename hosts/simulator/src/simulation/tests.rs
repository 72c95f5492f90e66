//! The whole simulation against a CRM: what it tells, and that it ends when told to.

use std::cell::RefCell;

use serde_json::Value;
use tokio::sync::Notify;

use super::*;
use crate::testing::{Crm, LOCAL, OUTBOUND, Outgoing, WEBHOOK, Waits, clock};

fn options(crm: Option<&Crm>) -> SimulationOptions {
    SimulationOptions {
        listen: LOCAL,
        crm_url: crm.map(Crm::url),
        slug: crm.map(|_| "acme".to_owned()),
        webhook_secret: crm.map(|_| WEBHOOK.into()),
        outbound_secret: Some(OUTBOUND.into()),
        seed: 7,
        players: 5,
        per_second: NonZeroU32::new(1_000).unwrap(),
        behaviour: Behaviour::Prompt,
        clock: clock(),
        sleeper: Waits::default().sleeper(),
    }
}

/// Runs until a line says that `last` happened; gives the lines as they are printed.
async fn lines_until(options: SimulationOptions, last: &str) -> (Option<Summary>, Vec<Value>) {
    let (stop, lines) = (Notify::new(), RefCell::new(Vec::new()));
    let summary = simulate(options, stop.notified(), |line| {
        let printed = line.to_string();
        assert!(!printed.contains('\n') && !printed.contains(WEBHOOK) && !printed.contains(OUTBOUND));
        let line: Value = serde_json::from_str(&printed).unwrap();
        if line["what"] == last {
            stop.notify_one();
        }
        lines.borrow_mut().push(line);
    });
    let summary = summary.await.unwrap();
    (summary, lines.into_inner())
}

#[tokio::test]
async fn the_stories_are_told_once_and_counted() {
    let crm = Crm::start([]).await;
    let (summary, lines) = lines_until(options(Some(&crm)), "played").await;
    let summary = summary.unwrap();
    assert_eq!(summary.sent, deliveries(&options(None)).len() as u64);
    assert_eq!((summary.accepted, summary.applied), (summary.sent, crm.events() as u64));
    let what: Vec<&str> = lines.iter().map(|line| line["what"].as_str().unwrap()).collect();
    let sent = what.iter().filter(|what| **what == "sent").count();
    assert_eq!(sent as u64, summary.sent);
    assert_eq!(
        (what[0], what[what.len() - 2], what[what.len() - 1]),
        ("listening", "played", "stopped")
    );
    let line = lines.iter().find(|line| line["what"] == "sent").unwrap();
    assert_eq!(
        (&line["status"], &line["answer"]["received"]),
        (&200.into(), &true.into())
    );

    // The same day and seed again: the CRM knows every event.
    let (again, _) = lines_until(options(Some(&crm)), "played").await;
    let again = again.unwrap();
    assert_eq!((again.accepted, again.applied), (summary.sent, 0));
}

#[tokio::test]
async fn calls_are_told_and_those_not_signed_without_their_body() {
    let (stop, lines) = (Notify::new(), RefCell::new(Vec::new()));
    let (found, base) = tokio::sync::oneshot::channel();
    let found = RefCell::new(Some(found));
    let simulation = simulate(options(None), stop.notified(), |line| {
        if let Line::Listening { base_url, .. } = &line {
            found.take().unwrap().send(base_url.clone()).unwrap();
        }
        lines.borrow_mut().push(serde_json::to_value(line).unwrap());
    });
    let calls = async {
        let base = base.await.unwrap();
        let good = Outgoing::initiate(&base, 1, "p-1", 1);
        let bad = Outgoing {
            secret: "another".to_owned(),
            ..good.clone()
        };
        assert_eq!(good.send().await.unwrap().status, 200);
        assert_eq!(bad.send().await.unwrap().status, 401);
        stop.notify_one();
    };
    let (ended, ()) = tokio::join!(simulation, calls);
    assert_eq!(ended.unwrap(), None);
    let lines = lines.into_inner();
    let what: Vec<&str> = lines.iter().map(|line| line["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["listening", "received", "received", "stopped"]);
    assert_eq!(
        (&lines[1]["body"]["level"], &lines[1]["answered"]),
        (&1.into(), &200.into())
    );
    assert_eq!((&lines[2]["body"], &lines[2]["answered"]), (&Value::Null, &401.into()));
}

#[tokio::test]
async fn half_of_what_webhooks_need_is_refused() {
    let crm = Crm::start([]).await;
    let whole = options(Some(&crm));
    for options in [
        SimulationOptions {
            crm_url: None,
            ..whole.clone()
        },
        SimulationOptions {
            slug: None,
            ..whole.clone()
        },
        SimulationOptions {
            webhook_secret: None,
            ..whole.clone()
        },
    ] {
        let refused = simulate(options, std::future::pending(), |_| {}).await;
        assert!(matches!(refused, Err(SimulationError::Incomplete)));
    }
    let taken = crm.url().rsplit('/').next().unwrap().parse().unwrap();
    let options = SimulationOptions { listen: taken, ..whole };
    let refused = simulate(options, std::future::pending(), |_| {}).await.unwrap_err();
    assert!(
        refused.to_string().starts_with(&format!("cannot listen on {taken}: ")),
        "{refused}"
    );
}
