//! Who is linked to whom: the links between all generations, which cuts they suffer, and what each node sees of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use enabler_cluster::net::{Member, NodeId, Reach, Service, View};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::book::Book;
use crate::dice::Dice;
use crate::gate::{Gate, Phase};

/// How often links and views are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// A link that carries nothing in one of its directions for this long is cut, as the product's links are.
const SILENCE_MAX: Duration = Duration::from_secs(2);
/// How long two nodes that can reach each other take to link, at most.
const DIAL_MS_MAX: u64 = 600;

/// One generation at the fabric.
pub(crate) struct Port {
    pub(crate) gate: Gate,
    pub(crate) service: Arc<dyn Service>,
    facts: BTreeMap<String, String>,
    /// What it has heard of others: their facts.
    heard: BTreeMap<NodeId, BTreeMap<String, String>>,
    view: watch::Sender<Arc<View>>,
}

/// A link between two generations, by their names in order.
#[derive(Clone, Copy)]
enum Link {
    /// It stands; this is when it last carried something in both directions.
    Up(Instant),
    /// It is being made, until this moment.
    Dialing(Instant),
}

/// What is wrong between the nodes at present.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Nothing gets from the first of these names to the second.
    pub(crate) cut: BTreeSet<(String, String)>,
    /// Links break, and casts are lost, late and doubled, at the rates of a bad day.
    pub(crate) is_rough: bool,
}

#[derive(Default)]
struct Inner {
    ports: BTreeMap<NodeId, Port>,
    /// What those who have left saw last: as in the product, it changes no more.
    left: BTreeMap<NodeId, watch::Sender<Arc<View>>>,
    links: BTreeMap<(NodeId, NodeId), Link>,
    trouble: Trouble,
}

/// The links of all nodes.
pub(crate) struct Fabric {
    inner: Mutex<Inner>,
    pub(crate) book: Arc<Book>,
    pub(crate) dice: Arc<Dice>,
}

fn pair(one: &NodeId, other: &NodeId) -> (NodeId, NodeId) {
    if one <= other { (one.clone(), other.clone()) } else { (other.clone(), one.clone()) }
}

impl Inner {
    fn carries(&self, from: &NodeId, to: &NodeId) -> bool {
        let runs = |id: &NodeId| self.ports.get(id).is_some_and(|port| port.gate.phase() == Phase::Running);
        runs(from) && runs(to) && !self.trouble.cut.contains(&(from.name.clone(), to.name.clone()))
    }

    fn is_up(&self, one: &NodeId, other: &NodeId) -> bool {
        matches!(self.links.get(&pair(one, other)), Some(Link::Up(_)))
    }

    /// Everybody whom `id` hears over links, itself included.
    fn hears(&self, id: &NodeId) -> BTreeSet<NodeId> {
        let (mut known, mut next) = (BTreeSet::from([id.clone()]), vec![id.clone()]);
        while let Some(at) = next.pop() {
            for other in self.ports.keys().filter(|other| self.is_up(&at, other)) {
                if known.insert(other.clone()) {
                    next.push(other.clone());
                }
            }
        }
        known
    }
}

