//! What of a shard is searchable, in memory: whose each ready document is, until when, and its vectors, by their model.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::ShardError;
use super::rows::{Of, Rows, from_bytes};
use crate::index::vector::{Candidate, Scan, Trees, TreesError, VectorIndex};
use crate::record::{DocumentId, DocumentRecord, Make, Outcome, half_to_f32};

/// What a search needs to know of a ready document.
#[derive(Debug, Clone)]
pub(super) struct Searchable {
    pub(super) tenant: Arc<str>,
    pub(super) expires_ms: u64,
    pub(super) revision: u32,
    /// Whether any of its chunks has vectors of its sentences, which a search compares too.
    pub(super) has_sentences: bool,
    /// What it was made with.
    pub(super) make: Arc<Make>,
    /// Whether it has a chunk.
    pub(super) has_chunks: bool,
    /// Which space its vectors are in, if it has some.
    pub(super) space: Option<usize>,
}

/// What the rows of a ready document were made from.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) make: Make,
    pub(super) dimensions: usize,
    /// The chunks' own vectors, in order.
    pub(super) vectors: Vec<Vec<f32>>,
    pub(super) has_sentences: bool,
}

/// The vectors of one model. Those of two models are never compared with the same question.
#[derive(Debug)]
pub(super) struct Space {
    pub(super) model_id: String,
    pub(super) dimensions: usize,
    /// Documents with vectors in it.
    pub(super) documents: usize,
    vectors: Scan,
    /// Documents that have vectors of sentences.
    pub(super) with_sentences: usize,
    /// Built in the background for a large shard; what they do not hold is scanned.
    pub(super) trees: Option<Trees>,
}

impl Space {
    fn new(model_id: &str, dimensions: usize) -> Self {
        Self {
            model_id: model_id.to_owned(),
            dimensions,
            documents: 0,
            vectors: Scan::new(dimensions),
            with_sentences: 0,
            trees: None,
        }
    }

    fn forget(&mut self, id: DocumentId, has_sentences: bool) {
        self.documents = self.documents.saturating_sub(1);
        if self.documents == 0 {
            // Nothing is left of a model that is not in use any more.
            *self = Self::new(&self.model_id, self.dimensions);
            return;
        }
        self.with_sentences -= usize::from(has_sentences);
        self.vectors.remove(id);
    }
}

#[derive(Debug)]
pub(super) struct Live {
    pub(super) documents: HashMap<DocumentId, Searchable>,
    /// One for each model that documents had since the shard was opened: one, and two while another takes its place.
    pub(super) spaces: Vec<Space>,
    makes: Vec<Arc<Make>>,
    /// Log position of the newest change that the keyword index must have.
    pub(super) words_seq: u64,
}

