//! The audit log: one hash chain per stream, which still verifies when data is erased (the domain page's rule).

pub mod list;
pub mod verify;

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::event::{ALSO_MEMBER, Action, Event, HISTORY_MEMBER, History, LOG_MEMBER, Subject};
use crate::id::{AuditId, Brand, CustomerId, DocumentId, ProfileId, StepId, TemplateId};
use crate::json::{Json, JsonText, canonical};
use crate::record;
use crate::record::{ColumnKind, Hash, Members, Record, json_of};
use crate::status::Session;
use crate::stream::StreamKey;
use crate::time::{Seconds, Time};

record! {
    /// A stored audit row.
    pub struct AuditRow {
        /// Its id, rising within the stream.
        pub id: AuditId,
        /// The stream's brand.
        pub brand: Brand,
        /// The stream's customer; absent for a brand's configuration.
        pub customer_id: Option<CustomerId>,
        /// The profile.
        pub kyc_id: Option<ProfileId>,
        /// The step.
        pub step_id: Option<StepId>,
        /// The document.
        pub document_id: Option<DocumentId>,
        /// The template.
        pub template_id: Option<TemplateId>,
        /// What happened.
        pub action: String,
        /// Whose doing: the session value.
        pub actor_type: Session,
        /// Whose doing: the subject.
        pub actor_id: String,
        /// Where the wish came from.
        pub source: Option<String>,
        /// A reason code.
        pub reason: Option<String>,
        /// For colleagues. Data: it can be erased.
        pub comment: Option<String>,
        /// The members that changed, as they were. Data.
        pub before: Option<JsonText>,
        /// The members that changed, as they are. Data.
        pub after: Option<JsonText>,
        /// What came in or went out. Data.
        pub body: Option<JsonText>,
        /// When.
        pub created_time: Time,
        /// 32 random bytes that keep short data from being guessed by its hash; erased with the data.
        pub salt: Option<Hash>,
        /// SHA-256(salt ‖ canonical JSON of the data).
        pub data_hash: Hash,
        /// `hash` of the stream's row before this one; zero bytes for the first.
        pub prev_hash: Hash,
        /// SHA-256(`prev_hash` ‖ canonical JSON of the metadata ‖ `data_hash`).
        pub hash: Hash,
    }
}

/// What stands in `after`: the changed members, and among them, in the order of the canonical form, what else the event
/// made.
struct After<'a> {
    members: Option<&'a Members>,
    history: Option<&'a History>,
    log: Option<Value>,
}

impl<'a> After<'a> {
    fn of(event: &'a Event) -> Option<Self> {
        let history = event.history.as_ref();
        let log = (!event.log.is_empty()).then(|| json_of(&event.log));
        let is_there = event.after.is_some() || history.is_some() || log.is_some();
        is_there.then_some(Self {
            members: event.after.as_ref(),
            history,
            log,
        })
    }
}

impl Serialize for After<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(None)?;
        let (mut history, mut log) = (self.history, self.log.as_ref());
        for (name, value) in self.members.into_iter().flatten() {
            if let Some(history) = history.take_if(|_| HISTORY_MEMBER < name.as_ref()) {
                out.serialize_entry(HISTORY_MEMBER, history)?;
            }
            if let Some(log) = log.take_if(|_| LOG_MEMBER < name.as_ref()) {
                out.serialize_entry(LOG_MEMBER, log)?;
            }
            out.serialize_entry(name, value)?;
        }
        if let Some(history) = history {
            out.serialize_entry(HISTORY_MEMBER, history)?;
        }
        if let Some(log) = log {
            out.serialize_entry(LOG_MEMBER, log)?;
        }
        out.end()
    }
}

/// What the hash of the row covers beside its data; members in the order of the canonical form, which it then has as it
/// comes.
#[derive(Serialize)]
struct Metadata<'a> {
    action: &'a str,
    actor_id: &'a str,
    actor_type: Session,
    brand: &'a Brand,
    created_time: Time,
    customer_id: Option<CustomerId>,
    document_id: Option<DocumentId>,
    id: AuditId,
    kyc_id: Option<ProfileId>,
    reason: Option<&'a str>,
    source: Option<&'a str>,
    step_id: Option<StepId>,
    template_id: Option<TemplateId>,
}

impl AuditRow {
    /// Seals an event as the next row of its stream.
    pub fn seal(event: &Event, stream: &StreamKey, id: AuditId, salt: Hash, prev_hash: Hash) -> Self {
        let Subject {
            kyc_id,
            step_id,
            document_id,
            template_id,
        } = event.subject;
        let mut row = Self {
            id,
            brand: stream.brand.clone(),
            customer_id: stream.customer_id,
            kyc_id,
            step_id,
            document_id,
            template_id,
            action: event.action.name().to_owned(),
            actor_type: event.actor_type,
            actor_id: event.actor_id.clone(),
            source: event.note.source.clone(),
            reason: event.note.reason.clone(),
            comment: event.note.comment.clone(),
            before: event.before.as_ref().map(JsonText::of),
            after: After::of(event).as_ref().map(JsonText::of),
            body: event.body.as_ref().map(JsonText::of),
            created_time: event.time,
            salt: Some(salt),
            data_hash: Hash::ZERO,
            prev_hash,
            hash: Hash::ZERO,
        };
        row.data_hash = row.hash_data(&salt);
        row.hash = row.hash_chain();
        row
    }

