//! A snapshot and the log behind it give what the whole log gives.

use std::sync::Arc;

use proptest::prelude::*;

use super::world::{World, answers, embed, id, query, record, settings};
use super::*;
use crate::codec::Rest;
use crate::log::{
    Entry, LogError, Manifest, PART_BYTES_MAX, SealedEntry, Start, create_manifest, shard_start,
    write_snapshot,
};
use crate::objects::ObjectStore;
use crate::record::{
    BlobRef, BlobStage, Chunk, ChunksBlob, DocumentRecord, Op, Reason, Vector, encode_chunks, put_blob,
};

/// Count and sum of all rows, with what the index is of.
fn rows(index: &ShardIndex) -> rows::Meta {
    // What the keyword index has yet to take in is a row too, and when it does is not the log's business.
    index.flush().unwrap();
    index.rows.meta(&index.rows.read().unwrap()).unwrap()
}

/// A snapshot of `index` in the store, and an index that is built from it.
async fn restored(
    world: &World,
    index: &ShardIndex,
    part_bytes_max: usize,
) -> (tempfile::TempDir, ShardIndex) {
    let spooled = index.export(part_bytes_max).unwrap();
    let snapshot = write_snapshot(&*world.store, 1, 1, &spooled).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let again = restore(world.store.clone(), 1, dir.path(), settings(), &snapshot).await.unwrap();
    (dir, again)
}

#[tokio::test]
async fn an_index_from_a_snapshot_answers_and_holds_what_the_whole_log_gives() {
    let mut world = World::busy().await;
    let (_dir, index) = world.built().await;
    for part_bytes_max in [PART_BYTES_MAX, 3_000] {
        let (_other, again) = restored(&world, &index, part_bytes_max).await;
        assert_eq!(answers(&again), answers(&index));
        assert_eq!(rows(&again), rows(&index));
        again.verify().unwrap();
        assert!(!index.dir.join("snapshot/0").exists());
        world
            .store
            .delete(&crate::log::snapshot_key(1, index.position().unwrap().seq, 1, 0).unwrap())
            .await
            .unwrap();
    }
    let (_other, again) = restored(&world, &index, PART_BYTES_MAX).await;
    world.upload(60, "acme", &["Um pinguim depois do retrato."]).await;
    world.append(vec![Op::Deleted { document_id: id(3), reason: "requested".to_owned() }]).await;
    for index in [&again, &index] {
        world.replay_into(index).await;
        assert_eq!(index.search(&query("pinguim", "acme")).unwrap()[0].document_id, id(60));
        assert!(index.is_deleted(id(3)).unwrap());
    }
    assert_eq!(rows(&again), rows(&index));
}

#[tokio::test]
async fn an_empty_shard_has_a_snapshot_too() {
    let world = World::new();
    let (_dir, index) = world.built().await;
    let (_other, again) = restored(&world, &index, PART_BYTES_MAX).await;
    assert_eq!(rows(&again), rows(&index));
}

#[tokio::test]
async fn a_reopened_index_from_a_snapshot_is_as_any_other() {
    let world = World::busy().await;
    let (_dir, index) = world.built().await;
    let (dir, again) = restored(&world, &index, PART_BYTES_MAX).await;
    again.close().unwrap();
    verify_dir(dir.path()).unwrap();
    let again = ShardIndex::open(dir.path(), settings()).unwrap();
    assert_eq!(answers(&again), answers(&index));
}

#[tokio::test]
async fn a_restore_that_was_cut_off_is_wiped_and_never_served() {
    let world = World::busy().await;
    let (_dir, index) = world.built().await;
    let spooled = index.export(2_000).unwrap();
    let snapshot = write_snapshot(&*world.store, 1, 1, &spooled).await.unwrap();
    assert!(snapshot.parts.len() > 2);
    let dir = tempfile::tempdir().unwrap();
    let mut broken = snapshot.clone();
    broken.parts[1].sha256 = [0; 32];
    let error = restore(world.store.clone(), 1, dir.path(), settings(), &broken).await.unwrap_err();
    assert!(matches!(error, ShardError::Snapshot(LogError::Snapshot { .. })), "{error}");
    assert!(!error.is_damage());
    assert!(verify_dir(dir.path()).unwrap_err().is_damage());
    let again = ShardIndex::open(dir.path(), settings()).unwrap();
    assert_eq!((again.position().unwrap(), again.counts().unwrap()), Default::default());
    drop(again);
    let again = restore(world.store.clone(), 1, dir.path(), settings(), &snapshot).await.unwrap();
    assert_eq!(answers(&again), answers(&index));
}

