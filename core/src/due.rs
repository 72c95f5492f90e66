//! What has fallen due comes first: lapses are applied before every decision, so a late tick lets nothing stand.

use crate::actor::Actor;
use crate::command::{Change, Outcome, Target};
use crate::event::{Action, Note};
use crate::id::{CustomerKey, DocumentId, StepId};
use crate::rejection::Rejection;
use crate::status::{DocumentStatus, KycModel, StepStatus};
use crate::time::Time;
use crate::work::{By, Work};

enum Due {
    Document(DocumentId),
    Announcement(StepId),
    Step(StepId),
}

/// A decision of the clock alone: nothing but what is due.
#[derive(Debug)]
pub struct ApplyDue {
    /// Whose.
    pub customer: CustomerKey,
}

impl Change for ApplyDue {
    type Reply = ();

    fn target(&self, _actor: &Actor) -> Result<Target, Rejection> {
        Ok(Target::Customer(self.customer.clone()))
    }

    /// Time goes on under every model.
    fn permitted(&self, _model: Option<KycModel>) -> Result<(), Rejection> {
        Ok(())
    }

    fn decide(&self, _work: &mut Work) -> Result<Outcome<()>, Rejection> {
        Ok(Outcome::Done(()))
    }
}

/// Applies every lapse and announcement that is due, the earliest first.
pub(crate) fn apply(work: &mut Work) -> Result<(), Rejection> {
    let now = work.now;
    let is_due = |time: &Time| *time <= now;
    let mut due: Vec<(Time, Due)> = Vec::new();
    for document in &work.state.documents {
        due.extend(
            document
                .lapse_time()
                .filter(is_due)
                .map(|time| (time, Due::Document(document.id))),
        );
    }
    for step in &work.state.steps {
        let lapse = step.lapse_time().filter(is_due);
        // Once it has lapsed there is nothing left to announce.
        let announcement = step.announce_time().filter(is_due).filter(|_| lapse.is_none());
        due.extend(announcement.map(|time| (time, Due::Announcement(step.id))));
        due.extend(lapse.map(|time| (time, Due::Step(step.id))));
    }
    due.sort_by_key(|(time, _)| *time);
    work.set_by(By::System);
    for (_, item) in due {
        match item {
            Due::Document(id) => work.change_document(id, Action::DocumentExpired, Note::default(), |document| {
                document.status = DocumentStatus::Expired;
            })?,
            Due::Announcement(id) => {
                work.change_step(id, Action::StepExpiring, Note::default(), |step| step.announced = true)?;
            }
            Due::Step(id) => work.change_step(id, Action::StepExpired, Note::reason("expired"), |step| {
                step.status = StepStatus::Expired;
                step.round += 1;
            })?,
        }
    }
    work.set_by(By::Caller);
    work.report_expiries();
    work.due_is_applied();
    Ok(())
}
