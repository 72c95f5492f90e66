//! Who may do what: every command with every session, brands beyond the token, and what customers are shown.

use std::fs;

use kyc_core::actor::Access;
use kyc_core::command::{Command, Method};
use kyc_core::table::table;
use kyc_jwt::{Claims, Minter, new_ed25519_key};
use kyc_tests::files::PIXEL_PNG;
use kyc_tests::rest::{Answer, Rest};
use kyc_tests::server::{Server, now, shared as server};
use kyc_tests::tcp::Tcp;
use serde_json::{Value, json};

/// The shared secret under which [`TOKENS`] were signed, elsewhere.
const SECRET: &str = "an invented secret of the tests, 40 bytes";
/// Tokens of all sorts; only the first is good.
#[rustfmt::skip]
const TOKENS: &[(&str, &str)] = &[
    ("a good one", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6MSwiZXhwIjo0MTAyNDQ0ODAwfQ.lPvIN1NvuNXJMuTCoUtvdjspf2B8VDtmITW-QpirtAE"),
    ("no sub", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoxLCJleHAiOjQxMDI0NDQ4MDB9.OvtjYVrCEF8ihEvFjm1VnMh4waSXKlQVqW-12pLYI0A"),
    ("an empty sub", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIiLCJyb2xlIjoxLCJleHAiOjQxMDI0NDQ4MDB9.94igdMeX4lK0q3TjMu9bV15WWYuzCc0JUSXESGE1E6I"),
    ("no role", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5IiwiZXhwIjo0MTAyNDQ0ODAwfQ.Kf-fuYCepb0-dBY67PD8oRawc4_lNvEj1wKNdAie1vE"),
    ("role as text", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6IjEiLCJleHAiOjQxMDI0NDQ4MDB9.wnAkaRzoZ_MqPEIs8wMioIEci55cHZFBGoW6oVvjlfo"),
    ("no exp", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6MX0.9cCd1PJjBDfh26JG9E8sD4svZta5MxYk1VdALnPVyts"),
    ("exp as text", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6MSwiZXhwIjoiNDEwMjQ0NDgwMCJ9.KQf99OhfCCkAgY9alPCg0dMk0aXqVa7ruw4m-d03fb4"),
    ("long expired", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6MSwiZXhwIjoxfQ.FpwnaHo9A1QKWDXelsiZurPVJ6BA8eP544e00iyLJ6E"),
    ("not before 2099", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6MSwibmJmIjo0MTAyNDQ0NzkxLCJleHAiOjQxMDI0NDQ4MDB9.we_UQ3da-vLZwD908wBHpfJKbriEpJ6duScX7_mz8JY"),
    ("role 4, the server's own", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6NCwiZXhwIjo0MTAyNDQ0ODAwfQ.YMOJtRN7n6hFh4OHJE1kamDWhyv27PniNPWplUPqETY"),
    ("role 6", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6NiwiZXhwIjo0MTAyNDQ0ODAwfQ.iQtHT9R0NW5KurFj_ZCHStD6K7CC7X4q7LRJNcBmq_A"),
    ("role 7", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6NywiZXhwIjo0MTAyNDQ0ODAwfQ.V__h9K3JZDp834sMolr-9oDIJw2p4nSIs3AOHSLPlrk"),
    ("role 8", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6OCwiZXhwIjo0MTAyNDQ0ODAwfQ.P8x-Y7YIR7M631td0oC-40ejlpfIuZBq5yzT3w2X5Vc"),
    ("role 12", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6MTIsImV4cCI6NDEwMjQ0NDgwMH0.dgRnW5Eltj_ziCnaaC9R-kcNqaGNbbwZwIYyh2tGtkM"),
    ("role -1", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6LTEsImV4cCI6NDEwMjQ0NDgwMH0.r4xrchndxvEMUs7UDR7t41YOzN44nTgmDlpaDvO9PCc"),
    ("brands as text", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6MSwiYnJhbmRzIjoiYWNtZSIsImV4cCI6NDEwMjQ0NDgwMH0.jBsAaix7ZKPAKg1ARZwHxUVpA-bb7DP3U6afTnqrGl4"),
    ("a customer without an id", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJyb2xlIjo5LCJicmFuZCI6ImFjbWUiLCJleHAiOjQxMDI0NDQ4MDB9.-vJuMPBn-B5mTdOkTVbf1RoH3wtRWHhTR880f9rCX4A"),
    ("a customer without a brand", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJyb2xlIjo5LCJjdXN0b21lcl9pZCI6MSwiZXhwIjo0MTAyNDQ0ODAwfQ.QBrAw0uAgg7fCycbvjQaqqOaI_TPWoIrHYdyq78ZIFc"),
    ("customer 0", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJyb2xlIjo5LCJicmFuZCI6ImFjbWUiLCJjdXN0b21lcl9pZCI6MCwiZXhwIjo0MTAyNDQ0ODAwfQ.5iSrkPNaaV19D8SIak7Yo_tQy4J2fUBUeGFD_ae_7do"),
    ("customer 2^53", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJyb2xlIjo5LCJicmFuZCI6ImFjbWUiLCJjdXN0b21lcl9pZCI6OTAwNzE5OTI1NDc0MDk5MiwiZXhwIjo0MTAyNDQ0ODAwfQ.v8hyH-Cye9yTkUGJPSkvix9WYNOZTWgPkuqy1pzaTvo"),
    ("customer_id as text", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJyb2xlIjo5LCJicmFuZCI6ImFjbWUiLCJjdXN0b21lcl9pZCI6IjEiLCJleHAiOjQxMDI0NDQ4MDB9.6RTNrcgln-Zd8u0EnC7ns-AO1TB5pgdDw6yK078GqyI"),
    ("HS512 in place of HS256", "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6MSwiZXhwIjo0MTAyNDQ0ODAwfQ.nQ9KY0HXU57gJCg3gYyQ2421p3NViaIhSQi6pZBbFoRw9tnWioc0q2yN5wPYt07xtWRA-lYcrvcsm9O_tcpfew"),
    ("alg none", "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6MSwiZXhwIjo0MTAyNDQ0ODAwfQ."),
    ("alg None", "eyJhbGciOiJOb25lIn0.eyJzdWIiOiJtYXJ5Iiwicm9sZSI6MSwiZXhwIjo0MTAyNDQ0ODAwfQ."),
];

/// The sessions that the specification names for a command.
fn allowed(command: &Command) -> &'static [i64] {
    match command.access {
        Access::Manager => &[1, 2, 3, 10, 11],
        Access::Admin => &[3, 11],
        Access::Customer => &[9],
    }
}

/// A token of this session for brand `acme`, customer 1.
fn token_of(server: &Server, role: i64) -> String {
    if role == 9 {
        server.customer("acme", 1)
    } else {
        server.token(&json!({ "role": role }))
    }
}

/// Asks over REST with these data; members that the path holds are put there.
fn over_rest(rest: &Rest, command: &Command, method: Method, data: &Value) -> Answer {
    let mut data = data.as_object().unwrap().clone();
    let mut path = command.path.to_owned();
    for name in ["id", "brand", "slug"] {
        let place = format!("{{{name}}}");
        if path.contains(&place) {
            let value = data.remove(name).unwrap_or(json!(999_999_999));
            path = path.replace(
                &place,
                value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str(),
            );
        }
    }
    if method.name() == "GET" {
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let query: Vec<String> = data
            .iter()
            .map(|(name, value)| format!("{name}={}", plain(value)))
            .collect();
        return rest.get(&format!("{path}?{}", query.join("&")));
    }
    // A refusal before the body is read may end the connection; each request has one of its own.
    let headers = [("content-type", "application/json"), ("connection", "close")];
    rest.send(
        method.name(),
        &path,
        &headers,
        Value::Object(data).to_string().as_bytes(),
    )
}

#[test]
fn the_table_gives_every_command_to_the_sessions_that_the_specification_names() {
    for command in table() {
        let expected = match command.name {
            "MngSetKycBrand"
            | "MngAddTenant"
            | "MngUpdateTenant"
            | "MngDeleteTenant"
            | "MngGetTenants"
            | "MngRotateTenantSecret"
            | "MngReconcileTenant" => [3, 11].as_slice(),
            name if name.starts_with("Customer") => &[9],
            _ => &[1, 2, 3, 10, 11],
        };
        assert_eq!(allowed(command), expected, "{}", command.name);
        assert_eq!(
            command.path.starts_with("/customer/"),
            expected == [9],
            "{}",
            command.path
        );
    }
}

#[test]
fn over_tcp_every_session_may_call_its_commands_and_no_others() {
    let server = server();
    for role in [0, 1, 2, 3, 5, 9, 10, 11] {
        let mut tcp = server.tcp(&token_of(&server, role));
        for command in table() {
            let reply = tcp.call(command.name, &json!({}));
            let what = format!("{} with session {role}: {reply}", command.name);
            if allowed(command).contains(&role) {
                assert_ne!(reply["error"], "PERMISSION_DENIED", "{what}");
            } else {
                assert_eq!(
                    (reply["status"].as_i64(), reply["error"].as_str()),
                    (Some(403), Some("PERMISSION_DENIED")),
                    "{what}"
                );
            }
        }
    }
}

#[test]
fn over_rest_every_session_may_call_its_commands_and_no_others() {
    let server = server();
    for role in [0, 1, 2, 3, 5, 9, 10, 11] {
        let rest = server.rest(&token_of(&server, role));
        for command in table() {
            for method in command.methods {
                let answer = over_rest(&rest, command, *method, &json!({}));
                let what = format!("{} with session {role}", command.name);
                if allowed(command).contains(&role) {
                    assert_ne!(answer.json()["error"], "PERMISSION_DENIED", "{what}");
                } else {
                    assert_eq!(answer.error(403), "PERMISSION_DENIED", "{what}");
                }
            }
        }
    }
}

#[test]
fn without_a_token_every_command_is_401() {
    let server = server();
    let (mut tcp, rest) = (Tcp::connect(server.tcp, None), Rest::new(server.http, None));
    for command in table() {
        let reply = tcp.call(command.name, &json!({}));
        assert_eq!(
            (&reply["status"], &reply["error"]),
            (&json!(401), &json!("PERMISSION_DENIED")),
            "{}",
            command.name
        );
        for method in command.methods {
            assert_eq!(
                over_rest(&rest, command, *method, &json!({})).error(401),
                "PERMISSION_DENIED",
                "{}",
                command.name
            );
        }
    }
}

/// A customer with one of everything.
struct World {
    brand: &'static str,
    template_id: i64,
    kyc_id: i64,
    step_id: i64,
    document_id: i64,
    delivery_id: i64,
    file_id: String,
}

impl World {
    fn make(server: &Server, brand: &'static str) -> Self {
        let manager = server.rest(&server.manager());
        // The platform knows another customer by this one's number: calls about this one are refused at once, and
        // nothing goes on in the background.
        let admin = server.rest(&server.admin());
        let tenant =
            json!({ "slug": brand, "brand": brand, "kyc_model": "crm_owns", "base_url": "https://127.0.0.1:9" });
        admin.post("/manager/tenants", &tenant).ok();
        let link = json!({ "brand": brand, "customer_id": 7, "external_id": "1" });
        manager.post("/manager/kyc/customers/link", &link).ok();
        let template = json!({ "brand": brand, "code": "proof", "level": 1, "step_type": 1 });
        let template_id = manager.post("/manager/kyc/templates", &template).ok()["template"]["id"]
            .as_i64()
            .unwrap();
        let wish = json!({ "brand": brand, "customer_id": 1, "step_code": "proof" });
        let step = manager.post("/manager/kyc/steps/require", &wish).ok();
        let file = manager
            .upload(&[("brand", brand), ("customer_id", "1")], "a.png", PIXEL_PNG)
            .ok();
        let offer = json!({ "brand": brand, "customer_id": 1, "type": "passport", "file_id": file["file_id"],
            "step_id": step["step_id"] });
        let document = manager.post("/manager/kyc/documents", &offer).ok();
        let calls = manager.get(&format!("/manager/kyc/deliveries?brand={brand}")).ok();
        Self {
            brand,
            template_id,
            kyc_id: step["kyc_id"].as_i64().unwrap(),
            step_id: step["step_id"].as_i64().unwrap(),
            document_id: document["document"]["id"].as_i64().unwrap(),
            delivery_id: calls["rows"][0]["id"].as_i64().unwrap(),
            file_id: file["file_id"].as_str().unwrap().to_owned(),
        }
    }

    /// Good data for a command about this customer.
    fn data(&self, command: &str) -> Value {
        let (brand, kyc_id, step_id, document_id) = (self.brand, self.kyc_id, self.step_id, self.document_id);
        match command {
            "MngAddKycStepTemplate" => json!({ "brand": brand, "code": "new", "level": 1 }),
            "MngUpdateKycStepTemplate" => json!({ "id": self.template_id, "name": "Mine now" }),
            "MngDeleteKycStepTemplate" => json!({ "id": self.template_id }),
            "MngGetKycStepTemplates"
            | "MngGetKycProfiles"
            | "MngGetKycAudit"
            | "MngGetKycBrand"
            | "MngGetTenants"
            | "MngGetKycDeliveries" => json!({ "brand": brand }),
            "MngAddTenant" => json!({ "slug": "ac-another", "brand": brand, "kyc_model": "crm_owns" }),
            "MngUpdateTenant" | "MngDeleteTenant" | "MngRotateTenantSecret" | "MngReconcileTenant" => {
                json!({ "slug": brand })
            }
            "MngReplayKycDelivery" => json!({ "id": self.delivery_id }),
            "MngGetKycProfile" | "MngGetKycHistory" => json!({ "id": kyc_id }),
            "MngReviewKycProfile" => json!({ "id": kyc_id, "comment": "seen" }),
            "MngGetKycStep" | "MngApproveKycStep" | "CustomerGetKycStep" => json!({ "id": step_id }),
            "MngRejectKycStep" | "MngSkipKycStep" => json!({ "id": step_id, "reason": "X" }),
            "MngSubmitKycStep" | "CustomerSubmitKycStep" => json!({ "id": step_id, "answers": {} }),
            "MngRequireKycStep" => json!({ "brand": brand, "customer_id": 2, "step_code": "proof" }),
            "MngSetKycRequiredLevel" => json!({ "brand": brand, "customer_id": 2, "level": 1 }),
            "MngAddKycDocument" => {
                json!({ "brand": brand, "customer_id": 1, "type": "id_card", "file_id": self.file_id })
            }
            "MngApproveKycDocument" => json!({ "id": document_id }),
            "MngRejectKycDocument" | "MngDeleteKycDocument" => json!({ "id": document_id, "reason": "X" }),
            "MngSetKycRiskLevel" => json!({ "brand": brand, "customer_id": 1, "risk_level": 1, "reason": "X" }),
            "MngLinkKycCustomer" => json!({ "brand": brand, "customer_id": 1, "external_id": "p-1" }),
            "MngSetKycBrand" => json!({ "brand": brand, "real_account_level": 2 }),
            "MngGetKycDocuments" | "MngCheckRealAccountGate" => json!({ "brand": brand, "customer_id": 1 }),
            "CustomerAddKycDocument" => json!({ "kyc_id": kyc_id, "type": "id_card", "file_id": self.file_id }),
            "CustomerGetKycStatus" | "CustomerGetKycDocuments" => json!({}),
            _ => panic!("`{command}` has no case here"),
        }
    }

    /// Everything about the brand, as a manager of all brands sees it.
    fn picture(&self, server: &Server) -> Vec<Value> {
        let manager = server.rest(&server.manager());
        let brand = self.brand;
        ["templates", "profiles", "documents", "audit"]
            .map(|list| manager.get(&format!("/manager/kyc/{list}?brand={brand}")).ok())
            .to_vec()
    }
}

const LISTS_BY_BRAND: [&str; 6] = [
    "MngGetKycStepTemplates",
    "MngGetKycProfiles",
    "MngGetKycDocuments",
    "MngGetKycAudit",
    "MngGetTenants",
    "MngGetKycDeliveries",
];

#[test]
fn to_a_token_without_the_brand_its_objects_are_404_and_its_lists_empty() {
    let server = server();
    let world = World::make(&server, "ac-hidden");
    let before = world.picture(&server);
    for brands in [json!([]), json!(["ac-other", "ac-hidde", "AC-HIDDEN"])] {
        let token = server.token(&json!({ "role": 3, "brands": brands }));
        let (mut tcp, rest) = (server.tcp(&token), server.rest(&token));
        for command in table().iter().filter(|command| command.access != Access::Customer) {
            let data = world.data(command.name);
            let reply = tcp.call(command.name, &data);
            if LISTS_BY_BRAND.contains(&command.name) {
                assert_eq!(
                    reply["data"],
                    json!({ "rows": [], "count": 0, "next_cursor": null }),
                    "{}",
                    command.name
                );
                for unfiltered in [json!({}), json!({ "limit": 1000 })] {
                    assert_eq!(
                        tcp.call(command.name, &unfiltered)["data"]["count"],
                        0,
                        "{}",
                        command.name
                    );
                }
                continue;
            }
            assert_eq!(
                (&reply["status"], &reply["error"]),
                (&json!(404), &json!("RET_NOT_FOUND")),
                "{}: {reply}",
                command.name
            );
            for method in command.methods {
                assert_eq!(
                    over_rest(&rest, command, *method, &data).error(404),
                    "RET_NOT_FOUND",
                    "{}",
                    command.name
                );
            }
        }
        assert_eq!(
            rest.get(&format!("/files/{}", world.file_id)).error(404),
            "RET_NOT_FOUND"
        );
    }
    assert_eq!(world.picture(&server), before, "nothing has changed");
}

#[test]
fn a_hidden_thing_and_one_that_does_not_exist_look_the_same() {
    let server = server();
    let world = World::make(&server, "ac-same");
    let mut tcp = server.tcp(&server.token(&json!({ "role": 3, "brands": ["ac-other"] })));
    for command in table().iter().filter(|command| command.access != Access::Customer) {
        let hidden = world.data(command.name);
        let mut absent = hidden.clone();
        if absent.get("id").is_none() {
            continue;
        }
        absent["id"] = json!(999_999_999);
        let mut replies = [tcp.call(command.name, &hidden), tcp.call(command.name, &absent)];
        for reply in &mut replies {
            reply["extID"] = Value::Null;
        }
        assert_eq!(replies[0], replies[1], "{}", command.name);
    }
}

#[test]
fn to_a_token_with_the_brand_the_same_requests_are_found() {
    let server = server();
    let world = World::make(&server, "ac-shown");
    let mut tcp = server.tcp(&server.token(&json!({ "role": 11, "brands": ["ac-x", "ac-shown"] })));
    for command in table().iter().filter(|command| command.access != Access::Customer) {
        let reply = tcp.call(command.name, &world.data(command.name));
        let status = reply["status"].as_i64().unwrap();
        assert!(
            status == 200 || status == 409 || reply["error"] == "KYC_REQUIRED",
            "{}: {reply}",
            command.name
        );
    }
}

#[test]
fn lists_show_the_brands_of_the_token_alone() {
    let server = server();
    World::make(&server, "ac-list-1");
    World::make(&server, "ac-list-2");
    let rest = server.rest(&server.token(&json!({ "role": 1, "brands": ["ac-list-1"] })));
    for list in ["templates", "profiles", "documents", "audit"] {
        let rows = rest.get(&format!("/manager/kyc/{list}?limit=1000")).ok()["rows"].clone();
        let rows = rows.as_array().unwrap();
        assert!(!rows.is_empty(), "{list}");
        assert!(rows.iter().all(|row| row["brand"] == "ac-list-1"), "{list}");
    }
}

#[test]
fn a_customer_reaches_nothing_of_another() {
    let server = server();
    let world = World::make(&server, "ac-own");
    let before = world.picture(&server);
    for (brand, customer_id) in [("ac-own", 2), ("ac-other", 1)] {
        let token = server.customer(brand, customer_id);
        let (mut tcp, rest) = (server.tcp(&token), server.rest(&token));
        for command in table().iter().filter(|command| command.access == Access::Customer) {
            let reply = tcp.call(command.name, &world.data(command.name));
            match command.name {
                "CustomerGetKycStatus" => {
                    assert_eq!(reply["data"], json!({ "profile": null, "steps": [], "documents": [] }));
                }
                "CustomerGetKycDocuments" => {
                    assert_eq!(reply["data"]["rows"], json!([]));
                    let of_step = tcp.call(command.name, &json!({ "step_id": world.step_id }));
                    assert_eq!(of_step["data"]["rows"], json!([]));
                }
                _ => {
                    assert_eq!(
                        (&reply["status"], &reply["error"]),
                        (&json!(403), &json!("PERMISSION_DENIED")),
                        "{reply}"
                    );
                }
            }
        }
        assert_eq!(
            rest.get(&format!("/files/{}", world.file_id)).error(403),
            "PERMISSION_DENIED"
        );
        assert_eq!(rest.get("/customer/kyc/steps/999999999").error(404), "RET_NOT_FOUND");
    }
    assert_eq!(world.picture(&server), before, "nothing has changed");
}

#[test]
fn anothers_step_is_403_whatever_its_state() {
    let server = server();
    let world = World::make(&server, "ac-state");
    let manager = server.rest(&server.manager());
    let other = server.rest(&server.customer("ac-state", 2));
    let submit = format!("/customer/kyc/steps/{}/submit", world.step_id);
    let refused = || {
        assert_eq!(
            other.post(&submit, &json!({ "answers": { "x": 1 } })).error(403),
            "PERMISSION_DENIED"
        );
    };
    refused();
    manager
        .post(&format!("/manager/kyc/steps/{}/submit", world.step_id), &json!({}))
        .ok();
    refused();
    manager
        .post(&format!("/manager/kyc/steps/{}/approve", world.step_id), &json!({}))
        .ok();
    refused();
    assert_eq!(
        other.get(&format!("/customer/kyc/steps/{}", world.step_id)).error(403),
        "PERMISSION_DENIED"
    );
}

/// Every member name anywhere in a value.
fn member_names(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                names.push(name.clone());
                member_names(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| member_names(item, names)),
        _ => {}
    }
}

#[test]
fn no_customer_reply_carries_what_is_for_colleagues() {
    let server = server();
    let world = World::make(&server, "ac-tipping");
    let manager = server.rest(&server.manager());
    let (step, document) = (world.step_id, world.document_id);
    let customer = server.rest(&server.customer("ac-tipping", 1));
    let risk = json!({ "brand": "ac-tipping", "customer_id": 1, "risk_level": 3, "reason": "SECRET_RISK" });
    manager.post("/manager/kyc/risk-level", &risk).ok();
    let submitted = customer
        .post(&format!("/customer/kyc/steps/{step}/submit"), &json!({ "answers": {} }))
        .ok();
    let secret = json!({ "comment": "SECRET_COMMENT", "customer_message": "please wait" });
    manager
        .post(
            &format!("/manager/kyc/documents/{document}/approve"),
            &json!({ "comment": "SECRET_COMMENT" }),
        )
        .ok();
    manager
        .post(&format!("/manager/kyc/steps/{step}/approve"), &secret)
        .ok();
    let own = customer.upload(&[], "b.png", PIXEL_PNG).ok();
    let offer = json!({ "kyc_id": world.kyc_id, "type": "id_card", "file_id": own["file_id"] });
    let replies = [
        submitted,
        customer.post("/customer/kyc/documents", &offer).ok(),
        customer.get("/customer/kyc").ok(),
        customer.get(&format!("/customer/kyc/steps/{step}")).ok(),
        customer.get("/customer/kyc/documents").ok(),
    ];
    for reply in replies {
        let mut names = Vec::new();
        member_names(&reply, &mut names);
        for name in &names {
            let is_secret =
                name == "comment" || name == "reviewed_by" || name == "risk_level" || name.starts_with("review_");
            assert!(!is_secret, "`{name}` in {reply}");
        }
        let text = reply.to_string();
        for secret in ["SECRET_COMMENT", "SECRET_RISK", "\"mary\""] {
            assert!(!text.contains(secret), "`{secret}` in {text}");
        }
    }
    assert_eq!(
        customer.get("/customer/kyc").ok()["steps"][0]["customer_message"],
        "please wait"
    );
}

#[test]
fn skipped_steps_and_deleted_documents_are_not_shown_to_the_customer() {
    let server = server();
    let world = World::make(&server, "ac-gone");
    let manager = server.rest(&server.manager());
    let reason = json!({ "reason": "SECRET_REASON" });
    manager
        .post(&format!("/manager/kyc/steps/{}/skip", world.step_id), &reason)
        .ok();
    manager
        .call(
            "DELETE",
            &format!("/manager/kyc/documents/{}", world.document_id),
            &reason,
        )
        .ok();
    let shown = server.rest(&server.customer("ac-gone", 1)).get("/customer/kyc").ok();
    assert_eq!(shown["steps"], json!([]));
    assert!(!shown.to_string().contains("SECRET_REASON"), "{shown}");
}

#[test]
fn of_tokens_under_a_shared_secret_only_the_good_one_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let secret = secret.to_str().unwrap();
    let server = Server::start(&["--token-algorithm", "HS256", "--token-secret-file", secret]);
    let ((_, good), bad) = TOKENS.split_first().unwrap();
    assert_eq!(server.rest(good).get("/manager/kyc/profiles").status, 200);
    for (what, token) in bad {
        for path in ["/manager/kyc/profiles", "/customer/kyc"] {
            assert_eq!(server.rest(token).get(path).error(401), "PERMISSION_DENIED", "{what}");
        }
        let reply = server.tcp(token).call("MngGetKycProfiles", &json!({}));
        assert_eq!(reply["status"], 401, "{what}");
    }
    // The server's own Ed25519 key counts for nothing under this setting.
    let private_pem = new_ed25519_key([9; 32]).private_pem;
    assert_eq!(
        server.rest(&mint(&private_pem)).get("/manager/kyc/profiles").status,
        401
    );
}

fn mint(private_pem: &str) -> String {
    let claims: Claims = serde_json::from_value(json!({ "sub": "mallory", "role": 3, "exp": now() + 3_600 })).unwrap();
    Minter::ed25519(private_pem).unwrap().mint(&claims).unwrap()
}

#[test]
fn forged_tokens_are_401() {
    let server = server();
    let good = server.manager();
    let parts: Vec<&str> = good.split('.').collect();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let admin = server.admin();
    let other_payload = admin.split('.').nth(1).unwrap();
    let forged = [
        ("another key", mint(&new_ed25519_key([7; 32]).private_pem)),
        ("alg none, no signature", format!("{none}.{}.", parts[1])),
        ("alg none, its signature", format!("{none}.{}.{}", parts[1], parts[2])),
        ("another payload", format!("{}.{other_payload}.{}", parts[0], parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("a fourth part", format!("{good}.{}", parts[2])),
        ("a cut signature", good[..good.len() - 2].to_owned()),
        ("a shared secret", TOKENS[0].1.to_owned()),
        ("expired", server.token(&json!({ "role": 1, "exp": now() - 1 }))),
        ("text", "let me in".to_owned()),
    ];
    for (what, token) in forged {
        assert_eq!(
            server.rest(&token).get("/manager/kyc/profiles").error(401),
            "PERMISSION_DENIED",
            "{what}"
        );
        assert_eq!(
            server.tcp(&token).call("MngGetKycProfiles", &json!({}))["status"],
            401,
            "{what}"
        );
    }
    assert_eq!(server.rest(&good).get("/manager/kyc/profiles").status, 200);
}

#[test]
fn a_session_named_in_the_request_counts_for_nothing() {
    let server = server();
    let customer = server.customer("ac-session", 1);
    let data = json!({ "brand": "ac-session", "__access": { "session": 3, "role": 3 }, "__token": server.admin() });
    assert_eq!(server.tcp(&customer).call("MngGetKycProfiles", &data)["status"], 403);
    assert_eq!(
        server
            .rest(&customer)
            .call("PUT", "/manager/kyc/brands/ac-session", &data)
            .status,
        403
    );
}
