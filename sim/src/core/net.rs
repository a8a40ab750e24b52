//! Messages between simulated nodes: a call that is answered, refused, or whose fate nobody knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use enabler_cluster::net::NodeId;
use enabler_storage::record::{DocumentId, DocumentRecord};

use crate::chance::Stream;
use crate::engine::{Engine, Fill, Group, Slot, Slots, WORLD};
use crate::trace::{Fate, Lane, What};

/// What one node asks another.
#[derive(Debug, Clone)]
pub enum Call {
    /// What is known of a document.
    Document {
        /// Who asks.
        tenant: String,
        /// Which.
        id: DocumentId,
        /// Its shard.
        shard: u32,
    },
    /// Take an upload.
    Accept {
        /// The document.
        record: Box<DocumentRecord>,
        /// Its shard.
        shard: u32,
    },
    /// Erase a document.
    Delete {
        /// Who asks.
        tenant: String,
        /// Which.
        id: DocumentId,
        /// Its shard.
        shard: u32,
    },
    /// Follow the log of a shard to its end and promise a writer.
    Prepare {
        /// Which.
        shard: u32,
    },
    /// The shard is yours.
    Grant {
        /// Which.
        shard: u32,
        /// Under which epoch.
        epoch: u64,
        /// As which writer.
        writer: u128,
        /// The last entry of the owner before.
        ended: u64,
    },
    /// The log of a shard has grown.
    Noticed {
        /// Which.
        shard: u32,
    },
    /// What a node says of itself, several times a second.
    Gossip(Arc<Said>),
}

impl Call {
    fn name(&self) -> &'static str {
        match self {
            Call::Document { .. } => "document?",
            Call::Accept { .. } => "accept",
            Call::Delete { .. } => "delete",
            Call::Prepare { .. } => "prepare",
            Call::Grant { .. } => "grant",
            Call::Noticed { .. } => "noticed",
            Call::Gossip(_) => "gossip",
        }
    }

    /// The shard that it is about.
    #[must_use]
    pub fn shard(&self) -> Option<u32> {
        match self {
            Call::Document { shard, .. }
            | Call::Accept { shard, .. }
            | Call::Delete { shard, .. }
            | Call::Prepare { shard }
            | Call::Grant { shard, .. }
            | Call::Noticed { shard } => Some(*shard),
            Call::Gossip(_) => None,
        }
    }
}

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Which generation.
    pub id: NodeId,
    /// Shards that it owns, with their epochs.
    pub owns: Vec<(u32, u64)>,
    /// Shards that it follows.
    pub follows: Vec<u32>,
    /// Whether it lets its shards go.
    pub drains: bool,
    /// Nodes that it has heard of, now or ever.
    pub knows: Vec<NodeId>,
    /// Its last beat.
    pub beat: u64,
    /// Whether it reaches the store; nothing if it does not know yet.
    pub store_up: Option<bool>,
}

/// What a node answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A document.
    Document(Box<DocumentRecord>),
    /// An upload was taken as this document.
    Taken(DocumentId),
    /// Done.
    Done,
    /// The promised writer.
    Writer(u128),
}

/// Why a call brought no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// There is no link; nothing was sent.
    NoLink,
    /// It was sent and nothing came back.
    Unknown,
    /// The node is not the owner; who may be, as far as it knows.
    NotOwner(Option<(NodeId, u64)>),
    /// There is no such document.
    NoDocument,
    /// Not now.
    Unavailable,
    /// The change could not be recorded, or nobody knows whether it was.
    NotRecorded,
}

/// An answer, and the event of its sending.
pub(super) type Told = (Result<Answer, NoAnswer>, Option<u64>);

/// A call that has arrived.
pub struct Incoming {
    /// Who calls.
    pub from: u8,
    /// What is asked.
    pub call: Call,
    /// The event of its sending.
    pub event: u64,
    /// What the answer goes into.
    pub answer: Fill<Told>,
}

/// A link over which nothing is heard for so long is cut.
const SILENCE: Duration = Duration::from_secs(2);
/// Messages that wait at one node; one more is refused.
const PLACES: usize = 256;

