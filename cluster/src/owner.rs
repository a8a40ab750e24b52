//! Owns one shard of the log: claims it, replays it, fences it, appends to it.
//!
//! The decisions are in [`crate::decide`]; here they meet the object store.

mod group;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use enabler_storage::chance::Chance;
use enabler_storage::clock::Clock;
use enabler_storage::log::{
    self, ChainError, Entry, LogError, Manifest, Owner as Holder, Position, SealedEntry, SnapshotRef,
    Versioned,
};
use enabler_storage::objects::{ObjectStore, PutOutcome};
use enabler_storage::plant;
use enabler_storage::record::Op;

use crate::decide::append::{self, Append, Author, Outcome};
use crate::decide::claim::{self, Claim, Held};
use crate::net::NodeId;

pub use group::Group;

/// Unreachable reads of the manifest before a claim fails; its supervisor tries again with back-off.
const UNAVAILABLE_MAX: u32 = 5;

/// The longest that an owner writes without having seen that the manifest is still its own: this part of the time for
/// which entries are kept. Ten minutes of a day.
const LOOKS_IN_A_LIFE: u32 = 144;

/// Whatever keeps what the log says: it is told every entry once, in order.
pub trait Follower: Send {
    /// The last entry that it has applied.
    fn position(&self) -> Position;

    /// Applies the next entry. An error ends the claim or the ownership.
    fn apply(&mut self, entry: &SealedEntry) -> impl Future<Output = Result<(), FollowError>> + Send;
}

/// Why an entry could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// What it needs cannot be fetched now; it can be applied later.
    #[error("{0}")]
    Store(String),
    /// The index does not take it.
    #[error("{0}")]
    Index(String),
}

/// Why a shard is not, or no longer, ours.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// A later owner has it: step down and acknowledge nothing.
    #[error("shard {shard} has a later owner, of epoch {epoch}")]
    Superseded {
        /// The shard.
        shard: u32,
        /// The later epoch.
        epoch: u64,
    },
    /// Two writers in one epoch; nothing may be written until a person has looked.
    #[error("shard {shard} has two writers in epoch {epoch}; ownership is broken")]
    Split {
        /// The shard.
        shard: u32,
        /// The epoch.
        epoch: u64,
    },
    /// The outcome of an append stayed unknown: what was asked may or may not have happened.
    #[error("the object store did not tell whether entry {seq} of shard {shard} was written")]
    Undecided {
        /// The shard.
        shard: u32,
        /// The entry.
        seq: u64,
    },
    /// The store could not be reached.
    #[error("the object store cannot be reached for shard {shard}")]
    Unavailable {
        /// The shard.
        shard: u32,
    },
    /// The log cannot be read or written.
    #[error("using the log of shard {shard}")]
    Log {
        /// The shard.
        shard: u32,
        /// Why.
        #[source]
        source: LogError,
    },
    /// What follows the log could not take an entry.
    #[error("applying the log of shard {shard}")]
    Follow {
        /// The shard.
        shard: u32,
        /// Why.
        #[source]
        source: FollowError,
    },
}

impl OwnError {
    /// Whether it tells of the store at this moment, and nothing against the log or the index.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Superseded { .. } | Self::Undecided { .. } | Self::Unavailable { .. } => true,
            Self::Log { source, .. } => matches!(source, LogError::Store { .. }),
            Self::Follow { source, .. } => matches!(source, FollowError::Store(_)),
            Self::Split { .. } => false,
        }
    }
}

/// What an owner needs of the world.
#[derive(Clone)]
pub struct Means {
    /// The truth.
    pub store: Arc<dyn ObjectStore>,
    /// For the times in entries, which people read.
    pub clock: Arc<dyn Clock>,
    /// For writer ids and nonces.
    pub chance: Arc<dyn Chance>,
    /// This node, for the manifest.
    pub node: NodeId,
    /// How long entries that a snapshot stands in for are kept; [`log::MIN_AGE`] but in simulations.
    pub keeps: Duration,
}

/// The ownership of one shard by this generation.
pub struct Owner {
    means: Means,
    shard: u32,
    writer: u128,
    epoch: u64,
    position: Position,
    /// When the manifest was seen to be ours, on a clock that goes on while the machine sleeps.
    looked_ms: u64,
    /// The manifest as it was then, or as we wrote it: it can be changed without being read once more.
    manifest: Option<Versioned<Manifest>>,
}

