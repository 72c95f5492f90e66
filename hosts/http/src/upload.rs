//! `POST /upload`: multipart, streamed to the file store as it arrives.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, ready};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::request::Parts;
use http::{Response, header};
use http_body::Body;
use http_body_util::BodyExt;
use kyc_core::id::{Brand, CustomerId};
use kyc_core::limits::ID_MAX;
use kyc_core::rejection::Rejection;
use kyc_ports::app::{App, Reply, UploadFor};
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
    let shared = Arc::new(Shared::default());
    let mut multipart = Multipart::with_constraints(by_pieces(body, shared.clone()), boundary, constraints);
    let refused = |error| broken(&error, file_bytes_max);
    let mut owner = UploadFor::default();
    for _ in 0..FIELDS_MAX {
        let field = shared.going_on(multipart.next_field()).await.map_err(refused)?;
        let mut field = field.ok_or_else(|| Rejection::invalid("file", "required", "is required"))?;
        match field.name() {
            Some("brand") => owner.brand = Some(brand(&shared.text(field).await.map_err(refused)?)?),
            Some("customer_id") => owner.customer_id = Some(customer_id(&shared.text(field).await.map_err(refused)?)?),
            Some("file") => {
                let name = field.file_name().unwrap_or_default().to_owned();
                shared.file_has_begun.store(true, Ordering::Relaxed);
                let mut upload = app.begin_upload(&actor, owner, &name).await?;
                while let Some(chunk) = shared.going_on(field.chunk()).await.map_err(refused)? {
                    upload.write(&chunk).await?;
                }
                drop(field);
                if shared
                    .going_on(multipart.next_field())
                    .await
                    .map_err(refused)?
                    .is_some()
                {
                    return Err(malformed("nothing may follow the field `file`"));
                }
                return Ok(reply::rendered(Reply::of(&upload.finish().await?)));
            }
            _ => return Err(malformed("only `brand`, `customer_id` and then `file` are fields here")),
        }
    }
    Err(malformed("there are too many fields"))
}

fn brand(text: &str) -> Result<Brand, Rejection> {
    text.parse()
        .map_err(|message| Rejection::invalid("brand", "pattern", message))
}

fn customer_id(text: &str) -> Result<CustomerId, Rejection> {
    let number = text.parse().ok().filter(|number| (1..=ID_MAX).contains(number));
    number
        .map(CustomerId)
        .ok_or_else(|| Rejection::invalid("customer_id", "range", "must be an integer from 1 to 2^53 - 1"))
}

fn malformed(message: &str) -> Rejection {
    Rejection::invalid("file", "malformed", message)
}

/// What is known on both sides of the multipart reader.
#[derive(Default)]
struct Shared {
    file_has_begun: AtomicBool,
    /// The body has more, maybe, but the reader is to look at what it has first.
    pauses: AtomicBool,
}

impl Shared {
    /// A step of the reader, which goes on after a pause that it was given.
    async fn going_on<T>(&self, step: impl Future<Output = T>) -> T {
        let mut step = pin!(step);
        poll_fn(|context| {
            loop {
                let polled = step.as_mut().poll(context);
                if polled.is_ready() || !self.pauses.swap(false, Ordering::Relaxed) {
                    return polled;
                }
            }
        })
        .await
    }

    /// A field as UTF-8, whatever charset it names; what is not UTF-8 is no brand or number either.
    async fn text(&self, field: Field<'_>) -> Result<String, multer::Error> {
        let bytes = self.going_on(field.bytes()).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The body, which breaks off when the file has not begun after as much as may stand before it: a multipart reader
/// keeps that part in memory.
fn by_pieces<B>(body: B, shared: Arc<Shared>) -> impl Stream<Item = Result<Bytes, BoxError>> + Send
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let mut body = body.into_data_stream();
    let (mut before, mut has_given) = (0_u64, false);
    stream::poll_fn(move |context| {
        // The reader would take all that is there into memory before it looks at any of it. After each piece there is
        // nothing for a moment, so that it looks; not before the first one, whose absence it would take for the end.
        if std::mem::take(&mut has_given) {
            shared.pauses.store(true, Ordering::Relaxed);
            return Poll::Pending;
        }
        if before > AROUND_FILE_BYTES_MAX && !shared.file_has_begun.load(Ordering::Relaxed) {
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
