//! A strict test host for Spin components: it runs the shipped `.wasm` with the grants of the real `spin.toml`.
//!
//! Reading order: [`Host`] (here), `manifest`, `worker` (instances, limits, cancellation), `sqlite`, `outbound`.
//! It is a test tool: it refuses what Spin would let pass silently, and it is not made for production.
//!
//! What it cannot show: libsql, remote key-value stores, TLS, `wasi:sockets`, files, the `self` and CIDR forms of
//! `allowed_outbound_hosts`, Spin's own quirks in matching routes, and most of Spin's `spin-*` headers.

#![forbid(unsafe_code)]

mod grants;
mod manifest;
mod outbound;
mod route;
mod spin;
mod sqlite;
mod stats;
mod worker;

pub use outbound::{Gate, Outbound, TimeLimits};
pub use sqlite::StatementLog;
pub use stats::Counters;
pub use wasmtime_wasi_http::WasiBody;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::{Component, Linker};
use wasmtime::{Cache, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError, ProxyHandler, ProxyPre, TrapOrPanicError};
use wasmtime_wasi_http::{p2, p3};
use worker::{Data, Maker, Ticket};

/// More requests than these wait; it leaves room in the pool for instances that are still ending.
const MAX_REQUESTS_IN_FLIGHT: usize = 512;
const MAX_INSTANCES: u32 = 1000;
/// More than this on standard error ends the guest.
const GUEST_LOG_BYTES_MAX: usize = 16 * 1024 * 1024;
const EPOCH_TICK: Duration = Duration::from_millis(10);
/// How long tests wait for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// How many requests one instance serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// A fresh instance for each request.
    PerRequest,
    /// An instance serves up to `requests` in its life and `concurrent` of them interleaved.
    Shared {
        /// Requests in the life of an instance.
        requests: usize,
        /// Requests at the same time.
        concurrent: usize,
    },
}

impl Reuse {
    /// What Spin 4 does unless told otherwise.
    pub const SPIN: Self = Self::Shared {
        requests: 128,
        concurrent: 16,
    };
}

/// What one request and one instance may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the arrival of a request to its response head; afterwards again for the body and other late work.
    pub request_time: Duration,
    /// How long an instance waits for its next request.
    pub idle_time: Duration,
    /// All linear memories of one instance together.
    pub memory_bytes: usize,
    /// How long a statement waits for a database's lock.
    pub busy_time: Duration,
    /// How long a stub in place of the network may take to answer, if the guest does not set less.
    pub outbound_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(1),
            memory_bytes: 128 * 1024 * 1024,
            busy_time: Duration::from_secs(5),
            outbound_time: Duration::MAX,
        }
    }
}

/// How to run an application.
#[derive(Clone)]
pub struct Options {
    /// Values of application variables, as `spin up --variable`.
    pub variables: BTreeMap<String, String>,
    /// Component files to use instead of the manifest's `source`, by component id.
    pub sources: BTreeMap<String, PathBuf>,
    /// How many requests one instance serves.
    pub reuse: Reuse,
    /// What one request and one instance may use.
    pub limits: Limits,
    /// Where databases are kept; without it in a temporary directory that goes away with the host.
    pub state_dir: Option<PathBuf>,
    /// Answers granted outbound requests in place of the network.
    pub outbound: Option<Outbound>,
    /// Hears every SQL statement before it runs, in the order of one connection at least.
    pub statements: Option<StatementLog>,
    /// Keeps what guests write to standard error; without it that is the process's own.
    pub log: Option<GuestLog>,
}

/// What guests wrote to standard error. Clones are handles to the same text.
#[derive(Clone, Debug)]
pub struct GuestLog(MemoryOutputPipe);

impl Default for GuestLog {
    fn default() -> Self {
        Self(MemoryOutputPipe::new(GUEST_LOG_BYTES_MAX))
    }
}

impl GuestLog {
    /// All of it so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.contents()).into_owned()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            variables: BTreeMap::new(),
            sources: BTreeMap::new(),
            reuse: Reuse::SPIN,
            limits: Limits::default(),
            state_dir: None,
            outbound: None,
            statements: None,
            log: None,
        }
    }
}

