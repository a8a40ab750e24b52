//! One node of a run: the production actors of one generation after another, as the product itself starts and ends them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use enabler_actors::calls::Switchboard;
use enabler_actors::crew::role;
use enabler_actors::documents::intake::Intake;
use enabler_actors::topology::{self, Actors, Parts};
use enabler_cluster::lease::{self, Lease};
use enabler_cluster::net::{Net, NodeId, ROLES};
use enabler_cluster::owner::Means;
use enabler_cluster::supervisor::{self, Handle};
use enabler_cluster::tree::Tree;
use enabler_config::Settings;
use enabler_reading::Program;
use enabler_storage::cache::InProcess;
use enabler_storage::chance::{Chance, SeededChance};
use enabler_storage::clock::Clock;
use enabler_storage::log::MIN_AGE;
use enabler_storage::log::NodeRecord;
use enabler_storage::objects::{ObjectStore, probe};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::book::Kind;
use crate::bucket::{BEGAN_MS, Bucket, Plant};
use crate::fabric::Fabric;
use crate::gate::{Gate, Phase};
use crate::links::Links;
use crate::road::Road;
use crate::start::{SimClock, Wrong, beat, bury_the_one_before, cluster, verify};

/// Memory of a node's cache.
const CACHE_BYTES: u64 = 1 << 20;
/// The pause before whoever runs the nodes starts one again that could not start.
const START_AGAIN: Duration = Duration::from_secs(1);
/// How long a node that drains may take.
const DRAIN_MAX: Duration = Duration::from_secs(20);

/// What all nodes of a run share.
pub(crate) struct World {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) fabric: Arc<Fabric>,
    pub(crate) settings: Settings,
    pub(crate) shards: u32,
    pub(crate) dir: PathBuf,
}

impl World {
    fn road(&self, gate: &Gate) -> Arc<dyn ObjectStore> {
        Arc::new(Road { bucket: self.bucket.clone(), gate: gate.clone() })
    }
}

/// A generation that serves.
#[derive(Clone)]
pub(crate) struct Serving {
    pub(crate) actors: Actors,
    pub(crate) gate: Gate,
    /// When the generation ended though its process lives on.
    pub(crate) ended: Arc<OnceLock<Instant>>,
}

#[derive(Default)]
struct Now {
    gate: Option<Gate>,
    root: Option<Handle>,
    serving: Option<Serving>,
    /// Which copy of the disk is in use; a crash leaves one behind that its last generation still holds open.
    disk: u32,
    generations: u32,
}

/// One node, over all its generations. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) name: String,
    world: Arc<World>,
    began: Instant,
    now: Arc<Mutex<Now>>,
}

/// How a generation ends.
enum End {
    DeclaredDead,
    Failed(String),
}

impl Node {
    pub(crate) fn new(name: &str, world: &Arc<World>) -> Self {
        Node { name: name.to_owned(), world: world.clone(), began: Instant::now(), now: Arc::default() }
    }

