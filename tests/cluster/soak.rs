//! Everything at once, for as long as one likes: five nodes, clients at work, and something happens all the time.

// What may happen, drawn by a seed.
mod event;
// How long it took until a client was served again.
mod measure;

use std::time::Duration;

use enabler_storage::chance::{Chance, SeededChance};
use tokio::time::Instant;

use self::event::Event;
use self::measure::{Measured, Probe};
use super::door::STUCK_AFTER;
use super::harness::{ALL, Cluster, KEEPS};
use super::load::{Load, Pace};
use super::truth::Truth;
use crate::faults::Mode;
use crate::node::variable;

/// Events of one soak, unless `RAG_ENABLER_EVENTS` says otherwise.
const EVENTS: usize = 200;
/// Of five nodes, so that most of them are always there.
const AWAY_MAX: usize = 2;
/// Slower than in a test: what is uploaded in half an hour is checked on every node at the end.
const PACE: Pace = Pace { writers: 2, readers: 3, askers: 1, deleters: 1, rest: Duration::from_secs(1) };
/// The longest pause between two events.
const PAUSE_MS_MAX: u64 = 3_000;

fn number(name: &str) -> Option<u64> {
    variable(name).and_then(|value| value.to_str()?.parse().ok())
}

#[tokio::test]
async fn a_cluster_keeps_its_promises_over_hundreds_of_kills_freezes_cuts_moves_and_outages() {
    if variable("RAG_ENABLER_SOAK").is_none() {
        eprintln!("the soak of a cluster is left out: RAG_ENABLER_SOAK=1 runs it");
        return;
    }
    let seed = number("RAG_ENABLER_SEED").unwrap_or(2_026);
    let events = number("RAG_ENABLER_EVENTS").map_or(EVENTS, |events| usize::try_from(events).unwrap());
    eprintln!(
        "again: RAG_ENABLER_SOAK=1 RAG_ENABLER_SEED={seed} RAG_ENABLER_EVENTS={events} \
         cargo test -p rag-enabler --test promises cluster::soak -- --nocapture"
    );
    // How long a planned move is felt, without the rest.
    let only_drains = variable("RAG_ENABLER_DRAINS").is_some();
    let roles = [ALL, "api,documents,rules,ocr,embedding", KEEPS, KEEPS, KEEPS];
    let mut cluster = Cluster::prepare(&roles, true).await;
    cluster.launch_all().await;
    cluster.calm().await;
    let truth = cluster.truth().await;
    let load = Load::start(cluster.doors(), &truth, seed, PACE);
    let mut soak = Soak { chance: SeededChance::new(seed), measured: Measured::default(), truth };
    let began = Instant::now();
    for round in 1..=events {
        soak.gather(&mut cluster).await;
        let drawn = Event::draw(&soak.chance, cluster.network.is_some());
        let event = if only_drains { Event::Drain } else { drawn };
        let outcome = soak.happen(&mut cluster, &load, event).await;
        let minutes = began.elapsed().as_secs() / 60;
        eprintln!("{round}/{events} at {minutes} min: {event:?} {outcome}");
        load.book().expect_no_violation();
        if round % 25 == 0 {
            eprintln!("{}\n{}", load.book().summary(), soak.measured);
        }
        tokio::time::sleep(Duration::from_millis(soak.chance.next_u64() % PAUSE_MS_MAX)).await;
    }
    soak.gather_all(&mut cluster).await;
    cluster.launch_all().await;
    cluster.calm().await;
    let mut book = load.end().await;
    eprintln!("{}\nrefused, for example:\n  {}", book.summary(), book.first_refusals().join("\n  "));
    book.settle(&cluster.doors(), &soak.truth).await;
    eprintln!("every promise was kept; until the first success:\n{}", soak.measured);
}

struct Soak {
    chance: SeededChance,
    measured: Measured,
    truth: Truth,
}

impl Soak {
    /// Nodes on their way back open their doors when they are ready; most times that is waited for.
    async fn gather(&self, cluster: &mut Cluster) {
        for number in cluster.away() {
            let waits = cluster.away().len() >= AWAY_MAX || !self.chance.next_u64().is_multiple_of(4);
            if waits {
                cluster.back(number).await;
            } else {
                let _ = cluster.wait_until_ready(number, Duration::from_millis(1)).await;
            }
        }
    }

    async fn gather_all(&self, cluster: &mut Cluster) {
        for number in cluster.away() {
            cluster.back(number).await;
        }
    }

    /// A node that runs and owns something, and one of its shards.
    async fn victim(&self, cluster: &Cluster) -> (usize, u32) {
        let until = Instant::now() + STUCK_AFTER;
        loop {
            let owners = self.truth.owners().await;
            let mut owned: Vec<(usize, u32)> = owners
                .iter()
                .map(|(shard, (name, _))| (cluster.number_of(name), *shard))
                .filter(|(number, _)| cluster.door(*number).is_open())
                .collect();
            owned.sort_unstable();
            if !owned.is_empty() {
                return owned[(self.chance.next_u64() % owned.len() as u64) as usize];
            }
            assert!(Instant::now() < until, "no node that can be reached owns a shard: {owners:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Lets `event` happen and says how long clients were not served.
    async fn happen(&mut self, cluster: &mut Cluster, load: &Load, event: Event) -> String {
        let (number, shard) = self.victim(cluster).await;
        let victim = cluster.door(number).name.clone();
        let probe = Probe::of(load, &self.truth, shard, self.chance.next_u64());
        let doors: Vec<_> = cluster.doors().into_iter().filter(|door| door.name != victim).collect();
        let outcome = match event {
            Event::Kill => {
                cluster.kill(number).await;
                let first = probe.first_success(&doors).await;
                cluster.begin(number);
                first
            }
            Event::Drain => {
                let slowest = probe.slowest_during(&doors, cluster.drain(number)).await;
                cluster.begin(number);
                slowest
            }
            Event::Freeze(time) => {
                cluster.freeze(number);
                let heal = async { cluster.thaw(number) };
                probe.first_success_while(&doors, time, heal).await
            }
            Event::Unplug(time) => {
                let network = cluster.network.as_ref().expect("cuts are drawn only with networks");
                cluster.door(number).shut();
                network.unplug(number).await;
                probe.first_success_while(&doors, time, network.plug(number)).await
            }
            Event::Estrange(time) => {
                let network = cluster.network.as_ref().expect("cuts are drawn only with networks");
                cluster.door(number).shut();
                network.estrange(number).await;
                probe.first_success_while(&doors, time, network.reconcile(number)).await
            }
            Event::NoStore(time, mode) => {
                // Whatever a client asks for may be refused now, wherever it asks.
                cluster.doors().iter().for_each(|door| door.touch());
                cluster.line.set(mode);
                let heal = async {
                    cluster.line.set(Mode::Pass);
                    cluster.doors().iter().for_each(|door| door.touch());
                };
                probe.first_success_while(&cluster.doors(), time, heal).await
            }
        };
        let text = format!("of {victim}, shard {shard}: {outcome}");
        for stuck in outcome.stuck() {
            load.book().violate(format!("{event:?} {text}: {stuck} never succeeds"));
        }
        self.measured.add(event.name(), outcome);
        text
    }
}
