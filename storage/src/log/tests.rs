use std::sync::Arc;

use super::*;
use crate::objects::{Fault, Memory, ObjectStore, PutOutcome};
use crate::record::{DocumentId, Op};

fn entry(position: &Position, epoch: u64) -> SealedEntry {
    let op = Op::Deleted { document_id: DocumentId([9; 16]), reason: "requested".to_owned() };
    let (seq, prev) = (position.seq + 1, position.checksum);
    let ops = vec![op, Op::Fence];
    Entry { shard: 3, seq, epoch, writer: 1, nonce: u128::from(seq), prev, wall_ms: 5, ops }.seal().unwrap()
}

async fn written(count: u64) -> (Arc<Memory>, Position) {
    let store = Arc::new(Memory::new());
    let mut position = Position::default();
    for seq in 1..=count {
        let entry = entry(&position, seq / 10);
        assert!(matches!(put_entry(&*store, &entry).await.unwrap(), PutOutcome::Done(_)));
        position = position.follow(&entry).unwrap();
    }
    (store, position)
}

async fn all(store: &Arc<Memory>, from: Position) -> Result<(Vec<u64>, Position), LogError> {
    let mut replay = replay(store.clone(), 3, from);
    let mut seqs = Vec::new();
    while let Some(entry) = replay.next().await? {
        seqs.push(entry.entry.seq);
    }
    Ok((seqs, replay.position()))
}

