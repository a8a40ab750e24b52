//! A shard as readers on this node see it, over restarts of its actor; and the reading that is up to date.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use enabler_cluster::address::Address;
use enabler_cluster::decide::custody::Part;
use enabler_cluster::decide::horizon::{Effect, Event, Look};
use enabler_cluster::net::NodeId;
use enabler_storage::clock::Clock;
use enabler_storage::log::{self, LogError};
use enabler_storage::objects::ObjectStore;
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::Instant;

use super::Message;
use super::refusing::Refusals;
use super::shelf::{Index, Shelf};

/// How long a reader waits for entries that the store has and this node has not yet applied.
const CATCH_UP_MAX: Duration = Duration::from_secs(5);

/// How long a reader waits for the object store to say where the log ends.
const CONFIRM_MAX: Duration = Duration::from_secs(2);
/// As [`CONFIRM_MAX`], when the store did not say the last time: an outage must not hold up every reader as long.
const CONFIRM_AGAIN_MAX: Duration = Duration::from_millis(300);

/// How long a request waits for a shard that is about to be handed over to this node: a swap of the manifest and an
/// entry, some tens of milliseconds. Whoever waited in vain looks for the owner again.
const COMING_MAX: Duration = Duration::from_secs(1);

/// How long ago the log may have told where it ends, for the next entry alone to tell whether it has grown: entries live
/// for a day behind a snapshot.
const FLOOR_AGE_MAX: Duration = Duration::from_secs(600);

/// A node that has looked at nothing for so long was frozen or suspended, and may have been replaced without knowing:
/// links are cut, and shards taken, after two seconds of silence.
const ASLEEP_AFTER: Duration = Duration::from_millis(1_500);

/// What this node does for a shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Nothing, following or owning.
    pub part: Part,
    /// The highest epoch that this node knows of.
    pub epoch: u64,
    /// To whom the shard was handed over, if it was.
    pub handed_to: Option<NodeId>,
    /// Whether it is about to be handed over to this node.
    pub is_coming: bool,
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
    clock: Arc<dyn Clock>,
    /// A node alone, which nobody can replace, asks nobody.
    is_alone: bool,
    index: RwLock<Option<Arc<Index>>>,
    standing: watch::Sender<Standing>,
    followers: RwLock<Arc<[NodeId]>>,
    applied: AtomicU64,
    /// Wakes readers in the order in which they came.
    has_applied: Notify,
    /// The last entry that the log was seen to have had, by whichever reading, also by one that gave up.
    seen: AtomicU64,
    confirming: Mutex<Confirmed>,
    begun: AtomicU64,
    attention: std::sync::Mutex<Attention>,
    refusals: std::sync::Mutex<Refusals>,
    shelf: OnceLock<Arc<Shelf>>,
    grants: Arc<()>,
    is_noticed: AtomicBool,
}

/// Whether this node has been awake all the time.
#[derive(Debug, Default)]
struct Attention {
    looked: Option<Instant>,
    /// When it was found to have slept; until the store has told where the log ends.
    slept: Option<Instant>,
    /// When the store was last asked how the shard stands, and told.
    confirmed: Option<Instant>,
}

impl Attention {
    fn look(&mut self, now: Instant) {
        if self.is_late(now) {
            self.slept = Some(now);
        }
        self.looked = Some(now);
    }

    fn is_late(&self, now: Instant) -> bool {
        self.looked.is_some_and(|looked| now.saturating_duration_since(looked) > ASLEEP_AFTER)
    }

    /// The store has told where the log ends, asked at `asked`; what was asked before the sleep tells nothing.
    fn confirm(&mut self, asked: Instant) {
        self.confirmed = self.confirmed.max(Some(asked));
        if self.slept.is_some_and(|slept| asked >= slept) {
            self.slept = None;
        }
    }

    fn has_slept(&self, now: Instant) -> bool {
        self.slept.is_some() || self.is_late(now)
    }
}

/// What the last question after the end of the log came to.
#[derive(Debug, Clone, Copy)]
struct Confirmed {
    number: u64,
    outcome: Result<u64, Doubt>,
    /// When the log last told where it ends, by the uptime of the machine.
    at_ms: Option<u64>,
}

/// Why it is not known where the log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// The store does not say.
    Silent,
    /// It goes on far beyond what the index has.
    FarAhead,
}

/// A shard as it is seen on this node. Cheap to clone.
#[derive(Clone)]
pub struct View(Arc<Inner>);

