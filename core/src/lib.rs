//! The pure KYC core: states, decisions, recalculation, audit chain and command table.
//!
//! Nothing here reads a clock, draws randomness, touches files or waits. A decision is a value computed from values:
//! [`command::AnyChange::decide`] takes a loaded [`customer::CustomerState`] and a [`work::Context`] and gives events
//! or a [`rejection::Rejection`]; [`commit::Commit`] turns them into what is stored; [`replay`] turns stored audit
//! rows back into the state.
//!
//! Reading order: [`status`], [`profile`], [`step`], [`document`], [`template`] (what there is), [`event`] and
//! [`work`] (how it changes), [`recalculate`] and [`due`] (what follows), `step/approve.rs` (a command),
//! [`command`] and [`table`] (how commands are found), [`audit`], [`commit`], [`replay`] (what is kept).
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod actor;
pub mod audit;
pub mod brand;
mod calendar;
pub mod command;
pub mod commit;
pub mod configure;
pub mod customer;
pub mod document;
pub mod due;
pub mod event;
pub mod file;
pub mod gate;
pub mod history;
pub mod id;
pub mod json;
pub mod level;
pub mod limits;
pub mod notice;
pub mod outbound;
pub mod params;
pub mod problem;
pub mod profile;
pub mod query;
pub mod questionnaire;
pub mod recalculate;
pub mod record;
pub mod rejection;
pub mod replay;
pub mod requirements;
pub mod signature;
pub mod status;
pub mod step;
pub mod stream;
pub mod table;
pub mod template;
pub mod tenant;
pub mod time;
pub mod webhook;
pub mod work;
