//! What a shard's log means, written a second time and as simply as possible: the judge and the simulated indexes use it.

use std::collections::BTreeMap;

use enabler_storage::log::{Entry, Line};
use enabler_storage::record::{DocumentId, DocumentRecord, Op, Outcome, Reason, Status};

use crate::chance::mixed;

/// The documents of a shard at a position of its log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// Every document that is not deleted.
    pub documents: BTreeMap<DocumentId, DocumentRecord>,
    /// The deleted ones, with the entry that deleted them.
    pub tombstones: BTreeMap<DocumentId, u64>,
}

impl Rows {
    /// Takes an entry in; `has_chunks` says whether the chunks of a document that becomes ready could be read.
    pub fn apply(&mut self, entry: &Entry, has_chunks: impl Fn(&Op) -> bool) {
        for op in &entry.ops {
            self.apply_op(op, entry.seq, has_chunks(op));
        }
    }

    fn apply_op(&mut self, op: &Op, seq: u64, has_chunks: bool) {
        match op {
            Op::Accepted { document } => {
                let id = document.document_id;
                let is_older = self.documents.get(&id).is_some_and(|had| had.revision >= document.revision);
                if !self.tombstones.contains_key(&id) && !is_older {
                    let record =
                        DocumentRecord { ticket: seq, status: Status::default(), ..(**document).clone() };
                    self.documents.insert(id, record);
                }
            }
            Op::PagesRead { document_id, revision, pages, page_count, word_count, report_json } => {
                if let Some(status) = self.open(*document_id, *revision) {
                    status.pages = Some(pages.clone());
                    status.page_count = *page_count;
                    status.word_count = *word_count;
                    status.report_json.clone_from(report_json);
                }
            }
            Op::ChunksEmbedded { document_id, revision, chunks, chunk_count } => {
                if let Some(status) = self.open(*document_id, *revision) {
                    status.chunks = Some(chunks.clone());
                    status.chunk_count = *chunk_count;
                }
            }
            Op::Ready { document_id, revision, chunks, processed_ms } => {
                if let Some(status) = self.open(*document_id, *revision) {
                    status.processed_ms = Some(*processed_ms);
                    status.chunks = Some(chunks.clone());
                    status.outcome = if has_chunks {
                        Outcome::Ready
                    } else {
                        Outcome::Failed(Reason { code: "chunks_missing".to_owned(), message: String::new() })
                    };
                }
            }
            Op::Failed { document_id, revision, reason, processed_ms } => {
                if let Some(status) = self.open(*document_id, *revision) {
                    status.outcome = Outcome::Failed(reason.clone());
                    status.processed_ms = Some(*processed_ms);
                }
            }
            Op::Deleted { document_id, .. } => {
                self.documents.remove(document_id);
                self.tombstones.insert(*document_id, seq);
            }
            Op::Fence => {}
        }
    }

    fn open(&mut self, id: DocumentId, revision: u32) -> Option<&mut Status> {
        let record = self.documents.get_mut(&id)?;
        (record.revision == revision && record.is_unfinished()).then_some(&mut record.status)
    }

    /// The document of `tenant` with these bytes, if one is usable.
    #[must_use]
    pub fn content(&self, tenant: &str, sha256: &[u8; 32]) -> Option<DocumentId> {
        let same = |record: &&DocumentRecord| {
            record.tenant == tenant
                && record.sha256 == *sha256
                && !matches!(record.status.outcome, Outcome::Failed(_))
        };
        self.documents.values().find(same).map(|record| record.document_id)
    }

    /// One number for everything that a client could see; documents in `except` are left out.
    #[must_use]
    pub fn hash(&self, except: impl Fn(DocumentId) -> bool) -> u64 {
        let mut hash = 0;
        let mut mix = |number: u64| hash = mixed(hash ^ number);
        for (id, record) in self.documents.iter().filter(|(id, _)| !except(**id)) {
            mix(number(*id));
            mix(u64::from(record.revision));
            mix(record.ticket);
            mix(match &record.status.outcome {
                Outcome::Processing => 1,
                Outcome::Ready => 2,
                Outcome::Failed(_) => 3,
            });
            record.tenant.bytes().for_each(|byte| mix(u64::from(byte)));
            record.rest.as_bytes().iter().for_each(|byte| mix(u64::from(*byte)));
        }
        for (id, seq) in &self.tombstones {
            mix(number(*id) ^ 1);
            mix(*seq);
        }
        hash
    }

    /// The lines of a snapshot.
    pub fn lines(&self) -> impl Iterator<Item = Line> + '_ {
        let documents = self
            .documents
            .values()
            .map(|document| Line::Document { document: Box::new(document.clone()), holds_request: false });
        let tombstones = self.tombstones.iter().map(|(id, seq)| Line::Tombstone {
            document_id: *id,
            seq: *seq,
            rest: enabler_storage::codec::Rest::default(),
        });
        documents.chain(tombstones)
    }

    /// Takes a line of a snapshot in.
    pub fn restore(&mut self, line: Line) {
        match line {
            Line::Document { document, .. } => {
                self.documents.insert(document.document_id, *document);
            }
            Line::Tombstone { document_id, seq, .. } => {
                self.tombstones.insert(document_id, seq);
            }
        }
    }
}

/// A short number of an id.
#[must_use]
pub(super) fn number(id: DocumentId) -> u64 {
    let (halves, _) = id.0.as_chunks::<8>();
    halves.iter().fold(0, |hash, half| mixed(hash ^ u64::from_le_bytes(*half)))
}