fn chain_error(error: LogError) -> ChainError {
    match error {
        LogError::Chain { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_log_is_replayed_whole_and_from_any_position() {
    let (store, end) = written(30).await;
    let (seqs, position) = all(&store, Position::default()).await.unwrap();
    assert_eq!((seqs, position), ((1..=30).collect::<Vec<_>>(), end));
    let first = read_entry(&*store, 3, 1).await.unwrap().unwrap();
    let after = Position::default().follow(&first).unwrap();
    assert_eq!(all(&store, after).await.unwrap().0.len(), 29);
    assert_eq!(all(&store, end).await.unwrap(), (vec![], end));
}

#[tokio::test]
async fn a_follower_sees_entries_that_come_later() {
    let (store, end) = written(2).await;
    let mut replay = replay(store.clone(), 3, end);
    assert!(replay.next().await.unwrap().is_none());
    let _ = put_entry(&*store, &entry(&end, 7)).await.unwrap();
    assert_eq!(replay.next().await.unwrap().unwrap().entry.seq, 3);
}

#[tokio::test]
async fn a_missing_entry_is_a_gap_and_not_the_end() {
    let (store, _) = written(12).await;
    store.delete(&entry_key(3, 5).unwrap()).await.unwrap();
    let error = chain_error(all(&store, Position::default()).await.unwrap_err());
    assert!(matches!(error, ChainError::Gap { missing: 5, .. }), "{error:?}");
}

#[tokio::test]
async fn another_history_is_a_fork_and_an_older_owner_is_named() {
    let (store, end) = written(3).await;
    let stranger = Position { checksum: end.checksum ^ 1, ..end };
    let _ = put_entry(&*store, &entry(&stranger, 9)).await.unwrap();
    let error = chain_error(all(&store, Position::default()).await.unwrap_err());
    assert!(matches!(error, ChainError::Fork { seq: 4, .. }), "{error:?}");
    let late = Position { epoch: 8, ..end };
    assert!(matches!(
        late.follow(&entry(&end, 7)),
        Err(ChainError::FallingEpoch { epoch: 7, before: 8, .. })
    ));
}

#[tokio::test]
async fn a_damaged_entry_is_named_and_never_applied() {
    let (store, _) = written(3).await;
    for bit in [0, 77, 200, 900] {
        let key = entry_key(3, 2).unwrap();
        store.flip(&key, bit);
        let error = all(&store, Position::default()).await.unwrap_err();
        assert!(error.to_string().contains(key.as_str()), "{error}");
        store.flip(&key, bit);
    }
    assert_eq!(all(&store, Position::default()).await.unwrap().0.len(), 3);
}

#[tokio::test]
async fn an_entry_in_the_place_of_another_is_misplaced() {
    let (store, end) = written(1).await;
    let strange = entry(&Position { seq: 6, ..end }, 1);
    let _ = store.put_new(&entry_key(3, 2).unwrap(), strange.bytes).await;
    let error = chain_error(all(&store, Position::default()).await.unwrap_err());
    assert_eq!(error, ChainError::Misplaced { shard: 3, seq: 7, at: 2 });
}

#[tokio::test]
async fn a_store_that_fails_for_a_moment_loses_nothing() {
    let (store, end) = written(5).await;
    let mut replay = replay(store.clone(), 3, Position::default());
    store.schedule([Fault::Lost]);
    assert!(matches!(replay.next().await, Err(LogError::Store { shard: 3, .. })));
    let mut count = 0;
    while replay.next().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!((count, replay.position()), (5, end));
}

#[tokio::test]
async fn a_manifest_changes_only_from_the_version_that_was_read() {
    let store = Memory::new();
    assert!(read_manifest(&store, 1).await.unwrap().is_none());
    let mut manifest = Manifest::unowned(1);
    assert!(matches!(create_manifest(&store, &manifest).await.unwrap(), PutOutcome::Done(_)));
    assert!(matches!(create_manifest(&store, &manifest).await.unwrap(), PutOutcome::Exists));
    let read = read_manifest(&store, 1).await.unwrap().unwrap();
    manifest.epoch = 1;
    manifest.owner = Some(Owner { node: "a".to_owned(), generation: 7 });
    manifest.writer = 8;
    assert!(matches!(swap_manifest(&store, &read.etag, &manifest).await.unwrap(), PutOutcome::Done(_)));
    assert!(matches!(swap_manifest(&store, &read.etag, &manifest).await.unwrap(), PutOutcome::Changed));
    assert_eq!(read_manifest(&store, 1).await.unwrap().unwrap().value, manifest);
}

#[tokio::test]
async fn a_log_that_needs_a_newer_reader_is_refused() {
    let store = Memory::new();
    let manifest = Manifest { min_reader_version: FORMAT_VERSION + 1, ..Manifest::unowned(1) };
    let _ = create_manifest(&store, &manifest).await.unwrap();
    assert!(matches!(read_manifest(&store, 1).await, Err(LogError::Newer { .. })));
    let cluster = Cluster { shard_count: 4, hash_seed: 1, format_version: FORMAT_VERSION };
    let _ = create_cluster(&store, &cluster).await.unwrap();
    assert_eq!(read_cluster(&store).await.unwrap().unwrap(), cluster);
}

#[tokio::test]
async fn an_empty_index_starts_at_the_log_or_at_the_snapshot_that_the_manifest_names() {
    let store = Memory::new();
    assert_eq!(shard_start(&store, 1).await.unwrap(), Start::FromLog);
    let mut manifest = Manifest::unowned(1);
    let _ = create_manifest(&store, &manifest).await.unwrap();
    assert_eq!(shard_start(&store, 1).await.unwrap(), Start::FromLog);
    let snapshot = SnapshotRef { position: Position { seq: 4, ..Position::default() }, parts: Vec::new() };
    manifest.snapshot = Some(snapshot.clone());
    manifest.floor_seq = 4;
    let read = read_manifest(&store, 1).await.unwrap().unwrap();
    let _ = swap_manifest(&store, &read.etag, &manifest).await.unwrap();
    assert_eq!(shard_start(&store, 1).await.unwrap(), Start::FromSnapshot(snapshot));
}

#[tokio::test]
async fn a_log_is_measured_from_its_listing_and_no_further_than_needed() {
    let (store, _) = written(2_500).await;
    let mut bytes = Vec::new();
    for seq in 1..=2_500 {
        bytes.push(read_entry(&*store, 3, seq).await.unwrap().unwrap().bytes.len() as u64);
    }
    let all = Measured { entries: 2_500, bytes: bytes.iter().sum() };
    assert_eq!(measure(&*store, 3, 0, u64::MAX).await.unwrap(), all);
    let behind = Measured { entries: 1_200, bytes: bytes[1_300..].iter().sum() };
    assert_eq!(measure(&*store, 3, 1_300, u64::MAX).await.unwrap(), behind);
    assert_eq!(measure(&*store, 3, 0, 1).await.unwrap().entries, 1_000);
    assert_eq!(measure(&*store, 3, 2_500, 1).await.unwrap(), Measured::default());
}

#[tokio::test]
async fn no_flipped_bit_of_a_manifest_is_read() {
    let store = Memory::new();
    let owner = Some(Owner { node: "a".to_owned(), generation: 7 });
    let manifest = Manifest { owner, writer: 9, ..Manifest::unowned(1) };
    let _ = create_manifest(&store, &manifest).await.unwrap();
    let key = manifest_key(1).unwrap();
    for bit in 0..store.get(&key).await.unwrap().unwrap().bytes.len() * 8 {
        store.flip(&key, bit);
        assert!(read_manifest(&store, 1).await.is_err(), "bit {bit}");
        store.flip(&key, bit);
    }
    assert_eq!(read_manifest(&store, 1).await.unwrap().unwrap().value, manifest);
}
