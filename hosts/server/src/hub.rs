//! Carries notices of commits from the application to the connections that have subscribed.

use kyc_core::notice::Notice;
use kyc_ports::notify::Notify;
use tokio::sync::broadcast;

/// Notices that a slow connection may lag behind by before it is dropped.
const LAG_MAX: usize = 1_024;

/// The channel.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    notices: broadcast::Sender<Notice>,
}

impl Hub {
    pub(crate) fn new() -> Self {
        Self {
            notices: broadcast::Sender::new(LAG_MAX),
        }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }
}

impl Notify for Hub {
    fn publish(&self, notices: Vec<Notice>) {
        for notice in notices {
            // Nobody listens: nothing to do.
            let _ = self.notices.send(notice);
        }
    }
}
