//! A simulated shard actor: as the product's, it owns or follows one shard of the log, around the production's `Owner`.

mod compaction;
mod following;
mod handover;
mod serving;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use enabler_cluster::decide::custody::Part;
use enabler_cluster::decide::horizon::{Effect, Event, Look};
use enabler_cluster::decide::restart::{History, Policy, Verdict};
use enabler_cluster::lease;
use enabler_cluster::net::NodeId;
use enabler_cluster::owner::{Group, OwnError, Owner, Taking};
use enabler_storage::log::{self, SnapshotRef};
use enabler_storage::plant;
use enabler_storage::record::{DocumentId, DocumentRecord, Op};

use super::net::{Answer, NoAnswer};
use super::node::Node;
use crate::engine::{Fill, Slots};
use crate::trace::What;

pub(super) use following::{Following, Held};

/// Messages that may wait for one shard.
const PLACES: usize = 16;
/// How often a log is followed that nobody told of, and its length looked at.
const TICK: Duration = Duration::from_secs(5);
/// How old the news may be that a generation lives when it begins to serve, as in the product.
const LIFE_ASKED_MS_MAX: u64 = 500;
/// A confirmation that is older than this part of the life of an entry is asked for with the manifest.
const LOOKS_IN_A_LIFE: u64 = 144;
/// How long an owner goes on without having looked at its manifest.
const MANIFEST_AGE_MAX: Duration = Duration::from_secs(4);
/// How long a reader waits for entries that the store has and this node has not applied.
const CATCH_UP_MAX_MS: u64 = 5_000;
/// Restarts of a shard's actor.
const POLICY: Policy =
    Policy { restarts_max: 5, period_ms: 60_000, backoff_ms_first: 50, backoff_ms_max: 5_000 };

/// A shard as the rest of its node sees it.
#[derive(Debug, Clone)]
pub struct View {
    /// What the node does for it.
    pub part: Part,
    /// The highest epoch that it knows of.
    pub epoch: u64,
    /// To whom it was handed over.
    pub handed_to: Option<NodeId>,
    /// Whether it can be read.
    pub is_open: bool,
}

/// A shard's mailbox and view.
pub struct Cell {
    /// Its mailbox.
    pub mailbox: Slots<Message>,
    view: Mutex<View>,
    held: Mutex<Option<Arc<Mutex<Held>>>>,
    followers: Mutex<Vec<NodeId>>,
    /// When the log last told where it ends.
    confirmed_ms: AtomicU64,
    /// The last entry that was seen in the log, applied or not.
    seen: AtomicU64,
}

impl Default for Cell {
    fn default() -> Self {
        let view = View { part: Part::None, epoch: 0, handed_to: None, is_open: false };
        Cell {
            mailbox: Slots::new(PLACES),
            view: Mutex::new(view),
            held: Mutex::default(),
            followers: Mutex::default(),
            confirmed_ms: AtomicU64::new(0),
            seen: AtomicU64::new(0),
        }
    }
}

impl Cell {
    /// Puts a message in, however long it takes until there is a place.
    pub async fn send(&self, node: &Node, mut message: Message) {
        while let Err(back) = self.mailbox.offer(message) {
            message = back;
            node.engine().sleep(Duration::from_millis(20)).await;
        }
    }

    /// How it stands.
    #[must_use]
    pub fn view(&self) -> View {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who is told of new entries.
    pub fn set_followers(&self, followers: Vec<NodeId>) {
        *self.followers.lock().unwrap_or_else(PoisonError::into_inner) = followers;
    }

    fn followers(&self) -> Vec<NodeId> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What can be read.
    #[must_use]
    pub fn held(&self) -> Option<Arc<Mutex<Held>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_held(&self, held: Option<Arc<Mutex<Held>>>) {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).is_open = held.is_some();
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }
}

