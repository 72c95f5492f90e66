//! A decision about a brand's configuration in the making, like [`work`](crate::work) for a customer.

use serde_json::{Map, Value};

use crate::actor::Actor;
use crate::brand::{BrandState, Settings};
use crate::event::{Action, Event, Note, Subject};
use crate::id::TemplateId;
use crate::record::{Record, whole};
use crate::rejection::Rejection;
use crate::template::Template;
use crate::time::Time;
use crate::work::Ids;

/// What purity forbids the decision to find out for itself.
#[derive(Debug, Clone)]
pub struct BrandContext {
    /// The clock's time.
    pub now: Time,
    /// Who asks.
    pub actor: Actor,
    /// Fresh ids.
    pub ids: Ids,
    /// How many of the brand's templates are not archived.
    pub template_count: usize,
}

/// A working copy of a brand's configuration.
#[derive(Debug)]
pub struct BrandWork {
    /// The state as it has become.
    pub state: BrandState,
    /// What the decision may use.
    pub context: BrandContext,
    /// This commit's time.
    pub now: Time,
    events: Vec<Event>,
}

impl BrandWork {
    /// Starts from a loaded state.
    pub fn new(state: BrandState, context: BrandContext) -> Self {
        let now = context.now.max(state.head.committed_time);
        Self {
            state,
            context,
            now,
            events: Vec::new(),
        }
    }

    /// Adds a template.
    pub fn add_template(&mut self, template: Template) {
        let subject = Subject {
            template_id: Some(template.id),
            ..Subject::default()
        };
        self.push(Action::TemplateCreated, subject, None, whole(&template));
        self.state.templates.push(template);
    }

    /// Changes a template. No event when nothing differs.
    pub fn change_template(
        &mut self,
        id: TemplateId,
        action: Action,
        change: impl FnOnce(&mut Template),
    ) -> Result<(), Rejection> {
        let now = self.now;
        let template = self
            .state
            .templates
            .iter_mut()
            .find(|template| template.id == id)
            .ok_or(Rejection::NotFound("template"))?;
        let before = template.clone();
        change(template);
        if *template == before {
            return Ok(());
        }
        template.version += 1;
        template.updated_time = now;
        let (old, new) = Template::changes(&before, template);
        let subject = Subject {
            template_id: Some(id),
            ..Subject::default()
        };
        self.push(action, subject, Some(old), new);
        Ok(())
    }

    /// Changes the settings. No event when nothing differs.
    pub fn change_settings(&mut self, change: impl FnOnce(&mut Settings)) {
        let before = self.state.settings.clone();
        change(&mut self.state.settings);
        if self.state.settings == before {
            return;
        }
        let now = self.now;
        let settings = &mut self.state.settings;
        settings.version += 1;
        settings.created_time = settings.created_time.or(Some(now));
        settings.updated_time = Some(now);
        let (old, new) = Settings::changes(&before, settings);
        self.push(Action::BrandUpdated, Subject::default(), Some(old), new);
    }

    fn push(
        &mut self,
        action: Action,
        subject: Subject,
        before: Option<Map<String, Value>>,
        after: Map<String, Value>,
    ) {
        self.events.push(Event {
            action,
            subject,
            actor_type: self.context.actor.session,
            actor_id: self.context.actor.subject.clone(),
            note: Note::default(),
            time: self.now,
            before,
            after: Some(after),
            body: None,
            history: None,
        });
    }

    /// The state after, and the events that led there.
    pub fn finish(self) -> (BrandState, Vec<Event>) {
        (self.state, self.events)
    }
}
