//! A shard actor: owns or follows one shard of the log, keeps its index, and brings its document actors to life.

mod compaction;
mod following;
mod handover;
mod refusing;
mod serving;
mod shards;
mod shelf;
mod upkeep;
mod view;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use enabler_cluster::ActorCell;
use enabler_cluster::actor::{Behaviour, Context, Fault};
use enabler_cluster::address::Reply;
use enabler_cluster::decide::claim::WHOEVER_HOLDS;
use enabler_cluster::decide::custody::Part;
use enabler_cluster::decide::restart::Policy;
use enabler_cluster::lease;
use enabler_cluster::net::{Net, NodeId};
use enabler_cluster::owner::{Means, Owner, Taking};
use enabler_storage::log::SnapshotRef;
use enabler_storage::record::{DocumentId, DocumentRecord, Op};
use enabler_storage::shard::{self as index, Settings};
use enabler_telemetry::metrics;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use self::following::{Following, Stuck};
use self::serving::Serving;
use self::shelf::Place;
use crate::documents::document::{Command, CommandError};
use crate::documents::ingest::Bench;

pub use handover::TURNS;
pub use shards::Shards;
pub use shelf::Index;
pub use view::{Freshness, Standing, Unreadable, View};

/// How often the index is made durable, and a log followed that nobody told of.
const TICK: Duration = Duration::from_secs(5);
/// When a log that could not be followed is looked at again while readers may wait for it.
const FOLLOW_AGAIN: Duration = Duration::from_millis(250);
/// How old, in milliseconds, the news may be that this generation lives when it begins to serve: a part of any lease.
const LIFE_ASKED_MS_MAX: u64 = 500;

/// Checks an index directory in a child process: LMDB may crash on a damaged file.
pub type Verify =
    Arc<dyn Fn(PathBuf) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// An upload that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The document.
    pub document_id: DocumentId,
    /// Whether the tenant had these bytes already; `document_id` is then the older document.
    pub is_duplicate: bool,
}

/// What a shard actor is told.
pub enum Message {
    /// Take this upload, unless its tenant has the same bytes already.
    Accept {
        /// The document; its upload is stored.
        record: Box<DocumentRecord>,
        /// Which document it is.
        reply: Reply<Result<Taken, CommandError>>,
    },
    /// Append these operations together; those that come while an entry is written share the next one.
    Append {
        /// The ownership that they are written under; under another one they are refused.
        epoch: u64,
        /// The change.
        ops: Vec<Op>,
        /// Its sequence number, once it is durable and applied.
        reply: Reply<Result<u64, String>>,
    },
    /// Write what waits to be appended.
    Commit,
    /// Hand a command to a document actor, bringing it to life if need be.
    Deliver(DocumentId, Command),
    /// A document actor has nothing to do.
    Idle(DocumentId),
    /// An operator wants a document actor to begin anew.
    Renew(DocumentId),
    /// A reader found the index damaged.
    Damaged(String),
    /// Bring back a document actor that failed.
    Revive(DocumentId),
    /// Time for upkeep.
    Tick,
    /// This index was made durable, or could not be.
    Flushed(Arc<Index>, Result<(), Fault>),
    /// Own the shard, unless its epoch is later than this one.
    Claim(u64),
    /// Follow the shard's log.
    Follow,
    /// The log has grown up to this entry, or may have.
    Noticed,
    /// Another node owns the shard under a later epoch.
    Superseded(u64),
    /// Let the shard go.
    Drop,
    /// Bring the shard to this node.
    HandOver(NodeId),
    /// The node to which the shard shall go has caught up, as which writer, and it is the shard's turn; or why not.
    Prepared(NodeId, Result<(u128, Option<OwnedSemaphorePermit>), String>),
    /// Follow the log and say when its end is reached: the shard shall come here.
    Prepare(Reply<Result<u128, String>>),
    /// The log was looked at: a snapshot to name, or none.
    Compacted(Result<Option<SnapshotRef>, String>),
    /// Write a snapshot now and name it, so that nothing that was deleted before counts any more.
    Compact(Reply<Result<(), String>>),
    /// The snapshot that was asked for is stored, or stands there already.
    CompactedNow(Result<Option<SnapshotRef>, String>, Reply<Result<(), String>>),
    /// Remove an index that is kept on the disk for a later time.
    Clear(Reply<Result<Cleared, String>>),
    /// The shard was handed over to this node.
    Granted {
        /// The epoch of the ownership.
        epoch: u64,
        /// Its writer.
        writer: u128,
        /// The last entry of the owner before, if that said so.
        ended: Option<u64>,
        /// Whether this node serves.
        reply: Reply<Result<(), String>>,
    },
}

