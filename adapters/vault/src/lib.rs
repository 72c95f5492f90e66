//! The vault: secrets sealed under a master key with ChaCha20-Poly1305, as text that says how it was sealed.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit, Nonce};
use kyc_ports::vault::{CannotOpen, Vault};

/// How secrets are sealed: a later way gets another mark, and this one stays readable.
const MARK: &str = "c20p1.";
const NONCE_BYTES: usize = 12;

/// Why a text is no master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 64 hexadecimal digits")]
pub struct BadKey;

/// Seals under one master key.
pub struct SealingVault {
    cipher: ChaCha20Poly1305,
}

impl std::fmt::Debug for SealingVault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingVault")
    }
}

impl SealingVault {
    /// With a master key of 64 hexadecimal digits; space around them is passed over.
    pub fn new(master_key: &str) -> Result<Self, BadKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(master_key.trim(), &mut bytes).map_err(|_| BadKey)?;
        Ok(Self {
            cipher: ChaCha20Poly1305::new(&Key::from(bytes)),
        })
    }
}

impl Vault for SealingVault {
    fn seal(&self, nonce: [u8; NONCE_BYTES], secret: &str, context: &str) -> String {
        let payload = Payload {
            msg: secret.as_bytes(),
            aad: context.as_bytes(),
        };
        // It refuses nothing that fits into memory; what is empty opens nowhere.
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).unwrap_or_default();
        let all: Vec<u8> = nonce.into_iter().chain(sealed).collect();
        format!("{MARK}{}", STANDARD.encode(all))
    }

    fn open(&self, sealed: &str, context: &str) -> Result<String, CannotOpen> {
        let text = sealed.strip_prefix(MARK).ok_or(CannotOpen)?;
        let all = STANDARD.decode(text).map_err(|_| CannotOpen)?;
        let (nonce, sealed) = all.split_first_chunk::<NONCE_BYTES>().ok_or(CannotOpen)?;
        let payload = Payload {
            msg: sealed,
            aad: context.as_bytes(),
        };
        let secret = self.cipher.decrypt(&Nonce::from(*nonce), payload);
        String::from_utf8(secret.map_err(|_| CannotOpen)?).map_err(|_| CannotOpen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(digit: &str) -> SealingVault {
        SealingVault::new(&digit.repeat(64)).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_in_its_place_only() {
        let sealed = vault("a").seal([7; 12], "a secret", "acme 1");
        assert!(!sealed.contains("secret"));
        assert_eq!(vault("A").open(&sealed, "acme 1").as_deref(), Ok("a secret"));
        assert_eq!(vault("a").open(&sealed, "acme 2"), Err(CannotOpen), "another place");
        assert_eq!(vault("b").open(&sealed, "acme 1"), Err(CannotOpen), "another key");
    }

    #[test]
    fn changed_bytes_do_not_open() {
        let sealed = vault("a").seal([7; 12], "a secret", "acme 1");
        for place in MARK.len()..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(vault("a").open(&changed, "acme 1"), Err(CannotOpen), "{changed}");
        }
        for broken in ["", "c20p1.", "c20p1.AAAA", &sealed[1..], &sealed[..sealed.len() - 4]] {
            assert_eq!(vault("a").open(broken, "acme 1"), Err(CannotOpen), "{broken}");
        }
    }

    #[test]
    fn two_nonces_give_two_texts() {
        assert_ne!(vault("a").seal([1; 12], "x", "c"), vault("a").seal([2; 12], "x", "c"));
    }

    #[test]
    fn a_master_key_is_64_digits() {
        assert!(SealingVault::new(&format!(" {}\n", "0".repeat(64))).is_ok());
        for bad in ["", "0", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64)] {
            assert_eq!(SealingVault::new(bad).err(), Some(BadKey), "{bad}");
        }
    }
}
