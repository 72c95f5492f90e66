//! A whole platform for a command line: serves the endpoints, plays invented stories once, and tells what happens.

mod line;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::pin::pin;

use tokio::sync::mpsc;

pub use line::{Line, Sent};

use crate::ambient::{Clock, Secret, Sleeper};
use crate::platform::{Behaviour, Platform, PlatformOptions};
use crate::run::{Pace, Summary, run_each};
use crate::story::{Delivery, PlanOptions, StoryOptions, plan, stories};
use crate::webhooks::{RetrySchedule, SendError, Webhooks, WebhooksOptions};

const DAY: i64 = 86_400;
/// How long ago the stories begin, in days.
const STORY_DAYS: i64 = 400;
/// Most webhooks under way at once.
const CONCURRENCY: usize = 8;

/// What to simulate.
#[derive(Clone)]
pub struct SimulationOptions {
    /// Where the endpoints listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Base URL of the CRM. With it go the slug and the webhook secret.
    pub crm_url: Option<String>,
    /// The tenant's slug at the CRM.
    pub slug: Option<String>,
    /// Signs webhooks.
    pub webhook_secret: Option<Secret>,
    /// Checks the CRM's calls. Without it every call is 401.
    pub outbound_secret: Option<Secret>,
    /// What is invented follows from it.
    pub seed: u64,
    /// How many players have a story.
    pub players: u32,
    /// Most webhooks begun in a second.
    pub per_second: NonZeroU32,
    /// How calls are treated.
    pub behaviour: Behaviour,
    /// Tells the time.
    pub clock: Clock,
    /// Waits between webhooks.
    pub sleeper: Sleeper,
}

/// Why a simulation cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// The address is taken, or not one of this machine's.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// Some of what webhooks need is there, but not all.
    #[error("to send webhooks, give the address of the CRM, the slug and the webhook secret together")]
    Incomplete,
    /// The CRM's address cannot be called.
    #[error("{0}")]
    Crm(#[from] SendError),
}

/// Serves the endpoints until `stop` resolves, and, where a CRM is given, tells it the players' stories once:
/// somewhat out of order, some events twice, some late. `out` gets a line for everything that happens. Gives what came
/// of the stories, if they were told to their end.
///
/// The stories are of the last 400 days, counted from midnight UTC: on the same day a seed gives the same events.
pub async fn simulate(
    options: SimulationOptions,
    stop: impl Future<Output = ()>,
    mut out: impl FnMut(Line),
) -> Result<Option<Summary>, SimulationError> {
    let clock = options.clock.clone();
    let sender = sender(&options)?;
    let listen = options.listen;
    let platform = Platform::start(PlatformOptions {
        listen,
        outbound_secrets: options.outbound_secret.iter().cloned().collect(),
        clock: clock.clone(),
        behaviour: options.behaviour.clone(),
    });
    let platform = platform.await.map_err(|error| SimulationError::Listen(listen, error))?;
    out(Line::Listening {
        at: clock(),
        base_url: platform.base_url(),
    });
    let (told, mut telling) = mpsc::unbounded_channel();
    let mut play = pin!(play(&options, sender, told));
    let mut stop = pin!(stop);
    let mut counter = platform.counter();
    let (mut seen, mut summary, mut is_playing) = (0, None, true);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(line) = telling.recv() => out(line),
            Ok(()) = counter.changed() => {
                for received in platform.received_since(&mut seen) {
                    out(Line::received(received));
                }
            }
            played = &mut play, if is_playing => {
                is_playing = false;
                summary = played;
            }
        }
    }
    // What has happened is told, also when it happened just before the end.
    while let Ok(line) = telling.try_recv() {
        out(line);
    }
    for received in platform.received_since(&mut seen) {
        out(Line::received(received));
    }
    platform.stop().await;
    out(Line::Stopped { at: clock() });
    Ok(summary)
}

/// The sender, if everything that it needs is given.
fn sender(options: &SimulationOptions) -> Result<Option<Webhooks>, SimulationError> {
    let (crm_url, slug, webhook_secret) = match (&options.crm_url, &options.slug, &options.webhook_secret) {
        (Some(crm_url), Some(slug), Some(secret)) => (crm_url.clone(), slug.clone(), secret.clone()),
        (None, _, None) => return Ok(None),
        _ => return Err(SimulationError::Incomplete),
    };
    let sender = Webhooks::new(WebhooksOptions {
        crm_url,
        slug,
        webhook_secret,
        clock: options.clock.clone(),
        sleeper: options.sleeper.clone(),
        schedule: RetrySchedule::default(),
    })?;
    Ok(Some(sender))
}

/// Tells the stories, if there is somebody to tell them to.
async fn play(
    options: &SimulationOptions,
    sender: Option<Webhooks>,
    told: mpsc::UnboundedSender<Line>,
) -> Option<Summary> {
    let sender = sender?;
    let pace = Pace {
        concurrency: CONCURRENCY,
        per_second: Some(options.per_second),
    };
    // The listener lives as long as this runs; if it is gone, nobody listens any more.
    let tell = |line| drop(told.send(line));
    let summary = run_each(&deliveries(options), &sender, pace, |delivery, delivered| {
        tell(Line::sent((options.clock)(), delivery, delivered));
    })
    .await;
    tell(Line::Played {
        at: (options.clock)(),
        summary: summary.clone(),
    });
    Some(summary)
}

fn deliveries(options: &SimulationOptions) -> Vec<Delivery> {
    let today = (options.clock)().div_euclid(DAY) * DAY;
    let seed = options.seed;
    let story = stories(&StoryOptions {
        seed,
        players: options.players,
        from: today - STORY_DAYS * DAY,
        until: today,
    });
    plan(
        &story,
        &PlanOptions {
            seed,
            window: 4,
            duplicate_percent: 10,
            late_percent: 5,
            late_places_max: 40,
        },
    )
}
