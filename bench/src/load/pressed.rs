//! A client of the line protocol that asks for more than it gets: what is refused for want of room is asked for again
//! a second later, as the refusal says. The `extID` of a request is when it was made, for replies come in any order.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;
use crate::clock::{micros, now};
use crate::load::{Measured, Script, Window};

/// Room for replies; it grows when it must.
const BUFFER_BYTES: usize = 64 * 1024;
/// What a refusal's `Retry-After` says.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Asks with so many requests under way or put off until the window is over; the last replies are waited for.
pub(super) async fn drive(address: SocketAddr, depth: usize, script: &mut Script, window: &Window) -> Result<Measured> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut measured = Measured::of(window)?;
    let mut requests = Vec::with_capacity(BUFFER_BYTES);
    let mut replies = Vec::with_capacity(BUFFER_BYTES);
    // When requests that were refused are asked for again.
    let mut put_off: VecDeque<Instant> = std::iter::repeat_n(now(), depth).collect();
    let mut under_way = 0_usize;
    loop {
        let at = now();
        while put_off.front().is_some_and(|due| *due <= at) {
            put_off.pop_front();
            if at < window.end && script(&mut requests) {
                under_way += 1;
            }
        }
        if under_way == 0 && at >= window.end {
            return Ok(measured);
        }
        stream.write_all(&requests).await?;
        requests.clear();
        let next = put_off.front().copied().filter(|due| *due < window.end);
        let wait = next.unwrap_or(at + RETRY_AFTER).saturating_duration_since(at);
        match tokio::time::timeout(wait, stream.read_buf(&mut replies)).await {
            Ok(Ok(0)) => return Err("the server has closed the connection".into()),
            Ok(read) => {
                read?;
            }
            Err(_) => continue,
        }
        let at = now();
        let mut read = 0;
        for end in memchr::memchr_iter(b'\n', &replies) {
            let line = replies.get(read..end).unwrap_or_default();
            let again = match Begin::of(line) {
                Some(Begin { status: 200, .. }) => {
                    measured.count(window, None, at);
                    Duration::ZERO
                }
                Some(Begin {
                    status: 429 | 503,
                    made,
                }) => {
                    measured.refuse(micros().saturating_sub(made));
                    RETRY_AFTER
                }
                _ => {
                    measured.fail(line);
                    Duration::ZERO
                }
            };
            put_off.insert(put_off.partition_point(|due| *due <= at + again), at + again);
            under_way = under_way.saturating_sub(1);
            read = end + 1;
        }
        replies.drain(..read);
    }
}

/// What is needed of a reply.
#[derive(Debug, PartialEq, Eq)]
struct Begin {
    /// Its `extID`: when the request was made.
    made: u64,
    status: u64,
}

impl Begin {
    /// The first members of these names: no reply of these commands has others.
    fn of(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let number = |name: &str| {
            let (_, rest) = text.split_once(name)?;
            rest.split_once([',', '}'])?.0.parse().ok()
        };
        Some(Self {
            made: number("\"extID\":")?,
            status: number("\"status\":")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_tell_when_their_request_was_made() {
        let reply = br#"{"error":"RET_TOO_FREQUENT","extID":12,"message":"later","status":429}"#;
        assert_eq!(Begin::of(reply), Some(Begin { made: 12, status: 429 }));
        let reply = br#"{"extID":12,"status":200,"data":{"accepted":true}}"#;
        assert_eq!(Begin::of(reply), Some(Begin { made: 12, status: 200 }));
        assert_eq!(
            Begin::of(br#"{"extID":null,"status":400,"error":"INVALID_DATA"}"#),
            None
        );
    }
}
