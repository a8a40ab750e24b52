//! The faults of a run: what breaks, when, and for how long, all of it drawn; each undoes itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Plan;
use crate::book::{self, Book, Event};
use crate::bucket::Bucket;
use crate::dice::Dice;
use crate::fabric::Fabric;
use crate::gate::Phase;
use crate::node::Node;

/// The pause before the next fault, in milliseconds.
const PAUSE_MS: (u64, u64) = (200, 2_500);
/// Who breaks what is not one node's.
const ALL: &str = "faults";
/// Faults at one time; with more of them nothing works that could break.
const AT_ONCE_MAX: usize = 3;

/// Everything that can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    StoreOut,
    StoreCutOff,
    StoreRough,
    NetCut,
    NetOneWay,
    NetIsolated,
    NetHalves,
    NetRough,
    Kill,
    KillAll,
    Freeze,
    Drain,
    WorkersRough,
}

const STORE: &[Kind] = &[Kind::StoreOut, Kind::StoreCutOff, Kind::StoreRough, Kind::StoreRough];
const NET: &[Kind] = &[Kind::NetCut, Kind::NetOneWay, Kind::NetIsolated, Kind::NetHalves, Kind::NetRough];
const PROCESS: &[Kind] = &[
    Kind::Kill,
    Kind::Kill,
    Kind::Kill,
    Kind::KillAll,
    Kind::Freeze,
    Kind::Freeze,
    Kind::Drain,
    Kind::WorkersRough,
];

/// What breaks things. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Faults {
    pub(crate) nodes: Arc<Vec<Node>>,
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) fabric: Arc<Fabric>,
    pub(crate) workers_rough: Arc<AtomicBool>,
    pub(crate) book: Arc<Book>,
    pub(crate) dice: Arc<Dice>,
    /// Fires when everything shall be well again.
    pub(crate) calm: CancellationToken,
}

impl Faults {
    /// Breaks things until it shall be calm; comes back when everything is undone.
    pub(crate) async fn run(self, plan: &Plan) {
        let mut kinds = Vec::new();
        for (is_wanted, some) in [(plan.store, STORE), (plan.net, NET), (plan.process, PROCESS)] {
            kinds.extend(some.iter().copied().filter(|_| is_wanted));
        }
        let under_way = TaskTracker::new();
        while !self.calm.is_cancelled() {
            self.pause(self.dice.between("faults", PAUSE_MS.0, PAUSE_MS.1)).await;
            let Some(kind) = self.dice.pick("faults", &kinds).copied() else { continue };
            if !self.calm.is_cancelled() && under_way.len() < AT_ONCE_MAX {
                under_way.spawn(self.clone().strike(kind));
            }
        }
        under_way.close();
        under_way.wait().await;
    }

    async fn pause(&self, ms: u64) {
        let _ = tokio::time::timeout(Duration::from_millis(ms), self.calm.cancelled()).await;
    }

    /// Something breaks, of one node or of all; gives the event's number.
    fn breaks(&self, who: &str, what: impl Into<String>) -> u64 {
        self.book.tell(book::Kind::Fault, who, what)
    }

    /// What broke with the event `cause` is whole again.
    fn heals(&self, who: &str, cause: u64, what: impl Into<String>) {
        let (who, what, cause) = (who.to_owned(), what.into(), Some(cause));
        self.book.write(Event { kind: book::Kind::Heals, who, what, cause, ..Event::default() });
    }

    fn ms(&self, low: u64, high: u64) -> u64 {
        self.dice.between("fault time", low, high)
    }

    fn node(&self) -> Option<Node> {
        self.dice.pick("fault node", &self.nodes).cloned()
    }

    async fn strike(self, kind: Kind) {
        match kind {
            Kind::StoreOut => self.store_out().await,
            Kind::StoreCutOff => self.store_cut_off().await,
            Kind::StoreRough => {
                self.bucket.weather(|weather| weather.is_rough = true);
                let broke = self.breaks(ALL, "the road to the store is rough");
                self.pause(self.ms(2_000, 8_000)).await;
                self.bucket.weather(|weather| weather.is_rough = false);
                self.heals(ALL, broke, "the road to the store is even");
            }
            Kind::NetCut | Kind::NetOneWay | Kind::NetIsolated | Kind::NetHalves => self.cut(kind).await,
            Kind::NetRough => {
                self.fabric.trouble(|trouble| trouble.is_rough = true);
                let broke = self.breaks(ALL, "the links are rough");
                self.pause(self.ms(2_000, 8_000)).await;
                self.fabric.trouble(|trouble| trouble.is_rough = false);
                self.heals(ALL, broke, "the links are even");
            }
            Kind::Kill => {
                if let Some(node) = self.node() {
                    self.kill(&node).await;
                }
            }
            Kind::KillAll => {
                // All at once, as in a power cut; rarely, because little is left to go on with.
                if self.dice.chance("kill all", 300) {
                    let all = self.nodes.iter().map(|node| self.kill(node));
                    futures_util::future::join_all(all).await;
                }
            }
            Kind::Freeze => self.freeze().await,
            Kind::Drain => self.drain().await,
            Kind::WorkersRough => {
                self.workers_rough.store(true, Ordering::Relaxed);
                let broke = self.breaks(ALL, "the workers are rough");
                self.pause(self.ms(2_000, 8_000)).await;
                self.workers_rough.store(false, Ordering::Relaxed);
                self.heals(ALL, broke, "the workers are well");
            }
        }
    }

