//! Applies entries of the log. The same entries give the same rows, whoever applies them and however often.

use std::sync::PoisonError;

use super::export::tombstone;
use super::live::{Live, Made};
use super::put::{
    change_key, change_of, chunks_missing, put_chunks, put_new, put_record, record_of, remove_rows,
};
use super::query::Blobs;
use super::rows::{Of, Writing};
use super::{ShardError, ShardIndex};
use crate::codec::Rest;
use crate::index::text::{Change, Words};
use crate::log::{ChainError, Position, SealedEntry};
use crate::record::{BlobRef, Chunk, DocumentId, DocumentRecord, Op, Outcome, Status};

/// Chunks that one commit of the keyword index takes at most, so that a rebuild of a large shard stays small in memory.
const COMMIT_CHUNKS_MAX: usize = 8_000;

impl ShardIndex {
    /// Applies the next entry of the log, with the blobs that [`super::fetch_needed`] has read for it.
    ///
    /// An entry that was applied before is passed over.
    ///
    /// # Errors
    ///
    /// [`ShardError::OutOfOrder`] if entries are missing before it; damage if the rows come from another history.
    pub fn apply(&self, sealed: &SealedEntry, blobs: &Blobs) -> Result<(), ShardError> {
        let _one = self.exclusive()?;
        let mut writing = Writing::begin(&self.rows)?;
        let applied = writing.meta.position;
        if sealed.entry.seq <= applied.seq {
            return Ok(());
        }
        let position = follow(&applied, sealed)?;
        let mut changed = Vec::new();
        for op in &sealed.entry.ops {
            if let Some(change) = apply_op(&mut writing, op, position.seq, blobs)? {
                changed.push(change);
            }
        }
        writing.meta.position = position;
        // Searches wait for the commit, so that they never see rows and memory disagree.
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        writing.commit()?;
        for change in changed {
            update(&mut live, change, position.seq);
        }
        Ok(())
    }

    /// Brings the keyword index up to the rows.
    ///
    /// Entries are applied meanwhile: a document that one of them changes may be taken as it is afterwards, and stays noted.
    pub(super) fn commit_words(&self) -> Result<(), ShardError> {
        let _words = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.exclusive()?);
        let from = self.text.applied_seq();
        let (position, changed) = {
            let txn = self.rows.read()?;
            let mut changed: Vec<DocumentId> = Vec::new();
            let after = from.to_be_bytes();
            self.rows.visit(&txn, Of::Changes, &[], Some(&after), &mut |key, _| {
                let (seq, id) = change_of(key);
                if seq > from {
                    changed.push(id);
                }
                Ok(true)
            })?;
            (self.rows.meta(&txn)?.position, changed)
        };
        if changed.is_empty() {
            return Ok(());
        }
        self.index_words(changed, from, position.seq)?;
        let _one = self.exclusive()?;
        // What the keyword index holds for good needs no note any more.
        let mut writing = Writing::begin(&self.rows)?;
        let mut done = Vec::new();
        self.rows.visit(&writing.txn, Of::Changes, &[], None, &mut |key, _| {
            let (seq, _) = change_of(key);
            if seq <= position.seq {
                done.push(key.to_vec());
            }
            Ok(seq <= position.seq)
        })?;
        done.iter().try_for_each(|key| writing.delete(Of::Changes, key))?;
        writing.commit()
    }

    /// Fills an empty keyword index from the rows, when it was lost or never committed.
    pub(super) fn catch_up_from_nothing(&self) -> Result<(), ShardError> {
        let all: Vec<DocumentId> = {
            let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
            let mut all: Vec<_> = live.documents.keys().copied().collect();
            all.sort_unstable();
            all
        };
        if all.is_empty() || self.text.applied_seq() > 0 {
            return Ok(());
        }
        let position = self.position()?;
        self.index_words(all, 0, position.seq)
    }

    /// Puts the present chunks of `documents` into the keyword index; the position moves with the last batch only.
    fn index_words(&self, documents: Vec<DocumentId>, from: u64, to: u64) -> Result<(), ShardError> {
        let failed = |source| ShardError::Text { doing: "committing", source };
        let mut batch: Vec<(DocumentId, String, Vec<Chunk>)> = Vec::new();
        let mut documents = documents.into_iter().peekable();
        while let Some(id) = documents.next() {
            let record = self.document(id)?.filter(|record| record.status.outcome == Outcome::Ready);
            let (tenant, chunks) = match record {
                Some(record) => (record.tenant, self.chunks(id)?),
                None => (String::new(), Vec::new()),
            };
            batch.push((id, tenant, chunks));
            let is_last = documents.peek().is_none();
            if is_last || batch.iter().map(|(_, _, chunks)| chunks.len()).sum::<usize>() >= COMMIT_CHUNKS_MAX
            {
                let changes =
                    batch.iter().map(|(id, tenant, chunks)| change_to(*id, tenant, chunks)).collect();
                self.text.commit(changes, if is_last { to } else { from }).map_err(failed)?;
                batch.clear();
            }
        }
        Ok(())
    }
}

fn change_to<'a>(document_id: DocumentId, tenant: &'a str, chunks: &'a [Chunk]) -> Change<'a> {
    if chunks.is_empty() {
        return Change::Remove { document_id };
    }
    let words =
        |chunk: &'a Chunk| Words { ordinal: chunk.ordinal, context: &chunk.context, text: &chunk.text };
    Change::Replace { document_id, tenant, chunks: chunks.iter().map(words).collect() }
}

