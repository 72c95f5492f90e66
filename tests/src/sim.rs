//! A small world: the application over its memory ports, with a clock that jumps, randomness that repeats and tokens
//! that need no keys. What a scenario leaves behind is compared with a replay of its audit rows.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use kyc_core::actor::{Actor, BrandScope};
use kyc_core::audit::AuditRow;
use kyc_core::audit::verify::Chain;
use kyc_core::brand::{BrandState, Settings};
use kyc_core::command::TemplateNeed;
use kyc_core::commit::{Commit, KeptReply};
use kyc_core::customer::CustomerState;
use kyc_core::file::FileMeta;
use kyc_core::id::{
    Brand, CustomerId, CustomerKey, DeliveryId, DocumentId, FileId, ProfileId, Slug, StepId, TemplateId,
};
use kyc_core::level::LevelEntry;
use kyc_core::outbound::{Breaker, Delivery, QueuedCall};
use kyc_core::query::{Query, Rows};
use kyc_core::recalculate::recalculated;
use kyc_core::rejection::Rejection;
use kyc_core::replay::{evolve, evolve_brand};
use kyc_core::status::{KycModel, Session};
use kyc_core::stream::{Head, StreamKey};
use kyc_core::table::command;
use kyc_core::tenant::SealedSecret;
use kyc_core::time::Time;
use kyc_memory::{ManualClock, MemoryBlobs, MemoryStore, ScriptedOutbound, SeededEntropy, Snapshot};
use kyc_ports::app::{App, Ports, Reply, Request, Ticked, UploadFor};
use kyc_ports::clock::Clock;
use kyc_ports::notify::Silent;
use kyc_ports::store::{Claim, Postponed, Reconciliation, Reserved, Store, StoreError, Thing, Wanted};
use kyc_ports::tokens::{BadToken, Tokens, Verified};
use kyc_vault::SealingVault;
use serde_json::{Map, Value, json};

/// The brand that scenarios play in unless they name another.
pub const BRAND: &str = "acme";
/// What the clock shows at first, in Unix seconds.
pub const START: i64 = 1_800_000_000;
/// A manager of every brand.
pub const MARY: &str = "1:mary";
/// An administrator of every brand.
pub const ADAM: &str = "3:adam";
/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// Seals the secrets of invented tenants.
pub const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// The smallest PNG there is: one pixel.
pub const PIXEL_PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 6,
    0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 13, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0xf0,
    0x1f, 0, 5, 0, 1, 0xff, 0x56, 0xc7, 0x2f, 0x0d, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// The test token of a customer of [`BRAND`].
pub fn customer(customer_id: i64) -> String {
    customer_of(BRAND, customer_id)
}

/// The test token of any brand's customer. All have the same subject, which must tell nobody apart.
pub fn customer_of(brand: &str, customer_id: i64) -> String {
    format!("9:player:{brand}:{customer_id}")
}

/// Plays a scenario in a fresh world whose requests come to one process, which remembers, and in one where each comes
/// to another; and then replays what it left behind.
pub fn scenario(mut play: impl FnMut(&World)) {
    for world in [World::new(), World::new().with_cache_bytes(1 << 20)] {
        play(&world);
        assert_replay(&world);
    }
}

/// The application over memory.
pub struct World {
    /// Takes calls.
    pub app: App,
    /// Set by hand.
    pub clock: Arc<ManualClock>,
    /// What is stored.
    pub store: Arc<MemoryStore>,
    /// The stored files' bytes.
    pub blobs: Arc<MemoryBlobs>,
    /// The platforms of all tenants.
    pub platform: Arc<ScriptedOutbound>,
    broken: Arc<Mutex<BTreeSet<CustomerKey>>>,
    ports: Ports,
    remembers: bool,
}

/// A refusal, as a host would show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// `error`.
    pub error: String,
    /// The whole body.
    pub body: Value,
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self {
            status: rejection.status(),
            error: rejection.code().to_owned(),
            body: Value::Object(rejection.body()),
        }
    }
}

impl Refusal {
    /// Holds the refusal against what it should be.
    pub fn is(&self, status: u16, error: &str) {
        assert_eq!((self.status, self.error.as_str()), (status, error), "{}", self.body);
    }

