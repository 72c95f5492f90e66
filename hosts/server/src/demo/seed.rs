//! Plays the demo's stories through the application, as managers and customers would.

use kyc_core::id::CustomerId;
use kyc_core::limits::STEPS_MAX;
use kyc_core::rejection::Rejection;
use kyc_core::status::Session;
use kyc_core::table;
use kyc_ports::app::{App, Request, UploadFor};
use serde_json::{Map, Value, json};

use crate::Failure;
use crate::commands::token::mint;
use crate::data_dir::DataDir;
use crate::demo::script::{BRAND, PEOPLE, Person, Story, templates};
use crate::demo::specimen::{passport_png, selfie_jpg, utility_bill_pdf};
use crate::settings::TokenOptions;

/// A caller of the application.
struct Caller<'a> {
    app: &'a App,
    token: String,
}

/// Whether nothing has been put into the brand yet.
pub(super) async fn is_empty(app: &App, token: &str) -> Result<bool, Failure> {
    let caller = Caller {
        app,
        token: token.to_owned(),
    };
    let found = caller
        .call(
            "MngGetKycStepTemplates",
            json!({ "brand": BRAND, "status": -1, "limit": 1 }),
        )
        .await?;
    Ok(found.get("count").and_then(Value::as_i64) == Some(0))
}

/// Puts everybody in.
pub(super) async fn fill(app: &App, dir: &DataDir, admin: &TokenOptions) -> Result<(), Failure> {
    eprintln!("Putting invented customers into {} …", dir.root().display());
    let manager = Caller {
        app,
        token: mint(&TokenOptions {
            role: Session::Manager,
            sub: "mary.demo".to_owned(),
            ..admin.clone()
        })?,
    };
    for template in templates() {
        manager.call("MngAddKycStepTemplate", template).await?;
    }
    for person in PEOPLE {
        let token = mint(&TokenOptions {
            role: Session::Customer,
            sub: format!("customer-{}", person.customer_id),
            brand: vec![BRAND.to_owned()],
            customer_id: Some(person.customer_id),
            ..admin.clone()
        })?;
        play(&manager, &Caller { app, token }, person).await?;
    }
    Ok(())
}

impl Caller<'_> {
    async fn call(&self, name: &'static str, data: Value) -> Result<Value, Failure> {
        let refused = |rejection: &Rejection| Failure::new(format!("sample data: {name}: {rejection}"));
        let command = table::command(name).ok_or_else(|| Failure::new(format!("sample data: no command {name}")))?;
        let data = match data {
            Value::Object(data) => data,
            _ => Map::new(),
        };
        let request = Request {
            command,
            data,
            token: Some(self.token.clone()),
            idempotency_key: None,
        };
        let reply = self.app.call(request).await.map_err(|rejection| refused(&rejection))?;
        Ok(reply.into_value())
    }

    async fn upload(&self, person: &Person, name: &str, bytes: Vec<u8>) -> Result<Value, Failure> {
        let refused = |rejection: Rejection| Failure::new(format!("sample file {name}: {rejection}"));
        let actor = self.app.may_upload(Some(&self.token)).map_err(refused)?;
        let owner = UploadFor {
            brand: BRAND.parse().ok(),
            customer_id: Some(CustomerId(person.customer_id)),
        };
        let mut upload = self.app.begin_upload(&actor, owner, name).await.map_err(refused)?;
        upload.write(&bytes).await.map_err(refused)?;
        let reply = upload.finish().await.map_err(refused)?;
        Ok(json!(reply.file_id))
    }
}

/// One person's story.
async fn play(manager: &Caller<'_>, customer: &Caller<'_>, person: &Person) -> Result<(), Failure> {
    let who = json!({ "brand": BRAND, "customer_id": person.customer_id });
    if person.story == Story::Known {
        let risk = with(&who, json!({ "risk_level": 1, "reason": "screening_clear" }));
        manager.call("MngSetKycRiskLevel", risk).await?;
        return Ok(());
    }
    let level = if person.story == Story::ApprovedTwice { 2 } else { 1 };
    let level = with(
        &who,
        json!({ "level": level, "reason": "first_deposit", "source": "demo" }),
    );
    manager.call("MngSetKycRequiredLevel", level).await?;
    let steps = Steps::of(customer).await?;
    match person.story {
        Story::Asked => return Ok(()),
        Story::Skipped => {
            for step in ["proof_id", "about_you"] {
                manager
                    .call(
                        "MngSkipKycStep",
                        json!({ "id": steps.id(step)?, "reason": "verified_elsewhere" }),
                    )
                    .await?;
            }
            return Ok(());
        }
        _ => {}
    }
    offer_identity(customer, person, &steps).await?;
    decide(manager, customer, person, &steps).await?;
    match person.story {
        Story::ReviewRequired => {
            let risk = with(&who, json!({ "risk_level": 3, "reason": "unusual_deposits" }));
            manager.call("MngSetKycRiskLevel", risk).await?;
        }
        Story::Prohibited => {
            let risk = with(&who, json!({ "risk_level": 4, "reason": "sanctions_match" }));
            manager.call("MngSetKycRiskLevel", risk).await?;
        }
        _ => {}
    }
    Ok(())
}

