//! What a component is made of: its variables, and the ports that they make.

use std::sync::Arc;

use kyc_core::rejection::Rejection;
use kyc_core::time::Time;
use kyc_jwt::{Algorithm, Verifier};
use kyc_ports::app::{App, Ports};
use kyc_ports::notify::Silent;
use kyc_ports::tokens::{BadToken, Tokens, Verified};
use kyc_ports::vault::{CannotOpen, Vault};
use kyc_spin_adapter::{Bucket, Signer, SpinClock, SpinEntropy, SpinOutbound, SpinStore, is_host};
use kyc_vault::SealingVault;
use spin_sdk::variables::{self, Error};

/// Spin's label of the database of streams: the one that every runtime has.
const KYC: &str = "default";
/// Spin's label of the database of files.
const STORAGE: &str = "storage";
/// The manifest's default of `s3_host`.
const NO_HOST: &str = "s3.invalid";
/// Shortest secret that guards the tick, in bytes.
const TICK_SECRET_BYTES_MIN: usize = 16;

/// Why a component cannot serve: a variable is missing or wrong. It names the variable and never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    /// No value was given.
    #[error("the variable `{0}` has no value: give it as `SPIN_VARIABLE_{upper}` or from a secret", upper = .0.to_uppercase())]
    Missing(&'static str),
    /// Whoever keeps the values does not answer.
    #[error("the variable `{0}` cannot be read now")]
    Unread(&'static str),
    /// The value will not do.
    #[error("the variable `{name}` cannot be used: {problem}")]
    Wrong {
        /// Its name.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl Unusable {
    fn wrong(name: &'static str, problem: &str) -> Self {
        let problem = problem.to_owned();
        Self::Wrong { name, problem }
    }

    /// Tells the log and the caller.
    pub(crate) fn told(&self) -> Rejection {
        tracing::error!(unusable = %self, "the component cannot serve");
        Rejection::NotGranted(self.to_string())
    }
}

/// One of the components of `spin.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Component {
    /// Managers' and customers' commands.
    Api,
    /// Uploads and downloads.
    Storage,
    /// What platforms tell.
    Webhooks,
    /// What the clock brings.
    Tick,
}

impl Component {
    /// Which one this is.
    pub(crate) async fn of_instance() -> Result<Self, Unusable> {
        match required("component").await?.as_str() {
            "api" => Ok(Self::Api),
            "storage" => Ok(Self::Storage),
            "webhooks" => Ok(Self::Webhooks),
            "tick" => Ok(Self::Tick),
            _ => Err(Unusable::wrong(
                "component",
                "it must be `api`, `storage`, `webhooks` or `tick`",
            )),
        }
    }

    /// The application over what this component was granted, for all requests on an instance.
    pub(crate) async fn app(self) -> Result<App, Unusable> {
        let tokens: Arc<dyn Tokens> = match self {
            Self::Api | Self::Storage => Arc::new(verifier().await?),
            Self::Webhooks | Self::Tick => Arc::new(Nothing),
        };
        let vault: Arc<dyn Vault> = match self {
            Self::Storage => Arc::new(Nothing),
            Self::Api | Self::Webhooks | Self::Tick => Arc::new(vault().await?),
        };
        let bucket = match self {
            Self::Storage | Self::Tick => bucket().await?.map(Arc::new),
            Self::Api | Self::Webhooks => None,
        };
        let outbound = match self {
            Self::Tick => SpinOutbound::new(platforms().await?, optional("s3_host").await?),
            Self::Api | Self::Storage | Self::Webhooks => SpinOutbound::default(),
        };
        let store = SpinStore::new(KYC, STORAGE);
        let ports = Ports {
            blobs: Arc::new(store.blobs().in_bucket(bucket)),
            store: Arc::new(store),
            clock: Arc::new(SpinClock),
            entropy: Arc::new(SpinEntropy),
            tokens,
            notify: Arc::new(Silent),
            outbound: Arc::new(outbound),
            vault,
        };
        // In the component model one request cannot wake another: none may wait for another's turn. And no cache, for
        // other instances commit too.
        Ok(App::without_turns(ports))
    }
}

/// The secret that whoever calls the tick must show.
pub(crate) async fn tick_secret() -> Result<String, Unusable> {
    let secret = required("tick_secret").await?;
    if secret.len() < TICK_SECRET_BYTES_MIN {
        let problem = format!("it must have at least {TICK_SECRET_BYTES_MIN} bytes");
        return Err(Unusable::wrong("tick_secret", &problem));
    }
    Ok(secret)
}

async fn vault() -> Result<SealingVault, Unusable> {
    let wrong = |error: kyc_vault::BadKey| Unusable::wrong("master_key", &error.to_string());
    SealingVault::new(&required("master_key").await?).map_err(wrong)
}

/// The platforms that may be called.
async fn platforms() -> Result<String, Unusable> {
    let platforms = required("platform_host").await?;
    if platforms.split(',').all(|host| is_host(host.trim(), true)) {
        Ok(platforms)
    } else {
        Err(Unusable::wrong(
            "platform_host",
            "it must be a host in lower case, with a port if it is not 443, or `*.` and a domain",
        ))
    }
}

/// The bucket for files, where one is named: then all that leads to it is needed.
async fn bucket() -> Result<Option<Bucket>, Unusable> {
    let Some(name) = optional("s3_bucket").await? else {
        return Ok(None);
    };
    let is_plain = |text: &str| {
        text.bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'.' | b'-'))
    };
    let host = required("s3_host").await?;
    let signer = Signer {
        region: required("s3_region").await?,
        access_key_id: required("s3_access_key_id").await?,
        secret_access_key: required("s3_secret_access_key").await?,
    };
    let id = &signer.access_key_id;
    let is_sendable = id.bytes().all(|byte| byte.is_ascii_graphic());
    match () {
        () if !is_plain(&name) => Err(Unusable::wrong(
            "s3_bucket",
            "it must be a bucket's name: lower-case letters, digits, dots and hyphens",
        )),
        // The manifest's default, since a grant must name some host.
        () if host == NO_HOST => Err(Unusable::Missing("s3_host")),
        () if !is_host(&host, false) => Err(Unusable::wrong(
            "s3_host",
            "it must be a host in lower case, with a port if it is not 443",
        )),
        () if !is_plain(&signer.region) => Err(Unusable::wrong("s3_region", "it must be a region's name")),
        () if !is_sendable => Err(Unusable::wrong("s3_access_key_id", "it must be an id without spaces")),
        () => Ok(Some(Bucket::new(&host, name, signer))),
    }
}

