//! `kycd audit`: the log checked or exported from the database file, also while a server runs.

use std::fs::File;
use std::io::{BufReader, BufWriter};

use kyc_sqlite::ledger::{self, Checked, LedgerError};

use crate::Failure;
use crate::data_dir::{DataDir, failed};
use crate::settings::{DataDirOptions, VerifyOptions};

#[expect(clippy::print_stdout, reason = "the count is the result")]
pub(crate) fn verify(options: &VerifyOptions) -> Result<(), Failure> {
    let (checked, what) = if let Some(path) = &options.export {
        let file = File::open(path).map_err(|error| failed(path, &error))?;
        (ledger::verify_export(BufReader::new(file)), path.clone())
    } else {
        let path = existing_db(&options.data)?;
        (ledger::verify(&path), path)
    };
    let Checked { rows, streams } = checked.map_err(|error| failure(&what, &error))?;
    println!("{rows} audit rows in {streams} streams verified");
    Ok(())
}

pub(crate) fn export(options: &DataDirOptions) -> Result<(), Failure> {
    let path = existing_db(options)?;
    let exported = ledger::export(&path, BufWriter::new(std::io::stdout().lock()));
    exported.map(|_| ()).map_err(|error| failure(&path, &error))
}

fn existing_db(options: &DataDirOptions) -> Result<std::path::PathBuf, Failure> {
    let path = DataDir::existing(&options.data_dir)?.kyc_db();
    if path.is_file() {
        Ok(path)
    } else {
        Err(Failure::new(format!("{}: there is no database yet", path.display())))
    }
}

fn failure(what: &std::path::Path, error: &LedgerError) -> Failure {
    Failure::new(format!("{}: {error}", what.display()))
}
