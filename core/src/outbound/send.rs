//! What is sent: address, headers and signature of a call.

use crate::outbound::Delivery;
use crate::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
use crate::status::{CallKind, Flag};
use crate::tenant::Tenant;
use crate::time::Time;

/// A request to the tenant's platform, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Where to.
    pub url: String,
    /// The headers, lower-case names.
    pub headers: Vec<(&'static str, String)>,
    /// The body of a `POST`; a `GET` has none.
    pub body: Option<Vec<u8>>,
    /// Whether the tenant allows private networks.
    pub allow_private_network: bool,
}

/// A try of a queued call, signed anew; `None` when the tenant has no address.
pub fn call(tenant: &Tenant, delivery: &Delivery, secret: &str, now: Time) -> Option<Prepared> {
    let name = match delivery.call {
        CallKind::Initiate => "initiate",
        CallKind::Update => "update",
    };
    let body = delivery.body.to_string().into_bytes();
    let mut prepared = prepared(tenant, &format!("/v1/kyc/{name}"), Some(body), secret, now)?;
    let own = [
        ("content-type", "application/json".to_owned()),
        ("idempotency-key", delivery.idempotency_key.clone()),
    ];
    prepared.headers.extend(own);
    Some(prepared)
}

/// A look at what the platform holds of a player.
pub fn lookup(tenant: &Tenant, player_external_id: &str, secret: &str, now: Time) -> Option<Prepared> {
    let path = format!("/v1/kyc/{}", percent_encoded(player_external_id));
    prepared(tenant, &path, None, secret, now)
}

fn prepared(tenant: &Tenant, path: &str, body: Option<Vec<u8>>, secret: &str, now: Time) -> Option<Prepared> {
    let timestamp = now.seconds().to_string();
    let signature = sign(secret, &timestamp, body.as_deref().unwrap_or_default());
    Some(Prepared {
        url: format!("{}{path}", tenant.base_url.as_ref()?),
        headers: vec![(TIMESTAMP_HEADER, timestamp), (SIGNATURE_HEADER, signature)],
        body,
        allow_private_network: tenant.allow_private_network == Flag::Yes,
    })
}

/// All but the unreserved characters of RFC 3986 as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_id_is_one_segment_of_the_path() {
        assert_eq!(percent_encoded("casino_player-0.1~"), "casino_player-0.1~");
        assert_eq!(percent_encoded("a/b?c#d e%ü"), "a%2Fb%3Fc%23d%20e%25%C3%BC");
    }
}
