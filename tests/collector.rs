//! A collector of traces on this machine: takes OTLP/HTTP and keeps what it is told.

use std::sync::{Arc, Mutex};

use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

// The messages that nodes send.
#[path = "../src/telemetry/traces/proto.rs"]
mod proto;

use proto::{Any, Export, KeyValue};

/// A span, and which node told it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) node: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty for none.
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) began_ns: u64,
    pub(crate) ended_ns: u64,
    pub(crate) attributes: Vec<(String, String)>,
}

impl Told {
    /// An attribute's value as text; empty when the span does not have it.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.attributes.iter().find(|(own, _)| own == key).map_or("", |(_, value)| value)
    }
}

/// One message: the lines before its body, and its body.
type Taken = (String, Vec<u8>);

/// The collector.
pub(crate) struct Collector {
    pub(crate) url: String,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let taken: Arc<Mutex<Vec<Taken>>> = Arc::default();
        let kept = taken.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, kept.clone()));
            }
        });
        Self { url, taken }
    }

    /// Everything that was sent, byte for byte.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// Every span that was told.
    pub(crate) fn spans(&self) -> Vec<Told> {
        let taken = self.taken();
        taken.iter().flat_map(|(_, body)| read(body)).collect()
    }
}

fn read(body: &[u8]) -> Vec<Told> {
    let message = Export::decode(body).unwrap();
    let mut all = Vec::new();
    for part in message.resource_spans {
        let resource = told(&part.resource.unwrap().attributes);
        let node = resource.iter().find(|(key, _)| key == "service.instance.id").unwrap().1.clone();
        for span in part.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            all.push(Told {
                node: node.clone(),
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                name: span.name,
                began_ns: span.start_time_unix_nano,
                ended_ns: span.end_time_unix_nano,
                attributes: told(&span.attributes),
            });
        }
    }
    all
}

fn told(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let value = |pair: &KeyValue| match pair.value.as_ref().and_then(|any| any.value.clone()) {
        Some(Any::Text(text)) => text,
        Some(Any::Whole(number)) => number.to_string(),
        other => panic!("{} has a value of another kind: {other:?}", pair.key),
    };
    attributes.iter().map(|pair| (pair.key.clone(), value(pair))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Answers every message of a connection.
async fn take(mut stream: TcpStream, taken: Arc<Mutex<Vec<Taken>>>) {
    let (mut bytes, mut part) = (Vec::new(), vec![0; 65_536]);
    loop {
        let message = loop {
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
                let lower = head.to_lowercase();
                let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
                let whole = end + 4 + length.map_or(0, |length| length.parse::<usize>().unwrap());
                if bytes.len() >= whole {
                    let rest = bytes.split_off(whole);
                    let body = std::mem::replace(&mut bytes, rest).split_off(end + 4);
                    break (head, body);
                }
            }
            match stream.read(&mut part).await {
                Ok(read) if read > 0 => bytes.extend_from_slice(&part[..read]),
                _ => return,
            }
        };
        taken.lock().unwrap().push(message);
        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
            return;
        }
    }
}
