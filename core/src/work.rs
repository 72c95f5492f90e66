//! A decision in the making: a working copy of the customer's state, and the events that led to it.

mod calls;
mod levels;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::actor::Actor;
use crate::brand::Settings;
use crate::customer::CustomerState;
use crate::document::Document;
use crate::event::{ALSO_MEMBER, Action, Event, History, Note, Subject, history_event};
use crate::file::FileMeta;
use crate::id::{CustomerId, DeliveryId, DocumentId, FileId, ProfileId, StepId, TemplateId};
use crate::level::{Expiry, fold};
use crate::limits::ID_MAX;
use crate::outbound::{Delivery, QueueChange};
use crate::profile::Profile;
use crate::record::{Hash, Members, Record};
use crate::rejection::Rejection;
use crate::status::{KycModel, KycStatus, LevelEvent, ProfileStatus, RiskLevel, Session, StepStatus};
use crate::step::Step;
use crate::template::Template;
use crate::tenant::Tenant;
use crate::time::Time;

/// What purity forbids a decision to find out for itself.
#[derive(Debug, Clone)]
pub struct Context {
    /// The clock's time; the decision uses the later of it and the stream's last commit.
    pub now: Time,
    /// Who asks.
    pub actor: Actor,
    /// Fresh ids.
    pub ids: Ids,
    /// The brand's settings.
    pub settings: Settings,
    /// The templates that the command named in its needs.
    pub templates: Vec<Template>,
    /// The stored files that the command named in its needs and that exist.
    pub files: Vec<FileMeta>,
    /// Whose external id the one in the command's needs is, or the new customer's decimal number.
    pub external_owner: Option<CustomerId>,
    /// The brand's tenant.
    pub tenant: Option<Tenant>,
    /// The call out that the command named in its needs.
    pub delivery: Option<Delivery>,
    /// Randomness that the keys of calls out are made of.
    pub seed: Hash,
}

impl Context {
    /// The tenant's model.
    pub fn model(&self) -> Option<KycModel> {
        self.tenant.as_ref().map(|tenant| tenant.kyc_model)
    }

    /// The model, where webhooks and local verdicts are folded into the aggregate.
    fn folding_model(&self) -> Option<KycModel> {
        self.model().filter(|model| model.takes_webhooks())
    }
}

/// The next free id of each kind; the store has reserved as many as the command's needs call for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// For a profile.
    pub profile: i64,
    /// For steps.
    pub step: i64,
    /// For a document.
    pub document: i64,
    /// For a template.
    pub template: i64,
    /// For a tenant.
    pub tenant: i64,
    /// For calls out.
    pub delivery: i64,
}

impl Ids {
    /// Ids that are never used, for decisions that create nothing.
    pub const NONE: Self = Self {
        profile: ID_MAX,
        step: ID_MAX,
        document: ID_MAX,
        template: ID_MAX,
        tenant: ID_MAX,
        delivery: ID_MAX,
    };

    fn take(next: &mut i64) -> i64 {
        let id = *next;
        *next += 1;
        id
    }
    /// A fresh profile id.
    pub fn profile(&mut self) -> ProfileId {
        ProfileId(Self::take(&mut self.profile))
    }
    /// A fresh step id.
    pub fn step(&mut self) -> StepId {
        StepId(Self::take(&mut self.step))
    }
    /// A fresh document id.
    pub fn document(&mut self) -> DocumentId {
        DocumentId(Self::take(&mut self.document))
    }
    /// A fresh template id.
    pub fn template(&mut self) -> TemplateId {
        TemplateId(Self::take(&mut self.template))
    }
    /// A fresh number of a tenant.
    pub fn tenant(&mut self) -> i64 {
        Self::take(&mut self.tenant)
    }
    /// A fresh id of a call out.
    pub fn delivery(&mut self) -> DeliveryId {
        DeliveryId(Self::take(&mut self.delivery))
    }
}

/// Whose doing an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The caller's.
    Caller,
    /// The clock's.
    System,
    /// The sender of a webhook's.
    Webhook,
    /// That of the calls out.
    Outbound,
}

/// A working copy of a customer's state.
#[derive(Debug, Clone)]
pub struct Work {
    /// The state as it has become.
    pub state: CustomerState,
    /// What the decision may use.
    pub context: Context,
    /// This commit's time.
    pub now: Time,
    events: Vec<Event>,
    by: By,
    kyc_status_before: KycStatus,
    risk_before: RiskLevel,
    /// Levels whose counting steps were all approved when the command's own part began: after what was due.
    approved_before: BTreeSet<i64>,
    /// The same at the last recalculation.
    approved: BTreeSet<i64>,
    /// Verifications whose end by the clock has its line in the history.
    reported: BTreeSet<Expiry>,
    queue: Vec<QueueChange>,
    uuids: u32,
}

