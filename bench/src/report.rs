//! A run from its settings to the files that it leaves.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::json;

use crate::bench::Bench;
use crate::options::RunOptions;
use crate::table::{Row, markdown};
use crate::{Result, build, machine, plot, rows};

/// Where the library that makes syncs slow reads how slow.
const SLOW_SYNC: &str = "KYC_SLOW_SYNC_MS";
/// Set where this program has begun itself again to have it loaded.
const BEGUN_AGAIN: &str = "KYC_BENCH_BEGUN_AGAIN";

/// Measures, prints the table, and writes `table.md`, `results.json` and `plot.svg`.
pub(crate) fn run(options: RunOptions) -> Result<()> {
    if let Some(sync_ms) = options.sync_ms
        && !are_syncs_slow(sync_ms)?
    {
        return again_with_slow_syncs(sync_ms);
    }
    let out = options.out.clone();
    let mut bench = Bench::new(options)?;
    let machine = machine::describe(bench.folder(), bench.options.sync_ms);
    let load_before = machine::load_average();
    let (mut all, mut details) = (Vec::<Row>::new(), Vec::new());
    fs::create_dir_all(&out)?;
    for (name, measure) in rows::chosen(&bench.options.only) {
        eprintln!("{name} (load average {:.1})", machine::load_average());
        let load = machine::load_average();
        let rows = measure(&mut bench).unwrap_or_else(|error| rows::failed(name, &error));
        for row in &rows {
            eprintln!("  {}: {:?} {}", row.what, row.figure(), row.verdict());
            details.push(json!({ "name": name, "row": row.json(), "load_average_before": load }));
        }
        all.extend(rows);
        // After every row: a run that is broken off leaves what it has.
        let results = json!({
            "machine": machine,
            "load_average_before": load_before,
            "load_average_behind": machine::load_average(),
            "profiles": bench.options.profiles,
            "base_profiles": bench.options.base,
            "connections": bench.options.connections(),
            "generator_threads": bench.options.generators(),
            "pairs": bench.options.pairs(),
            "seconds": bench.options.measured().as_secs_f64(),
            "rows": details,
        });
        fs::write(out.join("results.json"), format!("{results:#}\n"))?;
        fs::write(out.join("table.md"), markdown(&all))?;
        fs::write(out.join("plot.svg"), plot::svg(&all))?;
    }
    println!("{}", markdown(&all));
    println!("{machine:#}, load average {load_before:.1} before");
    Ok(())
}

/// Whether this process has been begun again for slow syncs. The loader says little where it could not load the library.
fn are_syncs_slow(sync_ms: u16) -> Result<bool> {
    let told = std::env::var_os(SLOW_SYNC).is_some_and(|told| told == *sync_ms.to_string());
    let is_loaded = fs::read_to_string("/proc/self/maps")?.contains("kyc_slow_sync");
    let was_begun_again = std::env::var_os(BEGUN_AGAIN).is_some();
    if was_begun_again && !(told && is_loaded) {
        return Err("the library that makes syncs slow could not be loaded".into());
    }
    Ok(was_begun_again)
}

/// Becomes the same run with the library that makes syncs slow, which the server and all others inherit.
fn again_with_slow_syncs(sync_ms: u16) -> Result<()> {
    let error = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env("LD_PRELOAD", build::slow_sync()?)
        .env(SLOW_SYNC, sync_ms.to_string())
        .env(BEGUN_AGAIN, "1")
        .exec();
    Err(error.into())
}
