//! Trees over vectors (arroy), built in the background for shards too large to look at every vector.
//!
//! They only suggest candidates, which are scored again exactly, and never outlive the process: whoever opens a shard
//! builds them anew, so damage to their file cannot survive. What came after the build is the tail, which is scanned.

use std::collections::HashMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use arroy::distances::Cosine;
use arroy::{Database, Reader, Writer};
use heed::{CommitOrAbort, Env, EnvFlags, EnvOpenOptions, WithoutTls};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::ChunkId;
use crate::record::DocumentId;

/// Nodes visited by a search: below this, recall falls under nine in ten.
const VISITS: usize = 10_000;
/// More trees find more and cost disk and building time in proportion.
const TREES: usize = 50;
/// The only index in its database.
const INDEX: u16 = 0;
/// Memory that a build may use beside the vectors.
const BUILD_BYTES: usize = 256 << 20;

/// Trees over the vectors that a shard had when they were built.
#[derive(Debug)]
pub struct Trees {
    env: Env<WithoutTls>,
    database: Database<'static, Cosine>,
    ids: Vec<ChunkId>,
    /// Which revision of which document they hold.
    documents: HashMap<DocumentId, u32>,
}

/// Why trees could not be built or asked.
#[derive(Debug, thiserror::Error)]
pub enum TreesError {
    /// A folder could not be made.
    #[error("preparing a folder for search trees")]
    Io(#[from] std::io::Error),
    /// LMDB failed.
    #[error("storing search trees")]
    Database(#[from] heed::Error),
    /// arroy failed.
    #[error("building or asking search trees")]
    Trees(#[from] arroy::Error),
    /// The threads of the build could not be started.
    #[error("starting the threads that build search trees")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl Trees {
    /// Builds trees in the empty or absent folder `dir` from documents with their revision and chunk vectors.
    ///
    /// Blocking, for seconds per 10,000 vectors, on one thread, so that questions are answered meanwhile. The same
    /// documents and `seed` give the same trees.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written.
    pub fn build(
        dir: &Path,
        map_bytes: usize,
        dimensions: usize,
        documents: impl IntoIterator<Item = (DocumentId, u32, Vec<Vec<f32>>)>,
        seed: u64,
    ) -> Result<Self, TreesError> {
        fs::create_dir_all(dir)?;
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        options.map_size(map_bytes);
        #[expect(unsafe_code, reason = "LMDB maps its file, and trusts callers not to open it in two ways")]
        // SAFETY: the folder is this build's own, and nothing opens it again: it is removed at the next start.
        let env = unsafe { options.flags(EnvFlags::NO_SYNC).open(dir) }?;
        let txn = env.write_txn()?;
        let database: Database<'static, Cosine> = env
            .create_databases_and_commit(txn, |options, txn| {
                options.create_database(txn, None).map(CommitOrAbort::<_, ()>::Commit)
            })?
            .unwrap_commit();
        let writer = Writer::<Cosine>::new(database, INDEX, dimensions);
        let (mut ids, mut held) = (Vec::new(), HashMap::new());
        let mut txn = env.write_txn()?;
        for (document_id, revision, vectors) in documents {
            held.insert(document_id, revision);
            for (ordinal, vector) in (0_u32..).zip(vectors) {
                let Ok(item) = u32::try_from(ids.len()) else { break };
                writer.add_item(&mut txn, item, &vector)?;
                ids.push(ChunkId { document_id, ordinal });
            }
        }
        let mut chance = StdRng::seed_from_u64(seed);
        let threads = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
        threads.install(|| {
            writer.builder(&mut chance).n_trees(TREES).available_memory(BUILD_BYTES).build(&mut txn)
        })?;
        txn.commit()?;
        Ok(Self { env, database, ids, documents: held })
    }

    /// About the `limit` best chunks, best first, among the documents that `allowed` lets pass.
    ///
    /// # Errors
    ///
    /// If the trees cannot be read.
    pub fn nearest(
        &self,
        question: &[f32],
        limit: usize,
        allowed: &dyn Fn(&DocumentId) -> bool,
    ) -> Result<Vec<ChunkId>, TreesError> {
        let txn = self.env.read_txn()?;
        let reader = Reader::<Cosine>::open(&txn, INDEX, self.database)?;
        let found = reader
            .nns(limit)
            .search_k(NonZeroUsize::new(VISITS).unwrap_or(NonZeroUsize::MIN))
            .by_vector(&txn, question)?;
        let ids =
            found.into_iter().filter_map(|(item, _)| self.ids.get(usize::try_from(item).ok()?).copied());
        Ok(ids.filter(|id| allowed(&id.document_id)).collect())
    }

    /// Whether they hold this revision of the document; otherwise it belongs to the tail.
    #[must_use]
    pub fn holds(&self, document: &DocumentId, revision: u32) -> bool {
        self.documents.get(document) == Some(&revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::{Chance, SeededChance};
    use crate::index::vector::{Scan, VectorIndex};

    #[test]
    fn trees_find_nearly_all_that_an_exact_scan_finds() {
        let chance = SeededChance::new(5);
        let draw = || (chance.next_u64() >> 40) as f32 / (1 << 24) as f32 - 0.5;
        let documents: Vec<(DocumentId, u32, Vec<Vec<f32>>)> = (0..50)
            .map(|number| {
                let vectors = (0..20).map(|_| (0..32).map(|_| draw()).collect()).collect();
                (DocumentId([number; 16]), 1, vectors)
            })
            .collect();
        let mut exact = Scan::new(32);
        for (id, _, vectors) in &documents {
            exact.insert(*id, vectors);
        }
        let dir = tempfile::tempdir().unwrap();
        let trees = Trees::build(dir.path(), 1 << 30, 32, documents.clone(), 1).unwrap();
        let mut found = 0;
        for (own, _, vectors) in documents.iter().take(30) {
            let question = &vectors[3];
            let near = trees.nearest(question, 20, &|_| true).unwrap();
            assert_eq!(near[0], ChunkId { document_id: *own, ordinal: 3 });
            let best = exact.nearest(question, 1, &|id| id != own)[0].id;
            found += usize::from(trees.nearest(question, 60, &|_| true).unwrap().contains(&best));
        }
        assert!(found >= 27, "{found} of 30");
        assert!(trees.holds(&DocumentId([7; 16]), 1) && !trees.holds(&DocumentId([7; 16]), 2));
        assert!(trees.nearest(&documents[0].2[0], 20, &|_| false).unwrap().is_empty());
    }
}
