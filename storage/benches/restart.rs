//! Measures how a shard starts as the store grows: from its own files, from the whole log, and from a snapshot.
//!
//! `cargo bench -p enabler-storage --bench restart --profile dev [-- DOCUMENTS]`: fills a store in memory with up to
//! DOCUMENTS (1,000,000 if not given) small documents in 64 shards, and starts shards of it at each power of ten.

#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use enabler_storage::log::{
    Entry, PART_BYTES_MAX, Position, SnapshotRef, entry_prefix, put_entry, replay, write_snapshot,
};
use enabler_storage::objects::{Memory, ObjectStore};
use enabler_storage::record::{
    BlobRef, BlobStage, Chunk, ChunksBlob, DocumentId, DocumentRecord, Op, Status, Vector, encode_chunks,
    put_blob,
};
use enabler_storage::shard::{Settings, ShardIndex, fetch_needed, restore};
use tokio::time::Instant;

const SHARDS: u32 = 64;
/// Documents whose operations share an entry, as they do when uploads come together.
const TOGETHER: u64 = 8;
const DIMENSIONS: usize = 64;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let documents = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(documents))
}

async fn run(documents: u64) -> Outcome<()> {
    let mut filling = Filling {
        store: Arc::new(Memory::new()),
        logs: vec![Position::default(); SHARDS as usize],
        count: 0,
    };
    println!(
        "documents   a shard   from the log (with words)  each      reopened   snapshot   exported   from it (with words)"
    );
    let mut size = 10_000.min(documents);
    while size <= documents {
        let began = Instant::now();
        filling.up_to(size).await?;
        let filled = began.elapsed();
        // Small shards start too quickly to be measured once.
        let shards = (100_000 / size).clamp(1, 8) as u32;
        let mut sums = Started::default();
        for shard in 0..shards {
            let started = start(&filling.store, shard).await?;
            sums.add(&started);
        }
        println!(
            "{size:>9} {:>9} {:>10.1?} {:>10.1?} {:>10.1?} {:>10.1?} {:>6} KiB {:>9.1?} {:>9.1?} {:>9.1?} \
             (filled in {filled:.1?}, one listing {:.1?})",
            sums.documents / u64::from(shards),
            sums.rows_from_log / shards,
            sums.from_log / shards,
            sums.from_log.div_f64(sums.documents as f64),
            sums.reopened / shards,
            sums.snapshot_bytes / u64::from(shards) / 1024,
            sums.exported / shards,
            sums.rows_from_snapshot / shards,
            sums.from_snapshot / shards,
            sums.listed / shards,
        );
        size *= 10;
    }
    Ok(())
}

#[derive(Default)]
struct Started {
    documents: u64,
    rows_from_log: Duration,
    from_log: Duration,
    reopened: Duration,
    exported: Duration,
    snapshot_bytes: u64,
    rows_from_snapshot: Duration,
    from_snapshot: Duration,
    listed: Duration,
}

impl Started {
    fn add(&mut self, other: &Self) {
        self.documents += other.documents;
        self.rows_from_log += other.rows_from_log;
        self.from_log += other.from_log;
        self.reopened += other.reopened;
        self.exported += other.exported;
        self.snapshot_bytes += other.snapshot_bytes;
        self.rows_from_snapshot += other.rows_from_snapshot;
        self.from_snapshot += other.from_snapshot;
        self.listed += other.listed;
    }
}

