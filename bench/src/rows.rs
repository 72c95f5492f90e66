//! The rows of the table, one module each.

mod acknowledgement;
mod calls;
mod clients;
mod durable;
mod get;
mod memory;
mod overload;
mod pipelined;
mod pocketbase;
mod scale;
mod start;
mod under_writers;
mod upload;
mod webhook;

use crate::bench::Bench;
use crate::table::{Found, Row, Scale, Target};
use crate::{Error, Result};

type Measure = fn(&mut Bench) -> Result<Vec<Row>>;

/// Names and measurements, in the order of the table.
const ROWS: &[(&str, Measure)] = &[
    ("get", get::run),
    ("under-writers", under_writers::run),
    ("pipelined", pipelined::run),
    ("durable", durable::run),
    ("clients", clients::run),
    ("acknowledgement", acknowledgement::run),
    ("overload", overload::run),
    ("pocketbase", pocketbase::run),
    ("upload", upload::run),
    ("webhook", webhook::run),
    ("calls", calls::run),
    ("memory", memory::run),
    ("start", start::run),
    ("scale", scale::run),
];

/// The rows with these names; all of them for none.
pub(crate) fn chosen(only: &[String]) -> Vec<(&'static str, Measure)> {
    let is_chosen = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    ROWS.iter().copied().filter(|(name, _)| is_chosen(name)).collect()
}

/// A name that `--only` takes.
pub(crate) fn known(name: &str) -> std::result::Result<String, String> {
    let names = || ROWS.iter().map(|(name, _)| *name);
    if names().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    Err(format!("must be among {}", names().collect::<Vec<_>>().join(", ")))
}

/// Prints the names.
pub(crate) fn print() {
    for (name, _) in ROWS {
        println!("{name}");
    }
}

/// What stands in the table for a row that could not be measured.
pub(crate) fn failed(name: &str, error: &Error) -> Vec<Row> {
    let target = Target::AtLeast(1.0, Scale::Times);
    vec![Row::new(name, "", "", target, Found::Failed(error.to_string()))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_choose_rows() {
        assert_eq!(chosen(&[]).len(), ROWS.len());
        let names: Vec<_> = chosen(&["get".to_owned(), "scale".to_owned()])
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["get", "scale"]);
        assert_eq!(known("get"), Ok("get".to_owned()));
        assert!(known("got").unwrap_err().starts_with("must be among get, "));
    }
}
