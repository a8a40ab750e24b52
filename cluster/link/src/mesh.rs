//! Dials: every member that is not linked, through one actor per peer, and every seed that nobody is known behind.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use enabler_cluster::ActorCell;
use enabler_cluster::actor::{self, Behaviour, Context, Fault};
use enabler_cluster::address::Address;
use enabler_cluster::net::{Member, NodeId, Reach};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::DropGuard;

use crate::core::Core;
use crate::handshake::{self, Dialed};
use crate::parts::ticks;

/// How often it is looked whether somebody must be dialed.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The wait after the first failure at an address; it doubles.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// The longest wait: a peer that is back is linked again within about a second.
const BACKOFF_MAX: Duration = Duration::from_millis(800);
/// Of two that lost their link, the first in the order of names dials at once, the other after this.
const SECOND_WAITS: Duration = Duration::from_millis(400);
/// Addresses behind one seed name.
const SEED_ADDRESSES_MAX: usize = 16;

/// When an address may be dialed again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    failures: u32,
    next: Instant,
}

impl Backoff {
    pub(crate) fn new(now: Instant) -> Self {
        Backoff { failures: 0, next: now }
    }

    /// Counts a failure; `chance` spreads the waits of many nodes (any number).
    pub(crate) fn failed(&mut self, now: Instant, chance: u128) {
        let doubled = BACKOFF_FIRST * (1 << self.failures.min(8));
        self.failures += 1;
        let wait = doubled.min(BACKOFF_MAX);
        // Between three quarters of the wait and all of it.
        let less = (wait / 4).mul_f64((chance % 1_000) as f64 / 1_000.0);
        self.next = now + wait - less;
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.next
    }
}

fn why(error: &dyn std::error::Error, doing: &str) -> String {
    Fault::from_error(doing, error).reason
}

/// Keeps the link to one peer.
struct Peer {
    core: Arc<Core>,
    name: String,
}

struct Keeping {
    backoff: Backoff,
    /// Since when there is no link.
    alone: Option<Instant>,
    _ticks: DropGuard,
}

impl Behaviour for Peer {
    type Message = ();
    type State = Keeping;
    const KIND: &'static str = "link";

    fn name((): &()) -> &'static str {
        "look"
    }

    async fn start(&self, context: &Context<()>) -> Result<Keeping, Fault> {
        let now = Instant::now();
        let _ticks = ticks(context.address(), LOOK_EVERY, || ());
        Ok(Keeping { backoff: Backoff::new(now), alone: None, _ticks })
    }

    async fn handle(&self, context: &Context<()>, state: &mut Keeping, (): ()) -> Result<(), Fault> {
        let now = Instant::now();
        let core = &self.core;
        if let Some(link) = core.table.by_name(&self.name) {
            let (frames, bytes) = link.load();
            let word = if link.is_ready() { "linked" } else { "being linked" };
            context.seat().note(format!("{word}, {frames} in flight, {} KiB", bytes.div_ceil(1024)));
            (state.alone, state.backoff) = (None, Backoff::new(now));
            return Ok(());
        }
        let alone = *state.alone.get_or_insert(now);
        let Some(member) = core.view.borrow().named(&self.name).cloned() else { return Ok(()) };
        if core.is_severed(&self.name) {
            context.seat().note("severed by an operator");
            return Ok(());
        }
        if core.has_left(&member.id) {
            context.seat().note("it left");
            return Ok(());
        }
        let turn = core.me.name < self.name || now.duration_since(alone) >= SECOND_WAITS;
        if !turn || !state.backoff.is_due(now) || core.is_leaving() {
            return Ok(());
        }
        let reach = if member.reach == Reach::Heard { "heard, not linked" } else { "silent" };
        match handshake::dial(core, &member.address).await {
            // Another node may live at the address now; then this one is simply not there.
            Ok(Dialed::Peer(id)) if id.name == self.name => return Ok(()),
            Ok(_) => context.seat().note(format!("{reach}; another node is at {}", member.address)),
            Err(error) => {
                error.count();
                context.seat().note(format!("{reach}; {}", why(&error, "dialing")));
            }
        }
        let chance = core.tls.token().unwrap_or(0);
        state.backoff.failed(Instant::now(), chance);
        Ok(())
    }
}

/// Starts an actor for each peer and dials the seeds.
pub(crate) struct Mesh(pub(crate) Arc<Core>);

pub(crate) struct Meshed {
    peers: BTreeMap<String, ActorCell>,
    seeds: BTreeMap<String, Backoff>,
    /// Which node was last found at an address.
    found: Arc<std::sync::Mutex<BTreeMap<SocketAddr, NodeId>>>,
    dialing: BTreeSet<String>,
    tasks: JoinSet<(String, Option<String>)>,
    _ticks: DropGuard,
}

impl Behaviour for Mesh {
    type Message = ();
    type State = Meshed;
    const KIND: &'static str = "link dialer";

