//! Events: every change as data. They are the audit log, and replaying them gives the stored rows.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{DocumentId, ProfileId, StepId, TemplateId};
use crate::level::LevelEntry;
use crate::record::{Cell, Column, Members};
use crate::status::{KycStatus, Session};
use crate::time::Time;

macro_rules! actions {
    ($($(#[$meta:meta])* $name:ident = $text:literal,)+) => {
        /// What happened: `<thing>.<past participle>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$meta])* #[doc = concat!("`", $text, "`")] $name,)+ }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in audit rows and on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

actions! {
    TemplateCreated = "template.created",
    TemplateUpdated = "template.updated",
    TemplateArchived = "template.archived",
    BrandUpdated = "brand.updated",
    ProfileCreated = "profile.created",
    ProfileRecalculated = "profile.recalculated",
    ProfileRiskSet = "profile.risk_set",
    ProfileReviewRequested = "profile.review_requested",
    ProfileReviewed = "profile.reviewed",
    ProfileLinked = "profile.linked",
    LevelRequired = "level.required",
    StepRequired = "step.required",
    StepReopened = "step.reopened",
    StepSubmitted = "step.submitted",
    StepApproved = "step.approved",
    StepRejected = "step.rejected",
    StepExpiring = "step.expiring",
    StepExpired = "step.expired",
    StepSkipped = "step.skipped",
    DocumentAdded = "document.added",
    DocumentApproved = "document.approved",
    DocumentRejected = "document.rejected",
    DocumentExpired = "document.expired",
    DocumentDeleted = "document.deleted",
    DocumentViewed = "document.viewed",
    LevelExpired = "level.expired",
    WebhookReceived = "webhook.received",
    OutboundQueued = "outbound.queued",
    OutboundDelivered = "outbound.delivered",
    OutboundRefused = "outbound.refused",
    OutboundDead = "outbound.dead",
    OutboundSuperseded = "outbound.superseded",
    ReconcileDrift = "reconcile.drift",
    TenantCreated = "tenant.created",
    TenantUpdated = "tenant.updated",
    TenantSecretRotated = "tenant.secret_rotated",
    TenantRemoved = "tenant.removed",
}

impl Action {
    /// The action of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.name() == name)
    }

    /// The kind of thing it happened to.
    pub fn thing(self) -> &'static str {
        self.name().split_once('.').map_or(self.name(), |(thing, _)| thing)
    }

    /// Whether it moves a step or a level, which `kyc_last_event_at` tells.
    pub fn moves_verification(self) -> bool {
        matches!(self.thing(), "step" | "level") && self != Self::StepExpiring
    }
}

impl Column for Action {
    fn to_cell(&self) -> Cell {
        Cell::Text(CompactString::const_new(self.name()))
    }
    fn from_cell(cell: Cell) -> Option<Self> {
        String::from_cell(cell).and_then(|name| Self::from_name(&name))
    }
}

/// What an event is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Subject {
    /// The profile.
    pub kyc_id: Option<ProfileId>,
    /// The step.
    pub step_id: Option<StepId>,
    /// The document.
    pub document_id: Option<DocumentId>,
    /// The template.
    pub template_id: Option<TemplateId>,
}

/// What a person or a job says about a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// Where the wish came from.
    pub source: Option<String>,
    /// A reason code.
    pub reason: Option<String>,
    /// For colleagues.
    pub comment: Option<String>,
}

impl Note {
    /// A reason alone.
    pub fn reason(reason: &str) -> Self {
        Self {
            reason: Some(reason.to_owned()),
            ..Self::default()
        }
    }

    /// A comment alone.
    pub fn comment(comment: Option<String>) -> Self {
        Self {
            comment,
            ..Self::default()
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What happened.
    pub action: Action,
    /// To what.
    pub subject: Subject,
    /// Whose doing: the session value.
    pub actor_type: Session,
    /// Whose doing: the token's subject, or `system`.
    pub actor_id: String,
    /// What was said about it.
    pub note: Note,
    /// When: the commit's time.
    pub time: Time,
    /// The members that changed, as they were; absent for a creation.
    pub before: Option<Members>,
    /// The members that changed, as they are.
    pub after: Option<Members>,
    /// What came in or went out with it.
    pub body: Option<Value>,
    /// The customer's history entry, if it makes one. Kept in the audit row's `after` as `history`.
    pub history: Option<History>,
    /// The entries of the level log that it makes. Kept in the audit row's `after` as `log`.
    pub log: Vec<LevelEntry>,
}

/// Member of `after` that holds the history entry.
pub const HISTORY_MEMBER: &str = "history";
/// Member of `after` that holds the entries of the level log.
pub const LOG_MEMBER: &str = "log";
/// Member of `after` that holds what the event changed beside its subject: objects with a `step_id` or
/// `document_id` and the changed members.
pub const ALSO_MEMBER: &str = "also";

/// An entry of `kyc_history`, written with the event that caused it and never rewritten.
/// Its id and `at` are those of the audit row. Members in the order of the canonical form, which it then has as it comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Who.
    pub actor: Option<String>,
    /// Ids of earlier deliveries that took effect by this commit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_effective: Vec<String>,
    /// Whether it took effect.
    pub applied: bool,
    /// What else is to be known, no personal data.
    pub data: Option<Value>,
    /// `kyc.submitted`, `kyc.approved`, `document.added`, …
    pub event: String,
    /// The sender's id of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// The aggregate's status before the commit.
    pub from: KycStatus,
    /// The level concerned, 0 for none.
    pub level: i64,
    /// Ids of earlier deliveries that lost their effect by this commit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub no_longer_effective: Vec<String>,
    /// A reason code.
    pub reason: Option<String>,
    /// Who brought it: `manager`, `customer`, `system`, …
    pub source: String,
    /// The aggregate's status after the commit.
    pub to: KycStatus,
    /// When it holds from.
    pub ts: Time,
}

/// The seed's event name, or ours beside it, for the history; `None` when the action makes no entry.
pub fn history_event(action: Action) -> Option<&'static str> {
    Some(match action {
        Action::StepRequired | Action::StepReopened => "kyc.required",
        Action::StepSubmitted => "kyc.submitted",
        Action::StepApproved => "kyc.approved",
        Action::StepRejected => "kyc.rejected",
        Action::StepExpired | Action::LevelExpired => "kyc.expired",
        Action::StepExpiring => "kyc.expiring",
        Action::StepSkipped => "kyc.skipped",
        Action::ProfileRiskSet => "risk.set",
        Action::ProfileReviewRequested => "kyc.review_requested",
        Action::ProfileReviewed => "kyc.reviewed",
        Action::DocumentAdded
        | Action::DocumentApproved
        | Action::DocumentRejected
        | Action::DocumentExpired
        | Action::DocumentDeleted
        | Action::OutboundQueued
        | Action::OutboundDelivered
        | Action::OutboundRefused
        | Action::OutboundDead
        | Action::OutboundSuperseded
        | Action::ReconcileDrift => action.name(),
        _ => return None,
    })
}
