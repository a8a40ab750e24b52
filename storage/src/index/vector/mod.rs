//! Finds the chunks whose vectors point most nearly where the question's does.

mod best;
mod bits;
mod kernel;
mod scan;
mod trees;

use crate::record::DocumentId;

pub use kernel::Kernel;
pub use scan::Scan;
pub use trees::{Trees, TreesError};

/// A chunk as an index names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId {
    /// The document.
    pub document_id: DocumentId,
    /// The chunk within it.
    pub ordinal: u32,
}

/// A chunk that may be among the nearest, and how near it seems.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The chunk.
    pub id: ChunkId,
    /// The approximate cosine with the question.
    pub cosine: f32,
    /// How far the cosine of unit vectors is from it at most; wrong once in 1e9 cases.
    pub error: f32,
}

/// An index of unit vectors, one per chunk. Its scores choose candidates; whoever asks scores them again exactly.
pub trait VectorIndex: Send + Sync {
    /// Adds the vectors of a document, in the order of its chunks, replacing those it had.
    ///
    /// Each must have the dimensions of the index; shorter or longer ones are cut or filled with zeros.
    fn insert(&mut self, document: DocumentId, vectors: &[Vec<f32>]);

    /// Removes a document.
    fn remove(&mut self, document: DocumentId);

    /// The `limit` best chunks among the documents that `allowed` lets pass, best first.
    fn nearest(
        &self,
        question: &[f32],
        limit: usize,
        allowed: &dyn Fn(&DocumentId) -> bool,
    ) -> Vec<Candidate>;

    /// As [`VectorIndex::nearest`], among `documents` alone, which are fewer than all.
    fn nearest_of(
        &self,
        question: &[f32],
        limit: usize,
        documents: &mut dyn Iterator<Item = DocumentId>,
    ) -> Vec<Candidate>;

    /// Vectors held.
    fn len(&self) -> usize;

    /// Whether it holds nothing.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The cosine of two unit vectors (their dot product); 0 beyond the shorter one.
#[must_use]
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    // Eight running sums, which the compiler keeps in vector registers.
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    let mut sums = [0_f32; 8];
    for (a, b) in a8.iter().zip(b8) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}
