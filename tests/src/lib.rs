//! The harness: starts the real `kycd` on free ports, and speaks to it as clients do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "test code"
)]

pub mod conformance;
pub mod decisions;
pub mod files;
pub mod platform;
pub mod refusals;
pub mod rest;
pub mod server;
pub mod sim;
pub mod site;
pub mod tcp;
pub mod tenants;
pub mod uploads;
