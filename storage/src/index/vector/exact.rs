//! Every vector is looked at, as 8-bit numbers in memory: exact enough to choose candidates, and fast to extend.

use std::collections::HashMap;

use super::kernel::{Kernel, LANES};
use super::{ChunkId, VectorIndex};
use crate::record::DocumentId;

/// Rows are moved together once more than a quarter of them belongs to removed documents.
const DEAD_SHARE_MAX: usize = 4;

/// All vectors of a shard, quantised by row to -127..127: `dimensions` bytes and 12 more per chunk.
#[derive(Debug)]
pub struct Exact {
    kernel: Kernel,
    dimensions: usize,
    /// Dimensions, filled up to whole lanes.
    row_bytes: usize,
    rows: Vec<i8>,
    scales: Vec<f32>,
    documents: HashMap<DocumentId, usize>,
    /// Spans of rows by document in the order of insertion; `None` after a removal.
    spans: Vec<Option<Span>>,
    dead_rows: usize,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    document_id: DocumentId,
    start: usize,
    length: usize,
}

impl Exact {
    /// An empty index of vectors with `dimensions`.
    #[must_use]
    pub fn new(dimensions: usize) -> Self {
        Self::with_kernel(dimensions, Kernel::detect())
    }

    /// As [`Exact::new`], computing with `kernel`, or with the next simpler one that the processor has.
    #[must_use]
    pub fn with_kernel(dimensions: usize, kernel: Kernel) -> Self {
        Self {
            kernel,
            dimensions,
            row_bytes: dimensions.div_ceil(LANES) * LANES,
            rows: Vec::new(),
            scales: Vec::new(),
            documents: HashMap::new(),
            spans: Vec::new(),
            dead_rows: 0,
        }
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.rows.capacity() + self.scales.capacity() * 4 + self.spans.capacity() * size_of::<Option<Span>>()
    }

    /// Moves the rows of the living together.
    fn compact(&mut self) {
        let (mut rows, mut scales, mut spans) = (Vec::new(), Vec::new(), Vec::new());
        for span in self.spans.drain(..).flatten() {
            let start = scales.len();
            let end = span.start + span.length;
            rows.extend_from_slice(
                self.rows.get(span.start * self.row_bytes..end * self.row_bytes).unwrap_or_default(),
            );
            scales.extend_from_slice(self.scales.get(span.start..end).unwrap_or_default());
            self.documents.insert(span.document_id, spans.len());
            spans.push(Some(Span { start, ..span }));
        }
        (self.rows, self.scales, self.spans, self.dead_rows) = (rows, scales, spans, 0);
    }
}

/// Appends `vector` as 8-bit numbers, filled up to `row_bytes`; returns what one step is worth.
fn quantise(vector: &[f32], dimensions: usize, row_bytes: usize, into: &mut Vec<i8>) -> f32 {
    let largest = vector.iter().take(dimensions).fold(0_f32, |largest, value| largest.max(value.abs()));
    let scale = if largest > 0.0 && largest.is_finite() { largest / 127.0 } else { 1.0 };
    let end = into.len() + row_bytes;
    #[expect(clippy::cast_possible_truncation, reason = "within -127..=127, and a cast of NaN gives 0")]
    into.extend(vector.iter().take(dimensions).map(|value| (value / scale).round() as i8));
    into.resize(end, 0);
    scale
}

impl VectorIndex for Exact {
    fn insert(&mut self, document: DocumentId, vectors: &[Vec<f32>]) {
        self.remove(document);
        let start = self.scales.len();
        for vector in vectors {
            let scale = quantise(vector, self.dimensions, self.row_bytes, &mut self.rows);
            self.scales.push(scale);
        }
        self.documents.insert(document, self.spans.len());
        self.spans.push(Some(Span { document_id: document, start, length: vectors.len() }));
    }

    fn remove(&mut self, document: DocumentId) {
        let at = self.documents.remove(&document);
        let Some(span) = at.and_then(|at| self.spans.get_mut(at)).and_then(Option::take) else { return };
        self.dead_rows += span.length;
        if self.dead_rows * DEAD_SHARE_MAX > self.scales.len() {
            self.compact();
        }
    }

    fn nearest(
        &self,
        question: &[f32],
        limit: usize,
        allowed: &dyn Fn(&DocumentId) -> bool,
    ) -> Vec<(ChunkId, f32)> {
        let mut row = Vec::with_capacity(self.row_bytes);
        let step = quantise(question, self.dimensions, self.row_bytes, &mut row);
        let mut best = Best::new(limit);
        for span in self.spans.iter().flatten().filter(|span| allowed(&span.document_id)) {
            let end = span.start + span.length;
            let rows = self.rows.get(span.start * self.row_bytes..end * self.row_bytes).unwrap_or_default();
            let scales = self.scales.get(span.start..end).unwrap_or_default();
            self.kernel.scan(&row, rows, &mut |number, dot| {
                #[expect(clippy::cast_precision_loss, reason = "far below 2^24 for any usable dimension")]
                let score = dot as f32 * step * scales.get(number).copied().unwrap_or(0.0);
                let ordinal = u32::try_from(number).unwrap_or(u32::MAX);
                best.offer(score, ChunkId { document_id: span.document_id, ordinal });
            });
        }
        best.into_sorted()
    }

