//! What memory answers is answered where it arrives; all that must wait goes on in a task beside. Over HTTP a request
//! begins in such a task; a TCP frame runs where it arrives as far as it comes without waiting.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::runtime::{Builder, Handle, Runtime};

/// How far a frame's request came.
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

/// Where requests run that may wait: on threads beside the connections', so that what is answered from memory seldom
/// queues behind what is not.
pub(crate) struct Aside {
    handle: Handle,
    threads: Option<Runtime>,
}

impl Aside {
    /// Half as many threads as there are processors: the store's own threads need the rest.
    pub(crate) fn start() -> std::io::Result<Self> {
        let processors = std::thread::available_parallelism()?.get();
        let threads = Builder::new_multi_thread()
            .worker_threads(processors.div_ceil(2))
            .thread_name("kyc-aside")
            .enable_all()
            .build()?;
        Ok(Self {
            handle: threads.handle().clone(),
            threads: Some(threads),
        })
    }

    /// What starts requests there.
    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Not waited for: this may be dropped on a thread that must not block.
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}
