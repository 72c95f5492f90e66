//! How often a component asks its database: with a database far away each statement is a way there and back.

use kyc_spin_host::Reuse;
use kyc_spin_tests::acts::require;
use kyc_spin_tests::{MODES, Spin};
use serde_json::json;

/// What an instance's first statement asks: whether the database is migrated.
fn first(reuse: Reuse) -> u64 {
    u64::from(reuse == Reuse::PerRequest)
}

#[test]
fn a_look_and_a_verdict_take_few_statements() {
    for reuse in MODES {
        let spin = Spin::start(reuse);
        let manager = spin.manager();
        let template = json!({
            "brand": "acme", "code": "address", "level": 1, "step_type": 1,
            "form_schema": { "sections": [{ "title": "Address", "fields": [{ "name": "street", "type": "text" }] }] },
        });
        manager.post("/manager/kyc/templates", &template).ok();
        require(&spin, 1001).ok();
        let listed = manager.get("/manager/kyc/profiles?brand=acme").ok();
        let path = format!("/manager/kyc/profiles/{}", listed["rows"][0]["id"]);
        let before = spin.counters().statements;
        let profile = manager.get(&path).ok();
        let looked = spin.counters().statements - before;
        // Whose it is; the customer; the brand; the history.
        assert_eq!(looked, 4 + first(reuse), "{reuse:?}");
        let path = format!("/manager/kyc/steps/{}", profile["steps"][0]["id"]);
        let answers = json!({ "answers": { "street": "Main Street 1" } });
        manager.post(&format!("{path}/submit"), &answers).ok();
        let before = spin.counters().statements;
        manager.post(&format!("{path}/approve"), &json!({})).ok();
        let judged = spin.counters().statements - before;
        // Whose it is; the customer; the brand; the ids; and between two that begin and end the transaction: the stream,
        // the profile, the step, the audit row, the history.
        assert_eq!(judged, 11 + first(reuse), "{reuse:?}");
    }
}