#[tokio::test]
async fn an_export_is_of_one_position_while_entries_go_on() {
    let mut world = World::busy().await;
    let (_dir, index) = world.built().await;
    let from = world.entries.len();
    for number in 40..70 {
        world.upload(number, "acme", &["Um parágrafo sobre seguros.", "E outro."]).await;
    }
    let (index, entries) = (Arc::new(index), world.entries[from..].to_vec());
    let mut needed = Vec::new();
    for entry in &entries {
        needed.push(fetch_needed(&*world.store, &entry.entry).await.unwrap());
    }
    let applier = index.clone();
    let applied = tokio::task::spawn_blocking(move || {
        entries.iter().zip(&needed).for_each(|(entry, blobs)| applier.apply(entry, blobs).unwrap());
    });
    let mut seen = Vec::new();
    loop {
        let ended = applied.is_finished();
        let exporter = index.clone();
        seen.push(tokio::task::spawn_blocking(move || exporter.export(3_000).unwrap()).await.unwrap());
        if ended {
            break;
        }
    }
    for spooled in seen.iter().step_by(1.max(seen.len() / 8)) {
        let epoch = spooled.position().seq;
        let snapshot = write_snapshot(&*world.store, 2, epoch, spooled).await.unwrap();
        let (dir, plain) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let again = restore(world.store.clone(), 2, dir.path(), settings(), &snapshot).await.unwrap();
        let replayed = ShardIndex::open(plain.path(), settings()).unwrap();
        for entry in &world.entries[..spooled.position().seq as usize] {
            replayed.apply(entry, &fetch_needed(&*world.store, &entry.entry).await.unwrap()).unwrap();
        }
        assert_eq!(rows(&again), rows(&replayed), "at {epoch}");
    }
}

#[tokio::test]
async fn what_a_newer_version_added_to_a_document_survives_entries_and_snapshots() {
    let mut world = World::new();
    let mut document = record(1, "acme");
    document.rest = Rest::from(&[1, 2, 3][..]);
    world.append(vec![Op::Accepted { document: Box::new(document) }]).await;
    let reason = Reason { code: "c".to_owned(), message: "m".to_owned() };
    world.append(vec![Op::Failed { document_id: id(1), revision: 1, reason, processed_ms: 1 }]).await;
    let (_dir, index) = world.built().await;
    let (_other, again) = restored(&world, &index, PART_BYTES_MAX).await;
    for index in [&index, &again] {
        let document = index.document(id(1)).unwrap().unwrap();
        assert_eq!((document.rest.as_bytes(), document.is_unfinished()), (&[1, 2, 3][..], false));
    }
}

#[tokio::test]
async fn an_operation_of_a_newer_version_stops_the_shard_and_is_not_passed_over() {
    let mut world = World::busy().await;
    let (_dir, index) = world.built().await;
    let before = index.position().unwrap();
    world.append(vec![Op::Fence]).await;
    let later = world.append(vec![Op::Fence]).await;
    let newer = crate::version_tests::with_an_unknown_operation(1, before);
    let key = crate::log::entry_key(1, before.seq + 1).unwrap();
    world.store.delete(&key).await.unwrap();
    let _ = world.store.put_new(&key, newer).await;
    let mut replay = crate::log::replay(world.store.clone(), 1, before);
    let error = replay.next().await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("upgrade this node") && error.to_string().contains(key.as_str()), "{error}");
    assert!(replay.next().await.is_err());
    assert!(matches!(index.apply(&later, &Blobs::default()), Err(ShardError::OutOfOrder { .. })));
    assert_eq!(index.position().unwrap(), before);
}

