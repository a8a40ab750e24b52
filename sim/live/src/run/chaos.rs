//! What happens to whom: victims are drawn, events are done to them, and a client says how long it was not served.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use enabler_sim_servers::Mode;
use enabler_storage::chance::{Chance, SeededChance};
use tokio::time::Instant;

use super::Teller;
use crate::book::Wrong;
use crate::cluster::{Cluster, SHARDS};
use crate::door::{Door, POLL, STUCK_AFTER};
use crate::error::LiveError;
use crate::event::{Chaos, Event};
use crate::history::{Record, millis};
use crate::load::Load;
use crate::network::Network;
use crate::probe::{Outcome, Probe};
use crate::progress::{Happened, What};
use crate::truth::Truth;

/// Of four nodes and more, nodes that may be away at a time; so that most of them are always there.
const AWAY_MAX: usize = 2;
/// How long clients are watched while nothing happens, before the first hand-over has told how long one lasts.
const REST: Duration = Duration::from_secs(2);

/// Draws what happens, and remembers what it meant for clients.
pub(super) struct Storm {
    pub(super) chance: SeededChance,
    pub(super) truth: Truth,
    pub(super) measured: BTreeMap<&'static str, Vec<Outcome>>,
    /// As long as the hand-over before it, while nothing happened.
    pub(super) at_rest: Vec<Outcome>,
    drained_in: Duration,
    wished: BTreeSet<Chaos>,
    away_max: usize,
    owners: BTreeMap<u32, (String, u64)>,
}

impl Storm {
    pub(super) fn new(chance: SeededChance, truth: Truth, wished: BTreeSet<Chaos>, nodes: usize) -> Self {
        let away_max = if nodes > 3 { AWAY_MAX } else { 1 };
        let (measured, owners) = (BTreeMap::new(), BTreeMap::new());
        let (at_rest, drained_in) = (Vec::new(), REST);
        Self { chance, truth, measured, at_rest, drained_in, wished, away_max, owners }
    }

    /// Gives every shard a document that stays, so that there is always something to read.
    pub(super) async fn lay_in(&self, cluster: &Cluster, load: &Load) -> Result<(), LiveError> {
        for shard in 0..SHARDS {
            let probe = Probe::of(load, &self.truth, shard, self.chance.next_u64());
            if !probe.lay_in(&cluster.doors()).await {
                return Err(LiveError::Unrest(format!("shard {shard} takes no upload")));
            }
        }
        Ok(())
    }

    /// Nodes on their way back open their doors when they are ready; most times that is waited for.
    pub(super) async fn gather(
        &self,
        cluster: &mut Cluster,
        teller: &mut Teller<'_>,
    ) -> Result<(), LiveError> {
        for number in cluster.away() {
            let waits = cluster.away().len() >= self.away_max || !self.chance.next_u64().is_multiple_of(4);
            if waits {
                cluster.back(number).await?;
            } else {
                let _ = cluster.wait_until_ready(number, Duration::from_millis(1)).await;
            }
            self.seen(cluster.door(number), teller);
        }
        Ok(())
    }

    /// Waits until every node on its way back is ready.
    pub(super) async fn gather_all(
        &self,
        cluster: &mut Cluster,
        teller: &mut Teller<'_>,
    ) -> Result<(), LiveError> {
        for number in cluster.away() {
            cluster.back(number).await?;
            self.seen(cluster.door(number), teller);
        }
        Ok(())
    }

    fn seen(&self, door: &Door, teller: &mut Teller<'_>) {
        let record = Record::Node { node: &door.name, ready: door.is_open() };
        teller.history.write(Instant::now(), &record);
    }

    /// Looks how long the slowest request takes while nothing happens: what an upload costs by itself is no hand-over's.
    pub(super) async fn rest(&mut self, cluster: &Cluster, load: &Load) -> Result<(), LiveError> {
        if !self.wished.contains(&Chaos::Drain) {
            return Ok(());
        }
        let (victim, shard) = self.victim(cluster).await?;
        let probe = Probe::of(load, &self.truth, shard, self.chance.next_u64());
        let nothing = async {
            tokio::time::sleep(self.drained_in).await;
            Ok(())
        };
        let outcome = probe.slowest_during(&others(cluster, victim), nothing).await?;
        self.at_rest.push(outcome);
        Ok(())
    }

