//! The TCP protocol as known clients depend on it, and as hostile peers try it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kyc_tests::files::PIXEL_PNG;
use kyc_tests::rest::Rest;
use kyc_tests::server::{Server, now, shared as server};
use kyc_tests::tcp::Tcp;
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};
use serde_json::{Value, json};

/// A request for a command that does not exist: the cheapest answer, and it needs no token.
fn nonsense(ext_id: &str) -> String {
    format!("{{\"command\":\"Nonsense\",\"extID\":{ext_id}}}\r\n")
}

/// The reply to one frame on a connection of its own.
fn reply_to(server: &Server, frame: &[u8]) -> Value {
    let mut tcp = Tcp::connect(server.tcp, None);
    tcp.send_raw(frame);
    tcp.send_raw(b"\r\n");
    checked(tcp.read())
}

/// A reply in the fixed form: `extID` and `status`, and never `event`.
fn checked(reply: Value) -> Value {
    assert!(reply.get("event").is_none(), "no `event` in a reply: {reply}");
    assert!(reply.get("extID").is_some(), "always an `extID`: {reply}");
    let status = reply["status"].as_i64().expect("a status");
    assert_eq!(reply.get("data").is_some(), status == 200, "{reply}");
    assert_eq!(reply.get("error").is_some(), status != 200, "{reply}");
    assert_eq!(reply.get("message").is_some(), status != 200, "{reply}");
    reply
}

fn refused(reply: &Value) -> (i64, &str) {
    (reply["status"].as_i64().unwrap(), reply["error"].as_str().unwrap())
}

fn template(brand: &str, code: &str) -> Value {
    json!({ "brand": brand, "code": code, "level": 1, "step_type": 1, "form_schema": {
        "sections": [{ "fields": [{ "name": "motto", "type": "text", "required": true }] }],
    } })
}

/// Makes a customer with one step; gives (`kyc_id`, `step_id`).
fn require(rest: &Rest, brand: &str, customer_id: i64) -> (i64, i64) {
    let made = rest.post("/manager/kyc/templates", &template(brand, "motto"));
    assert!(matches!(made.status, 200 | 409), "{}", made.json());
    let wish = json!({ "brand": brand, "customer_id": customer_id, "step_code": "motto" });
    let reply = rest.post("/manager/kyc/steps/require", &wish).ok();
    (reply["kyc_id"].as_i64().unwrap(), reply["step_id"].as_i64().unwrap())
}

/// The next frame, which must be an event.
fn event(tcp: &mut Tcp) -> Value {
    let frame = tcp.read();
    assert_eq!(frame["event"], "kyc:event", "{frame}");
    frame
}

/// The events up to and with the first of this action.
fn events_until(tcp: &mut Tcp, action: &str) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let next = event(tcp);
        let is_last = next["data"]["action"] == action;
        events.push(next);
        if is_last {
            return events;
        }
    }
}

#[test]
fn a_success_has_ext_id_status_and_data_and_ends_in_cr_lf() {
    let server = server();
    let mut tcp = server.tcp(&server.manager());
    tcp.send("MngGetKycStepTemplates", &json!({ "brand": "tcp-form" }));
    let frame = tcp.read_raw().unwrap();
    assert_eq!(
        frame,
        "{\"extID\":1,\"status\":200,\"data\":{\"rows\":[],\"count\":0,\"next_cursor\":null}}\r\n"
    );
}

#[test]
fn the_data_of_a_reply_equals_the_rest_body() {
    let server = server();
    let (mut tcp, rest) = (server.tcp(&server.manager()), server.rest(&server.manager()));
    let (kyc_id, step_id) = require(&rest, "tcp-same", 7);
    for (command, data, path) in [
        (
            "MngGetKycProfile",
            json!({ "id": kyc_id }),
            format!("/manager/kyc/profiles/{kyc_id}"),
        ),
        (
            "MngGetKycStep",
            json!({ "id": step_id }),
            format!("/manager/kyc/steps/{step_id}"),
        ),
        (
            "MngGetKycProfiles",
            json!({ "brand": "tcp-same" }),
            "/manager/kyc/profiles?brand=tcp-same".to_owned(),
        ),
        (
            "MngGetKycAudit",
            json!({ "brand": "tcp-same" }),
            "/manager/kyc/audit?brand=tcp-same".to_owned(),
        ),
    ] {
        assert_eq!(tcp.call(command, &data)["data"], rest.get(&path).ok(), "{command}");
    }
}

