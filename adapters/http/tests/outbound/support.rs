//! A platform that the tests play, a resolver that says what they want, and short ways to call.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kyc_outbound::{HttpOutbound, Resolver, Timeouts};
use kyc_ports::outbound::{Outbound, OutboundAnswer, OutboundError, OutboundRequest};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Answers every name alike and counts the questions.
#[derive(Default)]
pub struct Names {
    addresses: Vec<IpAddr>,
    pub asked: AtomicUsize,
    pub last: Mutex<String>,
}

impl Names {
    pub fn new(addresses: &[&str]) -> Arc<Self> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self {
            addresses,
            ..Self::default()
        })
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Resolver for Names {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        name.clone_into(&mut self.last.lock().unwrap());
        Ok(self.addresses.clone())
    }
}

/// A client with short time-outs whose every name is this machine.
pub fn client() -> HttpOutbound {
    client_with(&Names::new(&["127.0.0.1"]))
}

pub fn client_with(names: &Arc<Names>) -> HttpOutbound {
    HttpOutbound::new(&[]).unwrap().with_resolver(names.clone())
}

/// A client that gives up soon.
pub fn impatient() -> HttpOutbound {
    client().with_timeouts(Timeouts {
        connect: Duration::from_secs(10),
        call: Duration::from_millis(400),
    })
}

pub fn get(url: &str) -> OutboundRequest {
    OutboundRequest {
        body: None,
        url: url.to_owned(),
        headers: vec![],
        allow_private_network: true,
    }
}

pub fn get_publicly(url: &str) -> OutboundRequest {
    OutboundRequest {
        allow_private_network: false,
        ..get(url)
    }
}

pub fn post(url: &str, body: &[u8]) -> OutboundRequest {
    OutboundRequest {
        body: Some(body.to_owned()),
        ..get(url)
    }
}

pub async fn failure(client: &HttpOutbound, request: OutboundRequest) -> String {
    match client.send(request).await.unwrap_err() {
        OutboundError::Failed(text) => text,
        OutboundError::Denied(text) => panic!("may not be tried again: {text}"),
    }
}

pub async fn denial(client: &HttpOutbound, request: OutboundRequest) -> String {
    match client.send(request).await.unwrap_err() {
        OutboundError::Denied(text) => text,
        OutboundError::Failed(text) => panic!("may be tried again: {text}"),
    }
}

pub async fn answer(client: &HttpOutbound, request: OutboundRequest) -> OutboundAnswer {
    client.send(request).await.unwrap()
}

pub async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A platform that answers every request with the same bytes and then closes. What it was sent comes out of the
/// channel.
pub async fn platform(reply: impl Into<Vec<u8>>) -> (u16, mpsc::UnboundedReceiver<String>) {
    let (listener, port) = listener().await;
    let (seen, requests) = mpsc::unbounded_channel();
    let reply = reply.into();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = read_request(&mut stream).await;
            let _ = seen.send(request);
            // The client may hang up in the middle of too long an answer.
            let _ = stream.write_all(&reply).await;
        }
    });
    (port, requests)
}

/// Reads one request, head and body.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

/// Answers one request over a connection with status 200 and `ok`.
pub async fn say_ok(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    read_request(stream).await;
    let _ = stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        .await;
    let _ = stream.shutdown().await;
}
