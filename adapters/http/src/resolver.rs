//! Names to addresses, replaceable so that tests need no name server.

use std::io;
use std::net::IpAddr;

use async_trait::async_trait;

/// Resolves the names of platforms.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// All addresses of a host name (lower case, in ASCII), best first. Asked once per call.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's own resolver (`getaddrinfo`), which knows the hosts file too.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}
