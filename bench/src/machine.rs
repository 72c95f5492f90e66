//! The machine that is measured on, and how busy it is.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// What is known of the machine, without names of its own, and by how much its syncs were made slow.
pub(crate) fn describe(folder: &Path, sync_ms: Option<u16>) -> Value {
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let processor = line_of("/proc/cpuinfo", "model name");
    let memory_kib = line_of("/proc/meminfo", "MemTotal")
        .trim_end_matches(" kB")
        .parse::<u64>()
        .unwrap_or(0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({
        "processors": cpus,
        "processor": processor,
        "memory_gib": memory_kib / 1_048_576,
        "kernel": kernel.trim(),
        "file_system": file_system(folder),
        "slow_sync_ms": sync_ms,
    })
}

/// Processes that wanted to run during the last minute, on average: on an idle machine about 0 before a run.
pub(crate) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split_whitespace().next().and_then(|first| first.parse().ok());
    first.unwrap_or(0.0)
}

fn line_of(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    value_of(&text, name).unwrap_or_default().to_owned()
}

fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = text.lines().find(|line| line.starts_with(name))?.split_once(':')?;
    Some(value.trim())
}

fn file_system(folder: &Path) -> String {
    let known = Command::new("stat").args(["-f", "-c", "%T"]).arg(folder).output();
    known.map_or_else(
        |_| String::new(),
        |known| String::from_utf8_lossy(&known.stdout).trim().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_names() {
        let text = "processor\t: 0\nmodel name\t: A processor\nflags\t: fpu\n";
        assert_eq!(value_of(text, "model name"), Some("A processor"));
        assert_eq!(value_of(text, "cores"), None);
    }
}
