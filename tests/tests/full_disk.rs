//! A disk without space: writes are refused, nothing is lost or half there, reads go on, and when there is space again
//! the server goes on by itself.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use kyc_tests::files::pdf;
use kyc_tests::rest::{Answer, Rest};
use kyc_tests::server::Server;
use serde_json::json;

const DISK_MEBIBYTES: u32 = 4;

/// Fills what is left of the disk, but for so many bytes.
fn fill(ballast: &Path, leave: u64) {
    let mut file = File::create(ballast).unwrap();
    while file.write_all(&[7; 4_096]).is_ok() {}
    let length = file.metadata().unwrap().len();
    file.set_len(length.saturating_sub(leave)).unwrap();
}

fn require(rest: &Rest, customer_id: i64) -> Answer {
    let level = json!({ "brand": "acme", "customer_id": customer_id, "level": 1 });
    rest.post("/manager/kyc/required-level", &level)
}

fn is_refused(answer: &Answer) {
    assert_eq!(answer.error(503), "RET_TECH_PROBLEM");
    assert!(answer.headers.contains_key("retry-after"), "{:?}", answer.headers);
}

/// Asks for ever new customers until one is refused; `kyc_id` by customer, and who was refused.
fn require_until_refused(rest: &Rest, first: i64) -> (BTreeMap<i64, i64>, i64) {
    let mut told = BTreeMap::new();
    for customer_id in first..first + 100_000 {
        let answer = require(rest, customer_id);
        if answer.status != 200 {
            is_refused(&answer);
            return (told, customer_id);
        }
        told.insert(customer_id, answer.json()["kyc_id"].as_i64().unwrap());
    }
    panic!("the disk is never full");
}

fn are_there(rest: &Rest, told: &BTreeMap<i64, i64>) {
    for (customer_id, kyc_id) in told {
        let profile = rest.get(&format!("/manager/kyc/profiles/{kyc_id}")).ok();
        assert_eq!(profile["profile"]["customer_id"], *customer_id);
        assert_eq!(
            profile["steps"].as_array().unwrap().len(),
            1,
            "customer {customer_id} is whole"
        );
    }
}

fn is_absent(rest: &Rest, customer_id: i64) {
    let path = format!("/manager/kyc/profiles?brand=acme&customer_id={customer_id}");
    assert_eq!(rest.get(&path).ok()["count"], 0, "customer {customer_id} was refused");
}

#[test]
fn on_a_full_disk_writes_are_refused_reads_go_on_and_space_ends_it() {
    let mut server = Server::start_on_disk_of(DISK_MEBIBYTES, &[]);
    let ballast = server.data_dir().join("ballast");
    let rest = server.rest(&server.manager());
    let template = json!({ "brand": "acme", "code": "one", "level": 1, "step_type": 1 });
    rest.post("/manager/kyc/templates", &template).ok();
    fill(&ballast, 300_000);

    let (mut told, refused) = require_until_refused(&rest, 1);
    assert!(!told.is_empty(), "there was space at first");
    assert_eq!(rest.get("/healthz").status, 200);
    are_there(&rest, &told);
    is_absent(&rest, refused);

    fs::remove_file(&ballast).unwrap();
    assert_eq!(rest.get("/readyz").status, 200);
    let kyc_id = require(&rest, refused).ok()["kyc_id"].as_i64().unwrap();
    told.insert(refused, kyc_id);
    let (more, refused) = require_until_refused(&rest, refused + 1);
    assert!(more.len() > told.len(), "there was space again");
    told.extend(more);

    // What the disk holds, opened elsewhere as after a power cut.
    let elsewhere = tempfile::tempdir().unwrap();
    for part in ["bases", "keys"] {
        fs::create_dir(elsewhere.path().join(part)).unwrap();
        for entry in fs::read_dir(server.data_dir().join(part)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), elsewhere.path().join(part).join(entry.file_name())).unwrap();
        }
    }
    server.kill();
    let server = Server::start_in(elsewhere.path(), &[]);
    let rest = server.rest(&server.manager());
    are_there(&rest, &told);
    is_absent(&rest, refused);
    let listed = rest.get("/manager/kyc/profiles?brand=acme&limit=1000").ok();
    assert_eq!(listed["count"], told.len(), "nobody else is there");
}

#[test]
fn an_upload_that_finds_no_space_leaves_nothing() {
    let server = Server::start_on_disk_of(DISK_MEBIBYTES, &[]);
    let names = || fs::read_dir(server.data_dir().join("storage")).unwrap().count();
    let customer = server.rest(&server.customer("acme", 1));
    let bytes = pdf(2_000_000);
    let ballast = server.data_dir().join("ballast");
    fill(&ballast, 1_000_000);
    is_refused(&customer.upload(&[], "passport.pdf", &bytes));
    assert_eq!(names(), 0, "no part of it stays");
    fs::remove_file(&ballast).unwrap();
    let stored = customer.upload(&[], "passport.pdf", &bytes).ok();
    let file_id = stored["file_id"].as_str().unwrap();
    assert_eq!(customer.get(&format!("/files/{file_id}")).bytes, bytes);
    assert_eq!(names(), 1);
}