impl Work {
    /// Starts from a loaded state.
    pub fn new(state: CustomerState, context: Context) -> Self {
        let now = context.now.max(state.head.committed_time);
        let profile = state.profile.as_ref();
        let approved = approved_levels(&state.steps);
        let reported = context
            .folding_model()
            .map(|_| fold(&state.log, state.head.committed_time).expiries);
        Self {
            kyc_status_before: profile.map_or(KycStatus::None, |profile| profile.kyc_status),
            risk_before: profile.map_or(RiskLevel::Unknown, |profile| profile.risk_level),
            approved_before: approved.clone(),
            approved,
            reported: reported.into_iter().flatten().collect(),
            state,
            context,
            now,
            events: Vec::new(),
            by: By::Caller,
            queue: Vec::new(),
            uuids: 0,
        }
    }

    /// Whose doing the following events are.
    pub fn set_by(&mut self, by: By) {
        self.by = by;
    }

    /// The events so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Levels whose counting steps were all approved before the command, and after what was due.
    pub const fn approved_before(&self) -> &BTreeSet<i64> {
        &self.approved_before
    }

    /// The risk when the decision began.
    pub const fn risk_before(&self) -> RiskLevel {
        self.risk_before
    }

    /// The profile, made on first use.
    pub fn profile_id(&mut self) -> ProfileId {
        // A number that is another customer's explicit external id is not this one's: it has none until linked.
        let number = self.state.key.customer_id.to_string();
        let external_id = self.context.external_owner.is_none().then_some(number);
        self.profile_known_as(external_id)
    }

    /// The profile, made on first use for a customer whom the platform knows by this id.
    pub fn profile_known_as(&mut self, external_id: Option<String>) -> ProfileId {
        if let Some(profile) = &self.state.profile {
            return profile.id;
        }
        let key = self.state.key.clone();
        let linked = external_id
            .as_ref()
            .is_some_and(|id| *id != key.customer_id.to_string());
        let id = self.context.ids.profile();
        let profile = Profile {
            id,
            brand: key.brand,
            customer_id: key.customer_id,
            external_id,
            linked,
            status: ProfileStatus::None,
            current_level: 0,
            required_level: 0,
            risk_level: RiskLevel::Unknown,
            review_reason: None,
            review_since: None,
            pending_steps: 0,
            oldest_submitted_time: None,
            expires_time: None,
            kyc_status: KycStatus::None,
            kyc_level: 0,
            kyc_last_event_at: None,
            kyc_expires_at: None,
            version: 1,
            created_time: self.now,
            updated_time: self.now,
        };
        self.push(
            Action::ProfileCreated,
            Subject::default(),
            Note::default(),
            None,
            Some(profile.members()),
            0,
        );
        self.state.profile = Some(profile);
        id
    }

