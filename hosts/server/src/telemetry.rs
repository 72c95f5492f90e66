//! Logs to standard error (text on a terminal, JSON otherwise) and metrics in Prometheus' form.

use std::collections::HashMap;
use std::fmt::{Display, Write};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_utils::CachePadded;
use kyc_core::table::table;
use metrics::Counter;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::Failure;

/// Starts logging.
pub(crate) fn start_log(filter: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter).map_err(|error| Failure::setting(format!("--log: {error}")))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.with_target(false).init();
    } else {
        log.json().init();
    }
    Ok(())
}

/// Upper bounds of the times that are told apart (seconds).
const BUCKETS: [f64; 11] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// Threads that count at the same time without meeting.
const STRIPES: usize = 16;

/// What is told in Prometheus' form.
pub(crate) struct Metrics {
    recorder: PrometheusHandle,
    pub(crate) http: Arc<Requests>,
    pub(crate) tcp: Arc<Requests>,
}

impl Metrics {
    /// Starts counting.
    pub(crate) fn start() -> Result<Self, Failure> {
        let failed = |error: &dyn Display| Failure::new(format!("metrics: {error}"));
        let sizes = Matcher::Full("kyc_store_group_size".to_owned());
        let builder = PrometheusBuilder::new()
            .set_buckets(&BUCKETS)
            .and_then(|builder| builder.set_buckets_for_metric(sizes, &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]));
        let builder = builder.map_err(|error| failed(&error))?;
        let recorder = builder.install_recorder().map_err(|error| failed(&error))?;
        metrics::describe_counter!(
            "kyc_requests_total",
            "Requests served, by transport, command (empty for none) and status"
        );
        metrics::describe_gauge!("kyc_connections", "Open connections, by transport");
        metrics::describe_counter!("kyc_due_total", "Customers for whom something due was applied");
        Ok(Self {
            recorder,
            http: Arc::new(Requests::of("http")),
            tcp: Arc::new(Requests::of("tcp")),
        })
    }

    /// All of it.
    pub(crate) fn render(&self) -> String {
        let requests = [&self.http, &self.tcp].map(|requests| (requests, requests.tally()));
        for (requests, tally) in &requests {
            requests.tell(tally);
        }
        let mut text = self.recorder.render();
        text.push_str("# HELP kyc_request_seconds Time to serve a request, by transport\n");
        text.push_str("# TYPE kyc_request_seconds histogram\n");
        for (requests, tally) in &requests {
            tally.render(requests.transport, &mut text);
        }
        text
    }

    /// To be called now and then: what was recorded takes room until it is.
    pub(crate) fn run_upkeep(&self) {
        self.recorder.run_upkeep();
    }
}

/// Counts the requests of a transport. Threads count in places of their own, as far as there are enough: over one for all,
/// processors would wait for one another a hundred thousand times a second.
pub(crate) struct Requests {
    transport: &'static str,
    stripes: [CachePadded<Mutex<Tally>>; STRIPES],
    /// Where a command's successes stand in a tally; those of no command too.
    places: HashMap<&'static str, usize>,
}

/// What a thread has counted.
#[derive(Debug, Clone, Default)]
struct Tally {
    /// Requests by how long they took; the last are those that took longer than all bounds.
    buckets: [u64; BUCKETS.len() + 1],
    took: Duration,
    /// Successes by the command's place; what is missing at the end is none.
    successes: Vec<u64>,
}

impl Requests {
    fn of(transport: &'static str) -> Self {
        let names = std::iter::once("").chain(table().iter().map(|command| command.name));
        Self {
            transport,
            stripes: Default::default(),
            places: names.zip(0..).collect(),
        }
    }

    /// Counts a served request; without a command's name where there is none.
    pub(crate) fn count(&self, command: &'static str, status: u16, took: Duration) {
        let success = self.places.get(command).filter(|_| status == 200).copied();
        if let Some(stripe) = self.stripes.get(stripe()) {
            locked(stripe).count(success, took);
        }
        if success.is_none() {
            self.counter(command, status).increment(1);
        }
    }

    fn counter(&self, command: &'static str, status: u16) -> Counter {
        let (transport, status) = (self.transport, status.to_string());
        metrics::counter!("kyc_requests_total", "transport" => transport, "command" => command, "status" => status)
    }

    /// What all threads have counted.
    fn tally(&self) -> Tally {
        self.stripes.iter().fold(Tally::default(), |mut sum, stripe| {
            sum.add(&locked(stripe));
            sum
        })
    }

