//! Reading threads, each with a connection that sees committed data only.

use std::thread::{self, JoinHandle};

use crossbeam_channel::{Sender, TrySendError, bounded};
use kyc_ports::store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

/// Reads that may wait; more are refused.
const QUEUE_MAX: usize = 4_096;

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// The reading threads. Dropped, they finish what they have taken on and close their connections, so that the last one
/// to go leaves no write-ahead log behind.
#[derive(Debug)]
pub(crate) struct Readers {
    queue: Option<Sender<Read>>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Readers {
    pub(crate) fn start(connections: Vec<Connection>) -> Result<Self, std::io::Error> {
        let (queue, reads) = bounded::<Read>(QUEUE_MAX);
        let mut threads = Vec::with_capacity(connections.len());
        for connection in connections {
            let reads = reads.clone();
            threads.push(thread::Builder::new().name("kyc-reader".to_owned()).spawn(move || {
                while let Ok(read) = reads.recv() {
                    read(&connection);
                }
            })?);
        }
        Ok(Self {
            queue: Some(queue),
            threads,
        })
    }

    /// Runs a read of one statement.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Read = Box::new(move |connection| {
            let _ = answer.send(read(connection));
        });
        let closing = || StoreError::Failed("the store is closing".to_owned());
        let queue = self.queue.as_ref().ok_or_else(closing)?;
        queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => closing(),
        })?;
        answered
            .await
            .map_err(|_| StoreError::Failed("a read was given up".to_owned()))?
    }
}