/// What became of an index that is kept for a later time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleared {
    /// There was none.
    Nothing,
    /// It was removed; whoever needs it makes it anew from the store.
    Removed,
    /// It is in use, and follows the log.
    InUse,
}

/// One shard.
#[derive(Clone)]
pub struct Shard {
    /// Its number.
    pub number: u32,
    /// Where its index is.
    pub dir: PathBuf,
    /// How its index is kept.
    pub settings: Settings,
    /// Store, clock, chance.
    pub means: Means,
    /// Checks the index before it is opened.
    pub verify: Verify,
    /// What its documents' ingests work with.
    pub bench: Bench,
    /// Where readers find the index.
    pub view: View,
    /// Restarts of its document actors.
    pub policy: Policy,
    /// The other nodes.
    pub net: Arc<dyn Net>,
    /// The turns of this node's shards that are handed over.
    pub turns: Arc<Semaphore>,
    /// Whether the shard is claimed at the start, because no other node can have it.
    pub is_alone: bool,
}

/// What a shard actor remembers.
pub struct State {
    part: Mode,
    /// The index was checked since it was last closed.
    verified: bool,
    /// What this node has promised to write as, if the shard is handed over to it, and since when.
    promised: Option<(u128, u64)>,
    /// The index was wiped because it could not take the log, and has not stood at the log's end since.
    rebuilt: bool,
    /// When the log is looked at again after the store had failed.
    follows_again: Option<Instant>,
    /// The index is being made durable.
    flushing: bool,
}

enum Mode {
    /// Nothing is held: it answers nothing, the other shards go on.
    Resting,
    Following(Box<Following>),
    Serving(Box<Serving>),
}

impl Behaviour for Shard {
    type Message = Message;
    type State = State;
    const KIND: &'static str = "shard";

