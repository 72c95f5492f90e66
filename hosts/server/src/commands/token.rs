//! `kycd token`: a token that speaks for somebody, alone on standard output.

use kyc_core::status::Session;
use kyc_jwt::Claims;
use kyc_ports::clock::Clock;

use crate::Failure;
use crate::data_dir::DataDir;
use crate::ports::{SystemClock, minter};
use crate::settings::TokenOptions;

#[expect(clippy::print_stdout, reason = "the token is the result")]
pub(crate) fn run(options: &TokenOptions) -> Result<(), Failure> {
    println!("{}", mint(options)?);
    Ok(())
}

/// Makes the token.
pub(crate) fn mint(options: &TokenOptions) -> Result<String, Failure> {
    let is_customer = options.role == Session::Customer;
    match (is_customer, options.customer_id, options.brand.as_slice()) {
        (true, Some(_), [_]) | (false, None, _) => {}
        (true, ..) => {
            return Err(Failure::setting(
                "SESSION_CUSTOMER needs one --brand and a --customer-id",
            ));
        }
        (false, Some(_), _) => return Err(Failure::setting("--customer-id goes with SESSION_CUSTOMER")),
    }
    for brand in &options.brand {
        if let Err(message) = brand.parse::<kyc_core::id::Brand>() {
            return Err(Failure::setting(format!("--brand `{brand}` {message}")));
        }
    }
    let dir = DataDir::create(&options.data.data_dir)?;
    let claims = Claims {
        sub: options.sub.clone(),
        role: options.role.number(),
        brands: (!is_customer && !options.brand.is_empty()).then(|| options.brand.clone()),
        customer_id: options.customer_id,
        brand: options.brand.first().filter(|_| is_customer).cloned(),
        exp: SystemClock.now().seconds() + options.ttl,
        iss: options.tokens.token_issuer.clone(),
        aud: options.tokens.token_audience.clone(),
    };
    let token = minter(&dir, &options.tokens)?.mint(&claims);
    token.map_err(|error| Failure::setting(format!("this token cannot be made: {error}")))
}
