//! What an older version wrote is read, what a newer one added survives, and what nobody knows is refused.

use std::collections::BTreeMap;

use bincode::Encode;
use proptest::prelude::*;

use crate::codec::{self, Added, Kind, Rest};
use crate::log::{
    Cluster, Entry, Manifest, NodeRecord, Owner, Position, SealedEntry, SnapshotRef, create_node, list_nodes,
    manifest_key, read_manifest, read_node, swap_manifest, swap_node,
};
use crate::objects::{Memory, ObjectStore, PutOutcome};
use crate::record::{
    BlobRef, Chunk, ChunksBlob, DocumentId, DocumentRecord, Make, Op, Outcome, PageRecord, PagesBlob, Reason,
    Status, Vector, WireOp, WordBox, decode_chunks, decode_pages, encode_chunks, encode_pages,
};

/// The bytes that the first version wrote, a record a line.
const FIRST: &str = include_str!("version_tests/1.txt");

fn first(name: &str) -> Vec<u8> {
    let lines: BTreeMap<_, _> = FIRST.lines().filter_map(|line| line.split_once(' ')).collect();
    let digits = lines[name].as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn blob(name: &str) -> BlobRef {
    BlobRef { key: format!("v1/blob/aa/{name}"), sha256: [7; 32], size_bytes: 9 }
}

fn document() -> DocumentRecord {
    let reason = Reason { code: "encrypted_pdf".to_owned(), message: "Sem senha.".to_owned() };
    DocumentRecord {
        document_id: DocumentId([1; 16]),
        revision: 2,
        tenant: "acme".to_owned(),
        filename: "contrato.pdf".to_owned(),
        template: "generic".to_owned(),
        metadata_json: "{\"a\":1}".to_owned(),
        idempotency_key: Some("k".to_owned()),
        sha256: [2; 32],
        size_bytes: 10,
        media_type: "application/pdf".to_owned(),
        original: blob("original"),
        created_ms: 1_700_000_000_000,
        expires_ms: 1_800_000_000_000,
        ticket: 5,
        status: Status {
            outcome: Outcome::Failed(reason),
            pages: Some(blob("pages")),
            chunks: None,
            page_count: 3,
            word_count: 4,
            chunk_count: 0,
            report_json: "{}".to_owned(),
            processed_ms: Some(6),
        },
        rest: Rest::default(),
    }
}

fn ops() -> Vec<Op> {
    let (document_id, revision) = (DocumentId([1; 16]), 2);
    let (report_json, pages) = ("{}".to_owned(), blob("pages"));
    let reason = Reason { code: "c".to_owned(), message: "m".to_owned() };
    vec![
        Op::Accepted { document: Box::new(document()) },
        Op::PagesRead { document_id, revision, pages, page_count: 2, word_count: 3, report_json },
        Op::ChunksEmbedded { document_id, revision, chunks: blob("chunks"), chunk_count: 4 },
        Op::Ready { document_id, revision, chunks: blob("chunks"), processed_ms: 5 },
        Op::Failed { document_id, revision, reason, processed_ms: 6 },
        Op::Deleted { document_id, reason: "expired".to_owned() },
        Op::Fence,
    ]
}

fn manifest() -> Manifest {
    Manifest {
        shard: 3,
        epoch: 2,
        owner: Some(Owner { node: "a".to_owned(), generation: 77 }),
        lease_until_ms: 15,
        floor_seq: 8,
        snapshot: Some(SnapshotRef {
            position: Position { seq: 8, epoch: 1, checksum: 99 },
            parts: vec![blob("part")],
        }),
        min_reader_version: 1,
        writer: 77,
        rest: Rest::default(),
    }
}

fn chunks() -> ChunksBlob {
    let chunk = Chunk {
        ordinal: 0,
        page: 1,
        start: 0,
        end: 8,
        text: "Cláusula".to_owned(),
        context: "t".to_owned(),
        boxes: vec![[0.0, 1.5, 2.0, 3.0]],
        is_table: true,
        vector: Vector::from_f32(&[0.5, 1.0]),
        sentence_vectors: vec![Vector::from_f32(&[1.0, 0.5])],
    };
    ChunksBlob { model_id: "m".to_owned(), dimensions: 2, chunks: vec![chunk], chunker: Added::default() }
}

fn pages() -> PagesBlob {
    let page = PageRecord {
        number: 1,
        text: "Cláusula".to_owned(),
        width_pt: 595.0,
        height_pt: 842.0,
        is_ocr: true,
        confidence: 0.5,
        words: vec![WordBox { start: 0, end: 9, rect: [1.0, 2.0, 3.0, 4.0] }],
        table_rows: vec![(0, 3)],
        headings: vec![(4, 5)],
    };
    PagesBlob { pages: vec![page] }
}

#[test]
fn what_the_first_version_wrote_is_read() {
    let entry = SealedEntry::open(3, 9, first("ENTRY").into()).unwrap().entry;
    let expected =
        Entry { shard: 3, seq: 9, epoch: 2, writer: 11, nonce: 12, prev: 13, wall_ms: 14, ops: ops() };
    assert_eq!(entry, expected);
    // A manifest without a writer means that the owner's generation wrote the entries.
    assert_eq!(codec::decode::<Manifest>(Kind::Manifest, &first("MANIFEST")).unwrap(), manifest());
    let cluster: Cluster = codec::decode(Kind::Cluster, &first("CLUSTER")).unwrap();
    assert_eq!(cluster, Cluster { shard_count: 64, hash_seed: 42, format_version: 1 });
    assert_eq!(decode_chunks(&first("CHUNKS")).unwrap(), chunks());
    assert_eq!(decode_pages(&first("PAGES")).unwrap(), pages());
    assert_eq!(codec::from_bytes::<DocumentRecord>(&first("RECORD")).unwrap(), document());
}

#[test]
fn what_has_not_changed_since_the_first_version_is_written_as_it_was() {
    let entry =
        Entry { shard: 3, seq: 9, epoch: 2, writer: 11, nonce: 12, prev: 13, wall_ms: 14, ops: ops() };
    assert_eq!(entry.seal().unwrap().bytes, first("ENTRY"));
    assert_eq!(encode_pages(&pages()).unwrap(), first("PAGES"));
    assert_eq!(codec::to_bytes(&document()).unwrap(), first("RECORD"));
    let cluster = Cluster { shard_count: 64, hash_seed: 42, format_version: 1 };
    assert_eq!(codec::encode(Kind::Cluster, &cluster).unwrap(), first("CLUSTER"));
}

#[test]
fn a_blob_that_says_how_it_was_cut_says_it_behind_what_the_first_version_knows() {
    let named = ChunksBlob { chunker: Added("2/1/2/3".to_owned()), ..chunks() };
    assert_eq!(decode_chunks(&encode_chunks(&named).unwrap()).unwrap(), named);
    let known = codec::to_bytes(&(&named.model_id, named.dimensions, &named.chunks)).unwrap();
    assert!(codec::to_bytes(&named).unwrap().starts_with(&known));
    assert_ne!(Make::of(&named).chunker, Make::of(&chunks()).chunker);
}

/// A record with fields that this version does not know behind those that it knows.
fn newer<T: Encode, N: Encode>(record: &T, added: &N) -> Vec<u8> {
    [codec::to_bytes(record).unwrap(), codec::to_bytes(added).unwrap()].concat()
}

fn enveloped(kind: Kind, payload: &[u8]) -> Vec<u8> {
    codec::encode(kind, &Rest::from(payload)).unwrap()
}

#[test]
fn an_operation_with_more_in_its_body_is_read_and_an_accepted_document_keeps_it() {
    for op in ops() {
        let mut wire = op.to_wire().unwrap();
        wire.body.extend_from_slice(&[9, 9, 9]);
        let read = Op::from_wire(&wire).unwrap();
        match &read {
            Op::Accepted { document } => {
                assert_eq!(document.rest.as_bytes(), [9, 9, 9]);
                assert_eq!(read.to_wire().unwrap(), wire);
            }
            _ => assert_eq!(read, op),
        }
    }
}

#[test]
fn an_unknown_operation_line_or_kind_is_refused_by_name() {
    let unknown = WireOp { tag: 8, version: 1, body: Vec::new() };
    let changed = WireOp { version: 2, ..Op::Fence.to_wire().unwrap() };
    for wire in [unknown, changed] {
        assert!(Op::from_wire(&wire).unwrap_err().to_string().contains("upgrade this node"));
    }
    let mut bytes = first("ENTRY");
    bytes[7] = 99;
    let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..]);
    bytes[12..16].copy_from_slice(&sum.to_le_bytes());
    let error = SealedEntry::open(3, 9, bytes.into()).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "the record is of kind 99 where Entry was expected");
}

