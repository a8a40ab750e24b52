//! What of a shard is searchable, in memory: whose each ready document is, until when, and its vectors.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::ShardError;
use super::rows::{Of, Rows, from_bytes};
use crate::index::vector::{Candidate, Scan, Trees, TreesError, VectorIndex};
use crate::record::{DocumentId, DocumentRecord, Outcome, half_to_f32};

/// What a search needs to know of a ready document.
#[derive(Debug, Clone)]
pub(super) struct Searchable {
    pub(super) tenant: Arc<str>,
    pub(super) expires_ms: u64,
    pub(super) revision: u32,
    /// Whether any of its chunks has vectors of its sentences, which a search compares too.
    pub(super) has_sentences: bool,
}

#[derive(Debug)]
pub(super) struct Live {
    pub(super) documents: HashMap<DocumentId, Searchable>,
    pub(super) vectors: Scan,
    /// Documents that have vectors of sentences.
    pub(super) with_sentences: usize,
    /// Built in the background for a large shard; what they do not hold is scanned.
    pub(super) trees: Option<Trees>,
    pub(super) dimensions: usize,
    /// Log position of the newest change that the keyword index must have.
    pub(super) words_seq: u64,
}

impl Live {
    /// Reads and verifies everything that it holds.
    pub(super) fn load(rows: &Rows) -> Result<Self, ShardError> {
        let txn = rows.read()?;
        let meta = rows.meta(&txn)?;
        let dimensions = usize::try_from(meta.dimensions).unwrap_or(0);
        let mut live = Self {
            documents: HashMap::new(),
            vectors: Scan::new(dimensions),
            with_sentences: 0,
            trees: None,
            dimensions,
            words_seq: 0,
        };
        rows.visit(&txn, Of::Documents, &[], None, &mut |_, value| {
            live.note(&from_bytes(value)?);
            Ok(true)
        })?;
        rows.visit(&txn, Of::Changes, &[], None, &mut |key, _| {
            let seq = key.first_chunk::<8>().map_or(0, |seq| u64::from_be_bytes(*seq));
            live.words_seq = live.words_seq.max(seq);
            Ok(true)
        })?;
        let ready: Vec<DocumentId> = live.documents.keys().copied().collect();
        for id in ready {
            let (mut vectors, mut has_sentences) = (Vec::new(), false);
            rows.visit(&txn, Of::Vectors, &id.0, None, &mut |_, value| {
                let own = value.get(..dimensions * 2).ok_or_else(|| cut_short(id))?;
                vectors.push(half_to_f32(own));
                has_sentences |= value.len() > own.len();
                Ok(true)
            })?;
            live.hold(id, &vectors, has_sentences);
        }
        Ok(live)
    }

    /// The `limit` candidates for a question among the documents that `allowed` lets pass, or of `only` those.
    ///
    /// A question to few documents is scanned: trees would find most of their candidates elsewhere.
    pub(super) fn nearest(
        &self,
        question: &[f32],
        limit: usize,
        only: Option<&HashSet<DocumentId>>,
        allowed: &dyn Fn(&DocumentId) -> bool,
    ) -> Result<Vec<Candidate>, TreesError> {
        if let Some(only) = only {
            let mut only = only.iter().copied().filter(|id| allowed(id));
            return Ok(self.vectors.nearest_of(question, limit, &mut only));
        }
        let Some(trees) = &self.trees else {
            return Ok(self.vectors.nearest(question, limit, allowed));
        };
        let revision = |id: &DocumentId| self.documents.get(id).map(|document| document.revision);
        let in_trees = |id: &DocumentId| revision(id).is_some_and(|revision| trees.holds(id, revision));
        let found = trees.nearest(question, limit, &|id| in_trees(id) && allowed(id))?;
        // How near they are is for the exact scoring to tell.
        let suggested = |id| Candidate { id, cosine: 0.0, error: f32::INFINITY };
        let mut found: Vec<Candidate> = found.into_iter().map(suggested).collect();
        found.extend(self.vectors.nearest(question, limit, &|id| !in_trees(id) && allowed(id)));
        Ok(found)
    }

    /// Takes in the state of a document; its vectors come with [`Live::hold`].
    pub(super) fn note(&mut self, record: &DocumentRecord) {
        let id = record.document_id;
        if record.status.outcome == Outcome::Ready {
            let tenant = record.tenant.as_str().into();
            let (expires_ms, revision) = (record.expires_ms, record.revision);
            self.forget(id);
            self.documents.insert(id, Searchable { tenant, expires_ms, revision, has_sentences: false });
        }
    }

    /// Takes in the vectors of the chunks of a document that was noted.
    pub(super) fn hold(&mut self, id: DocumentId, vectors: &[Vec<f32>], has_sentences: bool) {
        if let Some(document) = self.documents.get_mut(&id) {
            document.has_sentences = has_sentences;
            self.with_sentences += usize::from(has_sentences);
            self.vectors.insert(id, vectors);
        }
    }

    pub(super) fn forget(&mut self, id: DocumentId) {
        let known = self.documents.remove(&id);
        self.with_sentences -= usize::from(known.is_some_and(|document| document.has_sentences));
        self.vectors.remove(id);
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.vectors.size_bytes() + self.documents.len() * 128
    }
}

pub(super) fn cut_short(id: DocumentId) -> ShardError {
    ShardError::Damaged { what: format!("the vectors of document {id} are cut short") }
}
