//! `MngRotateTenantSecret`: a new secret beside the one before, which goes on for a while.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::command::{Configure, ConfigureNeeds};
use crate::configure::{BrandTarget, BrandWork};
use crate::id::Slug;
use crate::limits::{OVERLAP_SECONDS_DEFAULT, OVERLAP_SECONDS_MAX};
use crate::rejection::Rejection;
use crate::status::{KycModel, SecretKind};
use crate::tenant::TenantReply;
use crate::time::Seconds;

/// Which secret of which tenant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateTenantSecret {
    /// Which tenant.
    pub slug: Slug,
    /// Which of its secrets: the one that signs webhooks, unless it is given.
    pub kind: Option<SecretKind>,
    /// How long the secrets before go on: one day unless it is given, 0 to end them at once. Webhooks are taken with
    /// every secret that holds; calls are signed with the one that signs now until it ends, so that the platform has
    /// time to install the new one. An end that was set before is not put off.
    #[schemars(range(min = 0, max = OVERLAP_SECONDS_MAX))]
    pub overlap_seconds: Option<i64>,
}

impl Configure for RotateTenantSecret {
    type Reply = TenantReply;

    fn target(&self) -> BrandTarget {
        BrandTarget::Tenant(self.slug.clone())
    }

    fn needs(&self) -> ConfigureNeeds {
        ConfigureNeeds {
            secrets: 1,
            ..ConfigureNeeds::TENANT
        }
    }

    fn permitted(&self, _model: Option<KycModel>) -> Result<(), Rejection> {
        Ok(())
    }

    fn decide(&self, work: &mut BrandWork) -> Result<TenantReply, Rejection> {
        let kind = self.kind.unwrap_or(SecretKind::Webhook);
        let overlap = self.overlap_seconds.unwrap_or(OVERLAP_SECONDS_DEFAULT);
        let now = work.now;
        let tenant = work.tenant()?;
        if kind == SecretKind::Webhook && overlap > 0 && tenant.is_full(now) {
            return Err(Rejection::InvalidState {
                message: "three webhook secrets hold: wait for one to end, or rotate with `overlap_seconds` 0"
                    .to_owned(),
                current_status: 3,
            });
        }
        let fresh = work.context.take_secret().ok_or(Rejection::Unavailable)?;
        let end = Seconds::from(now.plus_seconds(overlap));
        work.rotate_secret(|tenant| {
            // A platform that has not installed a new secret yet will install the newest: of the others only the one
            // that signs now goes on.
            let signing = tenant.signing(now).map(|note| note.secret_id.clone());
            let notes = &mut tenant.secrets.0;
            if kind == SecretKind::Outbound {
                notes.retain(|note| note.kind != kind || Some(&note.secret_id) == signing.as_ref());
            }
            for note in notes.iter_mut().filter(|note| note.kind == kind) {
                note.until = Some(note.until.map_or(end, |until| until.min(end)));
            }
            notes.retain(|note| note.is_live(now));
            notes.push(fresh.note(kind, now));
        })?;
        work.keep_secret(&fresh);
        let mut reply = TenantReply::of(work.tenant()?);
        match kind {
            SecretKind::Webhook => reply.webhook_secret = Some(fresh.text),
            SecretKind::Outbound => reply.outbound_secret = Some(fresh.text),
        }
        Ok(reply)
    }
}
