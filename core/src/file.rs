//! Stored files: what the storage knows of one, and what is let in.

pub mod inspect;
pub mod view;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::id::{Brand, CustomerId, CustomerKey, FileId};
use crate::record;
use crate::status::Session;
use crate::time::Time;

record! {
    /// Metadata of a stored file.
    pub struct FileMeta {
        /// Its id, and the stem of its name in the storage.
        pub file_id: FileId,
        /// The canonical extension, without a dot.
        pub extension: String,
        /// The name the uploader gave it, cleaned.
        pub file_name: String,
        /// The media type its content has.
        pub content_type: String,
        /// Its size in bytes.
        pub file_size: i64,
        /// SHA-256, lower-case hex.
        pub checksum: String,
        /// Brand of the customer it belongs to; absent until it is first attached.
        pub brand: Option<Brand>,
        /// The customer it belongs to.
        pub customer_id: Option<CustomerId>,
        /// Session value of the uploader.
        pub uploaded_session: Session,
        /// Subject of the uploader.
        pub uploaded_by: String,
        /// Whether a document or an answer names it; it is never cleaned up then.
        pub claimed: bool,
        /// When it was stored.
        pub created_time: Time,
    }
}

impl FileMeta {
    /// The customer it belongs to.
    pub fn owner(&self) -> Option<CustomerKey> {
        Some(CustomerKey {
            brand: self.brand.clone()?,
            customer_id: self.customer_id?,
        })
    }

    /// Whether this customer may offer it as proof: it is theirs, or nobody's yet.
    pub fn is_offered_by(&self, customer: &CustomerKey) -> bool {
        self.owner().is_none_or(|owner| owner == *customer)
    }

    /// Whether the actor uploaded it.
    pub fn is_uploaded_by(&self, actor: &Actor) -> bool {
        self.uploaded_session == actor.session && self.uploaded_by == actor.subject
    }

    /// The file's name in the storage.
    pub fn stored_name(&self) -> String {
        format!("{}.{}", self.file_id, self.extension)
    }
}

/// The reply to an upload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileReply {
    /// What documents and answers name it by.
    pub file_id: FileId,
    /// Its name, cleaned.
    pub file_name: String,
    /// Its media type.
    pub content_type: String,
    /// Its size in bytes.
    pub file_size: i64,
    /// SHA-256, lower-case hex.
    pub checksum: String,
}

impl From<&FileMeta> for FileReply {
    fn from(file: &FileMeta) -> Self {
        Self {
            file_id: file.file_id.clone(),
            file_name: file.file_name.clone(),
            content_type: file.content_type.clone(),
            file_size: file.file_size,
            checksum: file.checksum.clone(),
        }
    }
}
