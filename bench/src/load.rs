//! The load generator: clients that each send a request, wait for its reply and send the next, counted within a window
//! of time. Raw bytes over non-blocking sockets: it must not be what is measured.

mod http;
mod pressed;
mod tcp;

use std::net::SocketAddr;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::clock::now;
use crate::{Error, Result};

/// Writes the next request of a client; false when there is none.
pub(crate) type Script = Box<dyn FnMut(&mut Vec<u8>) -> bool + Send>;

/// Longest wait for a reply behind the window's end.
const PATIENCE: Duration = Duration::from_mins(1);
/// Longest latency that is told apart (microseconds).
const LATENCY_MICROS_MAX: u64 = 600_000_000;
/// Failed requests of a thousand that a measurement may have.
const FAILED_OF_1000_MAX: u64 = 5;

/// How clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// HTTP/1.1 with keep-alive, one request at a time.
    Http,
    /// Lines over TCP, so many requests under way at once.
    Tcp(usize),
    /// The same, by clients who ask for more than they get.
    Pressed(usize),
}

/// Whom to load, for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    /// Loaded, not counted.
    pub(crate) warm: Duration,
    pub(crate) measured: Duration,
    /// Threads of the generator.
    pub(crate) threads: usize,
}

/// Clients with their scripts, which go on where they stopped from one run to the next.
pub(crate) struct Clients {
    protocol: Protocol,
    scripts: Vec<Script>,
}

/// What clients saw.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// Successes within the window.
    pub(crate) done: u64,
    /// Requests answered, the time before the window included.
    pub(crate) total: u64,
    /// Refused for want of room, whenever.
    pub(crate) refused: u64,
    /// Anything else but a success, whenever.
    pub(crate) failed: u64,
    /// What the first failure said.
    first_failure: Option<String>,
    /// Length of the window.
    elapsed: Duration,
    /// From sending to having read the reply (microseconds); of HTTP, and of refusals.
    latencies: Histogram<u64>,
}

/// Start and end of what is counted.
type Window = Range<Instant>;

impl Clients {
    /// HTTP clients, each with the script of its number.
    pub(crate) fn http(count: usize, script: impl FnMut(usize) -> Script) -> Self {
        Self {
            protocol: Protocol::Http,
            scripts: (0..count).map(script).collect(),
        }
    }

    /// TCP clients that keep so many requests under way.
    pub(crate) fn tcp(count: usize, depth: usize, script: impl FnMut(usize) -> Script) -> Self {
        Self {
            protocol: Protocol::Tcp(depth),
            scripts: (0..count).map(script).collect(),
        }
    }

    /// TCP clients that keep so many requests under way or put off.
    pub(crate) fn pressed(count: usize, depth: usize, script: impl FnMut(usize) -> Script) -> Self {
        Self {
            protocol: Protocol::Pressed(depth),
            scripts: (0..count).map(script).collect(),
        }
    }

    /// Loads the server and counts.
    pub(crate) fn run(&mut self, load: &Load) -> Result<Measured> {
        let start = now() + load.warm;
        let window = start..start + load.measured;
        let mut parts: Vec<Vec<(usize, Script)>> = (0..load.threads.max(1)).map(|_| Vec::new()).collect();
        let count = parts.len();
        for (number, script) in std::mem::take(&mut self.scripts).into_iter().enumerate() {
            if let Some(part) = parts.get_mut(number % count) {
                part.push((number, script));
            }
        }
        let protocol = self.protocol;
        let ended: Vec<Result<_>> = thread::scope(|scope| {
            let threads: Vec<_> = parts
                .into_iter()
                .map(|part| {
                    let window = window.clone();
                    scope.spawn(move || drive(protocol, load.address, part, &window))
                })
                .collect();
            let joined = threads.into_iter().map(|thread| {
                let panicked = |_| Err(Error::from("a thread of the generator panicked"));
                thread.join().unwrap_or_else(panicked)
            });
            joined.collect()
        });
        let mut scripts = Vec::new();
        let mut whole = Measured::nothing(load.measured)?;
        for part in ended {
            for (number, script, measured) in part? {
                whole.add(&measured)?;
                scripts.push((number, script));
            }
        }
        scripts.sort_by_key(|(number, _)| *number);
        self.scripts = scripts.into_iter().map(|(_, script)| script).collect();
        whole.checked()
    }
}

