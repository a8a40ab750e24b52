//! What is asked of a shard and what it answers.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::try_join_all;

use crate::log::Entry;
use crate::objects::ObjectStore;
use crate::plant;
use crate::record::{
    BlobError, BlobRef, Chunk, ChunksBlob, DocumentId, DocumentRecord, Op, decode_chunks, read_blob,
};

use super::ShardError;

/// A search of one shard.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    /// The question as words; empty to search by meaning alone.
    pub text: &'a str,
    /// The question's embedding, of unit length; `None` to search by words alone.
    pub vector: Option<&'a [f32]>,
    /// The model that the vector is of: documents with vectors of another one are found by their words alone.
    pub model: &'a str,
    /// Only this tenant's documents are seen.
    pub tenant: &'a str,
    /// Only these documents, or all of the tenant.
    pub documents: Option<&'a [DocumentId]>,
    /// Only documents whose metadata has all of these top-level members with these values.
    pub metadata: &'a [(String, serde_json::Value)],
    /// Hits wanted, at most [`TOP_K_MAX`].
    pub top_k: usize,
    /// The time of asking, Unix milliseconds: expired documents answer nothing.
    pub now_ms: u64,
    /// Whether hits that touch on the same page become one.
    pub merge_neighbours: bool,
}

/// Most hits of one search; more than any prompt holds.
pub const TOP_K_MAX: usize = 100;

/// One chunk that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Its document.
    pub document_id: DocumentId,
    /// The revision that was searched.
    pub revision: u32,
    /// The chunk, without its vectors. Several chunks' span when neighbours were merged.
    pub chunk: Chunk,
    /// 0..1: how well the chunk answers the question by meaning and words; comparable between shards.
    pub score: f32,
    /// The cosine with the question, if there was a vector.
    pub cosine: Option<f32>,
    /// 0..1: the share of the question's words, weighted by rarity, that the chunk has.
    pub words: f32,
}

/// Some documents of a tenant, newest first.
#[derive(Debug, Clone)]
pub struct DocumentPage {
    /// The documents.
    pub documents: Vec<DocumentRecord>,
    /// Where the next page starts, or `None` at the end.
    pub next: Option<Vec<u8>>,
}

/// The blobs that applying an entry needs, read and verified.
#[derive(Debug, Clone, Default)]
pub struct Blobs(HashMap<[u8; 32], Arc<ChunksBlob>>);

impl Blobs {
    /// Adds the decoded content of `blob`.
    pub fn insert(&mut self, blob: &BlobRef, chunks: ChunksBlob) {
        self.0.insert(blob.sha256, Arc::new(chunks));
    }

    pub(super) fn get(&self, blob: &BlobRef) -> Option<&ChunksBlob> {
        self.0.get(&blob.sha256).map(AsRef::as_ref)
    }
}

/// Blobs that are read at the same time: a bucket answers each in milliseconds, however many are asked for.
const READS_AT_ONCE: usize = 8;

/// Reads from the store the blobs that [`super::ShardIndex::apply`] needs for `entry`.
///
/// A blob that is gone or damaged is left out: its document was deleted later in the log; if not, applying marks it,
/// alone, as failed.
///
/// # Errors
///
/// If the store fails.
pub async fn fetch_needed(store: &dyn ObjectStore, entry: &Entry) -> Result<Blobs, ShardError> {
    let needed = entry.ops.iter().filter_map(|op| match op {
        Op::Ready { chunks, .. } => Some(chunks.clone()),
        _ => None,
    });
    fetch(store, needed.collect(), READS_AT_ONCE).await
}

/// Reads blobs of chunks, `at_once` at a time; leaves out what is gone or damaged.
pub(super) async fn fetch(
    store: &dyn ObjectStore,
    needed: Vec<BlobRef>,
    at_once: usize,
) -> Result<Blobs, ShardError> {
    let mut blobs = Blobs::default();
    for part in needed.chunks(at_once) {
        let read = try_join_all(part.iter().map(|blob| read_chunks(store, blob))).await?;
        for (blob, chunks) in part.iter().zip(read) {
            if let Some(chunks) = chunks {
                blobs.insert(blob, chunks);
            }
        }
    }
    Ok(blobs)
}

/// Reads of a blob before it counts as damaged: what is wrong on the way here is right the next time.
const READS_MAX: u32 = 3;

/// The bytes of a blob that applying an entry needs, or `None` if it is gone or damaged for good.
///
/// # Errors
///
/// If the store fails.
pub async fn read_needed(store: &dyn ObjectStore, blob: &BlobRef) -> Result<Option<Bytes>, BlobError> {
    let mut reads = 1;
    loop {
        match read_blob(store, blob).await {
            Ok(bytes) => return Ok(Some(bytes)),
            Err(BlobError::Missing { .. }) => return Ok(None),
            // Every follower of the log must come to the same rows.
            Err(BlobError::Damaged { .. }) if plant::here("damage-on-the-way-is-for-ever") => {
                return Ok(None);
            }
            Err(BlobError::Damaged { .. }) if reads < READS_MAX => reads += 1,
            Err(error @ BlobError::Damaged { .. }) => {
                tracing::error!(%error, "a blob of chunks is damaged");
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
}

async fn read_chunks(store: &dyn ObjectStore, blob: &BlobRef) -> Result<Option<ChunksBlob>, ShardError> {
    let Some(bytes) = read_needed(store, blob).await? else { return Ok(None) };
    // Unpacking and decoding a large document takes longer than a worker of the runtime may be held.
    let decoded = tokio::task::spawn_blocking(move || decode_chunks(&bytes)).await;
    match decoded.map_err(|_| ShardError::Stopped)? {
        Ok(decoded) => Ok(Some(decoded)),
        Err(error) => {
            tracing::error!(key = %blob.key, %error, "a blob of chunks is damaged");
            Ok(None)
        }
    }
}