#[test]
fn blobs_and_settings_with_more_at_their_end_are_read() {
    let bytes = enveloped(Kind::Chunks, &newer(&chunks(), &vec![1_u64, 2]));
    assert_eq!(decode_chunks(&bytes).unwrap(), chunks());
    let bytes = enveloped(Kind::Pages, &newer(&pages(), &"new"));
    assert_eq!(decode_pages(&bytes).unwrap(), pages());
}

#[test]
fn bytes_behind_an_envelope_are_an_error_whatever_it_holds() {
    for (kind, name) in [(Kind::Manifest, "MANIFEST"), (Kind::Cluster, "CLUSTER")] {
        let mut bytes = first(name);
        bytes.push(0);
        let error = codec::decode::<Rest>(kind, &bytes).unwrap_err();
        assert!(matches!(error, codec::CodecError::Trailing { extra: 1 }), "{error}");
    }
}

/// What a later version of the product might make of these records.
type NewerManifest = (Manifest1, Added<u128>, Added<String>, Added<Vec<u32>>);
type Manifest1 = (u32, u64, Option<Owner>, u64, u64, Option<SnapshotRef>, u32);

#[tokio::test]
async fn a_manifest_keeps_what_a_newer_version_added_when_this_one_swaps_it() {
    let store = Memory::new();
    let added = ("colour".to_owned(), vec![1_u32, 2, 3]);
    let _ = store
        .put_new(&manifest_key(3).unwrap(), enveloped(Kind::Manifest, &newer(&manifest(), &added)).into())
        .await;
    let read = read_manifest(&store, 3).await.unwrap().unwrap();
    let changed = Manifest { epoch: 9, writer: 5, ..read.value };
    assert!(matches!(swap_manifest(&store, &read.etag, &changed).await.unwrap(), PutOutcome::Done(_)));
    let bytes = store.get(&manifest_key(3).unwrap()).await.unwrap().unwrap().bytes;
    let (known, writer, colour, sizes): NewerManifest = codec::decode(Kind::Manifest, &bytes).unwrap();
    assert_eq!((known.1, writer.0, colour.0, sizes.0), (9, 5, added.0, added.1));
}

