//! What is not called at all, and that nothing is sent then.

use std::sync::Arc;

use kyc_outbound::{HttpOutbound, SystemResolver};
use kyc_ports::outbound::OutboundRequest;

use crate::support::{Names, answer, client, client_with, denial, failure, get, get_publicly, platform};

#[tokio::test]
async fn plain_http_needs_private_networks() {
    let names = Names::new(&["127.0.0.1"]);
    let text = denial(&client_with(&names), get_publicly("http://platform.test/")).await;
    assert_eq!(text, "http is only for tenants that allow private networks, use https");
    assert_eq!(names.asked(), 0, "a url of the wrong form is not even resolved");
}

#[tokio::test]
async fn other_urls_are_denied_whatever_the_tenant_allows() {
    for url in [
        "ftp://platform.test/",
        "https://user@platform.test/",
        "platform.test",
        "https://",
    ] {
        denial(&client(), get(url)).await;
        denial(&client(), get_publicly(url)).await;
    }
}

#[tokio::test]
async fn every_spelling_of_loopback_is_caught() {
    let spellings = [
        "127.0.0.1",
        "2130706433",
        "0177.0.0.1",
        "0x7f.1",
        "127.1",
        "0x7f000001",
        "017700000001",
    ];
    let spellings = spellings
        .into_iter()
        .chain(["127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"]);
    for host in spellings.chain(["①②⑦.0.0.1", "127%2e0.0.1"]) {
        let names = Names::new(&["1.1.1.1"]);
        let text = denial(&client_with(&names), get_publicly(&format!("https://{host}/"))).await;
        assert!(text.contains("a loopback address"), "{host}: {text}");
        assert_eq!(names.asked(), 0, "{host} is no name");
    }
}

#[tokio::test]
async fn a_name_is_judged_by_its_addresses() {
    for address in [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "fd00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
    ] {
        let names = Names::new(&[address]);
        let text = denial(&client_with(&names), get_publicly("https://platform.test/v1?secret")).await;
        assert!(text.starts_with("`platform.test:443` has a "), "{text}");
        assert!(!text.contains("secret") && !text.contains(address), "{text}");
        assert_eq!(names.asked(), 1);
    }
}

#[tokio::test]
async fn mixed_answers_are_denied_whole() {
    for addresses in [
        ["1.1.1.1", "10.0.0.1"],
        ["10.0.0.1", "1.1.1.1"],
        ["2606:4700::1111", "::1"],
    ] {
        denial(
            &client_with(&Names::new(&addresses)),
            get_publicly("https://platform.test/"),
        )
        .await;
    }
    let never = Names::new(&["127.0.0.1", "169.254.169.254"]);
    denial(&client_with(&never), get("https://platform.test/")).await;
}

#[tokio::test]
async fn allowing_private_networks_allows_no_metadata_and_no_multicast() {
    for host in [
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "0.0.0.0",
        "[::]",
        "0",
    ] {
        let text = denial(&client(), get(&format!("http://{host}/"))).await;
        assert!(text.ends_with("address, which is never called"), "{host}: {text}");
    }
    for host in ["224.0.0.1", "255.255.255.255", "[ff02::1]", "192.0.2.1"] {
        denial(&client(), get(&format!("http://{host}/"))).await;
    }
}

#[tokio::test]
async fn localhost_is_resolved_and_caught() {
    let client = HttpOutbound::new(&[]).unwrap().with_resolver(Arc::new(SystemResolver));
    let text = denial(&client, get_publicly("https://localhost/")).await;
    assert_eq!(
        text,
        "`localhost:443` has a loopback address, which the tenant must allow (private networks)"
    );
    let dotted = denial(
        &client_with(&Names::new(&["127.0.0.1"])),
        get_publicly("https://localhost./"),
    )
    .await;
    assert!(dotted.contains("a loopback address"), "{dotted}");
}

#[tokio::test]
async fn what_does_not_resolve_may_be_tried_again() {
    // Longer than any label may be, so that no name server is asked.
    let client = HttpOutbound::new(&[]).unwrap();
    let name = format!("{}.test", "a".repeat(64));
    let text = failure(&client, get(&format!("http://{name}/"))).await;
    assert!(text.contains("does not resolve"), "{text}");
    let nothing = failure(&client_with(&Names::new(&[])), get("http://platform.test/")).await;
    assert_eq!(nothing, "`platform.test:80` has no address");
}

#[tokio::test]
async fn a_call_that_was_allowed_opens_no_way_for_one_that_is_not() {
    let (port, mut requests) = platform("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let client = client();
    answer(&client, get(&format!("http://platform.test:{port}/"))).await;
    requests.recv().await.unwrap();
    denial(&client, get_publicly(&format!("https://platform.test:{port}/"))).await;
    assert!(requests.try_recv().is_err(), "nothing reached the listener");
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_denied_without_its_value() {
    let request = OutboundRequest {
        headers: vec![("x-ucrm-signature", "secret\r\nx-more: 1".to_owned())],
        ..get("http://platform.test/")
    };
    let text = denial(&client(), request).await;
    assert_eq!(
        text,
        "the call to `platform.test:80` cannot be sent: the value of `x-ucrm-signature`"
    );
}
