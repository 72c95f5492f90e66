//! A decision in the making: a working copy of the customer's state, and the events that led to it.

use serde_json::{Map, Value};

use crate::actor::Actor;
use crate::brand::Settings;
use crate::customer::CustomerState;
use crate::document::Document;
use crate::event::{ALSO_MEMBER, Action, Event, History, Note, Subject, history_event};
use crate::file::FileMeta;
use crate::id::{CustomerId, DocumentId, FileId, ProfileId, StepId, TemplateId};
use crate::limits::ID_MAX;
use crate::profile::Profile;
use crate::record::{Record, whole};
use crate::rejection::Rejection;
use crate::status::{KycStatus, ProfileStatus, RiskLevel, Session};
use crate::step::Step;
use crate::template::Template;
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
}

impl Ids {
    /// Ids that are never used, for decisions that create nothing.
    pub const NONE: Self = Self {
        profile: ID_MAX,
        step: ID_MAX,
        document: ID_MAX,
        template: ID_MAX,
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
}

/// Whose doing an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The caller's.
    Caller,
    /// The clock's.
    System,
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
}

impl Work {
    /// Starts from a loaded state.
    pub fn new(state: CustomerState, context: Context) -> Self {
        let now = context.now.max(state.head.committed_time);
        let kyc_status_before = state
            .profile
            .as_ref()
            .map_or(KycStatus::None, |profile| profile.kyc_status);
        Self {
            state,
            context,
            now,
            events: Vec::new(),
            by: By::Caller,
            kyc_status_before,
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

    /// The profile, made on first use.
    pub fn profile_id(&mut self) -> ProfileId {
        if let Some(profile) = &self.state.profile {
            return profile.id;
        }
        let key = self.state.key.clone();
        // A number that is another customer's explicit external id is not this one's: it has none until linked.
        let external_id = self
            .context
            .external_owner
            .is_none()
            .then(|| key.customer_id.to_string());
        let id = self.context.ids.profile();
        let profile = Profile {
            id,
            brand: key.brand,
            customer_id: key.customer_id,
            external_id,
            linked: false,
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
            Some(whole(&profile)),
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
            Some(whole(&step)),
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
        self.change_step_with(id, action, note, change, Map::new(), Map::new())
    }

    fn change_step_with(
        &mut self,
        id: StepId,
        action: Action,
        note: Note,
        change: impl FnOnce(&mut Step),
        also_old: Map<String, Value>,
        also_new: Map<String, Value>,
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
        self.push(action, subject, note, Some(old), Some(new), level);
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
            old.insert("document_id".to_owned(), document.id.0.into());
            new.insert("document_id".to_owned(), document.id.0.into());
            olds.push(Value::Object(old));
            news.push(Value::Object(new));
        }
        let (old, new) = if news.is_empty() {
            (Map::new(), Map::new())
        } else {
            (also(olds), also(news))
        };
        self.change_step_with(id, Action::StepSubmitted, Note::default(), change, old, new)
    }

    /// Attaches a document; where `touches` names a pending step, its version rises in the same event.
    pub fn add_document(&mut self, document: Document, touches: Option<StepId>) {
        let mut after = whole(&document);
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
            old.insert("step_id".to_owned(), step.id.0.into());
            new.insert("step_id".to_owned(), step.id.0.into());
            before = Some(also(vec![Value::Object(old)]));
            after.extend(also(vec![Value::Object(new)]));
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

    fn push(
        &mut self,
        action: Action,
        subject: Subject,
        note: Note,
        before: Option<Map<String, Value>>,
        after: Option<Map<String, Value>>,
        level: i64,
    ) {
        let (actor_type, actor_id, source) = match self.by {
            By::Caller => {
                let actor = &self.context.actor;
                (actor.session, actor.subject.clone(), actor.source())
            }
            By::System => (Session::System, "system".to_owned(), "system"),
        };
        let history = history_event(action).map(|event| History {
            ts: self.now,
            source: source.to_owned(),
            event: event.to_owned(),
            level,
            from: self.kyc_status_before,
            to: self.kyc_status_before,
            applied: true,
            reason: note.reason.clone(),
            actor: Some(actor_id.clone()),
            data: history_data(subject),
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
        });
    }

    /// Brings the profile in line with what has changed so far, for decisions that depend on it or reply with it.
    pub fn recalculate(&mut self) {
        if self.events.iter().any(|event| event.action != Action::DocumentViewed) {
            let by = self.by;
            self.by = By::System;
            crate::recalculate::apply(self);
            self.by = by;
        }
    }

    /// Closes the decision: the profile is recalculated, and every entry learns where the commit ends.
    pub fn finish(mut self) -> (CustomerState, Vec<Event>) {
        if self.events.is_empty() {
            return (self.state, self.events);
        }
        self.recalculate();
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
        (self.state, self.events)
    }
}

fn also(entries: Vec<Value>) -> Map<String, Value> {
    Map::from_iter([(ALSO_MEMBER.to_owned(), Value::Array(entries))])
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
