//! The HTTP listener: the API of [`kyc_http`], and beside it health, metrics and the API's documentation.

mod deadline;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use kyc_core::rejection::Rejection;
use kyc_http::{Http, Source, reply};
use kyc_ports::app::App;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_swagger_ui::{Config, SwaggerFile};

use crate::serve::Timeouts;
use crate::telemetry::{OpenConnection, count_request};
use crate::tls::Io;
use crate::web::deadline::{Deadline, Patience};

/// Largest head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long an upload may take as a whole.
const UPLOAD: Duration = Duration::from_mins(10);
/// What the documentation's pages may load: themselves. Swagger UI sets styles in its markup.
const DOCS_POLICY: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// What the routes need.
#[derive(Clone)]
pub(crate) struct Web {
    http: Http,
    app: App,
    metrics: PrometheusHandle,
    openapi: Bytes,
    docs: Arc<Config<'static>>,
    stall: Duration,
}

impl Web {
    pub(crate) fn new(http: Http, app: App, metrics: PrometheusHandle, timeouts: Timeouts) -> Self {
        let openapi = kyc_http::openapi::document().to_string().into();
        Self {
            http,
            app,
            metrics,
            openapi,
            docs: Arc::new(Config::from("/openapi.json")),
            stall: timeouts.stall,
        }
    }

    fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(|| async { text("ok\n") }))
            .route("/readyz", get(ready))
            .route(
                "/metrics",
                get(|State(web): State<Self>| async move { text(web.metrics.render()) }),
            )
            .route(
                "/openapi.json",
                get(|State(web): State<Self>| async move {
                    reply::whole(StatusCode::OK, "application/json", web.openapi).map(Body::new)
                }),
            )
            .route(
                "/docs",
                get(|| async { (StatusCode::SEE_OTHER, [(header::LOCATION, "/docs/")]) }),
            )
            .route("/docs/", get(|State(web): State<Self>| async move { docs(&web, "") }))
            .route(
                "/docs/{*file}",
                get(|State(web): State<Self>, Path(file): Path<String>| async move { docs(&web, &file) }),
            )
            .fallback(api)
            .with_state(self)
            .layer(CatchPanicLayer::new())
    }
}

/// Serves accepted connections.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) routes: Web,
    pub(crate) timeouts: Timeouts,
    pub(crate) stop: CancellationToken,
}

impl Listener {
    /// Serves one connection until it ends, or the server stops and the request under way is answered.
    pub(crate) async fn serve(self, io: Box<dyn Io>, peer: IpAddr) {
        let _open = OpenConnection::count("http");
        let service = TowerToHyperService::new(self.routes.router().layer(Extension(Source(peer))));
        // The head's time-out also bounds how long a kept-alive connection may be idle.
        let mut io = TimeoutStream::new(io);
        io.set_write_timeout(Some(self.timeouts.stall));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.timeouts.stall)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(Box::pin(io)), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection ended");
        }
    }
}

/// The API.
#[expect(clippy::disallowed_methods, reason = "measures, decides nothing")]
async fn api(State(web): State<Web>, request: Request) -> Response {
    let started = Instant::now();
    let whole = if request.uri().path() == "/upload" {
        UPLOAD
    } else {
        web.stall
    };
    let patience = Patience { gap: web.stall, whole };
    // In a task of its own: a client that goes away midway must not keep a commit from being announced.
    let http = web.http.clone();
    let served =
        tokio::spawn(async move { http.handle(request.map(|body| Deadline::new(body, patience))).await }).await;
    let response = served.unwrap_or_else(|error| {
        tracing::error!(%error, "a request failed");
        reply::error(&Rejection::Unavailable)
    });
    count_request("http", "", response.status().as_u16(), started.elapsed());
    response.map(Body::new)
}

async fn ready(State(web): State<Web>) -> Response {
    match web.app.check_writable().await {
        Ok(()) => text("ready\n").into_response(),
        Err(rejection) => reply::error(&rejection).map(Body::new),
    }
}

fn text(body: impl Into<String>) -> Response {
    reply::whole(StatusCode::OK, "text/plain; charset=utf-8", body.into().into()).map(Body::new)
}

/// The API's documentation: Swagger UI from the binary itself.
fn docs(web: &Web, file: &str) -> Response {
    match utoipa_swagger_ui::serve(file, web.docs.clone()) {
        Ok(Some(SwaggerFile {
            bytes, content_type, ..
        })) => {
            let mut response = Response::new(Body::from(bytes.into_owned()));
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
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
