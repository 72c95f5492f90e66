//! Requests that meet: at one customer, at an empty database, at a lock that another process holds; and requests whose
//! caller goes away.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use kyc_spin_host::{Limits, Options, Reuse};
use kyc_spin_tests::acts::{cancelled_after, manager_token, post, require, template};
use kyc_spin_tests::{MODES, Spin, options, runtime};
use serde_json::json;

/// Templates `s-0`, `s-1`, … of `acme`, each of which makes one step where it is required.
fn templates(spin: &Spin, count: usize) {
    for number in 0..count {
        let template = json!({ "brand": "acme", "code": format!("s-{number}"), "level": 2, "step_type": 1 });
        spin.manager().post("/manager/kyc/templates", &template).ok();
    }
}

/// Each write is a step of its own, one commit and one audit row: none is lost, none is half done, none is done and
/// refused.
#[test]
fn writes_to_one_customer_at_once_are_whole_or_refused() {
    for reuse in MODES {
        let spin = Spin::start(reuse);
        templates(&spin, 16);
        require(&spin, 1001).ok();
        let count = |sql: &str| spin.one("default", sql);
        let of_customer = |sql: &str| count(&format!("{sql} WHERE customer_id = 1001"));
        let before = of_customer("SELECT version FROM streams");
        let (rows, steps) = (
            of_customer("SELECT count(*) FROM audit"),
            of_customer("SELECT count(*) FROM steps"),
        );
        assert_eq!(steps, 0);
        let who = manager_token();
        let writes = (0..16).map(|number| {
            let body = json!({ "brand": "acme", "customer_id": 1001, "step_code": format!("s-{number}") });
            spin.host.call(post("/manager/kyc/steps/require", &who, &body))
        });
        let answers = runtime().block_on(join_all(writes));
        let statuses: Vec<u16> = answers
            .iter()
            .map(|answer| answer.as_ref().expect("an answer").status().as_u16())
            .collect();
        assert!(
            statuses.iter().all(|status| [200, 503].contains(status)),
            "{statuses:?}"
        );
        let done = statuses.iter().filter(|status| **status == 200).count();
        assert!(done > 0, "{statuses:?}");
        let done = i64::try_from(done).unwrap();
        assert_eq!(
            of_customer("SELECT version FROM streams") - before,
            done,
            "a commit each"
        );
        assert_eq!(of_customer("SELECT count(*) FROM steps"), done, "a step each");
        let required = count("SELECT count(*) FROM audit WHERE customer_id = 1001 AND action = 'step.required'");
        assert_eq!(required, done, "an audit row each");
        let codes: Vec<usize> = (0..16).filter(|number| statuses[*number] == 200).collect();
        for number in codes {
            let told = count(&format!("SELECT count(*) FROM steps WHERE code = 's-{number}'"));
            assert_eq!(told, 1, "whoever was told 200 finds the step");
        }
        // The chain of the stream holds.
        let rows_now = of_customer("SELECT count(*) FROM audit");
        assert!(rows_now > rows);
        let links = count(
            "SELECT count(*) FROM audit AS a JOIN audit AS b ON b.prev_hash = a.hash \
             WHERE a.customer_id = 1001 AND b.customer_id = 1001 AND b.id > a.id",
        );
        assert_eq!(links, rows_now - 1, "every row but the first follows one");
        let head = count("SELECT count(*) FROM streams JOIN audit USING (hash) WHERE streams.customer_id = 1001");
        assert_eq!(head, 1, "the head is the last row");
        spin.counters();
    }
}

/// Given up at each of its statements in turn, until it comes to its end.
#[test]
fn a_request_given_up_at_any_statement_leaves_no_open_transaction() {
    for reuse in MODES {
        let (spin, given_up_at) = cancelled_after(options(reuse));
        template(&spin);
        let who = manager_token();
        let mut inside = 0;
        for statement in 1.. {
            let body = json!({ "brand": "acme", "customer_id": 2_000 + statement, "level": 1 });
            let end = given_up_at(statement, post("/manager/kyc/required-level", &who, &body));
            let is_of = |word: &str| end.heard.iter().rposition(|sql| sql.starts_with(word));
            let begun = is_of("BEGIN IMMEDIATE");
            let is_inside = begun.is_some() && end.heard.len() > begun.unwrap() + 1 && is_of("COMMIT") < begun;
            inside += usize::from(end.status.is_none() && is_inside);
            // Nobody holds the lock, and the next one writes.
            let other = spin.database("default");
            other
                .execute_batch("BEGIN IMMEDIATE; ROLLBACK")
                .expect("nobody holds the lock");
            require(&spin, 1_000 + i64::try_from(statement).unwrap()).ok();
            let half = "SELECT count(*) FROM profiles LEFT JOIN streams USING (brand, customer_id) WHERE hash IS NULL";
            assert_eq!(spin.one("default", half), 0, "statement {statement}");
            if end.status.is_some() {
                assert_eq!(end.status, Some(200));
                assert!(statement > 5, "{:?}", end.heard);
                break;
            }
        }
        assert!(inside > 0, "none was given up between BEGIN and COMMIT");
        let counters = spin.host.counters();
        assert_eq!((counters.traps, counters.misuses), (0, 0), "{:?}", counters.problems);
        assert!(counters.cancelled > 0);
    }
}