/// Runs some clients in one thread.
fn drive(
    protocol: Protocol,
    address: SocketAddr,
    clients: Vec<(usize, Script)>,
    window: &Window,
) -> Result<Vec<(usize, Script, Measured)>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut running = JoinSet::new();
        for (number, mut script) in clients {
            let window = window.clone();
            running.spawn(async move {
                let patience = window.end.saturating_duration_since(now()) + PATIENCE;
                let measured = match protocol {
                    Protocol::Http => tokio::time::timeout(patience, http::drive(address, &mut script, &window)).await,
                    Protocol::Tcp(depth) => {
                        tokio::time::timeout(patience, tcp::drive(address, depth, &mut script, &window)).await
                    }
                    Protocol::Pressed(depth) => {
                        tokio::time::timeout(patience, pressed::drive(address, depth, &mut script, &window)).await
                    }
                };
                let measured = measured.map_err(|_| Error::from("a reply did not come within a minute"))??;
                Ok::<_, Error>((number, script, measured))
            });
        }
        let mut ended = Vec::new();
        while let Some(client) = running.join_next().await {
            ended.push(client??);
        }
        Ok(ended)
    })
}

impl Measured {
    fn nothing(elapsed: Duration) -> Result<Self> {
        Ok(Self {
            done: 0,
            total: 0,
            refused: 0,
            failed: 0,
            first_failure: None,
            elapsed,
            latencies: Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, 3)?,
        })
    }

    fn of(window: &Window) -> Result<Self> {
        Self::nothing(window.end.duration_since(window.start))
    }

    /// Counts a reply.
    fn count(&mut self, window: &Window, sent: Option<Instant>, ended: Instant) {
        self.total += 1;
        if window.contains(&ended) {
            self.done += 1;
            if let Some(sent) = sent {
                let micros = u64::try_from(ended.duration_since(sent).as_micros()).unwrap_or(u64::MAX);
                self.latencies.saturating_record(micros);
            }
        }
    }

    /// Counts a refusal for want of room.
    fn refuse(&mut self, took_micros: u64) {
        self.total += 1;
        self.refused += 1;
        self.latencies.saturating_record(took_micros);
    }

    /// Counts a reply that is no success.
    fn fail(&mut self, reply: &[u8]) {
        self.total += 1;
        self.failed += 1;
        self.first_failure
            .get_or_insert_with(|| String::from_utf8_lossy(reply.get(..300).unwrap_or(reply)).into_owned());
    }

    fn add(&mut self, other: &Self) -> Result<()> {
        self.done += other.done;
        self.total += other.total;
        self.refused += other.refused;
        self.failed += other.failed;
        if self.first_failure.is_none() {
            self.first_failure.clone_from(&other.first_failure);
        }
        self.latencies.add(&other.latencies)?;
        Ok(())
    }

    /// Too many failures are no measurement.
    fn checked(self) -> Result<Self> {
        if self.failed * 1_000 <= self.total * FAILED_OF_1000_MAX && self.total > 0 {
            return Ok(self);
        }
        let said = self.first_failure.as_deref().unwrap_or("nothing was answered");
        Err(format!("{} of {} requests failed: {said}", self.failed, self.total).into())
    }

    /// Successes a second.
    pub(crate) fn rate(&self) -> f64 {
        self.done as f64 / self.elapsed.as_secs_f64()
    }

    /// A latency in milliseconds, e.g. of 0.99 of the requests.
    pub(crate) fn latency_ms(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        let start = now();
        start..start + Duration::from_secs(2)
    }

    #[test]
    fn only_what_ends_within_the_window_counts() {
        let window = window();
        let mut measured = Measured::of(&window).unwrap();
        let sent = window.start;
        measured.count(&window, Some(sent), sent + Duration::from_millis(5));
        measured.count(&window, Some(sent), window.end);
        measured.count(&window, None, sent + Duration::from_millis(7));
        assert_eq!((measured.done, measured.total), (2, 3));
        assert!((measured.rate() - 1.0).abs() < f64::EPSILON);
        assert!((measured.latency_ms(0.99) - 5.0).abs() < 0.01);
    }

    #[test]
    fn failures_are_told() {
        let window = window();
        let mut measured = Measured::of(&window).unwrap();
        measured.count(&window, None, window.start);
        measured.fail(b"HTTP/1.1 500");
        let error = measured.checked().unwrap_err().to_string();
        assert_eq!(error, "1 of 2 requests failed: HTTP/1.1 500");
        assert!(
            Measured::of(&window).unwrap().checked().is_err(),
            "nothing was measured"
        );
    }
}
