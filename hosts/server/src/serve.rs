//! `kycd serve`: opens the data directory, wires the ports, listens, and drains when it is told to stop.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use kyc_fs::FsBlobs;
use kyc_http::Http;
use kyc_ports::app::{App, Ports, Rate};
use kyc_ports::outbound::Outbound;
use kyc_ports::tokens::Tokens;
use kyc_ports::vault::Vault;
use kyc_sqlite::{Options, SqliteStore};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Failure;
use crate::begun::Aside;
use crate::data_dir::{DataDir, Lock};
use crate::hub::Hub;
use crate::ports::{NoTokens, SystemClock, SystemEntropy, outbound, vault, verifier};
use crate::settings::{PlatformSettings, ServeOptions};
use crate::telemetry::{self, Metrics};
use crate::tls::{Io, Tls};
use crate::{calls, control, tcp, web};

/// How often what is due is looked for.
const TICK: Duration = Duration::from_secs(1);
/// How often unclaimed files are looked for.
const SWEEP: Duration = Duration::from_hours(1);
/// How long requests under way may take when the server stops.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A server that has been wired, but does not listen yet.
pub(crate) struct Server {
    options: ServeOptions,
    dir: DataDir,
    app: App,
    store: Arc<SqliteStore>,
    hub: Hub,
    tls: Tls,
    metrics: Arc<Metrics>,
    /// Where requests go on that must wait.
    aside: Aside,
    _lock: Lock,
}

/// Serves until it is told to stop.
pub(crate) fn run(options: ServeOptions) -> Result<(), Failure> {
    let server = Server::open(options)?;
    runtime()?.block_on(server.serve(|_| {}))
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|error| Failure::new(format!("threads: {error}")))
}

/// What the application is wired with, beside its data directory.
pub(crate) struct Wiring {
    readers: usize,
    tokens: Arc<dyn Tokens>,
    vault: Arc<dyn Vault>,
    outbound: Arc<dyn Outbound>,
}

impl Wiring {
    fn of_server(dir: &DataDir, options: &ServeOptions) -> Result<Self, Failure> {
        Ok(Self {
            readers: usize::from(options.readers),
            tokens: Arc::new(verifier(dir, &options.tokens)?),
            ..Self::of_operator(dir, &options.platforms)?
        })
    }

    /// For the operator at the machine, who needs no token.
    pub(crate) fn of_operator(dir: &DataDir, platforms: &PlatformSettings) -> Result<Self, Failure> {
        Ok(Self {
            readers: 1,
            tokens: Arc::new(NoTokens),
            vault: Arc::new(vault(dir, platforms)?),
            outbound: Arc::new(outbound(platforms)?),
        })
    }

    /// Opens the databases and files, and puts all together.
    pub(crate) fn wire(self, dir: &DataDir) -> Result<(App, Hub, Arc<SqliteStore>), Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", dir.root().display()));
        let options = Options {
            readers: self.readers,
            ..Options::default()
        };
        let store = SqliteStore::open(&dir.bases(), options).map_err(|error| failed(&error))?;
        let store = Arc::new(store);
        let blobs = FsBlobs::open(dir.storage()).map_err(|error| failed(&error))?;
        let hub = Hub::new();
        let app = App::new(Ports {
            store: store.clone(),
            blobs: Arc::new(blobs),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            tokens: self.tokens,
            notify: Arc::new(hub.clone()),
            outbound: self.outbound,
            vault: self.vault,
        });
        Ok((app, hub, store))
    }
}

impl Server {
    /// Opens the data directory, which is made if it is missing.
    pub(crate) fn open(options: ServeOptions) -> Result<Self, Failure> {
        telemetry::start_log(&options.log)?;
        let metrics = Arc::new(Metrics::start()?);
        let dir = DataDir::create(&options.data.data_dir)?;
        let lock = dir.lock()?;
        let tls = Tls::of(&options)?;
        let (app, hub, store) = Wiring::of_server(&dir, &options)?.wire(&dir)?;
        let rate = i64::from(options.webhook_source_rate);
        let source_rate = (rate > 0).then_some(Rate {
            per_second: rate,
            burst: rate * 5,
        });
        let app = app
            .with_file_bytes_max(options.file_bytes_max)
            .with_source_rate(source_rate)
            .with_cache_bytes(options.cache_bytes);
        Ok(Self {
            options,
            dir,
            app,
            store,
            hub,
            tls,
            metrics,
            aside: Aside::start().map_err(|error| Failure::new(format!("threads: {error}")))?,
            _lock: lock,
        })
    }

    pub(crate) const fn app(&self) -> &App {
        &self.app
    }

    pub(crate) const fn dir(&self) -> &DataDir {
        &self.dir
    }

