//! Carries notices of commits from the application to the connections that have subscribed, and to those who send calls
//! the brands that have some.

use kyc_core::id::Brand;
use kyc_core::notice::Notice;
use kyc_ports::notify::Notify;
use tokio::sync::broadcast;

/// Notices that a slow connection may lag behind by before it is dropped.
const LAG_MAX: usize = 1_024;

/// Brands that may be told before they are looked at; the others are found in the store.
const BRANDS_MAX: usize = 256;

/// The channels.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    notices: broadcast::Sender<Notice>,
    callable: broadcast::Sender<Brand>,
}

impl Hub {
    pub(crate) fn new() -> Self {
        Self {
            notices: broadcast::Sender::new(LAG_MAX),
            callable: broadcast::Sender::new(BRANDS_MAX),
        }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// Brands whose platform is to be called now.
    pub(crate) fn callable(&self) -> broadcast::Receiver<Brand> {
        self.callable.subscribe()
    }
}

impl Notify for Hub {
    fn is_heard(&self) -> bool {
        self.notices.receiver_count() > 0
    }

    fn publish(&self, notices: Vec<Notice>) {
        for notice in notices {
            // The last listener may have gone.
            let _ = self.notices.send(notice);
        }
    }

    fn calls_due(&self, brand: &Brand) {
        let _ = self.callable.send(brand.clone());
    }
}
