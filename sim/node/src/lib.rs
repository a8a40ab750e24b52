//! The node tier of the failure simulator: three to five whole nodes in one process, on simulated time, under faults that
//! one seed draws.
//!
//! What runs is the product: keepers, shards, document actors, routers, intake and calls, started by the product's own
//! `topology`, with real indexes on a memory disk. What is simulated is what a node has around it: the links
//! (`fabric`, `links`), the object store (`bucket`), the clock, and the nodes that read pages and embed texts
//! (`worker`), which answer the product's own calls over the links. So the seams are those that a deployment has.
//!
//! A generation stands behind a `gate`: frozen, nothing passes it; killed, nothing ever does, and its actors are killed
//! at once. Its next generation has a copy of its disk, or none. A frozen node's timers go on inside it, which a real
//! one's do not; what it decides meanwhile reaches the world when it goes on, as it would from a real one.
//!
//! `chain` reads every log object as the store takes it, `history` what clients were told, `scenario` the end. See
//! [`run`] for what must hold. Everything that is drawn comes from `dice`, and blocking work runs alone (`still`), so that
//! one seed is nearly always one run. Not quite: where several tasks wait for one `tokio::sync::watch`, tokio itself draws
//! who wakes first, and the product's shards tell their standing by one.

mod book;
mod bucket;
mod chain;
mod client;
mod dice;
mod fabric;
mod faults;
mod gate;
mod history;
mod links;
mod node;
mod paper;
mod road;
mod scenario;
mod standing;
mod start;
mod still;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeMap;
use std::path::Path;

use bucket::Plant;

pub use book::{Event, Fate, Kind, Message};

/// What a search of [`SEEDS_FOR_COVERAGE`] usual seeds or more must have met, or it has not looked where failures are.
pub const MUST_SEE: [&str; 10] = [
    "a call ended with an unknown outcome",
    "a node died over a question",
    "a node handed everything over",
    "a node was declared dead and began anew",
    "a node was killed and lost its disk",
    "a shard was handed over",
    "a shard was taken over",
    "a write was applied and its answer lost",
    "the same bytes were recognised",
    "the store was out",
];
/// Seeds from which on a hole in what was met is a failure.
pub const SEEDS_FOR_COVERAGE: usize = 20;

/// The stand-ins that read and embed.
pub(crate) const WORKERS: [&str; 2] = ["w1", "w2"];
/// Whose documents there are.
pub(crate) const TENANTS: [&str; 2] = ["acme", "globex"];
/// Where disks of nodes cost no disk.
const MEMORY_DISK: &str = "/dev/shm";

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Everything that is drawn comes from it.
    pub seed: u64,
    /// Nodes; three to five are usual.
    pub nodes: usize,
    /// Shards of the store.
    pub shards: u32,
    /// Questions that clients ask, all together.
    pub events: usize,
    /// Whether the store and the road to it fail.
    pub store: bool,
    /// Whether the links between nodes fail.
    pub net: bool,
    /// Whether nodes are killed, frozen and drained, and workers fail.
    pub process: bool,
}

impl Plan {
    /// The usual run of `seed`: three to five nodes, and every fault.
    #[must_use]
    pub fn usual(seed: u64) -> Self {
        let nodes = 3 + (dice::hash(seed, b"nodes") % 3) as usize;
        Plan { seed, nodes, shards: 4, events: 80, store: true, net: true, process: true }
    }
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// The first invariant that did not hold.
    pub violation: Option<String>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Over every event: two runs of one plan have the same.
    pub hash: u64,
    /// What was met how often; a search over many seeds in which one of them is missing has a hole.
    pub sometimes: BTreeMap<&'static str, u64>,
    /// Simulated time.
    pub simulated_ms: u64,
    /// Real time.
    pub wall_ms: u64,
}

/// Runs `plan` to its end. Blocks; makes a runtime of its own.
///
/// What must hold, whatever breaks: each shard's log is one chain with one writer per epoch, and epochs never fall; what
/// was acknowledged, uploads and deletions alike, is in it; an uploaded document is told by every node until somebody
/// asks to delete it, and a deleted one by none; an ended document stays ended; the same bytes of a tenant are one
/// document; no node tells a tenant of another's documents. After the last fault: every shard has an owner that serves
/// within two leases and a start, every accepted document ends as ready or failed, and every node tells exactly what the
/// logs say; no actor has panicked.
#[must_use]
pub fn run(plan: &Plan) -> Outcome {
    played(plan, Plant::None)
}

fn played(plan: &Plan, plant: Plant) -> Outcome {
    let began = wall();
    let played = disk().and_then(|disk| {
        let dir = disk.path().to_owned();
        still::block_on(|| scenario::play(plan, plant, dir))
    });
    let (closed, simulated_ms) = played.unwrap_or_else(|error| {
        let violation = Some(format!("the run could not begin: {error}"));
        (book::Closed { events: Vec::new(), hash: 0, sometimes: BTreeMap::new(), violation }, 0)
    });
    let book::Closed { events, hash, sometimes, violation } = closed;
    let wall_ms = began.elapsed().as_millis() as u64;
    Outcome { seed: plan.seed, violation, events, hash, sometimes, simulated_ms, wall_ms }
}

/// Where the nodes' disks are; gone when it is dropped.
fn disk() -> std::io::Result<tempfile::TempDir> {
    let memory = Path::new(MEMORY_DISK);
    if memory.is_dir() {
        tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir())
    } else {
        tempfile::tempdir()
    }
}

#[expect(clippy::disallowed_methods, reason = "what a run costs is told in real time")]
fn wall() -> std::time::Instant {
    std::time::Instant::now()
}
