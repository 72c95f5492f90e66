//! The address table and the URL's form, case by case.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kyc_ports::outbound::OutboundError;
use proptest::prelude::*;

use crate::address::refusal;
use crate::target::Target;

/// Who may call an address: `public` everybody, `private` tenants that allow it, `never` nobody.
fn reach(address: &str) -> &'static str {
    let address: IpAddr = address.parse().unwrap();
    match (refusal(address, false).is_some(), refusal(address, true).is_some()) {
        (false, false) => "public",
        (true, false) => "private",
        (true, true) => "never",
        (false, true) => panic!("{address}: allowing private networks takes something away"),
    }
}

fn check(expected: &str, addresses: &[&str]) {
    for address in addresses {
        assert_eq!(reach(address), expected, "{address}");
    }
}

#[test]
fn the_internet_is_public() {
    check("public", &["1.1.1.1", "8.8.8.8", "93.184.215.14", "223.255.255.255"]);
    check(
        "public",
        &["2606:4700::1111", "2a00:1450:4001::200e", "2001:4860::8888"],
    );
}

#[test]
fn private_blocks_end_where_they_end() {
    check(
        "private",
        &["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255"],
    );
    check(
        "private",
        &["192.168.0.0", "192.168.255.255", "127.0.0.1", "127.255.255.255"],
    );
    check("private", &["169.254.0.0", "169.254.169.253", "169.254.255.255"]);
    check("private", &["100.64.0.0", "100.127.255.255"]);
    check("public", &["9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0"]);
    check(
        "public",
        &["192.167.255.255", "192.169.0.0", "126.255.255.255", "128.0.0.0"],
    );
    check(
        "public",
        &["169.253.255.255", "169.255.0.0", "100.63.255.255", "100.128.0.0"],
    );
}

#[test]
fn meaningless_blocks_end_where_they_end() {
    check("never", &["0.0.0.0", "0.255.255.255", "192.0.0.0", "192.0.0.255"]);
    check("never", &["192.0.2.0", "192.0.2.255", "198.51.100.7", "203.0.113.7"]);
    check(
        "never",
        &["198.18.0.0", "198.19.255.255", "192.88.99.0", "192.88.99.255"],
    );
    check(
        "never",
        &["224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255"],
    );
    check(
        "public",
        &["1.0.0.0", "192.0.1.0", "192.0.3.0", "198.17.255.255", "198.20.0.0"],
    );
    check(
        "public",
        &["192.88.98.255", "192.88.100.0", "198.51.99.255", "203.0.114.0"],
    );
}

#[test]
fn ipv6_blocks_end_where_they_end() {
    check("private", &["::1", "fc00::", "fdff::1", "fe80::1", "febf::1"]);
    check(
        "never",
        &["::", "::2", "fec0::1", "feff::1", "ff00::", "ff02::1", "100::1"],
    );
    check("never", &["2001:db8::1", "2001:db8:ffff::", "3fff::1", "3fff:fff::"]);
    check(
        "never",
        &["2001::1", "2001:1ff::", "2001:2::1", "2001:10::1", "2001:20::1"],
    );
    check(
        "public",
        &["2001:200::", "2001:db7::", "2001:db9::", "3fff:1000::", "2003::1"],
    );
    check("never", &["1fff::", "4000::", "5f00::1", "fbff::", "fe00::"]);
}