/// An ownership that the owner before has written for this node.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    /// Its epoch.
    pub epoch: u64,
    /// The writer that this node has promised.
    pub writer: u128,
    /// When it was promised, on a clock that goes on while the machine sleeps, and the log had been read to its end.
    pub promised_ms: u64,
    /// The last entry of the owner before, if that said so: it writes nothing more.
    pub ended: Option<u64>,
    /// Whether it was tried to take it up: a fence of its own may be in the log then.
    pub is_tried: bool,
}

/// How a shard comes to a node.
#[derive(Debug, Clone, Copy)]
pub enum Taking {
    /// By a claim that ends an ownership up to this epoch.
    Claim(u64),
    /// The owner before has handed it over.
    Grant(Grant),
}

impl Owner {
    /// Claims `shard`: raises its epoch, replays what `follower` has not applied, and fences. An ownership later than
    /// `epoch_max` is left alone.
    ///
    /// # Errors
    /// See [`OwnError`]; nothing is owned then.
    pub async fn claim<F: Follower>(
        means: Means,
        shard: u32,
        epoch_max: u64,
        follower: &mut F,
    ) -> Result<Self, OwnError> {
        let drawn = means.chance.next_u128();
        let writer = if plant::here("writer-is-the-generation") { means.node.generation } else { drawn };
        Self::begun(means, shard, writer, follower).pursue(Claim::new(writer, epoch_max), follower).await
    }

    /// Takes up an ownership that the owner before has handed over.
    ///
    /// # Errors
    /// As [`Owner::claim`]; somebody else may have claimed the shard meanwhile.
    pub async fn take_over<F: Follower>(
        means: Means,
        shard: u32,
        grant: Grant,
        follower: &mut F,
    ) -> Result<Self, OwnError> {
        let begun = if grant.is_tried {
            Claim::granted_again(grant.writer, grant.epoch)
        } else {
            Claim::granted(grant.writer, grant.epoch, follower.position().seq, grant.ended)
        };
        let mut owner = Self::begun(means, shard, grant.writer, follower);
        owner.looked_ms = grant.promised_ms;
        owner.pursue(begun, follower).await
    }

    fn begun<F: Follower>(means: Means, shard: u32, writer: u128, follower: &F) -> Self {
        let (position, looked_ms) = (follower.position(), means.clock.uptime_ms());
        Owner { means, shard, writer, epoch: 0, position, looked_ms, manifest: None }
    }

    async fn pursue<F: Follower>(
        self,
        (mut claim, mut effect): (Claim, claim::Effect),
        follower: &mut F,
    ) -> Result<Self, OwnError> {
        let (shard, mut owner) = (self.shard, self);
        let mut seen: Option<Versioned<Manifest>> = None;
        let mut unavailable = 0;
        loop {
            let event = match effect {
                claim::Effect::ReadManifest => match log::read_manifest(&*owner.means.store, shard).await {
                    Ok(found) => {
                        seen = found;
                        let held = seen.as_ref().map(|manifest| held(&manifest.value));
                        claim::Event::Manifest(held)
                    }
                    Err(LogError::Store { .. }) if unavailable < UNAVAILABLE_MAX => {
                        unavailable += 1;
                        owner.means.clock.sleep(Duration::from_millis(50 << unavailable)).await;
                        continue;
                    }
                    Err(LogError::Store { .. }) => claim::Event::Unavailable,
                    Err(source) => return Err(OwnError::Log { shard, source }),
                },
                claim::Effect::Create(epoch) | claim::Effect::Swap(epoch) => {
                    owner.raise(seen.as_ref(), epoch).await?
                }
                claim::Effect::Replay => claim::Event::Replayed(owner.replay(follower, u64::MAX).await?),
                claim::Effect::ReplayTo(seq) => claim::Event::Replayed(owner.replay(follower, seq).await?),
                claim::Effect::Fence(_) if plant::here("serves-without-a-fence") => {
                    owner.epoch = claim.epoch();
                    claim::Event::Fenced
                }
                claim::Effect::Fence(_) => match owner.fence(claim.epoch(), follower).await? {
                    Outcome::Acknowledged => claim::Event::Fenced,
                    Outcome::Overtaken => claim::Event::Overtaken,
                    Outcome::Fenced { epoch } => claim::Event::Superseded(epoch),
                    Outcome::Split { .. } => return Err(OwnError::Split { shard, epoch: owner.epoch }),
                    Outcome::Undecided => claim::Event::Unavailable,
                },
                claim::Effect::Serve(epoch) => {
                    owner.epoch = epoch;
                    tracing::info!(shard, epoch, seq = owner.position.seq, "shard owned");
                    return Ok(owner);
                }
                claim::Effect::Yield(epoch) => return Err(OwnError::Superseded { shard, epoch }),
                claim::Effect::Fail => return Err(OwnError::Unavailable { shard }),
            };
            effect = claim.step(event);
        }
    }

