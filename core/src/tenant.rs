//! A brand's tenant: which side owns its KYC, where its platform is, and the secrets between the two (the tenant
//! contract's page). The tenant stands in the brand's configuration stream; its secrets' bytes stand apart, sealed.

pub mod add;
pub mod delete;
pub mod list;
pub mod reconcile;
pub mod rotate_secret;
pub mod update;

use std::net::Ipv6Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{Brand, Slug};
use crate::limits::{BASE_URL_CHARS_MAX, SECRETS_LIVE_MAX};
use crate::record;
use crate::record::{Cell, Column, json_of};
use crate::rejection::Rejection;
use crate::status::{Flag, KycModel, SecretKind};
use crate::time::{Seconds, Time};

record! {
    /// A brand's tenant.
    pub struct Tenant {
        /// Its number, for lists.
        pub id: i64,
        /// Its identity towards the platform: a UUID.
        pub tenant_id: String,
        /// What it is called in the addresses of its webhooks.
        pub slug: Slug,
        /// The brand that it serves.
        pub brand: Brand,
        /// Who owns KYC.
        pub kyc_model: KycModel,
        /// Where its platform is called, without a slash at the end.
        pub base_url: Option<String>,
        /// Whether a webhook about an unknown player makes a customer.
        pub create_players: Flag,
        /// Whether its platform may be called at a private address, and over `http`.
        pub allow_private_network: Flag,
        /// Webhooks a second that it may send for long.
        pub webhook_rate: i64,
        /// Webhooks that it may send at once.
        pub webhook_burst: i64,
        /// Lookups a second that a reconciliation makes.
        pub lookup_rate: i64,
        /// What is known of its secrets.
        pub secrets: Secrets,
        /// Rises with every change.
        pub version: i64,
        /// When it was added.
        pub created_time: Time,
        /// When it last changed.
        pub updated_time: Time,
    }
}

/// What is known of a secret; its bytes are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretNote {
    /// A UUID.
    pub secret_id: String,
    /// What it signs.
    pub kind: SecretKind,
    /// When it was made.
    pub created_time: Seconds,
    /// Until when it holds; absent for one that nothing has replaced.
    pub until: Option<Seconds>,
}

/// A tenant's secrets, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secrets(pub Vec<SecretNote>);

impl Column for Secrets {
    fn to_cell(&self) -> Cell {
        json_of(self).to_string().take_cell()
    }
    fn from_cell(cell: Cell) -> Option<Self> {
        serde_json::from_str(&String::from_cell(cell)?).ok()
    }
}

impl SecretNote {
    /// Whether it holds at a time.
    pub fn is_live(&self, now: Time) -> bool {
        self.until.is_none_or(|until| now.seconds() < until.0)
    }
}

record! {
    /// A secret's bytes, sealed under the master key.
    pub struct SealedSecret {
        /// Which secret.
        pub secret_id: String,
        /// The brand whose tenant has it.
        pub brand: Brand,
        /// The sealed bytes, as text.
        pub sealed: String,
    }
}

/// A secret that has just been drawn: shown once, kept sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct FreshSecret {
    /// A UUID.
    pub secret_id: String,
    /// The secret itself.
    pub text: String,
    /// What is kept of it.
    pub sealed: String,
}

impl std::fmt::Debug for FreshSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FreshSecret")
            .field("secret_id", &self.secret_id)
            .finish_non_exhaustive()
    }
}

impl FreshSecret {
    fn note(&self, kind: SecretKind, now: Time) -> SecretNote {
        SecretNote {
            secret_id: self.secret_id.clone(),
            kind,
            created_time: now.into(),
            until: None,
        }
    }
}

impl Tenant {
    /// The secrets of a kind that hold at a time.
    pub fn live(&self, kind: SecretKind, now: Time) -> impl Iterator<Item = &SecretNote> {
        let of_kind = self.secrets.0.iter().filter(move |note| note.kind == kind);
        of_kind.filter(move |note| note.is_live(now))
    }

    /// The secret that signs calls now: the one that ends first. While a new one is being installed at the platform,
    /// the old one goes on signing until its end.
    pub fn signing(&self, now: Time) -> Option<&SecretNote> {
        let ends = |note: &&SecretNote| note.until.map_or(i64::MAX, |until| until.0);
        self.live(SecretKind::Outbound, now).min_by_key(ends)
    }

    /// Whether as many webhook secrets are live as may be.
    fn is_full(&self, now: Time) -> bool {
        self.live(SecretKind::Webhook, now).count() >= SECRETS_LIVE_MAX
    }
}

