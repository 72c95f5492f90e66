//! The `Blobs` port where there is no folder: a file is a row of `blobs` and its parts are rows of `chunks`.
//!
//! A part is stored as soon as the next one begins, so that no upload is whole in memory; the last one is stored in the
//! transaction that finishes the file. A writer that is dropped removes what it stored; where the instance ends first,
//! the parts stand in nobody's way until the clean-up finds them.
//!
//! With a bucket, the parts only gather there: a whole file goes to the bucket as one object, with its length and hash
//! known, and the transaction that finishes it drops the parts. A file with a size and without parts lies in the bucket;
//! one that was stored before there was a bucket stays where it is. A file's row has its size before the object can be
//! there, and goes a day after it at the earliest, so that the clean-up finds an object even if the store completes what
//! was given up. Names are random and never repeat.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use kyc_core::limits::FILE_BYTES_MAX;
use kyc_core::record::{Cell, Column};
use kyc_core::time::Time;
use kyc_ports::blobs::{BlobError, BlobWriter, Blobs, ByteStream};
use kyc_ports::clock::Clock;
use kyc_ports::store::StoreError;
use kyc_sql::statement::Statement;
use sha2::{Digest, Sha256};

use crate::ambient::SpinClock;
use crate::bucket::Bucket;
use crate::database::{Database, Session};
use crate::name::check_name;

/// Bytes of all parts but the last. What is written stays readable only while this stays as it is: a part is found by
/// its number.
const CHUNK_BYTES: usize = 512 * 1024;

/// Files in one database, or their bytes in a bucket.
#[derive(Debug, Clone)]
pub struct SpinBlobs {
    database: Arc<Database>,
    bucket: Option<Arc<Bucket>>,
}

impl SpinBlobs {
    pub(crate) const fn new(database: Arc<Database>) -> Self {
        Self { database, bucket: None }
    }

    async fn is_in_bucket(&self, name: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM blobs WHERE name = ?1 AND size > 0 \
                   AND (finished = 0 OR NOT EXISTS (SELECT 1 FROM chunks WHERE blob_id = blobs.id))";
        let rows = self.database.rows(Statement::new(sql, vec![text(name)])).await?;
        Ok(!rows.is_empty())
    }

    /// With a bucket for the bytes of new files.
    #[must_use]
    pub fn in_bucket(self, bucket: Option<Arc<Bucket>>) -> Self {
        Self { bucket, ..self }
    }
}

#[async_trait(?Send)]
impl Blobs for SpinBlobs {
    async fn create(&self, name: &str) -> Result<Box<dyn BlobWriter>, BlobError> {
        check_name(name)?;
        Ok(Box::new(Writer {
            files: self.clone(),
            name: name.to_owned(),
            blob_id: None,
            chunks: 0,
            buffer: Vec::new(),
            hasher: Sha256::new(),
            is_in_bucket: false,
        }))
    }

    async fn open(&self, name: &str, range: Range<u64>) -> Result<Option<ByteStream>, BlobError> {
        check_name(name)?;
        let session = self.database.open().await.map_err(failed)?;
        let sql = "SELECT id, size, EXISTS (SELECT 1 FROM chunks WHERE blob_id = blobs.id) FROM blobs \
                   WHERE name = ?1 AND finished = 1";
        let rows = session.rows(Statement::new(sql, vec![text(name)])).await;
        let mut cells = rows.map_err(failed)?.into_iter().flatten().map(i64::from_cell);
        let (Some(Some(blob_id)), Some(Some(size)), Some(Some(has_parts))) = (cells.next(), cells.next(), cells.next())
        else {
            return Ok(None);
        };
        let range = range.start..range.end.min(u64::try_from(size).unwrap_or(0));
        if has_parts == 1 || range.is_empty() {
            return Ok(Some(Reading::of(session, blob_id, range)));
        }
        let bucket = self.bucket.as_ref().ok_or_else(no_bucket)?;
        bucket.get(name, range).await.map(Some)
    }

    async fn remove(&self, name: &str) -> Result<(), BlobError> {
        check_name(name)?;
        match &self.bucket {
            Some(bucket) => bucket.remove(name).await?,
            // Its row leads to the object.
            None if self.is_in_bucket(name).await.map_err(failed)? => return Err(no_bucket()),
            None => {}
        }
        let chunks = "DELETE FROM chunks WHERE blob_id IN (SELECT id FROM blobs WHERE name = ?1)";
        let statements = vec![
            Statement::new(chunks, vec![text(name)]),
            Statement::new("DELETE FROM blobs WHERE name = ?1", vec![text(name)]),
        ];
        self.database.write(statements).await.map(|_| ()).map_err(failed)
    }

