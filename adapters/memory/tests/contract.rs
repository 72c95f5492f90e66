//! The reference model keeps the contract itself.

use std::sync::Arc;

use kyc_core::time::Time;
use kyc_memory::{ManualClock, MemoryBlobs, MemoryStore};
use kyc_ports::blobs::Blobs;
use kyc_ports::store::Store;

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future);
}

fn with_store(suite: impl AsyncFnOnce(&dyn Store)) {
    block_on(suite(&MemoryStore::new()));
}

fn with_blobs(suite: impl AsyncFnOnce(&dyn Blobs)) {
    let clock = ManualClock::new(Time::from_seconds(1_700_000_000));
    block_on(suite(&MemoryBlobs::new(Arc::new(clock))));
}

kyc_ports::store_contract!(with_store);
kyc_ports::blobs_contract!(with_blobs);
