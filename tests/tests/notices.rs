//! Who hears of a commit: whoever listened when it was made.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use kyc_core::id::Brand;
use kyc_core::notice::Notice;
use kyc_core::time::Time;
use kyc_memory::{ManualClock, MemoryBlobs, MemoryStore, ScriptedOutbound, SeededEntropy};
use kyc_ports::app::{App, Ports};
use kyc_ports::entropy::{Entropy, NoEntropy};
use kyc_ports::notify::Notify;
use kyc_tests::sim::{BRAND, MARY, MASTER_KEY, START, TestTokens, request, run};
use kyc_vault::SealingVault;
use serde_json::json;

/// Somebody who begins to listen while a decision is on its way to the store: when its salts are drawn.
struct Latecomer {
    listens: AtomicBool,
    heard: Mutex<Vec<Notice>>,
    entropy: SeededEntropy,
}

impl Entropy for Latecomer {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        self.listens.store(true, Ordering::Relaxed);
        self.entropy.fill(bytes)
    }
}

impl Notify for Latecomer {
    fn is_heard(&self) -> bool {
        self.listens.load(Ordering::Relaxed)
    }
    fn publish(&self, notices: Vec<Notice>) {
        self.heard.lock().unwrap().extend(notices);
    }
    fn calls_due(&self, _brand: &Brand) {}
}

#[test]
fn who_begins_to_listen_before_a_commit_hears_of_it() {
    let latecomer = Arc::new(Latecomer {
        listens: AtomicBool::new(false),
        heard: Mutex::default(),
        entropy: SeededEntropy::new(1),
    });
    let clock = Arc::new(ManualClock::new(Time::from_seconds(START)));
    let app = App::new(Ports {
        store: Arc::new(MemoryStore::new()),
        blobs: Arc::new(MemoryBlobs::new(clock.clone())),
        clock,
        entropy: latecomer.clone(),
        tokens: Arc::new(TestTokens),
        notify: latecomer.clone(),
        outbound: Arc::new(ScriptedOutbound::default()),
        vault: Arc::new(SealingVault::new(MASTER_KEY).unwrap()),
    });
    let risk = json!({ "brand": BRAND, "customer_id": 7, "risk_level": 1, "reason": "CHECKED" });
    assert!(!latecomer.is_heard());
    run(app.call(request(MARY, None, "MngSetKycRiskLevel", risk))).unwrap();
    let heard = latecomer.heard.lock().unwrap();
    assert!(!heard.is_empty(), "of what was committed after that");
    assert!(heard.iter().all(|notice| notice.brand.as_str() == BRAND));
}
