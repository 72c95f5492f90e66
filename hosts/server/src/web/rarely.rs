//! A future beside another one that has much to do.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Polls a future only when that has asked for it, not whenever its task has something else to do. For one task: the one
/// that polls it first is woken.
pub(super) struct Rarely<F> {
    future: Pin<Box<F>>,
    /// None before the first poll.
    bell: Option<Arc<Bell>>,
}

/// What the future wakes.
struct Bell {
    has_rung: AtomicBool,
    task: Waker,
}

impl<F: Future> Rarely<F> {
    pub(super) fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            bell: None,
        }
    }
}

impl<F: Future> Future for Rarely<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { future, bell } = &mut *self;
        let bell = bell.get_or_insert_with(|| {
            Arc::new(Bell {
                has_rung: AtomicBool::new(true),
                task: context.waker().clone(),
            })
        });
        // Before the poll: it may ring again during it.
        if !bell.has_rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let waker = Waker::from(bell.clone());
        future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;

    use futures_util::task::ArcWake;
    use tokio_util::sync::CancellationToken;

    use super::*;

    struct Wakes(AtomicUsize);

    impl ArcWake for Wakes {
        fn wake_by_ref(wakes: &Arc<Self>) {
            wakes.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn it_is_polled_once_for_each_time_that_it_asks() {
        let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
        let task = futures_util::task::waker(wakes.clone());
        let mut context = Context::from_waker(&task);
        let stop = CancellationToken::new();
        let mut stopped = Box::pin(stop.cancelled());
        let mut polls = 0;
        let mut rarely = Rarely::new(poll_fn(|context| {
            polls += 1;
            stopped.as_mut().poll(context)
        }));
        for _ in 0..10 {
            assert!(Pin::new(&mut rarely).poll(&mut context).is_pending());
        }
        stop.cancel();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "its task is told");
        assert!(Pin::new(&mut rarely).poll(&mut context).is_ready());
        drop(rarely);
        assert_eq!(polls, 2);
    }

    #[test]
    fn what_asks_while_it_is_polled_is_polled_again() {
        let mut context = Context::from_waker(Waker::noop());
        let mut left = 3;
        let mut rarely = Rarely::new(poll_fn(|context: &mut Context<'_>| {
            left -= 1;
            context.waker().wake_by_ref();
            if left == 0 { Poll::Ready(()) } else { Poll::Pending }
        }));
        assert!(Pin::new(&mut rarely).poll(&mut context).is_pending());
        assert!(Pin::new(&mut rarely).poll(&mut context).is_pending());
        assert!(Pin::new(&mut rarely).poll(&mut context).is_ready());
    }
}
