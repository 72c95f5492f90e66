//! The real server, over TCP and over REST; and how requests look over REST, whoever serves it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::SocketAddr;

use kyc_core::command::{Command, Method};
use kyc_core::table::table;
use serde_json::{Map, Value, json};

use super::{Download, Reply, Request, Runner, Upload, Webhook, told_file};
use crate::rest::{Answer, Rest};
use crate::server::{Server, now};
use crate::tcp::Tcp;

/// A server of its own, over one TCP connection.
pub struct TcpRunner {
    server: Server,
    connection: Tcp,
    sent: u64,
}

impl Default for TcpRunner {
    fn default() -> Self {
        let server = Server::start(&[]);
        let connection = Tcp::connect(server.tcp, None);
        Self {
            server,
            connection,
            sent: 0,
        }
    }
}

impl Runner for TcpRunner {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn now(&self) -> i64 {
        now()
    }

    fn token(&self, claims: &Value) -> String {
        self.server.token(claims)
    }

    fn call(&mut self, request: &Request) -> Option<Reply> {
        self.sent += 1;
        let ext_id = format!("story-{}", self.sent);
        let mut frame = json!({ "command": request.command.name, "data": request.data, "extID": ext_id });
        if let Some(token) = &request.token {
            frame["__token"] = token.as_str().into();
        }
        if let Some(key) = &request.key {
            frame["idempotencyKey"] = key.as_str().into();
        }
        self.connection.send_raw(format!("{frame}\r\n").as_bytes());
        let Value::Object(mut reply) = self.connection.read() else {
            panic!("a reply is an object");
        };
        assert_eq!(reply.remove("extID"), Some(ext_id.into()), "the reply to this request");
        let status = reply
            .remove("status")
            .and_then(|status| status.as_u64())
            .expect("a status");
        // A success has nothing beside its data; what a refusal has beside its status is REST's body.
        let body = if status == 200 {
            let data = reply.remove("data").expect("data");
            assert!(reply.is_empty(), "more than data: {reply:?}");
            data
        } else {
            Value::Object(reply)
        };
        Some(Reply {
            status: u16::try_from(status).expect("a status"),
            body,
        })
    }

    fn upload(&mut self, upload: &Upload) -> Reply {
        // Files have no TCP form.
        Asker::of(self.server.http).upload(upload)
    }

    fn download(&mut self, download: &Download) -> Reply {
        Asker::of(self.server.http).download(download)
    }

    fn webhook(&mut self, webhook: &Webhook) -> Reply {
        // Neither have webhooks; what they change is seen over TCP.
        Asker::of(self.server.http).webhook(webhook)
    }

    fn end_calls(&mut self, brand: &str) {
        end_calls(&self.server, brand);
    }
}

/// A server of its own, over REST.
pub struct RestRunner {
    server: Server,
    asker: Asker,
}

impl RestRunner {
    /// What has been asked.
    pub const fn asker(&self) -> &Asker {
        &self.asker
    }
}

impl Default for RestRunner {
    fn default() -> Self {
        let server = Server::start(&[]);
        let asker = Asker::of(server.http);
        Self { server, asker }
    }
}

impl Runner for RestRunner {
    fn name(&self) -> &'static str {
        "rest"
    }

    fn now(&self) -> i64 {
        now()
    }

    fn token(&self, claims: &Value) -> String {
        self.server.token(claims)
    }

    fn call(&mut self, request: &Request) -> Option<Reply> {
        self.asker.call(request)
    }

    fn upload(&mut self, upload: &Upload) -> Reply {
        self.asker.upload(upload)
    }

    fn download(&mut self, download: &Download) -> Reply {
        self.asker.download(download)
    }

    fn webhook(&mut self, webhook: &Webhook) -> Reply {
        self.asker.webhook(webhook)
    }

    fn end_calls(&mut self, brand: &str) {
        end_calls(&self.server, brand);
    }
}

const UPLOAD: Route = ("POST", "/upload");
const DOWNLOAD: Route = ("GET", "/files/{file_id}");
const WEBHOOK: Route = ("POST", "/v1/adapters/{slug}/webhooks/kyc-events");

/// A method and a path of the table.
pub type Route = (&'static str, &'static str);

/// Every route that there is.
pub fn routes() -> BTreeSet<Route> {
    let of_command = |command: &'static Command| command.methods.iter().map(|method| (method.name(), command.path));
    let routes = table().iter().flat_map(of_command);
    routes.chain([UPLOAD, DOWNLOAD, WEBHOOK]).collect()
}

/// Makes requests over REST, and remembers on which routes: a command is asked for by each of its methods in turn.
#[derive(Debug)]
pub struct Asker {
    http: SocketAddr,
    asked: BTreeMap<&'static str, usize>,
    routes: BTreeSet<Route>,
}

impl Asker {
    /// Of whoever listens there.
    pub const fn of(http: SocketAddr) -> Self {
        Self {
            http,
            asked: BTreeMap::new(),
            routes: BTreeSet::new(),
        }
    }

