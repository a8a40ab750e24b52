//! The documents of one shard as its log leaves them, read without an index.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::LogError;
use super::replay::{Start, replay, shard_start};
use super::snapshot::{Line, read_snapshot};
use super::{Position, SnapshotReader};
use crate::objects::ObjectStore;
use crate::record::{BlobError, DocumentId, DocumentRecord, Op, Outcome, Status};

/// How often a shard is read from its beginning again.
const TRIES_MAX: usize = 2;

/// Reads the log of `shard` to its present end; gives its documents in the order of their ids.
///
/// They are all in memory together: a record is a few hundred bytes, and its texts are elsewhere.
///
/// # Errors
///
/// If the store fails, or the log or its snapshot is damaged.
pub async fn read_documents(
    store: Arc<dyn ObjectStore>,
    shard: u32,
) -> Result<Vec<DocumentRecord>, LogError> {
    for _ in 0..TRIES_MAX {
        match read_once(store.clone(), shard).await {
            // An erasure lets the snapshot and the entries that were being read give way to later ones.
            Err(
                LogError::BelowFloor { .. } | LogError::Snapshot { source: BlobError::Missing { .. }, .. },
            ) => {}
            read => return read,
        }
    }
    read_once(store, shard).await
}

async fn read_once(store: Arc<dyn ObjectStore>, shard: u32) -> Result<Vec<DocumentRecord>, LogError> {
    let mut documents = Documents::default();
    let mut from = Position::default();
    if let Start::FromSnapshot(snapshot) = shard_start(&*store, shard).await? {
        from = snapshot.position;
        let mut parts: SnapshotReader = read_snapshot(store.clone(), shard, &snapshot);
        while let Some(part) = parts.next().await? {
            part.lines.into_iter().for_each(|line| documents.line(line));
        }
    }
    let mut log = replay(store, shard, from);
    while let Some(entry) = log.next().await? {
        entry.entry.ops.iter().for_each(|op| documents.op(op, entry.entry.seq));
    }
    Ok(documents.there.into_values().collect())
}

#[derive(Default)]
struct Documents {
    there: BTreeMap<DocumentId, DocumentRecord>,
    /// A deletion is final.
    gone: BTreeSet<DocumentId>,
}

impl Documents {
    fn line(&mut self, line: Line) {
        match line {
            Line::Document { document, .. } => {
                self.there.insert(document.document_id, *document);
            }
            Line::Tombstone { document_id, .. } => {
                self.gone.insert(document_id);
            }
        }
    }

    fn op(&mut self, op: &Op, seq: u64) {
        match op {
            Op::Accepted { document } => self.accept(document, seq),
            Op::PagesRead { document_id, revision, pages, page_count, word_count, report_json } => {
                self.amend(*document_id, *revision, |status| {
                    status.pages = Some(pages.clone());
                    status.page_count = *page_count;
                    status.word_count = *word_count;
                    status.report_json.clone_from(report_json);
                });
            }
            Op::ChunksEmbedded { document_id, revision, chunks, chunk_count } => {
                self.amend(*document_id, *revision, |status| {
                    status.chunks = Some(chunks.clone());
                    status.chunk_count = *chunk_count;
                });
            }
            Op::Ready { document_id, revision, chunks, processed_ms } => {
                self.amend(*document_id, *revision, |status| {
                    status.chunks = Some(chunks.clone());
                    status.processed_ms = Some(*processed_ms);
                    status.outcome = Outcome::Ready;
                });
            }
            Op::Failed { document_id, revision, reason, processed_ms } => {
                self.amend(*document_id, *revision, |status| {
                    status.processed_ms = Some(*processed_ms);
                    status.outcome = Outcome::Failed(reason.clone());
                });
            }
            Op::Deleted { document_id, .. } => {
                self.there.remove(document_id);
                self.gone.insert(*document_id);
            }
            Op::Fence => {}
        }
    }

    fn accept(&mut self, document: &DocumentRecord, seq: u64) {
        let id = document.document_id;
        let is_newer = self.there.get(&id).is_none_or(|known| known.revision < document.revision);
        if is_newer && !self.gone.contains(&id) {
            let fresh = DocumentRecord { ticket: seq, status: Status::default(), ..document.clone() };
            self.there.insert(id, fresh);
        }
    }

    fn amend(&mut self, id: DocumentId, revision: u32, change: impl FnOnce(&mut Status)) {
        let known = self.there.get_mut(&id);
        if let Some(known) = known.filter(|known| known.revision == revision && known.is_unfinished()) {
            change(&mut known.status);
        }
    }
}
