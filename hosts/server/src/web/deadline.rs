//! A request body that must arrive whole within a time: a peer that sends a byte now and then is cut off.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// It took too long.
    #[error("the body took too long")]
    Late,
    /// The connection broke.
    #[error("{0}")]
    Broken(#[from] hyper::Error),
}

/// How long a body may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Between two of its parts.
    pub(crate) gap: Duration,
    /// From when it is first waited for to its last part.
    pub(crate) whole: Duration,
}

type Timer = Pin<Box<Sleep>>;

/// A body with deadlines, which start when it is first waited for: one that has come with its head needs no timer.
pub(crate) struct Deadline {
    body: Incoming,
    patience: Patience,
    /// For the next part, and for the whole.
    timers: Option<(Timer, Timer)>,
    /// A part has come since the next one was last waited for.
    goes_on: bool,
}

impl Deadline {
    pub(crate) const fn new(body: Incoming, patience: Patience) -> Self {
        Self {
            body,
            patience,
            timers: None,
            goes_on: false,
        }
    }
}

impl Body for Deadline {
    type Data = Bytes;
    type Error = Ended;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Ended>>> {
        let this = &mut *self;
        if let Some((_, last)) = &mut this.timers
            && last.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Some(Err(Ended::Late)));
        }
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.goes_on = true;
            return Poll::Ready(frame.map(|frame| frame.map_err(Ended::from)));
        }
        let Patience { gap, whole } = this.patience;
        let (next, last) = this
            .timers
            .get_or_insert_with(|| (Box::pin(sleep(gap)), Box::pin(sleep(whole))));
        if std::mem::take(&mut this.goes_on) {
            next.as_mut().reset(Instant::now() + gap);
        }
        let is_late = last.as_mut().poll(context).is_ready() || next.as_mut().poll(context).is_ready();
        if is_late {
            Poll::Ready(Some(Err(Ended::Late)))
        } else {
            Poll::Pending
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
