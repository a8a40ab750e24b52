//! Every vector is looked at: first one bit per dimension, then the best of those as 8-bit numbers, all in memory.
//!
//! See `docs/decisions/0006-look-at-every-vector-in-two-stages.md`.

use foldhash::{HashMap, HashMapExt};

use super::best::{Best, BestRows};
use super::bits::{Bits, Counting};
use super::kernel::{Kernel, LANES};
use super::{Candidate, ChunkId, VectorIndex};
use crate::record::DocumentId;

/// Rows are moved together once more than a quarter of them belongs to removed documents.
const DEAD_SHARE_MAX: usize = 4;
/// Below this many rows the 8-bit numbers alone answer as fast.
const STAGED_FROM_ROWS: usize = 4_096;
/// Rows that the first stage leaves to the second at least: enough to find the ten nearest of real embeddings.
const FIRST_STAGE_MIN: usize = 300;
/// And at least so many times those that are wanted.
const FIRST_STAGE_TIMES: usize = 4;
/// And at least one row of so many: more rows lie closer together.
const FIRST_STAGE_SHARE: usize = 64;
/// One row of so many is sampled before all are looked at.
const SAMPLE_SHARE: usize = 16;
/// So many times the best are let through by what the sample says: rows of a document are alike, so samples vary.
const SAMPLE_MARGIN: usize = 2;
/// Rows that are fetched ahead of the one that is compared: as many as memory takes to answer.
const ROWS_AHEAD: usize = 8;
/// Rows of which the centre is the mean; more would move it no further.
const CENTRE_ROWS_MAX: usize = 16_384;
/// The values of a unit vector are at most 1, so its steps are smaller than this. Other rows do not move the centre.
const UNIT_STEP_MAX: f32 = 1.0 / 64.0;
/// Steps by which a sum of independent roundings is off at most, but for once in 1e9 cases (Hoeffding's inequality).
const ERROR_STEPS: f32 = 3.3;

/// All vectors of a shard, quantised by row to -127..127: `dimensions` bytes and 4 more per chunk; in a large shard
/// an eighth of that and 8 more for the first stage.
#[derive(Debug)]
pub struct Scan {
    kernel: Kernel,
    dimensions: usize,
    /// Dimensions, filled up to whole lanes.
    row_bytes: usize,
    rows: Vec<i8>,
    scales: Vec<f32>,
    /// Where in `spans` a document's rows are.
    documents: HashMap<DocumentId, usize>,
    /// In the order of rows, without gaps.
    spans: Vec<Span>,
    dead_rows: usize,
    /// The first stage of a large shard.
    bits: Option<Bits>,
    /// Rows that there were when `bits` got its centre.
    centred_rows: usize,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    document_id: DocumentId,
    start: usize,
    length: usize,
    /// Its document was removed or replaced.
    is_dead: bool,
}

impl Span {
    fn end(&self) -> usize {
        self.start + self.length
    }
}

/// Finds the spans of rows that come in ascending order.
struct Spans<'a> {
    spans: &'a [Span],
    at: usize,
}

impl<'a> Spans<'a> {
    fn new(spans: &'a [Span]) -> Self {
        Self { spans, at: 0 }
    }

    fn of(&mut self, row: usize) -> Option<usize> {
        while self.spans.get(self.at)?.end() <= row {
            self.at += 1;
        }
        Some(self.at)
    }
}

/// Tells which rows may be seen, looking up each span once, because rows come in order.
struct Filter<'a> {
    spans: Spans<'a>,
    allowed: &'a dyn Fn(&DocumentId) -> bool,
    last: Option<(usize, bool)>,
}

impl Filter<'_> {
    fn passes(&mut self, row: usize) -> bool {
        let Some(at) = self.spans.of(row) else { return false };
        match self.last {
            Some((last, verdict)) if last == at => verdict,
            _ => {
                let span = self.spans.spans.get(at);
                let verdict = span.is_some_and(|span| !span.is_dead && (self.allowed)(&span.document_id));
                self.last = Some((at, verdict));
                verdict
            }
        }
    }
}

/// A question as a row.
struct Asked {
    row: Vec<i8>,
    step: f32,
    norm: f32,
}

impl Scan {
    /// An empty index of vectors with `dimensions`.
    #[must_use]
    pub fn new(dimensions: usize) -> Self {
        Self::with_kernel(dimensions, Kernel::detect())
    }

