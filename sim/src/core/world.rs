//! The world of one run: its store, links, nodes, disks and clients, and the hand that makes things fail.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use enabler_cluster::decide::claim::WHOEVER_HOLDS;
use enabler_cluster::decide::custody::Part;
use enabler_cluster::decide::placement::{self, Candidate};
use enabler_cluster::decide::restart::Policy;
use enabler_cluster::net::NodeId;

use super::book::Book;
use super::judge::{self, Judge};
use super::net::Net;
use super::node::{self, Node};
use super::script::{Scene, Silence, Step};
use super::shard::{Held, Message};
use super::store::{Outage, Store};
use super::{LEASE, desk};
use crate::chance::Stream;
use crate::engine::{Engine, WORLD};
use crate::trace::{Lane, What};

/// The time that a node takes to begin anew within its process.
const REBIRTH: Duration = Duration::from_millis(100);
/// After the last fault: how long it may take until everything is served, and until all work has ended.
const SERVED_WITHIN_MS: u64 = 2 * LEASE.as_millis() as u64 + 6_000;
/// Until the manifests say so too: an owner looks at its own from time to time.
const WRITTEN_WITHIN_MS: u64 = SERVED_WITHIN_MS + 30_000;
const ENDED_WITHIN_MS: u64 = 120_000;
/// Shards that have not moved for so long stay where they are.
const STILL_MS: u64 = 8_000;

/// Numbers the folders of spooled snapshots.
static SPOOLS: AtomicU64 = AtomicU64::new(0);

type Disks = BTreeMap<(u8, u32), Arc<Mutex<Held>>>;

/// Everything of one run.
pub struct World {
    /// The executor.
    pub engine: Engine,
    /// The seed of ids and nonces.
    pub seed: u64,
    /// Nodes, rates and steps.
    pub scene: Scene,
    /// The store.
    pub store: Arc<Store>,
    /// Who judges.
    pub judge: Arc<Judge>,
    /// The links.
    pub net: Net,
    /// What the clients know.
    pub book: Book,
    nodes: Mutex<BTreeMap<u8, Arc<Node>>>,
    disks: Mutex<Disks>,
    skews: BTreeMap<u8, Arc<AtomicI64>>,
    generations: AtomicU64,
    /// Nothing fails any more.
    is_healed: AtomicBool,
    sometimes: Mutex<BTreeMap<&'static str, u64>>,
}

impl World {
    /// Builds the world of `scene` and starts it.
    #[must_use]
    pub fn begin(engine: Engine, seed: u64, scene: Scene) -> Arc<World> {
        let judge = Arc::new(Judge::new(engine.clone(), scene.keeps_ms));
        let store = Arc::new(Store::new(engine.clone(), scene.store, judge.clone()));
        let net = Net::new(engine.clone(), scene.net_lost, scene.net_twice, scene.net_slow);
        let skews = (1..=scene.nodes).map(|number| (number, Arc::new(AtomicI64::new(0)))).collect();
        let world = Arc::new(World {
            engine: engine.clone(),
            seed,
            scene,
            store,
            judge,
            net,
            book: Book::default(),
            nodes: Mutex::default(),
            disks: Mutex::default(),
            skews,
            generations: AtomicU64::new(1),
            is_healed: AtomicBool::new(false),
            sometimes: Mutex::default(),
        });
        world.store.begin(world.scene.shards, seed);
        let begun = world.clone();
        engine.spawn(WORLD, Lane::Hand, async move { begun.play().await });
        world
    }

    fn nodes(&self) -> MutexGuard<'_, BTreeMap<u8, Arc<Node>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A node that runs, frozen or not.
    #[must_use]
    pub fn node(&self, number: u8) -> Option<Arc<Node>> {
        self.nodes().get(&number).cloned()
    }

    /// The present generation of a node.
    #[must_use]
    pub fn id_of(&self, number: u8) -> Option<NodeId> {
        self.nodes().get(&number).map(|node| node.id.clone())
    }

    /// What a node's disk has of a shard.
    #[must_use]
    pub fn disk(&self, node: u8, shard: u32) -> Arc<Mutex<Held>> {
        let mut disks = self.disks.lock().unwrap_or_else(PoisonError::into_inner);
        disks.entry((node, shard)).or_default().clone()
    }

