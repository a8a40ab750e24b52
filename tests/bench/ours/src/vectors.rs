//! A shard with its log on disk: documents in, the ten nearest chunks out, recall against the exact ones.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use enabler_cluster::net::NodeId;
use enabler_cluster::owner::{FollowError, Follower, Group, Means, Owner};
use enabler_storage::chance::OsChance;
use enabler_storage::clock::SystemClock;
use enabler_storage::log::{MIN_AGE, Position, SealedEntry};
use enabler_storage::objects::{Directory, ObjectStore};
use enabler_storage::record::{
    BlobStage, Chunk, ChunksBlob, DocumentId, DocumentRecord, Op, Status, Vector, encode_chunks, put_blob,
};
use enabler_storage::shard::{Query, Settings, ShardIndex, fetch_needed};
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::sync::mpsc;

use crate::Failure;
use crate::report::{row, timed};

const WIDTH: usize = 384;
const NEAREST: usize = 10;
const DOCUMENT_CHUNKS: usize = 50;
const TENANT: &str = "bench";
/// Far from any expiry.
const NOW_MS: u64 = 1_700_000_000_000;

/// Documents whose blobs are stored at the same time, as the ingests of a folder run side by side.
const DOCUMENTS_AT_ONCE: usize = 32;

/// A shard and everything it is derived from.
struct Shard {
    store: Arc<dyn ObjectStore>,
    index: Arc<ShardIndex>,
    owner: Owner,
    follower: Indexer,
}

/// Applies entries to the index, as the product's shard actor does.
struct Indexer {
    store: Arc<dyn ObjectStore>,
    index: Arc<ShardIndex>,
    position: Position,
    entries: usize,
}

impl Follower for Indexer {
    fn position(&self) -> Position {
        self.position
    }

    async fn apply(&mut self, entry: &SealedEntry) -> Result<(), FollowError> {
        let wrong = |error: &dyn std::error::Error| FollowError::Index(error.to_string());
        let blobs = fetch_needed(&*self.store, &entry.entry).await.map_err(|error| wrong(&error))?;
        let (index, taken) = (self.index.clone(), entry.clone());
        let applied = tokio::task::spawn_blocking(move || index.apply(&taken, &blobs)).await;
        applied.map_err(|error| wrong(&error))?.map_err(|error| wrong(&error))?;
        self.position = self.position.follow(entry).map_err(|error| wrong(&error))?;
        self.entries += 1;
        Ok(())
    }
}

fn floats(path: &Path) -> Result<Vec<Vec<f32>>, Failure> {
    let bytes = std::fs::read(path)?;
    let (words, _) = bytes.as_chunks::<4>();
    let flat: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
    Ok(flat.chunks_exact(WIDTH).map(<[f32]>::to_vec).collect())
}

/// The id of the document whose first chunk is `first`, and back.
fn document_id(first: usize) -> DocumentId {
    DocumentId((first as u128).to_be_bytes())
}

/// Stores the chunks of a document, durably, and returns the operations that make it searchable.
async fn store_blob(store: &dyn ObjectStore, first: usize, vectors: &[Vec<f32>]) -> Result<Vec<Op>, Failure> {
    let document_id = document_id(first);
    let chunks = (0..).zip(vectors).map(|(ordinal, vector)| Chunk {
        ordinal,
        page: 1 + ordinal / 4,
        text: format!("trecho {ordinal} do documento {first}"),
        vector: Vector::from_f32(vector),
        ..Chunk::default()
    });
    let blob = ChunksBlob {
        model_id: "bench".into(),
        dimensions: WIDTH as u32,
        chunks: chunks.collect(),
        ..ChunksBlob::default()
    };
    let bytes = Bytes::from(encode_chunks(&blob)?);
    let chunks = put_blob(store, TENANT, document_id, BlobStage::Chunks, bytes).await?;
    let document = Box::new(DocumentRecord {
        document_id,
        revision: 1,
        tenant: TENANT.into(),
        filename: "bench.pdf".into(),
        template: "generic".into(),
        metadata_json: "{}".into(),
        idempotency_key: None,
        sha256: chunks.sha256,
        size_bytes: chunks.size_bytes,
        media_type: "application/pdf".into(),
        original: chunks.clone(),
        created_ms: NOW_MS,
        expires_ms: u64::MAX,
        ticket: 0,
        status: Status::default(),
    });
    let ready = Op::Ready { document_id, revision: 1, chunks, processed_ms: NOW_MS };
    Ok(vec![Op::Accepted { document }, ready])
}

impl Shard {
    async fn open(folder: &Path) -> Result<Self, Failure> {
        let store: Arc<dyn ObjectStore> = Arc::new(Directory::open(folder.join("store"))?);
        let index = Arc::new(ShardIndex::open(&folder.join("index"), Settings::here())?);
        let position = index.position()?;
        let mut follower = Indexer { store: store.clone(), index: index.clone(), position, entries: 0 };
        let means = Means {
            store: store.clone(),
            clock: Arc::new(SystemClock),
            chance: Arc::new(OsChance),
            node: NodeId { name: "bench".to_owned(), generation: 1 },
            keeps: MIN_AGE,
        };
        let owner = Owner::claim(means, 0, 0, &mut follower).await?;
        Ok(Self { store, index, owner, follower })
    }

