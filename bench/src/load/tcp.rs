//! A client of the line protocol that keeps several requests under way.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;
use crate::clock::now;
use crate::load::{Measured, Script, Window};

/// Room for replies; it grows when it must.
const BUFFER_BYTES: usize = 64 * 1024;
/// How a success begins: every request has the same `extID`.
const SUCCESS: &[u8] = b"{\"extID\":1,\"status\":200,";

/// Asks until the window is over or the script ends; the last replies are waited for. Each reply that has come is
/// followed by another request.
pub(super) async fn drive(address: SocketAddr, depth: usize, script: &mut Script, window: &Window) -> Result<Measured> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut measured = Measured::of(window)?;
    let mut requests = Vec::with_capacity(BUFFER_BYTES);
    let mut replies = Vec::with_capacity(BUFFER_BYTES);
    let mut waiting = (0..depth).take_while(|_| script(&mut requests)).count();
    while waiting > 0 {
        if !requests.is_empty() {
            stream.write_all(&requests).await?;
            requests.clear();
        }
        if stream.read_buf(&mut replies).await? == 0 {
            return Err("the server has closed the connection".into());
        }
        let at = now();
        let mut read = 0;
        for end in memchr::memchr_iter(b'\n', &replies) {
            let line = replies.get(read..end).unwrap_or_default();
            if line.starts_with(SUCCESS) {
                measured.count(window, None, at);
            } else {
                measured.fail(line);
            }
            read = end + 1;
            waiting -= 1;
            if at < window.end && script(&mut requests) {
                waiting += 1;
            }
        }
        replies.drain(..read);
    }
    Ok(measured)
}
