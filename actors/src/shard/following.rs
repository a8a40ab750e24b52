//! An index that follows its shard's log: opened, brought up to the end, and made anew when it cannot go on.

use std::sync::Arc;

use enabler_cluster::actor::Fault;
use enabler_cluster::owner::{FollowError, Follower};
use enabler_storage::log::{self, LogError, Position, SealedEntry, SnapshotRef, Start};
use enabler_storage::objects::ObjectStore;
use enabler_storage::shard::{self as index, ShardError, ShardIndex};

use super::shelf::{Index, Place};
use super::{Shard, blocking};
use crate::shard::view::View;

/// Entries that are applied before other messages get their turn.
const ENTRIES_AT_ONCE: usize = 64;

/// The index of a shard with its place in the log.
pub(super) struct Following {
    pub(super) position: Position,
    pub(super) index: Arc<Index>,
    store: Arc<dyn ObjectStore>,
    view: View,
}

/// Why a follower cannot go on.
#[derive(Debug)]
pub(super) enum Stuck {
    /// The store cannot be read now: later.
    Store(Fault),
    /// The index does not fit the log: it must be made anew.
    Index(Fault),
}

impl From<Stuck> for Fault {
    fn from(stuck: Stuck) -> Self {
        match stuck {
            Stuck::Store(fault) | Stuck::Index(fault) => fault,
        }
    }
}

impl Follower for Following {
    fn position(&self) -> Position {
        self.position
    }

    async fn apply(&mut self, entry: &SealedEntry) -> Result<(), FollowError> {
        let blobs = index::fetch_needed(&*self.store, &entry.entry).await;
        let reason =
            |error: &dyn std::error::Error| Fault::from_error("applying an entry to the index", error).reason;
        let wrong = |error: &dyn std::error::Error| FollowError::Index(reason(error));
        let blobs = blobs.map_err(|error| FollowError::Store(reason(&error)))?;
        let next = self.position.follow(entry).map_err(|error| wrong(&error))?;
        let (index, entry) = (self.index.clone(), entry.clone());
        let applied = tokio::task::spawn_blocking(move || index.apply(&entry, &blobs)).await;
        applied.map_err(|error| wrong(&error))?.map_err(|error| wrong(&error))?;
        self.position = next;
        self.view.applies(next.seq);
        Ok(())
    }
}

/// The snapshot where a reader of the log starts, if it has given up its beginning.
async fn snapshot_of(shard: &Shard) -> Result<Option<SnapshotRef>, Stuck> {
    match log::shard_start(&*shard.means.store, shard.number).await {
        Ok(Start::FromLog) => Ok(None),
        Ok(Start::FromSnapshot(snapshot)) => Ok(Some(snapshot)),
        Err(error) => {
            let fault = Fault::from_error("looking for the beginning of the log", &error);
            let is_passing = matches!(error, LogError::Store { .. });
            Err(if is_passing { Stuck::Store(fault) } else { Stuck::Index(fault) })
        }
    }
}

impl Following {
    /// Opens the index of `shard` in `place`; readers see it from now on.
    pub(super) async fn open(shard: &Shard, place: Place) -> Result<Self, Stuck> {
        let (dir, settings) = (place.folder.clone(), shard.settings.clone());
        let open = move || {
            let index = ShardIndex::open(&dir, settings)?;
            Ok((index.position()?, index))
        };
        let (mut position, mut index) = blocking("opening the index", open).await.map_err(Stuck::Index)?;
        if position == Position::default()
            && let Some(snapshot) = snapshot_of(shard).await?
        {
            drop(index);
            tracing::info!(shard = shard.number, seq = snapshot.position.seq, "restoring a snapshot");
            let (store, settings) = (shard.means.store.clone(), shard.settings.clone());
            let restored = index::restore(store, shard.number, &place.folder, settings, &snapshot).await;
            index = restored.map_err(|error| {
                let fault = Fault::from_error("restoring a snapshot", &error);
                let is_passing = matches!(error, ShardError::Snapshot(_) | ShardError::Blob(_));
                if is_passing { Stuck::Store(fault) } else { Stuck::Index(fault) }
            })?;
            position = snapshot.position;
        }
        let index = Arc::new(place.hold(index));
        shard.view.shelf(&shard.dir).keep(&index);
        Ok(Self::shown(shard, index, position))
    }

    fn shown(shard: &Shard, index: Arc<Index>, position: Position) -> Self {
        shard.view.applies(position.seq);
        shard.view.set_index(Some(index.clone()));
        Following { position, index, store: shard.means.store.clone(), view: shard.view.clone() }
    }

    /// Goes on with an index that was let go and is still open; readers see it from now on.
    pub(super) async fn again(shard: &Shard, index: Arc<Index>) -> Result<Self, Fault> {
        let same = index.clone();
        let position = blocking("looking where the index stands", move || same.position()).await?;
        Ok(Self::shown(shard, index, position))
    }

    /// Applies everything that the log has.
    pub(super) async fn catch_up_to_the_end(&mut self, shard: u32) -> Result<(), Stuck> {
        while self.catch_up(shard).await? {}
        Ok(())
    }

    /// Applies what is new in the log, up to a bound; says whether there is more.
    pub(super) async fn catch_up(&mut self, shard: u32) -> Result<bool, Stuck> {
        let mut replay = log::replay(self.store.clone(), shard, self.position);
        for _ in 0..ENTRIES_AT_ONCE {
            let entry = match replay.next().await {
                Ok(Some(entry)) => entry,
                Ok(None) => return Ok(false),
                Err(error @ LogError::Store { .. }) => {
                    return Err(Stuck::Store(Fault::from_error("following the log", &error)));
                }
                Err(error) => return Err(Stuck::Index(Fault::from_error("following the log", &error))),
            };
            self.apply(&entry).await.map_err(|error| {
                let fault = Fault::from_error("following", &error);
                match error {
                    FollowError::Store(_) => Stuck::Store(fault),
                    FollowError::Index(_) => Stuck::Index(fault),
                }
            })?;
        }
        Ok(true)
    }
}
