//! A bounded HTTP/1 server around one synchronous handler, which may also leave a request without an answer.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Largest body of a request that is looked at.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;
/// A body up to here is read to its end, so that the client sees the refusal and no broken connection.
const READ_BYTES_MAX: usize = 1024 * 1024;
/// Largest head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Connections served at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 1_024;
/// How long a head may take, which is also how long a kept-alive connection may be idle.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a body may take.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// The wait before accepting again when that failed, as it does without file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// Larger than [`BODY_BYTES_MAX`].
    TooLarge,
    /// It did not arrive in time, or not whole.
    Incomplete,
}

/// An answer to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

/// What to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// Answer it.
    Reply(Reply),
    /// Keep the connection and never answer.
    Hang,
    /// Close the connection without an answer.
    Drop,
}

/// Decides on a request whose body was read, or why it was not.
pub(crate) type Handler = Arc<dyn Fn(&Parts, Result<Bytes, BodyFault>) -> Reaction + Send + Sync>;

/// A running server. Dropping it closes the listener and every connection.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    task: JoinHandle<Infallible>,
}

impl Server {
    /// Listens on an address; port 0 takes a free one.
    pub(crate) async fn start(listen: SocketAddr, handler: Handler) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, handler));
        Ok(Self { address, task })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the listener, waits until it is closed, and ends every connection.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        // It ends by being aborted, which is no news.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, handler: Handler) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, handler.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, handler: Handler) {
    let answer = service_fn(|request| answer(&handler, request));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

/// Makes hyper close the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("dropped on purpose")]
struct Dropped;

async fn answer(handler: &Handler, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Dropped> {
    let (parts, body) = request.into_parts();
    match handler(&parts, whole(body).await) {
        Reaction::Reply(reply) => Ok(response(reply)),
        Reaction::Hang => std::future::pending().await,
        Reaction::Drop => Err(Dropped),
    }
}

async fn whole(body: Incoming) -> Result<Bytes, BodyFault> {
    let read = tokio::time::timeout(BODY_TIME_MAX, Limited::new(body, READ_BYTES_MAX).collect()).await;
    match read {
        Ok(Ok(body)) => Some(body.to_bytes())
            .filter(|bytes| bytes.len() <= BODY_BYTES_MAX)
            .ok_or(BodyFault::TooLarge),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyFault::TooLarge),
        _ => Err(BodyFault::Incomplete),
    }
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}
