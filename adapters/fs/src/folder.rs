//! The folder's listing for the clean-up.

use std::collections::BTreeSet;
use std::fs::DirEntry;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use kyc_core::time::Time;

use crate::name::is_stored;

/// The first `limit` names behind `after` of files last written before a time. Other things in the folder are passed
/// over. Blocks; keeps no more than `limit` names, however many files there are.
pub(crate) fn names_before(folder: &Path, before: Time, after: &str, limit: usize) -> io::Result<Vec<String>> {
    let mut first = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // A name behind those already found need not be looked at.
        let is_wanted = first.len() < limit || first.last().is_some_and(|last| name < *last);
        if !is_wanted || name.as_str() <= after || !is_stored(&name) || !is_older(&entry, before)? {
            continue;
        }
        first.insert(name);
        if first.len() > limit {
            first.pop_last();
        }
    }
    Ok(first.into_iter().collect())
}

/// Whether it is a file last written before a time. One that has just gone is not.
fn is_older(entry: &DirEntry, before: Time) -> io::Result<bool> {
    match entry.metadata() {
        Ok(metadata) => Ok(metadata.is_file() && time_of(metadata.modified()?) < before),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A file system's time in ours; what is too far off for it is as far off as it can be.
fn time_of(time: SystemTime) -> Time {
    Time(match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(earlier) => i64::try_from(earlier.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
    })
}