#[tokio::test]
async fn a_shard_weighs_what_was_deleted_behind_a_position() {
    let mut world = World::busy().await;
    let (_dir, index) = world.built().await;
    let deleted = world.entries.iter().find(|e| matches!(e.entry.ops[..], [Op::Deleted { .. }])).unwrap();
    let at = deleted.entry.seq;
    let documents = index.counts().unwrap().documents;
    let weight = Weight { documents, erased: 1, oldest_erasure_seq: Some(at) };
    assert_eq!(index.weigh(at - 1).unwrap(), weight);
    assert_eq!(index.weigh(at).unwrap(), Weight { documents, ..Weight::default() });
    world.append(vec![Op::Deleted { document_id: id(4), reason: "expired".to_owned() }]).await;
    world.replay_into(&index).await;
    let weight = Weight { documents: documents - 1, erased: 2, oldest_erasure_seq: Some(at) };
    assert_eq!(index.weigh(0).unwrap(), weight);
}

#[tokio::test]
async fn a_shard_whose_log_is_gone_comes_back_from_its_snapshot() {
    let mut world = World::busy().await;
    let (_dir, index) = world.built().await;
    let spooled = index.export(PART_BYTES_MAX).unwrap();
    let snapshot = write_snapshot(&*world.store, 1, 1, &spooled).await.unwrap();
    let floor_seq = snapshot.position.seq;
    let manifest = Manifest { floor_seq, snapshot: Some(snapshot), ..Manifest::unowned(1) };
    let _ = create_manifest(&*world.store, &manifest).await.unwrap();
    let collected =
        crate::log::collect(&*world.store, 1, &manifest, 1, std::time::Duration::ZERO).await.unwrap();
    assert_eq!(collected.entries, floor_seq - 1);
    world.upload(60, "acme", &["Depois do piso."]).await;
    world.replay_into(&index).await;
    let error = crate::log::replay(world.store.clone(), 1, Position::default()).next().await.unwrap_err();
    assert!(matches!(error, LogError::BelowFloor { .. }), "{error}");
    let Start::FromSnapshot(snapshot) = shard_start(&*world.store, 1).await.unwrap() else { panic!() };
    let dir = tempfile::tempdir().unwrap();
    let again = restore(world.store.clone(), 1, dir.path(), settings(), &snapshot).await.unwrap();
    world.replay_into(&again).await;
    assert_eq!((answers(&again), rows(&again)), (answers(&index), rows(&index)));
}

#[tokio::test]
async fn a_document_that_was_deleted_after_the_snapshot_fails_until_its_deletion_is_applied() {
    let mut world = World::busy().await;
    let (_dir, index) = world.built().await;
    let spooled = index.export(PART_BYTES_MAX).unwrap();
    let snapshot = write_snapshot(&*world.store, 1, 1, &spooled).await.unwrap();
    crate::record::delete_blobs(&*world.store, "acme", id(4)).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let again = restore(world.store.clone(), 1, dir.path(), settings(), &snapshot).await.unwrap();
    let outcome = again.document(id(4)).unwrap().unwrap().status.outcome;
    assert!(matches!(outcome, crate::record::Outcome::Failed(reason) if reason.code == "chunks_missing"));
    world.append(vec![Op::Deleted { document_id: id(4), reason: "requested".to_owned() }]).await;
    for index in [&again, &index] {
        world.replay_into(index).await;
    }
    assert_eq!((answers(&again), rows(&again)), (answers(&index), rows(&index)));
}

/// What may happen to one of a few documents.
#[derive(Debug, Clone, Copy)]
enum Happens {
    Accepted { key: u8 },
    Read,
    Embedded,
    Ready { is_missing: bool },
    Failed,
    Deleted,
    Expired,
    Fence,
}

fn happenings() -> impl Strategy<Value = Vec<(u8, u32, Happens)>> {
    let what = prop_oneof![
        6 => (0_u8..3).prop_map(|key| Happens::Accepted { key }),
        1 => Just(Happens::Read),
        2 => Just(Happens::Embedded),
        6 => prop::bool::weighted(0.15).prop_map(|is_missing| Happens::Ready { is_missing }),
        2 => Just(Happens::Failed),
        1 => Just(Happens::Deleted),
        1 => Just(Happens::Expired),
        1 => Just(Happens::Fence),
    ];
    prop::collection::vec((0_u8..5, 1_u32..4, what), 1..40)
}

