//! A simulated node: one generation with its tasks, what it knows of the others, and its sign of life.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use enabler_cluster::decide::custody::Part;
use enabler_cluster::lease::{self, Beat, Lease};
use enabler_cluster::net::NodeId;
use enabler_cluster::owner::Means;
use enabler_storage::chance::SeededChance;
use enabler_storage::log::NodeRecord;
use enabler_storage::plant;

use super::keeper;
use super::net::{Answer, Call, Incoming, NoAnswer, Said};
use super::shard::{self, Cell, Message};
use super::store::{BASE_MS, Door};
use super::{LEASE, World};
use crate::chance::mixed;
use crate::engine::{Engine, Group, NodeClock, Slot, Slots, WORLD};
use crate::trace::{Lane, What};

/// How often a node says what it owns.
const GOSSIP_EVERY: Duration = Duration::from_millis(200);
/// A node that was not heard for so long is silent.
pub(super) const SILENT_AFTER_MS: u64 = 2_000;
/// A node that has looked at nothing for so long has slept.
const ASLEEP_AFTER_MS: u64 = 1_500;

/// Another node as this one knows it.
#[derive(Debug, Clone)]
pub struct Heard {
    /// What it said last.
    pub said: Arc<Said>,
    /// When.
    pub at_ms: u64,
    /// Since when it has been heard, or not.
    pub since_ms: u64,
    /// Whether it is heard.
    pub alive: bool,
}

impl Heard {
    /// A node of which others have told.
    fn of_others(id: NodeId, now_ms: u64) -> Self {
        let (owns, follows, knows) = (Vec::new(), Vec::new(), Vec::new());
        let said = Said { id, owns, follows, drains: false, knows, beat: 0, store_up: None };
        Heard { said: Arc::new(said), at_ms: 0, since_ms: now_ms, alive: false }
    }
}

/// What a node knows of a shard beyond itself.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Who owns it, under which epoch.
    pub owner: Option<(NodeId, u64)>,
    /// Who follows it.
    pub replicas: Vec<NodeId>,
}

/// One generation of a node.
pub struct Node {
    /// Everything else.
    pub world: Arc<World>,
    /// Its number.
    pub number: u8,
    /// Its name and generation.
    pub id: NodeId,
    /// Its tasks.
    pub group: Group,
    /// What its owners work with.
    pub means: Means,
    /// Its shards.
    pub shards: Vec<Cell>,
    /// The other nodes.
    pub others: Mutex<BTreeMap<u8, Heard>>,
    /// What is known of the shards.
    pub table: Mutex<Vec<Row>>,
    /// Whether it lets its shards go.
    pub drains: AtomicBool,
    /// Its last beat.
    pub beat: AtomicU64,
    /// Whether its last beat was written: 0 unknown, 1 no, 2 yes.
    pub store_up: AtomicU64,
    /// When it looked last, and when it was found to have slept by a shard whose log was not asked since.
    attention: Mutex<(u64, Vec<Option<u64>>)>,
    /// When its last beat was written.
    pub beat_ms: AtomicU64,
}

impl Node {
    /// Starts a generation.
    pub fn start(world: &Arc<World>, number: u8, generation: u128, skew_ms: Arc<AtomicI64>) -> Arc<Node> {
        let engine = world.engine.clone();
        let group = Group(1_000 + generation as u32);
        let id = NodeId { name: format!("n{number}"), generation };
        let clock = NodeClock::new(engine.clone(), BASE_MS, skew_ms);
        let seed = mixed(world.seed ^ mixed(generation as u64));
        let means = Means {
            store: Arc::new(Door::new(world.store.clone(), number)),
            clock: Arc::new(clock),
            chance: Arc::new(SeededChance::new(seed)),
            node: id.clone(),
            keeps: Duration::from_millis(world.scene.keeps_ms),
        };
        let shards = (0..world.scene.shards).map(|_| Cell::default()).collect();
        let node = Arc::new(Node {
            world: world.clone(),
            number,
            id: id.clone(),
            group,
            means,
            shards,
            others: Mutex::default(),
            table: Mutex::new(vec![Row::default(); world.scene.shards as usize]),
            drains: AtomicBool::new(false),
            beat: AtomicU64::new(0),
            store_up: AtomicU64::new(0),
            attention: Mutex::new((engine.now_ms(), vec![None; world.scene.shards as usize])),
            beat_ms: AtomicU64::new(0),
        });
        let lane = Lane::Node(number);
        engine.event_on(lane, What::Starts, None, None, || format!("generation {generation}"));
        let door = world.net.open(number, id, group);
        node.spawn(serve(node.clone(), door));
        node.spawn(beat(node.clone()));
        node.spawn(gossip(node.clone()));
        node.spawn(keeper::run(node.clone()));
        for number in 0..world.scene.shards {
            node.spawn(shard::run(node.clone(), number));
        }
        node
    }

