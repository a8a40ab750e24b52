//! Decides what a node does about one shard: own it, follow it, hand it over, or let it go.
//!
//! Nothing here is needed for safety: two nodes that both decide to claim are told apart by the epoch and the fence.
//! It is about not claiming from an owner that lives, and not waiting for one that does not.

use std::collections::BTreeSet;
use std::fmt;

use enabler_storage::plant;

use super::placement::{self, Candidate};

/// How long a node must have been there before shards move to it: a node that comes and goes would move them twice.
pub const SETTLE_MS: u64 = 1_500;
/// How long an owner must have been silent before those who see most replace it: a node that is cut off loses its links
/// one after the other, within a round of gossip, and until the last ones are gone it is who sees most.
pub const SURE_MS: u64 = 500;

/// One start of one node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// The node's name, unique in its cluster: `[a-z0-9][a-z0-9-]{0,62}`.
    pub name: String,
    /// The start; a later one is greater.
    pub generation: u128,
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A node as far as custody looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Which one.
    pub id: NodeId,
    /// Whether it can be reached, directly or through others.
    pub alive: bool,
    /// For how long `alive` has been what it is, in milliseconds.
    pub for_ms: u64,
    /// Its share of the shards; 0 without the role or while it drains.
    pub weight: u32,
    /// For how long the beat that it writes into the store has not changed, in milliseconds.
    pub beat_still_ms: Option<u64>,
    /// Shards that it says it cannot hold now: a damaged disk, a full one.
    pub refuses: BTreeSet<u32>,
}

impl Peer {
    /// An owner by the manifest that was never heard: its lease alone tells of it.
    fn unheard(id: NodeId, beat_still_ms: Option<u64>) -> Self {
        Peer { id, alive: false, for_ms: 0, weight: 0, beat_still_ms, refuses: BTreeSet::new() }
    }
}

/// Adds to `peers` the owner `id` that was never heard, whose beat has stood still for `beat_still_ms`.
///
/// An earlier start of the same node, if that is silent, gives it its place: it is over, and each node counts once.
pub fn add_unheard(peers: &mut Vec<Peer>, id: &NodeId, beat_still_ms: Option<u64>) {
    match peers.iter_mut().find(|peer| peer.id.name == id.name) {
        None => peers.push(Peer::unheard(id.clone(), beat_still_ms)),
        Some(known) if known.alive || known.id.generation >= id.generation => {}
        Some(known) => *known = Peer::unheard(id.clone(), beat_still_ms),
    }
}

/// The cluster at one moment.
#[derive(Debug, Clone)]
pub struct Scene<'a> {
    /// This node.
    pub me: &'a NodeId,
    /// Every node, this one included.
    pub peers: &'a [Peer],
    /// Nodes that follow each shard beside its owner.
    pub replicas: usize,
    /// How long an owner that is not heard keeps its shards, in milliseconds.
    pub lease_ms: u64,
}

/// What this node does for a shard at present.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Part {
    /// Nothing.
    #[default]
    None,
    /// Follows its log.
    Replica,
    /// Writes it.
    Owner,
}

/// Who holds a shard, as far as this node knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// It was not looked up yet.
    Unknown,
    /// Nobody.
    Nobody,
    /// This generation of this node.
    Node(NodeId),
    /// A generation that has ended for certain.
    Ended,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Nothing to change.
    Stay,
    /// Look who holds the shard.
    Look,
    /// Take the shard.
    Claim,
    /// Follow its log.
    Follow,
    /// Bring it to this node.
    HandOver(NodeId),
    /// Let it go.
    Drop,
}

/// What this node does next about `shard`, of which it is `part`.
#[must_use]
pub fn order(scene: &Scene<'_>, shard: u32, part: Part, holder: &Holder) -> Order {
    order_with(scene, shard, part, holder, None)
}

