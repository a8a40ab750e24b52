//! Answers a question to a shard: candidates by meaning and by words, scored exactly, best first.

mod merge;

use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;

use heed::{RoTxn, WithoutTls};

use super::live::{Live, Searchable, cut_short};
use super::query::{Hit, Query, TOP_K_MAX};
use super::rows::{Of, chunk_key, chunk_of, from_bytes};
use super::{ShardError, ShardIndex};
use crate::index::fuse::Signals;
use crate::index::vector::{ChunkId, cosine};
use crate::record::{DocumentId, DocumentRecord, half_to_f32};

/// Candidates by meaning: sentences are compared only for these, so there are more than one needs chunks.
const BY_MEANING: usize = 200;
/// Chunks whose words are scored.
const BY_WORDS: usize = 500;
/// Of those, how many become candidates that meaning alone did not find.
const BY_WORDS_ALONE: usize = 100;
/// Documents that the keyword index filters by itself; a longer list is filtered afterwards.
const FILTER_DOCUMENTS_MAX: usize = 1_024;

impl ShardIndex {
    /// The best chunks for a question, best first. Everything applied before the call is searched.
    ///
    /// # Errors
    ///
    /// If the index is damaged or the question's vector is of another model.
    pub fn search(&self, query: &Query<'_>) -> Result<Vec<Hit>, ShardError> {
        self.commit_words_if_behind()?;
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        let top_k = query.top_k.min(TOP_K_MAX);
        let txn = self.rows.read()?;
        let filter = Filter::of(self, &txn, &live, query)?;
        let allowed =
            |id: &DocumentId| live.documents.get(id).is_some_and(|document| filter.passes(id, document));
        let question = vector_of(&live, query)?;
        let mut words: HashMap<ChunkId, f32> = HashMap::new();
        let mut candidates: Vec<ChunkId> = Vec::new();
        if let Some(question) = question {
            let limit = BY_MEANING.max(top_k * 4);
            let is_narrow = filter.documents.is_some();
            candidates = live.nearest(question, limit, is_narrow, &allowed)?;
        }
        let narrow = filter.documents.as_ref().filter(|ids| ids.len() <= FILTER_DOCUMENTS_MAX);
        let narrow: Option<Vec<DocumentId>> = narrow.map(|ids| ids.iter().copied().collect());
        let by_words = self
            .text
            .search(query.text, query.tenant, narrow.as_deref(), BY_WORDS)
            .map_err(|source| ShardError::Text { doing: "searching", source })?;
        let known: HashSet<ChunkId> = candidates.iter().copied().collect();
        for (rank, (id, share)) in by_words.into_iter().filter(|(id, _)| allowed(&id.document_id)).enumerate()
        {
            words.insert(id, share);
            if rank < BY_WORDS_ALONE && !known.contains(&id) {
                candidates.push(id);
            }
        }
        let has_words = !words.is_empty() || !query.text.trim().is_empty();
        let mut scored = Vec::with_capacity(candidates.len());
        for id in candidates {
            let share = words.get(&id).copied().unwrap_or(0.0);
            let cosine = question.map(|question| self.cosine_of(&txn, question, id)).transpose()?.flatten();
            let signals = Signals { cosine, words: has_words.then_some(share) };
            scored.push((self.settings.calibration.strength(signals), id, signals));
        }
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        scored.truncate(top_k);
        let hits = scored.into_iter().map(|(_, id, signals)| self.hit(&txn, &live, id, signals));
        let hits: Vec<Hit> = hits.collect::<Result<_, _>>()?;
        Ok(if query.merge_neighbours { merge::neighbours(hits) } else { hits })
    }

    fn commit_words_if_behind(&self) -> Result<(), ShardError> {
        let needed = self.live.read().unwrap_or_else(PoisonError::into_inner).words_seq;
        let failed = |source| ShardError::Text { doing: "reading", source };
        if needed > self.text.applied_seq().map_err(failed)? { self.commit_words() } else { Ok(()) }
    }

