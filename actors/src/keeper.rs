//! The keeper: looks at the cluster a few times a second and tells each shard of this node what to be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use enabler_cluster::actor::{Behaviour, Context, Fault};
use enabler_cluster::decide::custody::{self, Holder, Order, Part, Peer, Scene};
use enabler_cluster::lease::{self, Sign};
use enabler_cluster::net::{Member, Net, NodeId, View};
use enabler_cluster::tree::Change;
use enabler_storage::log;
use enabler_storage::objects::ObjectStore;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::crew::{Crew, role};
use crate::operator::Pins;
use crate::router::{Row, Table};
use crate::shard::{Message as ToShard, Shards};

/// How often the cluster is looked at when nothing changes.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often a manifest or a sign of life is read again.
const READ_AGAIN: Duration = Duration::from_millis(500);
/// The pause before a shard that did not follow an order hears it again: it may be at work on it.
const REPEAT_AFTER: Duration = Duration::from_secs(1);
/// Shards that leave this node at one time: each that the other node did not follow takes a part of its disk and store.
const LEAVING_MAX: usize = 16;

/// The fact that lists the shards a node owns, as `shard:epoch`.
pub const OWNS: &str = "owns";
/// The fact that lists the shards a node follows.
pub const FOLLOWS: &str = "follows";
/// The fact that lists the shards a node cannot hold now.
pub const REFUSES: &str = "refuses";
/// The fact of a node that lets its shards go.
pub const DRAINING: &str = "draining";
/// The fact that says where operators want shards.
pub const PINS: &str = "pins";
/// The fact with the number of a node's last beat.
pub const BEAT: &str = "beat";

/// What a keeper is told.
pub enum Message {
    /// Look at the cluster.
    Look,
    /// What the manifest of a shard says.
    Manifest(u32, Result<Option<(u64, NodeId)>, String>),
    /// What the store says of a node's life.
    Signed(NodeId, Result<Sign, String>),
}

/// The keeper of this node's shards.
#[derive(Clone)]
pub struct Keeper {
    /// The shards.
    pub shards: Shards,
    /// What this node knows of all shards.
    pub table: Table,
    /// The other nodes.
    pub net: Arc<dyn Net>,
    /// Works; it says what waits.
    pub crew: Crew,
    /// The truth.
    pub store: Arc<dyn ObjectStore>,
    /// Nodes that follow each shard.
    pub replicas: usize,
    /// How long an owner that is not heard keeps its shards.
    pub lease: Duration,
    /// Whether this node lets its shards go.
    pub draining: Arc<AtomicBool>,
    /// Where operators want shards.
    pub pins: Pins,
}

/// What a keeper remembers.
#[derive(Default)]
pub struct State {
    manifests: BTreeMap<u32, Looked>,
    signs: BTreeMap<NodeId, Signed>,
    beats: BTreeMap<NodeId, (String, Instant)>,
    told: BTreeMap<String, String>,
    ordered: BTreeMap<u32, (Order, Instant)>,
    /// Nodes that were alive at the last look, and whether they let their shards go.
    alive: BTreeMap<String, bool>,
    /// Ends the timer of this incarnation.
    _until: Option<DropGuard>,
}

#[derive(Default)]
struct Looked {
    found: Option<(u64, Option<NodeId>)>,
    asked: Option<Instant>,
}

#[derive(Default)]
struct Signed {
    sign: Option<Sign>,
    changed: Option<Instant>,
    /// When the store last said so: a node that cannot ask learns nothing of the other's lease.
    read: Option<Instant>,
    asked: Option<Instant>,
}

impl Behaviour for Keeper {
    type Message = Message;
    type State = State;
    const KIND: &'static str = "keeper";