#[test]
fn the_error_of_a_reply_equals_the_rest_body() {
    let server = server();
    let (mut tcp, rest) = (server.tcp(&server.manager()), server.rest(&server.manager()));
    for (command, data, method, path) in [
        (
            "MngApproveKycStep",
            json!({ "id": 999_999_999 }),
            "POST",
            "/manager/kyc/steps/999999999/approve",
        ),
        (
            "MngAddKycStepTemplate",
            json!({ "code": "!", "level": 11 }),
            "POST",
            "/manager/kyc/templates",
        ),
    ] {
        let mut reply = checked(tcp.call(command, &data));
        let over_rest = rest.call(method, path, &data);
        let members = reply.as_object_mut().unwrap();
        members.remove("extID");
        assert_eq!(members.remove("status").unwrap(), over_rest.status);
        assert_eq!(reply, over_rest.json(), "{command}");
    }
}

#[test]
fn ext_id_comes_back_with_the_same_value_and_type() {
    let server = server();
    for ext_id in [
        "1",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "1.0",
        "1.5",
        "-0.25",
        "\"\"",
        "\"1\"",
        "\"a-1\"",
        "true",
        "false",
        "[]",
        "[1,\"2\",null]",
        "{}",
        "{\"a\":{\"b\":1}}",
        "null",
    ] {
        let reply = reply_to(&server, nonsense(ext_id).trim_end().as_bytes());
        assert_eq!(reply["extID"].to_string(), ext_id);
        assert_eq!(refused(&reply), (404, "RET_NOT_FOUND"));
    }
}

#[test]
fn ext_id_of_a_success_comes_back_too() {
    let server = server();
    let mut tcp = Tcp::connect(server.tcp, None);
    let token = server.manager();
    for ext_id in [json!("x'1"), json!(1.5), json!({ "n": [1] }), Value::Null] {
        let request = json!({ "command": "MngGetKycStepTemplates", "extID": ext_id, "__token": token });
        tcp.send_raw(format!("{request}\r\n").as_bytes());
        let reply = checked(tcp.read());
        assert_eq!((&reply["extID"], &reply["status"]), (&ext_id, &json!(200)));
    }
}

