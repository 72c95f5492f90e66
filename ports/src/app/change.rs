//! Commands that change something: load, decide, commit; again when somebody else was faster.

use kyc_core::actor::Actor;
use kyc_core::command::{AnyChange, AnyConfigure, Decided, Needs};
use kyc_core::commit::Commit;
use kyc_core::configure::{BrandContext, BrandTarget};
use kyc_core::customer::CustomerState;
use kyc_core::file::FileMeta;
use kyc_core::id::{Brand, CustomerKey, FileId};
use kyc_core::limits::{CALLS_PER_DECISION_MAX, CONFLICT_ATTEMPTS_MAX};
use kyc_core::notice::notices;
use kyc_core::outbound::QueueChange;
use kyc_core::record::Hash;
use kyc_core::rejection::Rejection;
use kyc_core::stream::StreamKey;
use kyc_core::work::{Context, Ids};

use crate::app::keyed::Keyed;
use crate::app::{App, refused};
use crate::store::{Reserved, StoreError, Wanted};

/// How an attempt ended.
pub(super) enum Attempt {
    Answered(Result<String, Rejection>),
    Overtaken,
}

impl App {
    pub(super) async fn change(
        &self,
        actor: &Actor,
        change: &dyn AnyChange,
        keyed: Option<&Keyed>,
    ) -> Result<String, Rejection> {
        for _ in 0..=CONFLICT_ATTEMPTS_MAX {
            let key = self.locate(actor, change.target(actor)?).await?;
            let _turn = self.turns.take(CustomerState::new(key.clone()).stream()).await;
            if let Some(reply) = self.given_before(keyed).await? {
                return Ok(reply);
            }
            match self.try_change(actor, &key, change, keyed).await {
                Ok(Attempt::Overtaken) => {}
                Ok(Attempt::Answered(answer)) => return self.unless_given(keyed, answer).await,
                Err(rejection) => return self.unless_given(keyed, Err(rejection)).await,
            }
        }
        Err(Rejection::Unavailable)
    }

    pub(super) async fn try_change(
        &self,
        actor: &Actor,
        key: &CustomerKey,
        change: &dyn AnyChange,
        keyed: Option<&Keyed>,
    ) -> Result<Attempt, Rejection> {
        let loaded = self.customer(key).await?;
        let state = &*loaded.state;
        let needs = change.needs(state);
        let context = self.context(actor, state, &needs).await?;
        let decided = change.decide(state, &context)?;
        if decided.events.is_empty() {
            return Ok(Attempt::Answered(decided.outcome));
        }
        // The two databases cannot commit together: a file is claimed first, and a claimed file is never cleaned up.
        if decided.outcome.is_ok() && !context.files.is_empty() {
            let files: Vec<_> = context.files.iter().map(|file| file.file_id.clone()).collect();
            match self.ports.store.claim_files(&files, key).await {
                Err(StoreError::Conflict) => return Ok(Attempt::Overtaken),
                claimed => claimed.map_err(refused)?,
            }
        }
        let Decided {
            state: after,
            events,
            queue,
            outcome,
        } = decided;
        let calls_due = queue.iter().any(|change| matches!(change, QueueChange::Add(_)));
        let (first_id, salts) = self.audit_ids(events.len()).await?;
        let mut commit = Commit::of_customer(state, &after, &events, queue, first_id, salts.into_iter());
        if let (Some(keyed), Ok(body)) = (keyed, &outcome) {
            commit.kept = Some(keyed.kept(body, context.now));
        }
        let head = commit.head;
        let under_way = self.under_way(commit.stream.clone());
        match self.ports.store.commit(commit).await {
            Err(StoreError::Conflict) => Ok(Attempt::Overtaken),
            Err(error) => Err(refused(error)),
            Ok(()) => {
                let notify = &self.ports.notify;
                let generation = under_way.end();
                let told = notify.is_heard().then(|| notices(&after, &events));
                self.remember(generation, &loaded, head, after);
                if let Some(notices) = told {
                    notify.publish(notices);
                }
                if calls_due {
                    notify.calls_due(&key.brand);
                }
                Ok(Attempt::Answered(outcome))
            }
        }
    }

