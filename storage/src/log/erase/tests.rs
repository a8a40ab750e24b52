use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::log::{
    Head, Manifest, Position, Spool, create_manifest, entry_key, put_entry, replay, write_snapshot,
};
use crate::objects::{ETag, Head as ObjectHead, Memory, Object};
use crate::record::{BlobRef, DocumentRecord, Reason, Status};

const SHARD: u32 = 3;

fn id(number: u8) -> DocumentId {
    DocumentId([number; 16])
}

fn accepted(number: u8) -> Op {
    let blob = BlobRef { key: format!("v1/blob/{number}"), sha256: [number; 32], size_bytes: 9 };
    Op::Accepted {
        document: Box::new(DocumentRecord {
            document_id: id(number),
            revision: 1,
            tenant: "acme".to_owned(),
            filename: format!("laudo de {number}.pdf"),
            template: "generic".to_owned(),
            metadata_json: r#"{"paciente":"Eulalia"}"#.to_owned(),
            idempotency_key: None,
            sha256: [number; 32],
            size_bytes: 10,
            media_type: "application/pdf".to_owned(),
            original: blob,
            created_ms: 1,
            expires_ms: 2,
            ticket: 0,
            status: Status::default(),
            rest: crate::codec::Rest::default(),
        }),
    }
}

fn failed(number: u8) -> Op {
    let reason = Reason { code: "encrypted_pdf".to_owned(), message: "Eulalia".to_owned() };
    Op::Failed { document_id: id(number), revision: 1, reason, processed_ms: 4 }
}

fn deleted(number: u8) -> Op {
    Op::Deleted { document_id: id(number), reason: "erased".to_owned() }
}

/// A log of these entries; the last one's position.
async fn logged(store: &Memory, entries: Vec<Vec<Op>>) -> Vec<Position> {
    let mut positions = vec![Position::default()];
    for (seq, ops) in (1..).zip(entries) {
        let prev = positions.last().unwrap().checksum;
        let entry =
            Entry { shard: SHARD, seq, epoch: 1, writer: 7, nonce: seq.into(), prev, wall_ms: 5, ops };
        let sealed = entry.seal().unwrap();
        assert!(matches!(put_entry(store, &sealed).await.unwrap(), PutOutcome::Done(_)));
        positions.push(Position { seq, epoch: 1, checksum: sealed.checksum });
    }
    positions
}

/// A snapshot at `position` that holds these documents, named in the manifest.
async fn compacted(store: &Memory, position: Position, documents: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let head = Head { position, dimensions: 384, model_id: "a model".to_owned() };
    let mut spool = Spool::create(dir.path().join("spool"), head, 1 << 20).unwrap();
    for number in documents {
        let Op::Accepted { document } = accepted(*number) else { unreachable!() };
        spool.push(&Line::Document { document, holds_request: false }).unwrap();
    }
    let line = Line::Tombstone { document_id: id(1), seq: 3, rest: crate::codec::Rest::default() };
    spool.push(&line).unwrap();
    let snapshot = write_snapshot(store, SHARD, 1, &spool.finish().unwrap()).await.unwrap();
    let manifest =
        Manifest { floor_seq: position.seq, snapshot: Some(snapshot), epoch: 1, ..Manifest::unowned(SHARD) };
    match read_manifest(store, SHARD).await.unwrap() {
        None => assert!(matches!(create_manifest(store, &manifest).await.unwrap(), PutOutcome::Done(_))),
        Some(found) => {
            let swapped = crate::log::swap_manifest(store, &found.etag, &manifest).await.unwrap();
            assert!(matches!(swapped, PutOutcome::Done(_)));
        }
    }
}