    fn name(message: &Message) -> &'static str {
        match message {
            Message::Look => "look",
            Message::Manifest(..) => "manifest",
            Message::Signed(..) => "signed",
        }
    }

    async fn start(&self, context: &Context<Message>) -> Result<State, Fault> {
        let (address, mut view) = (context.address().clone(), self.net.view());
        let ended = CancellationToken::new();
        let state = State { _until: Some(ended.clone().drop_guard()), ..State::default() };
        tokio::spawn(async move {
            while !ended.is_cancelled() {
                let _ = tokio::time::timeout(LOOK_EVERY, view.changed()).await;
                // One that is still looking looks at what has changed meanwhile.
                let _ = address.offer(Message::Look);
                tokio::time::sleep(LOOK_EVERY / 5).await;
            }
        });
        Ok(state)
    }

    async fn handle(
        &self,
        context: &Context<Message>,
        state: &mut State,
        message: Message,
    ) -> Result<(), Fault> {
        match message {
            Message::Look => self.look(context, state),
            Message::Manifest(shard, found) => match found {
                Ok(found) => {
                    let (epoch, owner) = found.map_or((0, None), |(epoch, owner)| (epoch, Some(owner)));
                    state.manifests.entry(shard).or_default().found = Some((epoch, owner));
                }
                Err(error) => context.seat().note(format!("reading the manifest of shard {shard}: {error}")),
            },
            Message::Signed(id, Ok(sign)) => {
                let signed = state.signs.entry(id).or_default();
                signed.read = Some(Instant::now());
                if signed.sign != Some(sign) {
                    signed.changed = signed.read;
                }
                signed.sign = Some(sign);
            }
            Message::Signed(_, Err(error)) => {
                context.seat().note(format!("reading a sign of life: {error}"));
            }
        }
        Ok(())
    }
}

impl Keeper {
    fn look(&self, context: &Context<Message>, state: &mut State) {
        let view = self.net.view().borrow().clone();
        view.members.iter().for_each(|member| self.pins.hear(member.fact(PINS)));
        self.tell_operators(context, state, &view);
        let rows = self.rows(&view, state);
        self.table.set(rows.clone());
        self.tell(state);
        self.watch_beats(context, state, &view, &rows);
        self.look_for_owners(context, state, &view);
        let peers = self.peers(&view, state);
        let scene = Scene {
            me: &view.me,
            peers: &peers,
            replicas: self.replicas,
            lease_ms: self.lease.as_millis() as u64,
        };
        let (mut owned, mut followed, mut leaving) = (0, 0, 0);
        for (shard, (address, seen)) in (0..).zip(self.shards.local.iter()) {
            seen.look();
            let part = seen.standing().part;
            let row = rows.get(shard as usize).cloned().unwrap_or_default();
            let holder = self.holder(state, shard, &view, &row);
            match part {
                Part::Owner => {
                    owned += 1;
                    if let Some((_, later)) = row.owner.as_ref().filter(|(id, _)| *id != view.me) {
                        let _ = address.offer(ToShard::Superseded(*later));
                    }
                    let others = row.replicas.iter().filter(|id| **id != view.me).cloned().collect();
                    seen.set_followers(others);
                }
                Part::Replica => followed += 1,
                Part::None => {}
            }
            let wanted = self.pins.of(shard);
            let order = custody::order_with(&scene, shard, part, &holder, wanted.as_deref());
            let is_repeated = |(last, at): &(Order, Instant)| *last == order && at.elapsed() < REPEAT_AFTER;
            if !matches!(order, Order::Stay | Order::Look) {
                if state.ordered.get(&shard).is_some_and(is_repeated) {
                    leaving += usize::from(matches!(order, Order::HandOver(_)));
                    continue;
                }
                state.ordered.insert(shard, (order.clone(), Instant::now()));
            }
            match order {
                Order::Stay => {}
                Order::Look => self.read_manifest(context, state, shard),
                Order::Claim => {
                    self.bury(&view, &holder);
                    // What stands in the manifest changes with the claim, whoever wins it.
                    let read = state.manifests.remove(&shard).and_then(|looked| looked.found);
                    let of_nobody = read.map_or(0, |(epoch, _)| epoch);
                    let epoch_max = row.owner.as_ref().map_or(of_nobody, |(_, epoch)| *epoch);
                    let _ = address.offer(ToShard::Claim(epoch_max));
                }
                Order::Follow => drop(address.offer(ToShard::Follow)),
                Order::Drop => drop(address.offer(ToShard::Drop)),
                Order::HandOver(to) => {
                    leaving += 1;
                    if leaving <= LEAVING_MAX {
                        let _ = address.offer(ToShard::HandOver(to));
                    }
                }
            }
        }
        let alive = view.members.iter().filter(|member| member.is_alive()).count();
        let refused = self.refused().count();
        let refuses = if refused == 0 { String::new() } else { format!(", refuses {refused}") };
        context.seat().note(format!(
            "{alive} of {} nodes, owns {owned} and follows {followed} of {} shards{refuses}",
            view.members.len(),
            self.shards.count
        ));
    }

