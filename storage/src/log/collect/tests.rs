use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::log::{
    ChainError, Entry, LogError, Position, SealedEntry, create_manifest, entry_key, put_entry, replay,
    snapshot_key, swap_manifest,
};
use crate::objects::{ETag, Head, Memory, Object, PutOutcome, StoreError};
use crate::record::{BlobRef, Op};

const HOUR_MS: u64 = 3_600_000;

/// A store that remembers when each object was put, and what was removed.
#[derive(Debug, Default)]
struct Dated {
    memory: Memory,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    now_ms: u64,
    modified_ms: BTreeMap<Key, u64>,
    removed: Vec<String>,
}

impl Dated {
    fn at(&self, now_ms: u64) {
        self.state.lock().unwrap().now_ms = now_ms;
    }

    fn now_ms(&self) -> u64 {
        self.state.lock().unwrap().now_ms
    }

    fn note(&self, key: &Key) {
        let mut state = self.state.lock().unwrap();
        let now_ms = state.now_ms;
        state.modified_ms.insert(key.clone(), now_ms);
    }
}

#[async_trait]
impl ObjectStore for Dated {
    async fn put_new(&self, key: &Key, bytes: Bytes) -> PutOutcome {
        let outcome = self.memory.put_new(key, bytes).await;
        if matches!(outcome, PutOutcome::Done(_)) {
            self.note(key);
        }
        outcome
    }

    async fn put_if(&self, key: &Key, etag: &ETag, bytes: Bytes) -> PutOutcome {
        self.note(key);
        self.memory.put_if(key, etag, bytes).await
    }