#[derive(Default)]
struct State {
    /// Pairs that do not hear: the first speaks, the second hears nothing.
    cuts: BTreeMap<(u8, u8), u32>,
    doors: BTreeMap<u8, (NodeId, Slots<Incoming>)>,
    groups: BTreeMap<u8, Group>,
    lost: u64,
    twice: u64,
    slow: u64,
}

/// All links.
#[derive(Clone)]
pub struct Net {
    engine: Engine,
    state: Arc<Mutex<State>>,
}

const WAY: u16 = 20;
const FATE: u16 = 21;

impl Net {
    /// Links that lose, double and hold up so many of a thousand messages.
    #[must_use]
    pub fn new(engine: Engine, lost: u64, twice: u64, slow: u64) -> Self {
        let state = State { lost, twice, slow, ..State::default() };
        Net { engine, state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the door of a generation of a node; the one before it hears nothing more.
    #[must_use]
    pub fn open(&self, node: u8, id: NodeId, group: Group) -> Slots<Incoming> {
        let slots = Slots::new(PLACES);
        let mut state = self.state();
        state.doors.insert(node, (id, slots.clone()));
        state.groups.insert(node, group);
        slots
    }

    /// The node is gone.
    pub fn shut(&self, node: u8) {
        let mut state = self.state();
        state.doors.remove(&node);
        state.groups.remove(&node);
    }

    /// What `from` says does not reach `to`, until as many [`Net::mend`] have come.
    pub fn cut(&self, from: u8, to: u8) {
        *self.state().cuts.entry((from, to)).or_insert(0) += 1;
    }

    /// Undoes one [`Net::cut`].
    pub fn mend(&self, from: u8, to: u8) {
        let mut state = self.state();
        if let Some(count) = state.cuts.get_mut(&(from, to)) {
            *count -= 1;
            if *count == 0 {
                state.cuts.remove(&(from, to));
            }
        }
    }

    /// Every link is whole, and nothing is lost by chance.
    pub fn heal(&self) {
        let mut state = self.state();
        state.cuts.clear();
        (state.lost, state.twice, state.slow) = (0, 0, 0);
    }

    fn is_silent(&self, from: u8, (to, id): (u8, &NodeId)) -> bool {
        let state = self.state();
        if state.doors.get(&to).is_none_or(|(there, _)| there != id) {
            return true;
        }
        let group = state.groups.get(&to).copied();
        state.cuts.contains_key(&(from, to))
            || state.cuts.contains_key(&(to, from))
            || group.is_none_or(|group| self.engine.is_frozen(group))
    }

    fn hears(&self, from: u8, to: u8) -> bool {
        !self.state().cuts.contains_key(&(from, to))
    }

    /// Nodes that have a door.
    #[must_use]
    pub fn open_doors(&self) -> BTreeSet<u8> {
        self.state().doors.keys().copied().collect()
    }

    /// Asks a generation of node `to` and waits, `patience` at most.
    ///
    /// # Errors
    /// See [`NoAnswer`].
    pub async fn call(
        &self,
        from: u8,
        to: (u8, &NodeId),
        call: Call,
        patience: Duration,
    ) -> Result<Answer, NoAnswer> {
        let until_ms = self.engine.now_ms() + patience.as_millis() as u64;
        let mut answered = std::pin::pin!(self.send(from, to, call, false)?.taken());
        while self.engine.now_ms() < until_ms {
            match self.engine.within(SILENCE, answered.as_mut()).await {
                Some(Some((answer, event))) => {
                    self.engine.follow(event);
                    return answer;
                }
                Some(None) => return Err(NoAnswer::Unknown),
                // A link that is silent is cut, and whoever waits behind it hears so.
                None if self.is_silent(from, to) => return Err(NoAnswer::Unknown),
                None => {}
            }
        }
        Err(NoAnswer::Unknown)
    }

    /// Tells a node something; nobody says whether it heard.
    pub fn cast(&self, from: u8, to: (u8, &NodeId), call: Call) {
        let _ = self.send(from, to, call, true);
    }

    fn send(
        &self,
        from: u8,
        (to, id): (u8, &NodeId),
        call: Call,
        is_cast: bool,
    ) -> Result<Slot<Told>, NoAnswer> {
        let (lost, twice, slow) = {
            let state = self.state();
            match state.doors.get(&to) {
                Some((there, _)) if there == id => {}
                _ => return Err(NoAnswer::NoLink),
            }
            // A link carries each call once; who is told something may hear it again.
            (state.lost, if is_cast { state.twice } else { 0 }, state.slow)
        };
        let pair = u16::from(from) * 16 + u16::from(to);
        let mut way_ms = 1 + self.engine.draw(Stream(WAY, pair), 6);
        let drawn = if lost + twice + slow > 0 { self.engine.draw(Stream(FATE, pair), 1_000) } else { 0 };
        let mut fate = Fate::Arrives;
        if drawn >= 1_000 - lost {
            fate = Fate::Lost;
        } else if drawn >= 1_000 - lost - twice {
            fate = Fate::Twice;
        } else if drawn >= 1_000 - lost - twice - slow {
            way_ms += 200 + self.engine.draw(Stream(WAY, pair), 1_500);
        }
        if !self.hears(from, to) {
            fate = Fate::Lost;
        }
        let is_gossip = matches!(call, Call::Gossip(_));
        let (engine, arrives_ms) = (&self.engine, self.engine.now_ms() + way_ms);
        let (shard, name) = (call.shard(), call.name());
        let event = if is_gossip {
            engine.mix(arrives_ms);
            0
        } else {
            let to = Lane::Node(to);
            engine.event(What::Send { to, arrives_ms, fate }, shard, None, || name.to_owned())
        };
        let (fill, slot) = Slot::pair();
        if fate == Fate::Lost {
            // Whoever waits for it waits in vain, and hears nothing of the loss.
            let engine = self.engine.clone();
            engine.clone().spawn(WORLD, Lane::Hand, async move {
                engine.sleep(SILENCE).await;
                drop(fill);
            });
            return Ok(slot);
        }
        if fate == Fate::Twice {
            let (second, _) = Slot::pair();
            self.deliver(from, to, id.clone(), call.clone(), event, way_ms * 3, second);
        }
        self.deliver(from, to, id.clone(), call, event, way_ms, fill);
        Ok(slot)
    }

    #[expect(clippy::too_many_arguments, reason = "a message is all of them, and only this file sends one")]
    fn deliver(&self, from: u8, to: u8, id: NodeId, call: Call, event: u64, way_ms: u64, fill: Fill<Told>) {
        let (net, engine) = (self.clone(), self.engine.clone());
        engine.clone().spawn(WORLD, Lane::Node(to), async move {
            engine.sleep(Duration::from_millis(way_ms)).await;
            let door = {
                let state = net.state();
                state.doors.get(&to).filter(|(there, _)| *there == id).map(|(_, door)| door.clone())
            };
            let Some(door) = door else { return };
            let is_answered = !matches!(call, Call::Gossip(_) | Call::Noticed { .. });
            let (answer, answered) = Slot::pair();
            if door.offer(Incoming { from, call, event, answer }).is_err() {
                return;
            }
            if !is_answered {
                return;
            }
            let Some((told, last)) = answered.taken().await else { return };
            if !net.hears(to, from) {
                return;
            }
            engine.follow(last);
            let back_ms = 1 + engine.draw(Stream(WAY, u16::from(to) * 16 + u16::from(from)), 6);
            let arrives_ms = engine.now_ms() + back_ms;
            let what = What::Send { to: Lane::Node(from), arrives_ms, fate: Fate::Arrives };
            let sent = engine.event(what, None, None, || match &told {
                Ok(_) => "done".to_owned(),
                Err(why) => format!("{why:?}"),
            });
            engine.sleep(Duration::from_millis(back_ms)).await;
            fill.with((told, Some(sent)));
        });
    }
}
