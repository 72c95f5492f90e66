//! The application: authenticate → authorise → read → load → decide → commit → reply, the same for every host.

mod admission;
mod cache;
mod calls;
mod change;
mod files;
mod generations;
mod keyed;
mod limiter;
mod read;
mod reconcile;
mod reply;
mod sessions;
mod states;
mod tick;
mod turns;
mod webhook;

use std::sync::Arc;

use kyc_core::actor::Actor;
use kyc_core::command::{Call, Command, Target};
use kyc_core::id::CustomerKey;
use kyc_core::json::to_ascii;
use kyc_core::limits::FILE_BYTES_MAX;
use kyc_core::rejection::Rejection;
use kyc_core::status::Session;
use kyc_core::time::Time;
use serde_json::{Map, Value};

use crate::app::admission::Admission;
use crate::app::cache::Cache;
use crate::app::limiter::Limits;
pub use crate::app::sessions::LastToken;
use crate::app::sessions::Sessions;
use crate::app::turns::Turns;
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::notify::Notify;
use crate::outbound::Outbound;
use crate::store::{Store, StoreError, Thing};
use crate::tokens::{Tokens, Verified};
use crate::vault::Vault;

pub use cache::CacheFigures;
pub use files::{OpenFile, RangeWanted, Upload, UploadFor};
pub use keyed::check_key;
pub use limiter::Rate;
pub use reply::Reply;
pub use tick::Ticked;
pub use webhook::WebhookRequest;

/// What the application needs from outside.
#[derive(Clone)]
pub struct Ports {
    /// Streams and rows.
    pub store: Arc<dyn Store>,
    /// Bytes of files.
    pub blobs: Arc<dyn Blobs>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Salts and file ids.
    pub entropy: Arc<dyn Entropy>,
    /// Who calls.
    pub tokens: Arc<dyn Tokens>,
    /// Whom to tell.
    pub notify: Arc<dyn Notify>,
    /// Calls to platforms.
    pub outbound: Arc<dyn Outbound>,
    /// Sealed secrets.
    pub vault: Arc<dyn Vault>,
}

/// Serves commands over its ports.
#[derive(Clone)]
pub struct App {
    ports: Ports,
    file_bytes_max: u64,
    source_rate: Option<Rate>,
    turns: Turns,
    admission: Admission,
    limits: Arc<Limits>,
    sessions: Sessions,
    cache: Option<Arc<Cache>>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

/// A request for a command, from any host.
#[derive(Debug)]
pub struct Request {
    /// The command, from the table.
    pub command: &'static Command,
    /// Its parameters.
    pub data: Map<String, Value>,
    /// The caller's token.
    pub token: Option<String>,
    /// The idempotency key, for commands that change something.
    pub idempotency_key: Option<String>,
}

impl App {
    /// An application over these ports.
    pub fn new(ports: Ports) -> Self {
        Self::of(ports, Turns::default())
    }

    /// The same for a host on which one request cannot wake another: commands about one stream do not wait for each
    /// other, the commit's version alone decides, as between processes.
    pub fn without_turns(ports: Ports) -> Self {
        Self::of(ports, Turns::none())
    }

    fn of(ports: Ports, turns: Turns) -> Self {
        Self {
            ports,
            file_bytes_max: FILE_BYTES_MAX,
            source_rate: None,
            turns,
            admission: Admission::default(),
            limits: Arc::default(),
            sessions: Sessions::default(),
            cache: None,
        }
    }

    /// Keeps rendered replies and loaded states in memory, up to so many bytes. Only where all commits to the store are this
    /// application's.
    #[must_use]
    pub fn with_cache_bytes(mut self, bytes: u64) -> Self {
        self.cache = (bytes > 0).then(|| Arc::new(Cache::new(bytes)));
        self
    }

    /// The cache, if there is one. A component never has one, for other instances commit too; where the compiler sees
    /// that, it leaves the code out.
    fn cache(&self) -> Option<&Cache> {
        if cfg!(target_family = "wasm") {
            None
        } else {
            self.cache.as_deref()
        }
    }

    /// What is known of the cache; nothing where there is none.
    pub fn cache_figures(&self) -> CacheFigures {
        self.cache().map(Cache::figures).unwrap_or_default()
    }

    /// Takes webhooks from one address at this rate; at any rate unless it is set.
    #[must_use]
    pub const fn with_source_rate(mut self, rate: Option<Rate>) -> Self {
        self.source_rate = rate;
        self
    }

    /// Takes files up to this size.
    #[must_use]
    pub const fn with_file_bytes_max(mut self, bytes: u64) -> Self {
        self.file_bytes_max = bytes;
        self
    }

    /// The largest file it takes.
    pub const fn file_bytes_max(&self) -> u64 {
        self.file_bytes_max
    }

    /// Serves one request.
    pub async fn call(&self, request: Request) -> Result<Reply, Rejection> {
        let command = request.command;
        let result = match self.authenticate(request.token.as_deref()) {
            Ok(caller) => self.answer_to(&caller.actor, request).await,
            Err(rejection) => Err(rejection),
        };
        result.inspect_err(|rejection| log_refusal(command, rejection))
    }

    /// Serves a request of a caller who has been authenticated; its token may have ended since.
    pub async fn call_by(&self, caller: &Verified, request: Request) -> Result<Reply, Rejection> {
        let command = request.command;
        let result = if self.now() < caller.expires {
            self.answer_to(&caller.actor, request).await
        } else {
            Err(Rejection::Unauthenticated("the token has expired"))
        };
        result.inspect_err(|rejection| log_refusal(command, rejection))
    }