    async fn store_out(&self) {
        if self.bucket.weather(|weather| std::mem::replace(&mut weather.is_out, true)) {
            return;
        }
        self.book.sometimes("the store was out");
        let broke = self.breaks("store", "the store is out");
        self.pause(self.ms(500, 7_000)).await;
        self.bucket.weather(|weather| weather.is_out = false);
        self.heals("store", broke, "the store is back");
    }

    async fn store_cut_off(&self) {
        let Some(Node { name, .. }) = self.node() else { return };
        if !self.bucket.weather(|weather| weather.cut_off.insert(name.clone())) {
            return;
        }
        self.book.sometimes("a node was cut off from the store");
        let broke = self.breaks(&name, format!("{name} does not reach the store"));
        self.pause(self.ms(1_000, 9_000)).await;
        self.bucket.weather(|weather| weather.cut_off.remove(&name));
        self.heals(&name, broke, format!("{name} reaches the store"));
    }

    async fn cut(&self, kind: Kind) {
        let mut names: Vec<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        names.extend(crate::WORKERS.map(str::to_owned));
        let Some(first) = self.dice.pick("cut", &names).cloned() else { return };
        let others: Vec<String> = names.iter().filter(|name| **name != first).cloned().collect();
        let mut pairs = Vec::new();
        let mut both = |one: &str, other: &str| {
            pairs.extend([(one.to_owned(), other.to_owned()), (other.to_owned(), one.to_owned())]);
        };
        match kind {
            Kind::NetIsolated => others.iter().for_each(|other| both(&first, other)),
            Kind::NetHalves => {
                let sides = self.dice.draw("halves");
                let is_left = |name: &String| crate::dice::hash(sides, name.as_bytes()).is_multiple_of(2);
                let (left, right): (Vec<_>, Vec<_>) = names.iter().partition(|name| is_left(name));
                left.iter().for_each(|one| right.iter().for_each(|other| both(one, other)));
            }
            _ => {
                if let Some(other) = self.dice.pick("cut", &others) {
                    both(&first, other);
                }
                if kind == Kind::NetOneWay {
                    pairs.truncate(1);
                    self.book.sometimes("a link was cut in one direction");
                }
            }
        }
        self.fabric.trouble(|trouble| trouble.cut.extend(pairs.iter().cloned()));
        self.book.sometimes("links were cut");
        let broke = self.breaks(ALL, format!("{kind:?}: {}", words(&pairs)));
        self.pause(self.ms(500, 10_000)).await;
        // Another fault may have cut the same link; that it is whole earlier than drawn harms nothing.
        self.fabric.trouble(|trouble| trouble.cut.retain(|pair| !pairs.contains(pair)));
        self.heals(ALL, broke, format!("whole again: {}", words(&pairs)));
    }

    async fn kill(&self, node: &Node) {
        if node.gate().is_none() {
            return;
        }
        let keeps_disk = self.dice.chance("disk", 700);
        self.book.sometimes(if keeps_disk {
            "a node was killed"
        } else {
            "a node was killed and lost its disk"
        });
        node.crash(keeps_disk);
        self.pause(self.ms(100, 6_000)).await;
        tokio::spawn(node.clone().live());
    }

    async fn freeze(&self) {
        let Some(gate) = self.node().and_then(|node| node.gate()) else { return };
        if gate.phase() != Phase::Running {
            return;
        }
        self.book.sometimes("a node was frozen");
        self.book.tell(book::Kind::Freezes, &gate.id.name, format!("{} is frozen", gate.id));
        gate.set(Phase::Frozen);
        self.pause(self.ms(300, 10_000)).await;
        gate.set(Phase::Running);
        self.book.tell(book::Kind::Thaws, &gate.id.name, format!("{} goes on", gate.id));
    }

    async fn drain(&self) {
        let Some(node) = self.node() else { return };
        let Some(left) = node.drain().await else { return };
        self.book.sometimes(if left == 0 {
            "a node handed everything over"
        } else {
            "a node drained in part"
        });
        self.pause(self.ms(100, 4_000)).await;
        tokio::spawn(node.live());
    }
}

fn words(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(from, to)| format!("{from}→{to}")).collect::<Vec<_>>().join(" ")
}