    /// As [`Scan::new`], computing with `kernel`, or with the next simpler one that the processor has.
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
            bits: None,
            centred_rows: 0,
        }
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.rows.capacity()
            + self.scales.capacity() * size_of::<f32>()
            + self.spans.capacity() * size_of::<Span>()
            + self.documents.capacity() * size_of::<(DocumentId, usize)>()
            + self.bits.as_ref().map_or(0, Bits::size_bytes)
    }

    fn row(&self, number: usize) -> &[i8] {
        self.rows.get(number * self.row_bytes..(number + 1) * self.row_bytes).unwrap_or_default()
    }

    /// Moves the rows of the living together.
    fn compact(&mut self) {
        let (mut rows, mut scales, mut spans) = (Vec::new(), Vec::new(), Vec::new());
        for span in self.spans.drain(..).filter(|span| !span.is_dead) {
            let start = scales.len();
            let end = span.end();
            rows.extend_from_slice(
                self.rows.get(span.start * self.row_bytes..end * self.row_bytes).unwrap_or_default(),
            );
            scales.extend_from_slice(self.scales.get(span.start..end).unwrap_or_default());
            self.documents.insert(span.document_id, spans.len());
            spans.push(Span { start, ..span });
        }
        (self.rows, self.scales, self.spans, self.dead_rows) = (rows, scales, spans, 0);
        (self.bits, self.centred_rows) = (None, 0);
        self.recentre_if_due();
    }

    /// Codes every row around the present mean, once a shard is large and whenever it has doubled: at least half of
    /// the rows were there for the centre, and each row is coded twice on average.
    fn recentre_if_due(&mut self) {
        if self.scales.len() < STAGED_FROM_ROWS.max(self.centred_rows * 2) {
            return;
        }
        let mut bits = Bits::around(self.mean(), Counting::detect());
        for (number, scale) in self.scales.iter().enumerate() {
            bits.push(self.row(number), *scale);
        }
        self.bits = Some(bits);
        self.centred_rows = self.scales.len();
    }

    /// The mean of evenly drawn rows.
    fn mean(&self) -> Vec<f32> {
        let mut mean = vec![0_f32; self.dimensions];
        let mut rows = 0_f32;
        let every = self.scales.len().div_ceil(CENTRE_ROWS_MAX).max(1);
        let drawn = self.scales.iter().enumerate().step_by(every);
        for (number, scale) in drawn.filter(|(_, scale)| **scale < UNIT_STEP_MAX) {
            rows += 1.0;
            for (mean, value) in mean.iter_mut().zip(self.row(number)) {
                *mean += f32::from(*value) * scale;
            }
        }
        mean.iter_mut().for_each(|value| *value /= rows.max(1.0));
        mean
    }

    fn ask(&self, question: &[f32]) -> Asked {
        let mut row = Vec::with_capacity(self.row_bytes);
        let step = quantise(question, self.dimensions, self.row_bytes, &mut row);
        Asked { row, step, norm: super::cosine(question, question).sqrt() }
    }

    /// The rows that are worth a closer look, in order, with their spans: the first stage.
    fn promising(
        &self,
        bits: &Bits,
        question: &[f32],
        limit: usize,
        allowed: &dyn Fn(&DocumentId) -> bool,
    ) -> Vec<(usize, usize)> {
        let share = self.len() / FIRST_STAGE_SHARE;
        let wanted = (limit * FIRST_STAGE_TIMES).max(FIRST_STAGE_MIN).max(share);
        let asked = bits.ask(question);
        // A sample tells what the best exceed, so that few of the others are taken in on the way.
        let mut sampled = BestRows::new(wanted * SAMPLE_MARGIN / SAMPLE_SHARE);
        let mut filter = Filter { spans: Spans::new(&self.spans), allowed, last: None };
        bits.sample(&asked, SAMPLE_SHARE, &mut |row, estimate| {
            if filter.passes(row) {
                sampled.offer(row, estimate);
            }
        });
        let best_above = |mut threshold: f32| {
            let mut best = BestRows::new(wanted);
            let mut filter = Filter { spans: Spans::new(&self.spans), allowed, last: None };
            bits.scan(&asked, threshold, &mut |row, estimate| {
                if filter.passes(row) {
                    threshold = threshold.max(best.offer(row, estimate));
                }
                threshold
            });
            best
        };
        let least = sampled.least().unwrap_or(f32::NEG_INFINITY);
        let mut best = best_above(least);
        if best.len() < wanted && least > f32::NEG_INFINITY {
            best = best_above(f32::NEG_INFINITY);
        }
        let mut rows = best.into_rows();
        rows.sort_unstable();
        let mut spans = Spans::new(&self.spans);
        rows.into_iter().filter_map(|row| Some((row, spans.of(row)?))).collect()
    }

    /// The `limit` best of `rows`, which come with their spans, by their 8-bit numbers: the second stage.
    fn best_of(
        &self,
        question: &[f32],
        limit: usize,
        rows: impl Iterator<Item = (usize, usize)>,
    ) -> Vec<Candidate> {
        let asked = self.ask(question);
        let mut best = Best::new(limit);
        let rows = rows.map(|(row, at)| ((row, at), self.row(row)));
        self.kernel.scan(&asked.row, rows, |(row, at), dot| {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^24 for any usable dimension")]
            let cosine = dot as f32 * asked.step * self.scales.get(row).copied().unwrap_or(0.0);
            best.offer((at, row), cosine);
        });
        let candidate = |((at, row), cosine): ((usize, usize), f32)| {
            let span = self.spans.get(at)?;
            let ordinal = u32::try_from(row - span.start).ok()?;
            let scale = self.scales.get(row).copied().unwrap_or(0.0);
            let error = ERROR_STEPS * (scale * asked.norm + asked.step);
            Some(Candidate { id: ChunkId { document_id: span.document_id, ordinal }, cosine, error })
        };
        let mut found: Vec<Candidate> = best.into_sorted().into_iter().filter_map(candidate).collect();
        // Equal ones by id, so that two replicas answer alike.
        found.sort_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.id.cmp(&b.id)));
        found
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

