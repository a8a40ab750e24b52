use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::chance::SeededChance;
use crate::clock::ManualClock;
use crate::codec::Rest;
use crate::objects::{Fault, Memory, ObjectStore};

fn id() -> DocumentId {
    DocumentId::mint(&ManualClock::at(1_700_000_000_000), &SeededChance::new(1))
}

fn blob() -> BlobRef {
    BlobRef { key: "v1/blob/x".to_owned(), sha256: [7; 32], size_bytes: 9 }
}

#[test]
fn an_id_is_read_as_it_is_shown_and_in_no_other_spelling() {
    let id = id();
    assert_eq!(id.to_string().parse::<DocumentId>().unwrap(), id);
    let shown = id.to_string();
    for bad in
        [shown.to_uppercase(), shown.replace('-', ""), format!("{shown}0"), String::new(), "+".repeat(36)]
    {
        assert!(bad.parse::<DocumentId>().is_err(), "{bad}");
    }
}

#[test]
fn documents_spread_over_all_shards() {
    let chance = SeededChance::new(2);
    let clock = ManualClock::at(0);
    let mut counts = [0; 8];
    for _ in 0..800 {
        counts[DocumentId::mint(&clock, &chance).shard(42, 8) as usize] += 1;
    }
    assert!(counts.iter().all(|count| (50..150).contains(count)), "{counts:?}");
}

#[test]
fn every_operation_survives_the_wire() {
    let document = DocumentRecord {
        document_id: id(),
        revision: 1,
        tenant: "acme".to_owned(),
        filename: "contrato.pdf".to_owned(),
        template: "generic".to_owned(),
        metadata_json: "{}".to_owned(),
        idempotency_key: Some("k".to_owned()),
        sha256: [1; 32],
        size_bytes: 10,
        media_type: "application/pdf".to_owned(),
        original: blob(),
        created_ms: 1,
        expires_ms: 2,
        ticket: 0,
        status: Status::default(),
        rest: Rest::default(),
    };
    let reason = Reason { code: "encrypted_pdf".to_owned(), message: "m".to_owned() };
    let report_json = "{}".to_owned();
    let ops = [
        Op::Accepted { document: Box::new(document) },
        Op::PagesRead {
            document_id: id(),
            revision: 1,
            pages: blob(),
            page_count: 2,
            word_count: 3,
            report_json,
        },
        Op::ChunksEmbedded { document_id: id(), revision: 1, chunks: blob(), chunk_count: 4 },
        Op::Ready { document_id: id(), revision: 1, chunks: blob(), processed_ms: 5 },
        Op::Failed { document_id: id(), revision: 1, reason, processed_ms: 6 },
        Op::Deleted { document_id: id(), reason: "expired".to_owned() },
        Op::Fence,
    ];
    for op in ops {
        assert_eq!(Op::from_wire(&op.to_wire().unwrap()).unwrap(), op);
    }
}

#[test]
fn an_operation_of_a_newer_version_is_refused_and_not_skipped() {
    for wire in [WireOp { tag: 8, version: 1, body: vec![] }, WireOp { tag: 6, version: 2, body: vec![] }] {
        let error = Op::from_wire(&wire).unwrap_err();
        assert!(matches!(error, OpError::Newer { .. }) && error.to_string().contains("upgrade this node"));
    }
    let mut wire = Op::Fence.to_wire().unwrap();
    wire.tag = 6;
    assert!(matches!(Op::from_wire(&wire), Err(OpError::Body { tag: 6, .. })));
}

#[tokio::test]
async fn a_blob_is_stored_once_and_read_back_verified() {
    let store = Memory::new();
    let put = || put_blob(&store, "acme", id(), BlobStage::Pages, "text".into());
    let first = put().await.unwrap();
    assert_eq!(put().await.unwrap(), first);
    assert_eq!(read_blob(&store, &first).await.unwrap(), "text");
    store.schedule([Fault::BitFlipped]);
    assert!(matches!(read_blob(&store, &first).await, Err(BlobError::Damaged { .. })));
    assert_eq!(delete_blobs(&store, "acme", id()).await.unwrap(), 1);
    assert!(matches!(read_blob(&store, &first).await, Err(BlobError::Missing { .. })));
}

#[tokio::test]
async fn a_lost_answer_is_read_back_and_a_lost_request_is_an_error() {
    let store: Arc<dyn ObjectStore> = {
        let store = Memory::new();
        store.schedule([Fault::AnswerLost]);
        Arc::new(store)
    };
    assert!(put_blob(&*store, "acme", id(), BlobStage::Chunks, "x".into()).await.is_ok());
    let store = Memory::new();
    store.schedule([Fault::Lost]);
    let lost = put_blob(&store, "acme", id(), BlobStage::Chunks, "x".into()).await;
    assert!(matches!(lost, Err(BlobError::Store { .. })));
}

#[test]
fn tenants_never_share_a_prefix() {
    assert_ne!(blob_prefix("a", id()), blob_prefix("b", id()));
    assert!(blob_key("../../etc", id(), BlobStage::Original, &[0; 32]).is_ok());
}

proptest! {
    #[test]
    fn half_precision_keeps_three_digits(values in prop::collection::vec(-1.0_f32..1.0, 0..400)) {
        let back = Vector::from_f32(&values).to_f32();
        prop_assert_eq!(back.len(), values.len());
        for (a, b) in values.iter().zip(&back) {
            prop_assert!((a - b).abs() <= 1e-3);
        }
    }

    #[test]
    fn chunks_survive_their_blob(text in ".{0,300}", page in 1_u32..9, vector in prop::collection::vec(-1.0_f32..1.0, 8)) {
        let chunk = Chunk {
            text,
            page,
            boxes: vec![[0.0, 1.5, 2.0, 3.0]],
            vector: Vector::from_f32(&vector),
            sentence_vectors: vec![Vector::from_f32(&vector)],
            ..Chunk::default()
        };
        let model_id = "m".to_owned();
        let blob = ChunksBlob { model_id, dimensions: 8, chunks: vec![chunk], ..ChunksBlob::default() };
        prop_assert_eq!(decode_chunks(&encode_chunks(&blob).unwrap()).unwrap(), blob);
    }
}

#[test]
fn an_operation_that_could_not_be_read_again_is_not_written() {
    let delete = |bytes: usize| Op::Deleted { document_id: DocumentId([1; 16]), reason: "r".repeat(bytes) };
    let fits = delete((4 << 20) - 100);
    assert_eq!(Op::from_wire(&fits.to_wire().unwrap()).unwrap(), fits);
    assert!(matches!(delete(5 << 20).to_wire(), Err(OpError::Encode { tag: 6, .. })));
    assert_eq!(delete(5 << 20).size_bytes(), u64::MAX);
}