/// As [`order`], where an operator wants the shard on the node called `wanted` as long as that can hold it.
#[must_use]
pub fn order_with(scene: &Scene<'_>, shard: u32, part: Part, holder: &Holder, wanted: Option<&str>) -> Order {
    // Whoever refuses the shard is passed over: it tries again by itself, and says so when it can hold it.
    let is_eligible = |peer: &&Peer| peer.alive && peer.weight > 0 && !peer.refuses.contains(&shard);
    let eligible: Vec<&Peer> = scene.peers.iter().filter(is_eligible).collect();
    let candidates: Vec<_> =
        eligible.iter().map(|peer| Candidate { name: &peer.id.name, weight: peer.weight }).collect();
    let ranked = placement::rank(shard, &candidates);
    let mut ranked: Vec<&Peer> =
        ranked.into_iter().filter_map(|number| eligible.get(number).copied()).collect();
    if let Some(at) = ranked.iter().position(|peer| Some(&*peer.id.name) == wanted) {
        ranked.get_mut(..=at).unwrap_or_default().rotate_right(1);
    }
    let place = ranked.iter().position(|peer| peer.id == *scene.me);
    if part == Part::Owner {
        return match ranked.first() {
            Some(first)
                if first.id != *scene.me
                    && !plant::here("keeps-what-belongs-elsewhere")
                    && (place.is_none() || first.for_ms >= SETTLE_MS) =>
            {
                Order::HandOver(first.id.clone())
            }
            _ => Order::Stay,
        };
    }
    let follow = if part == Part::Replica { Order::Stay } else { Order::Follow };
    let me = peer(scene, scene.me);
    let has_settled = me.is_some_and(|me| me.for_ms >= SETTLE_MS);
    // A node that has not beaten for a lease may have been declared dead: its next beat tells, and it claims nothing before.
    let may_be_dead = me.and_then(|me| me.beat_still_ms).is_some_and(|still| still >= scene.lease_ms);
    if may_be_dead {
        return if part == Part::None { Order::Stay } else { follow };
    }
    match place {
        // A node that has just come has not heard yet who else is there.
        Some(0) if !has_settled => follow,
        Some(place) if place <= scene.replicas && part == Part::None && *holder == Holder::Unknown => {
            if place == 0 { Order::Look } else { Order::Follow }
        }
        Some(_) if *holder == Holder::Unknown => Order::Look,
        // This node by the manifest, and it let the shard go: nobody else takes it from one that lives.
        Some(_) if has_settled && *holder == Holder::Node(scene.me.clone()) => Order::Claim,
        Some(0) if may_claim(scene, holder) => Order::Claim,
        Some(place) if place <= scene.replicas && !plant::here("one-replica-too-few") => follow,
        Some(place) if place < scene.replicas => follow,
        // Whoever has the shard keeps it readable until a living owner serves it.
        _ if part == Part::Replica && !has_living_owner(scene, holder) => Order::Stay,
        _ if part == Part::Replica => Order::Drop,
        _ => Order::Stay,
    }
}

fn peer<'a>(scene: &'a Scene<'_>, id: &NodeId) -> Option<&'a Peer> {
    scene.peers.iter().find(|peer| peer.id == *id)
}

fn has_living_owner(scene: &Scene<'_>, holder: &Holder) -> bool {
    match holder {
        Holder::Node(id) => peer(scene, id).is_some_and(|peer| peer.alive),
        Holder::Unknown | Holder::Nobody | Holder::Ended => false,
    }
}

/// Whether the shard may be taken from `holder`.
fn may_claim(scene: &Scene<'_>, holder: &Holder) -> bool {
    let id = match holder {
        Holder::Unknown => return false,
        Holder::Nobody | Holder::Ended => return true,
        Holder::Node(id) => id,
    };
    // An earlier generation of this node: its data directory is locked by this one, so that it is gone.
    if id.name == scene.me.name {
        return true;
    }
    let Some(peer) = peer(scene, id) else { return false };
    if peer.alive {
        return plant::here("living-owner-is-robbed");
    }
    let is_still = peer.beat_still_ms.is_some_and(|still| still >= scene.lease_ms);
    let is_surely_silent = peer.for_ms >= SURE_MS || plant::here("first-silence-is-believed");
    is_still || (is_surely_silent && sees_most(scene)) || plant::here("cut-off-node-claims")
}

