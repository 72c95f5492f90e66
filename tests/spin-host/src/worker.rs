//! One instance and the requests on it: limits, reuse, cancellation. wasmtime's `ProxyHandler` does the dispatch.

use crate::manifest::Component;
use crate::outbound::Hooks;
use crate::sqlite::{Session, lock};
use crate::{App, Reuse};
use futures_util::task::AtomicWaker;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Sleep;
use wasmtime::component::{GuestTaskId, ResourceTable};
use wasmtime::{Engine, ResourceLimiter, Result, Store, StoreContextMut};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// What the host keeps for one instance.
pub(crate) struct Data {
    pub(crate) table: ResourceTable,
    pub(crate) component: Arc<Component>,
    pub(crate) app: Arc<App>,
    pub(crate) tickets: HashMap<GuestTaskId, Arc<Ticket>>,
    /// Open connections to databases.
    pub(crate) connections: usize,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    memory: MemoryLimit,
    occupancy: Arc<Occupancy>,
}

impl WasiView for Data {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Data {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// Counts all linear memories of an instance together.
struct MemoryLimit {
    app: Arc<App>,
    bytes: usize,
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let total = self.bytes + desired - current;
        if total > self.app.limits.memory_bytes || maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.bytes = total;
        self.app.stats.peak_memory_bytes.fetch_max(total as u64, SeqCst);
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }
}

/// How an instance knows that nobody waits for it any more.
#[derive(Default)]
struct Occupancy {
    /// Requests whose caller still waits for the head or reads the body.
    waiting: AtomicUsize,
    /// A caller went away, so the instance must not live longer than its other requests.
    abandoned: AtomicBool,
    /// The host ended the instance; this is no trap of the guest.
    ended: AtomicBool,
    /// Counted among the busy ones.
    busy: AtomicBool,
    /// Closed when the instance is gone.
    gone: Gone,
    /// Requests that have just begun, until the guest waits for something.
    beginning: Mutex<Vec<Arc<Ticket>>>,
    waker: AtomicWaker,
}

impl Occupancy {
    fn set_busy(&self, app: &App, is_busy: bool) {
        if self.busy.swap(is_busy, SeqCst) != is_busy {
            let busy = &app.stats.instances_busy;
            busy.send_modify(|busy| if is_busy { *busy += 1 } else { *busy -= 1 });
        }
    }
}

struct Gone(Semaphore);

impl Default for Gone {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

/// One request on its way through an instance.
#[derive(Default)]
pub(crate) struct Ticket {
    state: Mutex<TicketState>,
    cancelled: Notify,
    began: Notify,
}

#[derive(Default)]
struct TicketState {
    cancelled: bool,
    occupancy: Option<Arc<Occupancy>>,
    finished: bool,
    sessions: Vec<Weak<Session>>,
}

impl Ticket {
    /// Notes a connection that this request has begun to use, if it has; false if the request was cancelled already.
    pub(crate) fn uses(&self, session: Option<&Arc<Session>>) -> bool {
        let mut state = lock(&self.state);
        state.sessions.extend(session.map(Arc::downgrade));
        !state.cancelled
    }

    /// The caller has read the response, or does not want the rest of it.
    pub(crate) fn finish(&self) {
        let mut state = lock(&self.state);
        if let Some(occupancy) = &state.occupancy
            && !state.finished
        {
            occupancy.waiting.fetch_sub(1, SeqCst);
            occupancy.waker.wake();
        }
        state.finished = true;
    }

    /// Waits until the guest has taken up this request and waits for something, so that its instance takes another.
    pub(crate) async fn began(&self) {
        self.began.notified().await;
    }

    /// Waits for the end of the instance, so that a caller who sees a 500 finds the trap counted.
    pub(crate) async fn instance_gone(&self) {
        let occupancy = lock(&self.state).occupancy.clone();
        if let Some(occupancy) = occupancy {
            let _closed = occupancy.gone.0.acquire().await;
        }
    }

    /// The caller went away: connections that it holds close at once, and the instance ends when its other requests have.
    pub(crate) fn cancel(&self) {
        let mut state = lock(&self.state);
        state.cancelled = true;
        for session in state.sessions.drain(..).filter_map(|session| session.upgrade()) {
            if session.is_held_by(self) {
                session.revoke();
            }
        }
        if let Some(occupancy) = &state.occupancy {
            occupancy.abandoned.store(true, SeqCst);
        }
        drop(state);
        self.cancelled.notify_one();
        self.finish();
    }

