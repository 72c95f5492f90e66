//! A customer's aggregate, loaded: what decisions about the customer are taken on; and the customer's own commands.

pub mod add_document;
pub mod documents;
pub mod status;
pub mod step;
pub mod submit;
pub mod view;

use crate::document::Document;
use crate::id::{CustomerKey, DocumentId, StepId};
use crate::profile::Profile;
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

    /// When something of this customer next falls due.
    pub fn due_time(&self) -> Option<Time> {
        let steps = self
            .steps
            .iter()
            .flat_map(|step| [step.lapse_time(), step.announce_time()]);
        let documents = self.documents.iter().map(Document::lapse_time);
        steps.chain(documents).flatten().min()
    }
}
