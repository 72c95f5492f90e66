//! Reconciliation: a second's worth of lookups at a time, compared, and drift recorded.

use futures_util::StreamExt;
use futures_util::stream;
use kyc_core::actor::Actor;
use kyc_core::command::TemplateNeed;
use kyc_core::customer::CustomerState;
use kyc_core::id::{Brand, CustomerKey};
use kyc_core::json::to_ascii;
use kyc_core::outbound::{lookup_answer, send};
use kyc_core::profile::Profile;
use kyc_core::query::Rows;
use kyc_core::rejection::Rejection;
use kyc_core::status::Flag;
use kyc_core::tenant::Tenant;
use kyc_core::tenant::reconcile::{
    Drift, ReconcileReply, ReconcileTenant, RecordDrift, Standing, drifted, is_under_way,
};
use kyc_core::time::{DAY_SECONDS, Time};

use crate::app::calls::request;
use crate::app::limiter::Rate;
use crate::app::{App, refused};
use crate::store::Reconciliation;

/// Lookups under way at once.
const AT_ONCE: usize = 4;
/// After how long no more lookups are begun in one part; the players that are left come with the next.
const PART_SECONDS_MAX: i64 = 20;
/// How long a daily run waits when the platform gives no answers.
const PAUSE_SECONDS: i64 = 300;
/// How often it waits so at one place before it goes on without those players.
const STAYS_MAX: i64 = 3;

/// What came of one customer.
enum Looked {
    Same,
    Drifted(Drift),
    Skipped,
    Failed,
}

impl App {
    /// Looks a second's worth of players up.
    pub(super) async fn reconcile(&self, actor: &Actor, part: &ReconcileTenant) -> Result<ReconcileReply, Rejection> {
        let brand = self.tenant_brand(&part.slug).await?;
        let brand = brand.filter(|brand| actor.scope.sees(brand));
        let brand = brand.ok_or(Rejection::NotFound("tenant"))?;
        let state = self.brand(&brand, &TemplateNeed::None).await?;
        let tenant = state.tenant.clone().ok_or(Rejection::NotFound("tenant"))?;
        if !tenant.kyc_model.calls_out() {
            return Err(Rejection::InvalidState {
                message: format!(
                    "the platform is not called under the model `{}`",
                    tenant.kyc_model.name()
                ),
                current_status: 0,
            });
        }
        let rate = Rate {
            per_second: tenant.lookup_rate,
            burst: tenant.lookup_rate,
        };
        let bucket = format!("lookups {}", tenant.tenant_id);
        let taken = self.limits.tenants.take(&bucket, tenant.lookup_rate, rate, self.now());
        taken.map_err(|retry_after_seconds| Rejection::TooFrequent { retry_after_seconds })?;
        self.look_up(&tenant, &brand, part).await
    }

    async fn look_up(
        &self,
        tenant: &Tenant,
        brand: &Brand,
        part: &ReconcileTenant,
    ) -> Result<ReconcileReply, Rejection> {
        let secret = self.signing_secret(tenant).await?;
        let mut query = part.query(brand, tenant.lookup_rate)?;
        let mut rows = self.ports.store.list(&query).await.map_err(refused)?;
        let Rows::Profiles(profiles) = &rows else {
            return Err(Rejection::Unavailable);
        };
        let push = part.push == Some(Flag::Yes);
        let end = self.now().plus_seconds(PART_SECONDS_MAX);
        let wanted = usize::try_from(query.page.limit).unwrap_or_default();
        let looks = profiles.iter().take(wanted).enumerate().map(|(place, profile)| {
            let secret = &secret;
            async move {
                let is_left = place > 0 && self.now() >= end;
                if is_left {
                    None
                } else {
                    Some(self.looked(tenant, secret, profile, push).await)
                }
            }
        });
        let looks: Vec<_> = looks.collect();
        let looked: Vec<Option<Looked>> = stream::iter(looks).buffered(AT_ONCE).collect().await;
        let looked: Vec<Looked> = looked.into_iter().map_while(|looked| looked).collect();
        query.page.limit = i64::try_from(looked.len()).unwrap_or(query.page.limit).max(1);
        let mut reply = ReconcileReply {
            checked: 0,
            skipped: 0,
            failed: 0,
            drift: Vec::new(),
            next_cursor: query.cut(&mut rows),
        };
        for looked in looked {
            match looked {
                Looked::Same => reply.checked += 1,
                Looked::Skipped => reply.skipped += 1,
                Looked::Failed => reply.failed += 1,
                Looked::Drifted(drift) => {
                    reply.checked += 1;
                    reply.drift.push(drift);
                }
            }
        }
        Ok(reply)
    }

    /// Looks at one player; what goes wrong there concerns no other.
    async fn looked(&self, tenant: &Tenant, secret: &str, profile: &Profile, push: bool) -> Looked {
        self.look(tenant, secret, profile, push).await.unwrap_or_else(|error| {
            tracing::warn!(kyc_id = %profile.id, %error, "a player could not be compared");
            Looked::Failed
        })
    }