    /// Changes the profile, made on first use. No event when nothing differs.
    pub fn change_profile(&mut self, action: Action, note: Note, change: impl FnOnce(&mut Profile)) {
        self.profile_id();
        let Some(before) = self.state.profile.clone() else {
            return;
        };
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return;
        }
        after.version += 1;
        after.updated_time = self.now;
        let (old, new) = Profile::changes(&before, &after);
        let level = if action == Action::LevelRequired {
            after.required_level
        } else {
            after.current_level
        };
        self.state.profile = Some(after);
        self.push(action, Subject::default(), note, Some(old), Some(new), level);
    }

    /// Attaches a step.
    pub fn add_step(&mut self, step: Step, note: Note) {
        let subject = Subject {
            step_id: Some(step.id),
            ..Subject::default()
        };
        self.push(
            Action::StepRequired,
            subject,
            note,
            None,
            Some(step.members()),
            step.level,
        );
        self.state.steps.push(step);
    }

    /// Changes a step; `also` names documents that the same event carries along.
    pub fn change_step(
        &mut self,
        id: StepId,
        action: Action,
        note: Note,
        change: impl FnOnce(&mut Step),
    ) -> Result<(), Rejection> {
        self.change_step_with(id, action, note, change, Members::new(), Members::new())
    }

    fn change_step_with(
        &mut self,
        id: StepId,
        action: Action,
        note: Note,
        change: impl FnOnce(&mut Step),
        also_old: Members,
        also_new: Members,
    ) -> Result<(), Rejection> {
        let now = self.now;
        let step = self
            .state
            .steps
            .iter_mut()
            .find(|step| step.id == id)
            .ok_or(Rejection::NotFound("step"))?;
        let before = step.clone();
        change(step);
        step.version += 1;
        step.updated_time = now;
        let (mut old, mut new) = Step::changes(&before, step);
        old.extend(also_old);
        new.extend(also_new);
        let level = step.level;
        let subject = Subject {
            step_id: Some(id),
            ..Subject::default()
        };
        let moved = match action {
            Action::StepSubmitted => Some((LevelEvent::Submitted, now)),
            Action::StepRejected => Some((LevelEvent::Rejected, now)),
            Action::StepExpired => Some((LevelEvent::Expired, before.expires_time.unwrap_or(now))),
            _ => None,
        };
        self.push(action, subject, note, Some(old), Some(new), level);
        if let Some((event, ts)) = moved {
            self.enter_local(event, level, ts, None);
        }
        Ok(())
    }

    /// Submits a step: its live uploaded documents become pending with it, in the same event.
    pub fn submit_step(&mut self, id: StepId, change: impl FnOnce(&mut Step)) -> Result<(), Rejection> {
        let now = self.now;
        let step = self.state.step(id).ok_or(Rejection::NotFound("step"))?.clone();
        let uploaded: Vec<DocumentId> = self
            .state
            .live_documents(&step, now)
            .filter(|document| document.status == crate::status::DocumentStatus::Uploaded)
            .map(|document| document.id)
            .collect();
        let (mut olds, mut news) = (Vec::new(), Vec::new());
        for document in self
            .state
            .documents
            .iter_mut()
            .filter(|document| uploaded.contains(&document.id))
        {
            let before = document.clone();
            document.status = crate::status::DocumentStatus::Pending;
            document.version += 1;
            document.updated_time = now;
            let (mut old, mut new) = Document::changes(&before, document);
            old.insert("document_id".into(), document.id.0.into());
            new.insert("document_id".into(), document.id.0.into());
            olds.push(old);
            news.push(new);
        }
        let (old, new) = if news.is_empty() {
            (Members::new(), Members::new())
        } else {
            (also(olds), also(news))
        };
        self.change_step_with(id, Action::StepSubmitted, Note::default(), change, old, new)
    }

    /// Attaches a document; where `touches` names a pending step, its version rises in the same event.
    pub fn add_document(&mut self, document: Document, touches: Option<StepId>) {
        let mut after = document.members();
        let mut before = None;
        let mut level = document
            .step_id
            .and_then(|id| self.state.step(id))
            .map_or(0, |step| step.level);
        let now = self.now;
        if let Some(step) = touches.and_then(|id| self.state.steps.iter_mut().find(|step| step.id == id)) {
            let untouched = step.clone();
            step.version += 1;
            step.updated_time = now;
            level = step.level;
            let (mut old, mut new) = Step::changes(&untouched, step);
            old.insert("step_id".into(), step.id.0.into());
            new.insert("step_id".into(), step.id.0.into());
            before = Some(also(vec![old]));
            after.extend(also(vec![new]));
        }
        let subject = Subject {
            step_id: document.step_id,
            document_id: Some(document.id),
            ..Subject::default()
        };
        self.push(
            Action::DocumentAdded,
            subject,
            Note::default(),
            before,
            Some(after),
            level,
        );
        self.state.documents.push(document);
    }

    /// Changes a document.
    pub fn change_document(
        &mut self,
        id: DocumentId,
        action: Action,
        note: Note,
        change: impl FnOnce(&mut Document),
    ) -> Result<(), Rejection> {
        let now = self.now;
        let document = self
            .state
            .documents
            .iter_mut()
            .find(|document| document.id == id)
            .ok_or(Rejection::NotFound("document"))?;
        let before = document.clone();
        change(document);
        document.version += 1;
        document.updated_time = now;
        let (old, new) = Document::changes(&before, document);
        let step_id = document.step_id;
        let level = step_id.and_then(|id| self.state.step(id)).map_or(0, |step| step.level);
        let subject = Subject {
            step_id,
            document_id: Some(id),
            ..Subject::default()
        };
        self.push(action, subject, note, Some(old), Some(new), level);
        Ok(())
    }

    /// Records that a file was looked at. It raises no version.
    pub fn file_viewed(&mut self, file_id: &FileId) {
        let document = self
            .state
            .documents
            .iter()
            .find(|document| document.file_id == *file_id);
        let subject = Subject {
            step_id: document.and_then(|document| document.step_id),
            document_id: document.map(|document| document.id),
            ..Subject::default()
        };
        self.push(Action::DocumentViewed, subject, Note::default(), None, None, 0);
        if let Some(event) = self.events.last_mut() {
            event.body = Some(serde_json::json!({ "file_id": file_id }));
        }
    }

    /// Takes the last event's history entry back: a verdict on a step speaks for its documents too.
    pub fn leave_out_of_history(&mut self) {
        if let Some(event) = self.events.last_mut() {
            event.history = None;
        }
    }

    /// Changes the last event's history entry.
    pub fn amend_history(&mut self, change: impl FnOnce(&mut History)) {
        if let Some(history) = self.events.last_mut().and_then(|event| event.history.as_mut()) {
            change(history);
        }
    }

    /// What was due has been applied: what follows is the command's.
    pub(crate) fn due_is_applied(&mut self) {
        self.approved = approved_levels(&self.state.steps);
        self.approved_before.clone_from(&self.approved);
    }

    fn history(&self, source: &str, event: &str, level: i64, reason: Option<String>, subject: Subject) -> History {
        History {
            ts: self.now,
            source: source.to_owned(),
            event: event.to_owned(),
            level,
            from: self.kyc_status_before,
            to: self.kyc_status_before,
            applied: true,
            reason,
            actor: None,
            data: history_data(subject),
            event_id: None,
            also_effective: Vec::new(),
            no_longer_effective: Vec::new(),
        }
    }

    fn push(
        &mut self,
        action: Action,
        subject: Subject,
        note: Note,
        before: Option<Members>,
        after: Option<Members>,
        level: i64,
    ) {
        let (actor_type, actor_id, source) = match self.by {
            By::Caller => {
                let actor = &self.context.actor;
                (actor.session, actor.subject.clone(), actor.source())
            }
            By::System => (Session::System, "system".to_owned(), "system"),
            By::Webhook => (Session::System, self.context.actor.subject.clone(), "webhook"),
            By::Outbound => (Session::System, "system".to_owned(), "outbound"),
        };
        let history = history_event(action).map(|event| History {
            actor: Some(actor_id.clone()),
            ..self.history(source, event, level, note.reason.clone(), subject)
        });
        self.events.push(Event {
            action,
            subject,
            actor_type,
            actor_id,
            note,
            time: self.now,
            before,
            after,
            body: None,
            history,
            log: Vec::new(),
        });
    }

    /// Brings the profile in line with what has changed so far, for decisions that depend on it or reply with it.
    pub fn recalculate(&mut self) {
        if self.events.iter().any(|event| event.action != Action::DocumentViewed) {
            self.enter_approvals();
            self.report_expiries();
            let by = self.by;
            self.by = By::System;
            crate::recalculate::apply(self);
            self.by = by;
        }
    }

    /// Closes the decision: the profile is recalculated, the platform is told, and every entry learns where the commit
    /// ends.
    pub fn finish(mut self) -> (CustomerState, Vec<Event>, Vec<QueueChange>) {
        if self.events.is_empty() {
            return (self.state, self.events, self.queue);
        }
        self.recalculate();
        crate::outbound::plan(&mut self);
        self.state.deliveries.sort_by_key(|delivery| delivery.id);
        self.state.head.due_time = self.state.due_time(self.context.model(), self.now);
        let kyc_id = self.state.profile.as_ref().map(|profile| profile.id);
        let to = self
            .state
            .profile
            .as_ref()
            .map_or(KycStatus::None, |profile| profile.kyc_status);
        for event in &mut self.events {
            event.subject.kyc_id = kyc_id;
            if let Some(history) = &mut event.history {
                history.to = to;
            }
        }
        (self.state, self.events, self.queue)
    }
}

/// Levels with at least one counting step of exactly that level, all of which are approved.
pub fn approved_levels(steps: &[Step]) -> BTreeSet<i64> {
    let counting = || steps.iter().filter(|step| step.counts());
    let is_approved = |level: &i64| {
        let mut of_level = counting().filter(|step| step.level == *level);
        of_level.all(|step| step.status == StepStatus::Approved)
    };
    counting().map(|step| step.level).filter(is_approved).collect()
}

fn also(entries: Vec<Members>) -> Members {
    let entries = entries.into_iter().map(Value::from_iter);
    Members::from([(ALSO_MEMBER.into(), entries.collect())])
}

/// Which step or document a history entry is about.
fn history_data(subject: Subject) -> Option<Value> {
    let mut data = Map::new();
    if let Some(id) = subject.step_id {
        data.insert("step_id".to_owned(), id.0.into());
    }
    if let Some(id) = subject.document_id {
        data.insert("document_id".to_owned(), id.0.into());
    }
    (!data.is_empty()).then_some(Value::Object(data))
}
