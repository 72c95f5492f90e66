//! A TCP client as the reference's documentation describes it: command names, `data`, `extID`, the token in every
//! request. It does the whole job on one connection; REST carries nothing but the files.

use std::collections::{BTreeMap, BTreeSet};

use kyc_core::table::table;
use kyc_tests::conformance::PIXEL_PNG;
use kyc_tests::server::Server;
use kyc_tests::tcp::Tcp;
use serde_json::{Value, json};

/// The seed's "Current Methods".
const SEED_METHODS: [&str; 16] = [
    "MngAddKycStepTemplate",
    "MngUpdateKycStepTemplate",
    "MngDeleteKycStepTemplate",
    "MngGetKycStepTemplates",
    "MngGetKycProfile",
    "MngGetKycProfiles",
    "MngGetKycStep",
    "MngRequireKycStep",
    "MngSetKycRequiredLevel",
    "MngApproveKycStep",
    "MngRejectKycStep",
    "MngAddKycDocument",
    "MngGetKycDocuments",
    "MngApproveKycDocument",
    "MngRejectKycDocument",
    "MngGetKycAudit",
];

/// One connection, on which anybody may ask: the token is the request's.
struct Client {
    tcp: Tcp,
    sent: i64,
    asked: BTreeSet<String>,
    events: Vec<Value>,
}

impl Client {
    fn connect(server: &Server) -> Self {
        Self {
            tcp: Tcp::connect(server.tcp, None),
            sent: 0,
            asked: BTreeSet::new(),
            events: Vec::new(),
        }
    }

    /// A request's frame and its `extID`.
    fn frame(&mut self, token: &str, command: &str, data: &Value) -> (Value, String) {
        self.sent += 1;
        self.asked.insert(command.to_owned());
        // Clients number their requests, or name them.
        let ext_id = if self.sent % 2 == 0 {
            json!(self.sent)
        } else {
            json!(format!("request-{}", self.sent))
        };
        let request = json!({ "command": command, "data": data, "extID": ext_id, "__token": token });
        (ext_id, format!("{request}\r\n"))
    }

    /// The next reply; events on the way are kept.
    fn reply(&mut self) -> Value {
        loop {
            let frame = self.tcp.read();
            if frame.get("event").is_none() {
                return frame;
            }
            self.events.push(frame);
        }
    }

    fn ask(&mut self, token: &str, command: &str, data: &Value) -> Value {
        let (ext_id, frame) = self.frame(token, command, data);
        self.tcp.send_raw(frame.as_bytes());
        let reply = self.reply();
        assert_eq!(reply["extID"], ext_id, "{reply}");
        reply
    }

    /// The `data` of a success.
    fn done(&mut self, token: &str, command: &str, data: &Value) -> Value {
        let reply = self.ask(token, command, data);
        assert_eq!(reply["status"], 200, "{command}: {reply}");
        reply["data"].clone()
    }

    /// All at once; the replies in the order of the requests, whatever order they came in.
    fn pipelined(&mut self, requests: &[(&str, &str, Value)]) -> Vec<Value> {
        let mut packet = String::new();
        let mut ext_ids = Vec::new();
        for (token, command, data) in requests {
            let (ext_id, frame) = self.frame(token, command, data);
            ext_ids.push(ext_id.to_string());
            packet.push_str(&frame);
        }
        // Frames are split anywhere.
        for part in packet.as_bytes().chunks(100) {
            self.tcp.send_raw(part);
        }
        let mut replies = BTreeMap::new();
        for _ in requests {
            let reply = self.reply();
            let twice = replies.insert(reply["extID"].to_string(), reply);
            assert_eq!(twice, None, "one reply for each request");
        }
        ext_ids
            .iter()
            .map(|ext_id| replies.remove(ext_id).expect("a reply to each request"))
            .collect()
    }

    /// Waits for the event of this action.
    fn event(&mut self, action: &str) -> Value {
        loop {
            if let Some(found) = self.events.iter().find(|event| event["data"]["action"] == action) {
                return found.clone();
            }
            let frame = self.tcp.read();
            assert_eq!(frame["event"], "kyc:event", "nothing was asked: {frame}");
            self.events.push(frame);
        }
    }
}