impl Fabric {
    pub(crate) fn new(book: Arc<Book>, dice: Arc<Dice>) -> Arc<Self> {
        Arc::new(Fabric { inner: Mutex::default(), book, dice })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is wrong.
    pub(crate) fn trouble<T>(&self, change: impl FnOnce(&mut Trouble) -> T) -> T {
        change(&mut self.inner().trouble)
    }

    /// A generation comes; `facts` is what it says of itself at first.
    pub(crate) fn join(&self, gate: &Gate, service: Arc<dyn Service>, facts: BTreeMap<String, String>) {
        let me = gate.id.clone();
        let view =
            watch::Sender::new(Arc::new(View { me: me.clone(), members: vec![member(&me, facts.clone())] }));
        let port = Port { gate: gate.clone(), service, facts, heard: BTreeMap::new(), view };
        self.inner().ports.insert(me, port);
    }

    /// A generation goes; its links end at once.
    pub(crate) fn leave(&self, id: &NodeId) {
        let mut inner = self.inner();
        inner.links.retain(|(one, other), _| one != id && other != id);
        if let Some(port) = inner.ports.remove(id) {
            inner.left.insert(id.clone(), port.view);
        }
    }

    /// What `id` sees.
    pub(crate) fn view(&self, id: &NodeId) -> watch::Receiver<Arc<View>> {
        let inner = self.inner();
        match inner.ports.get(id).map(|port| &port.view).or_else(|| inner.left.get(id)) {
            Some(view) => view.subscribe(),
            // Before it comes it sees nobody.
            None => watch::Sender::new(Arc::new(View { me: id.clone(), members: Vec::new() })).subscribe(),
        }
    }

    /// `id` says something about itself.
    pub(crate) fn tell(&self, id: &NodeId, key: &str, value: &str) {
        let mut inner = self.inner();
        let Some(port) = inner.ports.get_mut(id) else { return };
        port.facts.insert(key.to_owned(), value.to_owned());
        let facts = port.facts.clone();
        port.view.send_modify(|view| {
            for own in Arc::make_mut(view).members.iter_mut().filter(|member| member.id == *id) {
                own.facts.clone_from(&facts);
            }
        });
    }

    /// The gates on the way from `from` to `to`, the last one and what answers there: a link of their own, or one
    /// node between. `None` if there is no way.
    pub(crate) fn way(&self, from: &NodeId, to: &NodeId) -> Option<(Gate, Arc<dyn Service>, u64)> {
        let inner = self.inner();
        let port = inner.ports.get(to)?;
        let between = |id: &&NodeId| inner.is_up(from, id) && inner.is_up(id, to);
        let hops = match inner.is_up(from, to) {
            true => 1,
            false => inner.ports.keys().find(between).map(|_| 2)?,
        };
        Some((port.gate.clone(), port.service.clone(), hops))
    }

    /// Whether something that leaves now gets from `from` to `to`, on a link of their own or through a third node.
    pub(crate) fn gets_through(&self, from: &NodeId, to: &NodeId) -> bool {
        let inner = self.inner();
        if inner.is_up(from, to) {
            return inner.carries(from, to);
        }
        let through = |id: &NodeId| {
            inner.is_up(from, id) && inner.is_up(id, to) && inner.carries(from, id) && inner.carries(id, to)
        };
        inner.ports.keys().any(through)
    }

    /// A link breaks, as if a connection had been reset.
    pub(crate) fn break_link(&self, one: &NodeId, other: &NodeId) {
        self.inner().links.remove(&pair(one, other));
    }

    /// Looks at links and views for ever.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            self.look_at_links();
            self.gossip();
            self.look_at_views();
            tokio::time::sleep(TICK).await;
        }
    }

    fn look_at_links(&self) {
        let mut inner = self.inner();
        let (now, ids) = (Instant::now(), inner.ports.keys().cloned().collect::<Vec<_>>());
        for (at, one) in ids.iter().enumerate() {
            for other in ids.iter().skip(at + 1).filter(|other| other.name != one.name) {
                let carries = inner.carries(one, other) && inner.carries(other, one);
                let is_dead = [one, other]
                    .iter()
                    .any(|id| inner.ports.get(id).is_none_or(|port| port.gate.phase() == Phase::Dead));
                let key = (one.clone(), other.clone());
                let next = match inner.links.get(&key).copied() {
                    _ if is_dead => None,
                    Some(Link::Up(_)) if carries => Some(Link::Up(now)),
                    Some(Link::Up(last)) if now - last < SILENCE_MAX => Some(Link::Up(last)),
                    Some(Link::Dialing(until)) if carries && now >= until => Some(Link::Up(now)),
                    Some(Link::Dialing(until)) if carries => Some(Link::Dialing(until)),
                    None if carries => {
                        let ms = self.dice.between(&format!("dial {one} {other}"), 10, DIAL_MS_MAX);
                        Some(Link::Dialing(now + Duration::from_millis(ms)))
                    }
                    _ => None,
                };
                let (was_up, is_up) = (inner.is_up(one, other), matches!(next, Some(Link::Up(_))));
                match next {
                    Some(link) => inner.links.insert(key, link),
                    None => inner.links.remove(&key),
                };
                if was_up != is_up {
                    let how = if is_up { "up" } else { "down" };
                    self.book.note("links", format!("{one} – {other} {how}"));
                }
            }
        }
    }

    /// What each says of itself comes to those who hear it, sooner or later.
    fn gossip(&self) {
        let mut inner = self.inner();
        let ids: Vec<NodeId> = inner.ports.keys().cloned().collect();
        for id in &ids {
            if inner.ports.get(id).is_none_or(|port| port.gate.phase() != Phase::Running) {
                continue;
            }
            for other in inner.hears(id).into_iter().filter(|other| other != id) {
                let soon = if inner.is_up(id, &other) { 600 } else { 250 };
                if !self.dice.chance(&format!("gossip {id} {other}"), soon) {
                    continue;
                }
                let Some(facts) = inner.ports.get(&other).map(|port| port.facts.clone()) else { continue };
                if let Some(port) = inner.ports.get_mut(id) {
                    port.heard.insert(other, facts);
                }
            }
        }
    }

    fn look_at_views(&self) {
        let inner = self.inner();
        let now = Instant::now();
        for (id, port) in inner.ports.iter().filter(|(_, port)| port.gate.phase() == Phase::Running) {
            let hears = inner.hears(id);
            let before = port.view.borrow().clone();
            let mut newest: BTreeMap<&str, (&NodeId, &BTreeMap<String, String>)> = BTreeMap::new();
            for (other, facts) in port.heard.iter().filter(|(other, _)| other.name != id.name) {
                // In order of their generations: the last one is the newest.
                newest.insert(&other.name, (other, facts));
            }
            newest.insert(&id.name, (id, &port.facts));
            let members = newest.into_values().map(|(other, facts)| {
                let reach = match () {
                    () if other == id || inner.is_up(id, other) => Reach::Linked,
                    () if hears.contains(other) => Reach::Heard,
                    () => Reach::Silent,
                };
                let known = before.members.iter().find(|known| known.id == *other && known.reach == reach);
                let since = known.map_or(now, |known| known.since);
                Member { reach, since, ..member(other, facts.clone()) }
            });
            let next = View { me: id.clone(), members: members.collect() };
            if *before != next {
                port.view.send_replace(Arc::new(next));
            }
        }
    }
}

fn member(id: &NodeId, facts: BTreeMap<String, String>) -> Member {
    let address = format!("{}:1", id.name);
    Member { id: id.clone(), address, reach: Reach::Linked, since: Instant::now(), facts }
}