    fn now<T>(&self, change: impl FnOnce(&mut Now) -> T) -> T {
        change(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, what: impl Into<String>) {
        self.tell(Kind::Note, what);
    }

    fn tell(&self, kind: Kind, what: impl Into<String>) {
        self.world.bucket.book.tell(kind, &self.name, what);
    }

    /// The generation that serves, if one does.
    pub(crate) fn serving(&self) -> Option<Serving> {
        self.now(|now| now.serving.clone()).filter(|serving| serving.gate.phase() != Phase::Dead)
    }

    /// The gate of the generation that is there, serving or not.
    pub(crate) fn gate(&self) -> Option<Gate> {
        self.now(|now| now.gate.clone()).filter(|gate| gate.phase() != Phase::Dead)
    }

    fn disk(&self) -> PathBuf {
        self.world.dir.join(format!("{}-{}", self.name, self.now(|now| now.disk)))
    }

    /// Lives one generation after another until it is killed.
    pub(crate) async fn live(self) {
        loop {
            let gate = self.begin();
            let end = tokio::select! {
                biased;
                () = gate.died() => return,
                end = self.generation(&gate) => end,
            };
            if !self.is_of(&gate) {
                return;
            }
            match end {
                End::DeclaredDead => {
                    self.tell(Kind::Ends, "was declared dead and begins anew");
                    self.world.bucket.book.sometimes("a node was declared dead and began anew");
                    self.end(&gate).await;
                }
                End::Failed(why) => {
                    self.tell(Kind::Ends, format!("ended: {why}"));
                    self.end(&gate).await;
                    tokio::time::sleep(START_AGAIN).await;
                }
            }
            if !self.is_of(&gate) {
                return;
            }
        }
    }

    /// Whether the generation behind `gate` is the one that is there.
    fn is_of(&self, gate: &Gate) -> bool {
        self.gate().is_some_and(|now| now.id == gate.id)
    }

    /// A new generation's gate. Later ones are greater: the time in front, their number behind.
    fn begin(&self) -> Gate {
        self.now(|now| {
            now.generations += 1;
            let at_ms = BEGAN_MS + self.began.elapsed().as_millis() as u64;
            let generation = u128::from(at_ms) << 64 | u128::from(now.generations);
            let gate = Gate::new(NodeId { name: self.name.clone(), generation });
            now.gate = Some(gate.clone());
            gate
        })
    }

    /// What the product does when a generation is over and its process is not.
    async fn end(&self, gate: &Gate) {
        if let Some(serving) = self.now(|now| now.serving.take()) {
            let _ = serving.ended.set(Instant::now());
            if self.world.bucket.plant != Plant::KeepsQuestions {
                serving.actors.router.close();
            }
        }
        self.world.fabric.leave(&gate.id);
        let root = self.now(|now| now.root.take());
        if let Some(root) = root {
            tokio::select! {
                biased;
                () = gate.died() => {}
                () = root.stop(Duration::from_secs(10)) => {}
            }
        }
    }

    async fn generation(&self, gate: &Gate) -> End {
        let dead = CancellationToken::new();
        let _over = dead.clone().drop_guard();
        let beat_dead = CancellationToken::new();
        let actors = match self.start(gate, &beat_dead, &dead).await {
            Ok(actors) => actors,
            Err(error) => return End::Failed(format!("it could not start: {error}")),
        };
        let root = actors.root().clone();
        self.tell(Kind::Starts, format!("serves as generation {:x}", gate.id.generation & 0xffff));
        self.now(|now| now.serving = Some(Serving { actors, gate: gate.clone(), ended: Arc::default() }));
        tokio::select! {
            biased;
            () = beat_dead.cancelled() => End::DeclaredDead,
            () = root.wait() => End::Failed("its supervision tree gave up".to_owned()),
        }
    }

    async fn start(
        &self,
        gate: &Gate,
        beat_dead: &CancellationToken,
        over: &CancellationToken,
    ) -> Result<Actors, Wrong> {
        let (dir, world) = (self.disk(), &self.world);
        let spool = dir.join("spool");
        tokio::task::spawn_blocking(move || Intake::clear(&spool)).await??;
        let dice = &world.fabric.dice;
        let chance: Arc<dyn Chance> = Arc::new(SeededChance::new(dice.draw(&format!("chance {}", gate.id))));
        // Up to four leases apart: nothing may depend on what clocks show.
        let ahead_ms = crate::dice::hash(0, self.name.as_bytes()) % 12_000;
        let clock: Arc<dyn Clock> = Arc::new(SimClock { began: self.began, ahead_ms });
        let store = world.road(gate);
        probe(&*store, &*chance).await?;
        let cluster = cluster(&*store, &*chance, world.shards).await?;
        bury_the_one_before(&dir, &gate.id, &*store).await?;
        let means = Means { store, clock: clock.clone(), chance, node: gate.id.clone(), keeps: MIN_AGE };
        let tree = Tree::new(clock);
        let root =
            supervisor::spawn("node", topology::policy(&world.settings), Vec::new(), &tree, None).await?;
        self.now(|now| now.root = Some(root.clone()));
        let switchboard = Switchboard::default();
        let net: Arc<dyn Net> = Arc::new(Links { fabric: world.fabric.clone(), gate: gate.clone() });
        let roles = vec![role::API.to_owned(), role::DOCUMENTS.to_owned()];
        let facts = [(ROLES.to_owned(), roles.join(","))].into();
        world.fabric.join(gate, Arc::new(switchboard.clone()), facts);
        let record =
            NodeRecord { node: self.name.clone(), generation: gate.id.generation, ..NodeRecord::default() };
        let lease = Lease::new(means.store.clone(), means.clock.clone(), record);
        let every = lease::beat_every(Duration::from_secs(world.settings.cluster.lease_seconds));
        tokio::spawn(beat(lease, net.clone(), every, beat_dead.clone(), over.clone()));
        let parts = Parts {
            means,
            cache: Arc::new(InProcess::new(CACHE_BYTES)),
            cluster,
            // Pages are read by other nodes: this one has not the role.
            reader: Program { executable: PathBuf::new(), arguments: Vec::new(), environment: Vec::new() },
            verify: verify(),
            rule_sets: Vec::new(),
            recipe: "simulated".to_owned(),
            tree,
            net,
            switchboard,
            is_alone: false,
            roles,
            root,
        };
        let mut settings = world.settings.clone();
        settings.data.dir = dir;
        settings.node.name.clone_from(&self.name);
        Ok(topology::start(&settings, parts).await?)
    }

    /// Ends it as `kill -9` does, in the middle of whatever it does. Its disk stays as it is, or is lost.
    pub(crate) fn crash(&self, keeps_disk: bool) {
        let (gate, root, before) = self.now(|now| {
            now.serving = None;
            (now.gate.take(), now.root.take(), now.disk)
        });
        let from = self.disk();
        if let Some(gate) = gate {
            gate.set(Phase::Dead);
            self.world.fabric.leave(&gate.id);
        }
        if let Some(root) = root {
            root.cell().kill();
        }
        self.now(|now| now.disk = before + 1);
        let copied = if keeps_disk { copy(&from, &self.disk()) } else { Ok(()) };
        let disk = match copied {
            Ok(()) if keeps_disk => "kept",
            Ok(()) => "lost",
            Err(_) => "kept in part",
        };
        self.tell(Kind::Ends, format!("killed, its disk {disk}"));
    }

    /// Hands everything over and stops in peace, as `SIGTERM` does; says how many shards were left.
    pub(crate) async fn drain(&self) -> Option<usize> {
        let Serving { actors, gate, .. } = self.serving()?;
        self.note("drains");
        let left = actors.drain(DRAIN_MAX).await;
        if !self.is_of(&gate) {
            return None;
        }
        self.now(|now| {
            now.gate = None;
            now.serving = None;
        });
        let store = self.world.road(&gate);
        if lease::declare_ended(&*store, &gate.id).await.is_err() {
            self.note("could not write its end down");
        }
        self.world.fabric.leave(&gate.id);
        actors.stop().await;
        gate.set(Phase::Dead);
        self.now(|now| now.root = None);
        self.tell(Kind::Ends, format!("stopped in peace, {left} shards left"));
        Some(left)
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
