//! What the server answers beside the API: health, metrics, and the API's documentation from the binary itself.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use kyc_http::reply::{self, ReplyBody};
use kyc_ports::app::App;
use tokio::sync::Mutex;
use utoipa_swagger_ui::{Config, SwaggerFile};

use crate::telemetry::Metrics;

/// What the documentation's pages may load: themselves. Swagger UI sets styles in its markup.
const DOCS_POLICY: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// What the pages show.
pub(crate) struct Pages {
    app: App,
    metrics: Arc<Metrics>,
    /// One write at a time finds out whether writes go through, however many ask.
    asks: Mutex<()>,
    openapi: Bytes,
    docs: Arc<Config<'static>>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Page {
    /// Whether the process runs.
    Health,
    /// Whether a write would go through.
    Ready,
    Metrics,
    OpenApi,
    /// Leads to the documentation.
    ToDocs,
    /// A file of the documentation.
    Docs(String),
}

impl Pages {
    pub(crate) fn new(app: App, metrics: Arc<Metrics>) -> Self {
        Self {
            app,
            metrics,
            asks: Mutex::new(()),
            openapi: kyc_http::openapi::document().to_string().into(),
            docs: Arc::new(Config::from("/openapi.json")),
        }
    }

    /// The page of a path; all other paths are the API's.
    pub(super) fn find(path: &str) -> Option<Page> {
        Some(match path {
            "/healthz" => Page::Health,
            "/readyz" => Page::Ready,
            "/metrics" => Page::Metrics,
            "/openapi.json" => Page::OpenApi,
            "/docs" => Page::ToDocs,
            _ => Page::Docs(path.strip_prefix("/docs/")?.to_owned()),
        })
    }

    /// Serves a page.
    pub(super) async fn serve(&self, page: Page, method: &Method) -> Response<ReplyBody> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut response = bare(StatusCode::METHOD_NOT_ALLOWED);
            let allowed = HeaderValue::from_static("GET,HEAD");
            response.headers_mut().insert(header::ALLOW, allowed);
            return response;
        }
        match page {
            Page::Health => text("ok\n"),
            Page::Ready => {
                let _asks = self.asks.lock().await;
                match self.app.check_writable().await {
                    Ok(()) => text("ready\n"),
                    Err(rejection) => reply::error(&rejection),
                }
            }
            Page::Metrics => text(self.metrics.render()),
            Page::OpenApi => reply::whole(StatusCode::OK, "application/json", self.openapi.clone()),
            Page::ToDocs => {
                let mut response = bare(StatusCode::SEE_OTHER);
                let to = HeaderValue::from_static("/docs/");
                response.headers_mut().insert(header::LOCATION, to);
                response
            }
            Page::Docs(file) => self.docs(&file),
        }
    }

    /// A file of Swagger UI.
    fn docs(&self, file: &str) -> Response<ReplyBody> {
        let Ok(Some(SwaggerFile {
            bytes, content_type, ..
        })) = utoipa_swagger_ui::serve(file, self.docs.clone())
        else {
            return bare(StatusCode::NOT_FOUND);
        };
        let mut response = Response::new(ReplyBody::Whole(Some(bytes.into_owned().into())));
        let headers = response.headers_mut();
        if let Ok(content_type) = HeaderValue::from_str(&content_type) {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOCS_POLICY));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(
            HeaderName::from_static("x-frame-options"),
            HeaderValue::from_static("DENY"),
        );
        response
    }
}

fn text(body: impl Into<String>) -> Response<ReplyBody> {
    reply::whole(StatusCode::OK, "text/plain; charset=utf-8", body.into().into())
}

/// A status without a body.
fn bare(status: StatusCode) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::Whole(None));
    *response.status_mut() = status;
    response
}
