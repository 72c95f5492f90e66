//! `kyc-bench`: what the server does, held against what the same machine does without it. Each figure is a ratio of two
//! measurements of one run, taken in turns; docs/performance.md shows the last table and says how to read it.
//!
//! Reading order: [`options`], [`mod@bench`] (what the rows share), [`rows`] (one module a row of the table), then what
//! they are made of: [`mod@build`], [`process`] and [`server`] (what is measured), [`seed`] (its data), [`load`] (who measures),
//! [`pairs`], [`table`], [`report`] and [`plot`] (what comes of it).

mod bench;
mod build;
mod clock;
mod hello;
mod load;
mod machine;
mod options;
mod pairs;
mod plot;
mod process;
mod raw;
mod report;
mod rows;
mod seed;
mod server;
mod simple;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::options::{Action, Line};

/// Why something could not be measured.
type Error = Box<dyn std::error::Error + Send + Sync>;
/// A result with any error.
type Result<T> = std::result::Result<T, Error>;

fn main() -> ExitCode {
    let done = match Line::parse().action {
        Action::Run(options) => report::run(options),
        Action::Hello { bytes } => hello::serve(bytes),
        Action::Rows => {
            rows::print();
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kyc-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
