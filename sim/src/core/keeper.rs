//! The keeper of a simulated node: as the product's, it looks at the cluster and tells each shard what to be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use enabler_cluster::decide::custody::{self, Holder, Order, Part, Peer};
use enabler_cluster::lease::{self, Sign};
use enabler_cluster::net::NodeId;
use enabler_storage::log;

use super::LEASE;
use super::node::{Node, Row};
use super::shard::Message;

const LOOK_EVERY: Duration = Duration::from_millis(250);
const READ_AGAIN_MS: u64 = 500;
const REPEAT_AFTER_MS: u64 = 1_000;

#[derive(Default)]
struct Signed {
    sign: Option<Sign>,
    changed_ms: u64,
    /// When it was read last: a beat that nobody has read stands still for nobody.
    read_ms: u64,
    asked_ms: Option<u64>,
}

#[derive(Default)]
struct Looked {
    found: Option<(u64, Option<NodeId>)>,
    asked_ms: Option<u64>,
}

#[derive(Default)]
struct State {
    manifests: BTreeMap<u32, Looked>,
    signs: BTreeMap<NodeId, Signed>,
    beats: BTreeMap<NodeId, (u64, u64)>,
    ordered: BTreeMap<u32, (Order, u64)>,
}

type Shared = Arc<Mutex<State>>;

fn locked(state: &Shared) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks until the node ends.
pub(super) async fn run(node: Arc<Node>) {
    let (state, began_ms) = (Shared::default(), node.engine().now_ms());
    loop {
        node.look();
        look(&node, &state, began_ms);
        node.engine().sleep(LOOK_EVERY).await;
    }
}

fn look(node: &Arc<Node>, state: &Shared, began_ms: u64) {
    let rows = rows(node, state);
    *node.table.lock().unwrap_or_else(PoisonError::into_inner) = rows.clone();
    watch_beats(node, state, &rows);
    look_for_owners(node, state);
    let peers = peers(node, state, began_ms);
    let scene = custody::Scene {
        me: &node.id,
        peers: &peers,
        replicas: node.world.scene.replicas,
        lease_ms: LEASE.as_millis() as u64,
    };
    let now_ms = node.engine().now_ms();
    for (number, cell) in (0_u32..).zip(&node.shards) {
        let view = cell.view();
        let row = rows.get(number as usize).cloned().unwrap_or_default();
        let holder = holder(node, state, number, &row);
        if view.part == Part::Owner {
            if let Some((_, later)) = row.owner.as_ref().filter(|(id, _)| *id != node.id) {
                let _ = cell.mailbox.offer(Message::Superseded(*later));
            }
            cell.set_followers(row.replicas.iter().filter(|id| **id != node.id).cloned().collect());
        }
        let order = custody::order(&scene, number, view.part, &holder);
        if !matches!(order, Order::Stay | Order::Look) {
            let mut state = locked(state);
            let repeated = state.ordered.get(&number);
            if repeated.is_some_and(|(last, at)| *last == order && now_ms - at < REPEAT_AFTER_MS) {
                continue;
            }
            state.ordered.insert(number, (order.clone(), now_ms));
        }
        match order {
            Order::Stay => {}
            Order::Look => read_manifest(node, state, number),
            Order::Claim => {
                // Whoever has slept knows nothing of the others yet.
                let from =
                    row.owner.as_ref().filter(|(id, _)| id.name != node.id.name && !node.has_slept(number));
                if let Some((from, _)) = from {
                    let heard = node.others().values().any(|heard| heard.alive && heard.said.id == *from);
                    let seen = peers.iter().filter(|peer| peer.alive).count() * 2 > peers.len();
                    node.world.judge.claims(&node.id.name, number, from, heard, seen);
                }
                bury(node, &holder);
                let read = locked(state).manifests.remove(&number).and_then(|looked| looked.found);
                let of_nobody = read.map_or(0, |(epoch, _)| epoch);
                let epoch_max = row.owner.as_ref().map_or(of_nobody, |(_, epoch)| *epoch);
                let _ = cell.mailbox.offer(Message::Claim(epoch_max));
            }
            Order::Follow => drop(cell.mailbox.offer(Message::Follow)),
            Order::Drop => drop(cell.mailbox.offer(Message::Drop)),
            Order::HandOver(to) => drop(cell.mailbox.offer(Message::HandOver(to))),
        }
    }
}