    async fn names_before(&self, before: Time, after: &str, limit: usize) -> Result<Vec<String>, BlobError> {
        let sql = "SELECT DISTINCT name FROM blobs WHERE name > ?1 AND written_time < ?2 ORDER BY name LIMIT ?3";
        let params = vec![text(after), before.to_cell(), Cell::Int(limit as i64)];
        let rows = self.database.rows(Statement::new(sql, params)).await.map_err(failed)?;
        let names = rows.into_iter().flatten().map(String::from_cell);
        names
            .collect::<Option<_>>()
            .ok_or_else(|| BlobError::Failed("a name is no text".to_owned()))
    }
}

/// A file being read, part by part. No transaction is open in between, however slowly the reader reads.
struct Reading {
    session: Session,
    blob_id: i64,
    left: Range<u64>,
}

impl Reading {
    fn of(session: Session, blob_id: i64, left: Range<u64>) -> ByteStream {
        let reading = Self { session, blob_id, left };
        Box::pin(stream::try_unfold(reading, Self::next))
    }

    async fn next(mut self) -> Result<Option<(Bytes, Self)>, BlobError> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let (number, offset) = (
            self.left.start / CHUNK_BYTES as u64,
            self.left.start % CHUNK_BYTES as u64,
        );
        let sql = "SELECT substr(bytes, ?3, ?4) FROM chunks WHERE blob_id = ?1 AND number = ?2";
        let params = vec![
            Cell::Int(self.blob_id),
            Cell::Int(number as i64),
            Cell::Int(offset as i64 + 1),
            Cell::Int(i64::try_from(self.left.end - self.left.start).unwrap_or(i64::MAX)),
        ];
        let rows = self.session.rows(Statement::new(sql, params)).await.map_err(failed)?;
        match rows.into_iter().flatten().next() {
            Some(Cell::Blob(bytes)) if !bytes.is_empty() => {
                self.left.start += bytes.len() as u64;
                Ok(Some((bytes.into(), self)))
            }
            _ => Err(BlobError::Failed("a part of a file is missing".to_owned())),
        }
    }
}

/// A file being written.
struct Writer {
    files: SpinBlobs,
    name: String,
    /// The row of what is stored so far; none before the first part is full.
    blob_id: Option<i64>,
    /// How many parts are stored.
    chunks: usize,
    buffer: Vec<u8>,
    /// Of all that was written.
    hasher: Sha256,
    /// Whether an object of its name may be in the bucket.
    is_in_bucket: bool,
}

impl Writer {
    const fn size(&self) -> usize {
        self.chunks * CHUNK_BYTES + self.buffer.len()
    }

    /// Stores the part that is full.
    async fn store(&mut self) -> Result<(), StoreError> {
        let blob_id = match self.blob_id {
            Some(blob_id) => blob_id,
            None => self.begin().await?,
        };
        let touch = "UPDATE blobs SET written_time = ?2 WHERE id = ?1 AND finished = 0";
        let touch = Statement::new(touch, vec![Cell::Int(blob_id), SpinClock.now().to_cell()]).touching(1);
        let chunk = self.chunk("?2", vec![Cell::Int(blob_id)]);
        self.files.database.write(vec![touch, chunk]).await?;
        self.chunks += 1;
        Ok(())
    }

    async fn begin(&mut self) -> Result<i64, StoreError> {
        let sql = "INSERT INTO blobs (name, size, finished, written_time) VALUES (?1, 0, 0, ?2) RETURNING id";
        let params = vec![text(&self.name), SpinClock.now().to_cell()];
        let rows = self.files.database.write(vec![Statement::new(sql, params)]).await?.rows;
        let blob_id = rows.into_iter().flatten().next().and_then(i64::from_cell);
        self.blob_id = blob_id;
        blob_id.ok_or_else(|| StoreError::Failed("a new row has no number".to_owned()))
    }

    /// The buffer as the next part of the file whose number is an expression over the parameters behind the first.
    fn chunk(&mut self, blob_id: &'static str, params: Vec<Cell>) -> Statement {
        let sql = format!(
            "INSERT INTO chunks (bytes, blob_id, number) VALUES (?1, {blob_id}, {})",
            self.chunks
        );
        let bytes = Cell::Blob(std::mem::take(&mut self.buffer));
        Statement::new(sql, [bytes].into_iter().chain(params).collect()).touching(1)
    }

    /// The last part, and the file under its name.
    fn ending(&mut self) -> Vec<Statement> {
        let size = Cell::Int(self.size() as i64);
        let now = SpinClock.now().to_cell();
        let (finish, number, params) = if let Some(blob_id) = self.blob_id {
            let sql = "UPDATE blobs SET finished = 1, size = ?2, written_time = ?3 WHERE id = ?1 AND finished = 0";
            let id = Cell::Int(blob_id);
            (Statement::new(sql, vec![id.clone(), size, now]), "?2", vec![id])
        } else {
            let sql = "INSERT INTO blobs (name, finished, size, written_time) VALUES (?1, 1, ?2, ?3)";
            let finish = Statement::new(sql, vec![text(&self.name), size, now]);
            (finish, "last_insert_rowid()", Vec::new())
        };
        let mut statements = vec![finish.touching(1)];
        if !self.buffer.is_empty() {
            statements.push(self.chunk(number, params));
        }
        statements
    }

