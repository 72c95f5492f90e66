//! Where a URL leads, if it may be called from a component at all. Spin resolves names itself and lets a component only
//! to the hosts that its operator granted; what is refused here are addresses that no platform's host should be.

use std::fmt::{self, Display};
use std::net::Ipv6Addr;

use kyc_ports::outbound::OutboundError;

/// Most characters of a host that a text shows.
const SHOWN_CHARS_MAX: usize = 64;
/// Names that stand for something inside the machine or the application.
const INTERNAL: [&str; 4] = ["localhost", "internal", "local", "alt"];

/// The port of `https`.
const HTTPS_PORT: u16 = 443;

/// A URL whose form is right. Shown as its host, never with its path or query, which may name customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
}

impl Target {
    /// Reads a URL; only `https` to a host's name is called.
    pub fn parse(url: &str) -> Result<Self, OutboundError> {
        let rest = url
            .strip_prefix("https://")
            .ok_or_else(|| denied("only https addresses can be called from a component"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        if authority.contains('@') {
            return Err(denied("the platform's address must not hold a user name or password"));
        }
        let (host, port) = host_and_port(authority);
        let port = port.map_or(Ok(HTTPS_PORT), str::parse);
        let target = Self {
            host: host.to_ascii_lowercase(),
            port: port.map_err(|_| denied("the platform's address has no proper port"))?,
        };
        target.check()?;
        Ok(target)
    }

    fn check(&self) -> Result<(), OutboundError> {
        if is_literal(&self.host) {
            return Err(denied(&format!(
                "{self} is a literal address, which a component never calls"
            )));
        }
        let is_plain = |label: &str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if !self.host.split('.').all(is_plain) {
            return Err(denied("the platform's address has no proper host"));
        }
        if self
            .host
            .rsplit('.')
            .next()
            .is_some_and(|last| INTERNAL.contains(&last))
        {
            return Err(denied(&format!(
                "{self} is an internal name, which a component never calls"
            )));
        }
        Ok(())
    }

    /// Whether it leads to this host, on whichever port.
    pub fn is_host(&self, host: &str) -> bool {
        self.host == host_and_port(host).0
    }

    /// Whether it leads to one of the platforms that the operator names, as the manifest grants them:
    /// `platform.example`, `platform.example:8443`, `*.platforms.example`; several stand between commas.
    pub fn is_of(&self, platforms: &str) -> bool {
        platforms.split(',').map(str::trim).any(|platform| {
            let (host, port) = host_and_port(platform);
            let is_host = match host.strip_prefix('*') {
                Some(domain) => domain.starts_with('.') && self.host.ends_with(domain),
                None => self.host == host,
            };
            is_host && port.map_or(Ok(HTTPS_PORT), str::parse) == Ok(self.port)
        })
    }

    /// What a call is refused with when the component's manifest does not grant its host.
    pub fn not_granted(&self) -> OutboundError {
        denied(&format!(
            "the component was not granted {self}: its operator must allow this outbound host"
        ))
    }
}

/// A host, and its port if it has one.
fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether a variable names a host in the form that Spin compares with: labels in lower case, and a port if it is not
/// 443; it may begin with `*.` if all names below are meant.
pub fn is_host(text: &str, may_be_domain: bool) -> bool {
    let (host, port) = host_and_port(text);
    let name = host.strip_prefix("*.").filter(|_| may_be_domain).unwrap_or(host);
    let is_plain = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    };
    name.split('.').all(is_plain) && port.is_none_or(|port| port.parse().is_ok_and(|port: u16| port > 0))
}

/// An IPv6 address, or what some resolver takes for an IPv4 one: `10.1`, `0x7f.1`, `2130706433`.
fn is_literal(host: &str) -> bool {
    let inner = host.trim_start_matches('[').trim_end_matches(']');
    if host.starts_with('[') || inner.parse::<Ipv6Addr>().is_ok() {
        return true;
    }
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").unwrap_or(last);
    !last.is_empty()
        && (last.bytes().all(|byte| byte.is_ascii_digit())
            || (hex != last && hex.bytes().all(|byte| byte.is_ascii_hexdigit())))
}

impl Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.host.chars().take(SHOWN_CHARS_MAX).collect();
        write!(f, "`{shown}`")
    }
}

fn denied(text: &str) -> OutboundError {
    OutboundError::Denied(text.to_owned())
}

#[cfg(test)]
mod tests {
    use kyc_ports::outbound::OutboundError;

    use super::{Target, is_host};

    #[test]
    fn names_over_https_are_called() {
        for (url, host) in [
            ("https://platform.example/crm/v1", "`platform.example`"),
            ("https://Platform.Example:8443?x=1", "`platform.example`"),
            ("https://a_b.x-1.example#", "`a_b.x-1.example`"),
        ] {
            assert_eq!(Target::parse(url).unwrap().to_string(), host, "{url}");
        }
        let target = Target::parse("https://Store.example:8443/x").unwrap();
        assert!(target.is_host("store.example") && target.is_host("store.example:9000"));
        assert!(!target.is_host("example") && !target.is_host(""));
    }

    #[test]
    fn platforms_are_told_as_the_manifest_grants_them() {
        for (url, platforms, expected) in [
            ("https://a.example/x", "a.example", true),
            ("https://A.example:443/x", "b.example, a.example", true),
            ("https://a.example:8443/x", "a.example", false),
            ("https://a.example:8443/x", "a.example:8443", true),
            ("https://a.example/x", "a.example:8443", false),
            ("https://x.a.example/", "*.a.example", true),
            ("https://a.example/", "*.a.example", false),
            ("https://xa.example/", "*a.example", false),
            ("https://x.a.example/", "a.example", false),
            ("https://a.example/", "", false),
        ] {
            assert_eq!(
                Target::parse(url).unwrap().is_of(platforms),
                expected,
                "{url} {platforms}"
            );
        }
    }

    #[test]
    fn hosts_have_the_form_that_spin_compares_with() {
        for host in ["s3.example", "localhost", "s3.example:9000", "10.0.0.1:9000", "a_b.x-1"] {
            assert!(is_host(host, false) && is_host(host, true), "{host}");
        }
        assert!(is_host("*.platforms.example:8443", true) && !is_host("*.platforms.example", false));
        for host in [
            "",
            ":443",
            "S3.example",
            "https://s3.example",
            "s3.example/",
            "s3..example",
            "s3.example:",
            "s3.example:0",
            "s3.example:x",
            "s3 example",
            "*",
            "*.",
            "a.*.example",
            "u@s3.example",
            "[::1]",
        ] {
            assert!(!is_host(host, false) && !is_host(host, true), "{host}");
        }
    }

    #[test]
    fn everything_else_is_denied() {
        for url in [
            "http://platform.example/",
            "ftp://platform.example/",
            "HTTPS://platform.example/",
            "https://",
            "https:///x",
            "https://user@platform.example/",
            "https://platform.example:/",
            "https://platform.example:99999/",
            "https://127.0.0.1:9/x",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.0x1/",
            "https://10.0.0.1./",
            "https://[::1]/",
            "https://[::1]:443/",
            "https://localhost/",
            "https://api.spin.internal/",
            "https://a..b/",
            "https://a\\b.example/",
            "https://plättform.example/",
        ] {
            assert!(matches!(Target::parse(url), Err(OutboundError::Denied(_))), "{url}");
        }
    }
}
