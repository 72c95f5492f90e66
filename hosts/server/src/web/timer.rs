//! hyper's timer for one connection. hyper makes a new wait for every request's head; these share one timer of the
//! runtime, which is seldom touched: made, registered and removed it would be a hundred thousand times a second.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// None before the first wait.
type Shared = Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>;

/// A connection's timer, for one wait at a time, all of one task.
#[derive(Default)]
pub(super) struct HeadTimer(Shared);

/// A wait.
struct Wait {
    shared: Shared,
    deadline: tokio::time::Instant,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Wait {
            shared: self.0.clone(),
            deadline: deadline.into(),
        })
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let sleep = shared.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(self.deadline)));
        // An earlier wait's timer wakes the task when it ends, and is put off then: most heads have come by that time.
        if sleep.deadline() < self.deadline && sleep.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        if sleep.deadline() != self.deadline {
            sleep.as_mut().reset(self.deadline);
        }
        sleep.as_mut().poll(context)
    }
}

impl Sleep for Wait {}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn each_wait_ends_at_its_own_deadline_whatever_the_wait_before_it_was() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        runtime.unwrap().block_on(async {
            let timer = HeadTimer::default();
            // Seconds. Later than the one before it, whose timer ends meanwhile; sooner; at once.
            for (given_up, waited) in [(1, 30), (3_600, 40), (3_600, 0), (2, 50)] {
                let start = timer.now();
                let mut earlier = timer.sleep(Duration::from_secs(given_up));
                assert!(
                    earlier
                        .as_mut()
                        .poll(&mut Context::from_waker(Waker::noop()))
                        .is_pending()
                );
                drop(earlier);
                timer.sleep(Duration::from_secs(waited)).await;
                let took = timer.now() - start;
                assert_eq!(
                    took.as_secs(),
                    waited,
                    "after one of {given_up} that was given up: {took:?}"
                );
            }
        });
    }
}
