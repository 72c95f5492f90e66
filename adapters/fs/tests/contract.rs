//! Files in a folder keep the contract.

use kyc_fs::FsBlobs;
use kyc_ports::blobs::Blobs;

fn with_blobs(suite: impl AsyncFnOnce(&dyn Blobs)) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FsBlobs::open(folder.path().join("storage")).unwrap();
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(suite(&blobs));
}

kyc_ports::blobs_contract!(with_blobs);