fn follow(applied: &Position, sealed: &SealedEntry) -> Result<Position, ShardError> {
    applied.follow(sealed).map_err(|broken| match broken {
        ChainError::Gap { .. } => ShardError::OutOfOrder { seq: sealed.entry.seq, applied: applied.seq },
        other => ShardError::Damaged { what: format!("it does not belong to this log: {other}") },
    })
}

/// What an operation means for what is searchable.
enum Changed {
    Gone(DocumentId),
    Ready { record: Box<DocumentRecord>, made: Made },
}

fn update(live: &mut Live, change: Changed, seq: u64) {
    match change {
        Changed::Gone(id) => live.forget(id),
        Changed::Ready { record, made } => {
            live.note(&record);
            live.hold(record.document_id, &made);
            live.words_seq = seq;
        }
    }
}

fn apply_op(
    writing: &mut Writing<'_>,
    op: &Op,
    seq: u64,
    blobs: &Blobs,
) -> Result<Option<Changed>, ShardError> {
    match op {
        Op::Accepted { document } => accept(writing, document, seq),
        Op::PagesRead { document_id, revision, pages, page_count, word_count, report_json } => {
            amend(writing, *document_id, *revision, |status| {
                status.pages = Some(pages.clone());
                status.page_count = *page_count;
                status.word_count = *word_count;
                status.report_json.clone_from(report_json);
            })
        }
        Op::ChunksEmbedded { document_id, revision, chunks, chunk_count } => {
            amend(writing, *document_id, *revision, |status| {
                status.chunks = Some(chunks.clone());
                status.chunk_count = *chunk_count;
            })
        }
        Op::Ready { document_id, revision, chunks, processed_ms } => {
            ready(writing, *document_id, *revision, chunks, *processed_ms, seq, blobs)
        }
        Op::Failed { document_id, revision, reason, processed_ms } => {
            amend(writing, *document_id, *revision, |status| {
                status.outcome = Outcome::Failed(reason.clone());
                status.processed_ms = Some(*processed_ms);
            })
        }
        Op::Deleted { document_id, .. } => {
            remove_rows(writing, *document_id, seq)?;
            writing.put(Of::Tombstones, &document_id.0, &tombstone(seq, &Rest::default()))?;
            Ok(Some(Changed::Gone(*document_id)))
        }
        Op::Fence => Ok(None),
    }
}

fn accept(
    writing: &mut Writing<'_>,
    document: &DocumentRecord,
    seq: u64,
) -> Result<Option<Changed>, ShardError> {
    let id = document.document_id;
    // A deletion is final: whatever was under way when it came cannot bring the document back.
    if writing.get(Of::Tombstones, &id.0)?.is_some() {
        return Ok(None);
    }
    let before = record_of(writing, id)?;
    if before.is_some_and(|before| before.revision >= document.revision) {
        return Ok(None);
    }
    remove_rows(writing, id, seq)?;
    let record = DocumentRecord { ticket: seq, status: Status::default(), ..document.clone() };
    put_new(writing, &record, true)?;
    Ok(Some(Changed::Gone(id)))
}

/// Changes a document that is still being processed at this revision; a late result of an older one is dropped.
fn amend(
    writing: &mut Writing<'_>,
    id: DocumentId,
    revision: u32,
    change: impl FnOnce(&mut Status),
) -> Result<Option<Changed>, ShardError> {
    let Some(mut record) = current(writing, id, revision)? else { return Ok(None) };
    change(&mut record.status);
    if !record.is_unfinished() {
        writing.delete(Of::Unfinished, &id.0)?;
    }
    put_record(writing, &record)?;
    Ok(None)
}

fn ready(
    writing: &mut Writing<'_>,
    id: DocumentId,
    revision: u32,
    blob: &BlobRef,
    processed_ms: u64,
    seq: u64,
    blobs: &Blobs,
) -> Result<Option<Changed>, ShardError> {
    let Some(mut record) = current(writing, id, revision)? else { return Ok(None) };
    record.status.processed_ms = Some(processed_ms);
    writing.delete(Of::Unfinished, &id.0)?;
    let Some(chunks) = blobs.get(blob) else {
        record.status.outcome = chunks_missing();
        put_record(writing, &record)?;
        return Ok(None);
    };
    let made = put_chunks(writing, id, chunks)?;
    if chunks.dimensions > 0 {
        writing.meta.dimensions = chunks.dimensions;
        writing.meta.model_id.clone_from(&chunks.model_id);
    }
    record.status.outcome = Outcome::Ready;
    record.status.chunks = Some(blob.clone());
    record.status.chunk_count = u32::try_from(chunks.chunks.len()).unwrap_or(u32::MAX);
    put_record(writing, &record)?;
    writing.put(Of::Changes, &change_key(seq, id), &[])?;
    Ok(Some(Changed::Ready { record: Box::new(record), made }))
}

fn current(
    writing: &Writing<'_>,
    id: DocumentId,
    revision: u32,
) -> Result<Option<DocumentRecord>, ShardError> {
    let record = record_of(writing, id)?;
    Ok(record.filter(|record| record.revision == revision && record.is_unfinished()))
}
