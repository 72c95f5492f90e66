//! `allowed_outbound_hosts`: which scheme, host and port a component may call.

use http::Uri;
use std::ops::RangeInclusive;

#[derive(Default)]
pub(crate) struct AllowedHosts(Vec<Pattern>);

struct Pattern {
    /// `None` is any scheme.
    scheme: Option<String>,
    host: HostPattern,
    ports: RangeInclusive<u16>,
}

enum HostPattern {
    Any,
    /// `*.example.com`, kept as `.example.com`.
    Below(String),
    Exact(String),
}

impl AllowedHosts {
    /// Adds one entry, e.g. `https://api.example.com`, `http://127.0.0.1:8000..8010`, `*://*:*`.
    pub(crate) fn add(&mut self, entry: &str) -> Result<(), String> {
        let wrong = |why: &str| format!("allowed_outbound_hosts: `{entry}` {why}");
        let (scheme, rest) = entry.split_once("://").ok_or_else(|| wrong("has no scheme"))?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(wrong("must not have a path"));
        }
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let ports = match (port, scheme) {
            (Some("*"), _) => 0..=u16::MAX,
            (Some(port), _) => port_range(port).ok_or_else(|| wrong("has no valid port"))?,
            (None, "http") => 80..=80,
            (None, "https") => 443..=443,
            (None, _) => return Err(wrong("needs a port")),
        };
        let host = match host {
            "" | "self" => return Err(wrong("names no host that this test host supports")),
            "*" => HostPattern::Any,
            host => match host.strip_prefix('*') {
                // Spin compares what the manifest says with the host in lower case: other letters match nothing.
                Some(below) if below.starts_with('.') => HostPattern::Below(below.to_owned()),
                Some(_) => return Err(wrong("has a misplaced `*`")),
                None => HostPattern::Exact(host.to_owned()),
            },
        };
        self.0.push(Pattern {
            scheme: (scheme != "*").then(|| scheme.to_ascii_lowercase()),
            host,
            ports,
        });
        Ok(())
    }

    pub(crate) fn allows(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return false;
        };
        let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
        let host = host.to_ascii_lowercase();
        self.0.iter().any(|pattern| {
            pattern.scheme.as_deref().is_none_or(|s| s == scheme)
                && pattern.ports.contains(&port)
                && match &pattern.host {
                    HostPattern::Any => true,
                    HostPattern::Below(below) => host.ends_with(below.as_str()) && host.len() > below.len(),
                    HostPattern::Exact(exact) => *exact == host,
                }
        })
    }
}

fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    match text.split_once("..") {
        Some((from, to)) => {
            let (from, to): (u16, u16) = (from.parse().ok()?, to.parse().ok()?);
            (from < to).then(|| from..=to - 1)
        }
        None => text.parse().ok().map(|port| port..=port),
    }
}

#[cfg(test)]
mod tests {
    use super::AllowedHosts;

    #[test]
    fn only_what_is_granted_is_allowed() {
        let cases = [
            ("https://api.example.com", "https://api.example.com/x", true),
            ("https://api.example.com", "http://api.example.com/x", false),
            ("https://api.example.com", "https://api.example.com:8443/x", false),
            ("https://*.example.com", "https://api.example.com/", true),
            ("https://*.example.com", "https://example.com/", false),
            ("http://127.0.0.1:8000..8010", "http://127.0.0.1:8009/", true),
            ("http://127.0.0.1:8000..8010", "http://127.0.0.1:8010/", false),
            ("*://*:*", "http://anything:1/", true),
            ("https://api.example.com", "https://API.Example.com/x", true),
            ("https://API.example.com", "https://api.example.com/x", false),
            ("https://*.Example.com", "https://api.example.com/x", false),
        ];
        for (entry, uri, expected) in cases {
            let mut hosts = AllowedHosts::default();
            hosts.add(entry).unwrap();
            assert_eq!(hosts.allows(&uri.parse().unwrap()), expected, "{entry} {uri}");
        }
    }

    #[test]
    fn what_spin_refuses_is_refused() {
        for entry in [
            "example.com",
            "https://example.com/path",
            "ftp://example.com",
            "https://*x.com",
            "http://a:b",
        ] {
            assert!(AllowedHosts::default().add(entry).is_err(), "{entry}");
        }
    }
}
