//! What is sent and what comes back.

use std::net::TcpListener;
use std::process::Command;

use crate::support::{Names, answer, client, client_with, failure, get, platform, post};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"ok\":true}";

#[tokio::test]
async fn a_body_is_posted_with_its_length() {
    let (port, mut requests) = platform(OK).await;
    let mut request = post(
        &format!("http://platform.test:{port}/v1/kyc/update?x=1"),
        b"{\"level\":2}",
    );
    request.headers = vec![
        ("content-type", "application/json".to_owned()),
        ("x-ucrm-timestamp", "1770000000".to_owned()),
        ("user-agent", "another".to_owned()),
    ];
    let answer = answer(&client(), request).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{\"ok\":true}"[..]));
    assert_eq!(answer.retry_after, None);

    let sent = requests.recv().await.unwrap();
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /v1/kyc/update?x=1 HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: platform.test:{port}");
    let expected = [
        "content-length: 11",
        "content-type: application/json",
        host.as_str(),
        "user-agent: kycd",
        "x-ucrm-timestamp: 1770000000",
    ];
    assert_eq!(
        lines, expected,
        "nothing else is sent: no cookie, referer or accept-encoding"
    );
    assert_eq!(body, "{\"level\":2}");
}

#[tokio::test]
async fn without_a_body_it_is_a_get() {
    let (port, mut requests) = platform(OK).await;
    answer(&client(), get(&format!("http://127.0.0.1:{port}/v1/kyc/a%2Fb"))).await;
    let sent = requests.recv().await.unwrap();
    assert_eq!(
        sent,
        format!("GET /v1/kyc/a%2Fb HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nuser-agent: kycd\r\n\r\n")
    );
}

#[tokio::test]
async fn an_empty_body_is_posted_too() {
    let (port, mut requests) = platform(OK).await;
    answer(&client(), post(&format!("http://127.0.0.1:{port}/"), b"")).await;
    let sent = requests.recv().await.unwrap();
    assert!(
        sent.starts_with("POST / HTTP/1.1\r\n") && sent.contains("content-length: 0\r\n"),
        "{sent}"
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (elsewhere, mut never) = platform(OK).await;
    let reply = format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{elsewhere}/\r\ncontent-length: 0\r\n\r\n");
    let (port, _requests) = platform(reply).await;
    let answer = answer(&client(), get(&format!("http://127.0.0.1:{port}/"))).await;
    assert_eq!(answer.status, 302);
    assert!(never.try_recv().is_err(), "the other listener was called");
}

#[tokio::test]
async fn retry_after_is_handed_over() {
    let (port, _requests) = platform("HTTP/1.1 429 Slow\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n").await;
    let answer = answer(&client(), get(&format!("http://127.0.0.1:{port}/"))).await;
    assert_eq!((answer.status, answer.retry_after.as_deref()), (429, Some("120")));
}

#[tokio::test]
async fn nothing_is_decompressed_and_no_cookie_comes_back() {
    let reply = "HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x0b!";
    let (port, mut requests) = platform(reply).await;
    let (client, url) = (client(), format!("http://127.0.0.1:{port}/"));
    assert_eq!(answer(&client, get(&url)).await.body, b"\x1f\x0b!");
    answer(&client, get(&url)).await;
    requests.recv().await.unwrap();
    assert!(!requests.recv().await.unwrap().contains("cookie"));
}

#[tokio::test]
async fn a_name_is_resolved_once_and_a_dead_address_passed_over() {
    let (port, _requests) = platform(OK).await;
    // Nothing listens on the second loopback address.
    let names = Names::new(&["127.0.0.2", "127.0.0.1"]);
    answer(&client_with(&names), get(&format!("http://Platform.Test:{port}/"))).await;
    assert_eq!(names.asked(), 1);
    assert_eq!(*names.last.lock().unwrap(), "platform.test");
}

#[tokio::test]
async fn a_closed_port_is_a_failure_that_names_host_and_port_only() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let text = failure(
        &client(),
        get(&format!("http://platform.test:{port}/secret?token=secret")),
    )
    .await;
    assert!(
        text.starts_with(&format!("no connection to `platform.test:{port}`: ")) && !text.contains("secret"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_no_http_is_a_failure() {
    for reply in [
        "",
        "220 mail.test ESMTP\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhal",
    ] {
        let (port, _requests) = platform(reply).await;
        let text = failure(&client(), get(&format!("http://platform.test:{port}/"))).await;
        assert!(
            text.starts_with(&format!("no whole answer from `platform.test:{port}`: ")),
            "{text}"
        );
    }
}

/// Runs in a process of its own too, with proxy variables: see below.
#[tokio::test]
async fn the_platform_is_called_directly() {
    let (port, mut requests) = platform(OK).await;
    answer(&client(), get(&format!("http://platform.test:{port}/"))).await;
    assert!(
        requests.recv().await.unwrap().starts_with("GET / "),
        "a proxy is asked for a whole url"
    );
}

#[test]
fn proxy_variables_are_ignored() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let names = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ];
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "calls::the_platform_is_called_directly"])
        .envs(names.map(|name| (name, url.clone())))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && text.contains("1 passed"), "{text}");
    assert!(proxy.accept().is_err(), "the proxy was called");
}
