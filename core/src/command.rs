//! What a command is: its parameters, whom it is about, and how it is decided or answered.
//!
//! Commands come in five shapes. [`Change`] decides about one customer, [`Configure`] about one brand's
//! configuration, [`View`] shows one customer's state, [`ViewBrand`] a brand's, and [`List`] pages through rows.
//! A shape says what to load; the application loads it and calls back through [`Call`]. The table of all commands is
//! [`table`](crate::table).

mod erased;
mod line;

use schemars::JsonSchema;
use serde::Serialize;

use crate::actor::Actor;
use crate::brand::BrandState;
use crate::configure::{BrandTarget, BrandWork};
use crate::customer::CustomerState;
use crate::history::HistoryRow;
use crate::id::{Brand, Code, CustomerKey, DeliveryId, DocumentId, FileId, ProfileId, Slug, StepId, TemplateId};
use crate::query::{Query, Rows};
use crate::rejection::Rejection;
use crate::status::KycModel;
use crate::work::Work;

pub use erased::{AnyChange, AnyConfigure, AnyList, AnyView, AnyViewBrand, Call, Configured, Decided};
pub use line::{
    Changes, Command, Configures, Entry, Lists, Method, Reconciles, STORAGE_MEMBERS, Shape, Views, ViewsBrand,
};

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
    /// A call out to the platform.
    Delivery(DeliveryId),
}

impl Target {
    /// What it is called in a refusal.
    pub const fn thing(&self) -> &'static str {
        match self {
            Self::Customer(_) => "customer",
            Self::Profile(_) => "profile",
            Self::Step(_) => "step",
            Self::Document(_) => "document",
            Self::Delivery(_) => "delivery",
        }
    }
}

/// Which of a brand's templates a decision looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    /// A call out that the command names.
    pub delivery: Option<DeliveryId>,
}

impl Needs {
    /// Nothing.
    pub const NONE: Self = Self {
        templates: TemplateNeed::None,
        files: Vec::new(),
        external_id: None,
        adds_document: false,
        delivery: None,
    };
}

/// What a decision about a brand's configuration needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigureNeeds {
    /// Which templates.
    pub templates: TemplateNeed,
    /// Whether it is about the tenant, and needs to know whether the brand's customers are in use.
    pub tenant: bool,
    /// A slug that the command wants to give.
    pub slug: Option<Slug>,
    /// How many fresh secrets.
    pub secrets: usize,
}

impl ConfigureNeeds {
    /// The tenant alone.
    pub const TENANT: Self = Self {
        templates: TemplateNeed::None,
        tenant: true,
        slug: None,
        secrets: 0,
    };

    /// Templates alone.
    pub const fn templates(templates: TemplateNeed) -> Self {
        Self {
            templates,
            tenant: false,
            slug: None,
            secrets: 0,
        }
    }
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
    /// Refuses a customer of a brand whose tenant has a model that the command does not fit.
    fn permitted(&self, model: Option<KycModel>) -> Result<(), Rejection> {
        KycModel::check_writable(model)
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
    /// Which brand.
    fn target(&self) -> BrandTarget;
    /// What it needs beside the settings and the tenant.
    fn needs(&self) -> ConfigureNeeds;
    /// Refuses a brand whose tenant has a model that the command does not fit.
    fn permitted(&self, model: Option<KycModel>) -> Result<(), Rejection> {
        match model {
            Some(KycModel::None) => Err(Rejection::KycDisabled),
            _ => Ok(()),
        }
    }
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