    /// The last entry that was appended or replayed.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The epoch of this ownership.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Appends one entry with `ops` and has `follower` apply it; returns its sequence number.
    ///
    /// From then on it is durable. After any error this ownership is over: claim anew and look.
    ///
    /// # Errors
    /// See [`OwnError`]. Except after [`OwnError::Undecided`], nothing was written.
    pub async fn append<F: Follower>(&mut self, ops: Vec<Op>, follower: &mut F) -> Result<u64, OwnError> {
        let shard = self.shard;
        self.look_again().await?;
        loop {
            match self.put(ops.clone(), follower).await? {
                Outcome::Acknowledged => return Ok(self.position.seq),
                Outcome::Overtaken => {
                    self.replay(follower, u64::MAX).await?;
                }
                Outcome::Fenced { epoch } => return Err(OwnError::Superseded { shard, epoch }),
                Outcome::Split { .. } => return Err(OwnError::Split { shard, epoch: self.epoch }),
                Outcome::Undecided => {
                    return Err(OwnError::Undecided { shard, seq: self.position.seq + 1 });
                }
            }
        }
    }

    /// Whether a later owner has written behind the last entry of this one.
    ///
    /// # Errors
    /// If the store fails or the entry is damaged.
    pub async fn is_overtaken(&mut self) -> Result<bool, OwnError> {
        let shard = self.shard;
        match self.look_again().await {
            Ok(()) => {}
            Err(OwnError::Superseded { .. }) => return Ok(true),
            Err(error) => return Err(error),
        }
        let next = log::read_entry(&*self.means.store, shard, self.position.seq + 1).await;
        let next = next.map_err(|source| OwnError::Log { shard, source })?;
        Ok(next.is_some_and(|next| next.entry.epoch > self.epoch))
    }

