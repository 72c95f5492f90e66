//! What the tests share: a clock that stands still, waiting that takes no time, a caller that signs like a CRM, and a
//! CRM that checks signatures and deduplicates.

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use kyc_core::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, is_recent, is_signed, sign};
use kyc_core::time::Time;
use serde_json::{Value, json};

use crate::ambient::{Clock, Sleeper};
use crate::client::{Answer, Client, SendError};
use crate::platform::{Behaviour, Platform, PlatformOptions};
use crate::server::{Reaction, Reply, Server};
use crate::webhooks::{RetrySchedule, WebhookEvent, Webhooks, WebhooksOptions};

pub(crate) const NOW: i64 = 1_770_000_000;
pub(crate) const OUTBOUND: &str = "outbound_secret_1";
pub(crate) const WEBHOOK: &str = "webhook_secret_1";
pub(crate) const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Far longer than anything takes: it bounds a failing test, no passing one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn clock() -> Clock {
    Arc::new(|| NOW)
}

/// Waiting that only writes down for how long.
#[derive(Clone, Default)]
pub(crate) struct Waits(Arc<Mutex<Vec<Duration>>>);

impl Waits {
    pub(crate) fn sleeper(&self) -> Sleeper {
        let waits = self.clone();
        Arc::new(move |duration| {
            waits.0.lock().unwrap().push(duration);
            Box::pin(std::future::ready(()))
        })
    }

    pub(crate) fn seconds(&self) -> Vec<u64> {
        self.0.lock().unwrap().iter().map(Duration::as_secs).collect()
    }
}

pub(crate) async fn platform(behaviour: Behaviour) -> Platform {
    let options = PlatformOptions {
        listen: LOCAL,
        outbound_secrets: vec![OUTBOUND.into()],
        clock: clock(),
        behaviour,
    };
    Platform::start(options).await.unwrap()
}

/// A request as a CRM sends it, to be changed before it is sent.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) body: Vec<u8>,
    pub(crate) secret: String,
    pub(crate) timestamp: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

