//! Takes what a shard's log and snapshots said of a deleted document out of them, before their time.
//!
//! A snapshot that was written after the deletion stands in for every entry below it. Of those, the ones that speak of
//! the document are put again without it: their places stay taken, so that a writer that slept through its own
//! replacement is refused there as before. The next entry no longer follows such a one, so a reader that is still below
//! the floor hears that it is, and starts at the snapshot.

use futures_util::StreamExt;

use super::entry::{Entry, SealedEntry};
use super::error::LogError;
use super::keys::{entry_prefix, snapshots_prefix};
use super::manifest::{SnapshotRef, read_manifest};
use super::snapshot::{Line, decode_part};
use crate::objects::{Key, LIST_LIMIT_MAX, Listed, ObjectStore, PutOutcome, StoreError};
use crate::record::{DocumentId, Op};

/// Objects that are read at one time.
const READ_AT_ONCE: usize = 8;
/// How often an entry is put again whose outcome nobody told.
const TRIES_MAX: usize = 4;

/// What was taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Erased {
    /// Entries that were put again without the document.
    pub entries: u64,
    /// Parts of snapshots that were removed.
    pub parts: u64,
}

/// What log and snapshots still say of a document, beside that it was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traces {
    /// Entries that were looked at.
    pub entries_seen: u64,
    /// Parts of snapshots that were looked at.
    pub parts_seen: u64,
    /// Entries that speak of it.
    pub entries: u64,
    /// Parts of snapshots that speak of it.
    pub parts: u64,
}

impl Traces {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.entries == 0 && self.parts == 0
    }
}

/// Takes `document` out of the entries below the snapshot in the manifest, and removes the snapshots before that one.
///
/// For a document whose deletion is in the log below that snapshot. Repeating it is harmless.
///
/// # Errors
///
/// If the store fails or something is damaged; what was taken out so far stays out.
pub async fn erase_document(
    store: &dyn ObjectStore,
    shard: u32,
    document: DocumentId,
) -> Result<Erased, LogError> {
    let mut erased = Erased::default();
    let manifest = read_manifest(store, shard).await?;
    let Some(manifest) = manifest.map(|manifest| manifest.value) else { return Ok(erased) };
    let Some(snapshot) = manifest.snapshot else { return Ok(erased) };
    let work = Work { store, shard };
    // A reader whose next entry does not follow is sent to the snapshot only while it is below the floor. The entry at
    // the floor stays as it is: the one behind it names it.
    let entries = work.entries(manifest.floor_seq.min(snapshot.position.seq)).await?;
    let mut rewritten = futures_util::stream::iter(entries)
        .map(|(key, seq)| async move { work.without(&key, seq, document).await })
        .buffer_unordered(READ_AT_ONCE);
    while let Some(changed) = rewritten.next().await {
        erased.entries += u64::from(changed?);
    }
    for key in work.parts_before(&snapshot).await? {
        store.delete(&key).await.map_err(|error| work.failed(error))?;
        erased.parts += 1;
    }
    Ok(erased)
}

/// Looks through every entry and snapshot of `shard` that is in the store, also those that nobody reads any more.
///
/// # Errors
///
/// If the store fails or something cannot be read.
pub async fn traces_of(
    store: &dyn ObjectStore,
    shard: u32,
    document: DocumentId,
) -> Result<Traces, LogError> {
    let (work, mut traces) = (Work { store, shard }, Traces::default());
    let entries = work.entries(u64::MAX).await?;
    let mut read = futures_util::stream::iter(entries)
        .map(|(key, seq)| async move { work.entry(&key, seq).await })
        .buffer_unordered(READ_AT_ONCE);
    while let Some(entry) = read.next().await {
        // One that was collected meanwhile says nothing any more.
        let Some((entry, _)) = entry? else { continue };
        traces.entries_seen += 1;
        traces.entries += u64::from(entry.entry.ops.iter().any(|op| tells(op, document)));
    }
    for key in work.list(&snapshots_prefix(shard)).await? {
        let Some(object) = store.get(&key.key).await.map_err(|error| work.failed(error))? else { continue };
        let decoded = tokio::task::spawn_blocking(move || decode_part(&object.bytes)).await;
        let decoded = decoded.map_err(|_| LogError::Stopped { shard })?;
        let damaged = |source| LogError::Damaged { key: key.key.to_string(), source };
        let (part, ..) = decoded.map_err(damaged)?;
        let names =
            |line: &Line| matches!(line, Line::Document { document: of, .. } if of.document_id == document);
        traces.parts_seen += 1;
        traces.parts += u64::from(part.lines.iter().any(names));
    }
    Ok(traces)
}