    /// A node makes the index of a shard anew.
    pub fn wipe(&self, node: u8, shard: u32) {
        self.disks.lock().unwrap_or_else(PoisonError::into_inner).remove(&(node, shard));
    }

    /// A folder for a snapshot on its way to the store; in memory where there is such a place.
    #[must_use]
    pub fn spool_dir(&self) -> PathBuf {
        let memory = PathBuf::from("/dev/shm");
        let base = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let number = SPOOLS.fetch_add(1, Ordering::Relaxed);
        base.join(format!("enabler-sim-{}-{number}", std::process::id()))
    }

    /// Something happened that a search must have seen.
    pub fn sometimes(&self, what: &'static str) {
        *self.sometimes.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_insert(0) += 1;
    }

    /// What happened of that.
    #[must_use]
    pub fn seen(&self) -> BTreeMap<&'static str, u64> {
        let (late, undead) = self.judge.seen();
        if late {
            self.sometimes("an owner wrote after the next one had been chosen");
        }
        if undead {
            self.sometimes("an entry that was removed was written again");
        }
        self.sometimes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets go of the nodes, which hold the world in turn.
    pub fn clear(&self) {
        let nodes = std::mem::take(&mut *self.nodes());
        drop(nodes);
    }

    fn start(self: &Arc<Self>, number: u8) {
        let generation = u128::from(self.generations.fetch_add(1, Ordering::Relaxed));
        let skew = self.skews.get(&number).cloned().unwrap_or_default();
        let node = Node::start(self, number, generation, skew);
        self.judge.started(&node.id.name, generation);
        self.nodes().insert(number, node);
    }

    fn stop(&self, number: u8, why: &str) -> bool {
        let Some(node) = self.nodes().remove(&number) else { return false };
        self.net.shut(number);
        self.engine.end(node.group);
        if self.judge.killed(&node.id.name) {
            self.sometimes("a node died between a write and its acknowledgement");
        }
        self.engine.event_on(Lane::Node(number), What::Ends, None, None, || why.to_owned());
        true
    }

    /// A generation ends and the next one begins in the same process.
    pub fn reborn(self: &Arc<Self>, number: u8) {
        if !self.stop(number, "begins anew") {
            return;
        }
        let world = self.clone();
        self.engine.spawn(WORLD, Lane::Node(number), async move {
            world.engine.sleep(REBIRTH).await;
            if world.node(number).is_none() {
                world.start(number);
            }
        });
    }

    /// A generation has left in peace.
    pub fn ended(&self, number: u8, generation: u128) {
        if self.id_of(number).is_some_and(|id| id.generation == generation) {
            self.stop(number, "left in peace");
        }
    }

    /// At most so many restarts in a period, each after its wait.
    pub fn check_restarts(&self, policy: &Policy, restarts: &[u64], wait_ms: u64) {
        let now_ms = self.engine.now_ms();
        let recent = restarts.iter().filter(|at| now_ms - **at < policy.period_ms).count();
        if recent > policy.restarts_max as usize {
            self.judge.broken(judge::RESTARTS, format!("{recent} restarts within {} ms", policy.period_ms));
        }
        if wait_ms > policy.backoff_ms_max || wait_ms < policy.backoff_ms_first {
            self.judge.broken(judge::RESTARTS, format!("a restart waits {wait_ms} ms"));
        }
    }

    /// An escalation comes only after the allowed restarts.
    pub fn check_escalation(&self, policy: &Policy, restarts: &[u64], now_ms: u64) {
        let recent = restarts.iter().filter(|at| now_ms - **at < policy.period_ms).count();
        if recent < policy.restarts_max as usize {
            self.judge.broken(judge::RESTARTS, format!("an escalation after {recent} restarts"));
        }
    }

