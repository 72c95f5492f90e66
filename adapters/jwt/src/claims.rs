//! What a token says about the caller (source: the manager API's "Sessions"), and the rules for it.
//!
//! One function, [`actor`], serves both sides: a token that is minted is one that will be accepted.

use kyc_core::actor::{Actor, BrandScope};
use kyc_core::id::{Brand, CustomerId, CustomerKey};
use kyc_core::limits::{ID_MAX, SUBJECT_CHARS_MAX, TIME_SECONDS_MAX};
use kyc_core::status::Session;
use kyc_core::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::Number;

const MICROS_PER_SECOND: f64 = 1_000_000.0;

/// The claims of a token to be minted. Absent members are left out of the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Whom the token stands for: 1 to 255 characters, none of them control characters.
    pub sub: String,
    /// The session value, such as 1 for `SESSION_MANAGER`; not 4, which is the server's own.
    pub role: i64,
    /// The brands the token may see; `None` is every brand, an empty list none at all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub brands: Option<Vec<String>>,
    /// The customer's number, 1..2⁵³−1; required for role 9.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer_id: Option<i64>,
    /// The customer's brand; required for role 9.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub brand: Option<String>,
    /// When the token ends, in Unix seconds; at that second it is no longer accepted.
    pub exp: i64,
    /// Who issued the token.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub iss: Option<String>,
    /// For whom the token is meant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub aud: Option<String>,
}

/// Which claim is not as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadClaims(pub &'static str);

/// The claims of a token whose signature is genuine, as they arrive: times may have a fraction (RFC 7519, section 2).
/// `aud` is the library's business.
#[derive(Debug, Deserialize)]
pub(crate) struct Payload {
    sub: String,
    role: i64,
    /// Absent is every brand; null is refused, for it may be a list that got lost on the way.
    #[serde(default, deserialize_with = "a_list")]
    brands: Option<Vec<String>>,
    customer_id: Option<i64>,
    brand: Option<String>,
    exp: Number,
    nbf: Option<Number>,
    /// Read so that anything but a string is refused, also where no issuer is configured.
    #[serde(rename = "iss")]
    _iss: Option<String>,
}

/// From when until when a token is in force.
pub(crate) struct Window {
    pub not_before: Option<Time>,
    pub expires: Time,
}

impl Payload {
    /// The times; a fraction of a microsecond makes the window shorter.
    pub(crate) fn window(&self) -> Result<Window, BadClaims> {
        let not_before = match &self.nbf {
            Some(nbf) => Some(instant(nbf, f64::ceil).ok_or(BadClaims("`nbf` must be Unix seconds up to year 9999"))?),
            None => None,
        };
        Ok(Window {
            not_before,
            expires: instant(&self.exp, f64::floor).ok_or(BAD_EXP)?,
        })
    }

    pub(crate) fn actor(&self) -> Result<Actor, BadClaims> {
        actor(
            &self.sub,
            self.role,
            self.brands.as_deref(),
            self.customer_id,
            self.brand.as_deref(),
        )
    }
}

impl Claims {
    /// Whether a verifier would take them.
    pub(crate) fn check(&self) -> Result<(), BadClaims> {
        if !(0..=TIME_SECONDS_MAX).contains(&self.exp) {
            return Err(BAD_EXP);
        }
        actor(
            &self.sub,
            self.role,
            self.brands.as_deref(),
            self.customer_id,
            self.brand.as_deref(),
        )
        .map(|_| ())
    }
}

const BAD_EXP: BadClaims = BadClaims("`exp` must be Unix seconds up to the end of the year 9999");

fn actor(
    sub: &str,
    role: i64,
    brands: Option<&[String]>,
    customer_id: Option<i64>,
    brand: Option<&str>,
) -> Result<Actor, BadClaims> {
    if !(1..=SUBJECT_CHARS_MAX).contains(&sub.chars().count()) || sub.chars().any(char::is_control) {
        return Err(BadClaims(
            "`sub` must be 1 to 255 characters, none of them control characters",
        ));
    }
    let session = Session::try_from(role).map_err(|_| BadClaims("`role` must be a known session value"))?;
    let scope = scope(brands)?;
    let subject = sub.to_owned();
    match session {
        // The server acts as this session by itself; a token that could would pass every check meant for people.
        Session::System => Err(BadClaims("`role` must not be 4, which is the server's own")),
        Session::Customer => {
            let customer = customer(customer_id, brand)?;
            if !scope.sees(&customer.brand) {
                return Err(BadClaims("`brands` must name the customer's brand or be left out"));
            }
            let scope = BrandScope::Only(vec![customer.brand.clone()]);
            Ok(Actor {
                session,
                subject,
                scope,
                customer: Some(customer),
            })
        }
        _ => Ok(Actor {
            session,
            subject,
            scope,
            customer: None,
        }),
    }
}

fn a_list<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    Vec::deserialize(deserializer).map(Some)
}

fn scope(brands: Option<&[String]>) -> Result<BrandScope, BadClaims> {
    let Some(names) = brands else {
        return Ok(BrandScope::All);
    };
    names
        .iter()
        .map(|name| name.parse::<Brand>())
        .collect::<Result<_, _>>()
        .map(BrandScope::Only)
        .map_err(|_| BadClaims("each of `brands` must be 1 to 64 of `A-Z a-z 0-9 _ . -`"))
}

fn customer(customer_id: Option<i64>, brand: Option<&str>) -> Result<CustomerKey, BadClaims> {
    let (Some(customer_id), Some(brand)) = (customer_id, brand) else {
        return Err(BadClaims("a customer's token needs `customer_id` and `brand`"));
    };
    if !(1..=ID_MAX).contains(&customer_id) {
        return Err(BadClaims("`customer_id` must be 1 to 9007199254740991"));
    }
    let brand = brand
        .parse()
        .map_err(|_| BadClaims("`brand` must be 1 to 64 of `A-Z a-z 0-9 _ . -`"))?;
    Ok(CustomerKey {
        brand,
        customer_id: CustomerId(customer_id),
    })
}

/// A `NumericDate`, if it lies between 1970 and the end of the year 9999.
fn instant(number: &Number, whole_micros: fn(f64) -> f64) -> Option<Time> {
    if let Some(seconds) = number.as_i64() {
        return (0..=TIME_SECONDS_MAX)
            .contains(&seconds)
            .then(|| Time::from_seconds(seconds));
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "the last second of the year 9999 is far below 2⁵³"
    )]
    let greatest = TIME_SECONDS_MAX as f64;
    let seconds = number.as_f64().filter(|seconds| (0.0..=greatest).contains(seconds))?;
    Some(Time(whole_micros(seconds * MICROS_PER_SECOND) as i64))
}
