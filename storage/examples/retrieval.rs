//! Measures retrieval on a set of passages and questions through the product's own index.
//!
//! `retrieval CORPUS.jsonl QUERIES.jsonl QRELS.tsv VECTORS`, where VECTORS is a folder with `questions.f32`,
//! `chunks.f32` and `sentences.f32` (rows of little-endian f32) and `sentences.txt` (one line per passage: how many).

#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use enabler_storage::eval::quality;
use enabler_storage::log::{Entry, Position};
use enabler_storage::objects::Memory;
use enabler_storage::record::{
    BlobRef, BlobStage, Chunk, ChunksBlob, DocumentId, DocumentRecord, Op, Status, Vector, encode_chunks,
    put_blob,
};
use enabler_storage::shard::{Query, Settings, ShardIndex, fetch_needed};

const DIMENSIONS: usize = 384;

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [corpus, queries, qrels, vectors] = args.as_slice() else {
        return Err("usage: retrieval CORPUS.jsonl QUERIES.jsonl QRELS.tsv VECTORS".into());
    };
    let vectors = Path::new(vectors);
    let (corpus, queries) = (lines(corpus)?, lines(queries)?);
    let questions = rows(&vectors.join("questions.f32"))?;
    let mut chunk_vectors = rows(&vectors.join("chunks.f32"))?.into_iter();
    let mut sentence_vectors = rows(&vectors.join("sentences.f32"))?.into_iter();
    let sentences = std::fs::read_to_string(vectors.join("sentences.txt"))?;
    let dir = tempfile::tempdir()?;
    let index = ShardIndex::open(dir.path(), Settings::here())?;
    let store = Arc::new(Memory::new());
    let mut names: HashMap<DocumentId, String> = HashMap::new();
    let mut position = Position::default();
    for (number, (passage, count)) in (1_u128..).zip(corpus.iter().zip(sentences.lines())) {
        let document_id = DocumentId(number.to_be_bytes());
        names.insert(document_id, text(passage, "_id"));
        let chunk = Chunk {
            page: 1,
            text: text(passage, "text"),
            context: text(passage, "title"),
            vector: Vector::from_f32(&chunk_vectors.next().ok_or("too few vectors")?),
            sentence_vectors: sentence_vectors
                .by_ref()
                .take(count.parse()?)
                .map(|v| Vector::from_f32(&v))
                .collect(),
            ..Chunk::default()
        };
        let blob =
            ChunksBlob { model_id: "e5".to_owned(), dimensions: DIMENSIONS as u32, chunks: vec![chunk] };
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
    for line in std::fs::read_to_string(qrels)?.lines().skip(1) {
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
    }
}

fn lines(path: &str) -> Result<Vec<serde_json::Value>, Box<dyn Error>> {
    Ok(std::fs::read_to_string(path)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

fn text(value: &serde_json::Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn rows(path: &Path) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let values: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    Ok(values.chunks_exact(DIMENSIONS).map(<[f32]>::to_vec).collect())
}