/// Whether an operation says more of `document` than that it is gone.
fn tells(op: &Op, document: DocumentId) -> bool {
    match op {
        Op::Accepted { document: of } => of.document_id == document,
        Op::PagesRead { document_id, .. }
        | Op::ChunksEmbedded { document_id, .. }
        | Op::Ready { document_id, .. }
        | Op::Failed { document_id, .. } => *document_id == document,
        Op::Deleted { .. } | Op::Fence => false,
    }
}

#[derive(Clone, Copy)]
struct Work<'a> {
    store: &'a dyn ObjectStore,
    shard: u32,
}

impl Work<'_> {
    /// The entries below `floor` that are there, in order.
    async fn entries(&self, floor: u64) -> Result<Vec<(Key, u64)>, LogError> {
        let prefix = entry_prefix(self.shard);
        let numbered = |listed: Listed| {
            let seq = listed.key.as_str().strip_prefix(&prefix)?.parse::<u64>().ok()?;
            (seq < floor).then_some((listed.key, seq))
        };
        Ok(self.list(&prefix).await?.into_iter().filter_map(numbered).collect())
    }

    /// Parts of snapshots up to the position of `snapshot` that are not its own.
    async fn parts_before(&self, snapshot: &SnapshotRef) -> Result<Vec<Key>, LogError> {
        let prefix = snapshots_prefix(self.shard);
        let is_before = |key: &Key| {
            let rest = key.as_str().strip_prefix(&prefix).and_then(|rest| rest.split_once('-'));
            let seq = rest.and_then(|(seq, _)| seq.parse::<u64>().ok());
            let is_named = snapshot.parts.iter().any(|part| part.key == key.as_str());
            !is_named && seq.is_some_and(|seq| seq <= snapshot.position.seq)
        };
        let all = self.list(&prefix).await?.into_iter().map(|listed| listed.key);
        Ok(all.filter(is_before).collect())
    }

    async fn entry(
        &self,
        key: &Key,
        seq: u64,
    ) -> Result<Option<(SealedEntry, crate::objects::ETag)>, LogError> {
        let object = self.store.get(key).await.map_err(|error| self.failed(error))?;
        let Some(object) = object else { return Ok(None) };
        Ok(Some((SealedEntry::open(self.shard, seq, object.bytes)?, object.etag)))
    }

    /// Puts the entry again without what it says of `document`; whether it had said anything.
    async fn without(&self, key: &Key, seq: u64, document: DocumentId) -> Result<bool, LogError> {
        let mut last = None;
        for _ in 0..TRIES_MAX {
            let Some((found, etag)) = self.entry(key, seq).await? else { return Ok(last.is_some()) };
            let tells_of = |op: &Op| tells(op, document);
            if !found.entry.ops.iter().any(tells_of) {
                return Ok(last.is_some());
            }
            let ops = found.entry.ops.into_iter().filter(|op| !tells_of(op)).collect();
            let bare = Entry { ops, ..found.entry }.seal()?;
            match self.store.put_if(key, &etag, bare.bytes).await {
                PutOutcome::Done(_) => return Ok(true),
                // Another erasure was faster, or nobody knows: what stands there decides.
                PutOutcome::Exists | PutOutcome::Changed => {
                    last = Some(StoreError::Unreachable { what: format!("others kept changing `{key}`") });
                }
                PutOutcome::Unknown(error) => last = Some(error),
            }
        }
        Err(self.failed(last.unwrap_or(StoreError::Stopped)))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, LogError> {
        let mut all: Vec<Listed> = Vec::new();
        loop {
            let after = all.last().map(|last| last.key.clone());
            let listed = self.store.list_after(prefix, after.as_ref(), LIST_LIMIT_MAX).await;
            let listed = listed.map_err(|error| self.failed(error))?;
            if listed.is_empty() {
                return Ok(all);
            }
            all.extend(listed);
        }
    }

    fn failed(&self, source: StoreError) -> LogError {
        LogError::Store { shard: self.shard, source }
    }
}

#[cfg(test)]
mod tests;