#[test]
fn the_first_requests_of_an_empty_database_come_at_once() {
    for reuse in MODES {
        let spin = Spin::start(reuse);
        let who = manager_token();
        let requests = (0..16).map(|number| {
            let template = json!({ "brand": format!("b-{number}"), "code": "one", "level": 1, "step_type": 1 });
            spin.host.call(post("/manager/kyc/templates", &who, &template))
        });
        for answer in runtime().block_on(join_all(requests)) {
            let answer = answer.expect("an answer");
            assert_eq!(answer.status(), 200, "{:?}", answer.body());
        }
        assert_eq!(spin.one("default", "SELECT count(*) FROM templates"), 16);
        assert_eq!(spin.one("default", "SELECT count(*) FROM migrations"), 1);
        spin.counters();
    }
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    for (label, folder) in [("default", "kyc"), ("storage", "storage"), ("storage", "blobs")] {
        let kept = tempfile::tempdir().unwrap();
        let in_folder = || Options {
            state_dir: Some(kept.path().to_owned()),
            ..options(Reuse::SPIN)
        };
        let spin = Spin::with(in_folder());
        template(&spin);
        spin.manager().upload(&[], "a.png", kyc_tests::files::PIXEL_PNG).ok();
        spin.change(
            label,
            &format!("UPDATE migrations SET version = version + 1 WHERE folder = '{folder}'"),
        );
        let tables = spin.one(label, "SELECT count(*) FROM sqlite_schema");
        let newer = Spin::with(in_folder());
        let asked = match label {
            "default" => newer.manager().get("/manager/kyc/templates?brand=acme"),
            _ => newer.manager().upload(&[], "a.png", kyc_tests::files::PIXEL_PNG),
        };
        assert_eq!(asked.error(503), "RET_TECH_PROBLEM", "{folder}");
        assert_eq!(spin.one(label, "SELECT count(*) FROM sqlite_schema"), tables);
        newer.counters();
    }
}

/// Another process's lock is waited for as long as Spin waits, three times; then the request is refused, and does not hang.
#[test]
fn a_lock_that_another_process_holds_is_waited_for_and_then_given_up() {
    for reuse in MODES {
        let mut options = Options {
            limits: Limits {
                busy_time: Duration::from_millis(200),
                ..Limits::default()
            },
            ..options(reuse)
        };
        // The holder, who lets go when he has been waited for in vain once.
        let holder: Arc<Mutex<Option<rusqlite::Connection>>> = Arc::default();
        let (held, tries) = (holder.clone(), Arc::new(Mutex::new(0)));
        let (count, patience) = (tries.clone(), Arc::new(Mutex::new(usize::MAX)));
        let let_go_at = patience.clone();
        options.statements = Some(Arc::new(move |sql, _| {
            // What a command writes first: the ids that it takes.
            if sql.starts_with("UPDATE counters") && held.lock().unwrap().is_some() {
                *count.lock().unwrap() += 1;
                if *count.lock().unwrap() == *let_go_at.lock().unwrap() {
                    held.lock().unwrap().take();
                }
            }
        }));
        let spin = Spin::with(options);
        template(&spin);
        let begin_to_hold = |tries_until: usize| {
            let database = spin.database("default");
            database.execute_batch("BEGIN IMMEDIATE").unwrap();
            *tries.lock().unwrap() = 0;
            *patience.lock().unwrap() = tries_until;
            *holder.lock().unwrap() = Some(database);
        };
        begin_to_hold(usize::MAX);
        assert_eq!(
            spin.manager().get("/manager/kyc/templates?brand=acme").status,
            200,
            "reading goes on"
        );
        let refused = require(&spin, 1);
        assert_eq!(refused.error(503), "RET_TECH_PROBLEM");
        assert_eq!(*tries.lock().unwrap(), 3);
        holder.lock().unwrap().take();
        begin_to_hold(2);
        require(&spin, 2).ok();
        assert_eq!(*tries.lock().unwrap(), 2);
        assert_eq!(spin.one("default", "SELECT count(*) FROM profiles"), 1);
        spin.counters();
    }
}
