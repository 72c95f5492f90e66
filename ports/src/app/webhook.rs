//! Webhooks in: the tenant contract's checks in their order, and then a commit that claims the event's id.

use kyc_core::actor::Actor;
use kyc_core::command::TemplateNeed;
use kyc_core::id::{Brand, CustomerKey, Slug};
use kyc_core::level::LevelEntry;
use kyc_core::limits::{ALLOCATIONS_MAX, CONFLICT_ATTEMPTS_MAX, WEBHOOK_BYTES_MAX};
use kyc_core::rejection::Rejection;
use kyc_core::signature;
use kyc_core::status::{Flag, KycStatus, SecretKind};
use kyc_core::tenant::Tenant;
use kyc_core::webhook::{Receive, ReceivedReply, RecordConflict, Webhook, WebhookError, customer_of};

use crate::app::change::Attempt;
use crate::app::limiter::{Rate, source_name};
use crate::app::{App, refused};
use crate::store::Wanted;

/// A webhook as it came.
#[derive(Debug, Clone, Copy)]
pub struct WebhookRequest<'a> {
    /// The tenant's name in the path.
    pub slug: &'a str,
    /// The address that it came from.
    pub source: Option<&'a str>,
    /// The `X-UCRM-Timestamp` header.
    pub timestamp: Option<&'a str>,
    /// The `X-UCRM-Signature` header.
    pub signature: Option<&'a str>,
    /// The body, byte by byte.
    pub body: &'a [u8],
}

impl App {
    /// Takes a webhook. A success is durable; no refusal claims the event's id, unless it failed midway.
    pub async fn webhook(&self, request: WebhookRequest<'_>) -> Result<ReceivedReply, WebhookError> {
        let taken = self.take_webhook(request).await;
        if let Err(error) = &taken {
            tracing::info!(status = error.status(), code = error.code(), "webhook refused");
        }
        taken
    }

    async fn take_webhook(&self, request: WebhookRequest<'_>) -> Result<ReceivedReply, WebhookError> {
        if request.body.len() > WEBHOOK_BYTES_MAX {
            return Err(WebhookError::TooLarge(WEBHOOK_BYTES_MAX));
        }
        let tenant = self.tenant(request.slug).await?;
        let limited = |retry_after_seconds| WebhookError::RateLimited { retry_after_seconds };
        let now = self.now();
        if let (Some(rate), Some(source)) = (self.source_rate, request.source) {
            let sources = &self.limits.sources;
            sources.take(&source_name(source), 1, rate, now).map_err(limited)?;
        }
        self.check_signature(&tenant, request).await?;
        let rate = Rate {
            per_second: tenant.webhook_rate,
            burst: tenant.webhook_burst,
        };
        let bucket = format!("webhooks {}", tenant.tenant_id);
        self.limits.tenants.take(&bucket, 1, rate, now).map_err(limited)?;
        if !tenant.kyc_model.takes_webhooks() {
            return Err(WebhookError::WrongModel(tenant.kyc_model.name()));
        }
        let _place = self.admission.place()?;
        let webhook = Webhook::read(request.body, now).map_err(WebhookError::Invalid)?;
        self.apply(&tenant, webhook).await
    }

    /// The tenant of a slug.
    async fn tenant(&self, slug: &str) -> Result<Tenant, WebhookError> {
        let unknown = WebhookError::NotFound("tenant");
        let slug: Slug = slug.parse().map_err(|_| unknown.clone())?;
        let brand = self.tenant_brand(&slug).await?.ok_or_else(|| unknown.clone())?;
        let state = self.brand(&brand, &TemplateNeed::None).await?;
        // It may have been taken away in between.
        state.tenant.clone().filter(|tenant| tenant.slug == slug).ok_or(unknown)
    }

    async fn check_signature(&self, tenant: &Tenant, request: WebhookRequest<'_>) -> Result<(), WebhookError> {
        let now = self.now();
        let timestamp = request
            .timestamp
            .filter(|timestamp| signature::is_recent(timestamp, now));
        let timestamp = timestamp.ok_or(WebhookError::NotSigned)?;
        let given = request.signature.ok_or(WebhookError::NotSigned)?;
        let ids: Vec<&str> = tenant
            .live(SecretKind::Webhook, now)
            .map(|note| note.secret_id.as_str())
            .collect();
        let secrets = self.open_secrets(&tenant.brand, &ids).await?;
        if signature::is_signed(&secrets, timestamp, given, request.body) {
            Ok(())
        } else {
            Err(WebhookError::NotSigned)
        }
    }