    /// Tells the recorder of the successes.
    fn tell(&self, tally: &Tally) {
        for (command, place) in &self.places {
            if let Some(successes) = tally.successes.get(*place).filter(|successes| **successes > 0) {
                self.counter(command, 200).absolute(*successes);
            }
        }
    }
}

impl Tally {
    /// Counts a request, and a success in its place.
    fn count(&mut self, success: Option<usize>, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BUCKETS
            .iter()
            .position(|bound| seconds <= *bound)
            .unwrap_or(BUCKETS.len());
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
        }
        self.took = self.took.saturating_add(took);
        if let Some(place) = success {
            self.make_room(place + 1);
            if let Some(count) = self.successes.get_mut(place) {
                *count += 1;
            }
        }
    }

    fn make_room(&mut self, places: usize) {
        if self.successes.len() < places {
            self.successes.resize(places, 0);
        }
    }

    fn add(&mut self, other: &Self) {
        for (sum, count) in self.buckets.iter_mut().zip(other.buckets) {
            *sum += count;
        }
        self.took = self.took.saturating_add(other.took);
        self.make_room(other.successes.len());
        for (sum, count) in self.successes.iter_mut().zip(&other.successes) {
            *sum += count;
        }
    }

    /// A histogram in Prometheus' text format: each bucket counts the smaller ones too.
    fn render(&self, transport: &str, text: &mut String) {
        let bounds = BUCKETS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        let mut total = 0;
        for (bound, count) in bounds.zip(self.buckets) {
            total += count;
            let _ = writeln!(
                text,
                "kyc_request_seconds_bucket{{transport=\"{transport}\",le=\"{bound}\"}} {total}"
            );
        }
        let seconds = self.took.as_secs_f64();
        let _ = writeln!(text, "kyc_request_seconds_sum{{transport=\"{transport}\"}} {seconds}");
        let _ = writeln!(text, "kyc_request_seconds_count{{transport=\"{transport}\"}} {total}");
    }
}

fn locked(stripe: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    stripe.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This thread's.
fn stripe() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static STRIPE: usize = THREADS.fetch_add(1, Ordering::Relaxed) % STRIPES;
    }
    STRIPE.with(|stripe| *stripe)
}

/// An open connection, counted while it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection(&'static str);

impl OpenConnection {
    pub(crate) fn count(transport: &'static str) -> Self {
        metrics::gauge!("kyc_connections", "transport" => transport).increment(1);
        Self(transport)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        metrics::gauge!("kyc_connections", "transport" => self.0).decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn times_are_told_in_buckets_that_hold_the_smaller_ones() {
        let mut tally = Tally::default();
        for micros in [1, 500, 501, 250_000, 6_000_000] {
            tally.count(Some(0), Duration::from_micros(micros));
        }
        let mut text = String::new();
        tally.render("http", &mut text);
        let lines: Vec<_> = text.lines().collect();
        let value = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).unwrap();
        for (bound, count) in [
            ("0.0005", 2),
            ("0.001", 3),
            ("0.1", 3),
            ("0.25", 4),
            ("5", 4),
            ("+Inf", 5),
        ] {
            let name = format!("kyc_request_seconds_bucket{{transport=\"http\",le=\"{bound}\"}} ");
            assert_eq!(value(&name), count.to_string(), "{bound}");
        }
        assert_eq!(value("kyc_request_seconds_sum{transport=\"http\"} "), "6.251002");
        assert_eq!(value("kyc_request_seconds_count{transport=\"http\"} "), "5");
        assert_eq!(lines.len(), BUCKETS.len() + 3);
    }

    #[test]
    fn what_all_threads_count_adds_up() {
        let requests = Requests::of("http");
        thread::scope(|scope| {
            for _ in 0..STRIPES + 3 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        requests.count("MngGetKycProfile", 200, Duration::from_millis(2));
                        requests.count("", 404, Duration::from_secs(9));
                    }
                });
            }
        });
        let tally = requests.tally();
        let threads = STRIPES as u64 + 3;
        assert_eq!(tally.successes[requests.places["MngGetKycProfile"]], threads * 1_000);
        assert_eq!(tally.successes.iter().sum::<u64>(), threads * 1_000);
        assert_eq!(
            (tally.buckets[2], tally.buckets[11]),
            (threads * 1_000, threads * 1_000)
        );
        assert_eq!(tally.took, Duration::from_millis(9_002 * 1_000 * threads));
    }
}
