//! What a run does not reach by itself: the index on real files, logs that are spoiled or shortened, formats, the stores and
//! the cache, and decisions that stand apart.
//!
//! Each audit is drawn by the seed of the run that it follows, so that it can be made again with it.

mod agenda;
mod answers;
mod blobs;
mod custody;
pub mod flips;
mod formats;
mod history;
mod horizon;
mod index;
mod keeping;
mod machines;
mod owners;
mod places;
mod questions;
mod tampered;
mod tenure;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::chance::{Chances, Stream, mixed};
use crate::core::World;
use crate::core::judge::{Promise, REPLAY};

/// Of so many runs one has its logs replayed into a real index.
const INDEX_EVERY: u64 = 16;
/// Of so many runs one has the stores and the cache tried.
const PLACES_EVERY: u64 = 128;
/// Of so many runs one has the decisions tried that stand apart.
const MACHINES_EVERY: u64 = 4;

/// Of so many runs one has a history of documents drawn and asked for in every way.
const ANSWERS_EVERY: u64 = 64;
/// Of so many runs one has a log spoiled, another one shortened, and another one its formats tried.
const LOGS_EVERY: u64 = 32;

/// A broken promise, and how.
pub(crate) type Broken = (Promise, String);

/// Audits what a run has left behind.
///
/// # Errors
/// The first broken promise.
pub(crate) fn audit(world: &World, seed: u64) -> Result<(), Broken> {
    if seed % MACHINES_EVERY == 1 {
        machines::check(seed)?;
    }
    if seed % PLACES_EVERY == 5 {
        places::check(seed)?;
    }
    if seed % ANSWERS_EVERY == 7 {
        answers::check(Dice::of_seed(seed))?;
    }
    match seed % LOGS_EVERY {
        9 => tampered::check(Dice::of_seed(seed))?,
        11 => keeping::check(Dice::of_seed(seed))?,
        13 => formats::check(Dice::of_seed(seed))?,
        15 => blobs::check(Dice::of_seed(seed))?,
        _ => {}
    }
    if seed % INDEX_EVERY == 3 && !world.judge.has_damage() {
        index::check(world, seed)?;
    }
    Ok(())
}

/// Production code fails where nothing fails.
fn failed(what: &str, error: &dyn std::fmt::Display) -> Broken {
    (REPLAY, format!("{what}: {error}"))
}

/// The chance of an audit.
struct Dice(Chances);

impl Dice {
    fn of_seed(seed: u64) -> Self {
        Dice(Chances::of_seed(mixed(seed ^ 0xa0d1), false))
    }

    /// A number below `bound`; 0 if that is 0.
    fn below(&mut self, bound: u64) -> u64 {
        self.0.draw(Stream(400, 0), bound)
    }

    /// True once in so many times.
    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A folder that goes with this; in memory where there is such a place.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Option<Self> {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = base.join(format!("enabler-sim-audit-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).ok()?;
        Some(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
