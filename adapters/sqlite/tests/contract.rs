//! The native store keeps the contract.

use kyc_ports::store::Store;
use kyc_sqlite::{Options, SqliteStore};

fn with_store(suite: impl AsyncFnOnce(&dyn Store)) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Options::default()).unwrap();
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(suite(&store));
}

kyc_ports::store_contract!(with_store);
