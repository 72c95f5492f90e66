//! SQL of the stores: statements as values and rows as entities, without a driver.
//!
//! A driver runs a [`statement::Statement`] and hands back rows of [`kyc_core::record::Cell`]s. Commits are lists of
//! statements for one transaction; where a statement says how many rows it must touch, another number is a conflict.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod commit;
pub mod file;
pub mod list;
pub mod load;
pub mod queue;
pub mod statement;
pub mod table;
mod together;