    /// A 409 `INVALID_STATE` of a thing with this status.
    pub fn is_invalid_state(&self, current_status: i64) {
        self.is(409, "INVALID_STATE");
        assert_eq!(self.body["current_status"], current_status, "{}", self.body);
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Time::from_seconds(START)));
        let store = Arc::new(MemoryStore::new());
        let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
        let platform = Arc::new(ScriptedOutbound::default());
        let broken = Arc::new(Mutex::default());
        let ports = Ports {
            store: Arc::new(Turns(store.clone(), broken.clone())),
            blobs: blobs.clone(),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(7)),
            tokens: Arc::new(TestTokens),
            notify: Arc::new(Silent),
            outbound: platform.clone(),
            vault: Arc::new(SealingVault::new(MASTER_KEY).expect("a master key")),
        };
        Self {
            app: App::new(ports.clone()),
            clock,
            store,
            blobs,
            platform,
            broken,
            ports,
            remembers: false,
        }
    }

    /// The application as another process would run it, over the same store; where it remembers, the same.
    pub fn another_app(&self) -> App {
        if self.remembers {
            return self.app.clone();
        }
        App::new(self.ports.clone())
    }

    /// The same with replies kept in memory, up to so many bytes.
    #[must_use]
    pub fn with_cache_bytes(mut self, bytes: u64) -> Self {
        self.app = self.app.with_cache_bytes(bytes);
        self.remembers = true;
        self
    }

    /// The clock's Unix seconds.
    pub fn now(&self) -> i64 {
        self.clock.now().seconds()
    }

    /// From now on nothing about these customers of [`BRAND`] is stored, as on a disk that is broken just there.
    pub fn breaks(&self, customers: &[i64]) {
        let keys = customers.iter().map(|customer_id| key(BRAND, *customer_id));
        *self.broken.lock().expect("no panic meanwhile") = keys.collect();
    }

    /// Moves the clock.
    pub fn advance(&self, seconds: i64) {
        self.clock.advance_seconds(seconds);
    }

    /// Does what the server's loop does.
    pub fn tick(&self) -> Ticked {
        run(self.app.tick()).expect("a tick")
    }

    /// Calls a command, with an idempotency key or without.
    pub fn request(&self, token: &str, key: Option<&str>, name: &str, data: Value) -> Result<Value, Rejection> {
        run(self.app.call(request(token, key, name, data))).map(Reply::into_value)
    }

    /// Calls a command with a test token.
    pub fn attempt(&self, token: &str, name: &str, data: Value) -> Result<Value, Rejection> {
        self.request(token, None, name, data)
    }

    /// A manager's call that succeeds.
    pub fn ok(&self, name: &str, data: Value) -> Value {
        self.ok_as(MARY, name, data)
    }

    /// Somebody's call that succeeds.
    pub fn ok_as(&self, token: &str, name: &str, data: Value) -> Value {
        let shown = data.to_string();
        self.attempt(token, name, data)
            .unwrap_or_else(|rejection| panic!("{name} {shown}: {rejection:?}"))
    }

    /// A manager's call that is refused and changes nothing: no row, no version, no audit.
    pub fn refused(&self, name: &str, data: Value) -> Refusal {
        self.refused_as(MARY, name, data)
    }

    /// Somebody's call that is refused and changes nothing.
    pub fn refused_as(&self, token: &str, name: &str, data: Value) -> Refusal {
        let before = self.store.snapshot();
        let shown = data.to_string();
        let refusal = self
            .attempt(token, name, data)
            .expect_err(&format!("{name} {shown} is refused"));
        assert!(
            before == self.store.snapshot(),
            "{name} {shown}: a refusal changes nothing"
        );
        refusal.into()
    }

    /// A manager's call that succeeds and changes nothing.
    pub fn no_op(&self, name: &str, data: Value) -> Value {
        let before = self.store.snapshot();
        let reply = self.ok(name, data);
        assert!(before == self.store.snapshot(), "{name}: nothing changes");
        reply
    }

    /// The actions that something adds to the audit, in order.
    pub fn actions_of(&self, act: impl FnOnce()) -> Vec<String> {
        let rows = self.rows_of(act);
        rows.into_iter().map(|row| row.action).collect()
    }

    /// The audit rows that something adds, in order.
    pub fn rows_of(&self, act: impl FnOnce()) -> Vec<AuditRow> {
        let count = self.store.audit_rows().len();
        act();
        self.store.audit_rows().split_off(count)
    }

    /// Calls several commands at once, each through [`Self::another_app`]. Whenever one of them waits for the store
    /// another goes on: which, the schedule says; when it has run out, one after the other.
    pub fn race(&self, requests: Vec<Request>, schedule: &[usize]) -> Vec<Result<Value, Rejection>> {
        let calls = requests.into_iter().map(|request| {
            let app = self.another_app();
            Box::pin(async move { app.call(request).await.map(Reply::into_value) })
        });
        let mut under_way: Vec<_> = calls.enumerate().collect();
        let mut answers = BTreeMap::new();
        // Whoever waits for another's turn goes on only after the other has.
        let mut turns = schedule.iter().copied().chain(0..);
        while !under_way.is_empty() {
            let next = turns.next().unwrap_or(0) % under_way.len();
            let (place, call) = &mut under_way[next];
            if let Poll::Ready(answer) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                answers.insert(*place, answer);
                drop(under_way.remove(next));
            }
        }
        answers.into_values().collect()
    }

    /// Adds a template of [`BRAND`], of level 1 unless `more` says otherwise.
    pub fn template(&self, code: &str, more: Value) -> i64 {
        let data = overlaid(json!({ "brand": BRAND, "code": code, "level": 1 }), more);
        id_of(&self.ok("MngAddKycStepTemplate", data)["template"]["id"])
    }

    /// Requires a step.
    pub fn require(&self, customer_id: i64, code: &str) -> i64 {
        let data = json!({ "customer_id": customer_id, "brand": BRAND, "step_code": code });
        id_of(&self.ok("MngRequireKycStep", data)["step_id"])
    }

    /// Sets the required level.
    pub fn set_level(&self, customer_id: i64, level: i64) -> i64 {
        let data = json!({ "customer_id": customer_id, "brand": BRAND, "level": level });
        id_of(&self.ok("MngSetKycRequiredLevel", data)["kyc_id"])
    }

    /// Stores a file, as whoever the token names would.
    pub fn upload(&self, token: &str) -> String {
        let actor = self.app.may_upload(Some(token)).expect("may upload");
        let reply = run(async {
            let mut upload = self
                .app
                .begin_upload(&actor, UploadFor::default(), "passport.png")
                .await?;
            upload.write(PIXEL_PNG).await?;
            upload.finish().await
        });
        reply.expect("a stored file").file_id.to_string()
    }

    /// Attaches a stored file to a step; gives the document's id.
    pub fn attach(&self, customer_id: i64, step_id: i64, kind: &str) -> i64 {
        self.attach_with(customer_id, json!({ "step_id": step_id, "type": kind }))
    }

    /// Attaches a stored file; `more` says for what.
    pub fn attach_with(&self, customer_id: i64, more: Value) -> i64 {
        let offer = self.offer(customer_id, more);
        id_of(&self.ok("MngAddKycDocument", offer)["document"]["id"])
    }

    /// Stores a file; gives what `MngAddKycDocument` takes.
    pub fn offer(&self, customer_id: i64, more: Value) -> Value {
        let file = self.upload(MARY);
        let data = json!({ "customer_id": customer_id, "brand": BRAND, "type": "passport", "file_id": file });
        overlaid(data, more)
    }

    /// A step, as managers see it.
    pub fn step(&self, id: i64) -> Value {
        self.ok("MngGetKycStep", json!({ "id": id }))["step"].clone()
    }

    /// A step's status.
    pub fn step_status(&self, id: i64) -> i64 {
        id_of(&self.step(id)["status"])
    }

    /// A document, as managers see it.
    pub fn document(&self, id: i64) -> Value {
        let list = self.ok("MngGetKycDocuments", json!({ "brand": BRAND, "limit": 1_000 }));
        let rows = list["rows"].as_array().expect("rows");
        rows.iter().find(|row| row["id"] == id).expect("the document").clone()
    }

    /// A document's status.
    pub fn document_status(&self, id: i64) -> i64 {
        id_of(&self.document(id)["status"])
    }

    /// A customer's profile with steps, documents and aggregate, as managers see it.
    pub fn profile(&self, customer_id: i64) -> Value {
        self.ok(
            "MngGetKycProfile",
            json!({ "customer_id": customer_id, "brand": BRAND }),
        )
    }

    /// A customer's stream, as it is stored.
    pub fn customer(&self, customer_id: i64) -> CustomerState {
        run(self.store.customer(&key(BRAND, customer_id))).expect("a state")
    }
}

