//! What a node does about a shard, held to rules that are stated one by one and not as the order of a decision.

use std::collections::BTreeSet;

use enabler_cluster::decide::custody::{self, Holder, NodeId, Order, Part, Peer, SETTLE_MS, SURE_MS, Scene};
use enabler_cluster::decide::placement::{self, Candidate};

use super::{Broken, Dice};
use crate::core::judge::{CUT_OFF, DEAD, OWNED, SETTLED};

const LEASE_MS: u64 = 3_000;

/// Tries views in which times stand right at their bounds.
pub(super) fn check(dice: &mut Dice) -> Result<(), Broken> {
    (0..40).try_for_each(|_| view(dice))
}

fn id(number: u64, generation: u128) -> NodeId {
    NodeId { name: format!("n{number}"), generation }
}

/// A time at, beside, or far from a bound.
fn around(dice: &mut Dice, bound: u64) -> u64 {
    match dice.below(6) {
        0 => bound - 1,
        1 => bound,
        2 => bound + 1,
        3 => 0,
        _ => dice.below(3 * bound),
    }
}

fn peer(dice: &mut Dice, number: u64) -> Peer {
    let (shards, bound) = (8, if dice.one_in(2) { SURE_MS } else { SETTLE_MS });
    Peer {
        id: id(number, 5),
        alive: dice.below(3) > 0,
        for_ms: around(dice, bound),
        weight: dice.below(3) as u32,
        beat_still_ms: (!dice.one_in(4)).then(|| around(dice, LEASE_MS)),
        refuses: (0..shards).filter(|_| dice.one_in(8)).map(|shard| shard as u32).collect::<BTreeSet<_>>(),
    }
}

/// A view, and what follows from it in words.
struct View<'a> {
    peers: &'a [Peer],
    me: &'a Peer,
    replicas: usize,
    shard: u32,
    part: Part,
    holder: &'a Holder,
    /// Who may hold the shard, best first.
    ranked: Vec<&'a Peer>,
}

fn view(dice: &mut Dice) -> Result<(), Broken> {
    let count = 1 + dice.below(6);
    let mut peers: Vec<Peer> = (0..count).map(|number| peer(dice, number)).collect();
    if let Some(me) = peers.first_mut() {
        me.alive = true;
    }
    let Some(me) = peers.first() else { return Ok(()) };
    let holders = [
        Holder::Unknown,
        Holder::Nobody,
        Holder::Ended,
        Holder::Node(me.id.clone()),
        Holder::Node(id(0, 4)),
        Holder::Node(id(dice.below(count + 1), 5)),
        Holder::Node(id(dice.below(count + 1), 5)),
    ];
    let replicas = dice.below(4) as usize;
    for shard in 0..8 {
        let fits = |peer: &&Peer| peer.alive && peer.weight > 0 && !peer.refuses.contains(&shard);
        let fitting: Vec<&Peer> = peers.iter().filter(fits).collect();
        let named: Vec<Candidate<'_>> =
            fitting.iter().map(|peer| Candidate { name: &peer.id.name, weight: peer.weight }).collect();
        let ranked: Vec<&Peer> =
            placement::rank(shard, &named).into_iter().filter_map(|at| fitting.get(at).copied()).collect();
        for holder in &holders {
            for part in [Part::None, Part::Replica, Part::Owner] {
                let ranked = ranked.clone();
                View { peers: &peers, me, replicas, shard, part, holder, ranked }.hold()?;
            }
        }
    }
    Ok(())
}