    async fn look(&self, tenant: &Tenant, secret: &str, profile: &Profile, push: bool) -> Result<Looked, Rejection> {
        let customer = CustomerKey {
            brand: profile.brand.clone(),
            customer_id: profile.customer_id,
        };
        let state = self.customer(&customer).await?.state;
        let Some(external_id) = &profile.external_id else {
            return Ok(Looked::Skipped);
        };
        if is_under_way(&state) {
            return Ok(Looked::Skipped);
        }
        let prepared = send::lookup(tenant, external_id, secret, self.now());
        let Some(prepared) = prepared else {
            return Ok(Looked::Failed);
        };
        let theirs = match self.ports.outbound.send(request(prepared)).await {
            Ok(answer) => lookup_answer(answer.status, &answer.body),
            Err(error) => {
                tracing::info!(%error, "a player could not be looked up");
                None
            }
        };
        let Some(theirs) = theirs.map(Standing::from) else {
            return Ok(Looked::Failed);
        };
        // What was decided while the platform was asked is not drift.
        let state_now = self.customer(&customer).await?.state;
        if is_under_way(&state_now) || state_now.head.version != state.head.version {
            return Ok(Looked::Skipped);
        }
        self.compare(tenant, &state_now, external_id, theirs, push).await
    }

    async fn compare(
        &self,
        tenant: &Tenant,
        state: &CustomerState,
        external_id: &str,
        theirs: Standing,
        push: bool,
    ) -> Result<Looked, Rejection> {
        let (Some(ours), Some(profile)) = (drifted(state, tenant, theirs), &state.profile) else {
            return Ok(Looked::Same);
        };
        let drift = Drift {
            customer_id: state.key.customer_id,
            kyc_id: profile.id,
            player_external_id: external_id.to_owned(),
            ours,
            theirs,
        };
        let record = RecordDrift {
            customer: state.key.clone(),
            tenant_id: tenant.tenant_id.clone(),
            drift: drift.clone(),
            push,
        };
        let recorded = self.change(&Actor::system(), &record, None).await?;
        // Whatever else came first, it is looked at next time.
        Ok(if recorded == to_ascii(&true) {
            Looked::Drifted(drift)
        } else {
            Looked::Skipped
        })
    }

    /// Goes on with the daily reconciliations that are due, a second's worth each; how many players were compared.
    pub async fn reconcile_due(&self) -> Result<i64, Rejection> {
        self.go_on_reconciling().await.map(|(checked, _)| checked)
    }

    /// The same, and in how many seconds the first of them goes on.
    pub(super) async fn go_on_reconciling(&self) -> Result<(i64, Option<i64>), Rejection> {
        let store = &self.ports.store;
        let (mut checked, mut next_seconds) = (0, None);
        for due in store.due_reconciliations(self.now()).await.map_err(refused)? {
            let part = self.next_part(&due).await;
            if let Ok(reply) = &part {
                checked += reply.checked;
            }
            let now = self.now();
            let next = next(due, part, now);
            // The rate of lookups takes no two rounds in one second.
            let seconds = (next.due_time.seconds() - now.seconds()).max(1);
            next_seconds = Some(next_seconds.map_or(seconds, |others: i64| others.min(seconds)));
            store.set_reconciliation(next).await.map_err(refused)?;
        }
        Ok((checked, next_seconds))
    }

    async fn next_part(&self, due: &Reconciliation) -> Result<ReconcileReply, Rejection> {
        let state = self.brand(&due.brand, &TemplateNeed::None).await?;
        let tenant = state.tenant.as_ref().ok_or(Rejection::NotFound("tenant"))?;
        let part = ReconcileTenant {
            slug: tenant.slug.clone(),
            cursor: due.cursor.clone(),
            push: None,
        };
        self.reconcile(&Actor::system(), &part).await
    }
}

/// When and where a daily reconciliation goes on after a part of it.
fn next(due: Reconciliation, part: Result<ReconcileReply, Rejection>, now: Time) -> Reconciliation {
    let brand = &due.brand;
    let (pause, cursor, stays) = match part {
        Ok(reply) if reply.failed > 0 && reply.checked == 0 && due.stays < STAYS_MAX => {
            (PAUSE_SECONDS, due.cursor, due.stays + 1)
        }
        Ok(reply) => {
            if reply.failed > 0 {
                tracing::warn!(%brand, players = reply.failed, "a reconciliation goes on without players that could not be looked up");
            }
            if !reply.drift.is_empty() {
                tracing::warn!(%brand, players = reply.drift.len(), "the platform holds something else");
            }
            let pause = if reply.next_cursor.is_some() { 0 } else { DAY_SECONDS };
            (pause, reply.next_cursor, 0)
        }
        // Somebody reconciles by hand.
        Err(Rejection::TooFrequent { retry_after_seconds }) => (i64::from(retry_after_seconds), due.cursor, due.stays),
        Err(error) => {
            tracing::warn!(%brand, %error, "a reconciliation could not go on");
            // Only a cursor that is none begins anew.
            let is_lost = matches!(error, Rejection::InvalidData(_));
            (PAUSE_SECONDS, due.cursor.filter(|_| !is_lost), due.stays)
        }
    };
    Reconciliation {
        brand: due.brand,
        due_time: now.plus_seconds(pause),
        cursor,
        stays,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cursor_that_is_none_begins_anew() {
        let now = Time::from_seconds(1_000);
        let due = Reconciliation {
            brand: "acme".parse().unwrap(),
            due_time: now,
            cursor: Some("here".to_owned()),
            stays: 2,
        };
        for (error, pause, cursor) in [
            (Rejection::Unavailable, PAUSE_SECONDS, Some("here")),
            (Rejection::NotFound("tenant"), PAUSE_SECONDS, Some("here")),
            (Rejection::TooFrequent { retry_after_seconds: 7 }, 7, Some("here")),
            (Rejection::invalid("cursor", "cursor", "is none"), PAUSE_SECONDS, None),
        ] {
            let next = next(due.clone(), Err(error), now);
            assert_eq!(next.due_time, now.plus_seconds(pause));
            assert_eq!((next.cursor.as_deref(), next.stays), (cursor, 2));
        }
    }
}