/// Why an application cannot be loaded; every message is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The manifest cannot be read, or Spin would refuse it.
    #[error("manifest `{}`: {reason}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The component's file is missing, broken, or imports what this host does not offer.
    #[error("component `{id}` (`{}`): {reason}", wasm.display())]
    Component {
        /// The component's id in the manifest.
        id: String,
        /// Its file.
        wasm: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The state directory cannot be made.
    #[error("state directory: {0}")]
    State(#[from] std::io::Error),
    /// The engine cannot be set up on this machine.
    #[error("engine: {0}")]
    Engine(String),
}

/// A loaded application. Clones are handles to the same one.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    app: Arc<App>,
    routes: route::Routes,
    components: Vec<(String, ProxyHandler<Maker>)>,
    slots: Arc<Semaphore>,
    turn: tokio::sync::Mutex<()>,
}

/// What all instances of an application share.
pub(crate) struct App {
    pub(crate) stats: Arc<stats::Stats>,
    pub(crate) limits: Limits,
    pub(crate) reuse: Reuse,
    pub(crate) outbound: Option<Outbound>,
    pub(crate) statements: Option<StatementLog>,
    pub(crate) log: Option<GuestLog>,
    pub(crate) key_values: Mutex<spin::KeyValues>,
    state_dir: PathBuf,
    _temporary: Option<tempfile::TempDir>,
    host: OnceLock<Weak<Inner>>,
}

impl App {
    pub(crate) fn database_file(&self, label: &str) -> PathBuf {
        self.state_dir.join(format!("{label}.db"))
    }

    /// Service chaining: `http://<component>.spin.internal` reaches a component without a public route.
    pub(crate) async fn call_sibling(&self, id: &str, request: Request<WasiBody>) -> Option<Response<WasiBody>> {
        let host = self.host.get()?.upgrade()?;
        let index = host.components.iter().position(|(name, _)| name == id)?;
        // Boxed, because a request may lead to a request of the same kind.
        let answer: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(host.dispatch(index, request));
        Some(answer.await)
    }
}

impl Host {
    /// Loads the application whose manifest is at `path`, compiles its components and checks their imports.
    pub fn from_manifest(path: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        let manifest = manifest::read(path.as_ref(), &options.variables, &options.sources)?;
        let engine = engine()?;
        let temporary = options.state_dir.is_none().then(tempfile::tempdir).transpose()?;
        let state_dir = match (&temporary, options.state_dir) {
            (Some(temporary), _) => temporary.path().to_owned(),
            (None, given) => given.unwrap_or_default(),
        };
        std::fs::create_dir_all(&state_dir)?;
        let app = Arc::new(App {
            stats: Arc::default(),
            limits: options.limits,
            reuse: options.reuse,
            outbound: options.outbound,
            statements: options.statements,
            log: options.log,
            key_values: Mutex::default(),
            state_dir,
            _temporary: temporary,
            host: OnceLock::new(),
        });
        let linker = linker(engine).map_err(|e| Error::Engine(one_line(&e)))?;
        let components = manifest.components.into_iter().map(|component| {
            let pre = load(engine, &linker, &component.wasm).map_err(|e| Error::Component {
                id: component.id.clone(),
                wasm: component.wasm.clone(),
                reason: one_line(&e),
            })?;
            let id = component.id.clone();
            let maker = Maker {
                engine: engine.clone(),
                pre,
                component: Arc::new(component),
                app: app.clone(),
            };
            Ok((id, ProxyHandler::new(maker)))
        });
        let components = components.collect::<Result<_, Error>>()?;
        let slots = Arc::new(Semaphore::new(MAX_REQUESTS_IN_FLIGHT));
        let inner = Arc::new(Inner {
            app: app.clone(),
            routes: manifest.routes,
            components,
            slots,
            turn: tokio::sync::Mutex::default(),
        });
        let _first = app.host.set(Arc::downgrade(&inner));
        Ok(Self(inner))
    }