    /// Ids and salts of the audit rows. Taken after the load, so that they rise along the stream.
    async fn audit_ids(&self, count: usize) -> Result<(i64, Vec<Hash>), Rejection> {
        let wanted = Wanted {
            audit: i64::try_from(count).unwrap_or(i64::MAX),
            ..Wanted::default()
        };
        let reserved = self.ports.store.reserve(wanted).await.map_err(refused)?;
        Ok((reserved.audit, self.salts(count)?))
    }

    /// Salts, drawn together.
    fn salts(&self, count: usize) -> Result<Vec<Hash>, Rejection> {
        let mut salts = vec![[0; 32]; count];
        self.draw(salts.as_flattened_mut())?;
        Ok(salts.into_iter().map(Hash).collect())
    }

    /// Gathers what the decision needs.
    async fn context(&self, actor: &Actor, state: &CustomerState, needs: &Needs) -> Result<Context, Rejection> {
        let store = &self.ports.store;
        let brand = self.brand(&state.key.brand, &needs.templates).await?;
        let mut files: Vec<FileMeta> = Vec::new();
        for id in &needs.files {
            if !files.iter().any(|file| file.file_id == *id) {
                files.extend(store.file(id).await.map_err(refused)?);
            }
        }
        let is_new = state.profile.is_none();
        let external_id = needs
            .external_id
            .clone()
            .or_else(|| is_new.then(|| state.key.customer_id.to_string()));
        let external_owner = match external_id {
            Some(id) => self.external_owner(&state.key.brand, &id).await?,
            None => None,
        };
        let new_steps = brand
            .templates
            .iter()
            .filter(|template| !state.steps.iter().any(|step| step.code == template.code));
        let calls_out = brand.tenant.as_ref().is_some_and(|tenant| tenant.kyc_model.calls_out());
        let delivery = match needs.delivery {
            Some(id) => match state.deliveries.iter().find(|delivery| delivery.id == id) {
                Some(delivery) => Some(delivery.clone()),
                // The customer is loaded with those that decisions look at.
                None => store.deliveries(&[id]).await.map_err(refused)?.pop(),
            },
            None => None,
        };
        let wanted = Wanted {
            profiles: i64::from(is_new),
            steps: i64::try_from(new_steps.count()).unwrap_or(i64::MAX),
            documents: i64::from(needs.adds_document),
            deliveries: if calls_out { CALLS_PER_DECISION_MAX } else { 0 },
            ..Wanted::default()
        };
        let ids = if wanted == Wanted::default() {
            Ids::NONE
        } else {
            ids(store.reserve(wanted).await.map_err(refused)?)
        };
        Ok(Context {
            now: self.now(),
            actor: actor.clone(),
            ids,
            settings: brand.settings.clone(),
            templates: brand.templates.clone(),
            files,
            external_owner,
            tenant: brand.tenant.clone(),
            delivery,
            seed: if calls_out { Hash(self.random()?) } else { Hash::ZERO },
        })
    }

    pub(super) async fn configure(
        &self,
        actor: &Actor,
        change: &dyn AnyConfigure,
        keyed: Option<&Keyed>,
    ) -> Result<String, Rejection> {
        for _ in 0..=CONFLICT_ATTEMPTS_MAX {
            let brand = self.configured_brand(actor, change).await?;
            let _turn = self.turns.take(brand_stream(&brand)).await;
            if let Some(reply) = self.given_before(keyed).await? {
                return Ok(reply);
            }
            match self.try_configure(actor, &brand, change, keyed).await {
                Ok(Attempt::Overtaken) => {}
                Ok(Attempt::Answered(answer)) => return self.unless_given(keyed, answer).await,
                Err(rejection) => return self.unless_given(keyed, Err(rejection)).await,
            }
        }
        Err(Rejection::Unavailable)
    }