    fn name(message: &Message) -> &'static str {
        match message {
            Message::Accept { .. } => "accept",
            Message::Append { .. } => "append",
            Message::Commit => "commit",
            Message::Deliver(..) => "deliver",
            Message::Idle(_) => "idle",
            Message::Renew(_) => "renew",
            Message::Damaged(_) => "damaged",
            Message::Revive(_) => "revive",
            Message::Tick => "tick",
            Message::Flushed(..) => "flushed",
            Message::Claim(_) => "claim",
            Message::Follow => "follow",
            Message::Noticed => "noticed",
            Message::Superseded(_) => "superseded",
            Message::Drop => "drop",
            Message::HandOver(_) => "hand over",
            Message::Prepared(..) => "prepared",
            Message::Prepare(_) => "prepare",
            Message::Compacted(_) => "compacted",
            Message::Compact(_) => "compact",
            Message::CompactedNow(..) => "compacted now",
            Message::Clear(_) => "clear",
            Message::Granted { .. } => "granted",
        }
    }

    async fn start(&self, context: &Context<Message>) -> Result<State, Fault> {
        self.view.set_index(None);
        self.view.looks();
        self.stand(Part::None, self.view.standing().epoch);
        let mut state = State {
            part: Mode::Resting,
            verified: false,
            promised: None,
            rebuilt: false,
            follows_again: None,
            flushing: false,
        };
        self.tick_later(context);
        if self.is_alone {
            self.claim(context, &mut state, Taking::Claim(WHOEVER_HOLDS)).await;
        }
        Ok(state)
    }

    async fn handle(
        &self,
        context: &Context<Message>,
        state: &mut State,
        message: Message,
    ) -> Result<(), Fault> {
        match message {
            Message::Tick => {
                self.tick_later(context);
                self.upkeep(context, state);
                self.tick(context, state).await?;
            }
            Message::Flushed(index, outcome) => self.flushed(context, state, &index, outcome),
            // It tries again by itself.
            Message::Claim(_) | Message::Follow if self.view.refuses() => {}
            Message::Claim(epoch_max) if !matches!(state.part, Mode::Serving(_)) => {
                self.claim(context, state, Taking::Claim(epoch_max)).await;
            }
            Message::Follow if matches!(state.part, Mode::Resting) => {
                self.follow(context, state).await;
            }
            Message::Noticed => {
                self.view.looks();
                self.look_for_a_later_owner(context, state).await;
                self.catch_up(context, state).await?;
            }
            Message::Superseded(epoch) => self.superseded(context, state, epoch),
            Message::Drop if matches!(state.part, Mode::Following(_)) => self.rest(context, state),
            Message::Claim(_) | Message::Follow | Message::Drop => {}
            Message::Prepare(reply) => reply.send(self.prepare(context, state).await),
            Message::Granted { epoch, writer, ended, reply } => {
                reply.send(self.granted(context, state, (epoch, writer), ended).await);
            }
            Message::Compacted(made) => self.compacted(context, state, made).await?,
            Message::Compact(reply) => self.compact_now(context, state, reply),
            Message::CompactedNow(made, reply) => self.compacted_now(state, made, reply).await,
            Message::Clear(reply) => reply.send(self.clear(state).await.map_err(|fault| fault.reason)),
            Message::HandOver(to) => self.hand_over(context, state, to),
            Message::Prepared(to, outcome) => self.prepared(context, state, &to, outcome).await?,
            Message::Damaged(why) => return Err(Fault::new(format!("the index is damaged: {why}"))),
            message => self.handle_serving(context, state, message).await?,
        }
        Ok(())
    }

    async fn child_ended(
        &self,
        context: &Context<Message>,
        state: &mut State,
        child: ActorCell,
        fault: Option<String>,
    ) -> Result<(), Fault> {
        self.document_ended(context, state, &child, fault).await
    }

    fn stopped(&self, _: &Context<Message>, state: &mut State) {
        self.view.set_index(None);
        self.stand(Part::None, self.view.standing().epoch);
        // Whoever comes next can apply nothing to it.
        self.view.shelf(&self.dir).forget();
        let index = match &state.part {
            Mode::Resting => return,
            Mode::Following(following) => following.index.clone(),
            Mode::Serving(serving) => serving.following.index.clone(),
        };
        if let Err(error) = index.close_shared() {
            tracing::warn!(%error, shard = self.number, "closing the index at the end");
        }
    }
}

impl Shard {
    fn stand(&self, part: Part, epoch: u64) {
        let before = self.view.standing();
        // Whoever still comes here is told where to go.
        let handed_to = before.handed_to.filter(|_| part != Part::Owner && before.epoch == epoch);
        self.view.stand(Standing { part, epoch, handed_to, is_coming: false });
    }

    fn tick_later(&self, context: &Context<Message>) {
        let address = context.address().clone();
        tokio::spawn(async move {
            tokio::time::sleep(TICK).await;
            let _ = address.offer(Message::Tick);
        });
    }

    async fn tick(&self, context: &Context<Message>, state: &mut State) -> Result<(), Fault> {
        match &mut state.part {
            Mode::Serving(serving) => {
                self.compact_later(context, serving);
                if !self.is_alone {
                    self.look_at_the_manifest(context, state).await;
                }
                Ok(())
            }
            Mode::Following(_) => self.catch_up(context, state).await,
            Mode::Resting if self.view.refusals().is_due() => {
                self.try_again(context, state).await;
                Ok(())
            }
            Mode::Resting if self.is_alone && !self.view.refuses() => {
                self.claim(context, state, Taking::Claim(WHOEVER_HOLDS)).await;
                Ok(())
            }
            Mode::Resting => Ok(()),
        }
    }

