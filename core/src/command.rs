//! What a command is: its parameters, whom it is about, and how it is decided or answered.
//!
//! Commands come in five shapes. [`Change`] decides about one customer, [`Configure`] about one brand's
//! configuration, [`View`] shows one customer's state, [`ViewBrand`] a brand's, and [`List`] pages through rows.
//! A shape says what to load; the application loads it and calls back. The table of all commands is
//! [`table`](crate::table).

use std::marker::PhantomData;

use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::actor::{Access, Actor};
use crate::brand::BrandState;
use crate::configure::{BrandContext, BrandWork};
use crate::customer::CustomerState;
use crate::event::Event;
use crate::history::HistoryRow;
use crate::id::{Brand, Code, CustomerKey, DocumentId, FileId, ProfileId, StepId, TemplateId};
use crate::params::Compiled;
use crate::query::{Query, Rows};
use crate::rejection::Rejection;
use crate::work::{Context, Work};

/// Whom or what a command names; the store finds the stream it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A customer, known or not.
    Customer(CustomerKey),
    /// A profile.
    Profile(ProfileId),
    /// A step.
    Step(StepId),
    /// A document.
    Document(DocumentId),
}

/// Which of a brand's templates a decision looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateNeed {
    /// None.
    None,
    /// Those with this code: the one that is not archived, or else the newest archived one.
    Code(Code),
    /// Active, required ones with 0 < level ≤ this.
    UpTo(i64),
    /// This one, and all that share its code.
    Id(TemplateId),
    /// This one, and all with this code.
    IdOrCode(TemplateId, Code),
}

/// What a decision needs beside the customer's own state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Templates of the customer's brand.
    pub templates: TemplateNeed,
    /// Stored files that the command names.
    pub files: Vec<FileId>,
    /// An external id that the command wants to give.
    pub external_id: Option<String>,
    /// Whether the decision may attach a document.
    pub adds_document: bool,
}

impl Needs {
    /// Nothing.
    pub const NONE: Self = Self {
        templates: TemplateNeed::None,
        files: Vec::new(),
        external_id: None,
        adds_document: false,
    };
}

/// A command that decides about one customer.
pub trait Change: Send + Sync + 'static {
    /// The reply of a success.
    type Reply: Serialize;
    /// Whom it is about.
    fn target(&self, actor: &Actor) -> Result<Target, Rejection>;
    /// What it needs beside that customer's state.
    fn needs(&self, _state: &CustomerState) -> Needs {
        Needs::NONE
    }
    /// Looked at before anything else of the state, what is due included: a refusal that must not depend on it.
    fn admit(&self, _state: &CustomerState, _actor: &Actor) -> Result<(), Rejection> {
        Ok(())
    }
    /// Takes the decision on the working copy.
    fn decide(&self, work: &mut Work) -> Result<Outcome<Self::Reply>, Rejection>;
}

/// How a decision that is committed ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<R> {
    /// It is done, or nothing needed to be.
    Done(R),
    /// It is refused, and what the refusal caused stands.
    Refused(Rejection),
}

/// A command that decides about one brand's configuration.
pub trait Configure: Send + Sync + 'static {
    /// The reply of a success.
    type Reply: Serialize;
    /// The brand, when the command names it; `None` when it names a template.
    fn brand(&self) -> Option<Brand>;
    /// The templates to load.
    fn templates(&self) -> TemplateNeed;
    /// Takes the decision on the working copy.
    fn decide(&self, work: &mut BrandWork) -> Result<Self::Reply, Rejection>;
}

/// A command that shows one customer's state.
pub trait View: Send + Sync + 'static {
    /// The reply.
    type Reply: Serialize;
    /// Whose.
    fn target(&self, actor: &Actor) -> Result<Target, Rejection>;
    /// Whether the newest history entries are shown.
    const SHOWS_HISTORY: bool = false;
    /// The reply from the state.
    fn show(&self, shown: &Shown<'_>) -> Result<Self::Reply, Rejection>;
}

