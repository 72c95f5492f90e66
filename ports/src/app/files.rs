//! Uploads and downloads: inspected, counted and hashed as they stream.

use std::ops::Range;

use kyc_core::actor::{Access, Actor};
use kyc_core::command::TemplateNeed;
use kyc_core::file::inspect::{FileKind, FileProblem, Inspector, clean_name};
use kyc_core::file::view::ViewFile;
use kyc_core::file::{FileMeta, FileReply};
use kyc_core::id::{Brand, CustomerId, CustomerKey, FileId};
use kyc_core::rejection::Rejection;
use kyc_core::status::{KycModel, Session};

use crate::app::{App, refused};
use crate::blobs::{BlobWriter, ByteStream};
use crate::store::StoreError;

/// For whom a manager uploads.
#[derive(Debug, Clone, Default)]
pub struct UploadFor {
    /// The customer's brand.
    pub brand: Option<Brand>,
    /// The customer.
    pub customer_id: Option<CustomerId>,
}

/// A file on its way in. Dropped before it is finished, it leaves nothing.
pub struct Upload {
    app: App,
    meta: FileMeta,
    inspector: Inspector,
    writer: Box<dyn BlobWriter>,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload")
            .field("file_id", &self.meta.file_id)
            .finish_non_exhaustive()
    }
}

/// A part of a file that was asked for, as in RFC 9110's `Range`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeWanted {
    /// From the first position up to and with the last, or to the end.
    FromTo(u64, Option<u64>),
    /// The last so many bytes.
    Last(u64),
}

/// A file on its way out.
pub struct OpenFile {
    /// Its metadata.
    pub meta: FileMeta,
    /// Which bytes come.
    pub range: Range<u64>,
    /// The bytes.
    pub bytes: ByteStream,
}

impl std::fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenFile")
            .field("meta", &self.meta)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

impl App {
    /// Whether the caller may upload at all: what a host asks before it reads a body.
    pub fn may_upload(&self, token: Option<&str>) -> Result<Actor, Rejection> {
        let caller = self.authenticate(token)?;
        if caller.actor.session != Session::Customer {
            Access::Manager.check(caller.actor.session)?;
        }
        Ok(caller.actor.clone())
    }

    /// Starts an upload under the name that the client gives.
    pub async fn begin_upload(&self, actor: &Actor, owner: UploadFor, name: &str) -> Result<Upload, Rejection> {
        let owner = upload_owner(actor, owner)?;
        if let Some(owner) = &owner {
            // No proof is stored where nobody may decide on it.
            let state = self.brand(&owner.brand, &TemplateNeed::None).await?;
            KycModel::check_writable(state.tenant.as_ref().map(|tenant| tenant.kyc_model))?;
        }
        let unsupported =
            || Rejection::UnsupportedFileType("the file must be a pdf, jpg, jpeg, png, webp or heic".to_owned());
        let file_name = clean_name(name).ok_or_else(unsupported)?;
        let extension = file_name
            .rsplit_once('.')
            .map(|(_, extension)| extension)
            .ok_or_else(unsupported)?;
        let kind = FileKind::from_extension(extension).ok_or_else(unsupported)?;
        let meta = FileMeta {
            file_id: FileId::from_random(self.random()?),
            extension: kind.extension().to_owned(),
            file_name,
            content_type: kind.content_type().to_owned(),
            file_size: 0,
            checksum: String::new(),
            brand: owner.as_ref().map(|owner| owner.brand.clone()),
            customer_id: owner.map(|owner| owner.customer_id),
            uploaded_session: actor.session,
            uploaded_by: actor.subject.clone(),
            claimed: false,
            created_time: self.now(),
        };
        let writer = self.ports.blobs.create(&meta.stored_name()).await.map_err(refused)?;
        Ok(Upload {
            app: self.clone(),
            meta,
            inspector: Inspector::new(kind),
            writer,
        })
    }

    /// Opens a file, or a part of it, for its owner, or for a manager, whose look is audited.
    pub async fn open_file(
        &self,
        token: Option<&str>,
        id: &FileId,
        wanted: Option<RangeWanted>,
    ) -> Result<OpenFile, Rejection> {
        let actor = self.may_upload(token)?;
        let meta = self
            .ports
            .store
            .file(id)
            .await
            .map_err(refused)?
            .ok_or(Rejection::NotFound("file"))?;
        let size = u64::try_from(meta.file_size).unwrap_or(0);
        let owner = meta.owner();
        check_view(&actor, &meta, owner.as_ref())?;
        let range = resolve(wanted, size)?;
        let bytes = self
            .ports
            .blobs
            .open(&meta.stored_name(), range.clone())
            .await
            .map_err(refused)?
            .ok_or(Rejection::NotFound("file"))?;
        match owner {
            Some(customer) if actor.session != Session::Customer => {
                let file_id = id.clone();
                self.change(&actor, &ViewFile { customer, file_id }, None).await?;
            }
            Some(_) => {}
            // Nobody's yet: there is no stream to record its uploader's look in.
            None => tracing::info!(file_id = %id, "a file that is nobody's yet was viewed"),
        }
        Ok(OpenFile { meta, range, bytes })
    }
}

