//! Delivers a plan, several webhooks at once, and counts what came of it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::Value;

use crate::story::Delivery;
use crate::webhooks::{Delivered, Webhooks};

/// How fast to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Most deliveries under way at once; 0 counts as 1. Only with 1 do they arrive in the plan's order.
    pub concurrency: usize,
    /// Most deliveries begun in a second; none is as many as can be.
    pub per_second: Option<NonZeroU32>,
}

/// What came of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Deliveries that were sent.
    pub sent: u64,
    /// Attempts that they took.
    pub attempts: u64,
    /// Deliveries answered with 2xx.
    pub accepted: u64,
    /// Accepted ones that said `applied: true`.
    pub applied: u64,
    /// Accepted ones of an event that had been accepted already.
    pub duplicates: u64,
    /// The others by their error's code; `HTTP_<status>` where an answer has no code, `UNREACHABLE` where there was
    /// no answer.
    pub refused: BTreeMap<String, u64>,
}

/// Delivers a plan as fast as can be.
pub async fn run(plan: &[Delivery], sender: &Webhooks, concurrency: usize) -> Summary {
    let pace = Pace {
        concurrency,
        per_second: None,
    };
    run_each(plan, sender, pace, |_, _| {}).await
}

/// Delivers a plan at a pace, and tells of every delivery when it has ended.
pub async fn run_each(
    plan: &[Delivery],
    sender: &Webhooks,
    pace: Pace,
    mut each: impl FnMut(&Delivery, &Delivered),
) -> Summary {
    let gap = pace
        .per_second
        .map(|per_second| Duration::from_secs(1) / per_second.get());
    let paced = stream::iter(plan).then(|delivery| async move {
        if let Some(gap) = gap {
            sender.wait(gap).await;
        }
        delivery
    });
    let ended = paced
        .map(|delivery| async move { (delivery, sender.deliver(&delivery.event).await) })
        .buffer_unordered(pace.concurrency.max(1));
    let mut ended = std::pin::pin!(ended);
    let mut summary = Summary::default();
    let mut accepted = BTreeSet::new();
    while let Some((delivery, delivered)) = ended.next().await {
        let id = &*delivery.event.event_id;
        if summary.count(&delivered, !accepted.contains(id)) {
            accepted.insert(id);
        }
        each(delivery, &delivered);
    }
    summary
}

impl Summary {
    /// Counts a delivery, and whether it was accepted.
    fn count(&mut self, delivered: &Delivered, is_first: bool) -> bool {
        self.sent += 1;
        self.attempts += u64::from(delivered.attempts);
        let code = match &delivered.outcome {
            Ok(answer) if (200..300).contains(&answer.status) => {
                self.accepted += 1;
                self.applied += u64::from(answer.body.get("applied") == Some(&Value::Bool(true)));
                self.duplicates += u64::from(!is_first);
                return true;
            }
            Ok(answer) => answer
                .body
                .pointer("/error/code")
                .and_then(Value::as_str)
                .map_or_else(|| format!("HTTP_{}", answer.status), str::to_owned),
            Err(_) => "UNREACHABLE".to_owned(),
        };
        *self.refused.entry(code).or_default() += 1;
        false
    }
}
