//! A connection to one of the checked addresses, and to no other.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use kyc_ports::outbound::OutboundError;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::target::Target;

/// Most addresses of either family that are tried, so that each has a fair share of the time.
const TRIED_PER_FAMILY_MAX: usize = 2;

/// The first connection that is accepted, in the resolver's order. The time is shared out evenly, so that a dead first
/// address leaves time for the next.
pub(crate) async fn tcp(target: &Target, addresses: &[IpAddr], within: Duration) -> Result<TcpStream, OutboundError> {
    let tried = to_try(addresses);
    let share = within / u32::try_from(tried.len()).unwrap_or(u32::MAX).max(1);
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in tried {
        match timeout(share, TcpStream::connect((address, target.port()))).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::from(io::ErrorKind::TimedOut),
        }
    }
    Err(OutboundError::Failed(format!("no connection to {target}: {last}")))
}

fn to_try(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let (mut v4, mut v6) = (0, 0);
    let counts = |address: &&IpAddr| {
        let seen = if address.is_ipv4() { &mut v4 } else { &mut v6 };
        *seen += 1;
        *seen <= TRIED_PER_FAMILY_MAX
    };
    addresses.iter().filter(counts).copied().collect()
}

/// TLS over a connection; the certificate must be for the name in the URL.
pub(crate) async fn tls(
    target: &Target,
    connector: &TlsConnector,
    name: ServerName<'static>,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, OutboundError> {
    let connected = connector.connect(name, tcp).await;
    connected.map_err(|error| OutboundError::Failed(format!("no tls with {target}: {error}")))
}
