//! `POST /upload`: multipart, streamed to the file store as it arrives.

use bytes::Bytes;
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

/// Longest text field beside the file.
const TEXT_FIELD_BYTES_MAX: u64 = 256;
/// Fields that may stand before the file.
const FIELDS_MAX: usize = 8;

pub(crate) async fn serve<B>(app: &App, parts: &Parts, body: B) -> Result<Response<ReplyBody>, Rejection>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let actor = app.may_upload(token(parts).as_deref())?;
    let content_type = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let boundary = content_type.and_then(|content_type| multer::parse_boundary(content_type).ok());
    let boundary = boundary.ok_or_else(|| malformed("the body must be multipart/form-data"))?;
    let limits = SizeLimit::new()
        .for_field("brand", TEXT_FIELD_BYTES_MAX)
        .for_field("customer_id", TEXT_FIELD_BYTES_MAX);
    let constraints = Constraints::new().size_limit(limits);
    let mut multipart = Multipart::with_constraints(body.into_data_stream(), boundary, constraints);
    let mut owner = UploadFor::default();
    for _ in 0..FIELDS_MAX {
        let field = multipart.next_field().await.map_err(|error| broken(&error))?;
        let mut field = field.ok_or_else(|| Rejection::invalid("file", "required", "is required"))?;
        match field.name() {
            Some("brand") => owner.brand = Some(brand(field).await?),
            Some("customer_id") => owner.customer_id = Some(customer_id(field).await?),
            Some("file") => {
                let name = field.file_name().unwrap_or_default().to_owned();
                let mut upload = app.begin_upload(&actor, owner, &name).await?;
                while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
                    upload.write(&chunk).await?;
                }
                drop(field);
                if multipart.next_field().await.map_err(|error| broken(&error))?.is_some() {
                    return Err(malformed("nothing may follow the field `file`"));
                }
                return Ok(reply::json(&json_of(&upload.finish().await?)));
            }
            _ => return Err(malformed("only `brand`, `customer_id` and then `file` are fields here")),
        }
    }
    Err(malformed("there are too many fields"))
}

async fn brand(field: Field<'_>) -> Result<Brand, Rejection> {
    let text = field.text().await.map_err(|error| broken(&error))?;
    text.parse()
        .map_err(|message| Rejection::invalid("brand", "pattern", message))
}

async fn customer_id(field: Field<'_>) -> Result<CustomerId, Rejection> {
    let text = field.text().await.map_err(|error| broken(&error))?;
    let number = text.parse().ok().filter(|number| (1..=ID_MAX).contains(number));
    number
        .map(CustomerId)
        .ok_or_else(|| Rejection::invalid("customer_id", "range", "must be an integer from 1 to 2^53 - 1"))
}

fn malformed(message: &str) -> Rejection {
    Rejection::invalid("file", "malformed", message)
}

fn broken(error: &multer::Error) -> Rejection {
    match error {
        multer::Error::FieldSizeExceeded { field_name, .. } => {
            Rejection::invalid(field_name.as_deref().unwrap_or_default(), "too_long", "is too long")
        }
        multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteStream
        | multer::Error::StreamReadFailed(_) => malformed("the upload ended early"),
        _ => malformed("the body is not valid multipart/form-data"),
    }
}
