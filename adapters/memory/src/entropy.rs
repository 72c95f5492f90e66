//! Randomness that is the same for the same seed, so that a simulation's run can be repeated. It guards nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use kyc_ports::entropy::{Entropy, NoEntropy};
use sha2::{Digest, Sha256};

/// SHA-256 over the seed and a counter, 32 bytes at a time.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    blocks: AtomicU64,
}

impl SeededEntropy {
    /// The stream of bytes of this seed, from its beginning.
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            blocks: AtomicU64::new(0),
        }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        for chunk in bytes.chunks_mut(32) {
            let block = self.blocks.fetch_add(1, Ordering::SeqCst);
            let hash = Sha256::new()
                .chain_update(self.seed.to_be_bytes())
                .chain_update(block.to_be_bytes())
                .finalize();
            for (byte, random) in chunk.iter_mut().zip(hash) {
                *byte = random;
            }
        }
        Ok(())
    }
}
