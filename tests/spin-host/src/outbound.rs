//! Outbound HTTP of the guest: only to granted hosts, through hyper, to a test's stub or to a sibling component.

use crate::manifest::Component;
use crate::{App, PATIENCE};
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Answers the guest's granted outbound requests in place of the network.
pub type Outbound = Arc<dyn Fn(Request<Bytes>) -> Pin<Box<dyn Future<Output = Response<Bytes>> + Send>> + Send + Sync>;

/// Holds outbound requests until it is opened: tests wait for what stands before it, not for a time.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    crowd: watch::Sender<usize>,
    is_open: watch::Sender<bool>,
}

impl Gate {
    /// Answers with an empty object when the gate is open.
    pub fn outbound(&self) -> Outbound {
        let gate = self.clone();
        Arc::new(move |_| {
            let gate = gate.clone();
            Box::pin(async move {
                let _standing = gate.stand();
                let mut is_open = gate.is_open.subscribe();
                // The sender is the gate's own.
                let _opened = is_open.wait_for(|is_open| *is_open).await;
                Response::new(Bytes::from_static(b"{}"))
            })
        })
    }

    fn stand(&self) -> Standing {
        self.crowd.send_modify(|there| *there += 1);
        Standing(self.clone())
    }

    /// Waits until so many requests stand before it.
    ///
    /// # Panics
    ///
    /// When that does not come within a minute.
    pub async fn until(&self, count: usize) {
        let mut crowd = self.crowd.subscribe();
        // The sender is the gate's own.
        let there = timeout(PATIENCE, crowd.wait_for(|there| *there >= count)).await;
        assert!(there.is_ok(), "{} of {count} came to the gate", self.there());
    }

    /// From now on nobody waits.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// How many stand before it now.
    pub fn there(&self) -> usize {
        *self.crowd.borrow()
    }
}

/// A request before the gate, answered or given up when this is dropped.
struct Standing(Gate);

impl Drop for Standing {
    fn drop(&mut self) {
        self.0.crowd.send_modify(|there| *there -= 1);
    }
}

/// What a guest set for a request to a stub, which finds it in the request's extensions. As in Spin, the time until the
/// first byte holds for the whole request, its connection and its body included.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimits {
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the answer begins.
    pub first_byte: Duration,
    /// Between two pieces of its body.
    pub between_bytes: Duration,
}

impl From<&RequestOptions> for TimeLimits {
    fn from(options: &RequestOptions) -> Self {
        Self {
            connect: options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT),
            first_byte: options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT),
            between_bytes: options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT),
        }
    }
}

type BodyEnd = Box<dyn Future<Output = Result<(), Error>> + Send>;

const DEFAULT_TIMEOUT: Duration = Duration::from_mins(10);

pub(crate) struct Hooks {
    pub(crate) component: Arc<Component>,
    pub(crate) app: Arc<App>,
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: BodyEnd,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, BodyEnd), Error>> + Send> {
        let granted = self.component.hosts.allows(request.uri());
        let app = self.app.clone();
        Box::new(async move {
            if !granted {
                app.stats.count(&app.stats.outbound_denied);
                return Err(Error::HttpRequestDenied);
            }
            let response = send(&app, request, options.unwrap_or_default()).await?;
            Ok((response, Box::new(std::future::ready(Ok(()))) as BodyEnd))
        })
    }
}

async fn send(app: &App, request: Request<WasiBody>, options: RequestOptions) -> Result<Response<WasiBody>, Error> {
    let sibling = request
        .uri()
        .host()
        .and_then(|host| host.strip_suffix(".spin.internal"))
        .map(str::to_owned);
    if let Some(id) = sibling {
        return app.call_sibling(&id, request).await.ok_or(Error::DestinationNotFound);
    }
    if let Some(stub) = &app.outbound {
        let limits = TimeLimits::from(&options);
        let answer = async {
            let (mut parts, body) = request.into_parts();
            parts.extensions.insert(limits);
            let body = body.collect().await?.to_bytes();
            Ok::<_, Error>(stub(Request::from_parts(parts, body)).await)
        };
        let patience = limits.first_byte.min(app.limits.outbound_time);
        let response = timeout(patience, answer).await;
        let response = response.map_err(|_| Error::ConnectionReadTimeout)??;
        return Ok(response.map(|body| Full::new(body).map_err(Error::from).boxed_unsync()));
    }
    over_network(request, options).await
}

async fn over_network(mut request: Request<WasiBody>, options: RequestOptions) -> Result<Response<WasiBody>, Error> {
    let uri = request.uri();
    if uri.scheme_str() != Some("http") {
        return Err(Error::InternalError(Some(
            "this test host speaks http only: give it a stub for https".into(),
        )));
    }
    let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?;
    let address = format!("{host}:{}", uri.port_u16().unwrap_or(80));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let path: Uri = path.parse().map_err(|_| Error::HttpRequestUriInvalid)?;
    let connect = timeout(
        options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT),
        TcpStream::connect(address),
    );
    let stream = connect
        .await
        .map_err(|_| Error::ConnectionTimeout)?
        .map_err(Error::Connect)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    *request.uri_mut() = path;
    let answer = timeout(
        options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT),
        sender.send_request(request),
    );
    let response = answer.await.map_err(|_| Error::ConnectionReadTimeout)??;
    Ok(response.map(|body| body.map_err(Error::from).boxed_unsync()))
}