impl View<'_> {
    fn hold(&self) -> Result<(), Broken> {
        let scene = Scene { me: &self.me.id, peers: self.peers, replicas: self.replicas, lease_ms: LEASE_MS };
        let order = custody::order(&scene, self.shard, self.part, self.holder);
        let found = match self.part {
            Part::Owner => self.owner(&order),
            Part::None | Part::Replica => self.claims(&order).and_then(|()| self.follows(&order)),
        };
        found.map_err(|(promise, why)| {
            (promise, format!("{why}: {order:?} as {:?} of {:?}", self.part, self.holder))
        })
    }

    fn place(&self) -> Option<usize> {
        self.ranked.iter().position(|peer| peer.id == self.me.id)
    }

    /// An owner stays until the first of the ranking has settled, or at once leaves what it may not hold.
    fn owner(&self, order: &Order) -> Result<(), Broken> {
        let first = self.ranked.first().filter(|first| first.id != self.me.id);
        let is_time = |first: &&&Peer| first.for_ms >= SETTLE_MS || self.place().is_none();
        let expected = first.filter(is_time).map_or(Order::Stay, |first| Order::HandOver(first.id.clone()));
        if *order == expected { Ok(()) } else { Err((SETTLED, format!("an owner should {expected:?}"))) }
    }

    /// Why this node may not claim, if it may not.
    fn objection(&self) -> Option<Broken> {
        let not = |promise, why: &str| Some((promise, format!("a shard is claimed {why}")));
        if self.me.for_ms < SETTLE_MS {
            return not(CUT_OFF, "by a node that has just come");
        }
        if self.me.beat_still_ms.is_some_and(|still| still >= LEASE_MS) {
            return not(DEAD, "by a node that may have been declared dead");
        }
        if self.place().is_none() {
            return not(SETTLED, "by a node that may not hold it");
        }
        let Holder::Node(holder) = self.holder else {
            let is_unknown = *self.holder == Holder::Unknown;
            return match self.place() {
                _ if is_unknown => not(CUT_OFF, "though nobody knows who has it"),
                Some(0) => None,
                _ => not(SETTLED, "by a node that is not the first"),
            };
        };
        if *holder == self.me.id {
            return None;
        }
        if self.place() != Some(0) {
            return not(SETTLED, "by a node that is not the first");
        }
        if holder.name == self.me.id.name {
            return None;
        }
        let Some(owner) = self.peers.iter().find(|peer| peer.id == *holder) else {
            return not(CUT_OFF, "from a node that was never heard of");
        };
        let alive = self.peers.iter().filter(|peer| peer.alive).count();
        let has_stopped = owner.beat_still_ms.is_some_and(|still| still >= LEASE_MS);
        match owner.alive {
            true => not(CUT_OFF, "from a node that lives"),
            false if has_stopped => None,
            false if 2 * alive > self.peers.len() && owner.for_ms < SURE_MS => {
                not(CUT_OFF, "from a node that may have been lost only as the first of all")
            }
            false if 2 * alive > self.peers.len() => None,
            false => not(CUT_OFF, "from a node that beats, by one that sees less than most"),
        }
    }

    /// A shard is claimed if nothing speaks against it, and only then.
    fn claims(&self, order: &Order) -> Result<(), Broken> {
        match (self.objection(), *order == Order::Claim) {
            (Some(broken), true) => Err(broken),
            (None, false) => Err((OWNED, "a shard that could be claimed is not".to_owned())),
            _ => Ok(()),
        }
    }

    /// The first of the ranking, and as many behind as are wanted, have the shard; others let it go to a living owner.
    fn follows(&self, order: &Order) -> Result<(), Broken> {
        let owner_lives = match self.holder {
            Holder::Node(id) => self.peers.iter().any(|peer| peer.id == *id && peer.alive),
            _ => false,
        };
        let is_wanted = self.place().is_some_and(|place| place <= self.replicas);
        if *order == Order::Drop && (is_wanted || !owner_lives || self.part == Part::None) {
            return Err((OWNED, "a shard is let go that is wanted or that nobody serves".to_owned()));
        }
        if matches!(order, Order::HandOver(_)) {
            return Err((SETTLED, "a shard is handed over by a node that does not own it".to_owned()));
        }
        if *order == Order::Follow && self.part == Part::Replica {
            return Err((SETTLED, "a replica is told to become one".to_owned()));
        }
        let is_known = *self.holder != Holder::Unknown;
        let is_idle = matches!(order, Order::Stay | Order::Drop);
        let may_be_dead = self.me.beat_still_ms.is_some_and(|still| still >= LEASE_MS);
        if self.part == Part::None && is_wanted && is_idle && !may_be_dead {
            return Err((SETTLED, "a replica too few".to_owned()));
        }
        if self.part == Part::None && !is_wanted && *order == Order::Follow {
            return Err((SETTLED, "a replica too many".to_owned()));
        }
        let is_left_over = self.part == Part::Replica && !is_wanted && is_known && owner_lives;
        let is_own = *self.holder == Holder::Node(self.me.id.clone());
        if is_left_over && !is_own && !may_be_dead && *order != Order::Drop {
            return Err((SETTLED, "a replica too many".to_owned()));
        }
        Ok(())
    }
}