    /// Starts a task of this generation.
    pub fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        self.world.engine.spawn(self.group, Lane::Node(self.number), job);
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.world.engine
    }

    /// A shard of this node.
    #[must_use]
    pub fn cell(&self, shard: u32) -> Option<&Cell> {
        self.shards.get(shard as usize)
    }

    /// What is known of a shard.
    #[must_use]
    pub fn row(&self, shard: u32) -> Row {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.get(shard as usize).cloned().unwrap_or_default()
    }

    /// Learns of an owner.
    pub fn learn(&self, shard: u32, owner: NodeId, epoch: u64) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = table.get_mut(shard as usize)
            && row.owner.as_ref().is_none_or(|(_, known)| epoch > *known)
        {
            row.owner = Some((owner, epoch));
        }
    }

    /// The other nodes.
    pub fn others(&self) -> MutexGuard<'_, BTreeMap<u8, Heard>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a node by its name.
    #[must_use]
    pub fn number_of(id: &NodeId) -> u8 {
        id.name.strip_prefix('n').and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// Says that this node is awake.
    pub fn look(&self) {
        let now_ms = self.engine().now_ms();
        let mut attention = self.attention.lock().unwrap_or_else(PoisonError::into_inner);
        if now_ms - attention.0 > ASLEEP_AFTER_MS {
            attention.1.fill(Some(now_ms));
        }
        attention.0 = now_ms;
    }

    /// The store has told where the log of a shard ends, asked at `asked_ms`.
    pub fn confirm(&self, shard: u32, asked_ms: u64) {
        let mut attention = self.attention.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slept) = attention.1.get_mut(shard as usize)
            && slept.is_some_and(|slept| asked_ms >= slept)
        {
            *slept = None;
        }
    }

    /// Whether this node may have been replaced as the owner of a shard without knowing.
    #[must_use]
    pub fn has_slept(&self, shard: u32) -> bool {
        let attention = self.attention.lock().unwrap_or_else(PoisonError::into_inner);
        attention.1.get(shard as usize).is_some_and(Option::is_some)
            || self.engine().now_ms() - attention.0 > ASLEEP_AFTER_MS
    }

    /// Whether this node has seen every other one since the store last told it, at `confirmed_ms`, how a shard stands, and
    /// each of them says that it does not reach the store.
    #[must_use]
    pub fn nobody_reaches_the_store(&self, confirmed_ms: u64) -> bool {
        let is_blind = |heard: &Heard| heard.alive && heard.said.store_up == Some(false);
        let others = self.others();
        if plant::here("most-are-all") {
            let alive = others.values().filter(|heard| heard.alive);
            return (alive.clone().count() + 1) * 2 > others.len() + 1 && alive.clone().all(is_blind);
        }
        // Who has never heard of anybody knows of nobody who could have taken over.
        let is_informed = confirmed_ms > 0 && !others.is_empty();
        is_informed && others.values().all(|heard| is_blind(heard) && heard.since_ms <= confirmed_ms)
    }

    /// Whether another node says that it owns a shard under a later epoch: the actor here may be too busy to have heard.
    #[must_use]
    pub fn knows_a_later_owner(&self, shard: u32, epoch: u64) -> bool {
        let owns_later = |(owned, theirs): &(u32, u64)| *owned == shard && *theirs > epoch;
        self.others().values().any(|heard| heard.said.owns.iter().any(owns_later))
    }

    fn said(&self) -> Said {
        let (mut owns, mut follows) = (Vec::new(), Vec::new());
        for (number, cell) in (0..).zip(&self.shards) {
            let view = cell.view();
            match view.part {
                Part::Owner if view.is_open => owns.push((number, view.epoch)),
                Part::Replica if view.is_open => follows.push(number),
                _ => {}
            }
        }
        Said {
            id: self.id.clone(),
            owns,
            follows,
            drains: self.drains.load(Ordering::Relaxed),
            knows: self.others().values().map(|heard| heard.said.id.clone()).collect(),
            beat: self.beat.load(Ordering::Relaxed),
            store_up: match self.store_up.load(Ordering::Relaxed) {
                0 => None,
                up => Some(up == 2),
            },
        }
    }

    fn hear(&self, from: u8, said: Arc<Said>) {
        let now_ms = self.engine().now_ms();
        let mut others = self.others();
        // Of whom others tell alone, nothing is known but that he is there.
        for id in said.knows.iter().filter(|id| id.name != self.id.name && !plant::here("unheard-is-unknown"))
        {
            let heard = || Heard::of_others(id.clone(), now_ms);
            others.entry(Self::number_of(id)).or_insert_with(heard);
        }
        match others.get_mut(&from) {
            Some(heard) if heard.said.id.generation > said.id.generation => {}
            Some(heard) if heard.said.id == said.id => {
                if !heard.alive {
                    heard.since_ms = now_ms;
                }
                heard.alive = true;
                heard.at_ms = now_ms;
                heard.said = said;
            }
            _ => {
                others.insert(from, Heard { said, at_ms: now_ms, since_ms: now_ms, alive: true });
            }
        }
    }
}

