//! A request as bytes, so that it may be wrong in every way, and its answer.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::node::Node;

/// How long an answer may take before it is called stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// What is sent.
#[derive(Clone)]
pub(super) enum Sent {
    /// A request that is well-formed HTTP, with the node's key unless it names one of its own.
    Request { method: &'static str, path: String, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// Bytes as they are.
    Raw(Vec<u8>),
}

impl Sent {
    pub(super) fn bytes(&self, node: &Node, language: &str) -> Vec<u8> {
        let (method, path, headers, body) = match self {
            Self::Raw(bytes) => return bytes.clone(),
            Self::Request { method, path, headers, body } => (method, path, headers, body),
        };
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\naccept-language: {language}\r\n"
        );
        let names = |wanted: &str| headers.iter().any(|(name, _)| *name == wanted);
        if !names("x-api-key") {
            head += &format!("x-api-key: {}\r\n", node.key());
        }
        if !names("content-length") && !names("transfer-encoding") && !body.is_empty() {
            head += &format!("content-length: {}\r\n", body.len());
        }
        for (name, value) in headers {
            // An empty key is no key at all.
            head += &format!("{name}: {value}\r\n");
        }
        [head.as_bytes(), b"\r\n", body].concat()
    }
}

/// What comes back.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, wanted: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.as_str())
    }
}

/// Sends bytes on a connection of their own and reads the answer to its end.
pub(super) async fn speak(node: &Node, bytes: &[u8]) -> Answer {
    let address = node.url().strip_prefix("http://").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let exchange = async {
        let mut back = Vec::new();
        // A node that has refused need not take the rest; what it says is read either way.
        let sending = async {
            // The connection stays open both ways: a client that closes its half has gone away.
            let _ = to.write_all(bytes).await;
        };
        let (_, read) = tokio::join!(sending, from.read_to_end(&mut back));
        let _ = read;
        back
    };
    let back = tokio::time::timeout(STUCK_AFTER, exchange).await.expect("the node does not answer");
    parsed(&back)
}

fn parsed(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    Answer { status: status.unwrap_or(0), headers, body: bytes.get(end + 4..).unwrap_or_default().to_vec() }
}
