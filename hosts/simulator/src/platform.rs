//! The platform's endpoints as a real HTTP server, with a record of all calls and a behaviour that a test can script.
//!
//! `platform/call.rs` checks a call, `platform/desk.rs` decides on it, `server.rs` carries it.

mod behaviour;
mod call;
mod desk;
mod player;
mod received;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

pub use behaviour::Behaviour;
pub use player::{Player, PlayerStatus};
pub use received::{CallKind, RECEIVED_MAX, Received, UNANSWERED};

use crate::ambient::{Clock, Secret};
use crate::server::{Handler, Server};
use desk::Desk;

/// How to start a [`Platform`].
#[derive(Clone)]
pub struct PlatformOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The secrets that calls may be signed with. Without one every call is 401.
    pub outbound_secrets: Vec<Secret>,
    /// Tells the time.
    pub clock: Clock,
    /// How calls are treated at first.
    pub behaviour: Behaviour,
}

/// Calls that were waited for did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("waited for {wanted} calls, received {received}")]
pub struct TooFewCalls {
    /// How many were waited for.
    pub wanted: usize,
    /// How many have come.
    pub received: usize,
}

/// A running platform. Dropping it closes its port and every connection.
pub struct Platform {
    server: Server,
    shared: Arc<Shared>,
    clock: Clock,
}

struct Shared {
    desk: Mutex<Desk>,
    total: watch::Sender<usize>,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Platform {
    /// Starts to listen. An error is that of binding the address.
    pub async fn start(options: PlatformOptions) -> io::Result<Self> {
        let secrets = options.outbound_secrets.iter();
        let secrets = secrets.map(|secret| secret.reveal().to_owned()).collect();
        let shared = Arc::new(Shared {
            desk: Mutex::new(Desk::new(secrets, options.behaviour)),
            total: watch::Sender::new(0),
        });
        let (taking, clock) = (shared.clone(), options.clock.clone());
        let handler: Handler = Arc::new(move |parts, body| {
            let mut desk = taking.desk();
            let reaction = desk.take(parts, body, clock());
            taking.total.send_replace(desk.log.total());
            reaction
        });
        Ok(Self {
            server: Server::start(options.listen, handler).await?,
            shared,
            clock: options.clock,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The base URL to give to a CRM.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Treats calls in another way from now on. A mix starts over.
    pub fn behave(&self, behaviour: Behaviour) {
        self.shared.desk().behave(behaviour);
    }

    /// Treats one player's calls in a way of their own, or again like all others.
    pub fn behave_for(&self, player_external_id: &str, behaviour: Option<Behaviour>) {
        self.shared.desk().behave_for(player_external_id, behaviour);
    }

    /// Changes where a player stands behind the CRM's back.
    pub fn set_player(&self, player_external_id: &str, status: PlayerStatus, level: u8) {
        self.shared
            .desk()
            .set(player_external_id, status, level, (self.clock)());
    }

    /// Where the players stand, by external id.
    pub fn players(&self) -> BTreeMap<String, Player> {
        self.shared.desk().players.clone()
    }

    /// Every call so far in order, or the latest [`RECEIVED_MAX`]. It stands here before its answer is sent.
    pub fn received(&self) -> Vec<Received> {
        self.shared.desk().log.after(0)
    }

    /// The calls that came after the first `seen` ones, which then counts them too.
    pub fn received_since(&self, seen: &mut usize) -> Vec<Received> {
        let desk = self.shared.desk();
        let received = desk.log.after(*seen);
        *seen = desk.log.total();
        received
    }

    /// Waits until at least so many calls have come in all, and gives them. It waits no longer than `patience`.
    pub async fn wait_for(&self, calls: usize, patience: Duration) -> Result<Vec<Received>, TooFewCalls> {
        let mut total = self.counter();
        // What the wait gives locks the total, which whoever takes a call changes with the desk in hand.
        let waited = tokio::time::timeout(patience, total.wait_for(|total| *total >= calls)).await;
        let is_enough = waited.is_ok();
        drop(waited);
        if !is_enough {
            return Err(TooFewCalls {
                wanted: calls,
                received: *self.shared.total.borrow(),
            });
        }
        Ok(self.received())
    }

    /// Tells how many calls have come in all, and when there are more.
    pub fn counter(&self) -> watch::Receiver<usize> {
        self.shared.total.subscribe()
    }

    /// Closes the port and ends every connection; when it returns, the port is free.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Platform")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}