/// A request, ready to be sent.
pub fn request(token: &str, idempotency_key: Option<&str>, name: &str, data: Value) -> Request {
    let Value::Object(data) = data else {
        panic!("data is an object")
    };
    Request {
        command: command(name).unwrap_or_else(|| panic!("no command {name}")),
        data,
        token: Some(token.to_owned()),
        idempotency_key: idempotency_key.map(str::to_owned),
    }
}

/// A customer's key.
pub fn key(brand: &str, customer_id: i64) -> CustomerKey {
    CustomerKey {
        brand: brand.parse().expect("a brand"),
        customer_id: CustomerId(customer_id),
    }
}

/// The integer in a reply.
pub fn id_of(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is an integer"))
}

/// An object with the members of another laid over it.
pub fn overlaid(mut data: Value, more: Value) -> Value {
    let (Value::Object(members), Value::Object(more)) = (&mut data, more) else {
        panic!("both are objects")
    };
    members.extend(more);
    data
}

/// Runs a future over the memory ports to its end: they never wait for anything outside.
pub fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

/// Replays every stream from nothing and compares with all that is stored: profiles, steps, documents, settings,
/// templates, history and the streams' heads.
pub fn assert_replay(world: &World) {
    let stored = world.store.snapshot();
    let mut chains: BTreeMap<StreamKey, Chain> = BTreeMap::new();
    let mut customers: BTreeMap<CustomerKey, CustomerState> = BTreeMap::new();
    let mut brands: BTreeMap<Brand, BrandState> = BTreeMap::new();
    let mut history = Vec::new();
    for row in &stored.audit {
        chains
            .entry(row.stream())
            .or_default()
            .push(row)
            .expect("the chain verifies");
        let head = if let Some(customer_id) = row.customer_id {
            let key = CustomerKey {
                brand: row.brand.clone(),
                customer_id,
            };
            let state = customers.entry(key.clone()).or_insert_with(|| CustomerState::new(key));
            assert!(
                state.head.committed_time <= row.created_time,
                "a stream's time never runs backwards"
            );
            history.extend(evolve(state, row).expect("a row that can be replayed"));
            state.head
        } else {
            let state = brands
                .entry(row.brand.clone())
                .or_insert_with(|| unconfigured(&row.brand));
            evolve_brand(state, row).expect("a row that can be replayed");
            state.head
        };
        assert_eq!(head.hash, row.hash);
    }
    let mut deliveries: Vec<Delivery> = customers
        .values()
        .flat_map(|state| state.deliveries.iter().cloned())
        .collect();
    deliveries.sort_by_key(|delivery| delivery.id);
    assert_eq!(deliveries, stored.deliveries, "replayed calls are the stored ones");
    let customers: Vec<CustomerState> = customers.into_values().map(|state| settled(state, &stored)).collect();
    assert_eq!(customers, stored.customers, "replayed customers are the stored ones");
    let brands: Vec<BrandState> = brands
        .into_values()
        .map(|state| settled_brand(state, &stored))
        .collect();
    assert_eq!(brands, stored.brands, "replayed configurations are the stored ones");
    assert_eq!(history, stored.history, "replayed histories are the stored ones");
    for state in &stored.customers {
        assert_eq!(
            chains[&state.stream()].head(),
            state.head.hash,
            "the head is the newest row's"
        );
        assert_recalculated(state, stored.model_of(&state.key.brand));
    }
}

