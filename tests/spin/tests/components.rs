//! The components as a whole: how large they are, and a webhook that comes in.

use kyc_core::signature::sign;
use kyc_spin_tests::acts::tenant;
use kyc_spin_tests::{COMPONENT, MODES, Spin, now};
use kyc_tests::rest::Rest;
use serde_json::json;

#[test]
fn the_component_is_small() {
    let bytes = std::fs::metadata(&*COMPONENT).expect("the component").len();
    assert!(bytes <= 3_000_000, "{bytes} bytes");
}

#[test]
fn webhooks_signed_with_the_tenants_secret_are_taken() {
    for reuse in MODES {
        let spin = Spin::start(reuse);
        let added = tenant(&spin, "platform_owns", "https://platform.example/crm");
        let secret = added["webhook_secret"].as_str().expect("a secret");
        let body = json!({
            "event_id": "e-1", "event": "kyc.approved", "player_external_id": "77", "level": 1,
            "ts": "2026-01-02T03:04:05Z",
        });
        let body = body.to_string();
        let timestamp = now().to_string();
        let told = |signature: &str| {
            let headers = [
                ("x-ucrm-timestamp", timestamp.as_str()),
                ("x-ucrm-signature", signature),
            ];
            let path = "/v1/adapters/acme/webhooks/kyc-events";
            Rest::new(spin.http, None).send("POST", path, &headers, body.as_bytes())
        };
        assert_eq!(told(&"0".repeat(64)).status, 401);
        let taken = told(&sign(secret, &timestamp, body.as_bytes()));
        assert_eq!(taken.status, 200, "{}", String::from_utf8_lossy(&taken.bytes));
        spin.counters();
    }
}
