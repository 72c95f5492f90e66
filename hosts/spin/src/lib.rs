//! The Spin components: the same application as the native server's, over the ports that Spin gives.
//!
//! All components of `spin.toml` are this one wasm. Which of them an instance is stands in its variable `component`; it
//! serves the routes of that component only, and is granted only what they need. Everything that is neither transport
//! nor a grant comes from `kyc_http` and `kyc_ports`.
//!
//! Reading order: `serve.rs` (routes), `parts.rs` (variables become ports), `tick.rs`, `reply.rs`, `log.rs`.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(target_family = "wasm")]
mod log;
#[cfg(target_family = "wasm")]
mod parts;
#[cfg(target_family = "wasm")]
mod reply;
#[cfg(target_family = "wasm")]
mod serve;
#[cfg(target_family = "wasm")]
mod tick;

/// Serves one request of Spin's.
#[cfg(target_family = "wasm")]
#[spin_sdk::http_service]
async fn handle(request: spin_sdk::http::Request) -> http::Response<kyc_http::reply::ReplyBody> {
    let mut response = serve::serve(request).await;
    // Spin's HTTP library does not, and holds back what has no length.
    let length = response.body().length();
    response
        .headers_mut()
        .insert(http::header::CONTENT_LENGTH, length.into());
    response
}