impl Upload {
    /// The next bytes.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), Rejection> {
        self.meta.file_size = self
            .meta
            .file_size
            .saturating_add(i64::try_from(chunk.len()).unwrap_or(i64::MAX));
        if u64::try_from(self.meta.file_size).unwrap_or(u64::MAX) > self.app.file_bytes_max {
            return Err(Rejection::FileTooLarge(self.app.file_bytes_max));
        }
        self.inspector.push(chunk).map_err(unfit)?;
        self.writer.write(chunk).await.map_err(refused)
    }

    /// Makes the file durable, then its metadata: no row without a file.
    pub async fn finish(mut self) -> Result<FileReply, Rejection> {
        self.inspector.finish().map_err(unfit)?;
        self.meta.checksum = hex::encode(self.writer.finish().await.map_err(refused)?);
        let reply = FileReply::from(&self.meta);
        let name = self.meta.stored_name();
        if let Err(error) = self.app.ports.store.add_file(self.meta).await {
            // Where the row may be there all the same, so must the file.
            if !matches!(error, StoreError::Unknown(_)) {
                // Should this fail too, the clean-up finds a file without a row a day later.
                let _ = self.app.ports.blobs.remove(&name).await;
            }
            return Err(refused(error));
        }
        Ok(reply)
    }
}

/// Whose the file will be: a customer's own, or whom a manager names, or nobody's yet.
fn upload_owner(actor: &Actor, named: UploadFor) -> Result<Option<CustomerKey>, Rejection> {
    if let Some(customer) = &actor.customer {
        let differs = named.brand.is_some_and(|brand| brand != customer.brand)
            || named.customer_id.is_some_and(|id| id != customer.customer_id);
        return if differs {
            Err(Rejection::Forbidden("this is not you"))
        } else {
            Ok(Some(customer.clone()))
        };
    }
    match (named.brand, named.customer_id) {
        (None, None) => Ok(None),
        (Some(brand), Some(customer_id)) if actor.scope.sees(&brand) => Ok(Some(CustomerKey { brand, customer_id })),
        (Some(_), Some(_)) => Err(Rejection::NotFound("customer")),
        (Some(_), None) => Err(Rejection::invalid("customer_id", "required", "goes with `brand`")),
        (None, Some(_)) => Err(Rejection::invalid("brand", "required", "goes with `customer_id`")),
    }
}

/// The owner, a manager of the owner's brand, or, while nobody owns it, who uploaded it.
fn check_view(actor: &Actor, meta: &FileMeta, owner: Option<&CustomerKey>) -> Result<(), Rejection> {
    match (owner, &actor.customer) {
        (Some(owner), Some(customer)) if owner == customer => Ok(()),
        (_, Some(_)) => Err(Rejection::Forbidden("this file is not yours")),
        (Some(owner), None) if actor.scope.sees(&owner.brand) => Ok(()),
        (None, None) if meta.is_uploaded_by(actor) => Ok(()),
        _ => Err(Rejection::NotFound("file")),
    }
}

fn resolve(wanted: Option<RangeWanted>, size: u64) -> Result<Range<u64>, Rejection> {
    let range = match wanted {
        None => return Ok(0..size),
        Some(RangeWanted::FromTo(first, last)) => first..last.map_or(size, |last| last.saturating_add(1).min(size)),
        Some(RangeWanted::Last(count)) => size.saturating_sub(count)..size,
    };
    if range.is_empty() {
        Err(Rejection::RangeNotSatisfiable(size))
    } else {
        Ok(range)
    }
}

fn unfit(problem: FileProblem) -> Rejection {
    match problem {
        FileProblem::Signature => Rejection::UnsupportedFileType(problem.to_string()),
        FileProblem::Empty => Rejection::invalid("file", "empty", &problem.to_string()),
        FileProblem::Malformed(_) => Rejection::invalid("file", "malformed", &problem.to_string()),
    }
}