    /// Opens the index if it is not open; one that is damaged is made anew.
    async fn open(&self, context: &Context<Message>, state: &mut State) -> Result<Box<Following>, Stuck> {
        match std::mem::replace(&mut state.part, Mode::Resting) {
            Mode::Following(following) => return Ok(following),
            Mode::Serving(serving) => return Ok(serving.end(context)),
            Mode::Resting => {}
        }
        let shelf = self.view.shelf(&self.dir);
        if let Some(index) = shelf.last() {
            return Ok(Box::new(Following::again(self, index).await.map_err(Stuck::Index)?));
        }
        context.seat().note("opening the index");
        let place = shelf.take().await;
        if !state.verified
            && let Err(why) = (self.verify)(place.folder.clone()).await
        {
            context.seat().failed("verify", format!("the index is damaged and is rebuilt: {why}"), None);
            wipe_folder(&place).await.map_err(Stuck::Index)?;
        }
        state.verified = true;
        match Following::open(self, place).await {
            Ok(following) => Ok(Box::new(following)),
            Err(stuck @ Stuck::Store(_)) => Err(stuck),
            Err(Stuck::Index(fault)) => {
                context.seat().failed("open", format!("{fault}; the index is rebuilt"), None);
                self.wipe().await.map_err(Stuck::Index)?;
                Ok(Box::new(Following::open(self, shelf.take().await).await?))
            }
        }
    }

    /// Whether this generation may not serve: it was declared dead, or nobody can say.
    async fn was_declared_dead(&self) -> bool {
        if self.is_alone {
            return false;
        }
        let ended = lease::has_ended(&*self.means.store, &self.means.node).await;
        ended
            .inspect_err(|error| tracing::warn!(%error, shard = self.number, "not served yet"))
            .unwrap_or(true)
    }

    /// Removes the index of a shard that is neither owned nor followed here: what was deleted since is still in it.
    async fn clear(&self, state: &State) -> Result<Cleared, Fault> {
        if !matches!(state.part, Mode::Resting) {
            return Ok(Cleared::InUse);
        }
        // Who still reads it keeps its folder until the last one has gone.
        let is_read = self.view.shelf(&self.dir).last().is_some();
        self.view.shelf(&self.dir).forget();
        let place = self.view.shelf(&self.dir).take().await;
        let was_there = is_read || tokio::fs::try_exists(&place.folder).await.unwrap_or(true);
        wipe_folder(&place).await?;
        Ok(if was_there { Cleared::Removed } else { Cleared::Nothing })
    }

    /// Has the next opening begin with nothing.
    async fn wipe(&self) -> Result<(), Fault> {
        self.view.set_index(None);
        self.view.shelf(&self.dir).forget();
        wipe_folder(&self.view.shelf(&self.dir).take().await).await
    }

    /// Becomes the owner, by a claim or with the epoch and writer of a hand-over; else follows, and says why.
    async fn claim(&self, context: &Context<Message>, state: &mut State, mut taking: Taking) {
        let mut rebuilt = false;
        loop {
            let mut following = match self.open(context, state).await {
                Ok(following) => following,
                Err(stuck) => return self.give_way(context, state, stuck),
            };
            context.seat().note("claiming the shard");
            let means = self.means.clone();
            let (asked, asked_ms) = (Instant::now(), means.clock.uptime_ms());
            let waits = context.seat().waits("store");
            let (owned, dead) = match taking {
                Taking::Grant(grant) => {
                    // A hand-over is felt: both are asked of the store at once.
                    let taken = Owner::take_over(means, self.number, grant, &mut *following);
                    let (owned, dead) = tokio::join!(taken, self.was_declared_dead());
                    (owned, Some(dead))
                }
                Taking::Claim(epoch_max) => {
                    (Owner::claim(means, self.number, epoch_max, &mut *following).await, None)
                }
            };
            // A claim may have taken long: in an outage, or asleep.
            let took_ms = self.means.clock.uptime_ms().saturating_sub(asked_ms);
            let dead = match dead {
                Some(dead) if took_ms < LIFE_ASKED_MS_MAX => dead,
                _ => owned.is_ok() && self.was_declared_dead().await,
            };
            drop(waits);
            let error = match owned {
                Ok(_) if dead => {
                    context.seat().note("claimed, and not served: this node may have been declared dead");
                    self.stand(Part::Replica, self.view.standing().epoch);
                    state.part = Mode::Following(following);
                    return;
                }
                Ok(owner) => {
                    let reason =
                        takeover(matches!(taking, Taking::Grant(_)), self.is_alone || owner.epoch() == 1);
                    match self.serve(context, owner, following).await {
                        Ok(serving) => {
                            metrics::SHARD_TAKEOVERS.one([reason]);
                            // Of a shard that was handed over the store has told nothing yet.
                            if matches!(taking, Taking::Claim(_)) {
                                self.view.confirm(asked);
                            }
                            state.part = Mode::Serving(Box::new(serving));
                            return;
                        }
                        Err(fault) => return self.refuse(context, state, &fault),
                    }
                }
                Err(error) => error,
            };
            let fault = Fault::from_error("claiming the shard", &error);
            match error {
                error if error.is_passing() => {
                    context.seat().note(format!("follows: {fault}"));
                    self.stand(Part::Replica, self.view.standing().epoch);
                    state.part = Mode::Following(following);
                    return;
                }
                // The log is the truth: an index that cannot take it is made anew, once.
                _ if !rebuilt => {
                    rebuilt = true;
                    if let Taking::Grant(grant) = &mut taking {
                        grant.is_tried = true;
                    }
                    context.seat().failed("replay", format!("{fault}; the index is rebuilt"), None);
                    drop(following);
                    if let Err(fault) = self.wipe().await {
                        return self.refuse(context, state, &fault);
                    }
                }
                _ => return self.refuse(context, state, &fault),
            }
        }
    }