    /// The mean of the chunk's own cosine and that of its best sentence: one finds the subject, the other the fact.
    fn cosine_of(
        &self,
        txn: &RoTxn<'_, WithoutTls>,
        question: &[f32],
        id: ChunkId,
    ) -> Result<Option<f32>, ShardError> {
        let row = self.rows.get(txn, Of::Vectors, &chunk_key(id.document_id, id.ordinal))?;
        let Some(row) = row else { return Ok(None) };
        let values = half_to_f32(row);
        let mut vectors = values.chunks_exact(question.len());
        let own = vectors.next().ok_or_else(|| cut_short(id.document_id))?;
        let own = cosine(question, own);
        let best = vectors.map(|sentence| cosine(question, sentence)).reduce(f32::max);
        Ok(Some(best.map_or(own, |best| f32::midpoint(own, best))))
    }

    fn hit(
        &self,
        txn: &RoTxn<'_, WithoutTls>,
        live: &Live,
        id: ChunkId,
        signals: Signals,
    ) -> Result<Hit, ShardError> {
        let row = self.rows.get(txn, Of::Chunks, &chunk_key(id.document_id, id.ordinal))?;
        let damaged =
            || ShardError::Damaged { what: format!("no row of chunk {} of {}", id.ordinal, id.document_id) };
        Ok(Hit {
            document_id: id.document_id,
            revision: live.documents.get(&id.document_id).map_or(0, |document| document.revision),
            chunk: chunk_of(row.ok_or_else(damaged)?)?,
            score: self.settings.calibration.score(signals),
            cosine: signals.cosine,
            words: signals.words.unwrap_or(0.0),
        })
    }
}

fn vector_of<'q>(live: &Live, query: &Query<'q>) -> Result<Option<&'q [f32]>, ShardError> {
    match query.vector {
        Some(vector) if live.dimensions != 0 && vector.len() != live.dimensions => {
            Err(ShardError::Dimensions { found: vector.len(), expected: live.dimensions })
        }
        Some(vector) if live.dimensions != 0 => Ok(Some(vector)),
        _ => Ok(None),
    }
}

/// Which documents a question may see.
struct Filter<'a> {
    tenant: &'a str,
    now_ms: u64,
    documents: Option<HashSet<DocumentId>>,
}

impl<'a> Filter<'a> {
    fn of(
        index: &ShardIndex,
        txn: &RoTxn<'_, WithoutTls>,
        live: &Live,
        query: &Query<'a>,
    ) -> Result<Self, ShardError> {
        let named = query.documents.map(|ids| ids.iter().copied().collect());
        let mut filter = Self { tenant: query.tenant, now_ms: query.now_ms, documents: named };
        if !query.metadata.is_empty() {
            let mut fitting = HashSet::new();
            for (id, document) in &live.documents {
                let Some(row) =
                    filter.passes(id, document).then(|| index.rows.get(txn, Of::Documents, &id.0))
                else {
                    continue;
                };
                if row?
                    .map(from_bytes::<DocumentRecord>)
                    .transpose()?
                    .is_some_and(|r| fits(&r, query.metadata))
                {
                    fitting.insert(*id);
                }
            }
            filter.documents = Some(fitting);
        }
        Ok(filter)
    }

    fn passes(&self, id: &DocumentId, document: &Searchable) -> bool {
        *document.tenant == *self.tenant
            && document.expires_ms > self.now_ms
            && self.documents.as_ref().is_none_or(|documents| documents.contains(id))
    }
}

fn fits(record: &DocumentRecord, wanted: &[(String, serde_json::Value)]) -> bool {
    // Metadata was checked to be an object when it was accepted; anything else has no members.
    let metadata: serde_json::Value = serde_json::from_str(&record.metadata_json).unwrap_or_default();
    wanted.iter().all(|(name, value)| metadata.get(name) == Some(value))
}
