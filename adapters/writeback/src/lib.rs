//! What a process has written waits in memory for a sync, and a sync writes all of it at once: who syncs another file
//! meanwhile waits for it. Here one part of a file is written after the other, each when there is time for it.
#![cfg_attr(
    not(target_os = "linux"),
    allow(clippy::unnecessary_wraps, reason = "there is no such call")
)]

use std::fs::File;
use std::io;
use std::ops::Range;

/// Bytes that the disk is given at once, so that what others ask of it comes in between.
const AT_ONCE: u64 = 1 << 20;

/// Has the disk write what is new in a part of a file (bytes), and waits until it has. It is no sync: the disk may still
/// keep it in a memory of its own, and know nothing of the file's new length.
///
/// An error is told to this handle of the file; one that was opened apart is told by its own sync. Where the system knows
/// no such call, nothing is written and there is no error.
pub fn write_back(file: &File, part: Range<u64>) -> io::Result<()> {
    let mut begin = part.start;
    while begin < part.end {
        let end = part.end.min(begin.saturating_add(AT_ONCE));
        system::ask(file, begin..end, system::ALL)?;
        begin = end;
    }
    Ok(())
}

/// Has the disk begin to write what is new in a part of a file (bytes), and does not wait: the sync that is to come finds
/// less to do. See [`write_back`] for what it is not.
pub fn begin_to_write(file: &File, part: Range<u64>) -> io::Result<()> {
    // The call takes no length at all for all that follows.
    if part.is_empty() {
        return Ok(());
    }
    system::ask(file, part, system::BEGIN)
}

#[cfg(target_os = "linux")]
mod system {
    #![expect(unsafe_code, reason = "no safe library has this call")]

    use std::fs::File;
    use std::io;
    use std::ops::Range;
    use std::os::fd::AsRawFd;

    /// What is new.
    pub(super) const BEGIN: libc::c_uint = libc::SYNC_FILE_RANGE_WRITE;
    /// What is under way already, what is new, and until it has been written.
    pub(super) const ALL: libc::c_uint = libc::SYNC_FILE_RANGE_WAIT_BEFORE | BEGIN | libc::SYNC_FILE_RANGE_WAIT_AFTER;

    pub(super) fn ask(file: &File, part: Range<u64>, what: libc::c_uint) -> io::Result<()> {
        let number = |bytes| i64::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
        let (begin, length) = (number(part.start)?, number(part.end - part.start)?);
        // SAFETY: the call takes numbers and no memory; the file is open for as long as it is borrowed.
        let result = unsafe { libc::sync_file_range(file.as_raw_fd(), begin, length, what) };
        if result == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.kind() {
            // An old kernel, or a sandbox or a file system without it.
            io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied | io::ErrorKind::NotSeekable => Ok(()),
            _ => Err(error),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::fs::File;
    use std::io;
    use std::ops::Range;

    pub(super) const BEGIN: () = ();
    pub(super) const ALL: () = ();

    pub(super) fn ask(_file: &File, _part: Range<u64>, _what: ()) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn parts_of_a_file_are_written_also_those_behind_its_end() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; 100_000]).unwrap();
        for part in [0..4_096, 5_000..100_000, 100_000..5_000_000, 17..17] {
            begin_to_write(&file, part.clone()).unwrap_or_else(|error| panic!("{part:?}: {error}"));
            write_back(&file, part.clone()).unwrap_or_else(|error| panic!("{part:?}: {error}"));
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_part_beyond_what_files_can_hold_is_an_error() {
        let file = tempfile::tempfile().unwrap();
        let error = write_back(&file, u64::MAX - 1..u64::MAX).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