    /// Answers one request as Spin would. Dropping the future cancels the request: its connections are closed, which
    /// rolls back, and its instance ends as soon as no other request is on it.
    pub async fn handle<B>(&self, mut request: Request<B>) -> Response<WasiBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        make_absolute(&mut request);
        let path = request.uri().path();
        let Some(route) = self.0.routes.find(path) else {
            return text(StatusCode::NOT_FOUND, "no route matches");
        };
        let client = request
            .extensions()
            .get()
            .copied()
            .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
        let added = [
            ("spin-path-info", route.path_info(path)),
            ("spin-raw-component-route", route.raw.clone()),
            ("spin-full-url", request.uri().to_string()),
            ("spin-client-addr", client.to_string()),
        ];
        for (name, value) in added {
            if let Ok(value) = HeaderValue::try_from(value) {
                request.headers_mut().insert(name, value);
            }
        }
        let request = request.map(|body| {
            body.map_err(|e| wasmtime_wasi_http::Error::InternalError(Some(e.into().to_string())))
                .boxed_unsync()
        });
        self.0.dispatch(route.component, request).await
    }

    /// [`Host::handle`] with the response body read to its end; the error is the reason why it broke off.
    pub async fn call<B>(&self, request: Request<B>) -> Result<Response<Bytes>, String>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = self.handle(request).await.into_parts();
        let body = body.collect().await.map_err(|e| e.to_string())?.to_bytes();
        Ok(Response::from_parts(head, body))
    }

    /// Serves HTTP/1.1 with keep-alive until the future is dropped, which also closes all connections.
    pub async fn serve(&self, listener: TcpListener) -> std::io::Result<()> {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (stream, client) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let host = self.clone();
            let service = hyper::service::service_fn(move |mut request: Request<hyper::body::Incoming>| {
                let host = host.clone();
                request.extensions_mut().insert(client);
                async move { Ok::<_, Infallible>(host.handle(request).await) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new());
            connections.spawn(http.serve_connection(TokioIo::new(stream), service));
            while connections.try_join_next().is_some() {}
        }
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.0.app.stats.snapshot()
    }

    /// Waits until no instance serves a request or does what goes on behind its answer.
    ///
    /// # Panics
    ///
    /// When that does not come within a minute.
    pub async fn idle(&self) {
        let mut busy = self.0.app.stats.instances_busy.subscribe();
        // The sender lives as long as this handle.
        let zero = tokio::time::timeout(PATIENCE, busy.wait_for(|busy| *busy == 0)).await;
        assert!(zero.is_ok(), "instances stay busy");
    }

    /// Waits until there is no instance.
    ///
    /// # Panics
    ///
    /// When that does not come within a minute.
    pub async fn ended(&self) {
        let mut live = self.0.app.stats.instances_live.subscribe();
        // The sender lives as long as this handle.
        let zero = tokio::time::timeout(PATIENCE, live.wait_for(|live| *live == 0)).await;
        assert!(zero.is_ok(), "instances stay");
    }

    /// The file of a database, for tests that look into it.
    pub fn database_file(&self, label: &str) -> PathBuf {
        self.0.app.database_file(label)
    }
}

impl Inner {
    async fn dispatch(&self, component: usize, request: Request<WasiBody>) -> Response<WasiBody> {
        let stats = &self.app.stats;
        stats.count(&stats.requests);
        let slot = self.slots.clone().acquire_owned().await.ok();
        let ticket = Arc::new(Ticket::default());
        let mut guard = Guard {
            ticket: ticket.clone(),
            app: self.app.clone(),
            answered: false,
            _slot: slot,
        };
        let answer = self.answer(component, &ticket, request);
        let answer = tokio::time::timeout(self.app.limits.request_time, answer).await;
        match answer {
            Ok(Ok(response)) => {
                guard.answered = true;
                let bodiless = matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
                if !bodiless && !response.headers().contains_key(header::CONTENT_LENGTH) {
                    stats.count(&stats.unsized_responses);
                }
                response.map(|body| GuardedBody { body, _guard: guard }.boxed_unsync())
            }
            Ok(Err(error)) => {
                guard.answered = true;
                self.report(component, &ticket, &error).await;
                text(StatusCode::INTERNAL_SERVER_ERROR, "the component failed")
            }
            Err(_) => {
                stats.count(&stats.timeouts);
                text(StatusCode::GATEWAY_TIMEOUT, "the component took too long")
            }
        }
    }

