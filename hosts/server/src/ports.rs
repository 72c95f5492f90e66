//! The ports that the native host provides itself: the system's clock and randomness, and token keys.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use kyc_core::time::Time;
use kyc_jwt::{Algorithm, Minter, Verifier};
use kyc_outbound::HttpOutbound;
use kyc_ports::clock::Clock;
use kyc_ports::entropy::{Entropy, NoEntropy};
use kyc_ports::tokens::{BadToken, Tokens, Verified};
use kyc_vault::SealingVault;

use crate::Failure;
use crate::data_dir::{DataDir, failed};
use crate::settings::{PlatformSettings, TokenSettings};

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The system's randomness.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        getrandom::fill(bytes).map_err(|_| NoEntropy)
    }
}

/// What tokens are checked with.
pub(crate) fn verifier(dir: &DataDir, settings: &TokenSettings) -> Result<Verifier, Failure> {
    let bad = |error: kyc_jwt::KeyError| Failure::setting(format!("token settings: {error}"));
    let mut verifier = match (settings.token_algorithm, &settings.token_jwks_file) {
        (algorithm, Some(file)) => Verifier::jwks(&read(file)?, algorithm).map_err(bad)?,
        (Algorithm::EdDsa, None) => {
            let public = kyc_jwt::public_pem(&signing_key(dir)?);
            public.and_then(|pem| Verifier::ed25519_public(&pem)).map_err(bad)?
        }
        (Algorithm::Hs256, None) => Verifier::shared_secret(&shared_secret(settings)?).map_err(bad)?,
        (Algorithm::Rs256 | Algorithm::Es256, None) => {
            return Err(Failure::setting("RS256 and ES256 need --token-jwks-file"));
        }
    };
    if let Some(issuer) = &settings.token_issuer {
        verifier = verifier.issuer(issuer.clone());
    }
    if let Some(audience) = &settings.token_audience {
        verifier = verifier.audience(audience.clone());
    }
    Ok(verifier)
}

/// What tokens are made with.
pub(crate) fn minter(dir: &DataDir, settings: &TokenSettings) -> Result<Minter, Failure> {
    let made = match (settings.token_algorithm, &settings.token_jwks_file) {
        (Algorithm::EdDsa, None) => Minter::ed25519(&signing_key(dir)?),
        (Algorithm::Hs256, None) => Minter::shared_secret(&shared_secret(settings)?),
        _ => {
            return Err(Failure::setting(
                "tokens of these settings are made where their private key is",
            ));
        }
    };
    made.map_err(|error| Failure::setting(format!("token settings: {error}")))
}

/// The key that signs tokens, made on first use.
fn signing_key(dir: &DataDir) -> Result<String, Failure> {
    let path = dir.token_key();
    dir.secret_file(&path, || {
        let mut seed = [0; 32];
        SystemEntropy
            .fill(&mut seed)
            .map_err(|error| Failure::new(error.to_string()))?;
        Ok(kyc_jwt::new_ed25519_key(seed).private_pem)
    })
}

/// What seals tenants' secrets: a key that is given, or one that is made on first use.
pub(crate) fn vault(dir: &DataDir, settings: &PlatformSettings) -> Result<SealingVault, Failure> {
    let (path, key) = match &settings.master_key_file {
        Some(path) => {
            check_private(path)?;
            (path.clone(), read(path)?)
        }
        None => (dir.master_key(), master_key(dir)?),
    };
    SealingVault::new(&key).map_err(|error| Failure::setting(format!("{}: {error}", path.display())))
}

fn master_key(dir: &DataDir) -> Result<String, Failure> {
    let path = dir.master_key();
    dir.secret_file(&path, || {
        let mut key = [0; 32];
        SystemEntropy
            .fill(&mut key)
            .map_err(|error| Failure::new(error.to_string()))?;
        Ok(hex::encode(key))
    })
}

/// Refuses a key that others can read.
#[cfg(unix)]
fn check_private(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)
        .map_err(|error| failed(path, &error))?
        .permissions()
        .mode();
    if mode.trailing_zeros() >= 6 {
        Ok(())
    } else {
        Err(Failure::setting(format!(
            "{}: others can read the master key; chmod 600",
            path.display()
        )))
    }
}

#[cfg(not(unix))]
fn check_private(_path: &Path) -> Result<(), Failure> {
    Ok(())
}

/// What calls platforms.
pub(crate) fn outbound(settings: &PlatformSettings) -> Result<HttpOutbound, Failure> {
    let mut roots = Vec::new();
    if let Some(path) = &settings.outbound_ca_file {
        roots.push(std::fs::read(path).map_err(|error| failed(path, &error))?);
    }
    HttpOutbound::new(&roots).map_err(|error| Failure::setting(format!("--outbound-ca-file: {error}")))
}

/// Accepts no token: for commands that the operator gives at the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoTokens;

impl Tokens for NoTokens {
    fn verify(&self, _token: &str, _now: Time) -> Result<Verified, BadToken> {
        Err(BadToken("no tokens are taken here"))
    }
}

fn shared_secret(settings: &TokenSettings) -> Result<Vec<u8>, Failure> {
    let file = settings.token_secret_file.as_ref();
    let file = file.ok_or_else(|| Failure::setting("HS256 needs --token-secret-file"))?;
    Ok(read(file)?.trim_end().as_bytes().to_vec())
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| failed(file, &error))
}
