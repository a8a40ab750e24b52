//! A log in memory with documents in it, and questions to ask of what is built from it.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use crate::codec::{Added, Rest};
use crate::log::{Entry, Position, SealedEntry, put_entry, replay};
use crate::objects::Memory;
use crate::record::{
    BlobRef, BlobStage, Chunk, ChunksBlob, DocumentId, DocumentRecord, Make, Op, Status, Vector,
    encode_chunks, put_blob,
};
use crate::shard::{Blobs, Query, Settings, ShardIndex, fetch_needed};

const DIMENSIONS: usize = 96;
/// The model of questions, and of documents that say no other.
pub(super) const MODEL: &str = "test-model";

pub(super) struct World {
    pub(super) store: Arc<Memory>,
    pub(super) entries: Vec<SealedEntry>,
    position: Position,
}

pub(super) fn id(number: u8) -> DocumentId {
    DocumentId([number; 16])
}

pub(super) fn settings() -> Settings {
    Settings { map_bytes: 1 << 30, ..Settings::here() }
}

pub(super) fn query<'a>(text: &'a str, tenant: &'a str) -> Query<'a> {
    Query {
        text,
        vector: None,
        model: MODEL,
        tenant,
        documents: None,
        metadata: &[],
        top_k: 10,
        now_ms: 1_000,
        merge_neighbours: false,
    }
}

/// Each word turns on a few dimensions: equal words are near, which is all that these tests need.
pub(super) fn embed(text: &str) -> Vec<f32> {
    let mut vector = vec![0.01_f32; DIMENSIONS];
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2) {
        for byte in blake3::hash(word.as_bytes()).as_bytes().iter().take(4) {
            vector[usize::from(*byte) % DIMENSIONS] += 1.0;
        }
    }
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter().map(|value| value / norm).collect()
}

