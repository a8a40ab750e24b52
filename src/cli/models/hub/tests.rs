use super::*;
use enabler_inference::catalogue;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

const FILE: &[u8] = b"GGUF0123456789 the weights of a model that is as large as this text";

/// A hub that keeps one file behind a redirect, as the real one does.
struct Hub {
    url: String,
    /// The ranges that were asked for, empty for a whole file.
    ranges: Arc<Mutex<Vec<String>>>,
}

/// Starts a hub that names `sha256` for its file and breaks off its first `breaks` answers in the middle.
async fn hub(sha256: String, breaks: usize) -> Hub {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let ranges = Arc::new(Mutex::new(Vec::new()));
    let (kept, left) = (Arc::clone(&ranges), Arc::new(AtomicUsize::new(breaks)));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let count = stream.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..count]).to_lowercase();
            if head.starts_with("head /owner/") {
                let answer = format!(
                    "HTTP/1.1 302 Found\r\nlocation: /store/file\r\nx-linked-etag: \"{sha256}\"\r\n\
                     content-length: 0\r\nconnection: close\r\n\r\n"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
                continue;
            }
            if head.starts_with("head") {
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer.as_bytes()).await.unwrap();
                continue;
            }
            let range = head.lines().find_map(|line| line.strip_prefix("range: bytes=")).unwrap_or_default();
            kept.lock().unwrap().push(range.to_owned());
            let start: usize = range.trim_end_matches('-').parse().unwrap_or(0);
            let status = if start > 0 { "206 Partial Content" } else { "200 OK" };
            let body = &FILE[start..];
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            let breaks = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            let body = if breaks.is_ok() { &body[..20] } else { body };
            stream.write_all(body).await.unwrap();
        }
    });
    Hub { url, ranges }
}

async fn pull(hub: &Hub, dir: &Path) -> Result<(), Failure> {
    let model = catalogue::find("tinyllama").unwrap();
    let files = [HubFile { path: model.files[0], bytes_about: 60 }];
    pull_from(&hub.url, dir, model, "owner/name", &files).await
}

fn right() -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), FILE).unwrap();
    sha256_of(file.path()).unwrap().0
}

#[tokio::test]
async fn a_file_that_breaks_off_is_taken_up_where_it_stopped() {
    let hub = hub(right(), 2).await;
    let dir = tempfile::tempdir().unwrap();
    pull(&hub, dir.path()).await.unwrap();
    let model = catalogue::find("tinyllama").unwrap();
    assert_eq!(std::fs::read(dir.path().join("tinyllama").join(model.files[0])).unwrap(), FILE);
    assert_eq!(*hub.ranges.lock().unwrap(), ["", "20-", "40-"]);
    let manifest = Manifest::read(&dir.path().join("tinyllama")).unwrap().unwrap();
    assert_eq!(manifest.files[0].sha256, right());
    let left: Vec<_> = std::fs::read_dir(dir.path().join("tinyllama")).unwrap().collect();
    assert_eq!(left.len(), 2, "only the weights and the manifest stay: {left:?}");
}

#[tokio::test]
async fn a_file_with_another_hash_is_never_installed() {
    let hub = hub("0".repeat(64), 0).await;
    let dir = tempfile::tempdir().unwrap();
    let failure = pull(&hub, dir.path()).await.unwrap_err().to_string();
    assert!(failure.contains("arrived damaged"), "{failure}");
    assert!(!dir.path().join("tinyllama").exists());
}

#[tokio::test]
async fn a_hub_that_cannot_be_reached_is_named_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let hub = Hub { url: url.clone(), ranges: Arc::default() };
    let dir = tempfile::tempdir().unwrap();
    let failure = pull(&hub, dir.path()).await.unwrap_err().to_string();
    assert!(failure.contains(&url) && failure.contains("run the same command again"), "{failure}");
}
