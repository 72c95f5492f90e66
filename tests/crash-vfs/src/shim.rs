//! The shim: SQLite's default VFS with an ear at it. Every call goes on to the default one; what changes a file in a
//! recorded folder is told to [`crate::recording`]. It is the one file here that talks to C.
#![expect(unsafe_code, reason = "SQLite knows a VFS by C structs and function pointers only")]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::slice;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, Ordering};

use rusqlite::ffi::{
    SQLITE_ERROR, SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMMAP, SQLITE_OK, SQLITE_OPEN_CREATE, SQLITE_OPEN_MAIN_JOURNAL,
    SQLITE_OPEN_SUPER_JOURNAL, SQLITE_OPEN_WAL, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs,
    sqlite3_vfs_find, sqlite3_vfs_register,
};

use crate::recording::{self, Opened, Tap};

/// The VFS that was the default before.
static INNER: AtomicPtr<sqlite3_vfs> = AtomicPtr::new(null_mut());

/// Makes the shim this process's default VFS, so that the store opens its files through it without knowing.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: a null name asks for the default VFS, which SQLite keeps for as long as the process runs.
        let inner = unsafe { sqlite3_vfs_find(null()) };
        assert!(!inner.is_null(), "SQLite has a default VFS");
        INNER.store(inner, Ordering::Release);
        // SAFETY: `inner` is not null and valid, as said above; the struct is plain data.
        let mut shim = Box::new(unsafe { *inner });
        shim.zName = c"kyc-recorder".as_ptr();
        shim.pNext = null_mut();
        shim.szOsFile += size_of::<ShimFile>() as c_int;
        shim.xOpen = Some(open);
        shim.xDelete = Some(delete);
        // All other methods are the default's own. They find in our copy what they would find in the original: the
        // same `pAppData` and `mxPathname`.
        //
        // SAFETY: the struct is leaked, so it stays where it is, as SQLite wants; the default VFS is registered
        // already, so SQLite is initialised.
        let registered = unsafe { sqlite3_vfs_register(Box::leak(shim), 1) };
        assert_eq!(registered, SQLITE_OK, "the shim is registered");
    });
}

/// A file as SQLite holds it: first what every VFS's file begins with, then ours; the default VFS's own file lies
/// right behind, in the room that `szOsFile` asked for.
#[repr(C)]
struct ShimFile {
    base: sqlite3_file,
    /// From a `Box`, or null when the file is not recorded.
    tap: *mut Tap,
}

// SQLite aligns files to 8 bytes; so is what lies behind ours.
const _: () = assert!(size_of::<ShimFile>().is_multiple_of(8) && align_of::<ShimFile>() <= 8);

/// The default VFS's file.
///
/// # Safety
/// `file` must come from SQLite, which has made room for `szOsFile` bytes.
unsafe fn inner_of(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: `szOsFile` was raised by the size of ours, so what lies behind is within the same allocation.
    unsafe { file.cast::<ShimFile>().add(1).cast() }
}

/// The file's tap, if it is recorded.
///
/// # Safety
/// `file` must be one that [`open`] has opened and nobody has closed.
unsafe fn tap_of<'a>(file: *mut sqlite3_file) -> Option<&'a Tap> {
    // SAFETY: `open` has set the tap to null or to a box, which lives until `close`. Nobody has it mutably.
    unsafe { (*file.cast::<ShimFile>()).tap.as_ref() }
}

