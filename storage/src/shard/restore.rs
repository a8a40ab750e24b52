//! Builds a shard's index from a snapshot, as if every entry up to its position had been applied.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::export::tombstone;
use super::marker::Marker;
use super::put::put_restored;
use super::query::{Blobs, fetch};
use super::rows::{Of, Rows, Writing};
use super::{Settings, ShardError, ShardIndex, open_env, wipe};
use crate::log::{Head, Line, SnapshotRef, read_snapshot};
use crate::objects::ObjectStore;
use crate::record::{BlobRef, DocumentRecord, Outcome};

/// Bytes of blobs that are in memory together; unpacked they are a few times that.
const GROUP_BYTES_MAX: u64 = 16 << 20;

/// Records of one transaction, which keeps its pages in memory.
const GROUP_LINES_MAX: usize = 1_024;

/// Blobs that are read at the same time: a bucket answers each in milliseconds, and a shard has thousands.
const READS_AT_ONCE: usize = 32;

/// What stands in the marker until everything is in place, so that whoever opens half an index wipes it.
const UNDER_WAY: &str = "restoring";

/// An index that is being built from a snapshot. Dropped before [`Restore::finish`], the folder is worth nothing and
/// is wiped when it is opened. Blocking.
#[derive(Debug)]
pub struct Restore {
    dir: PathBuf,
    settings: Settings,
    rows: Rows,
    head: Option<Head>,
}

impl ShardIndex {
    /// Starts an empty index in `dir`, in place of whatever was there.
    ///
    /// # Errors
    ///
    /// If the files cannot be written.
    pub fn restore(dir: &Path, settings: Settings) -> Result<Restore, ShardError> {
        wipe(dir)?;
        Marker::in_use(UNDER_WAY).write(dir)?;
        let rows = Rows::open(open_env(dir, settings.map_bytes)?)?;
        Ok(Restore { dir: dir.to_path_buf(), settings, rows, head: None })
    }
}

impl Restore {
    /// Adds records of a part, with the blobs that the ready documents among them name.
    ///
    /// A blob that is not there is one that was deleted later: its document fails, as when its entry is applied.
    ///
    /// # Errors
    ///
    /// If the rows cannot be written.
    pub fn add(&mut self, head: &Head, lines: &[Line], blobs: &Blobs) -> Result<(), ShardError> {
        let mut writing = Writing::begin(&self.rows)?;
        writing.meta.dimensions = head.dimensions;
        writing.meta.model_id.clone_from(&head.model_id);
        for line in lines {
            match line {
                Line::Document { document, holds_request } => {
                    put_restored(&mut writing, document, *holds_request, blobs)?;
                }
                Line::Tombstone { document_id, seq, rest } => {
                    writing.put(Of::Tombstones, &document_id.0, &tombstone(*seq, rest))?;
                }
            }
        }
        self.head = Some(head.clone());
        writing.commit()
    }

    /// Opens what was built, at the position of the snapshot.
    ///
    /// # Errors
    ///
    /// If nothing was added, or the files cannot be written.
    pub fn finish(self) -> Result<ShardIndex, ShardError> {
        let Self { dir, settings, rows, head } = self;
        let head =
            head.ok_or_else(|| ShardError::Damaged { what: "the snapshot held no part".to_owned() })?;
        let mut writing = Writing::begin(&rows)?;
        writing.meta.position = head.position;
        writing.commit()?;
        let Rows { env, .. } = rows;
        env.force_sync().map_err(super::rows::during("making rows durable", settings.map_bytes))?;
        env.prepare_for_closing().wait();
        Marker::in_use(&settings.boot_id).write(&dir)?;
        ShardIndex::open(&dir, settings)
    }
}

/// Builds the index of `shard` in `dir` from a snapshot, reading its parts and the blobs of its documents from the
/// store. Replay the log from its position afterwards.
///
/// # Errors
///
/// If the store fails, a part is missing or damaged, or the files cannot be written; the folder is wiped when it is
/// opened next.
pub async fn restore(
    store: Arc<dyn ObjectStore>,
    shard: u32,
    dir: &Path,
    settings: Settings,
    snapshot: &SnapshotRef,
) -> Result<ShardIndex, ShardError> {
    let path = dir.to_path_buf();
    let mut restore = blocking(move || ShardIndex::restore(&path, settings)).await?;
    let mut parts = read_snapshot(store.clone(), shard, snapshot);
    while let Some(part) = parts.next().await? {
        let head = part.head;
        for lines in groups(part.lines) {
            let blobs = fetch(&*store, needed(&lines), READS_AT_ONCE).await?;
            let head = head.clone();
            restore = blocking(move || restore.add(&head, &lines, &blobs).map(|()| restore)).await?;
        }
    }
    blocking(move || restore.finish()).await
}

/// Cuts the lines of a part where their blobs, or they themselves, become too many for one transaction.
///
/// There is one group at least, so that an empty part counts too.
fn groups(lines: Vec<Line>) -> Vec<Vec<Line>> {
    let mut groups = vec![Vec::new()];
    let mut bytes = 0;
    for line in lines {
        let own = blob_of(&line).map_or(0, |blob| blob.size_bytes);
        if let Some(group) = groups.last_mut()
            && !(group.len() >= GROUP_LINES_MAX || (!group.is_empty() && bytes + own > GROUP_BYTES_MAX))
        {
            group.push(line);
            bytes += own;
        } else {
            groups.push(vec![line]);
            bytes = own;
        }
    }
    groups
}

fn needed(lines: &[Line]) -> Vec<BlobRef> {
    lines.iter().filter_map(blob_of).cloned().collect()
}

fn blob_of(line: &Line) -> Option<&BlobRef> {
    match line {
        Line::Document { document, .. } => chunks_of(document),
        Line::Tombstone { .. } => None,
    }
}

/// The blob that a document's rows are made from, if it is ready.
pub(super) fn chunks_of(document: &DocumentRecord) -> Option<&BlobRef> {
    document.status.chunks.as_ref().filter(|_| document.status.outcome == Outcome::Ready)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ShardError> + Send + 'static,
) -> Result<T, ShardError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ShardError::Stopped)?
}
