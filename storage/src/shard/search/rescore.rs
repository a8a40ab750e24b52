//! Scores candidates exactly, as few of them as it takes to be sure of the best.

use heed::{RoTxn, WithoutTls};

use crate::index::fuse::Signals;
use crate::index::vector::{Candidate, ChunkId, cosine};
use crate::record::half_into_f32;
use crate::shard::live::{Live, cut_short};
use crate::shard::rows::{Of, chunk_key};
use crate::shard::{ShardError, ShardIndex};

impl ShardIndex {
    /// The `top_k` best of `candidates`, best first.
    ///
    /// Candidates come in the order of the most that they can score; once even that is below what `top_k` others have,
    /// the rest need not be read. Where there are sentences to compare, the most is everything.
    pub(super) fn rescore(
        &self,
        txn: &RoTxn<'_, WithoutTls>,
        live: &Live,
        question: Option<(usize, &[f32])>,
        candidates: Vec<Candidate>,
        top_k: usize,
        words_of: &dyn Fn(ChunkId) -> Option<f32>,
    ) -> Result<Vec<(ChunkId, Signals)>, ShardError> {
        let strength = |signals| self.settings.calibration.strength(signals);
        let most = |candidate: &Candidate| {
            let id = &candidate.id.document_id;
            let has_sentences = live.documents.get(id).is_none_or(|document| document.has_sentences);
            let most = if has_sentences { 1.0 } else { (candidate.cosine + candidate.error).min(1.0) };
            let most = question.filter(|(space, _)| live.is_in(id, *space)).map(|_| most);
            Signals { cosine: most, words: words_of(candidate.id) }
        };
        let mut candidates: Vec<(ChunkId, f32)> =
            candidates.iter().map(|candidate| (candidate.id, strength(most(candidate)))).collect();
        candidates.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut values = Vec::new();
        let mut scored: Vec<(f32, ChunkId, Signals)> = Vec::new();
        let mut best = Highest::new(top_k);
        for (id, most) in candidates {
            if best.least().is_some_and(|least| most < least) {
                break;
            }
            let cosine = match question {
                Some((space, question)) if live.is_in(&id.document_id, space) => {
                    self.cosine_of(txn, question, id, &mut values)?
                }
                _ => None,
            };
            let signals = Signals { cosine, words: words_of(id) };
            let strength = strength(signals);
            best.add(strength);
            scored.push((strength, id, signals));
        }
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        scored.truncate(top_k);
        Ok(scored.into_iter().map(|(_, id, signals)| (id, signals)).collect())
    }

    /// The mean of the chunk's own cosine and that of its best sentence: one finds the subject, the other the fact.
    fn cosine_of(
        &self,
        txn: &RoTxn<'_, WithoutTls>,
        question: &[f32],
        id: ChunkId,
        values: &mut Vec<f32>,
    ) -> Result<Option<f32>, ShardError> {
        let row = self.rows.get(txn, Of::Vectors, &chunk_key(id.document_id, id.ordinal))?;
        let Some(row) = row else { return Ok(None) };
        half_into_f32(row, values);
        let mut vectors = values.chunks_exact(question.len());
        let own = vectors.next().ok_or_else(|| cut_short(id.document_id))?;
        let own = cosine(question, own);
        let best = vectors.map(|sentence| cosine(question, sentence)).reduce(f32::max);
        Ok(Some(best.map_or(own, |best| f32::midpoint(own, best))))
    }
}

/// The highest few of the strengths seen so far, highest first.
struct Highest {
    count: usize,
    held: Vec<f32>,
}

impl Highest {
    fn new(count: usize) -> Self {
        Self { count, held: Vec::with_capacity(count + 1) }
    }

    /// The least of them, once there are as many as wanted.
    fn least(&self) -> Option<f32> {
        self.held.last().copied().filter(|_| self.held.len() >= self.count)
    }

    fn add(&mut self, strength: f32) {
        let at = self.held.partition_point(|held| *held >= strength);
        self.held.insert(at, strength);
        self.held.truncate(self.count);
    }
}
