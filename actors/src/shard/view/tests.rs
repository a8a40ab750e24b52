use std::ops::Range;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_cluster::decide::horizon::LOOKS_MAX;
use enabler_storage::clock::SystemClock;
use enabler_storage::codec;
use enabler_storage::log::Manifest;
use enabler_storage::objects::{ETag, Head, Key, Listed, Memory, Object, PutOutcome, StoreError};
use enabler_storage::shard::{Settings, ShardIndex};

use super::*;

/// A log of so many entries, in a store that takes its time to say of each that it is there, and that falls silent
/// after some answers.
#[derive(Debug)]
struct Slow {
    entries: u64,
    /// Entries up to this one have given way to a snapshot and are gone.
    floor: u64,
    answers_max: u64,
    asked: AtomicU64,
}

#[async_trait]
impl ObjectStore for Slow {
    async fn head(&self, key: &Key) -> Result<Option<Head>, StoreError> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
        if asked >= self.answers_max {
            return Err(StoreError::Unreachable { what: "it is silent".to_owned() });
        }
        let seq: u64 = key.as_str().rsplit('/').next().and_then(|seq| seq.parse().ok()).unwrap();
        let head = Head { size_bytes: 1, etag: None, modified_ms: 0 };
        Ok((seq > self.floor && seq <= self.entries).then_some(head))
    }

    async fn put_new(&self, _: &Key, _: Bytes) -> PutOutcome {
        unreachable!("a reading writes nothing")
    }

    async fn put_if(&self, _: &Key, _: &ETag, _: Bytes) -> PutOutcome {
        unreachable!("a reading writes nothing")
    }

    async fn put_file_new(&self, _: &Key, _: &Path) -> PutOutcome {
        unreachable!("a reading writes nothing")
    }

    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        assert_eq!(key, &log::manifest_key(0).unwrap(), "a reading asks for no entry");
        let manifest = Manifest { floor_seq: self.floor, ..Manifest::unowned(0) };
        let bytes = codec::encode(codec::Kind::Manifest, &manifest).unwrap();
        Ok(Some(Object { bytes: bytes.into(), etag: ETag("1".to_owned()) }))
    }

    async fn get_range(&self, _: &Key, _: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        unreachable!("a reading asks for no entry")
    }

    async fn list_after(&self, _: &str, _: Option<&Key>, _: usize) -> Result<Vec<Listed>, StoreError> {
        unreachable!("a reading lists nothing")
    }

    async fn delete(&self, _: &Key) -> Result<(), StoreError> {
        unreachable!("a reading deletes nothing")
    }
}

/// A shard whose index has nothing of such a log.
async fn viewed(entries: u64, answers_max: u64, dir: &Path) -> View {
    viewed_behind(Slow { entries, floor: 0, answers_max, asked: AtomicU64::new(0) }, dir).await
}

async fn viewed_behind(store: Slow, dir: &Path) -> View {
    let settings = Settings { map_bytes: 16 << 20, ..Settings::here() };
    let place = Shelf::at(&dir.join("0000")).take().await;
    let open = ShardIndex::open(&place.folder, settings).unwrap();
    let index = Arc::new(place.hold(open));
    let view = View::new(0, Arc::new(store), Arc::new(SystemClock), false);
    view.set_index(Some(index));
    view
}

async fn read(entries: u64, answers_max: u64, times: usize) -> Vec<Result<Freshness, Unreadable>> {
    let dir = tempfile::tempdir().unwrap();
    let view = viewed(entries, answers_max, dir.path()).await;
    let (actor, mut read) = (Address::new("shard", 8), Vec::new());
    for _ in 0..times {
        read.push(view.current(&actor).await.map(|(_, freshness)| freshness));
    }
    read
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_known_to_be_behind_is_not_read_as_if_the_store_were_silent() {
    // The store falls silent before the end is found.
    assert_eq!(read(1_000, 9, 3).await, vec![Err(Unreadable::Behind); 3]);
}

#[tokio::test(start_paused = true)]
async fn a_reading_of_an_index_far_behind_looks_elsewhere_after_few_requests() {
    let dir = tempfile::tempdir().unwrap();
    let (view, began) = (viewed(1_000, 1_000, dir.path()).await, Instant::now());
    let read = view.current(&Address::new("shard", 8)).await;
    assert_eq!(read.map(|(_, freshness)| freshness), Err(Unreadable::Behind));
    assert_eq!(began.elapsed(), Duration::from_millis(50 * LOOKS_MAX), "by the paused clock");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_index_that_is_let_go_looks_elsewhere_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (view, began) = (viewed(1, 9, dir.path()).await, Instant::now());
    let (actor, let_go) = (Address::new("shard", 8), view.clone());
    let (read, ()) = tokio::join!(view.current(&actor), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let_go.set_index(None);
    });
    assert_eq!(read.map(|(_, freshness)| freshness), Err(Unreadable::NotHere));
    assert_eq!(began.elapsed(), Duration::from_millis(200), "by the paused clock");
}

#[tokio::test(start_paused = true)]
async fn an_index_below_the_floor_is_not_read_because_an_earlier_reading_was_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Slow { entries: 5, floor: 5, answers_max: 9, asked: AtomicU64::new(0) };
    let view = viewed_behind(store, dir.path()).await;
    for _ in 0..2 {
        let read = view.current(&Address::new("shard", 8)).await;
        assert_eq!(read.map(|(_, freshness)| freshness), Err(Unreadable::Behind));
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_store_that_answers_a_reading_is_unconfirmed_and_with_one_it_is_current() {
    assert_eq!(read(0, 0, 2).await, vec![Ok(Freshness::Unconfirmed); 2]);
    assert_eq!(read(0, 9, 2).await, vec![Ok(Freshness::Current); 2]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_frozen_is_unsure_until_the_store_has_told() {
    let mut attention = Attention::default();
    assert!(!attention.has_slept(Instant::now()));
    attention.look(Instant::now());
    let before = Instant::now();
    tokio::time::advance(ASLEEP_AFTER * 2).await;
    assert!(attention.has_slept(Instant::now()), "before its own next look");
    attention.look(Instant::now());
    assert!(attention.has_slept(Instant::now()), "after it");
    attention.confirm(before);
    assert!(attention.has_slept(Instant::now()), "what was asked before the sleep tells nothing");
    attention.confirm(Instant::now());
    assert!(!attention.has_slept(Instant::now()));
}

#[test]
fn however_often_it_is_noticed_one_look_waits() {
    let view = View::new(0, Arc::new(Memory::new()), Arc::new(SystemClock), false);
    let nobody = Address::new("node/shards/shard-0", 4);
    view.notice(&nobody);
    assert!(!view.0.is_noticed.load(Ordering::SeqCst), "what was not sent does not count");
    view.0.is_noticed.store(true, Ordering::SeqCst);
    view.looks();
    assert!(!view.0.is_noticed.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_looks_in_time_is_sure() {
    let mut attention = Attention::default();
    for _ in 0..100 {
        attention.look(Instant::now());
        tokio::time::advance(ASLEEP_AFTER).await;
        assert!(!attention.has_slept(Instant::now()));
    }
}
