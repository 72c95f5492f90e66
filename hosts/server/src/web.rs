//! The HTTP listener: the API of [`kyc_http`], and beside it health, metrics and the API's documentation.
//!
//! Straight on hyper: what an API request passes through is what it needs.

mod deadline;
mod pages;
mod rarely;
mod timer;

use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kyc_core::rejection::Rejection;
use kyc_http::reply::ReplyBody;
use kyc_http::{Begun, Http, Next, reply};
use kyc_ports::app::LastToken;
use tokio::runtime::Handle;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use crate::serve::Timeouts;
use crate::telemetry::{OpenConnection, Requests};
use crate::tls::Io;
use crate::web::deadline::{Deadline, Patience};
use crate::web::rarely::Rarely;
use crate::web::timer::HeadTimer;

pub(crate) use crate::web::pages::Pages;

/// Largest head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long an upload may take as a whole.
const UPLOAD: Duration = Duration::from_mins(10);

/// What requests are answered with.
pub(crate) struct Web {
    http: Http,
    pages: Pages,
    stall: Duration,
    requests: Arc<Requests>,
    aside: Handle,
}

/// Serves accepted connections.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) routes: Arc<Web>,
    pub(crate) timeouts: Timeouts,
    pub(crate) stop: CancellationToken,
}

impl Listener {
    /// Serves one connection until it ends, or the server stops and the request under way is answered.
    pub(crate) async fn serve(self, io: Box<dyn Io>, peer: IpAddr) {
        let _open = OpenConnection::count("http");
        let connection = Arc::new(Connection {
            web: self.routes,
            peer,
            last_token: LastToken::default(),
        });
        let service = service_fn(move |request| {
            let connection = connection.clone();
            async move { Ok::<_, Infallible>(connection.answer(request).await) }
        });
        // The head's time-out also bounds how long a kept-alive connection may be idle.
        let mut io = TimeoutStream::new(io);
        io.set_write_timeout(Some(self.timeouts.stall));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(HeadTimer::default())
            .header_read_timeout(self.timeouts.stall)
            .max_buf_size(HEAD_BYTES_MAX)
            // Most replies are short: to copy one behind its head costs less than a second buffer.
            .writev(false)
            // Whoever has sent a request and then closes their side gets the answer. Else hyper also looks for the end
            // of the connection while it makes the answer: a system call and a buffer more with each request.
            .half_close(true)
            .serve_connection(TokioIo::new(Box::pin(io)), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            // Nearly always it is the connection that has something to do.
            biased;
            ended = connection.as_mut() => ended,
            () = Rarely::new(self.stop.cancelled()) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection ended");
        }
    }
}

impl Web {
    pub(crate) fn new(http: Http, pages: Pages, timeouts: Timeouts, requests: Arc<Requests>, aside: Handle) -> Self {
        Self {
            http,
            pages,
            stall: timeouts.stall,
            requests,
            aside,
        }
    }
}

/// What belongs to one connection. What all connections share is changed as seldom as can be: processors would wait for
/// one another.
struct Connection {
    web: Arc<Web>,
    peer: IpAddr,
    last_token: LastToken,
}

impl Connection {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<ReplyBody> {
        match Pages::find(request.uri().path()) {
            Some(page) => self.web.pages.serve(page, request.method()).await,
            None => self.api(request).await,
        }
    }

    /// The API.
    #[expect(clippy::disallowed_methods, reason = "measures, decides nothing")]
    async fn api(self: Arc<Self>, request: Request<Incoming>) -> Response<ReplyBody> {
        let started = Instant::now();
        let is_upload = request.uri().path() == "/upload";
        let whole = if is_upload { UPLOAD } else { self.web.stall };
        let patience = Patience {
            gap: self.web.stall,
            whole,
        };
        let has_body = !request.body().is_end_stream();
        let begin = AssertUnwindSafe(|| self.web.http.begin(&request, &self.last_token));
        let (command, served) = match std::panic::catch_unwind(begin) {
            Ok(Begun { command, next }) => match next {
                Next::Answered(response) => {
                    drop(request);
                    (command, Ok(response))
                }
                Next::Waits(waiting) => {
                    let connection = self.clone();
                    let request = request.map(|body| Deadline::new(body, patience));
                    // A task of its own: a client that goes away midway must not keep a commit from being announced.
                    let serving = async move {
                        let (http, peer) = (&connection.web.http, Some(connection.peer));
                        http.go_on(waiting, request, peer).await
                    };
                    // A file comes in many parts: to wake another thread for each costs more than what is done with it
                    // here.
                    let place = if is_upload {
                        Handle::current()
                    } else {
                        self.web.aside.clone()
                    };
                    let served = place.spawn(AssertUnwindSafe(serving).catch_unwind()).await;
                    (command, served.unwrap_or_else(|error| Err(Box::new(error))))
                }
            },
            Err(panic) => ("", Err(panic)),
        };
        if has_body {
            // hyper looks at the body once more before the reply: of one that was left unread it then says that the
            // connection ends.
            tokio::task::yield_now().await;
        }
        let response = served.unwrap_or_else(|_| {
            tracing::error!("a request failed");
            reply::error(&Rejection::OutcomeUnknown)
        });
        self.web
            .requests
            .count(command, response.status().as_u16(), started.elapsed());
        response
    }
}
