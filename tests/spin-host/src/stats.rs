//! What the host counts, so that tests can assert on instances, traps and misuse instead of guessing from replies.

use crate::sqlite::lock;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::watch;

/// A snapshot of what happened since the host was made.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Requests that reached a component.
    pub requests: u64,
    /// Instances made.
    pub instances: u64,
    /// Instances that exist now.
    pub instances_live: u64,
    /// Instances that serve a request now, or do what goes on behind its answer.
    pub instances_busy: u64,
    /// Instances that ended in a trap.
    pub traps: u64,
    /// Requests that ran into the time limit.
    pub timeouts: u64,
    /// Requests that ended before their response head: the caller went away, or the time limit struck.
    pub cancelled: u64,
    /// Responses without a content-length: right for streams, but Spin stalls 40 ms on every other one.
    pub unsized_responses: u64,
    /// SQL statements executed.
    pub statements: u64,
    /// Outbound requests refused for want of a grant.
    pub outbound_denied: u64,
    /// Mistakes that Spin would hide: an unread result, two statements in one call.
    pub misuses: u64,
    /// The most linear memory that any one instance had, in bytes.
    pub peak_memory_bytes: u64,
    /// Time spent on making instances, all together.
    pub instantiation_time: Duration,
    /// The messages of traps and misuses, oldest first.
    pub problems: Vec<String>,
}

#[derive(Default)]
pub(crate) struct Stats {
    pub(crate) requests: AtomicU64,
    pub(crate) instances: AtomicU64,
    pub(crate) instances_live: watch::Sender<u64>,
    pub(crate) instances_busy: watch::Sender<u64>,
    pub(crate) traps: AtomicU64,
    pub(crate) timeouts: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) unsized_responses: AtomicU64,
    pub(crate) statements: AtomicU64,
    pub(crate) outbound_denied: AtomicU64,
    pub(crate) peak_memory_bytes: AtomicU64,
    pub(crate) instantiation_nanos: AtomicU64,
    misuses: AtomicU64,
    problems: Mutex<Vec<String>>,
}

impl Stats {
    #[expect(clippy::unused_self, reason = "reads as `stats.count(&stats.traps)` everywhere")]
    pub(crate) fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn problem(&self, message: String) {
        eprintln!("spin-host: {message}");
        lock(&self.problems).push(message);
    }

    /// Notes a misuse and makes the error that traps the guest.
    pub(crate) fn misuse(&self, message: &str) -> wasmtime::Error {
        self.count(&self.misuses);
        self.problem(format!("misuse: {message}"));
        wasmtime::format_err!("misuse: {message}")
    }

    pub(crate) fn snapshot(&self) -> Counters {
        Counters {
            requests: self.requests.load(Relaxed),
            instances: self.instances.load(Relaxed),
            instances_live: *self.instances_live.borrow(),
            instances_busy: *self.instances_busy.borrow(),
            traps: self.traps.load(Relaxed),
            timeouts: self.timeouts.load(Relaxed),
            cancelled: self.cancelled.load(Relaxed),
            unsized_responses: self.unsized_responses.load(Relaxed),
            statements: self.statements.load(Relaxed),
            outbound_denied: self.outbound_denied.load(Relaxed),
            misuses: self.misuses.load(Relaxed),
            peak_memory_bytes: self.peak_memory_bytes.load(Relaxed),
            instantiation_time: Duration::from_nanos(self.instantiation_nanos.load(Relaxed)),
            problems: lock(&self.problems).clone(),
        }
    }
}