fn rows(node: &Node, state: &Shared) -> Vec<Row> {
    let mut rows = vec![Row::default(); node.shards.len()];
    for heard in node.others().values() {
        for (shard, epoch) in &heard.said.owns {
            if let Some(row) = rows.get_mut(*shard as usize)
                && row.owner.as_ref().is_none_or(|(_, known)| epoch > known)
            {
                row.owner = Some((heard.said.id.clone(), *epoch));
            }
        }
        for shard in heard.said.follows.iter().filter(|_| heard.alive) {
            if let Some(row) = rows.get_mut(*shard as usize) {
                row.replicas.push(heard.said.id.clone());
            }
        }
    }
    let state = locked(state);
    for ((number, row), cell) in (0_u32..).zip(rows.iter_mut()).zip(&node.shards) {
        let view = cell.view();
        let newer = row.owner.as_ref().is_none_or(|(_, known)| view.epoch > *known);
        match view.part {
            Part::Owner if newer => row.owner = Some((node.id.clone(), view.epoch)),
            Part::Replica => {
                if let Some(to) = view.handed_to.filter(|_| newer) {
                    row.owner = Some((to, view.epoch));
                }
                row.replicas.push(node.id.clone());
            }
            _ => {}
        }
        if let Some(Looked { found: Some((epoch, Some(owner))), .. }) = state.manifests.get(&number)
            && row.owner.as_ref().is_none_or(|(_, known)| epoch > known)
        {
            row.owner = Some((owner.clone(), *epoch));
        }
    }
    rows
}

fn peers(node: &Node, state: &Shared, began_ms: u64) -> Vec<Peer> {
    let (now_ms, state) = (node.engine().now_ms(), locked(state));
    let drains = node.drains.load(std::sync::atomic::Ordering::Relaxed);
    let beat_ms = node.beat_ms.load(std::sync::atomic::Ordering::Relaxed);
    let mut peers = vec![Peer {
        id: node.id.clone(),
        alive: true,
        for_ms: now_ms - began_ms,
        weight: u32::from(!drains),
        beat_still_ms: Some(now_ms - beat_ms.max(began_ms)),
        refuses: BTreeSet::new(),
    }];
    let others = node.others();
    for heard in others.values() {
        let id = &heard.said.id;
        let beat_still_ms = state.signs.get(id).and_then(|signed| match signed.sign? {
            Sign::Ended => Some(u64::MAX),
            Sign::Beat(beat) => {
                let told = state.beats.get(id).filter(|(told, _)| *told == beat).map(|(_, at)| *at);
                let changed_ms = told.map_or(signed.changed_ms, |told| told.min(signed.changed_ms));
                Some(signed.read_ms.saturating_sub(changed_ms))
            }
        });
        peers.push(Peer {
            id: id.clone(),
            alive: heard.alive,
            for_ms: now_ms - heard.since_ms,
            weight: u32::from(!heard.said.drains),
            beat_still_ms,
            refuses: BTreeSet::new(),
        });
    }
    for (id, signed) in &state.signs {
        if others.get(&Node::number_of(id)).is_none_or(|heard| heard.said.id != *id) {
            let still_ms = signed.sign.map(|_| signed.read_ms.saturating_sub(signed.changed_ms));
            custody::add_unheard(&mut peers, id, still_ms);
        }
    }
    peers
}

fn holder(node: &Node, state: &Shared, shard: u32, row: &Row) -> Holder {
    let state = locked(state);
    let Some((owner, _)) = &row.owner else {
        return match state.manifests.get(&shard).and_then(|looked| looked.found.as_ref()) {
            Some((_, None)) => Holder::Nobody,
            Some(_) | None => Holder::Unknown,
        };
    };
    let has_ended = state.signs.get(owner).is_some_and(|signed| signed.sign == Some(Sign::Ended));
    let present = if owner.name == node.id.name {
        Some(node.id.generation)
    } else {
        node.others().get(&Node::number_of(owner)).map(|heard| heard.said.id.generation)
    };
    let is_replaced = present.is_some_and(|generation| generation > owner.generation);
    if has_ended || is_replaced { Holder::Ended } else { Holder::Node(owner.clone()) }
}

