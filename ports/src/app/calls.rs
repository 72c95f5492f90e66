//! Calls out: claimed with a lease, signed, sent, and settled in the player's stream.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream::FuturesUnordered;
use kyc_core::actor::Actor;
use kyc_core::command::TemplateNeed;
use kyc_core::id::{Brand, CustomerKey, FileId};
use kyc_core::limits::{LEASE_SECONDS, OUTBOUND_CALL_SECONDS_MAX, PROBE_SECONDS};
use kyc_core::outbound::retry::{is_overdue, next_try, overdue_before};
use kyc_core::outbound::send::{self, Prepared};
use kyc_core::outbound::{Breaker, Delivery, Heard, QueuedCall, Settle, Verdict, judge};
use kyc_core::rejection::Rejection;
use kyc_core::status::DeliveryStatus;
use kyc_core::tenant::{FreshSecret, Tenant};

use crate::app::{App, refused};
use crate::outbound::{OutboundAnswer, OutboundError, OutboundRequest};
use crate::store::{Claim, Postponed, StoreError, Which};

/// Calls of one brand that one round takes on. All of them together take no longer than a lease.
const BATCH: usize = 32;
/// Calls of one brand that are under way at once.
const AT_ONCE: usize = 16;

/// What a call takes at most, within its lease.
const CALL_SECONDS: i64 = OUTBOUND_CALL_SECONDS_MAX as i64;

/// Whom calls go to in one round, and what signs them.
struct Platform {
    tenant: Tenant,
    secret: String,
}

/// A claimed call, and what its try needs.
struct Try {
    call: QueuedCall,
    delivery: Delivery,
    platform: Option<Arc<Platform>>,
    is_probe: bool,
}

/// What a claim gave.
#[derive(Default)]
struct Claimed {
    tries: VecDeque<Try>,
    /// Calls claimed, with those that there is nothing to be done about.
    count: usize,
    /// Whether there were as many as were asked for.
    may_be_more: bool,
}

/// What is done side by side.
enum Part {
    Try(Box<Try>),
    Claim,
}

/// What that came to.
enum Done {
    Tried(Result<(), Rejection>),
    Claimed(Result<Claimed, Rejection>),
}

/// How the end of a try is told.
#[derive(Default)]
struct End {
    code: Option<String>,
    message: Option<String>,
    provider_ref: Option<String>,
    heard: Heard,
}

impl App {
    /// Brands that have calls to send or to give up.
    pub async fn callable_brands(&self) -> Result<Vec<Brand>, Rejection> {
        self.ports.store.callable_brands(self.now()).await.map_err(refused)
    }

    /// Sends what is due for one brand's platform, as much as one round takes; how many calls were looked at. Two
    /// rounds at once do no harm: each call is one of theirs.
    pub async fn send_calls(&self, brand: &Brand) -> Result<usize, Rejection> {
        self.send_calls_while(brand, |_| false).await
    }

    /// The same, and goes on while more is due, and wanted after so many: more is claimed while what was claimed before is
    /// being sent and settled. What has begun is finished in any case.
    pub async fn send_calls_while(
        &self,
        brand: &Brand,
        is_more_wanted: impl Fn(usize) -> bool,
    ) -> Result<usize, Rejection> {
        let overdue = self.claim(brand, Which::Overdue(overdue_before(self.now())), BATCH);
        let (overdue, breaker) = join(overdue, self.ports.store.breaker(brand)).await;
        let (overdue, breaker) = (overdue?, breaker.map_err(refused)?);
        for call in &overdue {
            // One that cannot be given up now holds up nobody: its lease ends, and it is looked at again.
            if let Err(error) = self.expire(call).await {
                tracing::error!(delivery_id = %call.delivery_id, %error, "a call to a platform could not be given up");
            }
        }
        let mut claimed = self.take(brand, breaker.as_ref(), BATCH).await?;
        let mut looked_at = overdue.len() + claimed.count;
        let mut under_way = FuturesUnordered::new();
        let mut is_claiming = false;
        loop {
            while under_way.len() < AT_ONCE + usize::from(is_claiming)
                && let Some(call) = claimed.tries.pop_front()
            {
                under_way.push(self.advance(brand, Part::Try(Box::new(call))));
            }
            // No earlier and no more, or their leases could end before their turn comes: these wait for calls under way,
            // which take less than half of a lease.
            if claimed.tries.is_empty() && claimed.may_be_more && !is_claiming && is_more_wanted(looked_at) {
                is_claiming = true;
                under_way.push(self.advance(brand, Part::Claim));
            }
            match under_way.next().await {
                None => break,
                Some(Done::Tried(Ok(()))) => {}
                // Its lease ends, and it is tried again under the same key.
                Some(Done::Tried(Err(error))) => tracing::error!(%error, "a call to a platform could not be settled"),
                Some(Done::Claimed(more)) => {
                    is_claiming = false;
                    // What is under way goes on; the next round meets the same failure, if it lasts.
                    claimed = more.unwrap_or_else(|error| {
                        tracing::warn!(%brand, %error, "no more calls could be claimed");
                        Claimed::default()
                    });
                    looked_at += claimed.count;
                }
            }
        }
        Ok(looked_at)
    }