    fn len(&self) -> usize {
        self.scales.len() - self.dead_rows
    }
}

/// Keeps the `limit` highest scores.
struct Best {
    limit: usize,
    worst: f32,
    held: Vec<(ChunkId, f32)>,
}

impl Best {
    fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), worst: f32::NEG_INFINITY, held: Vec::with_capacity(limit * 2) }
    }

    fn offer(&mut self, score: f32, id: ChunkId) {
        if score <= self.worst {
            return;
        }
        self.held.push((id, score));
        // Cut back only when twice as many are held: a cheap test for most rows.
        if self.held.len() >= self.limit * 2 {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.held.len() > self.limit {
            self.held.select_nth_unstable_by(self.limit - 1, better);
            self.held.truncate(self.limit);
            self.worst = self.held.iter().fold(f32::INFINITY, |worst, (_, score)| worst.min(*score));
        }
    }

    fn into_sorted(mut self) -> Vec<(ChunkId, f32)> {
        self.cut();
        self.held.sort_unstable_by(better);
        self.held
    }
}

/// Highest score first; equal ones by id, so that two replicas answer alike.
fn better(a: &(ChunkId, f32), b: &(ChunkId, f32)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::chance::{Chance, SeededChance};
    use crate::index::vector::cosine;

    const DIMENSIONS: usize = 100;

    fn unit(chance: &SeededChance) -> Vec<f32> {
        let draw = || (chance.next_u64() >> 40) as f32 / (1 << 24) as f32 - 0.5;
        let raw: Vec<f32> = (0..DIMENSIONS).map(|_| draw()).collect();
        let norm = cosine(&raw, &raw).sqrt();
        raw.iter().map(|value| value / norm).collect()
    }

    fn id(number: usize) -> DocumentId {
        DocumentId([u8::try_from(number).unwrap(); 16])
    }

    fn filled() -> (Exact, Vec<Vec<Vec<f32>>>) {
        let chance = SeededChance::new(3);
        let documents: Vec<Vec<Vec<f32>>> =
            (0..40).map(|size| (0..=size % 7 * 4).map(|_| unit(&chance)).collect()).collect();
        let mut index = Exact::new(DIMENSIONS);
        for (number, vectors) in documents.iter().enumerate() {
            index.insert(id(number), vectors);
        }
        (index, documents)
    }

    fn truth(documents: &[Vec<Vec<f32>>], question: &[f32], skip: &dyn Fn(usize) -> bool) -> Vec<ChunkId> {
        let mut all: Vec<(ChunkId, f32)> = Vec::new();
        for (number, vectors) in documents.iter().enumerate().filter(|(number, _)| !skip(*number)) {
            for (ordinal, vector) in vectors.iter().enumerate() {
                let id = ChunkId { document_id: id(number), ordinal: ordinal as u32 };
                all.push((id, cosine(vector, question)));
            }
        }
        all.sort_by(better);
        all.into_iter().take(10).map(|(id, _)| id).collect()
    }

    #[test]
    fn the_true_ten_are_among_forty_candidates_also_after_removals() {
        let (mut index, documents) = filled();
        for removed in [3, 6, 13, 20, 27, 34] {
            index.remove(id(removed));
        }
        index.remove(id(3));
        let gone = |number: usize| number % 7 == 6 && number > 6 || [3, 6].contains(&number);
        let chance = SeededChance::new(9);
        for _ in 0..50 {
            let question = unit(&chance);
            let found: HashSet<ChunkId> =
                index.nearest(&question, 40, &|_| true).into_iter().map(|x| x.0).collect();
            for id in truth(&documents, &question, &gone) {
                assert!(found.contains(&id));
            }
        }
    }

    #[test]
    fn only_allowed_documents_are_seen() {
        let (index, documents) = filled();
        let allowed = |document: &DocumentId| document.0[0] == 5 || document.0[0] == 12;
        let found = index.nearest(&documents[0][0], 1_000, &allowed);
        assert_eq!(found.len(), documents[5].len() + documents[12].len());
        assert!(found.iter().all(|(id, _)| allowed(&id.document_id)));
    }

    #[test]
    fn inserting_again_replaces() {
        let (mut index, documents) = filled();
        let before = index.len();
        index.insert(id(5), &documents[5]);
        assert_eq!(index.len(), before);
        let found = index.nearest(&documents[5][1], 1, &|_| true);
        assert_eq!(found[0].0, ChunkId { document_id: id(5), ordinal: 1 });
    }

    #[test]
    fn a_broken_vector_breaks_no_search() {
        let mut index = Exact::new(DIMENSIONS);
        index.insert(id(1), &[vec![f32::NAN; DIMENSIONS], vec![0.0; DIMENSIONS], vec![f32::INFINITY; 3]]);
        assert_eq!(index.nearest(&[0.1; DIMENSIONS], 10, &|_| true).len(), 3);
    }
}
