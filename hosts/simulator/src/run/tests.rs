//! Plans against a CRM over a real socket, and the count of what came of them.

use serde_json::json;

use super::*;
use crate::story::{PlanOptions, StoryOptions, plan, stories};
use crate::testing::{Crm, NOW, Waits};
use crate::webhooks::{EventKind, RetrySchedule, WebhookEvent};

fn deliveries(players: u32) -> Vec<Delivery> {
    let story = stories(&StoryOptions {
        seed: 7,
        players,
        from: NOW - 400 * 86_400,
        until: NOW,
    });
    let options = PlanOptions {
        seed: 7,
        window: 5,
        duplicate_percent: 30,
        late_percent: 10,
        late_places_max: 20,
    };
    plan(&story, &options)
}

fn delivery(id: &str, level: u8) -> Delivery {
    Delivery {
        event: WebhookEvent::new(EventKind::Submitted, id, NOW, "p-1", level),
        is_repeat: false,
        is_late: false,
    }
}

#[tokio::test]
async fn a_plan_arrives_whole_whatever_the_concurrency() {
    let plan = deliveries(12);
    let sent = plan.len() as u64;
    for concurrency in [0, 1, 8] {
        let crm = Crm::start([]).await;
        let summary = run(
            &plan,
            &crm.sender(&Waits::default(), RetrySchedule::never()),
            concurrency,
        )
        .await;
        let events = crm.events() as u64;
        assert_eq!(
            events,
            plan.iter().filter(|delivery| !delivery.is_repeat).count() as u64
        );
        let expected = Summary {
            sent,
            attempts: sent,
            accepted: sent,
            applied: events,
            duplicates: sent - events,
            refused: BTreeMap::new(),
        };
        assert_eq!(summary, expected, "{concurrency}");
        let arrived: Vec<_> = crm.seen().into_iter().map(|(_, body)| body).collect();
        let planned = plan.iter().map(|delivery| serde_json::to_vec(&delivery.event).unwrap());
        assert!(
            concurrency == 8 || planned.eq(arrived),
            "one after the other is in order"
        );
    }
}

#[tokio::test]
async fn refusals_are_counted_by_code() {
    let crm = Crm::start([(503, None), (418, None), (500, None)]).await;
    let schedule = RetrySchedule {
        delays: vec![Duration::from_secs(1)],
        retry_after_max: Duration::ZERO,
    };
    let sender = crm.sender(&Waits::default(), schedule);
    let plan = [
        delivery("e-1", 1),
        delivery("e-2", 1),
        delivery("e-2", 1),
        delivery("e-2", 2),
        delivery("e-3", 1),
    ];
    let mut told = Vec::new();
    let pace = Pace {
        concurrency: 1,
        per_second: None,
    };
    let summary = run_each(&plan, &sender, pace, |delivery, delivered| {
        told.push((delivery.event.event_id.clone(), delivered.attempts));
    })
    .await;
    let expected = json!({
        "sent": 5, "attempts": 7, "accepted": 3, "applied": 2, "duplicates": 1,
        "refused": { "CONFLICT": 1, "HTTP_418": 1 },
    });
    assert_eq!(serde_json::to_value(&summary).unwrap(), expected);
    let told: Vec<_> = told.iter().map(|(id, attempts)| (&**id, *attempts)).collect();
    assert_eq!(told, [("e-1", 2), ("e-2", 2), ("e-2", 1), ("e-2", 1), ("e-3", 1)]);
}

#[tokio::test]
async fn a_crm_that_is_away_is_counted_as_unreachable() {
    let crm = Crm::start([]).await;
    let sender = crm.sender(&Waits::default(), RetrySchedule::never());
    drop(crm);
    let summary = run(&[delivery("e-1", 1)], &sender, 1).await;
    assert_eq!(summary.refused, BTreeMap::from([("UNREACHABLE".to_owned(), 1)]));
    assert_eq!((summary.sent, summary.accepted), (1, 0));
}

#[tokio::test]
async fn a_pace_waits_before_each() {
    let crm = Crm::start([]).await;
    let waits = Waits::default();
    let pace = Pace {
        concurrency: 4,
        per_second: NonZeroU32::new(1),
    };
    let plan = [delivery("e-1", 1), delivery("e-2", 1), delivery("e-3", 1)];
    run_each(&plan, &crm.sender(&waits, RetrySchedule::never()), pace, |_, _| {}).await;
    assert_eq!(waits.seconds(), [1, 1, 1]);
}