async fn chunks(store: &dyn ObjectStore, number: u8, revision: u32) -> BlobRef {
    let text = format!("Documento {number} na revisão {revision}.");
    let vector = Vector::from_f32(&embed(&text));
    let sentence_vectors = vec![vector.clone(); usize::from(number) % 2];
    let chunk = Chunk { page: 1, text, vector, sentence_vectors, ..Chunk::default() };
    // Some are of another model, and some have no vectors at all.
    let (model_id, dimensions) = [("m", 96), ("other", 96), ("m", 0)][usize::from(number) % 3];
    let blob = ChunksBlob {
        model_id: model_id.to_owned(),
        dimensions,
        chunks: vec![chunk],
        ..ChunksBlob::default()
    };
    let bytes = encode_chunks(&blob).unwrap().into();
    put_blob(store, "acme", id(number), BlobStage::Chunks, bytes).await.unwrap()
}

async fn op(store: &dyn ObjectStore, number: u8, revision: u32, happens: Happens) -> Op {
    let document_id = id(number);
    let reason = |code: &str| Reason { code: code.to_owned(), message: "m".to_owned() };
    match happens {
        Happens::Accepted { key } => {
            let document = DocumentRecord {
                revision,
                // Several documents share a key, so that the last one to come holds it.
                idempotency_key: (key > 0).then(|| format!("key-{key}")),
                sha256: [revision as u8; 32],
                rest: Rest::from(&[number; 3][..usize::from(key)]),
                ..record(number, "acme")
            };
            Op::Accepted { document: Box::new(document) }
        }
        Happens::Read => {
            let pages = BlobRef { key: "v1/blob/p".to_owned(), sha256: [number; 32], size_bytes: 1 };
            let report_json = "{}".to_owned();
            Op::PagesRead { document_id, revision, pages, page_count: 1, word_count: 2, report_json }
        }
        Happens::Embedded => {
            let chunks = chunks(store, number, revision).await;
            Op::ChunksEmbedded { document_id, revision, chunks, chunk_count: 1 }
        }
        Happens::Ready { is_missing } => {
            let mut chunks = chunks(store, number, revision).await;
            if is_missing {
                chunks.key.push('x');
                chunks.sha256 = [9; 32];
            }
            Op::Ready { document_id, revision, chunks, processed_ms: 5 }
        }
        Happens::Failed => Op::Failed { document_id, revision, reason: reason("c"), processed_ms: 6 },
        Happens::Deleted => Op::Deleted { document_id, reason: "requested".to_owned() },
        Happens::Expired => Op::Deleted { document_id, reason: "expired".to_owned() },
        Happens::Fence => Op::Fence,
    }
}

async fn log_of(world: &World, happenings: Vec<(u8, u32, Happens)>) -> Vec<(SealedEntry, Blobs)> {
    let mut position = Position::default();
    let mut entries = Vec::new();
    for (number, revision, happens) in happenings {
        let ops = vec![op(&*world.store, number, revision, happens).await];
        let (seq, prev) = (position.seq + 1, position.checksum);
        let entry = Entry { shard: 1, seq, epoch: 1, writer: 1, nonce: 1, prev, wall_ms: 0, ops };
        let sealed = entry.seal().unwrap();
        position = position.follow(&sealed).unwrap();
        let blobs = fetch_needed(&*world.store, &sealed.entry).await.unwrap();
        entries.push((sealed, blobs));
    }
    entries
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_snapshot_at_any_point_and_the_log_behind_it_give_the_rows_of_the_whole_log(
        happenings in happenings(), at in any::<prop::sample::Index>(), part_bytes_max in 200_usize..4_000,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let entries = log_of(&world, happenings).await;
            let at = at.index(entries.len() + 1);
            let whole_dir = tempfile::tempdir().unwrap();
            let whole = ShardIndex::open(whole_dir.path(), settings()).unwrap();
            let mut from_snapshot = None;
            for seq in 0..=entries.len() {
                if seq == at {
                    from_snapshot = Some(restored(&world, &whole, part_bytes_max).await);
                }
                if let Some((entry, blobs)) = entries.get(seq) {
                    whole.apply(entry, blobs).unwrap();
                    if let Some((_, index)) = &from_snapshot {
                        index.apply(entry, blobs).unwrap();
                    }
                }
            }
            let (_dir, index) = from_snapshot.unwrap();
            prop_assert_eq!(rows(&index), rows(&whole));
            prop_assert_eq!(answers(&index), answers(&whole));
            index.verify().unwrap();
            Ok(())
        })?;
    }
}