pub(super) fn record(number: u8, tenant: &str) -> DocumentRecord {
    DocumentRecord {
        document_id: id(number),
        revision: 1,
        tenant: tenant.to_owned(),
        filename: format!("{number}.pdf"),
        template: "generic".to_owned(),
        metadata_json: format!("{{\"number\": {number}}}"),
        idempotency_key: Some(format!("request-{number}")),
        sha256: [number; 32],
        size_bytes: 10,
        media_type: "application/pdf".to_owned(),
        original: BlobRef { key: "v1/blob/original".to_owned(), sha256: [number; 32], size_bytes: 10 },
        created_ms: u64::from(number),
        expires_ms: 1_000_000,
        ticket: 0,
        status: Status::default(),
        rest: Rest::default(),
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self { store: Arc::new(Memory::new()), entries: Vec::new(), position: Position::default() }
    }

    /// Some documents of two tenants, one deleted, one re-ingested, one failed half way.
    pub(super) async fn busy() -> Self {
        let mut world = Self::new();
        for number in 1..=12 {
            let tenant = if number % 3 == 0 { "other" } else { "acme" };
            let own =
                format!("Cláusula {number}: o valor do contrato {number}{number} é de {number} mil reais.");
            let texts =
                [own.as_str(), "O prazo de pagamento é de trinta dias.", "Fica eleito o foro de Curitiba."];
            world.upload(number, tenant, &texts).await;
        }
        world.append(vec![Op::Deleted { document_id: id(2), reason: "requested".to_owned() }]).await;
        let mut second = record(5, "acme");
        second.revision = 2;
        world.append(vec![Op::Accepted { document: Box::new(second) }]).await;
        world.append(vec![Op::Accepted { document: Box::new(record(13, "acme")) }, Op::Fence]).await;
        world
    }

    pub(super) async fn append(&mut self, ops: Vec<Op>) -> SealedEntry {
        let (seq, prev) = (self.position.seq + 1, self.position.checksum);
        let entry =
            Entry { shard: 1, seq, epoch: 1, writer: 1, nonce: u128::from(seq), prev, wall_ms: 0, ops };
        let sealed = entry.seal().unwrap();
        let _ = put_entry(&*self.store, &sealed).await.unwrap();
        self.position = self.position.follow(&sealed).unwrap();
        self.entries.push(sealed.clone());
        sealed
    }

    pub(super) async fn upload(&mut self, number: u8, tenant: &str, texts: &[&str]) {
        self.upload_with_model(number, tenant, texts, MODEL).await;
    }

    pub(super) async fn upload_with_model(&mut self, number: u8, tenant: &str, texts: &[&str], model: &str) {
        let pages: Vec<(&str, u32)> = texts.iter().copied().zip(1..).collect();
        self.upload_chunks(number, tenant, &pages, model).await;
    }

    pub(super) async fn upload_on_pages(&mut self, number: u8, tenant: &str, texts: &[(&str, u32)]) {
        self.upload_chunks(number, tenant, texts, MODEL).await;
    }

    async fn upload_chunks(&mut self, number: u8, tenant: &str, texts: &[(&str, u32)], model: &str) {
        let chunk = |(ordinal, (text, page)): (u32, &(&str, u32))| Chunk {
            ordinal,
            page: *page,
            end: text.len() as u32,
            text: (*text).to_owned(),
            boxes: vec![[1.0, 2.0, 3.0, 4.0]],
            vector: Vector::from_f32(&embed(text)),
            sentence_vectors: vec![Vector::from_f32(&embed(text))],
            ..Chunk::default()
        };
        let chunks = (0..).zip(texts).map(chunk).collect();
        let blob = ChunksBlob {
            model_id: model.to_owned(),
            dimensions: DIMENSIONS as u32,
            chunks,
            ..ChunksBlob::default()
        };
        let bytes = encode_chunks(&blob).unwrap().into();
        let chunks = put_blob(&*self.store, tenant, id(number), BlobStage::Chunks, bytes).await.unwrap();
        let (document_id, revision, chunk_count) = (id(number), 1, texts.len() as u32);
        self.append(vec![Op::Accepted { document: Box::new(record(number, tenant)) }]).await;
        self.append(vec![Op::Fence]).await;
        self.append(vec![Op::ChunksEmbedded { document_id, revision, chunks: chunks.clone(), chunk_count }])
            .await;
        self.append(vec![Op::Ready { document_id, revision, chunks, processed_ms: 9 }]).await;
    }

    /// A new revision of a document that is ready, in one entry.
    pub(super) async fn make_again(&mut self, number: u8, revision: u32, texts: &[&str], make: &Make) {
        let chunk = |(ordinal, text): (u32, &&str)| Chunk {
            ordinal,
            page: 1,
            text: (*text).to_owned(),
            vector: Vector::from_f32(&embed(text)),
            ..Chunk::default()
        };
        let blob = ChunksBlob {
            model_id: make.model_id.clone(),
            dimensions: DIMENSIONS as u32,
            chunks: (0..).zip(texts).map(chunk).collect(),
            chunker: Added(make.chunker.clone()),
        };
        let bytes = encode_chunks(&blob).unwrap().into();
        let chunks = put_blob(&*self.store, "acme", id(number), BlobStage::Chunks, bytes).await.unwrap();
        let document = Box::new(DocumentRecord { revision, ..record(number, "acme") });
        let document_id = id(number);
        let ready = Op::Ready { document_id, revision, chunks, processed_ms: 9 };
        self.append(vec![Op::Accepted { document }, ready]).await;
    }

    /// What applying the entries from the place `from` on needs.
    pub(super) async fn blobs(&self, from: usize) -> Vec<Blobs> {
        let mut all = Vec::new();
        for sealed in &self.entries[from..] {
            all.push(fetch_needed(&*self.store, &sealed.entry).await.unwrap());
        }
        all
    }

    pub(super) async fn replay_into(&self, index: &ShardIndex) {
        let mut replay = replay(self.store.clone(), 1, index.position().unwrap());
        while let Some(entry) = replay.next().await.unwrap() {
            let blobs = fetch_needed(&*self.store, &entry.entry).await.unwrap();
            index.apply(&entry, &blobs).unwrap();
        }
    }

    pub(super) async fn open(&self, dir: &Path) -> ShardIndex {
        let index = ShardIndex::open(dir, settings()).unwrap();
        self.replay_into(&index).await;
        index
    }

    pub(super) async fn built(&self) -> (tempfile::TempDir, ShardIndex) {
        let dir = tempfile::tempdir().unwrap();
        let index = self.open(dir.path()).await;
        (dir, index)
    }
}

/// Everything that a user could be told, as text.
pub(super) fn answers(index: &ShardIndex) -> String {
    let mut out = String::new();
    for tenant in ["acme", "other"] {
        for text in ["valor do contrato 77", "prazo de pagamento", "foro", "Cláusula 3", "nada disso"] {
            let vector = embed(text);
            for vector in [Some(&vector[..]), None] {
                for hit in index.search(&Query { vector, top_k: 6, ..query(text, tenant) }).unwrap() {
                    let (id, chunk) = (hit.document_id, hit.chunk);
                    writeln!(out, "{text}: {id} {:?} {:.3}", (chunk.page, chunk.text), hit.score).unwrap();
                }
            }
        }
        for record in index.documents(tenant, None, 100).unwrap().documents {
            writeln!(out, "{record:?} {:?}", index.chunks(record.document_id).unwrap()).unwrap();
        }
    }
    writeln!(out, "{:?} {:?}", index.unfinished().unwrap(), index.is_deleted(id(2)).unwrap()).unwrap();
    out
}

pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if !entry.file_name().to_string_lossy().ends_with("lock.mdb") {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