    async fn play(self: Arc<Self>) {
        for number in 1..=self.scene.nodes {
            self.engine
                .sleep(Duration::from_millis(self.engine.draw(Stream(40, u16::from(number)), 300)))
                .await;
            self.start(number);
        }
        for step in self.scene.steps.clone() {
            let wait_ms = step.at_ms.saturating_sub(self.engine.now_ms());
            self.engine.sleep(Duration::from_millis(wait_ms)).await;
            self.take(&step.step);
        }
        self.engine.sleep(Duration::from_millis(500)).await;
        self.heal().await;
        self.close().await;
        self.engine.halt();
    }

    fn take(self: &Arc<Self>, step: &Step) {
        match *step {
            Step::Upload { client, door, content } => desk::upload(self, client, door, content),
            Step::Delete { client, door, content } => desk::delete(self, client, door, content),
            Step::Read { client, door, content } => desk::read(self, client, door, content),
            Step::Crash { node, loses_disk, back_ms } => self.crash(node, loses_disk, back_ms),
            Step::Freeze { node, for_ms } => self.freeze(node, for_ms),
            Step::Drain { node, back_ms } => self.drain(node, back_ms),
            Step::Cut { from, to, one_way, for_ms } => {
                let pairs = if one_way { vec![(from, to)] } else { vec![(from, to), (to, from)] };
                self.cut(pairs, for_ms, format!("n{from} and n{to} are cut apart"));
            }
            Step::Isolate { node, for_ms } => {
                let others = (1..=self.scene.nodes).filter(|other| *other != node);
                let pairs = others.flat_map(|other| [(node, other), (other, node)]).collect();
                self.cut(pairs, for_ms, format!("n{node} is cut off"));
            }
            Step::Outage { node, how, for_ms } => self.outage(node, how, for_ms),
            Step::Skew { node, by_ms } => {
                if let Some(skew) = self.skews.get(&node) {
                    skew.store(by_ms, Ordering::Relaxed);
                }
                if by_ms.unsigned_abs() > LEASE.as_millis() as u64 / 2 {
                    self.sometimes("a clock was off by more than half a lease");
                }
                self.engine
                    .event(What::Fault, None, None, || format!("the clock of n{node} is off by {by_ms} ms"));
            }
            Step::Panic { node, shard, times } => self.panic(node, shard, times),
            Step::Usurp { node, shard } => {
                self.tell(node, shard, Message::Claim(WHOEVER_HOLDS), "claims out of turn")
            }
            Step::Compact => {
                for node in self.nodes().values() {
                    node.shards.iter().for_each(|cell| drop(cell.mailbox.offer(Message::Look)));
                }
            }
            Step::Damage { object, bit } => {
                if let Some(key) = self.store.damage(object as usize, bit as usize) {
                    self.engine.event(What::Fault, None, None, || format!("a bit of {key} is flipped"));
                    self.judge.damaged(key);
                }
            }
        }
    }

    fn tell(&self, node: u8, shard: u32, message: Message, what: &str) {
        let Some(there) = self.node(node) else { return };
        self.engine.event(What::Fault, Some(shard), None, || format!("shard {shard} of n{node} {what}"));
        if let Some(cell) = there.cell(shard) {
            let _ = cell.mailbox.offer(message);
        }
    }

    fn panic(self: &Arc<Self>, node: u8, shard: u32, times: u8) {
        let world = self.clone();
        self.engine.spawn(WORLD, Lane::Hand, async move {
            for _ in 0..times {
                if world.is_healed.load(Ordering::Relaxed) {
                    break;
                }
                world.tell(node, shard, Message::Panic, "panics");
                world.engine.sleep(Duration::from_millis(400)).await;
            }
        });
    }

    fn crash(self: &Arc<Self>, number: u8, loses_disk: bool, back_ms: u64) {
        if self.node(number).is_none() {
            return;
        }
        let lost = if loses_disk { ", its disk with it" } else { "" };
        self.engine.event(What::Fault, None, None, || format!("n{number} is killed{lost}"));
        self.stop(number, "killed");
        if loses_disk {
            self.disks.lock().unwrap_or_else(PoisonError::into_inner).retain(|(node, _), _| *node != number);
        }
        self.back(number, back_ms);
    }

    fn back(self: &Arc<Self>, number: u8, back_ms: u64) {
        let world = self.clone();
        self.engine.spawn(WORLD, Lane::Hand, async move {
            world.engine.sleep(Duration::from_millis(back_ms)).await;
            if world.node(number).is_none() {
                world.start(number);
            }
        });
    }