    /// With shared instances, requests begin one after the other: a burst then meets on few instances, as densely
    /// interleaved as `Reuse` allows, where Spin would make an instance for each of its first requests.
    async fn answer(
        &self,
        component: usize,
        ticket: &Arc<Ticket>,
        request: Request<WasiBody>,
    ) -> wasmtime::Result<Response<WasiBody>> {
        let handler = &self.components[component].1;
        if self.app.reuse == Reuse::PerRequest {
            return handler.handle(ticket.clone(), request).await;
        }
        let turn = self.turn.lock().await;
        let mut answer = pin!(handler.handle(ticket.clone(), request));
        match select(answer.as_mut(), pin!(ticket.began())).await {
            Either::Left((answer, _)) => return answer,
            Either::Right(_) => drop(turn),
        }
        answer.await
    }

    /// A trap is reported by its instance.
    async fn report(&self, component: usize, ticket: &Ticket, error: &wasmtime::Error) {
        if error.is::<TrapOrPanicError>() || error.is::<ExpirationError>() {
            return ticket.instance_gone().await;
        }
        let message = match error.downcast_ref::<InstantiationError<Arc<Ticket>>>() {
            Some(failed) => format!("cannot be instantiated: {:#}", failed.error),
            None => format!("answered with an error: {error:#}"),
        };
        self.app
            .stats
            .problem(format!("component {}: {message}", self.components[component].0));
    }
}

/// Watches over one request until its caller has the whole response or goes away.
struct Guard {
    ticket: Arc<Ticket>,
    app: Arc<App>,
    answered: bool,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.answered {
            self.ticket.finish();
        } else {
            self.app.stats.count(&self.app.stats.cancelled);
            self.ticket.cancel();
        }
    }
}

struct GuardedBody {
    body: WasiBody,
    _guard: Guard,
}

impl Body for GuardedBody {
    type Data = Bytes;
    type Error = wasmtime_wasi_http::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// One engine for the process: it reserves the pool's address space once, however many hosts a test makes.
fn engine() -> Result<&'static Engine, Error> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| {
        let engine = make_engine().map_err(|e| one_line(&e))?;
        let ticking = engine.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(EPOCH_TICK);
                ticking.increment_epoch();
            }
        });
        Ok(engine)
    });
    engine.as_ref().map_err(|reason| Error::Engine(reason.clone()))
}

fn make_engine() -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(MAX_INSTANCES);
    pool.total_core_instances(MAX_INSTANCES * 4);
    pool.total_memories(MAX_INSTANCES);
    pool.total_tables(MAX_INSTANCES * 2);
    pool.total_stacks(MAX_INSTANCES);
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    config.epoch_interruption(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    // Compiled components are kept on disk by wasmtime itself: a test binary starts without compiling again.
    if let Ok(cache) = Cache::from_file(None) {
        config.cache(Some(cache));
    }
    Engine::new(&config)
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<Data>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    p2::add_only_http_to_linker_async(&mut linker)?;
    p3::add_to_linker(&mut linker)?;
    spin::add_to_linker(&mut linker)?;
    Ok(linker)
}

fn load(engine: &Engine, linker: &Linker<Data>, wasm: &Path) -> wasmtime::Result<ProxyPre<Data>> {
    let pre = linker.instantiate_pre(&Component::from_file(engine, wasm)?)?;
    match p3::bindings::ServicePre::new(pre.clone()) {
        Ok(pre) => Ok(ProxyPre::P3(pre)),
        Err(_) => Ok(ProxyPre::P2(p2::bindings::ProxyPre::new(pre)?)),
    }
}

/// The guest's request must have a scheme and an authority, which a request line does not carry.
fn make_absolute<B>(request: &mut Request<B>) {
    let mut parts = request.uri().clone().into_parts();
    if parts.scheme.is_some() && parts.authority.is_some() {
        return;
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<Authority>().ok());
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority.unwrap_or(Authority::from_static("localhost")));
    if parts.path_and_query.is_none() {
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
    }
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

fn text(status: StatusCode, message: &'static str) -> Response<WasiBody> {
    let body = Full::new(Bytes::from_static(message.as_bytes()));
    let mut response = Response::new(body.map_err(wasmtime_wasi_http::Error::from).boxed_unsync());
    *response.status_mut() = status;
    response
}

fn one_line(error: &wasmtime::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}
