//! The Spin components as a way to reach the commands: the stories of `kyc_tests` told over `spin.toml`.

use std::fmt::Write as _;

use kyc_core::command::Method;
use kyc_spin_host::Reuse;
use kyc_tests::conformance::{Reply, Request, Runner, Upload, Webhook};
use kyc_tests::rest::{Answer, Rest};
use serde_json::{Map, Value};

use crate::{Spin, now, token};

/// What a component says of the one platform of the stories, and what the native server says: the native server finds
/// out where an address is, a component calls no literal address at all.
const DENIALS: (&str, &str) = (
    "`127.0.0.1` is a literal address, which a component never calls",
    "`127.0.0.1:9` has a loopback address, which the tenant must allow (private networks)",
);

/// An application of its own.
pub struct SpinRunner {
    spin: Spin,
    sent: usize,
}

impl SpinRunner {
    /// In this mode.
    pub fn new(reuse: Reuse) -> Self {
        Self {
            spin: Spin::start(reuse),
            sent: 0,
        }
    }

    /// The application.
    pub const fn spin(&self) -> &Spin {
        &self.spin
    }
}

impl Runner for SpinRunner {
    /// What REST cannot carry is not carried here either.
    fn name(&self) -> &'static str {
        "rest"
    }

    fn now(&self) -> i64 {
        now()
    }

    fn token(&self, claims: &Value) -> String {
        token(claims)
    }

    fn call(&mut self, request: &Request) -> Option<Reply> {
        let methods = request.command.methods;
        let method = methods[self.sent % methods.len()];
        self.sent += 1;
        let mut data = request.data.clone();
        let path = path(request, &mut data)?;
        let (target, body) = if method == Method::Get {
            (format!("{path}{}", query(request, &data)?), Vec::new())
        } else if data.is_empty() {
            (path, Vec::new())
        } else {
            (path, Value::Object(data).to_string().into_bytes())
        };
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(request.key.as_deref().map(|key| ("idempotency-key", key)));
        let rest = Rest::new(self.spin.http, request.token.as_deref());
        Some(reply(&rest.send(method.name(), &target, &headers, &body)))
    }

    fn upload(&mut self, upload: &Upload) -> Reply {
        let rest = Rest::new(self.spin.http, upload.token.as_deref());
        let fields: Vec<(&str, String)> = upload
            .owner
            .iter()
            .flat_map(|(brand, id)| [("brand", brand.clone()), ("customer_id", id.to_string())])
            .collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        reply(&rest.upload(&fields, &upload.file_name, &upload.bytes))
    }

    fn webhook(&mut self, webhook: &Webhook) -> Reply {
        let path = format!("/v1/adapters/{}/webhooks/kyc-events", webhook.slug);
        let mut headers = vec![("content-type", "application/json")];
        if let Some((timestamp, signature)) = &webhook.signed {
            headers.extend([
                ("x-ucrm-timestamp", timestamp.as_str()),
                ("x-ucrm-signature", signature.as_str()),
            ]);
        }
        reply(&Rest::new(self.spin.http, None).send("POST", &path, &headers, &webhook.body))
    }

    /// Nothing is sent before a scheduler says so.
    fn end_calls(&mut self, brand: &str) {
        let waiting = format!("/manager/kyc/deliveries?brand={brand}&status=queued");
        while self.spin.manager().get(&waiting).ok()["count"] != 0 {
            self.spin.tick();
        }
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
    let params = &request.command.params;
    let read = params.from_query([(name.to_owned(), text.clone())].into_iter());
    let is_same = read.map_or(value.is_string(), |members| members.get(name) == Some(value));
    let is_known = params.schema()["properties"].get(name).is_some();
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

fn reply(answer: &Answer) -> Reply {
    let mut body = answer.json();
    said_natively(&mut body);
    Reply {
        status: answer.status,
        body,
    }
}

fn said_natively(value: &mut Value) {
    match value {
        Value::String(text) if text == DENIALS.0 => DENIALS.1.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(said_natively),
        Value::Object(members) => members.values_mut().for_each(said_natively),
        _ => {}
    }
}
