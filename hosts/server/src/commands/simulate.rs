//! `kycd simulate-platform`: the other side of a tenant, to try the contract against before writing code.

use std::path::PathBuf;
use std::sync::Arc;

use kyc_ports::clock::Clock;
use kyc_simulator::ambient::{Secret, sleeper};
use kyc_simulator::simulation::{SimulationOptions, simulate};

use crate::Failure;
use crate::data_dir::failed;
use crate::ports::SystemClock;
use crate::serve::{runtime, stop_signal};
use crate::settings::SimulateOptions;

#[expect(clippy::print_stdout, reason = "what happens is the result")]
pub(crate) fn run(options: SimulateOptions) -> Result<(), Failure> {
    let webhook_secret = secret(options.webhook_secret_file)?;
    let plays = webhook_secret.is_some();
    let options = SimulationOptions {
        listen: options.listen,
        crm_url: plays.then_some(options.server),
        slug: options.slug.filter(|_| plays),
        webhook_secret,
        outbound_secret: secret(options.outbound_secret_file)?,
        seed: options.seed,
        players: options.players,
        per_second: options.rate,
        behaviour: options.behaviour,
        clock: Arc::new(|| SystemClock.now().seconds()),
        sleeper: sleeper(),
    };
    let played = runtime()?.block_on(async {
        let stop = stop_signal()?;
        let played = simulate(options, stop, |line| println!("{line}")).await;
        played.map_err(|error| Failure::new(error.to_string()))
    });
    played.map(|_| ())
}

/// A secret from its file: on a command line everybody on the machine could read it.
fn secret(file: Option<PathBuf>) -> Result<Option<Secret>, Failure> {
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
        Ok(Secret::from(text.trim().to_owned()))
    };
    file.map(read).transpose()
}