/// Refuses an address that calls cannot go to, or none where there must be one.
fn check_base_url(base_url: Option<&str>, model: KycModel, allows_private: Flag) -> Result<(), Rejection> {
    let Some(base_url) = base_url else {
        return if model.calls_out() {
            Err(Rejection::invalid(
                "base_url",
                "required",
                "is required where the platform is called",
            ))
        } else {
            Ok(())
        };
    };
    let wrong = |message: &str| Err(Rejection::invalid("base_url", "pattern", message));
    let rest = match base_url.split_once("://") {
        Some(("https", rest)) => rest,
        Some(("http", rest)) if allows_private == Flag::Yes => rest,
        Some(("http", _)) => return wrong("must be https, unless private networks are allowed"),
        _ => return wrong("must be an https address"),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    // What RFC 3986 lets stand in a host and a path, without a user.
    let is_plain = rest
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/[]%!$&'()*+,;=".contains(&byte));
    if base_url.len() > BASE_URL_CHARS_MAX {
        return wrong("is too long");
    }
    if !is_plain || authority.is_empty() || rest.ends_with('/') {
        return wrong("must be a plain address without user, query, fragment or slash at the end");
    }
    if !is_reachable(authority) {
        return wrong("must have a host name or address, and a port from 1 to 65535 if any");
    }
    Ok(())
}

/// Whether a call could go to a host and port: a name (RFC 1123, with underscores) or an address, and a real port.
fn is_reachable(authority: &str) -> bool {
    let (is_host, port) = match authority.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((address, port))) => (address.parse::<Ipv6Addr>().is_ok(), port),
        Some(None) => return false,
        None => {
            let (name, port) = authority
                .find(':')
                .map_or((authority, ""), |colon| authority.split_at(colon));
            (is_host_name(name), port)
        }
    };
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse().is_ok_and(|port: u16| port > 0);
    is_host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(is_inner)
    };
    // The dot at the end says that the name is whole.
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= 253 && name.split('.').all(is_label)
}

/// A brand's model is picked once: another one would read the customers' history by other rules.
fn check_model_is_free(has_active_profiles: bool) -> Result<(), Rejection> {
    if has_active_profiles {
        Err(Rejection::InvalidState {
            message: "the brand has customers whose status is not none: its model cannot change".to_owned(),
            current_status: 1,
        })
    } else {
        Ok(())
    }
}

/// A tenant as the wire shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TenantView {
    /// Its identity towards the platform: a UUID.
    pub tenant_id: String,
    /// What it is called in the addresses of its webhooks.
    pub slug: Slug,
    /// The brand that it serves.
    pub brand: Brand,
    /// Who owns KYC.
    pub kyc_model: KycModel,
    /// Where its platform is called.
    pub base_url: Option<String>,
    /// Whether a webhook about an unknown player makes a customer: 0 or 1.
    pub create_players: Flag,
    /// Whether its platform may be called at a private address, and over `http`: 0 or 1.
    pub allow_private_network: Flag,
    /// Webhooks a second that it may send for long.
    pub webhook_rate: i64,
    /// Webhooks that it may send at once.
    pub webhook_burst: i64,
    /// Lookups a second that a reconciliation makes.
    pub lookup_rate: i64,
    /// Its secrets, oldest first, without their text; those that have ended leave with the next rotation.
    pub secrets: Vec<SecretNote>,
    /// Rises with every change.
    pub version: i64,
    /// When it was added.
    pub created_time: Seconds,
    /// When it last changed.
    pub updated_time: Seconds,
}

impl From<&Tenant> for TenantView {
    fn from(tenant: &Tenant) -> Self {
        Self {
            tenant_id: tenant.tenant_id.clone(),
            slug: tenant.slug.clone(),
            brand: tenant.brand.clone(),
            kyc_model: tenant.kyc_model,
            base_url: tenant.base_url.clone(),
            create_players: tenant.create_players,
            allow_private_network: tenant.allow_private_network,
            webhook_rate: tenant.webhook_rate,
            webhook_burst: tenant.webhook_burst,
            lookup_rate: tenant.lookup_rate,
            secrets: tenant.secrets.0.clone(),
            version: tenant.version,
            created_time: tenant.created_time.into(),
            updated_time: tenant.updated_time.into(),
        }
    }
}

/// The reply that shows a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TenantReply {
    /// The tenant.
    pub tenant: TenantView,
    /// The new secret that signs webhooks: shown here and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_secret: Option<String>,
    /// The new secret that signs calls to the platform: shown here and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbound_secret: Option<String>,
}

/// Members of replies that are shown once; a kept reply has them blank.
pub const SECRET_MEMBERS: [&str; 2] = ["webhook_secret", "outbound_secret"];

impl TenantReply {
    fn of(tenant: &Tenant) -> Self {
        Self {
            tenant: tenant.into(),
            webhook_secret: None,
            outbound_secret: None,
        }
    }
}