#[tokio::test]
async fn a_node_record_keeps_what_a_newer_version_added_when_this_one_beats() {
    let store = Memory::new();
    let node = NodeRecord { node: "a".to_owned(), generation: 4, ..NodeRecord::default() };
    let record = NodeRecord { rest: Rest::from(&codec::to_bytes(&7_u64).unwrap()[..]), ..node };
    let _ = create_node(&store, &record).await.unwrap();
    let read = list_nodes(&store, None).await.unwrap().nodes.pop().unwrap();
    let beaten = NodeRecord { beat: 2, ..read.value };
    let _ = swap_node(&store, &read.etag, &beaten).await.unwrap();
    let again = read_node(&store, "a", 4).await.unwrap().unwrap().value;
    assert_eq!((again.beat, codec::from_bytes::<u64>(again.rest.as_bytes()).unwrap()), (2, 7));
}

proptest! {
    #[test]
    fn a_document_keeps_what_a_newer_version_added_whatever_this_one_changes(
        language in ".{0,40}", scores: Vec<u32>, page_count: u32, is_ready: bool,
    ) {
        let bytes = newer(&document(), &(&language, &scores));
        let mut record: DocumentRecord = codec::from_bytes(&bytes).unwrap();
        record.status.page_count = page_count;
        record.status.outcome = if is_ready { Outcome::Ready } else { Outcome::Processing };
        let known = codec::to_bytes(&DocumentRecord { rest: Rest::default(), ..record.clone() }).unwrap();
        let written = codec::to_bytes(&record).unwrap();
        let tail = written.strip_prefix(&known[..]).unwrap();
        let read: (String, Vec<u32>) = codec::from_bytes(tail).unwrap();
        prop_assert_eq!(read, (language, scores));
    }
}

/// An entry behind `position` with an operation that this version does not know.
pub(crate) fn with_an_unknown_operation(shard: u32, position: Position) -> bytes::Bytes {
    let ops = vec![WireOp { tag: 99, version: 1, body: vec![1] }];
    let entry = (shard, position.seq + 1, position.epoch, 1_u128, 1_u128, position.checksum, 0_u64, ops);
    codec::encode(Kind::Entry, &entry).unwrap().into()
}
