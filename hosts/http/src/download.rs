//! `GET /files/{file_id}`: a stored file, whole or in part, in a form that no browser runs.

use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use kyc_core::file::FileMeta;
use kyc_core::rejection::Rejection;
use kyc_ports::app::{App, OpenFile, RangeWanted};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::reply::{ReplyBody, insert, protect};
use crate::token;

/// What RFC 8187 lets stand unencoded, as far as we need it.
const NAME_CHARS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

pub(crate) async fn serve(app: &App, parts: &Parts, id: &str) -> Result<Response<ReplyBody>, Rejection> {
    let token = token(&parts.headers);
    app.may_upload(token)?;
    let id = id.parse().map_err(|_| Rejection::NotFound("file"))?;
    let wanted = parts
        .headers
        .get(header::RANGE)
        .and_then(|value| range(value.to_str().ok()?));
    let file = app.open_file(token, &id, wanted).await?;
    let inline = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        .any(|(name, value)| name == "inline" && value == "1");
    Ok(response(file, wanted.is_some(), inline))
}

fn response(file: OpenFile, is_part: bool, inline: bool) -> Response<ReplyBody> {
    let OpenFile { meta, range, bytes } = file;
    let left = range.end - range.start;
    let mut response = Response::new(ReplyBody::File { bytes, left });
    let headers = response.headers_mut();
    protect(headers);
    insert(headers, header::CONTENT_TYPE, &meta.content_type);
    insert(headers, header::CONTENT_DISPOSITION, &disposition(&meta, inline));
    insert(headers, header::ETAG, &format!("\"{}\"", meta.checksum));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    if is_part {
        let part = format!(
            "bytes {}-{}/{}",
            range.start,
            range.end.saturating_sub(1),
            meta.file_size
        );
        insert(headers, header::CONTENT_RANGE, &part);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

fn disposition(meta: &FileMeta, inline: bool) -> String {
    let shown = meta.content_type.starts_with("image/") || meta.content_type == "application/pdf";
    let kind = if inline && shown { "inline" } else { "attachment" };
    let name = utf8_percent_encode(&meta.file_name, NAME_CHARS);
    format!("{kind}; filename=\"{}\"; filename*=UTF-8''{name}", meta.stored_name())
}

/// A single byte range; anything else is ignored, as RFC 9110 lets a server do.
fn range(value: &str) -> Option<RangeWanted> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    if first.is_empty() {
        return Some(RangeWanted::Last(last.parse().ok()?));
    }
    let last = if last.is_empty() {
        None
    } else {
        Some(last.parse().ok()?)
    };
    let first = first.parse().ok()?;
    last.is_none_or(|last| last >= first)
        .then_some(RangeWanted::FromTo(first, last))
}
