//! What the clock brings: a scheduler calls `/internal/tick` every minute and `/internal/sweep` every hour.

use http::{Method, Response, StatusCode, header};
use kyc_core::rejection::Rejection;
use kyc_http::reply::{ReplyBody, error, whole};
use kyc_ports::app::App;
use serde_json::{Value, json};
use spin_sdk::http::Request;
use subtle::ConstantTimeEq;

use crate::parts::tick_secret;
use crate::reply::refused;

pub(crate) async fn serve(app: &App, request: &Request) -> Response<ReplyBody> {
    if request.method() != Method::POST {
        return error(&Rejection::MethodNotAllowed("POST".to_owned()));
    }
    match tick_secret().await {
        Err(unusable) => {
            tracing::error!(%unusable, "the component cannot serve");
            return refused(&Rejection::Unavailable, &unusable.to_string());
        }
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

async fn tick(app: &App) -> Result<Value, Rejection> {
    let ticked = app.tick().await?;
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
