//! A manager's look at a stored file, which the customer's audit records.

use crate::actor::Actor;
use crate::command::{Change, Outcome, Target};
use crate::id::{CustomerKey, FileId};
use crate::rejection::Rejection;
use crate::status::KycModel;
use crate::work::Work;

/// Which file, whose.
#[derive(Debug)]
pub struct ViewFile {
    /// The file's owner.
    pub customer: CustomerKey,
    /// The file.
    pub file_id: FileId,
}

impl Change for ViewFile {
    type Reply = ();

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Customer(self.customer.clone()))
    }

    /// Looking is allowed under every model.
    fn permitted(&self, _model: Option<KycModel>) -> Result<(), Rejection> {
        Ok(())
    }

    fn decide(&self, work: &mut Work) -> Result<Outcome<()>, Rejection> {
        work.file_viewed(&self.file_id);
        Ok(Outcome::Done(()))
    }
}
