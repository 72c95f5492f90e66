//! A web server that does nothing: the same bytes for every request, by the same libraries as the server's.

use std::io::Write;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use axum::serve::ListenerExt;
use bytes::Bytes;
use tokio::net::TcpListener;

use crate::Result;

/// Serves until it is ended; the first line of its output is the address.
pub(crate) fn serve(bytes: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        let body = Bytes::from(vec![b'x'; bytes]);
        let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], body) };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", listener.local_addr()?)?;
        out.flush()?;
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, Router::new().route("/", get(answer))).await?;
        Ok(())
    })
}