    fn freeze(self: &Arc<Self>, number: u8, for_ms: u64) {
        let Some(node) = self.node(number) else { return };
        if self.engine.is_frozen(node.group) {
            return;
        }
        self.engine.event_on(Lane::Node(number), What::Freezes, None, None, || format!("for {for_ms} ms"));
        self.engine.freeze(node.group);
        let world = self.clone();
        self.engine.spawn(WORLD, Lane::Hand, async move {
            world.engine.sleep(Duration::from_millis(for_ms)).await;
            world.judge.thawed(format!("n{number}"));
            world.engine.thaw(node.group);
            world.engine.event_on(Lane::Node(number), What::Thaws, None, None, String::new);
        });
    }

    fn drain(self: &Arc<Self>, number: u8, back_ms: u64) {
        let Some(node) = self.node(number) else { return };
        self.engine.event(What::Fault, None, None, || format!("n{number} is asked to leave"));
        let job = node.clone();
        node.spawn(node::drain(job));
        self.back(number, 12_000 + back_ms);
    }

    fn cut(self: &Arc<Self>, pairs: Vec<(u8, u8)>, for_ms: u64, what: String) {
        self.engine.event(What::Fault, None, None, || what);
        pairs.iter().for_each(|(from, to)| self.net.cut(*from, *to));
        let world = self.clone();
        self.engine.spawn(WORLD, Lane::Hand, async move {
            world.engine.sleep(Duration::from_millis(for_ms)).await;
            pairs.iter().for_each(|(from, to)| world.net.mend(*from, *to));
            world.engine.event(What::Heals, None, None, || "links are whole again".to_owned());
        });
    }

    fn outage(self: &Arc<Self>, node: u8, how: Silence, for_ms: u64) {
        let whom = if node == 0 { "everybody".to_owned() } else { format!("n{node}") };
        self.engine.event(What::Fault, None, None, || format!("{whom} does not reach the store ({how:?})"));
        let outage = match how {
            Silence::Refuses => Outage::Refuses,
            Silence::Silent => Outage::Silent,
        };
        self.store.set_outage(node, Some(outage));
        let world = self.clone();
        self.engine.spawn(WORLD, Lane::Hand, async move {
            world.engine.sleep(Duration::from_millis(for_ms)).await;
            world.store.set_outage(node, None);
            world.engine.event(What::Heals, None, None, || format!("{whom} reaches the store again"));
        });
    }

    async fn heal(self: &Arc<Self>) {
        self.is_healed.store(true, Ordering::Relaxed);
        self.store.heal();
        self.net.heal();
        self.engine.event(What::Heals, None, None, || "everything is whole from here on".to_owned());
        for number in 1..=self.scene.nodes {
            match self.node(number) {
                Some(node) => {
                    self.judge.thawed(node.id.name.clone());
                    self.engine.thaw(node.group);
                }
                None => self.start(number),
            }
        }
        // Whoever was asked to leave ends first.
        self.engine.sleep(Duration::from_secs(1)).await;
        for _ in 0..15 {
            let leaving = self.nodes().values().any(|node| node.drains.load(Ordering::Relaxed));
            if !leaving {
                break;
            }
            self.engine.sleep(Duration::from_secs(1)).await;
        }
        for number in 1..=self.scene.nodes {
            if self.node(number).is_none() {
                self.start(number);
            }
        }
    }

