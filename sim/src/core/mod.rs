//! The core tier: nodes made of the production decisions and storage code, with every message, request and timer simulated.
//!
//! What stands between the decisions and the store in the product (its actors) is written here a second time, as small as
//! it can be; the whole actors run in the node tier.

mod book;
mod desk;
pub mod judge;
mod keeper;
mod net;
mod node;
pub mod rows;
pub mod script;
mod shard;
mod store;
mod world;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use enabler_storage::record::DocumentId;

use crate::audit;
use crate::chance::{Chances, Draws, mixed};
use crate::engine::Engine;
use crate::trace::{Event, Trace, Violation};

pub use script::{Faults, Scene, Silence, Step, Timed, draw};
pub(crate) use store::BASE_MS;
pub use store::Rates;
pub use world::World;

/// How long an owner that is not heard keeps its shards.
pub const LEASE: Duration = Duration::from_secs(3);
/// How long entries behind a snapshot are kept in runs that do not take that long.
pub const LOG_AGE: Duration = Duration::from_secs(120);
/// The longest run, in simulated time.
const LASTS_MAX_MS: u64 = 3_600_000;

/// What is run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Gives every generation its own chance for ids and nonces.
    pub seed: u64,
    /// Nodes, rates and steps.
    pub scene: Scene,
    /// What was drawn the last time, to be drawn again; nothing draws anew from the seed.
    pub kept: Option<Draws>,
    /// Whether the events are kept.
    pub traces: bool,
    /// Whether the draws are kept.
    pub records: bool,
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    ///
    /// Without `nodes` (0) and `faults` the seed chooses these too: mostly three nodes and every fault that is survived
    /// without loss, at times five or two nodes, a damaged store, or a scene that few seeds would draw: the hole that
    /// collection could leave, a node that alone reaches the store, heard by the owner or not, an owner that the others have left.
    pub fn of_seed(seed: u64, nodes: u8, faults: Option<Faults>) -> Self {
        let mood = mixed(seed ^ 0x300d) % 40;
        let chosen = match mood {
            0..=3 => 5,
            4..=5 => 2,
            _ => 3,
        };
        let nodes = if nodes == 0 { chosen } else { nodes };
        let scene = match (faults, mood) {
            (None, 6) => script::hole(seed),
            (None, 9) => script::apart(seed),
            (None, 10) => script::left(seed),
            (None, 11) => script::unheard(seed),
            (None, 7 | 8) => draw(seed, nodes, Faults { damage: true, ..Faults::ALL }),
            (faults, _) => draw(seed, nodes, faults.unwrap_or(Faults::ALL)),
        };
        Plan { seed, scene, kept: None, traces: false, records: false }
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// The broken promise, if one was.
    pub violation: Option<Violation>,
    /// The rolling hash of everything that happened.
    pub hash: u64,
    /// Events.
    pub count: u64,
    /// The events, if they were kept.
    pub events: Vec<Event>,
    /// The draws that were not 0, if they were kept.
    pub draws: Draws,
    /// How often each thing happened that a search must have seen.
    pub sometimes: BTreeMap<&'static str, u64>,
    /// Simulated milliseconds.
    pub lasted_ms: u64,
}

/// Runs a plan to its end, or to its first broken promise.
#[must_use]
pub fn run(plan: &Plan) -> Outcome {
    let chances = match &plan.kept {
        Some(draws) => Chances::kept(draws.clone()),
        None => Chances::of_seed(plan.seed, plan.records),
    };
    let engine = Engine::new(chances, Trace::new(plan.traces));
    let world = World::begin(engine.clone(), plan.seed, plan.scene.clone());
    let went = engine.run_until(LASTS_MAX_MS);
    if !went {
        world.judge.broken(judge::BOUNDED, "the run turned in circles without time passing");
    } else if !engine.is_halted() {
        world.judge.broken(judge::ANSWERED, "the run did not come to its end");
    }
    if world.judge.violation().is_none()
        && let Err((promise, what)) = audit::audit(&world, plan.seed)
    {
        world.judge.broken(promise, what);
    }
    let (violation, sometimes, lasted_ms) = (world.judge.violation(), world.seen(), engine.now_ms());
    world.clear();
    let (draws, trace) = engine.into_parts();
    let (hash, count) = (trace.hash(), trace.count());
    Outcome { violation, hash, count, events: trace.into_events(), draws, sometimes, lasted_ms }
}

thread_local! {
    static RUNTIME: OnceCell<Option<tokio::runtime::Runtime>> = const { OnceCell::new() };
}

/// Runs production code that needs a runtime to its end within one simulated moment; it must not wait for anything.
pub(crate) fn at_once<T>(work: impl Future<Output = Option<T>>) -> Option<T> {
    RUNTIME.with(|runtime| {
        let runtime =
            runtime.get_or_init(|| tokio::runtime::Builder::new_current_thread().enable_time().build().ok());
        runtime.as_ref()?.block_on(work)
    })
}

/// The word and the vector that the chunk of a document is found by, and no other's.
pub(crate) fn word_of(id: DocumentId) -> (String, Vec<f32>) {
    let number = rows::number(id);
    // Letters alone: a number would be cut into pieces.
    let letter = |shift: u32| char::from(b'a' + (number >> (shift * 4) & 15) as u8);
    let word: String = (0..14).map(letter).collect();
    let values = (0..DIMENSIONS).map(|at| (mixed(number ^ at) % 2_000) as f32 / 1_000.0 - 1.0);
    let values: Vec<f32> = values.collect();
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    (word, values.into_iter().map(|value| value / length).collect())
}

/// The embedding model of simulated chunks.
pub(crate) const MODEL: &str = "sim";

/// Of the vectors of simulated chunks.
pub(crate) const DIMENSIONS: u64 = 16;

#[cfg(test)]
mod tests;