/// Whether this node sees more than half of the cluster: then it is the owner that was cut off, and not this node.
fn sees_most(scene: &Scene<'_>) -> bool {
    scene.peers.iter().filter(|peer| peer.alive).count() * 2 > scene.peers.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEASE_MS: u64 = 3_000;

    fn id(name: &str) -> NodeId {
        NodeId { name: name.to_owned(), generation: 1 }
    }

    fn peer_of(name: &str, alive: bool) -> Peer {
        Peer {
            id: id(name),
            alive,
            for_ms: 60_000,
            weight: 1,
            beat_still_ms: Some(0),
            refuses: BTreeSet::new(),
        }
    }

    fn scene<'a>(me: &'a NodeId, peers: &'a [Peer]) -> Scene<'a> {
        Scene { me, peers, replicas: 1, lease_ms: LEASE_MS }
    }

    /// A shard that `name` comes first for among `peers`.
    fn shard_of(name: &str, peers: &[Peer]) -> u32 {
        (0..).find(|shard| first(*shard, peers) == name).unwrap()
    }

    /// The node that comes first for `shard`.
    fn first(shard: u32, peers: &[Peer]) -> &str {
        let candidates: Vec<_> =
            peers.iter().map(|peer| Candidate { name: &peer.id.name, weight: 1 }).collect();
        &peers[placement::rank(shard, &candidates)[0]].id.name
    }

    #[test]
    fn a_shard_goes_where_an_operator_wants_it_and_back_when_he_no_longer_does() {
        let peers = [peer_of("a", true), peer_of("b", true), peer_of("c", true)];
        let (a, b, shard) = (id("a"), id("b"), shard_of("a", &peers));
        let held = |by: &NodeId| Holder::Node(by.clone());
        let wanted = order_with(&scene(&a, &peers), shard, Part::Owner, &held(&a), Some("b"));
        assert_eq!(wanted, Order::HandOver(b.clone()));
        assert_eq!(order_with(&scene(&b, &peers), shard, Part::Owner, &held(&b), Some("b")), Order::Stay);
        assert_eq!(order(&scene(&b, &peers), shard, Part::Owner, &held(&b)), Order::HandOver(a.clone()));
        // A node that is gone, or cannot hold it, is wanted in vain.
        let gone = [peer_of("a", true), peer_of("b", false), peer_of("c", true)];
        assert_eq!(order_with(&scene(&a, &gone), shard, Part::Owner, &held(&a), Some("b")), Order::Stay);
    }

    #[test]
    fn an_owner_that_began_anew_unheard_and_died_is_replaced_when_its_lease_has_run_out() {
        let me = id("a");
        let anew = NodeId { name: "b".to_owned(), generation: 2 };
        let silent = [peer_of("a", true), peer_of("b", false), peer_of("c", true)];
        let shard = shard_of("a", &[peer_of("a", true), peer_of("c", true)]);
        let told = |peers: &[Peer], still_ms| {
            let mut peers = peers.to_vec();
            add_unheard(&mut peers, &anew, Some(still_ms));
            assert_eq!(peers.len(), 3, "each node counts once");
            order(&scene(&me, &peers), shard, Part::Replica, &Holder::Node(anew.clone()))
        };
        assert_eq!(told(&silent, LEASE_MS), Order::Claim);
        assert_ne!(told(&silent, LEASE_MS - 1), Order::Claim, "it may live, and was never heard");
        let alive = [peer_of("a", true), peer_of("b", true), peer_of("c", true)];
        assert_ne!(told(&alive, LEASE_MS), Order::Claim, "its new start will be heard in a moment");
    }

    #[test]
    fn a_living_owner_is_not_robbed_and_a_silent_one_is_replaced_by_those_who_see_most() {
        let me = id("a");
        let alive = [peer_of("a", true), peer_of("b", true), peer_of("c", true)];
        let shard = shard_of("a", &alive);
        let held = Holder::Node(id("b"));
        assert_eq!(order(&scene(&me, &alive), shard, Part::Replica, &held), Order::Stay);
        let silent = [peer_of("a", true), peer_of("b", false), peer_of("c", true)];
        assert_eq!(order(&scene(&me, &silent), shard, Part::Replica, &held), Order::Claim);
    }

    #[test]
    fn a_node_that_is_cut_off_from_one_after_the_other_robs_none_of_them() {
        let me = id("a");
        let lost_just_now = |name: &str| Peer { for_ms: SURE_MS - 1, ..peer_of(name, false) };
        let mut peers = ["a", "b", "c", "d", "e"].map(|name| peer_of(name, true));
        let shard = shard_of("a", &peers);
        let held = Holder::Node(id("b"));
        for (number, name) in [(1, "b"), (2, "c"), (3, "d"), (4, "e")] {
            peers[number] = lost_just_now(name);
            assert_eq!(order(&scene(&me, &peers), shard, Part::Replica, &held), Order::Stay);
        }
        peers.iter_mut().filter(|peer| !peer.alive).for_each(|peer| peer.for_ms = SURE_MS);
        assert_eq!(order(&scene(&me, &peers), shard, Part::Replica, &held), Order::Stay);
        // The others are still there: it is the owner that was cut off.
        peers[2].alive = true;
        peers[3].alive = true;
        assert_eq!(order(&scene(&me, &peers), shard, Part::Replica, &held), Order::Claim);
    }

    #[test]
    fn a_node_that_is_cut_off_reassigns_nothing_while_the_others_beat() {
        let me = id("a");
        let cut = [peer_of("a", true), peer_of("b", false), peer_of("c", false)];
        let held = Holder::Node(id("b"));
        for shard in 0..64 {
            assert_ne!(order(&scene(&me, &cut), shard, Part::None, &held), Order::Claim);
        }
    }

    #[test]
    fn of_two_nodes_the_one_whose_beat_stops_is_replaced_after_its_lease() {
        let me = id("a");
        let mut peers = [peer_of("a", true), peer_of("b", false)];
        let held = Holder::Node(id("b"));
        peers[1].beat_still_ms = Some(LEASE_MS - 1);
        assert_eq!(order(&scene(&me, &peers), 0, Part::Replica, &held), Order::Stay);
        peers[1].beat_still_ms = Some(LEASE_MS);
        assert_eq!(order(&scene(&me, &peers), 0, Part::Replica, &held), Order::Claim);
    }

    #[test]
    fn a_node_that_has_just_come_claims_nothing() {
        let me = id("a");
        let mut peers = [peer_of("a", true)];
        assert_eq!(order(&scene(&me, &peers), 0, Part::None, &Holder::Nobody), Order::Claim);
        peers[0].for_ms = SETTLE_MS - 1;
        assert_eq!(order(&scene(&me, &peers), 0, Part::None, &Holder::Nobody), Order::Follow);
    }

    #[test]
    fn a_restarted_node_takes_its_own_shards_back_at_once() {
        let me = NodeId { generation: 2, ..id("a") };
        let peers = [Peer { id: me.clone(), ..peer_of("a", true) }];
        assert_eq!(order(&scene(&me, &peers), 0, Part::None, &Holder::Node(id("a"))), Order::Claim);
    }

    #[test]
    fn an_owner_hands_over_to_a_settled_node_and_when_it_drains_to_any() {
        let me = id("a");
        let mut peers = [peer_of("a", true), peer_of("b", true)];
        let shard = shard_of("b", &peers);
        let held = Holder::Node(me.clone());
        assert_eq!(order(&scene(&me, &peers), shard, Part::Owner, &held), Order::HandOver(id("b")));
        peers[1].for_ms = SETTLE_MS - 1;
        assert_eq!(order(&scene(&me, &peers), shard, Part::Owner, &held), Order::Stay);
        peers[0].weight = 0;
        assert_eq!(order(&scene(&me, &peers), shard, Part::Owner, &held), Order::HandOver(id("b")));
        peers[1].alive = false;
        assert_eq!(order(&scene(&me, &peers), shard, Part::Owner, &held), Order::Stay);
    }

    #[test]
    fn a_node_that_has_not_beaten_for_a_lease_claims_nothing() {
        let me = id("a");
        let mut peers = [peer_of("a", true)];
        peers[0].beat_still_ms = Some(LEASE_MS - 1);
        assert_eq!(order(&scene(&me, &peers), 0, Part::Replica, &Holder::Ended), Order::Claim);
        peers[0].beat_still_ms = Some(LEASE_MS);
        assert_eq!(order(&scene(&me, &peers), 0, Part::Replica, &Holder::Ended), Order::Stay);
    }

    #[test]
    fn a_shard_that_its_owner_let_go_is_taken_up_by_it_again_wherever_it_ranks() {
        let me = id("a");
        let peers = [peer_of("a", true), peer_of("b", true)];
        let shard = shard_of("b", &peers);
        assert_eq!(order(&scene(&me, &peers), shard, Part::Replica, &Holder::Unknown), Order::Look);
        let held = Holder::Node(me.clone());
        assert_eq!(order(&scene(&me, &peers), shard, Part::Replica, &held), Order::Claim);
    }

    #[test]
    fn whoever_refuses_a_shard_is_passed_over_and_its_other_shards_are_its_own() {
        let me = id("a");
        let mut peers = [peer_of("a", true), peer_of("b", true)];
        let shards: Vec<u32> = (0..64).filter(|shard| first(*shard, &peers) == "b").collect();
        peers[1].refuses = shards[1..].iter().copied().collect();
        let claims = |shard| order(&scene(&me, &peers), shard, Part::None, &Holder::Nobody) == Order::Claim;
        assert!(!claims(shards[0]) && shards[1..].iter().all(|shard| claims(*shard)));
        let held = Holder::Node(me.clone());
        assert_eq!(order(&scene(&me, &peers), shards[1], Part::Owner, &held), Order::Stay);
        // Without anybody to take it, a shard stays with a node that drains.
        peers[0].weight = 0;
        assert_eq!(order(&scene(&me, &peers), shards[1], Part::Owner, &held), Order::Stay);
    }

    fn peers() -> impl Strategy<Value = Vec<Peer>> {
        let refuses = prop::collection::btree_set(0_u32..8, 0..6);
        let peer = (any::<bool>(), 0_u64..9_000, 0_u32..3, prop::option::of(0_u64..9_000), refuses);
        prop::collection::vec(peer, 1..7).prop_map(|all| {
            let mut peers: Vec<_> = all
                .into_iter()
                .enumerate()
                .map(|(number, (alive, for_ms, weight, beat_still_ms, refuses))| Peer {
                    id: id(&format!("n{number}")),
                    alive,
                    for_ms,
                    weight,
                    beat_still_ms,
                    refuses,
                })
                .collect();
            peers[0].alive = true;
            peers
        })
    }

    proptest! {
        #[test]
        fn a_free_shard_is_claimed_as_long_as_one_node_can_hold_it(peers in peers(), shard in 0_u32..8) {
            let settled: Vec<Peer> = peers
                .into_iter()
                .map(|peer| Peer { for_ms: SETTLE_MS, beat_still_ms: Some(LEASE_MS - 1), ..peer })
                .collect();
            let takes = |peer: &&Peer| peer.alive && peer.weight > 0 && !peer.refuses.contains(&shard);
            let claims = settled.iter().filter(|peer| peer.alive).filter(|peer| {
                order(&scene(&peer.id, &settled), shard, Part::None, &Holder::Ended) == Order::Claim
            });
            let claims: Vec<&Peer> = claims.collect();
            prop_assert_eq!(claims.len(), usize::from(settled.iter().any(|peer| takes(&peer))));
            prop_assert!(claims.iter().all(takes));
        }

        #[test]
        fn nothing_is_handed_to_a_node_that_refuses_it(peers in peers(), shard in 0_u32..8) {
            for me in peers.iter().filter(|peer| peer.alive) {
                let held = Holder::Node(me.id.clone());
                let Order::HandOver(to) = order(&scene(&me.id, &peers), shard, Part::Owner, &held) else {
                    continue;
                };
                let to = peers.iter().find(|peer| peer.id == to).unwrap();
                prop_assert!(to.alive && to.weight > 0 && !to.refuses.contains(&shard));
            }
        }

        #[test]
        fn at_most_one_of_nodes_with_one_view_claims(peers in peers(), shard: u32, holder in 0_usize..7) {
            let held = peers.get(holder).map_or(Holder::Nobody, |peer| Holder::Node(peer.id.clone()));
            let claims = peers.iter().filter(|peer| peer.alive).filter(|peer| {
                order(&scene(&peer.id, &peers), shard, Part::None, &held) == Order::Claim
            });
            prop_assert!(claims.count() <= 1);
        }

        #[test]
        fn a_shard_without_a_living_owner_stays_readable(peers in peers(), shard: u32) {
            let me = peers[0].id.clone();
            for held in [Holder::Nobody, Holder::Ended, Holder::Unknown] {
                prop_assert_ne!(order(&scene(&me, &peers), shard, Part::Replica, &held), Order::Drop);
            }
        }
    }
}
