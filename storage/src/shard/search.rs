//! Answers a question to a shard: candidates by meaning and by words, scored exactly, best first.

mod merge;
mod rescore;

use std::collections::{HashMap, HashSet};
use std::sync::RwLockReadGuard;

use heed::{RoTxn, WithoutTls};

use super::live::{Live, Searchable};
use super::query::{Hit, Query, TOP_K_MAX};
use super::rows::{Of, chunk_key, chunk_of, from_bytes};
use super::{ShardError, ShardIndex};
use crate::index::fuse::Signals;
use crate::index::vector::{Candidate, ChunkId};
use crate::record::{DocumentId, DocumentRecord};

/// Candidates by meaning: sentences are compared only for these, so there are more than one needs chunks.
const BY_MEANING: usize = 200;
/// Candidates by meaning in a shard that has no sentences.
const BY_MEANING_ALONE: usize = 40;
/// Chunks whose words are scored.
const BY_WORDS: usize = 500;
/// Of those, how many become candidates that meaning alone did not find.
const BY_WORDS_ALONE: usize = 100;
/// Looks at whether the keyword index is level with the rows; entries go on being applied meanwhile.
const LEVEL_LOOKS_MAX: usize = 8;
/// Documents of a question that are looked at as a whole if no vector of theirs can be compared.
const WHOLE_DOCUMENTS_MAX: usize = 8;
/// Chunks of one of them that are.
const WHOLE_CHUNKS_MAX: usize = 400;
/// Documents that the keyword index filters by itself; a longer list is filtered afterwards.
const FILTER_DOCUMENTS_MAX: usize = 1_024;

impl ShardIndex {
    /// The best chunks for a question, best first. Everything applied before the call is searched.
    ///
    /// # Errors
    ///
    /// If the index is damaged or the question's vector is of another model.
    pub fn search(&self, query: &Query<'_>) -> Result<Vec<Hit>, ShardError> {
        let live = self.level(!query.text.trim().is_empty())?;
        let top_k = query.top_k.min(TOP_K_MAX);
        let txn = self.rows.read()?;
        let filter = Filter::of(self, &txn, &live, query)?;
        let allowed =
            |id: &DocumentId| live.documents.get(id).is_some_and(|document| filter.passes(id, document));
        let question = vector_of(&live, query)?;
        let mut candidates: Vec<Candidate> = Vec::new();
        if let Some(question) = question {
            // Without sentences the chunk's own cosine decides, and far fewer can be among the best.
            let has_sentences = live.spaces.get(question.0).is_some_and(|space| space.with_sentences > 0);
            let limit = if has_sentences { BY_MEANING } else { BY_MEANING_ALONE };
            let limit = limit.max(top_k * 4);
            candidates = live.nearest(question, limit, filter.documents.as_ref(), &allowed)?;
        }
        let words = self.by_words(query, &filter)?;
        let known: HashSet<ChunkId> = candidates.iter().map(|candidate| candidate.id).collect();
        let mut shares: HashMap<ChunkId, f32> = HashMap::with_capacity(words.len());
        let allowed_words = words.into_iter().filter(|(id, _)| allowed(&id.document_id));
        for (rank, (id, share)) in allowed_words.enumerate() {
            shares.insert(id, share);
            if rank < BY_WORDS_ALONE && !known.contains(&id) {
                candidates.push(Candidate { id, cosine: 0.0, error: f32::INFINITY });
            }
        }
        let whole = self.whole(&txn, &live, query, &filter, question.map(|(space, _)| space))?;
        let known: HashSet<ChunkId> = candidates.iter().map(|candidate| candidate.id).collect();
        candidates.extend(whole.into_iter().filter(|candidate| !known.contains(&candidate.id)));
        let has_words = !shares.is_empty() || !query.text.trim().is_empty();
        let words_of = |id| has_words.then(|| shares.get(&id).copied().unwrap_or(0.0));
        let scored = self.rescore(&txn, &live, question, candidates, top_k, &words_of)?;
        let hits = scored.into_iter().map(|(id, signals)| self.hit(&txn, &live, id, signals));
        let hits: Vec<Hit> = hits.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        Ok(if query.merge_neighbours { merge::neighbours(hits) } else { hits })
    }