    fn board(self: &Arc<Self>, occupancy: &Arc<Occupancy>) {
        lock(&occupancy.beginning).push(self.clone());
        let mut state = lock(&self.state);
        if state.cancelled {
            occupancy.abandoned.store(true, SeqCst);
        } else {
            occupancy.waiting.fetch_add(1, SeqCst);
            state.occupancy = Some(occupancy.clone());
        }
    }
}

/// Makes instances of one component.
pub(crate) struct Maker {
    pub(crate) engine: Engine,
    pub(crate) pre: ProxyPre<Data>,
    pub(crate) component: Arc<Component>,
    pub(crate) app: Arc<App>,
}

impl HandlerState for Maker {
    type StoreData = Data;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> Result<Instance<Data, Expiration, Worker>> {
        #[expect(clippy::disallowed_methods, reason = "measures, decides nothing")]
        let started = Instant::now();
        let occupancy = Arc::new(Occupancy::default());
        let mut wasi = WasiCtx::builder();
        wasi.inherit_stdout();
        match &self.app.log {
            Some(log) => wasi.stderr(log.0.clone()),
            None => wasi.inherit_stderr(),
        };
        for (name, value) in &self.component.environment {
            wasi.env(name, value);
        }
        let data = Data {
            table: ResourceTable::new(),
            component: self.component.clone(),
            app: self.app.clone(),
            tickets: HashMap::new(),
            connections: 0,
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: Hooks {
                component: self.component.clone(),
                app: self.app.clone(),
            },
            memory: MemoryLimit {
                app: self.app.clone(),
                bytes: 0,
            },
            occupancy: occupancy.clone(),
        };
        let mut store = Store::new(&self.engine, data);
        store.limiter(|data| &mut data.memory);
        // A busy guest yields at every tick, so that its time limit can end it.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let proxy = self.pre.instantiate_async(&mut store).await?;
        let stats = &self.app.stats;
        stats.count(&stats.instances);
        stats.instances_live.send_modify(|live| *live += 1);
        stats
            .instantiation_nanos
            .fetch_add(started.elapsed().as_nanos() as u64, SeqCst);
        let expiration = Expiration {
            occupancy,
            sleep: Box::pin(tokio::time::sleep_until(started.into())),
            app: self.app.clone(),
            begun: Vec::new(),
        };
        let worker = Worker {
            component: self.component.clone(),
            app: self.app.clone(),
        };
        Ok(Instance {
            store,
            proxy,
            view: Data::http,
            expiration,
            state: worker,
        })
    }
}

/// The life of one instance, as `ProxyHandler` asks for it.
pub(crate) struct Worker {
    component: Arc<Component>,
    app: Arc<App>,
}

impl WorkerState for Worker {
    type StoreData = Data;
    type RequestData = Arc<Ticket>;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        match self.app.reuse {
            Reuse::PerRequest if total == 0 => ShouldAccept::Yes,
            Reuse::PerRequest => ShouldAccept::Never,
            Reuse::Shared { requests, .. } if total >= requests => ShouldAccept::Never,
            Reuse::Shared { concurrent: most, .. } if concurrent >= most => ShouldAccept::No,
            Reuse::Shared { .. } => ShouldAccept::Yes,
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, Data>,
        ticket: Arc<Ticket>,
        task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        let data = store.data_mut();
        data.occupancy.set_busy(&self.app, true);
        ticket.board(&data.occupancy);
        data.tickets.insert(task, ticket.clone());
        Box::pin(async move { ticket.cancelled.notified().await })
    }

    fn drop(&self, store: Store<Data>, result: Result<()>) {
        let stats = &self.app.stats;
        let occupancy = store.data().occupancy.clone();
        // A runtime that shuts down drops its workers; they say that they panicked, which they do not.
        let dropped = matches!(&result, Err(e) if e.to_string() == "worker panicked") && !std::thread::panicking();
        if let Err(error) = result
            && !occupancy.ended.load(SeqCst)
            && !dropped
        {
            stats.count(&stats.traps);
            stats.problem(format!(
                "component {}: trapped: {}",
                self.component.id,
                error.root_cause()
            ));
        }
        drop(store);
        stats.instances_live.send_modify(|live| *live -= 1);
        occupancy.gone.0.close();
    }
}

/// Ends an instance that is idle for too long, or whose callers all went away.
pub(crate) struct Expiration {
    occupancy: Arc<Occupancy>,
    sleep: Pin<Box<Sleep>>,
    app: Arc<App>,
    /// Requests that had begun when this was last polled.
    begun: Vec<Arc<Ticket>>,
}

impl Drop for Expiration {
    fn drop(&mut self) {
        self.occupancy.set_busy(&self.app, false);
    }
}

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        self.occupancy.waker.register(cx.waker());
        if status == WorkerStatus::Idle {
            self.occupancy.set_busy(&self.app, false);
        }
        // The worker declares itself free for another request between this poll and the next one, not before.
        for ticket in self.begun.drain(..) {
            ticket.began.notify_one();
        }
        let begun = std::mem::take(&mut *lock(&self.occupancy.beginning));
        self.begun = begun;
        if !self.begun.is_empty() {
            cx.waker().wake_by_ref();
        }
        let nobody_waits = self.occupancy.waiting.load(SeqCst) == 0;
        let limit = match status {
            WorkerStatus::Idle => self.app.limits.idle_time,
            // The caller's own time limit turns into a cancellation.
            WorkerStatus::Requests => self.app.limits.request_time * 2,
            WorkerStatus::PostReturn => self.app.limits.request_time,
        };
        let deadline = (start + limit).into();
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        let over = nobody_waits && self.occupancy.abandoned.load(SeqCst);
        if over || self.sleep.as_mut().poll(cx).is_ready() {
            self.occupancy.ended.store(true, SeqCst);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