/// The verdicts that the story has.
async fn decide(manager: &Caller<'_>, customer: &Caller<'_>, person: &Person, steps: &Steps) -> Result<(), Failure> {
    match person.story {
        Story::Approved | Story::ReviewRequired => approve(manager, steps, &["proof_id", "about_you"]).await,
        Story::ApprovedTwice => {
            offer_address(customer, person, steps).await?;
            approve(manager, steps, &["proof_id", "about_you", "proof_address"]).await
        }
        Story::Expired => {
            approve(manager, steps, &["about_you"]).await?;
            // It lapses before anybody can look.
            let soon = customer.app.now().seconds() + 2;
            manager
                .call(
                    "MngApproveKycStep",
                    json!({ "id": steps.id("proof_id")?, "expires_time": soon }),
                )
                .await?;
            Ok(())
        }
        Story::Rejected => {
            let verdict = json!({
                "id": steps.id("proof_id")?,
                "reason": "DOCUMENT_NOT_CLEAR",
                "comment": "the lower edge is cut off",
                "customer_message": "Please send a picture that shows all four corners.",
            });
            manager.call("MngRejectKycStep", verdict).await?;
            approve(manager, steps, &["about_you"]).await
        }
        _ => Ok(()),
    }
}

async fn approve(manager: &Caller<'_>, steps: &Steps, codes: &[&str]) -> Result<(), Failure> {
    for code in codes {
        manager
            .call(
                "MngApproveKycStep",
                json!({ "id": steps.id(code)?, "comment": "checked" }),
            )
            .await?;
    }
    Ok(())
}

/// The passport, and the answers about the person.
async fn offer_identity(customer: &Caller<'_>, person: &Person, steps: &Steps) -> Result<(), Failure> {
    let name = format!("{} {}", person.first_name, person.last_name);
    let number = format!("SP{:07}", person.customer_id * 37);
    let country = person.country_name;
    let picture = drawn(move || passport_png(&name, country, &number)).await?;
    attach(
        customer,
        person,
        steps,
        "proof_id",
        ("passport", "passport.png", picture),
    )
    .await?;
    let answers = json!({
        "first_name": person.first_name,
        "last_name": person.last_name,
        "birth_date": person.birth_date,
        "country": person.country,
        "is_pep": false,
    });
    customer
        .call(
            "CustomerSubmitKycStep",
            json!({ "id": steps.id("about_you")?, "answers": answers }),
        )
        .await?;
    Ok(())
}

/// The bill, the selfie, and the address.
async fn offer_address(customer: &Caller<'_>, person: &Person, steps: &Steps) -> Result<(), Failure> {
    let name = format!("{} {}", person.first_name, person.last_name);
    let address = person.address;
    let seed = u32::try_from(person.customer_id).unwrap_or_default();
    let (bill, selfie) = drawn(move || (utility_bill_pdf(&name, address), selfie_jpg(seed))).await?;
    attach(
        customer,
        person,
        steps,
        "proof_address",
        ("utility_bill", "bill.pdf", bill),
    )
    .await?;
    attach(
        customer,
        person,
        steps,
        "proof_address",
        ("selfie", "selfie.jpg", selfie),
    )
    .await?;
    let answers = json!({ "address": person.address });
    customer
        .call(
            "CustomerSubmitKycStep",
            json!({ "id": steps.id("proof_address")?, "answers": answers }),
        )
        .await?;
    Ok(())
}

async fn attach(
    customer: &Caller<'_>,
    person: &Person,
    steps: &Steps,
    code: &str,
    (document_type, file_name, bytes): (&str, &str, Vec<u8>),
) -> Result<(), Failure> {
    let file_id = customer.upload(person, file_name, bytes).await?;
    let offer =
        json!({ "kyc_id": steps.kyc_id, "step_id": steps.id(code)?, "type": document_type, "file_id": file_id });
    customer.call("CustomerAddKycDocument", offer).await?;
    Ok(())
}

/// Drawing takes a moment; it is kept off the threads that serve.
async fn drawn<T: Send + 'static>(draw: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(draw)
        .await
        .map_err(|error| Failure::new(format!("sample file: {error}")))
}

/// A customer's steps, by code.
struct Steps {
    kyc_id: i64,
    ids: Vec<(String, i64)>,
}

impl Steps {
    async fn of(customer: &Caller<'_>) -> Result<Self, Failure> {
        let status = customer.call("CustomerGetKycStatus", json!({})).await?;
        let id = |thing: &Value| thing.get("id").and_then(Value::as_i64);
        let steps = status
            .get("steps")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .take(STEPS_MAX);
        let ids = steps
            .filter_map(|step| Some((step.get("code")?.as_str()?.to_owned(), id(step)?)))
            .collect();
        let kyc_id = status.get("profile").and_then(id);
        Ok(Self {
            kyc_id: kyc_id.ok_or_else(|| Failure::new("sample data: no profile"))?,
            ids,
        })
    }

    fn id(&self, code: &str) -> Result<i64, Failure> {
        let found = self.ids.iter().find(|(own, _)| own == code).map(|(_, id)| *id);
        found.ok_or_else(|| Failure::new(format!("sample data: no step {code}")))
    }
}

fn with(base: &Value, more: Value) -> Value {
    let mut all = base.clone();
    if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
        all.extend(more);
    }
    all
}