async fn serve(node: Arc<Node>, door: Slots<Incoming>) {
    while let Some(incoming) = door.next().await {
        let Incoming { from, call, event, answer } = incoming;
        if let Call::Gossip(said) = call {
            node.hear(from, said);
            continue;
        }
        let there = node.clone();
        node.spawn(async move {
            there.engine().follow(Some(event));
            let told = answered(&there, call).await;
            let last = there.engine().last_event();
            answer.with((told, last));
        });
    }
}

/// Answers a call of another node, or of this one.
pub(super) async fn answered(node: &Arc<Node>, call: Call) -> Result<Answer, NoAnswer> {
    match call {
        Call::Document { tenant, id, shard } => shard::document(node, shard, &tenant, id).await,
        Call::Accept { record, shard } => {
            let (fill, slot) = Slot::pair();
            told(node, shard, Message::Accept { record, answer: fill }, slot).await.map(Answer::Taken)
        }
        Call::Delete { tenant, id, shard } => {
            if !node.cell(shard).is_some_and(|cell| cell.view().part == Part::Owner) {
                return Err(shard::not_owner_of(node, shard));
            }
            if !plant::here("deletion-without-confirming") {
                shard::document(node, shard, &tenant, id).await?;
            }
            let (fill, slot) = Slot::pair();
            told(node, shard, Message::Delete { tenant, id, answer: fill }, slot).await.map(|()| Answer::Done)
        }
        Call::Prepare { shard } => {
            let (fill, slot) = Slot::pair();
            told(node, shard, Message::Prepare(fill), slot).await.map(Answer::Writer)
        }
        Call::Grant { shard, epoch, writer, ended } => {
            let (fill, slot) = Slot::pair();
            told(node, shard, Message::Granted { epoch, writer, ended, answer: fill }, slot)
                .await
                .map(|()| Answer::Done)
        }
        Call::Noticed { shard } => {
            if let Some(cell) = node.cell(shard) {
                let _ = cell.mailbox.offer(Message::Noticed);
            }
            Ok(Answer::Done)
        }
        Call::Gossip(_) => Ok(Answer::Done),
    }
}

async fn told<T>(
    node: &Arc<Node>,
    shard: u32,
    message: Message,
    slot: Slot<Result<T, NoAnswer>>,
) -> Result<T, NoAnswer> {
    let Some(cell) = node.cell(shard) else { return Err(NoAnswer::Unavailable) };
    if cell.mailbox.offer(message).is_err() {
        node.world.sometimes("a full mailbox refused a message");
        return Err(NoAnswer::Unavailable);
    }
    // A reply that is dropped says that the shard is not served here any more.
    slot.taken().await.unwrap_or(Err(NoAnswer::Unavailable))
}

async fn gossip(node: Arc<Node>) {
    loop {
        let said = Arc::new(node.said());
        for number in 1..=node.world.scene.nodes {
            if number != node.number
                && let Some(there) = node.world.id_of(number)
            {
                node.world.net.cast(node.number, (number, &there), Call::Gossip(said.clone()));
            }
        }
        let now_ms = node.engine().now_ms();
        for heard in node.others().values_mut() {
            if heard.alive && now_ms - heard.at_ms > SILENT_AFTER_MS {
                heard.alive = false;
                heard.since_ms = now_ms;
            }
        }
        node.engine().sleep(GOSSIP_EVERY).await;
    }
}

async fn beat(node: Arc<Node>) {
    let record =
        NodeRecord { node: node.id.name.clone(), generation: node.id.generation, ..NodeRecord::default() };
    let mut lease = Lease::new(node.means.store.clone(), node.means.clock.clone(), record);
    loop {
        match lease.beat().await {
            Beat::Alive(number) => {
                node.beat.store(number, Ordering::Relaxed);
                node.store_up.store(2, Ordering::Relaxed);
                node.beat_ms.store(node.engine().now_ms(), Ordering::Relaxed);
            }
            Beat::Dead if plant::here("dead-generation-lives-on") => {}
            Beat::NoStore => node.store_up.store(1, Ordering::Relaxed),
            Beat::Dead => {
                node.engine()
                    .event(What::Note, None, None, || "was declared dead and begins anew".to_owned());
                node.world.sometimes("a node that was declared dead begins anew");
                let (world, number) = (node.world.clone(), node.number);
                node.engine().spawn(WORLD, Lane::Node(number), async move { world.reborn(number) });
                return;
            }
        }
        node.engine().sleep(lease::beat_every(LEASE)).await;
    }
}

/// Leaves in peace: hands its shards over, then ends.
pub(super) async fn drain(node: Arc<Node>) {
    node.drains.store(true, Ordering::Relaxed);
    for _ in 0..500 {
        let owned = node.shards.iter().filter(|cell| cell.view().part == Part::Owner).count();
        if owned == 0 {
            break;
        }
        node.engine().sleep(Duration::from_millis(20)).await;
    }
    if lease::declare_ended(&*node.means.store, &node.id).await.is_ok() {
        node.world.sometimes("a node left in peace");
    }
    let (world, number, generation) = (node.world.clone(), node.number, node.id.generation);
    node.engine().spawn(WORLD, Lane::Node(number), async move { world.ended(number, generation) });
}
