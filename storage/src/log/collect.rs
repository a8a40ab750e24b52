//! Removes what a snapshot has replaced: old entries and old snapshots, once nobody can still be using them.
//!
//! A removed entry can be created again by a writer that slept through its own replacement. It acknowledges nothing
//! then, because it looks at the manifest before it acknowledges whenever its last look is older than minutes, and
//! `min_age` is a day; and nobody reads it, because readers start at the floor. The entry at the floor itself stays:
//! it tells a reader from below that the log goes on, and a late writer that its place is taken.

use std::time::Duration;

use super::error::LogError;
use super::keys::{entry_prefix, snapshots_prefix};
use super::manifest::{Manifest, SnapshotRef, read_manifest};
use crate::objects::{Key, LIST_LIMIT_MAX, Listed, ObjectStore};
use crate::plant;
use crate::record::BlobError;

/// How old something must be before it is removed: far above the minutes within which a writer looks at the manifest.
pub const MIN_AGE: Duration = Duration::from_secs(24 * 3_600);

/// Objects that one call removes at most; the next call goes on.
pub const REMOVED_MAX: usize = 500;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Entries of the log.
    pub entries: u64,
    /// Parts of snapshots.
    pub snapshots: u64,
    /// Whether it stopped at [`REMOVED_MAX`], so that another call finds more.
    pub has_more: bool,
}

/// Removes entries below the floor, and parts of snapshots that gave way to the one in `manifest`, if they are older
/// than `min_age` at `now_ms`.
///
/// For the owner that wrote `manifest`: if another epoch stands in the store, nothing is removed. Repeating it is
/// harmless.
///
/// # Errors
///
/// If the store fails or the snapshot in the manifest is not whole; what was removed so far stays removed.
pub async fn collect(
    store: &dyn ObjectStore,
    shard: u32,
    manifest: &Manifest,
    now_ms: u64,
    min_age: Duration,
) -> Result<Collected, LogError> {
    let mut collected = Collected::default();
    let Some(snapshot) = &manifest.snapshot else { return Ok(collected) };
    let floor =
        manifest.floor_seq.min(snapshot.position.seq) + u64::from(plant::here("floor-itself-removed"));
    let old_ms = now_ms.saturating_sub(u64::try_from(min_age.as_millis()).unwrap_or(u64::MAX));
    let work = Work { store, shard, old_ms };
    let (entries, more_entries) = work.entries_below(floor).await?;
    let (parts, more_parts) = work.parts_before(snapshot, REMOVED_MAX - entries.len()).await?;
    if entries.is_empty() && parts.is_empty() {
        return Ok(collected);
    }
    // What is removed cannot come back, so what stands in for it is looked at last.
    let present = read_manifest(store, shard).await?;
    let is_ours = present.as_ref().is_some_and(|present| {
        let present = &present.value;
        present.epoch == manifest.epoch
            && (present.floor_seq >= floor || plant::here("floor-itself-removed"))
            && present.snapshot.as_ref().is_some_and(|other| other.position.seq >= snapshot.position.seq)
    });
    let Some(present) = present.filter(|_| is_ours) else { return Ok(collected) };
    let named = present.value.snapshot.iter().chain([snapshot]).flat_map(|snapshot| &snapshot.parts);
    let named: Vec<&str> = named.map(|part| part.key.as_str()).collect();
    work.expect_whole(present.value.snapshot.as_ref().unwrap_or(snapshot)).await?;
    for key in entries {
        work.remove(&key).await?;
        collected.entries += 1;
    }
    for key in
        parts.iter().filter(|key| !named.contains(&key.as_str()) || plant::here("named-snapshot-removed"))
    {
        work.remove(key).await?;
        collected.snapshots += 1;
    }
    collected.has_more = more_entries || more_parts;
    Ok(collected)
}

struct Work<'a> {
    store: &'a dyn ObjectStore,
    shard: u32,
    old_ms: u64,
}

impl Work<'_> {
    /// Old entries below the floor, oldest first, and whether there are more: the log stays a suffix of itself.
    async fn entries_below(&self, floor: u64) -> Result<(Vec<Key>, bool), LogError> {
        let prefix = entry_prefix(self.shard);
        let listed = self.list(&prefix, None, REMOVED_MAX).await?;
        let is_full = listed.len() == REMOVED_MAX;
        let mut found = Vec::new();
        for Listed { key, .. } in listed {
            // A key that is not a number is nothing of ours.
            let seq = key.as_str().strip_prefix(&prefix).and_then(|seq| seq.parse::<u64>().ok());
            if seq.is_none_or(|seq| seq >= floor) || !self.is_old(&key).await? {
                return Ok((found, false));
            }
            found.push(key);
        }
        Ok((found, is_full))
    }

    /// Up to `limit` old parts of snapshots up to the position of `snapshot` that are not its own.
    ///
    /// A snapshot beyond it may be one that its owner is about to name.
    async fn parts_before(&self, snapshot: &SnapshotRef, limit: usize) -> Result<(Vec<Key>, bool), LogError> {
        let prefix = snapshots_prefix(self.shard);
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let listed = self.list(&prefix, after.as_ref(), LIST_LIMIT_MAX).await?;
            let Some(last) = listed.last().map(|last| last.key.clone()) else { return Ok((found, false)) };
            for Listed { key, .. } in listed {
                let seq = key.as_str().strip_prefix(&prefix).and_then(|rest| rest.split_once('-'));
                let seq = seq.and_then(|(seq, _)| seq.parse::<u64>().ok());
                if seq.is_none_or(|seq| seq > snapshot.position.seq) {
                    return Ok((found, false));
                }
                let is_named = snapshot.parts.iter().any(|part| part.key == key.as_str())
                    && !plant::here("named-snapshot-removed");
                if is_named || !self.is_old(&key).await? {
                    continue;
                }
                if found.len() == limit {
                    return Ok((found, true));
                }
                found.push(key);
            }
            after = Some(last);
        }
    }

    /// The log may lose its beginning only while every part of what stands in for it is there.
    async fn expect_whole(&self, snapshot: &SnapshotRef) -> Result<(), LogError> {
        for part in &snapshot.parts {
            let found = self.store.head(&Key::new(part.key.as_str())?).await.map_err(|e| self.failed(e))?;
            if found.is_none_or(|found| found.size_bytes != part.size_bytes) {
                let source = BlobError::Missing { key: part.key.clone() };
                return Err(LogError::Snapshot { shard: self.shard, source });
            }
        }
        Ok(())
    }

    async fn is_old(&self, key: &Key) -> Result<bool, LogError> {
        let found = self.store.head(key).await.map_err(|e| self.failed(e))?;
        // What is gone already needs no removing, and harms nobody.
        Ok(found.is_none_or(|found| found.modified_ms < self.old_ms) || plant::here("young-entries-removed"))
    }

    async fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Listed>, LogError> {
        self.store.list_after(prefix, after, limit).await.map_err(|e| self.failed(e))
    }

    async fn remove(&self, key: &Key) -> Result<(), LogError> {
        self.store.delete(key).await.map_err(|e| self.failed(e))
    }

    fn failed(&self, source: crate::objects::StoreError) -> LogError {
        LogError::Store { shard: self.shard, source }
    }
}

#[cfg(test)]
mod tests;