pub(crate) fn key(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

impl Outgoing {
    pub(crate) fn post(base: &str, call: &str, number: u32, body: &Value) -> Self {
        Self {
            method: Method::POST,
            url: format!("{base}/v1/kyc/{call}"),
            body: body.to_string().into(),
            secret: OUTBOUND.to_owned(),
            timestamp: NOW.to_string(),
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("idempotency-key", key(number)),
            ],
        }
    }

    pub(crate) fn initiate(base: &str, number: u32, player: &str, level: u8) -> Self {
        Self::post(base, "initiate", number, &initiate_body(player, level))
    }

    pub(crate) fn update(base: &str, number: u32, player: &str, status: &str, level: u8) -> Self {
        Self::post(base, "update", number, &update_body(player, status, level))
    }

    pub(crate) fn lookup(base: &str, segment: &str) -> Self {
        Self {
            method: Method::GET,
            url: format!("{base}/v1/kyc/{segment}"),
            body: Vec::new(),
            secret: OUTBOUND.to_owned(),
            timestamp: NOW.to_string(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.extend(value.map(|value| (name, value.to_owned())));
        self
    }

    pub(crate) async fn send(&self) -> Result<Answer, SendError> {
        let signature = sign(&self.secret, &self.timestamp, &self.body);
        let signing = [(TIMESTAMP_HEADER, &self.timestamp), (SIGNATURE_HEADER, &signature)];
        let own = self.headers.iter().map(|(name, value)| (*name, value));
        let mut headers = HeaderMap::new();
        // A header that a test sets itself comes last, and so stands.
        for (name, value) in signing.into_iter().chain(own) {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let client = Client::new(false).unwrap();
        let body = self.body.clone().into();
        client
            .call(self.method.clone(), &self.url.parse().unwrap(), headers, body)
            .await
    }
}

pub(crate) fn initiate_body(player: &str, level: u8) -> Value {
    json!({
        "tenant_id": "0b0e7c9e-5d3c-4a6e-9f64-0d7e4f0a1b2c",
        "player_external_id": player,
        "level": level,
        "requirements": ["passport", "address_proof"],
    })
}

pub(crate) fn update_body(player: &str, status: &str, level: u8) -> Value {
    json!({
        "tenant_id": "0b0e7c9e-5d3c-4a6e-9f64-0d7e4f0a1b2c",
        "player_external_id": player,
        "status": status,
        "level": level,
        "reason": "documents validated",
    })
}

/// What a scripted CRM answers instead of looking at a webhook.
pub(crate) type Script = VecDeque<(u16, Option<&'static str>)>;

#[derive(Default)]
struct Books {
    script: Script,
    bodies: HashMap<String, Value>,
    seen: Vec<(String, Bytes)>,
}

/// A CRM that takes webhooks: signature, dedupe by `event_id`, 409 for another body under a known id.
pub(crate) struct Crm {
    server: Server,
    books: Arc<Mutex<Books>>,
}

impl Crm {
    pub(crate) async fn start(script: impl IntoIterator<Item = (u16, Option<&'static str>)>) -> Self {
        let script = script.into_iter().collect();
        let books = Arc::new(Mutex::new(Books {
            script,
            ..Books::default()
        }));
        let taking = books.clone();
        let server = Server::start(
            LOCAL,
            Arc::new(move |parts, body| {
                let mut books = taking.lock().unwrap();
                let body = body.unwrap();
                books.seen.push((parts.uri.path().to_owned(), body.clone()));
                if let Some((status, retry_after)) = books.script.pop_front() {
                    let headers = retry_after.map(|after| ("retry-after", after.to_owned()));
                    return reply(status, headers.into_iter().collect(), &json!({}));
                }
                let (status, answer) = books.take(&parts.headers, &body);
                reply(status, Vec::new(), &answer)
            }),
        );
        Self {
            server: server.await.unwrap(),
            books,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Paths and bodies in order of arrival.
    pub(crate) fn seen(&self) -> Vec<(String, Bytes)> {
        self.books.lock().unwrap().seen.clone()
    }

    /// How many different events were accepted.
    pub(crate) fn events(&self) -> usize {
        self.books.lock().unwrap().bodies.len()
    }

    pub(crate) fn sender(&self, waits: &Waits, schedule: RetrySchedule) -> Webhooks {
        let options = WebhooksOptions {
            crm_url: self.url(),
            slug: "acme-1".to_owned(),
            webhook_secret: WEBHOOK.into(),
            clock: clock(),
            sleeper: waits.sleeper(),
            schedule,
        };
        Webhooks::new(options).unwrap()
    }
}

impl Books {
    fn take(&mut self, headers: &HeaderMap, body: &[u8]) -> (u16, Value) {
        let error = |status, code: &str| (status, json!({ "error": { "code": code, "message": "no" } }));
        let header = |name| headers.get(name).map_or("", |value| value.to_str().unwrap());
        let timestamp = header(TIMESTAMP_HEADER);
        let is_signed = is_signed(&[WEBHOOK.to_owned()], timestamp, header(SIGNATURE_HEADER), body);
        if !is_signed || !is_recent(timestamp, Time::from_seconds(NOW)) {
            return error(401, "FORBIDDEN");
        }
        let Ok(event) = serde_json::from_slice::<WebhookEvent>(body) else {
            return error(422, "VALIDATION_ERROR");
        };
        let body: Value = serde_json::from_slice(body).unwrap();
        let known = self.bodies.get(&event.event_id);
        if known.is_some_and(|known| *known != body) {
            return error(409, "CONFLICT");
        }
        let applied = known.is_none();
        self.bodies.insert(event.event_id, body);
        (
            200,
            json!({ "received": true, "applied": applied, "new_status": "pending" }),
        )
    }
}

fn reply(status: u16, headers: Vec<(&'static str, String)>, body: &Value) -> Reaction {
    let body = body.to_string().into();
    Reaction::Reply(Reply { status, headers, body })
}
