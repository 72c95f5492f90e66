//! A disk whose syncs take their time, for machines that have none: preloaded into a process (`LD_PRELOAD`), it lets each
//! `fsync` and `fdatasync` wait for `KYC_SLOW_SYNC_MS` milliseconds first. Syncs do not wait for one another, as on a
//! disk that takes many requests at once.

#![allow(
    unsafe_code,
    reason = "it stands where C looks for its own functions, and makes a system call"
)]

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use libc::{SYS_fdatasync, SYS_fsync, c_int, c_long};

static DELAY: OnceLock<Duration> = OnceLock::new();

/// `fsync(2)`, later.
// SAFETY: it has the signature and the meaning of the function that it takes the place of.
#[unsafe(no_mangle)]
pub extern "C" fn fsync(file: c_int) -> c_int {
    sync(SYS_fsync, file)
}

/// `fdatasync(2)`, later.
// SAFETY: it has the signature and the meaning of the function that it takes the place of.
#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(file: c_int) -> c_int {
    sync(SYS_fdatasync, file)
}

fn sync(call: c_long, file: c_int) -> c_int {
    thread::sleep(*DELAY.get_or_init(delay));
    // SAFETY: the two calls take a number and no memory; an error is in `errno`, as the caller expects it.
    unsafe { libc::syscall(call, file) as c_int }
}

/// Nothing where the variable says nothing that can be read.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever preloads a library has no arguments for it"
)]
fn delay() -> Duration {
    let text = std::env::var("KYC_SLOW_SYNC_MS").unwrap_or_default();
    Duration::from_millis(text.parse().unwrap_or(0))
}