fn watch_beats(node: &Arc<Node>, state: &Shared, rows: &[Row]) {
    let now_ms = node.engine().now_ms();
    let others = node.others().clone();
    let mut held = locked(state);
    for heard in others.values() {
        let (id, beat) = (&heard.said.id, heard.said.beat);
        let known = held.beats.entry(id.clone()).or_insert((0, now_ms));
        if known.0 != beat {
            *known = (beat, now_ms);
        }
        if heard.alive {
            held.signs.remove(id);
        }
    }
    let is_alive = |id: &NodeId| {
        let heard = others.get(&Node::number_of(id));
        heard.is_some_and(|heard| heard.said.id == *id && heard.alive)
    };
    let owners = rows.iter().filter_map(|row| row.owner.as_ref()).map(|(id, _)| id);
    let mut owners: Vec<NodeId> = owners.filter(|id| **id != node.id && !is_alive(id)).cloned().collect();
    owners.sort_unstable();
    owners.dedup();
    held.signs.retain(|id, _| owners.contains(id));
    for id in owners {
        let signed = held.signs.entry(id.clone()).or_default();
        if signed.asked_ms.is_some_and(|asked| now_ms - asked < READ_AGAIN_MS) {
            continue;
        }
        signed.asked_ms = Some(now_ms);
        let (there, state) = (node.clone(), state.clone());
        node.spawn(async move {
            if let Ok(sign) = lease::sign_of(&*there.means.store, &id).await {
                let mut state = locked(&state);
                let signed = state.signs.entry(id).or_default();
                if signed.sign != Some(sign) {
                    signed.changed_ms = there.engine().now_ms();
                }
                signed.read_ms = there.engine().now_ms();
                signed.sign = Some(sign);
            }
        });
    }
}

/// What was read of a manifest is old as soon as nobody says any more that he owns the shard.
fn look_for_owners(node: &Arc<Node>, state: &Shared) {
    let others = node.others().clone();
    let told = |shard: u32| {
        let mut owns = others.values().filter(|heard| heard.alive).flat_map(|heard| &heard.said.owns);
        owns.any(|(owned, _)| *owned == shard)
    };
    for (number, cell) in (0_u32..).zip(&node.shards) {
        if cell.view().part != Part::Owner && !told(number) {
            read_manifest(node, state, number);
        }
    }
}

fn read_manifest(node: &Arc<Node>, state: &Shared, shard: u32) {
    let now_ms = node.engine().now_ms();
    let mut held = locked(state);
    let looked = held.manifests.entry(shard).or_default();
    if looked.asked_ms.is_some_and(|asked| now_ms - asked < READ_AGAIN_MS) {
        return;
    }
    looked.asked_ms = Some(now_ms);
    let (there, state) = (node.clone(), state.clone());
    node.spawn(async move {
        let Ok(read) = log::read_manifest(&*there.means.store, shard).await else { return };
        let found = read.and_then(|manifest| {
            let manifest = manifest.value;
            let owner = manifest.owner?;
            Some((manifest.epoch, NodeId { name: owner.node, generation: owner.generation }))
        });
        let (epoch, owner) = found.map_or((0, None), |(epoch, owner)| (epoch, Some(owner)));
        locked(&state).manifests.entry(shard).or_default().found = Some((epoch, owner));
    });
}

/// Declares the owner dead from which a shard is taken.
fn bury(node: &Arc<Node>, holder: &Holder) {
    let Holder::Node(id) = holder else { return };
    if *id == node.id {
        return;
    }
    let (there, id) = (node.clone(), id.clone());
    node.spawn(async move {
        let _ = lease::declare_ended(&*there.means.store, &id).await;
    });
}