impl VectorIndex for Scan {
    fn insert(&mut self, document: DocumentId, vectors: &[Vec<f32>]) {
        self.remove(document);
        let start = self.scales.len();
        for vector in vectors {
            let from = self.rows.len();
            let scale = quantise(vector, self.dimensions, self.row_bytes, &mut self.rows);
            self.scales.push(scale);
            if let Some(bits) = &mut self.bits {
                bits.push(self.rows.get(from..).unwrap_or_default(), scale);
            }
        }
        self.documents.insert(document, self.spans.len());
        self.spans.push(Span { document_id: document, start, length: vectors.len(), is_dead: false });
        self.recentre_if_due();
    }

    fn remove(&mut self, document: DocumentId) {
        let at = self.documents.remove(&document);
        let Some(span) = at.and_then(|at| self.spans.get_mut(at)) else { return };
        span.is_dead = true;
        self.dead_rows += span.length;
        if let Some(bits) = &mut self.bits {
            bits.forget(span.start..span.end());
        }
        if self.dead_rows * DEAD_SHARE_MAX > self.scales.len() {
            self.compact();
        }
    }

    fn nearest(
        &self,
        question: &[f32],
        limit: usize,
        allowed: &dyn Fn(&DocumentId) -> bool,
    ) -> Vec<Candidate> {
        if let Some(bits) = &self.bits {
            let rows = self.promising(bits, question, limit, allowed);
            // These rows lie far apart; each is on its way from memory while those before it are compared.
            let on_the_way = rows.iter().enumerate().map(|(at, row)| {
                if let Some((ahead, _)) = rows.get(at + ROWS_AHEAD) {
                    super::kernel::prefetch(self.row(*ahead));
                }
                *row
            });
            return self.best_of(question, limit, on_the_way);
        }
        let spans = self.spans.iter().enumerate();
        let seen = spans.filter(|(_, span)| !span.is_dead && allowed(&span.document_id));
        let seen: Vec<(usize, Span)> = seen.map(|(at, span)| (at, *span)).collect();
        self.best_of(question, limit, rows_of(&seen))
    }

    fn nearest_of(
        &self,
        question: &[f32],
        limit: usize,
        documents: &mut dyn Iterator<Item = DocumentId>,
    ) -> Vec<Candidate> {
        let at = documents.filter_map(|id| self.documents.get(&id).copied());
        let seen: Vec<(usize, Span)> = at.filter_map(|at| Some((at, *self.spans.get(at)?))).collect();
        self.best_of(question, limit, rows_of(&seen))
    }

    fn len(&self) -> usize {
        self.scales.len() - self.dead_rows
    }
}

fn rows_of(spans: &[(usize, Span)]) -> impl Iterator<Item = (usize, usize)> {
    spans.iter().flat_map(|(at, span)| (span.start..span.end()).map(|row| (row, *at)))
}

#[cfg(test)]
mod tests;