/// What a shard is told.
pub enum Message {
    /// Own it, unless its epoch is later than this one.
    Claim(u64),
    /// Follow its log.
    Follow,
    /// Let it go.
    Drop,
    /// Bring it to this node.
    HandOver(NodeId),
    /// The other node has caught up, or cannot.
    Prepared(NodeId, Result<u128, NoAnswer>),
    /// Catch up and promise a writer.
    Prepare(Fill<Result<u128, NoAnswer>>),
    /// The shard was handed over to this node.
    Granted {
        /// Under which epoch.
        epoch: u64,
        /// As which writer.
        writer: u128,
        /// The last entry of the owner before.
        ended: u64,
        /// Whether it serves.
        answer: Fill<Result<(), NoAnswer>>,
    },
    /// The log has grown, or may have.
    Noticed,
    /// Another node owns it under a later epoch.
    Superseded(u64),
    /// Take an upload.
    Accept {
        /// The document.
        record: Box<DocumentRecord>,
        /// Which document it is.
        answer: Fill<Result<DocumentId, NoAnswer>>,
    },
    /// Append, for a document that is not deleted.
    Write {
        /// The ownership that it is written under.
        epoch: u64,
        /// The document.
        id: DocumentId,
        /// The change.
        ops: Vec<Op>,
        /// Its entry.
        answer: Fill<Result<u64, NoAnswer>>,
    },
    /// Write what waits.
    Commit,
    /// Erase a document.
    Delete {
        /// Who asks.
        tenant: String,
        /// Which.
        id: DocumentId,
        /// Whether it is gone.
        answer: Fill<Result<(), NoAnswer>>,
    },
    /// The document's deletion is in the log.
    Deleted(DocumentId),
    /// The log was looked at.
    Compacted(Option<SnapshotRef>),
    /// Look at the length of the log now.
    Look,
    /// Time for upkeep.
    Tick,
    /// Panic.
    Panic,
}

/// What a shard that is served remembers.
pub(super) struct Serving {
    owner: Owner,
    following: Following,
    group: Group<Fill<Result<u64, NoAnswer>>>,
    /// Whether each document's work goes on: cleared when it is deleted or the ownership ends.
    works: BTreeMap<DocumentId, Arc<std::sync::atomic::AtomicBool>>,
    deleted: std::collections::BTreeSet<DocumentId>,
    arriving: BTreeMap<(String, [u8; 32]), u64>,
    leaving: Option<NodeId>,
    stays_until_ms: u64,
    looks: bool,
    looked_seq: u64,
}

enum Mode {
    Resting,
    Following(Following),
    Serving(Box<Serving>),
}

struct State {
    mode: Mode,
    promised: Option<(u128, u64)>,
}

struct Actor {
    node: Arc<Node>,
    number: u32,
}

/// Runs the actor of a shard, and starts it again when it fails.
pub(super) async fn run(node: Arc<Node>, number: u32) {
    let actor = Actor { node: node.clone(), number };
    let ticker = (node.clone(), number);
    node.spawn(async move {
        let (node, number) = ticker;
        loop {
            node.engine().sleep(TICK).await;
            if let Some(cell) = node.cell(number) {
                let _ = cell.mailbox.offer(Message::Tick);
            }
        }
    });
    let Some(cell) = node.cell(number) else { return };
    let mut history = History::default();
    let mut restarts: Vec<u64> = Vec::new();
    loop {
        actor.stand(Part::None, cell.view().epoch, None);
        cell.set_held(None);
        let mut state = State { mode: Mode::Resting, promised: None };
        while let Some(message) = cell.mailbox.next().await {
            if matches!(message, Message::Panic) {
                break;
            }
            actor.handle(&mut state, message).await;
        }
        actor.end_serving(&mut state);
        node.engine().event(What::Note, Some(number), None, || "its actor panicked".to_owned());
        let now_ms = node.engine().now_ms();
        match history.fail(&POLICY, now_ms) {
            Verdict::RestartAfter(wait_ms) => {
                restarts.push(now_ms);
                node.world.check_restarts(&POLICY, &restarts, wait_ms);
                node.world.sometimes("an actor was started again");
                node.engine().sleep(Duration::from_millis(wait_ms)).await;
            }
            Verdict::Escalate if plant::here("escalation-is-ignored") => {
                restarts.push(now_ms);
                node.world.check_restarts(&POLICY, &restarts, POLICY.backoff_ms_max);
            }
            Verdict::Escalate => {
                node.world.sometimes("restart intensity was exceeded");
                node.world.check_escalation(&POLICY, &restarts, now_ms);
                let (world, of) = (node.world.clone(), node.number);
                node.engine().spawn(crate::engine::WORLD, crate::trace::Lane::Node(of), async move {
                    world.reborn(of);
                });
                return;
            }
        }
    }
}

