//! What the clock brings: a scheduler calls `/internal/tick` every minute and `/internal/sweep` every hour.

use std::time::Duration;

use http::{Method, Response, StatusCode, header};
use kyc_core::rejection::Rejection;
use kyc_http::reply::{ReplyBody, error, whole};
use kyc_ports::app::{App, Ticked};
use serde_json::{Value, json};
use spin_sdk::http::Request;
use subtle::ConstantTimeEq;

use crate::parts::tick_secret;

/// How long one call begins with more of what is due; the rest is the next one's, a minute later.
const TICK_SECONDS: i64 = 40;

pub(crate) async fn serve(app: &App, request: &Request) -> Response<ReplyBody> {
    if request.method() != Method::POST {
        return error(&Rejection::MethodNotAllowed("POST".to_owned()));
    }
    match tick_secret().await {
        Err(unusable) => return error(&unusable.told()),
        Ok(secret) if !shows(request, &secret) => {
            return error(&Rejection::Unauthenticated("the tick's secret is needed"));
        }
        Ok(_) => {}
    }
    let done = match request.uri().path() {
        "/internal/sweep" => sweep(app).await,
        _ => tick(app).await,
    };
    match done {
        Ok(body) => whole(StatusCode::OK, "application/json", body.to_string().into()),
        Err(rejection) => error(&rejection),
    }
}

/// Whether the caller has the secret; how much of it is right does not show in the time that this takes.
fn shows(request: &Request, secret: &str) -> bool {
    let value = request.headers().get(header::AUTHORIZATION);
    let given = value.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    given.is_some_and(|given| given.ct_eq(secret.as_bytes()).into())
}

/// Goes on until nothing more is due, or until the time is over: the application does a part of each kind at a time.
async fn tick(app: &App) -> Result<Value, Rejection> {
    let end = app.now().plus_seconds(TICK_SECONDS);
    let mut ticked = Ticked::default();
    loop {
        ticked = ticked.and(app.tick().await?);
        match ticked.next_seconds {
            Some(seconds) if app.now().plus_seconds(seconds) < end => {
                spin_sdk::time::sleep(Duration::from_secs(seconds.unsigned_abs())).await;
            }
            _ => break,
        }
    }
    Ok(json!({
        "customers": ticked.customers,
        "replies": ticked.replies,
        "calls": ticked.calls,
        "reconciled": ticked.reconciled,
    }))
}

async fn sweep(app: &App) -> Result<Value, Rejection> {
    let files = app.sweep_files().await?;
    Ok(json!({ "files": files }))
}
