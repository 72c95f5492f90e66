//! A casino platform's side of the tenant contract, to try a CRM against: an HTTP server with the endpoints that a
//! CRM calls, and a sender of signed webhooks with invented stories to tell.
//!
//! [`platform`] is the server, whose behaviour a test can script; [`webhooks`] sends one event, with retries or
//! tampered with; [`story`] invents what happens to players and in which order a careless network delivers it, and
//! [`run`] plays that; [`simulation`] is all of it together, for a command line.
//!
//! The time and the waiting are arguments ([`ambient`]); what is invented follows from a seed.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod ambient;
mod client;
pub mod platform;
pub mod run;
mod server;
pub mod simulation;
pub mod story;
#[cfg(test)]
mod testing;
pub mod webhooks;