    /// Gives the shard to `to`, which will write as `writer`; returns the epoch of that ownership.
    ///
    /// From the call on nothing more may be appended, whatever it returns.
    ///
    /// # Errors
    /// See [`OwnError`]: after `Superseded` and `Undecided` the manifest says who owns the shard.
    pub async fn hand_over(&self, to: &NodeId, writer: u128) -> Result<u64, OwnError> {
        let shard = self.shard;
        let wrong = |source| OwnError::Log { shard, source };
        let store = &*self.means.store;
        let mut known = self.manifest.clone();
        for _ in 0..UNAVAILABLE_MAX {
            let seen = match known.take() {
                Some(known) => known,
                None => match log::read_manifest(store, shard).await {
                    Ok(seen) => seen.ok_or(OwnError::Unavailable { shard })?,
                    Err(LogError::Store { .. }) => {
                        self.means.clock.sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                    Err(source) => return Err(wrong(source)),
                },
            };
            let held = held(&seen.value);
            if (held.epoch, held.writer) == (self.epoch + 1, writer) {
                return Ok(held.epoch);
            }
            if (held.epoch, held.writer) != (self.epoch, self.writer) {
                return Err(OwnError::Superseded { shard, epoch: held.epoch });
            }
            let mut manifest = seen.value;
            manifest.epoch += u64::from(!plant::here("hand-over-keeps-the-epoch"));
            manifest.owner = Some(Holder { node: to.name.clone(), generation: to.generation });
            manifest.writer = writer;
            // Refused or unknown alike: the next reading says what stands there.
            if let PutOutcome::Done(_) =
                log::swap_manifest(store, &seen.etag, &manifest).await.map_err(wrong)?
            {
                return Ok(manifest.epoch);
            }
        }
        Err(OwnError::Unavailable { shard })
    }

    /// Names `snapshot` in the manifest: readers start there, and entries up to it may go. One that is older than what the
    /// manifest names changes nothing.
    ///
    /// # Errors
    /// See [`OwnError`]; the manifest is as it was, unless the store did not tell.
    pub async fn name_snapshot(&self, snapshot: SnapshotRef) -> Result<(), OwnError> {
        let shard = self.shard;
        let wrong = |source| OwnError::Log { shard, source };
        for _ in 0..UNAVAILABLE_MAX {
            let seen = log::read_manifest(&*self.means.store, shard).await.map_err(wrong)?;
            let seen = seen.ok_or(OwnError::Unavailable { shard })?;
            let held = held(&seen.value);
            let is_ours = (held.epoch, held.writer) == (self.epoch, self.writer);
            if !is_ours && !plant::here("snapshot-named-after-losing") {
                return Err(OwnError::Superseded { shard, epoch: held.epoch });
            }
            // One that was made for an ownership before this one would bring back a floor whose entries may be gone.
            let named = seen.value.snapshot.as_ref().map_or(0, |named| named.position.seq);
            if seen.value.floor_seq.max(named) >= snapshot.position.seq {
                return Ok(());
            }
            let mut manifest = seen.value;
            manifest.floor_seq = snapshot.position.seq + u64::from(plant::here("floor-above-the-snapshot"));
            manifest.snapshot = Some(snapshot.clone());
            let swapped = log::swap_manifest(&*self.means.store, &seen.etag, &manifest).await;
            if let PutOutcome::Done(_) = swapped.map_err(wrong)? {
                return Ok(());
            }
        }
        Err(OwnError::Unavailable { shard })
    }

    /// Makes sure that the manifest still names this ownership, if the last look is older than `age_max`.
    ///
    /// # Errors
    /// [`OwnError::Superseded`] if it names another; if the store fails, nothing is known.
    pub async fn look(&mut self, age_max: Duration) -> Result<(), OwnError> {
        let now_ms = self.means.clock.uptime_ms();
        let is_young = now_ms.saturating_sub(self.looked_ms) < age_max.as_millis() as u64;
        if is_young || plant::here("manifest-is-never-looked-at") {
            return Ok(());
        }
        let shard = self.shard;
        let seen = log::read_manifest(&*self.means.store, shard).await;
        let seen = seen.map_err(|source| OwnError::Log { shard, source })?;
        match seen {
            Some(seen) if held(&seen.value) == (Held { epoch: self.epoch, writer: self.writer }) => {
                self.looked_ms = now_ms;
                self.manifest = Some(seen);
                Ok(())
            }
            found => Err(OwnError::Superseded { shard, epoch: found.map_or(0, |seen| seen.value.epoch) }),
        }
    }

    /// Makes sure that no later owner has made entries vanish behind which this one writes or has written.
    ///
    /// An entry below the floor of a later snapshot may be gone, and its place free again. Entries live for a day at
    /// least, and an owner that has not looked at the manifest for a part of that looks before it writes, and before it
    /// believes that what it wrote is read by anybody.
    async fn look_again(&mut self) -> Result<(), OwnError> {
        self.look(self.means.keeps / LOOKS_IN_A_LIFE).await
    }

    async fn fence<F: Follower>(&mut self, epoch: u64, follower: &mut F) -> Result<Outcome, OwnError> {
        self.epoch = epoch;
        self.put(vec![Op::Fence], follower).await
    }

    async fn raise(
        &mut self,
        seen: Option<&Versioned<Manifest>>,
        epoch: u64,
    ) -> Result<claim::Event, OwnError> {
        let mut manifest = seen.map_or_else(|| Manifest::unowned(self.shard), |seen| seen.value.clone());
        if plant::here("claim-drops-unknown-fields") {
            manifest.rest = Manifest::unowned(self.shard).rest;
        }
        if plant::here("claim-forgets-the-snapshot") {
            (manifest.snapshot, manifest.floor_seq) = (None, 0);
        }
        manifest.epoch = epoch;
        let NodeId { name, generation } = self.means.node.clone();
        manifest.owner = Some(Holder { node: name, generation });
        manifest.writer = self.writer;
        let store = &*self.means.store;
        let fresh = match seen {
            Some(_) if plant::here("swap-of-what-was-not-read") => {
                log::read_manifest(store, self.shard).await.ok().flatten()
            }
            _ => None,
        };
        let outcome = match fresh.as_ref().or(seen) {
            Some(seen) => log::swap_manifest(store, &seen.etag, &manifest).await,
            None => log::create_manifest(store, &manifest).await,
        };
        Ok(match outcome.map_err(|source| OwnError::Log { shard: self.shard, source })? {
            PutOutcome::Done(etag) => {
                self.manifest = Some(Versioned { value: manifest, etag });
                claim::Event::Swapped
            }
            PutOutcome::Exists | PutOutcome::Changed => claim::Event::Lost,
            PutOutcome::Unknown(_) => claim::Event::Unknown,
        })
    }

    /// Replays what is new, and nothing behind entry `upto`; returns the next sequence number.
    async fn replay<F: Follower>(&mut self, follower: &mut F, upto: u64) -> Result<u64, OwnError> {
        let shard = self.shard;
        let mut replay = log::replay(self.means.store.clone(), shard, self.position);
        while self.position.seq < upto
            && let Some(entry) = replay.next().await.map_err(|source| OwnError::Log { shard, source })?
        {
            follower.apply(&entry).await.map_err(|source| OwnError::Follow { shard, source })?;
            self.position = replay.position();
        }
        Ok(self.position.seq + 1)
    }

    async fn put<F: Follower>(&mut self, ops: Vec<Op>, follower: &mut F) -> Result<Outcome, OwnError> {
        let shard = self.shard;
        let wrong = |source| OwnError::Log { shard, source };
        // A later owner may have fenced between the raising of our epoch and our replay: its log takes nothing of ours.
        if self.position.epoch > self.epoch && !plant::here("epoch-falls-along-the-log") {
            return Ok(Outcome::Fenced { epoch: self.position.epoch });
        }
        let me = Author { epoch: self.epoch, writer: self.writer, nonce: self.means.chance.next_u128() };
        let entry = Entry {
            shard,
            seq: self.position.seq + 1,
            epoch: me.epoch,
            writer: me.writer,
            nonce: me.nonce,
            prev: if plant::here("entry-names-no-entry-before") { 0 } else { self.position.checksum },
            wall_ms: self.means.clock.now_ms(),
            ops,
        };
        let sealed = entry.seal().map_err(wrong)?;
        let applies_first = plant::here("applied-before-the-put");
        if applies_first {
            follower.apply(&sealed).await.map_err(|source| OwnError::Follow { shard, source })?;
        }
        let is_fence = matches!(sealed.entry.ops.as_slice(), [Op::Fence]);
        let (mut append, mut effect) = if is_fence { Append::fence(me) } else { Append::new(me) };
        loop {
            let event = match effect {
                append::Effect::Put => {
                    match log::put_entry(&*self.means.store, &sealed).await.map_err(wrong)? {
                        PutOutcome::Done(_) => append::Event::Applied,
                        PutOutcome::Exists | PutOutcome::Changed => append::Event::Refused,
                        PutOutcome::Unknown(_) => append::Event::Unknown,
                    }
                }
                append::Effect::ReadAfter(wait_ms) => {
                    self.means.clock.sleep(Duration::from_millis(wait_ms)).await;
                    self.read_back(sealed.entry.seq).await?
                }
                append::Effect::Done(Outcome::Acknowledged) => {
                    // Between the last look and the put lies a moment in which a process can sleep for days.
                    if !plant::here("no-look-behind-the-put")
                        && let Err(error) = self.look_again().await
                    {
                        tracing::warn!(shard, %error, "an entry was written and may be read by nobody");
                        return Ok(Outcome::Undecided);
                    }
                    let next = self.position.follow(&sealed).map_err(|source: ChainError| OwnError::Log {
                        shard,
                        source: LogError::Chain { shard, source },
                    })?;
                    if !applies_first {
                        follower.apply(&sealed).await.map_err(|source| OwnError::Follow { shard, source })?;
                    }
                    self.position = next;
                    return Ok(Outcome::Acknowledged);
                }
                append::Effect::Done(outcome) => return Ok(outcome),
            };
            effect = append.step(event);
        }
    }

    async fn read_back(&self, seq: u64) -> Result<append::Event, OwnError> {
        Ok(match log::read_entry(&*self.means.store, self.shard, seq).await {
            Ok(Some(found)) => {
                let Entry { epoch, writer, nonce, .. } = found.entry;
                append::Event::Found(Author { epoch, writer, nonce })
            }
            Ok(None) => append::Event::Absent,
            Err(LogError::Store { .. }) => append::Event::Unreadable,
            Err(source) => return Err(OwnError::Log { shard: self.shard, source }),
        })
    }
}

fn held(manifest: &Manifest) -> Held {
    Held { epoch: manifest.epoch, writer: manifest.writer }
}

#[cfg(test)]
mod tests;
