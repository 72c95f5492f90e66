//! What tests do again and again: a tenant, a template, a customer with a level; and requests that go straight into the
//! host, to be made at once and to be given up.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::{Either, FutureExt, select};
use http::{Request, Response};
use http_body_util::Full;
use kyc_spin_host::{Options, Outbound};
use kyc_tests::rest::Answer;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{Spin, now, runtime, token};

/// A tenant of `acme` with this platform; gives its secrets.
pub fn tenant(spin: &Spin, model: &str, base_url: &str) -> Value {
    let tenant = json!({ "slug": "acme", "brand": "acme", "kyc_model": model, "base_url": base_url });
    spin.admin().post("/manager/tenants", &tenant).ok()
}

/// A template of `acme` for level 1.
pub fn template(spin: &Spin) {
    let template = json!({
        "brand": "acme", "code": "proof_id", "level": 1, "step_type": 2,
        "requirements": { "documents": ["passport"] },
    });
    spin.manager().post("/manager/kyc/templates", &template).ok();
}

/// Raises the level that is required of a customer of `acme` to 1.
pub fn require(spin: &Spin, customer_id: i64) -> Answer {
    let raised = json!({ "brand": "acme", "customer_id": customer_id, "level": 1 });
    spin.manager().post("/manager/kyc/required-level", &raised)
}

/// A platform that answers everything with 200 and remembers what it was sent.
pub fn platform() -> (Outbound, Arc<Mutex<Vec<Request<Bytes>>>>) {
    let sent: Arc<Mutex<Vec<Request<Bytes>>>> = Arc::default();
    let heard = sent.clone();
    let outbound: Outbound = Arc::new(move |request| {
        heard.lock().expect("a lock").push(request);
        Box::pin(async { Response::new(Bytes::from_static(b"{\"provider_ref\":\"r-1\"}")) })
    });
    (outbound, sent)
}

/// A token of a manager of every brand.
pub fn manager_token() -> String {
    token(&json!({ "role": 1, "sub": "mary", "exp": now() + 3_600 }))
}

/// `POST` with a JSON body.
pub fn post(path: &str, who: &str, body: &Value) -> Request<Full<Bytes>> {
    let body = Bytes::from(body.to_string());
    Request::post(path)
        .header("authorization", format!("Bearer {who}"))
        .header("content-type", "application/json")
        .header("content-length", body.len())
        .body(Full::new(body))
        .expect("a request")
}

/// An upload of a PDF.
pub fn upload(who: &str, file: &[u8]) -> Request<Full<Bytes>> {
    let head = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"scan.pdf\"\r\n\r\n";
    let body: Bytes = [head.as_bytes(), file, b"\r\n--b--\r\n"].concat().into();
    Request::post("/upload")
        .header("authorization", format!("Bearer {who}"))
        .header("content-type", "multipart/form-data; boundary=b")
        .header("content-length", body.len())
        .body(Full::new(body))
        .expect("a request")
}

/// An application, and a way to make a request that is given up when it comes to its n-th statement. What was heard until
/// then is given back; if the request was answered before, its answer's status too.
pub fn cancelled_after(mut options: Options) -> (Spin, impl Fn(usize, Request<Full<Bytes>>) -> GivenUp) {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let (at, reached) = (Arc::new(AtomicUsize::new(usize::MAX)), Arc::new(Notify::new()));
    let (log, limit, tell) = (heard.clone(), at.clone(), reached.clone());
    options.statements = Some(Arc::new(move |sql, _| {
        let mut heard = log.lock().expect("a lock");
        // What runs after that is nobody's request any more.
        if heard.len() < limit.load(SeqCst) {
            heard.push(sql.to_owned());
            if heard.len() == limit.load(SeqCst) {
                tell.notify_one();
            }
        }
    }));
    let spin = Spin::with(options);
    let host = spin.host.clone();
    let cancel = move |statements: usize, request: Request<Full<Bytes>>| {
        heard.lock().expect("a lock").clear();
        at.store(statements, SeqCst);
        // An earlier request may have been told after its answer.
        let _ = reached.notified().now_or_never();
        let call = pin!(host.call(request));
        let status = match runtime().block_on(select(pin!(reached.notified()), call)) {
            Either::Left(_) => None,
            Either::Right((answer, _)) => Some(answer.expect("an answer").status().as_u16()),
        };
        GivenUp {
            status,
            heard: std::mem::take(&mut *heard.lock().expect("a lock")),
        }
    };
    (spin, cancel)
}

/// A request that was given up, or answered before.
#[derive(Debug)]
pub struct GivenUp {
    /// Of the answer, if there was one.
    pub status: Option<u16>,
    /// The statements.
    pub heard: Vec<String>,
}
