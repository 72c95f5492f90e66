//! A customer's aggregate, loaded: what decisions about the customer are taken on; and the customer's own commands.

pub mod add_document;
pub mod documents;
pub mod status;
pub mod step;
pub mod submit;
pub mod view;

use crate::document::Document;
use crate::id::{CustomerKey, DeliveryId, DocumentId, StepId};
use crate::level::{LevelEntry, fold};
use crate::outbound::{Delivery, QueuedCall};
use crate::profile::Profile;
use crate::status::KycModel;
use crate::step::Step;
use crate::stream::{Head, StreamKey};
use crate::time::Time;

/// A customer's stream: profile, steps and documents. Without a profile the customer is not known yet.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomerState {
    /// Who.
    pub key: CustomerKey,
    /// Where the stream stands.
    pub head: Head,
    /// The profile with the aggregate.
    pub profile: Option<Profile>,
    /// The steps, by id.
    pub steps: Vec<Step>,
    /// The documents, by id, deleted ones included.
    pub documents: Vec<Document>,
    /// The level log, by number.
    pub log: Vec<LevelEntry>,
    /// The calls out that decisions look at ([`relevant`](crate::outbound::relevant)), by id.
    pub deliveries: Vec<Delivery>,
    /// What the queue knows of those that wait. Of a state from memory it is empty: a decision may look at it only if it
    /// is checked by the commit, as [`QueueChange::Drop`](crate::outbound::QueueChange::Drop) is.
    pub waiting: Vec<QueuedCall>,
}

impl CustomerState {
    /// A customer of whom nothing is known.
    pub const fn new(key: CustomerKey) -> Self {
        Self {
            key,
            head: Head::EMPTY,
            profile: None,
            steps: Vec::new(),
            documents: Vec::new(),
            log: Vec::new(),
            deliveries: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// The stream.
    pub fn stream(&self) -> StreamKey {
        StreamKey {
            brand: self.key.brand.clone(),
            customer_id: Some(self.key.customer_id),
        }
    }

    /// A step of this customer.
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// A document of this customer.
    pub fn document(&self, id: DocumentId) -> Option<&Document> {
        self.documents.iter().find(|document| document.id == id)
    }

    /// Every document ever attached to a step, in order.
    pub fn documents_of(&self, step: StepId) -> impl Iterator<Item = &Document> {
        self.documents
            .iter()
            .filter(move |document| document.step_id == Some(step))
    }

    /// The live documents that count for a step: attached in its present round.
    pub fn live_documents<'a>(&'a self, step: &'a Step, now: Time) -> impl Iterator<Item = &'a Document> {
        self.documents_of(step.id)
            .filter(move |document| document.round == step.round && document.is_live(now))
    }

    /// Document types still wanted before the step's live documents satisfy its requirements.
    pub fn missing_documents(&self, step: &Step, now: Time) -> Vec<String> {
        let present: Vec<&str> = self
            .live_documents(step, now)
            .map(|document| document.document_type.as_str())
            .collect();
        crate::requirements::missing_documents(&step.requirements, &present)
    }

    /// Whether somebody is sending a call now.
    pub fn is_being_sent(&self, id: DeliveryId, now: Time) -> bool {
        let is_leased = |call: &QueuedCall| call.lease_until.is_some_and(|until| until > now);
        self.waiting
            .iter()
            .any(|call| call.delivery_id == id && is_leased(call))
    }

    /// When something of this customer next falls due, after `now`.
    pub fn due_time(&self, model: Option<KycModel>, now: Time) -> Option<Time> {
        let steps = self
            .steps
            .iter()
            .flat_map(|step| [step.lapse_time(), step.announce_time()]);
        let documents = self.documents.iter().map(Document::lapse_time);
        let levels = model
            .filter(|model| model.takes_webhooks())
            .map(|_| fold(&self.log, now).next_end);
        steps.chain(documents).chain(levels).flatten().min()
    }
}