/// The profile is what its steps, documents, risk and review made of it when it was last committed.
fn assert_recalculated(state: &CustomerState, model: Option<KycModel>) {
    let profile = state.profile.as_ref().expect("a stored customer has a profile");
    assert_eq!(recalculated(state, profile, model, state.head.committed_time), *profile);
}

/// A replayed customer with what is derived: rows in order of id, when something is due. How many commits the rows
/// came in is the one thing that they do not tell.
fn settled(mut state: CustomerState, stored: &Snapshot) -> CustomerState {
    state.steps.sort_by_key(|step| step.id);
    state.documents.sort_by_key(|document| document.id);
    state.deliveries.clear();
    let model = stored.model_of(&state.key.brand);
    state.head.due_time = state.due_time(model, state.head.committed_time);
    let known = stored.customers.iter().find(|known| known.key == state.key);
    state.head.version = known.expect("a stored customer").head.version;
    state
}

fn settled_brand(mut state: BrandState, stored: &Snapshot) -> BrandState {
    state.templates.sort_by_key(|template| template.id);
    let brand = &state.settings.brand;
    let known = stored.brands.iter().find(|known| known.settings.brand == *brand);
    state.head.version = known.expect("a stored brand").head.version;
    state
}

fn unconfigured(brand: &Brand) -> BrandState {
    BrandState {
        head: Head::EMPTY,
        settings: Settings::defaults(brand.clone()),
        templates: Vec::new(),
        tenant: None,
    }
}