    async fn apply(&self, tenant: &Tenant, webhook: Webhook) -> Result<ReceivedReply, WebhookError> {
        let actor = Actor::webhook(&tenant.slug);
        let store = &self.ports.store;
        let customer = match self.player(tenant, &webhook).await {
            Ok(customer) => customer,
            // The player may have got another id since the event was taken.
            Err(unknown) => {
                let claimed = store.claimed_event(&tenant.slug, &webhook.event_id).await;
                let entry = claimed.map_err(refused)?.ok_or(unknown)?;
                return self.seen_before(&actor, tenant, &entry, webhook).await;
            }
        };
        let mut receive = Receive {
            customer,
            slug: tenant.slug.clone(),
            webhook,
        };
        for _ in 0..=CONFLICT_ATTEMPTS_MAX {
            let stream = kyc_core::customer::CustomerState::new(receive.customer.clone()).stream();
            let turn = self.turns.take(stream).await;
            let ended = match self.try_change(&actor, &receive.customer, &receive, None).await {
                Ok(Attempt::Answered(Ok(reply))) => {
                    let reply = serde_json::from_str(&reply);
                    return reply.map_err(|_| WebhookError::Unavailable);
                }
                ended => ended,
            };
            drop(turn);
            let claimed = store.claimed_event(&tenant.slug, &receive.webhook.event_id).await;
            if let Some(entry) = claimed.map_err(refused)? {
                return self.seen_before(&actor, tenant, &entry, receive.webhook).await;
            }
            match ended {
                // Another process was faster, or the id has become another customer's: whose is it now?
                Ok(Attempt::Overtaken | Attempt::Answered(Err(Rejection::Stale { .. }) | Ok(_)))
                | Err(Rejection::Stale { .. }) => {
                    receive.customer = self.player(tenant, &receive.webhook).await?;
                }
                Ok(Attempt::Answered(Err(rejection))) | Err(rejection) => return Err(rejection.into()),
            }
        }
        Err(WebhookError::Unavailable)
    }

    /// The id is taken: by the same body, which is told so, or by another, which stands in the ledger.
    async fn seen_before(
        &self,
        actor: &Actor,
        tenant: &Tenant,
        entry: &LevelEntry,
        again: Webhook,
    ) -> Result<ReceivedReply, WebhookError> {
        // A slug that was another brand's before there was a rule against it: nothing is written over there.
        if entry.brand != tenant.brand {
            return Err(WebhookError::Conflict);
        }
        let customer = CustomerKey {
            brand: entry.brand.clone(),
            customer_id: entry.customer_id,
        };
        if entry.body_hash != Some(again.body_hash) {
            let conflict = RecordConflict {
                customer,
                slug: tenant.slug.clone(),
                webhook: again,
            };
            self.change(actor, &conflict, None).await?;
            return Err(WebhookError::Conflict);
        }
        let state = self.customer(&customer).await?.state;
        Ok(ReceivedReply {
            received: true,
            applied: false,
            new_status: state
                .profile
                .as_ref()
                .map_or(KycStatus::None, |profile| profile.kyc_status),
        })
    }

    /// The customer of an external id, known or to be made.
    async fn player(&self, tenant: &Tenant, webhook: &Webhook) -> Result<CustomerKey, WebhookError> {
        let external_id = &webhook.player_external_id;
        let owner = self.external_owner(&tenant.brand, external_id).await?;
        if let Some(customer_id) = owner {
            return Ok(CustomerKey {
                brand: tenant.brand.clone(),
                customer_id,
            });
        }
        if tenant.create_players == Flag::No {
            return Err(WebhookError::NotFound("player"));
        }
        if let Some(key) = customer_of(&tenant.brand, external_id)
            && self.customer(&key).await?.state.profile.is_none()
        {
            return Ok(key);
        }
        self.allocated(&tenant.brand).await
    }

    /// A customer whose number nobody has.
    async fn allocated(&self, brand: &Brand) -> Result<CustomerKey, WebhookError> {
        let store = &self.ports.store;
        for _ in 0..ALLOCATIONS_MAX {
            let wanted = Wanted {
                customers: 1,
                ..Wanted::default()
            };
            let reserved = store.reserve(wanted).await.map_err(refused)?;
            let key = CustomerKey {
                brand: brand.clone(),
                customer_id: kyc_core::id::CustomerId(reserved.customer),
            };
            let is_free = self.customer(&key).await?.state.profile.is_none();
            if is_free {
                return Ok(key);
            }
        }
        tracing::error!("numbers of customers that were to be allocated are in use");
        Err(WebhookError::from(Rejection::Unavailable))
    }
}
