//! Calls out and what goes with them: the calls are those of the commits, the queue holds exactly the queued ones, and
//! what is written beside the commits (leases, tries, breakers, reconciliations) is something that was asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use kyc_core::id::{Brand, CustomerKey, DeliveryId};
use kyc_core::level::LevelEntry;
use kyc_core::limits::BREAKER_FAILURES_MAX;
use kyc_core::outbound::{Breaker, Delivery, QueuedCall, relevant};
use kyc_core::status::{DeliveryStatus, Flag};
use kyc_core::tenant::SealedSecret;
use kyc_memory::Snapshot;
use kyc_ports::store::Reconciliation;
use rusqlite::Connection;

use crate::examine::rows::{rows, same};
use crate::examine::{Fault, Stored};
use crate::promises::Promises;

/// What a sound store holds of it.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Keys of all calls.
    pub(super) keys: HashSet<String>,
    /// Events that were taken.
    pub(super) events: HashSet<(String, String)>,
    /// Calls that wait.
    pub(super) queue: BTreeMap<DeliveryId, QueuedCall>,
    /// How reconciliations are set: by brand the place in [`Promises::reconciliations`].
    pub(super) reconciliations: HashMap<Brand, usize>,
    /// Numbers of the brands' tenants.
    pub(super) tenants: HashMap<Brand, i64>,
}

/// Checks the tables beside what the commits make of them; takes what the store has loaded of calls out of its states.
pub(super) fn check(
    kyc: &Connection,
    stored: &mut Stored,
    model: &Snapshot,
    promises: &Promises,
) -> Result<Calls, Fault> {
    let deliveries: Vec<Delivery> = rows(kyc)?;
    same("calls", &deliveries, &model.deliveries)?;
    let mut secrets: Vec<SealedSecret> = model.secrets.clone();
    secrets.sort_by(|one, other| one.secret_id.cmp(&other.secret_id));
    same("secrets", &rows(kyc)?, &secrets)?;
    let log = sorted(rows(kyc)?);
    let entries = model.customers.iter().flat_map(|state| state.log.iter().cloned());
    same("the level log", &log, &sorted(entries.collect()))?;
    let queue: Vec<QueuedCall> = rows(kyc)?;
    check_queue(&queue, model, promises)?;
    check_breakers(&rows(kyc)?, promises)?;
    for state in &mut stored.customers {
        let is_theirs = |brand: &Brand, customer_id| {
            state.key
                == CustomerKey {
                    brand: brand.clone(),
                    customer_id,
                }
        };
        let theirs: Vec<Delivery> = deliveries
            .iter()
            .filter(|delivery| is_theirs(&delivery.brand, delivery.customer_id))
            .cloned()
            .collect();
        let waiting: Vec<QueuedCall> = queue
            .iter()
            .filter(|call| is_theirs(&call.brand, call.customer_id))
            .cloned()
            .collect();
        same(
            "calls of a customer",
            &std::mem::take(&mut state.deliveries),
            &relevant(&theirs),
        )?;
        same(
            "calls of a customer that wait",
            &std::mem::take(&mut state.waiting),
            &waiting,
        )?;
    }
    let keys: HashSet<String> = deliveries
        .iter()
        .map(|delivery| delivery.idempotency_key.clone())
        .collect();
    if keys.len() < deliveries.len() {
        return Err("two calls have the same idempotency key".to_owned());
    }
    let tenants = model.brands.iter().filter_map(|state| state.tenant.as_ref());
    Ok(Calls {
        keys,
        events: log.iter().filter_map(event).collect(),
        queue: queue.into_iter().map(|call| (call.delivery_id, call)).collect(),
        reconciliations: reconciliations(&rows(kyc)?, promises)?,
        tenants: tenants.map(|tenant| (tenant.brand.clone(), tenant.id)).collect(),
    })
}

fn sorted(mut log: Vec<LevelEntry>) -> Vec<LevelEntry> {
    log.sort_by_key(|entry| (entry.kyc_id, entry.number));
    log
}

/// The event that an entry has taken.
fn event(entry: &LevelEntry) -> Option<(String, String)> {
    let slug = entry.slug.as_ref().filter(|_| entry.accepted == Flag::Yes)?;
    Some((slug.to_string(), entry.event_id.clone()?))
}

fn check_queue(queue: &[QueuedCall], model: &Snapshot, promises: &Promises) -> Result<(), Fault> {
    let queued = model.deliveries.iter();
    let queued = queued.filter(|delivery| delivery.status == DeliveryStatus::Queued);
    let queued: BTreeSet<_> = queued.map(|delivery| delivery.id).collect();
    let waiting: BTreeSet<_> = queue.iter().map(|call| call.delivery_id).collect();
    if waiting != queued {
        return Err(format!("the queue holds {waiting:?}, and {queued:?} are queued"));
    }
    // When a call is tried next and how often it was, no commit says.
    let plain = |calls: &[QueuedCall]| -> Vec<_> {
        let plain = calls
            .iter()
            .map(|call| (call.delivery_id, call.brand.clone(), call.customer_id, call.queued_time));
        plain.collect()
    };
    same("the queue", &plain(queue), &plain(&model.queue))?;
    match queue.iter().find(|call| !is_possible(call, promises)) {
        Some(call) => Err(format!("nobody ever made this of the queue: {call:?}")),
        None => Ok(()),
    }
}

/// Whether a call's lease is one that was asked for, and its tries were. An answer may wake a call before its time.
fn is_possible(call: &QueuedCall, promises: &Promises) -> bool {
    let is_asked_for = |until| promises.leases.contains(&(call.brand.clone(), until));
    let is_fresh = call.attempts == 0 && call.due_time <= call.queued_time;
    let mut tries = promises
        .postponed
        .iter()
        .filter(|tried| tried.delivery_id == call.delivery_id);
    let is_postponed = tries.any(|tried| tried.attempts == call.attempts && call.due_time <= tried.due_time);
    call.lease_until.is_none_or(is_asked_for) && (is_fresh || is_postponed)
}

fn check_breakers(breakers: &[Breaker], promises: &Promises) -> Result<(), Fault> {
    for breaker in breakers {
        let failures = promises
            .postponed
            .iter()
            .filter(|tried| tried.brand == breaker.brand)
            .count();
        let is_counted = (1..=failures as i64).contains(&breaker.failures);
        let is_open = breaker.failures >= BREAKER_FAILURES_MAX;
        if !is_counted || is_open != breaker.probe_time.is_some() {
            return Err(format!("after {failures} failures there is {breaker:?}"));
        }
    }
    Ok(())
}

fn reconciliations(stored: &[Reconciliation], promises: &Promises) -> Result<HashMap<Brand, usize>, Fault> {
    let places = stored.iter().map(|one| {
        let place = promises.reconciliations.iter().rposition(|set| set == one);
        let place = place.ok_or_else(|| format!("nobody ever set this: {one:?}"))?;
        Ok((one.brand.clone(), place))
    });
    places.collect()
}
