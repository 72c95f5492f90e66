//! What cargo builds for a measurement.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Result;

/// The server's release binary, built if it must be.
pub(crate) fn server() -> Result<PathBuf> {
    built("kycd", executable)
}

/// The library that makes syncs slow.
pub(crate) fn slow_sync() -> Result<PathBuf> {
    built("kyc-slow-sync", library)
}

/// Builds a package; the file that is found in the last of cargo's messages that has one.
fn built(package: &str, file: fn(&Value) -> Option<&str>) -> Result<PathBuf> {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--package", package, "--message-format", "json"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(Stdio::inherit())
        .output()?;
    if !built.status.success() {
        return Err(format!("{package} does not build").into());
    }
    let lines = built.stdout.split(|byte| *byte == b'\n');
    let mut files = lines.filter_map(|line| {
        let message: Value = serde_json::from_slice(line).ok()?;
        Some(PathBuf::from(file(&message)?))
    });
    let last = files.next_back();
    last.ok_or_else(|| format!("cargo names no file of {package}").into())
}

/// The binary that one of cargo's messages names.
fn executable(message: &Value) -> Option<&str> {
    message.get("executable")?.as_str()
}

/// The library that is loaded at run time, which one of cargo's messages names.
fn library(message: &Value) -> Option<&str> {
    let kinds = message.pointer("/target/crate_types")?.as_array()?;
    let is_library = kinds.iter().any(|kind| kind == "cdylib");
    message.pointer("/filenames/0")?.as_str().filter(|_| is_library)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_are_read_from_the_messages() {
        let program =
            json!({ "executable": "target/release/kycd", "target": { "crate_types": ["bin"] }, "filenames": ["a"] });
        let library_built =
            json!({ "executable": null, "target": { "crate_types": ["cdylib"] }, "filenames": ["b.so"] });
        assert_eq!(executable(&program), Some("target/release/kycd"));
        assert_eq!((executable(&library_built), library(&program)), (None, None));
        assert_eq!(library(&library_built), Some("b.so"));
        assert_eq!(
            executable(&json!({ "reason": "build-finished", "success": true })),
            None
        );
    }
}
