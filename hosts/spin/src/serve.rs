//! One request: which component this is, whether the route is one of its own, and who answers it.

use std::sync::OnceLock;

use http::{Method, Response, StatusCode};
use kyc_core::rejection::Rejection;
use kyc_http::reply::{ReplyBody, error, whole};
use kyc_http::{Http, openapi};
use kyc_ports::app::App;
use spin_sdk::http::Request;

use crate::log;
use crate::parts::{Component, Unusable};
use crate::reply::{refused, text};
use crate::tick;

/// What the native server has and a component cannot: connections that stay open, and a process that lives on.
const NATIVE_ONLY: [&str; 4] = ["/docs", "/metrics", "/subscribe", "/tcp"];

/// What requests on one instance share: no connection, nothing of any request, and nothing that one request could wait
/// for another in, for in the component model a task cannot wake another one: the application has no turns. And no
/// cache, for other instances commit too.
struct Shared {
    component: Component,
    app: App,
    http: Http,
}

static SHARED: OnceLock<Shared> = OnceLock::new();

pub(crate) async fn serve(request: Request) -> Response<ReplyBody> {
    let path = request.uri().path();
    // Alive is alive, whatever is missing.
    if path == "/healthz" {
        return text("ok\n");
    }
    match shared().await {
        Ok(shared) if shared.component.has(path) => shared.answer(request).await,
        Ok(_) => unknown(path),
        Err(unusable) => {
            tracing::error!(%unusable, "the component cannot serve");
            refused(&Rejection::Unavailable, &unusable.to_string())
        }
    }
}

/// Made by an instance's first request. Where a variable is missing, the next request looks again.
async fn shared() -> Result<&'static Shared, Unusable> {
    if let Some(shared) = SHARED.get() {
        return Ok(shared);
    }
    log::begin();
    let component = Component::of_instance().await?;
    let app = App::without_turns(component.ports().await?);
    let http = Http::new(app.clone());
    // Another request may have been faster: then its parts are as good.
    Ok(SHARED.get_or_init(|| Shared { component, app, http }))
}

impl Component {
    /// Whether a route is this component's. The manifest says so too; this holds when somebody edits the manifest.
    fn has(self, path: &str) -> bool {
        let owner = match path {
            "/upload" => Self::Storage,
            "/internal/tick" | "/internal/sweep" => Self::Tick,
            _ if path.starts_with("/files/") => Self::Storage,
            _ if path.starts_with("/v1/adapters/") => Self::Webhooks,
            _ => Self::Api,
        };
        owner == self
    }
}

impl Shared {
    async fn answer(&self, request: Request) -> Response<ReplyBody> {
        let path = request.uri().path();
        match self.component {
            Component::Tick => tick::serve(&self.app, &request).await,
            Component::Api if path == "/readyz" => ready(&self.app).await,
            Component::Api if path == "/openapi.json" && request.method() == Method::GET => {
                let document = openapi::document().to_string();
                whole(StatusCode::OK, "application/json", document.into())
            }
            Component::Api if NATIVE_ONLY.contains(&path) => unknown(path),
            Component::Api | Component::Storage | Component::Webhooks => self.http.handle(request).await,
        }
    }
}

async fn ready(app: &App) -> Response<ReplyBody> {
    match app.check_writable().await {
        Ok(()) => text("ready\n"),
        Err(rejection) => error(&rejection),
    }
}

fn unknown(path: &str) -> Response<ReplyBody> {
    if NATIVE_ONLY.contains(&path) {
        return refused(
            &Rejection::NotFound("route"),
            "only the native server has this: the Spin components offer no TCP, no subscriptions, no metrics and no pages",
        );
    }
    error(&Rejection::NotFound("route"))
}
