//! `kycd openapi`: the document on standard output.

use std::io::Write;

use crate::Failure;

pub(crate) fn run() -> Result<(), Failure> {
    let document = kyc_http::openapi::document();
    let written = serde_json::to_writer_pretty(std::io::stdout().lock(), &document);
    written.map_err(|error| Failure::new(format!("standard output: {error}")))?;
    writeln!(std::io::stdout()).map_err(|error| Failure::new(format!("standard output: {error}")))
}