/// A path that SQLite gives.
///
/// # Safety
/// `name` must be a C string that outlives the path.
unsafe fn path_of<'a>(name: *const c_char) -> &'a Path {
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) };
    Path::new(OsStr::from_bytes(name.to_bytes()))
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    const JOURNALS: c_int = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
    let may_create = flags & SQLITE_OPEN_CREATE != 0;
    let opened = Opened {
        may_create,
        // As the unix VFS does (`isNewJrnl` in its `unixOpen`).
        first_sync_covers_folder: may_create && flags & JOURNALS != 0,
    };
    let tap = if name.is_null() {
        None
    } else {
        // SAFETY: a name that is not null is a C string, and we keep no part of it.
        recording::opening(unsafe { path_of(name) }, opened)
    };
    let inner_vfs = INNER.load(Ordering::Acquire);
    // SAFETY: SQLite gives room for `szOsFile` bytes, which hold our struct and the default VFS's file behind it. All
    // arguments are handed on as they came, and the default VFS gets itself and its own file.
    unsafe {
        let shim = file.cast::<ShimFile>();
        (*shim).base.pMethods = null();
        (*shim).tap = null_mut();
        let inner = inner_of(file);
        (*inner).pMethods = null();
        let Some(open) = (*inner_vfs).xOpen else {
            return SQLITE_ERROR;
        };
        let code = open(inner_vfs, name, inner, flags, out_flags);
        // Without methods SQLite does not call `close`.
        if (*inner).pMethods.is_null() {
            return code;
        }
        (*shim).base.pMethods = &raw const METHODS;
        if let (SQLITE_OK, Some(tap)) = (code, tap) {
            tap.opened();
            (*shim).tap = Box::into_raw(Box::new(tap));
        }
        code
    }
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    let inner_vfs = INNER.load(Ordering::Acquire);
    // SAFETY: the arguments are handed on as they came, and the default VFS gets itself.
    let code = unsafe {
        match (*inner_vfs).xDelete {
            Some(delete) => delete(inner_vfs, name, sync_folder),
            None => SQLITE_ERROR,
        }
    };
    if code == SQLITE_OK {
        // SAFETY: SQLite deletes by name only, a C string, and we keep no part of it.
        recording::deleted(unsafe { path_of(name) }, sync_folder != 0);
    }
    code
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    let shim = file.cast::<ShimFile>();
    // SAFETY: the tap is null or came from a box, and is taken back once: the pointer is cleared.
    unsafe {
        if !(*shim).tap.is_null() {
            drop(Box::from_raw((*shim).tap));
            (*shim).tap = null_mut();
        }
        inner_close(file)
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    bytes: *const c_void,
    count: c_int,
    offset: sqlite3_int64,
) -> c_int {
    // SAFETY: handed on as it came, for an open file.
    let (code, tap) = unsafe { (inner_write(file, bytes, count, offset), tap_of(file)) };
    if let (SQLITE_OK, Some(tap)) = (code, tap) {
        // SAFETY: SQLite gives `count` readable bytes, which the default VFS has just read.
        let bytes = unsafe { slice::from_raw_parts(bytes.cast::<u8>(), count as usize) };
        tap.wrote(offset as usize, bytes);
    }
    code
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: handed on as it came, for an open file.
    let (code, tap) = unsafe { (inner_truncate(file, size), tap_of(file)) };
    if let (SQLITE_OK, Some(tap)) = (code, tap) {
        tap.truncated(size as usize);
    }
    code
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: the file is open.
    let tap = unsafe { tap_of(file) };
    if tap.is_some_and(Tap::is_broken) {
        return SQLITE_IOERR_FSYNC;
    }
    // What is written while it lasts is not covered.
    let covers = tap.map_or(0, Tap::position);
    // SAFETY: handed on as it came, for an open file.
    let code = unsafe { inner_sync(file, flags) };
    if let (SQLITE_OK, Some(tap)) = (code, tap) {
        tap.synced(covers);
    }
    code
}

/// Methods that go straight on to the default VFS's file; one that it does not have gives the code said.
macro_rules! handed_on {
    ($($name:ident = $method:ident($($argument:ident: $kind:ty),*) or $missing:expr;)+) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $argument: $kind)*) -> c_int {
            // SAFETY: SQLite calls methods of open files only; the default VFS has given its file's methods then.
            unsafe {
                let inner = inner_of(file);
                match (*(*inner).pMethods).$method {
                    Some(method) => method(inner $(, $argument)*),
                    None => $missing,
                }
            }
        }
    )+};
}

handed_on! {
    inner_close = xClose() or SQLITE_OK;
    read = xRead(bytes: *mut c_void, count: c_int, offset: sqlite3_int64) or SQLITE_ERROR;
    inner_write = xWrite(bytes: *const c_void, count: c_int, offset: sqlite3_int64) or SQLITE_ERROR;
    inner_truncate = xTruncate(size: sqlite3_int64) or SQLITE_ERROR;
    inner_sync = xSync(flags: c_int) or SQLITE_ERROR;
    file_size = xFileSize(size: *mut sqlite3_int64) or SQLITE_ERROR;
    lock = xLock(level: c_int) or SQLITE_ERROR;
    unlock = xUnlock(level: c_int) or SQLITE_ERROR;
    check_reserved_lock = xCheckReservedLock(is_held: *mut c_int) or SQLITE_ERROR;
    file_control = xFileControl(what: c_int, argument: *mut c_void) or SQLITE_ERROR;
    sector_size = xSectorSize() or 0;
    device_characteristics = xDeviceCharacteristics() or 0;
    shm_map = xShmMap(page: c_int, size: c_int, extend: c_int, at: *mut *mut c_void) or SQLITE_IOERR_SHMMAP;
    shm_lock = xShmLock(offset: c_int, count: c_int, flags: c_int) or SQLITE_IOERR_SHMMAP;
    shm_unmap = xShmUnmap(delete: c_int) or SQLITE_OK;
    fetch = xFetch(offset: sqlite3_int64, count: c_int, at: *mut *mut c_void) or SQLITE_ERROR;
    unfetch = xUnfetch(offset: sqlite3_int64, at: *mut c_void) or SQLITE_ERROR;
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: as for the other methods.
    unsafe {
        let inner = inner_of(file);
        if let Some(barrier) = (*(*inner).pMethods).xShmBarrier {
            barrier(inner);
        }
    }
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 3,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: Some(fetch),
    xUnfetch: Some(unfetch),
};