    async fn put_file_new(&self, key: &Key, file: &Path) -> PutOutcome {
        self.note(key);
        self.memory.put_file_new(key, file).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        self.memory.get(key).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        self.memory.get_range(key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Option<Head>, StoreError> {
        let modified_ms = self.state.lock().unwrap().modified_ms.get(key).copied().unwrap_or(0);
        Ok(self.memory.head(key).await?.map(|head| Head { modified_ms, ..head }))
    }

    async fn list_after(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        self.memory.list_after(prefix, after, limit).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.state.lock().unwrap().removed.push(key.to_string());
        self.memory.delete(key).await
    }
}

struct World {
    store: Arc<Dated>,
    position: Position,
}

impl World {
    fn new() -> Self {
        Self { store: Arc::new(Dated::default()), position: Position::default() }
    }

    fn entry(&self) -> SealedEntry {
        let (seq, prev) = (self.position.seq + 1, self.position.checksum);
        let ops = vec![Op::Fence];
        Entry { shard: 1, seq, epoch: 1, writer: 1, nonce: 1, prev, wall_ms: 0, ops }.seal().unwrap()
    }

    async fn append(&mut self, count: u64) {
        for _ in 0..count {
            let entry = self.entry();
            assert!(matches!(put_entry(&*self.store, &entry).await.unwrap(), PutOutcome::Done(_)));
            self.position = self.position.follow(&entry).unwrap();
        }
    }

    /// Puts two parts of a snapshot at the present position; collecting looks at their names and sizes alone.
    async fn snapshot(&self, epoch: u64) -> SnapshotRef {
        let mut parts = Vec::new();
        for index in 0..2 {
            let key = snapshot_key(1, self.position.seq, epoch, index).unwrap();
            let _ = self.store.put_new(&key, "part".into()).await;
            parts.push(BlobRef { key: key.to_string(), sha256: [0; 32], size_bytes: 4 });
        }
        SnapshotRef { position: self.position, parts }
    }

    async fn compact(&self, epoch: u64) -> Manifest {
        let snapshot = self.snapshot(epoch).await;
        self.name(epoch, snapshot).await
    }

    async fn name(&self, epoch: u64, snapshot: SnapshotRef) -> Manifest {
        let floor_seq = snapshot.position.seq;
        let manifest = Manifest { epoch, floor_seq, snapshot: Some(snapshot), ..Manifest::unowned(1) };
        match read_manifest(&*self.store, 1).await.unwrap() {
            Some(present) => {
                let _ = swap_manifest(&*self.store, &present.etag, &manifest).await.unwrap();
            }
            None => {
                let _ = create_manifest(&*self.store, &manifest).await.unwrap();
            }
        }
        manifest
    }

    async fn collect(&self, manifest: &Manifest) -> Result<Collected, LogError> {
        collect(&*self.store, 1, manifest, self.store.now_ms(), MIN_AGE).await
    }

    async fn keys(&self, prefix: &str) -> Vec<String> {
        let listed = self.store.list_after(prefix, None, LIST_LIMIT_MAX).await.unwrap();
        listed.into_iter().map(|listed| listed.key.to_string()).collect()
    }
}

#[tokio::test]
async fn old_entries_below_the_floor_and_replaced_snapshots_go_and_nothing_else() {
    let mut world = World::new();
    world.append(5).await;
    world.compact(1).await;
    world.append(5).await;
    let manifest = world.compact(1).await;
    world.append(3).await;
    world.store.at(25 * HOUR_MS);
    let collected = world.collect(&manifest).await.unwrap();
    assert_eq!(collected, Collected { entries: 9, snapshots: 2, has_more: false });
    let left: Vec<String> = (10..=13).map(|seq| entry_key(1, seq).unwrap().to_string()).collect();
    assert_eq!(world.keys("v1/s/0001/log/").await, left);
    let named: Vec<_> = manifest.snapshot.as_ref().unwrap().parts.iter().map(|p| p.key.clone()).collect();
    assert_eq!(world.keys("v1/s/0001/snap/").await, named);
    assert_eq!(world.collect(&manifest).await.unwrap(), Collected::default());
}

#[tokio::test]
async fn what_is_younger_than_the_age_stays() {
    let mut world = World::new();
    world.append(4).await;
    world.store.at(10 * HOUR_MS);
    world.append(4).await;
    let manifest = world.compact(1).await;
    world.store.at(24 * HOUR_MS);
    assert_eq!(world.collect(&manifest).await.unwrap(), Collected::default());
    world.store.at(24 * HOUR_MS + 1);
    assert_eq!(world.collect(&manifest).await.unwrap().entries, 4);
    world.store.at(34 * HOUR_MS + 1);
    assert_eq!(world.collect(&manifest).await.unwrap().entries, 3);
}

#[tokio::test]
async fn an_owner_that_was_replaced_removes_nothing() {
    let mut world = World::new();
    world.append(5).await;
    let old = world.compact(1).await;
    let snapshot = old.snapshot.clone().unwrap();
    world.name(2, snapshot).await;
    world.store.at(48 * HOUR_MS);
    assert_eq!(world.collect(&old).await.unwrap(), Collected::default());
    assert_eq!(world.keys("v1/s/0001/log/").await.len(), 5);
}

#[tokio::test]
async fn a_snapshot_that_is_not_whole_keeps_the_log() {
    let mut world = World::new();
    world.append(5).await;
    let manifest = world.compact(1).await;
    world.store.delete(&snapshot_key(1, 5, 1, 1).unwrap()).await.unwrap();
    world.store.at(48 * HOUR_MS);
    assert!(matches!(world.collect(&manifest).await, Err(LogError::Snapshot { .. })));
    assert_eq!(world.keys("v1/s/0001/log/").await.len(), 5);
}

#[tokio::test]
async fn a_snapshot_that_is_about_to_be_named_stays() {
    let mut world = World::new();
    world.append(5).await;
    let manifest = world.compact(1).await;
    world.append(5).await;
    // Written, and then its owner slept for two days before it named it.
    let late = world.snapshot(1).await;
    world.store.at(48 * HOUR_MS);
    world.collect(&manifest).await.unwrap();
    let manifest = world.name(1, late).await;
    assert_eq!(
        world.collect(&manifest).await.unwrap(),
        Collected { entries: 5, snapshots: 2, has_more: false }
    );
}

#[tokio::test]
async fn one_call_is_bounded_and_the_next_goes_on() {
    let mut world = World::new();
    world.append(REMOVED_MAX as u64 + 200).await;
    let manifest = world.compact(1).await;
    world.store.at(48 * HOUR_MS);
    let first = world.collect(&manifest).await.unwrap();
    assert_eq!(first, Collected { entries: REMOVED_MAX as u64, snapshots: 0, has_more: true });
    let second = world.collect(&manifest).await.unwrap();
    assert_eq!(second, Collected { entries: 199, snapshots: 0, has_more: false });
}

#[tokio::test]
async fn a_store_that_fails_midway_leaves_the_end_of_the_log_and_the_next_call_goes_on() {
    let mut world = World::new();
    world.append(8).await;
    let manifest = world.compact(1).await;
    world.store.at(48 * HOUR_MS);
    let calm = std::iter::repeat_n(crate::objects::Fault::None, 16);
    world.store.memory.schedule(calm.chain([crate::objects::Fault::Lost]));
    assert!(matches!(world.collect(&manifest).await, Err(LogError::Store { .. })));
    let left = world.keys("v1/s/0001/log/").await;
    assert!((2..8).contains(&left.len()), "{left:?}");
    let last: Vec<String> =
        (9 - left.len() as u64..=8).map(|seq| entry_key(1, seq).unwrap().to_string()).collect();
    assert_eq!(left, last);
    assert_eq!(world.collect(&manifest).await.unwrap().entries, left.len() as u64 - 1);
}

#[tokio::test]
async fn a_reader_from_below_the_floor_is_sent_to_the_snapshot_even_if_nothing_came_after_it() {
    let mut world = World::new();
    world.append(6).await;
    let manifest = world.compact(1).await;
    world.store.at(48 * HOUR_MS);
    assert_eq!(world.collect(&manifest).await.unwrap().entries, 5);
    let error = replay(world.store.clone(), 1, Position::default()).next().await.unwrap_err();
    assert!(matches!(error, LogError::BelowFloor { shard: 1, floor: 6 }), "{error}");
    let mut at_floor = replay(world.store.clone(), 1, world.position);
    assert!(at_floor.next().await.unwrap().is_none());
    world.append(1).await;
    assert_eq!(at_floor.next().await.unwrap().unwrap().entry.seq, 7);
    // A hole above the floor is damage, and no snapshot stands in for it.
    world.append(2).await;
    world.store.delete(&entry_key(1, 8).unwrap()).await.unwrap();
    let error = loop {
        match at_floor.next().await {
            Ok(Some(_)) => {}
            other => break other.unwrap_err(),
        }
    };
    assert!(matches!(error, LogError::Chain { source: ChainError::Gap { missing: 8, later: 9 }, .. }));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Append,
    Compact,
    Snapshot,
    Wait(u64),
    Collect,
    Replaced,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => Just(Step::Append),
        2 => Just(Step::Compact),
        1 => Just(Step::Snapshot),
        3 => (1_u64..20).prop_map(Step::Wait),
        4 => Just(Step::Collect),
        1 => Just(Step::Replaced),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn whatever_happens_the_snapshot_and_the_log_behind_it_stay(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            let (mut now_ms, mut epoch) = (0, 1);
            // Each owner collects with the manifest that it wrote last, also after it was replaced.
            let mut known: Vec<Manifest> = Vec::new();
            for step in steps {
                match step {
                    Step::Append => world.append(1).await,
                    Step::Compact if world.position.seq > 0 => {
                        known.retain(|manifest| manifest.epoch != epoch);
                        known.push(world.compact(epoch).await);
                    }
                    Step::Snapshot => drop(world.snapshot(epoch).await),
                    Step::Wait(hours) => {
                        now_ms += hours * HOUR_MS;
                        world.store.at(now_ms);
                    }
                    Step::Collect => {
                        for manifest in &known {
                            world.collect(manifest).await.unwrap();
                        }
                    }
                    Step::Replaced => {
                        epoch += 1;
                        if let Some(present) = read_manifest(&*world.store, 1).await.unwrap() {
                            let next = Manifest { epoch, ..present.value };
                            let _ = swap_manifest(&*world.store, &present.etag, &next).await.unwrap();
                        }
                    }
                    Step::Compact => {}
                }
                let present = read_manifest(&*world.store, 1).await.unwrap().map(|found| found.value);
                let floor = present.as_ref().map_or(0, |manifest| manifest.floor_seq);
                for seq in floor.max(1)..=world.position.seq {
                    prop_assert!(world.store.get(&entry_key(1, seq).unwrap()).await.unwrap().is_some());
                }
                for part in present.iter().filter_map(|m| m.snapshot.as_ref()).flat_map(|s| &s.parts) {
                    prop_assert!(world.store.get(&Key::new(&*part.key).unwrap()).await.unwrap().is_some());
                }
            }
            let modified: BTreeMap<_, _> = world.store.state.lock().unwrap().modified_ms.clone();
            for key in &world.store.state.lock().unwrap().removed {
                let put_ms = modified[&Key::new(key.as_str()).unwrap()];
                prop_assert!(put_ms + 24 * HOUR_MS < now_ms, "{key}");
            }
            Ok(())
        })?;
    }
}