    /// Tells operators which nodes come, go, and let their shards go.
    fn tell_operators(&self, context: &Context<Message>, state: &mut State, view: &View) {
        let alive: BTreeMap<String, bool> = view
            .members
            .iter()
            .filter(|member| member.is_alive())
            .map(|member| (member.id.name.clone(), !member.fact(DRAINING).is_empty()))
            .collect();
        if alive == state.alive {
            return;
        }
        let gone = state.alive.keys().filter(|name| !alive.contains_key(*name)).map(|name| (name, "silent"));
        let here = alive.iter().filter(|(name, drains)| state.alive.get(*name) != Some(*drains));
        let here = here.map(|(name, drains)| (name, if *drains { "draining" } else { "alive" }));
        for (name, status) in gone.chain(here) {
            let at_ms = context.tree().clock().now_ms();
            let data = serde_json::json!({ "node": name, "status": status, "seen_by": view.me.name, "at_ms": at_ms });
            context.tree().changed(Change::Told { name: "node".to_owned(), data: data.to_string() });
        }
        state.alive = alive;
    }

    /// Who owns and follows each shard, by what the nodes say.
    fn rows(&self, view: &View, state: &State) -> Vec<Row> {
        let mut rows = vec![Row::default(); self.shards.count as usize];
        for member in &view.members {
            let is_me = member.id == view.me;
            for (shard, epoch) in listed(member.fact(OWNS)).filter(|_| !is_me) {
                let Some(row) = rows.get_mut(shard as usize) else { continue };
                if row.owner.as_ref().is_none_or(|(_, known)| epoch > *known) {
                    row.owner = Some((member.id.clone(), epoch));
                }
            }
            for (shard, _) in listed(member.fact(FOLLOWS)).filter(|_| member.is_alive() && !is_me) {
                if let Some(row) = rows.get_mut(shard as usize) {
                    row.replicas.push(member.id.clone());
                }
            }
        }
        for ((shard, row), (_, seen)) in (0_u32..).zip(rows.iter_mut()).zip(self.shards.local.iter()) {
            let standing = seen.standing();
            let newer = row.owner.as_ref().is_none_or(|(_, known)| standing.epoch > *known);
            match standing.part {
                Part::Owner if newer => row.owner = Some((view.me.clone(), standing.epoch)),
                Part::Replica => row.replicas.push(view.me.clone()),
                _ => {}
            }
            if let Some(to) = standing.handed_to.filter(|_| newer) {
                row.owner = Some((to, standing.epoch));
            }
            if let Some(Looked { found: Some((epoch, Some(owner))), .. }) = state.manifests.get(&shard)
                && row.owner.as_ref().is_none_or(|(_, known)| epoch > known)
            {
                row.owner = Some((owner.clone(), *epoch));
            }
        }
        rows
    }

    /// Says what this node owns and follows, and what waits here.
    fn tell(&self, state: &mut State) {
        let list = |wanted: Part| {
            let mut text = String::new();
            for (shard, (_, seen)) in (0_u32..).zip(self.shards.local.iter()) {
                let standing = seen.standing();
                if standing.part == wanted && seen.index().is_some() {
                    text.push_str(&format!("{shard}:{},", standing.epoch));
                }
            }
            text
        };
        let mut refused = String::new();
        self.refused().for_each(|shard| refused.push_str(&format!("{shard},")));
        let draining = if self.draining.load(Ordering::Relaxed) { "1" } else { "" };
        let mut facts = vec![
            (OWNS.to_owned(), list(Part::Owner)),
            (FOLLOWS.to_owned(), list(Part::Replica)),
            (REFUSES.to_owned(), refused),
            (DRAINING.to_owned(), draining.to_owned()),
            (PINS.to_owned(), self.pins.told()),
        ];
        facts.extend(self.crew.loads());
        facts.extend(self.crew.rules_facts());
        for (key, value) in facts {
            if state.told.get(&key) != Some(&value) {
                self.net.tell(&key, &value);
                state.told.insert(key, value);
            }
        }
    }

