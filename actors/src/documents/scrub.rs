//! Reads every object that still counts and reports what is damaged, before somebody needs it.

use std::sync::{Arc, Mutex, PoisonError};

use enabler_cluster::actor::Fault;
use enabler_cluster::tree::Tree;
use enabler_storage::log::{self, Line, LogError, Position, Start};
use enabler_storage::objects::ObjectStore;
use enabler_storage::record::{self, BlobError, BlobRef, DocumentId, Op};

use crate::shard::Shards;

/// Damaged objects that are named; more are as good a reason to restore the store.
const FINDINGS_MAX: usize = 100;

/// How often a shard is read from its beginning again.
const TRIES_MAX: usize = 2;

/// What the last reading found. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Findings(Arc<Mutex<Vec<String>>>);

impl Findings {
    /// One sentence per damaged object.
    pub fn get(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, found: Vec<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

/// Reads the logs of the shards `owned` by this node from their beginning, a snapshot or the first entry, and every blob
/// of a document that is still there.
///
/// Damage is put into `findings` and on the shard's record in the tree; nothing is changed.
pub async fn run(
    store: &Arc<dyn ObjectStore>,
    shards: &Shards,
    owned: &[u32],
    tree: &Tree,
    findings: &Findings,
) {
    let mut found = Vec::new();
    for &number in owned {
        let before = found.len();
        shard(store, shards, number, &mut found).await;
        for damage in found.iter().skip(before) {
            tree.seat(&format!("node/shards/shard-{number}"), "shard", None).failed(
                "scrub",
                damage.clone(),
                None,
            );
        }
    }
    found.truncate(FINDINGS_MAX);
    findings.set(found);
}

async fn shard(store: &Arc<dyn ObjectStore>, shards: &Shards, number: u32, found: &mut Vec<String>) {
    for _ in 0..TRIES_MAX {
        let before = found.len();
        match entries(store, shards, number, found).await {
            // An erasure lets the snapshot and the entries that were being read give way to later ones.
            Err(
                LogError::BelowFloor { .. } | LogError::Snapshot { source: BlobError::Missing { .. }, .. },
            ) => {
                found.truncate(before);
            }
            Err(error) => return found.push(Fault::from_error("reading the log", &error).reason),
            Ok(()) => return,
        }
    }
    if let Err(error) = entries(store, shards, number, found).await {
        found.push(Fault::from_error("reading the log", &error).reason);
    }
}

/// Checks what a shard's log names, from its beginning.
async fn entries(
    store: &Arc<dyn ObjectStore>,
    shards: &Shards,
    number: u32,
    found: &mut Vec<String>,
) -> Result<(), LogError> {
    let from = beginning(store, shards, number, found).await?;
    let mut replay = log::replay(store.clone(), number, from);
    while let Some(entry) = replay.next().await? {
        for op in &entry.entry.ops {
            for (document, blob) in blobs(op) {
                check(store, shards, document, blob, found).await;
            }
        }
    }
    Ok(())
}

/// Checks what the snapshot holds, if there is one; the log goes on behind the position that it gives.
async fn beginning(
    store: &Arc<dyn ObjectStore>,
    shards: &Shards,
    number: u32,
    found: &mut Vec<String>,
) -> Result<Position, LogError> {
    let Start::FromSnapshot(snapshot) = log::shard_start(&**store, number).await? else {
        return Ok(Position::default());
    };
    let mut parts = log::read_snapshot(store.clone(), number, &snapshot);
    while let Some(part) = parts.next().await? {
        for line in &part.lines {
            let Line::Document { document, .. } = line else { continue };
            let status = &document.status;
            let blobs = [Some(&document.original), status.pages.as_ref(), status.chunks.as_ref()];
            for blob in blobs.into_iter().flatten() {
                check(store, shards, document.document_id, blob, found).await;
            }
        }
    }
    Ok(snapshot.position)
}

fn blobs(op: &Op) -> Vec<(DocumentId, &BlobRef)> {
    match op {
        Op::Accepted { document } => vec![(document.document_id, &document.original)],
        Op::PagesRead { document_id, pages, .. } => vec![(*document_id, pages)],
        Op::Ready { document_id, chunks, .. } => vec![(*document_id, chunks)],
        Op::ChunksEmbedded { .. } | Op::Failed { .. } | Op::Deleted { .. } | Op::Fence => Vec::new(),
    }
}

/// A blob of a document that was deleted meanwhile is gone by right.
async fn check(
    store: &Arc<dyn ObjectStore>,
    shards: &Shards,
    document: DocumentId,
    blob: &BlobRef,
    found: &mut Vec<String>,
) {
    let Err(error) = record::read_blob(&**store, blob).await else { return };
    let Some(index) = shards.index(document) else { return };
    let there = tokio::task::spawn_blocking(move || index.document(document)).await;
    let counts = matches!(there, Ok(Ok(Some(_))));
    if counts && matches!(error, BlobError::Damaged { .. } | BlobError::Missing { .. }) {
        found.push(format!("document {document}: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use enabler_cluster::address::Address;
    use enabler_storage::clock::SystemClock;
    use enabler_storage::log::{Entry, entry_key, put_entry};
    use enabler_storage::objects::{Memory, PutOutcome};

    use super::*;
    use crate::shard::View;

    #[tokio::test]
    async fn a_flipped_bit_in_an_old_entry_is_found_and_named() {
        let memory = Arc::new(Memory::new());
        let store: Arc<dyn ObjectStore> = memory.clone();
        let seal = |seq, prev| Entry {
            shard: 0,
            seq,
            epoch: 1,
            writer: 1,
            nonce: 1,
            prev,
            wall_ms: 0,
            ops: vec![Op::Fence],
        };
        let first = seal(1, 0).seal().unwrap();
        let second = seal(2, first.checksum).seal().unwrap();
        for entry in [&first, &second] {
            assert!(matches!(put_entry(&*store, entry).await.unwrap(), PutOutcome::Done(_)));
        }
        let view = View::new(0, store.clone(), Arc::new(SystemClock), true);
        let local = Arc::new(vec![(Address::new("shard", 1), view)]);
        let shards = Shards { hash_seed: 0, count: 1, local };
        let (tree, findings) = (Tree::new(Arc::new(SystemClock)), Findings::default());
        run(&store, &shards, &[0], &tree, &findings).await;
        assert_eq!(findings.get(), Vec::<String>::new());
        memory.flip(&entry_key(0, 1).unwrap(), 99);
        run(&store, &shards, &[0], &tree, &findings).await;
        assert!(findings.get()[0].contains("00000000000000000001"), "{:?}", findings.get());
        assert_eq!(tree.failures()[0].message, "scrub");
    }
}
