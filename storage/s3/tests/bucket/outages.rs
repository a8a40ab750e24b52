//! A write whose answer is lost is unknown, a dead server is an error and never a refusal, and all of it heals.

use std::net::SocketAddr;
use std::time::Duration;

use enabler_s3::{Bucket, Settings, Timeouts};
use enabler_sim_servers::Ministack;
use enabler_storage::objects::{ETag, Key, ObjectStore, PutOutcome, StoreError};

use crate::store::{impatient, open, own_server, server, settings};
use enabler_sim_servers::{Line, Mode};

/// Longer than any time-out of these tests, and what is called stuck: no test measures time by it.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// A line to the server, and a bucket at its end with the usual patience.
async fn line_to(server: &Ministack) -> (Line, Bucket) {
    let (line, settings) = settings_over_a_line_to(server).await;
    (line, open(settings).await)
}

async fn settings_over_a_line_to(server: &Ministack) -> (Line, Settings) {
    let line = Line::to(SocketAddr::from(([127, 0, 0, 1], server.port()))).await.unwrap();
    let settings = settings(&format!("http://127.0.0.1:{}", line.port()));
    (line, settings)
}

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

/// The error of an outcome that must be unknown.
fn unknown(outcome: PutOutcome) -> StoreError {
    let PutOutcome::Unknown(error) = outcome else { panic!("{outcome:?}") };
    error
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_unknown_and_is_there_when_it_is_read_back() {
    let (line, bucket) = line_to(server().await).await;
    for round in 0..20 {
        let new = key(&format!("v1/log/{round}"));
        line.set(Mode::CutAnswers);
        let struck = line.struck();
        let error = unknown(bucket.put_new(&new, format!("entry {round}").into()).await).to_string();
        assert!(error.contains(&format!("creating `{new}`")), "{error}");
        // Sent once: a repetition would have met its own object and been refused.
        assert_eq!(line.struck(), struck + 1);
        line.set(Mode::Pass);
        let held = bucket.get(&new).await.unwrap().expect("the request has reached the server");
        assert_eq!(held.bytes, format!("entry {round}"));

        line.set(Mode::CutAnswers);
        let error = unknown(bucket.put_if(&new, &held.etag, "changed".into()).await).to_string();
        assert!(error.contains(&format!("replacing `{new}`")), "{error}");
        assert_eq!(line.struck(), struck + 2);
        line.set(Mode::Pass);
        assert_eq!(bucket.get(&new).await.unwrap().unwrap().bytes, "changed");
        // Now it is a refusal, and a true one.
        assert!(matches!(bucket.put_if(&new, &held.etag, "late".into()).await, PutOutcome::Changed));
        assert!(matches!(bucket.put_new(&new, "late".into()).await, PutOutcome::Exists));
    }
}

#[tokio::test]
async fn a_refusal_whose_answer_is_lost_is_unknown_too() {
    let (line, bucket) = line_to(server().await).await;
    let k = key("v1/manifest");
    let PutOutcome::Done(_) = bucket.put_new(&k, "first".into()).await else { panic!() };
    line.set(Mode::CutAnswers);
    unknown(bucket.put_new(&k, "second".into()).await);
    unknown(bucket.put_if(&k, &ETag("\"0\"".into()), "second".into()).await);
    line.set(Mode::Pass);
    assert_eq!(bucket.get(&k).await.unwrap().unwrap().bytes, "first");
}

#[tokio::test]
async fn a_file_whose_answer_is_lost_is_unknown_and_is_there() {
    let (line, bucket) = line_to(server().await).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, vec![5; 1 << 20]).unwrap();
    line.set(Mode::CutAnswers);
    unknown(bucket.put_file_new(&key("v1/blob/x"), &file).await);
    line.set(Mode::Pass);
    assert_eq!(bucket.get(&key("v1/blob/x")).await.unwrap().unwrap().bytes.len(), 1 << 20);
}

