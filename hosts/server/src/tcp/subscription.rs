//! `Subscribe` and `Unsubscribe`: a connection hears of the brands that its token may see, until the token ends.

use std::sync::{Arc, Mutex, PoisonError};

use kyc_core::actor::{Access, BrandScope};
use kyc_core::id::Brand;
use kyc_core::notice::Notice;
use kyc_core::problem::Problem;
use kyc_core::rejection::Rejection;
use kyc_core::time::Time;
use kyc_ports::clock::Clock;
use kyc_ports::tokens::Verified;
use serde_json::{Map, Value};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;
use crate::ports::SystemClock;
use crate::tcp::message;
use crate::tcp::outbox::Outbox;

/// Channels that one connection may hold.
const CHANNELS_MAX: usize = 1_000;

/// What a connection has subscribed to.
#[derive(Clone)]
pub(super) struct Subscription {
    hub: Hub,
    outbox: Outbox,
    gone: CancellationToken,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    channels: Vec<Held>,
    forwarding: Option<tokio::task::JoinHandle<()>>,
    /// The peer sends no more: nothing may be subscribed to.
    has_ended: bool,
}

/// A channel, and what its token allows.
#[derive(Clone)]
struct Held {
    channel: Channel,
    scope: BrandScope,
    expires: Time,
}

#[derive(Clone, PartialEq, Eq)]
enum Channel {
    /// `kyc`: every brand the token may see.
    All,
    /// `kyc:<brand>`.
    Of(Brand),
}

impl Held {
    fn hears(&self, notice: &Notice, now: Time) -> bool {
        now < self.expires
            && self.scope.sees(&notice.brand)
            && match &self.channel {
                Channel::All => true,
                Channel::Of(brand) => *brand == notice.brand,
            }
    }
}

impl Subscription {
    pub(super) fn new(hub: Hub, outbox: Outbox, gone: CancellationToken) -> Self {
        Self {
            hub,
            outbox,
            gone,
            state: Arc::default(),
        }
    }

    /// Subscribes to the channels named in `chanels` (the reference's spelling) or `channels`.
    pub(super) fn add(&self, caller: &Verified, data: &Map<String, Value>) -> Result<(), Rejection> {
        Access::Manager.check(caller.actor.session)?;
        let channels = channels(data)?;
        let hidden = |channel: &Channel| matches!(channel, Channel::Of(brand) if !caller.actor.scope.sees(brand));
        if channels.iter().any(hidden) {
            return Err(Rejection::NotFound("channel"));
        }
        let mut state = self.lock();
        let kept = state
            .channels
            .iter()
            .filter(|held| !channels.contains(&held.channel))
            .count();
        if kept + channels.len() > CHANNELS_MAX {
            return Err(Rejection::invalid(
                "chanels",
                "too_many",
                "a connection has at most 1000 channels",
            ));
        }
        for channel in channels {
            state.channels.retain(|held| held.channel != channel);
            let (scope, expires) = (caller.actor.scope.clone(), caller.expires);
            state.channels.push(Held {
                channel,
                scope,
                expires,
            });
        }
        if state.forwarding.is_none() && !state.has_ended {
            state.forwarding = Some(tokio::spawn(self.clone().forward(self.hub.subscribe())));
        }
        Ok(())
    }

    /// Ends the named channels.
    pub(super) fn remove(&self, caller: &Verified, data: &Map<String, Value>) -> Result<(), Rejection> {
        Access::Manager.check(caller.actor.session)?;
        let channels = channels(data)?;
        self.lock().channels.retain(|held| !channels.contains(&held.channel));
        Ok(())
    }

    /// Whether anything is subscribed to: such a connection may be silent.
    pub(super) fn is_active(&self) -> bool {
        let now = SystemClock.now();
        self.lock().channels.iter().any(|held| now < held.expires)
    }

    /// Ends all.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.has_ended = true;
        state.channels.clear();
        if let Some(task) = state.forwarding.take() {
            task.abort();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn forward(self, mut notices: broadcast::Receiver<Notice>) {
        loop {
            let notice = match notices.recv().await {
                Ok(notice) => notice,
                // A client that does not read is dropped, not buffered for.
                Err(broadcast::error::RecvError::Lagged(_)) => return self.gone.cancel(),
                Err(broadcast::error::RecvError::Closed) => return,
            };
            let now = SystemClock.now();
            let hears = self.lock().channels.iter().any(|held| held.hears(&notice, now));
            if hears
                && !self
                    .outbox
                    .try_send(message::event(notice.kind, &notice.data).into_bytes())
            {
                return self.gone.cancel();
            }
        }
    }
}

fn channels(data: &Map<String, Value>) -> Result<Vec<Channel>, Rejection> {
    let wrong = || Rejection::invalid("chanels", "channel", "must be a list of `kyc` or `kyc:<brand>`");
    let is_known = |name: &String| matches!(name.as_str(), "chanels" | "channels" | "__access" | "__token");
    let unknown = data.keys().filter(|name| !is_known(name));
    let problems: Vec<Problem> = unknown
        .map(|name| Problem::new(name.as_str(), "unknown", "is not a known member"))
        .collect();
    if !problems.is_empty() {
        return Err(Rejection::InvalidData(problems));
    }
    let wanted = data.get("chanels").or_else(|| data.get("channels")).ok_or_else(wrong)?;
    let names: Vec<&Value> = match wanted {
        Value::Array(list) if list.len() <= CHANNELS_MAX => list.iter().collect(),
        Value::String(_) => vec![wanted],
        _ => return Err(wrong()),
    };
    let channel = |name: &Value| match name.as_str()? {
        "kyc" => Some(Channel::All),
        name => Some(Channel::Of(name.strip_prefix("kyc:")?.parse().ok()?)),
    };
    names.into_iter().map(|name| channel(name).ok_or_else(wrong)).collect()
}