    fn name((): &()) -> &'static str {
        "look"
    }

    async fn start(&self, context: &Context<()>) -> Result<Meshed, Fault> {
        Ok(Meshed {
            peers: BTreeMap::new(),
            seeds: BTreeMap::new(),
            found: Arc::default(),
            dialing: BTreeSet::new(),
            tasks: JoinSet::new(),
            _ticks: ticks(context.address(), LOOK_EVERY, || ()),
        })
    }

    async fn handle(&self, context: &Context<()>, state: &mut Meshed, (): ()) -> Result<(), Fault> {
        let view = self.0.view.borrow().clone();
        let others: BTreeMap<&str, &Member> = view
            .members
            .iter()
            .filter(|member| member.id != view.me)
            .map(|member| (&*member.id.name, member))
            .collect();
        for name in others.keys().filter(|name| !state.peers.contains_key(**name)).collect::<Vec<_>>() {
            let address = Address::new(format!("node/links/{name}"), 1);
            let peer = Peer { core: self.0.clone(), name: (*name).to_string() };
            let cell = actor::spawn(peer, address, context.tree(), context.cell()).await?;
            state.peers.insert((*name).to_string(), cell);
        }
        let gone = |name: &String| !others.contains_key(name.as_str());
        for name in state.peers.keys().filter(|name| gone(name)).cloned().collect::<Vec<_>>() {
            if let Some(cell) = state.peers.remove(&name) {
                cell.stop(None);
            }
        }
        self.dial_seeds(context, state, &others);
        Ok(())
    }

    async fn child_ended(
        &self,
        _: &Context<()>,
        state: &mut Meshed,
        child: ActorCell,
        _fault: Option<String>,
    ) -> Result<(), Fault> {
        // Its failure is on its seat; the next look starts it again.
        state.peers.retain(|_, cell| cell.get_id() != child.get_id());
        Ok(())
    }
}

impl Mesh {
    fn dial_seeds(&self, context: &Context<()>, state: &mut Meshed, others: &BTreeMap<&str, &Member>) {
        let now = Instant::now();
        while let Some(ended) = state.tasks.try_join_next() {
            match ended {
                Ok((seed, failure)) => {
                    state.dialing.remove(&seed);
                    let chance = self.0.tls.token().unwrap_or(0);
                    let backoff = state.seeds.entry(seed).or_insert_with(|| Backoff::new(now));
                    match failure {
                        None => *backoff = Backoff::new(now + BACKOFF_MAX),
                        Some(failure) => {
                            backoff.failed(now, chance);
                            context.seat().note(failure);
                        }
                    }
                }
                Err(error) => {
                    context.seat().failed("dial", error.to_string(), None);
                    state.dialing.clear();
                }
            }
        }
        let seeds = self.0.seeds();
        state.seeds.retain(|seed, _| seeds.contains(seed));
        if self.0.is_leaving() {
            return;
        }
        for seed in seeds.into_iter().take(self.0.settings.limits.peers_max as usize) {
            let due = state.seeds.get(&seed).is_none_or(|backoff| backoff.is_due(now));
            // A member that advertises this very address has its own actor.
            let known = seed == self.0.advertise || others.values().any(|member| member.address == seed);
            if due && !known && state.dialing.insert(seed.clone()) {
                let (core, found) = (self.0.clone(), state.found.clone());
                state.tasks.spawn(async move {
                    let failure = dial_seed(&core, &seed, &found).await.err();
                    (seed, failure)
                });
            }
        }
    }
}

/// Dials every address behind a seed where no linked node is known to be.
async fn dial_seed(
    core: &Arc<Core>,
    seed: &str,
    found: &std::sync::Mutex<BTreeMap<SocketAddr, NodeId>>,
) -> Result<(), String> {
    let lock = || found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let addresses =
        tokio::net::lookup_host(seed).await.map_err(|error| format!("the seed `{seed}`: {error}"))?;
    let mut failure = None;
    for address in addresses.take(SEED_ADDRESSES_MAX) {
        let known = lock().get(&address).cloned();
        let linked = |id: &NodeId| *id == core.me || core.table.by_name(&id.name).is_some();
        if known.as_ref().is_some_and(linked) || address == core.local {
            continue;
        }
        match handshake::dial(core, &address.to_string()).await {
            Ok(dialed) => {
                let id = match dialed {
                    Dialed::Myself => core.me.clone(),
                    Dialed::Peer(id) => id,
                };
                let mut found = lock();
                if found.len() > 4 * SEED_ADDRESSES_MAX {
                    found.clear();
                }
                found.insert(address, id);
            }
            Err(error) => {
                error.count();
                failure = Some(why(&error, &format!("the seed `{seed}`")));
            }
        }
    }
    failure.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_wait_grows_and_stays_within_its_bound() {
        let now = Instant::now();
        let mut backoff = Backoff::new(now);
        assert!(backoff.is_due(now));
        for chance in 0..40 {
            backoff.failed(now, chance * 97);
            assert!(!backoff.is_due(now) && backoff.is_due(now + BACKOFF_MAX));
        }
        assert!(!backoff.is_due(now + BACKOFF_MAX / 2));
    }
}
