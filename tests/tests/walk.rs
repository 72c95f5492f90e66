//! The main job on the real binary: a customer's verification from template to approval, with real files.

use kyc_tests::server::Server;
use serde_json::json;

/// The smallest PNG there is: one pixel.
const PIXEL_PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 6,
    0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 13, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0xf0,
    0x1f, 0, 5, 0, 1, 0xff, 0x56, 0xc7, 0x2f, 0x0d, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

#[test]
fn a_customer_is_verified_from_template_to_approval() {
    let server = Server::start(&[]);
    let (manager, customer) = (
        server.rest(&server.manager()),
        server.rest(&server.customer("acme", 1001)),
    );

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
    assert_eq!(profile["customer"]["kyc_status"], "verified");
    assert_eq!(
        manager.post("/manager/kyc/gates/real-account", &who).ok(),
        json!({ "allowed": true })
    );

    let seen = manager.get(&format!("/files/{}", file["file_id"].as_str().unwrap()));
    assert_eq!((seen.status, seen.bytes.as_slice()), (200, PIXEL_PNG));
    let audit = manager.get("/manager/kyc/audit?action=document.viewed").ok();
    assert_eq!(audit["rows"][0]["actor_id"], "mary");
}
