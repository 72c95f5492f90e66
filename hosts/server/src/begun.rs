//! Requests run at once where they arrive; those that must wait go on in a task. What is in memory is so answered
//! without one.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// How far a request came.
pub(crate) enum Begun<F: Future> {
    /// To its end.
    Done(F::Output),
    /// It waits: to be spawned at once, because nothing wakes it before that.
    Waits(Pin<Box<F>>),
}

/// Runs a request as far as it comes without waiting.
pub(crate) fn begin<F: Future>(request: F) -> Begun<F> {
    let mut request = Box::pin(request);
    match request.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Begun::Done(output),
        Poll::Pending => Begun::Waits(request),
    }
}