    /// Everything between embedded vectors and being searchable: blob, log entry, index.
    async fn add(&mut self, first: usize, vectors: &[Vec<f32>]) -> Result<(), Failure> {
        let ops = store_blob(&*self.store, first, vectors).await?;
        self.owner.append(ops, &mut self.follower).await?;
        Ok(())
    }

    /// Many documents handed over at once: their blobs side by side, and an entry for those that wait for one.
    async fn add_all(&mut self, base: &[Vec<f32>]) -> Result<(), Failure> {
        let store = self.store.clone();
        let (hand_over, mut waiting) = mpsc::channel::<Vec<Op>>(DOCUMENTS_AT_ONCE);
        let store_all = async move {
            let documents = base.chunks(DOCUMENT_CHUNKS).enumerate();
            let mut stored = stream::iter(documents)
                .map(|(number, vectors)| store_blob(&*store, number * DOCUMENT_CHUNKS, vectors))
                .buffer_unordered(DOCUMENTS_AT_ONCE);
            while let Some(ops) = stored.next().await {
                hand_over.send(ops?).await.map_err(|_| "the shard stopped taking documents")?;
            }
            Ok::<(), Failure>(())
        };
        let append_all = async {
            while let Some(ops) = waiting.recv().await {
                let mut group = Group::default();
                group.add(ops, ());
                while let Ok(ops) = waiting.try_recv() {
                    if !group.has_room_for(&ops) {
                        self.owner.append(group.take().0, &mut self.follower).await?;
                    }
                    group.add(ops, ());
                }
                self.owner.append(group.take().0, &mut self.follower).await?;
            }
            Ok(())
        };
        tokio::try_join!(store_all, append_all).map(|_| ())
    }

    /// The numbers of the nearest chunks.
    fn nearest(&self, vector: &[f32]) -> Result<Vec<usize>, Failure> {
        let query = Query {
            text: "",
            vector: Some(vector),
            model: "bench",
            tenant: TENANT,
            documents: None,
            metadata: &[],
            top_k: NEAREST,
            now_ms: NOW_MS,
            merge_neighbours: false,
        };
        let number = |id: DocumentId, ordinal: u32| u128::from_be_bytes(id.0) as usize + ordinal as usize;
        let hits = self.index.search(&query)?;
        Ok(hits.into_iter().map(|hit| number(hit.document_id, hit.chunk.ordinal)).collect())
    }
}

pub(crate) fn measure(folder: &str) -> Result<(), Failure> {
    let folder = Path::new(folder);
    let (base, queries) = (floats(&folder.join("base.f32"))?, floats(&folder.join("queries.f32"))?);
    let truth = std::fs::read(folder.join("truth.u32"))?;
    let (truth, _) = truth.as_chunks::<4>();
    let truth: Vec<usize> = truth.iter().map(|word| u32::from_le_bytes(*word) as usize).collect();
    let work = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;

    let mut shard = runtime.block_on(Shard::open(work.path()))?;
    let (done, seconds, cpu) = timed(|| runtime.block_on(shard.add_all(&base)));
    done?;
    let documents = base.len().div_ceil(DOCUMENT_CHUNKS);
    // From here on everything is durable and found by meaning, which is what the peers do.
    let more = json!({"documents": documents, "entries": shard.follower.entries, "cpu_s": cpu});
    row("index all", seconds, "s", more);
    let (done, seconds, cpu) = timed(|| shard.index.flush());
    done?;
    row("index the words of all", seconds, "s", json!({"cpu_s": cpu}));

    queries.iter().take(3).try_for_each(|query| shard.nearest(query).map(|_| ()))?;
    let (mut spent, mut hits) = (Vec::new(), 0);
    for (query, right) in queries.iter().zip(truth.chunks(NEAREST)) {
        let began = Instant::now();
        let found = shard.nearest(query)?;
        spent.push(began.elapsed().as_secs_f64() * 1000.0);
        hits += found.iter().filter(|number| right.contains(number)).count();
    }
    spent.sort_by(f64::total_cmp);
    let at = |share: f64| spent.get((spent.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    row("query", at(0.5), "ms", json!({"p95_ms": at(0.95), "recall": hits as f64 / truth.len() as f64}));

    let mut least = f64::INFINITY;
    for turn in 0..7 {
        let vectors = queries
            .get(turn * 10..turn * 10 + DOCUMENT_CHUNKS)
            .ok_or("too few queries to add as documents")?;
        let (done, seconds, _) =
            timed(|| runtime.block_on(shard.add(base.len() + turn * DOCUMENT_CHUNKS, vectors)));
        done?;
        least = least.min(seconds * 1000.0);
    }
    row("add one document", least, "ms", json!({"chunks": DOCUMENT_CHUNKS}));
    Ok(())
}
