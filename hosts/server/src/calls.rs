//! Calls to platforms: for each tenant that has some, tasks of its own, so that a platform that hangs holds up nobody
//! else's.

use std::collections::HashMap;
use std::time::Duration;

use kyc_core::id::Brand;
use kyc_ports::app::App;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often waiting calls are looked for whose time has come, or whose brand was not told.
const LOOK: Duration = Duration::from_millis(200);
/// Senders at once, of all tenants.
const SENDERS_MAX: usize = 512;
/// Up to so many a tenant has more than one.
const MORE_SENDERS_MAX: usize = SENDERS_MAX / 2;
/// Senders of one tenant: while the calls of some wait for a commit, those of others are under way, and where a platform
/// is slow to answer some calls it still gets others.
const SENDERS_OF_TENANT: usize = 4;
/// After so many calls a sender counts them, and looks again for what has become too old.
const CALLS_AT_A_GO: usize = 512;
/// How often reconciliations go on: each time a second's worth.
const RECONCILE: Duration = Duration::from_secs(1);

/// Sends what waits until the server stops; what is under way then is finished, or tried again after a restart.
/// `told` has brands that a commit has just made callable.
pub(crate) async fn send(app: App, mut told: broadcast::Receiver<Brand>, stop: CancellationToken) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut at_work: HashMap<Brand, usize> = HashMap::new();
    let mut senders: JoinSet<Brand> = JoinSet::new();
    loop {
        let callable = tokio::select! {
            () = stop.cancelled() => break,
            Some(done) = senders.join_next() => {
                match done {
                    Ok(brand) => match at_work.get_mut(&brand) {
                        Some(others @ 2..) => *others -= 1,
                        _ => drop(at_work.remove(&brand)),
                    },
                    Err(error) => {
                        // It cannot be told whose it was: all are looked at anew.
                        tracing::error!(%error, "sending calls failed");
                        at_work.clear();
                    }
                }
                continue;
            }
            // Whoever lags behind finds the others at the next look.
            Ok(brand) = told.recv() => vec![brand],
            _ = looks.tick() => match app.callable_brands().await {
                Ok(brands) => brands,
                Err(error) => {
                    tracing::warn!(%error, "waiting calls could not be looked for");
                    continue;
                }
            },
        };
        // Each tenant has one before any has another: tenants whose platforms hang leave room for the others.
        for most in 1..=SENDERS_OF_TENANT {
            for brand in &callable {
                let count = at_work.get(brand).copied().unwrap_or(0);
                let limit = if most == 1 { SENDERS_MAX } else { MORE_SENDERS_MAX };
                if count < most && senders.len() < limit {
                    at_work.insert(brand.clone(), count + 1);
                    senders.spawn(send_all(app.clone(), brand.clone(), stop.clone()));
                }
            }
        }
    }
    while senders.join_next().await.is_some() {}
}

/// Rounds for one tenant until nothing is due.
async fn send_all(app: App, brand: Brand, stop: CancellationToken) -> Brand {
    while !stop.is_cancelled() {
        match app
            .send_calls_while(&brand, |calls| calls < CALLS_AT_A_GO && !stop.is_cancelled())
            .await
        {
            Ok(0) => break,
            Ok(calls) => metrics::counter!("kyc_calls_total").increment(calls as u64),
            Err(error) => {
                tracing::warn!(%brand, %error, "calls could not be sent");
                break;
            }
        }
    }
    brand
}

/// Goes on with daily reconciliations until the server stops.
pub(crate) async fn reconcile(app: App, stop: CancellationToken) {
    let mut rounds = tokio::time::interval(RECONCILE);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = rounds.tick() => {
                tokio::select! {
                    () = stop.cancelled() => return,
                    done = app.reconcile_due() => match done {
                        Ok(players) => metrics::counter!("kyc_reconciled_total").increment(players.unsigned_abs()),
                        Err(error) => tracing::warn!(%error, "reconciliations could not go on"),
                    },
                }
            }
        }
    }
}