    /// The routes that were asked so far.
    pub const fn routes(&self) -> &BTreeSet<Route> {
        &self.routes
    }

    /// Asks for a command; `None` when REST cannot carry it.
    pub fn call(&mut self, request: &Request) -> Option<Reply> {
        let command = request.command;
        let turn = self.asked.entry(command.name).or_default();
        let method = command.methods[*turn % command.methods.len()];
        let mut data = request.data.clone();
        let path = path(request, &mut data)?;
        let (target, body) = if method == Method::Get {
            (format!("{path}{}", query(request, &data)?), Vec::new())
        } else if data.is_empty() {
            (path, Vec::new())
        } else {
            (path, Value::Object(data).to_string().into_bytes())
        };
        *turn += 1;
        self.routes.insert((method.name(), command.path));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(request.key.as_deref().map(|key| ("idempotency-key", key)));
        let rest = Rest::new(self.http, request.token.as_deref());
        Some(reply(&rest.send(method.name(), &target, &headers, &body)))
    }

    /// Stores a file.
    pub fn upload(&mut self, upload: &Upload) -> Reply {
        self.routes.insert(UPLOAD);
        let rest = Rest::new(self.http, upload.token.as_deref());
        let id = upload.owner.as_ref().map(|(_, id)| id.to_string()).unwrap_or_default();
        let fields = upload
            .owner
            .as_ref()
            .map(|(brand, _)| [("brand", brand.as_str()), ("customer_id", id.as_str())]);
        let fields: &[_] = fields.as_ref().map_or(&[], |fields| fields);
        reply(&rest.upload(fields, &upload.file_name, &upload.bytes))
    }

    /// Asks for a file.
    pub fn download(&mut self, download: &Download) -> Reply {
        self.routes.insert(DOWNLOAD);
        let rest = Rest::new(self.http, download.token.as_deref());
        let range = download.range.as_deref().map(|range| ("range", range));
        let answer = rest.send("GET", &format!("/files/{}", download.file_id), range.as_slice(), b"");
        if !matches!(answer.status, 200 | 206) {
            return reply(&answer);
        }
        let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().expect("text"));
        Reply {
            status: answer.status,
            body: told_file(
                header("content-type").expect("a type"),
                header("content-range"),
                &answer.bytes,
            ),
        }
    }

    /// Sends a webhook.
    pub fn webhook(&mut self, webhook: &Webhook) -> Reply {
        self.routes.insert(WEBHOOK);
        let rest = Rest::new(self.http, None);
        let path = format!("/v1/adapters/{}/webhooks/kyc-events", webhook.slug);
        let signed = webhook
            .signed
            .as_ref()
            .map(|(timestamp, signature)| [("x-ucrm-timestamp", &**timestamp), ("x-ucrm-signature", &**signature)]);
        let headers = [("content-type", "application/json")]
            .into_iter()
            .chain(signed.into_iter().flatten());
        let headers: Vec<_> = headers.collect();
        reply(&rest.send("POST", &path, &headers, &webhook.body))
    }
}

/// The path with its members, which are taken out of the data; `None` when one of them is not there.
fn path(request: &Request, data: &mut Map<String, Value>) -> Option<String> {
    let mut path = String::new();
    for segment in request.command.path.split('/').skip(1) {
        path.push('/');
        match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            None => path.push_str(segment),
            Some(name) => path.push_str(&text(request, name, &data.remove(name)?)?),
        }
    }
    Some(path)
}

fn query(request: &Request, data: &Map<String, Value>) -> Option<String> {
    let mut query = String::new();
    for (name, value) in data {
        let sign = if query.is_empty() { '?' } else { '&' };
        let _ = write!(query, "{sign}{}={}", encoded(name), text(request, name, value)?);
    }
    Some(query)
}

/// The value in a URL; `None` when it would be read as another value there.
fn text(request: &Request, name: &str, value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return None,
    };
    let read = request
        .command
        .params
        .from_query([(name.into(), text.as_str().into())].into_iter());
    // A text that is refused in a URL is refused elsewhere too, and an unknown member whatever its value.
    let is_same = read.map_or(value.is_string(), |members| members.get(name) == Some(value));
    let is_known = request.command.params.schema()["properties"].get(name).is_some();
    (is_same || !is_known).then(|| encoded(&text))
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The server sends by itself; each call's end is an event.
fn end_calls(server: &Server, brand: &str) {
    let mut connection = server.tcp(&server.manager());
    let subscribed = connection.call("Subscribe", &json!({ "channels": [format!("kyc:{brand}")] }));
    assert_eq!(subscribed["status"], 200, "{subscribed}");
    loop {
        connection.events.clear();
        let waiting = connection.call("MngGetKycDeliveries", &json!({ "brand": brand, "status": "queued" }));
        if waiting["data"]["count"] == 0 {
            return;
        }
        // What came with the reply may have been the end of the last one.
        if connection.events.is_empty() {
            connection.read();
        }
    }
}

fn reply(answer: &Answer) -> Reply {
    Reply {
        status: answer.status,
        body: answer.json(),
    }
}
