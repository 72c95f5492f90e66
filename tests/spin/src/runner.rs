//! The Spin components as a way to reach the commands: the stories of `kyc_tests` told over `spin.toml`.

use kyc_spin_host::Reuse;
use kyc_tests::conformance::wire::{ask, store, tell};
use kyc_tests::conformance::{Reply, Request, Runner, Upload, Webhook};
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
        self.sent += 1;
        ask(self.spin.http, self.sent, request).map(said_natively)
    }

    fn upload(&mut self, upload: &Upload) -> Reply {
        store(self.spin.http, upload)
    }

    fn webhook(&mut self, webhook: &Webhook) -> Reply {
        tell(self.spin.http, webhook)
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