    /// The brand that the command is about, if it exists for the caller.
    async fn configured_brand(&self, actor: &Actor, change: &dyn AnyConfigure) -> Result<Brand, Rejection> {
        let store = &self.ports.store;
        let (brand, name) = match change.target() {
            BrandTarget::Brand(brand) => (Some(brand), "brand"),
            BrandTarget::Template(id) => (store.template_brand(id).await.map_err(refused)?, "template"),
            BrandTarget::Tenant(slug) => (store.tenant_brand(&slug).await.map_err(refused)?, "tenant"),
        };
        brand
            .filter(|brand| actor.scope.sees(brand))
            .ok_or(Rejection::NotFound(name))
    }

    async fn brand_context(
        &self,
        actor: &Actor,
        brand: &Brand,
        change: &dyn AnyConfigure,
    ) -> Result<BrandContext, Rejection> {
        let store = &self.ports.store;
        let needs = change.needs();
        let wanted = Wanted {
            templates: i64::from(!needs.tenant),
            tenants: i64::from(needs.tenant),
            ..Wanted::default()
        };
        let slug_owner = match &needs.slug {
            Some(slug) => match store.tenant_brand(slug).await.map_err(refused)? {
                // The ids of another brand's events stand under it for ever.
                None => store
                    .webhook_brand(slug)
                    .await
                    .map_err(refused)?
                    .filter(|owner| owner != brand),
                owner => owner,
            },
            None => None,
        };
        let has_active_profiles = needs.tenant && store.has_active_profiles(brand).await.map_err(refused)?;
        let fresh_secrets = (0..needs.secrets).map(|_| self.fresh_secret(brand));
        Ok(BrandContext {
            now: self.now(),
            actor: actor.clone(),
            ids: ids(store.reserve(wanted).await.map_err(refused)?),
            template_count: store.template_count(brand).await.map_err(refused)?,
            has_active_profiles,
            slug_owner,
            fresh_uuid: FileId::from_random(self.random()?).to_string(),
            fresh_secrets: fresh_secrets.collect::<Result<_, _>>()?,
        })
    }

    async fn try_configure(
        &self,
        actor: &Actor,
        brand: &Brand,
        change: &dyn AnyConfigure,
        keyed: Option<&Keyed>,
    ) -> Result<Attempt, Rejection> {
        let store = &self.ports.store;
        let state = self.brand(brand, &change.needs().templates).await?;
        let context = self.brand_context(actor, brand, change).await?;
        let configured = change.decide(&state, &context)?;
        if configured.events.is_empty() {
            return Ok(Attempt::Answered(Ok(configured.reply)));
        }
        let (first_id, salts) = self.audit_ids(configured.events.len()).await?;
        let mut commit = Commit::of_brand(
            &state,
            &configured.state,
            &configured.events,
            configured.writes,
            first_id,
            salts.into_iter(),
        );
        commit.kept = keyed.map(|keyed| keyed.kept(&configured.reply, context.now));
        let calls_due = commit.wakes_calls.is_some();
        let under_way = self.under_way(commit.stream.clone());
        match store.commit(commit).await {
            Err(StoreError::Conflict) => Ok(Attempt::Overtaken),
            Err(error) => Err(refused(error)),
            Ok(()) => {
                drop(under_way);
                if calls_due {
                    self.ports.notify.calls_due(brand);
                }
                Ok(Attempt::Answered(Ok(configured.reply)))
            }
        }
    }
}

fn brand_stream(brand: &Brand) -> StreamKey {
    StreamKey {
        brand: brand.clone(),
        customer_id: None,
    }
}

const fn ids(reserved: Reserved) -> Ids {
    Ids {
        profile: reserved.profile,
        step: reserved.step,
        document: reserved.document,
        template: reserved.template,
        tenant: reserved.tenant,
        delivery: reserved.delivery,
    }
}
