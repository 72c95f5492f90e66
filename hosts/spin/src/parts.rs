//! What a component is made of: its variables, and the ports that they make.

use std::sync::Arc;

use kyc_core::time::Time;
use kyc_jwt::{Algorithm, Verifier};
use kyc_ports::app::{App, Ports};
use kyc_ports::notify::Silent;
use kyc_ports::tokens::{BadToken, Tokens, Verified};
use kyc_ports::vault::{CannotOpen, Vault};
use kyc_spin_adapter::{Bucket, Signer, SpinClock, SpinEntropy, SpinOutbound, SpinStore};
use kyc_vault::SealingVault;
use spin_sdk::variables;

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
    /// The value will not do.
    #[error("the variable `{name}` cannot be used: {problem}")]
    Wrong {
        /// Its name.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
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
            _ => Err(Unusable::Wrong {
                name: "component",
                problem: "it must be `api`, `storage`, `webhooks` or `tick`".to_owned(),
            }),
        }
    }

    /// What this component was granted.
    pub(crate) async fn parts(self) -> Result<Parts, Unusable> {
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
        let not_a_platform = match self {
            Self::Tick => optional("s3_host").await,
            Self::Api | Self::Storage | Self::Webhooks => None,
        };
        let store = SpinStore::new(KYC, STORAGE);
        let ports = Ports {
            blobs: Arc::new(store.blobs().in_bucket(bucket.clone())),
            store: Arc::new(store.for_request()),
            clock: Arc::new(SpinClock),
            entropy: Arc::new(SpinEntropy),
            tokens,
            notify: Arc::new(Silent),
            outbound: Arc::new(SpinOutbound::but_not(not_a_platform)),
            vault,
        };
        let app = App::without_turns(ports);
        Ok(Parts { app, store, bucket })
    }
}

/// What all requests on an instance share: nothing that one of them could wait for another in, for in the component
/// model a task cannot wake another one: the application has no turns. And no cache, for other instances commit too.
pub(crate) struct Parts {
    app: App,
    store: SpinStore,
    bucket: Option<Arc<Bucket>>,
}

impl Parts {
    /// The application of no request.
    pub(crate) const fn app(&self) -> &App {
        &self.app
    }

    /// The application for one request, with connections of its own.
    pub(crate) fn for_request(&self) -> App {
        let store = self.store.for_request();
        let blobs = store.blobs().in_bucket(self.bucket.clone());
        self.app.over(Arc::new(store), Arc::new(blobs))
    }
}

/// The secret that whoever calls the tick must show.
pub(crate) async fn tick_secret() -> Result<String, Unusable> {
    let secret = required("tick_secret").await?;
    if secret.len() < TICK_SECRET_BYTES_MIN {
        return Err(Unusable::Wrong {
            name: "tick_secret",
            problem: format!("it must have at least {TICK_SECRET_BYTES_MIN} bytes"),
        });
    }
    Ok(secret)
}

async fn vault() -> Result<SealingVault, Unusable> {
    let wrong = |error: kyc_vault::BadKey| Unusable::Wrong {
        name: "master_key",
        problem: error.to_string(),
    };
    SealingVault::new(&required("master_key").await?).map_err(wrong)
}

/// The bucket for files, where one is named: then all that leads to it is needed.
async fn bucket() -> Result<Option<Bucket>, Unusable> {
    let Some(name) = optional("s3_bucket").await else {
        return Ok(None);
    };
    let is_plain = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'.' | b'-');
    if !name.bytes().all(is_plain) {
        return Err(Unusable::Wrong {
            name: "s3_bucket",
            problem: "it must be a bucket's name: lower-case letters, digits, dots and hyphens".to_owned(),
        });
    }
    let signer = Signer {
        region: required("s3_region").await?,
        access_key_id: required("s3_access_key_id").await?,
        secret_access_key: required("s3_secret_access_key").await?,
    };
    let host = required("s3_host").await?;
    // The manifest's default, since a grant must name some host.
    if host == NO_HOST {
        return Err(Unusable::Missing("s3_host"));
    }
    Ok(Some(Bucket::new(host, name, signer)))
}

async fn verifier() -> Result<Verifier, Unusable> {
    let wrong = |error: kyc_jwt::KeyError| Unusable::Wrong {
        name: "token_key",
        problem: error.to_string(),
    };
    let (key, algorithm) = (required("token_key").await?, algorithm().await?);
    let mut verifier = match algorithm {
        _ if key.starts_with('{') => Verifier::jwks(&key, algorithm).map_err(wrong)?,
        Algorithm::EdDsa => Verifier::ed25519_public(&key).map_err(wrong)?,
        Algorithm::Hs256 => Verifier::shared_secret(key.as_bytes()).map_err(wrong)?,
        Algorithm::Rs256 | Algorithm::Es256 => {
            return Err(Unusable::Wrong {
                name: "token_key",
                problem: format!("keys of {algorithm} are given as a JWKS document"),
            });
        }
    };
    if let Some(issuer) = optional("token_issuer").await {
        verifier = verifier.issuer(issuer);
    }
    if let Some(audience) = optional("token_audience").await {
        verifier = verifier.audience(audience);
    }
    Ok(verifier)
}

async fn algorithm() -> Result<Algorithm, Unusable> {
    let wrong = |problem: &str| Unusable::Wrong {
        name: "token_algorithm",
        problem: problem.to_owned(),
    };
    required("token_algorithm").await?.parse().map_err(wrong)
}

async fn required(name: &'static str) -> Result<String, Unusable> {
    optional(name).await.ok_or(Unusable::Missing(name))
}

/// A variable's value without the white space around it, which secrets made from files have; an empty one is none.
async fn optional(name: &'static str) -> Option<String> {
    match variables::get(name).await {
        Ok(value) => Some(value.trim().to_owned()).filter(|value| !value.is_empty()),
        Err(error) => {
            tracing::warn!(name, %error, "a variable has no value");
            None
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