impl Live {
    /// Reads and verifies everything that it holds.
    pub(super) fn load(rows: &Rows) -> Result<Self, ShardError> {
        let txn = rows.read()?;
        let mut live =
            Self { documents: HashMap::new(), spaces: Vec::new(), makes: Vec::new(), words_seq: 0 };
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
            let made = rows.get(&txn, Of::Makes, &id.0)?.ok_or_else(|| unmade(id))?;
            let (make, dimensions): (Make, u32) = from_bytes(made)?;
            let dimensions = usize::try_from(dimensions).unwrap_or(0);
            let (mut vectors, mut has_sentences) = (Vec::new(), false);
            rows.visit(&txn, Of::Vectors, &id.0, None, &mut |_, value| {
                let own = value.get(..dimensions * 2).ok_or_else(|| cut_short(id))?;
                vectors.push(half_to_f32(own));
                has_sentences |= value.len() > own.len();
                Ok(true)
            })?;
            live.hold(id, &Made { make, dimensions, vectors, has_sentences });
        }
        Ok(live)
    }

    /// The space of a model, if documents have vectors in it.
    pub(super) fn space_of(&self, model_id: &str, dimensions: usize) -> Option<usize> {
        let is_it = |space: &Space| space.model_id == model_id && space.dimensions == dimensions;
        self.spaces.iter().position(|space| is_it(space) && space.documents > 0)
    }

    /// The space with the most documents.
    pub(super) fn largest(&self) -> Option<(usize, &Space)> {
        let spaces = self.spaces.iter().enumerate().filter(|(_, space)| space.documents > 0);
        spaces.max_by_key(|(_, space)| space.documents)
    }

    /// Whether the vectors of a document are in this space.
    pub(super) fn is_in(&self, id: &DocumentId, space: usize) -> bool {
        self.documents.get(id).is_some_and(|document| document.space == Some(space))
    }

    /// The `limit` candidates for a question among the documents of `space` that `allowed` lets pass, or of `only` those.
    ///
    /// A question to few documents is scanned: trees would find most of their candidates elsewhere.
    pub(super) fn nearest(
        &self,
        (at, question): (usize, &[f32]),
        limit: usize,
        only: Option<&HashSet<DocumentId>>,
        allowed: &dyn Fn(&DocumentId) -> bool,
    ) -> Result<Vec<Candidate>, TreesError> {
        let Some(space) = self.spaces.get(at) else { return Ok(Vec::new()) };
        if let Some(only) = only {
            let mut only = only.iter().copied().filter(|id| allowed(id));
            return Ok(space.vectors.nearest_of(question, limit, &mut only));
        }
        let Some(trees) = &space.trees else {
            return Ok(space.vectors.nearest(question, limit, allowed));
        };
        let document = |id: &DocumentId| self.documents.get(id).filter(|document| document.space == Some(at));
        let in_trees =
            |id: &DocumentId| document(id).is_some_and(|document| trees.holds(id, document.revision));
        let found = trees.nearest(question, limit, &|id| in_trees(id) && allowed(id))?;
        // How near they are is for the exact scoring to tell.
        let suggested = |id| Candidate { id, cosine: 0.0, error: f32::INFINITY };
        let mut found: Vec<Candidate> = found.into_iter().map(suggested).collect();
        found.extend(space.vectors.nearest(question, limit, &|id| !in_trees(id) && allowed(id)));
        Ok(found)
    }

    /// Takes in the state of a document; its vectors come with [`Live::hold`].
    pub(super) fn note(&mut self, record: &DocumentRecord) {
        let id = record.document_id;
        if record.status.outcome == Outcome::Ready {
            self.forget(id);
            let document = Searchable {
                tenant: record.tenant.as_str().into(),
                expires_ms: record.expires_ms,
                revision: record.revision,
                has_sentences: false,
                make: Arc::default(),
                has_chunks: record.status.chunk_count > 0,
                space: None,
            };
            self.documents.insert(id, document);
        }
    }

    /// Takes in what a document that was noted was made from, and the vectors of its chunks.
    pub(super) fn hold(&mut self, id: DocumentId, made: &Made) {
        let make = self.known(&made.make);
        let Some(document) = self.documents.get_mut(&id) else { return };
        document.make = make;
        if made.dimensions == 0 || made.vectors.is_empty() {
            return;
        }
        let fits =
            |space: &Space| space.model_id == made.make.model_id && space.dimensions == made.dimensions;
        let at = self.spaces.iter().position(fits).unwrap_or(self.spaces.len());
        if at == self.spaces.len() {
            self.spaces.push(Space::new(&made.make.model_id, made.dimensions));
        }
        if let Some(space) = self.spaces.get_mut(at) {
            (document.space, document.has_sentences) = (Some(at), made.has_sentences);
            space.documents += 1;
            space.with_sentences += usize::from(made.has_sentences);
            space.vectors.insert(id, &made.vectors);
        }
    }

    /// One value for all documents that were made with the same.
    fn known(&mut self, make: &Make) -> Arc<Make> {
        if let Some(known) = self.makes.iter().find(|known| ***known == *make) {
            return known.clone();
        }
        let make = Arc::new(make.clone());
        self.makes.push(make.clone());
        make
    }

    pub(super) fn forget(&mut self, id: DocumentId) {
        let Some(document) = self.documents.remove(&id) else { return };
        if let Some(space) = document.space.and_then(|at| self.spaces.get_mut(at)) {
            space.forget(id, document.has_sentences);
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.spaces.iter().map(|space| space.vectors.size_bytes()).sum::<usize>() + self.documents.len() * 128
    }
}

fn unmade(id: DocumentId) -> ShardError {
    ShardError::Damaged { what: format!("nothing says what document {id} was made with") }
}

pub(super) fn cut_short(id: DocumentId) -> ShardError {
    ShardError::Damaged { what: format!("the vectors of document {id} are cut short") }
}