/// What a [`View`] may show.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The customer's state.
    pub state: &'a CustomerState,
    /// The brand's settings.
    pub settings: &'a crate::brand::Settings,
    /// The newest history entries, newest first, if the view asked for them.
    pub history: &'a [HistoryRow],
}

/// A command that shows one brand's settings.
pub trait ViewBrand: Send + Sync + 'static {
    /// The reply.
    type Reply: Serialize;
    /// Which brand.
    fn brand(&self) -> Brand;
    /// The reply from the state.
    fn show(&self, state: &BrandState) -> Self::Reply;
}

/// A command that pages through rows.
pub trait List: Send + Sync + 'static {
    /// The reply.
    type Reply: Serialize;
    /// Which rows.
    fn query(&self, actor: &Actor) -> Result<Query, Rejection>;
    /// The reply from the rows.
    fn show(&self, rows: Rows, next_cursor: Option<String>) -> Self::Reply;
}

/// The decision about a customer: what it became, by which events, and the reply.
#[derive(Debug)]
pub struct Decided {
    /// The state after.
    pub state: CustomerState,
    /// The events; none when nothing changed.
    pub events: Vec<Event>,
    /// The reply or the refusal.
    pub outcome: Result<Value, Rejection>,
}

/// The decision about a brand's configuration.
#[derive(Debug)]
pub struct Configured {
    /// The state after.
    pub state: BrandState,
    /// The events; none when nothing changed.
    pub events: Vec<Event>,
    /// The reply.
    pub reply: Value,
}

/// [`Change`] without its types.
pub trait AnyChange: Send + Sync {
    /// See [`Change::target`].
    fn target(&self, actor: &Actor) -> Result<Target, Rejection>;
    /// See [`Change::needs`].
    fn needs(&self, state: &CustomerState) -> Needs;
    /// Decides: what is due first, then the command, then the recalculation. Pure: the same inputs give the same
    /// events.
    fn decide(&self, state: &CustomerState, context: &Context) -> Result<Decided, Rejection>;
}

impl<C: Change> AnyChange for C {
    fn target(&self, actor: &Actor) -> Result<Target, Rejection> {
        Change::target(self, actor)
    }
    fn needs(&self, state: &CustomerState) -> Needs {
        Change::needs(self, state)
    }
    fn decide(&self, state: &CustomerState, context: &Context) -> Result<Decided, Rejection> {
        self.admit(state, &context.actor)?;
        let mut due = Work::new(state.clone(), context.clone());
        crate::due::apply(&mut due)?;
        let due_count = due.events().len();
        let mut work = due.clone();
        match Change::decide(self, &mut work) {
            Ok(outcome) => {
                let (state, events) = work.finish();
                let outcome = match outcome {
                    Outcome::Done(reply) => Ok(crate::record::json_of(&reply)),
                    Outcome::Refused(rejection) => Err(rejection),
                };
                Ok(Decided { state, events, outcome })
            }
            // What was due is true whatever becomes of the command.
            Err(rejection) if due_count > 0 => {
                let (state, events) = due.finish();
                Ok(Decided {
                    state,
                    events,
                    outcome: Err(rejection),
                })
            }
            Err(rejection) => Err(rejection),
        }
    }
}

/// [`Configure`] without its types.
pub trait AnyConfigure: Send + Sync {
    /// See [`Configure::brand`].
    fn brand(&self) -> Option<Brand>;
    /// See [`Configure::templates`].
    fn templates(&self) -> TemplateNeed;
    /// Decides. Pure.
    fn decide(&self, state: &BrandState, context: &BrandContext) -> Result<Configured, Rejection>;
}

impl<C: Configure> AnyConfigure for C {
    fn brand(&self) -> Option<Brand> {
        Configure::brand(self)
    }
    fn templates(&self) -> TemplateNeed {
        Configure::templates(self)
    }
    fn decide(&self, state: &BrandState, context: &BrandContext) -> Result<Configured, Rejection> {
        let mut work = BrandWork::new(state.clone(), context.clone());
        let reply = Configure::decide(self, &mut work)?;
        let (state, events) = work.finish();
        Ok(Configured {
            state,
            events,
            reply: crate::record::json_of(&reply),
        })
    }
}