fn holds(store_text: &[u8], text: &str) -> bool {
    store_text.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_deleted_document_leaves_the_log_and_old_snapshots_and_the_others_stay() {
    let store = Arc::new(Memory::new());
    let entries = vec![
        vec![accepted(1)],
        vec![accepted(2), failed(1)],
        vec![deleted(1)],
        vec![accepted(3)],
        vec![accepted(4)],
    ];
    let positions = logged(&store, entries).await;
    compacted(&store, positions[2], &[1, 2]).await;
    compacted(&store, positions[4], &[2, 3]).await;
    let before = traces_of(&*store, SHARD, id(1)).await.unwrap();
    assert_eq!((before.entries, before.parts, before.entries_seen), (2, 1, 5));

    let erased = erase_document(&*store, SHARD, id(1)).await.unwrap();
    assert_eq!(erased, Erased { entries: 2, parts: 1 });
    assert!(traces_of(&*store, SHARD, id(1)).await.unwrap().is_none());
    assert_eq!(erase_document(&*store, SHARD, id(1)).await.unwrap(), Erased::default());
    assert_eq!(traces_of(&*store, SHARD, id(2)).await.unwrap().entries, 1);
    let first = store.get(&entry_key(SHARD, 1).unwrap()).await.unwrap().unwrap();
    assert!(!holds(&first.bytes, "Eulalia") && !holds(&first.bytes, "laudo"));
    // Whoever stands at the snapshot reads on; whoever is below is sent there.
    let mut reader = replay(store.clone(), SHARD, positions[4]);
    assert_eq!(reader.next().await.unwrap().unwrap().entry.seq, 5);
    let mut late = replay(store.clone(), SHARD, Position::default());
    let mut seen = 0;
    loop {
        match late.next().await {
            Ok(Some(_)) => seen += 1,
            Ok(None) => panic!("a reader from below did not hear that the log was changed"),
            Err(LogError::BelowFloor { floor, .. }) => break assert_eq!((floor, seen), (4, 1)),
            Err(error) => panic!("{error}"),
        }
    }
    // A writer that slept finds every place taken, with another writer's name where it was another's.
    let late = Entry {
        shard: SHARD,
        seq: 2,
        epoch: 1,
        writer: 9,
        nonce: 99,
        prev: positions[1].checksum,
        wall_ms: 6,
        ops: vec![Op::Fence],
    };
    assert!(matches!(put_entry(&*store, &late.seal().unwrap()).await.unwrap(), PutOutcome::Exists));
    let kept = crate::log::read_entry(&*store, SHARD, 2).await.unwrap().unwrap();
    assert_eq!((kept.entry.writer, kept.entry.nonce, kept.entry.ops.len()), (7, 2, 1));
}

#[tokio::test]
async fn without_a_snapshot_behind_the_deletion_nothing_is_changed() {
    let store = Arc::new(Memory::new());
    logged(&store, vec![vec![accepted(1)], vec![deleted(1)]]).await;
    assert_eq!(erase_document(&*store, SHARD, id(1)).await.unwrap(), Erased::default());
    assert_eq!(traces_of(&*store, SHARD, id(1)).await.unwrap().entries, 1);
}

/// A store whose node is killed before one of its writes: some of them reach it and are not answered.
#[derive(Debug)]
struct Killed {
    store: Arc<Memory>,
    writes_left: AtomicI64,
    is_last_applied: bool,
}

impl Killed {
    fn gone() -> StoreError {
        StoreError::Unreachable { what: "the node was killed".to_owned() }
    }

    /// Whether this write is answered, and if not, whether it is done.
    fn write(&self) -> (bool, bool) {
        let left = self.writes_left.fetch_sub(1, Ordering::SeqCst);
        (left > 0, left == 0 && self.is_last_applied)
    }
}

#[async_trait]
impl ObjectStore for Killed {
    async fn put_new(&self, _: &Key, _: Bytes) -> PutOutcome {
        unreachable!("an erasure creates nothing")
    }

    async fn put_if(&self, key: &Key, etag: &ETag, bytes: Bytes) -> PutOutcome {
        let (is_answered, is_done) = self.write();
        let put = if is_answered || is_done { Some(self.store.put_if(key, etag, bytes).await) } else { None };
        put.filter(|_| is_answered).unwrap_or_else(|| PutOutcome::Unknown(Self::gone()))
    }

    async fn put_file_new(&self, _: &Key, _: &Path) -> PutOutcome {
        unreachable!("an erasure creates nothing")
    }

    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        self.store.get(key).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        self.store.get_range(key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectHead>, StoreError> {
        self.store.head(key).await
    }

    async fn list_after(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        self.store.list_after(prefix, after, limit).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let (is_answered, is_done) = self.write();
        if is_answered || is_done {
            self.store.delete(key).await?;
        }
        if is_answered { Ok(()) } else { Err(Self::gone()) }
    }
}

/// Reads on from `from`, which was the end of what a reader had followed before the erasure.
///
/// Whoever is at the snapshot or behind it sees every entry as it was written. Whoever is below sees all of them too, or
/// is sent to the snapshot: it never takes an end for one that is none, nor a log for damaged.
async fn reads_on(store: &Arc<Memory>, from: Position, floor: u64, written: &[Vec<Op>]) {
    let mut reader = replay(store.clone(), SHARD, from);
    let (mut seq, mut is_bare) = (from.seq, false);
    loop {
        match reader.next().await {
            Ok(Some(entry)) => {
                let before = &written[usize::try_from(seq).unwrap()];
                is_bare |= entry.entry.ops != *before;
                assert!(!is_bare || entry.entry.seq < floor, "entry {} lacks something", entry.entry.seq);
                let others = before.iter().filter(|op| !tells(op, id(1)));
                assert!(others.eq(entry.entry.ops.iter().filter(|op| !tells(op, id(1)))));
                seq += 1;
            }
            Ok(None) => {
                assert_eq!(usize::try_from(seq).unwrap(), written.len(), "from {from:?}");
                return assert!(!is_bare, "from {from:?} something was skipped in silence");
            }
            Err(LogError::BelowFloor { floor: told, .. }) => {
                assert!(told == floor && seq < floor, "from {from:?} at {seq}");
                // What it has applied so far, and noted as its place, does not let it pass later either.
                let again = replay(store.clone(), SHARD, reader.position()).next().await;
                return assert!(matches!(again, Err(LogError::BelowFloor { .. })), "{again:?}");
            }
            Err(error) => panic!("from {from:?} at {seq}: {error}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whoever_reads_a_log_that_is_being_erased_misses_nothing_and_a_killed_erasure_is_ended_by_the_next(
        drawn in prop::collection::vec(prop::collection::vec((1_u8..=4, prop::bool::ANY), 1..4), 2..14),
        deleted_at in 0_usize..12,
        behind in 0_usize..4,
        writes in 0_i64..12,
        is_last_applied: bool,
    ) {
        let deleted_at = deleted_at % drawn.len();
        let mut entries: Vec<Vec<Op>> = Vec::new();
        for (at, ops) in drawn.iter().enumerate() {
            let ops = ops.iter().filter(|(number, _)| *number != 1 || at <= deleted_at);
            entries.push(ops.map(|(number, fails)| if *fails { failed(*number) } else { accepted(*number) }).collect());
        }
        entries.insert(deleted_at + 1, vec![deleted(1)]);
        let snapshot_at = (deleted_at + 2 + behind).min(entries.len());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = Arc::new(Memory::new());
            let positions = logged(&store, entries.clone()).await;
            compacted(&store, positions[1], &[1, 2]).await;
            compacted(&store, positions[snapshot_at], &[2, 3, 4]).await;
            let floor = u64::try_from(snapshot_at).unwrap();
            let killed = Killed { store: store.clone(), writes_left: AtomicI64::new(writes), is_last_applied };
            let cut = erase_document(&killed, SHARD, id(1)).await;
            for position in &positions {
                reads_on(&store, *position, floor, &entries).await;
            }
            if cut.is_ok() {
                assert!(traces_of(&*store, SHARD, id(1)).await.unwrap().is_none());
            }
            erase_document(&*store, SHARD, id(1)).await.unwrap();
            assert!(traces_of(&*store, SHARD, id(1)).await.unwrap().is_none());
            for position in &positions {
                reads_on(&store, *position, floor, &entries).await;
            }
            for seq in 1..=entries.len() {
                let place = crate::log::read_entry(&*store, SHARD, u64::try_from(seq).unwrap()).await.unwrap();
                assert_eq!(place.unwrap().entry.writer, 7, "a place became free");
            }
        });
    }
}