    /// The hash of the data columns with this salt.
    pub fn hash_data(&self, salt: &Hash) -> Hash {
        // Their canonical form is that of an object with these members, in this order.
        let members = [
            (r#"{"after":"#, &self.after),
            (r#","before":"#, &self.before),
            (r#","body":"#, &self.body),
        ];
        let mut hasher = Sha256::new().chain_update(salt.0);
        for (name, data) in members {
            hasher.update(name);
            match data {
                Some(data) => hasher.update(data.canonical()),
                None => hasher.update("null"),
            }
        }
        hasher.update(r#","comment":"#);
        match &self.comment {
            Some(comment) => hasher.update(canonical(comment)),
            None => hasher.update("null"),
        }
        Hash(hasher.chain_update("}").finalize().into())
    }

    /// The hash that links this row to the one before.
    pub fn hash_chain(&self) -> Hash {
        let metadata = Metadata {
            id: self.id,
            brand: &self.brand,
            customer_id: self.customer_id,
            kyc_id: self.kyc_id,
            step_id: self.step_id,
            document_id: self.document_id,
            template_id: self.template_id,
            action: &self.action,
            actor_type: self.actor_type,
            actor_id: &self.actor_id,
            source: self.source.as_deref(),
            reason: self.reason.as_deref(),
            created_time: self.created_time,
        };
        let hasher = Sha256::new()
            .chain_update(self.prev_hash.0)
            .chain_update(canonical(&metadata));
        Hash(hasher.chain_update(self.data_hash.0).finalize().into())
    }

    /// The stream that the row belongs to.
    pub fn stream(&self) -> StreamKey {
        StreamKey {
            brand: self.brand.clone(),
            customer_id: self.customer_id,
        }
    }

    /// The action, if this version knows it.
    pub fn known_action(&self) -> Option<Action> {
        Action::from_name(&self.action)
    }
}

/// An audit row as the wire shows it: times in seconds, hashes in lower-case hex.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditView {
    /// Its id.
    pub id: AuditId,
    /// The brand.
    pub brand: Brand,
    /// The customer; null for a brand's configuration.
    pub customer_id: Option<CustomerId>,
    /// The profile.
    pub kyc_id: Option<ProfileId>,
    /// The step.
    pub step_id: Option<StepId>,
    /// The document.
    pub document_id: Option<DocumentId>,
    /// The template.
    pub template_id: Option<TemplateId>,
    /// What happened.
    pub action: String,
    /// Whose doing: the session value.
    pub actor_type: Session,
    /// Whose doing: the subject.
    pub actor_id: String,
    /// Where the wish came from.
    pub source: Option<String>,
    /// A reason code.
    pub reason: Option<String>,
    /// For colleagues.
    pub comment: Option<String>,
    /// The members that changed, as they were.
    pub before: Option<Json>,
    /// The members that changed, as they are.
    pub after: Option<Json>,
    /// What came in or went out.
    pub body: Option<Json>,
    /// When.
    pub created_time: Seconds,
    /// `hash` of the stream's row before this one.
    pub prev_hash: String,
    /// Links this row to the one before.
    pub hash: String,
}

impl From<&AuditRow> for AuditView {
    fn from(row: &AuditRow) -> Self {
        let shown = |data: &Option<JsonText>| data.as_ref().map(|data| Json::from(in_seconds(data.value())));
        Self {
            id: row.id,
            brand: row.brand.clone(),
            customer_id: row.customer_id,
            kyc_id: row.kyc_id,
            step_id: row.step_id,
            document_id: row.document_id,
            template_id: row.template_id,
            action: row.action.clone(),
            actor_type: row.actor_type,
            actor_id: row.actor_id.clone(),
            source: row.source.clone(),
            reason: row.reason.clone(),
            comment: row.comment.clone(),
            before: shown(&row.before),
            after: shown(&row.after),
            body: row.body.as_ref().map(|body| Json::from(body.value())),
            created_time: row.created_time.into(),
            prev_hash: row.prev_hash.into(),
            hash: row.hash.into(),
        }
    }
}

/// Audit data with its times in seconds: rows keep microseconds, the manager API shows seconds.
fn in_seconds(data: Value) -> Value {
    let Value::Object(mut members) = data else {
        return data;
    };
    for (name, value) in &mut members {
        *value = match value.take() {
            Value::Number(number) if is_time(name) => number
                .as_i64()
                .map_or(Value::Number(number), |micros| Time(micros).seconds().into()),
            object @ Value::Object(_) if name == HISTORY_MEMBER => in_seconds(object),
            Value::Array(entries) if name == ALSO_MEMBER || name == LOG_MEMBER => {
                entries.into_iter().map(in_seconds).collect()
            }
            other => other,
        };
    }
    Value::Object(members)
}

fn is_time(name: &str) -> bool {
    name == "ts"
        || [
            (crate::profile::Profile::COLUMNS, crate::profile::Profile::KINDS),
            (crate::step::Step::COLUMNS, crate::step::Step::KINDS),
            (crate::document::Document::COLUMNS, crate::document::Document::KINDS),
            (crate::template::Template::COLUMNS, crate::template::Template::KINDS),
            (crate::brand::Settings::COLUMNS, crate::brand::Settings::KINDS),
            (crate::tenant::Tenant::COLUMNS, crate::tenant::Tenant::KINDS),
            (crate::outbound::Delivery::COLUMNS, crate::outbound::Delivery::KINDS),
            (crate::level::LevelEntry::COLUMNS, crate::level::LevelEntry::KINDS),
        ]
        .iter()
        .flat_map(|(names, kinds)| names.iter().zip(*kinds))
        .any(|(column, kind)| *column == name && *kind == ColumnKind::Time)
}