impl View {
    /// The view of shard `number` before its actor starts.
    pub fn new(number: u32, store: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>, is_alone: bool) -> Self {
        View(Arc::new(Inner {
            number,
            store,
            clock,
            is_alone,
            index: RwLock::default(),
            standing: watch::Sender::new(Standing::default()),
            followers: RwLock::new(Arc::new([])),
            applied: AtomicU64::new(0),
            has_applied: Notify::new(),
            seen: AtomicU64::new(0),
            confirming: Mutex::new(Confirmed { number: 0, outcome: Err(Doubt::Silent), at_ms: None }),
            begun: AtomicU64::new(0),
            attention: std::sync::Mutex::default(),
            refusals: std::sync::Mutex::new(Refusals::none()),
            shelf: OnceLock::new(),
            grants: Arc::default(),
            is_noticed: AtomicBool::new(false),
        }))
    }

    /// The index, if this node owns or follows the shard; it may lack the newest entries.
    pub fn index(&self) -> Option<Arc<Index>> {
        self.0.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What this node does for the shard.
    pub fn standing(&self) -> Standing {
        self.0.standing.borrow().clone()
    }

    /// What this node does for the shard, and every change of it.
    pub fn standings(&self) -> watch::Receiver<Standing> {
        self.0.standing.subscribe()
    }

    /// Whether this node owns the shard; one that is about to be handed over to it is waited for.
    pub async fn owns_soon(&self) -> bool {
        let mut standings = self.standings();
        let decided = standings.wait_for(|standing| !standing.is_coming);
        let decided = tokio::time::timeout(COMING_MAX, decided).await;
        matches!(decided, Ok(Ok(standing)) if standing.part == Part::Owner)
    }

    /// The last entry that the index has applied.
    pub fn applied(&self) -> u64 {
        self.0.applied.load(Ordering::SeqCst)
    }

    /// How many entries the index lacks of those that the log was seen to have.
    pub fn lag(&self) -> u64 {
        self.0.seen.load(Ordering::SeqCst).saturating_sub(self.applied())
    }

    /// Who follows the shard on other nodes.
    pub fn followers(&self) -> Arc<[NodeId]> {
        self.0.followers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says who follows the shard on other nodes: they are told of each entry.
    pub fn set_followers(&self, followers: Vec<NodeId>) {
        *self.0.followers.write().unwrap_or_else(PoisonError::into_inner) = followers.into();
    }

    /// Says that this node is awake; it is said several times a second.
    pub fn look(&self) {
        self.attention().look(Instant::now());
    }

    /// Whether this node owns the shard and would know if that had changed, so that it may answer without the store.
    pub fn is_sure_owner(&self) -> bool {
        self.standing().part == Part::Owner && !self.attention().has_slept(Instant::now())
    }

    /// Whether this node cannot hold the shard for now: another one should.
    pub fn refuses(&self) -> bool {
        self.refusals().is_refused()
    }

    pub(super) fn refusals(&self) -> std::sync::MutexGuard<'_, Refusals> {
        self.0.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the actor look at the log, unless it is about to: each look is a request to the store, and hundreds that wait
    /// in its mailbox would hold up a hand-over.
    pub fn notice(&self, actor: &Address<Message>) {
        if !self.0.is_noticed.swap(true, Ordering::SeqCst) && actor.offer(Message::Noticed).is_err() {
            self.0.is_noticed.store(false, Ordering::SeqCst);
        }
    }

    /// What is noticed from now on needs another look.
    pub(super) fn looks(&self) {
        self.0.is_noticed.store(false, Ordering::SeqCst);
    }

    /// Kept until the node that was given the shard serves it, or it is over with trying to tell it.
    pub(super) fn grants(&self) -> Arc<()> {
        self.0.grants.clone()
    }

    /// Whether a node that was given the shard may still wait to be told.
    pub fn is_granting(&self) -> bool {
        Arc::strong_count(&self.0.grants) > 1
    }

    /// Where the index lies, which should be at `base`.
    pub(super) fn shelf(&self, base: &Path) -> &Arc<Shelf> {
        self.0.shelf.get_or_init(|| Shelf::at(base))
    }

    /// When the store was last asked how the shard stands, and told.
    pub fn last_confirmed(&self) -> Option<Instant> {
        self.attention().confirmed
    }

    /// The store has said, asked at `asked`, how the shard stands.
    pub(super) fn confirm(&self, asked: Instant) {
        self.attention().confirm(asked);
    }

    fn attention(&self) -> std::sync::MutexGuard<'_, Attention> {
        self.0.attention.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_index(&self, index: Option<Arc<Index>>) {
        let is_gone = index.is_none();
        *self.0.index.write().unwrap_or_else(PoisonError::into_inner) = index;
        if is_gone {
            // Nothing is applied to it any more: whoever waits for that looks for another node.
            self.0.has_applied.notify_waiters();
        }
    }

    pub(super) fn stand(&self, standing: Standing) {
        self.0.standing.send_replace(standing);
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
    pub async fn current(&self, actor: &Address<Message>) -> Result<(Arc<Index>, Freshness), Unreadable> {
        let index = self.index().ok_or(Unreadable::NotHere)?;
        if self.0.is_alone {
            return Ok((index, Freshness::Current));
        }
        let confirmed = self.end_of_log().await;
        if self.applied() < self.0.seen.load(Ordering::SeqCst) {
            // It may not know yet: a telling that was lost, or a later owner of whom this node has not heard.
            self.notice(actor);
        }
        let end = match confirmed {
            Ok(end) => end,
            Err(Doubt::FarAhead) => return Err(Unreadable::Behind),
            // What is here is not all there is, whether the store answers now or not.
            Err(Doubt::Silent) if self.applied() < self.0.seen.load(Ordering::SeqCst) => {
                return Err(Unreadable::Behind);
            }
            Err(Doubt::Silent) => return Ok((index, Freshness::Unconfirmed)),
        };
        match tokio::time::timeout(CATCH_UP_MAX, self.until_applied(end)).await {
            Ok(true) => {}
            Ok(false) => return Err(Unreadable::NotHere),
            Err(_) => return Err(Unreadable::Behind),
        }
        // The actor may have opened another index meanwhile.
        Ok((self.index().ok_or(Unreadable::NotHere)?, Freshness::Current))
    }

    /// Waits until the index has this entry; `false` once it was let go.
    async fn until_applied(&self, end: u64) -> bool {
        loop {
            let mut has_applied = std::pin::pin!(self.0.has_applied.notified());
            // From here on no telling is missed.
            has_applied.as_mut().enable();
            if self.applied() >= end {
                return true;
            }
            if self.index().is_none() {
                return false;
            }
            has_applied.await;
        }
    }

    async fn end_of_log(&self) -> Result<u64, Doubt> {
        let begun_before = self.0.begun.load(Ordering::SeqCst);
        let mut last = self.0.confirming.lock().await;
        // One that began after this reading came is as good as one of its own.
        if last.number <= begun_before {
            let number = self.0.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let was_silent = last.number > 0 && last.outcome == Err(Doubt::Silent);
            let patience = if was_silent { CONFIRM_AGAIN_MAX } else { CONFIRM_MAX };
            let (asked, asked_ms) = (Instant::now(), self.0.clock.uptime_ms());
            let age_max_ms = FLOOR_AGE_MAX.as_millis() as u64;
            let is_old = last.at_ms.is_none_or(|at_ms| asked_ms.saturating_sub(at_ms) >= age_max_ms);
            last.number = number;
            last.outcome = match tokio::time::timeout(patience, self.look_for_the_end(is_old)).await {
                Ok(Ok(Some(end))) => {
                    self.confirm(asked);
                    last.at_ms = Some(asked_ms);
                    Ok(end)
                }
                Ok(Ok(None)) => Err(Doubt::FarAhead),
                Ok(Err(error)) => {
                    tracing::debug!(%error, shard = self.0.number, "the end of the log could not be looked for");
                    Err(Doubt::Silent)
                }
                Err(_) => {
                    tracing::debug!(
                        shard = self.0.number,
                        "the object store does not say where the log ends"
                    );
                    Err(Doubt::Silent)
                }
            };
        }
        last.outcome
    }

    /// The last entry of the log; `None` if that is far beyond what is here.
    async fn look_for_the_end(&self, is_old: bool) -> Result<Option<u64>, LogError> {
        let (shard, store) = (self.0.number, &*self.0.store);
        let (mut look, mut effect) = Look::new(self.applied(), self.0.seen.load(Ordering::SeqCst), is_old);
        loop {
            // A search that gives up, or is given up, leaves to the next one what it was told.
            self.0.seen.fetch_max(look.seen(), Ordering::SeqCst);
            let event = match effect {
                Effect::AskFloor => {
                    let manifest = log::read_manifest(store, shard).await?;
                    Event::Floor(manifest.map_or(0, |manifest| manifest.value.floor_seq))
                }
                Effect::AskEntry(seq) => {
                    let found = store.head(&log::entry_key(shard, seq)?).await;
                    match found.map_err(|source| LogError::Store { shard, source })? {
                        Some(_) => Event::There,
                        None => Event::Absent,
                    }
                }
                Effect::End(end) => return Ok(Some(end)),
                Effect::FarAhead => return Ok(None),
            };
            effect = look.step(event, self.applied());
        }
    }
}

#[cfg(test)]
mod tests;