/// Starts a shard in every way, and checks that all ways lead to the same place.
async fn start(store: &Arc<Memory>, shard: u32) -> Outcome<Started> {
    let (dir, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
    // What the store in memory takes to look for later entries; a bucket answers that from its index.
    let began = Instant::now();
    let _ = store.list_after(&entry_prefix(shard), None, 1).await?;
    let listed = began.elapsed();

    let began = Instant::now();
    let index = ShardIndex::open(dir.path(), settings())?;
    catch_up(store, shard, &index).await?;
    let rows_from_log = began.elapsed();
    index.flush()?;
    let from_log = began.elapsed();
    let (counts, position) = (index.counts()?, index.position()?);
    index.close()?;

    let began = Instant::now();
    let index = ShardIndex::open(dir.path(), settings())?;
    catch_up(store, shard, &index).await?;
    let reopened = began.elapsed();

    let began = Instant::now();
    let spooled = index.export(PART_BYTES_MAX)?;
    let snapshot: SnapshotRef = write_snapshot(&**store, shard, position.seq, &spooled).await?;
    let exported = began.elapsed();
    let snapshot_bytes = spooled.size_bytes();

    let began = Instant::now();
    let again = restore(store.clone(), shard, other.path(), settings(), &snapshot).await?;
    catch_up(store, shard, &again).await?;
    let rows_from_snapshot = began.elapsed();
    again.flush()?;
    let from_snapshot = began.elapsed();
    if (again.counts()?, again.position()?) != (counts, position) {
        return Err("the shard from the snapshot is another one".into());
    }
    let documents = counts.documents;
    Ok(Started {
        documents,
        rows_from_log,
        from_log,
        reopened,
        exported,
        snapshot_bytes,
        rows_from_snapshot,
        from_snapshot,
        listed,
    })
}

async fn catch_up(store: &Arc<Memory>, shard: u32, index: &ShardIndex) -> Outcome<()> {
    let mut replay = replay(store.clone(), shard, index.position()?);
    while let Some(entry) = replay.next().await? {
        let blobs = fetch_needed(&**store, &entry.entry).await?;
        index.apply(&entry, &blobs)?;
    }
    Ok(())
}

fn settings() -> Settings {
    Settings { map_bytes: 4 << 30, ..Settings::here() }
}

struct Filling {
    store: Arc<Memory>,
    logs: Vec<Position>,
    count: u64,
}

impl Filling {
    async fn up_to(&mut self, documents: u64) -> Outcome<()> {
        let mut number = self.count;
        while number < documents {
            for shard in 0..SHARDS {
                let last = (number + TOGETHER).min(documents);
                let (mut accepted, mut ready) = (Vec::new(), Vec::new());
                for number in number..last {
                    let (document_id, blob) = self.blob(number).await?;
                    let document = Box::new(record(number, document_id));
                    accepted.push(Op::Accepted { document });
                    let (revision, chunks) = (1, blob.clone());
                    ready.push(Op::ChunksEmbedded { document_id, revision, chunks, chunk_count: 1 });
                    ready.push(Op::Ready { document_id, revision, chunks: blob, processed_ms: 5 });
                }
                self.append(shard, accepted).await?;
                self.append(shard, ready).await?;
                number = last;
            }
        }
        self.count = documents;
        Ok(())
    }

    async fn append(&mut self, shard: u32, ops: Vec<Op>) -> Outcome<()> {
        let log = self.logs.get_mut(shard as usize).ok_or("no such shard")?;
        let (seq, prev) = (log.seq + 1, log.checksum);
        let nonce = u128::from(seq);
        let sealed = Entry { shard, seq, epoch: 1, writer: 1, nonce, prev, wall_ms: 0, ops }.seal()?;
        let _ = put_entry(&*self.store, &sealed).await?;
        *log = log.follow(&sealed)?;
        Ok(())
    }

    async fn blob(&self, number: u64) -> Outcome<(DocumentId, BlobRef)> {
        let hash = blake3::hash(&number.to_le_bytes());
        let document_id = DocumentId(hash.as_bytes().first_chunk().copied().unwrap_or_default());
        let values: Vec<f32> =
            hash.as_bytes().iter().cycle().take(DIMENSIONS).map(|b| f32::from(*b)).collect();
        let text = format!("O contrato {number} tem o valor de {} reais.", number * 17 % 9_973);
        let chunk = Chunk { page: 1, text, vector: Vector::from_f32(&values), ..Chunk::default() };
        let blob = ChunksBlob {
            model_id: "bench".into(),
            dimensions: DIMENSIONS as u32,
            chunks: vec![chunk],
            ..ChunksBlob::default()
        };
        let bytes = encode_chunks(&blob)?.into();
        let blob = put_blob(&*self.store, "bench", document_id, BlobStage::Chunks, bytes).await?;
        Ok((document_id, blob))
    }
}

fn record(number: u64, document_id: DocumentId) -> DocumentRecord {
    let sha256 = *blake3::hash(&number.to_be_bytes()).as_bytes();
    DocumentRecord {
        document_id,
        revision: 1,
        tenant: "bench".into(),
        filename: format!("contrato-{number}.pdf"),
        template: "generic".into(),
        metadata_json: "{}".into(),
        idempotency_key: None,
        sha256,
        size_bytes: 1_000,
        media_type: "application/pdf".into(),
        original: BlobRef { key: format!("v1/blob/bench/{document_id}"), sha256, size_bytes: 1_000 },
        created_ms: number,
        expires_ms: u64::MAX,
        ticket: 0,
        status: Status::default(),
        rest: Default::default(),
    }
}
