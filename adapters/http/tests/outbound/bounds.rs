//! Time and size: no platform can keep a call busy or fill the memory.

use std::time::Duration;

use kyc_core::limits::{OUTBOUND_ANSWER_BYTES_MAX, OUTBOUND_CALL_SECONDS_MAX, OUTBOUND_CONNECT_SECONDS_MAX};
use kyc_outbound::Timeouts;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{interval, timeout};

use crate::support::{answer, client, failure, get, impatient, listener, platform, read_request};

/// Beyond every time-out that the tests set: a call that takes this long hangs.
const HANGING: Duration = Duration::from_secs(30);

async fn fails_in_time(url: &str) -> String {
    let text = timeout(HANGING, failure(&impatient(), get(url))).await;
    text.expect("the call gives up by itself")
}

#[test]
fn the_default_is_the_limits() {
    let timeouts = Timeouts::default();
    assert_eq!(timeouts.connect.as_secs(), OUTBOUND_CONNECT_SECONDS_MAX);
    assert_eq!(timeouts.call.as_secs(), OUTBOUND_CALL_SECONDS_MAX);
}

#[tokio::test]
async fn a_platform_that_never_answers_is_given_up() {
    // Connections are accepted by the system; nobody reads from them.
    let (_listener, port) = listener().await;
    for scheme in ["http", "https"] {
        let text = fails_in_time(&format!("{scheme}://platform.test:{port}/")).await;
        assert_eq!(
            text,
            format!("`platform.test:{port}` gave no whole answer within 400ms")
        );
    }
}

#[tokio::test]
async fn a_platform_that_drips_is_given_up() {
    for head in ["HTTP/1.1 200 OK\r\nx: ", "HTTP/1.1 200 OK\r\n\r\n"] {
        let (listener, port) = listener().await;
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream).await;
            stream.write_all(head.as_bytes()).await.unwrap();
            // Always something within any time-out between two bytes.
            let mut drip = interval(Duration::from_millis(20));
            while stream.write_all(b"x").await.is_ok() {
                drip.tick().await;
            }
        });
        let text = fails_in_time(&format!("http://platform.test:{port}/")).await;
        assert!(text.ends_with("gave no whole answer within 400ms"), "{text}");
    }
}

#[tokio::test]
async fn a_platform_that_accepts_nothing_is_given_up_early() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // A listener whose queue is full leaves further connections unanswered.
    let mut queued = Vec::new();
    while let Ok(connected) = timeout(Duration::from_millis(500), TcpStream::connect(address)).await {
        queued.push(connected.unwrap());
    }
    let hasty = client().with_timeouts(Timeouts {
        connect: Duration::from_millis(100),
        call: HANGING * 2,
    });
    let text = timeout(
        HANGING,
        failure(&hasty, get(&format!("http://platform.test:{}/", address.port()))),
    )
    .await;
    let text = text.expect("the time-out of the connection counts");
    assert!(text.ends_with("timed out"), "{text}");
}

#[tokio::test]
async fn an_answer_may_be_as_long_as_the_limit() {
    let body = "x".repeat(OUTBOUND_ANSWER_BYTES_MAX);
    let told = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let untold = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    for reply in [told, chunked, untold] {
        let (port, _requests) = platform(reply).await;
        let answer = answer(&client(), get(&format!("http://platform.test:{port}/"))).await;
        assert_eq!(answer.body.len(), OUTBOUND_ANSWER_BYTES_MAX);
    }
}

#[tokio::test]
async fn a_longer_answer_is_a_failure_whatever_its_length_says() {
    let body = "x".repeat(OUTBOUND_ANSWER_BYTES_MAX + 1);
    let told = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n",
        body.len()
    );
    let untold = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    for reply in [told, chunked, untold] {
        // The connection stays open behind these bytes, so that only stopping at once ends the call.
        let (listener, port) = listener().await;
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream).await;
            let _ = stream.write_all(reply.as_bytes()).await;
            stream
        });
        let text = failure(&client(), get(&format!("http://platform.test:{port}/"))).await;
        assert_eq!(
            text,
            format!("the answer of `platform.test:{port}` is longer than {OUTBOUND_ANSWER_BYTES_MAX} bytes")
        );
        drop(serving.await.unwrap());
    }
}

#[tokio::test]
async fn the_head_of_an_answer_is_bounded() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(16 * 1024));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(101));
    for reply in [long, many] {
        let (port, _requests) = platform(reply).await;
        let text = failure(&client(), get(&format!("http://platform.test:{port}/"))).await;
        assert!(text.starts_with("no whole answer from "), "{text}");
    }
    let fits = format!(
        "HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n",
        "x".repeat(15 * 1024)
    );
    let (port, _requests) = platform(fits).await;
    answer(&client(), get(&format!("http://platform.test:{port}/"))).await;
}
