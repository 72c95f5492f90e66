//! One request: which component this is, whether the route is one of its own, and who answers it.

use std::sync::OnceLock;

use http::Response;
use kyc_core::rejection::Rejection;
use kyc_http::Http;
use kyc_http::reply::{ReplyBody, error};
use kyc_ports::app::App;
use spin_sdk::http::Request;

use crate::log;
use crate::parts::{Component, Unusable};
use crate::reply::{refused, text};
use crate::tick;

/// What the native server has and a component cannot: connections that stay open, and a process that lives on; and what
/// would only make it larger.
const NATIVE_ONLY: [&str; 5] = ["/docs", "/metrics", "/openapi.json", "/subscribe", "/tcp"];

/// Made by an instance's first request, for all of them.
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
        Err(unusable) => error(&unusable.told()),
    }
}

/// Made by an instance's first request. Where a variable is missing, the next request looks again.
async fn shared() -> Result<&'static Shared, Unusable> {
    if let Some(shared) = SHARED.get() {
        return Ok(shared);
    }
    log::begin();
    let component = Component::of_instance().await?;
    let app = component.app().await?;
    let http = Http::new(app.clone());
    // Another request may have been faster: then its application is as good.
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
            Component::Api if NATIVE_ONLY.contains(&path) => unknown(path),
            Component::Api | Component::Storage | Component::Webhooks => self.http.handle(request, None).await,
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
            "only the native server has this: the Spin components offer no TCP, no subscriptions, no metrics, no pages and \
             no OpenAPI document",
        );
    }
    error(&Rejection::NotFound("route"))
}