    async fn follow(&self, context: &Context<Message>, state: &mut State) {
        match self.open(context, state).await {
            Ok(following) => {
                self.stand(Part::Replica, self.view.standing().epoch);
                state.part = Mode::Following(following);
                self.view.notice(context.address());
            }
            Err(stuck) => self.give_way(context, state, stuck),
        }
    }

    /// Applies what is new in the log, if this node follows it.
    async fn catch_up(&self, context: &Context<Message>, state: &mut State) -> Result<(), Fault> {
        let Mode::Following(following) = &mut state.part else { return Ok(()) };
        match following.catch_up(self.number).await {
            Ok(more) => {
                context.seat().note(format!("replica, entry {}", following.position.seq));
                if more {
                    self.view.notice(context.address());
                } else {
                    state.rebuilt = false;
                }
                Ok(())
            }
            Err(Stuck::Store(fault)) => {
                context.seat().note(format!("replica, entry {}: {fault}", following.position.seq));
                self.follow_again(context, state);
                Ok(())
            }
            Err(Stuck::Index(fault)) => {
                let is_again = std::mem::replace(&mut state.rebuilt, true);
                context.seat().failed("follow", format!("{fault}; the index is rebuilt"), None);
                self.rest(context, state);
                match self.wipe().await {
                    Ok(()) if !is_again => self.follow(context, state).await,
                    Ok(()) => self.refuse(context, state, &fault),
                    Err(worse) => self.refuse(context, state, &worse),
                }
                Ok(())
            }
        }
    }

    /// A store that failed once mostly answers at once again, and a tick is as long as a reader waits.
    fn follow_again(&self, context: &Context<Message>, state: &mut State) {
        let now = Instant::now();
        if state.follows_again.is_some_and(|again| again > now) {
            return;
        }
        state.follows_again = Some(now + FOLLOW_AGAIN);
        let (view, address) = (self.view.clone(), context.address().clone());
        tokio::spawn(async move {
            tokio::time::sleep(FOLLOW_AGAIN).await;
            view.notice(&address);
        });
    }

    fn rest(&self, context: &Context<Message>, state: &mut State) {
        self.view.set_index(None);
        self.stand(Part::None, self.view.standing().epoch);
        state.part = Mode::Resting;
        context.seat().note("rests");
    }
}

/// Under which reason a new ownership is counted.
fn takeover(is_granted: bool, is_first: bool) -> &'static str {
    match (is_granted, is_first) {
        (true, _) => "planned",
        (false, true) => "first",
        (false, false) => "owner_silent",
    }
}

async fn wipe_folder(place: &Place) -> Result<(), Fault> {
    let folder = place.folder.clone();
    blocking("wiping the index", move || index::wipe(&folder)).await
}

async fn blocking<T: Send + 'static>(
    doing: &str,
    work: impl FnOnce() -> Result<T, index::ShardError> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| Fault::from_error(doing, &error)),
        Err(_) => Err(Fault::new(format!("{doing}: panicked"))),
    }
}