/// [`View`] without its types.
pub trait AnyView: Send + Sync {
    /// See [`View::target`].
    fn target(&self, actor: &Actor) -> Result<Target, Rejection>;
    /// See [`View::SHOWS_HISTORY`].
    fn shows_history(&self) -> bool;
    /// See [`View::show`].
    fn show(&self, shown: &Shown<'_>) -> Result<Value, Rejection>;
}

impl<V: View> AnyView for V {
    fn target(&self, actor: &Actor) -> Result<Target, Rejection> {
        View::target(self, actor)
    }
    fn shows_history(&self) -> bool {
        V::SHOWS_HISTORY
    }
    fn show(&self, shown: &Shown<'_>) -> Result<Value, Rejection> {
        View::show(self, shown).map(|reply| crate::record::json_of(&reply))
    }
}

/// [`ViewBrand`] without its types.
pub trait AnyViewBrand: Send + Sync {
    /// See [`ViewBrand::brand`].
    fn brand(&self) -> Brand;
    /// See [`ViewBrand::show`].
    fn show(&self, state: &BrandState) -> Value;
}

impl<V: ViewBrand> AnyViewBrand for V {
    fn brand(&self) -> Brand {
        ViewBrand::brand(self)
    }
    fn show(&self, state: &BrandState) -> Value {
        crate::record::json_of(&ViewBrand::show(self, state))
    }
}

/// [`List`] without its types.
pub trait AnyList: Send + Sync {
    /// See [`List::query`].
    fn query(&self, actor: &Actor) -> Result<Query, Rejection>;
    /// See [`List::show`].
    fn show(&self, rows: Rows, next_cursor: Option<String>) -> Value;
}

impl<L: List> AnyList for L {
    fn query(&self, actor: &Actor) -> Result<Query, Rejection> {
        List::query(self, actor)
    }
    fn show(&self, rows: Rows, next_cursor: Option<String>) -> Value {
        crate::record::json_of(&List::show(self, rows, next_cursor))
    }
}

/// A request whose parameters have been read.
pub enum Call {
    /// Decides about a customer.
    Change(Box<dyn AnyChange>),
    /// Decides about a brand's configuration.
    Configure(Box<dyn AnyConfigure>),
    /// Shows a customer's state.
    View(Box<dyn AnyView>),
    /// Shows a brand's settings.
    ViewBrand(Box<dyn AnyViewBrand>),
    /// Pages through rows.
    List(Box<dyn AnyList>),
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Change(_) => "Change",
            Self::Configure(_) => "Configure",
            Self::View(_) => "View",
            Self::ViewBrand(_) => "ViewBrand",
            Self::List(_) => "List",
        })
    }
}

/// HTTP methods of the manager API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "HTTP's own names")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// As it stands in a request line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A line of the command table.
pub struct Command {
    /// The canonical name, on TCP and in the OpenAPI document.
    pub name: &'static str,
    /// The REST methods.
    pub methods: &'static [Method],
    /// The REST path, with `{id}` or `{brand}` where it carries a parameter.
    pub path: &'static str,
    /// Which sessions may call it.
    pub access: Access,
    /// One sentence.
    pub summary: &'static str,
    /// Whether it may change something, and so takes an idempotency key.
    pub changes: bool,
    /// Members that it ignores beside those that every command does.
    pub ignored: &'static [&'static str],
    /// The parameters' compiled schema.
    pub params: Compiled,
    /// The reply's schema, with its definitions in the generator.
    pub reply: fn(&mut SchemaGenerator) -> schemars::Schema,
    /// The parameters' schema, with its definitions in the generator.
    pub params_schema: fn(&mut SchemaGenerator) -> schemars::Schema,
    read: fn(&Compiled, Map<String, Value>) -> Result<Call, Rejection>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Command")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Members of `data` that every command ignores (source: the manager API's REST section).
const IGNORED_MEMBERS: [&str; 2] = ["__access", "__token"];
/// What storage knows better than any client (source: the seed's "Storage Flow").
pub const STORAGE_MEMBERS: &[&str] = &["file_name", "content_type", "file_size", "checksum"];

