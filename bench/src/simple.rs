//! One HTTP request at a time, for what is not measured by its rate: setting up, and uploads.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::{Error, Result};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body of a success as JSON.
    pub(crate) fn ok(&self) -> Result<Value> {
        if self.status == 200 {
            return Ok(serde_json::from_slice(&self.body)?);
        }
        let body = String::from_utf8_lossy(&self.body);
        Err(Error::from(format!("status {}: {body}", self.status)))
    }
}

/// A request's head, the connection closed behind the answer.
pub(crate) fn head(method: &str, path: &str, token: Option<&str>, content_type: &str, length: usize) -> String {
    let token = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{token}content-type: {content_type}\r\n\
         content-length: {length}\r\n\r\n"
    )
}

/// Sends a request with a JSON body; nothing for `Value::Null`.
pub(crate) fn call(address: SocketAddr, method: &str, path: &str, token: Option<&str>, body: &Value) -> Result<Answer> {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let mut stream = connect(address)?;
    let head = head(method, path, token, "application/json", body.len());
    stream.write_all(format!("{head}{body}").as_bytes())?;
    answer(&mut stream)
}

/// A connection that does not wait for ever.
pub(crate) fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads to the end of the connection.
pub(crate) fn answer(stream: &mut TcpStream) -> Result<Answer> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    read(&bytes).ok_or_else(|| "no HTTP answer came".into())
}

fn read(bytes: &[u8]) -> Option<Answer> {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")?;
    let (head, body) = (bytes.get(..end)?, bytes.get(end + 4..)?);
    let status = std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()?;
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let body = if head.contains("transfer-encoding: chunked") {
        unchunked(body)?
    } else {
        body.to_vec()
    };
    Some(Answer { status, body })
}

/// The bytes of a chunked body (RFC 9112, section 7.1).
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = memchr::memmem::find(rest, b"\r\n")?;
        let size = std::str::from_utf8(rest.get(..end)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        let start = end + 2;
        whole.extend_from_slice(rest.get(start..start + size)?);
        rest = rest.get(start + size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_and_in_chunks() {
        let answer = read(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}");
        assert_eq!(
            answer,
            Some(Answer {
                status: 404,
                body: b"{}".to_vec()
            })
        );
        let answer =
            read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n");
        assert_eq!(
            answer,
            Some(Answer {
                status: 200,
                body: b"abc0123456789".to_vec()
            })
        );
        assert_eq!(read(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
