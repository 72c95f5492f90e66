//! Commands without their types: what the application calls, whatever the command.

use super::{Change, Configure, ConfigureNeeds, List, Needs, Outcome, Shown, Target, View, ViewBrand};
use crate::actor::Actor;
use crate::brand::BrandState;
use crate::configure::{BrandContext, BrandTarget, BrandWork, BrandWrites};
use crate::customer::CustomerState;
use crate::event::Event;
use crate::id::Brand;
use crate::json::to_ascii;
use crate::outbound::QueueChange;
use crate::query::{Query, Rows};
use crate::rejection::Rejection;
use crate::tenant::reconcile::ReconcileTenant;
use crate::work::{Context, Work};

/// The decision about a customer: what it became, by which events, and the reply.
#[derive(Debug)]
pub struct Decided {
    /// The state after.
    pub state: CustomerState,
    /// The events; none when nothing changed.
    pub events: Vec<Event>,
    /// What becomes of calls that wait for the platform.
    pub queue: Vec<QueueChange>,
    /// The reply, as JSON in ASCII, or the refusal.
    pub outcome: Result<String, Rejection>,
}

/// The decision about a brand's configuration.
#[derive(Debug)]
pub struct Configured {
    /// The state after.
    pub state: BrandState,
    /// The events; none when nothing changed.
    pub events: Vec<Event>,
    /// What is written beside the state.
    pub writes: BrandWrites,
    /// The reply, as JSON in ASCII.
    pub reply: String,
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
        self.permitted(context.model())?;
        self.admit(state, &context.actor)?;
        let mut work = Work::new(state.clone(), context.clone());
        crate::due::apply(&mut work)?;
        let due = (!work.events().is_empty()).then(|| work.clone());
        let (work, outcome) = match (Change::decide(self, &mut work), due) {
            (Ok(Outcome::Done(reply)), _) => (work, Ok(to_ascii(&reply))),
            (Ok(Outcome::Refused(rejection)), _) => (work, Err(rejection)),
            // What was due is true whatever becomes of the command.
            (Err(rejection), Some(due)) => (due, Err(rejection)),
            (Err(rejection), None) => return Err(rejection),
        };
        let (state, events, queue) = work.finish();
        Ok(Decided {
            state,
            events,
            queue,
            outcome,
        })
    }
}

/// [`Configure`] without its types.
pub trait AnyConfigure: Send + Sync {
    /// See [`Configure::target`].
    fn target(&self) -> BrandTarget;
    /// See [`Configure::needs`].
    fn needs(&self) -> ConfigureNeeds;
    /// Decides. Pure.
    fn decide(&self, state: &BrandState, context: &BrandContext) -> Result<Configured, Rejection>;
}

impl<C: Configure> AnyConfigure for C {
    fn target(&self) -> BrandTarget {
        Configure::target(self)
    }
    fn needs(&self) -> ConfigureNeeds {
        Configure::needs(self)
    }
    fn decide(&self, state: &BrandState, context: &BrandContext) -> Result<Configured, Rejection> {
        self.permitted(state.tenant.as_ref().map(|tenant| tenant.kyc_model))?;
        let mut work = BrandWork::new(state.clone(), context.clone());
        let reply = Configure::decide(self, &mut work)?;
        let (state, events, writes) = work.finish();
        Ok(Configured {
            state,
            events,
            writes,
            reply: to_ascii(&reply),
        })
    }
}

/// [`View`] without its types.
pub trait AnyView: Send + Sync {
    /// See [`View::target`].
    fn target(&self, actor: &Actor) -> Result<Target, Rejection>;
    /// See [`View::SHOWS_HISTORY`].
    fn shows_history(&self) -> bool;
    /// See [`View::show`]; the reply as JSON in ASCII.
    fn show(&self, shown: &Shown<'_>) -> Result<String, Rejection>;
}

impl<V: View> AnyView for V {
    fn target(&self, actor: &Actor) -> Result<Target, Rejection> {
        View::target(self, actor)
    }
    fn shows_history(&self) -> bool {
        V::SHOWS_HISTORY
    }
    fn show(&self, shown: &Shown<'_>) -> Result<String, Rejection> {
        View::show(self, shown).map(|reply| to_ascii(&reply))
    }
}

/// [`ViewBrand`] without its types.
pub trait AnyViewBrand: Send + Sync {
    /// See [`ViewBrand::brand`].
    fn brand(&self) -> Brand;
    /// See [`ViewBrand::show`]; the reply as JSON in ASCII.
    fn show(&self, state: &BrandState) -> String;
}

impl<V: ViewBrand> AnyViewBrand for V {
    fn brand(&self) -> Brand {
        ViewBrand::brand(self)
    }
    fn show(&self, state: &BrandState) -> String {
        to_ascii(&ViewBrand::show(self, state))
    }
}

/// [`List`] without its types.
pub trait AnyList: Send + Sync {
    /// See [`List::query`].
    fn query(&self, actor: &Actor) -> Result<Query, Rejection>;
    /// See [`List::show`]; the reply as JSON in ASCII.
    fn show(&self, rows: Rows, next_cursor: Option<String>) -> String;
}

impl<L: List> AnyList for L {
    fn query(&self, actor: &Actor) -> Result<Query, Rejection> {
        List::query(self, actor)
    }
    fn show(&self, rows: Rows, next_cursor: Option<String>) -> String {
        to_ascii(&List::show(self, rows, next_cursor))
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
    /// Compares with what the platform holds.
    Reconcile(ReconcileTenant),
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Change(_) => "Change",
            Self::Configure(_) => "Configure",
            Self::View(_) => "View",
            Self::ViewBrand(_) => "ViewBrand",
            Self::List(_) => "List",
            Self::Reconcile(_) => "Reconcile",
        })
    }
}
