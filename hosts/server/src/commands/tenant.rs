//! `kycd tenant`: tenants and the calls to their platforms.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::Failure;
use crate::control::{Attempted, Operator};
use crate::settings::{
    DeliveriesOptions, ReconcileOptions, RotateSecretOptions, TenantAction, TenantAddOptions, TenantMembers,
    TenantUpdateOptions,
};

/// The pace that the platform is promised, with a little to spare.
const PACE: Duration = Duration::from_millis(1_100);
/// How often a second that others used up is waited for.
const WAITS_MAX: u32 = 60;

/// Does what is asked; results are JSON on standard output.
pub(crate) fn run(action: &TenantAction) -> Result<(), Failure> {
    match action {
        TenantAction::Add(options) => add(options),
        TenantAction::List(options) => each_row(&Operator::of(options)?, "MngGetTenants", &json!({}), None),
        TenantAction::Update(options) => update(options),
        TenantAction::RotateSecret(options) => rotate(options),
        TenantAction::Remove(options) => {
            let operator = Operator::of(&options.operator)?;
            show(&operator.call("MngDeleteTenant", json!({ "slug": options.slug }))?);
            Ok(())
        }
        TenantAction::Deliveries(options) => deliveries(options),
        TenantAction::Replay(options) => {
            let operator = Operator::of(&options.operator)?;
            show(&operator.call("MngReplayKycDelivery", json!({ "id": options.id }))?);
            Ok(())
        }
        TenantAction::Reconcile(options) => reconcile(options),
    }
}

#[expect(clippy::print_stdout, reason = "it is the result")]
fn show(value: &Value) {
    println!("{value}");
}

fn add(options: &TenantAddOptions) -> Result<(), Failure> {
    let mut data = members(&options.members);
    data.insert("slug".to_owned(), json!(options.tenant.slug));
    data.insert("brand".to_owned(), json!(options.brand));
    data.insert("kyc_model".to_owned(), json!(options.model));
    let operator = Operator::of(&options.tenant.operator)?;
    let reply = operator.call("MngAddTenant", Value::Object(data))?;
    let of_tenant = |name: &str| reply.get("tenant").and_then(|tenant| tenant.get(name)).cloned();
    show(&json!({
        "tenant_id": of_tenant("tenant_id"),
        "slug": of_tenant("slug"),
        "brand": of_tenant("brand"),
        "kyc_model": of_tenant("kyc_model"),
        "base_url": of_tenant("base_url"),
        "webhook_secret": reply.get("webhook_secret"),
        "outbound_secret": reply.get("outbound_secret"),
    }));
    Ok(())
}

fn update(options: &TenantUpdateOptions) -> Result<(), Failure> {
    let mut data = members(&options.members);
    data.insert("slug".to_owned(), json!(options.tenant.slug));
    if let Some(model) = options.model {
        data.insert("kyc_model".to_owned(), json!(model));
    }
    let operator = Operator::of(&options.tenant.operator)?;
    let reply = operator.call("MngUpdateTenant", Value::Object(data))?;
    show(reply.get("tenant").unwrap_or(&Value::Null));
    Ok(())
}

/// The members that are given.
fn members(members: &TenantMembers) -> Map<String, Value> {
    let flag = |given: Option<bool>| given.map(|yes| json!(i64::from(yes)));
    let given = [
        ("base_url", members.base_url.as_ref().map(|url| json!(url))),
        ("allow_private_network", flag(members.allow_private_network)),
        ("create_players", flag(members.create_players)),
        ("webhook_rate", members.webhook_rate.map(Value::from)),
        ("webhook_burst", members.webhook_burst.map(Value::from)),
        ("lookup_rate", members.lookup_rate.map(Value::from)),
    ];
    let given = given
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    given.collect()
}

