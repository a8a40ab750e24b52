//! Measures retrieval on a set of passages and questions through the product's own index.
//!
//! `retrieval FOLDER [MODEL]`: FOLDER holds `corpus.jsonl`, `queries.jsonl` and `qrels.tsv`; MODEL is the folder of
//! the embedding model (the default one of the set-up if not given).

#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use enabler_grounding::chunk;
use enabler_inference::catalogue;
use enabler_inference::embedding::{Embedder, Input, InputKind, Options};
use enabler_storage::eval::quality;
use enabler_storage::log::{Entry, Position};
use enabler_storage::objects::Memory;
use enabler_storage::record::{
    BlobRef, BlobStage, Chunk, ChunksBlob, DocumentId, DocumentRecord, Op, Status, Vector, encode_chunks,
    put_blob,
};
use enabler_storage::shard::{Query, Settings, ShardIndex, fetch_needed};

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let folder = Path::new(args.first().ok_or("usage: retrieval FOLDER [MODEL]")?);
    let model = match args.get(1) {
        Some(model) => PathBuf::from(model),
        None => {
            let request = enabler_config::Request { file: None, flags: Vec::new() };
            let loaded = enabler_config::load(&request).map_err(|problems| problems.to_string())?;
            loaded.merged.settings.models.dir.join(catalogue::EMBEDDING_DEFAULT)
        }
    };
    let embedder = Embedder::load(&model, Options { threads: 2, ..Options::default() })?;
    let (corpus, queries) = (lines(&folder.join("corpus.jsonl"))?, lines(&folder.join("queries.jsonl"))?);
    let questions =
        embed(&embedder, InputKind::Query, queries.iter().map(|query| text(query, "text")).collect())?;
    let dir = tempfile::tempdir()?;
    let index = ShardIndex::open(dir.path(), Settings::here())?;
    let store = Arc::new(Memory::new());
    let mut names: HashMap<DocumentId, String> = HashMap::new();
    let mut position = Position::default();
    for (number, passage) in (1_u128..).zip(&corpus) {
        let document_id = DocumentId(number.to_be_bytes());
        names.insert(document_id, text(passage, "_id"));
        // As an ingest does it: the heading before the text, the whole and each sentence embedded.
        let cut = chunk::Chunk {
            ordinal: 0,
            page: 1,
            start: 0,
            end: 0,
            text: text(passage, "text"),
            context: text(passage, "title"),
            boxes: Vec::new(),
            is_table: false,
        };
        let mut texts = vec![cut.text_to_embed()];
        texts.extend(cut.sentences_to_embed());
        let mut vectors =
            embed(&embedder, InputKind::Passage, texts)?.into_iter().map(|v| Vector::from_f32(&v));
        let chunk = Chunk {
            page: 1,
            vector: vectors.next().ok_or("no vector")?,
            sentence_vectors: vectors.collect(),
            text: cut.text,
            context: cut.context,
            ..Chunk::default()
        };
        let blob = ChunksBlob {
            model_id: embedder.model_id().to_owned(),
            dimensions: embedder.dimension() as u32,
            chunks: vec![chunk],
            ..ChunksBlob::default()
        };
        let bytes = encode_chunks(&blob)?.into();
        let chunks = put_blob(&*store, "t", document_id, BlobStage::Chunks, bytes).await?;
        let document = Box::new(record(document_id, &chunks));
        let ops =
            vec![Op::Accepted { document }, Op::Ready { document_id, revision: 1, chunks, processed_ms: 0 }];
        let (seq, prev) = (position.seq + 1, position.checksum);
        let entry = Entry { shard: 0, seq, epoch: 1, writer: 1, nonce: 1, prev, wall_ms: 0, ops }.seal()?;
        position = position.follow(&entry)?;
        index.apply(&entry, &fetch_needed(&*store, &entry.entry).await?)?;
    }
    let mut truth: HashMap<String, HashMap<String, u32>> = HashMap::new();
    for line in std::fs::read_to_string(folder.join("qrels.tsv"))?.lines().skip(1) {
        if let [query, passage, grade] = line.split('\t').collect::<Vec<_>>()[..] {
            truth.entry(query.to_owned()).or_default().insert(passage.to_owned(), grade.parse()?);
        }
    }
    for (name, with_words, with_meaning) in
        [("words", true, false), ("meaning", false, true), ("both", true, true)]
    {
        let began = tokio::time::Instant::now();
        let (mut answers, mut best) = (Vec::new(), Vec::new());
        for (question, vector) in queries.iter().zip(&questions) {
            let asked = text(question, "text");
            let hits = index.search(&Query {
                text: if with_words { &asked } else { "" },
                vector: with_meaning.then_some(&vector[..]),
                model: embedder.model_id(),
                tenant: "t",
                documents: None,
                metadata: &[],
                top_k: 10,
                now_ms: 0,
                merge_neighbours: false,
            })?;
            best.extend(hits.first().map(|hit| hit.score));
            let ids: Vec<String> = hits.iter().map(|hit| names[&hit.document_id].clone()).collect();
            answers.push((ids, truth.get(&text(question, "_id")).cloned().unwrap_or_default()));
        }
        let each = began.elapsed().as_secs_f64() * 1e3 / queries.len() as f64;
        let quality = quality(answers.iter().map(|(ids, grades)| (&ids[..], grades)));
        best.sort_by(f32::total_cmp);
        let score = |share: usize| best.get(best.len() * share / 100).copied().unwrap_or(0.0);
        println!("{name}: {quality:.4?} {each:.2} ms; best score p5 {:.2} p50 {:.2}", score(5), score(50));
    }
    println!("{:?}, vectors {} KiB", index.counts()?, index.memory_bytes() / 1024);
    Ok(())
}

fn record(document_id: DocumentId, blob: &BlobRef) -> DocumentRecord {
    DocumentRecord {
        document_id,
        revision: 1,
        tenant: "t".to_owned(),
        filename: String::new(),
        template: "generic".to_owned(),
        metadata_json: "{}".to_owned(),
        idempotency_key: None,
        sha256: [0; 32],
        size_bytes: 0,
        media_type: "text/plain".to_owned(),
        original: blob.clone(),
        created_ms: 0,
        expires_ms: u64::MAX,
        ticket: 0,
        status: Status::default(),
        rest: Default::default(),
    }
}

fn lines(path: &Path) -> Result<Vec<serde_json::Value>, Box<dyn Error>> {
    Ok(std::fs::read_to_string(path)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

fn text(value: &serde_json::Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn embed(embedder: &Embedder, kind: InputKind, texts: Vec<String>) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
    let mut vectors = Vec::with_capacity(texts.len());
    for part in texts.chunks(64) {
        let inputs: Vec<_> = part.iter().map(|text| Input { kind, text }).collect();
        vectors.extend(embedder.embed(&inputs)?.into_iter().map(|embedding| embedding.vector));
    }
    Ok(vectors)
}
