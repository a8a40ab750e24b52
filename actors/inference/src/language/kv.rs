//! What a sequence remembers of its tokens: keys and values, some of them shared with other sequences.

use std::sync::Arc;

use half::f16;

use crate::kernels::attention::{Run, append};

/// Prefixes that a sequence may stand on (instructions, then a document, then an earlier turn). Attention visits
/// each, so many short ones would cost more than they save.
pub const PREFIXES_MAX: usize = 4;

/// The sizes that tell one model's memory from another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) layers: usize,
    pub(super) kv_heads: usize,
    pub(super) head: usize,
    /// Distinguishes models that happen to have equal sizes.
    pub(super) model: u64,
}

/// Keys and values of a run of positions, for each layer and head, in f16.
#[derive(Debug, Default)]
struct Cache {
    /// `[layer * kv_heads + head]`
    heads: Vec<(Vec<f16>, Vec<f16>)>,
    count: usize,
}

impl Cache {
    fn empty(shape: Shape) -> Self {
        Self { heads: vec![Default::default(); shape.layers * shape.kv_heads], count: 0 }
    }

    fn bytes(&self) -> usize {
        self.heads.iter().map(|(keys, values)| (keys.capacity() + values.capacity()) * size_of::<f16>()).sum()
    }
}

/// The memory of tokens that several sequences begin with, such as a document's context. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Prefix {
    shape: Shape,
    runs: Vec<Arc<Cache>>,
    count: usize,
}

impl Prefix {
    /// Tokens in it.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it has no tokens.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Memory that it takes, shared by all who hold it.
    pub fn bytes(&self) -> usize {
        self.runs.iter().map(|run| run.bytes()).sum()
    }
}

/// One stream of tokens: an optional shared prefix and its own tail.
#[derive(Debug)]
pub struct Sequence {
    shape: Shape,
    shared: Vec<Arc<Cache>>,
    shared_count: usize,
    tail: Cache,
    limit: usize,
}

impl Sequence {
    pub(super) fn new(shape: Shape, limit: usize) -> Self {
        Self { shape, shared: Vec::new(), shared_count: 0, tail: Cache::empty(shape), limit }
    }

    pub(super) fn after(prefix: &Prefix, limit: usize) -> Self {
        Self { shared: prefix.runs.clone(), shared_count: prefix.count, ..Self::new(prefix.shape, limit) }
    }

    /// Tokens so far, the prefix included.
    pub fn len(&self) -> usize {
        self.shared_count + self.tail.count
    }

    /// Whether it has no tokens yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tokens that still fit.
    pub fn context_left(&self) -> usize {
        self.limit.saturating_sub(self.len())
    }

    /// Memory of its own, without the shared prefix.
    pub fn bytes(&self) -> usize {
        self.tail.bytes()
    }

    /// Freezes everything so far into a prefix for other sequences. A sequence that already stands on
    /// [`PREFIXES_MAX`] prefixes gives itself back.
    pub fn into_prefix(mut self) -> Result<Prefix, Self> {
        if self.tail.count > 0 {
            if self.shared.len() >= PREFIXES_MAX {
                return Err(self);
            }
            for (keys, values) in &mut self.tail.heads {
                keys.shrink_to_fit();
                values.shrink_to_fit();
            }
            self.shared.push(Arc::new(self.tail));
        }
        let count = self.shared.iter().map(|run| run.count).sum();
        Ok(Prefix { shape: self.shape, runs: self.shared, count })
    }

    pub(super) fn belongs_to(&self, shape: Shape) -> bool {
        self.shape == shape
    }

    /// Room for `count` more tokens, so that a prompt is not copied again and again as it grows.
    pub(super) fn reserve(&mut self, count: usize) {
        let tiles = (self.tail.count + count).next_multiple_of(16) * self.shape.head;
        for (keys, values) in &mut self.tail.heads {
            keys.reserve(tiles.saturating_sub(keys.len()));
            values.reserve(count * self.shape.head);
        }
    }

    /// Adds the keys and values of token `offset` of the step in progress; a step that failed half-way is
    /// overwritten by the next, because positions count only from [`Sequence::advance`] on.
    pub(super) fn put(&mut self, layer: usize, offset: usize, keys: &[f32], values: &[f32]) {
        let Shape { kv_heads, head, .. } = self.shape;
        let heads = self.tail.heads[layer * kv_heads..].iter_mut().zip(keys.chunks_exact(head));
        for (((own_keys, own_values), key), value) in heads.zip(values.chunks_exact(head)) {
            append(own_keys, own_values, self.tail.count + offset, key, value);
        }
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.tail.count += count;
    }

    /// What a head sees: the prefixes and the tail, `pending` tokens of the step in progress included.
    pub(super) fn runs(&self, layer: usize, kv_head: usize, pending: usize) -> Vec<Run<'_, f16>> {
        let index = layer * self.shape.kv_heads + kv_head;
        let caches = self.shared.iter().map(|run| (&**run, run.count));
        let tail = (&self.tail, self.tail.count + pending);
        let with_heads = caches.chain([tail]).map(|(cache, count)| (&cache.heads[index], count));
        with_heads.map(|((keys, values), count)| Run { keys, values, count }).collect()
    }
}