impl Actor {
    fn cell(&self) -> &Cell {
        // The actor was started for a shard of its node.
        &self.node.shards[self.number as usize]
    }

    fn stand(&self, part: Part, epoch: u64, handed_to: Option<NodeId>) {
        let mut view = self.cell().view.lock().unwrap_or_else(PoisonError::into_inner);
        let before = view.part;
        (view.part, view.epoch, view.handed_to) = (part, epoch, handed_to);
        drop(view);
        if before != part {
            let what = match part {
                Part::Owner => What::Owns,
                Part::Replica if before == Part::Owner => What::Disowns,
                Part::Replica => What::Follows,
                Part::None if before == Part::None => return,
                Part::None => What::Disowns,
            };
            self.node.engine().event(what, Some(self.number), Some(epoch), || match part {
                Part::Owner => format!("serves shard {} in epoch {epoch}", self.number),
                Part::Replica => format!("follows shard {}", self.number),
                Part::None => format!("rests shard {}", self.number),
            });
        }
    }

    async fn handle(&self, state: &mut State, message: Message) {
        match message {
            Message::Claim(epoch_max) if !matches!(state.mode, Mode::Serving(_)) => {
                self.claim(state, Taking::Claim(epoch_max)).await;
            }
            Message::Follow if matches!(state.mode, Mode::Resting) => self.follow(state).await,
            Message::Drop if matches!(state.mode, Mode::Following(_)) => self.rest(state),
            Message::Claim(_) | Message::Follow | Message::Drop | Message::Panic => {}
            Message::Noticed => {
                self.look_for_a_later_owner(state).await;
                self.catch_up(state).await;
            }
            Message::Superseded(epoch) => {
                if let Mode::Serving(serving) = &state.mode
                    && serving.owner.epoch() < epoch
                {
                    self.step_down(state, None);
                }
            }
            Message::HandOver(to) => self.hand_over(state, to),
            Message::Prepared(to, outcome) => self.prepared(state, &to, outcome).await,
            Message::Prepare(answer) => {
                let promised = self.prepare(state).await;
                answer.with(promised);
            }
            Message::Granted { epoch, writer, ended, answer } => {
                let granted = self.granted(state, epoch, writer, ended).await;
                answer.with(granted);
            }
            Message::Tick => {
                self.compact_later(state, false);
                match &mut state.mode {
                    Mode::Following(_) => self.catch_up(state).await,
                    Mode::Serving(serving) => {
                        let looked = serving.owner.look(MANIFEST_AGE_MAX).await;
                        if matches!(looked, Err(OwnError::Superseded { .. })) {
                            self.node.world.sometimes("an owner found a later one in the manifest");
                            self.step_down(state, None);
                        }
                    }
                    Mode::Resting => {}
                }
            }
            Message::Look => self.compact_later(state, true),
            Message::Compacted(made) => self.compacted(state, made).await,
            message => self.handle_serving(state, message).await,
        }
    }

    fn rest(&self, state: &mut State) {
        self.cell().set_held(None);
        self.stand(Part::None, self.cell().view().epoch, None);
        state.mode = Mode::Resting;
    }

    async fn open(&self, state: &mut State) -> Result<Following, ()> {
        match std::mem::replace(&mut state.mode, Mode::Resting) {
            Mode::Following(following) => Ok(following),
            Mode::Serving(serving) => Ok(self.end(*serving)),
            Mode::Resting => Following::open(&self.node, self.number).await,
        }
    }