    /// One thing that is under way beside others.
    async fn advance(&self, brand: &Brand, part: Part) -> Done {
        match part {
            Part::Try(call) => Done::Tried(self.try_call(&call).await),
            Part::Claim => Done::Claimed(self.take_more(brand).await),
        }
    }

    /// Claims as many calls as may be under way at once.
    async fn take_more(&self, brand: &Brand) -> Result<Claimed, Rejection> {
        // Calls may have failed meanwhile.
        let breaker = self.ports.store.breaker(brand).await.map_err(refused)?;
        self.take(brand, breaker.as_ref(), AT_ONCE).await
    }

    /// Claims calls, and gathers what their tries need.
    async fn take(&self, brand: &Brand, breaker: Option<&Breaker>, limit: usize) -> Result<Claimed, Rejection> {
        let is_probe = breaker.is_some_and(|breaker| breaker.probe_time.is_some());
        let calls = if is_probe {
            self.claim(brand, Which::Probe, 1).await?
        } else {
            self.claim(brand, Which::Due, limit).await?
        };
        if calls.is_empty() {
            return Ok(Claimed::default());
        }
        let platform = self.platform(brand).await?.map(Arc::new);
        let ids: Vec<_> = calls.iter().map(|call| call.delivery_id).collect();
        let mut deliveries = self.ports.store.deliveries(&ids).await.map_err(refused)?;
        let count = calls.len();
        let tries = calls.into_iter().filter_map(|call| {
            let place = deliveries.iter().position(|delivery| delivery.id == call.delivery_id)?;
            Some(Try {
                delivery: deliveries.swap_remove(place),
                call,
                platform: platform.clone(),
                is_probe,
            })
        });
        Ok(Claimed {
            tries: tries.collect(),
            count,
            may_be_more: !is_probe && count == limit,
        })
    }

    async fn claim(&self, brand: &Brand, which: Which, limit: usize) -> Result<Vec<QueuedCall>, Rejection> {
        let now = self.now();
        let claim = Claim {
            brand: brand.clone(),
            which,
            now,
            lease_until: now.plus_seconds(LEASE_SECONDS),
            limit,
        };
        match self.ports.store.claim_calls(claim).await {
            // Somebody else probes.
            Err(StoreError::Conflict) => Ok(Vec::new()),
            claimed => claimed.map_err(refused),
        }
    }

    /// The brand's platform, if there is one to be called.
    async fn platform(&self, brand: &Brand) -> Result<Option<Platform>, Rejection> {
        let state = self.brand(brand, &TemplateNeed::None).await?;
        let Some(tenant) = state.tenant.clone().filter(|tenant| tenant.kyc_model.calls_out()) else {
            return Ok(None);
        };
        let secret = self.signing_secret(&tenant).await?;
        Ok(Some(Platform { tenant, secret }))
    }

    /// The secret that signs the tenant's calls now.
    pub(super) async fn signing_secret(&self, tenant: &Tenant) -> Result<String, Rejection> {
        let note = tenant.signing(self.now()).ok_or(Rejection::Unavailable)?;
        let mut secrets = self.open_secrets(&tenant.brand, &[&note.secret_id]).await?;
        secrets.pop().ok_or(Rejection::Unavailable)
    }

    /// A brand's secrets with these ids, opened.
    pub(super) async fn open_secrets(&self, brand: &Brand, ids: &[&str]) -> Result<Vec<String>, Rejection> {
        let sealed = self.secrets(brand).await?;
        let wanted = sealed.iter().filter(|secret| ids.contains(&secret.secret_id.as_str()));
        let opened = wanted.map(|secret| {
            let context = seal_context(brand, &secret.secret_id);
            self.ports.vault.open(&secret.sealed, &context).map_err(|error| {
                tracing::error!(%brand, %error, "a tenant's secret cannot be used");
                Rejection::Unavailable
            })
        });
        opened.collect()
    }

    /// A new secret, sealed.
    pub(super) fn fresh_secret(&self, brand: &Brand) -> Result<FreshSecret, Rejection> {
        let secret_id = FileId::from_random(self.random()?).to_string();
        let text = hex::encode(self.random::<32>()?);
        let sealed = self
            .ports
            .vault
            .seal(self.random()?, &text, &seal_context(brand, &secret_id));
        Ok(FreshSecret {
            secret_id,
            text,
            sealed,
        })
    }

    /// Gives a call up that nobody took for too long.
    async fn expire(&self, call: &QueuedCall) -> Result<(), Rejection> {
        let end = End {
            code: Some("expired".to_owned()),
            message: Some("nobody took it for 30 hours".to_owned()),
            ..End::default()
        };
        self.settle(call, DeliveryStatus::Dead, end).await
    }

