//! Signatures of the tenant contract: HMAC-SHA256 over `<timestamp>.<body>`, the same in both directions.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::limits::SIGNATURE_AGE_SECONDS_MAX;
use crate::time::Time;

/// Header with the signature in hex.
pub const SIGNATURE_HEADER: &str = "x-ucrm-signature";
/// Header with the Unix seconds that are signed with the body.
pub const TIMESTAMP_HEADER: &str = "x-ucrm-timestamp";

/// Most signatures of one header that are looked at: a sender has few secrets, and each costs a comparison.
const SIGNATURES_MAX: usize = 8;

/// The signature of a body, in lower-case hex. The secret is the string's own bytes, never decoded.
pub fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    hex::encode(digest(secret, timestamp, body))
}

/// Whether a header holds a signature of the body with one of the secrets: hex in either case, with or without `v1=`,
/// several separated by commas, of which the first eight are looked at. Every secret is compared in constant time.
pub fn is_signed(secrets: &[String], timestamp: &str, header: &str, body: &[u8]) -> bool {
    let given: Vec<[u8; 32]> = header.split(',').take(SIGNATURES_MAX).filter_map(decoded).collect();
    let mut found = subtle::Choice::from(0);
    for secret in secrets {
        let own = digest(secret, timestamp, body);
        for one in &given {
            found |= own.ct_eq(one);
        }
    }
    found.into()
}

/// Whether a timestamp header names Unix seconds at most 300 s away from now, both ends included.
pub fn is_recent(timestamp: &str, now: Time) -> bool {
    let is_canonical = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: Option<i64> = timestamp.parse().ok().filter(|_| is_canonical);
    seconds.is_some_and(|seconds| now.seconds().abs_diff(seconds) <= SIGNATURE_AGE_SECONDS_MAX)
}

fn decoded(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.strip_prefix("v1=").unwrap_or(text), &mut bytes).ok()?;
    Some(bytes)
}

fn digest(secret: &str, timestamp: &str, body: &[u8]) -> [u8; 32] {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return [0; 32];
    };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "test_secret_1";
    const STAMP: &str = "1770000000";
    const BODY: &[u8] = br#"{"event":"kyc.approved","event_id":"e-1","ts":"2026-02-02T02:40:00Z","player_external_id":"p-1","level":2,"data":{}}"#;
    const SIGNED: &str = "c711ea7144b66e6f2283c528982b0e66761a72c97c5d3502107761ea2ee78f54";

    fn accepts(secrets: &[&str], timestamp: &str, header: &str, body: &[u8]) -> bool {
        let secrets: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        is_signed(&secrets, timestamp, header, body)
    }

    #[test]
    fn the_published_vectors_hold() {
        assert_eq!(sign(SECRET, STAMP, BODY), SIGNED);
        assert_eq!(
            sign(SECRET, STAMP, b""),
            "3105af3de5919a704c510d30e56bc7e40db43c864ca8a6b6b1b74bc7cf5d6f5a"
        );
    }

    #[test]
    fn a_header_may_hold_several_signatures_in_either_case() {
        let upper = SIGNED.to_uppercase();
        let zeros = "0".repeat(64);
        for header in [
            SIGNED.to_owned(),
            upper.clone(),
            format!("v1={SIGNED}"),
            format!("v1={zeros}, v1={upper}"),
            format!("junk,,{SIGNED}"),
        ] {
            assert!(accepts(&[SECRET], STAMP, &header, BODY), "{header}");
            assert!(accepts(&["another", SECRET], STAMP, &header, BODY), "{header}");
            assert!(!accepts(&["another"], STAMP, &header, BODY), "{header}");
            assert!(!accepts(&[], STAMP, &header, BODY), "{header}");
            assert!(!accepts(&[SECRET], "1770000001", &header, BODY), "{header}");
            assert!(!accepts(&[SECRET], STAMP, &header, b"{}"), "{header}");
        }
        for header in [
            "",
            "v1=",
            "v2=00",
            &SIGNED[1..],
            &format!("{SIGNED}00"),
            &format!("sha256={SIGNED}"),
        ] {
            assert!(!accepts(&[SECRET], STAMP, header, BODY), "{header}");
        }
    }

    #[test]
    fn a_timestamp_holds_for_300_seconds_both_ways() {
        let now = Time(1_770_000_000_999_999);
        for (stamp, holds) in [
            ("1770000000", true),
            ("1769999700", true),
            ("1770000300", true),
            ("1769999699", false),
            ("1770000301", false),
            ("", false),
            ("+1770000000", false),
            (" 1770000000", false),
            ("1770000000.0", false),
            ("99999999999999999999", false),
        ] {
            assert_eq!(is_recent(stamp, now), holds, "{stamp}");
        }
    }
}
