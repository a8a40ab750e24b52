//! Reads a log in order, from a position on, and verifies that it is one chain.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::future::join_all;

use super::chain::{ChainError, Position};
use super::entry::{SealedEntry, read_entry};
use super::error::LogError;
use super::keys::{entry_key, entry_prefix};
use super::manifest::{SnapshotRef, read_manifest};
use crate::objects::ObjectStore;
use crate::plant;

/// Entries fetched at once: enough to hide a store's latency, few enough to bound memory (entries are below 4 MiB).
const AHEAD: u64 = 8;

/// A reader of one shard log. Ask it again later to follow the log as it grows.
#[derive(Debug)]
pub struct Replay {
    store: Arc<dyn ObjectStore>,
    shard: u32,
    position: Position,
    ahead: VecDeque<SealedEntry>,
}

/// Starts reading the log of `shard` after `from` ([`Position::default`] for the whole log).
#[must_use]
pub fn replay(store: Arc<dyn ObjectStore>, shard: u32, from: Position) -> Replay {
    Replay { store, shard, position: from, ahead: VecDeque::new() }
}

impl Replay {
    /// The position after the last entry that was given out.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// The next entry, or `None` at the present end of the log.
    ///
    /// # Errors
    ///
    /// If the store fails, an entry is damaged, or the chain is broken; asking again reads the same place again.
    /// [`LogError::BelowFloor`] if the entries have given way to a snapshot ([`shard_start`] names it).
    pub async fn next(&mut self) -> Result<Option<SealedEntry>, LogError> {
        if self.ahead.is_empty() {
            self.fetch().await?;
        }
        let Some(entry) = self.ahead.pop_front() else { return Ok(None) };
        match self.position.follow(&entry) {
            Ok(position) => self.position = position,
            Err(source) => {
                self.ahead.clear();
                // Below the floor an erasure takes documents out of entries, which the next ones then do not follow.
                let floor = floor_of(&*self.store, self.shard).await?;
                if let Some(floor) = floor.filter(|floor| *floor > self.position.seq) {
                    return Err(LogError::BelowFloor { shard: self.shard, floor });
                }
                return Err(LogError::Chain { shard: self.shard, source });
            }
        }
        Ok(Some(entry))
    }

    async fn fetch(&mut self) -> Result<(), LogError> {
        let first = self.position.seq.saturating_add(1);
        // A reader at the end asks for one object, not for eight that are not there.
        let Some(entry) = read_entry(&*self.store, self.shard, first).await? else {
            return self.expect_end(first).await;
        };
        self.ahead.push_back(entry);
        let rest = join_all(
            (first.saturating_add(1)..first.saturating_add(AHEAD))
                .map(|seq| read_entry(&*self.store, self.shard, seq)),
        );
        for entry in rest.await {
            // A failure further on is met again when its turn comes.
            let Ok(Some(entry)) = entry else {
                if plant::here("log-without-a-chain") {
                    continue;
                }
                break;
            };
            self.ahead.push_back(entry);
        }
        Ok(())
    }

    /// Tells the end of the log from a hole in it.
    async fn expect_end(&mut self, missing: u64) -> Result<(), LogError> {
        let shard = self.shard;
        let failed = |source| LogError::Store { shard, source };
        let (prefix, after) = (entry_prefix(shard), entry_key(shard, missing)?);
        let later = self.store.list_after(&prefix, Some(&after), 1).await.map_err(failed)?.pop();
        let Some(later) = later.filter(|_| !plant::here("first-hole-is-the-end")) else { return Ok(()) };
        // Both may have been appended between the two requests.
        if let Some(entry) = read_entry(&*self.store, shard, missing).await? {
            self.ahead.push_back(entry);
            return Ok(());
        }
        // Entries vanish when a snapshot has taken their place.
        if let Some(floor) = floor_of(&*self.store, shard).await?.filter(|floor| *floor >= missing) {
            return Err(LogError::BelowFloor { shard, floor });
        }
        let later =
            later.key.as_str().rsplit('/').next().and_then(|seq| seq.parse().ok()).unwrap_or(u64::MAX);
        Err(LogError::Chain { shard, source: ChainError::Gap { missing, later } })
    }
}

async fn floor_of(store: &dyn ObjectStore, shard: u32) -> Result<Option<u64>, LogError> {
    Ok(read_manifest(store, shard).await?.map(|manifest| manifest.value.floor_seq))
}

/// Where an empty index of a shard starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At the first entry.
    FromLog,
    /// At a snapshot; the log goes on behind it.
    FromSnapshot(SnapshotRef),
}

/// Tells where an empty index of `shard` starts, or one whose position is below the floor of the log.
///
/// # Errors
///
/// If the store fails, or the manifest is damaged or needs a newer reader.
pub async fn shard_start(store: &dyn ObjectStore, shard: u32) -> Result<Start, LogError> {
    let manifest = read_manifest(store, shard).await?;
    let snapshot = manifest.and_then(|manifest| manifest.value.snapshot);
    Ok(snapshot.map_or(Start::FromLog, Start::FromSnapshot))
}
