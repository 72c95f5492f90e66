//! An upload of 10 MB, against `dd` writing and syncing the same bytes; and what uploads under way take of memory.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::bench::Bench;
use crate::clock::now;
use crate::pairs::Pairs;
use crate::process::ran;
use crate::server::Server;
use crate::table::{Found, Row, Scale, Target};
use crate::{Error, Result, simple};

const BYTES: usize = 10_000_000;
/// Files of a measurement.
const FILES: u32 = 5;
/// Uploads that are under way at once for the measurement of memory.
const UNDER_WAY: usize = 32;
const BOUNDARY: &str = "kyc-bench-boundary";
/// How long the server may take to take in what it was sent.
const SETTLE: Duration = Duration::from_secs(1);

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let data = bench.base()?;
    let server = bench.serve(&data.dir, &[])?;
    let request = request(&server.token);
    let source = bench.folder().join("dd.in");
    fs::write(&source, document())?;
    upload(&server, &request)?;
    // As the server keeps its files, so are these kept: memory that a file has given back is cheaper than new memory.
    let mut copies = 0;
    let pairs = Pairs::measure(
        bench.options.pairs(),
        || {
            megabytes_a_second(|| {
                copies += 1;
                written(&source, &data.dir.join(format!("dd.out.{copies}")))
            })
        },
        || megabytes_a_second(|| upload(&server, &request)),
    )?;
    for copy in 1..=copies {
        fs::remove_file(data.dir.join(format!("dd.out.{copy}")))?;
    }
    let speed = Row::new(
        "upload of 10 MB",
        "dd conv=fdatasync of the same bytes",
        "MB/s",
        Target::AtLeast(0.5, Scale::Percent),
        Found::Pairs(pairs),
    );
    let memory = Row::new(
        "memory of an upload under way",
        "",
        "MB",
        Target::AtMost(1.0, Scale::Megabytes),
        Found::Figure(memory_each(&server, &request)?),
    );
    Ok(vec![
        speed.with_note("one after the other, on a connection each; dd by its own clock"),
        memory.with_note(format!("{UNDER_WAY} uploads, each half sent")),
    ])
}

/// A file that is taken for a PDF: its beginning and its end are right.
fn document() -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let noise = (0_u32..).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8);
    bytes.extend(noise.take(BYTES - 32));
    bytes.extend_from_slice(b"\n%%EOF\n");
    bytes
}

/// The whole request.
fn request(token: &str) -> Vec<u8> {
    let before = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\
         content-type: application/pdf\r\n\r\n"
    );
    let behind = format!("\r\n--{BOUNDARY}--\r\n");
    let document = document();
    let length = before.len() + document.len() + behind.len();
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let head = simple::head("POST", "/upload", Some(token), &content_type, length);
    [head.as_bytes(), before.as_bytes(), &document, behind.as_bytes()].concat()
}

/// Uploads one file; how long it took.
fn upload(server: &Server, request: &[u8]) -> Result<Duration> {
    let begun = now();
    let mut stream = simple::connect(server.http)?;
    stream.write_all(request)?;
    simple::answer(&mut stream)?.ok()?;
    Ok(begun.elapsed())
}

/// Lets `dd` write the file; how long it says that it took.
fn written(source: &Path, target: &Path) -> Result<Duration> {
    let mut command = Command::new("dd");
    command.env("LC_ALL", "C").args(["bs=1M", "conv=fdatasync"]);
    command.arg(format!("if={}", source.display()));
    command.arg(format!("of={}", target.display()));
    let said = ran(&mut command)?;
    seconds(&said).ok_or_else(|| Error::from(format!("dd said: {said}")))
}

/// The time in `10000000 bytes (10 MB, 9.5 MiB) copied, 0.0123 s, 813 MB/s`.
fn seconds(said: &str) -> Option<Duration> {
    let (_, rest) = said.split_once("copied, ")?;
    let (seconds, _) = rest.split_once(" s")?;
    Duration::try_from_secs_f64(seconds.trim().parse().ok()?).ok()
}

fn megabytes_a_second(mut one: impl FnMut() -> Result<Duration>) -> Result<f64> {
    let mut spent = Duration::ZERO;
    for _ in 0..FILES {
        spent += one()?;
    }
    Ok(f64::from(FILES) * BYTES as f64 / 1e6 / spent.as_secs_f64())
}

/// Resident memory that each of several half sent uploads takes (MB).
fn memory_each(server: &Server, request: &[u8]) -> Result<f64> {
    let before = server.process.resident_bytes()?;
    let (first, rest) = request.split_at(request.len() / 2);
    let mut streams = Vec::new();
    for _ in 0..UNDER_WAY {
        let mut stream = simple::connect(server.http)?;
        stream.write_all(first)?;
        streams.push(stream);
    }
    thread::sleep(SETTLE);
    let grown = server.process.resident_bytes()?.saturating_sub(before);
    for stream in &mut streams {
        stream.write_all(rest)?;
        simple::answer(stream)?.ok()?;
    }
    Ok(grown as f64 / 1e6 / UNDER_WAY as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dd_tells_the_time() {
        let said = "9+1 records in\n9+1 records out\n10000000 bytes (10 MB, 9.5 MiB) copied, 0.0125 s, 800 MB/s\n";
        assert_eq!(seconds(said), Some(Duration::from_micros(12_500)));
        assert_eq!(seconds("dd: failed"), None);
    }

    #[test]
    fn the_document_is_as_long_as_it_says() {
        let document = document();
        assert!(document.len().abs_diff(BYTES) < 32);
        assert!(document.starts_with(b"%PDF-") && document.ends_with(b"%%EOF\n"));
    }
}
