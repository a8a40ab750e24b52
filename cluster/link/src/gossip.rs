//! Membership: gossip over the links, and from it and the links themselves the view of who is there.
//!
//! The gossip library knows peers by socket address. Ours get one that is made from the node's id and that nothing
//! ever connects to: a message for it goes over the link to that node, or nowhere.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chitchat::transport::{Socket, Transport};
use chitchat::{
    ChitchatConfig, ChitchatHandle, ChitchatId, ChitchatMessage, Deserializable, FailureDetectorConfig,
    Heartbeat, Serializable, spawn_chitchat,
};
use enabler_cluster::actor::{Behaviour, Context, Fault};
use enabler_cluster::net::{NodeId, Reach};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::core::{Core, Gossip};
use crate::id::{self, id_text};
use crate::view::{self, Sight};
use crate::wire::What;

/// Gossip messages that wait; more are dropped, and the next round says the same again.
const INBOX_MAX: usize = 256;
/// The key under which a node gossips its address; facts stand under their own prefix.
const ADDRESS_KEY: &str = "address";
const FACT_PREFIX: &str = "fact/";
/// How long the library remembers a node that is gone: longer than the view lists it.
const REMEMBERED: Duration = Duration::from_secs(1_200);

/// The address by which the gossip library knows a node: a unique local one, made from its id.
fn address_of(id: &NodeId) -> SocketAddr {
    // FNV-1a: every node must come to the same address, also one built by another compiler.
    let start: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let mix = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
    let hash = id_text(id).into_bytes().into_iter().fold(start, mix);
    let local = (hash >> 8) | (0xfd << 120);
    SocketAddr::new(IpAddr::V6(Ipv6Addr::from_bits(local)), 1)
}

struct OverLinks(Arc<Core>);

struct LinkSocket {
    core: Arc<Core>,
    inbox: mpsc::Receiver<Gossip>,
}

#[async_trait]
impl Transport for OverLinks {
    async fn open(&self, _: SocketAddr) -> anyhow::Result<Box<dyn Socket>> {
        let (sender, inbox) = mpsc::channel(INBOX_MAX);
        self.0.set_gossip(sender);
        Ok(Box::new(LinkSocket { core: self.0.clone(), inbox }))
    }
}

#[async_trait]
impl Socket for LinkSocket {
    async fn send(&mut self, to: SocketAddr, message: ChitchatMessage) -> anyhow::Result<()> {
        let link = self.core.table.all().into_iter().find(|link| address_of(&link.peer) == to);
        // Without a link the message is lost, as it would be in any network; the dialer is at work already.
        if let Some(link) = link {
            let _ = link.signal(What::Gossip, &message.serialize_to_vec());
        }
        Ok(())
    }

    async fn recv(&mut self) -> anyhow::Result<(SocketAddr, ChitchatMessage)> {
        loop {
            let Some((link, bytes)) = self.inbox.recv().await else {
                anyhow::bail!("the gossip was started anew")
            };
            match ChitchatMessage::deserialize(&mut &bytes[..]) {
                Ok(message) => return Ok((address_of(&link.peer), message)),
                Err(error) => {
                    tracing::warn!(peer = id_text(&link.peer), %error, "a gossip message cannot be read")
                }
            }
        }
    }
}

/// When a node was last seen to live.
struct Pulse {
    heartbeat: Heartbeat,
    /// Absent until the heartbeat was seen to move: a first sight may be of a node long gone.
    moved: Option<Instant>,
}

/// The actor of the membership.
pub(crate) struct Membership {
    pub(crate) core: Arc<Core>,
    /// Starts of this actor: each is a new participant for the library, which trusts only rising numbers.
    pub(crate) starts: Arc<AtomicU64>,
}

pub(crate) struct Seen {
    chitchat: ChitchatHandle,
    pulses: BTreeMap<ChitchatId, Pulse>,
    told: BTreeMap<String, String>,
    greeted: Vec<u128>,
    _stop: DropGuard,
}

impl Drop for Seen {
    fn drop(&mut self) {
        self.chitchat.abort();
    }
}

impl Behaviour for Membership {
    type Message = ();
    type State = Seen;
    const KIND: &'static str = "membership";