    /// A node that runs and owns something, and one of its shards.
    async fn victim(&self, cluster: &Cluster) -> Result<(usize, u32), LiveError> {
        let until = Instant::now() + STUCK_AFTER;
        loop {
            let owners = self.truth.owners().await?;
            let mut owned: Vec<(usize, u32)> = owners
                .iter()
                .filter_map(|(shard, (name, _))| Some((cluster.number_of(name)?, *shard)))
                .filter(|(number, _)| cluster.door(*number).is_open())
                .collect();
            owned.sort_unstable();
            let pick = self.chance.next_u64().checked_rem(owned.len() as u64);
            if let Some(victim) = pick.and_then(|pick| owned.get(pick as usize)) {
                return Ok(*victim);
            }
            if Instant::now() > until {
                let what = format!("no node that can be reached owns a shard: {owners:?}");
                return Err(LiveError::Unrest(what));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Lets the next event happen and says how long clients were not served.
    pub(super) async fn happen(
        &mut self,
        cluster: &mut Cluster,
        load: &Load,
        (number, of): (usize, Option<usize>),
        teller: &mut Teller<'_>,
    ) -> Result<(), LiveError> {
        let (victim, shard) = self.victim(cluster).await?;
        let Some(event) = Event::draw(&self.chance, &self.wished) else { return Ok(()) };
        self.owners_seen(teller).await?;
        let probe = Probe::of(load, &self.truth, shard, self.chance.next_u64());
        let whom = match event {
            Event::NoStore(..) => "store".to_owned(),
            Event::NoRedis(_) | Event::FrozenRedis(_) => "redis".to_owned(),
            _ => cluster.door(victim).name.clone(),
        };
        let began = Instant::now();
        if event.is_of_a_node() {
            teller.history.write(began, &Record::Node { node: &whom, ready: false });
        }
        let outcome = done(event, victim, cluster, &probe).await?;
        if event == Event::Drain {
            self.drained_in = began.elapsed();
        }
        let record = Record::Event {
            number,
            what: event.name(),
            whom: &whom,
            shard,
            planned_ms: event.planned().map(millis),
            ended_ms: millis(began.elapsed()),
            read_ms: outcome.read.map(millis),
            upload_ms: outcome.write.map(millis),
        };
        teller.history.write(began, &record);
        for stuck in outcome.stuck() {
            let what = format!("{} of {whom}, shard {shard}: {stuck} never succeeds", event.name());
            load.book().violate(Wrong::Stuck, what);
        }
        self.measured.entry(event.name()).or_default().push(outcome);
        let violations = load.book().violations_count();
        let what = event.name();
        teller.tell(What::Happened(Happened { number, of, what, whom, shard, outcome, violations }));
        self.owners_seen(teller).await
    }

    /// Writes down who owns what when that has changed.
    async fn owners_seen(&mut self, teller: &Teller<'_>) -> Result<(), LiveError> {
        let owners = self.truth.owners().await?;
        if owners != self.owners {
            teller.history.write(Instant::now(), &Record::Owners { owners: &owners });
            self.owners = owners;
        }
        Ok(())
    }
}

/// The doors of the other nodes.
fn others(cluster: &Cluster, victim: usize) -> Vec<Door> {
    let name = cluster.door(victim).name.clone();
    cluster.doors().into_iter().filter(|door| door.name != name).collect()
}

/// Does `event` to the node `victim`, or to what all use; how long clients of the others were not served.
async fn done(
    event: Event,
    victim: usize,
    cluster: &mut Cluster,
    probe: &Probe,
) -> Result<Outcome, LiveError> {
    let others = others(cluster, victim);
    match event {
        Event::Kill => {
            cluster.kill(victim).await?;
            let first = probe.first_success(&others).await;
            cluster.begin(victim)?;
            Ok(first)
        }
        Event::Drain => {
            let slowest = probe.slowest_during(&others, cluster.drain(victim)).await?;
            cluster.begin(victim)?;
            Ok(slowest)
        }
        Event::Freeze(time) => {
            cluster.freeze(victim)?;
            probe.first_success_while(&others, time, async { cluster.thaw(victim) }).await
        }
        Event::Unplug(time) => {
            let network = wired(cluster, victim)?;
            network.unplug(victim).await?;
            probe.first_success_while(&others, time, network.plug(victim)).await
        }
        Event::Estrange(time) => {
            let network = wired(cluster, victim)?;
            network.estrange(victim).await?;
            probe.first_success_while(&others, time, network.reconcile(victim)).await
        }
        Event::NoStore(time, mode) => {
            // Whatever a client asks for may be refused now, wherever it asks.
            let touch = || cluster.doors().iter().for_each(Door::touch);
            touch();
            cluster.line.set(mode);
            let heal = async {
                cluster.line.set(Mode::Pass);
                touch();
                Ok(())
            };
            probe.first_success_while(&cluster.doors(), time, heal).await
        }
        Event::NoRedis(time) => {
            cluster.redis.kill().await?;
            let doors = cluster.doors();
            let heal = async { Ok(cluster.redis.restart().await?) };
            probe.first_success_while(&doors, time, heal).await
        }
        Event::FrozenRedis(time) => {
            cluster.redis.freeze()?;
            let heal = async { Ok(cluster.redis.thaw()?) };
            probe.first_success_while(&cluster.doors(), time, heal).await
        }
    }
}

/// The networks, with nobody sent to `victim` any more.
fn wired(cluster: &Cluster, victim: usize) -> Result<&Network, LiveError> {
    cluster.door(victim).shut();
    cluster.network().ok_or_else(|| LiveError::Plan("nodes have no networks that could be cut".to_owned()))
}