fn file(server: &Server, token: &str) -> Value {
    server.rest(token).upload(&[], "passport.png", PIXEL_PNG).ok()["file_id"].clone()
}

#[test]
fn a_manager_does_the_job_with_the_sixteen_methods_alone() {
    let server = Server::start(&[]);
    let (mary, mut client) = (server.manager(), Client::connect(&server));
    let mut done = |command: &str, data: Value| client.done(&mary, command, &data);
    let brand = "sixteen";

    let template =
        json!({ "brand": brand, "code": "proof_id", "level": 1, "requirements": { "documents": ["passport"] } });
    let template = done("MngAddKycStepTemplate", template)["template"].clone();
    let renamed = done(
        "MngUpdateKycStepTemplate",
        json!({ "id": template["id"], "name": "Proof of identity" }),
    );
    assert_eq!(renamed["template"]["version"], 2);
    let spare = done(
        "MngAddKycStepTemplate",
        json!({ "brand": brand, "code": "spare", "level": 1 }),
    );
    done("MngDeleteKycStepTemplate", json!({ "id": spare["template"]["id"] }));
    assert_eq!(done("MngGetKycStepTemplates", json!({ "brand": brand }))["count"], 1);

    let who = json!({ "brand": brand, "customer_id": 7 });
    let level = done(
        "MngSetKycRequiredLevel",
        json!({ "brand": brand, "customer_id": 7, "level": 1, "reason": "deposit" }),
    );
    let kyc_id = level["kyc_id"].clone();
    // Asked for already: the same step.
    let required = done(
        "MngRequireKycStep",
        json!({ "brand": brand, "customer_id": 7, "step_code": "proof_id" }),
    );
    let step_id = required["step_id"].clone();

    // The client sends metadata as the reference's clients do; it is not believed.
    let offer = |file_id: Value| {
        json!({
            "brand": brand, "customer_id": 7, "kyc_id": kyc_id, "step_id": step_id, "type": "passport",
            "file_id": file_id, "file_name": "x", "content_type": "y", "file_size": 1, "checksum": "z",
        })
    };
    let first = done("MngAddKycDocument", offer(file(&server, &mary)))["document"].clone();
    assert_eq!(
        (&first["file_name"], &first["file_size"]),
        (&json!("passport.png"), &json!(PIXEL_PNG.len()))
    );
    let waiting = done("MngGetKycProfiles", json!({ "brand": brand, "awaiting_review": 1 }));
    assert_eq!(
        waiting["rows"][0]["id"], kyc_id,
        "the document completed the step, and so submitted it"
    );
    done(
        "MngRejectKycDocument",
        json!({ "id": first["id"], "reason": "DOCUMENT_NOT_CLEAR" }),
    );
    done(
        "MngRejectKycStep",
        json!({ "id": step_id, "reason": "DOCUMENT_NOT_CLEAR" }),
    );

    let second = done("MngAddKycDocument", offer(file(&server, &mary)))["document"].clone();
    done(
        "MngApproveKycDocument",
        json!({ "id": second["id"], "comment": "clear" }),
    );
    assert_eq!(done("MngGetKycStep", json!({ "id": step_id }))["step"]["status"], 1);
    done("MngApproveKycStep", json!({ "id": step_id }));

    let documents = done("MngGetKycDocuments", who);
    let statuses: Vec<_> = documents["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["status"].clone())
        .collect();
    assert_eq!(statuses, [3, 2]);
    let profile = done("MngGetKycProfile", json!({ "id": kyc_id }));
    assert_eq!(
        (&profile["profile"]["status"], &profile["profile"]["current_level"]),
        (&json!(3), &json!(1))
    );
    let audit = done("MngGetKycAudit", json!({ "kyc_id": kyc_id, "action": "step.approved" }));
    assert_eq!(
        (&audit["count"], &audit["rows"][0]["actor_id"]),
        (&json!(1), &json!("mary"))
    );

    assert_eq!(client.asked, SEED_METHODS.map(str::to_owned).into());
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story, told once from its beginning to its end"
)]
fn every_command_serves_the_whole_job_on_one_connection() {
    let server = Server::start(&[]);
    let brand = "whole-job";
    let (mary, adam, ada) = (server.manager(), server.admin(), server.customer(brand, 1001));
    let mut client = Client::connect(&server);
    // No token's session is the connection's: a manager listens here while a customer asks.
    client.done(&mary, "Subscribe", &json!({ "chanels": [format!("kyc:{brand}")] }));
    let who = |more: Value| {
        let mut data = json!({ "brand": brand, "customer_id": 1001 });
        more.as_object()
            .unwrap()
            .iter()
            .for_each(|(name, value)| data[name] = value.clone());
        data
    };

    // The house is set up.
    client.done(
        &adam,
        "MngSetKycBrand",
        &json!({ "brand": brand, "comment_to_customer": 1 }),
    );
    assert_eq!(
        client.done(&mary, "MngGetKycBrand", &json!({ "brand": brand }))["brand"]["version"],
        1
    );
    let form = json!({ "sections": [{ "fields": [{ "name": "first_name", "type": "text", "required": true }] }] });
    let template = json!({ "brand": brand, "code": "proof_id", "level": 1, "step_type": 2, "form_schema": form });
    let template = client.done(&adam, "MngAddKycStepTemplate", &template)["template"].clone();
    let changed = json!({ "id": template["id"], "requirements": { "documents": ["passport"], "valid_days": 365 } });
    client.done(&adam, "MngUpdateKycStepTemplate", &changed);
    let address = json!({ "brand": brand, "code": "proof_address", "level": 2 });
    let address = client.done(&adam, "MngAddKycStepTemplate", &address)["template"].clone();

    // The customer wants a real account, and is asked who they are.
    let shut = client.ask(&mary, "MngCheckRealAccountGate", &who(json!({})));
    assert_eq!((&shut["status"], &shut["error"]), (&json!(403), &json!("KYC_REQUIRED")));
    let kyc_id = shut["kyc_profile_id"].clone();
    // An empty object, as PHP writes it.
    let asked = client.done(&ada, "CustomerGetKycStatus", &json!([]));
    let step_id = asked["steps"][0]["id"].clone();
    assert_eq!(
        client.done(&ada, "CustomerGetKycStep", &json!({ "id": step_id }))["step"]["status"],
        0
    );
    let blurred = file(&server, &ada);
    let offer = json!({ "kyc_id": kyc_id, "step_id": step_id, "type": "passport", "file_id": blurred });
    let blurred = client.done(&ada, "CustomerAddKycDocument", &offer)["document"]["id"].clone();
    assert_eq!(
        client.done(&ada, "CustomerGetKycDocuments", &Value::Null)["rows"][0]["id"],
        blurred
    );
    let answers = json!({ "id": step_id, "answers": { "first_name": "Zoë O'Hara" } });
    client.done(&ada, "CustomerSubmitKycStep", &answers);

    // The back office refuses it, does it again for the customer, and approves.
    let queue = client.done(
        &mary,
        "MngGetKycProfiles",
        &json!({ "brand": brand, "awaiting_review": 1 }),
    );
    assert_eq!(queue["rows"][0]["pending_steps"], 1);
    let seen = client.done(&mary, "MngGetKycStep", &json!({ "id": step_id }));
    assert_eq!(seen["step"]["answers"]["first_name"], "Zoë O'Hara");
    client.done(
        &mary,
        "MngRejectKycDocument",
        &json!({ "id": blurred, "reason": "DOCUMENT_NOT_CLEAR" }),
    );
    let version = &seen["step"]["version"];
    let verdict = json!({ "id": step_id, "reason": "DOCUMENT_NOT_CLEAR", "expected_version": version });
    client.done(&mary, "MngRejectKycStep", &verdict);
    let offer = who(json!({ "step_id": step_id, "type": "passport", "file_id": file(&server, &mary) }));
    let clear = client.done(&mary, "MngAddKycDocument", &offer)["document"]["id"].clone();
    client.done(&mary, "MngSubmitKycStep", &answers);
    client.done(&mary, "MngApproveKycDocument", &json!({ "id": clear }));
    client.done(
        &mary,
        "MngApproveKycStep",
        &json!({ "id": step_id, "comment": "the same person" }),
    );
    client.done(
        &mary,
        "MngDeleteKycDocument",
        &json!({ "id": blurred, "reason": "unreadable" }),
    );
    let listed = client.done(&mary, "MngGetKycDocuments", &json!({ "kyc_id": kyc_id }));
    let statuses: Vec<_> = listed["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["status"].clone())
        .collect();
    assert_eq!(statuses, [5, 2]);
    assert_eq!(
        client.done(&mary, "MngCheckRealAccountGate", &who(json!({})))["allowed"],
        true
    );

    // Later: more is asked, and not needed after all; a doubt, and its end.
    client.done(
        &mary,
        "MngSetKycRequiredLevel",
        &who(json!({ "level": 2, "reason": "deposit" })),
    );
    let more = client.done(
        &mary,
        "MngRequireKycStep",
        &who(json!({ "step_code": "proof_address" })),
    );
    client.done(
        &mary,
        "MngSkipKycStep",
        &json!({ "id": more["step_id"], "reason": "seen in the shop" }),
    );
    client.done(&adam, "MngDeleteKycStepTemplate", &json!({ "id": address["id"] }));
    assert_eq!(
        client.done(&mary, "MngGetKycStepTemplates", &json!({ "brand": brand }))["count"],
        1
    );
    client.done(
        &mary,
        "MngSetKycRiskLevel",
        &who(json!({ "risk_level": 3, "reason": "large deposits" })),
    );
    client.done(
        &mary,
        "MngReviewKycProfile",
        &json!({ "id": kyc_id, "comment": "explained" }),
    );
    client.done(
        &mary,
        "MngLinkKycCustomer",
        &who(json!({ "external_id": "casino_player_001" })),
    );

    // By customer and brand, which REST has no way to ask.
    let whole = client.done(&mary, "MngGetKycProfile", &who(json!({})));
    let profile = &whole["profile"];
    let summary = ["id", "status", "current_level", "risk_level", "external_id"].map(|name| profile[name].clone());
    assert_eq!(
        summary,
        [kyc_id.clone(), json!(3), json!(2), json!(3), json!("casino_player_001")]
    );
    let history = client.done(&mary, "MngGetKycHistory", &json!({ "id": kyc_id, "limit": 1000 }));
    assert_eq!(history["rows"], whole["customer"]["kyc_history"]);
    let audit = client.done(
        &mary,
        "MngGetKycAudit",
        &json!({ "brand": brand, "customer_id": 1001, "limit": 1000 }),
    );
    let actions: BTreeSet<_> = audit["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["action"].as_str().unwrap())
        .collect();
    for action in [
        "profile.created",
        "document.rejected",
        "step.skipped",
        "profile.reviewed",
        "profile.linked",
    ] {
        assert!(actions.contains(action), "{action} in {actions:?}");
    }

    // All of it was told to the subscriber, which is this connection.
    for (action, kind) in [
        ("profile.created", 0),
        ("step.approved", 1),
        ("document.deleted", 2),
        ("profile.linked", 1),
    ] {
        let event = client.event(action);
        assert_eq!(
            (&event["type"], &event["data"]["kyc_id"]),
            (&json!(kind), &kyc_id),
            "{event}"
        );
    }
    client.done(&mary, "Unsubscribe", &json!({ "chanels": [format!("kyc:{brand}")] }));

    tenants(&mut client, &adam, brand);

    let every = table()
        .iter()
        .map(|command| command.name)
        .chain(["Subscribe", "Unsubscribe"]);
    assert_eq!(client.asked, every.map(str::to_owned).collect());
}

/// A tenant of a brand beside the job's, from its first day to its last.
fn tenants(client: &mut Client, adam: &str, brand: &str) {
    let slug = json!({ "slug": "reference" });
    let tenant = json!({ "slug": "reference", "brand": format!("{brand}-2"), "kyc_model": "crm_owns",
        "base_url": "https://platform.invalid" });
    let added = client.done(adam, "MngAddTenant", &tenant);
    assert!(added["webhook_secret"].is_string(), "the secret is shown once");
    client.done(
        adam,
        "MngUpdateTenant",
        &json!({ "slug": "reference", "create_players": 0 }),
    );
    client.done(adam, "MngRotateTenantSecret", &slug);
    let rows = client.done(adam, "MngGetTenants", &slug)["rows"].clone();
    assert_eq!(rows[0]["secrets"].as_array().map(Vec::len), Some(3));
    assert_eq!(client.done(adam, "MngReconcileTenant", &slug)["checked"], 0);
    let calls = client.done(adam, "MngGetKycDeliveries", &json!({ "brand": format!("{brand}-2") }));
    assert_eq!(calls["count"], 0);
    let replayed = client.ask(adam, "MngReplayKycDelivery", &json!({ "id": 999_999_999 }));
    assert_eq!(replayed["status"], 404);
    client.done(adam, "MngDeleteTenant", &slug);
}

#[test]
fn pipelined_requests_of_many_customers_each_get_their_own_reply() {
    let server = Server::start(&[]);
    let (mary, mut client) = (server.manager(), Client::connect(&server));
    let brand = "pipelined";
    let template = json!({ "brand": brand, "code": "interview", "level": 1, "step_type": 4 });
    client.done(&mary, "MngAddKycStepTemplate", &template);
    let customers = 1..=40;

    let require = |id| json!({ "brand": brand, "customer_id": id, "step_code": "interview" });
    let requests: Vec<_> = customers
        .clone()
        .map(|id| (mary.as_str(), "MngRequireKycStep", require(id)))
        .collect();
    let required = client.pipelined(&requests);
    let steps: BTreeSet<_> = required
        .iter()
        .map(|reply| reply["data"]["step_id"].as_i64().unwrap())
        .collect();
    assert_eq!(steps.len(), 40, "a step for each");

    // Verdicts, refusals and looks side by side.
    let mut requests = Vec::new();
    for reply in &required {
        requests.push((
            mary.as_str(),
            "MngApproveKycStep",
            json!({ "id": reply["data"]["step_id"] }),
        ));
        requests.push((
            mary.as_str(),
            "MngSkipKycStep",
            json!({ "id": 900_001, "reason": "nobody's" }),
        ));
        requests.push(("no token", "MngGetKycStep", json!({ "id": reply["data"]["step_id"] })));
    }
    for (number, reply) in client.pipelined(&requests).iter().enumerate() {
        let (command, status) = (requests[number].1, [200, 404, 401][number % 3]);
        assert_eq!(reply["status"], status, "{command}: {reply}");
    }

    let looks: Vec<_> = required
        .iter()
        .map(|reply| {
            (
                mary.as_str(),
                "MngGetKycProfile",
                json!({ "id": reply["data"]["kyc_id"] }),
            )
        })
        .collect();
    for (id, reply) in customers.zip(client.pipelined(&looks)) {
        let profile = &reply["data"]["profile"];
        assert_eq!((&profile["customer_id"], &profile["status"]), (&json!(id), &json!(3)));
    }
}

#[test]
fn a_refusal_leaves_the_connection_usable() {
    let server = Server::start(&[]);
    let (mary, mut client) = (server.manager(), Client::connect(&server));
    let refused = client.ask(&mary, "MngInventKycStep", &json!({}));
    assert_eq!(
        (&refused["status"], &refused["error"]),
        (&json!(404), &json!("RET_NOT_FOUND"))
    );
    client.tcp.send_raw(b"{ this is no JSON }\r\n");
    let refused = client.reply();
    assert_eq!(
        (&refused["status"], &refused["error"]),
        (&json!(400), &json!("INVALID_DATA"))
    );
    assert_eq!(refused["extID"], Value::Null);
    let rows = client.done(&mary, "MngGetKycProfiles", &json!({ "brand": "nobody-here" }));
    assert_eq!(rows, json!({ "rows": [], "count": 0, "next_cursor": null }));
}