    async fn try_call(&self, one: &Try) -> Result<(), Rejection> {
        let Try {
            call,
            delivery,
            platform,
            is_probe,
        } = one;
        // Whoever slept until the lease may end before the call does leaves it to others, who may then deal with it.
        let end = self.now().plus_seconds(CALL_SECONDS);
        let is_ours = call.lease_until.is_some_and(|until| end <= until);
        if !is_ours || delivery.status != DeliveryStatus::Queued {
            return Ok(());
        }
        // Its time may have come since the overdue ones were claimed.
        if is_overdue(call, self.now()) {
            return self.expire(call).await;
        }
        let is_theirs = |platform: &&Platform| {
            platform.tenant.tenant_id == delivery.tenant_id && platform.tenant.kyc_model == delivery.kyc_model
        };
        let Some(platform) = platform.as_deref().filter(is_theirs) else {
            let end = End {
                code: Some("model_changed".to_owned()),
                ..End::default()
            };
            return self.settle(call, DeliveryStatus::Superseded, end).await;
        };
        let prepared = send::call(&platform.tenant, delivery, &platform.secret, self.now());
        let answer = match prepared {
            Some(prepared) => self.ports.outbound.send(request(prepared)).await,
            None => Err(OutboundError::Denied("the tenant has no base_url".to_owned())),
        };
        self.conclude(call, delivery, answer, *is_probe).await
    }

    async fn conclude(
        &self,
        call: &QueuedCall,
        delivery: &Delivery,
        answer: Result<OutboundAnswer, OutboundError>,
        is_probe: bool,
    ) -> Result<(), Rejection> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(OutboundError::Denied(reason)) => {
                let end = End {
                    code: Some("denied".to_owned()),
                    message: Some(reason),
                    ..End::default()
                };
                return self.settle(call, DeliveryStatus::Dead, end).await;
            }
            Err(OutboundError::Failed(reason)) => return self.postpone(call, delivery, reason, None, is_probe).await,
        };
        let retry_after = answer.retry_after.as_deref();
        match judge(answer.status, retry_after, &answer.body, self.now()) {
            Verdict::Delivered { provider_ref } => {
                let end = End {
                    provider_ref,
                    heard: Heard::Answer,
                    ..End::default()
                };
                self.settle(call, DeliveryStatus::Delivered, end).await
            }
            Verdict::Refused { code, message } => {
                let end = End {
                    code: Some(code),
                    message,
                    heard: Heard::Answer,
                    ..End::default()
                };
                self.settle(call, DeliveryStatus::Refused, end).await
            }
            Verdict::Later {
                message,
                retry_after_seconds,
            } => {
                self.postpone(call, delivery, message, retry_after_seconds, is_probe)
                    .await
            }
        }
    }

    /// Puts a call back that failed, or gives it up. A probe that fails uses up no try.
    async fn postpone(
        &self,
        call: &QueuedCall,
        delivery: &Delivery,
        reason: String,
        retry_after_seconds: Option<i64>,
        is_probe: bool,
    ) -> Result<(), Rejection> {
        let now = self.now();
        let attempts = if is_probe { call.attempts } else { call.attempts + 1 };
        let jitter = u16::from_be_bytes(self.random()?);
        let next = if is_probe {
            Some(call.due_time)
        } else {
            next_try(attempts, jitter, retry_after_seconds, now)
        };
        let Some(due_time) = next else {
            let end = End {
                code: Some("tried_out".to_owned()),
                message: Some(reason),
                heard: Heard::Failure,
                ..End::default()
            };
            return self.settle(call, DeliveryStatus::Dead, end).await;
        };
        tracing::info!(delivery_id = %delivery.id, attempts, reason, "a call to a platform failed; it is tried again");
        let postponed = Postponed {
            delivery_id: call.delivery_id,
            brand: call.brand.clone(),
            lease_until: call.lease_until.unwrap_or(now),
            attempts,
            due_time,
            probe_time: now.plus_seconds(PROBE_SECONDS),
        };
        match self.ports.store.postpone_call(postponed).await {
            // The lease has ended, and somebody else is at it.
            Err(StoreError::Conflict) => Ok(()),
            postponed => postponed.map_err(refused),
        }
    }

    async fn settle(&self, call: &QueuedCall, status: DeliveryStatus, end: End) -> Result<(), Rejection> {
        let settle = Settle {
            customer: CustomerKey {
                brand: call.brand.clone(),
                customer_id: call.customer_id,
            },
            delivery_id: call.delivery_id,
            lease_until: call.lease_until.unwrap_or(call.due_time),
            status,
            code: end.code,
            message: end.message,
            provider_ref: end.provider_ref,
            heard: end.heard,
        };
        self.change(&Actor::system(), &settle, None).await.map(|_| ())
    }
}

/// What a sealed secret belongs to.
fn seal_context(brand: &Brand, secret_id: &str) -> String {
    format!("{brand} {secret_id}")
}

pub(super) fn request(prepared: Prepared) -> OutboundRequest {
    OutboundRequest {
        body: prepared.body,
        url: prepared.url,
        headers: prepared.headers,
        allow_private_network: prepared.allow_private_network,
    }
}
