//! Which names are files of ours: the same as in a folder, so that a file can move from one store to the other.

use kyc_ports::blobs::BlobError;

/// Longest name.
const NAME_BYTES_MAX: usize = 200;

/// Refuses names that are no file's.
pub fn check_name(name: &str) -> Result<(), BlobError> {
    let is_plain = name
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'.' | b'-'));
    if is_plain && !name.starts_with('.') && !name.contains("..") && (1..=NAME_BYTES_MAX).contains(&name.len()) {
        Ok(())
    } else {
        Err(BlobError::Failed("the name is not one of a stored file".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn only_plain_names_are_files() {
        assert_eq!(check_name("0f8fad5b-d9cb-469f-a165-70867728950e.pdf"), Ok(()));
        for name in ["", ".", "..", "a/b", "a..b", "A.pdf", "a b", ".a", &"a".repeat(201)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }
}
