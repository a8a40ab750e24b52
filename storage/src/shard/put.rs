//! Writes and removes the rows of one document, in whichever way it comes.

use super::ShardError;
use super::live::Made;
use super::query::Blobs;
use super::restore::chunks_of;
use super::rows::{Of, Writing, chunk_key, from_bytes, listing_key, tenant_key, to_bytes};
use crate::record::{Chunk, ChunksBlob, DocumentId, DocumentRecord, Make, Outcome, Reason};

/// Writes the rows by which a document is found, and its own.
pub(super) fn put_new(
    writing: &mut Writing<'_>,
    record: &DocumentRecord,
    holds_request: bool,
) -> Result<(), ShardError> {
    let id = record.document_id;
    writing.put(Of::Listing, &listing_key(record), &[])?;
    if record.is_unfinished() {
        writing.put(Of::Unfinished, &id.0, &[])?;
    }
    writing.put(Of::Contents, &content_key(&record.tenant, &record.sha256, Some(id)), &[])?;
    if let Some(key) = record.idempotency_key.as_ref().filter(|_| holds_request) {
        writing.put(Of::Requests, &request_key(&record.tenant, key), &id.0)?;
    }
    put_record(writing, record)
}

/// Writes everything of a document as a snapshot has it.
pub(super) fn put_restored(
    writing: &mut Writing<'_>,
    record: &DocumentRecord,
    holds_request: bool,
    blobs: &Blobs,
) -> Result<(), ShardError> {
    if record.status.outcome != Outcome::Ready {
        return put_new(writing, record, holds_request);
    }
    match chunks_of(record).and_then(|blob| blobs.get(blob)) {
        Some(chunks) => {
            put_chunks(writing, record.document_id, chunks)?;
            put_new(writing, record, holds_request)
        }
        None => {
            let mut record = record.clone();
            record.status.outcome = chunks_missing();
            put_new(writing, &record, holds_request)
        }
    }
}

/// Deleting removes blobs before a compaction removes their entries; then the deletion follows in the log.
pub(super) fn chunks_missing() -> Outcome {
    Outcome::Failed(Reason {
        code: "chunks_missing".to_owned(),
        message: "The document's text is missing from the object store. Upload the document again."
            .to_owned(),
    })
}

/// Writes chunks and vectors, in order, and what they were made with: a question is compared with vectors of its own
/// model alone.
pub(super) fn put_chunks(
    writing: &mut Writing<'_>,
    id: DocumentId,
    blob: &ChunksBlob,
) -> Result<Made, ShardError> {
    let make = Make::of(blob);
    writing.put(Of::Makes, &id.0, &to_bytes(&(&make, blob.dimensions))?)?;
    let dimensions = usize::try_from(blob.dimensions).unwrap_or(0);
    let mut vectors = Vec::with_capacity(blob.chunks.len());
    for (ordinal, chunk) in (0_u32..).zip(&blob.chunks) {
        let key = chunk_key(id, ordinal);
        let bare =
            Chunk { ordinal, vector: Default::default(), sentence_vectors: Vec::new(), ..chunk.clone() };
        writing.put(Of::Chunks, &key, &to_bytes(&bare)?)?;
        if dimensions > 0 {
            let mut row = chunk.vector.as_bytes().to_vec();
            // Every chunk has a row in the order of its number, so a missing vector is one that points nowhere.
            row.resize(dimensions * 2, 0);
            vectors.push(crate::record::half_to_f32(&row));
            for sentence in chunk.sentence_vectors.iter().filter(|v| v.dimensions() == dimensions) {
                row.extend_from_slice(sentence.as_bytes());
            }
            writing.put(Of::Vectors, &key, &row)?;
        }
    }
    let has_sentences = blob.chunks.iter().any(|chunk| !chunk.sentence_vectors.is_empty());
    Ok(Made { make, dimensions, vectors, has_sentences })
}

/// Removes everything of a document but its tombstone.
pub(super) fn remove_rows(writing: &mut Writing<'_>, id: DocumentId, seq: u64) -> Result<(), ShardError> {
    let Some(record) = record_of(writing, id)? else { return Ok(()) };
    writing.delete(Of::Documents, &id.0)?;
    writing.delete(Of::Listing, &listing_key(&record))?;
    writing.delete(Of::Unfinished, &id.0)?;
    writing.delete(Of::Contents, &content_key(&record.tenant, &record.sha256, Some(id)))?;
    if let Some(key) = &record.idempotency_key {
        let key = request_key(&record.tenant, key);
        if writing.get(Of::Requests, &key)? == Some(&id.0[..]) {
            writing.delete(Of::Requests, &key)?;
        }
    }
    writing.delete_all(Of::Chunks, &id.0)?;
    writing.delete_all(Of::Vectors, &id.0)?;
    writing.delete(Of::Makes, &id.0)?;
    if record.status.outcome == Outcome::Ready {
        writing.put(Of::Changes, &change_key(seq, id), &[])?;
    }
    Ok(())
}

pub(super) fn record_of(writing: &Writing<'_>, id: DocumentId) -> Result<Option<DocumentRecord>, ShardError> {
    writing.get(Of::Documents, &id.0)?.map(from_bytes).transpose()
}

pub(super) fn put_record(writing: &mut Writing<'_>, record: &DocumentRecord) -> Result<(), ShardError> {
    writing.put(Of::Documents, &record.document_id.0, &to_bytes(record)?)
}

pub(super) fn content_key(tenant: &str, sha256: &[u8; 32], id: Option<DocumentId>) -> Vec<u8> {
    let mut key = tenant_key(tenant);
    key.extend_from_slice(sha256);
    key.extend(id.iter().flat_map(|id| id.0));
    key
}

pub(super) fn request_key(tenant: &str, idempotency_key: &str) -> Vec<u8> {
    let mut key = tenant_key(tenant);
    key.extend_from_slice(blake3::hash(idempotency_key.as_bytes()).as_bytes());
    key
}

pub(super) fn change_key(seq: u64, id: DocumentId) -> Vec<u8> {
    [&seq.to_be_bytes()[..], &id.0].concat()
}

pub(super) fn change_of(key: &[u8]) -> (u64, DocumentId) {
    let seq = key.first_chunk::<8>().map_or(0, |seq| u64::from_be_bytes(*seq));
    (seq, DocumentId(key.last_chunk::<16>().copied().unwrap_or_default()))
}