async fn verifier() -> Result<Verifier, Unusable> {
    let wrong = |error: kyc_jwt::KeyError| Unusable::wrong("token_key", &error.to_string());
    let (key, algorithm) = (required("token_key").await?, algorithm().await?);
    let document = key.starts_with('{').then(|| Verifier::jwks(&key, algorithm));
    let verifier = match (document, algorithm) {
        (Some(Ok(verifier)), _) => Ok(verifier),
        // A secret may begin with a brace.
        (_, Algorithm::Hs256) => Verifier::shared_secret(key.as_bytes()),
        (Some(Err(error)), _) => Err(error),
        (None, Algorithm::EdDsa) => Verifier::ed25519_public(&key),
        (None, Algorithm::Rs256 | Algorithm::Es256) => {
            let problem = format!("keys of {algorithm} are given as a JWKS document");
            return Err(Unusable::wrong("token_key", &problem));
        }
    };
    let mut verifier = verifier.map_err(wrong)?;
    if let Some(issuer) = optional("token_issuer").await? {
        verifier = verifier.issuer(issuer);
    }
    if let Some(audience) = optional("token_audience").await? {
        verifier = verifier.audience(audience);
    }
    Ok(verifier)
}

async fn algorithm() -> Result<Algorithm, Unusable> {
    let wrong = |problem: &str| Unusable::wrong("token_algorithm", problem);
    required("token_algorithm").await?.parse().map_err(wrong)
}

async fn required(name: &'static str) -> Result<String, Unusable> {
    optional(name).await?.ok_or(Unusable::Missing(name))
}

/// A variable's value without the white space around it, which secrets made from files have; an empty one is none. One
/// that cannot be read is not: what it would switch on must not be left off for that.
async fn optional(name: &'static str) -> Result<Option<String>, Unusable> {
    match variables::get(name).await {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(Error::Undefined(_)) => Err(Unusable::Missing(name)),
        Err(error) => {
            tracing::warn!(name, %error, "a variable cannot be read");
            Err(Unusable::Unread(name))
        }
    }
}

/// Stands where a component was granted nothing: it takes no token and opens no secret.
#[derive(Debug, Clone, Copy)]
struct Nothing;

impl Tokens for Nothing {
    fn verify(&self, _token: &str, _now: Time) -> Result<Verified, BadToken> {
        Err(BadToken("no tokens are taken here"))
    }
}

impl Vault for Nothing {
    fn seal(&self, _nonce: [u8; 12], _secret: &str, _context: &str) -> String {
        // What is empty opens nowhere; this component's routes seal nothing.
        String::new()
    }

    fn open(&self, _sealed: &str, _context: &str) -> Result<String, CannotOpen> {
        Err(CannotOpen)
    }
}