/// Who a test token speaks for: `role:subject` or `role:subject@brand,brand`, for customers
/// `9:subject:brand:customer_id`.
pub fn actor_of(token: &str) -> Option<Actor> {
    let mut parts = token.split(':');
    let session = Session::try_from(parts.next()?.parse::<i64>().ok()?).ok()?;
    let (subject, brands) = match parts.next()?.split_once('@') {
        Some((subject, brands)) => (subject, Some(brands)),
        None => (token.split(':').nth(1)?, None),
    };
    let customer = match (parts.next(), parts.next()) {
        (Some(brand), Some(number)) => Some(CustomerKey {
            brand: brand.parse().ok()?,
            customer_id: CustomerId(number.parse().ok()?),
        }),
        _ => None,
    };
    let scope = match (&customer, brands) {
        (Some(customer), _) => BrandScope::Only(vec![customer.brand.clone()]),
        (None, Some(brands)) => BrandScope::Only(brands.split(',').filter_map(|brand| brand.parse().ok()).collect()),
        (None, None) => BrandScope::All,
    };
    Some(Actor {
        session,
        subject: subject.to_owned(),
        scope,
        customer,
    })
}

/// Takes test tokens.
#[derive(Debug)]
pub struct TestTokens;

impl Tokens for TestTokens {
    fn verify(&self, token: &str, now: Time) -> Result<Verified, BadToken> {
        let actor = actor_of(token).ok_or(BadToken("not a test token"))?;
        Ok(Verified {
            actor,
            expires: now.plus_seconds(DAY),
        })
    }
}

/// The memory store, but every access lets others have their turn first, as a store elsewhere would.
struct Turns(Arc<MemoryStore>, Arc<Mutex<BTreeSet<CustomerKey>>>);

impl Turns {
    /// Refuses a commit about a customer whose rows are broken.
    fn check(&self, commit: &Commit) -> Result<(), StoreError> {
        let broken = self.1.lock().expect("no panic meanwhile");
        let mut streams = broken.iter().map(|key| CustomerState::new(key.clone()).stream());
        if streams.any(|stream| stream == commit.stream) {
            return Err(StoreError::Failed("broken".to_owned()));
        }
        Ok(())
    }
}