    /// What is searchable, with the keyword index as far as the rows, if its words are asked for. Where entries come so
    /// fast that it never is, it lags by the last ones.
    fn level(&self, needs_words: bool) -> Result<RwLockReadGuard<'_, Live>, ShardError> {
        for _ in 0..LEVEL_LOOKS_MAX {
            let live = self.live();
            if !needs_words || live.words_seq <= self.text.applied_seq() {
                return Ok(live);
            }
            drop(live);
            self.commit_words()?;
        }
        Ok(self.live())
    }

    /// The chunks of the few documents that are asked whose vectors are of another model than the question's: words
    /// alone may find nothing in a text that answers it.
    fn whole(
        &self,
        txn: &RoTxn<'_, WithoutTls>,
        live: &Live,
        query: &Query<'_>,
        filter: &Filter<'_>,
        space: Option<usize>,
    ) -> Result<Vec<Candidate>, ShardError> {
        let asked = filter.documents.as_ref().filter(|asked| asked.len() <= WHOLE_DOCUMENTS_MAX);
        let (Some(asked), false, true) = (asked, query.text.trim().is_empty(), query.vector.is_some()) else {
            return Ok(Vec::new());
        };
        let is_apart = |id: &DocumentId| {
            let document = live.documents.get(id).filter(|document| filter.passes(id, document));
            document.is_some_and(|document| document.space.is_none() || document.space != space)
        };
        let mut whole = Vec::new();
        for id in asked.iter().copied().filter(is_apart) {
            let mut left = WHOLE_CHUNKS_MAX;
            self.rows.visit(txn, Of::Chunks, &id.0, None, &mut |key, _| {
                let ordinal = key.last_chunk::<4>().map_or(0, |ordinal| u32::from_be_bytes(*ordinal));
                let id = ChunkId { document_id: id, ordinal };
                whole.push(Candidate { id, cosine: 0.0, error: f32::INFINITY });
                left -= 1;
                Ok(left > 0)
            })?;
        }
        Ok(whole)
    }

    /// Chunks by their words, best first, with their shares.
    fn by_words(&self, query: &Query<'_>, filter: &Filter<'_>) -> Result<Vec<(ChunkId, f32)>, ShardError> {
        if query.text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let narrow = filter.documents.as_ref().filter(|ids| ids.len() <= FILTER_DOCUMENTS_MAX);
        let narrow: Option<Vec<DocumentId>> = narrow.map(|ids| ids.iter().copied().collect());
        self.text
            .search(query.text, query.tenant, narrow.as_deref(), BY_WORDS)
            .map_err(|source| ShardError::Text { doing: "searching", source })
    }

    fn hit(
        &self,
        txn: &RoTxn<'_, WithoutTls>,
        live: &Live,
        id: ChunkId,
        signals: Signals,
    ) -> Result<Option<Hit>, ShardError> {
        let row = self.rows.get(txn, Of::Chunks, &chunk_key(id.document_id, id.ordinal))?;
        let damaged =
            || ShardError::Damaged { what: format!("no row of chunk {} of {}", id.ordinal, id.document_id) };
        let Some(row) = row else {
            // Keywords that lag may know a chunk of the revision before.
            return if live.words_seq > self.text.applied_seq() { Ok(None) } else { Err(damaged()) };
        };
        Ok(Some(Hit {
            document_id: id.document_id,
            revision: live.documents.get(&id.document_id).map_or(0, |document| document.revision),
            chunk: chunk_of(row)?,
            score: self.settings.calibration.score(signals),
            cosine: signals.cosine,
            words: signals.words.unwrap_or(0.0),
        }))
    }
}

/// The question's vector and the space that it can be compared with; none where no document has vectors of its model.
fn vector_of<'q>(live: &Live, query: &Query<'q>) -> Result<Option<(usize, &'q [f32])>, ShardError> {
    let Some(vector) = query.vector else { return Ok(None) };
    let found = live.space_of(query.model, vector.len()).map(|space| (space, vector));
    let other = live.spaces.iter().find(|space| space.model_id == query.model && space.documents > 0);
    match (found, other) {
        (None, Some(other)) => {
            Err(ShardError::Dimensions { found: vector.len(), expected: other.dimensions })
        }
        (found, _) => Ok(found),
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
