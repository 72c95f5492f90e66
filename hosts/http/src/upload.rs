//! `POST /upload`: multipart, streamed to the file store as it arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, ready};

use bytes::Bytes;
use futures_util::stream::poll_fn;
use futures_util::{Stream, StreamExt};
use http::request::Parts;
use http::{Response, header};
use http_body::Body;
use http_body_util::BodyExt;
use kyc_core::id::{Brand, CustomerId};
use kyc_core::limits::ID_MAX;
use kyc_core::record::json_of;
use kyc_core::rejection::Rejection;
use kyc_ports::app::{App, UploadFor};
use multer::{Constraints, Field, Multipart, SizeLimit};

use crate::reply::{self, ReplyBody};
use crate::token;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Longest text field beside the file.
const TEXT_FIELD_BYTES_MAX: u64 = 256;
/// Bytes around the file: boundaries, heads of parts and the fields before it.
const AROUND_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Fields that may stand before the file.
const FIELDS_MAX: usize = 8;

pub(crate) async fn serve<B>(app: &App, parts: &Parts, body: B) -> Result<Response<ReplyBody>, Rejection>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let actor = app.may_upload(token(&parts.headers))?;
    let content_type = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let boundary = content_type.and_then(|content_type| multer::parse_boundary(content_type).ok());
    let boundary = boundary.ok_or_else(|| malformed("the body must be multipart/form-data"))?;
    let file_bytes_max = app.file_bytes_max();
    let limits = SizeLimit::new()
        .whole_stream(file_bytes_max.saturating_add(AROUND_FILE_BYTES_MAX))
        .for_field("brand", TEXT_FIELD_BYTES_MAX)
        .for_field("customer_id", TEXT_FIELD_BYTES_MAX);
    let constraints = Constraints::new().size_limit(limits);
    let file_has_begun = Arc::new(AtomicBool::new(false));
    let mut multipart = Multipart::with_constraints(until_file(body, file_has_begun.clone()), boundary, constraints);
    let mut owner = UploadFor::default();
    for _ in 0..FIELDS_MAX {
        let field = multipart
            .next_field()
            .await
            .map_err(|error| broken(&error, file_bytes_max))?;
        let mut field = field.ok_or_else(|| Rejection::invalid("file", "required", "is required"))?;
        match field.name() {
            Some("brand") => owner.brand = Some(brand(field, file_bytes_max).await?),
            Some("customer_id") => owner.customer_id = Some(customer_id(field, file_bytes_max).await?),
            Some("file") => {
                let name = field.file_name().unwrap_or_default().to_owned();
                file_has_begun.store(true, Ordering::Relaxed);
                let mut upload = app.begin_upload(&actor, owner, &name).await?;
                while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error, file_bytes_max))? {
                    upload.write(&chunk).await?;
                }
                drop(field);
                if multipart
                    .next_field()
                    .await
                    .map_err(|error| broken(&error, file_bytes_max))?
                    .is_some()
                {
                    return Err(malformed("nothing may follow the field `file`"));
                }
                return Ok(reply::json(&json_of(&upload.finish().await?)));
            }
            _ => return Err(malformed("only `brand`, `customer_id` and then `file` are fields here")),
        }
    }
    Err(malformed("there are too many fields"))
}

async fn brand(field: Field<'_>, file_bytes_max: u64) -> Result<Brand, Rejection> {
    let text = text(field, file_bytes_max).await?;
    text.parse()
        .map_err(|message| Rejection::invalid("brand", "pattern", message))
}

async fn customer_id(field: Field<'_>, file_bytes_max: u64) -> Result<CustomerId, Rejection> {
    let text = text(field, file_bytes_max).await?;
    let number = text.parse().ok().filter(|number| (1..=ID_MAX).contains(number));
    number
        .map(CustomerId)
        .ok_or_else(|| Rejection::invalid("customer_id", "range", "must be an integer from 1 to 2^53 - 1"))
}

/// A field as UTF-8, whatever charset it names; what is not UTF-8 is no brand or number either.
async fn text(field: Field<'_>, file_bytes_max: u64) -> Result<String, Rejection> {
    let bytes = field.bytes().await.map_err(|error| broken(&error, file_bytes_max))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn malformed(message: &str) -> Rejection {
    Rejection::invalid("file", "malformed", message)
}

/// The body, which breaks off when the file has not begun after as much as may stand before it: a multipart reader
/// keeps that part in memory.
fn until_file<B>(body: B, file_has_begun: Arc<AtomicBool>) -> impl Stream<Item = Result<Bytes, BoxError>> + Send
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let mut body = body.into_data_stream();
    let (mut before, mut has_given) = (0_u64, false);
    poll_fn(move |context| {
        // The reader would take all that is there into memory before it looks at any of it. After each piece there is
        // nothing for a moment, so that it looks; not before the first one, whose absence it would take for the end.
        if std::mem::take(&mut has_given) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if before > AROUND_FILE_BYTES_MAX && !file_has_begun.load(Ordering::Relaxed) {
            return Poll::Ready(Some(Err("the file does not begin".into())));
        }
        let chunk = ready!(body.poll_next_unpin(context));
        has_given = chunk.is_some();
        before = before.saturating_add(chunk.iter().flatten().map(|chunk| chunk.len() as u64).sum());
        Poll::Ready(chunk.map(|chunk| chunk.map_err(Into::into)))
    })
}

fn broken(error: &multer::Error, file_bytes_max: u64) -> Rejection {
    match error {
        multer::Error::StreamSizeExceeded { .. } => Rejection::FileTooLarge(file_bytes_max),
        multer::Error::FieldSizeExceeded { field_name, .. } => {
            Rejection::invalid(field_name.as_deref().unwrap_or_default(), "too_long", "is too long")
        }
        multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteStream
        | multer::Error::StreamReadFailed(_) => malformed("the upload ended early"),
        _ => malformed("the body is not valid multipart/form-data"),
    }
}
