//! Counts what stands in a log behind a position, from the listing alone.

use super::error::LogError;
use super::keys::{entry_key, entry_prefix};
use crate::objects::{Key, LIST_LIMIT_MAX, Listed, ObjectStore};

/// Entries and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measured {
    /// Entries.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Counts the entries of `shard` after `seq`, and stops once they have `enough_bytes`: a log that is due is due.
///
/// # Errors
///
/// If the store fails.
pub async fn measure(
    store: &dyn ObjectStore,
    shard: u32,
    seq: u64,
    enough_bytes: u64,
) -> Result<Measured, LogError> {
    let prefix = entry_prefix(shard);
    let mut after: Key = entry_key(shard, seq)?;
    let mut measured = Measured::default();
    loop {
        let listed = store.list_after(&prefix, Some(&after), LIST_LIMIT_MAX).await;
        let listed = listed.map_err(|source| LogError::Store { shard, source })?;
        measured.entries += listed.len() as u64;
        measured.bytes += listed.iter().map(|entry| entry.size_bytes).sum::<u64>();
        let is_end = listed.len() < LIST_LIMIT_MAX || measured.bytes >= enough_bytes;
        match listed.into_iter().next_back() {
            Some(Listed { key, .. }) if !is_end => after = key,
            _ => return Ok(measured),
        }
    }
}
