//! Five nodes with twenty thousand documents each, invented, before which the page of a real node is put: no machine of
//! a test could run them. What they tell has the shape that a node gives it.

use std::collections::HashMap;

use reqwest::header::CONTENT_SECURITY_POLICY;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Nodes of the crowd.
pub(super) const NODES: usize = 5;
/// Documents of each.
pub(super) const DOCUMENTS: usize = 20_000;
/// The longest head of a request that is read.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Events that come in each turn, and turns in a second: as many as a busy cluster has.
const EVENTS: (usize, u64) = (20, 10);

/// A page, and the policy that comes with it.
struct Page {
    text: String,
    policy: String,
}

/// Serves the page of the node at `url` and a crowd behind it; gives the address.
pub(super) async fn serve(url: &str) -> String {
    let answer = reqwest::get(format!("{url}/operator")).await.unwrap();
    let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    let page: &'static Page = Box::leak(Box::new(Page { text: answer.text().await.unwrap(), policy }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_one(stream, page));
        }
    });
    format!("http://{address}")
}

async fn answer_one(mut stream: TcpStream, page: &Page) -> Option<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.ok()? == 0 || head.len() > HEAD_BYTES_MAX {
            return None;
        }
    }
    let head = String::from_utf8_lossy(&head);
    let target = head.split_whitespace().nth(1)?;
    let url = reqwest::Url::parse("http://crowd").ok()?.join(target).ok()?;
    let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
    let body = match url.path() {
        "/operator" => {
            let kind = format!("text/html; charset=utf-8\r\ncontent-security-policy: {}", page.policy);
            return send(&mut stream, &kind, page.text.as_bytes()).await;
        }
        "/v1/operator/events" => return events(&mut stream).await,
        "/v1/operator/tree" => tree(&asked),
        "/v1/operator/actor" => {
            json!({ "actor": actor(asked.get("node")?, asked.get("path")?, 0), "failures": [failure()],
                                        "history": [], "trace": null })
        }
        "/v1/operator/dead-letters" => json!({ "dead_letters": [] }),
        _ => json!({ "documents": [], "shards": [], "failures": [], "actions": [] }),
    };
    send(&mut stream, "application/json", body.to_string().as_bytes()).await
}

async fn send(stream: &mut TcpStream, kind: &str, body: &[u8]) -> Option<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(body).await.ok()
}

/// Documents that change their status all the time.
async fn events(stream: &mut TcpStream) -> Option<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.ok()?;
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(1_000 / EVENTS.1));
    for turn in 0_usize.. {
        ticks.tick().await;
        let mut text = String::new();
        for at in 0..EVENTS.0 {
            let number = (turn * 7_919 + at * 104_729) % DOCUMENTS;
            let status = ["running", "busy", "waiting", "stuck"][(turn + at) % 4];
            let data = json!({ "node": format!("n{}", at % NODES + 1), "path": document(number), "kind": "document",
                               "status": status, "at_ms": 0 });
            text += &format!("id: {}\nevent: actor\ndata: {data}\n\n", turn * EVENTS.0 + at);
        }
        stream.write_all(text.as_bytes()).await.ok()?;
    }
    None
}

fn document(number: usize) -> String {
    format!("documents/0192f0c1-7a52-7cc2-9a5e-{number:012x}")
}

fn actor(node: &str, path: &str, children: usize) -> Value {
    let parent = path.rsplit_once('/').map(|(parent, _)| parent);
    json!({ "id": format!("{node}:{path}"), "node": node, "path": path, "parent": parent,
            "kind": if parent.is_some() { "document" } else { "pool" }, "generation": "0192f0c1a", "status": "running",
            "waiting_on": null, "started_ms": 1_795_305_600_000_u64,
            "mailbox": { "depth": 3, "capacity": 64, "oldest_ms": 120 }, "busy": null, "handled": 812, "rate_per_s": 3.2,
            "p50_us": 1_200, "p99_us": 83_000, "restarts": 0,
            "intensity": { "used": 0, "allowed": 5, "period_s": 60 }, "children": children,
            "child_status": if children > 0 { json!({ "running": children }) } else { json!({}) }, "note": null,
            "last_failure": null })
}

/// A panic as a node tells it, with its backtrace.
fn failure() -> Value {
    json!({ "id": "n1-1", "node": "n1", "generation": "0192f0c1a", "path": "documents", "kind": "document",
            "message": "ingest", "at_ms": 1_795_305_600_000_u64, "reason": "panic: <b>index</b> out of bounds",
            "backtrace": "0: enabler_actors::documents::ingest\n   at actors/src/documents/ingest.rs:42", "trace_id": null })
}

fn tree(asked: &HashMap<String, String>) -> Value {
    let text = |name: &str| asked.get(name).map_or("", String::as_str);
    let limit: usize = text("limit").parse().unwrap_or(200);
    let names = (1..=NODES).map(|number| format!("n{number}"));
    let names = names.filter(|name| text("node").is_empty() || text("node") == name);
    let nodes: Vec<Value> =
        names.map(|name| node(&name, text("under"), text("after"), text("q"), limit)).collect();
    json!({ "nodes": nodes, "cannot_see": [] })
}

fn node(name: &str, under: &str, after: &str, query: &str, limit: usize) -> Value {
    let roots = ["documents", "embedding", "http", "links", "ocr"];
    let all: Box<dyn Iterator<Item = String>> = match (query, under) {
        ("", "") => Box::new(roots.into_iter().map(str::to_owned)),
        ("", "documents") => Box::new((0..DOCUMENTS).map(document)),
        ("", _) => Box::new(std::iter::empty()),
        (query, _) => {
            let query = query.to_owned();
            Box::new((0..DOCUMENTS).map(document).filter(move |path| path.contains(&query)))
        }
    };
    let mut paths: Vec<String> = all.filter(|path| path.as_str() > after).take(limit + 1).collect();
    let is_cut = paths.len() > limit;
    paths.truncate(limit);
    let children = |path: &str| if path == "documents" { DOCUMENTS } else { 0 };
    let actors: Vec<Value> = paths.iter().map(|path| actor(name, path, children(path))).collect();
    json!({ "name": name, "generation": "0192f0c1a", "address": "127.0.0.1:7100", "roles": ["api"], "here": name == "n1",
            "answered": true, "why": null, "cordoned": false, "cpu_percent": 12.5, "memory_bytes": 812_000_000,
            "started_ms": 1_795_305_600_000_u64, "version": "0.1.0", "actors_total": DOCUMENTS + roots.len(),
            "actors": actors, "more_after": if is_cut { paths.last() } else { None } })
}