/// Waits once.
async fn turn() {
    let mut had = false;
    std::future::poll_fn(|context| {
        if had {
            return Poll::Ready(());
        }
        had = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The methods of a store as the port's macro writes them.
macro_rules! in_turns {
    ($(fn $name:ident<$($life:lifetime),*>($($argument:ident: $kind:ty),*) -> $output:ty;)+) => {$(
        fn $name<'life0, $($life,)* 'async_trait>(&'life0 self, $($argument: $kind),*) -> Later<'async_trait, $output>
        where
            'life0: 'async_trait,
            $($life: 'async_trait,)*
            Self: 'async_trait,
        {
            Box::pin(async move {
                turn().await;
                self.0.$name($($argument),*).await
            })
        }
    )+};
}

impl Store for Turns {
    fn commit<'life0, 'async_trait>(&'life0 self, commit: Commit) -> Later<'async_trait, ()>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            turn().await;
            self.check(&commit)?;
            self.0.commit(commit).await
        })
    }

    in_turns! {
        fn locate<>(thing: Thing) -> Option<CustomerKey>;
        fn template_brand<>(id: TemplateId) -> Option<Brand>;
        fn template_count<'life1>(brand: &'life1 Brand) -> usize;
        fn external_owner<'life1, 'life2>(brand: &'life1 Brand, external_id: &'life2 str) -> Option<CustomerId>;
        fn customer<'life1>(key: &'life1 CustomerKey) -> CustomerState;
        fn brand<'life1, 'life2>(brand: &'life1 Brand, templates: &'life2 TemplateNeed) -> BrandState;
        fn list<'life1>(query: &'life1 Query) -> Rows;
        fn reserve<>(wanted: Wanted) -> Reserved;
        fn kept_reply<'life1, 'life2, 'life3>(subject: &'life1 str, command: &'life2 str, key: &'life3 str)
            -> Option<KeptReply>;
        fn forget_replies<>(before: Time) -> u64;
        fn due<>(now: Time, limit: usize) -> Vec<CustomerKey>;
        fn file<'life1>(id: &'life1 FileId) -> Option<FileMeta>;
        fn add_file<>(file: FileMeta) -> ();
        fn claim_files<'life1, 'life2>(ids: &'life1 [FileId], customer: &'life2 CustomerKey) -> ();
        fn unclaimed_files<>(before: Time, limit: usize) -> Vec<FileMeta>;
        fn remove_unclaimed<'life1>(id: &'life1 FileId) -> bool;
        fn tenant_brand<'life1>(slug: &'life1 Slug) -> Option<Brand>;
        fn secrets<'life1>(brand: &'life1 Brand) -> Vec<SealedSecret>;
        fn has_active_profiles<'life1>(brand: &'life1 Brand) -> bool;
        fn claimed_event<'life1, 'life2>(slug: &'life1 Slug, event_id: &'life2 str) -> Option<LevelEntry>;
        fn webhook_brand<'life1>(slug: &'life1 Slug) -> Option<Brand>;
        fn deliveries<'life1>(ids: &'life1 [DeliveryId]) -> Vec<Delivery>;
        fn callable_brands<>(now: Time) -> Vec<Brand>;
        fn breaker<'life1>(brand: &'life1 Brand) -> Option<Breaker>;
        fn claim_calls<>(claim: Claim) -> Vec<QueuedCall>;
        fn postpone_call<>(postponed: Postponed) -> ();
        fn due_reconciliations<>(now: Time) -> Vec<Reconciliation>;
        fn set_reconciliation<>(reconciliation: Reconciliation) -> ();
        fn check_writable<>() -> ();
    }
}

/// Everything about a thing that only rises, for comparison over time: versions by kind and id, and required levels.
pub fn rising(world: &World) -> BTreeMap<(&'static str, i64), i64> {
    let stored = world.store.snapshot();
    let mut rising = BTreeMap::new();
    for state in &stored.customers {
        let profile = state.profile.as_ref().expect("a stored customer has a profile");
        let ProfileId(id) = profile.id;
        rising.insert(("stream", id), state.head.version);
        rising.insert(("time", id), state.head.committed_time.0);
        rising.insert(("profile", id), profile.version);
        rising.insert(("required level", id), profile.required_level);
        rising.extend(state.steps.iter().map(|step| {
            let StepId(id) = step.id;
            (("step", id), step.version)
        }));
        rising.extend(state.documents.iter().map(|document| {
            let DocumentId(id) = document.id;
            (("document", id), document.version)
        }));
    }
    for template in stored.brands.iter().flat_map(|brand| &brand.templates) {
        rising.insert(("template", template.id.0), template.version);
    }
    rising
}

/// The members of an object.
pub fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is an object"),
    }
}
