//! Whom to tell after a commit.

use kyc_core::id::Brand;
use kyc_core::notice::Notice;

/// Hears of every committed change. It must not wait.
pub trait Notify: Send + Sync {
    /// Whether anybody listens to notices now. Asked after a commit: whoever begins to listen later does not hear of it.
    fn is_heard(&self) -> bool;
    /// The notices of one commit, in order.
    fn publish(&self, notices: Vec<Notice>);
    /// After a commit that makes calls to a brand's platform due.
    fn calls_due(&self, brand: &Brand);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Notify for Silent {
    fn is_heard(&self) -> bool {
        false
    }
    fn publish(&self, _notices: Vec<Notice>) {}
    fn calls_due(&self, _brand: &Brand) {}
}
