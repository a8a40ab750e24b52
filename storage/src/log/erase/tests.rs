use std::sync::Arc;

use super::*;
use crate::log::{
    Head, Manifest, Position, Spool, create_manifest, entry_key, put_entry, replay, write_snapshot,
};
use crate::objects::Memory;
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
