//! An HTTP client: keep-alive, one request at a time.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::clock::now;
use crate::load::{Measured, Script, Window};
use crate::{Error, Result};

/// Room for a reply; it grows when it must.
const BUFFER_BYTES: usize = 16 * 1024;

/// Asks until the window is over or the script ends; the last reply is waited for.
pub(super) async fn drive(address: SocketAddr, script: &mut Script, window: &Window) -> Result<Measured> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut measured = Measured::of(window)?;
    let mut request = Vec::with_capacity(BUFFER_BYTES);
    let mut reply = Vec::with_capacity(BUFFER_BYTES);
    loop {
        let sent = now();
        request.clear();
        if sent >= window.end || !script(&mut request) {
            return Ok(measured);
        }
        stream.write_all(&request).await?;
        if read(&mut stream, &mut reply).await? == 200 {
            measured.count(window, Some(sent), now());
        } else {
            measured.fail(&reply);
        }
    }
}

/// Reads one reply; its status.
async fn read(stream: &mut TcpStream, reply: &mut Vec<u8>) -> Result<u16> {
    reply.clear();
    loop {
        if stream.read_buf(reply).await? == 0 {
            return Err("the server has closed the connection".into());
        }
        if let Some(head) = Head::of(reply)? {
            while reply.len() < head.bytes + head.content_length {
                if stream.read_buf(reply).await? == 0 {
                    return Err("the server has closed the connection".into());
                }
            }
            return Ok(head.status);
        }
    }
}

/// What is needed of a reply's head.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    bytes: usize,
    content_length: usize,
}

impl Head {
    /// `None` while it has not all come.
    fn of(reply: &[u8]) -> Result<Option<Self>> {
        let Some(end) = memchr::memmem::find(reply, b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = reply.get(..end).unwrap_or_default();
        let status = head.get(9..12).and_then(number).ok_or("no HTTP reply")?;
        let content_length = lines(head)
            .find_map(|line| value_of(line, b"content-length:"))
            .and_then(number);
        Ok(Some(Self {
            status: u16::try_from(status)?,
            bytes: end + 4,
            content_length: content_length.ok_or_else(|| Error::from("a reply without content-length"))?,
        }))
    }
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n')
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn number(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let reply = b"HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length:  12\r\n\r\nhello";
        let head = Head::of(reply).unwrap().unwrap();
        assert_eq!(
            head,
            Head {
                status: 200,
                bytes: reply.len() - 5,
                content_length: 12
            }
        );
        assert_eq!(Head::of(b"HTTP/1.1 200 OK\r\n").unwrap(), None);
        assert!(Head::of(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").is_err());
    }
}