    /// The end: everything must be served, found and finished again.
    async fn close(self: &Arc<Self>) {
        if self.judge.has_damage() {
            self.engine.sleep(Duration::from_secs(10)).await;
            return;
        }
        let healed_ms = self.engine.now_ms();
        for (within_ms, as_written) in [(SERVED_WITHIN_MS, false), (WRITTEN_WITHIN_MS, true)] {
            while !self.is_served(as_written) {
                if self.engine.now_ms() - healed_ms > within_ms {
                    let text = format!("{within_ms} ms after the last fault: {}", self.standing());
                    return self.judge.broken(judge::OWNED, text);
                }
                self.engine.sleep(Duration::from_millis(200)).await;
            }
        }
        while (0..self.scene.shards).any(|shard| !self.judge.unfinished(shard).is_empty()) {
            if self.engine.now_ms() - healed_ms > ENDED_WITHIN_MS {
                let left: Vec<_> =
                    (0..self.scene.shards).flat_map(|shard| self.judge.unfinished(shard)).collect();
                return self.judge.broken(judge::ENDS, format!("still under way: {left:?}"));
            }
            self.engine.sleep(Duration::from_millis(500)).await;
        }
        while self.book.open_requests() > 0 {
            if self.engine.now_ms() - healed_ms > ENDED_WITHIN_MS {
                let text = format!("{} requests without an answer", self.book.open_requests());
                return self.judge.broken(judge::ANSWERED, text);
            }
            self.engine.sleep(Duration::from_millis(500)).await;
        }
        let (mut owners, mut since_ms) = (self.owners(), self.engine.now_ms());
        while self.engine.now_ms() - since_ms < STILL_MS {
            if self.engine.now_ms() - healed_ms > ENDED_WITHIN_MS {
                return self.judge.broken(judge::SETTLED, "shards still move long after the last fault");
            }
            self.engine.sleep(Duration::from_millis(500)).await;
            // An owner that was replaced may not have looked yet.
            if self.owners() != owners || !self.is_served(true) {
                (owners, since_ms) = (self.owners(), self.engine.now_ms());
            }
        }
        self.expect_places();
        desk::read_all(self).await;
    }

    fn owners(&self) -> Vec<Option<(String, u128, u64)>> {
        (0..self.scene.shards).map(|shard| self.judge.owner(shard)).collect()
    }

    /// Whether every shard is served by one node that may write; `as_written`: by the one that the manifest names.
    fn is_served(&self, as_written: bool) -> bool {
        (0..self.scene.shards).all(|shard| {
            let Some(owner) = self.judge.owner(shard) else { return false };
            let nodes = self.nodes();
            let serving: Vec<_> = nodes
                .values()
                .filter(|node| node.cell(shard).is_some_and(|cell| cell.view().part == Part::Owner))
                .map(|node| {
                    let epoch = node.cell(shard).map_or(0, |cell| cell.view().epoch);
                    (node.id.name.clone(), node.id.generation, epoch)
                })
                .collect();
            match serving.as_slice() {
                [one] if as_written => *one == owner,
                [(_, _, epoch)] => *epoch >= self.judge.last_epoch(shard),
                _ => false,
            }
        })
    }

    /// Every shard is where the ranking of all nodes puts it, and is followed by as many as asked.
    fn expect_places(&self) {
        let names: Vec<String> = (1..=self.scene.nodes).map(|number| format!("n{number}")).collect();
        let candidates: Vec<_> = names.iter().map(|name| Candidate { name, weight: 1 }).collect();
        for shard in 0..self.scene.shards {
            let first = placement::rank(shard, &candidates).first().and_then(|first| names.get(*first));
            let owner = self.judge.owner(shard).map(|(owner, _, _)| owner);
            if first != owner.as_ref() {
                let text = format!("shard {shard} belongs to {first:?} and is at {owner:?}");
                self.judge.broken(judge::SETTLED, text);
            }
            let follows =
                |node: &&Arc<Node>| node.cell(shard).is_some_and(|cell| cell.view().part == Part::Replica);
            let followers = self.nodes().values().filter(follows).count();
            let wanted = self.scene.replicas.min(usize::from(self.scene.nodes) - 1);
            if followers != wanted {
                let text = format!("shard {shard} has {followers} replicas, {wanted} are wanted");
                self.judge.broken(judge::SETTLED, text);
            }
        }
    }

    fn standing(&self) -> String {
        let mut text = String::new();
        for shard in 0..self.scene.shards {
            text.push_str(&format!("shard {shard}: store says {:?}, ", self.judge.owner(shard)));
            for node in self.nodes().values() {
                if let Some(cell) = node.cell(shard) {
                    let view = cell.view();
                    text.push_str(&format!("{} {:?} in {}, ", node.id.name, view.part, view.epoch));
                }
            }
        }
        text
    }
}