    /// The shards that this node cannot hold now.
    fn refused(&self) -> impl Iterator<Item = u32> {
        let local = (0..).zip(self.shards.local.iter());
        local.filter(|(_, (_, seen))| seen.refuses()).map(|(shard, _)| shard)
    }

    fn peers(&self, view: &View, state: &State) -> Vec<Peer> {
        let ms = |since: Instant| since.elapsed().as_millis() as u64;
        let peer = |member: &Member| {
            let takes_shards = member.has_role(role::DOCUMENTS) && member.fact(DRAINING).is_empty();
            let by_gossip = state.beats.get(&member.id).map(|(_, changed)| *changed);
            let signed = state.signs.get(&member.id);
            // Without a look into the store a node counts as beating: gossip alone says nothing of its lease.
            let still = signed.and_then(|signed| Some((signed.changed?, signed.read?, signed.sign?)));
            let beat_still_ms = match still {
                Some((_, _, Sign::Ended)) => Some(u64::MAX),
                Some((changed, read, Sign::Beat(beat))) => {
                    // A beat that came by gossip before the store was asked for it began the lease earlier.
                    let same = state.beats.get(&member.id).is_some_and(|(told, _)| *told == beat.to_string());
                    let since = by_gossip.filter(|_| same).map_or(changed, |told| told.min(changed));
                    Some(read.saturating_duration_since(since).as_millis() as u64)
                }
                None => None,
            };
            let is_me = member.id == view.me;
            // Its own beats tell a node whether it may have been declared dead; a node alone has none.
            let own = by_gossip.filter(|_| is_me && !member.fact(BEAT).is_empty()).map(ms);
            let refuses =
                if is_me { self.refused().collect() } else { numbers(member.fact(REFUSES)).collect() };
            Peer {
                id: member.id.clone(),
                refuses,
                alive: member.is_alive(),
                for_ms: ms(member.since),
                weight: u32::from(takes_shards),
                beat_still_ms: own.or(beat_still_ms),
            }
        };
        let mut peers: Vec<Peer> = view.members.iter().map(peer).collect();
        // Owners that were never heard since this node started: their lease alone tells.
        for (id, signed) in state.signs.iter().filter(|(id, _)| view.member(id).is_none()) {
            let still = signed.changed.zip(signed.read);
            let still = still.map(|(changed, read)| read.saturating_duration_since(changed));
            custody::add_unheard(&mut peers, id, still.map(|still| still.as_millis() as u64));
        }
        peers
    }

    fn holder(&self, state: &State, shard: u32, view: &View, row: &Row) -> Holder {
        let Some((owner, _)) = &row.owner else {
            return match state.manifests.get(&shard).and_then(|looked| looked.found.as_ref()) {
                Some((_, None)) => Holder::Nobody,
                Some(_) | None => Holder::Unknown,
            };
        };
        let has_ended = state.signs.get(owner).is_some_and(|signed| signed.sign == Some(Sign::Ended));
        // A later generation has the name now: the earlier one's data directory is locked by it.
        let is_replaced =
            view.named(&owner.name).is_some_and(|member| member.id.generation > owner.generation);
        if has_ended || is_replaced { Holder::Ended } else { Holder::Node(owner.clone()) }
    }