    /// The whole file into the bucket; gives what finishes it then.
    async fn move_to(&mut self, bucket: &Bucket, sha256: [u8; 32]) -> Result<Vec<Statement>, BlobError> {
        let database = self.files.database.clone();
        let sql = "SELECT 1 FROM blobs WHERE name = ?1 AND finished = 1";
        let finished = database.rows(Statement::new(sql, vec![text(&self.name)])).await;
        if !finished.map_err(failed)?.is_empty() {
            return Err(taken());
        }
        let blob_id = match self.blob_id {
            Some(blob_id) => blob_id,
            None => self.begin().await.map_err(failed)?,
        };
        let size = self.size();
        let bytes: ByteStream = if self.chunks == 0 {
            let only = Bytes::from(std::mem::take(&mut self.buffer));
            Box::pin(stream::once(async { Ok(only) }))
        } else {
            if !self.buffer.is_empty() {
                self.store().await.map_err(failed)?;
            }
            let session = database.open().await.map_err(failed)?;
            Reading::of(session, blob_id, 0..size as u64)
        };
        let sizing = "UPDATE blobs SET size = ?2 WHERE id = ?1 AND finished = 0";
        let sizing = Statement::new(sizing, vec![Cell::Int(blob_id), Cell::Int(size as i64)]).touching(1);
        database.write(vec![sizing]).await.map_err(failed)?;
        self.is_in_bucket = true;
        bucket.put(&self.name, size as u64, sha256, bytes).await?;
        let finish = "UPDATE blobs SET finished = 1, size = ?2, written_time = ?3 WHERE id = ?1 AND finished = 0";
        let params = vec![Cell::Int(blob_id), Cell::Int(size as i64), SpinClock.now().to_cell()];
        Ok(vec![
            Statement::new("DELETE FROM chunks WHERE blob_id = ?1", vec![Cell::Int(blob_id)]),
            Statement::new(finish, params).touching(1),
        ])
    }
}

#[async_trait(?Send)]
impl BlobWriter for Writer {
    async fn write(&mut self, mut chunk: &[u8]) -> Result<(), BlobError> {
        if (self.size() + chunk.len()) as u64 > FILE_BYTES_MAX {
            return Err(BlobError::Failed("the file is too large".to_owned()));
        }
        self.hasher.update(chunk);
        while !chunk.is_empty() {
            if self.buffer.len() == CHUNK_BYTES {
                self.store().await.map_err(failed)?;
            }
            let room = CHUNK_BYTES.saturating_sub(self.buffer.len()).min(chunk.len());
            let (now, later) = chunk.split_at_checked(room).unwrap_or((chunk, &[]));
            self.buffer.extend_from_slice(now);
            chunk = later;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<[u8; 32], BlobError> {
        let sha256 = std::mem::take(&mut self.hasher).finalize().into();
        let statements = match self.files.bucket.clone() {
            Some(bucket) => self.move_to(&bucket, sha256).await?,
            None => self.ending(),
        };
        self.files
            .database
            .write(statements)
            .await
            .map_err(|error| match error {
                StoreError::Conflict => taken(),
                error => failed(error),
            })?;
        self.blob_id = None;
        Ok(sha256)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let Some(blob_id) = self.blob_id else { return };
        let database = self.files.database.clone();
        let object = self.files.bucket.clone().filter(|_| self.is_in_bucket);
        let name = std::mem::take(&mut self.name);
        let of_blob = move |sql: &'static str| Statement::new(sql, vec![Cell::Int(blob_id)]);
        let parts = of_blob("DELETE FROM chunks WHERE blob_id = ?1");
        // The request goes on until this is done, though its answer may have been given.
        spin_sdk::wasip3::spawn(async move {
            // Should any of this fail, the clean-up finds it a day later.
            let statements = match object {
                None => vec![
                    of_blob("DELETE FROM blobs WHERE id = ?1 AND finished = 0").touching(1),
                    parts,
                ],
                // The row stays for the clean-up: the store may still complete what was given up.
                Some(bucket) => {
                    if let Err(error) = bucket.remove(&name).await {
                        tracing::warn!(%error, "an object that was given up could not be removed");
                    }
                    vec![parts]
                }
            };
            if let Err(error) = database.write(statements).await {
                tracing::warn!(%error, "a half-written file could not be removed");
            }
        });
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

fn failed(error: StoreError) -> BlobError {
    match error {
        StoreError::NotGranted(missing) => BlobError::NotGranted(missing),
        error => BlobError::Failed(error.to_string()),
    }
}

fn no_bucket() -> BlobError {
    BlobError::Failed("the file lies in a bucket, and none is set".to_owned())
}

fn taken() -> BlobError {
    BlobError::Failed("there is a file of this name".to_owned())
}
