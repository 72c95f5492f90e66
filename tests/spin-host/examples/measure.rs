//! Measures compile time, instantiation and requests per second of one path, in both modes of reuse:
//! `cargo run --release --example measure -- spin.toml /hello [--variable name=value]…`.

#![expect(clippy::disallowed_methods, reason = "measures, decides nothing")]
#![expect(clippy::cast_precision_loss, reason = "prints rates")]

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use kyc_spin_host::{Host, Options, Reuse};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CLIENTS: usize = 16;
const RUN_TIME: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let manifest = arguments.next().expect("a manifest");
    let path = arguments.next().expect("a path");
    let pairs: Vec<String> = arguments.filter(|a| a != "--variable").collect();
    let variables = pairs
        .iter()
        .filter_map(|p| p.split_once('='))
        .map(|(k, v)| (k.to_owned(), v.to_owned()));
    let options = Options {
        variables: variables.collect(),
        ..Options::default()
    };
    for reuse in [Reuse::PerRequest, Reuse::SPIN] {
        let started = Instant::now();
        let host = Host::from_manifest(
            &manifest,
            Options {
                reuse,
                ..options.clone()
            },
        )
        .expect("it loads");
        println!("{reuse:?}: loaded in {:?}", started.elapsed());
        direct(&host, &path).await;
        sockets(&host, &path).await;
    }
}

async fn direct(host: &Host, path: &str) {
    let before = host.counters();
    let started = Instant::now();
    let clients = (0..CLIENTS).map(|_| {
        let (host, path) = (host.clone(), path.to_owned());
        tokio::spawn(async move {
            while started.elapsed() < RUN_TIME {
                let request = Request::get(&path).body(Empty::<Bytes>::new()).expect("a path");
                assert!(host.call(request).await.expect("a body").status().is_success());
            }
        })
    });
    futures_util::future::join_all(clients).await;
    let after = host.counters();
    let made = (after.instances - before.instances).max(1) as u32;
    println!(
        "  direct: {:.0} requests/s, {made} instances, {:?} to instantiate, peak {} KiB",
        (after.requests - before.requests) as f64 / started.elapsed().as_secs_f64(),
        after.instantiation_time.saturating_sub(before.instantiation_time) / made,
        after.peak_memory_bytes / 1024,
    );
}

async fn sockets(host: &Host, path: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn({
        let host = host.clone();
        async move { host.serve(listener).await }
    });
    let before = host.counters().requests;
    let started = Instant::now();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let clients = (0..CLIENTS).map(|_| {
        let request = request.clone();
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            let mut buffer = [0; 8192];
            while started.elapsed() < RUN_TIME {
                stream.write_all(request.as_bytes()).await.expect("written");
                assert!(stream.read(&mut buffer).await.expect("read") > 0);
            }
        })
    });
    futures_util::future::join_all(clients).await;
    let requests = host.counters().requests - before;
    println!(
        "  over sockets: {:.0} requests/s",
        requests as f64 / started.elapsed().as_secs_f64()
    );
    server.abort();
}
