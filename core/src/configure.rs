//! A decision about a brand's configuration in the making, like [`work`](crate::work) for a customer.

use crate::actor::Actor;
use crate::brand::{BrandState, Settings};
use crate::event::{Action, Event, Note, Subject};
use crate::id::{Brand, Slug, TemplateId};
use crate::record::{Members, Record};
use crate::rejection::Rejection;
use crate::template::Template;
use crate::tenant::{FreshSecret, SealedSecret, Tenant};
use crate::time::Time;
use crate::work::Ids;

/// Which brand a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrandTarget {
    /// This one.
    Brand(Brand),
    /// That of a template.
    Template(TemplateId),
    /// That of a tenant.
    Tenant(Slug),
}

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
    /// Whether the brand has a profile whose status is not none.
    pub has_active_profiles: bool,
    /// Whose slug the one in the command's needs is.
    pub slug_owner: Option<Brand>,
    /// A UUID for what the decision makes.
    pub fresh_uuid: String,
    /// Secrets drawn for the decision, as many as its needs call for.
    pub fresh_secrets: Vec<FreshSecret>,
}

impl BrandContext {
    /// A secret that nobody has used yet.
    pub fn take_secret(&mut self) -> Option<FreshSecret> {
        self.fresh_secrets.pop()
    }
}

/// What a decision writes beside the state: nothing that a replay would need.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BrandWrites {
    /// Sealed secrets to keep.
    pub secrets: Vec<SealedSecret>,
    /// It holds only while every profile of the brand has status none.
    pub needs_no_active_profiles: bool,
    /// Calls that wait are looked at again at once.
    pub wakes_calls: bool,
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
    writes: BrandWrites,
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
            writes: BrandWrites::default(),
        }
    }

    /// Adds a template.
    pub fn add_template(&mut self, template: Template) {
        let subject = Subject {
            template_id: Some(template.id),
            ..Subject::default()
        };
        self.push(Action::TemplateCreated, subject, None, template.members());
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

    /// The tenant.
    pub fn tenant(&self) -> Result<&Tenant, Rejection> {
        self.state.tenant.as_ref().ok_or(Rejection::NotFound("tenant"))
    }

    /// Adds the tenant.
    pub fn add_tenant(&mut self, tenant: Tenant) {
        self.push(Action::TenantCreated, Subject::default(), None, tenant.members());
        self.state.tenant = Some(tenant);
    }

    /// Changes the tenant. No event when nothing differs.
    pub fn change_tenant(&mut self, change: impl FnOnce(&mut Tenant)) -> Result<(), Rejection> {
        self.change_tenant_as(Action::TenantUpdated, change)
    }

    /// Changes the tenant's secrets.
    pub fn rotate_secret(&mut self, change: impl FnOnce(&mut Tenant)) -> Result<(), Rejection> {
        self.change_tenant_as(Action::TenantSecretRotated, change)
    }

    fn change_tenant_as(&mut self, action: Action, change: impl FnOnce(&mut Tenant)) -> Result<(), Rejection> {
        let before = self.tenant()?.clone();
        let mut tenant = before.clone();
        change(&mut tenant);
        if tenant == before {
            return Ok(());
        }
        tenant.version += 1;
        tenant.updated_time = self.now;
        let (old, new) = Tenant::changes(&before, &tenant);
        self.push(action, Subject::default(), Some(old), new);
        self.state.tenant = Some(tenant);
        Ok(())
    }

    /// Takes the tenant away.
    pub fn remove_tenant(&mut self) -> Result<(), Rejection> {
        let before = self.tenant()?.members();
        self.push(Action::TenantRemoved, Subject::default(), Some(before), Members::new());
        self.state.tenant = None;
        Ok(())
    }

    /// Keeps a fresh secret, sealed.
    pub fn keep_secret(&mut self, secret: &FreshSecret) {
        self.writes.secrets.push(SealedSecret {
            secret_id: secret.secret_id.clone(),
            brand: self.state.settings.brand.clone(),
            sealed: secret.sealed.clone(),
        });
    }

    /// The decision holds only while every profile of the brand has status none.
    pub fn needs_no_active_profiles(&mut self) {
        self.writes.needs_no_active_profiles = true;
    }

    /// Calls that wait are looked at again at once.
    pub fn wake_calls(&mut self) {
        self.writes.wakes_calls = true;
    }

    fn push(&mut self, action: Action, subject: Subject, before: Option<Members>, after: Members) {
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
            log: Vec::new(),
        });
    }

    /// The state after, the events that led there, and what is written beside.
    pub fn finish(self) -> (BrandState, Vec<Event>, BrandWrites) {
        (self.state, self.events, self.writes)
    }
}
