//! `kycd`: the KYC back-office in one binary.
//!
//! [`settings`] says what can be set, [`serve`] wires ports and listeners, [`tcp`] and [`web`] are the two ways in,
//! [`calls`] and [`control`] work beside them, [`commands`] are the other sub-commands.

mod begun;
mod calls;
mod commands;
mod control;
mod data_dir;
mod demo;
mod hub;
mod ports;
mod serve;
mod settings;
mod tcp;
mod telemetry;
mod tls;
mod web;

use std::process::ExitCode;

use crate::settings::{Action, AuditAction};

/// A quarter of a command's time went to the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let action = match settings::parse(std::env::args_os()) {
        Ok(action) => action,
        // Help and version are what was asked for.
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) => {
            let told = error.to_string();
            let what: Vec<&str> = told
                .lines()
                .map(str::trim)
                .take_while(|line| !line.is_empty())
                .collect();
            eprintln!(
                "kycd: {}; see `kycd --help`",
                what.join(" ").trim_start_matches("error: ")
            );
            return ExitCode::from(2);
        }
    };
    let done = match action {
        Action::Serve(options) => serve::run(options),
        Action::Demo(options) => demo::run(options),
        Action::Token(options) => commands::token::run(&options),
        Action::Audit(AuditAction::Verify(options)) => commands::audit::verify(&options),
        Action::Audit(AuditAction::Export(options)) => commands::audit::export(&options),
        Action::Tenant(action) => commands::tenant::run(&action),
        Action::SimulatePlatform(options) => commands::simulate::run(options),
        Action::Openapi => commands::openapi::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("kycd: {failure}");
            ExitCode::from(failure.code)
        }
    }
}

/// One line of what failed, on what, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// Something went wrong.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 1,
        }
    }

    /// A setting is wrong.
    pub(crate) fn setting(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 2,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}
