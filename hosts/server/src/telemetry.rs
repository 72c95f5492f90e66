//! Logs to standard error (text on a terminal, JSON otherwise) and metrics in Prometheus' form.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use kyc_core::table::table;
use metrics::{Counter, Histogram};
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

/// Starts counting.
pub(crate) fn start_metrics() -> Result<PrometheusHandle, Failure> {
    let builder = PrometheusBuilder::new()
        .set_buckets(&[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0])
        .and_then(|builder| {
            let sizes = Matcher::Full("kyc_store_group_size".to_owned());
            builder.set_buckets_for_metric(sizes, &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
        })
        .map_err(|error| Failure::new(format!("metrics: {error}")))?;
    let handle = builder
        .install_recorder()
        .map_err(|error| Failure::new(format!("metrics: {error}")))?;
    metrics::describe_counter!(
        "kyc_requests_total",
        "Requests served, by transport and status; of TCP by command too"
    );
    metrics::describe_histogram!(
        "kyc_request_seconds",
        metrics::Unit::Seconds,
        "Time to serve a request, by transport"
    );
    metrics::describe_gauge!("kyc_connections", "Open connections, by transport");
    metrics::describe_counter!("kyc_due_total", "Customers for whom something due was applied");
    Ok(handle)
}

/// Counts the requests of a transport. What successes are counted by is looked up once.
pub(crate) struct Requests {
    transport: &'static str,
    seconds: Histogram,
    successes: HashMap<&'static str, OnceLock<Counter>>,
    /// Those of whom no command is told.
    plain_successes: OnceLock<Counter>,
}

impl Requests {
    pub(crate) fn of(transport: &'static str) -> Self {
        let names = table().iter().map(|command| command.name);
        Self {
            transport,
            seconds: metrics::histogram!("kyc_request_seconds", "transport" => transport),
            successes: names.map(|name| (name, OnceLock::new())).collect(),
            plain_successes: OnceLock::new(),
        }
    }

    /// Counts a served request.
    pub(crate) fn count(&self, command: &'static str, status: u16, took: Duration) {
        let counter = || {
            let (transport, status) = (self.transport, status.to_string());
            metrics::counter!("kyc_requests_total", "transport" => transport, "command" => command, "status" => status)
        };
        let known = match (command, status) {
            ("", 200) => Some(&self.plain_successes),
            (_, 200) => self.successes.get(command),
            _ => None,
        };
        match known {
            Some(known) => known.get_or_init(counter).increment(1),
            None => counter().increment(1),
        }
        self.seconds.record(took.as_secs_f64());
    }
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