fn rotate(options: &RotateSecretOptions) -> Result<(), Failure> {
    let data = json!({
        "slug": options.tenant.slug,
        "kind": options.kind,
        "overlap_seconds": options.overlap_seconds,
    });
    let operator = Operator::of(&options.tenant.operator)?;
    let mut reply = operator.call("MngRotateTenantSecret", data)?;
    let secrets = reply.get("tenant").and_then(|tenant| tenant.get("secrets")).cloned();
    if let Value::Object(reply) = &mut reply {
        reply.remove("tenant");
        reply.insert("slug".to_owned(), json!(options.tenant.slug));
        reply.insert("secrets".to_owned(), json!(secrets));
    }
    show(&reply);
    Ok(())
}

fn deliveries(options: &DeliveriesOptions) -> Result<(), Failure> {
    let mut data = Map::new();
    let given = [
        ("brand", options.brand.as_ref().map(|brand| json!(brand))),
        ("status", options.status.as_ref().map(|status| json!(status))),
        ("customer_id", options.customer_id.map(Value::from)),
    ];
    data.extend(
        given
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?))),
    );
    let operator = Operator::of(&options.operator)?;
    each_row(
        &operator,
        "MngGetKycDeliveries",
        &Value::Object(data),
        Some(options.limit),
    )
}

/// Prints the rows of a list, one a line: so many, or all.
fn each_row(operator: &Operator, command: &str, data: &Value, limit: Option<i64>) -> Result<(), Failure> {
    let mut cursor = Value::Null;
    loop {
        let mut page = data.clone();
        if let Value::Object(page) = &mut page {
            page.insert("limit".to_owned(), json!(limit.unwrap_or(1_000)));
            if !cursor.is_null() {
                page.insert("cursor".to_owned(), cursor);
            }
        }
        let reply = operator.call(command, page)?;
        for row in reply.get("rows").and_then(Value::as_array).into_iter().flatten() {
            show(row);
        }
        cursor = reply.get("next_cursor").cloned().unwrap_or_default();
        if cursor.is_null() || limit.is_some() {
            return Ok(());
        }
    }
}

/// Goes through all players, a second's worth at a time. A run that fails tells where another one can go on.
fn reconcile(options: &ReconcileOptions) -> Result<(), Failure> {
    let operator = Operator::of(&options.tenant.operator)?;
    let (mut checked, mut skipped, mut failed, mut drifted) = (0, 0, 0, 0);
    let mut cursor = options.cursor.clone();
    loop {
        let mut data = json!({ "slug": options.tenant.slug, "push": i64::from(options.push) });
        if let (Value::Object(data), Some(cursor)) = (&mut data, &cursor) {
            data.insert("cursor".to_owned(), json!(cursor));
        }
        let reply = reconcile_part(&operator, &data).map_err(|failure| match &cursor {
            Some(cursor) => Failure::new(format!("{failure}; `--cursor {cursor}` goes on from there")),
            None => failure,
        })?;
        let count = |name: &str| reply.get(name).and_then(Value::as_i64).unwrap_or_default();
        checked += count("checked");
        skipped += count("skipped");
        failed += count("failed");
        for drift in reply.get("drift").and_then(Value::as_array).into_iter().flatten() {
            drifted += 1;
            show(drift);
        }
        cursor = reply.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            break;
        }
        sleep(PACE);
    }
    show(&json!({ "checked": checked, "skipped": skipped, "failed": failed, "drift": drifted }));
    Ok(())
}

/// A second's worth. The daily run, or somebody else's, may have used the second up; then the next one is waited for.
fn reconcile_part(operator: &Operator, data: &Value) -> Result<Value, Failure> {
    let mut waits = 0;
    loop {
        match operator.attempt("MngReconcileTenant", data.clone())? {
            Attempted::Done(reply) => return Ok(reply),
            Attempted::TooFrequent(_) if waits < WAITS_MAX => {
                waits += 1;
                sleep(PACE);
            }
            Attempted::TooFrequent(refusal) | Attempted::Refused(refusal) => return Err(refusal),
        }
    }
}
