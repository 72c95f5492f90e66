//! A client of the load: what it asks for at random, and what it notes of the answers.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use kyc_core::status::StepType;
use kyc_core::webhook::WebhookError;
use kyc_ports::app::{UploadFor, WebhookRequest};
use kyc_tests::sim::{ADAM, BRAND, DAY, MARY, PIXEL_PNG, customer, overlaid, request};
use kyc_tests::tenants::{Tenant, approval_until, event, tenant_data};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::load::platform::{BRANDS, DUAL, OURS, TENANTS, THEIRS};
use crate::load::{Known, World};
use crate::promises::Promise;

/// Longer than a call waits for its platform.
const LONG_SECONDS: i64 = 31 * 3_600;

/// The type of steps that are approved without anything submitted.
const MANUAL: i64 = StepType::Manual as i64;

/// One of those who work at the same time.
pub(super) struct Client {
    world: Arc<World>,
    rng: fastrand::Rng,
    /// The database that it makes checkpoints of.
    checkpoints: Option<PathBuf>,
}

impl Client {
    pub(super) fn new(world: Arc<World>, seed: u64, checkpoints: Option<PathBuf>) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        Self {
            world,
            rng,
            checkpoints,
        }
    }

    /// Adds what others build on: tenants, while no brand has a customer, and templates.
    pub(super) async fn found(mut self) {
        for (brand, model) in TENANTS {
            let data = tenant_data(brand, brand, model, json!({ "lookup_rate": 2 }));
            self.ask(ADAM, None, "MngAddTenant", data).await;
        }
        for brand in [BRAND, DUAL, OURS] {
            let data = json!({ "brand": brand, "code": "code0", "level": 1, "step_type": MANUAL });
            self.ask(MARY, None, "MngAddKycStepTemplate", data).await;
        }
        // The day after, all reconciliations are due.
        self.world.clock.advance_seconds(DAY);
    }

    pub(super) async fn work(mut self, commands: u32) {
        for _ in 0..commands {
            self.world.clock.advance_seconds(self.rng.i64(0..60));
            match self.rng.u8(..60) {
                0 => {
                    self.world.clock.advance_seconds(LONG_SECONDS);
                    drop(self.world.app.tick().await);
                }
                1..=9 => drop(self.world.app.tick().await),
                10..=13 => self.upload().await,
                14..=20 => self.webhook().await,
                21..=24 if self.checkpoints.is_some() => self.checkpoint(),
                _ => self.call().await,
            }
        }
    }

    fn known<T>(&self, read: impl FnOnce(&mut Known) -> T) -> T {
        read(&mut self.world.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// As a thread of the store's own would; a busy store is let be.
    fn checkpoint(&mut self) {
        let Some(path) = &self.checkpoints else { return };
        let kind = self
            .rng
            .choice(["PASSIVE", "FULL", "RESTART", "TRUNCATE"])
            .expect("one");
        let connection = Connection::open(path).expect("a connection");
        connection
            .query_row(&format!("PRAGMA wal_checkpoint({kind})"), (), |_| Ok(()))
            .expect("a checkpoint, or the word that it is busy");
    }

    async fn upload(&mut self) {
        let token = self.token();
        let app = &self.world.app;
        let reply = async {
            let actor = app.may_upload(Some(&token))?;
            let mut upload = app.begin_upload(&actor, UploadFor::default(), "passport.png").await?;
            upload.write(PIXEL_PNG).await?;
            upload.finish().await
        };
        let file = reply.await.expect("a stored file").file_id;
        self.world.notebook.promise(Promise::File(file.clone()));
        self.known(|known| {
            known.answered += 1;
            known.files.push(file.to_string());
        });
    }

    /// A customer's, or a manager's: what a manager uploads may become anybody's.
    fn token(&mut self) -> String {
        if self.rng.bool() {
            return MARY.to_owned();
        }
        customer(self.rng.i64(1..5))
    }

    /// A platform tells of a player: of one that is known here, or not yet.
    async fn webhook(&mut self) {
        let slug = *self.rng.choice(&[DUAL, THEIRS]).expect("one");
        let Some(tenant) = self.tenant(slug).await else { return };
        let now = self.world.app.now().seconds();
        let event_id = format!("event-{}", self.rng.u16(..200));
        let player = match self.rng.i64(1..10) {
            number @ 1..7 => number.to_string(),
            number => format!("platform-{}", number - 6),
        };
        let level = self.rng.i64(1..4);
        let ts = now - self.rng.i64(0..100);
        let until = now + self.rng.i64(600..20_000);
        let body = match self.rng.u8(..6) {
            0 => event("submitted", &event_id, ts, &player, level),
            1..=3 => approval_until(&event_id, ts, &player, level, until),
            4 => event("rejected", &event_id, ts, &player, level),
            _ => event("expired", &event_id, ts, &player, level),
        };
        let body = body.to_string();
        let signature = tenant.signature(now, body.as_bytes());
        let sent = WebhookRequest {
            slug,
            source: None,
            timestamp: Some(&now.to_string()),
            signature: Some(&signature),
            body: body.as_bytes(),
        };
        match self.world.app.webhook(sent).await {
            Ok(_) => {
                self.world.notebook.promise(Promise::Taken(slug.to_owned(), event_id));
                self.known(|known| known.answered += 1);
            }
            // Somebody has drawn another secret.
            Err(WebhookError::NotSigned) => drop(self.known(|known| known.tenants.remove(slug))),
            Err(_) => {}
        }
    }

    /// A tenant with its secret: a new one when nobody knows it.
    async fn tenant(&mut self, slug: &str) -> Option<Tenant> {
        if self.known(|known| !known.tenants.contains_key(slug)) {
            let data = json!({ "slug": slug, "overlap_seconds": 0 });
            self.ask(ADAM, None, "MngRotateTenantSecret", data).await;
        }
        self.known(|known| known.tenants.get(slug).cloned())
    }

    async fn call(&mut self) {
        let (token, name, data) = self.command();
        let key = (self.rng.u8(..4) == 0).then(|| format!("key-{}", self.rng.u8(..8)));
        self.ask(token, key.as_deref(), name, data).await;
    }

    /// Much of what is asked at random is refused.
    async fn ask(&mut self, token: &str, key: Option<&str>, name: &str, data: Value) {
        if let Ok(reply) = self.world.app.call(request(token, key, name, data)).await {
            self.told(&reply.into_value());
        }
    }

    /// Notes what a client was told of.
    fn told(&mut self, reply: &Value) {
        let told = [
            ("profiles", &reply["kyc_id"]),
            ("steps", &reply["step_id"]),
            ("documents", &reply["document"]["id"]),
            ("templates", &reply["template"]["id"]),
        ];
        for (table, id) in told {
            if let Some(id) = id.as_i64() {
                self.world.notebook.promise(Promise::Told(table, id));
            }
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let tenant = text(&reply["tenant"]["slug"]).zip(text(&reply["webhook_secret"]));
        let tenant = tenant.map(|(slug, webhook_secret)| Tenant {
            slug,
            webhook_secret,
            outbound_secret: String::new(),
        });
        self.known(|known| {
            known.answered += 1;
            known.tenants.extend(tenant.map(|tenant| (tenant.slug.clone(), tenant)));
            known.steps.extend(reply["step_id"].as_i64());
            known.documents.extend(reply["document"]["id"].as_i64());
        });
    }

    fn command(&mut self) -> (&'static str, &'static str, Value) {
        let (steps, documents, files) =
            self.known(|known| (known.steps.clone(), known.documents.clone(), known.files.clone()));
        let now = self.world.app.now().seconds();
        let rng = &mut self.rng;
        let step = rng.choice(&steps).copied().unwrap_or(1);
        let document = rng.choice(&documents).copied().unwrap_or(1);
        let file = rng.choice(&files).cloned().unwrap_or_default();
        let customer_id = rng.i64(1..6);
        let brand = *rng.choice(&BRANDS).expect("one");
        let who = json!({ "brand": brand, "customer_id": customer_id });
        let with = |more: Value| overlaid(who.clone(), more);
        let code = format!("code{}", rng.u8(..6).saturating_sub(3));
        let level = rng.i64(1..4);
        let ends = now + rng.i64(600..20_000);
        match rng.u8(..40) {
            0..=2 => {
                let requirements = json!({ "documents": ["passport"], "valid_days": 30 });
                let data = json!({ "brand": brand, "code": code, "level": level, "requirements": requirements });
                (MARY, "MngAddKycStepTemplate", data)
            }
            3 => {
                let data = json!({ "brand": brand, "kyc_required_for_real": 1, "real_account_level": level });
                (ADAM, "MngSetKycBrand", data)
            }
            4..=9 => (MARY, "MngRequireKycStep", with(json!({ "step_code": code }))),
            10..=12 => (MARY, "MngSetKycRequiredLevel", with(json!({ "level": level }))),
            13..=15 => (MARY, "MngSubmitKycStep", json!({ "id": step })),
            16..=18 => (MARY, "MngApproveKycStep", json!({ "id": step, "expires_time": ends })),
            19 => (MARY, "MngRejectKycStep", json!({ "id": step, "reason": "BLURRED" })),
            20 => (MARY, "MngSkipKycStep", json!({ "id": step, "reason": "waived" })),
            21..=26 => {
                let data = json!({ "type": "passport", "file_id": file });
                (MARY, "MngAddKycDocument", with(data))
            }
            27..=28 => (
                MARY,
                "MngApproveKycDocument",
                json!({ "id": document, "expires_time": ends }),
            ),
            29 => (
                MARY,
                "MngRejectKycDocument",
                json!({ "id": document, "reason": "FORGED" }),
            ),
            30 => (
                MARY,
                "MngDeleteKycDocument",
                json!({ "id": document, "reason": "mistake" }),
            ),
            31 => (
                MARY,
                "MngSetKycRiskLevel",
                with(json!({ "risk_level": level, "reason": "CHECKED" })),
            ),
            32 => {
                let external_id = format!("platform-{customer_id}");
                (MARY, "MngLinkKycCustomer", with(json!({ "external_id": external_id })))
            }
            33..=34 => (MARY, "MngReplayKycDelivery", json!({ "id": rng.i64(1..40) })),
            35..=37 => self.administration(),
            _ => (MARY, "MngCheckRealAccountGate", who),
        }
    }

    /// What an administrator does to tenants.
    fn administration(&mut self) -> (&'static str, &'static str, Value) {
        let rng = &mut self.rng;
        let slug = rng.choice(TENANTS).expect("one").0;
        match rng.u8(..8) {
            0..=1 => (ADAM, "MngRotateTenantSecret", json!({ "slug": slug })),
            2 => (
                ADAM,
                "MngRotateTenantSecret",
                json!({ "slug": slug, "kind": "outbound", "overlap_seconds": 600 }),
            ),
            3..=4 => {
                let data = json!({ "slug": slug, "lookup_rate": rng.i64(1..4) });
                (ADAM, "MngUpdateTenant", data)
            }
            5 => (ADAM, "MngDeleteTenant", json!({ "slug": OURS })),
            _ => (
                ADAM,
                "MngAddTenant",
                tenant_data(OURS, OURS, "crm_owns", json!({ "lookup_rate": 2 })),
            ),
        }
    }
}