#[test]
fn an_absent_ext_id_comes_back_as_null() {
    let reply = reply_to(&server(), br#"{"command":"Nonsense"}"#);
    assert_eq!(reply["extID"], Value::Null);
    assert_eq!(reply["status"], 404);
}

#[test]
fn ext_id_of_128_bytes_is_taken_and_one_of_129_is_not() {
    let server = server();
    // With its quotes 128 bytes of JSON.
    let longest = json!("x".repeat(126));
    let reply = reply_to(&server, nonsense(&longest.to_string()).trim_end().as_bytes());
    assert_eq!((&reply["extID"], &reply["status"]), (&longest, &json!(404)));
    let longer = json!("x".repeat(127)).to_string();
    let reply = reply_to(&server, nonsense(&longer).trim_end().as_bytes());
    assert_eq!(reply["extID"], Value::Null);
    assert_eq!(refused(&reply), (400, "INVALID_DATA"));
    assert_eq!(reply["details"][0]["field"], "extID");
}

#[test]
fn replies_are_ascii_with_surrogate_pairs_and_escaped_apostrophes() {
    let server = server();
    let mut tcp = server.tcp(&server.manager());
    let mut made = template("tcp-ascii", "motto");
    made["name"] = json!("Zoë d'Arc 😀 \u{7f}\u{2028}");
    tcp.send("MngAddKycStepTemplate", &made);
    let frame = tcp.read_raw().unwrap();
    assert!(frame.is_ascii(), "{frame}");
    assert!(!frame.contains('\''), "{frame}");
    assert!(frame.contains(r"Zo\u00eb d\u0027Arc \ud83d\ude00 "), "{frame}");
    let reply: Value = serde_json::from_str(&frame).unwrap();
    assert_eq!(reply["data"]["template"]["name"], made["name"]);
}

#[test]
fn an_ext_id_is_written_in_ascii_too() {
    let server = server();
    let mut tcp = Tcp::connect(server.tcp, None);
    tcp.send_raw(nonsense("\"é'😀\"").as_bytes());
    let frame = tcp.read_raw().unwrap();
    assert!(frame.contains(r#""extID":"\u00e9\u0027\ud83d\ude00""#), "{frame}");
}

#[test]
fn data_that_is_absent_null_or_an_empty_list_is_an_empty_object() {
    let server = server();
    let token = server.token(&json!({ "role": 1, "brands": ["tcp-nodata"] }));
    for data in ["", ",\"data\":null", ",\"data\":[]", ",\"data\":{}"] {
        let frame = format!("{{\"command\":\"MngGetKycProfiles\",\"__token\":\"{token}\"{data}}}");
        let reply = reply_to(&server, frame.as_bytes());
        assert_eq!(
            reply["data"],
            json!({ "rows": [], "count": 0, "next_cursor": null }),
            "{data}"
        );
    }
}

#[test]
fn an_unknown_command_is_404_with_its_ext_id() {
    let server = server();
    let mut tcp = server.tcp(&server.manager());
    for command in [
        "MngDropEverything",
        "mnggetkycprofile",
        "MngGetKycProfile ",
        "",
        "kyc:event",
    ] {
        let reply = checked(tcp.call(command, &json!({})));
        assert_eq!(refused(&reply), (404, "RET_NOT_FOUND"), "{command}");
    }
}

#[test]
fn frames_that_cannot_be_read_are_400_with_ext_id_null() {
    let server = server();
    let frames: &[&[u8]] = &[
        b"{",
        b"}",
        b"hello",
        b"GET / HTTP/1.1",
        b"\0\0\0\0",
        b"{\"extID\":1,\"command\":\"X\"} trailing",
        b"{\"extID\":1,\"command\":\"X\",}",
        b"{'extID':1}",
        b"{\"extID\":1,\"extID\":2,\"command\":\"X\"}",
        b"{\"extID\":1,\"command\":\"X\",\"data\":{\"a\":1,\"a\":2}}",
        b"{\"extID\":9223372036854775808,\"command\":\"X\"}",
        b"{\"extID\":1,\"command\":\"X\",\"data\":{\"n\":-9223372036854775809}}",
        b"{\"extID\":1,\"command\":\"X\",\"data\":{\"n\":1e999}}",
        b"{\"extID\":\"\xff\",\"command\":\"X\"}",
        b"{\"extID\":\"\\ud800\",\"command\":\"X\"}",
        b"{\"extID\":1,\"command\":\"a\nb\"}",
        b"[]",
        b"null",
        b"1",
        b"\"text\"",
        b"[{\"command\":\"X\",\"extID\":1}]",
    ];
    for frame in frames {
        let reply = reply_to(&server, frame);
        let shown = String::from_utf8_lossy(frame);
        assert_eq!(reply["extID"], Value::Null, "{shown}");
        assert_eq!(refused(&reply), (400, "INVALID_DATA"), "{shown}");
        assert!(reply["details"][0]["code"].is_string(), "{shown}");
    }
}

#[test]
fn a_connection_survives_its_malformed_frames() {
    let server = server();
    let mut tcp = server.tcp(&server.manager());
    tcp.send_raw(b"{\r\n");
    assert_eq!(tcp.read()["status"], 400);
    assert_eq!(tcp.call("MngGetKycStepTemplates", &json!({}))["status"], 200);
}

#[test]
fn members_of_the_wrong_type_are_400_with_their_ext_id() {
    let server = server();
    for (members, field) in [
        (r#""command":1"#, "command"),
        (r#""command":{}"#, "command"),
        (r#""data":{}"#, "command"),
        (r#""command":null"#, "command"),
        (r#""command":"MngGetKycProfiles","data":"x""#, "data"),
        (r#""command":"MngGetKycProfiles","data":1"#, "data"),
        (r#""command":"MngGetKycProfiles","data":[1]"#, "data"),
        (r#""command":"MngGetKycProfiles","data":[{}]"#, "data"),
        (r#""command":"MngGetKycProfiles","__token":1"#, "__token"),
        (r#""command":"MngGetKycProfiles","__token":[]"#, "__token"),
        (r#""command":"MngGetKycProfiles","idempotencyKey":1"#, "idempotencyKey"),
    ] {
        let reply = reply_to(&server, format!("{{\"extID\":\"e\",{members}}}").as_bytes());
        assert_eq!(reply["extID"], "e", "{members}");
        assert_eq!(refused(&reply), (400, "INVALID_DATA"), "{members}");
        assert_eq!(reply["details"][0]["field"], field, "{members}");
    }
}

#[test]
fn frames_may_nest_64_levels_and_no_more() {
    let server = server();
    let nested = |levels: usize| {
        // The frame's own object is the first level.
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        format!("{{\"command\":\"Nonsense\",\"extID\":1,\"deep\":{open}{close}}}")
    };
    assert_eq!(reply_to(&server, nested(64).as_bytes())["status"], 404);
    let reply = reply_to(&server, nested(65).as_bytes());
    assert_eq!((reply["status"].as_i64(), &reply["extID"]), (Some(400), &Value::Null));
    assert_eq!(reply["details"][0]["code"], "too_deep");
    assert_eq!(reply_to(&server, nested(200_000).as_bytes())["status"], 400);
}

#[test]
fn several_frames_in_one_packet_are_all_answered() {
    let server = server();
    let mut tcp = Tcp::connect(server.tcp, None);
    let packet: String = (0..10).map(|at| nonsense(&at.to_string())).collect();
    tcp.send_raw(packet.as_bytes());
    let mut seen: Vec<i64> = (0..10)
        .map(|_| checked(tcp.read())["extID"].as_i64().unwrap())
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
}

#[test]
fn a_frame_that_comes_byte_by_byte_is_answered() {
    let server = server();
    let mut tcp = Tcp::connect(server.tcp, None);
    for byte in nonsense("\"slow\"").bytes() {
        tcp.send_raw(&[byte]);
    }
    assert_eq!(checked(tcp.read())["extID"], "slow");
}

#[test]
fn a_frame_cut_at_any_byte_is_answered() {
    let server = server();
    let mut tcp = Tcp::connect(server.tcp, None);
    let frame = nonsense("\"cut\"");
    for at in 0..=frame.len() {
        let (start, rest) = frame.as_bytes().split_at(at);
        tcp.send_raw(start);
        tcp.send_raw(rest);
        assert_eq!(checked(tcp.read())["extID"], "cut", "cut at {at}");
    }
}

#[test]
fn a_lone_line_feed_or_carriage_return_does_not_end_a_frame() {
    let server = server();
    let mut tcp = Tcp::connect(server.tcp, None);
    tcp.send_raw(b"{\"command\":\"Nonsense\",\n\"extID\":\r1}\r\r\n");
    assert_eq!(checked(tcp.read())["extID"], 1);
}

#[test]
fn an_empty_line_between_frames_draws_no_answer() {
    let server = server();
    let mut tcp = Tcp::connect(server.tcp, None);
    tcp.send_raw(b"\r\n\r\n");
    tcp.send_raw(nonsense("5").as_bytes());
    assert_eq!(checked(tcp.read())["extID"], 5);
}

#[test]
fn more_frames_than_may_be_in_flight_are_all_answered_once() {
    let server = server();
    let mut tcp = server.tcp(&server.manager());
    let mut sent: Vec<i64> = (0..600)
        .map(|_| tcp.send("MngGetKycProfile", &json!({ "id": 999_999_999 })))
        .collect();
    let mut answered: Vec<i64> = sent.iter().map(|_| tcp.read()["extID"].as_i64().unwrap()).collect();
    sent.sort_unstable();
    answered.sort_unstable();
    assert_eq!(answered, sent);
    assert_eq!(tcp.call("MngGetKycStepTemplates", &json!({}))["status"], 200);
}

/// A frame of exactly so many bytes, its end not counted.
fn frame_of(bytes: usize) -> Vec<u8> {
    let bare = r#"{"command":"Nonsense","extID":1,"x":""}"#.len();
    format!(
        "{{\"command\":\"Nonsense\",\"extID\":1,\"x\":\"{}\"}}",
        "x".repeat(bytes - bare)
    )
    .into_bytes()
}

#[test]
fn a_frame_at_the_limit_is_served_and_one_past_it_is_413_and_the_end() {
    let server = Server::start(&["--frame-bytes-max", "4096"]);
    for (limit, server) in [(4_096, &server), (1_048_576, &*self::server())] {
        let mut tcp = Tcp::connect(server.tcp, None);
        tcp.send_raw(&[frame_of(limit), b"\r\n".to_vec()].concat());
        assert_eq!(checked(tcp.read())["status"], 404, "{limit}");
        tcp.send_raw(&[frame_of(limit + 1), b"\r\n".to_vec()].concat());
        let reply = checked(tcp.read());
        assert_eq!(refused(&reply), (413, "FRAME_TOO_LARGE"), "{limit}");
        assert_eq!(reply["extID"], Value::Null);
        assert_eq!(tcp.read_raw(), None, "closed after {limit}");
    }
}

#[test]
fn a_frame_at_the_limit_may_be_cut_inside_its_end() {
    let server = Server::start(&["--frame-bytes-max", "4096"]);
    let (mut tcp, mut other) = (Tcp::connect(server.tcp, None), Tcp::connect(server.tcp, None));
    for _ in 0..20 {
        tcp.send_raw(&[frame_of(4_096), b"\r".to_vec()].concat());
        // By the time the other connection has its answer, the carriage return has most likely been read alone.
        other.send_raw(nonsense("1").as_bytes());
        assert_eq!(other.read()["status"], 404);
        tcp.send_raw(b"\n");
        assert_eq!(checked(tcp.read())["status"], 404);
    }
}

#[test]
fn an_endless_frame_is_413_without_its_end() {
    let server = Server::start(&["--frame-bytes-max", "4096"]);
    let mut tcp = Tcp::connect(server.tcp, None);
    tcp.send_raw(&vec![b'x'; 100_000]);
    assert_eq!(refused(&checked(tcp.read())), (413, "FRAME_TOO_LARGE"));
    assert_eq!(tcp.read_raw(), None);
}

#[test]
fn frames_before_one_that_is_too_large_are_answered() {
    let server = Server::start(&["--frame-bytes-max", "4096"]);
    let mut tcp = Tcp::connect(server.tcp, None);
    tcp.send_raw(&[nonsense("\"before\"").into_bytes(), vec![b'x'; 5_000], b"\r\n".to_vec()].concat());
    let mut statuses = [
        tcp.read()["status"].as_i64().unwrap(),
        tcp.read()["status"].as_i64().unwrap(),
    ];
    statuses.sort_unstable();
    assert_eq!(statuses, [404, 413]);
    assert_eq!(tcp.read_raw(), None);
}

#[test]
fn a_half_sent_frame_changes_nothing() {
    let server = server();
    let token = server.manager();
    let request =
        json!({ "command": "MngAddKycStepTemplate", "data": template("tcp-half", "motto"), "__token": token });
    let mut stream = TcpStream::connect(server.tcp).unwrap();
    stream.write_all(format!("{request}\r").as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"", "no answer to half a frame");
    let list = server.rest(&token).get("/manager/kyc/templates?brand=tcp-half").ok();
    assert_eq!(list["count"], 0);
}

#[test]
fn requests_before_the_peer_stops_sending_are_still_answered() {
    let server = server();
    let mut stream = TcpStream::connect(server.tcp).unwrap();
    stream.write_all(nonsense("1").as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("}\r\n"), "{answer}");
    let reply = checked(serde_json::from_str(&answer).unwrap());
    assert_eq!((&reply["extID"], &reply["status"]), (&json!(1), &json!(404)));
}

#[test]
fn missing_bad_and_expired_tokens_are_401() {
    let server = server();
    let expired = server.token(&json!({ "role": 1, "exp": now() - 1 }));
    for command in ["MngGetKycProfiles", "CustomerGetKycStatus", "Subscribe", "Unsubscribe"] {
        for token in [
            Value::Null,
            json!(""),
            json!("x"),
            json!("a.b.c"),
            json!(expired),
            json!("Bearer x"),
        ] {
            let request = json!({ "command": command, "extID": 3, "__token": token });
            let reply = reply_to(&server, request.to_string().as_bytes());
            assert_eq!(refused(&reply), (401, "PERMISSION_DENIED"), "{command} {token}");
            assert_eq!(reply["extID"], 3);
        }
    }
}

#[test]
fn the_token_counts_for_its_request_only() {
    let server = server();
    let mut tcp = Tcp::connect(server.tcp, None);
    let with = json!({ "command": "MngGetKycProfiles", "__token": server.manager() });
    tcp.send_raw(format!("{with}\r\n").as_bytes());
    assert_eq!(tcp.read()["status"], 200);
    assert_eq!(tcp.call("MngGetKycProfiles", &json!({}))["status"], 401);
}

#[test]
fn a_token_inside_data_is_ignored() {
    let server = server();
    let mut tcp = server.tcp(&server.manager());
    let data = json!({ "brand": "tcp-access", "__access": { "x": 1 }, "__token": "zzz" });
    assert_eq!(tcp.call("MngGetKycProfiles", &data)["status"], 200);
    let mut tcp = Tcp::connect(server.tcp, None);
    let data = json!({ "__token": server.manager() });
    assert_eq!(tcp.call("MngGetKycProfiles", &data)["status"], 401);
}

fn keyed(server: &Server, key: &str, data: &Value) -> Value {
    let token = server.manager();
    let request = json!({ "command": "MngAddKycStepTemplate", "data": data, "__token": token, "idempotencyKey": key });
    reply_to(server, request.to_string().as_bytes())
}

#[test]
fn the_same_idempotency_key_gives_the_same_reply_and_does_nothing_twice() {
    let server = server();
    let first = keyed(&server, "tcp-key-1", &template("tcp-idem", "one"));
    assert_eq!(first["status"], 200);
    assert_eq!(keyed(&server, "tcp-key-1", &template("tcp-idem", "one")), first);
    let other = keyed(&server, "tcp-key-1", &template("tcp-idem", "two"));
    assert_eq!(refused(&other), (409, "RET_DUPLICATE_RECORD"));
    let rest = server.rest(&server.manager());
    assert_eq!(rest.get("/manager/kyc/templates?brand=tcp-idem").ok()["count"], 1);
    assert_eq!(rest.get("/manager/kyc/audit?brand=tcp-idem").ok()["count"], 1);
}

#[test]
fn an_idempotency_key_has_128_characters_at_most() {
    let server = server();
    let longest = "ß".repeat(128);
    assert_eq!(
        keyed(&server, &longest, &template("tcp-idem-max", "one"))["status"],
        200
    );
    let longer = "ß".repeat(129);
    let refusal = keyed(&server, &longer, &template("tcp-idem-max", "two"));
    assert_eq!(refused(&refusal), (400, "INVALID_DATA"));
    let rest = server.rest(&server.manager());
    assert_eq!(rest.get("/manager/kyc/templates?brand=tcp-idem-max").ok()["count"], 1);
}

#[test]
fn subscribers_hear_of_each_change_with_its_kind_and_no_personal_data() {
    let server = server();
    let (brand, rest) = ("tcp-events", server.rest(&server.manager()));
    let mut subscriber = server.tcp(&server.manager());
    let accepted = subscriber.call("Subscribe", &json!({ "chanels": [format!("kyc:{brand}")] }));
    assert_eq!(accepted["data"], json!({ "accepted": true }));

    let (kyc_id, step_id) = require(&rest, brand, 7);
    let file = rest
        .upload(&[("brand", brand), ("customer_id", "7")], "face-of-ada.png", PIXEL_PNG)
        .ok();
    let offer = json!({ "brand": brand, "customer_id": 7, "type": "passport", "file_id": file["file_id"] });
    let document_id = rest.post("/manager/kyc/documents", &offer).ok()["document"]["id"].clone();
    let submit = format!("/manager/kyc/steps/{step_id}/submit");
    rest.post(&submit, &json!({ "answers": { "motto": "xyzzy-secret" } }))
        .ok();
    let approve = format!("/manager/kyc/steps/{step_id}/approve");
    rest.post(&approve, &json!({ "comment": "plugh-comment" })).ok();
    rest.call(
        "DELETE",
        &format!("/manager/kyc/documents/{document_id}"),
        &json!({ "reason": "WRONG_FILE" }),
    )
    .ok();

    let events = events_until(&mut subscriber, "document.deleted");
    let all = json!(events).to_string();
    for secret in [
        "xyzzy-secret",
        "plugh-comment",
        "face-of-ada",
        file["file_id"].as_str().unwrap(),
        "answers",
    ] {
        assert!(!all.contains(secret), "`{secret}` in {all}");
    }
    let kind_of = |action: &str| {
        let found: Vec<&Value> = events
            .iter()
            .filter(|event| event["data"]["action"] == action)
            .collect();
        assert_eq!(found.len(), 1, "{action}: {all}");
        found[0].clone()
    };
    for (action, kind) in [
        ("profile.created", 0),
        ("step.required", 0),
        ("document.added", 0),
        ("step.submitted", 1),
        ("step.approved", 1),
        ("document.deleted", 2),
    ] {
        assert_eq!(kind_of(action)["type"], kind, "{action}");
    }
    assert_eq!(kind_of("document.added")["data"]["document_id"], document_id);
    assert_eq!(kind_of("step.approved")["data"]["step_id"], step_id);
    let known = [
        "brand",
        "customer_id",
        "kyc_id",
        "action",
        "step_id",
        "document_id",
        "status",
        "current_level",
        "required_level",
        "time",
    ];
    for event in &events {
        let members: Vec<&String> = event.as_object().unwrap().keys().collect();
        assert_eq!(members.len(), 3, "event, type, data: {event}");
        let data = event["data"].as_object().unwrap();
        assert!(data.keys().all(|name| known.contains(&name.as_str())), "{event}");
        assert_eq!(
            (&data["brand"], &data["customer_id"], &data["kyc_id"]),
            (&json!(brand), &json!(7), &json!(kyc_id))
        );
        for number in ["status", "current_level", "required_level", "time"] {
            assert!(data[number].is_i64(), "{number} of {event}");
        }
    }
}

#[test]
fn a_subscriber_hears_no_other_brand_than_its_channel_and_token_allow() {
    let server = server();
    let rest = server.rest(&server.manager());
    let scoped = server.token(&json!({ "role": 2, "brands": ["tcp-mine"] }));
    let (mut by_token, mut by_channel) = (server.tcp(&scoped), server.tcp(&server.manager()));
    by_token.call("Subscribe", &json!({ "chanels": ["kyc"] }));
    by_channel.call("Subscribe", &json!({ "channels": ["kyc:tcp-mine"] }));
    require(&rest, "tcp-theirs", 1);
    require(&rest, "tcp-mine", 1);
    assert_eq!(event(&mut by_token)["data"]["brand"], "tcp-mine");
    assert_eq!(event(&mut by_channel)["data"]["brand"], "tcp-mine");
}

#[test]
fn the_channel_of_a_brand_beyond_the_token_does_not_exist() {
    let server = server();
    let mut tcp = server.tcp(&server.token(&json!({ "role": 1, "brands": ["tcp-mine"] })));
    let reply = checked(tcp.call("Subscribe", &json!({ "chanels": ["kyc:tcp-theirs"] })));
    assert_eq!(refused(&reply), (404, "RET_NOT_FOUND"));
}

#[test]
fn both_spellings_of_channels_subscribe_and_unsubscribe() {
    let server = server();
    let rest = server.rest(&server.manager());
    let (one, other) = ("tcp-spelling-1", "tcp-spelling-2");
    for spelling in ["chanels", "channels"] {
        let mut tcp = server.tcp(&server.manager());
        let accepted = json!({ "accepted": true });
        assert_eq!(
            tcp.call("Subscribe", &json!({ (spelling): [format!("kyc:{one}")] }))["data"],
            accepted
        );
        assert_eq!(
            tcp.call("Unsubscribe", &json!({ (spelling): [format!("kyc:{one}")] }))["data"],
            accepted
        );
        assert_eq!(
            tcp.call("Subscribe", &json!({ (spelling): [format!("kyc:{other}")] }))["data"],
            accepted
        );
        let customer_id = if spelling == "chanels" { 1 } else { 2 };
        require(&rest, one, customer_id);
        require(&rest, other, customer_id);
        assert_eq!(event(&mut tcp)["data"]["brand"], other, "{spelling}");
    }
}

#[test]
fn only_manager_sessions_subscribe() {
    let server = server();
    for role in [0, 5] {
        let mut tcp = server.tcp(&server.token(&json!({ "role": role })));
        assert_eq!(
            tcp.call("Subscribe", &json!({ "chanels": ["kyc"] }))["status"],
            403,
            "{role}"
        );
    }
    let mut customer = server.tcp(&server.customer("tcp-customer", 1));
    for command in ["Subscribe", "Unsubscribe"] {
        let reply = checked(customer.call(command, &json!({ "chanels": ["kyc"] })));
        assert_eq!(refused(&reply), (403, "PERMISSION_DENIED"));
    }
    for role in [1, 2, 3, 10, 11] {
        let mut tcp = server.tcp(&server.token(&json!({ "role": role })));
        assert_eq!(
            tcp.call("Subscribe", &json!({ "chanels": ["kyc"] }))["status"],
            200,
            "{role}"
        );
    }
}

#[test]
fn channels_that_make_no_sense_are_400() {
    let server = server();
    let mut tcp = server.tcp(&server.manager());
    for data in [
        json!({}),
        json!({ "chanels": 1 }),
        json!({ "chanels": ["orders"] }),
        json!({ "chanels": ["kyc:"] }),
        json!({ "chanels": ["kyc:a b"] }),
        json!({ "chanels": [1] }),
        json!({ "chanels": [null] }),
        json!({ "chanels": ["kyc", "nonsense"] }),
    ] {
        let reply = checked(tcp.call("Subscribe", &data));
        assert_eq!(refused(&reply), (400, "INVALID_DATA"), "{data}");
    }
}

#[test]
fn unknown_members_of_a_subscription_are_400() {
    let server = server();
    let mut tcp = server.tcp(&server.manager());
    let reply = checked(tcp.call("Subscribe", &json!({ "chanels": ["kyc:tcp-unknown"], "chanel": "kyc" })));
    assert_eq!(refused(&reply), (400, "INVALID_DATA"));
}

#[test]
fn events_and_replies_share_a_connection() {
    let server = server();
    let mut tcp = server.tcp(&server.manager());
    tcp.call("Subscribe", &json!({ "chanels": ["kyc:tcp-mixed"] }));
    assert_eq!(
        tcp.call("MngAddKycStepTemplate", &template("tcp-mixed", "motto"))["status"],
        200
    );
    for customer_id in 1..=20 {
        let wish = json!({ "brand": "tcp-mixed", "customer_id": customer_id, "step_code": "motto" });
        assert_eq!(checked(tcp.call("MngRequireKycStep", &wish))["status"], 200);
    }
    let is_last = |event: &Value| event["data"]["customer_id"] == 20 && event["data"]["action"] == "step.required";
    while !tcp.events.iter().any(is_last) {
        let next = event(&mut tcp);
        tcp.events.push(next);
    }
    let required = tcp
        .events
        .iter()
        .filter(|event| event["data"]["action"] == "step.required");
    let customers: Vec<i64> = required
        .map(|event| event["data"]["customer_id"].as_i64().unwrap())
        .collect();
    assert_eq!(
        customers,
        (1..=20).collect::<Vec<_>>(),
        "once each, in the order of the commits"
    );
}

#[test]
fn refused_and_repeated_requests_raise_no_event() {
    let server = server();
    let (brand, rest) = ("tcp-silent", server.rest(&server.manager()));
    let (_, step_id) = require(&rest, brand, 1);
    let mut tcp = server.tcp(&server.manager());
    tcp.call("Subscribe", &json!({ "chanels": [format!("kyc:{brand}")] }));
    require(&rest, brand, 1);
    assert_eq!(
        rest.post(&format!("/manager/kyc/steps/{step_id}/approve"), &json!({}))
            .status,
        409
    );
    require(&rest, brand, 2);
    assert_eq!(event(&mut tcp)["data"]["customer_id"], 2);
}

#[test]
fn a_subscription_ends_with_its_token() {
    let server = server();
    let rest = server.rest(&server.manager());
    let brief = server.token(&json!({ "role": 1, "exp": now() + 6 }));
    let mut tcp = server.tcp(&brief);
    assert_eq!(
        tcp.call("Subscribe", &json!({ "chanels": ["kyc:tcp-brief"] }))["status"],
        200
    );
    while tcp.call("MngGetKycProfile", &json!({ "id": 999_999_999 }))["status"] != 401 {}
    require(&rest, "tcp-brief", 1);
    let again = json!({
        "command": "Subscribe", "data": { "chanels": ["kyc:tcp-brief-2"] }, "extID": "again", "__token": server.manager(),
    });
    tcp.send_raw(format!("{again}\r\n").as_bytes());
    let reply = tcp.read();
    assert_eq!(
        (&reply["extID"], &reply["status"]),
        (&json!("again"), &json!(200)),
        "{reply}"
    );
    require(&rest, "tcp-brief-2", 1);
    assert_eq!(event(&mut tcp)["data"]["brand"], "tcp-brief-2");
}

#[test]
fn a_silent_connection_is_closed_and_a_subscribed_one_is_not() {
    let server = Server::start(&["--idle-seconds-max", "1"]);
    let mut subscribed = server.tcp(&server.manager());
    assert_eq!(
        subscribed.call("Subscribe", &json!({ "chanels": ["kyc"] }))["status"],
        200
    );
    let (mut silent, mut half) = (Tcp::connect(server.tcp, None), Tcp::connect(server.tcp, None));
    half.send_raw(b"{\"command\":");
    assert_eq!(silent.read_raw(), None, "the server closes it");
    assert_eq!(half.read_raw(), None, "half a frame is none");
    // It has been silent for longer than the two that are gone.
    assert_eq!(subscribed.call("MngGetKycStepTemplates", &json!({}))["status"], 200);
}

#[test]
fn a_connection_whose_subscription_has_ended_is_closed_when_silent() {
    let server = Server::start(&["--idle-seconds-max", "1"]);
    let mut tcp = server.tcp(&server.token(&json!({ "role": 1, "exp": now() + 6 })));
    assert_eq!(tcp.call("Subscribe", &json!({ "chanels": ["kyc"] }))["status"], 200);
    assert_eq!(tcp.read_raw(), None, "the server closes it");
}

#[test]
fn a_client_that_does_not_read_is_dropped() {
    let server = Server::start(&["--stall-seconds-max", "1"]);
    let manager = server.manager();
    let rest = server.rest(&manager);
    let mut bulky = template("tcp-deaf", "bulky");
    bulky["form_schema"]["note"] = json!("x".repeat(60_000));
    rest.post("/manager/kyc/templates", &bulky).ok();
    let request = json!({ "command": "MngGetKycStepTemplates", "data": { "brand": "tcp-deaf" }, "__token": manager });
    let frame = format!("{request}\r\n").into_bytes();
    let mut deaf = TcpStream::connect(server.tcp).unwrap();
    deaf.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    // 400 MB of answers are asked for; far less is ever made.
    let broken = (0..100_000)
        .find_map(|_| deaf.write_all(&frame).err())
        .expect("the server gives up on it");
    let kind = broken.kind();
    let is_closed = matches!(
        kind,
        std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
    );
    assert!(is_closed, "dropped, not left to wait: {broken}");
    assert_eq!(
        server.tcp(&manager).call("MngGetKycStepTemplates", &json!({}))["status"],
        200
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn how_packets_are_cut_never_matters(cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12)) {
        let server = server();
        let stream: Vec<u8> = [nonsense("1"), "{\r\n".to_owned(), nonsense("\"é\"")].concat().into_bytes();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        places.extend([0, stream.len()]);
        places.sort_unstable();
        let mut tcp = Tcp::connect(server.tcp, None);
        for pair in places.windows(2) {
            tcp.send_raw(&stream[pair[0]..pair[1]]);
        }
        let mut replies: Vec<String> = (0..3).map(|_| tcp.read()["extID"].to_string()).collect();
        replies.sort_unstable();
        prop_assert_eq!(replies, ["\"é\"", "1", "null"]);
    }
}

#[test]
fn a_peer_that_subscribes_and_sends_no_more_is_let_go() {
    let server = server();
    let request = json!({ "command": "Subscribe", "data": { "chanels": ["kyc"] }, "__token": server.manager() });
    for _ in 0..20 {
        let mut stream = TcpStream::connect(server.tcp).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(format!("{request}\r\n").as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut reply = String::new();
        std::io::Read::read_to_string(&mut stream, &mut reply).expect("the server closes it");
        assert!(reply.contains("\"accepted\":true"), "{reply}");
    }
}
