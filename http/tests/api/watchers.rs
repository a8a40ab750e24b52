//! The port of those who watch a node.

use std::sync::Arc;

use async_trait::async_trait;
use enabler_http::{Metrics, serve_metrics};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// More than are let in at one time.
const SILENT: usize = 32;

struct One;

#[async_trait]
impl Metrics for One {
    async fn text(&self) -> (String, &'static str) {
        ("one 1\n".into(), "text/plain; version=0.0.4")
    }
}

#[tokio::test(start_paused = true)]
async fn watchers_that_ask_for_nothing_do_not_keep_their_places() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve_metrics(listener, Arc::new(One), std::future::pending()));
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let mut asks = TcpStream::connect(address).await.unwrap();
    asks.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut heard = String::new();
    asks.read_to_string(&mut heard).await.unwrap();
    assert!(heard.starts_with("HTTP/1.1 200") && heard.ends_with("one 1\n"), "{heard}");
}
