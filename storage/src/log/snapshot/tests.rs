use std::path::Path;

use super::*;
use crate::objects::{Fault, Memory};
use crate::record::{Outcome, Status};

fn document(number: u8) -> DocumentRecord {
    let blob = BlobRef { key: format!("v1/blob/{number}"), sha256: [number; 32], size_bytes: 9 };
    DocumentRecord {
        document_id: DocumentId([number; 16]),
        revision: 1,
        tenant: "acme".to_owned(),
        filename: format!("{number}.pdf"),
        template: "generic".to_owned(),
        metadata_json: "{}".to_owned(),
        idempotency_key: Some(format!("key-{number}")),
        sha256: [number; 32],
        size_bytes: 10,
        media_type: "application/pdf".to_owned(),
        original: blob.clone(),
        created_ms: 1,
        expires_ms: 2,
        ticket: u64::from(number),
        status: Status { outcome: Outcome::Ready, chunks: Some(blob), ..Status::default() },
        rest: Rest::from(&[number, 0][..]),
    }
}

fn lines(count: u8) -> Vec<Line> {
    let documents = (0..count).map(|number| Line::Document {
        document: Box::new(document(number)),
        holds_request: number % 2 == 0,
    });
    let tombstones = (0..count).map(|number| Line::Tombstone {
        document_id: DocumentId([number; 16]),
        seq: u64::from(number),
        rest: Rest::from(&[1, number][..]),
    });
    documents.chain(tombstones).collect()
}

fn head() -> Head {
    let position = Position { seq: 30, epoch: 2, checksum: 5 };
    Head { position, dimensions: 384, model_id: "a model".to_owned() }
}

fn spooled(dir: &Path, lines: &[Line], part_bytes_max: usize) -> Spooled {
    let mut spool = Spool::create(dir.join("spool"), head(), part_bytes_max).unwrap();
    lines.iter().for_each(|line| spool.push(line).unwrap());
    spool.finish().unwrap()
}

async fn stored(lines: &[Line], part_bytes_max: usize) -> (Arc<Memory>, SnapshotRef) {
    let (dir, store) = (tempfile::tempdir().unwrap(), Arc::new(Memory::new()));
    let spooled = spooled(dir.path(), lines, part_bytes_max);
    let snapshot = write_snapshot(&*store, 3, 7, &spooled).await.unwrap();
    (store, snapshot)
}

async fn read_all(store: &Arc<Memory>, snapshot: &SnapshotRef) -> Result<Vec<Line>, LogError> {
    let (mut reader, mut lines) = (read_snapshot(store.clone(), 3, snapshot), Vec::new());
    while let Some(part) = reader.next().await? {
        assert_eq!(part.head, head());
        lines.extend(part.lines);
    }
    Ok(lines)
}

#[tokio::test]
async fn a_snapshot_is_read_as_it_was_written_in_parts_within_their_bound() {
    for (count, bytes_max, parts) in [(0, 4 << 20, 1..=1), (40, 4 << 20, 1..=1), (40, 2_000, 8..=40)] {
        let (store, snapshot) = stored(&lines(count), bytes_max).await;
        assert!(parts.contains(&snapshot.parts.len()), "{}", snapshot.parts.len());
        assert!(snapshot.parts.iter().all(|part| part.size_bytes <= bytes_max as u64), "{snapshot:?}");
        assert_eq!(read_all(&store, &snapshot).await.unwrap(), lines(count));
    }
}

#[tokio::test]
async fn a_record_larger_than_a_part_has_a_part_of_its_own() {
    let (store, snapshot) = stored(&lines(3), 10).await;
    assert_eq!(snapshot.parts.len(), 6);
    assert_eq!(read_all(&store, &snapshot).await.unwrap(), lines(3));
}

