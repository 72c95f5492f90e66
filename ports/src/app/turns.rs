//! Turns: commands about one stream go one after the other within a process, so that they seldom meet in the store.
//! (Between processes the commit's version decides.)

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::lock::{Mutex as AsyncMutex, OwnedMutexGuard};
use kyc_core::stream::StreamKey;

/// Who goes next, for every stream; or nothing, and whoever commits first does.
#[derive(Clone)]
pub(super) struct Turns(Option<Arc<Queues>>);

/// Streams that somebody has, or waits for. No two share a place: who waits, waits for a whole commit.
#[derive(Default)]
struct Queues(Mutex<HashMap<StreamKey, Queue>>);

#[derive(Default)]
struct Queue {
    turn: Arc<AsyncMutex<()>>,
    /// Those who have the turn or wait for it.
    length: usize,
}

/// A stream's turn; over when it is dropped.
pub(super) struct Turn {
    // Dropped in this order: the next one may go before the place is looked at.
    _held: OwnedMutexGuard<()>,
    _place: Place,
}

/// A place in a stream's queue. Whoever leaves it last removes the queue, also without having had a turn.
struct Place {
    queues: Arc<Queues>,
    stream: StreamKey,
}

impl Default for Turns {
    fn default() -> Self {
        Self(Some(Arc::default()))
    }
}

impl Turns {
    /// Nobody waits for anybody.
    pub(super) const fn none() -> Self {
        Self(None)
    }

    /// Waits for the stream's turn.
    pub(super) async fn take(&self, stream: StreamKey) -> Option<Turn> {
        let (place, turn) = Place::take(self.0.clone()?, stream);
        Some(Turn {
            _held: turn.lock_owned().await,
            _place: place,
        })
    }
}

impl Queues {
    fn all(&self) -> MutexGuard<'_, HashMap<StreamKey, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn take(queues: Arc<Queues>, stream: StreamKey) -> (Self, Arc<AsyncMutex<()>>) {
        let turn = {
            let mut all = queues.all();
            let queue = all.entry(stream.clone()).or_default();
            queue.length += 1;
            queue.turn.clone()
        };
        (Self { queues, stream }, turn)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.queues.all();
        if let Some(queue) = all.get_mut(&self.stream) {
            queue.length -= 1;
            if queue.length == 0 {
                all.remove(&self.stream);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use futures_util::FutureExt;
    use kyc_core::id::CustomerId;

    use super::*;

    fn stream(customer: i64) -> StreamKey {
        StreamKey {
            brand: "acme".parse().unwrap(),
            customer_id: Some(CustomerId(customer)),
        }
    }

    /// Who has asked for the turn of the first stream, and has to wait.
    fn waiting(turns: &Turns) -> Pin<Box<impl Future<Output = Option<Turn>>>> {
        let mut asked = Box::pin(turns.take(stream(1)));
        assert!((&mut asked).now_or_never().is_none());
        asked
    }

    fn queues(turns: &Turns) -> usize {
        turns.0.as_ref().unwrap().all().len()
    }

    #[test]
    fn different_streams_never_wait_for_each_other() {
        let turns = Turns::default();
        let held: Vec<_> = (1..=2_000)
            .map(|customer| turns.take(stream(customer)).now_or_never().unwrap())
            .collect();
        assert_eq!(queues(&turns), 2_000);
        drop(held);
        assert_eq!(queues(&turns), 0, "nothing is left of them");
    }

    #[test]
    fn a_stream_is_one_s_at_a_time() {
        let turns = Turns::default();
        let first = turns.take(stream(1)).now_or_never().unwrap();
        let (mut second, mut third) = (waiting(&turns), waiting(&turns));
        drop(first);
        let held = (&mut second).now_or_never().unwrap();
        assert!((&mut third).now_or_never().is_none());
        drop(held);
        assert!((&mut third).now_or_never().is_some());
        assert_eq!(queues(&turns), 0);
    }

    #[test]
    fn who_gives_up_waiting_is_passed_over_and_leaves_nothing_behind() {
        let turns = Turns::default();
        let first = turns.take(stream(1)).now_or_never().unwrap();
        let (second, mut third) = (waiting(&turns), waiting(&turns));
        drop(first);
        drop(second);
        assert!(
            (&mut third).now_or_never().is_some(),
            "though the second one was to go next"
        );
        let last = turns.take(stream(1)).now_or_never().unwrap();
        let given_up = waiting(&turns);
        drop(last);
        drop(given_up);
        assert_eq!(queues(&turns), 0);
    }

    #[test]
    fn without_turns_nobody_waits() {
        let turns = Turns::none();
        assert!(turns.take(stream(1)).now_or_never().unwrap().is_none());
    }
}
