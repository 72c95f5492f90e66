//! What the library signs and verifies with: the four algorithms and no others. Its own provider brings twelve, with
//! curves and paddings that nothing here reaches, and makes the Spin component half a megabyte larger.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};
use sha2::{Digest, Sha256};

use crate::keys;

/// What stands before a SHA-256 digest in a signature of PKCS#1 v1.5 (RFC 8017, section 9.2, note 1).
const SHA256_PREFIX: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20,
];

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    // They make key files, which nothing here does.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Lets the library use what is here; every way to make a key calls it.
pub(crate) fn install() {
    // Whoever was first installed the same.
    let _ = PROVIDER.install_default();
}

/// Whether the key is a point of P-256.
pub(crate) fn is_on_p256(key: &DecodingKey) -> bool {
    es256(key).is_ok()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the library asks this way")]
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => Ok(Box::new(Hs256(hs256(key.as_bytes())?))),
        (Algorithm::EdDSA, AlgorithmFamily::Ed) => keys::signing(key)
            .map(|key| Box::new(EdSigning(key)) as Box<dyn JwtSigner>)
            .ok_or_else(|| ErrorKind::InvalidEddsaKey.into()),
        _ => Err(ErrorKind::UnsupportedAlgorithm.into()),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the library asks this way")]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    Ok(match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => Box::new(Hs256(hs256(key.try_get_as_bytes()?)?)),
        (Algorithm::EdDSA, AlgorithmFamily::Ed) => Box::new(EdVerifying(eddsa(key)?)),
        (Algorithm::ES256, AlgorithmFamily::Ec) => Box::new(Es256(es256(key)?)),
        (Algorithm::RS256, AlgorithmFamily::Rsa) => Box::new(Rs256(rs256(key)?)),
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    })
}

struct Hs256(Hmac<Sha256>);
struct EdSigning(ed25519_dalek::SigningKey);
struct EdVerifying(ed25519_dalek::VerifyingKey);
struct Es256(p256::ecdsa::VerifyingKey);
struct Rs256(RsaPublicKey);

fn hs256(secret: &[u8]) -> Result<Hmac<Sha256>, Error> {
    Hmac::new_from_slice(secret).map_err(|_| ErrorKind::InvalidKeyFormat.into())
}

fn eddsa(key: &DecodingKey) -> Result<ed25519_dalek::VerifyingKey, Error> {
    let bytes = key.try_get_as_bytes()?;
    ed25519_dalek::VerifyingKey::try_from(bytes).map_err(|_| ErrorKind::InvalidEddsaKey.into())
}

fn es256(key: &DecodingKey) -> Result<p256::ecdsa::VerifyingKey, Error> {
    let bytes = key.try_get_as_bytes()?;
    p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map_err(|_| ErrorKind::InvalidEcdsaKey.into())
}

fn rs256(key: &DecodingKey) -> Result<RsaPublicKey, Error> {
    let DecodingKeyKind::RsaModulusExponent { n, e } = key.kind() else {
        return Err(ErrorKind::InvalidKeyFormat.into());
    };
    RsaPublicKey::new(BigUint::from_bytes_be(n), BigUint::from_bytes_be(e))
        .map_err(|error| ErrorKind::InvalidRsaKey(error.to_string()).into())
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl Signer<Vec<u8>> for EdSigning {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        self.0.try_sign(message).map(|signature| signature.to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let digest = self.0.clone().chain_update(message);
        digest.verify_slice(signature).map_err(|_| signature::Error::new())
    }
}

impl Verifier<Vec<u8>> for EdVerifying {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.0
            .verify(message, &ed25519_dalek::Signature::from_slice(signature)?)
    }
}

impl Verifier<Vec<u8>> for Es256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let signature = p256::ecdsa::Signature::from_slice(signature)?;
        self.0.verify_prehash(&Sha256::digest(message), &signature)
    }
}

impl Verifier<Vec<u8>> for Rs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let digest = Sha256::digest(message);
        let padding = Pkcs1v15Sign {
            hash_len: Some(digest.len()),
            prefix: SHA256_PREFIX.into(),
        };
        let verified = self.0.verify(padding, &digest, signature);
        verified.map_err(|_| signature::Error::new())
    }
}

macro_rules! named {
    ($($algorithm:ident: $($part:ident for $signature:ident),+;)+) => {
        $($(impl $part for $signature {
            fn algorithm(&self) -> Algorithm {
                Algorithm::$algorithm
            }
        })+)+
    };
}

named! {
    HS256: JwtSigner for Hs256, JwtVerifier for Hs256;
    EdDSA: JwtSigner for EdSigning, JwtVerifier for EdVerifying;
    ES256: JwtVerifier for Es256;
    RS256: JwtVerifier for Rs256;
}