#[tokio::test]
async fn no_flipped_bit_of_a_snapshot_is_read() {
    let (store, snapshot) = stored(&lines(6), 1_500).await;
    for part in &snapshot.parts {
        let key = Key::new(part.key.as_str()).unwrap();
        for byte in 0..usize::try_from(part.size_bytes).unwrap() {
            let bit = byte * 8 + byte % 8;
            store.flip(&key, bit);
            let error = read_all(&store, &snapshot).await.unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains(&part.key), "bit {bit}: {cause}");
            store.flip(&key, bit);
        }
    }
    // Below the hash of the object the envelope has a checksum of its own.
    let bytes = store.get(&Key::new(snapshot.parts[0].key.as_str()).unwrap()).await.unwrap().unwrap().bytes;
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.to_vec();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(decode_part(&bad).is_err(), "bit {bit}");
    }
    assert_eq!(read_all(&store, &snapshot).await.unwrap(), lines(6));
}

#[tokio::test]
async fn a_part_that_is_missing_or_stands_in_another_place_is_named() {
    let (store, snapshot) = stored(&lines(6), 1_500).await;
    let mut swapped = snapshot.clone();
    swapped.parts.swap(0, 1);
    let mut short = snapshot.clone();
    short.parts.pop();
    let elsewhere = SnapshotRef { position: Position { seq: 31, ..snapshot.position }, ..snapshot.clone() };
    let none = SnapshotRef { parts: Vec::new(), ..snapshot.clone() };
    for wrong in [swapped, short, elsewhere, none] {
        let error = read_all(&store, &wrong).await.unwrap_err();
        assert!(matches!(error, LogError::Strange { .. }), "{error}");
    }
    store.delete(&Key::new(snapshot.parts[1].key.as_str()).unwrap()).await.unwrap();
    assert!(matches!(read_all(&store, &snapshot).await, Err(LogError::Snapshot { .. })));
}

#[tokio::test]
async fn a_lost_answer_or_request_is_settled_and_writing_again_is_harmless() {
    let (dir, store) = (tempfile::tempdir().unwrap(), Arc::new(Memory::new()));
    let spooled = spooled(dir.path(), &lines(6), 1_500);
    store.schedule([Fault::AnswerLost, Fault::None, Fault::Lost]);
    let snapshot = write_snapshot(&*store, 3, 7, &spooled).await.unwrap();
    assert_eq!(write_snapshot(&*store, 3, 7, &spooled).await.unwrap(), snapshot);
    assert_eq!(read_all(&store, &snapshot).await.unwrap(), lines(6));
    store.always(Some(Fault::Lost));
    assert!(matches!(write_snapshot(&*store, 3, 8, &spooled).await, Err(LogError::Store { .. })));
}

#[tokio::test]
async fn another_object_in_the_place_of_a_part_is_never_taken_for_it() {
    let (dir, store) = (tempfile::tempdir().unwrap(), Arc::new(Memory::new()));
    let spooled = spooled(dir.path(), &lines(2), PART_BYTES_MAX);
    let _ = store.put_new(&snapshot_key(3, 30, 7, 0).unwrap(), "other bytes".into()).await;
    let error = write_snapshot(&*store, 3, 7, &spooled).await.unwrap_err();
    assert!(matches!(error, LogError::Strange { .. }), "{error}");
}

#[test]
fn the_folder_of_a_spooled_snapshot_goes_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let spooled = spooled(dir.path(), &lines(2), 100);
    assert!(spooled.files().all(Path::exists) && spooled.size_bytes() > 0);
    drop(spooled);
    assert!(!dir.path().join("spool").exists());
    drop(Spool::create(dir.path().join("spool"), head(), 100).unwrap());
    assert!(!dir.path().join("spool").exists());
}

#[test]
fn a_line_of_an_unknown_kind_is_refused_and_not_passed_over() {
    let wire = Wire { head: head(), index: 0, is_last: true, lines: vec![WireLine { tag: 3, body: vec![] }] };
    let error = decode_part(&codec::encode(Kind::Snapshot, &wire).unwrap()).unwrap_err();
    assert!(error.to_string().contains("upgrade this node"), "{error}");
}
