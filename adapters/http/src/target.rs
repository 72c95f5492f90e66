//! Where a URL leads, if it may be called at all.

use std::cell::Cell;
use std::fmt::{self, Display};

use kyc_ports::outbound::OutboundError;
use tokio_rustls::rustls::pki_types::{IpAddr, ServerName};
use url::{Host, SyntaxViolation, Url};

/// Most characters of a host that a text shows.
const SHOWN_CHARS_MAX: usize = 64;

/// A URL whose form is right. Shown as `host:port`, never with its path or query, which may name customers.
#[derive(Debug)]
pub(crate) struct Target {
    url: Url,
    host: Host<String>,
    port: u16,
    tls: bool,
}

impl Target {
    /// Reads a URL. Browsers repair odd ones (backslashes, tabs, missing slashes); here they are refused, because
    /// whoever looked at them before may have read another host.
    pub(crate) fn parse(url: &str, allow_http: bool) -> Result<Self, OutboundError> {
        let violation = Cell::new(None);
        let note = |found: SyntaxViolation| violation.set(violation.get().or(Some(found)));
        let url = Url::options()
            .syntax_violation_callback(Some(&note))
            .parse(url)
            .map_err(|error| denied(format!("the platform's address is no url: {error}")))?;
        let tls = match url.scheme() {
            "https" => true,
            "http" if allow_http => false,
            "http" => {
                return Err(denied(
                    "http is only for tenants that allow private networks, use https",
                ));
            }
            _ => return Err(denied("only https addresses can be called")),
        };
        if let Some(found) = violation.get() {
            return Err(refused(found));
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(denied("the platform's address has no host"));
        };
        let host = host.to_owned();
        Ok(Self { url, host, port, tls })
    }

    pub(crate) fn host(&self) -> &Host<String> {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What the certificate must be for; none for plain http.
    pub(crate) fn tls_name(&self) -> Result<Option<ServerName<'static>>, OutboundError> {
        if !self.tls {
            return Ok(None);
        }
        let name = match &self.host {
            Host::Domain(name) => ServerName::try_from(name.clone())
                .map_err(|_| denied(format!("{self} is no name that a certificate can be for")))?,
            Host::Ipv4(address) => ServerName::IpAddress(IpAddr::from(std::net::IpAddr::V4(*address))),
            Host::Ipv6(address) => ServerName::IpAddress(IpAddr::from(std::net::IpAddr::V6(*address))),
        };
        Ok(Some(name))
    }

    /// What stands in the request's first line.
    pub(crate) fn path_and_query(&self) -> String {
        let query = self.url.query().map(|query| format!("?{query}"));
        format!("{}{}", self.url.path(), query.unwrap_or_default())
    }

    /// The `Host` header: without the port where it is the scheme's own (RFC 9110, section 7.2).
    pub(crate) fn host_header(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        }
    }
}

impl Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.to_string();
        let shown: String = host.chars().take(SHOWN_CHARS_MAX).collect();
        write!(f, "`{shown}:{}`", self.port)
    }
}

fn refused(violation: SyntaxViolation) -> OutboundError {
    match violation {
        SyntaxViolation::EmbeddedCredentials | SyntaxViolation::UnencodedAtSign => {
            denied("the platform's address must not hold a user name or password")
        }
        other => denied(format!("the platform's address is no proper url: {other}")),
    }
}

fn denied(text: impl Into<String>) -> OutboundError {
    OutboundError::Denied(text.into())
}
