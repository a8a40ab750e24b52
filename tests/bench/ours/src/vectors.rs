//! The vector index of a shard: build, query, recall against the exact ten nearest.

use std::collections::HashSet;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use enabler_storage::index::vector::{Exact, VectorIndex, cosine};
use enabler_storage::record::DocumentId;
use serde_json::json;

use crate::Failure;
use crate::report::{row, timed};

const WIDTH: usize = 384;
const NEAREST: usize = 10;
/// Candidates that are scored again with the exact vectors, as a shard does.
const CANDIDATES: usize = 100;
const DOCUMENT_CHUNKS: usize = 50;

fn floats(path: &Path) -> Result<Vec<Vec<f32>>, Failure> {
    let bytes = std::fs::read(path)?;
    let (words, _) = bytes.as_chunks::<4>();
    let flat: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
    Ok(flat.chunks_exact(WIDTH).map(<[f32]>::to_vec).collect())
}

fn document(number: usize) -> DocumentId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(number as u64).to_be_bytes());
    DocumentId(id)
}

pub(crate) fn measure(folder: &str) -> Result<(), Failure> {
    let folder = Path::new(folder);
    let (base, queries) = (floats(&folder.join("base.f32"))?, floats(&folder.join("queries.f32"))?);
    let truth = std::fs::read(folder.join("truth.u32"))?;
    let (truth, _) = truth.as_chunks::<4>();
    let truth: Vec<usize> = truth.iter().map(|word| u32::from_le_bytes(*word) as usize).collect();

    let mut index = Exact::new(WIDTH);
    let ((), seconds, _) = timed(|| {
        for (number, vectors) in base.chunks(DOCUMENT_CHUNKS).enumerate() {
            index.insert(document(number), vectors);
        }
    });
    row("index all", seconds, "s", json!({"bytes": index.size_bytes()}));

    let nearest = |query: &[f32]| -> Vec<usize> {
        let mut found: Vec<(usize, f32)> = index
            .nearest(query, CANDIDATES, &|_| true)
            .into_iter()
            .map(|(chunk, _)| {
                let first: [u8; 8] = chunk.document_id.0[..8].try_into().unwrap_or_default();
                let at = u64::from_be_bytes(first) as usize * DOCUMENT_CHUNKS + chunk.ordinal as usize;
                (at, base.get(at).map_or(0.0, |vector| cosine(query, vector)))
            })
            .collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found.into_iter().take(NEAREST).map(|(at, _)| at).collect()
    };
    black_box(queries.first().map(|query| nearest(query)));
    let (mut spent, mut hits) = (Vec::new(), 0);
    for (query, right) in queries.iter().zip(truth.chunks(NEAREST)) {
        let began = Instant::now();
        let found = nearest(query);
        spent.push(began.elapsed().as_secs_f64() * 1000.0);
        let right: HashSet<usize> = right.iter().copied().collect();
        hits += found.iter().filter(|at| right.contains(at)).count();
    }
    spent.sort_by(f64::total_cmp);
    let at = |share: f64| spent.get((spent.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    row("query", at(0.5), "ms", json!({"p95_ms": at(0.95), "recall": hits as f64 / truth.len() as f64}));
    Ok(())
}