    /// Serves a request of somebody whom the host knows without a token: the operator at the machine.
    pub async fn call_as(&self, actor: &Actor, request: Request) -> Result<Reply, Rejection> {
        self.answer_to(actor, request).await
    }

    async fn answer_to(&self, actor: &Actor, request: Request) -> Result<Reply, Rejection> {
        request.command.access.check(actor.session)?;
        match self.cache() {
            Some(cache) if request.command.is_view => self.cached(cache, actor, request).await.map(Reply::from),
            // Boxed, so that a request that memory answers does not carry the room for all others.
            _ => Box::pin(self.made(actor, request)).await.map(Reply::from),
        }
    }

    async fn made(&self, actor: &Actor, request: Request) -> Result<String, Rejection> {
        let keyed = keyed::Keyed::of(&request, actor)?;
        let _place = request.command.changes.then(|| self.admission.place()).transpose()?;
        match request.command.read(request.data)? {
            Call::Change(change) => self.change(actor, change.as_ref(), keyed.as_ref()).await,
            Call::Configure(change) => self.configure(actor, change.as_ref(), keyed.as_ref()).await,
            Call::View(view) => self.view(actor, view.as_ref()).await,
            Call::ViewBrand(view) => self.view_brand(actor, view.as_ref()).await,
            Call::List(list) => self.list(actor, list.as_ref()).await,
            Call::Reconcile(part) => self.reconcile(actor, &part).await.map(|reply| to_ascii(&reply)),
        }
    }

    /// Who calls, if the token is good.
    pub fn authenticate(&self, token: Option<&str>) -> Result<Arc<Verified>, Rejection> {
        let token = token.ok_or(Rejection::Unauthenticated("a token is needed"))?;
        self.sessions
            .verify(self.ports.tokens.as_ref(), token, self.now())
            .map_err(|bad| Rejection::Unauthenticated(bad.0))
    }

    /// The same for one of a connection's requests, which mostly carry the same token.
    pub fn authenticate_again(&self, last: &LastToken, token: Option<&str>) -> Result<Arc<Verified>, Rejection> {
        let token = token.ok_or(Rejection::Unauthenticated("a token is needed"))?;
        self.sessions
            .verify_again(last, self.ports.tokens.as_ref(), token, self.now())
            .map_err(|bad| Rejection::Unauthenticated(bad.0))
    }

    /// Whether a write would go through now.
    pub async fn check_writable(&self) -> Result<(), Rejection> {
        self.ports.store.check_writable().await.map_err(refused)
    }

    /// The clock's time.
    pub fn now(&self) -> Time {
        self.ports.clock.now()
    }

    /// Whose the target is; a customer who is not the caller's to see does not exist, or is not theirs.
    async fn locate(&self, actor: &Actor, target: Target) -> Result<CustomerKey, Rejection> {
        let name = target.thing();
        let thing = match target {
            Target::Customer(key) => {
                check_visible(actor, &key, name)?;
                return Ok(key);
            }
            Target::Profile(id) => Thing::Profile(id),
            Target::Step(id) => Thing::Step(id),
            Target::Document(id) => Thing::Document(id),
            Target::Delivery(id) => Thing::Delivery(id),
        };
        let key = self.owner(thing).await?.ok_or(Rejection::NotFound(name))?;
        check_visible(actor, &key, name)?;
        Ok(key)
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], Rejection> {
        let mut bytes = [0; N];
        self.draw(&mut bytes)?;
        Ok(bytes)
    }

    fn draw(&self, bytes: &mut [u8]) -> Result<(), Rejection> {
        self.ports.entropy.fill(bytes).map_err(|error| {
            tracing::error!(%error, "no randomness");
            Rejection::Unavailable
        })
    }
}

/// A customer asks for its own things only; to everybody else, brands beyond their token do not exist.
fn check_visible(actor: &Actor, key: &CustomerKey, name: &'static str) -> Result<(), Rejection> {
    if actor.session == Session::Customer {
        return if actor.customer.as_ref() == Some(key) {
            Ok(())
        } else {
            Err(Rejection::Forbidden("this is not yours"))
        };
    }
    if actor.scope.sees(&key.brand) {
        Ok(())
    } else {
        Err(Rejection::NotFound(name))
    }
}

/// Refusals for want of room are counted only: they come by the thousand.
fn log_refusal(command: &Command, rejection: &Rejection) {
    if matches!(rejection, Rejection::TooFrequent { .. }) {
        return;
    }
    tracing::info!(
        command = command.name,
        status = rejection.status(),
        error = rejection.code(),
        "refused"
    );
}

/// What the caller is told when the store fails; the cause goes to the log.
fn refused(error: impl Into<StoreError>) -> Rejection {
    match error.into() {
        StoreError::Busy => Rejection::TooFrequent { retry_after_seconds: 1 },
        StoreError::Conflict => Rejection::Unavailable,
        StoreError::Failed(cause) => {
            tracing::error!(cause, "the store failed");
            Rejection::Unavailable
        }
        StoreError::Unknown(cause) => {
            tracing::error!(cause, "a commit failed midway");
            Rejection::OutcomeUnknown
        }
        StoreError::NotGranted(missing) => {
            tracing::error!(missing, "the store was not granted what it needs");
            Rejection::NotGranted(missing)
        }
    }
}
