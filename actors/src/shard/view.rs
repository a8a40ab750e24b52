//! A shard as readers on this node see it, over restarts of its actor; and the reading that is up to date.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use enabler_cluster::address::Address;
use enabler_cluster::decide::custody::Part;
use enabler_cluster::net::NodeId;
use enabler_storage::log;
use enabler_storage::objects::{ObjectStore, StoreError};
use enabler_storage::shard::ShardIndex;
use tokio::sync::{Mutex, Notify};

use super::Message;

/// How long a reader waits for entries that the store has and this node has not yet applied.
const CATCH_UP_MAX: Duration = Duration::from_secs(5);

/// How long a reader waits for the object store to say where the log ends.
const CONFIRM_MAX: Duration = Duration::from_secs(2);
/// As [`CONFIRM_MAX`], when the store did not say the last time: an outage must not hold up every reader as long.
const CONFIRM_AGAIN_MAX: Duration = Duration::from_millis(300);

/// What this node does for a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Nothing, following or owning.
    pub part: Part,
    /// The highest epoch that this node knows of.
    pub epoch: u64,
    /// To whom the shard was handed over, if it was.
    pub handed_to: Option<NodeId>,
}

/// How far a reading can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Every change that was acknowledged before the question is in it.
    Current,
    /// The store could not be asked; changes may be missing.
    Unconfirmed,
}

/// Why a shard cannot be read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// This node has no index of it.
    #[error("the shard is not on this node")]
    NotHere,
    /// Its index is behind the log and does not catch up.
    #[error("the shard's index is behind its log")]
    Behind,
}

struct Inner {
    number: u32,
    store: Arc<dyn ObjectStore>,
    /// A node alone, which nobody can replace, asks nobody.
    is_alone: bool,
    index: RwLock<Option<Arc<ShardIndex>>>,
    standing: RwLock<Standing>,
    followers: RwLock<Arc<[NodeId]>>,
    applied: AtomicU64,
    /// Wakes readers in the order in which they came.
    has_applied: Notify,
    /// The last entry that the log was seen to have, by whichever reading, also by one that gave up.
    seen: AtomicU64,
    confirming: Mutex<Confirmed>,
    begun: AtomicU64,
}

#[derive(Debug, Clone, Copy)]
struct Confirmed {
    number: u64,
    outcome: Result<u64, ()>,
}

/// A shard as it is seen on this node. Cheap to clone.
#[derive(Clone)]
pub struct View(Arc<Inner>);

impl View {
    /// The view of shard `number` before its actor starts.
    pub fn new(number: u32, store: Arc<dyn ObjectStore>, is_alone: bool) -> Self {
        View(Arc::new(Inner {
            number,
            store,
            is_alone,
            index: RwLock::default(),
            standing: RwLock::new(Standing { part: Part::None, epoch: 0, handed_to: None }),
            followers: RwLock::new(Arc::new([])),
            applied: AtomicU64::new(0),
            has_applied: Notify::new(),
            seen: AtomicU64::new(0),
            confirming: Mutex::new(Confirmed { number: 0, outcome: Err(()) }),
            begun: AtomicU64::new(0),
        }))
    }

    /// The index, if this node owns or follows the shard; it may lack the newest entries.
    pub fn index(&self) -> Option<Arc<ShardIndex>> {
        self.0.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What this node does for the shard.
    pub fn standing(&self) -> Standing {
        self.0.standing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last entry that the index has applied.
    pub fn applied(&self) -> u64 {
        self.0.applied.load(Ordering::SeqCst)
    }

    /// Who follows the shard on other nodes.
    pub fn followers(&self) -> Arc<[NodeId]> {
        self.0.followers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says who follows the shard on other nodes: they are told of each entry.
    pub fn set_followers(&self, followers: Vec<NodeId>) {
        *self.0.followers.write().unwrap_or_else(PoisonError::into_inner) = followers.into();
    }

    pub(super) fn set_index(&self, index: Option<Arc<ShardIndex>>) {
        *self.0.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    }

    pub(super) fn stand(&self, standing: Standing) {
        *self.0.standing.write().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    pub(super) fn applies(&self, seq: u64) {
        self.0.applied.store(seq, Ordering::SeqCst);
        self.0.has_applied.notify_waiters();
    }

    /// The index with every change in it that was acknowledged before this call, by whichever node.
    ///
    /// An owner that was frozen or cut off may have been replaced without knowing: so the log is asked whether it has
    /// grown. Readings that come while one asks share the next question. `actor` is that of the shard on this node.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub async fn current(
        &self,
        actor: &Address<Message>,
    ) -> Result<(Arc<ShardIndex>, Freshness), Unreadable> {
        let index = self.index().ok_or(Unreadable::NotHere)?;
        if self.0.is_alone {
            return Ok((index, Freshness::Current));
        }
        let confirmed = self.end_of_log().await;
        if self.applied() < self.0.seen.load(Ordering::SeqCst) {
            // It may not know yet: a telling that was lost, or a later owner of whom this node has not heard.
            let _ = actor.offer(Message::Noticed);
        }
        let end = match confirmed {
            Ok(end) => end,
            // What is here is not all there is, whether the store answers now or not.
            Err(()) if self.applied() < self.0.seen.load(Ordering::SeqCst) => return Err(Unreadable::Behind),
            Err(()) => return Ok((index, Freshness::Unconfirmed)),
        };
        let caught_up = tokio::time::timeout(CATCH_UP_MAX, self.until_applied(end)).await;
        if caught_up.is_err() {
            return Err(Unreadable::Behind);
        }
        // The actor may have opened another index meanwhile.
        Ok((self.index().ok_or(Unreadable::NotHere)?, Freshness::Current))
    }

    async fn until_applied(&self, end: u64) {
        loop {
            let mut has_applied = std::pin::pin!(self.0.has_applied.notified());
            // From here on no telling is missed.
            has_applied.as_mut().enable();
            if self.applied() >= end {
                return;
            }
            has_applied.await;
        }
    }

    async fn end_of_log(&self) -> Result<u64, ()> {
        let begun_before = self.0.begun.load(Ordering::SeqCst);
        let mut last = self.0.confirming.lock().await;
        // One that began after this reading came is as good as one of its own.
        if last.number <= begun_before {
            let number = self.0.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let was_silent = last.number > 0 && last.outcome.is_err();
            let patience = if was_silent { CONFIRM_AGAIN_MAX } else { CONFIRM_MAX };
            let why = match tokio::time::timeout(patience, self.look_for_the_end()).await {
                Ok(Ok(end)) => {
                    *last = Confirmed { number, outcome: Ok(end) };
                    return last.outcome;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "the object store does not answer".to_owned(),
            };
            tracing::debug!(why, shard = self.0.number, "the end of the log could not be looked for");
            *last = Confirmed { number, outcome: Err(()) };
        }
        last.outcome
    }

    async fn look_for_the_end(&self) -> Result<u64, StoreError> {
        let mut seq = self.applied();
        loop {
            let Ok(key) = log::entry_key(self.0.number, seq.saturating_add(1)) else { return Ok(seq) };
            if self.0.store.head(&key).await?.is_none() {
                return Ok(seq);
            }
            self.0.seen.fetch_max(seq.saturating_add(1), Ordering::SeqCst);
            // What this node has applied meanwhile need not be asked for.
            seq = self.applied().max(seq.saturating_add(1));
        }
    }
}

#[cfg(test)]
mod tests;
