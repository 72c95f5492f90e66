//! What every component of the SDK costs before it does anything.
#![cfg(target_family = "wasm")]

use spin_sdk::http::Request;
use spin_sdk::http_service;

#[http_service]
async fn handle(_: Request) -> &'static str {
    "ok\n"
}
