//! The Spin components as a way to reach the commands: the stories of `kyc_tests` told over `spin.toml`.

use kyc_spin_host::Reuse;
use kyc_tests::conformance::wire::Asker;
use kyc_tests::conformance::{Download, Reply, Request, Runner, Upload, Webhook};
use serde_json::Value;

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
    asker: Asker,
}

impl SpinRunner {
    /// In this mode.
    pub fn new(reuse: Reuse) -> Self {
        let spin = Spin::start(reuse);
        let asker = Asker::of(spin.http);
        Self { spin, asker }
    }

    /// The application.
    pub const fn spin(&self) -> &Spin {
        &self.spin
    }

    /// What has been asked.
    pub const fn asker(&self) -> &Asker {
        &self.asker
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
        self.asker.call(request).map(said_natively)
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

    /// Nothing is sent before a scheduler says so.
    fn end_calls(&mut self, brand: &str) {
        let waiting = format!("/manager/kyc/deliveries?brand={brand}&status=queued");
        while self.spin.manager().get(&waiting).ok()["count"] != 0 {
            self.spin.tick();
        }
    }
}

/// The reply with the native server's words in it.
fn said_natively(mut reply: Reply) -> Reply {
    replace(&mut reply.body);
    reply
}

fn replace(value: &mut Value) {
    match value {
        Value::String(text) if text == DENIALS.0 => DENIALS.1.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(replace),
        Value::Object(members) => members.values_mut().for_each(replace),
        _ => {}
    }
}