#[test]
fn an_embedded_ipv4_address_is_judged() {
    check(
        "private",
        &["::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::192.168.0.1"],
    );
    check(
        "never",
        &["::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "::ffff:0.0.0.0"],
    );
    check("public", &["::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]);
    // These forms are refused whatever they hold.
    check(
        "never",
        &["::127.0.0.1", "::8.8.8.8", "2002:7f00:1::", "2002:808:808::"],
    );
    check(
        "never",
        &["64:ff9b:1::7f00:1", "64:ff9b:1::808:808", "::ffff:0:127.0.0.1"],
    );
}

#[test]
fn the_hosting_providers_own_addresses_are_never_called() {
    check(
        "never",
        &["169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200"],
    );
    check(
        "never",
        &["168.63.129.16", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"],
    );
    check("private", &["fd00:ec2::253", "fd20:ce::253"]);
}

#[test]
fn a_refusal_says_what_would_help() {
    let text = |address: &str| refusal(address.parse().unwrap(), false).unwrap().to_string();
    assert_eq!(
        text("127.0.0.1"),
        "a loopback address, which the tenant must allow (private networks)"
    );
    assert_eq!(text("224.0.0.1"), "a multicast address, which is never called");
}

fn denial(url: &str) -> String {
    match Target::parse(url, false).unwrap_err() {
        OutboundError::Denied(text) => text,
        OutboundError::Failed(text) => panic!("{url} may be tried again: {text}"),
    }
}

#[test]
fn other_schemes_than_https_are_denied() {
    for url in [
        "ftp://platform.test/",
        "file:///etc/passwd",
        "data:,x",
        "ws://platform.test/",
    ] {
        assert_eq!(denial(url), "only https addresses can be called");
    }
    let text = denial("http://platform.test/");
    assert_eq!(text, "http is only for tenants that allow private networks, use https");
    Target::parse("http://platform.test/", true).unwrap();
    Target::parse("ftp://platform.test/", true).unwrap_err();
}

#[test]
fn a_user_or_password_is_denied() {
    for url in [
        "https://user@platform.test/",
        "https://user:secret@platform.test/",
        "https://@platform.test/",
    ] {
        let text = denial(url);
        assert_eq!(text, "the platform's address must not hold a user name or password");
    }
}

#[test]
fn what_is_no_proper_url_is_denied() {
    for url in [
        "",
        "platform.test/v1",
        "https://",
        "https://plat form.test/",
        "https://[::1",
        "https://a:65536/",
    ] {
        let text = denial(url);
        assert!(text.starts_with("the platform's address is no url: "), "{url}: {text}");
    }
    for url in [
        "https:\\\\platform.test\\",
        "https:/platform.test/",
        " https://platform.test/",
        "https://platform.te\tst/",
    ] {
        let text = denial(url);
        assert!(
            text.starts_with("the platform's address is no proper url: "),
            "{url}: {text}"
        );
    }
}

#[test]
fn the_path_is_sent_as_it_was_given() {
    let target = Target::parse("https://platform.test/v1/kyc/a%2Fb%20c?x=1#end", false).unwrap();
    assert_eq!(target.path_and_query(), "/v1/kyc/a%2Fb%20c?x=1");
    let bare = Target::parse("https://platform.test", false).unwrap();
    assert_eq!(bare.path_and_query(), "/");
}

#[test]
fn the_host_header_names_only_an_unusual_port() {
    let header = |url: &str| Target::parse(url, true).unwrap().host_header();
    assert_eq!(header("https://Platform.Test:443/"), "platform.test");
    assert_eq!(header("https://platform.test:8443/"), "platform.test:8443");
    assert_eq!(header("http://[2606:4700::1111]:443/"), "[2606:4700::1111]:443");
}

#[test]
fn a_long_host_is_shown_cut() {
    let shown = |chars: usize| {
        let host = format!("{}.test", "a.".repeat(chars))
            .chars()
            .skip(5)
            .collect::<String>();
        let url = format!("https://{}/", &host[host.len() - chars..]);
        Target::parse(&url, false).unwrap().to_string()
    };
    assert_eq!(shown(64).len(), "``:443".len() + 64);
    assert_eq!(shown(65).len(), "``:443".len() + 64);
}

proptest! {
    /// Writing an IPv4 address as IPv6 changes nothing where the system or the network would undo it.
    #[test]
    fn mapped_addresses_are_judged_alike(bits: u32, allow: bool) {
        let plain = Ipv4Addr::from_bits(bits);
        let nat64 = Ipv6Addr::from_bits((0x64_ff9b_u128 << 96) | u128::from(bits));
        prop_assert_eq!(refusal(plain.to_ipv6_mapped().into(), allow), refusal(plain.into(), allow));
        prop_assert_eq!(refusal(nat64.into(), allow), refusal(plain.into(), allow));
    }

    /// What the standard library calls private, loopback and so on is never public.
    #[test]
    fn no_special_address_is_public(bits: u32) {
        let address = Ipv4Addr::from_bits(bits);
        let special = address.is_private() || address.is_loopback() || address.is_link_local()
            || address.is_multicast() || address.is_broadcast() || address.is_documentation()
            || address.is_unspecified();
        prop_assert!(!special || refusal(address.into(), false).is_some());
    }
}
