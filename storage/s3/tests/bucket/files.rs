//! Large files go in parts, without being held in memory, and become objects once.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use enabler_s3::{Bucket, Settings};
use enabler_sim_servers::{Line, Mode};
use enabler_storage::chance::{Chance, SeededChance};
use enabler_storage::objects::{Key, ObjectStore, PutOutcome};

use crate::store::{BUCKET, open, own_server, place, server, settings};

const MIB: u64 = 1 << 20;
const LARGE_BYTES: u64 = 40 * MIB;
/// What an upload may add to the memory of this process, whatever else runs in it: less than the file, and more
/// than four parts on their way through small buffers.
const GROWTH_BYTES_MAX: u64 = 24 * MIB;
/// Names the child process of the memory test and the server that it uploads to.
const SERVER_VARIABLE: &str = "S3_TEST_UPLOAD_TO";

/// A file that differs everywhere, so that a part in the wrong place shows.
fn large(dir: &Path) -> std::path::PathBuf {
    let path = dir.join("large");
    let mut file = std::fs::File::create(&path).unwrap();
    let chance = SeededChance::new(7);
    let mut piece = vec![0; MIB as usize];
    for _ in 0..LARGE_BYTES / MIB {
        chance.fill(&mut piece);
        file.write_all(&piece).unwrap();
    }
    path
}

async fn holds(bucket: &Bucket, key: &Key, file: &Path) {
    let content = std::fs::read(file).unwrap();
    assert_eq!(bucket.head(key).await.unwrap().unwrap().size_bytes, content.len() as u64);
    for (number, piece) in (0..).zip(content.chunks(7 * MIB as usize)) {
        let start = number * 7 * MIB;
        let read = bucket.get_range(key, start..start + piece.len() as u64).await.unwrap().unwrap();
        assert!(read == piece, "the bytes from {start} on differ");
    }
}

#[tokio::test]
async fn a_large_file_comes_back_and_is_put_once() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), place().await);
    let (file, key) = (large(dir.path()), Key::new("v1/blob/large").unwrap());
    let PutOutcome::Done(etag) = bucket.put_file_new(&key, &file).await else { panic!() };
    holds(&bucket, &key, &file).await;
    assert!(matches!(bucket.put_file_new(&key, &file).await, PutOutcome::Exists));
    assert!(matches!(bucket.put_new(&key, "x".into()).await, PutOutcome::Exists));
    // The version that was told is the version that is there.
    assert_eq!(bucket.head(&key).await.unwrap().unwrap().etag.as_ref(), Some(&etag));
    assert!(matches!(bucket.put_if(&key, &etag, "short".into()).await, PutOutcome::Done(_)));
    assert_eq!(bucket.get(&key).await.unwrap().unwrap().bytes, "short");
}

#[tokio::test]
async fn of_two_racing_uploads_in_parts_one_wins_whole() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), place().await);
    let (file, key) = (large(dir.path()), Key::new("v1/blob/large").unwrap());
    let other = dir.path().join("other");
    std::fs::write(&other, vec![9; 20 * MIB as usize]).unwrap();
    let (one, two) = tokio::join!(bucket.put_file_new(&key, &file), bucket.put_file_new(&key, &other));
    let won = match (one, two) {
        (PutOutcome::Done(_), PutOutcome::Exists) => &file,
        (PutOutcome::Exists, PutOutcome::Done(_)) => &other,
        outcomes => panic!("{outcomes:?}"),
    };
    holds(&bucket, &key, won).await;
}

#[tokio::test]
async fn an_upload_that_fails_half_way_leaves_no_object_and_no_parts() {
    let server = own_server().await;
    let line = Line::to(SocketAddr::from(([127, 0, 0, 1], server.port()))).await.unwrap();
    let bucket = open(settings(&format!("http://127.0.0.1:{}", line.port()))).await;
    let (dir, key) = (tempfile::tempdir().unwrap(), Key::new("v1/blob/large").unwrap());
    let file = large(dir.path());
    // Gone while it is read: the parts cannot all be sent, but the server still listens to the abort.
    line.set(Mode::Delay(std::time::Duration::from_millis(300)));
    let upload = tokio::spawn({
        let (bucket, key, file) = (bucket.clone(), key.clone(), file.clone());
        async move { bucket.put_file_new(&key, &file).await }
    });
    while unfinished(&server.url()).await.is_empty() {
        assert!(!upload.is_finished(), "{:?}", upload.await);
        tokio::task::yield_now().await;
    }
    std::fs::File::create(&file).unwrap();
    let outcome = upload.await.unwrap();
    assert!(matches!(outcome, PutOutcome::Unknown(_)), "{outcome:?}");
    line.set(Mode::Pass);
    assert!(bucket.get(&key).await.unwrap().is_none());
    assert!(unfinished(&server.url()).await.is_empty());
}

/// The answer's `Upload` elements: uploads in parts that were begun and neither completed nor aborted.
async fn unfinished(url: &str) -> Vec<String> {
    let answer = reqwest::get(format!("{url}/{BUCKET}?uploads")).await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    let text = answer.text().await.unwrap();
    text.split("<Upload>").skip(1).map(str::to_owned).collect()
}

/// The child process of the test below: uploads, and fails if that took much memory.
#[tokio::test]
async fn child_that_uploads() {
    #[expect(clippy::disallowed_methods, reason = "a parent test hands the server to its child this way")]
    let Ok(url) = std::env::var(SERVER_VARIABLE) else { return };
    let bucket = open(Settings { prefix: "child".into(), ..settings(&url) }).await;
    let dir = tempfile::tempdir().unwrap();
    let file = large(dir.path());
    // Connections and tables are there before it is measured.
    let small = bucket.put_new(&Key::new("small").unwrap(), vec![0; 1 << 16].into()).await;
    assert!(matches!(small, PutOutcome::Done(_)), "{small:?}");
    let before = peak_bytes();
    let put = bucket.put_file_new(&Key::new("large").unwrap(), &file).await;
    assert!(matches!(put, PutOutcome::Done(_)), "{put:?}");
    let growth = peak_bytes() - before;
    eprintln!("an upload of {} MiB added {} KiB to the peak of the memory", LARGE_BYTES / MIB, growth >> 10);
    assert!(growth < GROWTH_BYTES_MAX, "{growth} bytes more for a file of {LARGE_BYTES}");
}

/// The most memory that this process has had.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[tokio::test]
async fn a_large_file_is_not_held_in_memory() {
    // Alone in a process, because other tests would be measured with it.
    let url = server().await.url();
    let child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "files::child_that_uploads", "--nocapture"])
        .env(SERVER_VARIABLE, url)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("added"), "{said}");
    eprint!("{said}");
}
