//! Calls to tenants' platforms over HTTP/1.1. A tenant's manager chooses the address, so this crate decides where the
//! server may be sent: a name is resolved once, all its addresses are checked, and the connection goes to exactly those.
//!
//! Deliberately absent: redirects, proxies, cookies, decompression, retries, and a pool of connections. A call is rare
//! and its platform may be anywhere, so each has a connection of its own, which cannot outlive its address check.
//!
//! Reading order: [`HttpOutbound`], `target.rs` (the URL), `address.rs` (which addresses may be called), `connect.rs`,
//! `exchange.rs`.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod address;
mod connect;
mod exchange;
mod resolver;
mod roots;
mod target;
#[cfg(test)]
mod tests;

pub use resolver::{Resolver, SystemResolver};
pub use roots::Error;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kyc_core::limits::{OUTBOUND_CALL_SECONDS_MAX, OUTBOUND_CONNECT_SECONDS_MAX};
use kyc_ports::outbound::{Outbound, OutboundAnswer, OutboundError, OutboundRequest};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Host;

use crate::target::Target;

/// How long a call may take. The default is what the limits say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a platform has accepted the TCP connection, over all its addresses.
    pub connect: Duration,
    /// The whole call: resolution, connection, TLS, headers and body.
    pub call: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(OUTBOUND_CONNECT_SECONDS_MAX),
            call: Duration::from_secs(OUTBOUND_CALL_SECONDS_MAX),
        }
    }
}

/// Calls platforms from a native process. Cheap to share; holds no connection between calls.
#[derive(Clone)]
pub struct HttpOutbound {
    tls: TlsConnector,
    resolver: Arc<dyn Resolver>,
    timeouts: Timeouts,
}

impl HttpOutbound {
    /// Trusts the system's root certificates and those given: PEM files' contents, each with at least one certificate.
    /// Reads the system's files, so it blocks for a moment.
    pub fn new(extra_roots_pem: &[Vec<u8>]) -> Result<Self, Error> {
        Ok(Self {
            tls: roots::connector(extra_roots_pem)?,
            resolver: Arc::new(SystemResolver),
            timeouts: Timeouts::default(),
        })
    }

    /// With other time-outs than the limits'.
    #[must_use]
    pub fn with_timeouts(self, timeouts: Timeouts) -> Self {
        Self { timeouts, ..self }
    }

    /// With another resolver than the system's.
    #[must_use]
    pub fn with_resolver(self, resolver: Arc<dyn Resolver>) -> Self {
        Self { resolver, ..self }
    }

    async fn call(&self, target: &Target, request: OutboundRequest) -> Result<OutboundAnswer, OutboundError> {
        let allow_private = request.allow_private_network;
        let message = exchange::message(target, request)?;
        let addresses = self.checked_addresses(target, allow_private).await?;
        let tcp = connect::tcp(target, &addresses, self.timeouts.connect).await?;
        match target.tls_name()? {
            Some(name) => exchange::send(connect::tls(target, &self.tls, name, tcp).await?, message, target).await,
            None => exchange::send(tcp, message, target).await,
        }
    }

    /// The addresses of a target, once, and only if every one of them may be called: a name with mixed answers is
    /// somebody's attempt, or a mistake that would work now and then.
    async fn checked_addresses(&self, target: &Target, allow_private: bool) -> Result<Vec<IpAddr>, OutboundError> {
        let addresses = match target.host() {
            Host::Ipv4(address) => vec![IpAddr::V4(*address)],
            Host::Ipv6(address) => vec![IpAddr::V6(*address)],
            Host::Domain(name) => {
                let found = self.resolver.addresses(name).await;
                found.map_err(|error| OutboundError::Failed(format!("{target} does not resolve: {error}")))?
            }
        };
        if addresses.is_empty() {
            return Err(OutboundError::Failed(format!("{target} has no address")));
        }
        match addresses.iter().find_map(|one| address::refusal(*one, allow_private)) {
            Some(refusal) => Err(OutboundError::Denied(format!("{target} has {refusal}"))),
            None => Ok(addresses),
        }
    }
}

#[async_trait]
impl Outbound for HttpOutbound {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundAnswer, OutboundError> {
        let target = Target::parse(&request.url, request.allow_private_network)?;
        match timeout(self.timeouts.call, self.call(&target, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(OutboundError::Failed(format!(
                "{target} gave no whole answer within {:?}",
                self.timeouts.call
            ))),
        }
    }
}
