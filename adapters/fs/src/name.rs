//! Which names are files of ours: nothing that could lead out of the folder, and nothing that looks half written.

use kyc_ports::blobs::BlobError;

/// What a file is called while it is being written: its name and this.
pub(crate) const PART: &str = ".part";
/// Longest name, with room for [`PART`] in what file systems take.
const NAME_BYTES_MAX: usize = 200;

/// Whether a name is a finished file's or that of one half written.
pub(crate) fn is_stored(name: &str) -> bool {
    let is_plain = name
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'.' | b'-'));
    is_plain
        && !name.starts_with('.')
        && !name.contains("..")
        && (1..=NAME_BYTES_MAX + PART.len()).contains(&name.len())
}

/// Whether it is the name of a half-written file.
pub(crate) fn is_part(name: &str) -> bool {
    name.ends_with(PART)
}

/// Refuses names that are no file's.
pub(crate) fn check_stored(name: &str) -> Result<(), BlobError> {
    if is_stored(name) { Ok(()) } else { Err(refused()) }
}

/// Refuses names that a finished file cannot have.
pub(crate) fn check_finished(name: &str) -> Result<(), BlobError> {
    if is_stored(name) && !is_part(name) && name.len() <= NAME_BYTES_MAX {
        Ok(())
    } else {
        Err(refused())
    }
}

fn refused() -> BlobError {
    BlobError::Failed("the name is not one of a stored file".to_owned())
}