    /// Listens and serves until SIGTERM or SIGINT; `ready` is called with where.
    pub(crate) async fn serve(self, ready: impl FnOnce(&Addresses)) -> Result<(), Failure> {
        // Before anybody is told that the server is up: whoever is may ask it to stop.
        let stop_signal = stop_signal()?;
        let stop = CancellationToken::new();
        let http = bind(self.options.http).await?;
        let tcp = bind(self.options.tcp).await?;
        // Whoever is told where the server listens may give it commands.
        #[cfg(unix)]
        let control = control::Listener::bind(&self.dir);
        let addresses = self.announce(&http, &tcp)?;
        ready(&addresses);
        let timeouts = Timeouts::of(&self.options);
        let mut tasks = JoinSet::new();
        let routes = web::Web::new(
            Http::new(self.app.clone()).with_body_bytes_max(self.options.body_bytes_max),
            web::Pages::new(self.app.clone(), self.metrics.clone()),
            timeouts,
            self.metrics.http.clone(),
            self.aside.handle(),
        );
        let web = web::Listener {
            routes: Arc::new(routes),
            timeouts,
            stop: stop.clone(),
        };
        tasks.spawn(accept(
            http,
            self.tls.clone(),
            self.options.connections_max,
            stop.clone(),
            move |io, peer| web.clone().serve(io, peer),
        ));
        let tcp_host = tcp::Listener {
            app: self.app.clone(),
            hub: self.hub.clone(),
            frame_bytes_max: self.options.frame_bytes_max,
            timeouts,
            stop: stop.clone(),
            requests: self.metrics.tcp.clone(),
            aside: self.aside.handle(),
        };
        tasks.spawn(accept(
            tcp,
            self.tls.clone(),
            self.options.connections_max,
            stop.clone(),
            move |io, _| tcp_host.clone().serve(io),
        ));
        tasks.spawn(tick(self.app.clone(), self.metrics.clone(), stop.clone()));
        tasks.spawn(calls::send(self.app.clone(), self.hub.callable(), stop.clone()));
        tasks.spawn(calls::reconcile(self.app.clone(), stop.clone()));
        #[cfg(unix)]
        if let Some(control) = control {
            tasks.spawn(control.serve(self.app.clone(), stop.clone()));
        }
        let is_broken = tokio::select! {
            () = stop_signal => false,
            () = self.store.broken() => true,
        };
        tracing::info!("stopping");
        stop.cancel();
        let drained = tokio::time::timeout(DRAIN, async { while tasks.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!("requests under way were cut off");
        }
        if is_broken {
            return Err(Failure::new(
                "a commit failed midway, so that nobody knows what the disk holds; start the server again",
            ));
        }
        Ok(())
    }

    fn announce(&self, http: &TcpListener, tcp: &TcpListener) -> Result<Addresses, Failure> {
        let address = |listener: &TcpListener| listener.local_addr().map_err(|error| Failure::new(error.to_string()));
        let addresses = Addresses {
            scheme: self.tls.scheme(),
            http: address(http)?,
            tcp: address(tcp)?,
        };
        let path = self.dir.root().join("server.json");
        let known =
            serde_json::json!({ "http": addresses.http, "tcp": addresses.tcp, "tls": self.tls.scheme() == "https" });
        std::fs::write(&path, known.to_string()).map_err(|error| crate::data_dir::failed(&path, &error))?;
        tracing::info!(
            data_dir = %self.dir.root().display(),
            http = %format!("{}://{}", addresses.scheme, addresses.http),
            tcp = %addresses.tcp,
            "listening"
        );
        Ok(addresses)
    }
}

/// Where a server listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) scheme: &'static str,
    pub(crate) http: SocketAddr,
    pub(crate) tcp: SocketAddr,
}

/// How long peers may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) idle: Duration,
    pub(crate) stall: Duration,
}

impl Timeouts {
    const fn of(options: &ServeOptions) -> Self {
        Self {
            idle: Duration::from_secs(options.idle_seconds_max),
            stall: Duration::from_secs(options.stall_seconds_max),
        }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| Failure::new(format!("{address}: {error}; give another address")))
}

/// Accepts connections and serves each in a task of its own, a bounded number at once.
async fn accept<S, F>(listener: TcpListener, tls: Tls, connections_max: u32, stop: CancellationToken, serve: S)
where
    S: Fn(Box<dyn Io>, IpAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(connections_max as usize));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            (place, accepted) = next => match accepted {
                Ok((stream, peer)) => {
                    let (serve, tls) = (serve.clone(), tls.clone());
                    connections.spawn(async move {
                        let _place = place;
                        if let Some(io) = handshake(&tls, stream).await {
                            serve(io, peer.ip()).await;
                        }
                    });
                }
                Err(error) => {
                    // Out of descriptors, most likely: serving goes on, and accepting after a breath.
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn handshake(tls: &Tls, stream: TcpStream) -> Option<Box<dyn Io>> {
    let _ = stream.set_nodelay(true);
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(io)) => Some(io),
        Ok(Err(error)) => {
            tracing::debug!(%error, "handshake failed");
            None
        }
        Err(_) => None,
    }
}

/// Applies what is due, and cleans up.
async fn tick(app: App, metrics: Arc<Metrics>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut sweeps = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {
                match app.apply_due().await {
                    Ok(ticked) => metrics::counter!("kyc_due_total").increment(ticked.customers as u64),
                    Err(error) => tracing::warn!(%error, "what is due could not be applied"),
                }
                let cache = app.cache_figures();
                metrics::counter!("kyc_cache_hits_total").absolute(cache.hits);
                metrics::counter!("kyc_cache_misses_total").absolute(cache.misses);
                metrics::gauge!("kyc_cache_bytes").set(cache.bytes as f64);
                metrics::gauge!("kyc_cache_entries").set(cache.entries as f64);
                metrics.run_upkeep();
            }
            _ = sweeps.tick() => match app.sweep_files().await {
                Ok(0) => {}
                Ok(files) => tracing::info!(files, "removed files that nothing names"),
                Err(error) => tracing::warn!(%error, "unclaimed files could not be removed"),
            },
        }
    }
}

#[cfg(unix)]
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: std::io::Error| Failure::new(format!("signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    Ok(async {
        // Where there is no signal to wait for, the server runs until it is ended.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
