//! Which addresses may be called (IANA's special-purpose address registries, RFC 6890), so that a tenant's platform
//! address cannot reach into the network where the server runs.

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use Reach::{Never, Private, Public};

/// Who may call an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Public,
    /// Only tenants that allow private networks.
    Private,
    /// Nobody: no platform can stand there, or it is the hosting provider's own.
    Never,
}

/// Why an address may not be called; reads after "… has".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    kind: &'static str,
    reach: Reach,
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unless = match self.reach {
            Private => "which the tenant must allow (private networks)",
            Public | Never => "which is never called",
        };
        write!(f, "{} address, {unless}", self.kind)
    }
}

/// Blocks of IPv4 addresses that are not simply public. The first that fits counts.
const V4: &[(Ipv4Addr, u32, Reach, &str)] = &[
    // Credentials of the machine itself: AWS, Azure, GCP, Oracle and others; AWS ECS and EKS; Alibaba; Azure.
    (Ipv4Addr::new(169, 254, 169, 254), 32, Never, "a cloud metadata"),
    (Ipv4Addr::new(169, 254, 170, 2), 32, Never, "a cloud metadata"),
    (Ipv4Addr::new(169, 254, 170, 23), 32, Never, "a cloud metadata"),
    (Ipv4Addr::new(100, 100, 100, 200), 32, Never, "a cloud metadata"),
    (Ipv4Addr::new(168, 63, 129, 16), 32, Never, "a cloud metadata"),
    (Ipv4Addr::UNSPECIFIED, 8, Never, "an unspecified"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Private, "a private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Private, "a carrier-grade NAT"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Private, "a loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Private, "a link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Private, "a private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Never, "a protocol assignment"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Never, "a documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, Never, "a 6to4 relay"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Private, "a private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Never, "a benchmarking"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Never, "a documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Never, "a documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, Never, "a multicast"),
    (Ipv4Addr::BROADCAST, 32, Never, "a broadcast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, Never, "a reserved"),
];

/// Blocks of IPv6 addresses; the first that fits counts. Only `2000::/3` is given out for public use, so the last line
/// refuses what nobody has thought of.
const V6: &[(Ipv6Addr, u32, Reach, &str)] = &[
    // AWS (metadata, EKS) and GCP.
    (v6(0xfd00_0ec2_0000_0000, 0x254), 128, Never, "a cloud metadata"),
    (v6(0xfd00_0ec2_0000_0000, 0x23), 128, Never, "a cloud metadata"),
    (v6(0xfd20_00ce_0000_0000, 0x254), 128, Never, "a cloud metadata"),
    (Ipv6Addr::UNSPECIFIED, 128, Never, "an unspecified"),
    (Ipv6Addr::LOCALHOST, 128, Private, "a loopback"),
    (Ipv6Addr::UNSPECIFIED, 96, Never, "an IPv4-compatible"),
    (v6(0x0064_ff9b_0001_0000, 0), 48, Never, "a local NAT64"),
    (v6(0x0100_0000_0000_0000, 0), 64, Never, "a discard-only"),
    (v6(0x2001_0000_0000_0000, 0), 23, Never, "a Teredo, ORCHID or protocol"),
    (v6(0x2001_0db8_0000_0000, 0), 32, Never, "a documentation"),
    (v6(0x2002_0000_0000_0000, 0), 16, Never, "a 6to4"),
    (v6(0x3fff_0000_0000_0000, 0), 20, Never, "a documentation"),
    (v6(0x2000_0000_0000_0000, 0), 3, Public, "a public"),
    (v6(0xfc00_0000_0000_0000, 0), 7, Private, "a unique local"),
    (v6(0xfe80_0000_0000_0000, 0), 10, Private, "a link-local"),
    (v6(0xfec0_0000_0000_0000, 0), 10, Never, "a site-local"),
    (v6(0xff00_0000_0000_0000, 0), 8, Never, "a multicast"),
    (Ipv6Addr::UNSPECIFIED, 0, Never, "a reserved"),
];

/// The well-known prefix behind which a network's NAT64 (RFC 6052) shows IPv4.
const NAT64: Ipv6Addr = v6(0x0064_ff9b_0000_0000, 0);

const fn v6(network: u64, host: u64) -> Ipv6Addr {
    Ipv6Addr::from_bits(((network as u128) << 64) | host as u128)
}

/// Why an address may not be called, if it may not.
pub(crate) fn refusal(address: IpAddr, allow_private: bool) -> Option<Refusal> {
    let (reach, kind) = match address {
        IpAddr::V4(address) => judge_v4(address),
        IpAddr::V6(address) => embedded_v4(address).map_or_else(|| judge_v6(address), judge_v4),
    };
    let allowed = reach == Public || (reach == Private && allow_private);
    (!allowed).then_some(Refusal { kind, reach })
}

fn judge_v4(address: Ipv4Addr) -> (Reach, &'static str) {
    let differs = |block: Ipv4Addr| (block.to_bits() ^ address.to_bits()).leading_zeros();
    let found = V4.iter().find(|(block, prefix, ..)| differs(*block) >= *prefix);
    found.map_or((Public, "a public"), |(_, _, reach, kind)| (*reach, kind))
}

fn judge_v6(address: Ipv6Addr) -> (Reach, &'static str) {
    let differs = |block: Ipv6Addr| (block.to_bits() ^ address.to_bits()).leading_zeros();
    let found = V6.iter().find(|(block, prefix, ..)| differs(*block) >= *prefix);
    found.map_or((Never, "a reserved"), |(_, _, reach, kind)| (*reach, kind))
}

/// The IPv4 address that a connection to this one ends at: mapped by the system itself, or behind the network's NAT64,
/// which is how a network without IPv4 reaches all of it.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let nat64 = (NAT64.to_bits() ^ address.to_bits()).leading_zeros() >= 96;
    let [.., a, b, c, d] = address.octets();
    if nat64 {
        return Some(Ipv4Addr::new(a, b, c, d));
    }
    address.to_ipv4_mapped()
}
