//! What of a shard is searchable, in memory: whose each ready document is, until when, and its vectors.

use std::collections::HashMap;
use std::sync::Arc;

use super::ShardError;
use super::rows::{Of, Rows, from_bytes};
use crate::index::vector::{ChunkId, Exact, Trees, TreesError, VectorIndex};
use crate::record::{DocumentId, DocumentRecord, Outcome, half_to_f32};

/// What a search needs to know of a ready document.
#[derive(Debug, Clone)]
pub(super) struct Searchable {
    pub(super) tenant: Arc<str>,
    pub(super) expires_ms: u64,
    pub(super) revision: u32,
}

#[derive(Debug)]
pub(super) struct Live {
    pub(super) documents: HashMap<DocumentId, Searchable>,
    pub(super) vectors: Exact,
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
            vectors: Exact::new(dimensions),
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
            let mut vectors = Vec::new();
            rows.visit(&txn, Of::Vectors, &id.0, None, &mut |_, value| {
                let own = value.get(..dimensions * 2).ok_or_else(|| cut_short(id))?;
                vectors.push(half_to_f32(own));
                Ok(true)
            })?;
            live.vectors.insert(id, &vectors);
        }
        Ok(live)
    }

    /// The `limit` candidates for a question among the documents that `allowed` lets pass.
    ///
    /// A question to few documents is scanned: trees would find most of their candidates elsewhere.
    pub(super) fn nearest(
        &self,
        question: &[f32],
        limit: usize,
        is_narrow: bool,
        allowed: &dyn Fn(&DocumentId) -> bool,
    ) -> Result<Vec<ChunkId>, TreesError> {
        let scan = |allowed: &dyn Fn(&DocumentId) -> bool| {
            self.vectors.nearest(question, limit, allowed).into_iter().map(|(id, _)| id)
        };
        let Some(trees) = self.trees.as_ref().filter(|_| !is_narrow) else {
            return Ok(scan(allowed).collect());
        };
        let revision = |id: &DocumentId| self.documents.get(id).map(|document| document.revision);
        let in_trees = |id: &DocumentId| revision(id).is_some_and(|revision| trees.holds(id, revision));
        let mut found = trees.nearest(question, limit, &|id| in_trees(id) && allowed(id))?;
        found.extend(scan(&|id| !in_trees(id) && allowed(id)));
        Ok(found)
    }

    /// Takes in the state of a document; its vectors are set apart.
    pub(super) fn note(&mut self, record: &DocumentRecord) {
        let id = record.document_id;
        if record.status.outcome == Outcome::Ready {
            let tenant = record.tenant.as_str().into();
            let searchable = Searchable { tenant, expires_ms: record.expires_ms, revision: record.revision };
            self.documents.insert(id, searchable);
        }
    }

    pub(super) fn forget(&mut self, id: DocumentId) {
        self.documents.remove(&id);
        self.vectors.remove(id);
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.vectors.size_bytes() + self.documents.len() * 128
    }
}

pub(super) fn cut_short(id: DocumentId) -> ShardError {
    ShardError::Damaged { what: format!("the vectors of document {id} are cut short") }
}