    async fn claim(&self, state: &mut State, mut taking: Taking) {
        let mut rebuilt = false;
        loop {
            let Ok(mut following) = self.open(state).await else { return self.rest(state) };
            let means = self.node.means.clone();
            self.node.engine().event(What::Note, Some(self.number), None, || "claims".to_owned());
            let begun_ms = self.node.engine().now_ms();
            let life = || lease::has_ended(&*self.node.means.store, &self.node.id);
            let (owned, ended) = match taking {
                Taking::Grant(grant) => {
                    let taken = Owner::take_over(means, self.number, grant, &mut following);
                    let (owned, ended) = futures_util::join!(taken, life());
                    (owned, Some(ended))
                }
                Taking::Claim(epoch_max) => {
                    (Owner::claim(means, self.number, epoch_max, &mut following).await, None)
                }
            };
            let error = match owned {
                Ok(owner) => {
                    let now_ms = self.node.engine().now_ms();
                    let (asked_ms, ended) = match ended {
                        Some(ended) if now_ms - begun_ms < LIFE_ASKED_MS_MAX => (begun_ms, ended),
                        _ => (now_ms, life().await),
                    };
                    // If nobody can say, it claims again when somebody can.
                    if !matches!(ended, Ok(false)) {
                        self.node.world.sometimes("a claim was won by a generation that may be dead");
                        self.stand(Part::Replica, self.cell().view().epoch, None);
                        state.mode = Mode::Following(following);
                        return;
                    }
                    self.cell().seen.fetch_max(owner.position().seq, Ordering::Relaxed);
                    // Of a shard that was handed over the store has told nothing yet.
                    if matches!(taking, Taking::Claim(_)) {
                        self.cell().confirmed_ms.fetch_max(begun_ms, Ordering::Relaxed);
                    }
                    return self.serve(state, owner, following, asked_ms);
                }
                Err(error) => error,
            };
            self.node
                .engine()
                .event(What::Note, Some(self.number), None, || format!("does not own: {error}"));
            if let OwnError::Split { .. } = error {
                self.node.world.judge.broken(super::judge::ONE_CHAIN, error.to_string());
            }
            if error.is_passing() {
                self.stand(Part::Replica, self.cell().view().epoch, None);
                state.mode = Mode::Following(following);
                return;
            }
            if rebuilt {
                return self.rest(state);
            }
            rebuilt = true;
            if let Taking::Grant(grant) = &mut taking {
                grant.is_tried = true;
            }
            drop(following);
            self.wipe();
        }
    }

    fn wipe(&self) {
        self.node.world.sometimes("an index was made anew");
        self.cell().set_held(None);
        self.node.world.wipe(self.node.number, self.number);
    }

    async fn follow(&self, state: &mut State) {
        match self.open(state).await {
            Ok(following) => {
                self.stand(Part::Replica, self.cell().view().epoch, None);
                state.mode = Mode::Following(following);
                let _ = self.cell().mailbox.offer(Message::Noticed);
            }
            Err(()) => self.rest(state),
        }
    }

    async fn catch_up(&self, state: &mut State) {
        let Mode::Following(following) = &mut state.mode else { return };
        match following.catch_up().await {
            Ok(true) => drop(self.cell().mailbox.offer(Message::Noticed)),
            Ok(false) | Err(following::Stuck::Store) => {}
            Err(following::Stuck::Index(why)) => {
                self.node.engine().event(What::Note, Some(self.number), None, || format!("rebuilds: {why}"));
                self.rest(state);
                self.wipe();
                self.follow(state).await;
            }
        }
    }

    async fn look_for_a_later_owner(&self, state: &mut State) {
        let Mode::Serving(serving) = &mut state.mode else { return };
        if matches!(serving.owner.is_overtaken().await, Ok(true)) {
            self.node.world.sometimes("an owner found a later one in the log");
            self.step_down(state, None);
        }
    }
}

