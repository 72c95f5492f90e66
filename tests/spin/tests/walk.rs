//! The main job over the real `spin.toml`: a customer's verification from template to approval, with real files.

use kyc_spin_tests::{MODES, Spin};
use kyc_tests::conformance::PIXEL_PNG;
use serde_json::json;

#[test]
fn a_customer_is_verified_from_template_to_approval() {
    for reuse in MODES {
        let spin = Spin::start(reuse);
        walk(&spin);
        let counters = spin.counters();
        assert_eq!(counters.outbound_denied, 0);
        assert!(counters.statements > 100, "{counters:?}");
    }
}

fn walk(spin: &Spin) {
    let (manager, customer) = (spin.manager(), spin.customer(1001));
    let template = json!({
        "brand": "acme", "code": "proof_id", "level": 1, "step_type": 2,
        "requirements": { "documents": ["passport", "id_card"], "valid_days": 365 },
        "form_schema": { "sections": [{ "title": "Identity", "fields": [
            { "name": "first_name", "type": "text", "required": true },
            { "name": "country", "type": "country", "required": true },
        ] }] },
    });
    assert_eq!(
        manager.post("/manager/kyc/templates", &template).ok()["template"]["version"],
        1
    );
    let who = json!({ "brand": "acme", "customer_id": 1001 });
    let raised = json!({ "brand": "acme", "customer_id": 1001, "level": 1 });
    manager.post("/manager/kyc/required-level", &raised).ok();
    let shut = manager.post("/manager/kyc/gates/real-account", &who);
    assert_eq!(shut.error(403), "KYC_REQUIRED");
    let kyc_id = shut.json()["kyc_profile_id"].as_i64().unwrap();

    let asked = customer.get("/customer/kyc").ok();
    let step_id = asked["steps"][0]["id"].as_i64().unwrap();
    let file = customer.upload(&[], "passport.png", PIXEL_PNG).ok();
    let offer = json!({ "kyc_id": kyc_id, "step_id": step_id, "type": "passport", "file_id": file["file_id"] });
    assert_eq!(
        customer.post("/customer/kyc/documents", &offer).ok()["document"]["status"],
        0
    );
    let answers = json!({ "answers": { "first_name": "Ada", "country": "MT" } });
    let submitted = customer
        .post(&format!("/customer/kyc/steps/{step_id}/submit"), &answers)
        .ok();
    assert_eq!(submitted["step"]["status"], 1);

    let queue = manager.get("/manager/kyc/profiles?brand=acme&awaiting_review=1").ok();
    assert_eq!(queue["rows"][0]["id"], kyc_id);
    let approve = format!("/manager/kyc/steps/{step_id}/approve");
    manager.post(&approve, &json!({ "comment": "matches the selfie" })).ok();
    let profile = manager.get(&format!("/manager/kyc/profiles/{kyc_id}")).ok();
    assert_eq!(profile["profile"]["status"], 3);
    assert_eq!(profile["profile"]["current_level"], 1);
    assert_eq!(profile["documents"][0]["status"], 2);
    assert_eq!(
        manager.post("/manager/kyc/gates/real-account", &who).ok(),
        json!({ "allowed": true })
    );

    let path = format!("/files/{}", file["file_id"].as_str().unwrap());
    let seen = manager.get(&path);
    assert_eq!((seen.status, seen.bytes.as_slice()), (200, PIXEL_PNG));
    let part = manager.send("GET", &path, &[("range", "bytes=1-3")], b"");
    assert_eq!((part.status, part.bytes.as_slice()), (206, &b"PNG"[..]));
    let audit = manager.get("/manager/kyc/audit?action=document.viewed").ok();
    assert_eq!(audit["rows"][0]["actor_id"], "mary");
    assert_eq!(spin.tick()["calls"], 0);
}
