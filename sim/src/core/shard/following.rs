//! An index that follows its shard's log: rows in memory that outlive their generation like files on a disk.

use std::sync::{Arc, Mutex};

use enabler_cluster::owner::{FollowError, Follower};
use enabler_storage::log::{self, LogError, Position, SealedEntry, SnapshotRef, Start};
use enabler_storage::objects::{Key, Memory, ObjectStore};
use enabler_storage::plant;
use enabler_storage::record::{BlobRef, Op, decode_chunks};
use enabler_storage::shard::read_needed;

use super::super::node::Node;
use super::super::rows::Rows;
use super::locked;

/// Entries that are applied before other messages get their turn.
const ENTRIES_AT_ONCE: usize = 64;

/// The rows of a shard and their place in the log.
#[derive(Debug, Default)]
pub struct Held {
    /// The rows.
    pub rows: Rows,
    /// The last entry that is in them.
    pub position: Position,
}

/// A follower of a log.
pub(crate) struct Following {
    node: Arc<Node>,
    number: u32,
    /// What it holds.
    pub held: Arc<Mutex<Held>>,
}

/// Why a follower cannot go on.
pub(super) enum Stuck {
    /// The store cannot be read now.
    Store,
    /// What it holds does not fit the log.
    Index(String),
}

impl Following {
    /// Opens what the node's disk has of the shard, or a snapshot, or nothing; readers see it from now on.
    pub(super) async fn open(node: &Arc<Node>, number: u32) -> Result<Self, ()> {
        let held = node.world.disk(node.number, number);
        if locked(&held).position == Position::default() {
            match log::shard_start(&*node.means.store, number).await {
                Ok(Start::FromLog) => {}
                Ok(Start::FromSnapshot(snapshot)) => {
                    let rows = restored(node, number, &snapshot).await.ok_or(())?;
                    node.world.judge.restored(&node.id.name, number, snapshot.position.seq, &rows);
                    node.world.sometimes("an index was restored from a snapshot");
                    *locked(&held) = Held { rows, position: snapshot.position };
                }
                Err(_) => return Err(()),
            }
        }
        if let Some(cell) = node.cell(number) {
            cell.set_held(Some(held.clone()));
        }
        Ok(Following { node: node.clone(), number, held })
    }

    /// Applies what is new in the log, up to a bound; says whether there is more.
    pub(super) async fn catch_up(&mut self) -> Result<bool, Stuck> {
        let from = locked(&self.held).position;
        let mut replay = log::replay(self.node.means.store.clone(), self.number, from);
        for _ in 0..ENTRIES_AT_ONCE {
            let entry = match replay.next().await {
                Ok(Some(entry)) => entry,
                Ok(None) => return Ok(false),
                Err(LogError::Store { .. }) => return Err(Stuck::Store),
                Err(error) => return Err(Stuck::Index(format!("{error:?}"))),
            };
            self.apply(&entry).await.map_err(|error| match error {
                FollowError::Store(_) => Stuck::Store,
                FollowError::Index(why) => Stuck::Index(why),
            })?;
        }
        Ok(true)
    }

    async fn has_chunks(&self, chunks: &BlobRef) -> Result<bool, FollowError> {
        match read_needed(&*self.node.means.store, chunks).await {
            Ok(bytes) => Ok(bytes.is_some_and(|bytes| decode_chunks(&bytes).is_ok())),
            Err(error) => Err(FollowError::Store(error.to_string())),
        }
    }
}

impl Follower for Following {
    fn position(&self) -> Position {
        locked(&self.held).position
    }

    async fn apply(&mut self, entry: &SealedEntry) -> Result<(), FollowError> {
        if plant::here("position-before-the-rows")
            && let Ok(position) = self.position().follow(entry)
        {
            locked(&self.held).position = position;
        }
        let mut missing = Vec::new();
        for op in &entry.entry.ops {
            if let Op::Ready { chunks, .. } = op
                && !self.has_chunks(chunks).await?
            {
                missing.push(chunks.clone());
            }
        }
        let position = match plant::here("position-before-the-rows") {
            true => Ok(self.position()),
            false => self.position().follow(entry),
        };
        let position = position.map_err(|error| FollowError::Index(error.to_string()))?;
        let mut held = locked(&self.held);
        held.rows.apply(&entry.entry, |op| match op {
            Op::Ready { chunks, .. } => !missing.contains(chunks),
            _ => true,
        });
        held.position = position;
        self.node.world.judge.stands(&self.node.id.name, self.number, position);
        self.node.world.judge.holds(&self.node.id.name, self.number, position.seq, &held.rows);
        Ok(())
    }
}

/// The rows of a snapshot, whose parts come through the store as any object, and are read by the production code.
async fn restored(node: &Arc<Node>, number: u32, snapshot: &SnapshotRef) -> Option<Rows> {
    let near = Memory::new();
    let mut parts = Vec::new();
    for part in &snapshot.parts {
        let key = Key::new(part.key.as_str()).ok()?;
        let object = node.means.store.get(&key).await.ok()??;
        parts.push((key, object.bytes));
    }
    let (rows, snapshot) = (Rows::default(), snapshot.clone());
    super::super::at_once(async move {
        let mut rows = rows;
        for (key, bytes) in parts {
            let _ = near.put_new(&key, bytes).await;
        }
        let mut reader = log::read_snapshot(Arc::new(near), number, &snapshot);
        while let Some(part) = reader.next().await.ok()? {
            part.lines.into_iter().for_each(|line| rows.restore(line));
        }
        Some(rows)
    })
}