#[tokio::test]
async fn a_silent_store_is_unknown_within_the_time_that_was_allowed() {
    let (line, settings) = settings_over_a_line_to(server().await).await;
    // What must succeed may take its time.
    let patient = open(settings.clone()).await;
    let bucket = open(Settings { timeouts: impatient(), ..settings }).await;
    let k = key("v1/manifest");
    let PutOutcome::Done(etag) = patient.put_new(&k, "first".into()).await else { panic!() };
    for mode in [Mode::BlackHole, Mode::Refuse, Mode::Delay(Duration::from_secs(20))] {
        line.set(mode);
        let struck = line.struck();
        let (other, one) = (key("v1/other"), 0..1);
        let silent = async {
            let (created, replaced, got, part, head, listed, deleted) = tokio::join!(
                bucket.put_new(&other, "x".into()),
                bucket.put_if(&k, &etag, "second".into()),
                bucket.get(&k),
                bucket.get_range(&k, one),
                bucket.head(&k),
                bucket.list_after("v1/", None, 10),
                bucket.delete(&other),
            );
            let reads = [got.map(|_| ()), part.map(|_| ()), head.map(|_| ()), listed.map(|_| ()), deleted];
            let reads = reads.into_iter().map(|failed| failed.expect_err("there is no answer"));
            for error in [unknown(created), unknown(replaced)].into_iter().chain(reads) {
                assert!(error.to_string().contains("in the bucket `papers`: "), "{error}");
            }
        };
        tokio::time::timeout(STUCK_AFTER, silent).await.unwrap_or_else(|_| panic!("stuck: {mode:?}"));
        assert!(line.struck() > struck, "{mode:?} has met nothing");
        line.set(Mode::Pass);
        // What was swallowed or refused has not happened; what was only answered late has.
        let expected = if matches!(mode, Mode::Delay(_)) { "second" } else { "first" };
        assert_eq!(patient.get(&k).await.unwrap().unwrap().bytes, expected, "{mode:?}");
        if !matches!(mode, Mode::Delay(_)) {
            assert!(patient.get(&other).await.unwrap().is_none(), "{mode:?}");
        }
    }
}

#[tokio::test]
async fn reads_are_repeated_where_writes_are_not() {
    let (line, bucket) = line_to(server().await).await;
    let k = key("v1/manifest");
    assert!(matches!(bucket.put_new(&k, "first".into()).await, PutOutcome::Done(_)));
    line.set(Mode::CutAnswers);
    let struck = line.struck();
    let reading = tokio::spawn({
        let (bucket, k) = (bucket.clone(), k.clone());
        async move { bucket.get(&k).await }
    });
    while line.struck() == struck {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    line.set(Mode::Pass);
    assert_eq!(reading.await.unwrap().unwrap().unwrap().bytes, "first");
}

#[tokio::test]
async fn a_killed_server_is_unknown_and_works_again_when_it_is_back() {
    let mut server = own_server().await;
    let bucket = open(settings(&server.url())).await;
    let k = key("v1/manifest");
    let PutOutcome::Done(first) = bucket.put_new(&k, "first".into()).await else { panic!() };
    server.kill().await.unwrap();
    unknown(bucket.put_if(&k, &first, "second".into()).await);
    unknown(bucket.put_new(&key("v1/other"), "x".into()).await);
    assert!(bucket.get(&k).await.is_err() && bucket.list_after("", None, 1).await.is_err());
    server.revive().await.unwrap();
    // The same bucket, without having been opened again, and the version from before still counts.
    let held = bucket.get(&k).await.unwrap().unwrap();
    assert_eq!((&held.bytes[..], &held.etag), (&b"first"[..], &first));
    assert!(matches!(bucket.put_if(&k, &first, "second".into()).await, PutOutcome::Done(_)));
    assert!(matches!(bucket.put_new(&k, "x".into()).await, PutOutcome::Exists));
}

#[tokio::test]
async fn a_store_that_is_flooded_says_so_and_recovers() {
    let (line, settings) = settings_over_a_line_to(server().await).await;
    let patient = open(settings.clone()).await;
    // Whoever waits gives up before those under way do.
    let timeouts = Timeouts { operation: impatient().attempt, ..impatient() };
    let bucket = open(Settings { requests_max: 2, timeouts, ..settings }).await;
    line.set(Mode::BlackHole);
    let waiting = (0..12).map(|n| {
        let bucket = bucket.clone();
        async move { bucket.put_new(&key(&format!("v1/{n}")), "x".into()).await }
    });
    let outcomes = futures_util::future::join_all(waiting).await;
    let turned_away =
        outcomes.into_iter().map(unknown).filter(|error| error.to_string().contains("too many"));
    // Two were under way, and perhaps two more after them; who waited longer than an operation takes was told.
    assert!(turned_away.count() >= 8);
    line.set(Mode::Pass);
    assert!(matches!(patient.put_new(&key("v1/later"), "x".into()).await, PutOutcome::Done(_)));
}
