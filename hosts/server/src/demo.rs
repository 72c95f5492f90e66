//! `kycd demo`: a server with invented customers in every state, each with real (generated) files.

mod script;
mod seed;
mod specimen;

use crate::Failure;
use crate::commands::token::mint;
use crate::serve::{Addresses, Server, runtime};
use crate::settings::{ServeOptions, TokenOptions};

/// Fills an empty data directory with sample data, serves it, and says what to try.
pub(crate) fn run(options: ServeOptions) -> Result<(), Failure> {
    let tokens = TokenOptions {
        data: options.data.clone(),
        tokens: options.tokens.clone(),
        role: kyc_core::status::Session::Admin,
        sub: "demo-admin".to_owned(),
        brand: Vec::new(),
        customer_id: None,
        ttl: 24 * 3_600,
    };
    let token = mint(&tokens)?;
    let server = Server::open(options)?;
    let runtime = runtime()?;
    if runtime.block_on(seed::is_empty(server.app(), &token))? {
        runtime.block_on(seed::fill(server.app(), server.dir(), &tokens))?;
    }
    runtime.block_on(server.serve(|addresses| invite(addresses, &token)))
}

/// What to open and what to try.
#[expect(clippy::print_stdout, reason = "the invitation is the result")]
fn invite(addresses: &Addresses, token: &str) {
    let Addresses { scheme, http, tcp } = addresses;
    println!(
        "\nThe demo is up, with invented customers of the brand `demo`.\n\n\
         The API, to read and try:  {scheme}://{http}/docs/\n\n\
         An administrator's token, for 24 hours:\n\n  export TOKEN={token}\n\n\
         Who waits for a verdict:\n\n  \
         curl -s -H \"Authorization: Bearer $TOKEN\" '{scheme}://{http}/manager/kyc/profiles?brand=demo&awaiting_review=1'\n\n\
         The same over TCP (bash):\n\n  \
         exec 3<>/dev/tcp/{ip}/{port}; printf '{{\"command\":\"MngGetKycProfiles\",\"data\":{{\"brand\":\"demo\",\"awaiting_review\":1}},\"extID\":1,\"__token\":\"%s\"}}\\r\\n' \"$TOKEN\" >&3; head -n 1 <&3\n\n\
         Stop with Ctrl-C; the data stays in the data directory.\n",
        ip = tcp.ip(),
        port = tcp.port(),
    );
}
