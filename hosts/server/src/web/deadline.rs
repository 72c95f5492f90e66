//! A request body that must arrive whole within a time: a peer that sends a byte now and then is cut off.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body as AxumBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// It took too long.
    #[error("the body took too long")]
    Late,
    /// The connection broke.
    #[error("{0}")]
    Broken(#[from] axum::Error),
}

/// A body with a deadline, which starts when it is first read from.
pub(crate) struct Deadline {
    body: AxumBody,
    limit: Duration,
    late: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(crate) const fn new(body: AxumBody, limit: Duration) -> Self {
        Self {
            body,
            limit,
            late: None,
        }
    }
}

impl Body for Deadline {
    type Data = Bytes;
    type Error = Ended;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Ended>>> {
        let limit = self.limit;
        let late = self.late.get_or_insert_with(|| Box::pin(sleep(limit)));
        if late.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(Ended::Late)));
        }
        Pin::new(&mut self.body)
            .poll_frame(context)
            .map(|frame| frame.map(|frame| frame.map_err(Ended::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