fn locked(held: &Arc<Mutex<Held>>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a node answers about a document: with every change in it that was acknowledged before.
///
/// # Errors
/// If it is not here, or nobody can say whether it is up to date.
pub(super) async fn document(
    node: &Arc<Node>,
    shard: u32,
    tenant: &str,
    id: DocumentId,
) -> Result<Answer, NoAnswer> {
    let Some(cell) = node.cell(shard) else { return Err(NoAnswer::Unavailable) };
    let Some(held) = cell.held() else { return Err(not_owner(cell)) };
    let asked_ms = node.engine().now_ms();
    let trusts_itself = plant::here("read-without-confirming")
        || plant::here("owner-reads-without-confirming") && cell.view().part == Part::Owner;
    let end = if trusts_itself { Some(0) } else { end_of_log(node, shard, &held).await };
    if locked(&held).position.seq < cell.seen.load(Ordering::Relaxed) {
        let _ = cell.mailbox.offer(Message::Noticed);
    }
    let held = match end {
        Some(end) => {
            node.confirm(shard, asked_ms);
            while locked(&held).position.seq < end && !plant::here("read-before-catching-up") {
                if node.engine().now_ms() - asked_ms > CATCH_UP_MAX_MS {
                    return Err(NoAnswer::Unavailable);
                }
                node.engine().sleep(Duration::from_millis(20)).await;
                if cell.held().is_none() {
                    return Err(not_owner(cell));
                }
            }
            match cell.held() {
                Some(held) if locked(&held).position.seq >= end || plant::here("read-before-catching-up") => {
                    held
                }
                _ => return Err(NoAnswer::Unavailable),
            }
        }
        // What is here is not all there is, whether the store answers now or not.
        None if locked(&held).position.seq < cell.seen.load(Ordering::Relaxed) => {
            return Err(NoAnswer::Unavailable);
        }
        // Without the store, what its owner has is all there is, if nobody reaches it.
        None if cell.view().part == Part::Owner && plant::here("owner-alone-is-enough") => held,
        None if cell.view().part == Part::Owner
            && !node.has_slept(shard)
            && node.nobody_reaches_the_store(cell.confirmed_ms.load(Ordering::Relaxed))
            && !node.knows_a_later_owner(shard, cell.view().epoch) =>
        {
            node.world.sometimes("an owner answered without the store");
            held
        }
        None => return Err(NoAnswer::Unavailable),
    };
    let held = locked(&held);
    let found = held
        .rows
        .documents
        .get(&id)
        .filter(|record| record.tenant == tenant || plant::here("read-by-any-tenant"));
    found.map(|record| Answer::Document(Box::new(record.clone()))).ok_or(NoAnswer::NoDocument)
}

async fn end_of_log(node: &Arc<Node>, shard: u32, held: &Arc<Mutex<Held>>) -> Option<u64> {
    let (cell, asked_ms) = (node.cell(shard)?, node.engine().now_ms());
    let (store, applied) = (&*node.means.store, || locked(held).position.seq);
    let confirmed_ms = cell.confirmed_ms.load(Ordering::Relaxed);
    let is_old = confirmed_ms == 0 || asked_ms - confirmed_ms >= node.world.scene.keeps_ms / LOOKS_IN_A_LIFE;
    let (mut look, mut effect) = Look::new(applied(), cell.seen.load(Ordering::Relaxed), is_old);
    loop {
        cell.seen.fetch_max(look.seen(), Ordering::Relaxed);
        let event = match effect {
            Effect::AskFloor => {
                let manifest = log::read_manifest(store, shard).await.ok()?;
                Event::Floor(manifest.map_or(0, |manifest| manifest.value.floor_seq))
            }
            Effect::AskEntry(seq) => {
                let key = log::entry_key(shard, seq).ok()?;
                let found = node.engine().within(Duration::from_secs(2), store.head(&key)).await?;
                if found.ok()?.is_some() { Event::There } else { Event::Absent }
            }
            Effect::End(end) => {
                cell.confirmed_ms.store(asked_ms, Ordering::Relaxed);
                return Some(end);
            }
            Effect::FarAhead => {
                node.world.sometimes("a reader was too far behind");
                return None;
            }
        };
        effect = look.step(event, applied());
    }
}

/// That this node does not own the shard, and who may.
pub(super) fn not_owner_of(node: &Node, shard: u32) -> NoAnswer {
    node.cell(shard).map_or(NoAnswer::Unavailable, not_owner)
}

fn not_owner(cell: &Cell) -> NoAnswer {
    let view = cell.view();
    NoAnswer::NotOwner(view.handed_to.map(|to| (to, view.epoch)))
}
