//! Tenants for tests: added to a world or to a running server, with webhooks signed as their platforms sign them.

use std::process::{Command, Output, Stdio};

use kyc_core::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
use kyc_core::webhook::{ReceivedReply, WebhookError};
use kyc_ports::app::{App, WebhookRequest};
use kyc_simulator::ambient::rfc3339;
use serde_json::{Value, json};

use crate::rest::{Answer, Rest};
use crate::server::{binary, now};
use crate::sim::{ADAM, World, overlaid, run};

/// Where platforms of test tenants would be.
pub const PLATFORM: &str = "https://platform.example";

/// A tenant with the secrets that were shown when it was added.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its name in paths.
    pub slug: String,
    /// Signs webhooks.
    pub webhook_secret: String,
    /// Signs calls to the platform.
    pub outbound_secret: String,
}

/// What `MngAddTenant` takes.
pub fn tenant_data(slug: &str, brand: &str, model: &str, more: Value) -> Value {
    let mut data = json!({ "slug": slug, "brand": brand, "kyc_model": model });
    if matches!(model, "crm_owns" | "dual") {
        data["base_url"] = PLATFORM.into();
    }
    overlaid(data, more)
}

impl Tenant {
    /// Of a reply that shows both secrets.
    pub fn shown_in(reply: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        Self {
            slug: text(&reply["tenant"]["slug"]),
            webhook_secret: text(&reply["webhook_secret"]),
            outbound_secret: text(&reply["outbound_secret"]),
        }
    }

    /// Added to a world.
    pub fn add(world: &World, slug: &str, brand: &str, model: &str, more: Value) -> Self {
        Self::shown_in(&world.ok_as(ADAM, "MngAddTenant", tenant_data(slug, brand, model, more)))
    }

    /// Added to a server, by an administrator's client.
    pub fn add_over(admin: &Rest, slug: &str, brand: &str, model: &str, more: Value) -> Self {
        Self::shown_in(
            &admin
                .post("/manager/tenants", &tenant_data(slug, brand, model, more))
                .ok(),
        )
    }

    /// The same tenant, signing with another secret.
    #[must_use]
    pub fn signing_with(&self, webhook_secret: &str) -> Self {
        Self {
            webhook_secret: webhook_secret.to_owned(),
            ..self.clone()
        }
    }

    /// The signature of a body, in hex.
    pub fn signature(&self, timestamp: i64, body: &[u8]) -> String {
        sign(&self.webhook_secret, &timestamp.to_string(), body)
    }

    /// Tells a world something, signed now.
    pub fn tell(&self, world: &World, body: &Value) -> Result<ReceivedReply, WebhookError> {
        self.tell_bytes(&world.app, world.now(), body.to_string().as_bytes())
    }

    /// Tells an application something, signed at a time.
    pub fn tell_bytes(&self, app: &App, timestamp: i64, body: &[u8]) -> Result<ReceivedReply, WebhookError> {
        let signature = self.signature(timestamp, body);
        run(app.webhook(WebhookRequest {
            slug: &self.slug,
            source: None,
            timestamp: Some(&timestamp.to_string()),
            signature: Some(&signature),
            body,
        }))
    }

    /// Posts a webhook to a server, signed now.
    pub fn post(&self, rest: &Rest, body: &Value) -> Answer {
        self.post_bytes(rest, body.to_string().as_bytes())
    }

    /// Posts any body to a server, signed now.
    pub fn post_bytes(&self, rest: &Rest, body: &[u8]) -> Answer {
        let timestamp = now();
        post_signed(
            rest,
            &self.slug,
            &timestamp.to_string(),
            &self.signature(timestamp, body),
            body,
        )
    }
}

/// Posts a webhook with these headers.
pub fn post_signed(rest: &Rest, slug: &str, timestamp: &str, signature: &str, body: &[u8]) -> Answer {
    let headers = [
        ("content-type", "application/json"),
        (TIMESTAMP_HEADER, timestamp),
        (SIGNATURE_HEADER, signature),
    ];
    rest.send(
        "POST",
        &format!("/v1/adapters/{slug}/webhooks/kyc-events"),
        &headers,
        body,
    )
}

/// A webhook's body: `kyc.<what>` happened to a player's level at a time in Unix seconds.
pub fn event(what: &str, event_id: &str, ts: i64, player: &str, level: i64) -> Value {
    json!({
        "event": format!("kyc.{what}"),
        "event_id": event_id,
        "ts": rfc3339(ts),
        "player_external_id": player,
        "level": level,
        "data": {},
    })
}

/// An approval that ends by itself.
pub fn approval_until(event_id: &str, ts: i64, player: &str, level: i64, until: i64) -> Value {
    let data = json!({ "data": { "expires_at": rfc3339(until) } });
    overlaid(event("approved", event_id, ts, player, level), data)
}

/// Runs the binary to its end, without any setting from outside.
pub fn kycd(args: &[&str]) -> Output {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KYCD_")) {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null()).output().expect("kycd runs")
}