    fn name((): &()) -> &'static str {
        "look"
    }

    async fn start(&self, context: &Context<()>) -> Result<Seen, Fault> {
        let core = &self.core;
        let id = ChitchatId::new(
            id_text(&core.me),
            self.starts.fetch_add(1, Ordering::Relaxed),
            address_of(&core.me),
        );
        let every = core.settings.gossip_every;
        let config = ChitchatConfig {
            listen_addr: id.gossip_advertise_addr,
            chitchat_id: id,
            cluster_id: core.settings.cluster_id.clone(),
            gossip_interval: every,
            seed_nodes: Vec::new(),
            failure_detector_config: FailureDetectorConfig {
                // It chooses whom to gossip with first; who is silent is decided here, by the pulse.
                phi_threshold: 8.0,
                sampling_window_size: 100,
                max_interval: every * 8,
                initial_interval: every,
                dead_node_grace_period: REMEMBERED,
            },
            marked_for_deletion_grace_period: REMEMBERED,
            catchup_callback: None,
            extra_liveness_predicate: None,
        };
        let own = vec![(ADDRESS_KEY.to_owned(), core.advertise.clone())];
        let chitchat = spawn_chitchat(config, own, &OverLinks(core.clone()))
            .await
            .map_err(|error| Fault::new(format!("starting the gossip: {error}")))?;
        let stop = CancellationToken::new();
        let _stop = stop.clone().drop_guard();
        let (address, core) = (context.address().clone(), core.clone());
        tokio::spawn(async move {
            // On every change of the links at once, and otherwise often enough to notice silence in time.
            loop {
                let changed = core.table.changed.notified();
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = changed => {}
                    () = tokio::time::sleep(every / 2) => {}
                }
                let _ = address.offer(());
            }
        });
        Ok(Seen { chitchat, pulses: BTreeMap::new(), told: BTreeMap::new(), greeted: Vec::new(), _stop })
    }

    async fn handle(&self, context: &Context<()>, state: &mut Seen, (): ()) -> Result<(), Fault> {
        self.greet(state)?;
        let sights = self.look(state).await;
        let core = &self.core;
        let before = core.view.borrow().clone();
        let members_max = core.settings.limits.peers_max as usize + 1;
        let next = view::next(&before, sights, members_max, Instant::now());
        if *before != next {
            let linked = next.members.iter().filter(|member| member.reach == Reach::Linked).count();
            context.seat().note(format!("{} members, {linked} linked", next.members.len()));
            core.view.send_replace(Arc::new(next));
        }
        Ok(())
    }
}

impl Membership {
    /// Says hello to newly linked peers, so that they need not wait for a round.
    fn greet(&self, state: &mut Seen) -> Result<(), Fault> {
        let links: Vec<_> = self.core.table.all().into_iter().filter(|link| link.is_ready()).collect();
        for link in links.iter().filter(|link| !state.greeted.contains(&link.token)) {
            let greeted = state.chitchat.gossip(address_of(&link.peer));
            greeted.map_err(|error| Fault::new(format!("the gossip has ended: {error}")))?;
        }
        state.greeted = links.iter().map(|link| link.token).collect();
        Ok(())
    }

    async fn look(&self, state: &mut Seen) -> Vec<Sight> {
        let (core, now) = (&self.core, Instant::now());
        let facts = core.facts();
        let chitchat = state.chitchat.chitchat();
        let mut chitchat = chitchat.lock().await;
        for (key, value) in facts.iter().filter(|(key, value)| state.told.get(*key) != Some(*value)) {
            chitchat.self_node_state().set(format!("{FACT_PREFIX}{key}"), value);
        }
        let silent_after = core.settings.silence_max.mul_f32(0.875);
        let mut sights: BTreeMap<NodeId, Sight> = BTreeMap::new();
        let own = chitchat.self_chitchat_id().clone();
        state.pulses.retain(|id, _| chitchat.node_state(id).is_some());
        for (key, node) in chitchat.node_states() {
            let Some(id) = id::parse(&key.node_id).filter(|_| *key != own) else { continue };
            let heartbeat = node.heartbeat();
            let pulse = state.pulses.entry(key.clone()).or_insert(Pulse { heartbeat, moved: None });
            if pulse.heartbeat != heartbeat {
                *pulse = Pulse { heartbeat, moved: Some(now) };
            }
            let beats = pulse.moved.is_some_and(|moved| now.duration_since(moved) < silent_after);
            let reach = if core.table.ready(&id).is_some() {
                Reach::Linked
            } else if beats && !core.has_left(&id) {
                Reach::Heard
            } else {
                Reach::Silent
            };
            // Of several starts of a peer's membership actor, the one that lives counts.
            if reach == Reach::Silent && sights.contains_key(&id) {
                continue;
            }
            let facts = node.iter_prefix(FACT_PREFIX).filter(|(_, value)| !value.is_deleted());
            let fact =
                |key: &str, value: &str| (key.trim_start_matches(FACT_PREFIX).to_owned(), value.to_owned());
            let facts = facts.map(|(key, value)| fact(key, &value.value)).collect();
            let address = node.get(ADDRESS_KEY).unwrap_or_default().to_owned();
            sights.insert(id.clone(), Sight { id, address, reach, facts });
        }
        drop(chitchat);
        for link in core.table.all().into_iter().filter(|link| link.is_ready()) {
            let sight = sights.entry(link.peer.clone()).or_insert_with(|| Sight {
                id: link.peer.clone(),
                address: String::new(),
                reach: Reach::Linked,
                facts: BTreeMap::new(),
            });
            if sight.address.is_empty() {
                sight.address.clone_from(&link.address);
            }
        }
        let (id, address) = (core.me.clone(), core.advertise.clone());
        sights.insert(id.clone(), Sight { id, address, reach: Reach::Linked, facts: facts.clone() });
        state.told = facts;
        sights.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_of_a_node_has_an_address_of_its_own_that_never_changes() {
        let id = |name: &str, generation| NodeId { name: name.to_owned(), generation };
        let address = address_of(&id("a", 1));
        assert_eq!(address, address_of(&id("a", 1)));
        assert_eq!(address.to_string(), "[fda6:8d62:d4d6:8b58:2283:6dbc:7978:1727]:1");
        assert_ne!(address, address_of(&id("a", 2)));
        assert_ne!(address, address_of(&id("b", 1)));
    }
}
