//! What a platform's answer means.

use serde_json::Value;

use crate::limits::{ANSWER_TEXT_CHARS_MAX, LEVEL_MAX, RETRY_AFTER_SECONDS_MAX};
use crate::outbound::retry::http_date;
use crate::status::KycStatus;
use crate::time::Time;

/// What becomes of a call that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The platform took it.
    Delivered {
        /// What the platform calls the case.
        provider_ref: Option<String>,
    },
    /// The platform will not have it; trying again would not help.
    Refused {
        /// A code: the platform's, or `http_<status>`.
        code: String,
        /// The platform's words.
        message: Option<String>,
    },
    /// It may be tried again.
    Later {
        /// Why: `http_<status>` or what the network said.
        message: String,
        /// The seconds that the platform asks for.
        retry_after_seconds: Option<i64>,
    },
}

/// Judges an answer to an initiate or update.
pub fn judge(status: u16, retry_after: Option<&str>, body: &[u8], now: Time) -> Verdict {
    // As tolerantly as can be: a refusal is one, whatever else it says.
    let answer = json(body);
    let member = |name: &str| answer.as_ref().and_then(|answer| answer.get(name));
    let text = |name: &str| member(name).and_then(Value::as_str).map(cut);
    match status {
        200..=299 if member("ok") == Some(&Value::Bool(false)) => Verdict::Refused {
            code: text("code").unwrap_or_else(|| "refused".to_owned()),
            message: text("message"),
        },
        200..=299 => Verdict::Delivered {
            provider_ref: text("provider_ref"),
        },
        408 | 425 | 429 | 500.. => Verdict::Later {
            message: format!("http_{status}"),
            retry_after_seconds: retry_after.and_then(|value| seconds_of(value, now)),
        },
        // A redirect is not followed: the address in the tenant is wrong.
        _ => Verdict::Refused {
            code: format!("http_{status}"),
            message: text("message").or_else(|| {
                let error = member("error")?;
                error.get("message").or(Some(error)).and_then(Value::as_str).map(cut)
            }),
        },
    }
}

/// Reads JSON as platforms write it: after a byte order mark too, and with whatever stands for a wrong byte.
fn json(body: &[u8]) -> Option<Value> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    serde_json::from_str(&String::from_utf8_lossy(body)).ok()
}

/// `Retry-After`: seconds, or a date.
fn seconds_of(value: &str, now: Time) -> Option<i64> {
    let value = value.trim();
    let seconds = match value.parse::<i64>() {
        Ok(seconds) => seconds,
        Err(_) if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() => i64::MAX,
        Err(_) => http_date(value)?.seconds() - now.seconds(),
    };
    (seconds > 0).then_some(seconds.min(RETRY_AFTER_SECONDS_MAX))
}

/// A platform's text, no longer than we keep and without what would break a line.
fn cut(text: &str) -> String {
    let shown = text.chars().filter(|char| !char.is_control());
    shown.take(ANSWER_TEXT_CHARS_MAX).collect()
}

/// What the platform holds of a player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup {
    /// The status.
    pub status: KycStatus,
    /// The level.
    pub level: i64,
}

/// Reads the answer to a lookup; an unknown player counts as none at level 0. `None` when it is no such answer.
pub fn lookup_answer(status: u16, body: &[u8]) -> Option<Lookup> {
    if status == 404 {
        return Some(Lookup {
            status: KycStatus::None,
            level: 0,
        });
    }
    let answer = json(body).filter(|_| status == 200)?;
    Some(Lookup {
        status: KycStatus::from_name(answer.get("status")?.as_str()?)?,
        level: answer
            .get("level")?
            .as_i64()
            .filter(|level| (0..=LEVEL_MAX).contains(level))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_seconds(1_770_000_000);

    fn refused(code: &str, message: Option<&str>) -> Verdict {
        Verdict::Refused {
            code: code.to_owned(),
            message: message.map(str::to_owned),
        }
    }

    #[test]
    fn a_success_is_a_delivery_unless_it_says_no() {
        let delivered = |provider_ref: Option<&str>| Verdict::Delivered {
            provider_ref: provider_ref.map(str::to_owned),
        };
        for (status, body, verdict) in [
            (200, r#"{"ok":true,"provider_ref":"p-1"}"#, delivered(Some("p-1"))),
            (204, "", delivered(None)),
            (200, "not json", delivered(None)),
            (202, r#"{"ok":"false"}"#, delivered(None)),
            (
                200,
                r#"{"ok":false,"code":"NO","message":"not\nhere"}"#,
                refused("NO", Some("nothere")),
            ),
            (200, r#"{"ok":false}"#, refused("refused", None)),
            (
                200,
                r#"{"ok":false,"code":"NO","trace":18446744073709551616,"a":1,"a":2}"#,
                refused("NO", None),
            ),
            (
                400,
                r#"{"error":{"message":"bad level"}}"#,
                refused("http_400", Some("bad level")),
            ),
            (404, "<html>", refused("http_404", None)),
            (302, "", refused("http_302", None)),
        ] {
            assert_eq!(judge(status, None, body.as_bytes(), NOW), verdict, "{status} {body}");
        }
    }

    #[test]
    fn a_refusal_is_read_whatever_its_bytes_are() {
        for (body, message) in [
            (&b"\xEF\xBB\xBF{\"ok\":false,\"code\":\"NO\"}"[..], None),
            (
                b"{\"ok\":false,\"code\":\"NO\",\"message\":\"ca\xF1on\"}",
                Some("ca\u{FFFD}on"),
            ),
        ] {
            assert_eq!(judge(200, None, body, NOW), refused("NO", message), "{body:?}");
        }
        let marked = b"\xEF\xBB\xBF{\"status\":\"verified\",\"level\":2}";
        assert_eq!(lookup_answer(200, marked).map(|lookup| lookup.level), Some(2));
    }

    #[test]
    fn what_may_pass_is_tried_later() {
        for status in [408, 425, 429, 500, 503, 599] {
            for (header, seconds) in [
                (None, None),
                (Some("7"), Some(7)),
                (Some("999999"), Some(36_000)),
                (Some("99999999999999999999"), Some(36_000)),
                (Some("Monday, 02-Feb-26 02:41:00 GMT"), Some(60)),
                (Some("Mon Feb  2 02:41:00 2026"), Some(60)),
                (Some("-1"), None),
                (Some("soon"), None),
                (Some("Mon, 02 Feb 2026 02:41:00 GMT"), Some(60)),
                (Some("Mon, 02 Feb 2026 02:39:00 GMT"), None),
            ] {
                let later = Verdict::Later {
                    message: format!("http_{status}"),
                    retry_after_seconds: seconds,
                };
                assert_eq!(judge(status, header, b"", NOW), later, "{status} {header:?}");
            }
        }
    }

    #[test]
    fn a_lookup_is_read_or_it_is_none() {
        let found = |status, level| Some(Lookup { status, level });
        let verified = br#"{"status":"verified","level":2,"last_updated":"2026-02-02T02:40:00Z"}"#;
        assert_eq!(lookup_answer(200, verified), found(KycStatus::Verified, 2));
        assert_eq!(lookup_answer(404, b""), found(KycStatus::None, 0));
        for (status, body) in [
            (500, &verified[..]),
            (200, b"{}"),
            (200, br#"{"status":"verified","level":11}"#),
            (200, br#"{"status":"fine","level":1}"#),
            (200, b"["),
        ] {
            assert_eq!(lookup_answer(status, body), None);
        }
    }
}
