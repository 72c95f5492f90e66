//! The application itself, over its ports in memory.

use std::sync::Arc;

use futures_util::TryStreamExt;
use kyc_core::id::{Brand, CustomerId};
use kyc_core::record::json_of;
use kyc_core::rejection::Rejection;
use kyc_core::time::Time;
use kyc_jwt::{Minter, Verifier};
use kyc_memory::{ManualClock, MemoryBlobs, MemoryStore, ScriptedOutbound, SeededEntropy};
use kyc_ports::app::{self, App, Ports, RangeWanted, UploadFor, WebhookRequest};
use kyc_ports::clock::Clock;
use kyc_ports::notify::Silent;
use kyc_ports::outbound::OutboundError;
use kyc_vault::SealingVault;
use serde_json::Value;

use crate::sim::MASTER_KEY;

use super::{Download, Reply, Request, Runner, Upload, Webhook, told_file};

const SECRET: &[u8] = b"a secret that guards nothing, at all";
/// What the native host says of the one platform of the stories, which cannot be called.
const DENIAL: &str = "`127.0.0.1:9` has a loopback address, which the tenant must allow (private networks)";
/// 1 January 2026, 00:00 UTC.
const START: Time = Time::from_seconds(1_767_225_600);

/// An application of its own, whose clock goes on by a second with each request.
pub struct AppRunner {
    app: App,
    clock: Arc<ManualClock>,
    minter: Minter,
    runtime: tokio::runtime::Runtime,
}

impl Default for AppRunner {
    fn default() -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let outbound = ScriptedOutbound::default();
        outbound.answers(|_| Err(OutboundError::Denied(DENIAL.to_owned())));
        let app = App::new(Ports {
            store: Arc::new(MemoryStore::new()),
            blobs: Arc::new(MemoryBlobs::new(clock.clone())),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
            tokens: Arc::new(Verifier::shared_secret(SECRET).expect("a long secret")),
            notify: Arc::new(Silent),
            outbound: Arc::new(outbound),
            vault: Arc::new(SealingVault::new(MASTER_KEY).expect("a master key")),
        });
        Self {
            app,
            clock,
            minter: Minter::shared_secret(SECRET).expect("a long secret"),
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("a runtime"),
        }
    }
}

impl Runner for AppRunner {
    fn name(&self) -> &'static str {
        "app"
    }

    fn now(&self) -> i64 {
        self.clock.now().seconds()
    }

    fn token(&self, claims: &Value) -> String {
        let claims = serde_json::from_value(claims.clone()).expect("claims");
        self.minter.mint(&claims).expect("a token")
    }

    fn call(&mut self, request: &Request) -> Option<Reply> {
        self.clock.advance_seconds(1);
        let request = request.clone();
        let answer = self.runtime.block_on(self.app.call(app::Request {
            command: request.command,
            data: request.data,
            token: request.token,
            idempotency_key: request.key,
        }));
        Some(reply(answer.map(app::Reply::into_value)))
    }

    fn upload(&mut self, upload: &Upload) -> Reply {
        self.clock.advance_seconds(1);
        reply(
            self.runtime
                .block_on(store(&self.app, upload))
                .map(|file| json_of(&file)),
        )
    }

    fn download(&mut self, download: &Download) -> Reply {
        self.clock.advance_seconds(1);
        match self.runtime.block_on(fetch(&self.app, download)) {
            Ok(told) => told,
            Err(rejection) => reply(Err(rejection)),
        }
    }

    fn webhook(&mut self, webhook: &Webhook) -> Reply {
        let signed = webhook.signed.as_ref();
        let answer = self.runtime.block_on(self.app.webhook(WebhookRequest {
            slug: &webhook.slug,
            source: None,
            timestamp: signed.map(|(timestamp, _)| timestamp.as_str()),
            signature: signed.map(|(_, signature)| signature.as_str()),
            body: &webhook.body,
        }));
        self.clock.advance_seconds(1);
        match answer {
            Ok(received) => Reply {
                status: 200,
                body: json_of(&received),
            },
            Err(error) => Reply {
                status: error.status(),
                body: error.body(),
            },
        }
    }

    fn end_calls(&mut self, brand: &str) {
        let brand: Brand = brand.parse().expect("a brand");
        let send = || {
            self.runtime
                .block_on(self.app.send_calls(&brand))
                .expect("calls are sent")
        };
        while send() > 0 {}
    }
}

async fn store(app: &App, upload: &Upload) -> Result<kyc_core::file::FileReply, Rejection> {
    let actor = app.may_upload(upload.token.as_deref())?;
    let owner = upload
        .owner
        .as_ref()
        .map_or_else(UploadFor::default, |(brand, customer_id)| UploadFor {
            brand: Some(brand.parse().expect("a brand")),
            customer_id: Some(CustomerId(*customer_id)),
        });
    let mut stored = app.begin_upload(&actor, owner, &upload.file_name).await?;
    stored.write(&upload.bytes).await?;
    stored.finish().await
}

async fn fetch(app: &App, download: &Download) -> Result<Reply, Rejection> {
    let id = download.file_id.parse().map_err(|_| Rejection::NotFound("file"))?;
    let wanted = download.range.as_deref().map(range);
    let file = app.open_file(download.token.as_deref(), &id, wanted).await?;
    let pieces: Vec<_> = file.bytes.try_collect().await.expect("the bytes of a file");
    let (first, last) = (file.range.start, file.range.end.saturating_sub(1));
    let content_range = wanted.map(|_| format!("bytes {first}-{last}/{}", file.meta.file_size));
    Ok(Reply {
        status: if wanted.is_some() { 206 } else { 200 },
        body: told_file(&file.meta.content_type, content_range.as_deref(), &pieces.concat()),
    })
}

/// The ranges of the stories, which are all well formed.
fn range(text: &str) -> RangeWanted {
    let (first, last) = text
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
        .expect("a range of bytes");
    let number = |text: &str| text.parse().expect("a number");
    match (first, last) {
        ("", last) => RangeWanted::Last(number(last)),
        (first, "") => RangeWanted::FromTo(number(first), None),
        (first, last) => RangeWanted::FromTo(number(first), Some(number(last))),
    }
}

fn reply(answer: Result<Value, Rejection>) -> Reply {
    match answer {
        Ok(body) => Reply { status: 200, body },
        Err(rejection) => Reply {
            status: rejection.status(),
            body: Value::Object(rejection.body()),
        },
    }
}