    /// Watches the signs of life of owners that are not heard.
    fn watch_beats(&self, context: &Context<Message>, state: &mut State, view: &View, rows: &[Row]) {
        for member in &view.members {
            let beat = member.fact(BEAT);
            let known =
                state.beats.entry(member.id.clone()).or_insert_with(|| (String::new(), Instant::now()));
            if known.0 != beat {
                *known = (beat.to_owned(), Instant::now());
            }
            if member.is_alive() {
                state.signs.remove(&member.id);
            }
        }
        state.beats.retain(|id, _| view.member(id).is_some());
        let silent = |id: &NodeId| *id != view.me && view.member(id).is_none_or(|member| !member.is_alive());
        let mut owners: Vec<&NodeId> = rows
            .iter()
            .filter_map(|row| row.owner.as_ref())
            .map(|(id, _)| id)
            .filter(|id| silent(id))
            .collect();
        owners.sort_unstable();
        owners.dedup();
        state.signs.retain(|id, _| owners.contains(&id));
        for id in owners {
            let signed = state.signs.entry(id.clone()).or_default();
            if signed.asked.is_some_and(|asked| asked.elapsed() < READ_AGAIN) {
                continue;
            }
            signed.asked = Some(Instant::now());
            let (store, address, id) = (self.store.clone(), context.address().clone(), id.clone());
            tokio::spawn(async move {
                let sign = lease::sign_of(&*store, &id).await.map_err(|error| error.to_string());
                let _ = address.offer(Message::Signed(id, sign));
            });
        }
    }

    /// What was read of a manifest is old as soon as nobody says any more that he owns the shard.
    fn look_for_owners(&self, context: &Context<Message>, state: &mut State, view: &View) {
        let living = view.members.iter().filter(|member| member.is_alive() && member.id != view.me);
        let told: BTreeSet<u32> =
            living.flat_map(|member| listed(member.fact(OWNS))).map(|(shard, _)| shard).collect();
        for (shard, (_, seen)) in (0_u32..).zip(self.shards.local.iter()) {
            if seen.standing().part != Part::Owner && !told.contains(&shard) {
                self.read_manifest(context, state, shard);
            }
        }
    }

    fn read_manifest(&self, context: &Context<Message>, state: &mut State, shard: u32) {
        let looked = state.manifests.entry(shard).or_default();
        if looked.asked.is_some_and(|asked| asked.elapsed() < READ_AGAIN) {
            return;
        }
        looked.asked = Some(Instant::now());
        let (store, address) = (self.store.clone(), context.address().clone());
        tokio::spawn(async move {
            let read = log::read_manifest(&*store, shard).await.map_err(|error| error.to_string());
            let found = read.map(|manifest| {
                let manifest = manifest?.value;
                let owner = manifest.owner?;
                Some((manifest.epoch, NodeId { name: owner.node, generation: owner.generation }))
            });
            let _ = address.offer(Message::Manifest(shard, found));
        });
    }

    /// Declares the owner dead from which a shard is taken, so that it owns nothing again.
    fn bury(&self, view: &View, holder: &Holder) {
        let Holder::Node(id) = holder else { return };
        if id.name == view.me.name && id.generation == view.me.generation {
            return;
        }
        let (store, id) = (self.store.clone(), id.clone());
        tokio::spawn(async move {
            if let Err(error) = lease::declare_ended(&*store, &id).await {
                tracing::warn!(%error, node = %id, "the node was not declared dead");
            }
        });
    }
}

/// The shards and epochs of a fact.
pub(crate) fn listed(fact: &str) -> impl Iterator<Item = (u32, u64)> {
    fact.split(',').filter_map(|item| {
        let (shard, epoch) = item.split_once(':')?;
        Some((shard.parse().ok()?, epoch.parse().ok()?))
    })
}

/// The shards of a fact without epochs.
fn numbers(fact: &str) -> impl Iterator<Item = u32> {
    fact.split(',').filter_map(|item| item.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_node_says_of_its_shards_is_read_and_what_is_malformed_is_passed_over() {
        let read: Vec<_> = listed("0:5,17:3,x:1,4,").collect();
        assert_eq!(read, [(0, 5), (17, 3)]);
        assert_eq!(listed("").count(), 0);
        assert_eq!(numbers("3,x,7:2,12,").collect::<Vec<_>>(), [3, 12]);
    }
}