impl Command {
    /// Ignores more members.
    #[must_use]
    pub const fn ignoring(mut self, members: &'static [&'static str]) -> Self {
        self.ignored = members;
        self
    }

    /// The request's `data` without the members that mean nothing.
    #[must_use]
    pub fn meaningful(&self, mut data: Map<String, Value>) -> Map<String, Value> {
        data.retain(|name, _| !IGNORED_MEMBERS.contains(&name.as_str()) && !self.ignored.contains(&name.as_str()));
        data
    }

    /// Reads the parameters from [`Self::meaningful`] members; all wrong ones are named at once.
    pub fn read(&self, data: Map<String, Value>) -> Result<Call, Rejection> {
        (self.read)(&self.params, self.meaningful(data))
    }
}

/// A shape of command, for [`Entry`].
pub trait Shape<P> {
    /// The reply type.
    type Reply: JsonSchema;
    /// Whether it may change something.
    const CHANGES: bool;
    /// The erased call.
    fn call(params: P) -> Call;
}

macro_rules! shapes {
    ($($(#[$meta:meta])* $shape:ident: $bound:ident, $changes:literal;)+) => {$(
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $shape;
        impl<P: $bound> Shape<P> for $shape
        where
            P::Reply: JsonSchema,
        {
            type Reply = P::Reply;
            const CHANGES: bool = $changes;
            fn call(params: P) -> Call {
                Call::$bound(Box::new(params))
            }
        }
    )+};
}

shapes! {
    /// [`Change`].
    Changes: Change, true;
    /// [`Configure`].
    Configures: Configure, true;
    /// [`View`].
    Views: View, false;
    /// [`ViewBrand`].
    ViewsBrand: ViewBrand, false;
    /// [`List`].
    Lists: List, false;
}

/// Makes a table line for the parameters `P` in the shape `S`.
#[derive(Debug)]
pub struct Entry<S, P>(PhantomData<(S, P)>);

impl<S: Shape<P>, P: DeserializeOwned + JsonSchema + 'static> Entry<S, P> {
    /// The table line.
    pub fn line(
        name: &'static str,
        methods: &'static [Method],
        path: &'static str,
        access: Access,
        summary: &'static str,
    ) -> Command {
        Command {
            name,
            methods,
            path,
            access,
            summary,
            changes: S::CHANGES,
            ignored: &[],
            params: Compiled::of::<P>(),
            reply: |generator| generator.subschema_for::<S::Reply>(),
            params_schema: |generator| P::json_schema(generator),
            read: |compiled, data| compiled.read::<P>(data).map(S::call).map_err(Rejection::InvalidData),
        }
    }
}

/// The reply of a change that tells the new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, JsonSchema)]
pub struct AcceptedVersion {
    /// Always true.
    pub accepted: bool,
    /// The changed thing's version.
    pub version: i64,
}

impl AcceptedVersion {
    /// Accepted, now at this version.
    pub const fn at(version: i64) -> Self {
        Self {
            accepted: true,
            version,
        }
    }
}

/// The reply of a change that tells nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, JsonSchema)]
pub struct Accepted {
    /// Always true.
    pub accepted: bool,
}

/// The profile of a state that must have one.
pub fn profile_of(state: &CustomerState) -> Result<&crate::profile::Profile, Rejection> {
    state.profile.as_ref().ok_or(Rejection::NotFound("profile"))
}

/// Refuses a verdict on something that has changed since the caller looked.
pub fn check_version(expected: Option<i64>, current: i64) -> Result<(), Rejection> {
    match expected {
        Some(expected) if expected != current => Err(Rejection::Stale { expected, current }),
        _ => Ok(()),
    }
}

/// The same verdict again, as clients that retry send it: it changes nothing, and holds unless more than the first one
/// has happened since the caller looked.
pub fn repeated(expected: Option<i64>, current: i64) -> Result<Outcome<AcceptedVersion>, Rejection> {
    let saw_before_verdict = expected.and_then(|expected| expected.checked_add(1)) == Some(current);
    if !saw_before_verdict {
        check_version(expected, current)?;
    }
    Ok(Outcome::Done(AcceptedVersion::at(current)))
}
